//! The judge for browsers and Node: JSON in, JSON out; decides nothing.
//!
//! Each function takes and returns text. What is wrong with a document comes back as a JavaScript
//! `Error` with the judge's own message.

use std::sync::OnceLock;

use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::tables::Tables;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// Judges one evidence document by the compiled tables; returns the report as one line of JSON.
///
/// # Errors
/// When the text is not an evidence document of a version this build reads.
#[wasm_bindgen]
pub fn judge(evidence: &str) -> Result<String, JsError> {
    judge_by(evidence, &tables())
}

/// Loads the file of issuer keys that lies beside the module; without it, some lone certificates cannot be judged.
///
/// The module knows the file by its hash and takes no other: loading can add what it knows, and change nothing of it.
///
/// # Errors
/// When it is not the file that was made with this module.
#[wasm_bindgen(js_name = loadIssuerKeys)]
pub fn load_issuer_keys(file: Vec<u8>) -> Result<(), JsError> {
    if LOADED.get().is_none() {
        let loaded = Tables::compiled().with_issuer_keys(file)?;
        // Somebody who was first set the same.
        let _ = LOADED.set(loaded);
    }
    Ok(())
}

/// The tables once the issuer keys are with them.
static LOADED: OnceLock<Tables> = OnceLock::new();

fn tables() -> Tables {
    LOADED.get().cloned().unwrap_or_else(Tables::compiled)
}

/// Judges one evidence document by the compiled tables and an overlay, which the report names.
///
/// Only modules for laboratories have this door: one that ships cannot be given other tables.
///
/// # Errors
/// When a text is not the document it should be, or the overlay does not fit.
#[cfg(feature = "lab")]
#[wasm_bindgen(js_name = judgeWithOverlay)]
pub fn judge_with_overlay(evidence: &str, overlay: &str) -> Result<String, JsError> {
    let overlay = mintwatch_validator::tables::Overlay::from_json(overlay.as_bytes())?;
    judge_by(evidence, &tables().with_overlay(&overlay)?)
}

/// Returns the version of this build.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn judge_by(evidence: &str, tables: &Tables) -> Result<String, JsError> {
    let evidence = Evidence::from_json(evidence.as_bytes())?;
    Ok(mintwatch_validator::judge(&evidence, tables).to_json())
}
