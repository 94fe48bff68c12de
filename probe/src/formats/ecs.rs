//! Elastic Common Schema 9.4, one event a line: the run first. What it has no field for stands below `mintwatch`.

use mintwatch_validator::evidence::Transport;
use serde_json::{Map, Value, json};

use super::item::{Item, NameRecord};
use super::record::{Record, Records, Run};
use super::scale::{of_hundred, of_ten, techniques, title};
use super::text::{day_and_second, json as line, rfc3339};

pub(super) fn write(records: &Records) -> String {
    let events = std::iter::once(of_run(&records.run)).chain(records.records.iter().map(event));
    events.fold(String::new(), |text, event| text + &line(&event) + "\n")
}

fn of_run(run: &Run) -> Value {
    json!({
        "@timestamp": rfc3339(run.ended_at),
        "ecs": { "version": VERSION },
        "message": run.because,
        "event": {
            "id": run.run_id,
            "kind": "event",
            "category": ["network"],
            "type": ["info"],
            "action": "run-completed",
            "module": "mintwatch",
            "provider": "mintwatch",
            "dataset": "mintwatch.run",
            "code": run.cause.word(),
            "start": rfc3339(run.began_at),
            "end": rfc3339(run.ended_at),
            "severity": of_ten(run.severity),
        },
        "observer": observer(&run.knowledge.judge, run.vantage.label.as_deref()),
        "mintwatch": { "run": run },
    })
}

fn event(record: &Record) -> Value {
    let mut event = json!({
        "@timestamp": rfc3339(record.observed_at),
        "ecs": { "version": VERSION },
        "message": format!("{}: {}", record.place(), record.because),
        "tags": [record.cause.word()],
        "event": {
            "id": record.finding_id,
            "kind": if record.is_alert() { "alert" } else { "event" },
            "category": if record.is_alert() { vec!["network", "intrusion_detection"] } else { vec!["network"] },
            "type": ["info"],
            "action": "tls-handshake-judged",
            "module": "mintwatch",
            "provider": "mintwatch",
            "dataset": "mintwatch.finding",
            "code": record.cause.word(),
            "reason": record.because,
            "start": rfc3339(record.first_seen),
            "end": rfc3339(record.last_seen),
            "severity": of_ten(record.severity),
            "risk_score": f64::from(of_ten(record.severity)) * 10.0,
        },
        "destination": destination(record),
        "network": {
            "transport": if record.target.transport == Transport::Quic { "udp" } else { "tcp" },
            "protocol": "tls",
            "direction": "outbound",
        },
        "observer": observer(&record.knowledge.judge, record.vantage.label.as_deref()),
        "related": related(record),
        "mintwatch": { "finding": own(record) },
    });
    let mut add = |name: &str, value: Option<Value>| {
        if let (Some(fields), Some(value)) = (event.as_object_mut(), value) {
            fields.insert(name.to_owned(), value);
        }
    };
    add("rule", rule(record));
    add("threat", threat(record));
    add("tls", Some(tls(record)));
    event
}

fn observer(version: &str, label: Option<&str>) -> Value {
    let mut observer = json!({ "product": "Mintwatch", "type": "probe", "vendor": "Mintwatch", "version": version });
    if let (Some(fields), Some(label)) = (observer.as_object_mut(), label) {
        fields.insert("name".to_owned(), label.into());
    }
    observer
}

fn destination(record: &Record) -> Value {
    let host = record.target.host.as_str();
    let mut fields = Map::from_iter([("address".to_owned(), host.into()), ("port".to_owned(), record.target.port.into())]);
    match (record.target.host.address(), record.target.addresses.first()) {
        (Some(address), _) => drop(fields.insert("ip".to_owned(), address.to_string().into())),
        (None, address) => {
            fields.insert("domain".to_owned(), host.into());
            if let Some(address) = address {
                fields.insert("ip".to_owned(), address.to_string().into());
            }
        }
    }
    fields.into()
}

fn related(record: &Record) -> Value {
    let mut fields = Map::new();
    if record.target.host.address().is_none() {
        fields.insert("hosts".to_owned(), json!([record.target.host]));
    }
    if !record.target.addresses.is_empty() {
        fields.insert("ip".to_owned(), json!(record.target.addresses));
    }
    if !record.chain.is_empty() {
        fields.insert("hash".to_owned(), record.chain.iter().map(|item| item.sha256.to_string()).collect());
    }
    fields.into()
}

fn rule(record: &Record) -> Option<Value> {
    let rule = record.deciding()?;
    let reference = rule.rests_on.first().map_or("", String::as_str);
    Some(json!({
        "id": rule.id,
        "name": rule.looks_for,
        "description": rule.says,
        "category": title(record.cause),
        "ruleset": "mintwatch",
        "reference": reference,
    }))
}

fn threat(record: &Record) -> Option<Value> {
    let (whole, parts): (Vec<_>, Vec<_>) = techniques(record.cause).iter().partition(|technique| technique.part_of.is_none());
    if whole.is_empty() {
        return None;
    }
    let ids = whole.iter().map(|technique| technique.id).chain(parts.iter().filter_map(|part| Some(part.part_of?.0)));
    let names = whole.iter().map(|technique| technique.name).chain(parts.iter().filter_map(|part| Some(part.part_of?.1)));
    let mut technique = json!({ "id": ids.collect::<Vec<_>>(), "name": names.collect::<Vec<_>>() });
    if let (Some(fields), false) = (technique.as_object_mut(), parts.is_empty()) {
        let (ids, names): (Vec<_>, Vec<_>) = parts.iter().map(|part| (part.id, part.name)).unzip();
        fields.insert("subtechnique".to_owned(), json!({ "id": ids, "name": names }));
    }
    Some(json!({ "framework": "MITRE ATT&CK", "technique": technique }))
}

fn tls(record: &Record) -> Value {
    let mut fields =
        Map::from_iter([("established".to_owned(), record.failure.is_none().into()), ("version_protocol".to_owned(), "tls".into())]);
    if let Some(agreed) = &record.tls {
        fields.insert("version".to_owned(), agreed.version.trim_start_matches("TLSv").into());
        fields.insert("cipher".to_owned(), agreed.cipher_suite.as_str().into());
        if let Some(alpn) = &agreed.alpn {
            fields.insert("next_protocol".to_owned(), alpn.as_str().into());
        }
        if let Some(group) = &agreed.group {
            fields.insert("curve".to_owned(), group.as_str().into());
        }
    }
    if let Some(name) = &record.target.server_name {
        fields.insert("client".to_owned(), json!({ "server_name": name }));
    }
    if let Some(end_entity) = record.chain.first() {
        fields.insert("server".to_owned(), server(end_entity, &record.chain));
    }
    fields.into()
}

fn server(end_entity: &Item, chain: &[Item]) -> Value {
    json!({
        "certificate_chain": chain.iter().map(Item::pem).collect::<Vec<_>>(),
        "hash": { "sha256": end_entity.sha256.to_string().to_ascii_uppercase() },
        "issuer": end_entity.issuer.text,
        "subject": end_entity.subject.text,
        "not_before": day_and_second(end_entity.not_before),
        "not_after": day_and_second(end_entity.not_after),
        "x509": x509(end_entity),
    })
}

fn x509(item: &Item) -> Value {
    let mut fields = Map::from_iter([
        ("serial_number".to_owned(), Value::from(item.serial_upper())),
        ("issuer".to_owned(), name(&item.issuer)),
        ("subject".to_owned(), name(&item.subject)),
        ("not_before".to_owned(), day_and_second(item.not_before).into()),
        ("not_after".to_owned(), day_and_second(item.not_after).into()),
    ]);
    if item.is_readable() {
        fields.insert("public_key_algorithm".to_owned(), item.key_algorithm.as_str().into());
        fields.insert("signature_algorithm".to_owned(), item.signature_algorithm.as_str().into());
        if let Some(bits) = item.key_bits {
            fields.insert("public_key_size".to_owned(), bits.into());
        }
        if !item.dns_names.is_empty() {
            fields.insert("alternative_names".to_owned(), json!(item.dns_names));
        }
    }
    fields.into()
}

fn name(name: &NameRecord) -> Value {
    let mut fields = Map::from_iter([("distinguished_name".to_owned(), Value::from(name.text.as_str()))]);
    for (field, values) in [
        ("common_name", &name.common_name),
        ("organization", &name.organization),
        ("organizational_unit", &name.organizational_unit),
        ("country", &name.country),
        ("state_or_province", &name.state_or_province),
        ("locality", &name.locality),
    ] {
        if !values.is_empty() {
            fields.insert(field.to_owned(), json!(values));
        }
    }
    fields.into()
}

/// What ECS has no field for: the record, but for what stands elsewhere already.
fn own(record: &Record) -> Value {
    let mut own = serde_json::to_value(record).unwrap_or_default();
    if let Some(fields) = own.as_object_mut() {
        fields.insert("confidence_percent".to_owned(), of_hundred(record.confidence).into());
        if let Some(chain) = fields.get_mut("chain").and_then(Value::as_array_mut) {
            for item in chain.iter_mut().filter_map(Value::as_object_mut) {
                item.remove("der");
            }
        }
    }
    own
}

/// The version of the schema this is written for.
const VERSION: &str = "9.4.0";
