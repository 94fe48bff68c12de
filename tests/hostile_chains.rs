//! R-A2: no chain makes the judge search for long, and none makes it fail.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use std::time::Duration;

use mintwatch_tests::{Ca, DAY, NOW, Profile, evidence, observation, tables_with_public};
use mintwatch_validator::judge;
use mintwatch_validator::verdict::Cause;
use rcgen::{GeneralSubtree, NameConstraints};
use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of CPU time that any hostile chain may cost natively (R-A2). The judge is optimised for tests too.
const BAR_MS: f64 = 50.0;

/// CPU time of this thread: what else the machine does counts for nothing.
fn cpu_milliseconds() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap()).as_secs_f64() * 1e3
}

fn profile(name: &str) -> Profile {
    Profile::new(name, NOW - 100 * DAY, 1000)
}

fn judged_in_time(what: &str, root: &Ca, chain: Vec<Vec<u8>>) -> Cause {
    let tables = tables_with_public(root);
    let evidence = evidence(vec![observation("host.example", NOW, chain)]);
    let begun = cpu_milliseconds();
    let report = judge(&evidence, &tables);
    let took = cpu_milliseconds() - begun;
    println!("{what}: {took:.1} ms, {} paths, {}", report.hosts[0].paths.len(), report.verdict.cause.word());
    assert!(took <= BAR_MS, "{what} took {took:.1} ms");
    report.verdict.cause
}

/// `keys` CAs that all carry one name, each certified by each.
fn everyone_signs_everyone(keys: usize) -> (Ca, Vec<Vec<u8>>) {
    let root = Ca::root(&profile("Ring"));
    let members: Vec<Ca> = (0..keys).map(|_| root.below(&profile("Ring"))).collect();
    let mut chain = vec![members[0].leaf("host.example", &profile("host.example"))];
    for subject in &members {
        for issuer in &members {
            chain.push(subject.cross_signed_by(issuer, &profile("Ring")).der);
        }
    }
    (root, chain)
}

#[test]
fn cross_signed_rings_are_cut_short() {
    for keys in [4, 7, 12] {
        let (root, chain) = everyone_signs_everyone(keys);
        let cause = judged_in_time(&format!("ring of {keys} keys, {} certificates", chain.len()), &root, chain);
        assert_ne!(cause, Cause::Clear);
    }
}

#[test]
fn a_ring_that_reaches_no_anchor_is_cut_short_too() {
    let (_, chain) = everyone_signs_everyone(7);
    let stranger = Ca::root(&profile("Somebody Else"));
    assert_eq!(judged_in_time("ring without an anchor", &stranger, chain), Cause::Inconclusive);
}

#[test]
fn a_thousand_certificates_of_one_name_are_trimmed() {
    let root = Ca::root(&profile("Crowd"));
    let issuer = root.below(&profile("Crowd"));
    let mut chain = vec![issuer.leaf("host.example", &profile("host.example"))];
    for serial in 0..1000_u32 {
        let mut odd = profile("Crowd");
        odd.serial = (serial + 1).to_be_bytes().to_vec();
        chain.push(issuer.cross_signed_by(&root, &odd).der);
    }
    assert_ne!(judged_in_time("1,000 certificates for one key", &root, chain), Cause::Clear);
}

#[test]
fn a_ladder_longer_than_any_real_chain_ends() {
    let root = Ca::root(&profile("Rung 0"));
    let mut rungs = vec![root.below(&profile("Rung 1"))];
    for number in 2..40 {
        let next = rungs.last().unwrap().below(&profile(&format!("Rung {number}")));
        rungs.push(next);
    }
    let mut chain = vec![rungs.last().unwrap().leaf("host.example", &profile("host.example"))];
    chain.extend(rungs.iter().rev().map(|rung| rung.der.clone()));
    assert_eq!(judged_in_time("ladder of 39 CAs", &root, chain), Cause::Inconclusive);
}

#[test]
fn a_two_way_choice_on_every_level_is_followed_within_the_budget() {
    let root = Ca::root(&profile("Level 0"));
    let mut above = root.below(&profile("Level 1"));
    let mut chain = Vec::new();
    for level in 2..8 {
        let ca = above.below(&profile(&format!("Level {level}")));
        let mut twin = profile(&format!("Level {level}"));
        twin.serial = vec![7, 7, 7];
        chain.push(ca.cross_signed_by(&above, &twin).der);
        chain.push(ca.der.clone());
        above = ca;
    }
    chain.push(above.leaf("host.example", &profile("host.example")));
    chain.reverse();
    assert_ne!(judged_in_time("2^6 paths", &root, chain), Cause::Clear);
}

#[test]
fn many_names_under_many_constraints_are_cut_short() {
    let root = Ca::root(&profile("Root"));
    let issuer = root.below(&profile("Constrained"));
    let hosts: Vec<String> = (0..480).map(|number| format!("a{number:03}.host.example")).chain(["host.example".to_owned()]).collect();
    let mut chain = vec![issuer.leaf_for(&hosts, &profile("host.example"))];
    // As much as fits in the 64 KiB of one handshake message, each a path of its own.
    for twin in 0..9_u8 {
        let permitted = (0..500).map(|number| GeneralSubtree::DnsName(format!("b{number:03}.host.example"))).collect();
        let constraints = NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() };
        let twin = Profile { serial: vec![7, twin], ..profile("Constrained") };
        chain.push(issuer.certified_anew_by(&root, &twin, |params| params.name_constraints = Some(constraints)).der);
    }
    assert_ne!(judged_in_time("481 names under 9 x 500 constraints", &root, chain), Cause::Clear);
}

#[test]
fn bytes_that_are_no_certificates_are_named_and_judged() {
    let root = Ca::root(&profile("Root"));
    let issuer = root.below(&profile("Issuer"));
    let leaf = issuer.leaf("host.example", &profile("host.example"));
    for cut in [0, 1, 5, 100, leaf.len() - 1] {
        let chain = vec![leaf[..cut].to_vec(), issuer.der.clone(), vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]];
        assert_eq!(judged_in_time("cut short", &root, chain), Cause::Inconclusive);
    }
    let mut state = 7_u64;
    for _ in 0..2000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut odd = leaf.clone();
        let place = usize::try_from(state >> 33).unwrap() % odd.len();
        odd[place] ^= u8::try_from(state >> 8 & 0xff).unwrap() | 1;
        let report = judge(&evidence(vec![observation("host.example", NOW, vec![odd, issuer.der.clone()])]), &tables_with_public(&root));
        assert_ne!(report.verdict.cause, Cause::Clear);
    }
}
