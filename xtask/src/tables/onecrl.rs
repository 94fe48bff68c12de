//! onecrl.tsv: the enabled rows of Mozilla's list of revoked CA certificates, in both its forms.

use serde::Deserialize;

use super::der::names;
use super::input;
use super::text::{Source, Table, day_of_millis};
use super::{Made, TablesArgs, TablesError};
use mintwatch_validator::evidence::Sha256;
use mintwatch_validator::tables::{revocation_key_by_serial, revocation_key_by_subject};

#[derive(Deserialize)]
struct Dump {
    data: Vec<Row>,
    timestamp: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    enabled: bool,
    #[serde(rename = "last_modified")]
    last_modified: u64,
    details: Details,
    issuer_name: Option<String>,
    serial_number: Option<String>,
    subject: Option<String>,
    pub_key_hash: Option<String>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    bug: String,
    #[serde(default)]
    created: String,
}

pub(super) fn make(args: &TablesArgs, talk: &mut Vec<String>) -> Result<Made, TablesError> {
    let (version, path, dump) = match (&args.firefox_deb, &args.onecrl) {
        (Some(deb), _) => {
            let (version, text) = input::firefox_dump(deb, "onecrl.json")?;
            (version, deb.as_path(), input::from_json::<Dump>(deb, &text)?)
        }
        (None, Some(file)) => (input::firefox_version(file), file.as_path(), input::json(file)?),
        (None, None) => return Ok(Made::Needs("--firefox-deb or --onecrl")),
    };
    let all = dump.data.len();
    let mut rows = Vec::new();
    for row in dump.data.iter().filter(|row| row.enabled) {
        rows.push(read(row).ok_or_else(|| input::form(path, "a row has neither of the two forms"))?);
    }
    talk.push(format!("onecrl.tsv: {} of {all} rows are enabled", rows.len()));
    let day = day_of_millis(dump.timestamp);
    Ok(Made::Tables(vec![Table {
        file: "onecrl.tsv",
        title: "CA certificates that Mozilla revoked (OneCRL), enabled rows only",
        notes: vec![
            "key: the first 128 bits of SHA-256 over the form, the Name as DER and the serial number without leading zeros or the SPKI hash; who and serial are for people",
            "since: the day the row was made; where it has none, the day it was last changed, which is later or the same",
            "rows that are listed but not enabled are for later or were withdrawn: no revocation",
        ],
        sources: vec![Source::new("Firefox security-state/onecrl", version, day.clone(), "MPL-2.0")],
        as_of: day,
        stale_after_days: 60,
        stale_reason: "Mozilla adds rows within days of an incident; what is missing here looks unrevoked",
        columns: &["key", "form", "bug", "who", "serial-or-spki", "since"],
        rows,
    }]))
}

fn read(row: &Row) -> Option<Vec<String>> {
    let decode = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).ok();
    let (form, name, detail, key) = match (&row.issuer_name, &row.serial_number, &row.subject, &row.pub_key_hash) {
        (Some(issuer), Some(serial), None, None) => {
            let (issuer, serial) = (decode(issuer)?, decode(serial)?);
            let key = revocation_key_by_serial(&issuer, &serial);
            ("issuer-serial", issuer, serial, key)
        }
        (None, None, Some(subject), Some(spki)) => {
            let (subject, spki) = (decode(subject)?, decode(spki)?);
            let key = revocation_key_by_subject(&subject, &Sha256(spki.clone().try_into().ok()?));
            ("subject-spki", subject, spki, key)
        }
        _ => return None,
    };
    let attributes = names(&name);
    let who = ["2.5.4.3", "2.5.4.11", "2.5.4.10"]
        .iter()
        .find_map(|oid| attributes.iter().find(|(at, _)| at == oid))
        .map(|(_, text)| text.clone())
        .unwrap_or_default();
    let bug: String = row.details.bug.chars().rev().take_while(char::is_ascii_digit).collect();
    Some(vec![
        data_encoding::HEXLOWER.encode(&key),
        form.to_owned(),
        bug.chars().rev().collect(),
        who,
        data_encoding::HEXLOWER.encode(&detail),
        row.details.created.get(..10).map_or_else(|| day_of_millis(row.last_modified), str::to_owned),
    ])
}
