//! Syslog (RFC 5424), one message a line, with JSON behind `@cee:` that rsyslog and syslog-ng read as fields.
//!
//! Structured data would need an enterprise number of our own (RFC 5424 §7.2.2); there is none. Nor is there a byte order
//! mark: rsyslog keeps it in the message, and the text is ASCII anyway.

use serde_json::{Value, json};

use super::record::{Record, Records, Run};
use super::scale::{confidence, of_hundred, of_syslog};
use super::text::{json as line, rfc3339};

pub(super) fn write(records: &Records) -> String {
    let messages = std::iter::once(of_run(&records.run)).chain(records.told().map(message));
    messages.fold(String::new(), |text, message| text + &message + "\n")
}

fn of_run(run: &Run) -> String {
    let fields = json!({
        "run_id": run.run_id, "cause": run.cause.word(), "severity": run.severity, "confidence": confidence(run.confidence),
        "because": run.because, "hosts": run.hosts, "measured": run.measured, "handshakes": run.handshakes, "causes": run.causes,
        "vantage": run.vantage, "knowledge": run.knowledge,
    });
    header(of_syslog(run.severity), run.ended_at, "run") + &cee(&fields)
}

fn message(record: &Record) -> String {
    let header = header(of_syslog(record.severity), record.observed_at, record.cause.word());
    // A receiver may cut a message of more than 2,048 bytes, and rsyslog does past 8,192 (RFC 5424 §6.1): less is told of
    // the chain until it fits.
    let attempts = [(MOST_TOLD, MOST_TOLD), (2, 4), (1, 2), (1, 0)].map(|(chain, rules)| cee(&fields(record, chain, rules)));
    let fits = |attempt: &&String| header.len() + attempt.len() <= LONGEST_MESSAGE;
    let chosen = attempts.iter().find(fits).or(attempts.last()).cloned().unwrap_or_default();
    header + &chosen
}

fn header(severity: u8, at: u64, kind: &str) -> String {
    // No host name: this machine's own is nobody's business.
    format!("<{}>1 {} - mintwatch - {kind} - ", FACILITY * 8 + severity, rfc3339(at))
}

fn cee(fields: &Value) -> String {
    format!("@cee: {}", line(fields))
}

fn fields(record: &Record, certificates: usize, rules: usize) -> Value {
    let chain: Vec<Value> = record
        .chain
        .iter()
        .take(certificates)
        .map(|item| {
            json!({
                "sha256": item.sha256, "subject": item.subject.text, "issuer": item.issuer.text, "serial": item.serial_upper(),
                "not_before": item.not_before, "not_after": item.not_after, "is_ca": item.is_ca,
            })
        })
        .collect();
    let rules: Vec<Value> =
        record.rules.iter().take(rules).map(|rule| json!({ "id": rule.id, "says": rule.says, "decided": rule.decided })).collect();
    json!({
        "finding_id": record.finding_id, "observation_id": record.observation_id, "run_id": record.run_id,
        "cause": record.cause.word(), "severity": record.severity, "confidence": confidence(record.confidence),
        "confidence_percent": of_hundred(record.confidence), "because": record.because,
        "host": record.target.host, "port": record.target.port, "address": record.target.addresses.first(),
        "ways": record.ways.iter().take(MOST_TOLD).collect::<Vec<_>>(), "tls_version": record.tls.as_ref().map(|tls| &tls.version),
        "chain": chain, "certificates": record.chain.len() + record.certificates_left_out, "rules": rules,
        "anchor": record.anchor.kind, "stale": record.knowledge.stale, "lab_tables": record.knowledge.lab_tables,
        "vantage": record.vantage.label,
    })
}

/// local0 (RFC 5424 §6.2.1), which is left to whoever runs the machine.
const FACILITY: u8 = 16;
/// The longest message, in bytes.
const LONGEST_MESSAGE: usize = 8_000;
/// How many certificates, rules and ways are told at most.
const MOST_TOLD: usize = 8;
