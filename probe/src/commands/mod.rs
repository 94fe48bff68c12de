//! One verb a file: observe, judge, write, spelled out once each.

pub mod audit;
pub mod check;
pub mod demo;
pub mod explain;
pub mod import;
pub mod judge;
pub mod scan;

mod files;
mod looking;
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
        Command::Judge(args) => judge::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Demo(args) => demo::run(&args),
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Stream)
}

/// Tells something on standard error; nobody is bothered when that is closed.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

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
