//! Text exposition of Prometheus, for the textfile collector of its node exporter.

use std::fmt::Write as _;

use mintwatch_validator::verdict::{Cause, Severity};

use super::Records;
use super::text::without_tags;

pub(super) fn write(records: &Records) -> String {
    let run = &records.run;
    let mut page = Page(String::new());
    page.gauge("mintwatch_last_run_timestamp_seconds", "When the newest evidence was closed, in UNIX seconds.");
    page.sample("mintwatch_last_run_timestamp_seconds", &[], run.ended_at / 1000);
    page.gauge("mintwatch_verdict", "1 for what the newest run amounts to, 0 for all else.");
    for cause in Cause::ALL {
        page.sample("mintwatch_verdict", &[("cause", cause.word())], u64::from(cause == run.cause));
    }
    page.gauge("mintwatch_severity", "How bad it is: 0 info, 1 low, 2 medium, 3 high, 4 critical.");
    page.sample("mintwatch_severity", &[], severity(run.severity));
    page.gauge("mintwatch_hosts", "How many hosts the newest run asked.");
    page.sample("mintwatch_hosts", &[], number(run.hosts));
    page.gauge("mintwatch_hosts_measured", "Of how many of them a certificate was seen.");
    page.sample("mintwatch_hosts_measured", &[], number(run.measured));
    page.gauge("mintwatch_handshakes", "How many handshakes of the newest run amount to what.");
    for cause in Cause::ALL {
        let count = run.causes.get(cause.word()).copied().unwrap_or_default();
        page.sample("mintwatch_handshakes", &[("cause", cause.word())], number(count));
    }
    page.gauge("mintwatch_tables_age_seconds", "How much older the oldest table is than the evidence.");
    page.line(&format!("mintwatch_tables_age_seconds {}", run.knowledge.oldest_days.saturating_mul(86_400)));
    page.gauge("mintwatch_tables_stale", "1 when some table was past its limit.");
    page.sample("mintwatch_tables_stale", &[], u64::from(run.knowledge.stale));
    page.gauge("mintwatch_alert", "1 for every host that is suspect or intercepted, with the issuer of its certificate.");
    for record in records.records.iter().filter(|record| record.is_alert()).take(MOST_ALERTS) {
        let port = record.target.port.to_string();
        let issuer = record.chain.first().map_or("", |item| item.issuer.short());
        let labels = [
            ("host", record.target.host.as_str()),
            ("port", &port),
            ("cause", record.cause.word()),
            ("issuer", issuer),
            ("finding_id", &record.finding_id),
        ];
        page.sample("mintwatch_alert", &labels, 1);
    }
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn gauge(&mut self, name: &str, help: &str) {
        self.line(&format!("# HELP {name} {help}"));
        self.line(&format!("# TYPE {name} gauge"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let mut pairs = String::new();
        for (number, (label, text)) in labels.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let text = without_tags(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            // Writing to a `String` cannot fail.
            let _ = write!(pairs, "{comma}{label}=\"{text}\"");
        }
        let pairs = if pairs.is_empty() { pairs } else { format!("{{{pairs}}}") };
        self.line(&format!("{name}{pairs} {value}"));
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}

/// How many hosts are named: every one is a time series of its own.
const MOST_ALERTS: usize = 256;
