//! The published schemas are what the types say, and every document we keep fits them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;

use mintwatch::commands::launder::LaunderingDocument;
use mintwatch::commands::locate::LocationDocument;
use mintwatch::commands::{anchors, doctor};
use mintwatch::native_host::{Answer, Code, Refusal, Request, Software};
use mintwatch::observe::trust_store::Machine;
use mintwatch_validator::evidence::{
    Bytes, Chain, ChainForm, ClientAnchor, ClientView, ClockCheck, Collector, DnsAnswer, DnsRecord, EVIDENCE_VERSION, Ending, Evidence,
    EvidenceFormat, Failure, FailureClass, Families, Features, Host, KnownFault, MachineAnchor, Negotiated, Observation, Overridden,
    PortalCheck, Possession, Reach, Remembered, RememberedFrom, Seen, Sha256, StartTls, Surroundings, Target, Transport, Vantage, Via,
};
use mintwatch_validator::tables::Tables;
use serde_json::Value;
use xtask::{replays, schema, workspace};

#[test]
fn the_schemas_in_the_repository_are_what_the_types_say() {
    let stale = schema::stale(&workspace::root().unwrap()).unwrap();
    assert!(stale.is_empty(), "stale: {stale:?}; `cargo xtask schema` writes them anew");
}

#[test]
fn every_replay_fits() {
    for replay in replays::replays(&workspace::root().unwrap()).unwrap() {
        fits("evidence", &replay.evidence().unwrap(), &replay.name());
        if let Some(text) = replay.overlay().unwrap() {
            fits("overlay", &text, &replay.name());
        }
        if replay.keeps_report() {
            fits("report", &fs::read_to_string(replay.folder.join("report.json")).unwrap(), &replay.name());
        }
        fits("report", &replay.report().unwrap(), &replay.name());
    }
}

#[test]
fn a_document_with_every_field_filled_fits_and_so_does_its_report() {
    let evidence = everything();
    fits("evidence", &evidence.to_json(), "evidence with everything");
    let report = mintwatch_validator::judge(&evidence, &Tables::compiled());
    fits("report", &serde_json::to_string(&report).unwrap(), "report on everything");
}

#[test]
fn what_the_probe_tells_of_a_machine_fits() {
    let folder = workspace::root().unwrap().join("probe/tests/fixtures/trust");
    let set = |name, file: &str| (name, folder.join(file).into_os_string());
    let variables = [set("SSL_CERT_FILE", "superfish.pem"), set("PIP_CERT", "public-root.pem"), set("CURL_CA_BUNDLE", "absent.pem")];
    let machine = Machine::below(&folder, &folder, variables);
    let now = 1_795_478_400;
    let anchors = anchors::of_machine(&machine, &[], &Tables::compiled(), now);
    assert!(anchors.anchors.iter().any(|row| !row.marks.is_empty() && row.owner.is_none()));
    assert!(anchors.anchors.iter().any(|row| row.owner.is_some() && !row.programs.is_empty()));
    assert!(anchors.stores.iter().any(|store| !store.errors.is_empty()));
    fits("anchors", &serde_json::to_string(&anchors).unwrap(), "anchors");
    let doctor = doctor::of_machine(&machine, &Tables::compiled(), now, true);
    assert!(doctor.checks.iter().any(|check| check.hint.is_some()));
    fits("doctor", &serde_json::to_string(&doctor).unwrap(), "doctor");
    let leaking = serde_json::to_string(&doctor).unwrap().replacen("\"name\"", "\"path\":\"/home/somebody\",\"name\"", 2);
    assert!(!faults("doctor", &leaking).is_empty(), "the schema has room for a path");
}

#[test]
fn what_extension_and_helper_say_fits() {
    let look = r#"{"version":1,"id":2,"type":"look","host":"www.example.org","port":443,"consent":"user-agreed","proxy":"none"}"#;
    for request in [look, r#"{"version":1,"id":1,"type":"hello"}"#, r#"{"version":1,"id":3,"type":"cancel","look":2}"#] {
        fits("native-request", request, request);
        let read = Request::read(request.as_bytes()).unwrap();
        fits("native-request", &serde_json::to_string(&read).unwrap(), request);
    }
    for (good, bad) in
        [("\"version\":1", "\"version\":2"), ("user-agreed", "yes"), ("443", "0"), ("\"proxy\"", "\"url\""), ("\"look\"", "\"exec\"")]
    {
        let bad = look.replace(good, bad);
        assert!(Request::read(bad.as_bytes()).is_err() && !faults("native-request", &bad).is_empty(), "{bad}");
    }
    let evidence = everything();
    let report = mintwatch_validator::judge(&evidence, &Tables::compiled());
    let tables = Tables::compiled().versions().into_iter().map(Into::into).collect();
    let software = Software { name: "mintwatch".to_owned(), version: "0.1.0".to_owned() };
    for answer in [
        Answer::Hello { version: 1, id: 1, software, tables, capabilities: vec!["look".to_owned()], most_looks: 4 },
        Answer::Looked { version: 1, id: 2, evidence: Box::new(evidence), report: Box::new(report) },
        Answer::Cancelled { version: 1, id: 3, look: 2, found: false },
        Refusal::new(None, Code::BadJson, "not JSON").into(),
        Refusal::new(Some(2), Code::Busy, "four looks are under way").into(),
    ] {
        fits("native-answer", &serde_json::to_string(&answer).unwrap(), "an answer");
    }
}

#[test]
fn what_the_probe_tells_of_laundering_and_of_hops_fits() {
    let replay = replays::replays(&workspace::root().unwrap()).unwrap().into_iter().find(|replay| replay.name().contains("cnnic"));
    let seen = Evidence::from_json(replay.unwrap().evidence().unwrap().as_bytes()).unwrap();
    let mut evidence = everything();
    evidence.observations.extend(seen.observations.into_iter().take(1));
    evidence.observations[1].hop_limit = None;
    let last = evidence.observations.last_mut().unwrap();
    (last.target.known_fault, last.hop_limit) = (Some(KnownFault::SelfSigned), Some(2));
    let report = mintwatch_validator::judge(&evidence, &Tables::compiled());

    let laundering = LaunderingDocument::of(&evidence, report.clone());
    assert!(laundering.tried.len() > 2 && laundering.grade.is_none(), "{:?}", laundering.tried);
    let graded = LaunderingDocument { grade: Some(mintwatch::laundering::Grade::F), ..laundering.clone() };
    let location = LocationDocument::of(&evidence, report);
    assert!(location.met.iter().any(|met| met.nearest_hop == Some(2)) && location.failure.is_some(), "{:?}", location.met);
    for (kind, text) in [
        ("laundering", serde_json::to_string(&laundering).unwrap()),
        ("laundering", serde_json::to_string(&graded).unwrap()),
        ("location", serde_json::to_string(&location).unwrap()),
    ] {
        fits(kind, &text, kind);
        let more = text.replacen("\"version\"", "\"path\":\"/home/somebody\",\"version\"", 1);
        assert!(!faults(kind, &more).is_empty(), "the schema of {kind} has room for a path");
        let other = text.replacen(&format!("\"mintwatch.{kind}\""), "\"mintwatch.other\"", 1);
        assert!(!faults(kind, &other).is_empty(), "the schema of {kind} takes another format");
    }
    let laundering_again: LaunderingDocument = serde_json::from_str(&serde_json::to_string(&laundering).unwrap()).unwrap();
    assert_eq!(laundering_again, laundering);
    let location_again: LocationDocument = serde_json::from_str(&serde_json::to_string(&location).unwrap()).unwrap();
    assert_eq!(location_again, location);
}

#[test]
fn what_the_reader_refuses_does_not_fit() {
    let good: Value = serde_json::from_str(&everything().to_json()).unwrap();
    for (change, pointer, value) in [
        ("another format", "/format", Value::from("something.else")),
        ("an unknown vantage", "/collector/vantage", Value::from("oracle")),
        ("a certificate that is not base64", "/observations/0/chain/yes/certificates/0", Value::from("not base64!")),
        ("a digest in capitals", "/surroundings/anchors/yes/0/sha256", Value::from("AA".repeat(32))),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is there")) = value;
        assert!(!faults("evidence", &bad.to_string()).is_empty(), "the schema lets in {change}");
        assert!(Evidence::from_json(bad.to_string().as_bytes()).is_err(), "the reader lets in {change}");
    }
    let mut bad = good;
    bad.as_object_mut().unwrap().insert("url".to_owned(), Value::from("https://www.example.org/secret"));
    assert!(!faults("evidence", &bad.to_string()).is_empty(), "the schema has room for a URL");
}

/// Returns where a document does not fit the schema of its kind.
fn faults(kind: &str, document: &str) -> Vec<String> {
    schema::faults(&workspace::root().unwrap(), kind, document).unwrap()
}

fn fits(kind: &str, document: &str, name: &str) {
    let faults = faults(kind, document);
    assert!(faults.is_empty(), "{name}: {}", faults.join("\n"));
}

/// Evidence in which each field that can be filled is, and each kind of `Seen` occurs.
fn everything() -> Evidence {
    let host = |text: &str| Host::parse(text).unwrap();
    let target = |name: &str, transport| Target {
        host: host(name),
        port: 443,
        transport,
        server_name: Seen::Yes(host(name)),
        known_fault: Some(KnownFault::Expired),
        starttls: Some(StartTls::Smtp),
    };
    let features = || Features {
        versions: vec!["TLSv1.3".to_owned()],
        alpn: vec!["h2".to_owned()],
        groups: vec!["X25519MLKEM768".to_owned()],
        ocsp_staple: true,
    };
    let certificate = || Bytes::from(vec![0x30, 0x03, 0x02, 0x01, 0x00]);
    let completed = Observation {
        target: target("www.example.org", Transport::Tcp),
        peer: Seen::Yes("192.0.2.1:443".to_owned()),
        at: 1_795_478_400_000,
        ending: Ending::Completed,
        chain: Seen::Yes(Chain { form: ChainForm::Presented, certificates: vec![certificate(), certificate()] }),
        tls: Seen::Yes(Negotiated {
            version: "TLSv1.3".to_owned(),
            cipher_suite: "TLS13_AES_128_GCM_SHA256".to_owned(),
            group: Seen::Yes("X25519".to_owned()),
            alpn: Seen::Yes(String::new()),
            ech_accepted: Seen::NotVisible,
            full_handshake: Seen::Yes(true),
        }),
        scts: Seen::Yes(vec![certificate()]),
        ocsp_staple: Seen::Yes(Bytes::from(Vec::new())),
        possession: Seen::Yes(Possession { scheme: 0x0403, message: certificate(), signature: certificate() }),
        offer: Seen::Yes(features()),
        via: Seen::Yes(Via::HttpConnect),
        hop_limit: Some(7),
        client: Seen::Yes(ClientView {
            anchor: Seen::Yes(ClientAnchor::Added),
            pinned: Seen::Yes(true),
            overridden: Some(Overridden::Trust),
        }),
    };
    let failed = Observation {
        target: target("192.0.2.7", Transport::Quic),
        peer: Seen::NotVisible,
        ending: Ending::Failed(Failure { class: FailureClass::TimedOut, detail: "no answer in 5 s".to_owned() }),
        chain: Seen::Failed("no certificate came".to_owned()),
        tls: Seen::NotVisible,
        scts: Seen::NotVisible,
        ocsp_staple: Seen::NotVisible,
        possession: Seen::NotVisible,
        ..completed.clone()
    };
    let anchor = MachineAnchor { sha256: Sha256::of(b"anchor"), origin: "platform".to_owned(), certificate: Seen::Yes(certificate()) };
    let record = DnsRecord { name: host("_443._tcp.www.example.org"), kind: "TLSA".to_owned(), data: "3 1 1 00".to_owned() };
    let answer = DnsAnswer {
        authenticated: Seen::Yes(true),
        records: vec![record],
        ..DnsAnswer::of(host("www.example.org"), "system", ["192.0.2.1".parse().unwrap()])
    };
    Evidence {
        format: EvidenceFormat::Evidence,
        version: EVIDENCE_VERSION,
        collector: Collector { name: "schema test".to_owned(), version: "1".to_owned(), vantage: Vantage::NativeProbe },
        collected_at: 1_795_478_410,
        observations: vec![completed, failed],
        surroundings: Surroundings {
            anchors: Seen::Yes(vec![anchor]),
            store_overrides: Seen::Yes(vec!["SSL_CERT_FILE".to_owned()]),
            clock: Seen::Yes(ClockCheck { ahead_seconds: -3, witness: "http-date".to_owned() }),
            portal: Seen::Yes(PortalCheck { captive: false, method: "http-204".to_owned() }),
            proxies: Seen::Yes(vec!["HTTPS_PROXY".to_owned()]),
            dns: Seen::Yes(vec![answer.clone()]),
            remembered: Seen::Yes(vec![Remembered {
                host: host("www.example.org"),
                port: 443,
                from: RememberedFrom::Baseline,
                at: 1_795_000_000,
                authorities: vec![Sha256::of(b"authority")],
                owners: vec!["Example Trust".to_owned()],
                features: features(),
            }]),
            families: Seen::Yes(Families { ipv4: Reach::Answered, ipv6: Reach::NoRoute }),
            invented: Seen::Yes(vec![answer]),
        },
    }
}
