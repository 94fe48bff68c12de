//! Fuzz target `import`: see `bodies::import`.
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target calls one of them")]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::import(bytes));
