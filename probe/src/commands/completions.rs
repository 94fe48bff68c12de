//! `completions`: what a shell needs to complete commands, flags and their values.

use clap::CommandFactory;

use super::{Status, print};
use crate::cli::{Cli, CompletionsArgs};
use crate::error::Error;

/// Prints the script of a shell.
///
/// # Errors
/// [`Error::Stream`] when standard output is closed.
pub fn run(args: &CompletionsArgs) -> Result<Status, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mintwatch", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Status::CLEAR)
}
