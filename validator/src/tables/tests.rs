//! The tables as they ship: unedited, sorted, complete, and right about what is known for certain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use data_encoding::{BASE64, HEXLOWER};

use super::*;
use crate::der;
use crate::evidence::Bytes;

const FILES: [(&str, &str); 17] = [
    ("allow-list", include_str!("../../data/allow-list.tsv")),
    ("anchors", include_str!("../../data/anchors.tsv")),
    ("constrained-keys", include_str!("../../data/constrained-keys.tsv")),
    ("constraints", include_str!("../../data/constraints.tsv")),
    ("ct-logs", include_str!("../../data/ct-logs.tsv")),
    ("disclosed", include_str!("../../data/disclosed.tsv")),
    ("listed-keys", include_str!("../../data/listed-keys.tsv")),
    ("onecrl", include_str!("../../data/onecrl.tsv")),
    ("operators", include_str!("../../data/operators.tsv")),
    ("pin-sets", include_str!("../../data/pin-sets.tsv")),
    ("pins", include_str!("../../data/pins.tsv")),
    ("pool", include_str!("../../data/pool.tsv")),
    ("products", include_str!("../../data/products.tsv")),
    ("programs", include_str!("../../data/programs.tsv")),
    ("authority-names", include_str!("../../data/authority-names.tsv")),
    ("issuers", include_str!("../../data/issuers.tsv")),
    ("issuer-gaps", include_str!("../../data/issuer-gaps.tsv")),
];

const CNNIC_ROOT: &str = "e28393773da845a679f2080cc7fb44a3b7a1c3792cb7eb7729fdcb6a8d99aea7";
const CNNIC_ROOT_NAME: &str = "MDIxCzAJBgNVBAYTAkNOMQ4wDAYDVQQKEwVDTk5JQzETMBEGA1UEAxMKQ05OSUMgUk9PVA==";
const MCS: &str = "2740d956b1127b791aa1b3cc644a4dbedba76186a23638b95102351a834ea861";
const MCS_KEY: &str = "04dde9aa9a79f61498682325fa0870276707fb9ca95384120b46893268494fc9";
const CNNIC_ROOT_KEY: &str = "1f4224cec84fc99ced881ff6fcfd3e21f8c519c547aa6a5dd3de247302ce50d1";
/// 2015-03-20T12:00:00Z, inside the life of the MCS certificate.
const MARCH_2015: i64 = 1_426_852_800;
/// 2026-11-24T00:00:00Z.
const NOW: i64 = 1_795_478_400;

fn sha256(hex: &str) -> Sha256 {
    Sha256(HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap())
}

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

/// The file of a table.
fn file(name: &str) -> &'static str {
    FILES.iter().find(|(known, _)| *known == name).unwrap().1
}

/// The header lines and the rows of a file.
fn split(text: &'static str) -> (Vec<&'static str>, Vec<&'static str>) {
    text.lines().partition(|line| line.starts_with("# "))
}

fn head<'t>(lines: &[&'t str], key: &str) -> &'t str {
    lines.iter().find_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(": ")).unwrap()
}

/// A self-signed CA certificate of a lab, and its parsed form's hashes.
fn lab_root() -> (Bytes, Sha256, Vec<u8>) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "Lab Trust");
    params.distinguished_name.push(rcgen::DnType::CommonName, "Lab Root");
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate.der()).unwrap();
    let spki = Sha256::of(parsed.public_key().raw);
    let subject = parsed.subject().as_raw().to_vec();
    (certificate.der().to_vec().into(), spki, subject)
}

#[test]
fn no_row_was_edited_by_hand() {
    for (name, text) in FILES {
        let (header, rows) = split(text);
        let body: String = rows.iter().flat_map(|row| [*row, "\n"]).collect();
        assert_eq!(
            head(&header, "sha256"),
            Sha256::of(body.as_bytes()).to_string(),
            "{name}.tsv: edit its source and run `cargo xtask tables`"
        );
        assert_eq!(head(&header, "rows"), rows.len().to_string(), "{name}.tsv");
    }
}

#[test]
fn rows_are_sorted_unique_and_as_wide_as_their_columns() {
    for (name, text) in FILES {
        let (header, rows) = split(text);
        assert!(rows.is_sorted_by(|a, b| a < b), "{name}.tsv");
        let width = head(&header, "columns").split(' ').count();
        assert!(rows.iter().all(|row| row.split('\t').count() == width), "{name}.tsv");
    }
}

#[test]
fn every_table_names_its_sources_dates_and_licences() {
    for (name, text) in FILES {
        let (header, _) = split(text);
        let sources: Vec<_> = header.iter().filter(|line| line.starts_with("# source: ")).collect();
        assert!(!sources.is_empty() && sources.iter().all(|line| line.split(" | ").count() == 4), "{name}.tsv");
        assert!(head(&header, "stale-after-days").split_once(" | ").is_some_and(|(_, reason)| reason.len() > 20));
    }
}

#[test]
fn the_versions_speak_of_every_table() {
    let versions = Tables::compiled().versions();
    for (name, text) in FILES {
        let (_, rows) = split(text);
        let version = versions.iter().find(|version| version.name == name).unwrap();
        assert_eq!(version.rows, rows.len(), "{name}");
        assert!(version.bytes > 0 && !version.source.is_empty() && !version.licence.is_empty());
        assert!(version.as_of > MARCH_2015 && version.as_of <= NOW, "{name}");
    }
    assert_eq!(versions.len(), FILES.len());
}

#[test]
fn all_tables_together_fit_into_a_browser_extension() {
    let bytes = |apart: bool| -> usize {
        let versions = Tables::compiled().versions();
        versions.iter().filter(|version| IN_FILE.contains(&version.name.as_str()) == apart).map(|version| version.bytes).sum()
    };
    assert!(bytes(false) < 1024 * 1024, "{} bytes packed into the module", bytes(false));
    assert!(bytes(true) < 1024 * 1024, "{} bytes packed into the file of issuer keys", bytes(true));
}

#[test]
fn no_table_has_lost_what_it_once_had() {
    let rows = |name: &str| Tables::compiled().versions().iter().find(|version| version.name == name).unwrap().rows;
    for (name, least) in [
        ("allow-list", 1_449),
        ("anchors", 500),
        ("authority-names", 2_000),
        ("constrained-keys", 149),
        ("constraints", 65),
        ("ct-logs", 50),
        ("disclosed", 10_217),
        ("listed-keys", 200),
        ("onecrl", 1_200),
        ("pins", 300),
        ("pool", 500),
        ("products", 130),
        ("programs", 5),
    ] {
        assert!(rows(name) >= least, "{name} has {} rows", rows(name));
    }
}

#[test]
fn dates_of_the_tables_are_those_of_their_sources() {
    let tables = Tables::compiled();
    assert!(tables.issued_at() >= tables.disclosure_date());
    // 2026-11-02: the day of Firefox's list.
    assert!(tables.disclosure_date() >= 1_793_577_600);
}

#[test]
fn cnnic_was_public_when_mcs_minted_and_is_retired_now() {
    let tables = Tables::compiled();
    let root = tables.anchor(&sha256(CNNIC_ROOT)).unwrap();
    assert!(matches!(root.standing(MARCH_2015), Standing::Public(programs) if programs.contains(&Program::Mozilla)));
    let Standing::Retired(gone) = root.standing(NOW) else { panic!("CNNIC ROOT is not retired") };
    assert!(gone.iter().any(|(program, _)| *program == Program::Mozilla));
    assert_eq!((root.owner, root.name), ("CNNIC", "CNNIC ROOT"));
    assert_eq!(root.standing(0), Standing::NotYet);
}

#[test]
fn diginotar_was_public_in_the_summer_of_its_fall() {
    let tables = Tables::compiled();
    let root = tables.anchor(&sha256("0d136e439f0ab6e97f3a02a540da9f0641aa554e1d66ea51ae2920d51b2f7217")).unwrap();
    // 2011-08-27T00:00:00Z.
    assert_eq!(root.standing(1_314_403_200), Standing::Public(vec![Program::Mozilla]));
    assert!(matches!(root.standing(NOW), Standing::Retired(_)));
}

#[test]
fn an_anchor_is_found_by_its_subject_and_by_its_hash() {
    let tables = Tables::compiled();
    let name = BASE64.decode(CNNIC_ROOT_NAME.as_bytes()).unwrap();
    let found: Vec<_> = tables.anchors_by_subject(&name).map(|anchor| anchor.sha256).collect();
    assert_eq!(found, [sha256(CNNIC_ROOT)]);
    for anchor in tables.anchors() {
        assert_eq!(tables.anchor(&anchor.sha256).unwrap().spki, anchor.spki);
        assert!(tables.anchors_by_subject(anchor.subject).any(|found| found.sha256 == anchor.sha256));
        assert!(anchor.not_before < anchor.not_after && !anchor.owner.is_empty() && !anchor.name.is_empty());
        assert!(anchor.memberships().all(|stay| stay.from < stay.until));
        assert!(anchor.memberships().next().is_some());
    }
    assert!(tables.anchor(&sha256(MCS)).is_none());
    assert_eq!(tables.anchors_by_subject(&[]).count(), 0);
}

#[test]
fn each_program_has_about_as_many_roots_today_as_it_publishes() {
    let count = |program: Program| {
        let has = |anchor: &PublicAnchor<'_>| anchor.carried_by(program, NOW) == Carried::Yes;
        Tables::compiled().anchors().filter(has).count()
    };
    for (program, between) in [
        (Program::Mozilla, 100..160),
        (Program::Chrome, 90..140),
        (Program::Apple, 110..170),
        (Program::Microsoft, 150..350),
        (Program::Android, 120..170),
    ] {
        assert!(between.contains(&count(program)), "{}: {}", program.name(), count(program));
    }
}

#[test]
fn mcs_is_undisclosed_listed_and_revoked() {
    let tables = Tables::compiled();
    let (mcs, key) = (sha256(MCS), sha256(MCS_KEY));
    assert_eq!(tables.disclosure(&mcs, &key), Disclosure::Undisclosed);
    assert_eq!(tables.listed_key(&key).unwrap().kind, KeyKind::Revoked);
    assert_eq!(tables.listed_key(&key).unwrap().name, "MCSHOLDING TEST");
    assert_eq!(tables.listed_certificate(&mcs).unwrap().kind, KeyKind::Revoked);
    let issuer = BASE64.decode(CNNIC_ROOT_NAME.as_bytes()).unwrap();
    let by_serial = tables.revoked(&issuer, &[0x49, 0x33, 0x00, 0x8e], &[], &key).unwrap();
    assert_eq!((by_serial.form, by_serial.bug), (RevocationForm::IssuerSerial, Some(1_149_603)));
    // The near miss: its neighbour in the same series.
    assert_eq!(tables.revoked(&issuer, &[0x49, 0x33, 0x00, 0x8f], &[], &key), None);
}

#[test]
fn a_serial_number_is_found_with_and_without_its_sign_octet() {
    let issuer = BASE64.decode(CNNIC_ROOT_NAME.as_bytes()).unwrap();
    assert_eq!(revocation_key_by_serial(&issuer, &[0, 0x49]), revocation_key_by_serial(&issuer, &[0x49]));
    assert!(Tables::compiled().revoked(&issuer, &[0, 0x49, 0x33, 0, 0x8e], &[], &sha256(MCS_KEY)).is_some());
}

#[test]
fn a_revocation_by_subject_and_key_is_found_whoever_issued() {
    let tables = Tables::compiled();
    let subject = BASE64.decode(b"MD8xCzAJBgNVBAYTAk5MMRMwEQYDVQQKDAplTXVkaHJhIEJWMRswGQYDVQQDDBJFTSBEViBUTFMgQ0EgLSBHM0I=").unwrap();
    let key = sha256("ebed6475c2c2d80fcb199f3fe8dd6e6b3ce60b77eb15d4e42c3dec0c6f5b5105");
    let found = tables.revoked(b"any issuer", &[1], &subject, &key).unwrap();
    assert_eq!((found.form, found.bug), (RevocationForm::SubjectKey, Some(2_083_382)));
    assert_eq!(found.reference, "bug 2083382");
    assert_eq!(tables.revoked(b"any issuer", &[1], &subject, &sha256(MCS_KEY)), None);
}

#[test]
fn all_certificates_of_the_leaked_emudhra_keys_are_flagged() {
    let tables = Tables::compiled();
    let (_, rows) = split(file("listed-keys"));
    let leaked: Vec<Vec<&str>> =
        rows.iter().map(|row| row.split('\t').collect::<Vec<_>>()).filter(|row| row[3].contains("eMudhra")).collect();
    let of = |form: &str| leaked.iter().filter(|row| row[0] == form).map(|row| sha256(row[1])).collect::<Vec<_>>();
    assert_eq!((of("certificate").len(), of("key").len()), (16, 8));
    for certificate in of("certificate") {
        assert_eq!(tables.listed_certificate(&certificate).unwrap().kind, KeyKind::Compromised);
        // Disclosed is not fine.
        assert_eq!(tables.disclosure(&certificate, &sha256(MCS_KEY)), Disclosure::Certificate);
    }
    for key in of("key") {
        assert_eq!(tables.listed_key(&key).unwrap().kind, KeyKind::Compromised);
    }
}

#[test]
fn each_kind_of_listed_key_is_called_what_it_is() {
    let tables = Tables::compiled();
    for (key, kind) in [
        ("1af56c98ff043ef92bebff54cebb4dd67a25ba956c817f3e6dd3c1e52eb584c1", KeyKind::Interception),
        ("c4387d45364a313fbfe79812b35b815d42852ab03b06f11589638021c8f2cb44", KeyKind::Interception),
        ("a903af8c07bb91b0d9e3f3a30c6d53339fc5bd47e5d6bdb476598860c068a024", KeyKind::Compromised),
        ("15e7ae40cc4b3f7222a5a6fe3e7dc47f6e46ee9a2251839db296d62ada2a0df7", KeyKind::Misissued),
    ] {
        assert_eq!(tables.listed_key(&sha256(key)).unwrap().kind, kind, "{key}");
    }
    let (_, rows) = split(file("listed-keys"));
    assert_eq!(rows.iter().filter(|row| row.contains("\tstate-interception\t") && row.starts_with("key")).count(), 10);
    assert!(rows.iter().filter(|row| row.contains("badssl.com")).all(|row| row.contains("(a test)")));
}

#[test]
fn a_disclosed_key_is_known_under_another_certificate() {
    let tables = Tables::compiled();
    let (_, rows) = split(file("disclosed"));
    let row: Vec<&str> = rows[0].split('\t').collect();
    let full = |prefix: &str| sha256(&format!("{prefix}{}", "0".repeat(32)));
    assert_eq!(tables.disclosure(&full(row[0]), &sha256(MCS_KEY)), Disclosure::Certificate);
    assert_eq!(tables.disclosure(&sha256(MCS), &full(row[1])), Disclosure::Key);
}

#[test]
fn every_disclosed_prefix_is_found_and_its_neighbour_is_not() {
    let tables = Tables::compiled();
    let (_, rows) = split(file("disclosed"));
    for row in rows {
        let prefix = HEXLOWER.decode(row.get(..32).unwrap().as_bytes()).unwrap();
        let mut hash = [0; 32];
        hash[..16].copy_from_slice(&prefix);
        let unknown = Sha256([0xff; 32]);
        assert_eq!(tables.disclosure(&Sha256(hash), &unknown), Disclosure::Certificate);
        hash[15] ^= 1;
        assert_eq!(tables.disclosure(&Sha256(hash), &unknown), Disclosure::Undisclosed);
    }
}

/// The rows of issuers.tsv: spki, status, key-id, exponent, modulus, names, who.
fn issuers() -> Vec<Vec<&'static str>> {
    split(file("issuers")).1.iter().map(|row| row.split('\t').collect()).collect()
}

/// A Name of this organisation and common name.
fn name(organisation: &str, common_name: &str) -> Vec<u8> {
    let attribute = |kind: u8, text: &str| {
        let inside = [der::write(der::OBJECT_IDENTIFIER, &[0x55, 4, kind]), der::write(0x0c, text.as_bytes())].concat();
        der::write(der::SET, &der::write(der::SEQUENCE, &inside))
    };
    der::write(der::SEQUENCE, &[attribute(10, organisation), attribute(3, common_name)].concat())
}

#[test]
fn every_rsa_key_of_an_issuer_is_found_by_its_identifier_and_is_the_one_that_was_disclosed() {
    let tables = Tables::compiled();
    let mut rsa = 0;
    for row in issuers().iter().filter(|row| !row[4].is_empty()) {
        rsa += 1;
        let id = HEXLOWER.decode(row[2].as_bytes()).unwrap();
        let hashes: Vec<String> = tables.issuer_keys(&[], Some(&id)).iter().map(|key| Sha256::of(key).to_string()).collect();
        assert!(hashes.iter().any(|hash| hash.starts_with(row[0])), "{}", row[6]);
    }
    assert!(rsa > 1_500, "{rsa}");
}

#[test]
fn an_issuer_is_found_by_its_name_and_its_key_is_public() {
    let tables = Tables::compiled();
    for (organisation, common_name) in [("Let's Encrypt", "R13"), ("Google Trust Services", "WR2"), ("Amazon", "Amazon RSA 2048 M02")] {
        let name = name(organisation, common_name);
        let keys = tables.issuer_keys(&name, None);
        assert!(!keys.is_empty(), "{common_name}");
        for key in keys {
            assert_eq!(tables.key_standing(&Sha256::of(&key)), Some(KeyStanding::Public), "{common_name}");
        }
        assert!(tables.is_authority_name(Likeness::of(&name).unwrap()));
        assert_eq!(tables.issuer_gap(&name), None);
    }
    // The near miss: a name that no authority bears.
    let other = name("Let's Encrypt", "R99");
    assert!(tables.issuer_keys(&other, None).is_empty() && !tables.is_authority_name(Likeness::of(&other).unwrap()));
}

#[test]
fn a_key_that_is_public_was_disclosed_and_the_leaked_ones_are_not() {
    let tables = Tables::compiled();
    let full = |prefix: &str| sha256(&format!("{prefix}{}", "0".repeat(32)));
    for row in issuers().iter().filter(|row| row[1] == "public") {
        assert_eq!(tables.key_standing(&full(row[0])), Some(KeyStanding::Public), "{}", row[6]);
    }
    let leaked = split(file("listed-keys")).1.into_iter().filter(|row| row.starts_with("key") && row.contains("eMudhra"));
    for row in leaked {
        assert_eq!(tables.key_standing(&sha256(row.split('\t').nth(1).unwrap())), Some(KeyStanding::Disclosed), "{row}");
    }
    assert_eq!(tables.key_standing(&sha256(MCS_KEY)), None);
}

#[test]
fn every_name_of_an_authority_is_found_and_its_neighbour_is_not() {
    let key = |hex: &str| -> NameKey { HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap() };
    let (_, rows) = split(file("authority-names"));
    assert!(rows.len() > 2_000, "{}", rows.len());
    for row in rows {
        let mut key = key(row.split('\t').next().unwrap());
        assert!(issuers::is_authority_name(key), "{row}");
        key[4] ^= 1;
        assert!(!issuers::is_authority_name(key), "{row}");
    }
    let tables = Tables::compiled();
    for (number, row) in split(file("issuer-gaps")).1.iter().enumerate() {
        let fields: Vec<&str> = row.split('\t').collect();
        let until = tables.issuers.unwrap().gap(key(fields[0])).unwrap();
        assert_eq!(until / 86_400 - 1, fields[1].parse::<i64>().unwrap(), "row {number}");
    }
}

#[test]
fn a_file_of_issuer_keys_with_one_other_bit_is_refused() {
    let bare = Tables::compiled().without_issuer_keys();
    assert!(!bare.has_issuer_keys());
    let version = |tables: &Tables| tables.versions().into_iter().find(|version| version.name == "issuers").unwrap();
    assert_eq!((version(&bare).rows, version(&bare).source.as_str()), (0, "not loaded"));
    let mut file = issuer_keys_file().to_vec();
    let loaded = bare.clone().with_issuer_keys(file.clone()).unwrap();
    assert_eq!(version(&loaded), version(&Tables::compiled()));
    for at in [0, 100, file.len() / 2, file.len() - 1] {
        file[at] ^= 1;
        let refused = bare.clone().with_issuer_keys(file.clone());
        assert!(refused.is_err_and(|error| error.0 == Sha256::of(&file)), "{at}");
        file[at] ^= 1;
    }
    assert!(bare.with_issuer_keys(Vec::new()).is_err());
}

#[test]
fn the_most_specific_pinned_domain_speaks() {
    let tables = Tables::compiled();
    assert_eq!(tables.pins(&host("mail.google.com")).unwrap().domain, "mail.google.com");
    let pins = tables.pins(&host("a.b.mail.google.com")).unwrap();
    assert_eq!(pins.domain, "mail.google.com");
    assert_eq!(pins.source(), "Chromium + Firefox");
    assert!(pins.name.contains("chromium:google") && pins.name.contains("firefox:google_root_pems"));
    // GTS Root R1.
    assert!(pins.contains(&sha256("871a9194f4eed5b312ff40c84c1d524aed2f778bbff25f138cf81f680a7adc67")));
    assert!(!pins.contains(&sha256(MCS_KEY)));
    assert!(tables.pins(&host("notgoogle.com")).is_none());
    assert!(tables.pins(&host("www.mozilla.org")).is_none());
    assert!(tables.pins(&host("203.0.113.7")).is_none());
}

#[test]
fn pins_end_when_browsers_stop_enforcing_them() {
    let tables = Tables::compiled();
    let pins = tables.pins(&host("addons.mozilla.org")).unwrap();
    // 2026-09-14, the day Firefox's list expires.
    assert!(pins.is_current(1_789_300_000) && !pins.is_current(NOW));
    assert_eq!(pins.source(), "Firefox");
}

#[test]
fn every_log_is_found_by_the_hash_of_its_key() {
    let tables = Tables::compiled();
    let mut operators = BTreeSet::new();
    for id in ct_logs::ids() {
        let log = tables.log(&id).unwrap();
        assert_eq!(Sha256::of(log.spki).0, id);
        operators.insert(log.operator.to_owned());
    }
    assert!(operators.len() >= 5, "{operators:?}");
    assert!(tables.log(&[0; 32]).is_none());
}

#[test]
fn the_pool_is_wide_enough_to_hide_in() {
    const CLASSES: [&str; 13] = [
        "bank",
        "cdn",
        "education",
        "government",
        "mail",
        "messaging",
        "news",
        "reference",
        "search",
        "shop",
        "social",
        "software",
        "video",
    ];
    let tables = Tables::compiled();
    let pool = tables.pool();
    assert!(pool.len() >= 500);
    let pinned = pool.iter().filter(|host| !host.pinned_by.is_empty()).count();
    assert!(2 * pinned <= pool.len(), "{pinned} of {} are pinned", pool.len());
    assert!(pool.iter().all(|host| CLASSES.contains(&host.class)));
    for class in ["mail", "search", "messaging", "social", "news"] {
        assert!(pool.iter().filter(|host| host.class == class).count() >= 12, "{class}");
    }
    assert!(pool.iter().all(|entry| host(entry.host).as_str() == entry.host && host(entry.host).address().is_none()));
    assert!(!pool.iter().any(|host| host.host.contains("mintwatch")), "a box may know us");
    let operators: BTreeSet<_> = pool.iter().map(|host| host.operator).collect();
    assert!(operators.len() >= 200, "{}", operators.len());
}

#[test]
fn an_expectation_is_there_only_where_a_pin_supports_it() {
    let tables = Tables::compiled();
    for entry in tables.pool() {
        assert_eq!(entry.expected_owners.is_empty(), entry.pinned_by.is_empty(), "{}", entry.host);
        assert_eq!(tables.pins(&host(entry.host)).is_some(), !entry.pinned_by.is_empty(), "{}", entry.host);
    }
    assert!(tables.expected_owners(&host("www.google.com")).contains(&"Google Trust Services LLC"));
    assert!(tables.expected_owners(&host("www.bbc.co.uk")).is_empty());
}

#[test]
fn the_operator_of_a_host_is_that_of_the_closest_known_domain() {
    let tables = Tables::compiled();
    assert_eq!(tables.operator(&host("www.bbc.co.uk")), Some("BBC"));
    assert_eq!(tables.operator(&host("ichef.bbc.co.uk")), Some("BBC"));
    assert_eq!(tables.operator(&host("upload.wikimedia.org")), Some("Wikimedia Foundation"));
    assert_eq!(tables.operator(&host("co.uk")), None);
    assert_eq!(tables.operator(&host("unknown.example")), None);
}

#[test]
fn without_lists_nothing_is_listed_revoked_or_pinned_and_the_versions_say_so() {
    let tables = Tables::compiled().without_lists();
    let issuer = BASE64.decode(CNNIC_ROOT_NAME.as_bytes()).unwrap();
    assert!(tables.listed_key(&sha256(MCS_KEY)).is_none());
    assert!(tables.listed_certificate(&sha256(MCS)).is_none());
    assert!(tables.revoked(&issuer, &[0x49, 0x33, 0x00, 0x8e], &[], &sha256(MCS_KEY)).is_none());
    let superfish = sha256("4bb8f35ba1e126f8dde1b0c420625ed86dce61a7bddadbdea9aba578ff13145e");
    assert_eq!(Tables::compiled().product_by_key(&superfish).unwrap().name, "Superfish");
    assert!(tables.product_by_key(&superfish).is_none());
    assert!(tables.pins(&host("www.google.com")).is_none());
    assert!(tables.expected_owners(&host("www.google.com")).is_empty());
    assert!(tables.anchor(&sha256(CNNIC_ROOT)).is_some());
    let emptied = tables.versions().into_iter().filter(|version| version.rows == 0).map(|version| version.name);
    assert_eq!(emptied.collect::<Vec<_>>(), ["listed-keys", "pin-sets", "pins", "onecrl"]);
}

/// The rows of a table, by its name.
fn rows_of(table: &str) -> Vec<Vec<&'static str>> {
    let (_, text) = FILES.iter().find(|(name, _)| *name == table).unwrap();
    split(text).1.into_iter().map(|row| row.split('\t').collect()).collect()
}

/// Every key that a rule binds or exempts, with the name of its group.
fn constrained_keys() -> Vec<(Sha256, &'static str)> {
    rows_of("constrained-keys").iter().map(|row| (sha256(row[0]), row[1])).collect()
}

/// The rules of one program for a key, at a moment.
fn rules<'t>(tables: &'t Tables, program: Program, key: &str, at: i64) -> Vec<Constraint<'t>> {
    let all = tables.constraints(&sha256(key)).into_iter();
    all.filter(|rule| rule.program == program && rule.applies_at(at)).collect()
}

#[test]
fn every_rule_binds_some_key_and_every_key_is_under_some_rule() {
    let groups: BTreeSet<&str> = rows_of("constrained-keys").iter().map(|row| row[1]).collect();
    let rules = rows_of("constraints");
    let named: BTreeSet<&str> = rules.iter().flat_map(|row| [row[0], row[6]]).filter(|group| !group.is_empty()).collect();
    assert_eq!(groups, named);
    for row in &rules {
        assert!(row[4].is_empty() || row[3] < row[4], "{row:?} ends before it begins");
        assert!(row[7..12].iter().any(|condition| !condition.is_empty()), "{row:?} asks for nothing");
        assert!(["anchor", "path"].contains(&row[5]) && ["", "nothing", "cnnic-mozilla", "cnnic-chrome"].contains(&row[11]), "{row:?}");
        assert!(row[12].len() > 10, "{row:?} has no basis");
    }
    let tables = Tables::compiled();
    for (spki, group) in constrained_keys() {
        let exempt = group.starts_with("symantec-exempt");
        assert_ne!(tables.constraints(&spki).is_empty(), !exempt, "{spki} of {group}");
    }
}

#[test]
fn evidence_of_2013_is_judged_by_no_rule_of_later() {
    let tables = Tables::compiled();
    // 2013-12-11T23:59:59Z, the last second before Chrome confined ANSSI.
    for (spki, _) in constrained_keys() {
        assert!(tables.constraints(&spki).iter().all(|rule| !rule.applies_at(1_386_806_399)), "{spki}");
    }
}

#[test]
fn mozilla_takes_of_cnnic_what_is_older_and_on_the_list() {
    let tables = Tables::compiled();
    // 2015-06-01T00:00:00Z.
    let found = rules(&tables, Program::Mozilla, CNNIC_ROOT_KEY, 1_433_116_800);
    assert_eq!(found.len(), 1);
    assert!(!found[0].anywhere);
    let [set] = found[0].any_of.as_slice() else { panic!("{found:?}") };
    // 2015-03-31T23:59:59Z.
    assert_eq!((set.not_before_until, set.list), (Some(1_427_846_399), Some(AllowList::CnnicMozilla)));
    assert!(rules(&tables, Program::Mozilla, CNNIC_ROOT_KEY, MARCH_2015).is_empty());
    assert!(rules(&tables, Program::Chrome, CNNIC_ROOT_KEY, NOW)[0].anywhere);
}

#[test]
fn every_certificate_of_the_allow_list_is_found_on_its_lists_only() {
    let mut counts = (0, 0);
    for row in rows_of("allow-list") {
        let mut hash = sha256(&format!("{}{}", row[0], "0".repeat(32)));
        let found = (AllowList::CnnicMozilla.holds(&hash), AllowList::CnnicChrome.holds(&hash));
        assert_eq!(found, (row[1].contains("mozilla"), row[1].contains("chrome")), "{row:?}");
        counts = (counts.0 + usize::from(found.0), counts.1 + usize::from(found.1));
        hash.0[15] ^= 1;
        assert!(!AllowList::CnnicMozilla.holds(&hash) && !AllowList::CnnicChrome.holds(&hash));
        assert!(!AllowList::Nothing.holds(&hash));
    }
    assert_eq!(counts, (1_427, 666));
}

#[test]
fn entrust_four_and_chunghwa_are_distrusted_after_their_dates() {
    let tables = Tables::compiled();
    // 2024-11-30T23:59:59Z and 2025-04-15T23:59:59Z.
    for (key, until) in [
        ("1ea3c5e43ed66c2da2983a42a4a79b1e906786ce9f1b58621419a00463a87d38", 1_733_011_199),
        ("6dbfae00d37b9cd73f8fb47de65917af00e0dddf42dbceac20c17c0275ee2095", 1_733_011_199),
        ("76ee8590374c715437bbca6bba6028eadde2dc6dbbb8c3f610e851f11d1ab7f5", 1_733_011_199),
        ("fea2b7d645fba73d753c1ec9a7870c40e1f7b0c561e927b985bf711866e36f22", 1_733_011_199),
        ("62554c17005543b237215f04268dcd2fd1c470240ad3c8660e25ae2c59630f55", 1_744_761_599),
    ] {
        let found = rules(&tables, Program::Mozilla, key, NOW);
        assert_eq!(found.iter().flat_map(|rule| &rule.any_of).map(|set| set.not_before_until).collect::<Vec<_>>(), [Some(until)], "{key}");
    }
}

#[test]
fn chrome_binds_seventeen_roots_by_the_time_of_scts() {
    let tables = Tables::compiled();
    let by_scts = |spki: &Sha256| {
        let rules = tables.constraints(spki);
        rules.iter().any(|rule| rule.program == Program::Chrome && rule.any_of.iter().any(|set| set.sct_until.is_some()))
    };
    let bound: BTreeSet<Sha256> = constrained_keys().into_iter().map(|(spki, _)| spki).filter(by_scts).collect();
    assert_eq!(bound.len(), 17);
    // Chunghwa's ePKI root: from Chrome 139 on, which came on 2025-08-05.
    let chunghwa = "62554c17005543b237215f04268dcd2fd1c470240ad3c8660e25ae2c59630f55";
    assert!(rules(&tables, Program::Chrome, chunghwa, 1_754_351_999).is_empty());
    // 2025-07-31T23:59:59Z.
    assert_eq!(rules(&tables, Program::Chrome, chunghwa, 1_754_352_000)[0].any_of[0].sct_until, Some(1_754_006_399));
}

#[test]
fn names_are_imposed_on_anssi_india_cca_and_tubitak() {
    let tables = Tables::compiled();
    let names = |program, key: &str| {
        rules(&tables, program, key, NOW).iter().flat_map(|rule| rule.any_of[0].names.clone()).map(str::to_owned).collect::<Vec<_>>()
    };
    let anssi = "86c13a3408dd1aa77ee8b6947c03958772f531248c1627befb2c4f4b04d04496";
    for program in [Program::Mozilla, Program::Chrome] {
        assert_eq!(names(program, anssi), ["bl", "fr", "gf", "gp", "mf", "mq", "nc", "pf", "pm", "re", "tf", "wf", "yt"]);
    }
    for key in [
        "7e6acd853cacc6932e9b519fdad1beb515ed2a2d0025cfd398c3ac1f0dbb754b",
        "42a70984ffd399c4eaf0e702a44bef2ad8a79b8bf4648f6bb210e123fd075793",
        "9cf4704f3ee5a59894b16bf00cfe73d588dae269f51de66a4ba77446ee2bd1f7",
    ] {
        let seven = ["ac.in", "bankofindia.co.in", "gov.in", "ncode.in", "nic.in", "rbi.org.in", "tcs.co.in"];
        assert_eq!(names(Program::Chrome, key), seven);
        assert!(names(Program::Mozilla, key).is_empty());
    }
    let tubitak = tables.anchor(&sha256("46edc3689046d53a453fb3104ab80dcaec658b2660ea1629dd7e867990648716")).unwrap();
    assert_eq!(names(Program::Mozilla, &Sha256::of(tubitak.spki).to_string()), ["tr"]);
}

#[test]
fn symantec_was_left_step_by_step_and_some_keys_are_exempt() {
    let tables = Tables::compiled();
    // GeoTrust Global CA; Google Internet Authority G2 below it.
    let root = "87af34d66fb3f2fdf36e09111e9aba2f6f44b207f3863f3d0b54b25023909aa5";
    let google = sha256("ec722969cb64200ab6638f68ac538e40abab5b19a6485661042a1061c4612776");
    let set = |at| {
        let found = rules(&tables, Program::Chrome, root, at);
        assert!(found.iter().all(|rule| rule.exempts(&google) && !rule.exempts(&sha256(MCS_KEY))));
        found.first().map(|rule| (rule.any_of[0].not_before_from.is_some(), rule.any_of[0].list))
    };
    // 2018-01-01, 2018-04-01, 2018-06-01 and 2018-11-01, each at midnight.
    assert_eq!(set(1_514_764_800), None);
    assert_eq!(set(1_522_540_800), Some((false, None)));
    assert_eq!(set(1_527_811_200), Some((true, None)));
    assert_eq!(set(1_541_030_400), Some((false, Some(AllowList::Nothing))));
}

#[test]
fn what_no_list_of_a_program_shows_is_not_called_absent() {
    let tables = Tables::compiled();
    let fina = tables.anchor(&sha256("5ab4fcdb180b5b6af0d262a2375a2c77d25602015d96648756611e2e78c53ad3")).unwrap();
    // 2025-09-03T00:00:00Z, when its certificates for 1.1.1.1 became known.
    let then = 1_756_857_600;
    let stands = Program::ALL.map(|program| fina.carried_by(program, then));
    // Chrome's own list is known from 2026 on only.
    assert_eq!(stands, [Carried::No, Carried::NotKnown, Carried::No, Carried::Yes, Carried::No]);
    // Apple's last list is of 2025-12-28: half a year later it no longer speaks against a root.
    assert_eq!(fina.carried_by(Program::Apple, NOW), Carried::NotKnown);
    let cnnic = tables.anchor(&sha256(CNNIC_ROOT)).unwrap();
    assert_eq!(cnnic.carried_by(Program::Mozilla, MARCH_2015), Carried::Yes);
    assert_eq!(cnnic.carried_by(Program::Mozilla, NOW), Carried::No);
    // It came between two lists of Microsoft's: on which day, nobody knows. 2008-12-01T00:00:00Z.
    assert_eq!(cnnic.carried_by(Program::Microsoft, 1_228_089_600), Carried::NotKnown);
    assert_eq!(cnnic.carried_by(Program::Android, 0), Carried::NotKnown);
}

#[test]
fn what_is_listed_says_since_when() {
    let tables = Tables::compiled();
    let mcs = tables.listed_key(&sha256(MCS_KEY)).unwrap().since.unwrap();
    // 2015-03-23 and 2015-03-31.
    assert_eq!((mcs.day, mcs.at_the_latest), (1_427_068_800, false));
    let issuer = BASE64.decode(CNNIC_ROOT_NAME.as_bytes()).unwrap();
    assert_eq!(tables.revoked(&issuer, &[0x49, 0x33, 0x00, 0x8e], &[], &sha256(MCS_KEY)).unwrap().since, 1_427_760_000);
    // Chromium blocks the root, and nothing in hand says since when.
    assert!(tables.listed_key(&sha256(CNNIC_ROOT_KEY)).unwrap().since.unwrap().at_the_latest);
    for row in rows_of("listed-keys") {
        let known = if row[0] == "key" { tables.listed_key(&sha256(row[1])) } else { tables.listed_certificate(&sha256(row[1])) };
        let since = known.unwrap().since.unwrap();
        // No list is older than the lecture on the MD5 collision, 2008-12-30.
        assert!((1_230_595_200..=NOW).contains(&since.day) && !row[7].is_empty(), "{row:?}");
        assert_eq!(since.at_the_latest, row[6] == "at-the-latest", "{row:?}");
    }
    for row in rows_of("onecrl") {
        assert!(row[5] >= "2015-03-31" && row[5].len() == 10, "{row:?}");
    }
}

#[test]
fn an_overlay_adds_to_every_lookup_and_is_named() {
    let (root, key, subject) = lab_root();
    let log: Bytes = vec![1, 2, 3].into();
    let overlay = Overlay {
        public_anchors: vec![root.clone()],
        disclosed: vec![root.clone()],
        listed_keys: vec![OverlayKey { spki: key, kind: KeyKind::Compromised, name: "lab".to_owned(), since: Some(7) }],
        pins: vec![OverlayPin { host: host("lab.example"), include_subdomains: true, spkis: vec![key] }],
        logs: vec![OverlayLog { operator: "Lab Log".to_owned(), spki: log.clone() }],
        pool: vec![OverlayPoolHost {
            host: host("www.lab.example"),
            operator: "Lab".to_owned(),
            class: "news".to_owned(),
            expected_owners: vec!["Lab Trust".to_owned()],
        }],
        constraints: vec![OverlayConstraint {
            rule: "lab rule".to_owned(),
            program: Program::Chrome,
            keys: vec![key],
            anywhere: true,
            from: 7,
            until: Some(9),
            exempt: vec![sha256(MCS_KEY)],
            any_of: vec![OverlayConditions { allowed: Some(vec![sha256(MCS)]), ..OverlayConditions::default() }],
        }],
        ..Overlay::new("unit tests", 1_795_478_400)
    };
    let tables = Tables::compiled().with_overlay(&overlay).unwrap();
    assert_eq!(tables.overlay_label(), Some("unit tests"));
    let hash = Sha256::of(root.as_slice());
    assert_eq!(tables.anchor(&hash).unwrap().standing(NOW), Standing::Public(vec![Program::Lab]));
    let found: Vec<_> = tables.anchors_by_subject(&subject).map(|anchor| (anchor.owner, anchor.name)).collect();
    assert_eq!(found, [("Lab Trust", "Lab Root")]);
    assert_eq!(tables.disclosure(&hash, &key), Disclosure::Certificate);
    assert_eq!(tables.disclosure(&sha256(MCS), &key), Disclosure::Key);
    assert_eq!(tables.listed_key(&key).unwrap().source, "overlay");
    let pins = tables.pins(&host("www.lab.example")).unwrap();
    assert!(pins.contains(&key) && pins.is_current(NOW));
    assert_eq!(tables.log(&Sha256::of(log.as_slice()).0).unwrap().operator, "Lab Log");
    assert_eq!(tables.pool().len(), 1);
    assert_eq!(tables.operator(&host("www.lab.example")), Some("Lab"));
    assert_eq!(tables.operator(&host("www.bbc.co.uk")), Some("BBC"));
    assert_eq!(tables.expected_owners(&host("www.lab.example")), ["Lab Trust"]);
    let rule = tables.constraints(&key).pop().unwrap();
    assert_eq!((rule.rule, rule.program, rule.applies_at(8), rule.applies_at(9)), ("lab rule", Program::Chrome, true, false));
    assert!(rule.exempts(&sha256(MCS_KEY)) && !rule.exempts(&key));
    assert!(rule.any_of[0].list.unwrap().holds(&sha256(MCS)) && !rule.any_of[0].list.unwrap().holds(&sha256(CNNIC_ROOT)));
    assert_eq!(tables.versions().last().unwrap().source, "unit tests");
    assert_eq!(tables.disclosure_date(), 1_795_478_400);
    assert!(matches!(tables.with_overlay(&overlay), Err(OverlayError::Already(_))));
}

#[test]
fn an_anchor_of_an_overlay_is_public_only_inside_its_validity() {
    let (root, ..) = lab_root();
    let overlay = Overlay { public_anchors: vec![root.clone()], ..Overlay::new("x", 0) };
    let tables = Tables::compiled().with_overlay(&overlay).unwrap();
    let anchor = tables.anchor(&Sha256::of(root.as_slice())).unwrap();
    assert_eq!(anchor.standing(anchor.not_before - 1), Standing::NotYet);
    assert_eq!(anchor.standing(anchor.not_after), Standing::Public(vec![Program::Lab]));
    assert!(matches!(anchor.standing(anchor.not_after + 1), Standing::Retired(_)));
}

#[test]
fn an_overlay_may_say_which_programs_have_its_anchor() {
    let (root, ..) = lab_root();
    let anchor = Sha256::of(root.as_slice());
    let stay = OverlayMembership { anchor, program: Program::Mozilla, from: MARCH_2015, until: Some(NOW) };
    let overlay = Overlay { public_anchors: vec![root], memberships: vec![stay], ..Overlay::new("x", 0) };
    let tables = Tables::compiled().with_overlay(&overlay).unwrap();
    let anchor = tables.anchor(&anchor).unwrap();
    assert_eq!(anchor.standing(MARCH_2015), Standing::Public(vec![Program::Mozilla]));
    assert!(matches!(anchor.standing(NOW), Standing::Retired(_)));
    assert_eq!(anchor.carried_by(Program::Mozilla, MARCH_2015), Carried::Yes);
    assert_eq!(anchor.carried_by(Program::Microsoft, MARCH_2015), Carried::No);
    assert_eq!(anchor.carried_by(Program::Lab, MARCH_2015), Carried::NotKnown);
}

#[test]
fn an_overlay_is_read_again_as_it_was_written() {
    let overlay = Overlay::new("x", 7);
    let text = serde_json::to_string(&overlay).unwrap();
    assert_eq!(Overlay::from_json(text.as_bytes()).unwrap(), overlay);
    assert!(text.starts_with(r#"{"format":"mintwatch.overlay","version":1,"label":"x","as_of":7"#));
}

#[test]
fn an_overlay_that_is_newer_unknown_or_unnamed_is_refused() {
    let newer = br#"{"format":"mintwatch.overlay","version":2,"label":"x","as_of":0,"more":[]}"#;
    assert!(matches!(Overlay::from_json(newer), Err(OverlayError::Newer(2))));
    let nought = br#"{"format":"mintwatch.overlay","version":0,"label":"x","as_of":0}"#;
    assert!(matches!(Overlay::from_json(nought), Err(OverlayError::NoSuchVersion(0))));
    let other = br#"{"format":"mintwatch.evidence","version":1,"label":"x","as_of":0}"#;
    assert!(matches!(Overlay::from_json(other), Err(OverlayError::NotOverlay(_))));
    let unknown = br#"{"format":"mintwatch.overlay","version":1,"label":"x","as_of":0,"more":[]}"#;
    assert!(matches!(Overlay::from_json(unknown), Err(OverlayError::NotOverlay(_))));
    let tables = Tables::compiled();
    assert!(matches!(tables.clone().with_overlay(&Overlay::new(" ", 0)), Err(OverlayError::NoLabel)));
    let odd = Overlay { disclosed: vec![vec![0x30, 0].into()], ..Overlay::new("x", 0) };
    assert!(matches!(tables.with_overlay(&odd), Err(OverlayError::NotACertificate(1, "disclosed"))));
}
