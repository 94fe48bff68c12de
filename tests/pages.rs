//! The pages that are made of code and replays are current.
#![allow(clippy::unwrap_used, reason = "tests")]

#[test]
fn what_is_written_of_accuracy_is_current() {
    assert!(xtask::accuracy::is_current().unwrap(), "run `cargo xtask accuracy`, then read what changed");
}

#[test]
fn every_detector_has_its_section() {
    let page = std::fs::read_to_string(xtask::workspace::root().unwrap().join("docs/detectors.md")).unwrap();
    for detector in mintwatch_validator::detectors::DETECTORS {
        assert!(page.contains(&format!("\n## {}\n", detector.id)) && page.contains(detector.cannot_tell), "{}", detector.id);
    }
}
