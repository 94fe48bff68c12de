//! `mintwatch demo` as a person runs it: exit status, documents, and the same verdict offline.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use mintwatch_validator::Report;

/// Each scenario and the exit status it stands for.
const SCENARIOS: [(&str, i32); 7] =
    [("mcs", 12), ("clean", 0), ("corporate", 11), ("untrusted", 11), ("leaked-key", 12), ("selective", 12), ("laundering", 11)];

fn mintwatch(arguments: &[&str], paths: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
    command.args(arguments);
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    command.output().unwrap()
}

#[test]
fn each_scenario_ends_with_its_status_and_is_judged_the_same_offline() {
    let folder = tempfile::tempdir().unwrap();
    for (scenario, status) in SCENARIOS {
        let (evidence, overlay) = (folder.path().join("evidence.json"), folder.path().join("overlay.json"));
        let paths = [("--save-evidence", evidence.as_path()), ("--save-overlay", overlay.as_path())];
        let begun = Instant::now();
        let live = mintwatch(&["demo", scenario, "--json"], &paths);
        assert!(begun.elapsed() < Duration::from_secs(30), "{scenario} took {:?}", begun.elapsed());
        assert_eq!(live.status.code(), Some(status), "{scenario}: {}", String::from_utf8_lossy(&live.stderr));
        assert!(Report::from_json(&live.stdout).unwrap().lab_tables.unwrap().contains("mintwatch demo"));
        let offline = mintwatch(&["judge", "--json", evidence.to_str().unwrap()], &[("--lab-tables", &overlay)]);
        assert_eq!((offline.status.code(), offline.stdout), (Some(status), live.stdout), "{scenario}");
    }
}

#[test]
fn a_person_is_told_who_is_named_and_that_it_is_a_laboratory() {
    let shown = mintwatch(&["demo"], &[]);
    let text = String::from_utf8(shown.stdout).unwrap();
    for wanted in ["INTERCEPTED", "LAB TABLES", "MCSHOLDING-STYLE TEST", "undisclosed-subordinate", "§5.3.2"] {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
}

#[test]
fn the_list_names_every_scenario() {
    let list = String::from_utf8(mintwatch(&["demo", "--list"], &[]).stdout).unwrap();
    assert_eq!(list.lines().count(), SCENARIOS.len());
    assert!(SCENARIOS.iter().all(|(scenario, _)| list.lines().any(|line| line.starts_with(scenario))));
}
