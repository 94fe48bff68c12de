//! `audit`: a database of certificates, scanned for what CAs were asked to look for in their own.

mod entry;
mod lines;
mod page;
mod tally;

use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use mintwatch_validator::audit::RULES;
use mintwatch_validator::report::TableUse;
use mintwatch_validator::tables::Tables;

use super::{Status, chosen, print, tell};
use crate::certificates::{Place, Trouble, process, total_bytes};
use crate::cli::AuditArgs;
use crate::error::Error;
use crate::observe::unix_seconds;
use crate::terminal::{Bar, Look};

pub use entry::{Entry, Flagged, Question, examine};
pub use tally::{MOST_REMEMBERED, Tally};

/// Audits every certificate below the paths; one that cannot be read is told, and the others are audited all the same.
///
/// # Errors
/// [`Error`] when the tables cannot be had, or nobody reads our output.
pub fn run(args: &AuditArgs) -> Result<Status, Error> {
    if args.list {
        print(&page::rules())?;
        return Ok(Status::CLEAR);
    }
    let at = args.at.unwrap_or_else(|| i64::try_from(unix_seconds()).unwrap_or(i64::MAX));
    let tables = tables(args, at)?;
    let question = Question::new(&tables, at, chosen_rules(args)).of_expired_too(args.all);
    let mut teller = Teller { out: BufWriter::new(io::stdout().lock()), look: Look::of_stdout(), json: args.json };
    let mut tally = Tally::new();
    read_all(args, &question, &mut tally, &mut teller)?;
    let uses = tables_used(&tables, at);
    teller.close(&tally, &question, &uses)?;
    Ok(status(args, &tally, &uses))
}

fn read_all(args: &AuditArgs, question: &Question<'_>, tally: &mut Tally, teller: &mut Teller<impl Write>) -> Result<(), Error> {
    let read = Arc::new(AtomicU64::new(0));
    let bar = Bar::of_bytes(|| total_bytes(&args.paths), !args.no_progress);
    let mut broken = None;
    let work = |batch: Vec<_>| examine(batch, question);
    let ended = process(&args.paths, workers(args), &read, work, |entries: Vec<Entry>| {
        for entry in entries {
            let told = if tally.count(&entry) { teller.tell(entry) } else { Ok(()) };
            if let Err(error) = told {
                broken = Some(Error::Stream(error));
                return ControlFlow::Break(());
            }
        }
        bar.at(read.load(Ordering::Relaxed), || format!("{} certificates, {} flagged", tally.certificates, tally.flagged));
        ControlFlow::Continue(())
    });
    bar.finish();
    match (ended, broken) {
        (Err(_), Some(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Writes what is found, as it is found.
struct Teller<W> {
    out: W,
    look: Look,
    json: bool,
}

impl<W: Write> Teller<W> {
    fn tell(&mut self, entry: Entry) -> io::Result<()> {
        match entry {
            Entry::Flagged(flagged) => self.flagged(&flagged),
            Entry::Bad(place, trouble) => self.bad(&place, &trouble),
            Entry::Clean(_) | Entry::Expired(_) | Entry::Other => Ok(()),
        }
    }

    fn flagged(&mut self, flagged: &Flagged) -> io::Result<()> {
        if self.json { lines::flagged(&mut self.out, flagged) } else { self.out.write_all(page::flagged(flagged, self.look).as_bytes()) }
    }

    fn bad(&mut self, place: &Place, trouble: &Trouble) -> io::Result<()> {
        if self.json {
            lines::bad(&mut self.out, place, trouble)
        } else {
            self.out.flush()?;
            tell(&page::bad(place, trouble));
            Ok(())
        }
    }

    fn close(mut self, tally: &Tally, question: &Question<'_>, uses: &[TableUse]) -> Result<(), Error> {
        let summary = page::summary(tally, question, uses, self.look);
        let told = if self.json {
            tell(summary.trim_end());
            lines::summary(&mut self.out, tally, question, uses)
        } else {
            self.out.write_all(summary.as_bytes())
        };
        told.and_then(|()| self.out.flush()).map_err(Error::Stream)
    }
}

fn status(args: &AuditArgs, tally: &Tally, uses: &[TableUse]) -> Status {
    let mut status = Status::CLEAR;
    if tally.bad_records > 0 || tally.certificates == 0 {
        status = status.or_worse(Status::NOT_MEASURED);
    }
    if args.strict && uses.iter().any(|used| used.stale) {
        status = status.or_worse(Status::STALE);
    }
    if tally.unreadable_files > 0 {
        status = status.or_worse(Status::COULD_NOT_RUN);
    }
    if args.fail_on.severity().is_some_and(|bar| tally.worst.is_some_and(|worst| worst >= bar)) {
        status = status.or_worse(Status::SUSPECT);
    }
    status
}

fn tables(args: &AuditArgs, at: i64) -> Result<Tables, Error> {
    chosen(&args.laid_over, u64::try_from(at).unwrap_or(0))
}

/// Returns the age of every table an audit looks into.
fn tables_used(tables: &Tables, at: i64) -> Vec<TableUse> {
    let asked = tables.versions().into_iter().filter(|table| TABLES.contains(&table.name.as_str()));
    asked
        .map(|table| {
            let age_days = at.saturating_sub(table.as_of) / (24 * 60 * 60);
            TableUse { stale: age_days > i64::from(table.stale_after_days), age_days, table }
        })
        .collect()
}

/// The rules to ask: those named, or all, without those to ignore.
fn chosen_rules(args: &AuditArgs) -> Vec<&'static str> {
    let named = |id: &str| args.rule.is_empty() || args.rule.iter().any(|named| named == id);
    RULES.iter().map(|rule| rule.id).filter(|id| named(id) && !args.ignore.iter().any(|ignored| ignored == id)).collect()
}

fn workers(args: &AuditArgs) -> usize {
    args.jobs.map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), usize::from)
}

/// The tables an audit looks into.
const TABLES: [&str; 5] = ["anchors", "disclosed", "listed-keys", "onecrl", "overlay"];
