//! What each fuzz target does with its bytes: the targets call it, and so do the tests, on the seeds.
//!
//! A body returns nothing: it fails by panicking. What it asserts holds for all bytes whatsoever.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use mintwatch::certificates::{Encoding, Found, decode, read_stream};
use mintwatch::import::{Form, Import, Imported, Wanted};
use mintwatch::terminal::{Look, escaped, quoted, render};
use mintwatch_validator::audit::audit;
use mintwatch_validator::evidence::{
    Bytes, Chain, ChainForm, ClockCheck, Collector, EVIDENCE_VERSION, Evidence, EvidenceFormat, Host, Observation, Seen, Surroundings,
    Target, Vantage,
};
use mintwatch_validator::tables::Overlay;
use mintwatch_validator::{Certificate, Report, Tables, judge, scts};

/// A body and the name of its target.
pub(crate) type Body = (&'static str, fn(&[u8]));

/// Every body, by the name of its target.
pub(crate) const BODIES: [Body; 7] = [
    ("chain", chain),
    ("evidence_json", evidence_json),
    ("tables", tables),
    ("names", names),
    ("scts", handshake_scts),
    ("database", database),
    ("import", import),
];

/// A chain as TLS 1.2 carries it (RFC 5246 §7.4.2), after nine bytes that say where and when it was seen.
pub(crate) fn chain(bytes: &[u8]) {
    let Some((setting, rest)) = bytes.split_first_chunk::<9>() else { return };
    let [kind, at @ ..] = *setting;
    let mut seen = observation(HOSTS[usize::from(kind) % HOSTS.len()], certificate_list(rest));
    seen.at = u64::from_be_bytes(at);
    if let Seen::Yes(chain) = &mut seen.chain {
        chain.form = [ChainForm::Presented, ChainForm::Built, ChainForm::EndEntityOnly][usize::from(kind >> 4) % 3];
    }
    // The same certificates also as what this machine trusts: roots that are added are somebody's bytes too.
    let anchors = if kind & 8 == 0 { Vec::new() } else { certificate_list(rest) };
    judged(&evidence(vec![seen], anchors), &Tables::compiled());
}

/// An evidence document.
pub(crate) fn evidence_json(bytes: &[u8]) {
    let Ok(evidence) = Evidence::from_json(bytes) else { return };
    let written = evidence.to_json();
    let again = Evidence::from_json(written.as_bytes()).expect("what we write we read");
    assert_eq!(again.to_json(), written);
    judged(&evidence, &Tables::compiled());
}

/// An overlay of the tables, a line feed, and a host to look up in it.
pub(crate) fn tables(bytes: &[u8]) {
    let (document, host) = bytes.iter().rposition(|&byte| byte == b'\n').map_or((bytes, &[][..]), |at| bytes.split_at(at));
    let Ok(overlay) = Overlay::from_json(document) else { return };
    let Ok(tables) = Tables::compiled().with_overlay(&overlay) else { return };
    let host = std::str::from_utf8(host).ok().and_then(|host| Host::parse(host.trim()).ok());
    let hosts: Vec<Host> = overlay
        .pins
        .iter()
        .map(|pin| pin.host.clone())
        .chain(overlay.pool.iter().map(|entry| entry.host.clone()))
        .chain(host)
        .take(4)
        .collect();
    for host in &hosts {
        let _ = (tables.pins(host).is_some(), tables.operator(host).map(str::len), tables.expected_owners(host).len());
    }
    let certificates: Vec<Bytes> = overlay.disclosed.iter().chain(&overlay.public_anchors).take(4).cloned().collect();
    let seen = hosts
        .into_iter()
        .map(|host| Observation { target: Target::over_tcp(host, 443), ..observation("host.example", certificates.clone()) });
    judged(&evidence(seen.collect(), Vec::new()), &tables);
}

/// A host name; the text and the DER of a certificate's names.
pub(crate) fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert_harmless(&escaped(&text));
    assert_harmless(&quoted(&text));
    if let Ok(host) = Host::parse(&text) {
        assert_eq!(Host::parse(host.as_str()).as_ref(), Ok(&host), "a host that is read is in its one form");
        assert_harmless(host.as_str());
        judged(&evidence(vec![observation(host.as_str(), Vec::new())], Vec::new()), &Tables::compiled());
    }
    // As the contents of a Name, as one attribute's value of each string type, and as a dNSName.
    let values = [UTF8, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP].map(|tag| attribute(tag, bytes));
    for name in values.iter().map(Vec::as_slice).chain([bytes]) {
        let certificate = named_certificate(name, bytes);
        let seen = observation("host.example", vec![certificate.clone().into()]);
        judged(&evidence(vec![seen], vec![certificate.into()]), &Tables::compiled());
    }
}

/// Signed certificate timestamps and an OCSP response, as a server sends them in the handshake.
pub(crate) fn handshake_scts(bytes: &[u8]) {
    for list in [scts::parse_list(bytes), scts::parse_extension(bytes), scts::embedded(bytes)] {
        assert!(list.into_iter().flatten().count() <= bytes.len());
    }
    let _ = (scts::Sct::parse(bytes).is_ok(), scts::precertificate_tbs(bytes).is_ok());
    let certificate: Bytes = named_certificate(&[], b"host.example").into();
    let delivered = bytes.chunks(usize::from(bytes.first().copied().unwrap_or(0)) + 40).map(Bytes::from).collect();
    let seen = Observation {
        scts: Seen::Yes(delivered),
        ocsp_staple: Seen::Yes(bytes.into()),
        ..observation("host.example", vec![certificate.clone()])
    };
    judged(&evidence(vec![seen], vec![certificate]), &Tables::compiled());
}

/// A database of certificates in whatever form it is: read, and each certificate audited.
pub(crate) fn database(bytes: &[u8]) {
    let (tables, file) = (Tables::compiled(), Arc::from(Path::new("database")));
    let mut records = 0_usize;
    let ended = read_stream(&file, bytes, &mut |found| {
        records += 1;
        match found {
            Found::Record(place, encoding, bytes) => {
                assert_harmless(&escaped(&place.to_string()));
                let mut der = Vec::new();
                let decoded = match encoding {
                    Encoding::Der => {
                        der.extend(bytes);
                        Ok(())
                    }
                    Encoding::Base64 => decode(&bytes, &mut Vec::new(), &mut der),
                };
                if decoded.is_ok() {
                    audited(&der, &tables);
                }
            }
            Found::Bad(_, trouble) => assert_harmless(&escaped(&trouble.to_string())),
            Found::Other(_) => {}
        }
        ControlFlow::Continue(())
    });
    assert!(ended.is_continue() && records <= bytes.len() + 1, "{records} records in {} bytes", bytes.len());
}

/// What others recorded, in whatever form it is: read, and judged. What is nothing we know is read as a capture.
pub(crate) fn import(bytes: &[u8]) {
    let file: Arc<Path> = Arc::from(Path::new("record"));
    for form in [None, Some(Form::Pcap)] {
        let mut import = Import::new(Wanted { form, host: None, at: Some(1_795_478_400) });
        if import.add(&file, Box::new(std::io::Cursor::new(bytes.to_vec()))).is_err() {
            continue;
        }
        let Ok(Imported { evidence, tally }) = import.finish(0) else { return };
        assert!(evidence.observations.len() <= bytes.len() && tally.records + tally.bad <= bytes.len() as u64 * 2 + 2);
        tally.named.iter().for_each(|named| assert_harmless(&escaped(named)));
        let written = evidence.to_json();
        assert_eq!(Evidence::from_json(written.as_bytes()).map(|read| read.to_json()).ok(), Some(written), "what we write we read");
        judged(&evidence, &Tables::compiled());
        return;
    }
}

/// Asks the rules of an audit about a certificate, of today and of the far past and future.
fn audited(der: &[u8], tables: &Tables) {
    let Ok(certificate) = Certificate::read(der) else { return };
    for at in [i64::MIN, 0, 1_795_478_400, i64::MAX] {
        for finding in audit(&certificate, tables, at) {
            assert_harmless(&escaped(&finding.says));
        }
    }
}

/// Judges and asserts what holds of every judgement: a row for each handshake, one form, no character that acts.
pub(crate) fn judged(evidence: &Evidence, tables: &Tables) -> Report {
    let report = judge(evidence, tables);
    assert_eq!(report.hosts.len(), evidence.observations.len());
    let json = report.to_json();
    assert_harmless(&json);
    assert!(!json.contains(['<', '>']), "a tag in JSON");
    assert_eq!(Report::from_json(json.as_bytes()).map(|read| read.to_json()).ok(), Some(json), "what we write we read");
    let page = render(&report, Look::plain());
    page.lines().for_each(assert_harmless);
    report
}

/// Asserts that a line has nothing that acts on a terminal or hides what is there.
pub(crate) fn assert_harmless(line: &str) {
    let found = line.chars().find(|&letter| acts(letter));
    assert!(found.is_none(), "{found:?} in {line:?}");
}

/// Controls of ASCII and of Latin-1, line and paragraph separators, and what turns or hides text (Unicode UAX #9, Cf).
fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Hosts with a pin set, with an expectation, with neither, with an address.
const HOSTS: [&str; 8] = [
    "www.google.com",
    "www.facebook.com",
    "host.example",
    "192.168.1.1",
    "intranet",
    "en.wikipedia.org",
    "2001:db8::1",
    "accounts.google.com",
];

/// One handshake with these certificates, on 24 November 2026.
pub(crate) fn observation(host: &str, certificates: Vec<Bytes>) -> Observation {
    let host = Host::parse(host).expect("a host of ours");
    Observation {
        chain: Seen::Yes(Chain { form: ChainForm::Presented, certificates }),
        ..Observation::unseen(Target::over_tcp(host, 443), 1_795_478_400_000)
    }
}

/// Evidence on a machine that trusts these anchors besides.
pub(crate) fn evidence(observations: Vec<Observation>, anchors: Vec<Bytes>) -> Evidence {
    let anchor = |certificate: Bytes| mintwatch_validator::evidence::MachineAnchor {
        sha256: mintwatch_validator::evidence::Sha256::of(certificate.as_slice()),
        origin: "platform".to_owned(),
        certificate: Seen::Yes(certificate),
    };
    Evidence {
        format: EvidenceFormat::Evidence,
        version: EVIDENCE_VERSION,
        collector: Collector { name: "fuzz".to_owned(), version: "1".to_owned(), vantage: Vantage::Files },
        collected_at: observations.iter().map(|observation| observation.at / 1000).max().unwrap_or_default(),
        observations,
        surroundings: Surroundings {
            anchors: Seen::Yes(anchors.into_iter().map(anchor).collect()),
            clock: Seen::Yes(ClockCheck { ahead_seconds: 0, witness: "stated".to_owned() }),
            ..Surroundings::unseen()
        },
    }
}

/// Certificates after a length of three bytes each; the last may be cut short.
fn certificate_list(mut rest: &[u8]) -> Vec<Bytes> {
    let mut found = Vec::new();
    while let Some(([high, middle, low], tail)) = rest.split_first_chunk::<3>() {
        let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        let (certificate, tail) = tail.split_at(length.min(tail.len()));
        found.push(certificate.into());
        rest = tail;
    }
    found
}

/// A certificate with these contents of subject and issuer and this dNSName; nobody signed it.
pub(crate) fn named_certificate(name: &[u8], dns_name: &[u8]) -> Vec<u8> {
    let name = der(SEQUENCE, name);
    let names = der(SEQUENCE, &der(0x82, dns_name));
    let extension = der(SEQUENCE, &[der(OID, &[0x55, 0x1d, 0x11]), der(OCTET_STRING, &names)].concat());
    let algorithm = der(SEQUENCE, &der(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let key = der(
        SEQUENCE,
        &[
            der(SEQUENCE, &[der(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), der(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])].concat()),
            der(BIT_STRING, &[&[0, 4][..], &[7; 64]].concat()),
        ]
        .concat(),
    );
    let validity = der(SEQUENCE, &[der(UTC_TIME, b"260101000000Z"), der(UTC_TIME, b"270101000000Z")].concat());
    let tbs = [
        der(0xa0, &der(INTEGER, &[2])),
        der(INTEGER, &[1; 12]),
        algorithm.clone(),
        name.clone(),
        validity,
        name,
        key,
        der(0xa3, &der(SEQUENCE, &extension)),
    ];
    der(SEQUENCE, &[der(SEQUENCE, &tbs.concat()), algorithm, der(BIT_STRING, &[0, 0x30, 0])].concat())
}

/// A relative distinguished name with a common name of one string type.
pub(crate) fn attribute(tag: u8, value: &[u8]) -> Vec<u8> {
    der(SET, &der(SEQUENCE, &[der(OID, &[0x55, 4, 3]), der(tag, value)].concat()))
}

/// One DER element, of less than 2^24 bytes.
pub(crate) fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let [.., high, middle, low] = contents.len().to_be_bytes();
    let mut element = match (high, middle, low) {
        (0, 0, 0..=0x7f) => vec![tag, low],
        (0, 0, _) => vec![tag, 0x81, low],
        (0, _, _) => vec![tag, 0x82, middle, low],
        _ => vec![tag, 0x83, high, middle, low],
    };
    element.extend(contents);
    element
}

/// Returns whether such a certificate can be read, so that its names reach the report.
pub(crate) fn is_readable(certificate: &[u8]) -> bool {
    Certificate::read(certificate).is_ok()
}

const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OCTET_STRING: u8 = 4;
const OID: u8 = 6;
/// The string types of DirectoryString (RFC 5280 §4.1.2.4) and IA5String.
pub(crate) const UTF8: u8 = 12;
pub(crate) const PRINTABLE: u8 = 19;
pub(crate) const TELETEX: u8 = 20;
pub(crate) const IA5: u8 = 22;
const UTC_TIME: u8 = 23;
pub(crate) const UNIVERSAL: u8 = 28;
pub(crate) const BMP: u8 = 30;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
