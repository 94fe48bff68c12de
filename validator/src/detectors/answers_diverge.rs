//! `answers-diverge`: resolvers disagree about a host, and so do the certificates at their addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::case::{Case, View, VouchedBy};
use crate::detector::{Detector, Question};
use crate::evidence::DnsAnswer;
use crate::finding::{Facet, Finding, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "answers-diverge",
    summary: "the system's resolver and others give different addresses, with other authorities at them",
    shows: "The resolver of this network leads to another machine than resolvers elsewhere do, and another authority vouches for that \
            machine: the name was turned aside on the way.",
    cannot_tell: "Large sites answer by place and may use several CAs, so that two public authorities weigh little. Addresses that \
                  differ under one authority are ordinary and not spoken of.",
    sources: &["OONI, web connectivity test: inconsistent answers count only with the certificate", "RFC 8484; RFC 7858"],
    needs: &[Facet::EndEntity, Facet::SeveralObservations, Facet::SeveralAnswers],
    question: Question::Each(examine),
};

/// The name that the evidence gives to this machine's own resolver.
const SYSTEM: &str = "system";

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let host = &view.observation.target.host;
    let addresses = |wanted: fn(&DnsAnswer) -> bool| -> BTreeSet<IpAddr> {
        let answers = case.answers(host).filter(|answer| wanted(answer));
        answers.flat_map(|answer| &answer.addresses).filter_map(|address| address.parse().ok()).collect()
    };
    let here = addresses(|answer| answer.resolver == SYSTEM);
    let elsewhere = addresses(|answer| answer.resolver != SYSTEM);
    let only_here = |address: &IpAddr| here.contains(address) && !elsewhere.contains(address);
    if !view.address().is_some_and(|address| only_here(&address)) {
        return Vec::new();
    }
    let vouched = view.vouched_by();
    let other = case.others_of_host(view).find(|other| {
        let there = other.address().is_some_and(|address| elsewhere.contains(&address) && !here.contains(&address));
        there && other.vouched_by().differs_from(&vouched)
    });
    other.map(|other| speak(view, other, &vouched)).into_iter().collect()
}

fn speak(view: &View<'_>, other: &View<'_>, vouched: &VouchedBy<'_>) -> Finding {
    let there = other.vouched_by();
    // Two public authorities may both be the site's own, and a machine that nobody vouches for may be one that was never set up.
    let weight = if matches!((vouched, &there), (VouchedBy::Local, VouchedBy::Public(_))) { Weight::Strong } else { Weight::Weak };
    let says =
        format!("at the address of this network's resolver it is vouched for by {}, at that of others by {}", vouched.text(), there.text());
    Finding { with: vec![other.index], ..DETECTOR.finding(weight, view, view.issuer_place(), says) }
}

#[cfg(test)]
mod tests {
    use crate::evidence::{DnsAnswer, Evidence, Host, Seen};
    use crate::finding::Weight;
    use crate::report::Report;
    use crate::testing::{Authority, Lab, speaks};

    const HOST: &str = "www.bank.example";

    fn judged(lab: &Lab, here: &Authority, there: &Authority, resolvers: [&str; 2]) -> Report {
        let site = |issuer, peer: &'static str| {
            lab.site(HOST).issued_by(issuer).seen(move |observation| observation.peer = Seen::Yes(peer.to_owned()))
        };
        let mut evidence: Evidence = lab.evidence(&[site(here, "203.0.113.9:443"), site(there, "198.51.100.2:443")]);
        let answer = |resolver: &str, address: &str| DnsAnswer::of(Host::parse(HOST).unwrap(), resolver, [address.parse().unwrap()]);
        evidence.surroundings.dns = Seen::Yes(vec![answer(resolvers[0], "203.0.113.9"), answer(resolvers[1], "198.51.100.2")]);
        crate::judge(&evidence, &lab.tables())
    }

    #[test]
    fn speaks_of_a_resolver_that_leads_to_another_authority() {
        let lab = Lab::new();
        let report = judged(&lab, &lab.local, &lab.disclosed, ["system", "doh.one.example"]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings.len(), findings[0].observation, findings[0].weight), (1, 0, Weight::Strong));
        let report = judged(&lab, &lab.other_owner, &lab.disclosed, ["system", "doh.one.example"]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Weak);
    }

    #[test]
    fn stays_silent_about_other_addresses_of_one_owner() {
        let lab = Lab::new();
        let report = judged(&lab, &lab.sister, &lab.disclosed, ["system", "doh.one.example"]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_with_one_resolver_alone() {
        let lab = Lab::new();
        let report = judged(&lab, &lab.local, &lab.disclosed, ["system", "system"]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
