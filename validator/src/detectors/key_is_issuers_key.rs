//! `key-is-issuers-key`: the end-entity answers with its issuer's own key.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "key-is-issuers-key",
    summary: "the end-entity key is the issuer's key as well",
    shows: "The machine that answers holds the CA's private key: it signs its own certificates as it needs them. \
            No public CA puts its key on a customer's server.",
    cannot_tell: "Seen from the end-entity alone it rests on an identifier that the issuer chose: \
                  the authority key identifier is the SHA-1 of the end-entity's own key.",
    sources: &["RFC 5280 §4.2.1.1 and §4.2.1.2 (key identifiers)", "measured: mitmproxy, Squid and others use the CA's key for every host"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let Some(end_entity) = view.end_entity().filter(|certificate| !certificate.is_self_issued()) else { return Vec::new() };
    let place = Some(Place::Certificate(0));
    if view.issuer_spki() == Some(end_entity.spki) {
        return vec![DETECTOR.finding(Weight::Strong, view, place, "the end-entity key is the key that signed it")];
    }
    let own_id = end_entity.key_id_by_rfc5280();
    if own_id.is_some() && own_id.as_ref().map(<[u8; 20]>::as_slice) == end_entity.authority_key_id {
        return vec![DETECTOR.finding(Weight::Strong, view, place, "its authority key identifier is the identifier of its own key")];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_a_certificate_over_its_issuers_key() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local).over_issuers_key()]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn speaks_from_the_end_entity_alone() {
        let lab = Lab::new();
        let report = lab.judge_without_anchors(&[lab.site("www.bank.example").issued_by(&lab.local).over_issuers_key().leaf_only()]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn stays_silent_about_a_key_of_its_own() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_self_signed_router() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.self_signed_site("router.example")]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
