//! `unexpected-authority`: a CA vouches for this host that is not one of those it uses.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "unexpected-authority",
    summary: "the CA owner is not in the set that this host is expected to use",
    shows: "A public authority vouches for the host that its operator is not known to use. DigiNotar (2011) and the hijacks of \
            country domains looked like this.",
    cannot_tell: "Operators change their CA; alone this is worth a second look and no more.",
    sources: &["owner of the trust anchor, by the root programs", "static pins of Chromium and Firefox", "incident: 2011-diginotar"],
    needs: &[Facet::EndEntity, Facet::PublicPath, Facet::Expectation],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let expected = case.tables.expected_owners(view.named());
    let reached = || view.public_paths().filter_map(|path| Some((path.anchor?, view.anchor_of(path)?)));
    if reached().any(|(_, anchor)| expected.iter().any(|&owner| owner == anchor.owner)) {
        return Vec::new();
    }
    let Some((index, anchor)) = reached().next() else { return Vec::new() };
    let says = format!("the CA owner {:?} is not one of those expected: {}", anchor.owner, expected.join(", "));
    vec![DETECTOR.finding(Weight::Weak, view, Some(Place::Anchor(index)), says)]
}

#[cfg(test)]
mod tests {
    use crate::testing::{EXPECTING_HOST, Lab, speaks};

    #[test]
    fn speaks_of_an_owner_the_host_does_not_use() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(EXPECTING_HOST).issued_by(&lab.other_owner)]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn stays_silent_about_the_expected_owner() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(EXPECTING_HOST).issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_an_expectation() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
