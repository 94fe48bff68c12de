//! Common Event Format (CEF:0), one event a line, without a syslog header: whoever carries it puts its own before it.

use mintwatch_validator::evidence::Transport;

use super::record::{Record, Records, Run};
use super::scale::{of_hundred, of_ten, techniques, title};
use super::text::{millis, without_tags};

pub(super) fn write(records: &Records) -> String {
    let events = std::iter::once(of_run(&records.run)).chain(records.told().map(event));
    events.fold(String::new(), |text, event| text + &event + "\n")
}

fn of_run(run: &Run) -> String {
    let fields = vec![
        ("rt", millis(run.ended_at).to_string()),
        ("start", millis(run.began_at).to_string()),
        ("end", millis(run.ended_at).to_string()),
        ("externalId", run.run_id.clone()),
        ("cat", run.cause.word().to_owned()),
        ("cnt", run.handshakes.to_string()),
        ("msg", run.because.clone()),
    ];
    header(&run.knowledge.judge, "run", title(run.cause), of_ten(run.severity)) + &extension(fields)
}

fn event(record: &Record) -> String {
    let mut fields = vec![
        ("rt", millis(record.observed_at).to_string()),
        ("start", millis(record.first_seen).to_string()),
        ("end", millis(record.last_seen).to_string()),
        ("externalId", record.finding_id.clone()),
        ("cat", record.cause.word().to_owned()),
        ("cnt", record.corroboration.same.to_string()),
        ("dhost", record.target.host.to_string()),
        ("dpt", record.target.port.to_string()),
        ("proto", if record.target.transport == Transport::Quic { "UDP" } else { "TCP" }.to_owned()),
        ("app", "TLS".to_owned()),
        ("msg", record.because.clone()),
        ("cn1Label", "confidencePercent".to_owned()),
        ("cn1", of_hundred(record.confidence).to_string()),
    ];
    let address = record.target.host.address().or(record.target.addresses.first().copied());
    fields.extend(address.map(|address| if address.is_ipv4() { ("dst", address.to_string()) } else { ("c6a3", address.to_string()) }));
    fields.extend(address.filter(std::net::IpAddr::is_ipv6).map(|_| ("c6a3Label", "Destination IPv6 Address".to_owned())));
    fields.extend(record.vantage.label.clone().map(|label| ("dvchost", label)));
    let mut rules: Vec<&str> = Vec::new();
    for rule in &record.rules {
        if !rules.contains(&rule.id.as_str()) {
            rules.push(&rule.id);
        }
    }
    let attack: Vec<&str> = techniques(record.cause).iter().map(|technique| technique.id).collect();
    let mut custom = |label_key, key, label: &str, value: String| {
        if !value.is_empty() {
            fields.extend([(label_key, label.to_owned()), (key, value)]);
        }
    };
    if let Some(end_entity) = record.chain.first() {
        custom("cs1Label", "cs1", "certificateSha256", end_entity.sha256.to_string());
        custom("cs2Label", "cs2", "certificateSerial", end_entity.serial_upper());
        custom("cs3Label", "cs3", "certificateIssuer", end_entity.issuer.text.clone());
    }
    custom("cs4Label", "cs4", "rules", rules.join(","));
    custom("cs5Label", "cs5", "attackTechniques", attack.join(","));
    custom("cs6Label", "cs6", "tables", if record.knowledge.stale { "stale".to_owned() } else { "current".to_owned() });
    header(&record.knowledge.judge, record.cause.word(), title(record.cause), of_ten(record.severity)) + &extension(fields)
}

fn header(version: &str, class: &str, name: &str, severity: u8) -> String {
    let field = |text: &str, most: usize| {
        let text: String = without_tags(text).chars().take(most).collect();
        text.replace('\\', "\\\\").replace('|', "\\|")
    };
    // The lengths are those of the CEF white paper, revision 25.
    format!("CEF:0|Mintwatch|mintwatch|{}|{}|{}|{severity}|", field(version, 31), field(class, 1023), field(name, 512))
}

/// Escapes `\` and `=`; ends of lines were made harmless already.
fn extension(fields: Vec<(&str, String)>) -> String {
    let value = |text: String| -> String {
        let text: String = without_tags(&text).chars().take(LONGEST_VALUE).collect();
        text.replace('\\', "\\\\").replace('=', "\\=")
    };
    fields.into_iter().map(|(key, text)| format!("{key}={}", value(text))).collect::<Vec<_>>().join(" ")
}

/// The longest value of an extension, in letters: what `msg` and `cs1` may hold at least is 1,023 and 4,000.
const LONGEST_VALUE: usize = 1_023;
