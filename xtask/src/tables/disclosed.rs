//! disclosed.tsv: every CA certificate that root programs were told of (Mozilla Root Store Policy §5.3.2).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::input::{self, CCADB_LICENCE};
use super::text::{Source, Table, day_of_millis};
use super::{Made, TablesArgs, TablesError};

const FILE: &str = "disclosed.tsv";
/// The day of Firefox 140.12.0's list, which its CSV form does not carry.
const OLDER_LIST_DAY: &str = "2026-06-06";

#[derive(Deserialize)]
struct CcadbRow {
    cert_sha256: String,
    spki_sha256: String,
    not_after: String,
    server_auth_capable: u8,
}

#[derive(Deserialize)]
struct PlainRow {
    cert_sha256: String,
    spki_sha256: String,
}

#[derive(Deserialize)]
struct Dump {
    data: Vec<DumpRow>,
    timestamp: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DumpRow {
    der_hash: String,
    attachment: Attachment,
}

#[derive(Deserialize)]
struct Attachment {
    filename: String,
}

#[derive(Default)]
struct Entry {
    live: bool,
    origins: Vec<String>,
}

pub(super) fn make(args: &TablesArgs, talk: &mut Vec<String>) -> Result<Made, TablesError> {
    let (Some(ccadb), Some(older)) = (&args.ccadb_csv, &args.firefox_intermediates_older) else {
        return Ok(Made::Needs("--ccadb-csv and --firefox-intermediates-older"));
    };
    let (version, newest, dump) = match (&args.firefox_deb, &args.firefox_intermediates) {
        (Some(deb), _) => {
            let (version, text) = input::firefox_dump(deb, "intermediates.json")?;
            (version, deb.as_path(), input::from_json::<Dump>(deb, &text)?)
        }
        (None, Some(file)) => (input::firefox_version(file), file.as_path(), input::json(file)?),
        (None, None) => return Ok(Made::Needs("--firefox-deb or --firefox-intermediates")),
    };
    let ccadb_day = input::day_in_name(ccadb)?;
    let firefox_day = day_of_millis(dump.timestamp);
    let mut entries: BTreeMap<(String, String), Entry> = BTreeMap::new();
    let mut add = |cert: &str, spki: &str, live: bool, origin: String| -> Option<()> {
        let entry = entries.entry((prefix(cert)?, prefix(spki)?)).or_default();
        entry.live |= live;
        if !entry.origins.contains(&origin) {
            entry.origins.push(origin);
        }
        Some(())
    };
    let odd = |path: &Path| input::form(path, "a hash in it is not a SHA-256");
    for row in input::records::<CcadbRow>(ccadb, b',')? {
        let live = row.server_auth_capable == 1 && row.not_after >= ccadb_day;
        add(&row.cert_sha256, &row.spki_sha256, live, "ccadb".to_owned()).ok_or_else(|| odd(ccadb))?;
    }
    for row in dump.data {
        // Firefox names the attachment after the hash of the key.
        let spki = row.attachment.filename.trim_end_matches(".pem");
        let cert = data_encoding::BASE64.decode(row.der_hash.as_bytes());
        let spki = data_encoding::BASE64URL.decode(spki.as_bytes());
        let (Ok(cert), Ok(spki)) = (cert, spki) else { return Err(odd(newest)) };
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        add(&hex(&cert), &hex(&spki), true, format!("firefox-{version}")).ok_or_else(|| odd(newest))?;
    }
    let older_version = input::firefox_version(older);
    for row in input::records::<PlainRow>(older, b',')? {
        add(&row.cert_sha256, &row.spki_sha256, false, format!("firefox-{older_version}")).ok_or_else(|| odd(older))?;
    }
    let live = entries.values().filter(|entry| entry.live).count();
    talk.push(format!("{FILE}: {live} live, {} historic", entries.len() - live));
    Ok(Made::Tables(vec![Table {
        file: FILE,
        title: "CA certificates disclosed to root programs",
        notes: vec![
            "the first 128 bits of the SHA-256 of the certificate and of its SubjectPublicKeyInfo; a second preimage of a 128-bit prefix is out of reach, a shorter one would let a forger in",
            "live: in the newest Firefox list, or in CCADB, unexpired on its day and allowed to issue for servers; historic: everything else that was ever disclosed",
            "roots are in CCADB too",
            "the newest Firefox list holds what was disclosed to Mozilla up to its day; what only other programs were told is as old as the CCADB copy",
        ],
        sources: vec![
            Source::new("CCADB", format!("all certificate PEM reports, {ccadb_day}"), ccadb_day, CCADB_LICENCE),
            Source::new("Firefox security-state/intermediates", version, firefox_day.clone(), "MPL-2.0"),
            Source::new("Firefox security-state/intermediates", older_version, OLDER_LIST_DAY, "MPL-2.0"),
        ],
        as_of: firefox_day,
        stale_after_days: 90,
        stale_reason: "Firefox replaced 10% of its list in 149 days; after 90 a fresh CA is likelier new than secret",
        columns: &["certificate", "spki", "status", "origin"],
        rows: entries
            .into_iter()
            .map(|((cert, spki), entry)| {
                let status = if entry.live { "live" } else { "historic" };
                vec![cert, spki, status.to_owned(), entry.origins.join(",")]
            })
            .collect(),
    }]))
}

/// The first 128 bits of a SHA-256 in hexadecimal.
fn prefix(hash: &str) -> Option<String> {
    let sound = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hash.get(..32).filter(|_| sound).map(str::to_owned)
}
