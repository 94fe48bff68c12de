//! The native door: observes handshakes, hands them to the judge, shows the report.

pub mod certificates;
pub mod cli;
pub mod collector;
pub mod commands;
pub mod config;
pub mod consent;
pub mod demo;
pub mod error;
pub mod formats;
pub mod import;
pub mod incidents;
pub mod laundering;
pub mod memory;
pub mod native_host;
pub mod observe;
pub mod places;
pub mod terminal;
