//! Real chains, each at a moment when it was valid: none may be refused for a rule of ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mintwatch_validator::evidence::Host;
use mintwatch_validator::paths::Refusal;
use mintwatch_validator::report::{AnchorKind, HostReport};
use mintwatch_validator::{Certificate, Tables, judge};

use crate::record::{evidence, observation, pem_certificates};
use crate::say;
use crate::trouble::Trouble;

/// Judges every PEM file below a folder and counts what becomes of its paths to public anchors.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn run(folder: &Path, verbose: bool) -> Result<(), Trouble> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files(folder)? {
        let fate = fate(&pem_certificates(&file)?)?;
        if verbose {
            say::line(&format!("{fate}: {}", file.strip_prefix(folder).unwrap_or(&file).display()));
        }
        *counts.entry(fate).or_default() += 1;
    }
    for (fate, count) in counts {
        say::line(&format!("{count:>6}  {fate}"));
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| Trouble::file("read", folder, error))? {
        let path = entry.map_err(|error| Trouble::file("read", folder, error))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "pem") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What becomes of one chain: accepted, why not, or that it has no path to a public anchor.
fn fate(chain: &[Vec<u8>]) -> Result<String, Trouble> {
    let Some(Ok(end_entity)) = chain.first().map(|der| Certificate::read(der)) else { return Ok("unreadable".to_owned()) };
    let Some(host) = end_entity.dns_names.iter().find_map(|name| Host::parse(&name.replace('*', "www")).ok()) else {
        return Ok("no host name".to_owned());
    };
    let observed = observation(host.as_str(), fitting_moment(&end_entity, chain), chain.to_vec())?;
    let report = judge(&evidence(vec![observed]), &Tables::compiled());
    let Some(host) = report.hosts.first() else { return Ok("no report".to_owned()) };
    Ok(match refusals(host).as_slice() {
        [] => "no path to a public anchor".to_owned(),
        refusals if refusals.contains(&None) => "accepted".to_owned(),
        [first, ..] => format!("refused: {first:?}"),
    })
}

fn refusals(host: &HostReport) -> Vec<Option<&Refusal>> {
    let is_public = |anchor: usize| host.anchors.get(anchor).is_some_and(|anchor| matches!(anchor.kind, AnchorKind::Public(_)));
    host.paths.iter().filter(|path| path.anchor.is_some_and(is_public)).map(|path| path.refused.as_ref()).collect()
}

/// The middle of the time in which all certificates but a self-issued one are valid; of the end-entity's own where there is none.
fn fitting_moment(end_entity: &Certificate<'_>, chain: &[Vec<u8>]) -> i64 {
    let others = chain.iter().skip(1).filter_map(|der| Certificate::read(der).ok()).filter(|other| !other.is_self_issued());
    let (from, until) = others.fold((end_entity.not_before, end_entity.not_after), |(from, until), other| {
        (from.max(other.not_before), until.min(other.not_after))
    });
    let (from, until) = if from < until { (from, until) } else { (end_entity.not_before, end_entity.not_after) };
    from + (until - from) / 2
}
