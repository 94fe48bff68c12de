//! One verb a file: observe, judge, write, spelled out once each.

pub mod anchors;
pub mod audit;
pub mod baseline;
pub mod check;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod history;
pub mod import;
pub mod install_host;
pub mod judge;
pub mod launder;
pub mod locate;
pub mod man;
pub mod native_host;
pub mod scan;
pub mod schema;
pub mod watch;

mod files;
mod looking;
mod remembering;
mod report;
mod tables;

use std::io::{self, Write};

use crate::cli::{Cli, Command};
use crate::error::Error;

pub use report::show;
pub use tables::{chosen, lay_over};

/// What a command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(u8);

impl Status {
    /// Clear.
    pub const CLEAR: Self = Self(0);
    /// Something could not run.
    pub const COULD_NOT_RUN: Self = Self(1);
    /// Not measured, or not all of it.
    pub const NOT_MEASURED: Self = Self(3);
    /// A table is past its date, under `--strict`.
    pub const STALE: Self = Self(4);
    /// Something is suspect.
    pub const SUSPECT: Self = Self(10);
    /// This machine trusts a key that is known for interception or in other hands.
    pub const KNOWN_KEY: Self = Self(11);

    /// Returns the status of an exit code.
    pub fn of(code: u8) -> Self {
        Self(code)
    }

    /// Returns the exit code.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Returns the worse of two; an interception outweighs a file that could not be read.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        let rank = |status: Self| match status.0 {
            0 => 0,
            3 => 1,
            4 => 2,
            1 => 3,
            2 => 4,
            worse => worse,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Carries out a command.
///
/// # Errors
/// [`Error`] when it could not be carried out at all.
pub fn run(cli: Cli) -> Result<Status, Error> {
    match cli.command {
        Command::Scan(args) => scan::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Baseline(args) => baseline::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::History(args) => history::run(&args),
        Command::Launder(args) => launder::run(&args),
        Command::Locate(args) => locate::run(&args),
        Command::Judge(args) => judge::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Anchors(args) => anchors::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::InstallHost(args) => install_host::run(&args),
        Command::NativeHost(args) => native_host::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Stream)
}

/// Writes a line to standard output.
///
/// # Errors
/// [`Error::Stream`] when it is closed.
pub fn print_line(line: &str) -> Result<(), Error> {
    print(&format!("{line}\n"))
}

/// Returns a value as one line of JSON, in ASCII: letters that act on a terminal or hide are among those escaped.
fn json_line(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut line = String::with_capacity(json.len() + 1);
    for letter in json.chars() {
        if letter.is_ascii() && letter != '\u{7f}' {
            line.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = std::fmt::Write::write_fmt(&mut line, format_args!("\\u{unit:04x}"));
            }
        }
    }
    line + "\n"
}

/// Tells something on standard error; nobody is bothered when that is closed.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_is_ascii_and_reads_as_it_was() {
        let text = "a\u{1b}[2J\u{202e}b\u{9b}\u{7f}\n\u{1f600}\"\\é";
        let line = json_line(&text);
        assert!(line.is_ascii() && !line.trim_end_matches('\n').chars().any(char::is_control), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn the_worst_status_wins() {
        let worst = |codes: &[u8]| codes.iter().fold(Status::CLEAR, |worst, &code| worst.or_worse(Status::of(code))).code();
        assert_eq!(worst(&[]), 0);
        assert_eq!(worst(&[0, 3, 0]), 3);
        assert_eq!(worst(&[3, 4, 0]), 4);
        assert_eq!(worst(&[4, 1, 3]), 1);
        assert_eq!(worst(&[12, 1, 11, 3]), 12);
    }
}
