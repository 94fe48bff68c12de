//! What one run of the program costs from its start to its end, in CPU time of kernel and user.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mintwatch_validator::tables::Overlay;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::measure::{median, micros};

/// Milliseconds of CPU time of a whole process.
pub(crate) struct Spent {
    pub(crate) least: f64,
    pub(crate) median: f64,
}

/// What the program costs that does nothing, that shows its help, and that checks one host.
pub(crate) struct Cold {
    pub(crate) start: Spent,
    pub(crate) help: Spent,
    pub(crate) check: Spent,
    /// A check of a machine without any trust store.
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
        let ways: [&[&str]; 4] = [&["--version"], &["--help"], &check, &["anchors"]];
        let mut spent = [const { Vec::new() }; 4];
        // The first run reads files into the cache of the system.
        for run in 0..=runs {
            for (way, spent) in ways.iter().zip(&mut spent) {
                let cost = cost(way, folder.path());
                if run > 0 {
                    spent.push(cost);
                }
            }
        }
        let [start, help, check, anchors] = spent.map(Spent::of);
        Self { start, help, check, anchors }
    }
}

impl Spent {
    fn of(each: Vec<f64>) -> Self {
        Self { least: each.iter().copied().fold(f64::INFINITY, f64::min), median: median(each) }
    }
}

/// One run, in milliseconds. Nothing of this machine's user or environment plays a part; its trust stores do.
fn cost(arguments: &[&str], home: &Path) -> f64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
    command.args(arguments).env_clear().env("HOME", home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = of_children();
    let status = command.status().unwrap();
    let cost = micros(begun, of_children()) / 1_000.0;
    // What it found of this machine's anchors is its own business; all else must have gone well.
    assert!(status.success() || arguments == ["anchors"], "{arguments:?}: {status}");
    cost
}

/// CPU time of all children that were waited for.
fn of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = |value: TimeVal| {
        Duration::new(value.tv_sec().unsigned_abs(), u32::try_from(value.tv_usec()).unwrap_or(0) * 1_000)
    };
    time(usage.user_time()) + time(usage.system_time())
}
