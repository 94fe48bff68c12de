//! `sct-missing`: a public authority's certificate that no log vouches for.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "sct-missing",
    summary: "a certificate under a public anchor came without any SCT",
    shows: "Public CAs log what they issue, because browsers refuse it otherwise. A certificate minted in secret cannot be logged.",
    cannot_tell: "An SCT can also come by the TLS extension or in an OCSP response, which not every vantage shows; and its presence \
                  proves nothing by itself. Clients other than browsers never needed one.",
    sources: &[
        "RFC 6962 §3.2 and §3.3",
        "Chrome's CT policy: certificates issued after 2018-04-30; BR §6.3.2 lets none issued before live past July 2021",
    ],
    needs: &[Facet::EndEntity, Facet::PublicPath],
    question: Question::Each(examine),
};

/// 2018-05-01T00:00:00Z: certificates that begin here or later need SCTs in Chrome.
const REQUIRED_FROM: i64 = 1_525_132_800;
/// 2021-08-01T00:00:00Z: 39 months later no certificate from before is alive, whatever date it claims.
const REQUIRED_OF_ALL_FROM: i64 = 1_627_776_000;

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    // What logs ask of CA certificates is another question.
    let Some(end_entity) = view.end_entity().filter(|certificate| !certificate.is_ca) else { return Vec::new() };
    let required = end_entity.not_before >= REQUIRED_FROM || view.at >= REQUIRED_OF_ALL_FROM;
    if !required || view.scts.embedded > 0 || view.scts.in_handshake.is_some_and(|scts| scts > 0) {
        return Vec::new();
    }
    let place = Some(Place::Certificate(0));
    vec![match view.scts.in_handshake {
        Some(_) => DETECTOR.finding(Weight::Strong, view, place, "no SCT came with it, neither embedded nor in the handshake"),
        None => DETECTOR.finding(Weight::Weak, view, place, "it carries no SCT"),
    }]
}

#[cfg(test)]
mod tests {
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_of_a_public_certificate_without_scts() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn stays_silent_when_scts_are_embedded() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_certificate_from_before_logs() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).in_2015()]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_under_a_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
