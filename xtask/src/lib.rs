//! Chores: what keeps the workspace in order and ships to nobody; `tests/` leans on some of them.

pub mod accuracy;
pub mod ci;
pub mod conformance;
pub mod docs;
pub mod extension;
pub mod fuzz;
pub mod interceptions;
pub mod new_detector;
pub mod npm;
pub mod record;
pub mod replays;
pub mod say;
pub mod schema;
pub mod tables;
pub mod trouble;
pub mod wasm;
pub mod workspace;
