//! MISP: one event with an `x509` object (template 14) for each certificate of every alert, and a `network-connection`.

use mintwatch_validator::evidence::Transport;
use mintwatch_validator::verdict::Confidence;
use serde_json::{Value, json};

use super::item::Item;
use super::record::{Record, Records, id};
use super::scale::{of_misp, techniques, title};
use super::text::{day_and_second, pretty, rfc3339};

pub(super) fn write(records: &Records) -> String {
    let run = &records.run;
    let alerts: Vec<&Record> = records.told().filter(|record| record.is_alert()).collect();
    let objects: Vec<Value> = alerts.iter().flat_map(|record| objects(record)).collect();
    let day = rfc3339(run.ended_at);
    let day = day.split('T').next().unwrap_or_default();
    pretty(&json!({ "Event": {
        "uuid": id(&format!("misp event\n{}", run.run_id)),
        "info": format!("{}: {}", title(run.cause), run.because),
        "date": day,
        "timestamp": (run.ended_at / 1000).to_string(),
        "threat_level_id": of_misp(run.severity).to_string(),
        // Complete: nothing is added to a run that is over.
        "analysis": "2",
        // Your organisation only: whoever shares it decides with whom.
        "distribution": "0",
        "published": false,
        "Tag": tags(records),
        "Attribute": [],
        "Object": objects,
    } }))
}

fn tags(records: &Records) -> Vec<Value> {
    let run = &records.run;
    let likelihood = match run.confidence {
        Confidence::Weak => "roughly-even-chance",
        Confidence::Strong => "very-likely",
        Confidence::Proven => "almost-certain",
    };
    let mut names =
        vec![format!("mintwatch:cause=\"{}\"", run.cause.word()), format!("estimative-language:likelihood-probability=\"{likelihood}\"")];
    names.extend(
        techniques(run.cause).iter().map(|technique| format!("misp-galaxy:mitre-attack-pattern=\"{} - {}\"", technique.name, technique.id)),
    );
    if run.knowledge.lab_tables.is_some() {
        names.push("mintwatch:tables=\"lab\"".to_owned());
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn objects(record: &Record) -> Vec<Value> {
    let certificates = record.chain.iter().enumerate().map(|(place, item)| {
        let name = format!("{}\n{place}", record.observation_id);
        let comment = format!("{}, certificate {}: {}", record.place(), place + 1, record.because);
        object(&X509, &name, &comment, record, x509(item, record, place))
    });
    let name = format!("{}\nconnection", record.observation_id);
    std::iter::once(object(&CONNECTION, &name, &record.because, record, connection(record))).chain(certificates).collect()
}

/// One attribute of an object: its relation, its type, its value.
type Attribute = (&'static str, &'static str, String);

fn x509(item: &Item, record: &Record, place: usize) -> Vec<Attribute> {
    let mut all: Vec<Attribute> = vec![
        ("x509-fingerprint-sha256", "x509-fingerprint-sha256", item.sha256.to_string()),
        ("raw-base64", "text", data_encoding::BASE64.encode(item.der.as_slice())),
        ("pem", "text", item.pem()),
    ];
    if !item.is_readable() {
        return all;
    }
    all.extend([
        ("serial-number", "text", item.serial_upper().to_ascii_lowercase()),
        ("issuer", "text", item.issuer.text.clone()),
        ("subject", "text", item.subject.text.clone()),
        ("validity-not-before", "datetime", day_and_second(item.not_before)),
        ("validity-not-after", "datetime", day_and_second(item.not_after)),
        ("is_ca", "boolean", flag(item.is_ca)),
        ("is_self_signed", "boolean", flag(item.subject.text == item.issuer.text)),
        ("signature_algorithm", "text", item.signature_algorithm.clone()),
        ("pubkey-info-algorithm", "text", item.key_algorithm.clone()),
    ]);
    all.extend(item.key_bits.map(|bits| ("pubkey-info-size", "text", bits.to_string())));
    all.extend(item.subject_key_id.clone().map(|id| ("subject-key-id", "text", id)));
    all.extend(item.authority_key_id.clone().map(|id| ("issuer-key-id", "text", id)));
    for (relation, values) in [
        ("issuer-common-name", &item.issuer.common_name),
        ("issuer-organization", &item.issuer.organization),
        ("issuer-country", &item.issuer.country),
        ("subject-common-name", &item.subject.common_name),
        ("subject-organization", &item.subject.organization),
        ("subject-country", &item.subject.country),
    ] {
        all.extend(values.first().map(|value| (relation, "text", value.clone())));
    }
    let usages = item.extended_key_usages.iter().flatten();
    all.extend(usages.take(MOST_NAMES).map(|usage| ("extended_key_usage", "text", usage.clone())));
    all.extend(item.dns_names.iter().take(MOST_NAMES).map(|name| ("dns_names", "hostname", name.clone())));
    all.push(("text", "text", about(record, place)));
    all.retain(|(_, _, value)| !value.is_empty());
    all
}

fn about(record: &Record, place: usize) -> String {
    let about = |rule: &&super::record::Rule| match rule.place {
        None => true,
        Some(mintwatch_validator::finding::Place::Certificate(at) | mintwatch_validator::finding::Place::IssuerOf(at)) => at == place,
        Some(_) => false,
    };
    let says: Vec<String> = record.rules.iter().filter(about).map(|rule| format!("{}: {}", rule.id, rule.says)).collect();
    says.join("; ")
}

fn connection(record: &Record) -> Vec<Attribute> {
    let mut all: Vec<Attribute> = vec![
        ("dst-port", "port", record.target.port.to_string()),
        ("layer4-protocol", "text", if record.target.transport == Transport::Quic { "UDP" } else { "TCP" }.to_owned()),
        ("layer7-protocol", "text", "TLS".to_owned()),
        ("first-packet-seen", "datetime", rfc3339(record.first_seen)),
        ("last-packet-seen", "datetime", rfc3339(record.last_seen)),
    ];
    let address = record.target.host.address().or(record.target.addresses.first().copied());
    all.extend(address.map(|address| ("ip-dst", "ip-dst", address.to_string())));
    if record.target.host.address().is_none() {
        all.push(("hostname-dst", "hostname", record.target.host.to_string()));
    }
    all
}

fn object(template: &Template, name: &str, comment: &str, record: &Record, attributes: Vec<Attribute>) -> Value {
    let timestamp = (record.observed_at / 1000).to_string();
    let attributes: Vec<Value> = attributes
        .into_iter()
        .enumerate()
        .map(|(number, (relation, kind, value))| {
            json!({
                "uuid": id(&format!("misp attribute\n{name}\n{number}")),
                "object_relation": relation,
                "type": kind,
                "category": category(kind),
                "value": value,
                "to_ids": kind == "x509-fingerprint-sha256",
                "timestamp": timestamp,
                "distribution": "5",
                "disable_correlation": matches!(kind, "boolean" | "datetime" | "port"),
            })
        })
        .collect();
    json!({
        "uuid": id(&format!("misp object\n{name}")),
        "name": template.name,
        "meta-category": "network",
        "description": template.description,
        "template_uuid": template.uuid,
        "template_version": template.version,
        "timestamp": timestamp,
        "distribution": "5",
        "comment": comment,
        "Attribute": attributes,
    })
}

fn category(kind: &str) -> &'static str {
    match kind {
        "x509-fingerprint-sha256" | "hostname" | "ip-dst" | "port" => "Network activity",
        _ => "Other",
    }
}

fn flag(set: bool) -> String {
    if set { "1" } else { "0" }.to_owned()
}

/// A template of MISP objects.
struct Template {
    name: &'static str,
    uuid: &'static str,
    version: &'static str,
    description: &'static str,
}

/// MISP/misp-objects, objects/x509, of 2026-06-19.
const X509: Template = Template {
    name: "x509",
    uuid: "d1ab756a-26b5-4349-9f43-765630f0911c",
    version: "14",
    description: "x509 object describing a X.509 certificate",
};
/// MISP/misp-objects, objects/network-connection.
const CONNECTION: Template = Template {
    name: "network-connection",
    uuid: "af16764b-f8e5-4603-9de1-de34d272f80b",
    version: "7",
    description: "A local or remote network connection.",
};
/// How many names of one kind are told.
const MOST_NAMES: usize = 20;
