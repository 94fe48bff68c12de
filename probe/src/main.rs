//! The binary: parse, run, exit status.

use std::process::ExitCode;

use clap::Parser;
use mintwatch::cli::Cli;
use mintwatch::commands::{self, tell};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(status) => ExitCode::from(status.code()),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            if let Some(hint) = error.hint() {
                tell(&format!("hint: {hint}"));
            }
            ExitCode::from(error.exit_status())
        }
    }
}
