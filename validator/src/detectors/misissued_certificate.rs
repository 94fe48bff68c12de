//! `misissued-certificate`: this very certificate was issued to somebody who does not hold the name.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};
use crate::tables::KeyKind;

pub(super) const DETECTOR: Detector = Detector {
    id: "misissued-certificate",
    summary: "the end-entity certificate, or its key, is known to have been issued to somebody who does not hold the name",
    shows: "A public CA vouched for the wrong party: its registration desk was broken into (Comodo 2011), a country's registry was \
            (.tg, .bd, .lk, .ug), or it tested with other people's names. Whoever presents this certificate is not the site.",
    cannot_tell: "Only certificates that were found out are listed. It says nothing of others by the same CA.",
    sources: &["Chromium certificate blocklist", "certificates of the incidents, each with its own source", "incident: 2011-comodo"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let misissued = view.listed_keys(case.tables).into_iter().filter(|listed| listed.kind == KeyKind::Misissued);
    let speak = |listed: crate::case::Listed| {
        // Sent beside another end-entity it vouches for nobody.
        let weight = if listed.place == Place::Certificate(0) { Weight::Proven } else { Weight::Note };
        let says = format!("issued to somebody who does not hold the name: {}{}", listed.name, listed.known_since(view.at));
        DETECTOR.finding(weight, view, Some(listed.place), says)
    };
    misissued.map(speak).collect()
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::tables::KeyKind;
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_a_certificate_that_was_issued_to_somebody_else() {
        let mut lab = Lab::new();
        lab.list_as(&lab.revoked.spki_sha256(), KeyKind::Misissued);
        let report = lab.judge(&[lab.listed_site("www.bank.example")]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Proven);
        assert!(speaks(&report, "revoked-authority").is_empty());
    }

    #[test]
    fn stays_silent_about_another_certificate_of_the_same_ca() {
        let mut lab = Lab::new();
        lab.list_as(&lab.revoked.spki_sha256(), KeyKind::Misissued);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
