//! `judge`: saved evidence, or certificates from a file; needs no network.

use std::io::{self, BufRead, Read};
use std::path::Path;

use mintwatch_validator::evidence::{Evidence, MAX_DOCUMENT_BYTES, Seen, Vantage};
use mintwatch_validator::{Tables, judge};

use super::report::{answer, check};
use super::tables::add_local_anchors;
use super::{Status, chosen, files, print, tell};
use crate::cli::JudgeArgs;
use crate::error::Error;
use crate::formats::Format;
use crate::import::{document, observation_of};
use crate::observe::unix_seconds;

/// Judges every file; one that cannot be judged is told, and the others are judged all the same.
///
/// # Errors
/// [`Error`] when the tables cannot be had, the only file cannot be judged, or nobody reads our output.
pub fn run(args: &JudgeArgs) -> Result<Status, Error> {
    let now = args.at.and_then(|at| u64::try_from(at).ok()).unwrap_or_else(unix_seconds);
    // Standard input may hold any number of documents.
    let documents = if args.files.iter().any(|path| path.as_os_str() == "-") { usize::MAX } else { args.files.len() };
    check(&args.answering.output, documents)?;
    let tables = chosen(&args.answering.judging.laid_over, now)?;
    let mut worst = Status::CLEAR;
    for (index, path) in args.files.iter().enumerate() {
        let heading = args.files.len() > 1 && args.answering.is_for_people() && path.as_os_str() != "-";
        if heading {
            print(&format!("{}{}:\n", if index > 0 { "\n" } else { "" }, path.display()))?;
        }
        let judged = if path.as_os_str() == "-" { judge_lines(args, &tables) } else { judge_file(path, args, &tables) };
        worst = match judged {
            Ok(status) => worst.or_worse(status),
            Err(error) if args.files.len() == 1 || error.is_broken_pipe() => return Err(error),
            Err(error) => {
                tell(&format!("error: {error}"));
                worst.or_worse(Status::of(error.exit_status()))
            }
        };
    }
    Ok(worst)
}

fn judge_file(path: &Path, args: &JudgeArgs, tables: &Tables) -> Result<Status, Error> {
    let text = files::read(path, MAX_DOCUMENT_BYTES)?;
    let mut evidence = if looks_like_json(&text) {
        Evidence::from_json(&text).map_err(|source| Error::Evidence { path: path.to_owned(), source })?
    } else {
        let certificates = files::certificates_in(path, &text)?;
        let host = args.host.clone().ok_or_else(|| Error::HostMissing(path.to_owned()))?;
        let at = args.at.map_or_else(unix_seconds, |at| u64::try_from(at).unwrap_or(0));
        let certificates = certificates.iter().map(|der| der.as_ref().into()).collect();
        document(Vantage::Files, at, vec![observation_of(host, at, certificates)], Seen::NotVisible)
    };
    add_local_anchors(&mut evidence, &args.answering.judging)?;
    answer(&evidence, &judge(&evidence, tables), &args.answering)
}

fn looks_like_json(text: &[u8]) -> bool {
    text.trim_ascii_start().first() == Some(&b'{')
}

/// Answers each line of standard input with one line, a report, or why there is none; or with the lines of another format.
///
/// Empty lines are passed over. A bad line costs nothing but itself.
fn judge_lines(args: &JudgeArgs, tables: &Tables) -> Result<Status, Error> {
    let mut answering = args.answering.clone();
    if answering.output.format.is_empty() {
        answering.output.format = vec![Format::Json];
    }
    let mut input = io::stdin().lock();
    let mut worst = Status::CLEAR;
    let mut number = 0;
    loop {
        let line = match next_line(&mut input).map_err(Error::Stream)? {
            Line::End => return Ok(worst),
            Line::Read(line) => line,
        };
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let judged = Evidence::from_json(&line).map_err(|error| error.to_string()).and_then(|mut evidence| {
            add_local_anchors(&mut evidence, &args.answering.judging).map_err(|error| error.to_string())?;
            let report = judge(&evidence, tables);
            Ok((evidence, report))
        });
        worst = match judged {
            Ok((evidence, report)) => worst.or_worse(answer(&evidence, &report, &answering)?),
            Err(why) => {
                if matches!(answering.output.format.as_slice(), [Format::Json | Format::Ndjson]) {
                    print(&(refusal(number, &why) + "\n"))?;
                } else {
                    tell(&format!("error: line {number}: {why}"));
                }
                worst.or_worse(Status::COULD_NOT_RUN)
            }
        };
    }
}

/// Returns the line that answers a line nobody can judge.
fn refusal(line: usize, why: &str) -> String {
    serde_json::json!({ "format": "mintwatch.error", "version": 1, "line": line, "error": why }).to_string()
}

enum Line {
    End,
    Read(Vec<u8>),
}

/// Reads one line of bounded length; what is beyond the bound is passed over and makes it no document.
fn next_line(input: &mut impl BufRead) -> io::Result<Line> {
    let most = u64::try_from(MAX_DOCUMENT_BYTES).unwrap_or(u64::MAX).saturating_add(2);
    let mut line = Vec::new();
    if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > MAX_DOCUMENT_BYTES {
        input.skip_until(b'\n')?;
    }
    Ok(Line::Read(line))
}
