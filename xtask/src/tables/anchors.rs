//! anchors.tsv: every public trust anchor, in which root program and from when to when.

use std::collections::{BTreeMap, BTreeSet};

use mintwatch_validator::evidence::Sha256;
use serde::Deserialize;

use super::input::{self, CCADB_LICENCE, Shelf};
use super::text::{Source, Table};
use super::{Made, TablesArgs, TablesError};

const FILE: &str = "anchors.tsv";
/// The day of Chromium 150's source, which holds the root store and the snapshots.
const CHROMIUM_DAY: &str = "2026-07-06";

/// The version of webpki-root-certs that was looked at, and the day it was published.
const CRATE: (&str, &str) = ("1.0.11", "2026-10-23");

/// When a root was in a program: from the first day a source shows it to the first that shows it gone.
type Span = (String, Option<String>);
/// The programs of each root, by its hash.
type Programs = BTreeMap<String, Vec<(&'static str, Span)>>;
/// The roots of one program, and every day a source shows all of them.
type Roots = (BTreeMap<String, Span>, BTreeSet<String>);

#[derive(Deserialize)]
struct Lifetimes {
    certificates: Vec<Lifetime>,
}
#[derive(Deserialize)]
struct Lifetime {
    sha256: String,
    label: String,
    first: String,
    last: String,
}
#[derive(Deserialize)]
struct NssRoots {
    date: String,
    roots: Vec<NssRoot>,
}
#[derive(Deserialize)]
struct NssRoot {
    sha256: String,
    server: String,
}
#[derive(Deserialize)]
struct Distrust {
    actively_distrusted: Vec<Distrusted>,
}
#[derive(Deserialize)]
struct Distrusted {
    label: String,
}
#[derive(Deserialize)]
struct ChromeStore {
    version_major: u32,
    anchors: Vec<ChromeAnchor>,
}
#[derive(Deserialize)]
struct ChromeAnchor {
    kind: String,
    sha256: String,
}
#[derive(Deserialize)]
struct Platforms {
    stores: BTreeMap<String, Platform>,
}
#[derive(Deserialize)]
struct Platform {
    date_fetched: String,
    trusted: Vec<Named>,
}
#[derive(Deserialize)]
struct Named {
    sha256: String,
}
#[derive(Deserialize)]
struct Snapshots {
    certificates: BTreeMap<String, Vec<String>>,
}
#[derive(Deserialize)]
struct Accepted {
    sha256: String,
    class: String,
}

struct Inputs {
    lifetimes: Lifetimes,
    nss: NssRoots,
    distrust: Distrust,
    chrome: ChromeStore,
    platforms: Platforms,
    snapshots: Snapshots,
    /// What each root that CT logs accept is trusted for.
    classes: BTreeMap<String, String>,
    ccadb_day: String,
}

pub(super) fn make(args: &TablesArgs, talk: &mut Vec<String>) -> Result<Made, TablesError> {
    let (
        Some(ccadb),
        Some(chrome_pem),
        Some(lifetimes),
        Some(nss),
        Some(distrust),
        Some(chrome),
        Some(platforms),
        Some(snapshots),
        Some(accepted),
    ) = (
        &args.ccadb_der,
        &args.chrome_root_store_pem,
        &args.nss_root_lifetimes,
        &args.nss_roots,
        &args.nss_distrust_history,
        &args.chrome_root_store,
        &args.platform_root_stores,
        &args.chromium_historical_root_stores,
        &args.ct_accepted_roots,
    )
    else {
        return Ok(Made::Needs(
            "--ccadb-der, --chrome-root-store(-pem), --nss-roots, --nss-root-lifetimes, --nss-distrust-history, \
             --platform-root-stores, --chromium-historical-root-stores and --ct-accepted-roots",
        ));
    };
    let (version, _) = input::locked_crate("webpki-root-certs")?;
    if version != CRATE.0 {
        let what = format!("webpki-root-certs is {version} now: put that version and its day in place of {}", CRATE.0);
        return Err(TablesError::Contradiction { table: FILE, what });
    }
    let inputs = Inputs {
        lifetimes: input::json(lifetimes)?,
        nss: input::json(nss)?,
        distrust: input::json(distrust)?,
        chrome: input::json(chrome)?,
        platforms: input::json(platforms)?,
        snapshots: input::json(snapshots)?,
        classes: input::records::<Accepted>(accepted, b'\t')?.into_iter().map(|row| (row.sha256, row.class)).collect(),
        ccadb_day: input::day_in_name(ccadb)?,
    };
    let shelf = input::shelf(args.incidents.as_deref(), ccadb, chrome_pem)?;
    let mut programs = Programs::new();
    let mut looked = Vec::new();
    for (program, (spans, days)) in [
        ("mozilla", mozilla(&inputs)),
        ("chrome", chrome_spans(&inputs)),
        ("apple", platform(&inputs, "macos", "apple")),
        ("microsoft", platform(&inputs, "windows", "microsoft_windows")),
        ("android", platform(&inputs, "android", "google_aosp")),
    ] {
        looked.push(vec![program.to_owned(), days.into_iter().collect::<Vec<_>>().join(",")]);
        let now = spans.values().filter(|(_, until)| until.is_none()).count();
        talk.push(format!("{FILE}: {program}: {now} now, {} ever", spans.len()));
        for (sha256, span) in spans {
            programs.entry(sha256).or_default().push((program, span));
        }
    }
    cross_check(args, &programs, talk)?;
    let rows = rows(&shelf, programs, talk);
    Ok(Made::Tables(vec![table(&inputs, rows), programs_table(&inputs, looked)]))
}

/// Joins what programs say of a root with what its certificate says.
fn rows(shelf: &Shelf, programs: Programs, talk: &mut Vec<String>) -> Vec<Vec<String>> {
    let by_hash: BTreeMap<String, _> = shelf.facts.iter().map(|(hash, facts)| (hash.to_string(), facts)).collect();
    let (mut rows, mut now, mut past) = (Vec::new(), 0, 0);
    for (sha256, mut spans) in programs {
        let Some(facts) = by_hash.get(&sha256) else {
            let open = spans.iter().any(|(_, (_, until))| until.is_none());
            *if open { &mut now } else { &mut past } += 1;
            continue;
        };
        spans.sort();
        let spans = spans.iter().map(|(program, (from, until))| format!("{program}={from}..{}", until.as_deref().unwrap_or_default()));
        let b64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
        rows.push(vec![
            sha256,
            spans.collect::<Vec<_>>().join(","),
            facts.not_before.clone(),
            facts.not_after.clone(),
            facts.owner(),
            facts.name(),
            b64(&facts.subject),
            b64(&facts.spki),
            facts.name_constraints.as_deref().map(b64).unwrap_or_default(),
        ]);
    }
    talk.push(format!(
        "{FILE}: left out for want of the certificate itself: {now} of today (platform roots that are not for web servers), {past} of the past"
    ));
    rows
}

fn table(inputs: &Inputs, rows: Vec<Vec<String>>) -> Table {
    Table {
        file: FILE,
        title: "Public trust anchors by root program, of today and of the past",
        notes: vec![
            "programs: name=from..until; from is the first day a source shows the root there, until the first that shows it gone, empty for still there",
            "mozilla, past: the file of lifetimes does not say whether a root was trusted for servers or for mail; explicit distrust objects are left out; until is the next revision of certdata that is known",
            "mozilla, today: what webpki-root-certs has, which leaves out roots whose date of distrust for servers is past; a root kept for mail only counts as past where a snapshot shows that it once was for servers, until the day of the revision",
            "apple, microsoft: their lists are for all purposes; today only roots that no CT log operator classes as not for servers; Microsoft's per-root notBefore and disable dates are not in hand",
            "apple, android: the day of a snapshot is that of the release it is named for",
            "name constraints that a program imposes from outside are no part of this table",
        ],
        sources: vec![
            Source::new("NSS certdata, lifetimes and trust bits", "nss-dev/nss 9d75dfde2e79", inputs.nss.date.clone(), "MPL-2.0"),
            Source::new("Chrome Root Store", format!("version {}", inputs.chrome.version_major), CHROMIUM_DAY, "BSD-3-Clause"),
            Source::new("Chromium root_stores.json", "Chromium 150", CHROMIUM_DAY, "BSD-3-Clause"),
            Source::new("trust_stores_observatory", "5be93b95", newest_platform(inputs), "MIT"),
            Source::new("sectigo/CTLogs-AcceptedRoots", "e99a7b9f", inputs.ccadb_day.clone(), "MIT"),
            Source::new("CCADB certificates", inputs.ccadb_day.clone(), inputs.ccadb_day.clone(), CCADB_LICENCE),
            Source::new("webpki-root-certs", CRATE.0, CRATE.1, CCADB_LICENCE),
        ],
        as_of: newest_platform(inputs).max(CRATE.1.to_owned()),
        stale_after_days: 180,
        stale_reason: "programs add and remove roots a few times a year and announce it months ahead",
        columns: &["sha256", "programs", "not-before", "not-after", "owner", "name", "subject", "spki", "name-constraints"],
        rows,
    }
}

/// The days on which a program's list is known: between two of them, what both lack was not there.
fn programs_table(inputs: &Inputs, rows: Vec<Vec<String>>) -> Table {
    Table {
        file: "programs.tsv",
        title: "The days on which the list of each root program is known",
        notes: vec![
            "a root that is on neither of two neighbouring lists was not in the program between them; one that is on the later only may have been",
        ],
        columns: &["program", "days"],
        rows,
        ..table(inputs, Vec::new())
    }
}

fn mozilla(inputs: &Inputs) -> Roots {
    let server: BTreeSet<&str> =
        inputs.nss.roots.iter().filter(|root| root.server == "TRUSTED_DELEGATOR").map(|root| root.sha256.as_str()).collect();
    let at_tip: BTreeSet<&str> = inputs.nss.roots.iter().map(|root| root.sha256.as_str()).collect();
    let distrust: BTreeSet<&str> = inputs.distrust.actively_distrusted.iter().map(|entry| entry.label.as_str()).collect();
    let certificates = &inputs.lifetimes.certificates;
    let revisions: BTreeSet<&str> = certificates.iter().flat_map(|entry| [entry.first.as_str(), entry.last.as_str()]).collect();
    let once_server =
        |sha256: &str| inputs.snapshots.certificates.get(sha256).is_some_and(|seen| seen.iter().any(|store| store.starts_with("mozilla/")));
    let mut spans = BTreeMap::new();
    for entry in certificates.iter().filter(|entry| !distrust.contains(entry.label.as_str())) {
        let sha256 = entry.sha256.as_str();
        let until = match (at_tip.contains(sha256), server.contains(sha256)) {
            (true, true) => None,
            (true, false) if once_server(sha256) => Some(inputs.nss.date.clone()),
            (true, false) => continue,
            (false, _) => {
                let next = revisions.iter().find(|revision| **revision > entry.last.as_str());
                Some(next.map_or_else(|| inputs.nss.date.clone(), |revision| (*revision).to_owned()))
            }
        };
        spans.insert(sha256.to_owned(), (entry.first.clone(), until));
    }
    for sha256 in server {
        spans.entry(sha256.to_owned()).or_insert_with(|| (inputs.nss.date.clone(), None));
    }
    // The crate is made from the program's own report, and is newer than that revision.
    let newest: BTreeSet<String> = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Sha256::of(der).to_string()).collect();
    for (sha256, (_, until)) in &mut spans {
        if until.is_none() && !newest.contains(sha256) {
            *until = Some(CRATE.1.to_owned());
        }
    }
    for sha256 in newest {
        spans.entry(sha256).or_insert_with(|| (CRATE.1.to_owned(), None));
    }
    let days = revisions.iter().copied().chain([inputs.nss.date.as_str(), CRATE.1]).map(str::to_owned).collect();
    (spans, days)
}

fn chrome_spans(inputs: &Inputs) -> Roots {
    let anchors = inputs.chrome.anchors.iter().filter(|anchor| anchor.kind == "trust_anchors");
    let spans = anchors.map(|anchor| (anchor.sha256.clone(), (CHROMIUM_DAY.to_owned(), None))).collect();
    (spans, BTreeSet::from([CHROMIUM_DAY.to_owned()]))
}

/// Joins Chromium's dated snapshots of a platform with the list of today.
fn platform(inputs: &Inputs, historic: &str, today: &str) -> Roots {
    let Some(store) = inputs.platforms.stores.get(today) else { return Roots::default() };
    // Mozilla's choice is Android's too; the lists of Apple and Microsoft also serve mail and code.
    let for_servers = |sha256: &str| today == "google_aosp" || inputs.classes.get(sha256).is_none_or(|class| class == "common/trusted/tls");
    let now: BTreeSet<&str> = store.trusted.iter().map(|root| root.sha256.as_str()).filter(|sha256| for_servers(sha256)).collect();
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut days = BTreeSet::from([store.date_fetched.clone()]);
    for (sha256, stores) in &inputs.snapshots.certificates {
        for day in stores.iter().filter_map(|name| snapshot_day(name.strip_prefix(historic)?.strip_prefix('/')?)) {
            days.insert(day.clone());
            seen.entry(sha256).or_default().insert(day);
        }
    }
    for sha256 in now {
        seen.entry(sha256).or_default().insert(store.date_fetched.clone());
    }
    let spans = seen.into_iter().filter_map(|(sha256, seen)| {
        let (first, last) = (seen.first()?.clone(), seen.last()?.clone());
        // A root that came back counts as never gone: the snapshots are too far apart to tell.
        let until = days.iter().find(|day| **day > last).cloned();
        Some((sha256.to_owned(), (first, until)))
    });
    (spans.collect(), days)
}

/// The day of a snapshot: in its name (Windows, `YYMMDDhhmmss`), or that of the release it is named for.
fn snapshot_day(name: &str) -> Option<String> {
    if name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("20{}-{}-{}", name.get(..2)?, name.get(2..4)?, name.get(4..6)?));
    }
    RELEASES.iter().find(|(release, _)| *release == name).map(|(_, day)| (*day).to_owned())
}

fn newest_platform(inputs: &Inputs) -> String {
    inputs.platforms.stores.values().map(|store| store.date_fetched.clone()).max().unwrap_or_default()
}

/// Compares Mozilla's server roots with a package made from the same program on another day.
fn cross_check(args: &TablesArgs, programs: &Programs, talk: &mut Vec<String>) -> Result<(), TablesError> {
    let ours: BTreeSet<String> = programs
        .iter()
        .filter(|(_, spans)| spans.iter().any(|(program, (_, until))| *program == "mozilla" && until.is_none()))
        .map(|(sha256, _)| sha256.clone())
        .collect();
    let compare = |name: &str, theirs: BTreeSet<String>| {
        let only =
            |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).filter_map(|hash| hash.get(..8)).collect::<Vec<_>>().join(" ");
        format!("{FILE}: {name} has {} roots; only there: [{}]; only here: [{}]", theirs.len(), only(&theirs, &ours), only(&ours, &theirs))
    };
    let hashes = |ders: &[Vec<u8>]| ders.iter().map(|der| Sha256::of(der).to_string()).collect();
    if let Some(deb) = &args.ca_certificates_deb {
        let (version, roots) = input::ca_certificates(deb)?;
        talk.push(compare(&format!("ca-certificates {version}"), hashes(&roots)));
    }
    Ok(())
}

/// Public release days of the systems whose root stores Chromium kept.
const RELEASES: [(&str, &str); 46] = [
    ("10.9.0", "2013-10-22"),
    ("10.9.2", "2014-02-25"),
    ("10.9.4", "2014-06-30"),
    ("10.9.5", "2014-09-17"),
    ("10.10.0", "2014-10-16"),
    ("10.10.3", "2015-04-08"),
    ("10.10.4", "2015-06-30"),
    ("10.11.0", "2015-09-30"),
    ("10.11.1", "2015-10-21"),
    ("10.11.2", "2015-12-08"),
    ("10.11.4", "2016-03-21"),
    ("10.12.0", "2016-09-20"),
    ("10.12.1", "2016-10-24"),
    ("10.12.2", "2016-12-13"),
    ("10.13.0", "2017-09-25"),
    ("10.13.1", "2017-10-31"),
    ("10.13.2", "2017-12-06"),
    ("10.13.3", "2018-01-23"),
    ("10.13.4", "2018-03-29"),
    ("10.13.5", "2018-06-01"),
    ("10.14.0", "2018-09-24"),
    ("10.14.2", "2018-12-05"),
    ("10.14.3", "2019-01-22"),
    ("10.14.4", "2019-03-25"),
    ("10.14.5", "2019-05-13"),
    ("10.14.6", "2019-07-22"),
    ("10.15.0", "2019-10-07"),
    ("10.15.1", "2019-10-29"),
    ("10.15.2", "2019-12-10"),
    // Android branches: a maintenance branch counts from the day of its first release.
    ("kitkat-cts-release", "2013-10-31"),
    ("kitkat-mr1-release", "2013-12-05"),
    ("kitkat-mr2-release", "2014-06-02"),
    ("lollipop-cts-release", "2014-11-12"),
    ("lollipop-mr1-cts-release", "2015-03-09"),
    ("marshmallow-cts-release", "2015-10-05"),
    ("marshmallow-mr1-release", "2015-12-07"),
    ("marshmallow-mr2-release", "2015-12-07"),
    ("marshmallow-mr3-release", "2015-12-07"),
    ("nougat-cts-release", "2016-08-22"),
    ("nougat-mr1-cts-release", "2016-10-04"),
    ("oreo-cts-release", "2017-08-21"),
    ("oreo-mr1-cts-release", "2017-12-05"),
    ("pie-cts-release", "2018-08-06"),
    ("android10-release", "2019-09-03"),
    ("android11-release", "2020-09-08"),
    ("android12-release", "2021-10-04"),
];
