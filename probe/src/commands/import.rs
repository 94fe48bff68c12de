//! `import`: what others recorded, as one evidence document, and judged at once where that is wanted.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use mintwatch_validator::evidence::{Evidence, Seen};
use mintwatch_validator::judge;

use super::tables::add_local_anchors;
use super::{Status, chosen, files, print, show, tell};
use crate::certificates::open;
use crate::cli::ImportArgs;
use crate::error::Error;
use crate::import::{Form, Import, ImportError, Imported, MOST_OBSERVATIONS, Tally, Wanted};
use crate::observe::unix_seconds;
use crate::terminal::escaped;

/// Imports every file into one document; one that cannot be read is told, and the others are imported all the same.
///
/// # Errors
/// [`Error`] when the tables cannot be had, the only file cannot be imported, or the document cannot be written.
pub fn run(args: &ImportArgs) -> Result<Status, Error> {
    check(args)?;
    let at = args.at.and_then(|at| u64::try_from(at).ok());
    let tables = if args.judge { Some(chosen(&args.judging.laid_over, at.unwrap_or_else(unix_seconds))?) } else { None };
    let (import, mut worst) = read_all(args, Import::new(Wanted { form: args.from, host: args.host.clone(), at }))?;
    let Imported { mut evidence, tally } = import.finish(unix_seconds())?;
    worst = worst.or_worse(status(&evidence, &tally));
    tell(summary(&evidence, &tally).trim_end());
    if let Some(tables) = tables {
        add_local_anchors(&mut evidence, &args.judging)?;
        write(args, &evidence)?;
        return Ok(worst.or_worse(show(&judge(&evidence, &tables), &args.judging)?));
    }
    write(args, &evidence)?;
    if let Some(path) = args.output.as_deref().filter(|path| !is_standard(path)) {
        tell(&format!("hint: `mintwatch judge {}` judges it", path.display()));
    }
    Ok(worst)
}

/// Refuses what cannot be meant.
fn check(args: &ImportArgs) -> Result<(), Error> {
    if args.judge {
        return if args.output.as_deref().is_some_and(is_standard) { Err(Error::TwoOutputs) } else { Ok(()) };
    }
    let judging = &args.judging;
    let stated = [
        (judging.json, "--json"),
        (judging.strict, "--strict"),
        (!judging.local_anchor.is_empty(), "--local-anchor"),
        (judging.laid_over.lab_tables.is_some(), "--lab-tables"),
        (!judging.laid_over.public_anchor.is_empty(), "--public-anchor"),
        (!judging.laid_over.disclosed.is_empty(), "--disclosed"),
    ];
    stated.into_iter().find(|(is_stated, _)| *is_stated).map_or(Ok(()), |(_, flag)| Err(Error::NothingToJudge(flag)))
}

fn read_all(args: &ImportArgs, mut import: Import) -> Result<(Import, Status), Error> {
    let (mut worst, mut read) = (Status::CLEAR, 0);
    for path in &args.files {
        match read_one(path, &mut import) {
            Ok(form) => {
                read += 1;
                if args.from.is_none() {
                    tell(&format!("{}: {}, by its content", escaped(&path.display().to_string()), form.id()));
                }
            }
            Err(error) if args.files.len() == 1 => return Err(error.into()),
            Err(error) => {
                let error = Error::from(error);
                tell(&format!("error: {}", escaped(&error.to_string())));
                if let Some(hint) = error.hint() {
                    tell(&format!("hint: {hint}"));
                }
                worst = worst.or_worse(Status::of(error.exit_status()));
            }
        }
    }
    if read == 0 { Err(Error::NothingRead(args.files.len())) } else { Ok((import, worst)) }
}

fn read_one(path: &Path, import: &mut Import) -> Result<Form, ImportError> {
    let file: Arc<Path> = path.into();
    let input = open(path, &Arc::new(AtomicU64::new(0))).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
    import.add(&file, input)
}

fn write(args: &ImportArgs, evidence: &Evidence) -> Result<(), Error> {
    let document = || evidence.to_json() + "\n";
    match args.output.as_deref() {
        Some(path) if !is_standard(path) => files::write(path, document().as_bytes()),
        None if args.judge => Ok(()),
        _ => print(&document()),
    }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn status(evidence: &Evidence, tally: &Tally) -> Status {
    if tally.bad > 0 || tally.left_out > 0 || evidence.observations.is_empty() { Status::NOT_MEASURED } else { Status::CLEAR }
}

/// Says what there was, what was passed over and what could not be read.
fn summary(evidence: &Evidence, tally: &Tally) -> String {
    let chains = |wanted: fn(&Seen<_>) -> bool| evidence.observations.iter().filter(|seen| wanted(&seen.chain)).count();
    let mut text = format!("records read: {}, handshakes: {}", tally.records, evidence.observations.len());
    let kinds = [
        (chains(|chain| matches!(chain, Seen::Yes(_))), "with certificates"),
        (chains(|chain| matches!(chain, Seen::NotVisible)), "certificates hidden or not logged"),
        (chains(|chain| matches!(chain, Seen::Failed(_))), "no certificates"),
    ];
    let told: Vec<_> = kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{what}: {count}")).collect();
    if !told.is_empty() {
        let _ = write!(text, " ({})", told.join(", "));
    }
    text.push('\n');
    if !tally.passed.is_empty() {
        let passed: Vec<_> = tally.passed.iter().map(|(what, count)| format!("{}: {count}", what.text())).collect();
        let _ = writeln!(text, "passed over: {}", passed.join(", "));
    }
    for bad in &tally.named {
        let _ = writeln!(text, "not read: {}", escaped(bad));
    }
    if let Some(more) = tally.bad.checked_sub(tally.named.len() as u64).filter(|more| *more > 0) {
        let _ = writeln!(text, "not read: {more} more");
    }
    if tally.left_out > 0 {
        let left = tally.left_out;
        let _ = writeln!(text, "LEFT OUT: {left} handshakes, for one document holds {MOST_OBSERVATIONS} of them or 240 MiB");
        text.push_str("hint: import fewer files at a time, or one host with `--host NAME`\n");
    }
    text
}
