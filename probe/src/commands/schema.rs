//! `schema`: the documents as JSON Schema, as they were published with this build.

use super::{Status, print};
use crate::cli::SchemaArgs;
use crate::error::Error;

/// Prints a schema, or the names of all.
///
/// # Errors
/// [`Error::Stream`] when standard output is closed.
pub fn run(args: &SchemaArgs) -> Result<Status, Error> {
    match &args.name {
        Some(name) => print(TEXTS.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text))?,
        None => print(&NAMES.map(|name| format!("{name}\n")).concat())?,
    }
    Ok(Status::CLEAR)
}

/// The names of the documents.
pub const NAMES: [&str; 9] = ["anchors", "doctor", "evidence", "laundering", "location", "overlay", "record", "report", "run"];

const TEXTS: [(&str, &str); 9] = [
    ("anchors", include_str!("../../../validator/schema/anchors.v1.schema.json")),
    ("doctor", include_str!("../../../validator/schema/doctor.v1.schema.json")),
    ("evidence", include_str!("../../../validator/schema/evidence.v1.schema.json")),
    ("laundering", include_str!("../../../validator/schema/laundering.v1.schema.json")),
    ("location", include_str!("../../../validator/schema/location.v1.schema.json")),
    ("overlay", include_str!("../../../validator/schema/overlay.v1.schema.json")),
    ("record", include_str!("../../../validator/schema/record.v1.schema.json")),
    ("report", include_str!("../../../validator/schema/report.v1.schema.json")),
    ("run", include_str!("../../../validator/schema/run.v1.schema.json")),
];
