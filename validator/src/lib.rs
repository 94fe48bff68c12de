//! The judge: evidence and tables in, report out.
//!
//! Pure: no network, files, clock, environment or randomness. The same evidence and tables give the
//! same bytes, natively and in WebAssembly, for ever. Nothing that arrives can make it panic.

pub mod audit;
mod case;
mod chain;
pub mod days;
mod der;
mod detector;
pub mod detectors;
pub mod draw;
pub mod evidence;
mod extensions;
pub mod finding;
mod judgement;
mod name_constraints;
mod names;
pub mod paths;
pub mod profile;
mod programs;
pub mod report;
pub mod scts;
mod shape;
pub mod signatures;
pub mod tables;
#[cfg(test)]
mod testing;
mod unseen;
pub mod verdict;

pub use chain::{Certificate, Unreadable};
pub use detector::Detector;
pub use evidence::Evidence;
pub use judgement::judge;
pub use report::Report;
pub use shape::{Extensions, Shape};
pub use tables::Tables;
