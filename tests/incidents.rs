//! Replays of historic incidents: each is called what it was, and says what was read and committed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use mintwatch_tests::Replay;
use mintwatch_validator::evidence::Host;
use mintwatch_validator::verdict::{Cause, Severity};
use mintwatch_validator::{Report, judge};
use xtask::record::recipe::{Recipe, Sight};

#[test]
fn every_incident_of_the_record_is_replayed() {
    let replayed: BTreeSet<String> = Replay::all("incidents").into_iter().map(|replay| replay.name).collect();
    let told: BTreeSet<String> = mintwatch::incidents::all().iter().map(|incident| incident.id.clone()).collect();
    assert_eq!(replayed, told, "a story in probe/incidents for each folder in tests/incidents, and the other way round");
    // The collection of certificates has 25; eMudhra's keys became public after it was made.
    assert_eq!(replayed.len(), 26);
}

#[test]
fn every_observation_is_called_what_it_was() {
    for replay in Replay::all("incidents") {
        let report = replay.report();
        for (index, sight) in sights(&replay).iter().enumerate() {
            let said = report.hosts[index].verdict.cause;
            let place = format!("{} observation {index}", replay.name);
            match &sight.open {
                Some(open) => assert_ne!(said, sight.cause, "{place}: the answer is what it should be: strike out {open:?}"),
                None => assert_eq!(said, sight.cause, "{place}: {}", report.hosts[index].verdict.because),
            }
            let spoke: BTreeSet<&str> =
                report.findings.iter().filter(|finding| finding.observation == index).map(|finding| finding.detector.as_str()).collect();
            for detector in &sight.by {
                assert!(spoke.contains(detector.as_str()), "{place}: {detector} is silent; {spoke:?} spoke");
            }
        }
    }
}

#[test]
fn no_incident_is_clear() {
    for replay in Replay::all("incidents") {
        for host in replay.report().hosts {
            assert_ne!(host.verdict.cause, Cause::Clear, "{}: {} is called clear", replay.name, host.host);
        }
    }
}

#[test]
fn what_structure_shows_needs_no_list() {
    let mut asked = 0;
    for replay in Replay::all("incidents") {
        let report = without_lists(&replay);
        for (index, sight) in sights(&replay).iter().enumerate() {
            if let Some(cause) = sight.without_lists {
                asked += 1;
                assert_eq!(report.hosts[index].verdict.cause, cause, "{} observation {index} without lists", replay.name);
            }
        }
    }
    assert!(asked > 30);
}

#[test]
fn the_four_first_incidents_are_caught_by_structure_alone() {
    for name in ["2012-trustwave", "2013-turktrust", "2013-anssi", "2015-cnnic-mcs"] {
        let replay = Replay::named("incidents", name);
        let report = without_lists(&replay);
        let minted: Vec<usize> =
            (0..).zip(sights(&replay)).filter(|(_, sight)| sight.minted_by.is_some()).map(|(index, _)| index).collect();
        assert!(!minted.is_empty(), "{name}: nothing is re-enacted");
        for index in minted {
            let verdict = &report.hosts[index].verdict;
            assert_eq!((verdict.cause, verdict.severity), (Cause::PublicAuthorityInterception, Severity::Critical), "{name}: {verdict:?}");
            assert_eq!(verdict.decided_by, ["undisclosed-subordinate"], "{name}");
        }
    }
}

#[test]
fn a_real_certificate_of_each_first_incident_is_found_by_the_lists() {
    for name in ["2012-trustwave", "2013-turktrust", "2013-anssi", "2015-cnnic-mcs"] {
        let replay = Replay::named("incidents", name);
        let report = replay.report();
        let original = sights(&replay).iter().position(|sight| sight.is_original() && sight.by.iter().any(|by| by == "revoked-authority"));
        let verdict = &report.hosts[original.unwrap()].verdict;
        assert_eq!(verdict.decided_by, ["revoked-authority"], "{name}");
        assert!(verdict.severity >= Severity::High, "{name}: {verdict:?}");
    }
}

#[test]
fn mcs_is_caught_without_its_names() {
    let replay = Replay::named("incidents", "2015-cnnic-mcs");
    let mut evidence = replay.evidence.clone();
    for observation in &mut evidence.observations {
        observation.target.host = Host::parse("nobody.invalid").unwrap();
    }
    let report = judge(&evidence, &replay.tables.clone().without_lists());
    for (sight, host) in sights(&replay).iter().zip(&report.hosts).filter(|(sight, _)| sight.without_lists.is_some()) {
        assert_eq!(Some(host.verdict.cause), sight.without_lists, "{:?}", host.verdict);
    }
}

#[test]
fn the_other_authorities_of_cnnic_are_not_accused() {
    let replay = Replay::named("incidents", "2015-cnnic-mcs");
    for report in [replay.report(), without_lists(&replay)] {
        let in_order: Vec<_> = report.hosts.iter().zip(sights(&replay)).filter(|(_, sight)| sight.cause == Cause::OriginFault).collect();
        assert_eq!(in_order.len(), 7);
        // A CA in a server's place is the one thing wrong with them.
        assert!(in_order.iter().all(|(host, _)| host.verdict.severity == Severity::Info), "{in_order:?}");
    }
}

#[test]
fn what_is_told_of_an_incident_is_what_the_judge_says() {
    for incident in mintwatch::incidents::all() {
        let replay = Replay::named("incidents", &incident.id);
        let spoke: BTreeSet<String> = replay.report().findings.into_iter().map(|finding| finding.detector).collect();
        for caught in &incident.caught {
            assert!(
                spoke.contains(&caught.rule),
                "{}: the story says that {} catches it, and it is silent; {spoke:?} spoke",
                incident.id,
                caught.rule
            );
        }
    }
}

#[test]
fn what_is_written_of_the_incidents_is_current() {
    let stale = xtask::docs::stale().unwrap();
    assert!(stale.is_empty(), "run `cargo xtask docs`, then read what changed: {stale:?}");
}

fn sights(replay: &Replay) -> Vec<Sight> {
    let recipe = Recipe::read(&replay.folder).unwrap_or_else(|error| panic!("{}: {error}", replay.name));
    let sights: Vec<Sight> = recipe.sights().into_iter().cloned().collect();
    assert_eq!(sights.len(), replay.evidence.observations.len(), "{}: the recipe is not that of the evidence", replay.name);
    sights
}

fn without_lists(replay: &Replay) -> Report {
    judge(&replay.evidence, &replay.tables.clone().without_lists())
}
