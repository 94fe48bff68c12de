//! `one-issuer-many-operators`: one issuing key answers for hosts that have nothing to do with each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{Case, IssuingKey, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "one-issuer-many-operators",
    summary: "one issuing key that no root program knows signs for hosts of unrelated operators",
    shows: "Unrelated operators do not share a private CA. Whoever holds this key issues for all of them: the pattern of an interceptor, \
            seen without any list of names, keys or pins.",
    cannot_tell: "Large public CAs issue for very many operators, so a disclosed issuer only counts when it alone answers for \
                  every one of many hosts, and then it weighs little. A captive portal answers for everybody with one certificate \
                  that names none of the hosts, and so does a crude interceptor: the kind `one-certificate`.",
    sources: &["generalises Firefox's interception canary (security.certerrors.mitm.priming)"],
    needs: &[Facet::EndEntity, Facet::SeveralObservations],
    question: Question::All(examine),
};

/// From how many unrelated operators a single disclosed issuer for all hosts is worth a word.
const MANY: usize = 6;
/// How many other observations a finding names.
const NAMED: usize = 16;

fn examine(case: &Case<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<IssuingKey<'_>, Vec<usize>> = BTreeMap::new();
    for view in &case.views {
        if let Some(key) = view.issuing_key() {
            groups.entry(key).or_default().push(view.index);
        }
    }
    let alone = groups.len() == 1;
    groups.values().flat_map(|members| speak(case, members, alone)).collect()
}

fn speak(case: &Case<'_>, members: &[usize], alone: bool) -> Vec<Finding> {
    let views = || members.iter().filter_map(|&index| case.views.get(index));
    let operators: BTreeSet<&str> = views().filter_map(|view| case.tables.operator(view.named())).collect();
    let disclosed = views().any(|view| view.issuer_is_disclosed(case.tables));
    let one_certificate = is_one_certificate_for_nobody(views());
    let (weight, says) = match (disclosed, operators.len()) {
        (false, 2..) if one_certificate => {
            (Weight::Strong, format!("one certificate that names none of them answers for {} unrelated operators", operators.len()))
        }
        (false, 2..) => {
            (Weight::Strong, format!("one issuer that no root program knows signs for {} unrelated operators", operators.len()))
        }
        (true, MANY..) if alone => {
            (Weight::Note, format!("a single disclosed issuer signs for all {} unrelated operators", operators.len()))
        }
        _ => return Vec::new(),
    };
    views()
        .map(|view| Finding {
            with: members.iter().copied().filter(|&other| other != view.index).take(NAMED).collect(),
            kind: one_certificate.then(|| "one-certificate".to_owned()),
            ..DETECTOR.finding(weight, view, view.issuer_place(), says.clone())
        })
        .collect()
}

/// Whether all answer with one and the same certificate, and it names no host it answers for.
fn is_one_certificate_for_nobody<'v, 'e: 'v>(mut views: impl Iterator<Item = &'v View<'e>>) -> bool {
    let mut first = None;
    views.all(|view| {
        view.end_entity().is_some_and(|certificate| {
            *first.get_or_insert(certificate.sha256) == certificate.sha256 && !certificate.names_host(view.named().as_str())
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use crate::evidence::Host;
    use crate::finding::Weight;
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_an_unknown_issuer_for_unrelated_operators() {
        let lab = Lab::new();
        let report =
            lab.judge(&[lab.site("www.bank.example").issued_by(&lab.unknown), lab.site("www.news.example").issued_by(&lab.unknown)]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!(findings.len(), 2);
        assert_eq!((findings[0].weight, findings[0].with.as_slice()), (Weight::Strong, &[1][..]));
    }

    #[test]
    fn tells_one_certificate_for_nobody_from_certificates_for_each() {
        let lab = Lab::new();
        let portal = lab.site("www.bank.example").naming(&["login.hotel.example"]).issued_by(&lab.unknown);
        let mut evidence = lab.evidence(&[portal]);
        let mut other = evidence.observations[0].clone();
        other.target.host = Host::parse("www.news.example").unwrap();
        evidence.observations.push(other);
        let report = crate::judge(&evidence, &lab.tables());
        assert!(speaks(&report, super::DETECTOR.id).iter().all(|finding| finding.kind.as_deref() == Some("one-certificate")));
        let each = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.unknown), lab.site("www.news.example").issued_by(&lab.unknown)]);
        assert!(speaks(&each, super::DETECTOR.id).iter().all(|finding| finding.kind.is_none()));
    }

    #[test]
    fn stays_silent_about_two_hosts_of_one_operator() {
        let lab = Lab::new();
        let report =
            lab.judge(&[lab.site("www.bank.example").issued_by(&lab.unknown), lab.site("login.bank.example").issued_by(&lab.unknown)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_disclosed_ca_with_many_customers() {
        let lab = Lab::new();
        let report =
            lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed), lab.site("www.news.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_at_one_host_alone() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.unknown)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
