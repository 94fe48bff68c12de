//! Replays of historic incidents: each is called what it was, and says what was read and committed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use mintwatch_tests::Replay;
use mintwatch_validator::judge;
use mintwatch_validator::verdict::Cause;

#[test]
fn every_incident_says_what_a_person_read_and_committed() {
    let replays = Replay::all("incidents");
    assert!(!replays.is_empty());
    for replay in replays {
        assert!(replay.folder.join("README.md").is_file(), "{}: the story is missing", replay.name);
        let report = replay.report();
        assert!(!matches!(report.verdict.cause, Cause::Clear | Cause::Inconclusive | Cause::NotMeasured), "{}", replay.name);
    }
}

#[test]
fn mcs_is_public_authority_interception_with_and_without_lists() {
    let replay = Replay::named("incidents", "2015-cnnic-mcs");
    let with = replay.report();
    let without = judge(&replay.evidence, &replay.tables.clone().without_lists());
    for report in [&with, &without] {
        for host in &report.hosts {
            assert_eq!(host.verdict.cause, Cause::PublicAuthorityInterception, "{}", host.host);
        }
    }
    // No list had it yet: Google and Mozilla told on 2015-03-23.
    for host in with.hosts.iter().chain(&without.hosts) {
        assert_eq!(host.verdict.decided_by, ["undisclosed-subordinate"], "{}", host.host);
    }
    let later = with.findings.iter().find(|finding| finding.detector == "revoked-authority" && finding.kind.as_deref() == Some("later"));
    assert!(later.unwrap().says.contains("listed later, on 2015-03-23"));
}

#[test]
fn mcs_is_revoked_from_the_day_its_story_was_told() {
    let replay = Replay::named("incidents", "2015-cnnic-mcs");
    let mut evidence = replay.evidence.clone();
    // 2015-03-23T00:00:00Z.
    evidence.observations[0].at = 1_427_068_800_000;
    let report = judge(&evidence, &replay.tables);
    assert_eq!(report.hosts[0].verdict.decided_by, ["revoked-authority"]);
}

#[test]
fn mcs_is_caught_without_its_names() {
    let replay = Replay::named("incidents", "2015-cnnic-mcs");
    let mut evidence = replay.evidence.clone();
    for observation in &mut evidence.observations {
        observation.target.host = mintwatch_validator::evidence::Host::parse("nobody.invalid").unwrap();
    }
    let report = judge(&evidence, &replay.tables.clone().without_lists());
    assert!(report.hosts.iter().all(|host| host.verdict.cause == Cause::PublicAuthorityInterception));
}
