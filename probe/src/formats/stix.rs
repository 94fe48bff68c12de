//! STIX 2.1: one bundle with what was seen of every alert. The same evidence gives the same ids.

use std::collections::BTreeSet;

use mintwatch_validator::evidence::Transport;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::item::Item;
use super::record::{Record, Records, id};
use super::scale::{Technique, of_hundred, techniques, title};
use super::text::{day_and_second, pretty, rfc3339};

pub(super) fn write(records: &Records) -> String {
    let made_at = rfc3339(records.run.ended_at);
    let mut bundle = Bundle { objects: Vec::new(), known: BTreeSet::new(), made_at, observed: BTreeSet::new() };
    let label = records.run.vantage.label.as_deref().unwrap_or("Mintwatch");
    let us = bundle.domain("identity", &format!("identity\n{label}"), json!({ "name": label, "identity_class": "system" }), None);
    for record in records.told().filter(|record| record.is_alert()) {
        bundle.add(record, &us);
    }
    let id = format!("bundle--{}", id(&format!("bundle\n{}", records.run.run_id)));
    pretty(&json!({ "type": "bundle", "id": id, "objects": bundle.objects }))
}

struct Bundle {
    /// In the order they were made. MISP's import fails where an observation comes behind another that only reaches what it
    /// lists, as all do that are sorted by id.
    objects: Vec<Value>,
    /// Their ids: what two records share is told once.
    known: BTreeSet<String>,
    made_at: String,
    /// What some observation refers to already.
    observed: BTreeSet<String>,
}

impl Bundle {
    fn add(&mut self, record: &Record, us: &str) {
        let mut seen = vec![];
        for item in &record.chain {
            seen.push(self.certificate(item));
            seen.push(self.artifact(item));
        }
        let destination = self.destination(record);
        let traffic = self.traffic(record, &destination);
        seen.push(destination);
        seen.extend(self.name(record));
        // What several records share is observed by the first: MISP's import fails where two observations refer to it.
        seen.retain(|id| self.observed.insert(id.clone()));
        seen.push(traffic);
        let (first, last) = (rfc3339(record.first_seen), rfc3339(record.last_seen));
        let count = record.corroboration.same.max(1);
        let observed = json!({ "first_observed": first, "last_observed": last, "number_observed": count, "object_refs": seen });
        let observed = self.domain("observed-data", &format!("observed\n{}", record.observation_id), observed, Some(us));
        let indicator = self.indicator(record, us);
        for technique in techniques(record.cause) {
            let pattern = self.technique(technique, us);
            let name = format!("relationship\n{indicator}\n{pattern}");
            let related = json!({ "relationship_type": "indicates", "source_ref": indicator, "target_ref": pattern });
            self.domain("relationship", &name, related, Some(us));
        }
        let sighting = json!({
            "first_seen": first, "last_seen": last, "count": count, "sighting_of_ref": indicator, "observed_data_refs": [observed],
            "where_sighted_refs": [us],
        });
        self.domain("sighting", &format!("sighting\n{}", record.finding_id), sighting, Some(us));
    }

    /// What to look for: the certificate that vouches, or the end-entity where none was sent.
    fn indicator(&mut self, record: &Record, us: &str) -> String {
        let item = record.chain.get(1).or(record.chain.first());
        let pattern = item.map_or_else(
            || format!("[domain-name:value = '{}']", record.target.host),
            |item| format!("[x509-certificate:hashes.'SHA-256' = '{}']", item.sha256),
        );
        let fields = json!({
            "name": title(record.cause),
            "description": description(record),
            "indicator_types": ["anomalous-activity"],
            "pattern": pattern,
            "pattern_type": "stix",
            "valid_from": rfc3339(record.first_seen),
            "confidence": of_hundred(record.confidence),
            "labels": labels(record),
        });
        self.domain("indicator", &format!("indicator\n{}", record.finding_id), fields, Some(us))
    }

    fn technique(&mut self, technique: &Technique, us: &str) -> String {
        let url = format!("https://attack.mitre.org/techniques/{}", technique.id.replace('.', "/"));
        let reference = json!({ "source_name": "mitre-attack", "external_id": technique.id, "url": url });
        let fields = json!({ "name": technique.name, "external_references": [reference] });
        self.domain("attack-pattern", &format!("attack-pattern\n{}", technique.id), fields, Some(us))
    }

    fn certificate(&mut self, item: &Item) -> String {
        let serial = item.serial_upper().to_ascii_lowercase();
        let contributes = json!({ "hashes": { "SHA-256": item.sha256 }, "serial_number": serial });
        let mut fields = Map::from_iter([
            ("hashes".to_owned(), json!({ "SHA-256": item.sha256 })),
            ("serial_number".to_owned(), serial.into()),
            ("is_self_signed".to_owned(), (item.subject.text == item.issuer.text && item.is_readable()).into()),
        ]);
        if item.is_readable() {
            fields.insert("issuer".to_owned(), item.issuer.text.as_str().into());
            fields.insert("subject".to_owned(), item.subject.text.as_str().into());
            fields.insert("validity_not_before".to_owned(), day_and_second(item.not_before).into());
            fields.insert("validity_not_after".to_owned(), day_and_second(item.not_after).into());
            fields.insert("signature_algorithm".to_owned(), item.signature_algorithm.as_str().into());
            fields.insert("subject_public_key_algorithm".to_owned(), item.key_algorithm.as_str().into());
            fields.insert("x509_v3_extensions".to_owned(), extensions(item));
        }
        self.observable("x509-certificate", &contributes, fields)
    }

    fn artifact(&mut self, item: &Item) -> String {
        let contributes = json!({
            "hashes": { "SHA-256": item.sha256 }, "payload_bin": data_encoding::BASE64.encode(item.der.as_slice()),
        });
        let mut fields = contributes.as_object().cloned().unwrap_or_default();
        fields.insert("mime_type".to_owned(), "application/pkix-cert".into());
        self.observable("artifact", &contributes, fields)
    }

    /// The address that answered, or the name where none is known.
    fn destination(&mut self, record: &Record) -> String {
        let address = record.target.host.address().or(record.target.addresses.first().copied());
        let (kind, value) = match address {
            Some(std::net::IpAddr::V4(address)) => ("ipv4-addr", address.to_string()),
            Some(std::net::IpAddr::V6(address)) => ("ipv6-addr", address.to_string()),
            None => ("domain-name", record.target.host.to_string()),
        };
        let contributes = json!({ "value": value });
        let fields = contributes.as_object().cloned().unwrap_or_default();
        self.observable(kind, &contributes, fields)
    }

    /// The name that was asked for, where it is one. It refers to no address: MISP's import fails where two names share one.
    fn name(&mut self, record: &Record) -> Option<String> {
        let name = json!({ "value": record.target.host });
        let fields = name.as_object().cloned().unwrap_or_default();
        record.target.host.address().is_none().then(|| self.observable("domain-name", &name, fields))
    }

    fn traffic(&mut self, record: &Record, destination: &str) -> String {
        let network = match destination.split_once("--").map(|(kind, _)| kind) {
            Some("ipv6-addr") => "ipv6",
            _ => "ipv4",
        };
        let transport = if record.target.transport == Transport::Quic { "udp" } else { "tcp" };
        let protocols: Vec<&str> =
            [network, transport, "tls"].into_iter().filter(|word| *word != "ipv4" || !destination.starts_with("domain")).collect();
        let contributes = json!({
            "start": rfc3339(record.observed_at), "dst_ref": destination, "dst_port": record.target.port, "protocols": protocols,
        });
        let fields = contributes.as_object().cloned().unwrap_or_default();
        self.observable("network-traffic", &contributes, fields)
    }

    /// Adds a cyber-observable object; its id is made of what contributes to it (STIX 2.1 §2.9), as canonical JSON (RFC 8785).
    fn observable(&mut self, kind: &str, contributes: &Value, mut fields: Map<String, Value>) -> String {
        // Keys are sorted, numbers are small integers, and no text here needs an escape that RFC 8785 writes otherwise.
        let canonical = contributes.to_string();
        let id = format!("{kind}--{}", Uuid::new_v5(&OBSERVABLES, canonical.as_bytes()));
        fields.insert("type".to_owned(), kind.into());
        fields.insert("spec_version".to_owned(), "2.1".into());
        fields.insert("id".to_owned(), id.as_str().into());
        self.insert(&id, fields);
        id
    }

    fn insert(&mut self, id: &str, fields: Map<String, Value>) {
        if self.known.insert(id.to_owned()) {
            self.objects.push(fields.into());
        }
    }

    /// Adds any other object, with an id of ours.
    fn domain(&mut self, kind: &str, name: &str, fields: Value, by: Option<&str>) -> String {
        let id = format!("{kind}--{}", id(name));
        let mut fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
        fields.insert("type".to_owned(), kind.into());
        fields.insert("spec_version".to_owned(), "2.1".into());
        fields.insert("id".to_owned(), id.as_str().into());
        fields.insert("created".to_owned(), self.made_at.as_str().into());
        fields.insert("modified".to_owned(), self.made_at.as_str().into());
        if let Some(by) = by {
            fields.insert("created_by_ref".to_owned(), by.into());
        }
        self.insert(&id, fields);
        id
    }
}

fn labels(record: &Record) -> Vec<String> {
    let stale = record.knowledge.stale.then(|| "stale-tables".to_owned());
    let lab = record.knowledge.lab_tables.as_ref().map(|_| "lab-tables".to_owned());
    std::iter::once(record.cause.word().to_owned()).chain(stale).chain(lab).collect()
}

fn extensions(item: &Item) -> Value {
    let path_len = item.path_len.map_or_else(String::new, |length| format!(", pathlen:{length}"));
    let mut fields = Map::from_iter([(
        "basic_constraints".to_owned(),
        Value::from(if item.is_ca { format!("CA:TRUE{path_len}") } else { "CA:FALSE".to_owned() }),
    )]);
    if let Some(usages) = item.extended_key_usages.as_ref().filter(|usages| !usages.is_empty()) {
        fields.insert("extended_key_usage".to_owned(), usages.join(", ").into());
    }
    if !item.dns_names.is_empty() {
        let names: Vec<String> = item.dns_names.iter().map(|name| format!("DNS:{name}")).collect();
        fields.insert("subject_alternative_name".to_owned(), names.join(", ").into());
    }
    for (field, id) in [("subject_key_identifier", &item.subject_key_id), ("authority_key_identifier", &item.authority_key_id)] {
        if let Some(id) = id.as_ref().filter(|id| !id.is_empty()) {
            fields.insert(field.to_owned(), id.as_str().into());
        }
    }
    fields.into()
}

/// All that STIX has no field for. A note would be the place; importers pass notes over.
fn description(record: &Record) -> String {
    let mut lines = vec![format!("{}: {}", record.place(), record.because), format!("met by: {}", record.ways.join("; "))];
    lines.extend(record.rules.iter().map(|rule| format!("{}: {} ({})", rule.id, rule.says, rule.rests_on.join("; "))));
    lines.extend(record.policy.iter().map(|clause| format!("{}; in 2015: {}: {}", clause.current, clause.historic, clause.asks)));
    if let Some(label) = &record.knowledge.lab_tables {
        lines.push(format!("LAB TABLES: {label}"));
    }
    lines.join("\n")
}

/// The namespace of cyber-observable objects (STIX 2.1 §2.9).
const OBSERVABLES: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);
