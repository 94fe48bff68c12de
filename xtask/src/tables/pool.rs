//! pool.tsv and operators.tsv: the hosts a check may draw from, who runs them, and whose CA they use.

use std::collections::{BTreeMap, BTreeSet};

use mintwatch_validator::evidence::Host;
use serde::Deserialize;

use super::input;
use super::pins::{self, Pins};
use super::text::{Source, Table};
use super::{Made, TablesArgs, TablesError};

const FILE: &str = "pool.tsv";
/// The hosts we chose ourselves: host, operator, class.
const CURATED: &str = include_str!("../../data/pool-hosts.tsv");
/// The day that list was last looked through.
const CURATED_DAY: &str = "2026-11-24";

#[derive(Deserialize)]
struct Entity {
    name: String,
    company: Option<String>,
    domains: Vec<String>,
}
#[derive(Deserialize)]
struct Package {
    version: String,
}
#[derive(Deserialize)]
struct ProbeDomains {
    generated: String,
    hosts: Vec<ProbeHost>,
}
#[derive(Deserialize)]
struct ProbeHost {
    host: String,
}

/// One host as curated.
struct Curated<'t> {
    host: &'t str,
    operator: &'t str,
    class: &'t str,
}

pub(super) fn make(args: &TablesArgs, talk: &mut Vec<String>) -> Result<Made, TablesError> {
    let (Some(pins), Some(ccadb), Some(chrome_pem), Some(third_party), Some(probe)) =
        (Pins::read(args)?, &args.ccadb_der, &args.chrome_root_store_pem, &args.third_party_web, &args.probe_domains)
    else {
        return Ok(Made::Needs(
            "--third-party-web, --probe-domains, --chromium-pins, --firefox-pins, --ccadb-der and --chrome-root-store-pem",
        ));
    };
    let curated = curated()?;
    let probe: ProbeDomains = input::json(probe)?;
    let known: BTreeSet<&str> = curated.iter().map(|entry| entry.host).collect();
    let missing: Vec<_> = probe.hosts.iter().map(|host| host.host.as_str()).filter(|host| !known.contains(host)).collect();
    if !missing.is_empty() {
        return Err(contradiction(format!("probe domains that no curated line speaks of: {}", missing.join(" "))));
    }
    let entities: Vec<Entity> = input::from_json(third_party, &input::from_npm(third_party, "package/dist/entities.json")?)?;
    let package: Package = input::from_json(third_party, &input::from_npm(third_party, "package/package.json")?)?;
    let shelf = input::shelf(args.incidents.as_deref(), ccadb, chrome_pem)?;
    let owners = pins::owners(&shelf);
    let rows: Vec<_> = curated
        .iter()
        .map(|entry| {
            let sets = pins.sets_of(entry.host);
            let browsers: BTreeSet<&str> = sets.iter().filter_map(|set| set.split(':').next()).collect();
            let expected: BTreeSet<&str> = pins
                .keys
                .iter()
                .filter(|key| key.verdict == "good" && sets.contains(key.set.as_str()))
                .filter_map(|key| owners.get(&key.spki).map(String::as_str))
                .collect();
            let list = |set: BTreeSet<&str>, none: &str| {
                if set.is_empty() { none.to_owned() } else { set.into_iter().collect::<Vec<_>>().join("|") }
            };
            vec![entry.host.to_owned(), entry.operator.to_owned(), entry.class.to_owned(), list(browsers, "none"), list(expected, "")]
        })
        .collect();
    compare_operators(&curated, &entities, talk);
    let sources = vec![
        Source::new("Mintwatch's own choice of hosts", "xtask/data/pool-hosts.tsv", CURATED_DAY, "MIT OR Apache-2.0"),
        Source::new("probe domains derived from browsers' pins", probe.generated.clone(), probe.generated, "facts"),
        Source::new("third-party-web", package.version, "2026", "MIT"),
    ];
    let stale_reason = "hosts move between operators slowly; a host that is gone only makes a check draw another";
    let operators = operators(&curated, &entities)?;
    Ok(Made::Tables(vec![
        Table {
            file: FILE,
            title: "Third-party hosts that a check may draw from",
            notes: vec![
                "operator: the company known to run the host; empty where we are not certain",
                "pinned-by and expected: computed from the browsers' pins; expected holds the owners of the pinned keys, and is empty where no pin supports an expectation",
            ],
            sources: sources.clone(),
            as_of: CURATED_DAY.to_owned(),
            stale_after_days: 365,
            stale_reason,
            columns: &["host", "operator", "class", "pinned-by", "expected"],
            rows,
        },
        Table {
            file: "operators.tsv",
            title: "Who runs the hosts below a domain",
            notes: vec!["a domain speaks for all hosts below it; domains of third-party-web are taken for operators of the pool only"],
            sources,
            as_of: CURATED_DAY.to_owned(),
            stale_after_days: 365,
            stale_reason,
            columns: &["domain", "operator"],
            rows: operators.into_iter().map(|(domain, operator)| vec![domain, operator]).collect(),
        },
    ]))
}

fn contradiction(what: String) -> TablesError {
    TablesError::Contradiction { table: FILE, what }
}

fn curated() -> Result<Vec<Curated<'static>>, TablesError> {
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for line in CURATED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let [host, operator, class] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(contradiction(format!("a curated line has not three fields: {line}")));
        };
        if Host::parse(host).ok().is_none_or(|parsed| parsed.as_str() != host) || !seen.insert(host) {
            return Err(contradiction(format!("{host} is no canonical host name, or stands twice")));
        }
        entries.push(Curated { host, operator, class });
    }
    Ok(entries)
}

/// Domains and their operators: the parents of the pool's hosts, and what third-party-web adds for those operators.
fn operators(curated: &[Curated<'_>], entities: &[Entity]) -> Result<BTreeMap<String, String>, TablesError> {
    let mut table: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for entry in curated.iter().filter(|entry| !entry.operator.is_empty()) {
        table.entry(parent(entry.host).to_owned()).or_default().insert(entry.operator);
    }
    let several: Vec<_> = table.iter().filter(|(_, operators)| operators.len() > 1).map(|(domain, _)| domain).collect();
    if !several.is_empty() {
        return Err(contradiction(format!("domains with several operators: {several:?}")));
    }
    let ours: BTreeMap<String, &str> =
        curated.iter().filter(|entry| !entry.operator.is_empty()).map(|entry| (plain(entry.operator), entry.operator)).collect();
    for entity in entities {
        let company = entity.company.as_deref().unwrap_or(&entity.name);
        let Some(operator) = ours.get(&plain(company)) else { continue };
        for domain in entity.domains.iter().filter_map(|domain| domain.strip_prefix("*.")) {
            // Customers' names below a host's own domain are not the host's.
            let shared = entity.name.contains("CDN") || entity.name.contains("Hosting") || SHARED.contains(&domain);
            if !shared && Host::parse(domain).is_ok_and(|parsed| parsed.as_str() == domain) {
                table.entry(domain.to_owned()).or_insert_with(|| BTreeSet::from([*operator]));
            }
        }
    }
    Ok(table.into_iter().filter_map(|(domain, operators)| Some((domain, (*operators.first()?).to_owned()))).collect())
}

/// Tells where third-party-web knows another operator for a host than we do.
fn compare_operators(curated: &[Curated<'_>], entities: &[Entity], talk: &mut Vec<String>) {
    let (mut agreed, mut unknown) = (0, 0);
    for entry in curated {
        let theirs = entities.iter().find(|entity| {
            entity.domains.iter().any(|domain| {
                domain == entry.host
                    || domain.strip_prefix("*.").is_some_and(|domain| {
                        domain == entry.host || entry.host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
                    })
            })
        });
        match theirs {
            None => unknown += 1,
            Some(entity) => {
                let company = entity.company.as_deref().unwrap_or(&entity.name);
                if plain(company) == plain(entry.operator) || plain(&entity.name) == plain(entry.operator) {
                    agreed += 1;
                } else {
                    talk.push(format!(
                        "{FILE}: {}: we say {:?}, third-party-web says {:?} ({:?})",
                        entry.host, entry.operator, company, entity.name
                    ));
                }
            }
        }
    }
    talk.push(format!("{FILE}: operators: third-party-web agrees about {agreed}, does not know {unknown}"));
}

/// A company's name for comparing: letters and digits, without its legal form.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| !matches!(word.as_str(), "inc" | "llc" | "ltd" | "corp" | "gmbh" | "ag" | "plc" | "the" | "com")).collect()
}

/// The domain somebody registered, for the hosts of the curated list.
fn parent(host: &str) -> &str {
    let mut starts: Vec<usize> = host.match_indices('.').map(|(at, _)| at + 1).collect();
    let labels: Vec<&str> = host.split('.').collect();
    let second_level = match labels.as_slice() {
        [.., second, top] => top.len() == 2 && SECOND_LEVEL.contains(second),
        _ => false,
    };
    let keep = if second_level { 3 } else { 2 };
    if labels.len() <= keep {
        return host;
    }
    let cut = starts.len() + 1 - keep;
    starts.truncate(cut);
    starts.last().and_then(|at| host.get(*at..)).unwrap_or(host)
}

/// Labels under which countries register names.
const SECOND_LEVEL: [&str; 13] = ["ac", "co", "com", "edu", "gob", "go", "gouv", "gov", "govt", "ne", "net", "or", "org"];
/// Domains whose subdomains belong to customers.
const SHARED: [&str; 19] = [
    "amazonaws.com",
    "appspot.com",
    "azureedge.net",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "cloudfunctions.net",
    "firebaseapp.com",
    "github.io",
    "githubusercontent.com",
    "herokuapp.com",
    "myshopify.com",
    "netlify.app",
    "pages.dev",
    "run.app",
    "web.app",
    "wordpress.com",
    "workers.dev",
    "googleusercontent.com",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn the_parent_of_a_host_is_what_somebody_registered() {
        for (host, domain) in [
            ("www.bbc.co.uk", "bbc.co.uk"),
            ("bing.com", "bing.com"),
            ("www.gov.uk", "www.gov.uk"),
            ("www.web.de", "web.de"),
            ("content-signature-2.cdn.mozilla.net", "mozilla.net"),
            ("one.one.one.one", "one.one"),
        ] {
            assert_eq!(parent(host), domain);
        }
    }

    #[test]
    fn every_curated_line_can_be_read() {
        assert!(curated().unwrap().len() >= 500);
    }
}
