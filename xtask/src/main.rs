//! Chores: refresh tables.

use std::process::ExitCode;

use clap::Parser;
use xtask::tables::{self, TablesArgs};

/// Chores of the house.
#[derive(Debug, Parser)]
enum Chore {
    /// Make validator/data/*.tsv from named inputs
    Tables(Box<TablesArgs>),
}

fn main() -> ExitCode {
    let Chore::Tables(args) = Chore::parse();
    match tables::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Nobody is left to tell when stderr is gone.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
