//! `programs-disagree`: some root programs take this chain, and others are known not to.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::programs::{Stand, names};

pub(super) const DETECTOR: Detector = Detector {
    id: "programs-disagree",
    summary: "some root programs take this chain, and others are known not to",
    shows: "What is vouched for by a single program's root opens no other client. In 2025 certificates for 1.1.1.1 came from Fina, \
            whose root Microsoft alone carried: nobody else's clients accepted them, and nobody else was looking.",
    cannot_tell: "Programs differ every day: a new root is in some of them first, an old one leaves some of them first. This names who \
                  stands where, and accuses nobody. Programs whose list of that time is not known are left out.",
    sources: &[
        "the lists of Mozilla, Chrome, Apple, Microsoft and Android, on the days on which they are known",
        "the constraints that Mozilla and Chrome put on roots",
    ],
    needs: &[Facet::EndEntity, Facet::Paths, Facet::PublicPath],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let stands = view.stands(case.tables);
    let all = |stand: Stand| stands.which(stand).collect::<Vec<_>>();
    let (accept, refuse, lack) = (all(Stand::Accepts), all(Stand::Refuses), all(Stand::Lacks));
    if accept.is_empty() || refuse.is_empty() && lack.is_empty() {
        return Vec::new();
    }
    // One voice against two or more is what no ordinary public site is content with.
    let alone = accept.len() == 1 && refuse.len() + lack.len() > 1;
    let weight = if alone { Weight::Weak } else { Weight::Note };
    let mut parts = vec![format!("taken by {}", names(accept.into_iter()))];
    if !lack.is_empty() {
        parts.push(format!("not carried by {}", names(lack.into_iter())));
    }
    if !refuse.is_empty() {
        parts.push(format!("refused by a rule of {}", names(refuse.into_iter())));
    }
    let place = view.best_paths().first().and_then(|path| path.anchor).map(crate::finding::Place::Anchor);
    let finding = DETECTOR.finding(weight, view, place, parts.join(", "));
    vec![if alone { finding.of_kind("one-program") } else { finding }]
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::report::Report;
    use crate::tables::{OverlayConditions, OverlayMembership, Program};
    use crate::testing::{Lab, speaks};

    /// What is said of a chain whose root these programs have carried for ever.
    fn judged(programs: &[Program]) -> Report {
        let mut lab = Lab::new();
        let anchor = lab.root_sha256();
        let stay = |&program: &Program| OverlayMembership { anchor, program, from: 0, until: None };
        lab.overlay.memberships = programs.iter().map(stay).collect();
        lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()])
    }

    #[test]
    fn speaks_of_a_root_that_one_program_alone_carries() {
        let report = judged(&[Program::Microsoft]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings[0].weight, findings[0].kind.as_deref()), (Weight::Weak, Some("one-program")));
        assert!(findings[0].says.starts_with("taken by Microsoft, not carried by Mozilla, Chrome"), "{}", findings[0].says);
    }

    #[test]
    fn a_root_that_most_carry_is_only_a_note() {
        let report = judged(&[Program::Mozilla, Program::Chrome, Program::Microsoft]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Note);
    }

    #[test]
    fn stays_silent_where_all_agree() {
        assert!(speaks(&judged(&Program::ALL), super::DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_an_anchor_that_only_an_overlay_knows() {
        assert!(speaks(&judged(&[]), super::DETECTOR.id).is_empty());
    }

    #[test]
    fn a_rule_of_one_program_is_a_disagreement_too() {
        let mut lab = Lab::new();
        lab.constrain(Program::Chrome, 0, vec![OverlayConditions { not_before_until: Some(0), ..OverlayConditions::default() }]);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].says, "taken by the overlay, refused by a rule of Chrome");
    }

    #[test]
    fn says_it_could_not_look_under_a_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
