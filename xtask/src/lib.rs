//! The chores, as a library for the binary and its tests.

pub mod tables;
