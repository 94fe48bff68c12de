//! Open Cybersecurity Schema Framework 1.8, one event a line: the run as Scan Activity (6007), then a Detection Finding
//! (2004) for everything but hosts that are clear.

use mintwatch_validator::report::PossessionReport;
use mintwatch_validator::verdict::Cause;
use serde_json::{Map, Value, json};

use super::item::Item;
use super::record::{Observer, Record, Records, Run};
use super::scale::{Technique, confidence_of_ocsf, of_hundred, of_ocsf, techniques, title};
use super::text::{json as line, millis};

pub(super) fn write(records: &Records) -> String {
    let detections = records.told().filter(|record| record.is_alert()).count();
    let events = std::iter::once(scan(&records.run, detections)).chain(records.told().map(finding));
    events.fold(String::new(), |text, event| text + &line(&event) + "\n")
}

fn scan(run: &Run, detections: usize) -> Value {
    let (severity_id, severity) = of_ocsf(run.severity);
    json!({
        "activity_id": 2,
        "activity_name": "Completed",
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": 6007,
        "class_name": "Scan Activity",
        "type_uid": 600_702,
        "type_name": "Scan Activity: Completed",
        "severity_id": severity_id,
        "severity": severity,
        "time": millis(run.ended_at),
        "start_time": millis(run.began_at),
        "end_time": millis(run.ended_at),
        "duration": millis(run.ended_at).saturating_sub(millis(run.began_at)),
        "message": run.because,
        "metadata": metadata(&run.vantage, &run.knowledge.judge, &run.run_id, &run.run_id, run.cause),
        "num_detections": detections,
        "num_network_items": run.handshakes,
        "num_skipped_items": run.hosts.saturating_sub(run.measured),
        "total": run.hosts,
        "scan": { "uid": run.run_id, "name": "Mintwatch run", "type_id": 99, "type": "TLS interception scan" },
        "unmapped": { "cause": run.cause.word(), "causes": run.causes, "knowledge": run.knowledge },
    })
}

fn finding(record: &Record) -> Value {
    let (severity_id, severity) = of_ocsf(record.severity);
    let (confidence_id, confidence) = confidence_of_ocsf(record.confidence);
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_401,
        "type_name": "Detection Finding: Create",
        "severity_id": severity_id,
        "severity": severity,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "confidence_score": of_hundred(record.confidence),
        "is_alert": record.is_alert(),
        "status_id": 1,
        "status": "New",
        "time": millis(record.observed_at),
        "start_time": millis(record.first_seen),
        "end_time": millis(record.last_seen),
        "count": record.corroboration.same,
        "message": format!("{}: {}", record.place(), record.because),
        "metadata": metadata(&record.vantage, &record.knowledge.judge, &record.observation_id, &record.run_id, record.cause),
        "finding_info": finding_info(record),
        "evidences": [evidence(record)],
        "observables": observables(record),
        "unmapped": unmapped(record),
    })
}

fn metadata(vantage: &Observer, version: &str, uid: &str, run: &str, cause: Cause) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "product": { "name": "Mintwatch", "vendor_name": "Mintwatch", "version": version },
        "uid": uid,
        "correlation_uid": run,
        "event_code": cause.word(),
        "log_name": "mintwatch",
    });
    if let (Some(fields), Some(label)) = (metadata.as_object_mut(), &vantage.label) {
        fields.insert("labels".to_owned(), json!([format!("vantage:{label}")]));
    }
    metadata
}

fn finding_info(record: &Record) -> Value {
    let mut info = json!({
        "uid": record.finding_id,
        "title": title(record.cause),
        "desc": record.because,
        "types": [record.cause.word()],
        "first_seen_time": millis(record.first_seen),
        "last_seen_time": millis(record.last_seen),
        "created_time": millis(record.observed_at),
        "data_sources": ["TLS handshakes"],
    });
    if let Some(fields) = info.as_object_mut() {
        let analytic =
            |rule: &super::record::Rule| json!({ "uid": rule.id, "name": rule.id, "desc": rule.looks_for, "type_id": 1, "type": "Rule" });
        let mut rules = record.rules.iter().filter(|rule| rule.decided);
        if let Some(first) = rules.next() {
            fields.insert("analytic".to_owned(), analytic(first));
        }
        let mut others: Vec<Value> = Vec::new();
        for other in record.rules.iter().skip(1).map(analytic) {
            if !others.contains(&other) {
                others.push(other);
            }
        }
        if !others.is_empty() {
            fields.insert("related_analytics".to_owned(), others.into());
        }
        let attacks: Vec<Value> = techniques(record.cause).iter().map(attack).collect();
        if !attacks.is_empty() {
            fields.insert("attacks".to_owned(), attacks.into());
        }
    }
    info
}

fn attack(technique: &Technique) -> Value {
    let tactic = json!({ "uid": technique.tactic.0, "name": technique.tactic.1 });
    let this = json!({ "uid": technique.id, "name": technique.name });
    match technique.part_of {
        None => json!({ "tactic": tactic, "technique": this }),
        Some((uid, name)) => json!({ "tactic": tactic, "technique": { "uid": uid, "name": name }, "sub_technique": this }),
    }
}

fn evidence(record: &Record) -> Value {
    let mut endpoint = Map::from_iter([("port".to_owned(), Value::from(record.target.port))]);
    let address = record.target.host.address().or(record.target.addresses.first().copied());
    if let Some(address) = address {
        endpoint.insert("ip".to_owned(), address.to_string().into());
    }
    if record.target.host.address().is_none() {
        endpoint.insert("hostname".to_owned(), record.target.host.as_str().into());
    }
    let (verdict_id, verdict) = if record.is_alert() { (4, "Suspicious") } else { (0, "Unknown") };
    let der: Vec<String> = record.chain.iter().map(|item| data_encoding::BASE64.encode(item.der.as_slice())).collect();
    let mut evidence = json!({ "dst_endpoint": endpoint, "verdict_id": verdict_id, "verdict": verdict });
    if let Some(fields) = evidence.as_object_mut() {
        if !der.is_empty() {
            // OCSF has no place for a certificate itself: its chain is one of serial numbers.
            fields.insert("data".to_owned(), json!({ "certificates_der_base64": der }));
        }
        if let Some(tls) = tls(record) {
            fields.insert("tls".to_owned(), tls);
        }
    }
    evidence
}

/// Returns what OCSF tells of a TLS connection; none where its version, which it wants, was not seen.
fn tls(record: &Record) -> Option<Value> {
    let agreed = record.tls.as_ref()?;
    let mut fields = Map::from_iter([
        ("version".to_owned(), Value::from(agreed.version.trim_start_matches("TLSv"))),
        ("cipher".to_owned(), agreed.cipher_suite.as_str().into()),
    ]);
    if let Some(name) = &record.target.server_name {
        fields.insert("sni".to_owned(), name.as_str().into());
    }
    if let Some(end_entity) = record.chain.first() {
        fields.insert("certificate".to_owned(), certificate(end_entity));
        fields.insert("certificate_chain".to_owned(), record.chain.iter().map(Item::serial_upper).collect());
    }
    Some(fields.into())
}

fn certificate(item: &Item) -> Value {
    let sans: Vec<Value> = item.dns_names.iter().map(|name| json!({ "type": "dNSName", "name": name })).collect();
    let mut fields = json!({
        "issuer": item.issuer.text,
        "subject": item.subject.text,
        "serial_number": item.serial_upper(),
        "fingerprints": [{ "algorithm_id": 3, "algorithm": "SHA-256", "value": item.sha256 }],
        "created_time": item.not_before.saturating_mul(1000),
        "expiration_time": item.not_after.saturating_mul(1000),
        "is_self_signed": item.subject.text == item.issuer.text && item.is_readable(),
    });
    if let (Some(fields), false) = (fields.as_object_mut(), sans.is_empty()) {
        fields.insert("sans".to_owned(), sans.into());
    }
    fields
}

fn observables(record: &Record) -> Value {
    let host = match record.target.host.address() {
        Some(_) => json!({ "name": "evidences[0].dst_endpoint.ip", "type_id": 2, "type": "IP Address", "value": record.target.host }),
        None => json!({ "name": "evidences[0].dst_endpoint.hostname", "type_id": 1, "type": "Hostname", "value": record.target.host }),
    };
    let hashes = record.chain.iter().map(|item| json!({ "name": "evidences[0].data", "type_id": 8, "type": "Hash", "value": item.sha256 }));
    std::iter::once(host).chain(hashes).collect()
}

fn unmapped(record: &Record) -> Value {
    let says: Vec<Value> = record
        .rules
        .iter()
        .map(|rule| json!({ "rule": rule.id, "weight": rule.weight, "says": rule.says, "rests_on": rule.rests_on }))
        .collect();
    let chain: Vec<Value> = record
        .chain
        .iter()
        .map(|item| {
            json!({
                "sha256": item.sha256, "spki_sha256": item.spki_sha256, "subject": item.subject.text, "issuer": item.issuer.text,
                "is_ca": item.is_ca, "path_len": item.path_len, "extended_key_usages": item.extended_key_usages,
                "technically_constrained": item.technically_constrained, "embedded_scts": item.embedded_scts,
            })
        })
        .collect();
    json!({
        "cause": record.cause.word(),
        "ways": record.ways,
        "rules": says,
        "chain": chain,
        "anchor": record.anchor,
        "policy": record.policy,
        "expectation": record.expectation,
        "corroboration": record.corroboration,
        "key_possession_proven": record.possession == PossessionReport::Proven,
        "knowledge": record.knowledge,
        "redactions": record.redactions,
    })
}

/// The version of the schema this is written for.
const VERSION: &str = "1.8.0";
