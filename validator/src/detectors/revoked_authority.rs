//! `revoked-authority`: a certificate that root programs revoked out of band.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};
use crate::tables::KeyKind;

pub(super) const DETECTOR: Detector = Detector {
    id: "revoked-authority",
    summary: "a certificate or key on every path is revoked by a root program",
    shows: "A root program took back its trust in this very certificate or key: by issuer and serial number, or by subject and key.",
    cannot_tell: "Clients that do not read the list still accept it. A site whose own certificate is listed, or whose root left the \
                  programs later, need not be intercepted. A revoked certificate that a server sends beside a good path is \
                  only its operator's neglect, and only noted.",
    sources: &["OneCRL (both forms: issuer and serial; subject and key)", "Chromium certificate blocklist"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

/// 2015-03-31T00:00:00Z, the day of OneCRL's first entry: no handshake from before can have been refused by it.
const ONECRL_BEGAN: i64 = 1_427_760_000;

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let mut revoked: Vec<(Place, String)> = view
        .listed_keys(case.tables)
        .into_iter()
        .filter(|listed| listed.kind == KeyKind::Revoked)
        .map(|listed| (listed.place, format!("its key is on a root program's blocklist: {}", listed.name)))
        .collect();
    let mut later: Vec<Finding> = Vec::new();
    for (index, certificate) in view.certificates.iter().enumerate() {
        let known = revoked.iter().any(|&(place, _)| place == view.place(index));
        let entry = case.tables.revoked(certificate.issuer, certificate.serial, certificate.subject, &certificate.spki_sha256);
        if let (false, Some(entry)) = (known, entry) {
            let says = format!("revoked in OneCRL ({})", entry.reference);
            if view.at < ONECRL_BEGAN {
                later.push(DETECTOR.finding(Weight::Note, view, Some(view.place(index)), says).of_kind("later"));
            } else {
                revoked.push((view.place(index), says));
            }
        }
    }
    if let Some((place, entry)) = view.revoked_unseen_issuer(case.tables)
        && view.at >= ONECRL_BEGAN
    {
        revoked.push((place, format!("revoked in OneCRL ({})", entry.reference)));
    }
    let places: Vec<Place> = revoked.iter().map(|&(place, _)| place).filter(|&place| is_authority(view, place)).collect();
    let decides = view.every_best_path_crosses(&places);
    let revoked = revoked.into_iter().map(|(place, says)| match place {
        // A root on the list has left the programs since; while it was public, so were its sites.
        Place::Anchor(_) => DETECTOR.finding(Weight::Note, view, Some(place), says).of_kind("anchor"),
        Place::Certificate(0) if !is_authority(view, place) => {
            DETECTOR.finding(Weight::Weak, view, Some(place), says).of_kind("end-entity")
        }
        Place::Certificate(_) | Place::IssuerOf(_) => {
            DETECTOR.finding(if decides { Weight::Strong } else { Weight::Note }, view, Some(place), says)
        }
    });
    revoked.chain(later).collect()
}

/// Whether a place holds a CA's certificate; a CA in the end-entity's place is one all the same.
fn is_authority(view: &View<'_>, place: Place) -> bool {
    match place {
        Place::Anchor(_) => false,
        Place::Certificate(0) => view.end_entity().is_some_and(|certificate| certificate.is_ca),
        Place::Certificate(_) | Place::IssuerOf(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_a_revoked_key_on_the_only_path() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.revoked)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
    }

    #[test]
    fn a_revoked_certificate_beside_a_good_path_is_only_a_note() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).with_extra(&lab.revoked)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Note);
    }

    #[test]
    fn a_listed_end_entity_is_no_authority() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.listed_site("www.bank.example")]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings[0].weight, findings[0].kind.as_deref()), (Weight::Weak, Some("end-entity")));
    }

    #[test]
    fn stays_silent_about_a_ca_in_good_standing() {
        let lab = Lab::new();
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
