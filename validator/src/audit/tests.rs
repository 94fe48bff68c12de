//! Every rule speaks of what it is for, and is silent about its near miss.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use rcgen::{
    BasicConstraints, Certificate as Made, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use time::OffsetDateTime;

use super::*;
use crate::Evidence;
use crate::testing::{Lab, NOW, below};

const DAY: i64 = 86_400;
/// 2015-03-20T12:00:00Z, inside the life of the MCS certificate.
const MARCH_2015: i64 = 1_426_852_800;

fn date(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// A CA as it should be, changed.
fn authority(lab: &Lab, from: i64, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    below(&lab.disclosed, "Lab Audited CA", from, 3_000, |params| {
        params.distinguished_name.push(DnType::CountryName, "XX");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.custom_extensions = vec![policies(), crl()];
        params.serial_number = Some(SerialNumber::from_slice(&[0x5a; 16]));
        change(params);
    })
    .der
}

/// certificatePolicies with anyPolicy.
fn policies() -> CustomExtension {
    CustomExtension::from_oid_content(&[2, 5, 29, 32], vec![0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0])
}

/// cRLDistributionPoints with one URL.
fn crl() -> CustomExtension {
    let url = b"http://crl.example/ca.crl";
    let n = u8::try_from(url.len()).unwrap();
    let head = [0x30, n + 8, 0x30, n + 6, 0xa0, n + 4, 0xa0, n + 2, 0x86, n];
    CustomExtension::from_oid_content(&[2, 5, 29, 31], [&head[..], url].concat())
}

/// Tables that know every CA given as disclosed.
fn disclosing(lab: &Lab, ders: &[&[u8]]) -> Tables {
    let mut overlay = lab.overlay.clone();
    overlay.disclosed.extend(ders.iter().map(|der| crate::evidence::Bytes::from(der.to_vec())));
    Tables::compiled().with_overlay(&overlay).unwrap()
}

fn said(der: &[u8], tables: &Tables, at: i64) -> Vec<AuditFinding> {
    audit(&Certificate::read(der).unwrap(), tables, at)
}

fn rules_of(der: &[u8], tables: &Tables) -> Vec<&'static str> {
    said(der, tables, NOW).iter().map(|finding| finding.rule).collect()
}

/// What is said of a disclosed CA that is changed in one way.
fn said_of(from: i64, change: impl FnOnce(&mut CertificateParams)) -> Vec<&'static str> {
    let lab = Lab::new();
    let der = authority(&lab, from, change);
    rules_of(&der, &disclosing(&lab, &[&der]))
}

fn leaf(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::new(vec!["www.bank.example".to_owned()]).unwrap();
    params.not_before = date(NOW - 30 * DAY);
    params.not_after = date(NOW + 30 * DAY);
    params.serial_number = Some(SerialNumber::from_slice(&[0x5a; 16]));
    change(&mut params);
    let made: Made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    made.der().to_vec()
}

fn recent() -> i64 {
    NOW - 100 * DAY
}

/// The certificates of a replay.
fn replayed(evidence: &str) -> Vec<Vec<u8>> {
    let evidence = Evidence::from_json(evidence.as_bytes()).unwrap();
    let chains = evidence.observations.iter().filter_map(|seen| seen.chain.yes());
    chains.flat_map(|chain| &chain.certificates).map(|der| der.as_slice().to_vec()).collect()
}

#[test]
fn a_ca_in_good_standing_is_not_spoken_of() {
    assert!(said_of(recent(), |_| {}).is_empty());
}

#[test]
fn mcs_is_undisclosed_below_a_public_anchor_and_revoked_since() {
    let chain = replayed(include_str!("../../../tests/incidents/2015-cnnic-mcs/evidence.json"));
    let mcs = chain.iter().find(|der| Certificate::read(der).unwrap().sha256.to_string().starts_with("2740d956")).unwrap();
    let findings = said(mcs, &Tables::compiled(), MARCH_2015);
    let of = |rule: &str| findings.iter().find(|finding| finding.rule == rule).unwrap_or_else(|| panic!("{findings:?}"));
    assert_eq!(of("undisclosed").severity, Severity::Critical);
    assert!(of("undisclosed").says.contains("signed by"), "{findings:?}");
    assert_eq!(of("revoked").severity, Severity::High);
    let later = said(mcs, &Tables::compiled(), NOW);
    assert!(later.iter().any(|finding| finding.rule == "undisclosed") && later.iter().all(|finding| finding.severity <= Severity::Low));
    let before = said(mcs, &Tables::compiled().without_lists(), MARCH_2015);
    assert_eq!(before.iter().map(|finding| finding.rule).filter(|rule| *rule == "undisclosed" || *rule == "revoked").count(), 1);
}

#[test]
fn what_nobody_disclosed_weighs_by_what_stands_above_it() {
    let lab = Lab::new();
    let tables = lab.tables();
    let undisclosed = |der: &[u8]| said(der, &tables, NOW).into_iter().find(|finding| finding.rule == "undisclosed");
    assert_eq!(undisclosed(&lab.undisclosed.der).unwrap().severity, Severity::Critical);
    assert_eq!(undisclosed(&lab.newborn.der).unwrap().severity, Severity::Low, "younger than the table");
    let deeper = below(&lab.disclosed, "Lab Deeper CA", recent(), 3_000, |_| {});
    assert_eq!(undisclosed(&deeper.der).unwrap().severity, Severity::Critical, "a disclosed CA signed it");
    let beneath = below(&lab.undisclosed, "Lab Beneath CA", recent(), 3_000, |_| {});
    assert_eq!(undisclosed(&beneath.der).unwrap().severity, Severity::Low, "its issuer is spoken of");
    let private = below(&lab.local, "Lab Private CA", recent(), 3_000, |_| {});
    assert_eq!(undisclosed(&private.der).unwrap().severity, Severity::Low);
    for known in [&lab.disclosed, &lab.constrained, &lab.local] {
        assert_eq!(undisclosed(&known.der), None);
    }
    let one = &lab.overlay.public_anchors[0];
    assert_eq!(undisclosed(one.as_slice()), None, "an anchor is published, not disclosed");
}

#[test]
fn a_ca_that_only_borrows_an_anchors_name_is_not_called_public() {
    let lab = Lab::new();
    let forged = crate::testing::root_for("Lab Public Root One TEST", "Lab Trust One", 9_000);
    let below_forged = below(&forged, "Lab Forged CA", recent(), 3_000, |_| {});
    let findings = said(&below_forged.der, &lab.tables(), NOW);
    assert_eq!(findings.iter().find(|finding| finding.rule == "undisclosed").unwrap().severity, Severity::Medium);
    assert!(said(&forged.der, &lab.tables(), NOW).iter().all(|finding| finding.rule != "undisclosed"));
}

#[test]
fn a_new_key_under_its_issuers_own_name_is_no_root() {
    let lab = Lab::new();
    let doppelganger = lab.disclosed.copied_by(&lab.disclosed, KeyPair::generate().unwrap());
    let certificate = Certificate::read(&doppelganger.der).unwrap();
    assert!(certificate.is_self_issued());
    let findings = audit(&certificate, &lab.tables(), NOW);
    assert_eq!(findings.iter().find(|finding| finding.rule == "undisclosed").unwrap().severity, Severity::Critical);
}

#[test]
fn listed_keys_are_named_by_kind() {
    let lab = Lab::new();
    let tables = lab.tables();
    assert!(rules_of(&lab.leaked.der, &tables).contains(&"compromised"));
    assert!(rules_of(&lab.revoked.der, &tables).contains(&"revoked"));
    assert!(rules_of(&lab.product.der, &tables).contains(&"interception-key"));
    let listed = ["compromised", "revoked", "interception-key"];
    assert!(rules_of(&lab.sister.der, &tables).iter().all(|rule| !listed.contains(rule)));
}

#[test]
fn another_certificate_for_a_disclosed_key_is_a_small_lapse() {
    let lab = Lab::new();
    let copy = lab.disclosed.cross_signed_by(&lab.sister);
    let findings = said(&copy.der, &lab.tables(), NOW);
    assert_eq!(findings.iter().find(|finding| finding.rule == "undisclosed-copy").unwrap().severity, Severity::Low);
    assert!(!rules_of(&lab.disclosed.der, &lab.tables()).contains(&"undisclosed-copy"));
}

#[test]
fn a_ca_named_like_a_host_is_spoken_of_as_turktrusts_were() {
    let named = |name: &str| {
        let name = name.to_owned();
        said_of(recent(), move |params| params.distinguished_name.push(DnType::CommonName, name))
    };
    assert_eq!(named("*.EGO.GOV.TR"), ["ca-names-host"]);
    assert_eq!(named("e-islem.kktcmerkezbankasi.org"), ["ca-names-host"]);
    assert!(named("SSL.com EV CA R3").is_empty());
    let beside = said_of(recent(), |params| {
        params.subject_alt_names = CertificateParams::new(vec!["www.bank.example".to_owned()]).unwrap().subject_alt_names;
    });
    assert_eq!(beside, ["ca-names-host"]);
}

#[test]
fn an_end_entity_that_may_sign_is_spoken_of() {
    let tables = Tables::compiled();
    let signing = leaf(|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
    assert_eq!(rules_of(&signing, &tables), ["end-entity-may-sign"]);
    let usual = leaf(|params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign]);
    assert!(rules_of(&usual, &tables).is_empty());
    // cA absent, pathLenConstraint 0.
    let limiting = leaf(|params| params.custom_extensions = vec![basic(vec![0x30, 3, 2, 1, 0], true)]);
    assert_eq!(rules_of(&limiting, &tables), ["end-entity-path-length"]);
}

fn basic(content: Vec<u8>, critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 19], content);
    extension.set_criticality(critical);
    extension
}

/// A CA whose basic constraints are written by hand.
fn with_basic(content: Vec<u8>, critical: bool) -> Vec<&'static str> {
    said_of(recent(), move |params| {
        params.is_ca = IsCa::NoCa;
        // subjectKeyIdentifier, which comes with a CA only.
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 14], vec![4, 2, 1, 2]));
        params.custom_extensions.push(basic(content, critical));
    })
}

#[test]
fn basic_constraints_are_critical_and_readable() {
    assert_eq!(with_basic(vec![0x30, 3, 1, 1, 0xff], false), ["basic-constraints-not-critical"]);
    assert!(with_basic(vec![0x30, 3, 1, 1, 0xff], true).is_empty());
    for unreadable in [vec![0x30, 4, 1, 1, 0xff], vec![0x30, 3, 1, 1, 0x01], vec![4, 0]] {
        assert!(with_basic(unreadable.clone(), true).contains(&"ambiguous-role"), "{unreadable:x?}");
    }
}

#[test]
fn key_usage_is_there_critical_and_signs() {
    let with = |usages: &'static [KeyUsagePurpose]| said_of(recent(), |params| params.key_usages = usages.to_vec());
    assert_eq!(with(&[]), ["no-key-usage"]);
    assert_eq!(with(&[KeyUsagePurpose::CrlSign]), ["no-key-cert-sign"]);
    assert_eq!(with(&[KeyUsagePurpose::KeyCertSign]), ["no-crl-sign"]);
    let plain = said_of(recent(), |params| {
        params.key_usages.clear();
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 1, 6]));
    });
    assert_eq!(plain, ["key-usage-not-critical"]);
}

#[test]
fn purposes_are_listed_since_2019() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, EmailProtection, ServerAuth};
    let with = |from: i64, purposes: Vec<ExtendedKeyUsagePurpose>| said_of(from, |params| params.extended_key_usages = purposes);
    let in_2018 = 1_544_400_000;
    assert_eq!(with(recent(), vec![]), ["no-purposes"]);
    assert!(with(in_2018, vec![]).is_empty());
    assert_eq!(with(recent(), vec![Any]), ["any-purpose"]);
    assert_eq!(with(recent(), vec![ServerAuth, EmailProtection]), ["servers-and-mail"]);
    assert_eq!(with(recent(), vec![ServerAuth, CodeSigning]), ["servers-and-others"]);
    assert!(with(recent(), vec![ServerAuth, ClientAuth]).is_empty());
}

#[test]
fn a_cross_certificate_of_a_root_needs_no_purposes() {
    let lab = Lab::new();
    let root = crate::testing::root_for("Lab Crossed Root", "Lab Trust Three", 9_000);
    let mut overlay = lab.overlay.clone();
    let cross = root.cross_signed_by(&lab.disclosed);
    overlay.disclosed.push(cross.der.clone().into());
    let rules = |overlay: &crate::tables::Overlay| {
        let tables = Tables::compiled().with_overlay(overlay).unwrap();
        // The root's own dates stand in its cross-certificate: it is older than the rule, so it is asked about directly.
        let certificate = Certificate::read(&cross.der).unwrap();
        let subject = Subject::new(&certificate, &tables, NOW);
        (rule("no-purposes").unwrap().ask)(&subject).is_some()
    };
    assert!(rules(&overlay));
    overlay.public_anchors.push(root.der.clone().into());
    assert!(!rules(&overlay));
}

#[test]
fn a_subordinate_says_where_its_revocation_and_policies_are() {
    assert_eq!(said_of(recent(), |params| params.custom_extensions = vec![policies()]), ["no-crl"]);
    assert_eq!(said_of(recent(), |params| params.custom_extensions = vec![crl()]), ["no-policies"]);
    let for_mail = said_of(recent(), |params| {
        params.custom_extensions.clear();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    });
    assert!(for_mail.is_empty(), "the Baseline Requirements are for servers: {for_mail:?}");
}

#[test]
fn the_policies_of_root_programs_do_not_bind_private_hierarchies() {
    let lab = Lab::new();
    let private = below(&lab.local, "Lab Private CA", recent(), 3_000, |params| params.extended_key_usages.clear());
    assert_eq!(rules_of(&private.der, &lab.tables()), ["undisclosed"]);
}

#[test]
fn a_subject_names_country_and_organisation() {
    let lab = Lab::new();
    let der = below(&lab.disclosed, "Lab Nowhere CA", recent(), 3_000, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.custom_extensions = vec![policies(), crl()];
    })
    .der;
    assert_eq!(rules_of(&der, &disclosing(&lab, &[&der])), ["incomplete-subject"]);
}

#[test]
fn serial_numbers_are_positive_random_and_short_enough() {
    let with = |serial: &[u8]| {
        let lab = Lab::new();
        let der = authority(&lab, recent(), |params| params.serial_number = Some(SerialNumber::from_slice(serial)));
        rules_of(&der, &disclosing(&lab, &[&der]))
    };
    assert_eq!(with(&[1, 2, 3, 4, 5]), ["serial-too-short"]);
    assert!(with(&[1, 2, 3, 4, 5, 6]).is_empty());
    assert_eq!(with(&[0x11; 21]), ["serial-too-long"]);
    assert!(with(&[0x11; 20]).is_empty());
    assert_eq!(with(&[0]), ["serial-not-positive", "serial-too-short"]);
    let private = leaf(|params| params.serial_number = Some(SerialNumber::from_slice(&[0])));
    assert_eq!(said(&private, &Tables::compiled(), NOW)[0].severity, Severity::Info, "a self-issued one");
}

#[test]
fn an_end_entity_that_claims_the_baseline_requirements_keeps_their_validity() {
    // 2.23.140.1.2.1, domain validated.
    let claim = || CustomExtension::from_oid_content(&[2, 5, 29, 32], vec![0x30, 10, 0x30, 8, 6, 6, 0x67, 0x81, 0x0c, 1, 2, 1]);
    let valid = |from: i64, days: i64, claims: bool| {
        let der = leaf(|params| {
            params.not_before = date(from);
            params.not_after = date(from + days * DAY - 1);
            params.custom_extensions.extend(claims.then(claim));
        });
        rules_of(&der, &Tables::compiled())
    };
    // 2026-06-01 and 2025-06-01.
    assert_eq!(valid(1_780_272_000, 201, true), ["valid-too-long"]);
    assert!(valid(1_780_272_000, 200, true).is_empty() && valid(1_780_272_000, 900, false).is_empty());
    assert!(valid(1_748_736_000, 398, true).is_empty());
    assert_eq!(valid(1_748_736_000, 399, true), ["valid-too-long"]);
}

#[test]
fn an_extension_twice_is_spoken_of() {
    assert_eq!(said_of(recent(), |params| params.custom_extensions.push(policies())), ["repeated-extension"]);
    let own = || CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 7], vec![5, 0]);
    assert_eq!(said_of(recent(), |params| params.custom_extensions.extend([own(), own()])), ["repeated-extension"]);
    assert!(said_of(recent(), |params| params.custom_extensions.push(own())).is_empty());
}

#[test]
fn an_algorithm_that_was_not_signed_is_spoken_of() {
    let lab = Lab::new();
    let der = authority(&lab, recent(), |_| {});
    // ecdsa-with-SHA256 becomes ecdsa-with-SHA384 beside the signature only.
    let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let at = der.windows(oid.len()).rposition(|part| part == oid).unwrap();
    let mut changed = der.clone();
    changed[at + 7] = 3;
    assert_eq!(rules_of(&changed, &disclosing(&lab, &[&changed])), ["algorithms-differ"]);
}

#[test]
fn a_certificate_of_version_1_cannot_say_what_it_is() {
    let der = leaf(|_| {});
    let mut old = der.clone();
    let at = old.windows(5).position(|part| part == [0xa0, 3, 2, 1, 2]).unwrap();
    old[at + 4] = 0;
    assert!(rules_of(&old, &Tables::compiled()).contains(&"old-version"));
    assert!(!rules_of(&der, &Tables::compiled()).contains(&"old-version"));
}

#[test]
fn weak_keys_and_hashes_are_spoken_of() {
    // Nobody makes such keys any more, so the bits are laid over those of a key that was made.
    let lab = Lab::new();
    let rsa = include_bytes!("../../../tests/incidents/2015-cnnic-mcs/evidence.json");
    let chain = replayed(std::str::from_utf8(rsa).unwrap());
    let mcs = chain.iter().find(|der| Certificate::read(der).unwrap().sha256.to_string().starts_with("2740d956")).unwrap();
    let tables = lab.tables();
    let weak = |der: &[u8]| {
        let findings = said(der, &tables, MARCH_2015);
        findings.into_iter().find(|finding| finding.rule == "weak-key" || finding.rule == "weak-signature").map(|finding| finding.says)
    };
    assert_eq!(weak(mcs), None);
    let certificate = Certificate::read(mcs).unwrap();
    let spki_at = mcs.windows(certificate.spki.len()).position(|part| part == certificate.spki).unwrap();
    let modulus_end = spki_at + certificate.spki.len() - 5;
    let mut even = mcs.clone();
    even[modulus_end - 1] &= 0xfe;
    assert_eq!(weak(&even).unwrap(), "an RSA modulus with the factor 2");
    let mut exponent_even = mcs.clone();
    exponent_even[modulus_end + 4] = 2;
    assert_eq!(weak(&exponent_even).unwrap(), "an RSA public exponent that is one or even");
    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    let mut md5 = mcs.clone();
    let at = md5.windows(9).position(|part| part == sha256).unwrap();
    md5[at + 8] = 4;
    assert!(weak(&md5).unwrap().contains("MD5"));
    let mut sha1 = mcs.clone();
    sha1[at + 8] = 5;
    assert_eq!(weak(&sha1), None, "in 2015 it was allowed still");
}

#[test]
fn der_that_is_not_strict_is_spoken_of_and_read_as_far_as_it_goes() {
    use crate::der::{SEQUENCE, expect, read, write};
    let der = leaf(|_| {});
    assert!(rules_of(&der, &Tables::compiled()).is_empty());
    let (tbs, rest) = expect(crate::der::only(&der, SEQUENCE).unwrap(), SEQUENCE).unwrap();
    let (version, after) = read(tbs).unwrap();
    let (serial, after) = read(after).unwrap();
    // The serial number's length in the long form, where the short one would do.
    let long = [&[0x02, 0x81, serial.whole[1]][..], serial.content].concat();
    let tbs = write(SEQUENCE, &[version.whole, &long, after].concat());
    let loose = write(SEQUENCE, &[&tbs, rest].concat());
    assert_eq!(rules_of(&loose, &Tables::compiled()), ["not-strict-der"]);
}

#[test]
fn every_rule_is_its_own_and_says_what_it_rests_on() {
    for (index, rule) in RULES.iter().enumerate() {
        assert!(rule.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.id);
        assert!(RULES.iter().skip(index + 1).all(|other| other.id != rule.id), "{}", rule.id);
        assert!(!rule.summary.is_empty() && !rule.sources.is_empty());
        assert!(super::rule(rule.id).is_some());
    }
}

#[test]
fn no_constraint_is_as_good_as_a_path_length() {
    let short = said_of(recent(), |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    assert!(short.is_empty());
}
