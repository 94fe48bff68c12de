//! `cargo xtask new-detector ID`: lays out a detector with its tests and enters it in the list.

use std::fs;
use std::path::Path;

use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

/// Which detector.
#[derive(Debug, Clone, clap::Args)]
pub struct NewDetectorArgs {
    /// What is seen, in kebab-case, such as `undisclosed-subordinate`; never an id used before.
    id: String,
}

/// Lays the detector out in this checkout.
///
/// # Errors
/// As [`lay_out`].
pub fn run(args: &NewDetectorArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    let file = lay_out(&root, &args.id)?;
    say::line(&format!("{file}\n{LIST}"));
    say::talk(&format!(
        "hint: fill in what stands in `{OPEN}…>`; `cargo test -p mintwatch-validator {}` says when it speaks",
        module(&args.id)
    ));
    Ok(())
}

/// Writes the detector's file and its two lines in the list; returns the file, from the root.
///
/// # Errors
/// When the id is not in kebab-case or is taken, or a file cannot be read or written. Nothing is
/// written in the first two cases.
pub fn lay_out(root: &Path, id: &str) -> Result<String, Trouble> {
    check(id)?;
    let name = format!("{FOLDER}/{}.rs", module(id));
    let (file, list) = (root.join(&name), root.join(LIST));
    let listed = fs::read_to_string(&list).map_err(|error| Trouble::file("read", &list, error))?;
    if file.exists() || listed.contains(&format!("mod {};", module(id))) {
        return Err(
            Trouble::new(format!("detector `{id}` is there already: `{name}`")).with_hint("an id is never used again; choose another")
        );
    }
    let longer = entered(&listed, &module(id))?;
    fs::write(&file, skeleton(id)).map_err(|error| Trouble::file("write", &file, error))?;
    fs::write(&list, longer).map_err(|error| Trouble::file("write", &list, error))?;
    Ok(name)
}

fn check(id: &str) -> Result<(), Trouble> {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    if id.split('-').all(word) && id.len() <= LONGEST && id != "mod" {
        return Ok(());
    }
    let why =
        format!("{id:?} is no id of a detector: it needs words of small letters a to z with one hyphen between, {LONGEST} bytes at most");
    Err(Trouble::new(why).with_hint("name what is seen, such as `undisclosed-subordinate`"))
}

fn module(id: &str) -> String {
    id.replace('-', "_")
}

/// Enters a module into the list: its `mod` line in order, its detector at the end of the report.
fn entered(listed: &str, name: &str) -> Result<String, Trouble> {
    let unlike = || Trouble::new(format!("`{LIST}` is not laid out as expected")).with_hint("enter the detector by hand");
    let new = format!("mod {name};");
    let mut lines: Vec<&str> = listed.lines().collect();
    let is_mod = |line: &&str| line.starts_with("mod ") && line.ends_with(';');
    let last = lines.iter().rposition(is_mod).ok_or_else(unlike)?;
    let at = lines.iter().position(|line| is_mod(line) && *line > new.as_str()).unwrap_or(last + 1);
    lines.insert(at, &new);
    let entry = format!("    {name}::DETECTOR,");
    let last = lines.iter().rposition(|line| line.ends_with("::DETECTOR,")).ok_or_else(unlike)?;
    lines.insert(last + 1, &entry);
    Ok(lines.join("\n") + "\n")
}

fn skeleton(id: &str) -> String {
    SKELETON.replace("{id}", id)
}

/// Where the detectors live, from the root of the workspace.
const FOLDER: &str = "validator/src/detectors";
/// Their list.
const LIST: &str = "validator/src/detectors/mod.rs";
/// The longest id, in bytes: it must leave room beside it in a report on a terminal.
const LONGEST: usize = 40;
/// How each gap of the skeleton begins; the architecture test lets none of them in.
const OPEN: &str = "<say ";

const SKELETON: &str = r#"//! `{id}`: <say in one line what it looks for>.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "{id}",
    summary: "<say what it looks for, in one clause>",
    shows: "<say what a finding shows, for people>",
    cannot_tell: "<say what looks alike without being it>",
    sources: &["<say which RFC, policy section or incident it rests on>"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let speak = |index| DETECTOR.finding(Weight::Note, view, Some(view.place(index)), "<say what was seen>");
    (0..view.certificates.len()).filter(|&index| is_odd(case, view, index)).map(speak).collect()
}

/// <say when a certificate is spoken of>.
fn is_odd(_case: &Case<'_>, _view: &View<'_>, _index: usize) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_what_it_is_for() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.undisclosed)]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn stays_silent_about_the_near_miss() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
"#;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn enters_a_module_in_order_and_its_detector_last() {
        let list = "mod apple;\nmod cherry;\n\npub const DETECTORS: &[Detector] = &[\n    cherry::DETECTOR,\n    apple::DETECTOR,\n];\n";
        let longer = "mod apple;\nmod banana;\nmod cherry;\n\npub const DETECTORS: &[Detector] = &[\n    cherry::DETECTOR,\n    apple::DETECTOR,\n    banana::DETECTOR,\n];\n";
        assert_eq!(entered(list, "banana").unwrap(), longer);
        assert!(entered(list, "date").unwrap().starts_with("mod apple;\nmod cherry;\nmod date;\n"));
    }

    #[test]
    fn refuses_ids_that_are_not_in_kebab_case() {
        for id in ["", "-", "a--b", "-a", "a-", "Upper", "under_score", "dot.dot", "../up", "ümlaut", "mod", &"a".repeat(41)] {
            assert!(check(id).unwrap_err().to_string().contains("no id of a detector"), "{id:?}");
        }
        check("sct-missing").unwrap();
    }

    #[test]
    fn refuses_an_id_that_is_taken_and_writes_nothing() {
        let root = workspace::root().unwrap();
        let before = fs::read_to_string(root.join(LIST)).unwrap();
        let trouble = lay_out(&root, "undisclosed-subordinate").unwrap_err();
        assert!(trouble.to_string().contains("is there already"), "{trouble}");
        assert_eq!(fs::read_to_string(root.join(LIST)).unwrap(), before);
    }

    #[test]
    fn what_it_lays_out_compiles_with_its_tests() {
        let (root, copy) = (workspace::root().unwrap(), tempfile::tempdir().unwrap());
        // Some tests of the judge's read what was recorded of an incident.
        for folder in ["validator", "tests/incidents/2015-cnnic-mcs"] {
            copy_tree(&root.join(folder), &copy.path().join(folder));
        }
        fs::copy(root.join("Cargo.lock"), copy.path().join("Cargo.lock")).unwrap();
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let alone = |line: &str| match line.split(' ').next() {
            Some("members") => "members = [\"validator\"]".to_owned(),
            Some("default-members") => String::new(),
            _ => line.to_owned(),
        };
        fs::write(copy.path().join("Cargo.toml"), manifest.lines().map(alone).collect::<Vec<_>>().join("\n")).unwrap();

        lay_out(copy.path(), "looks-odd").unwrap();
        let mut check = workspace::cargo(copy.path());
        check.args(["check", "--offline", "--quiet", "--package", "mintwatch-validator", "--tests"]);
        check.env("CARGO_TARGET_DIR", workspace::target(&root));
        workspace::output(&mut check).expect("the skeleton compiles");
        assert!(fs::read_to_string(copy.path().join(FOLDER).join("looks_odd.rs")).unwrap().contains(OPEN));
    }

    fn copy_tree(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy_tree(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}
