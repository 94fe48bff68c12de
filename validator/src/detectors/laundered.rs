//! `laundered`: an origin that is broken on purpose arrives as valid.

use crate::case::{Case, View, VouchedBy};
use crate::chain::Certificate;
use crate::detector::{Detector, Question};
use crate::evidence::KnownFault;
use crate::finding::{Facet, Finding, Place, Weight};
use crate::signatures::key_bits;

pub(super) const DETECTOR: Detector = Detector {
    id: "laundered",
    summary: "a known-bad origin arrives with a certificate that clients accept",
    shows: "The origin's certificate is expired, for another host, self-signed, revoked or weak on purpose. Here it arrives as valid: \
            somebody ends the session, takes the bad certificate for good, and hides that from the user.",
    cannot_tell: "The origin may have been repaired: a certificate that logs vouch for under a disclosed public authority is told as \
                  that, and no more.",
    sources: &[
        "Waked et al., To Intercept or Not to Intercept, ASIACCS 2018",
        "de Carné de Carnavalet and Mannan, Killed by Proxy, NDSS 2016",
    ],
    needs: &[Facet::EndEntity, Facet::Paths, Facet::KnownFault],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let Some((fault, end_entity)) = view.observation.target.known_fault.zip(view.end_entity()) else { return Vec::new() };
    let accepted = view.paths.iter().any(|path| path.refused.is_none() && view.anchor_of(path).is_some());
    if !accepted || still_faulty(fault, end_entity) {
        return Vec::new();
    }
    let vouched = view.vouched_by();
    let repaired = matches!(vouched, VouchedBy::Public(_)) && view.is_logged() && view.issuer_is_disclosed(case.tables);
    let (weight, says) = if repaired {
        (Weight::Note, format!("known to be {}, and valid under {}: the origin seems repaired", word(fault), vouched.text()))
    } else {
        (Weight::Strong, format!("the origin is {} on purpose, and arrives as valid under {}", word(fault), vouched.text()))
    };
    vec![DETECTOR.finding(weight, view, Some(Place::Certificate(0)), says).of_kind(word(fault))]
}

/// Whether the certificate still shows the fault, though a path accepts it: what clients decide for themselves.
fn still_faulty(fault: KnownFault, end_entity: &Certificate<'_>) -> bool {
    match fault {
        KnownFault::SelfSigned => end_entity.is_self_issued(),
        // An RSA key that is too short: no curve has that many bits.
        KnownFault::WeakKey => key_bits(end_entity.spki).is_some_and(|bits| (600..2048).contains(&bits)),
        // A path that is accepted has none of the others.
        _ => false,
    }
}

fn word(fault: KnownFault) -> &'static str {
    match fault {
        KnownFault::Expired => "expired",
        KnownFault::NotYetValid => "not yet valid",
        KnownFault::WrongHost => "for another host",
        KnownFault::SelfSigned => "self-signed",
        KnownFault::UntrustedRoot => "under an untrusted root",
        KnownFault::Revoked => "revoked",
        KnownFault::WeakKey => "weak of key",
        KnownFault::Sha1 => "signed with SHA-1",
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::KnownFault;
    use crate::finding::Weight;
    use crate::testing::{Lab, Site, speaks};

    fn broken(site: Site<'_>) -> Site<'_> {
        site.seen(|observation| observation.target.known_fault = Some(KnownFault::Expired))
    }

    #[test]
    fn speaks_of_an_expired_origin_that_arrives_as_valid() {
        let lab = Lab::new();
        for issuer in [&lab.local, &lab.undisclosed] {
            let report = lab.judge(&[broken(lab.site("expired.bank.example").issued_by(issuer))]);
            assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
        }
    }

    #[test]
    fn an_origin_that_was_repaired_is_only_a_note() {
        let lab = Lab::new();
        let report = lab.judge(&[broken(lab.site("expired.bank.example").issued_by(&lab.disclosed).logged())]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Note);
    }

    #[test]
    fn stays_silent_about_an_origin_that_arrives_as_it_is() {
        let lab = Lab::new();
        let report = lab.judge(&[broken(lab.site("expired.bank.example").issued_by(&lab.disclosed).begun_before(700 * 86_400))]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_at_an_origin_without_a_known_fault() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
