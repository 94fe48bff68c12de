//! `cargo xtask accuracy`: docs/accuracy.md, how often each cause is named right, over everything we keep and mint.
//!
//! Nothing is measured that cannot be measured again from the repository alone.

mod mutations;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use mintwatch_validator::Report;
use mintwatch_validator::verdict::{Cause, Severity};
use serde::Deserialize;

use crate::record::recipe::{Recipe, Sight};
use crate::replays::{Replay, replays};
use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

/// Write or compare.
#[derive(Debug, Clone, clap::Args)]
pub struct AccuracyArgs {
    /// Write nothing; fail when the page is stale.
    #[arg(long)]
    check: bool,
}

/// One handshake: what it was, and what was said of it.
#[derive(Debug, Clone)]
struct Tried {
    /// Which replay or kind of mutation.
    of: String,
    host: String,
    /// What it was; none for a look-alike, of which only the severity counts.
    was: Option<Cause>,
    said: Cause,
    severity: Severity,
}

/// All of one source.
struct Source {
    name: &'static str,
    tried: Vec<Tried>,
}

/// Writes docs/accuracy.md, or compares it with what is there.
///
/// # Errors
/// When a replay cannot be read, the page cannot be written, or with `--check` it is stale.
pub fn run(args: &AccuracyArgs) -> Result<(), Trouble> {
    let file = file()?;
    let text = text()?;
    if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
        if args.check {
            return Err(Trouble::new("docs/accuracy.md is stale").with_hint("`cargo xtask accuracy` writes it anew"));
        }
        fs::write(&file, text).map_err(|error| Trouble::file("write", &file, error))?;
        say::line("changed: docs/accuracy.md");
    }
    Ok(())
}

/// Returns whether docs/accuracy.md is what it should be.
///
/// # Errors
/// When a replay cannot be read.
pub fn is_current() -> Result<bool, Trouble> {
    Ok(fs::read_to_string(file()?).ok() == Some(text()?))
}

fn file() -> Result<PathBuf, Trouble> {
    Ok(workspace::root()?.join("docs/accuracy.md"))
}

fn text() -> Result<String, Trouble> {
    let root = workspace::root()?;
    let sources = [
        Source { name: "incidents", tried: incidents(&root, true)? },
        Source { name: "real interceptors", tried: interceptions(&root)? },
        Source { name: "mutations", tried: mutations::tried()? },
        Source { name: "look-alikes", tried: look_alikes(&root)? },
    ];
    Ok(page::text(&sources, &incidents(&root, false)?))
}

/// Every handshake of every incident, against the recipe that says what it was; with all lists, or as before anybody knew.
fn incidents(root: &Path, lists: bool) -> Result<Vec<Tried>, Trouble> {
    let mut all = Vec::new();
    for replay in of_group(root, "incidents")? {
        let recipe = Recipe::read(&replay.folder)?;
        let expected = recipe.sights().into_iter().map(|sight: &Sight| Some(sight.cause)).collect();
        all.extend(tried(&replay, &replay.judge(lists)?, expected));
    }
    Ok(all)
}

/// `expected.toml` of a run in the laboratory of real interceptors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    cause: Cause,
}

/// Runs that the laboratory of real interceptors left behind.
fn interceptions(root: &Path) -> Result<Vec<Tried>, Trouble> {
    let mut all = Vec::new();
    for replay in of_group(root, "interceptions")? {
        let file = replay.folder.join("expected.toml");
        let text = fs::read_to_string(&file).map_err(|error| Trouble::file("read", &file, error))?;
        let expected: Expected = toml::from_str(&text).map_err(|error| Trouble::new(format!("{}: {error}", file.display())))?;
        let report = replay.judge(true)?;
        let expected = vec![Some(expected.cause); report.hosts.len()];
        all.extend(tried(&replay, &report, expected));
    }
    Ok(all)
}

fn look_alikes(root: &Path) -> Result<Vec<Tried>, Trouble> {
    let mut all = Vec::new();
    for replay in of_group(root, "benign")? {
        let report = replay.judge(true)?;
        all.extend(tried(&replay, &report, vec![None; report.hosts.len()]));
    }
    Ok(all)
}

fn of_group(root: &Path, group: &str) -> Result<Vec<Replay>, Trouble> {
    let belongs = |replay: &Replay| replay.folder.parent().is_some_and(|parent| parent.ends_with(group));
    Ok(replays(root)?.into_iter().filter(belongs).collect())
}

fn tried(replay: &Replay, report: &Report, expected: Vec<Option<Cause>>) -> Vec<Tried> {
    let one = |(host, was): (&mintwatch_validator::report::HostReport, Option<Cause>)| Tried {
        of: replay.name(),
        host: host.host.to_string(),
        was,
        said: host.verdict.cause,
        severity: host.verdict.severity,
    };
    report.hosts.iter().zip(expected).map(one).collect()
}
