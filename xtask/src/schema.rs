//! `cargo xtask schema`: the documents as JSON Schema, for those who read or write them elsewhere.

use std::fs;
use std::path::Path;

use mintwatch::commands::anchors::AnchorsDocument;
use mintwatch::commands::doctor::DoctorDocument;
use mintwatch::commands::launder::LaunderingDocument;
use mintwatch::commands::locate::LocationDocument;
use mintwatch::formats::record::{Record, Run};
use mintwatch::native_host::{Answer, Request};
use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::report::Report;
use mintwatch_validator::tables::Overlay;
use schemars::Schema;
use schemars::generate::SchemaSettings;

use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

/// Write or compare.
#[derive(Debug, Clone, clap::Args)]
pub struct SchemaArgs {
    /// Write nothing; fail when a schema differs from the types.
    #[arg(long)]
    check: bool,
}

/// Writes the schemas into `validator/schema`, or compares them with what is there.
///
/// # Errors
/// When a file cannot be written, or with `--check` is stale.
pub fn run(args: &SchemaArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    if args.check {
        let stale = stale(&root)?;
        return if stale.is_empty() {
            Ok(())
        } else {
            Err(Trouble::new(format!("not what the types say: {}", stale.join(", "))).with_hint("`cargo xtask schema` writes them anew"))
        };
    }
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|error| Trouble::file("make", &folder, error))?;
    for (name, text) in documents()? {
        let file = folder.join(name);
        fs::write(&file, text).map_err(|error| Trouble::file("write", &file, error))?;
        say::line(&format!("{FOLDER}/{name}"));
    }
    Ok(())
}

/// Returns the names of the schema files that are not what the types say.
///
/// # Errors
/// When a schema cannot be made.
pub fn stale(root: &Path) -> Result<Vec<String>, Trouble> {
    let differs = |name: &str, text: &str| fs::read_to_string(root.join(FOLDER).join(name)).ok().as_deref() != Some(text);
    Ok(documents()?.into_iter().filter(|(name, text)| differs(name, text)).map(|(name, _)| format!("{FOLDER}/{name}")).collect())
}

/// Returns each schema's file name and its text, as it is written.
///
/// # Errors
/// When a schema cannot be written as JSON.
pub fn documents() -> Result<[(&'static str, String); 11], Trouble> {
    // These are written by us and read by others: their schemas say what is always there.
    let written = || SchemaSettings::draft2020_12().for_serialize().into_generator();
    Ok([
        ("anchors.v1.schema.json", text(&written().into_root_schema_for::<AnchorsDocument>())?),
        ("doctor.v1.schema.json", text(&written().into_root_schema_for::<DoctorDocument>())?),
        ("evidence.v1.schema.json", text(&schemars::schema_for!(Evidence))?),
        ("laundering.v1.schema.json", text(&written().into_root_schema_for::<LaunderingDocument>())?),
        ("location.v1.schema.json", text(&written().into_root_schema_for::<LocationDocument>())?),
        ("native-answer.v1.schema.json", text(&written().into_root_schema_for::<Answer>())?),
        ("native-request.v1.schema.json", text(&schemars::schema_for!(Request))?),
        ("overlay.v1.schema.json", text(&schemars::schema_for!(Overlay))?),
        ("record.v1.schema.json", text(&written().into_root_schema_for::<Record>())?),
        ("report.v1.schema.json", text(&written().into_root_schema_for::<Report>())?),
        ("run.v1.schema.json", text(&written().into_root_schema_for::<Run>())?),
    ])
}

/// Returns where a document does not fit the schema of that name in `validator/schema`; nothing when it fits.
///
/// # Errors
/// When the schema cannot be read, or the document is no JSON.
pub fn faults(root: &Path, kind: &str, document: &str) -> Result<Vec<String>, Trouble> {
    let file = root.join(FOLDER).join(format!("{kind}.v1.schema.json"));
    let text = fs::read_to_string(&file).map_err(|error| Trouble::file("read", &file, error))?;
    let schema = serde_json::from_str(&text).map_err(|error| Trouble::file("read", &file, error))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| Trouble::file("use", &file, error))?;
    let document = serde_json::from_str(document).map_err(|error| Trouble::new(format!("not JSON: {error}")))?;
    Ok(validator.iter_errors(&document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect())
}

fn text(schema: &Schema) -> Result<String, Trouble> {
    let mut text = serde_json::to_string_pretty(schema).map_err(|error| Trouble::new(format!("cannot write a schema: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// Where the schemas live, from the root of the workspace.
pub const FOLDER: &str = "validator/schema";
