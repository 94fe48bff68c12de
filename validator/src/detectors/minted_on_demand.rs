//! `minted-on-demand`: the certificate came into being for this very handshake.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "minted-on-demand",
    summary: "the certificate's validity begins around the handshake",
    shows: "A box that mints as users ask dates its certificates by its own clock: the MCS firewall did. Two handshakes for one name \
            with two certificates, each as old as its handshake, leave no other reading.",
    cannot_tell: "A site may have renewed its certificate a minute ago, so once alone it weighs little; and most minting boxes date back.",
    sources: &["incident: 2015-cnnic-mcs", "BR §7.1.2.7: public CAs may date back by 48 hours at most, and commonly do by one"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

/// How close to the handshake, in seconds.
const CLOSE: i64 = 300;

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let Some(age) = age_at_handshake(view).filter(|age| age.abs() <= CLOSE) else { return Vec::new() };
    let twin = case.others_of_host(view).find(|other| {
        let minted = age_at_handshake(other).is_some_and(|age| age.abs() <= CLOSE);
        let differs = other.end_entity().map(|c| (c.sha256, c.not_before)) != view.end_entity().map(|c| (c.sha256, c.not_before));
        minted && differs
    });
    let place = Some(Place::Certificate(0));
    vec![match twin {
        Some(other) => Finding {
            with: vec![other.index],
            ..DETECTOR.finding(Weight::Strong, view, place, "each handshake for this name got a certificate as old as the handshake")
        },
        None => DETECTOR.finding(
            Weight::Weak,
            view,
            place,
            format!("its validity begins {} s {} the handshake", age.abs(), if age < 0 { "after" } else { "before" }),
        ),
    }]
}

/// Seconds from notBefore to the handshake.
fn age_at_handshake(view: &View<'_>) -> Option<i64> {
    Some(view.at.saturating_sub(view.end_entity()?.not_before))
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::testing::{Lab, speaks};

    #[test]
    fn speaks_softly_of_one_certificate_as_old_as_its_handshake() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local).begun_before(20)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Weak);
    }

    #[test]
    fn speaks_clearly_of_two_for_one_name() {
        let lab = Lab::new();
        let report = lab.judge(&[
            lab.site("www.bank.example").issued_by(&lab.local).begun_before(20),
            lab.site("www.bank.example").issued_by(&lab.local).begun_before(80),
        ]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
    }

    #[test]
    fn stays_silent_about_a_certificate_of_last_week() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local).begun_before(7 * 86_400)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
