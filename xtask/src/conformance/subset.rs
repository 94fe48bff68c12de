//! The subset of the suite that lives in the repository, in a form of our own: each certificate once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::exceptions::Exceptions;
use super::suite::{Answer, Case};
use crate::trouble::Trouble;

/// How many octets of new certificates one case may bring into the subset.
const MAX_NEW: usize = 9_000;
/// Of so many cases of a class with the same host and the same answer, one is taken; of any other class, all.
const ONE_OF: [(&str, usize); 3] = [("bettertls::nameconstraints", 330), ("bettertls::pathbuilding", 8), ("online", 4)];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subset {
    title: String,
    source: Vec<String>,
    licence: String,
    certificates: Vec<String>,
    cases: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    chain: Vec<usize>,
    anchors: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    host: Option<String>,
    at: i64,
    accept: bool,
}

/// Reads the subset.
///
/// # Errors
/// When the file cannot be read or is not in its form.
pub(super) fn read(file: &Path) -> Result<Vec<Case>, Trouble> {
    let text = fs::read_to_string(file).map_err(|error| Trouble::file("read", file, error))?;
    let subset: Subset = serde_json::from_str(&text).map_err(|error| Trouble::file("read", file, error))?;
    let decode = |text: &String| BASE64.decode(text.as_bytes()).map_err(|error| Trouble::file("read", file, error));
    let pool: Vec<Vec<u8>> = subset.certificates.iter().map(decode).collect::<Result<_, _>>()?;
    let pick = |indices: &[usize]| -> Result<Vec<Vec<u8>>, Trouble> {
        let one = |&index: &usize| {
            pool.get(index).cloned().ok_or_else(|| Trouble::new(format!("`{}` has no certificate {index}", file.display())))
        };
        indices.iter().map(one).collect()
    };
    let case = |row: Row| {
        let (chain, anchors) = (pick(&row.chain)?, pick(&row.anchors)?);
        Ok(Case { id: row.id, chain, anchors, host: row.host, at: row.at, accept: row.accept, asks: Vec::new() })
    };
    subset.cases.into_iter().map(case).collect()
}

/// Writes a sample of the suite: see [`sample`].
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(file: &Path, results: &[(&Case, Option<Answer>)], exceptions: &Exceptions) -> Result<(), Trouble> {
    let mut pool = Pool::default();
    let mut rows = Vec::new();
    for case in sample(results, exceptions) {
        if pool.cost(case) <= MAX_NEW {
            let (chain, anchors) = (pool.take(&case.chain), pool.take(&case.anchors));
            rows.push(Row { id: case.id.clone(), chain, anchors, host: case.host.clone(), at: case.at, accept: case.accept });
        }
    }
    let subset = Subset {
        title: "A part of x509-limbo with BetterTLS, in a form of our own; made by `cargo xtask conformance --write-subset`".to_owned(),
        source: vec!["C2SP/x509-limbo 8a2e6f41 (2026-06-29)".to_owned(), "BetterTLS e1e99e35 (2025-09-09)".to_owned()],
        licence: "Apache-2.0".to_owned(),
        certificates: pool.certificates,
        cases: rows,
    };
    let text = serde_json::to_string(&subset).map_err(|error| Trouble::file("write", file, error))?;
    // One certificate or case a line, so that a change reads as one.
    let text = text.replace("\",\"MI", "\",\n\"MI").replace("},{", "},\n{");
    fs::write(file, text + "\n").map_err(|error| Trouble::file("write", file, error))
}

/// Every exception, and every case that is asked as far as [`ONE_OF`] takes them.
fn sample<'c>(results: &[(&'c Case, Option<Answer>)], exceptions: &Exceptions) -> Vec<&'c Case> {
    let mut seen: BTreeMap<(&str, Option<&str>, bool), usize> = BTreeMap::new();
    let mut taken = Vec::new();
    for (case, _) in results.iter().filter(|(_, answer)| answer.is_some()) {
        let every = ONE_OF.iter().find(|(class, _)| *class == case.class()).map_or(1, |&(_, every)| every);
        // The host of a real site is its own; it says nothing about the kind of case.
        let host = case.host.as_deref().filter(|_| case.is_bettertls());
        let count = seen.entry((case.class(), host, case.accept)).or_default();
        if count.is_multiple_of(every) || exceptions.names(case) {
            taken.push(*case);
        }
        *count += 1;
    }
    taken
}

#[derive(Default)]
struct Pool {
    known: BTreeMap<Vec<u8>, usize>,
    certificates: Vec<String>,
}

impl Pool {
    /// How many octets a case would add.
    fn cost(&self, case: &Case) -> usize {
        let new: BTreeSet<&Vec<u8>> = case.chain.iter().chain(&case.anchors).filter(|&der| !self.known.contains_key(der)).collect();
        new.iter().map(|der| der.len()).sum()
    }

    fn take(&mut self, certificates: &[Vec<u8>]) -> Vec<usize> {
        let mut index_of = |der: &Vec<u8>| {
            *self.known.entry(der.clone()).or_insert_with(|| {
                self.certificates.push(BASE64.encode(der));
                self.certificates.len() - 1
            })
        };
        certificates.iter().map(&mut index_of).collect()
    }
}
