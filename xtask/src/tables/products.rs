//! products.tsv: programs and boxes that end other people's TLS, and what they are known by.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::input;
use super::text::{Source, Table};
use super::{Made, TablesArgs, TablesError};

const FILE: &str = "products.tsv";
/// What we gathered ourselves: product, kind, by, rule, is, is-not, source.
const CURATED: &str = include_str!("../../data/interception-products.tsv");
/// The day that list was last looked through.
const CURATED_DAY: &str = "2026-11-24";
/// What a rule may go by.
const BY: [&str; 4] = ["key", "name", "profile", "subject"];

#[derive(Deserialize)]
struct Incidents {
    generated: String,
    incidents: Vec<Incident>,
}
#[derive(Deserialize)]
struct Incident {
    id: String,
    certs: Vec<Key>,
    #[serde(default)]
    public_keys: Vec<Key>,
}
#[derive(Deserialize)]
struct Key {
    spki_sha256: String,
}

/// One rule as curated.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Curated<'t> {
    product: &'t str,
    kind: &'t str,
    by: &'t str,
    rule: &'t str,
    is: &'t str,
    is_not: &'t str,
    source: &'t str,
}

pub(super) fn make(args: &TablesArgs, talk: &mut Vec<String>) -> Result<Made, TablesError> {
    let Some(incidents) = &args.incidents else { return Ok(Made::Needs("--incidents")) };
    let incidents: Incidents = input::json(incidents)?;
    let curated = read(CURATED)?;
    compare_keys(&curated, &incidents)?;
    let products: BTreeSet<&str> = curated.iter().map(|rule| rule.product).collect();
    talk.push(format!("{FILE}: {} products", products.len()));
    Ok(Made::Tables(vec![Table {
        file: FILE,
        title: "Programs and boxes that end other people's TLS, and what they are known by",
        notes: vec![
            "by: key (SHA-256 of a SubjectPublicKeyInfo), profile (how its certificates are made), name (of an authority), subject (of the end-entity)",
            "a key is proof, a profile a likeness, a name a claim: names are what a forger copies first",
            "is, is-not: a case the rule must meet and a look-alike it must not; for a key, whose certificate it stands in",
            "the names of products are for people and are their makers' marks",
        ],
        sources: vec![
            Source::new(
                "Mintwatch's own gathering, each row with its source",
                "xtask/data/interception-products.tsv",
                CURATED_DAY,
                "MIT OR Apache-2.0",
            ),
            Source::new("incident certificates (Chromium, NSS, CCADB, superfishy)", "collected", incidents.generated, "public records"),
            Source::new("Chromium ssl_error_assistant", "Chromium 150, version 7", "2026-07-06", "BSD-3-Clause"),
        ],
        as_of: CURATED_DAY.to_owned(),
        stale_after_days: 365,
        stale_reason: "products change their names and habits with releases; an old list names fewer and is right about the rest",
        columns: &["by", "rule", "product", "kind", "is", "is-not", "source"],
        rows: curated
            .iter()
            .map(|rule| [rule.by, rule.rule, rule.product, rule.kind, rule.is, rule.is_not, rule.source].map(str::to_owned).to_vec())
            .collect(),
    }]))
}

/// Reads the curated lines; a rule stands there once, and has the cases that test it.
fn read(text: &str) -> Result<Vec<Curated<'_>>, TablesError> {
    let mut rules = Vec::new();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let [product, kind, by, rule, is, is_not, source] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(contradiction(format!("a curated line has not seven fields: {line}")));
        };
        if !BY.contains(&by) || !seen.insert((by, rule)) {
            return Err(contradiction(format!("{product}: `{by}` is no way to know a product, or the rule stands twice: {rule}")));
        }
        if is.is_empty() || source.is_empty() || (is_not.is_empty() != (by == "key")) {
            return Err(contradiction(format!("{product}: a rule needs its case, its look-alike and its source: {rule}")));
        }
        rules.push(Curated { product, kind, by, rule, is, is_not, source });
    }
    Ok(rules)
}

/// A key that an incident vouches for must be one of that incident's.
fn compare_keys(curated: &[Curated<'_>], incidents: &Incidents) -> Result<(), TablesError> {
    for rule in curated.iter().filter(|rule| rule.by == "key") {
        let Some(id) = rule.source.strip_prefix("incident ").and_then(|rest| rest.split(';').next()) else { continue };
        let keys = incidents.incidents.iter().filter(|incident| incident.id == id).flat_map(|one| one.certs.iter().chain(&one.public_keys));
        if !keys.into_iter().any(|key| key.spki_sha256 == rule.rule) {
            return Err(contradiction(format!("{}: incident {id} has no key {}", rule.product, rule.rule)));
        }
    }
    Ok(())
}

fn contradiction(what: String) -> TablesError {
    TablesError::Contradiction { table: FILE, what }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn every_curated_line_can_be_read() {
        assert!(read(CURATED).unwrap().len() >= 45);
    }

    #[test]
    fn a_rule_twice_without_a_case_or_of_an_unknown_form_is_refused() {
        let line = "Product\ttest\tname\tCN=a\tCN=a\tCN=b\tsomewhere\n";
        assert_eq!(read(line).unwrap().len(), 1);
        for broken in [
            format!("{line}{line}"),
            line.replace("\tCN=b\t", "\t\t"),
            line.replace("\tname\t", "\tcolour\t"),
            line.replace("\tsomewhere", "\t"),
            line.replace("\tsomewhere", ""),
        ] {
            assert!(read(&broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_key_its_incident_does_not_know_is_refused() {
        let incidents: Incidents =
            serde_json::from_str(r#"{"generated": "2026-01-01", "incidents": [{"id": "one", "certs": [{"spki_sha256": "aa"}]}]}"#).unwrap();
        let rules = |key: &str| format!("Product\ttest\tkey\t{key}\tCN=a\t\tincident one; more");
        assert!(compare_keys(&read(&rules("aa")).unwrap(), &incidents).is_ok());
        assert!(compare_keys(&read(&rules("bb")).unwrap(), &incidents).is_err());
    }
}
