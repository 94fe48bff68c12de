//! `launder`: what an interceptor makes of origins that are broken on purpose.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::{Report, judge};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::looking::{Errand, look_once};
use super::{Status, chosen, json_line, print, report, tell};
use crate::cli::LaunderArgs;
use crate::error::Error;
use crate::laundering::{Grade, Grading, KnownBad, Outcome, Tried, grade, word};
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
    let status = report::status(&report, args.judging.strict);
    if args.judging.json {
        print(&json_line(&LaunderingDocument::of(&evidence, report)))?;
    } else {
        print(&draw(&grade(&evidence, &report), Look::of_stdout()))?;
        tell("hint: `--json` has the whole report, `mintwatch explain laundered` what it rests on");
    }
    Ok(status)
}

/// The newest version of the document.
pub const LAUNDERING_VERSION: u32 = 1;

/// What became of origins that are broken on purpose, and the report it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LaunderingDocument {
    /// Always `mintwatch.laundering`.
    pub format: LaunderingFormat,
    /// Version of the format; see [`LAUNDERING_VERSION`].
    pub version: u32,
    /// The worst of what was hidden; none where too little was seen to say.
    pub grade: Option<Grade>,
    /// Why there is no grade, or what it rests on.
    pub because: String,
    /// Each fault.
    pub tried: Vec<Tried>,
    /// The judgement of the handshakes.
    pub report: Report,
}

/// The name that tells this document from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LaunderingFormat {
    /// The only value.
    #[serde(rename = "mintwatch.laundering")]
    Laundering,
}

impl LaunderingDocument {
    /// Grades what was seen of known-bad origins, by the report on it.
    pub fn of(evidence: &Evidence, report: Report) -> Self {
        let Grading { grade, because, tried } = grade(evidence, &report);
        Self { format: LaunderingFormat::Laundering, version: LAUNDERING_VERSION, grade, because, tried, report }
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

fn is_hidden(tried: &Tried) -> bool {
    tried.outcome == Outcome::Laundered
}

/// Columns of the outcome.
const OUTCOME: usize = 11;
