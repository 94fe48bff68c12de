//! `compromised-authority`: a CA whose private key is known to be in other hands.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::tables::KeyKind;

pub(super) const DETECTOR: Detector = Detector {
    id: "compromised-authority",
    summary: "a key or certificate on a candidate path is on the list of compromised CA keys",
    shows: "Somebody other than the CA can sign with this key, and clients without the list accept what it signs. \
            In October 2026 eight CA keys of eMudhra became public; all sixteen certificates of these keys are disclosed.",
    cannot_tell: "Whether this certificate was signed by the CA before the leak or by a thief after it; \
                  valid SCTs make the former likelier.",
    sources: &["OneCRL", "Chromium certificate blocklist", "keys compiled into rustls-webpki from 0.103.16"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let compromised = view.listed_keys(case.tables).into_iter().filter(|listed| listed.kind == KeyKind::Compromised);
    compromised
        .map(|listed| {
            let weight = if listed.on_path { Weight::Proven } else { Weight::Note };
            let says = format!("its key is listed as compromised: {}{}", listed.name, listed.known_since(view.at));
            let finding = DETECTOR.finding(weight, view, Some(listed.place), says);
            if listed.was_listed_later(view.at) { finding.of_kind("later") } else { finding }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::testing::{Lab, NOW, speaks};

    #[test]
    fn speaks_of_a_disclosed_ca_whose_key_leaked() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.leaked)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Proven);
        assert!(speaks(&report, "undisclosed-subordinate").is_empty());
    }

    #[test]
    fn stays_silent_about_its_sister() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn a_key_that_was_found_out_later_was_in_other_hands_already() {
        let mut lab = Lab::new();
        lab.know_since(&lab.leaked.spki_sha256(), NOW + 86_400);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.leaked)]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings[0].weight, findings[0].kind.as_deref()), (Weight::Proven, Some("later")));
        assert!(findings[0].says.ends_with("(listed later, known since 2026-11-25)"), "{}", findings[0].says);
    }

    #[test]
    fn a_listed_ca_that_is_on_no_path_is_only_a_note() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).with_extra(&lab.leaked)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Note);
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
