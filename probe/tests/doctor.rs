//! What the doctor says of a machine, and what it keeps to itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mintwatch::commands::doctor::{CheckState, DoctorDocument};
use tempfile::TempDir;

#[test]
fn every_question_is_answered_on_one_page_and_in_one_document() {
    let home = TempDir::new().unwrap();
    let output = doctor(home.path(), &[], &["--json"]);
    let document: DoctorDocument = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = document.checks.iter().map(|check| check.name.as_str()).collect();
    for name in [
        "clock",
        "table-anchors",
        "ipv4",
        "ipv6",
        "resolver",
        "network-clock",
        "portal",
        "proxies",
        "pac",
        "store-overrides",
        "store-platform",
        "state-folder",
        "config-folder",
        "open-files",
        "cryptography",
    ] {
        assert_eq!(names.iter().filter(|known| **known == name).count(), 1, "{name}: {names:?}");
    }
    let page = text(&doctor(home.path(), &[], &[]));
    for check in &document.checks {
        assert!(page.contains(&check.name), "{}: {page}", check.name);
    }
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was made to find out");
}

#[test]
fn the_exit_status_is_three_when_something_is_bad() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let in_the_way = home.path().join("file/state");
    let set = [("XDG_STATE_HOME", in_the_way.to_str().unwrap())];
    assert_eq!(state(home.path(), &set, "state-folder"), CheckState::Bad);
    assert_eq!(doctor(home.path(), &set, &["--offline"]).status.code(), Some(3));
    assert_eq!(state(home.path(), &[], "state-folder"), CheckState::Ok);
}

#[test]
fn settings_and_stores_are_named_and_their_values_are_not() {
    let home = TempDir::new().unwrap();
    let set = [("HTTPS_PROXY", "http://canary:8080"), ("auto_proxy", "http://canary/"), ("SSL_CERT_FILE", "/canary/ca.pem")];
    for (name, expected) in [
        ("proxies", CheckState::Note),
        ("pac", CheckState::Note),
        ("store-overrides", CheckState::Note),
        ("store-SSL_CERT_FILE", CheckState::Note),
    ] {
        assert_eq!(state(home.path(), &set, name), expected, "{name}");
    }
    for arguments in [&["--offline"][..], &["--offline", "--json"]] {
        let told = text(&doctor(home.path(), &set, arguments));
        assert!(told.contains("HTTPS_PROXY") && !told.contains("canary"), "{told}");
    }
}

#[test]
fn nobody_is_asked_before_somebody_agreed() {
    let home = TempDir::new().unwrap();
    let output = doctor(home.path(), &[], &["--json"]);
    let document: DoctorDocument = serde_json::from_slice(&output.stdout).unwrap();
    for name in ["resolver", "network-clock", "portal"] {
        assert_eq!(document.checks.iter().find(|check| check.name == name).unwrap().state, CheckState::NotLooked, "{name}");
    }
}

#[test]
fn offline_nobody_is_asked_and_the_help_tells_what_is_sent() {
    let home = TempDir::new().unwrap();
    assert_eq!(state(home.path(), &[], "resolver"), CheckState::NotLooked);
    let help = text(&doctor(home.path(), &[], &["--help"])).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("asks the system's resolver for one well-known host, drawn at random, and three pages that exist for such checks over plain HTTP, and sends nothing else"), "{help}");
    assert!(help.contains("3 something is bad"), "{help}");
}

fn state(home: &Path, set: &[(&str, &str)], name: &str) -> CheckState {
    let output = doctor(home, set, &["--offline", "--json"]);
    let document: DoctorDocument = serde_json::from_slice(&output.stdout).unwrap();
    document.checks.iter().find(|check| check.name == name).unwrap().state
}

fn doctor(home: &Path, set: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
    command.env_clear().env("HOME", home).envs(set.iter().copied()).arg("doctor").args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
