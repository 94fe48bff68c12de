//! `cargo xtask ci`: every check, from a clean checkout, with nobody at the keyboard.
//!
//! What the checks need is installed first; then each part runs, also after another has failed,
//! and the closing lines say of each part how it ended. Nothing is left out unless its name was
//! given to `--without`.

mod closing;
mod parts;
mod tools;

use std::process::ExitCode;
use std::time::Instant;

use clap::ValueEnum;

use crate::say;
use crate::trouble::Trouble;
use crate::workspace;
use closing::{Closing, Ending};
use tools::Tools;

/// What to leave out.
#[derive(Debug, Clone, clap::Args)]
pub struct CiArgs {
    /// Leave this part out; may be given more than once. The closing lines name it.
    #[arg(long, value_enum, value_name = "PART")]
    without: Vec<Part>,
}

/// One part of the checks, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The sources are formatted.
    Fmt,
    /// The lints have nothing to say.
    Clippy,
    /// Licences, sources, bans and, where the database can be had, advisories.
    Deny,
    /// All tests but those of the three parts below: units, replays, schema, architecture, command line.
    Tests,
    /// The WebAssembly module builds, and writes the same bytes as the native judge.
    Wasm,
    /// Every format is taken by its own validator, or by a program that consumes it.
    Formats,
    /// Real interceptors in network namespaces made for it.
    Lab,
    /// The extension is built the same twice, has no lints, and tells what it sees in Firefox and Chromium.
    Browser,
    /// The demonstration ends with the exit status of each scenario.
    Demo,
    /// The benchmark holds its ratio.
    Bench,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Deny => "deny",
            Self::Tests => "tests",
            Self::Wasm => "wasm",
            Self::Formats => "formats",
            Self::Lab => "lab",
            Self::Browser => "browser",
            Self::Demo => "demo",
            Self::Bench => "bench",
        }
    }
}

/// Runs the parts and prints the closing lines; the status is failure when any part failed.
///
/// # Errors
/// When not run inside a checkout.
pub fn run(args: &CiArgs) -> Result<ExitCode, Trouble> {
    let root = workspace::root()?;
    let wanted: Vec<Part> = Part::value_variants().iter().copied().filter(|part| !args.without.contains(part)).collect();
    heading("what the parts need");
    let tools = Tools::provide(&root, &wanted);

    let mut closing = Closing::default();
    for &part in Part::value_variants() {
        if !wanted.contains(&part) {
            closing.add(part.name(), Ending::LeftOut, 0.0);
            continue;
        }
        heading(part.name());
        let start = Instant::now();
        let result = tools.ready_for(part).and_then(|()| parts::run(part, &root, &tools));
        if let Err(trouble) = &result {
            say::trouble(trouble);
        }
        let ending = match result {
            Ok(note) => Ending::Passed(note),
            Err(trouble) => Ending::Failed(trouble.to_string()),
        };
        closing.add(part.name(), ending, start.elapsed().as_secs_f64());
    }
    heading("closing");
    for line in closing.lines() {
        say::line(&line);
    }
    Ok(if closing.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn heading(text: &str) {
    say::line(&format!("\n== {text}"));
}
