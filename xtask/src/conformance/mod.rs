//! `cargo xtask conformance`: path finding and validation against x509-limbo with the BetterTLS cases.

mod exceptions;
mod real;
mod subset;
mod suite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use exceptions::Exceptions;
pub use suite::{Answer, Case};

use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

/// The suite, and what else to do with it.
#[derive(Debug, Clone, clap::Args)]
pub struct ConformanceArgs {
    /// The suite as x509-limbo publishes it, a JSON document, or that compressed with zstd; without it the subset in the repository.
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    /// Write the subset in the repository anew from the suite.
    #[arg(long, requires = "suite")]
    write_subset: bool,
    /// Name every case that is answered wrong, and how.
    #[arg(long)]
    verbose: bool,
    /// Judge every chain below this folder, each at a moment when it was valid, and say why paths to public anchors are refused.
    #[arg(long, value_name = "FOLDER")]
    real: Option<PathBuf>,
}

/// What the suite may cost us at most: what rustls-webpki 0.103.16 alone answers wrong.
const BAR: Bar = Bar { false_accepts: 55, false_rejects: 5 };

struct Bar {
    false_accepts: usize,
    false_rejects: usize,
}

/// Runs the suite, writes a table of its classes and holds the wrong answers against the exceptions.
///
/// # Errors
/// When the suite or the exceptions cannot be read, an answer is wrong without being an exception, an
/// exception no longer applies, or the bar is missed.
pub fn run(args: &ConformanceArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    if let Some(folder) = &args.real {
        return real::run(folder, args.verbose);
    }
    let exceptions = exceptions(&root)?;
    let began = Instant::now();
    let cases = match &args.suite {
        Some(file) => suite::read(file)?,
        None => subset(&root)?,
    };
    let results = ask_all(&cases, &exceptions);
    if args.verbose {
        for (case, answer) in
            results.iter().filter_map(|(case, answer)| Some((case, answer.as_ref()?))).filter(|(_, answer)| answer.is_wrong())
        {
            say::line(&format!("{}: {answer}", case.id));
        }
    }
    for line in table(&results) {
        say::line(&line);
    }
    say::talk(&format!("{} cases in {:.1} s", cases.len(), began.elapsed().as_secs_f64()));
    let mut faults = exceptions.unlisted(&results);
    if args.suite.is_some() {
        faults.extend(exceptions.unused(&results));
        faults.extend(missed_bar(&results));
    }
    if let Some(first) = faults.first() {
        for fault in &faults {
            say::talk(fault);
        }
        return Err(Trouble::new(format!("{} of the answers or exceptions are not as they must be; the first: {first}", faults.len()))
            .with_hint(format!("{EXCEPTIONS} holds one line and one reason for each")));
    }
    if args.write_subset {
        subset::write(&root.join(SUBSET), &results, &exceptions)?;
        say::line(SUBSET);
    }
    Ok(())
}

/// Asks every case that is not left out; `None` stands for those that are.
pub fn ask_all<'c>(cases: &'c [Case], exceptions: &Exceptions) -> Vec<(&'c Case, Option<Answer>)> {
    cases.iter().map(|case| (case, (!exceptions.leaves_out(case)).then(|| case.ask()))).collect()
}

type Results<'c, 'r> = &'r [(&'c Case, Option<Answer>)];

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    right: usize,
    false_accepts: usize,
    false_rejects: usize,
    left_out: usize,
}

fn table(results: Results<'_, '_>) -> Vec<String> {
    let mut classes: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut all = Tally::default();
    for (case, answer) in results {
        for tally in [classes.entry(case.class()).or_default(), &mut all] {
            match answer {
                None => tally.left_out += 1,
                Some(Answer::Right) => tally.right += 1,
                Some(Answer::FalseAccept) => tally.false_accepts += 1,
                Some(Answer::FalseReject(_)) => tally.false_rejects += 1,
            }
        }
    }
    let row = |name: &str, tally: &Tally| {
        format!("{name:<28}{:>8}{:>15}{:>15}{:>10}", tally.right, tally.false_accepts, tally.false_rejects, tally.left_out)
    };
    let head = format!("{:<28}{:>8}{:>15}{:>15}{:>10}", "class", "right", "false accepts", "false rejects", "left out");
    let rows = classes.iter().map(|(name, tally)| row(name, tally));
    [head].into_iter().chain(rows).chain([row("all", &all)]).collect()
}

fn missed_bar(results: Results<'_, '_>) -> Vec<String> {
    let count = |wanted: fn(&Case, &Answer) -> bool| {
        results.iter().filter(|(case, answer)| answer.as_ref().is_some_and(|answer| wanted(case, answer))).count()
    };
    let bettertls = count(|case, answer| case.is_bettertls() && answer.is_wrong());
    let accepts = count(|_, answer| matches!(answer, Answer::FalseAccept));
    let rejects = count(|_, answer| matches!(answer, Answer::FalseReject(_)));
    let mut missed = Vec::new();
    if bettertls > 0 {
        missed.push(format!("{bettertls} BetterTLS cases are answered wrong, and none may be"));
    }
    if accepts > BAR.false_accepts {
        missed.push(format!("{accepts} false accepts, and {} is the bar", BAR.false_accepts));
    }
    if rejects > BAR.false_rejects {
        missed.push(format!("{rejects} false rejects, and {} is the bar", BAR.false_rejects));
    }
    missed
}

/// Where the subset lies, from the root of the workspace.
const SUBSET: &str = "tests/conformance/subset.json";
/// Where the exceptions lie.
const EXCEPTIONS: &str = "tests/conformance/exceptions.tsv";

/// Reads the exceptions of the repository.
///
/// # Errors
/// When they are not there or not in their form.
pub fn exceptions(root: &Path) -> Result<Exceptions, Trouble> {
    Exceptions::read(&root.join(EXCEPTIONS))
}

/// Reads the subset of the repository.
///
/// # Errors
/// When it is not there or not in its form.
pub fn subset(root: &Path) -> Result<Vec<Case>, Trouble> {
    subset::read(&root.join(SUBSET))
}
