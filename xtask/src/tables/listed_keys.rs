//! listed-keys.tsv: keys and certificates that are known to be compromised, revoked or used for interception.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mintwatch_validator::evidence::Sha256;
use mintwatch_validator::tables::KeyKind;
use serde::Deserialize;

use super::der::{self, clean};
use super::input::{self, CCADB_LICENCE, Shelf};
use super::text::{Source, Table, day_of_millis};
use super::{Made, TablesArgs, TablesError};

const FILE: &str = "listed-keys.tsv";
/// Whose keys rustls-webpki refuses since 0.103.16.
const EMUDHRA: &str = "eMudhra, keys leaked in October 2026";
/// The day of Chromium 150's source: what it lists was known by then.
const CHROMIUM: (&str, &str) = ("2026-07-06", "Chromium 150, at the latest");
/// How the basis of a day ends when it is an upper bound only.
const AT_THE_LATEST: &str = "at the latest";
/// When topics and incidents became public, as far as that is beyond doubt.
const CURATED: &str = include_str!("../../data/listed-since.tsv");

#[derive(Deserialize)]
struct Blocklist {
    entries: Vec<Blocked>,
}
#[derive(Deserialize)]
struct Blocked {
    list: String,
    spki_sha256: String,
    section: Option<String>,
    topic: Option<String>,
    subject: Option<String>,
    files: Vec<String>,
}
#[derive(Deserialize)]
struct Incidents {
    generated: String,
    incidents: Vec<Incident>,
}
#[derive(Deserialize)]
struct Incident {
    id: String,
    certs: Vec<IncidentCertificate>,
    #[serde(default)]
    public_keys: Vec<IncidentKey>,
}
#[derive(Deserialize)]
struct IncidentCertificate {
    role: String,
    subject: String,
    sha256: String,
    spki_sha256: String,
    onecrl: Option<Created>,
    nss_distrusted: Option<Distrusted>,
}
#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    created: String,
}
#[derive(Deserialize)]
struct Distrusted {
    from: String,
}
#[derive(Deserialize)]
struct IncidentKey {
    spki_sha256: String,
    note: String,
}

#[derive(Deserialize)]
struct Dump {
    data: Vec<DumpRow>,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DumpRow {
    enabled: bool,
    pub_key_hash: Option<String>,
    #[serde(rename = "last_modified")]
    last_modified: u64,
}

/// What is known of one key or certificate; the gravest kind wins, and every source stays.
#[derive(Default)]
struct Listed {
    kind: Option<KeyKind>,
    name: String,
    sources: BTreeSet<String>,
    since: Option<Since>,
}

/// A day on which something was public, and who shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Since {
    day: String,
    by: String,
}

impl Since {
    fn new(day: &str, by: &str) -> Self {
        Self { day: day.to_owned(), by: by.to_owned() }
    }
}

#[derive(Default)]
struct Lists(BTreeMap<(&'static str, String), Listed>);

impl Lists {
    fn add(&mut self, form: &'static str, hash: &str, kind: KeyKind, name: &str, source: &str) {
        let listed = self.0.entry((form, hash.to_owned())).or_default();
        if listed.kind.is_none_or(|known| gravity(kind) > gravity(known)) {
            listed.kind = Some(kind);
        }
        if listed.name.is_empty() {
            listed.name = clean(name);
        }
        listed.sources.insert(source.to_owned());
    }

    /// Says that this was public on a day; the earliest stays.
    fn known(&mut self, form: &'static str, hash: &str, since: &Since) {
        if let Some(listed) = self.0.get_mut(&(form, hash.to_owned()))
            && listed.since.as_ref().is_none_or(|known| since < known)
        {
            listed.since = Some(since.clone());
        }
    }
}

/// The curated days, by topic and incident.
fn curated() -> Result<BTreeMap<&'static str, Since>, TablesError> {
    let mut days = BTreeMap::new();
    for line in CURATED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let [what, day, by] = line.split('\t').collect::<Vec<_>>()[..] else {
            let what = format!("a line of listed-since.tsv has not three fields: {line}");
            return Err(TablesError::Contradiction { table: FILE, what });
        };
        days.insert(what, Since::new(day, by));
    }
    Ok(days)
}

pub(super) fn make(args: &TablesArgs, talk: &mut Vec<String>) -> Result<Made, TablesError> {
    let (Some(blocklist), Some(incidents), Some(ccadb), Some(chrome_pem)) =
        (&args.chromium_blocklist, &args.incidents, &args.ccadb_der, &args.chrome_root_store_pem)
    else {
        return Ok(Made::Needs("--chromium-blocklist, --incidents, --ccadb-der and --chrome-root-store-pem"));
    };
    let mut lists = Lists::default();
    let days = curated()?;
    from_incidents(&mut lists, &input::json(incidents)?, &days);
    let blocked: Blocklist = input::json(blocklist)?;
    for entry in &blocked.entries {
        from_chromium(&mut lists, entry, &days);
    }
    let (version, folder) = input::distrusted_spkis(args.distrusted_spkis.as_ref())?;
    let keys = distrusted(&folder)?;
    let shelf = input::shelf(args.incidents.as_deref(), ccadb, chrome_pem)?;
    let source = format!("rustls-webpki {version}");
    let mut certificates = 0;
    for (spki, file) in &keys {
        let mut name = String::new();
        for facts in shelf.facts.values().filter(|facts| facts.spki_sha256 == *spki) {
            certificates += 1;
            name = format!("{} ({EMUDHRA})", facts.name());
            lists.add("certificate", &facts.sha256.to_string(), KeyKind::Compromised, &name, &source);
        }
        if name.is_empty() {
            name = format!("{file} ({EMUDHRA})");
        }
        lists.add("key", &spki.to_string(), KeyKind::Compromised, &name, &source);
    }
    talk.push(format!("{FILE}: {} keys of {source} are those of {certificates} known certificates", keys.len()));
    since_onecrl(&mut lists, args, &shelf)?;
    // The day crates.io published the version that was looked at; another one states none.
    let webpki_day = if version == "0.103.17" { "2026-11-12" } else { "undated" };
    let incidents_day = input::json::<Incidents>(incidents)?.generated;
    let mut rows = Vec::new();
    for ((form, hash), listed) in lists.0 {
        let kind = listed.kind.map_or("", kind_text);
        let sources = listed.sources.into_iter().collect::<Vec<_>>().join("; ");
        // What no source dates was known by the day of the collection.
        let since = listed.since.unwrap_or_else(|| Since::new(&incidents_day, "the day of this list, at the latest"));
        let certain = if since.by.ends_with(AT_THE_LATEST) { "at-the-latest" } else { "" };
        rows.push(vec![form.to_owned(), hash, kind.to_owned(), listed.name, sources, since.day, certain.to_owned(), since.by]);
    }
    Ok(Made::Tables(vec![Table {
        file: FILE,
        title: "Keys and certificates known to be compromised, revoked or used for interception",
        notes: vec![
            "misissued: a server's certificate that was issued to somebody who does not hold the name",
            "compromised: somebody else holds or held the private key; revoked: browsers refuse it, whoever holds it",
            "interception: of a product or implant that reads other people's TLS, or an anchor whose private key is public; state-interception: of a state",
            "issuers that were victims of an incident, and legitimate roots, are listed only where a browser blocks them",
            "the names are for people; only hashes are compared",
            "since: the earliest day on which a source shows it public; at-the-latest where only a list's own date is known, and the truth may be earlier",
        ],
        sources: vec![
            Source::new("Chromium blocklist", "Chromium 150", "2026-07-06", "BSD-3-Clause"),
            Source::new("incident certificates (Chromium, NSS, CCADB, superfishy)", "collected", incidents_day.clone(), "public records"),
            Source::new("rustls-webpki distrusted keys", version, webpki_day, "ISC"),
            Source::new("CCADB certificates", input::day_in_name(ccadb)?, input::day_in_name(ccadb)?, CCADB_LICENCE),
        ],
        as_of: incidents_day,
        stale_after_days: 90,
        stale_reason: "leaks are published as they happen; an old list misses the newest ones and is right about all others",
        columns: &["form", "sha256", "kind", "name", "source", "since", "certainty", "since-by"],
        rows,
    }]))
}

/// OneCRL dates the keys it blocks, and with them their certificates.
fn since_onecrl(lists: &mut Lists, args: &TablesArgs, shelf: &Shelf) -> Result<(), TablesError> {
    let dump: Dump = match (&args.firefox_deb, &args.onecrl) {
        (Some(deb), _) => input::from_json(deb, &input::firefox_dump(deb, "onecrl.json")?.1)?,
        (None, Some(file)) => input::json(file)?,
        (None, None) => return Ok(()),
    };
    for row in dump.data.iter().filter(|row| row.enabled) {
        let Some(hash) = row.pub_key_hash.as_ref().and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok()) else { continue };
        let key = data_encoding::HEXLOWER.encode(&hash);
        let since = Since::new(&day_of_millis(row.last_modified), "OneCRL");
        lists.known("key", &key, &since);
        for facts in shelf.facts.values().filter(|facts| facts.spki_sha256.0.as_slice() == hash) {
            lists.known("certificate", &facts.sha256.to_string(), &since);
        }
    }
    Ok(())
}

fn from_chromium(lists: &mut Lists, entry: &Blocked, days: &BTreeMap<&str, Since>) {
    let topic = entry.topic.as_deref().unwrap_or("DarkMatter");
    let subject = entry.subject.as_deref().filter(|subject| !subject.is_empty());
    let test = topic.ends_with(".badssl.com") || topic == "revoked.grc.com";
    let kind = match (entry.section.as_deref(), topic, entry.list.as_str()) {
        (_, "Qaznet Trust Network", _) => KeyKind::StateInterception,
        // Keys of web servers that got out; the others of the section are anchors that intercept.
        (Some("Private Key Leakages"), "sslip.io" | "xs4all.nl", _) | (_, "Microsoft Dynamics 365", _) => KeyKind::Compromised,
        (Some("Private Key Leakages"), ..) | (_, "Hacking Team" | "blocked-interception.badssl.com", _) | (_, _, "known-interception") => {
            KeyKind::Interception
        }
        // The intruder of 2011 had the signing keys at his command.
        (_, "DigiNotar", _) => KeyKind::Compromised,
        _ => KeyKind::Revoked,
    };
    let name = match (subject.map(common_name), test) {
        (Some(name), true) => format!("{name} (a test)"),
        (Some(name), false) => format!("{name} ({topic})"),
        (None, _) => topic.to_owned(),
    };
    let source = format!("Chromium 150 {}", entry.list);
    let since = days.get(format!("topic {topic}").as_str()).cloned().unwrap_or_else(|| Since::new(CHROMIUM.0, CHROMIUM.1));
    lists.add("key", &entry.spki_sha256, kind, &name, &source);
    lists.known("key", &entry.spki_sha256, &since);
    for file in &entry.files {
        // A file named after a key holds a public key; upstream's one misnamed certificate is listed by the incidents.
        if let Some(hash) = file.strip_suffix(".pem").filter(|hash| *hash != entry.spki_sha256 && hash.len() == 64) {
            lists.add("certificate", hash, kind, &name, &source);
            lists.known("certificate", hash, &since);
        }
    }
}

fn from_incidents(lists: &mut Lists, incidents: &Incidents, days: &BTreeMap<&str, Since>) {
    for incident in &incidents.incidents {
        let source = format!("incident {}", incident.id);
        let published = days.get(source.as_str());
        for certificate in &incident.certs {
            if let Some(kind) = kind_of_role(&incident.id, &certificate.role, &certificate.subject) {
                let common = common_name(&certificate.subject);
                let name = match kind {
                    KeyKind::Interception if incident.id.starts_with("test-") => format!("{common} (a test)"),
                    _ => common,
                };
                lists.add("key", &certificate.spki_sha256, kind, &name, &source);
                lists.add("certificate", &certificate.sha256, kind, &name, &source);
                for since in certificate.days().iter().chain(published) {
                    lists.known("key", &certificate.spki_sha256, since);
                    lists.known("certificate", &certificate.sha256, since);
                }
            }
        }
        for key in &incident.public_keys {
            let kind = if incident.id == "2012-trustwave" { KeyKind::Revoked } else { KeyKind::Interception };
            lists.add("key", &key.spki_sha256, kind, &key.note, &source);
            if let Some(since) = published {
                lists.known("key", &key.spki_sha256, since);
            }
        }
    }
}

impl IncidentCertificate {
    /// The days on which Mozilla listed it.
    fn days(&self) -> Vec<Since> {
        let onecrl = self.onecrl.as_ref().and_then(|row| row.created.get(..10)).map(|day| Since::new(day, "OneCRL"));
        let nss = self.nss_distrusted.as_ref().map(|entry| Since::new(&entry.from, "NSS"));
        onecrl.into_iter().chain(nss).collect()
    }
}

/// What an incident's role makes of a key; `None` for those who only stood by.
fn kind_of_role(incident: &str, role: &str, subject: &str) -> Option<KeyKind> {
    match role {
        "state-interception-root" => Some(KeyKind::StateInterception),
        "interception-root" | "root-with-public-private-key" => Some(KeyKind::Interception),
        "test-leaf" if incident == "test-badssl-interception" => Some(KeyKind::Interception),
        "cross-or-sub-ca" | "issuing-intermediate" | "issuing-root" | "sibling-root" | "mitm-leaf"
            if incident == "2011-diginotar" && subject.contains("DigiNotar") || role == "mitm-leaf" =>
        {
            Some(KeyKind::Compromised)
        }
        "rogue-leaf" | "misissued-leaf" | "precertificate" => Some(KeyKind::Misissued),
        "mitm-intermediate" | "misissued-intermediate" | "rogue-intermediate" | "test-leaf" => Some(KeyKind::Revoked),
        _ => None,
    }
}

/// The SPKIs in a folder of rustls-webpki, which stores them without the outer SEQUENCE header.
fn distrusted(folder: &Path) -> Result<Vec<(Sha256, String)>, TablesError> {
    let mut keys = Vec::new();
    for path in input::below(folder)? {
        let content = input::bytes(&path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.split('.').next().unwrap_or_default().to_owned();
        keys.push((Sha256::of(&der::sequence(&content)), name));
    }
    Ok(keys)
}

/// The common name in a one-line subject, or all of it.
pub(super) fn common_name(subject: &str) -> String {
    let after = subject.find("CN=").and_then(|at| subject.get(at + 3..)).unwrap_or(subject);
    let mut name = String::new();
    let mut escaped = false;
    for c in after.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            ',' if !escaped => break,
            _ => {
                escaped = false;
                name.push(c);
            }
        }
    }
    name
}

fn gravity(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::Revoked => 0,
        KeyKind::Misissued => 1,
        KeyKind::Compromised => 2,
        KeyKind::Interception => 3,
        KeyKind::StateInterception => 4,
    }
}

fn kind_text(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Revoked => "revoked",
        KeyKind::Misissued => "misissued",
        KeyKind::Compromised => "compromised",
        KeyKind::Interception => "interception",
        KeyKind::StateInterception => "state-interception",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn victims_and_legitimate_roots_are_not_listed() {
        for (incident, role, subject) in [
            ("2015-cnnic-mcs", "issuing-root", "CN=CNNIC ROOT"),
            ("2015-cnnic-mcs", "legitimate-intermediate", "CN=CNNIC SSL"),
            ("2011-diginotar", "cross-signer-root", "CN=GTE CyberTrust Global Root"),
            ("2013-anssi", "root-of-the-hierarchy", "CN=IGC/A"),
            ("cctld-hijack-google", "issuing-intermediate", "CN=R12,O=Let's Encrypt"),
        ] {
            assert_eq!(kind_of_role(incident, role, subject), None, "{subject}");
        }
    }

    #[test]
    fn a_common_name_keeps_its_escaped_comma() {
        assert_eq!(common_name("CN=Superfish\\, Inc.,C=US"), "Superfish, Inc.");
    }
}
