//! R-A7: no name in a certificate, and no text in evidence, acts on a terminal, a page or a spreadsheet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use clap::ValueEnum as _;
use mintwatch::formats::{Format, write};
use mintwatch::terminal::{Look, render};
use mintwatch_tests::{Ca, DAY, NOW, Profile, Replay, tables_with_public};
use mintwatch_validator::evidence::{Bytes, Evidence, Seen};
use mintwatch_validator::{Report, Tables, judge};
use xtask::fuzz::HOSTILE_NAMES;

#[path = "fuzz/bodies.rs"]
#[allow(dead_code, reason = "shared with the fuzz targets")]
mod bodies;

use bodies::{BMP, IA5, PRINTABLE, TELETEX, UNIVERSAL, UTF8, attribute, named_certificate};

/// The names as text, one that is very long, and one that is nothing but marks that combine.
fn names() -> Vec<String> {
    let long = "A very long name \u{1b}[31m".repeat(4000);
    let marks = format!("z{}", "\u{351}\u{36b}\u{343}".repeat(2000));
    HOSTILE_NAMES.iter().map(|&name| name.to_owned()).chain([long, marks]).collect()
}

/// The name as each string type of X.520 carries it, and bytes that none of them allows.
fn encodings(name: &str) -> Vec<(u8, Vec<u8>)> {
    let utf16 = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let utf32 = name.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect();
    let latin1: Vec<u8> = name.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(0x9b)).collect();
    let invalid: Vec<u8> = [name.as_bytes(), &[0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]].concat();
    let mut all: Vec<(u8, Vec<u8>)> = vec![(BMP, utf16), (UNIVERSAL, utf32)];
    for tag in [UTF8, PRINTABLE, TELETEX, IA5] {
        all.extend([(tag, name.as_bytes().to_vec()), (tag, latin1.clone()), (tag, invalid.clone())]);
    }
    all.extend([(BMP, invalid.clone()), (UNIVERSAL, invalid)]);
    all
}

/// Asserts it of every form in which a report leaves us, and returns how many there were.
fn all_forms_are_harmless(evidence: &Evidence, report: &Report) -> usize {
    let json = report.to_json();
    bodies::assert_harmless(&json);
    assert!(!json.contains(['<', '>']), "a tag in JSON");
    render(report, Look::plain()).lines().for_each(bodies::assert_harmless);
    let painted = render(report, Look { colour: true, width: 60 });
    without_our_colours(&painted).lines().for_each(bodies::assert_harmless);
    assert!(painted.lines().all(|line| line.len() <= 16 * 1024), "a line without end");
    let formats = Format::value_variants();
    for format in formats {
        let text = write(*format, evidence, report, None, Look::plain());
        text.lines().for_each(bodies::assert_harmless);
        assert!(text.split_inclusive('\n').all(|line| line.ends_with('\n') && !line.contains('\r')), "{format:?}");
        if *format != Format::Human {
            has_no_tag_of_others(*format, &text);
        }
        if matches!(format, Format::Ndjson | Format::Ecs | Format::Ocsf | Format::Otlp) {
            text.lines().for_each(|line| begins_no_formula(&serde_json::from_str(line).unwrap()));
        }
        if matches!(format, Format::Stix | Format::Misp) {
            begins_no_formula(&serde_json::from_str(&text).unwrap());
        }
    }
    3 + formats.len()
}

/// Asserts that `<` only begins an element of JUnit, or the priority of a syslog message.
fn has_no_tag_of_others(format: Format, text: &str) {
    for line in text.lines() {
        let rest = if format == Format::Syslog { line.strip_prefix('<').unwrap() } else { line };
        for (at, _) in rest.match_indices('<') {
            let element = rest[at + 1..].trim_start_matches(['/', '?']).split(|letter: char| !letter.is_ascii_lowercase()).next();
            let ours = ["xml", "testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped"];
            assert!(format == Format::Junit && element.is_some_and(|name| ours.contains(&name)), "{format:?}: {line}");
        }
    }
}

/// Asserts that no text of a document begins as a formula of a spreadsheet.
fn begins_no_formula(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => assert!(!text.starts_with(['=', '+', '-', '@']) || text.starts_with("-----BEGIN"), "{text}"),
        serde_json::Value::Array(items) => items.iter().for_each(begins_no_formula),
        serde_json::Value::Object(fields) => fields.values().for_each(begins_no_formula),
        _ => {}
    }
}

/// Takes out the codes that we paint with: ESC `[`, digits and semicolons, `m`.
fn without_our_colours(painted: &str) -> String {
    let mut parts = painted.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('m').expect("a code ends with m");
        assert!(code.chars().all(|letter| letter.is_ascii_digit() || letter == ';'), "not a code of ours: {code:?}");
        plain.push_str(rest);
    }
    plain
}

#[test]
fn no_encoding_of_a_hostile_name_acts_in_any_output() {
    let (mut certificates, mut shown) = (0, 0);
    for name in names() {
        for (tag, value) in encodings(&name) {
            let certificate = named_certificate(&attribute(tag, &value), &value);
            shown += usize::from(bodies::is_readable(&certificate));
            certificates += 1;
            let certificate = Bytes::from(certificate);
            let seen = bodies::observation("host.example", vec![certificate.clone(), certificate.clone()]);
            let evidence = bodies::evidence(vec![seen], vec![certificate]);
            all_forms_are_harmless(&evidence, &judge(&evidence, &Tables::compiled()));
        }
    }
    println!("{certificates} certificates, {shown} of them readable");
    assert!(shown * 2 >= certificates, "{shown} of {certificates} reach a report");
}

#[test]
fn hostile_names_all_the_way_up_act_nowhere() {
    let mut forms = 0;
    for name in names().iter().filter(|name| name.len() < 10_000) {
        let profile = |days| Profile { organisation: name.clone(), ..Profile::new(name, NOW - 100 * DAY, days) };
        let root = Ca::root(&profile(4000));
        let issuer = root.below(&profile(1000));
        let chain: Vec<Bytes> = [issuer.leaf("host.example", &profile(300)), issuer.der.clone()].map(Bytes::from).to_vec();
        let other = [issuer.leaf("www.bbc.com", &profile(300)), issuer.der.clone()].map(Bytes::from).to_vec();
        let both = vec![bodies::observation("host.example", chain), bodies::observation("www.bbc.com", other)];
        // As a root that this machine added, as a public one, and as nobody's.
        let local = bodies::evidence(both.clone(), vec![root.der.clone().into()]);
        for (evidence, tables) in [
            (local, Tables::compiled()),
            (bodies::evidence(both.clone(), Vec::new()), tables_with_public(&root)),
            (bodies::evidence(both, Vec::new()), Tables::compiled()),
        ] {
            let report = judge(&evidence, &tables);
            assert!(report.hosts[0].chain[0].subject.len() >= name.len().min(20), "the name reached the report");
            forms += all_forms_are_harmless(&evidence, &report);
        }
    }
    println!("{forms} outputs");
}

#[test]
fn hostile_text_in_any_field_of_evidence_acts_nowhere() {
    let mut documents = 0;
    for replay in ["cdn-several-certificates", "internal-name", "captive-portal"].map(|name| Replay::named("benign", name)) {
        let mut evidence = replay.evidence.clone();
        evidence.surroundings.proxies = Seen::Yes(vec!["HTTPS_PROXY".to_owned()]);
        evidence.surroundings.store_overrides = Seen::Yes(vec!["SSL_CERT_FILE".to_owned()]);
        let document: serde_json::Value = serde_json::from_str(&evidence.to_json()).unwrap();
        for name in HOSTILE_NAMES {
            for pointer in texts(&document, String::new()) {
                let mut bent = document.clone();
                *bent.pointer_mut(&pointer).unwrap() = serde_json::Value::String(name.to_owned());
                // What is no free text (hosts, hashes, words of a list) is refused, and that is as good.
                if let Ok(evidence) = Evidence::from_json(bent.to_string().as_bytes()) {
                    documents += 1;
                    all_forms_are_harmless(&evidence, &judge(&evidence, &replay.tables));
                }
            }
        }
    }
    println!("{documents} documents");
    assert!(documents > 100, "{documents}");
}

/// Pointers (RFC 6901) to every text of a document but the long ones, which are certificates.
fn texts(value: &serde_json::Value, at: String) -> Vec<String> {
    match value {
        serde_json::Value::String(text) if text.len() < 100 => vec![at],
        serde_json::Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| texts(item, format!("{at}/{index}"))).collect()
        }
        serde_json::Value::Object(fields) => fields.iter().flat_map(|(key, field)| texts(field, format!("{at}/{key}"))).collect(),
        _ => Vec::new(),
    }
}
