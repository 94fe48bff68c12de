//! `known-interception-key`: a key that is known to serve interception, anywhere in the chain.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::tables::KeyKind;

pub(super) const DETECTOR: Detector = Detector {
    id: "known-interception-key",
    summary: "a key known to serve interception signs here, or is the end-entity's own",
    shows: "The private half of this key shipped inside a product, or serves a state's interception: \
            Superfish, eDellRoot, Cyberoam, the Kazakhstan roots and others.",
    cannot_tell: "Who uses it here: once such a key is public, anybody can.",
    sources: &["Chromium certificate blocklist and its known-interception list", "the incidents named in the finding"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let listed = view.listed_keys(case.tables).into_iter();
    let serves = listed.filter(|listed| matches!(listed.kind, KeyKind::Interception | KeyKind::StateInterception));
    serves
        .map(|listed| {
            let weight = if listed.on_path { Weight::Proven } else { Weight::Note };
            let kind = match listed.kind {
                KeyKind::StateInterception => "state-interception",
                _ => "interception",
            };
            let says = format!("a key known to serve interception: {}{}", listed.name, listed.known_since(view.at));
            DETECTOR.finding(weight, view, Some(listed.place), says).of_kind(kind)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::testing::{Lab, NOW, speaks};

    #[test]
    fn speaks_of_a_known_key_under_a_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.product)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Proven);
    }

    #[test]
    fn says_since_when_the_key_is_known() {
        let mut lab = Lab::new();
        lab.know_since(&lab.product.spki_sha256(), NOW - 86_400);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.product)]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!(findings[0].weight, Weight::Proven);
        assert!(findings[0].says.ends_with("(known since 2026-11-23)"), "{}", findings[0].says);
    }

    #[test]
    fn stays_silent_about_another_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
