//! OpenTelemetry logs: one export request in the JSON encoding of OTLP 1.11, by semantic conventions 1.44.

use serde_json::{Value, json};

use super::record::{Observer, Record, Records, Run};
use super::scale::{confidence, of_hundred, of_otel};
use super::text::{json as line, millis};

pub(super) fn write(records: &Records) -> String {
    let logs = std::iter::once(of_run(&records.run)).chain(records.told().map(|record| log(record, records.run.ended_at)));
    line(&request(&records.run.vantage, &records.run.knowledge.judge, &logs.collect::<Vec<_>>())) + "\n"
}

/// Returns one record as an export request of its own, for sending.
pub(crate) fn one(record: &Record, ended_at: u64) -> String {
    line(&request(&record.vantage, &record.knowledge.judge, &[log(record, ended_at)]))
}

fn request(vantage: &Observer, version: &str, logs: &[Value]) -> Value {
    let mut resource =
        vec![text("service.name", "mintwatch"), text("service.version", version), text("telemetry.sdk.name", &vantage.software)];
    resource.extend(vantage.label.as_deref().map(|label| text("mintwatch.vantage", label)));
    json!({ "resourceLogs": [{
        "resource": { "attributes": resource },
        "schemaUrl": CONVENTIONS,
        "scopeLogs": [{
            "scope": { "name": "mintwatch", "version": version },
            "schemaUrl": CONVENTIONS,
            "logRecords": logs,
        }],
    }] })
}

fn of_run(run: &Run) -> Value {
    let (number, name) = of_otel(run.severity);
    json!({
        "timeUnixNano": nanos(run.ended_at),
        "observedTimeUnixNano": nanos(run.ended_at),
        "severityNumber": number,
        "severityText": name,
        "eventName": "mintwatch.run.completed",
        "body": { "stringValue": run.because },
        "attributes": [
            text("mintwatch.run.id", &run.run_id),
            text("mintwatch.cause", run.cause.word()),
            text("mintwatch.confidence", confidence(run.confidence)),
            number_of("mintwatch.hosts", run.hosts),
            number_of("mintwatch.hosts.measured", run.measured),
            number_of("mintwatch.handshakes", run.handshakes),
            flag("mintwatch.tables.stale", run.knowledge.stale),
        ],
    })
}

fn log(record: &Record, ended_at: u64) -> Value {
    let (number, name) = of_otel(record.severity);
    let event = if record.is_alert() { "tls.interception.detected" } else { "mintwatch.handshake.judged" };
    json!({
        "timeUnixNano": nanos(record.observed_at),
        "observedTimeUnixNano": nanos(ended_at.max(record.observed_at)),
        "severityNumber": number,
        "severityText": name,
        "eventName": event,
        "body": { "stringValue": format!("{}: {}", record.place(), record.because) },
        "attributes": attributes(record),
    })
}

fn attributes(record: &Record) -> Vec<Value> {
    let mut all = vec![
        text("mintwatch.finding.id", &record.finding_id),
        text("mintwatch.observation.id", &record.observation_id),
        text("mintwatch.run.id", &record.run_id),
        text("mintwatch.cause", record.cause.word()),
        text("mintwatch.confidence", confidence(record.confidence)),
        number_of("mintwatch.confidence.percent", usize::from(of_hundred(record.confidence))),
        text("server.address", record.target.host.as_str()),
        number_of("server.port", usize::from(record.target.port)),
        list("mintwatch.ways", record.ways.iter().map(String::as_str)),
        list("mintwatch.rules", record.rules.iter().map(|rule| rule.id.as_str())),
        list("mintwatch.says", record.rules.iter().map(|rule| rule.says.as_str())),
        text("mintwatch.anchor", record.anchor.name.as_deref().unwrap_or("none")),
        flag("mintwatch.tables.stale", record.knowledge.stale),
    ];
    all.extend(record.target.addresses.first().map(|address| text("network.peer.address", &address.to_string())));
    all.extend(record.target.server_name.as_ref().map(|name| text("tls.client.server_name", name.as_str())));
    all.extend(record.knowledge.lab_tables.as_deref().map(|label| text("mintwatch.tables.lab", label)));
    if let Some(rule) = record.deciding() {
        all.push(text("security_rule.name", &rule.id));
        all.push(text("security_rule.description", &rule.looks_for));
        all.push(text("security_rule.ruleset.name", "mintwatch"));
    }
    if let Some(tls) = &record.tls {
        all.push(text("tls.protocol.name", "tls"));
        all.push(text("tls.protocol.version", tls.version.trim_start_matches("TLSv")));
        all.push(text("tls.cipher", &tls.cipher_suite));
        all.extend(tls.alpn.as_deref().map(|alpn| text("tls.next_protocol", alpn)));
    }
    if let Some(end_entity) = record.chain.first() {
        all.push(text("tls.server.hash.sha256", &end_entity.sha256.to_string().to_ascii_uppercase()));
        all.push(text("tls.server.issuer", &end_entity.issuer.text));
        all.push(text("tls.server.subject", &end_entity.subject.text));
        let pem: Vec<String> = record.chain.iter().map(super::item::Item::pem).collect();
        all.push(list("tls.server.certificate_chain", pem.iter().map(String::as_str)));
    }
    all
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn flag(key: &str, value: bool) -> Value {
    json!({ "key": key, "value": { "boolValue": value } })
}

fn number_of(key: &str, value: usize) -> Value {
    // A 64-bit integer is a string in JSON (ProtoJSON).
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn list<'a>(key: &str, values: impl Iterator<Item = &'a str>) -> Value {
    let values: Vec<Value> = values.map(|value| json!({ "stringValue": value })).collect();
    json!({ "key": key, "value": { "arrayValue": { "values": values } } })
}

fn nanos(ms: u64) -> String {
    // The last millisecond of the calendar does not fit into 64 bits of nanoseconds.
    millis(ms).min(u64::MAX / 1_000_000).saturating_mul(1_000_000).to_string()
}

/// The semantic conventions that attributes are named by; those of TLS are still in development.
const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.44.0";
