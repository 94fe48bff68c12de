//! Chores: what keeps the workspace in order and ships to nobody; `tests/` leans on some of them.

pub mod ci;
pub mod new_detector;
pub mod replays;
pub mod say;
pub mod schema;
pub mod trouble;
pub mod wasm;
pub mod workspace;
