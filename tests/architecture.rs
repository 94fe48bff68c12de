//! Who never leans on whom: the promises of docs/ARCHITECTURE.md, read off the sources.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_judge_depends_on_nothing_that_reaches_the_world() {
    for target in ["x86_64-unknown-linux-gnu", "wasm32-unknown-unknown"] {
        let tree = cargo(&["tree", "--package", "mintwatch-validator", "--edges", "normal", "--prefix", "none", "--target", target]);
        let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(crates.contains("rustls-webpki"), "the tree was read: {tree}");
        for barred in WORLDLY {
            assert!(!crates.contains(barred), "mintwatch-validator depends on {barred} for {target}");
        }
    }
}

#[test]
fn product_crates_depend_on_no_crate_to_their_right() {
    let dependencies = |package: &str| -> BTreeSet<String> {
        cargo(&["tree", "--package", package, "--edges", "normal,build", "--prefix", "none"])
            .lines()
            .filter_map(|line| line.split(' ').next().map(str::to_owned))
            .collect()
    };
    for (package, barred) in [
        ("mintwatch-validator", &["mintwatch", "mintwatch-wasm", "mintwatch-tests", "xtask"][..]),
        ("mintwatch-wasm", &["mintwatch", "mintwatch-tests", "xtask"]),
        ("mintwatch", &["mintwatch-wasm", "mintwatch-tests", "xtask"]),
    ] {
        let found = dependencies(package);
        for other in barred {
            assert!(!found.contains(*other), "{package} depends on {other}");
        }
    }
}

#[test]
fn evidence_is_the_ground_floor() {
    let used = rooms("validator/src/evidence.rs");
    assert!(used.is_empty(), "evidence.rs leans on {used:?}");
    let used = rooms("validator/src/finding.rs");
    assert!(used.iter().all(|room| room == "evidence"), "finding.rs leans on {used:?}");
}

#[test]
fn a_detector_leans_on_no_other_and_not_on_what_weighs() {
    let detectors = sources("validator/src/detectors");
    let names: BTreeSet<String> = detectors.iter().map(|file| stem(file)).collect();
    assert!(names.len() > 1, "no detectors found");
    for file in detectors.iter().filter(|file| stem(file) != "mod") {
        let used = rooms_of(file);
        for room in &used {
            let other = names.contains(room) && *room != stem(file);
            let weighs = ["verdict", "report", "formats", "detectors"].contains(&room.as_str());
            assert!(!other && !weighs, "{} leans on {room}", file.display());
        }
    }
}

#[test]
fn each_room_of_the_extension_leans_on_what_it_may() {
    // A room: what its imports may name, by the last part of their path; types alone lean on nothing.
    let shared = ["api", "inert", "messages", "ask", "marks"];
    let pages = ["popup", "options", "welcome", "authorities", "viewer", "pages"];
    let rooms = [
        ("browsers", &["api", "observe", "failures", "tabs", "whole-chain"][..]),
        ("marks.ts", &[]),
        ("evidence.ts", &[]),
        ("observe.ts", &[]),
        ("validator.ts", &["api", "mintwatch.js"]),
        ("messages.ts", &[]),
    ];
    let mut read = 0;
    for file in typescript("extension/src") {
        let path = file.strip_prefix(root().join("extension/src")).unwrap();
        let room = path.iter().next().unwrap().to_string_lossy().into_owned();
        let is_page = pages.contains(&room.as_str());
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let name = import.rsplit('/').next().unwrap().to_owned();
            let of_pages = import.starts_with("./") || import.split('/').any(|part| pages.contains(&part));
            if is_page {
                assert!(of_pages || shared.contains(&name.as_str()), "{} leans on {import}", file.display());
            } else if let Some((_, may)) = rooms.iter().find(|(known, _)| *known == room) {
                assert!(may.contains(&name.as_str()), "{} leans on {import}", file.display());
            } else {
                assert!(name != "mintwatch.js", "{} goes round validator.ts", file.display());
            }
            read += 1;
        }
    }
    assert!(read > 30, "{read} imports");
}

/// What a module imports to run with; `import type` leans on nothing.
fn imports(source: &str) -> Vec<String> {
    let statements =
        source.split(';').map(str::trim_start).filter(|statement| statement.contains("import ") && !statement.contains("import type"));
    statements.filter_map(|statement| Some(statement.rsplit_once("from \"")?.1.trim_end_matches('"').to_owned())).collect()
}

fn typescript(folder: &str) -> Vec<PathBuf> {
    let mut files = files_below(&root().join(folder));
    files.retain(|file| {
        let name = file.to_string_lossy();
        name.ends_with(".ts") && !name.ends_with(".d.ts") && !name.contains("/generated/")
    });
    files
}

#[test]
fn no_detector_has_a_gap_left_from_its_layout() {
    for file in sources("validator/src/detectors") {
        assert!(!fs::read_to_string(&file).unwrap().contains("<say "), "{} has gaps", file.display());
    }
}

#[test]
fn the_verdict_weighs_outcomes_and_sees_neither_evidence_nor_tables() {
    let used = rooms("validator/src/verdict.rs");
    for room in ["evidence", "tables", "chain", "paths", "detectors", "report"] {
        assert!(!used.contains(room), "verdict.rs leans on {room}");
    }
}

#[test]
fn shared_rooms_lean_on_nothing_that_decides() {
    for file in
        ["validator/src/chain.rs", "validator/src/paths.rs"].iter().map(|file| root().join(file)).chain(sources("validator/src/tables"))
    {
        let used = rooms_of(&file);
        for room in ["detectors", "verdict", "report", "formats", "finding", "detector"] {
            assert!(!used.contains(room), "{} leans on {room}", file.display());
        }
    }
}

#[test]
fn observing_does_not_talk_to_the_terminal() {
    let observers = sources("probe/src/observe");
    assert!(!observers.is_empty(), "no observers found");
    for file in observers {
        let used = rooms_of(&file);
        for room in ["terminal", "commands", "cli"] {
            assert!(!used.contains(room), "{} leans on {room}", file.display());
        }
    }
}

#[test]
fn remembering_does_not_talk_to_the_terminal_and_connects_to_nobody() {
    for file in sources("probe/src/memory") {
        let used = rooms_of(&file);
        for room in ["terminal", "commands", "cli", "observe"] {
            assert!(!used.contains(room), "{} leans on {room}", file.display());
        }
    }
}

#[test]
fn the_judge_names_no_clock_file_socket_or_environment() {
    // clippy.toml bars the calls; this bars the names, also in code that a target or feature hides.
    for file in sources("validator/src") {
        let code = product_code(&fs::read_to_string(&file).unwrap());
        for barred in [
            "std::fs",
            "std::env",
            "std::process",
            "std::thread",
            "SystemTime",
            "Instant::",
            "TcpStream",
            "UdpSocket",
            "RandomState",
            "HashMap",
            "HashSet",
        ] {
            assert!(!code.contains(barred), "{} names {barred}", file.display());
        }
        // `std::net` is let in for its addresses alone.
        for line in code.lines().filter(|line| line.contains("std::net::")) {
            assert!(line.contains("Ip"), "{}: {}", file.display(), line.trim());
        }
    }
}

#[test]
fn every_source_file_opens_with_what_its_room_is_for() {
    for folder in ["validator", "probe", "wasm", "xtask", "tests"] {
        for file in sources(folder) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//! "), "{} does not open with a `//!` line", file.display());
        }
    }
}

#[test]
fn nothing_in_the_repository_speaks_of_one_machine_or_is_left_undone() {
    let mut found = Vec::new();
    for file in text_files() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for barred in BARRED {
            let word = barred.concat();
            found.extend(
                text.lines()
                    .enumerate()
                    .filter(|(_, line)| line.contains(&word))
                    .map(|(number, _)| format!("{}:{}: {word}", file.strip_prefix(root()).unwrap().display(), number + 1)),
            );
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_reader_of_sources_sees_through_comments_strings_and_groups() {
    let source = r#"
        use crate::{chain::Chain, tables::{self, Tables}};
        use super::other;
        // use crate::commented;
        const TEXT: &str = "crate::quoted // not a comment";
        fn f() { crate::finding::Weight::Strong; let c = '"'; crate::paths::all(); }
        #[cfg(test)]
        #[allow(clippy::panic, reason = "tests")]
        mod tests { use crate::verdict; }
    "#;
    let rooms: Vec<String> = rooms_in(source).into_iter().collect();
    assert_eq!(rooms, ["chain", "finding", "other", "paths", "tables"]);
}

/// Crates that reach a socket, file, clock, environment or random number.
const WORLDLY: [&str; 20] = [
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "hickory-resolver",
    "jiff",
    "js-sys",
    "libloading",
    "mio",
    "rand",
    "reqwest",
    "rustls",
    "rustls-native-certs",
    "socket2",
    "tempfile",
    "tokio",
    "ureq",
    "wasm-bindgen",
    "web-sys",
    "web-time",
];

/// Words barred from every text file, in halves so that this file does not hold them.
const BARRED: [[&str; 2]; 9] = [
    ["/wo", "rk/"],
    ["/tmp/", "wt"],
    ["/tmp/", "target"],
    ["../sha", "red"],
    ["/ro", "ot/"],
    ["TO", "DO"],
    ["FIX", "ME"],
    ["#[ign", "ore"],
    ["unimplemented", "!("],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).args(["--locked", "--offline"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the rooms a file of ours leans on, named from the root of the workspace.
fn rooms(file: &str) -> BTreeSet<String> {
    rooms_of(&root().join(file))
}

fn rooms_of(file: &Path) -> BTreeSet<String> {
    rooms_in(&fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

/// Returns what follows each `crate::` and `super::` in product code, groups taken apart.
fn rooms_in(source: &str) -> BTreeSet<String> {
    let code: String = product_code(source).split_whitespace().collect();
    let mut found = BTreeSet::new();
    for door in ["crate::", "super::"] {
        for (at, _) in code.match_indices(door) {
            let rest = code[at + door.len()..].trim_start_matches("super::");
            match rest.strip_prefix('{') {
                Some(group) => found.extend(first_names(group)),
                None => found.extend(identifier(rest)),
            }
        }
    }
    // Types and functions of the parent module are no rooms; rooms are written in lower case.
    found.retain(|name| name.chars().next().is_some_and(char::is_lowercase) && name != "self");
    found
}

/// Returns the first name of each entry of a `{…}` group whose opening brace is already behind.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut entry_starts, mut names) = (0_u32, true, Vec::new());
    for (at, letter) in group.char_indices() {
        if depth == 0 && entry_starts {
            names.extend(identifier(&group[at..]));
        }
        entry_starts = false;
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' => entry_starts = true,
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Returns a source without its tests, comments and the insides of its string and character literals.
fn product_code(source: &str) -> String {
    let mut code = String::new();
    let mut rest = before_tests(source);
    while let Some(letter) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if letter == '"' {
            literal_end(rest, '"')
        } else if rest.starts_with("'\\") || (letter == '\'' && rest.chars().nth(2) == Some('\'')) {
            literal_end(rest, '\'')
        } else {
            code.push(letter);
            letter.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

/// Returns what stands above the module of tests, which closes a file of ours.
fn before_tests(source: &str) -> &str {
    for (at, mark) in source.match_indices("#[cfg(test)]") {
        let mut item = source[at + mark.len()..].trim_start();
        while item.starts_with("#[") {
            let end = item.find(")]").map_or(item.len(), |end| end + 2);
            item = item[end..].trim_start();
        }
        if item.starts_with("mod ") {
            return &source[..at];
        }
    }
    source
}

fn literal_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_string_lossy().into_owned()
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut files = files_below(&root().join(folder));
    files.retain(|file| file.extension().is_some_and(|ending| ending == "rs"));
    assert!(!files.is_empty(), "no sources in {folder}");
    files
}

fn text_files() -> Vec<PathBuf> {
    const ENDINGS: [&str; 16] =
        ["rs", "toml", "md", "json", "ts", "js", "tsv", "txt", "yml", "yaml", "sh", "py", "html", "css", "pem", "snap"];
    let mut files = files_below(&root());
    files.retain(|file| {
        let ending = file.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
        ENDINGS.contains(&ending.as_str()) || file.parent().is_some_and(|folder| folder.file_name().is_some_and(|name| name == ".ci"))
    });
    files
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    const NOT_OURS: [&str; 4] = ["target", "node_modules", ".git", "dist"];
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            if !NOT_OURS.iter().any(|other| *other == name) {
                files.extend(files_below(&entry.path()));
            }
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}
