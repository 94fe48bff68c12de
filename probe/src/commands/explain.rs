//! `explain`: what a detector looks for, what it cannot tell, what it rests on; and the stories of incidents.

use std::fmt::Write as _;

use mintwatch_validator::Detector;
use mintwatch_validator::detectors::{DETECTORS, by_id};

use super::{Status, print};
use crate::cli::ExplainArgs;
use crate::error::Error;
use crate::incidents::{self, Incident};
use crate::terminal::{Look, tell};

/// Explains one detector or tells one incident, or lists them all.
///
/// # Errors
/// [`Error::NoSuchDetector`], [`Error::NoSuchIncident`] or [`Error::WordTooMany`], or [`Error::Stream`]
/// when standard output is closed.
pub fn run(args: &ExplainArgs) -> Result<Status, Error> {
    print(&answer(args.what.as_deref(), args.which.as_deref())?)?;
    Ok(Status::CLEAR)
}

fn answer(what: Option<&str>, which: Option<&str>) -> Result<String, Error> {
    match (what, which) {
        (None, _) => Ok(list()),
        (Some(INCIDENT), None) => Ok(list_of_incidents()),
        (Some(INCIDENT), Some(name)) => {
            let incident = incidents::by_name(name).ok_or_else(|| Error::NoSuchIncident(name.to_owned()))?;
            Ok(story(incident))
        }
        (Some(id), None) => by_id(id).map(explanation).ok_or_else(|| Error::NoSuchDetector(id.to_owned())),
        (Some(id), Some(more)) => Err(Error::WordTooMany(id.to_owned(), more.to_owned())),
    }
}

/// The word that asks for stories; no detector bears it.
const INCIDENT: &str = "incident";

fn list_of_incidents() -> String {
    let columns = incidents::all().iter().map(|incident| incident.short.len()).max().unwrap_or(0);
    let line = |incident: &Incident| format!("{:<columns$}  {}  {}: {}\n", incident.short, incident.year, incident.title, incident.gist);
    incidents::all().iter().map(line).collect()
}

fn story(incident: &Incident) -> String {
    tell(&format!("{}: {}", incident.year, incident.title), &incident.chapters(), Look::of_stdout())
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
