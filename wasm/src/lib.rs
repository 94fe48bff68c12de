//! The judge for browsers and Node: JSON in, JSON out; decides nothing.
//!
//! Each function takes and returns text. What is wrong with a document comes back as a JavaScript
//! `Error` with the judge's own message.

mod describe;
mod drawing;

use std::sync::OnceLock;

use mintwatch_validator::detectors::DETECTORS;
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

/// Traps, as a fault of ours would: laboratories see what comes after it.
#[cfg(feature = "lab")]
#[wasm_bindgen]
pub fn trap() {
    std::process::abort();
}

/// Returns what a certificate says, for people, as JSON: `file` is DER, or PEM with anything between.
///
/// # Errors
/// When there is no certificate in it that can be read.
#[wasm_bindgen]
pub fn describe(file: &[u8]) -> Result<String, JsError> {
    Ok(describe::describe(file)?)
}

/// Returns the texts of one detector as JSON; nothing where there is none of that name.
#[wasm_bindgen]
pub fn explain(detector: &str) -> Option<String> {
    let known = DETECTORS.iter().find(|known| known.id == detector)?;
    let told = serde_json::json!({
        "id": known.id, "summary": known.summary, "shows": known.shows, "cannotTell": known.cannot_tell, "sources": known.sources,
    });
    Some(told.to_string())
}

/// Draws hosts of the pool for a check, in random order, as a JSON list; `seed` is random and used once.
#[wasm_bindgen]
pub fn draw(count: usize, seed: &[u8]) -> String {
    serde_json::json!(drawing::hosts(&tables(), count, seed)).to_string()
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
