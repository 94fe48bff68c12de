//! The chores of the workspace, as `cargo xtask CHORE`; each has its own room in the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::accuracy::AccuracyArgs;
use xtask::ci::CiArgs;
use xtask::conformance::ConformanceArgs;
use xtask::docs::DocsArgs;
use xtask::extension::ExtensionArgs;
use xtask::fuzz::FuzzArgs;
use xtask::new_detector::NewDetectorArgs;
use xtask::record::RecordArgs;
use xtask::replays::BlessArgs;
use xtask::schema::SchemaArgs;
use xtask::tables::TablesArgs;
use xtask::trouble::Trouble;
use xtask::wasm::WasmArgs;

/// Chores of the Mintwatch workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run all checks from a clean checkout, installing what they need.
    Ci(CiArgs),
    /// Build the judge as a WebAssembly module with its JavaScript door.
    Wasm(WasmArgs),
    /// Build the extension for browsers: folders to load, and archives for stores.
    Extension(ExtensionArgs),
    /// Write the JSON Schemas of the evidence, report and overlay documents.
    Schema(SchemaArgs),
    /// Lay out a new detector with its tests and enter it in the list.
    NewDetector(NewDetectorArgs),
    /// Make validator/data/*.tsv from named inputs.
    Tables(Box<TablesArgs>),
    /// Make a replay out of published certificates.
    Record(RecordArgs),
    /// Hold path finding and validation against x509-limbo with BetterTLS.
    Conformance(ConformanceArgs),
    /// Write each replay's report.json anew from its evidence; read the difference before committing.
    Bless(BlessArgs),
    /// Write the seeds of the fuzz targets and run each for a while.
    Fuzz(FuzzArgs),
    /// Write docs/accuracy.md: how often each cause is named right.
    Accuracy(AccuracyArgs),
    /// Write the pages that are made of code and replays: docs/incidents.md, docs/detectors.md and each incident's README.md.
    Docs(DocsArgs),
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(status) => status,
        Err(trouble) => {
            xtask::say::trouble(&trouble);
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<ExitCode, Trouble> {
    match chore {
        Chore::Ci(args) => xtask::ci::run(&args),
        Chore::Wasm(args) => xtask::wasm::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Extension(args) => xtask::extension::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Schema(args) => xtask::schema::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::NewDetector(args) => xtask::new_detector::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Tables(args) => xtask::tables::run(&args).map(|()| ExitCode::SUCCESS).map_err(|error| Trouble::new(error.to_string())),
        Chore::Record(args) => xtask::record::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Conformance(args) => xtask::conformance::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Bless(args) => xtask::replays::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Fuzz(args) => xtask::fuzz::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Accuracy(args) => xtask::accuracy::run(&args).map(|()| ExitCode::SUCCESS),
        Chore::Docs(args) => xtask::docs::run(&args).map(|()| ExitCode::SUCCESS),
    }
}
