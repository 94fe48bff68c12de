//! From a report to what a person or a program reads, and to the exit status.

use mintwatch_validator::Report;

use super::{Status, print};
use crate::cli::Judging;
use crate::error::Error;
use crate::terminal::{Look, render};

/// Prints a report in the form asked for, and returns the exit status it stands for.
///
/// # Errors
/// [`Error::Stream`] when standard output is closed.
pub fn show(report: &Report, judging: &Judging) -> Result<Status, Error> {
    if judging.json {
        print(&(report.to_json() + "\n"))?;
    } else {
        print(&render(report, Look::of_stdout()))?;
    }
    Ok(status(report, judging.strict))
}

/// Returns the exit status of a report.
pub(super) fn status(report: &Report, strict: bool) -> Status {
    let status = Status::of(report.verdict.cause.exit_status());
    let stale = strict && report.tables.iter().any(|table| table.stale);
    if stale { status.or_worse(Status::STALE) } else { status }
}
