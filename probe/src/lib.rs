//! The native door: observes handshakes, hands them to the judge, shows the report.

pub mod demo;
pub mod observe;
