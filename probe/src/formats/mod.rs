//! What others ingest: one record for each condition, and each format written from it, one a file. None of them decides.

pub mod item;
pub mod record;

mod text;

pub use record::{Record, Records};
