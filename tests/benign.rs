//! Look-alikes that must stay quiet: no finding of any replay here may amount to medium or more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use mintwatch_tests::Replay;
use mintwatch_validator::verdict::{Cause, Severity};

#[test]
fn no_look_alike_raises_an_alarm() {
    let replays = Replay::all("benign");
    assert!(!replays.is_empty());
    for replay in replays {
        let report = replay.report();
        for host in &report.hosts {
            assert!(host.verdict.severity < Severity::Medium, "{}: {} is called {:?}", replay.name, host.host, host.verdict);
        }
    }
}

#[test]
fn recorded_chains_of_popular_sites_are_clear_but_for_the_named_few() {
    let replay = Replay::named("benign", "popular-sites");
    let report = replay.report();
    assert!(report.hosts.len() >= 25);
    let odd: Vec<&str> = report.hosts.iter().filter(|host| host.verdict.cause != Cause::Clear).map(|host| host.host.as_str()).collect();
    let named = std::fs::read_to_string(replay.folder.join("README.md")).unwrap();
    for host in &odd {
        assert!(named.contains(&format!("`{host}`")), "{host} is not clear and its reason is not in the README: {odd:?}");
    }
    assert!(odd.len() <= 3, "{odd:?}");
}
