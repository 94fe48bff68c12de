//! What one run of the program costs from its start to its end, in CPU time of kernel and user.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mintwatch_validator::tables::Overlay;
use wait4::Wait4 as _;

use crate::measure::median;

/// Milliseconds of CPU time of a whole process.
pub(crate) struct Spent {
    pub(crate) least: f64,
    pub(crate) median: f64,
}

/// What processes cost.
pub(crate) struct Cold {
    /// One that does nothing at all.
    pub(crate) nothing: Spent,
    /// The program, showing its help.
    pub(crate) help: Spent,
    /// The program, checking one host.
    pub(crate) check: Spent,
    /// The program, reading this machine's trust stores and no more.
    pub(crate) anchors: Spent,
}

impl Cold {
    /// Runs the program as it was built, each way so many times in turns.
    pub(crate) fn measure(runs: usize, host: &str, address: &str, overlay: &Overlay) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tables = folder.path().join("overlay.json");
        fs::write(&tables, serde_json::to_vec(overlay).unwrap()).unwrap();
        let tables = tables.to_str().unwrap();
        let resolve = format!("{host}:443:{address}");
        let check = ["check", host, "--yes", "--no-progress", "--no-ground-truth", "--angles", "none", "--resolver", "stated"];
        let check = [&check[..], &["--resolve", &resolve, "--lab-tables", tables]].concat();
        let program = env!("CARGO_BIN_EXE_mintwatch");
        let ways: [(&str, &[&str]); 4] = [("true", &[]), (program, &["--help"]), (program, &check), (program, &["anchors"])];
        let mut spent = [const { Vec::new() }; 4];
        // The first run reads files into the cache of the system.
        for run in 0..=runs {
            for ((program, arguments), spent) in ways.iter().zip(&mut spent) {
                let cost = cost(program, arguments, folder.path());
                if run > 0 {
                    spent.push(cost);
                }
            }
        }
        let [nothing, help, check, anchors] = spent.map(Spent::of);
        Self { nothing, help, check, anchors }
    }
}

impl Spent {
    fn of(each: Vec<f64>) -> Self {
        Self { least: each.iter().copied().fold(f64::INFINITY, f64::min), median: median(each) }
    }
}

/// One run, in milliseconds. Nothing of this machine's user or environment plays a part; its trust stores do.
fn cost(program: &str, arguments: &[&str], home: &Path) -> f64 {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("HOME", home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = command.spawn().unwrap().wait4().unwrap();
    // What it found of this machine's anchors is its own business; all else must have gone well.
    assert!(ended.status.success() || arguments == ["anchors"], "{arguments:?}: {}", ended.status);
    (ended.rusage.utime + ended.rusage.stime).as_secs_f64() * 1e3
}
