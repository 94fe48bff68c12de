//! The tables a judgement uses: the compiled ones, and what the command line lays over them.

use std::path::Path;

use mintwatch_validator::evidence::{Bytes, Evidence, MachineAnchor, Seen, Sha256};
use mintwatch_validator::tables::{Overlay, Tables};

use super::files;
use crate::cli::{Judging, LaidOver};
use crate::error::Error;

/// Returns the tables that these arguments ask for; `now` dates what the command line discloses.
///
/// # Errors
/// [`Error`] when a file cannot be read or used.
pub fn chosen(laid_over: &LaidOver, now: u64) -> Result<Tables, Error> {
    let mut overlay = match &laid_over.lab_tables {
        Some(path) => {
            let text = files::read(path, MAX_OVERLAY_BYTES)?;
            Some(Overlay::from_json(&text).map_err(Error::Overlay)?)
        }
        None => None,
    };
    let stated = laid_over.public_anchor.iter().map(|path| (path, "anchor"));
    let stated = stated.chain(laid_over.disclosed.iter().map(|path| (path, "disclosed")));
    for (path, what) in stated {
        let overlay = overlay.get_or_insert_with(|| Overlay::new("stated on the command line", now));
        let certificates = files::certificates(path)?.into_iter().map(|der| Bytes::from(der.as_ref()));
        match what {
            "anchor" => overlay.public_anchors.extend(certificates),
            _ => overlay.disclosed.extend(certificates),
        }
        overlay.label = format!("{}; {what} {}", overlay.label, name_of(path));
    }
    match overlay {
        Some(overlay) => lay_over(&overlay),
        None => Ok(Tables::compiled()),
    }
}

/// Lays an overlay over the compiled tables.
///
/// # Errors
/// [`Error::Overlay`] when it cannot be used.
pub fn lay_over(overlay: &Overlay) -> Result<Tables, Error> {
    Tables::compiled().with_overlay(overlay).map_err(Error::Overlay)
}

/// Adds the anchors that the command line says were added to the machine that looked.
pub(super) fn add_local_anchors(evidence: &mut Evidence, judging: &Judging) -> Result<(), Error> {
    let mut added = Vec::new();
    for path in &judging.local_anchor {
        for der in files::certificates(path)? {
            added.push(MachineAnchor {
                sha256: Sha256::of(&der),
                origin: "stated".to_owned(),
                certificate: Seen::Yes(der.as_ref().into()),
            });
        }
    }
    if !added.is_empty() {
        let mut anchors = evidence.surroundings.anchors.yes().cloned().unwrap_or_default();
        anchors.extend(added);
        evidence.surroundings.anchors = Seen::Yes(anchors);
    }
    Ok(())
}

/// Returns the last part of a path: the rest is nobody's business in a report.
fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The largest overlay that is read, in bytes.
const MAX_OVERLAY_BYTES: usize = 16 * 1024 * 1024;
