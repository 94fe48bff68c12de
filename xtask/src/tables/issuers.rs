//! issuers.tsv, issuer-gaps.tsv, authority-names.tsv: whose key may have signed a certificate that came alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use mintwatch_validator::Certificate;
use mintwatch_validator::evidence::Sha256;
use mintwatch_validator::tables::{Likeness, NameKey, revocation_key_by_serial, revocation_key_by_subject, rsa_spki};
use serde::Deserialize;
use x509_parser::public_key::PublicKey;

use super::der::names;
use super::input::{self, CCADB_LICENCE};
use super::text::{Source, Table};
use super::{Made, Maker, TablesArgs, TablesError, anchors, listed_keys, onecrl};

const FILE: &str = "issuers.tsv";
const STALE_AFTER_DAYS: u32 = 120;
const STALE_REASON: &str = "a tenth of all issuers is replaced in 149 days; one younger than the table looks like nobody's";

#[derive(Deserialize)]
struct CcadbRow {
    cert_sha256: String,
    not_after: String,
    server_auth_capable: u8,
    in_firefox_153: u8,
}

/// A disclosed certificate.
struct Disclosed<'d> {
    certificate: Certificate<'d>,
    /// It is unexpired and may vouch for servers.
    live: bool,
    in_firefox: bool,
}

/// What is known of one key.
#[derive(Default)]
struct Entry {
    spki: Vec<u8>,
    status: &'static str,
    key_id: Vec<u8>,
    names: BTreeSet<NameKey>,
    who: String,
}

pub(super) fn make(args: &TablesArgs, _: &mut Vec<String>) -> Result<Made, TablesError> {
    let (Some(ccadb_der), Some(ccadb_csv), Some(incidents)) = (&args.ccadb_der, &args.ccadb_csv, &args.incidents) else {
        return Ok(Made::Needs("--ccadb-der, --ccadb-csv, --incidents, and what anchors.tsv, listed-keys.tsv and onecrl.tsv need"));
    };
    let (Some(anchors), Some(listed), Some(onecrl)) =
        (rows_of(args, anchors::make)?, rows_of(args, listed_keys::make)?, rows_of(args, onecrl::make)?)
    else {
        return Ok(Made::Needs("what anchors.tsv, listed-keys.tsv and onecrl.tsv need"));
    };
    let day = input::day_in_name(ccadb_der)?;
    let certificates = input::ccadb(ccadb_der)?;
    let disclosed = read(&certificates, ccadb_csv, &day)?;
    let revoked: BTreeSet<Vec<u8>> = onecrl.iter().filter_map(|row| HEXLOWER.decode(row.first()?.as_bytes()).ok()).collect();
    let roots = public_roots(&anchors);
    let public = public(&disclosed, &roots, &revoked);

    let mut keys: BTreeMap<Sha256, Entry> = BTreeMap::new();
    for ca in disclosed.iter().filter(|ca| public.contains(&ca.certificate.spki_sha256)) {
        add(&mut keys, &ca.certificate, "public");
    }
    let is_key = |row: &&Vec<String>| row.first().is_some_and(|form| form == "key");
    let listed: BTreeSet<&String> = listed.iter().filter(is_key).filter_map(|row| row.get(1)).collect();
    let of_incidents = input::incident_certificates(incidents)?;
    for certificate in of_incidents.iter().filter_map(|der| Certificate::read(der).ok()) {
        let is_ca = certificate.is_ca || certificate.is_self_issued();
        if is_ca && listed.contains(&certificate.spki_sha256.to_string()) && rsa(certificate.spki).is_some() {
            add(&mut keys, &certificate, "listed");
        }
    }
    let anchor_keys: BTreeSet<Vec<u8>> = anchors.iter().filter_map(|row| BASE64.decode(row.get(7)?.as_bytes()).ok()).collect();
    let gaps = gaps(&disclosed, &keys, &anchor_keys);
    let names = authority_names(&disclosed, &public, &roots);
    Ok(Made::Tables(tables(&day, &keys, &gaps, &names)))
}

/// The rows another generator makes from the same inputs.
fn rows_of(args: &TablesArgs, make: Maker) -> Result<Option<Vec<Vec<String>>>, TablesError> {
    Ok(match make(args, &mut Vec::new())? {
        Made::Tables(tables) => Some(tables.into_iter().flat_map(|table| table.rows).collect()),
        Made::Needs(_) => None,
    })
}

/// Reads what was disclosed. What a strict reader refuses, our judge could not use either.
fn read<'d>(certificates: &'d [Vec<u8>], csv: &Path, day: &str) -> Result<Vec<Disclosed<'d>>, TablesError> {
    let rows: BTreeMap<String, CcadbRow> =
        input::records::<CcadbRow>(csv, b',')?.into_iter().map(|row| (row.cert_sha256.clone(), row)).collect();
    let read = |der: &'d Vec<u8>| {
        let certificate = Certificate::read(der).ok()?;
        let row = rows.get(&certificate.sha256.to_string())?;
        let live = row.server_auth_capable == 1 && row.not_after.as_str() >= day;
        Some(Disclosed { live, in_firefox: row.in_firefox_153 == 1, certificate })
    };
    Ok(certificates.iter().filter_map(read).collect())
}

/// Subject and SPKI of the roots that some program carries still.
fn public_roots(anchors: &[Vec<String>]) -> BTreeSet<(Vec<u8>, Vec<u8>)> {
    let decode = |row: &Vec<String>, at: usize| BASE64.decode(row.get(at)?.as_bytes()).ok();
    let is_current = |row: &&Vec<String>| row.get(1).is_some_and(|programs| programs.split(',').any(|span| span.ends_with("..")));
    anchors.iter().filter(is_current).filter_map(|row| Some((decode(row, 6)?, decode(row, 7)?))).collect()
}

/// The keys of authorities below a public root: by name and key identifier, through certificates that
/// nobody revoked. Disclosure is the authority's own word, so no signature is checked here.
fn public(disclosed: &[Disclosed<'_>], roots: &BTreeSet<(Vec<u8>, Vec<u8>)>, revoked: &BTreeSet<Vec<u8>>) -> BTreeSet<Sha256> {
    let is_revoked = |certificate: &Certificate<'_>| {
        let by_serial = revocation_key_by_serial(certificate.issuer, certificate.serial);
        let by_subject = revocation_key_by_subject(certificate.subject, &certificate.spki_sha256);
        revoked.contains(by_serial.as_slice()) || revoked.contains(by_subject.as_slice())
    };
    let usable: Vec<&Disclosed<'_>> =
        disclosed.iter().filter(|ca| ca.live && !ca.certificate.is_self_issued() && !is_revoked(&ca.certificate)).collect();
    let mut above: BTreeMap<&[u8], BTreeSet<Vec<u8>>> = BTreeMap::new();
    for root in disclosed.iter().filter(|ca| roots.contains(&(ca.certificate.subject.to_vec(), ca.certificate.spki.to_vec()))) {
        above.entry(root.certificate.subject).or_default().extend(key_ids(&root.certificate));
    }
    let mut reached: BTreeSet<Sha256> = BTreeSet::new();
    let mut public = BTreeSet::new();
    loop {
        let before = reached.len();
        for ca in &usable {
            let certificate = &ca.certificate;
            let issuers = above.get(certificate.issuer);
            let named = issuers.is_some_and(|ids| certificate.authority_key_id.is_none_or(|id| ids.contains(id)));
            if (named || ca.in_firefox) && reached.insert(certificate.sha256) {
                public.insert(certificate.spki_sha256);
                above.entry(certificate.subject).or_default().extend(key_ids(certificate));
            }
        }
        if reached.len() == before {
            return public;
        }
    }
}

/// What those below may call the key of a CA: its own identifier first, then that of RFC 5280 §4.2.1.2 (1).
fn key_ids(certificate: &Certificate<'_>) -> Vec<Vec<u8>> {
    let own = certificate.subject_key_id.map(<[u8]>::to_vec);
    own.into_iter().chain(certificate.key_id_by_rfc5280().map(|id| id.to_vec())).collect()
}

/// Modulus and exponent of an RSA key that our form gives back byte for byte.
fn rsa(spki: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, parsed) = <x509_parser::x509::SubjectPublicKeyInfo as x509_parser::prelude::FromDer<_>>::from_der(spki).ok()?;
    let Ok(PublicKey::RSA(key)) = parsed.parsed() else { return None };
    let trim = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    let (modulus, exponent) = (trim(key.modulus), trim(key.exponent));
    (rsa_spki(&modulus, &exponent) == spki).then_some((modulus, exponent))
}

fn add(keys: &mut BTreeMap<Sha256, Entry>, certificate: &Certificate<'_>, status: &'static str) {
    let entry = keys.entry(certificate.spki_sha256).or_default();
    entry.names.extend(Likeness::of(certificate.subject).map(|likeness| likeness.key));
    // The smallest of several names and identifiers: the order of the input does not show.
    let who = who(certificate.subject);
    let id = key_ids(certificate).into_iter().next().unwrap_or_default();
    if entry.spki.is_empty() {
        *entry = Entry { spki: certificate.spki.to_vec(), status, key_id: id, who, names: std::mem::take(&mut entry.names) };
    } else {
        entry.key_id = id.min(std::mem::take(&mut entry.key_id));
        entry.who = who.min(std::mem::take(&mut entry.who));
    }
}

/// For each name, the last day on which a disclosed RSA key of that name could sign that is neither among
/// these nor an anchor's, which the search for paths has tried.
fn gaps(disclosed: &[Disclosed<'_>], keys: &BTreeMap<Sha256, Entry>, anchor_keys: &BTreeSet<Vec<u8>>) -> BTreeMap<NameKey, (i64, String)> {
    let mut gaps: BTreeMap<NameKey, (i64, String)> = BTreeMap::new();
    for Disclosed { certificate, .. } in disclosed {
        let here =
            keys.get(&certificate.spki_sha256).is_some_and(|entry| rsa(&entry.spki).is_some()) || anchor_keys.contains(certificate.spki);
        let is_rsa = certificate.spki.windows(RSA_ENCRYPTION.len()).any(|window| window == RSA_ENCRYPTION);
        let Some(likeness) = Likeness::of(certificate.subject).filter(|_| is_rsa && !here) else { continue };
        let this = (certificate.not_after.div_euclid(86_400), who(certificate.subject));
        let known = gaps.entry(likeness.key).or_insert_with(|| this.clone());
        *known = (known.0.max(this.0), known.1.clone().min(this.1));
    }
    gaps
}

/// rsaEncryption, an OBJECT IDENTIFIER with its header.
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

/// The names a copy would be made of: those of public roots and of live authorities below them.
fn authority_names(
    disclosed: &[Disclosed<'_>],
    public: &BTreeSet<Sha256>,
    roots: &BTreeSet<(Vec<u8>, Vec<u8>)>,
) -> BTreeMap<NameKey, String> {
    let below = disclosed.iter().filter(|ca| ca.live && public.contains(&ca.certificate.spki_sha256)).map(|ca| ca.certificate.subject);
    let all = below.chain(roots.iter().map(|(subject, _)| subject.as_slice()));
    let mut names: BTreeMap<NameKey, String> = BTreeMap::new();
    for subject in all {
        if let Some(likeness) = Likeness::of(subject) {
            let who = who(subject);
            names.entry(likeness.key).and_modify(|known| *known = who.clone().min(known.clone())).or_insert(who);
        }
    }
    names
}

/// Organisation and common name, for people.
fn who(name: &[u8]) -> String {
    let attributes = names(name);
    let first = |oid: &str| attributes.iter().find(|(at, text)| at == oid && !text.is_empty()).map(|(_, text)| text.clone());
    let own = first("2.5.4.3").or_else(|| first("2.5.4.11"));
    [first("2.5.4.10"), own].into_iter().flatten().collect::<Vec<_>>().join(" / ")
}

fn tables(
    day: &str,
    keys: &BTreeMap<Sha256, Entry>,
    gaps: &BTreeMap<NameKey, (i64, String)>,
    names: &BTreeMap<NameKey, String>,
) -> Vec<Table> {
    let ccadb = || Source::new("CCADB", format!("all certificate PEM reports, {day}"), day, CCADB_LICENCE);
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let table = |file, title, notes, columns, rows, sources| Table {
        file,
        title,
        notes,
        sources,
        as_of: day.to_owned(),
        stale_after_days: STALE_AFTER_DAYS,
        stale_reason: STALE_REASON,
        columns,
        rows,
    };
    let key_row = |(spki, entry): (&Sha256, &Entry)| {
        let (modulus, exponent) = rsa(&entry.spki).unwrap_or_default();
        let names: Vec<String> = entry.names.iter().map(|name| hex(name)).collect();
        let id = entry.key_id.get(..4).map(hex).unwrap_or_default();
        let spki: String = spki.to_string().chars().take(32).collect();
        vec![spki, entry.status.to_owned(), id, hex(&exponent), BASE64.encode(&modulus), names.join(","), entry.who.clone()]
    };
    vec![
        table(
            FILE,
            "keys of issuers, to hold a certificate against that came without its issuer",
            vec![
                "public: of a CA certificate in CCADB that is unexpired on its day, may vouch for servers, is no root, is not in OneCRL, and stands below a root that a program carries",
                "listed: of a CA certificate of a known incident whose key is in listed-keys.tsv; RSA only, as the others come out of the signature",
                "spki: the first 128 bits of its SHA-256; key-id: the first four octets of the subject key identifier; modulus and exponent: RSA only, the others are known by their hash",
                "names: the first 40 bits of the SHA-256 of organisation and common name, folded, of every certificate of that key",
            ],
            &["spki", "status", "key-id", "exponent", "modulus", "names", "who"],
            keys.iter().map(key_row).collect(),
            vec![ccadb(), Source::new("certificates of known incidents", "named in listed-keys.tsv", day, "public record")],
        ),
        table(
            "issuer-gaps.tsv",
            "names of disclosed issuers of whose RSA keys some are not in issuers.tsv",
            vec![
                "whatever a certificate is for; until: days since 1970 of the last day on which a certificate of that name with a key that is not there was valid; up to then a signature that fits no key proves nothing",
            ],
            &["name", "until", "who"],
            gaps.iter().map(|(name, (until, who))| vec![hex(name), until.to_string(), who.clone()]).collect(),
            vec![ccadb()],
        ),
        table(
            "authority-names.tsv",
            "names of public roots and of live CAs below them, as people read them",
            vec![
                "name: the first 40 bits of the SHA-256 of organisation and common name, folded: an accusing set, which nobody gains by colliding with",
            ],
            &["name", "who"],
            names.iter().map(|(name, who)| vec![hex(name), who.clone()]).collect(),
            vec![ccadb()],
        ),
    ]
}
