//! From a report to what a person or a program reads, and to the exit status; and `report`: saved evidence, written anew.

use std::fs;
use std::path::Path;

use clap::ValueEnum;
use mintwatch_validator::evidence::{Evidence, MAX_DOCUMENT_BYTES};
use mintwatch_validator::verdict::Cause;
use mintwatch_validator::{Report, judge};

use super::tables::add_local_anchors;
use super::{Status, chosen, files, print, tell};
use crate::cli::{Answering, Judging, Output, ReportArgs, Sending};
use crate::collector;
use crate::error::Error;
use crate::formats::{Format, Records, write};
use crate::observe::{self, unix_seconds};
use crate::terminal::{Look, render};

/// Judges saved evidence again and writes the report down.
///
/// # Errors
/// [`Error`] when the file cannot be judged, or the report not be written.
pub(super) fn run(args: &ReportArgs) -> Result<Status, Error> {
    check(&args.answering.output, 1)?;
    let tables = chosen(&args.answering.judging.laid_over, unix_seconds())?;
    let text = files::read(&args.file, MAX_DOCUMENT_BYTES)?;
    let mut evidence = Evidence::from_json(&text).map_err(|source| Error::Evidence { path: args.file.clone(), source })?;
    add_local_anchors(&mut evidence, &args.answering.judging)?;
    answer(&evidence, &judge(&evidence, &tables), &args.answering)
}

/// Prints a report for people or as a document, and returns the exit status it stands for.
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

impl Answering {
    /// Says whether what is printed is for people.
    pub(super) fn is_for_people(&self) -> bool {
        !self.output.nagios && printed(self) == Format::Human
    }
}

/// Looks whether an answer can leave as it should, before anything is done for it.
///
/// # Errors
/// [`Error::SeveralFormats`] and [`Error::SeveralDocuments`].
pub(super) fn check(output: &Output, documents: usize) -> Result<(), Error> {
    let to_folder = output.output_dir.is_some();
    if output.format.len() > 1 && !to_folder {
        return Err(Error::SeveralFormats);
    }
    let single = output.nagios || to_folder || output.format.iter().any(|format| !format.is_of_lines());
    if documents > 1 && single { Err(Error::SeveralDocuments) } else { Ok(()) }
}

/// Prints a report, writes it into a folder and hands it to a collector, as was asked for; returns the exit status.
///
/// # Errors
/// [`Error`] when standard output is closed or a file cannot be written.
pub(super) fn answer(evidence: &Evidence, report: &Report, answering: &Answering) -> Result<Status, Error> {
    let output = &answering.output;
    let label = output.vantage.as_deref();
    if let Some(folder) = &output.output_dir {
        into_folder(folder, evidence, report, output)?;
    }
    if output.nagios {
        print(&plugin_line(report))?;
    } else {
        print(&write(printed(answering), evidence, report, label, Look::of_stdout()))?;
    }
    let handed = match &output.sending.to_collector {
        None => Status::CLEAR,
        Some(_) => observe::runtime()?.block_on(hand_over(&Records::of(evidence, report, label), &output.sending)),
    };
    if output.nagios {
        return Ok(plugin_status(report, answering.judging.strict));
    }
    Ok(judged(report, answering).or_worse(handed))
}

/// Hands a run to the collector that was named, and tells what became of it. The report stands whatever that is.
pub(super) async fn hand_over(records: &Records, sending: &Sending) -> Status {
    let Some(collector) = &sending.to_collector else { return Status::CLEAR };
    match collector::hand_over(records, collector, sending.collector_ca.as_deref()).await {
        Ok(delivery) => {
            tell(&delivery.told(collector));
            Status::CLEAR
        }
        Err(error) => {
            tell(&format!("error: {error}"));
            Status::COULD_NOT_RUN
        }
    }
}

/// Returns what goes to standard output: with a folder, the formats named go there.
fn printed(answering: &Answering) -> Format {
    match (answering.output.format.as_slice(), &answering.output.output_dir) {
        ([only], None) => *only,
        _ if answering.judging.json => Format::Json,
        _ => Format::Human,
    }
}

fn into_folder(folder: &Path, evidence: &Evidence, report: &Report, output: &Output) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })?;
    let formats = if output.format.is_empty() { Format::value_variants() } else { &output.format };
    for format in formats {
        let text = write(*format, evidence, report, output.vantage.as_deref(), Look::plain());
        files::write(&folder.join(format.file_name()), text.as_bytes())?;
    }
    tell(&format!("{} files written into `{}`", formats.len(), folder.display()));
    Ok(())
}

/// Returns the exit status of a report, with what `--fail-on` and `--exit-zero` say of it.
fn judged(report: &Report, answering: &Answering) -> Status {
    let (output, strict) = (&answering.output, answering.judging.strict);
    if output.exit_zero {
        return Status::CLEAR;
    }
    let status = status(report, strict);
    if output.fail_on.is_empty() || status.code() < Status::SUSPECT.code() {
        return status;
    }
    let verdicts = report.hosts.iter().map(|host| &host.verdict).chain([&report.verdict]);
    let met = verdicts.filter(|verdict| output.fail_on.iter().any(|bar| bar.is_met_by(verdict)));
    let worst = met.fold(Status::CLEAR, |worst, verdict| worst.or_worse(Status::of(verdict.cause.exit_status())));
    if strict && report.tables.iter().any(|table| table.stale) { worst.or_worse(Status::STALE) } else { worst }
}

/// Returns the exit status of a report.
pub(super) fn status(report: &Report, strict: bool) -> Status {
    let status = Status::of(report.verdict.cause.exit_status());
    let stale = strict && report.tables.iter().any(|table| table.stale);
    if stale { status.or_worse(Status::STALE) } else { status }
}

/// Returns the status of a plugin (Monitoring Plugins Development Guidelines): 0 ok, 1 warning, 2 critical, 3 unknown.
fn plugin_status(report: &Report, strict: bool) -> Status {
    Status::of(match status(report, strict).code() {
        0 => 0,
        4 | 10 => 1,
        11.. => 2,
        _ => 3,
    })
}

/// Returns the one line of a plugin, with its figures.
fn plugin_line(report: &Report) -> String {
    let word = match plugin_status(report, false).code() {
        0 => "OK",
        1 => "WARNING",
        2 => "CRITICAL",
        _ => "UNKNOWN",
    };
    let (hosts, measured) = report.asked_and_measured();
    let count = |wanted: fn(Cause) -> bool| report.hosts.iter().filter(|host| wanted(host.verdict.cause)).count();
    let suspect = count(|cause| cause.exit_status() == Cause::UnexpectedAuthority.exit_status());
    let intercepted = count(|cause| cause.exit_status() > Cause::UnexpectedAuthority.exit_status());
    let age = report.tables.iter().map(|table| table.age_days).max().unwrap_or_default();
    let (cause, handshakes) = (report.verdict.cause.word(), report.hosts.len());
    // A bar parts text from figures.
    let because = crate::terminal::escaped(&report.verdict.because).replace('|', "/");
    let lab = report.lab_tables.as_ref().map_or("", |_| " (lab tables)");
    format!(
        "MINTWATCH {word} - {cause}: {because}{lab} | hosts={hosts};;;0 measured={measured};;;0 handshakes={handshakes};;;0 \
         suspect={suspect};;;0 intercepted={intercepted};;;0 tables_age_days={age}\n"
    )
}
