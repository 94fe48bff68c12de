//! ct-logs.tsv: the Certificate Transparency logs that browsers know (RFC 6962, static-ct).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::input;
use super::text::{Source, Table};
use super::{Made, TablesArgs, TablesError};
use mintwatch_validator::evidence::Sha256;

#[derive(Deserialize)]
struct List {
    version: String,
    log_list_timestamp: String,
    operators: Vec<Operator>,
}

#[derive(Deserialize)]
struct Operator {
    name: String,
    logs: Vec<Log>,
    #[serde(default)]
    tiled_logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Log {
    description: String,
    #[serde(rename = "log_id")]
    id: String,
    key: String,
    state: BTreeMap<String, State>,
    temporal_interval: Option<Interval>,
}

#[derive(Deserialize)]
struct State {
    timestamp: String,
}

#[derive(Deserialize)]
struct Interval {
    start_inclusive: String,
    end_exclusive: String,
}

pub(super) fn make(args: &TablesArgs, _: &mut Vec<String>) -> Result<Made, TablesError> {
    let Some(path) = &args.ct_log_list else { return Ok(Made::Needs("--ct-log-list")) };
    let list: List = input::json(path)?;
    let mut rows = Vec::new();
    for operator in &list.operators {
        for (kind, log) in operator.logs.iter().map(|log| ("rfc6962", log)).chain(operator.tiled_logs.iter().map(|log| ("static-ct", log)))
        {
            rows.push(
                read(&operator.name, kind, log)
                    .ok_or_else(|| input::form(path, format!("the identifier of {:?} is not the hash of its key", log.description)))?,
            );
        }
    }
    let day = list.log_list_timestamp.get(..10).unwrap_or_default().to_owned();
    Ok(Made::Tables(vec![Table {
        file: "ct-logs.tsv",
        title: "Certificate Transparency logs",
        notes: vec!["interval: the notAfter dates a log takes certificates for, end exclusive; empty: any"],
        sources: vec![Source::new("CT log list v3", format!("{} in Chromium 150", list.version), day.clone(), "BSD-3-Clause")],
        as_of: day,
        stale_after_days: 180,
        stale_reason: "its shards take certificates that end by mid-2027 and later, and a server certificate lasts 200 days (BR §6.3.2): after that new ones may be in logs unknown here",
        columns: &["id", "operator", "description", "kind", "state", "state-since", "interval-start", "interval-end", "key"],
        rows,
    }]))
}

fn read(operator: &str, kind: &str, log: &Log) -> Option<Vec<String>> {
    let id = data_encoding::BASE64.decode(log.id.as_bytes()).ok()?;
    let key = data_encoding::BASE64.decode(log.key.as_bytes()).ok()?;
    if Sha256::of(&key).0.as_slice() != id {
        return None;
    }
    let (state, since) = log.state.first_key_value()?;
    let interval = log.temporal_interval.as_ref();
    Some(vec![
        data_encoding::HEXLOWER.encode(&id),
        operator.to_owned(),
        log.description.clone(),
        kind.to_owned(),
        state.clone(),
        since.timestamp.clone(),
        interval.map(|interval| interval.start_inclusive.clone()).unwrap_or_default(),
        interval.map(|interval| interval.end_exclusive.clone()).unwrap_or_default(),
        log.key.clone(),
    ])
}
