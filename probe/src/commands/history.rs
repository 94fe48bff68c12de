//! `history`: what earlier runs found, and whether anybody changed it since.

use std::fmt::Write as _;
use std::path::Path;

use mintwatch_validator::evidence::Sha256;
use serde::Serialize;

use super::baseline::date;
use super::remembering::open_existing;
use super::{Status, files, json_line, print, tell};
use crate::cli::HistoryArgs;
use crate::error::Error;
use crate::memory::chain::{BEGINNING, Link};
use crate::memory::{Entry, Memory, Verified};
use crate::observe::unix_seconds;
use crate::terminal::{confidence, escaped, severity};

/// Lists the entries, exports them, and says whether the chain is whole, as asked.
///
/// # Errors
/// [`Error::HistoryChanged`] when it is not, or does not hold the head asked for; others when it cannot be read.
pub fn run(args: &HistoryArgs) -> Result<Status, Error> {
    let Some(memory) = open_existing(&args.place)? else {
        tell("there is no history yet; `mintwatch watch` and `mintwatch baseline` keep one");
        return match args.head {
            Some(head) => Err(Error::HistoryChanged(format!("there is none, and there was one that ended with {head}"))),
            None => Ok(Status::CLEAR),
        };
    };
    if let Some(path) = &args.export {
        export(&memory, path)?;
    } else {
        list(&memory, args.json)?;
    }
    let verified = (args.verify || args.head.is_some()).then(|| memory.verify()).transpose()?;
    let head = memory.head()?;
    if args.json {
        print(&json_line(&Whole::of(head, verified.as_ref())))?;
    } else {
        print(&format!("head: {head}\n"))?;
    }
    match verified {
        Some(verified) => judged(&memory, &verified, args.head),
        None => Ok(Status::CLEAR),
    }
}

fn list(memory: &Memory, json: bool) -> Result<(), Error> {
    memory.each(|number, link, content| {
        let Some(content) = content else { return Ok(()) };
        let entry = serde_json::from_str::<Entry>(content).ok();
        print(&match (entry, json) {
            (Some(entry), true) => json_line(&Listed { hash: link.hash, entry: Some(&entry) }),
            (Some(entry), false) => line(&entry),
            (None, true) => json_line(&Listed { hash: link.hash, entry: None }),
            (None, false) => format!("{number:>6}  cannot be read\n"),
        })
    })
}

/// One entry, for programs.
#[derive(Serialize)]
struct Listed<'a> {
    hash: Sha256,
    entry: Option<&'a Entry>,
}

/// The history as a whole, for programs.
#[derive(Serialize)]
struct Whole {
    format: &'static str,
    version: u32,
    head: Sha256,
    /// Whether nothing was changed; none when nobody looked.
    unchanged: Option<bool>,
    faults: Vec<String>,
}

impl Whole {
    fn of(head: Sha256, verified: Option<&Verified>) -> Self {
        let faults = verified.map_or_else(Vec::new, faults);
        Self { format: "mintwatch.history", version: 1, head, unchanged: verified.map(|_| faults.is_empty()), faults }
    }
}

/// Draws one entry for people.
fn line(entry: &Entry) -> String {
    let mut line = format!("{:>6}  {}  {:<8}  {}", entry.number, date(entry.at), entry.kind.word(), escaped(&entry.network));
    if let Some(verdict) = &entry.verdict {
        let (severity, confidence) = (severity(verdict.severity), confidence(verdict.confidence));
        let _ = write!(line, "  {}: severity {severity}, {confidence}", verdict.cause.word());
        let alike = entry.hosts.values().filter(|cause| **cause == verdict.cause).count();
        let _ = write!(line, "  {alike} of {} hosts", entry.hosts.len() + entry.hosts_left_out);
    }
    line + "\n"
}

fn judged(memory: &Memory, verified: &Verified, head: Option<Sha256>) -> Result<Status, Error> {
    let faults = faults(verified);
    if let Some(first) = faults.first() {
        for fault in &faults {
            tell(&format!("changed: {fault}"));
        }
        return Err(Error::HistoryChanged(first.clone()));
    }
    if let Some(head) = head.filter(|head| *head != BEGINNING) {
        let number = memory.number_of(&head)?;
        let number = number
            .ok_or_else(|| Error::HistoryChanged(format!("no entry ever had the hash {head}: its end was cut, or it was written anew")))?;
        tell(&format!("that was the head after entry {number}; {} came after", verified.links - number));
    }
    tell(&format!("whole: {} entries, and the links of {} that have left", verified.entries, left(verified)));
    Ok(Status::CLEAR)
}

fn left(verified: &Verified) -> i64 {
    verified.links.saturating_sub(i64::try_from(verified.entries).unwrap_or(i64::MAX))
}

fn faults(verified: &Verified) -> Vec<String> {
    let told = |fault: &crate::memory::Fault| match fault.number {
        Some(number) => format!("entry {number}: {}", fault.why),
        None => fault.why.to_owned(),
    };
    verified.faults.iter().map(told).collect()
}

/// One line of an export: enough to follow the chain without the database.
#[derive(Serialize)]
struct Exported<'a> {
    number: i64,
    finding: bool,
    digest: Sha256,
    hash: Sha256,
    /// The canonical content, as a text; none where it has left.
    content: Option<&'a str>,
}

/// Writes every link and content to a file, and last the head.
fn export(memory: &Memory, path: &Path) -> Result<(), Error> {
    let mut lines = String::new();
    memory.each(|number, &Link { finding, digest, hash }, content| {
        lines += &json_line(&Exported { number, finding, digest, hash, content });
        Ok::<(), Error>(())
    })?;
    let head = memory.head()?;
    let end = serde_json::json!({ "format": "mintwatch.history-export", "version": 1, "exported_at": unix_seconds(), "head": head });
    lines += &json_line(&end);
    files::write(path, lines.as_bytes())
}
