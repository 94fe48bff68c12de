//! `explain`: what a detector looks for, what it cannot tell, what it rests on.

use std::fmt::Write as _;

use mintwatch_validator::Detector;
use mintwatch_validator::detectors::{DETECTORS, by_id};

use super::{Status, print};
use crate::cli::ExplainArgs;
use crate::error::Error;

/// Explains one detector, or lists them all.
///
/// # Errors
/// [`Error::NoSuchDetector`], or [`Error::Stream`] when standard output is closed.
pub fn run(args: &ExplainArgs) -> Result<Status, Error> {
    match &args.id {
        Some(id) => {
            let detector = by_id(id).ok_or_else(|| Error::NoSuchDetector(id.clone()))?;
            print(&explanation(detector))?;
        }
        None => print(&list())?,
    }
    Ok(Status::CLEAR)
}

fn list() -> String {
    let columns = DETECTORS.iter().map(|detector| detector.id.len()).max().unwrap_or(0);
    let line = |detector: &Detector| format!("{:<columns$}  {}\n", detector.id, detector.summary);
    DETECTORS.iter().map(line).collect()
}

fn explanation(detector: &Detector) -> String {
    let mut text = format!("{}: {}\n\n", detector.id, detector.summary);
    let _ = writeln!(text, "It shows: {}\n", detector.shows);
    let _ = writeln!(text, "It cannot tell: {}\n", detector.cannot_tell);
    text.push_str("It rests on:\n");
    for source in detector.sources {
        let _ = writeln!(text, "  {source}");
    }
    text.push_str("\nIt cannot look when:\n");
    for facet in detector.needs {
        let _ = writeln!(text, "  {}", facet.absence());
    }
    text
}
