//! What each part runs.
//!
//! Cargo is always asked for the whole workspace, also where one test target is meant: asked for
//! a single package it would choose other features for shared dependencies and build them twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mintwatch::demo::scenario::Scenario;

use super::Part;
use super::tools::{Privilege, Tools, search_path};
use crate::extension::{self, Build};
use crate::say;
use crate::trouble::Trouble;
use crate::wasm::{self, Door, Trust};
use crate::workspace;

/// Runs one part to its end; returns a note on what it could not look at, mostly empty.
///
/// # Errors
/// When the part fails: the first reason.
pub(super) fn run(part: Part, root: &Path, tools: &Tools) -> Result<String, Trouble> {
    match part {
        Part::Fmt => cargo(root, &["fmt", "--all", "--check"]).map_err(|trouble| trouble.with_hint("`cargo fmt` does it")),
        Part::Clippy => cargo(root, &["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
        Part::Deny => return deny(root, tools),
        Part::Tests => {
            // Each has a part of its own below, or was left out by name.
            let elsewhere =
                ["parity_in_node::", "real_interceptors::", "formats_by_others::", "in_real_browsers::"].map(|apart| ["--skip", apart]);
            cargo(root, &[&["test", "--locked", "--workspace", "--no-fail-fast", "--"], elsewhere.as_flattened()].concat())
        }
        Part::Wasm => parity(root, tools),
        Part::Formats => formats(root, tools),
        Part::Lab => lab(root, tools),
        Part::Browser => browser(root, tools),
        Part::Demo => demo(root),
        Part::Bench => cargo(root, &["bench", "--locked", "--package", "mintwatch", "--bench", "scan", "--", "--quick"]),
    }
    .map(|()| String::new())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), Trouble> {
    workspace::run(workspace::cargo(root).args(arguments))
}

fn deny(root: &Path, tools: &Tools) -> Result<String, Trouble> {
    let check = |subjects: &[&str]| {
        let mut command = Command::new(tools.cargo_deny());
        command.current_dir(root).args(["--workspace", "--locked", "check", "--hide-inclusion-graph"]).args(subjects);
        command
    };
    workspace::run(&mut check(&["bans", "licenses", "sources"]))?;
    let mut fetch = Command::new(tools.cargo_deny());
    fetch.current_dir(root).args(["fetch", "db"]);
    if let Err(trouble) = workspace::output(&mut fetch) {
        say::talk(&format!("the advisory database cannot be fetched: {trouble}"));
        return Ok("advisories NOT checked: their database cannot be fetched from here".into());
    }
    workspace::run(&mut check(&["advisories"]))?;
    Ok(String::new())
}

fn parity(root: &Path, tools: &Tools) -> Result<(), Trouble> {
    let modules = workspace::target(root).join("wasm");
    // First the module for laboratories, so that what stays in the target folder is what ships.
    wasm::build(root, &modules.join("lab"), Door::Node, Trust::Lab)?;
    wasm::build(root, &modules.join("shipped"), Door::Node, Trust::Compiled)?;
    let mut command = workspace::cargo(root);
    command
        .args(["test", "--locked", "--workspace", "--test", "parity", "--", "--nocapture"])
        .env("MINTWATCH_WASM_DIR", &modules)
        .env("MINTWATCH_NODE", tools.node());
    workspace::run(&mut command)
}

fn formats(root: &Path, tools: &Tools) -> Result<(), Trouble> {
    let mut command = workspace::cargo(root);
    command
        .args(["test", "--locked", "--workspace", "--test", "formats", "--", "--nocapture", "formats_by_others::"])
        .env("PATH", search_path())
        .env("MINTWATCH_FORMAT_TOOLS", tools.formats())
        .env("MINTWATCH_NODE", tools.node());
    workspace::run(&mut command)
}

fn lab(root: &Path, tools: &Tools) -> Result<(), Trouble> {
    let privilege = tools.privilege()?;
    // Built outside the namespaces, where the registry can be reached; the program is the one of `demo`.
    let program = release(root)?;
    cargo(root, &["test", "--locked", "--workspace", "--test", "interceptors", "--no-run"])?;
    let built = workspace::cargo(root);
    let words = ["test", "--locked", "--offline", "--workspace", "--test", "interceptors", "--", "--nocapture", "--test-threads=2"];
    let mut command = match privilege {
        Privilege::Root => Command::new(built.get_program()),
        Privilege::Namespace => {
            let mut command = Command::new("unshare");
            command.arg("-Urnm").arg(built.get_program());
            command
        }
        Privilege::Sudo => {
            let mut command = Command::new("sudo");
            command.args(["-n", "--preserve-env", "env"]).arg(format!("PATH={}", search_path().to_string_lossy()));
            command.arg(built.get_program());
            command
        }
    };
    command
        .args(words)
        .current_dir(root)
        .env("PATH", search_path())
        .env("CARGO_NET_OFFLINE", "true")
        .env("MINTWATCH_LAB", "1")
        .env("MINTWATCH_NODE", tools.node())
        .env("MINTWATCH_BIN", program);
    workspace::run(&mut command)
}

fn browser(root: &Path, tools: &Tools) -> Result<(), Trouble> {
    let (node, here, both) = (tools.node(), root.join("extension"), [Build::Firefox, Build::Chromium]);
    let (lab, ships) = (workspace::target(root).join("extension-lab"), workspace::target(root).join("extension"));
    extension::build(root, node, &lab, Trust::Lab, &both)?;
    extension::build(root, node, &ships, Trust::Compiled, &[&both[..], &[Build::ManagedChromium]].concat())?;
    extension::lint(node, &here, &ships.join(Build::Firefox.name()))?;
    let run = |words: &[&str]| workspace::run(Command::new(node).current_dir(&here).args(words));
    run(&["node_modules/typescript/bin/tsc", "--noEmit"])?;
    run(&["--test"])?;
    run(&["test/look.mjs"])?;
    let mut command = workspace::cargo(root);
    command
        .args(["test", "--locked", "--workspace", "--test", "browsers", "--", "--nocapture", "--test-threads=1"])
        .env("PATH", search_path())
        .env("MINTWATCH_EXTENSION_DIR", &lab)
        .env("MINTWATCH_NODE", node);
    workspace::run(&mut command)
}

/// Builds the program as it ships and returns where it is.
fn release(root: &Path) -> Result<PathBuf, Trouble> {
    // With the benchmark, whose development dependencies would otherwise have cargo build the program twice.
    cargo(root, &["build", "--locked", "--release", "--package", "mintwatch", "--bins", "--benches"])?;
    Ok(workspace::target(root).join("release/mintwatch"))
}

/// Returns the exit status that a scenario must end with (`mintwatch demo --help`).
fn status_of(scenario: Scenario) -> i32 {
    match scenario {
        Scenario::Clean => 0,
        Scenario::Corporate | Scenario::Untrusted | Scenario::Laundering => 11,
        Scenario::Mcs | Scenario::LeakedKey | Scenario::Selective => 12,
    }
}

fn demo(root: &Path) -> Result<(), Trouble> {
    let program = release(root)?;
    let mut wrong = Vec::new();
    for (scenario, expected) in Scenario::ALL.map(|scenario| (scenario.id(), status_of(scenario))) {
        say::line(&format!("$ mintwatch demo {scenario}"));
        let status = Command::new(&program)
            .args(["demo", scenario])
            .stdin(Stdio::null())
            .status()
            .map_err(|error| Trouble::file("start", &program, error))?;
        if status.code() != Some(expected) {
            wrong.push(format!("`demo {scenario}` ended with {status}, not {expected}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Trouble::new(wrong.join("; "))) }
}
