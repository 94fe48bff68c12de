//! `pin-mismatch`: no key on any path is one that this host pinned.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::tables::KeyStanding;

pub(super) const DETECTOR: Detector = Detector {
    id: "pin-mismatch",
    summary: "no SPKI on any candidate path is in the host's pin set",
    shows: "The host's operator told browser makers which keys may vouch for it, and none of them does. \
            Also under local anchors, where browsers switch pins off.",
    cannot_tell: "Pins age: once the table is past its limit a mismatch alone may be the operator's change of CA, and weighs little. \
                  Most pins are of roots: where a disclosed CA signed and nothing above it was seen, it is a note.",
    sources: &["RFC 7469 §2.6", "static pins of Chromium and Firefox"],
    needs: &[Facet::EndEntity, Facet::Paths, Facet::Pins],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let Some(pins) = case.tables.pins(view.named()) else { return Vec::new() };
    let mut keys = view.keys_on_paths();
    if keys.any(|key| pins.contains(&key)) {
        return Vec::new();
    }
    if view.anchors.is_empty() && view.known_issuer().is_some_and(|key| key.standing == Some(KeyStanding::Public)) {
        let says = format!("its issuer is not in the pin set `{}`, and what stands above that was not seen", pins.name);
        return vec![DETECTOR.finding(Weight::Note, view, None, says).of_kind("unseen")];
    }
    if pins.is_current(view.at) {
        let says = format!("no key on any path is in the pin set `{}`", pins.name);
        vec![DETECTOR.finding(Weight::Strong, view, None, says)]
    } else {
        let says = format!("no key on any path is in the pin set `{}`, which does not speak for that time", pins.name);
        vec![DETECTOR.finding(Weight::Weak, view, None, says).of_kind("stale")]
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::testing::{Lab, PINNED_HOST, speaks};

    #[test]
    fn speaks_of_a_pinned_host_under_another_key() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(PINNED_HOST).issued_by(&lab.sister)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
    }

    #[test]
    fn only_notes_it_where_the_pinned_root_could_stand_above_what_was_seen() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(PINNED_HOST).issued_by(&lab.sister).leaf_only()]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Note);
        let report = lab.judge(&[lab.site(PINNED_HOST).issued_by(&lab.unknown).leaf_only()]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
    }

    #[test]
    fn speaks_under_a_local_anchor_too() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(PINNED_HOST).issued_by(&lab.local)]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn stays_silent_when_a_pinned_key_is_on_the_path() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(PINNED_HOST).issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn a_pin_set_that_does_not_speak_for_the_time_weighs_little() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(PINNED_HOST).issued_by(&lab.sister).a_year_later()]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Weak);
    }

    #[test]
    fn says_it_could_not_look_where_nothing_is_pinned() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
