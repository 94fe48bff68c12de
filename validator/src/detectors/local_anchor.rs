//! `local-anchor`: the path ends at an anchor that was added on this machine.

use crate::case::{Anchor, Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "local-anchor",
    summary: "the only paths end at an anchor that is in no public root program",
    shows: "This machine trusts the chain because somebody added the anchor to it; no machine without that anchor would.",
    cannot_tell: "An employer's filter, an antivirus, a developer's proxy and a thief look alike on the wire.",
    sources: &["the root programs of Mozilla, Chrome, Apple, Microsoft and Android"],
    needs: &[Facet::EndEntity, Facet::MachineAnchors],
    question: Question::Each(examine),
};

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    if view.public_paths().next().is_some() {
        return Vec::new();
    }
    let local = view.anchors.iter().enumerate().filter(|(_, anchor)| Anchor::is_local(anchor));
    local
        .map(|(index, _)| {
            let says = "a public name is vouched for by an anchor that was added on this machine";
            DETECTOR.finding(Weight::Strong, view, Some(Place::Anchor(index)), says)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_an_anchor_added_on_this_machine() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn stays_silent_about_a_public_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_where_anchors_were_not_seen() {
        let lab = Lab::new();
        let report = lab.judge_without_anchors(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
