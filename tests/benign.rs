//! Look-alikes that must stay quiet: no finding of any replay here may amount to medium or more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;

use mintwatch_tests::Replay;
use mintwatch_validator::verdict::{Cause, Severity};

#[test]
fn no_look_alike_raises_an_alarm() {
    let mut alarms = Vec::new();
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let replays = Replay::all("benign");
    assert!(!replays.is_empty());
    for replay in &replays {
        for host in replay.report().hosts {
            *counts.entry((host.verdict.cause.word(), format!("{:?}", host.verdict.severity))).or_default() += 1;
            if host.verdict.severity >= Severity::Medium {
                alarms.push(format!("{}: {} is called {:?}", replay.name, host.host, host.verdict));
            }
        }
    }
    println!("{} replays, {} handshakes: {counts:?}", replays.len(), counts.values().sum::<usize>());
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

#[test]
fn whatever_is_not_told_apart_is_explained() {
    let mut unexplained = Vec::new();
    for replay in Replay::all("benign") {
        let story = fs::read_to_string(replay.folder.join("README.md")).unwrap();
        let story = story.split_whitespace().collect::<Vec<_>>().join(" ");
        let odd = |cause| matches!(cause, Cause::Inconclusive | Cause::UnexpectedAuthority);
        for host in replay.report().hosts.iter().filter(|host| odd(host.verdict.cause)) {
            if !story.contains(&format!("`{}`", host.host)) {
                unexplained.push(format!("{}: {}, {}", replay.name, host.host, host.verdict.because));
            }
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

#[test]
fn hardly_any_recorded_chain_of_today_is_inconclusive() {
    // R-V1: at most 2 in a hundred. What was recorded before the logs on our list began has nothing to speak for it.
    let recent = |at: u64| at >= 1_735_689_600_000; // 2025-01-01
    let (mut all, mut inconclusive) = (0, Vec::new());
    for replay in ["ca-test-sites", "popular-sites"].map(|name| Replay::named("benign", name)) {
        for host in replay.report().hosts.iter().filter(|host| recent(host.at)) {
            all += 1;
            if host.verdict.cause != Cause::Clear {
                inconclusive.push(format!("{} ({})", host.host, host.verdict.because));
            }
        }
    }
    assert!(all >= 140, "{all}");
    assert!(inconclusive.len() * 50 <= all, "{} of {all}: {inconclusive:?}", inconclusive.len());
}
