//! `launder`: what an interceptor makes of origins that are broken on purpose.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mintwatch_validator::{Report, judge};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;

use super::looking::{Errand, look_once};
use super::{Status, chosen, json_line, print, report, tell};
use crate::cli::LaunderArgs;
use crate::error::Error;
use crate::laundering::{Grading, KnownBad, Outcome, grade, word};
use crate::observe::unix_seconds;
use crate::terminal::{Look, Tone, escaped};

/// Asks for known-bad origins, judges what comes, and grades.
///
/// # Errors
/// [`Error`] when the run could not begin, or its output not be written.
pub fn run(args: &LaunderArgs) -> Result<Status, Error> {
    let tables = chosen(&args.judging.laid_over, unix_seconds())?;
    let origins = if args.origin.is_empty() { KnownBad::usual() } else { args.origin.clone() };
    let hosts: Vec<_> = origins.iter().map(|origin| (origin.host.clone(), origin.port)).collect();
    let mut errand = Errand::to(&hosts, &[], &args.looking, &mut StdRng::from_os_rng());
    let faults: BTreeMap<_, _> = origins.into_iter().map(|origin| ((origin.host, origin.port), origin.fault)).collect();
    for planned in &mut errand.targets {
        planned.target.known_fault = faults.get(&(planned.target.host.clone(), planned.target.port)).copied();
    }
    let evidence = look_once(errand, None, &args.looking, &args.judging, &tables)?;
    let report = judge(&evidence, &tables);
    let grading = grade(&evidence, &report);
    if args.judging.json {
        print(&json_line(&Document::of(&grading, &report)))?;
    } else {
        print(&draw(&grading, Look::of_stdout()))?;
        tell("hint: `--json` has the whole report, `mintwatch explain laundered` what it rests on");
    }
    Ok(report::status(&report, args.judging.strict))
}

/// The answer for programs: the grading, and the report it rests on.
#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    grading: &'a Grading,
    report: &'a Report,
}

impl<'a> Document<'a> {
    fn of(grading: &'a Grading, report: &'a Report) -> Self {
        Self { format: "mintwatch.laundering", version: 1, grading, report }
    }
}

/// Draws a grading for people.
pub(super) fn draw(grading: &Grading, look: Look) -> String {
    let mut text = String::new();
    let (grade, tone) = match grading.grade {
        Some(grade) => (format!("GRADE {grade}"), if grading.tried.iter().any(is_hidden) { Tone::Bad } else { Tone::Good }),
        None => ("NO GRADE".to_owned(), Tone::Doubtful),
    };
    let _ = writeln!(text, "{}  {}", look.in_tone(&grade, tone), grading.because);
    for tried in &grading.tried {
        let (outcome, tone) = match tried.outcome {
            Outcome::Laundered => ("hidden", Tone::Bad),
            Outcome::Kept => ("still shows", Tone::Good),
            Outcome::Repaired => ("repaired", Tone::Neutral),
            Outcome::Unseen => ("not seen", Tone::Neutral),
        };
        let padding = " ".repeat(OUTCOME.saturating_sub(outcome.len()));
        let says = escaped(&tried.says);
        let _ =
            writeln!(text, "  {:<14}  {}{padding}  {}:{}  {says}", word(tried.fault), look.in_tone(outcome, tone), tried.host, tried.port);
    }
    text
}

fn is_hidden(tried: &crate::laundering::Tried) -> bool {
    tried.outcome == Outcome::Laundered
}

/// Columns of the outcome.
const OUTCOME: usize = 11;
