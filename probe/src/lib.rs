//! The native door: observes handshakes, hands them to the judge, shows the report.

pub mod certificates;
pub mod cli;
pub mod commands;
pub mod demo;
pub mod draw;
pub mod error;
pub mod import;
pub mod incidents;
pub mod observe;
pub mod terminal;
