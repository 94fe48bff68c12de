//! `cargo xtask accuracy`: docs/accuracy.md, how often each cause is named right, over everything we keep and mint.
//!
//! Nothing is measured that cannot be measured again from the repository alone.

mod mutations;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use mintwatch_validator::Report;
use mintwatch_validator::evidence::Host;
use mintwatch_validator::report::HostReport;
use mintwatch_validator::verdict::{Cause, Severity};

use crate::interceptions::{self, Run};
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

/// One handshake, or one host by several: what it was, and what was said of it.
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
    let runs = interceptions::runs(&root)?;
    let sources = [
        Source { name: "incidents", tried: incidents(&root, true)? },
        Source { name: "real interceptors, by host", tried: interceptions(&runs) },
        Source { name: "mutations", tried: mutations::tried()? },
        Source { name: "look-alikes", tried: look_alikes(&root)? },
    ];
    Ok(page::text(&sources, &incidents(&root, false)?, &runs))
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

/// Runs that the laboratory of real interceptors left behind, each host by the worst of the ways to it.
fn interceptions(runs: &[Run]) -> Vec<Tried> {
    let of = |run: &Run| -> Vec<Tried> {
        let hosts = interceptions::worst(&run.report);
        let one = |(host, worst): (&Host, &&HostReport)| one(run.name.clone(), worst, Some(run.expected.of(host)));
        hosts.iter().map(one).collect()
    };
    runs.iter().flat_map(of).collect()
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
    Ok(replays(root)?.into_iter().filter(|replay| replay.is_of(group)).collect())
}

fn tried(replay: &Replay, report: &Report, expected: Vec<Option<Cause>>) -> Vec<Tried> {
    report.hosts.iter().zip(expected).map(|(host, was)| one(replay.name(), host, was)).collect()
}

fn one(of: String, host: &HostReport, was: Option<Cause>) -> Tried {
    Tried { of, host: host.host.to_string(), was, said: host.verdict.cause, severity: host.verdict.severity }
}
