//! Runs of the laboratory that are kept: each host is called what it was, by whatever ways it was asked.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use mintwatch_validator::evidence::{Evidence, Seen};
use mintwatch_validator::verdict::Cause;
use xtask::interceptions::{Run, runs, ways};
use xtask::replays::replays;
use xtask::workspace;

fn all() -> Vec<Run> {
    runs(&workspace::root().unwrap()).unwrap()
}

#[test]
fn every_host_is_called_what_it_was() {
    let faults = all().into_iter().flat_map(|run| {
        let faults = run.expected.faults(&run.report);
        faults.into_iter().map(move |fault| format!("{}: {fault}", run.name))
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nine_products_under_two_roots_are_kept_and_all_that_is_picked_out() {
    let runs = all();
    let of = |is: fn(&Run) -> &str| runs.iter().map(is).collect::<BTreeSet<&str>>();
    let products = of(|run| &run.expected.interceptor);
    for product in
        ["mitmproxy", "squid", "sslsplit", "haproxy", "trafficserver", "mockttp", "proxy.py", "http-mitm-proxy", "hudsucker", "nobody"]
    {
        assert!(products.contains(product), "{product} is missing");
    }
    // All but http-mitm-proxy, which only works under a root of its own.
    let twice = products.iter().filter(|product| runs.iter().filter(|run| run.expected.interceptor == **product).count() >= 2);
    assert_eq!(twice.count(), products.len() - 2);
    for selection in ["one name in ten", "names without pins", "every fifth connection", "TCP alone", "IPv4 alone, QUIC blocked"] {
        assert!(of(|run| &run.expected.selection).contains(selection), "{selection} is missing");
    }
}

#[test]
fn a_way_that_a_box_lets_pass_is_no_miss_and_one_way_is_enough() {
    let runs = all();
    let sslsplit = runs.iter().find(|run| run.expected.interceptor == "sslsplit").unwrap();
    let ways = ways(&sslsplit.report);
    // A hello with a post-quantum key share is too long for its look at the first packet.
    assert!(ways.passed.contains("plain") && ways.met.contains("tls 1.2"), "{ways:?}");
    assert_eq!(sslsplit.expected.faults(&sslsplit.report), Vec::<String>::new());
}

#[test]
fn a_host_that_is_called_otherwise_is_a_fault() {
    let runs = all();
    let mut run = runs.iter().find(|run| run.expected.interceptor == "squid").unwrap().clone();
    let hosts = run.expected.hosts.len();
    run.expected.cause = Cause::StateInterception;
    assert!(run.expected.faults(&run.report).len() > hosts, "every host, and every way to it");
    run.expected.hosts.clear();
    assert!(run.expected.faults(&run.report).len() > hosts, "nobody was there: false alarms");
}

#[test]
fn what_is_kept_names_no_machine() {
    for replay in replays(&workspace::root().unwrap()).unwrap().into_iter().filter(|replay| replay.is_of("interceptions")) {
        let evidence = Evidence::from_json(replay.evidence().unwrap().as_bytes()).unwrap();
        let peer = |address: &str| ["203.0.113.", "[2001:db8:f::", "192.0.2.1:"].iter().any(|block| address.starts_with(block));
        let peers = evidence.observations.iter().filter_map(|observation| observation.peer.yes());
        assert!(peers.into_iter().all(|address| peer(address)), "{}: an address that is not for documentation", replay.name());
        let anchors = evidence.surroundings.anchors.yes().unwrap();
        assert!(anchors.iter().all(|anchor| anchor.origin == "SSL_CERT_FILE"), "{}: an anchor of a machine", replay.name());
        for anchor in anchors {
            let Seen::Yes(der) = &anchor.certificate else { continue };
            let name = String::from_utf8_lossy(der.as_slice()).into_owned();
            assert!(name.contains("TEST") || name.contains("NodeMITMProxyCA"), "{}: an anchor that is not ours", replay.name());
        }
    }
}
