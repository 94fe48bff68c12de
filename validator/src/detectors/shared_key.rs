//! `shared-key`: one end-entity key in different certificates of unrelated operators.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{Case, View};
use crate::chain::Certificate;
use crate::detector::{Detector, Question};
use crate::evidence::Sha256;
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "shared-key",
    summary: "unrelated operators answer with different certificates over one and the same key",
    shows: "Who holds the one private key ends the TLS sessions of all these hosts. Most interceptors make one key and mint every \
            certificate over it.",
    cannot_tell: "A CDN serves unrelated customers too: with one certificate that names them all, which is no finding, or rarely with \
                  one key under a disclosed CA, which weighs little.",
    sources: &["measured: most real interceptors use one end-entity key for all hosts"],
    needs: &[Facet::EndEntity, Facet::SeveralObservations],
    question: Question::All(examine),
};

/// How many other observations a finding names.
const NAMED: usize = 16;

fn examine(case: &Case<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<Sha256, Vec<&View<'_>>> = BTreeMap::new();
    for view in &case.views {
        if let Some(end_entity) = view.end_entity() {
            groups.entry(end_entity.spki_sha256).or_default().push(view);
        }
    }
    groups.values().flat_map(|members| speak(case, members)).collect()
}

fn speak(case: &Case<'_>, members: &[&View<'_>]) -> Vec<Finding> {
    let certificates: BTreeSet<Sha256> = members.iter().filter_map(|view| view.end_entity()).map(|c| c.sha256).collect();
    let operators: BTreeSet<&str> = members.iter().filter_map(|view| case.tables.operator(view.named())).collect();
    if certificates.len() < 2 || operators.len() < 2 || name_each_other(members) {
        return Vec::new();
    }
    let disclosed = members.iter().all(|view| view.issuer_is_disclosed(case.tables));
    let weight = if disclosed { Weight::Weak } else { Weight::Strong };
    let says = format!("{} certificates of {} unrelated operators are over one key", certificates.len(), operators.len());
    let others = |view: &View<'_>| members.iter().map(|other| other.index).filter(|&other| other != view.index).take(NAMED).collect();
    members
        .iter()
        .map(|view| Finding { with: others(view), ..DETECTOR.finding(weight, view, Some(Place::Certificate(0)), says.clone()) })
        .collect()
}

/// Whether each certificate also names the other hosts, as a CDN's does. Asked of few only: the names are the
/// sender's to multiply, and comparing all with all is not bounded.
fn name_each_other(members: &[&View<'_>]) -> bool {
    let hosts: BTreeSet<&str> = members.iter().map(|view| view.named().as_str()).collect();
    let certificates: BTreeMap<Sha256, &Certificate<'_>> =
        members.iter().filter_map(|view| view.end_entity()).map(|certificate| (certificate.sha256, certificate)).collect();
    let few = hosts.len() <= NAMED && certificates.len() <= NAMED;
    few && certificates.values().all(|certificate| hosts.iter().all(|host| certificate.names_host(host)))
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_one_key_for_unrelated_operators() {
        let lab = Lab::new();
        let report = lab.judge(&[
            lab.site("www.bank.example").issued_by(&lab.local).over_shared_key(),
            lab.site("www.news.example").issued_by(&lab.local).over_shared_key(),
        ]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings.len(), findings[0].weight), (2, Weight::Strong));
    }

    #[test]
    fn stays_silent_about_certificates_that_name_each_other() {
        let lab = Lab::new();
        let names = ["www.bank.example", "www.news.example"];
        let report = lab.judge(&[
            lab.site(names[0]).naming(&names).issued_by(&lab.disclosed).over_shared_key(),
            lab.site(names[1]).naming(&names).issued_by(&lab.disclosed).over_shared_key(),
        ]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_two_keys() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local), lab.site("www.news.example").issued_by(&lab.local)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_at_one_host_alone() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
