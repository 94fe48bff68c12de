//! `distrusted-by-date`: issued after a root program had stopped taking what this authority issues.

use crate::case::{Case, View};
use crate::days::day;
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::programs::{Breach, Fault, Stand, names};

pub(super) const DETECTOR: Detector = Detector {
    id: "distrusted-by-date",
    summary: "issued past the date up to which a root program takes this authority's certificates",
    shows: "A root program ended its trust in an authority from a date on, and this certificate lies past it: by its own notBefore, \
            or by the times at which logs saw it, which the issuer cannot choose. Whoever follows that program refuses it.",
    cannot_tell: "notBefore is whatever the issuer writes: a certificate dated back is seen by its SCTs, by an allow-list, or not at all. \
                  A site may keep such a certificate for clients of other programs; one from before the date, kept after trust \
                  ended altogether, is its operator's neglect and only noted. Apple's and Microsoft's own dates are not public \
                  in a form that could be read; programs whose list of that time is not known are not counted.",
    sources: &[
        "NSS certdata, CKA_NSS_SERVER_DISTRUST_AFTER (notBefore); Mozilla's and Chrome's announcements on CNNIC, WoSign/StartCom and Symantec",
        "Chrome Root Store, sct_not_after (at least one valid SCT of that moment or earlier)",
        "incidents: 2015-cnnic-mcs, 2016-wosign-startcom",
    ],
    needs: &[Facet::EndEntity, Facet::Chain, Facet::Paths],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let stands = view.stands(case.tables);
    let public = view.public_paths().next().is_some();
    let taken = public && !stands.nobody_accepts();
    let weight = |fault: &Fault| match (public, taken, fault.is_past_the_date()) {
        (true, false, true) => Weight::Strong,
        (true, true, true) => Weight::Weak,
        // A site that was slow to leave its authority; and what no program carries is refused for that already.
        _ => Weight::Note,
    };
    let takers = if taken { format!("; still taken by {}", names(stands.which(Stand::Accepts))) } else { String::new() };
    let mut findings: Vec<Finding> = Vec::new();
    for breach in &stands.breaches {
        for fault in breach.faults.iter().filter(|fault| fault.is_of_dates()) {
            let finding = DETECTOR.finding(weight(fault), view, Some(breach.place), says(breach, fault) + &takers).of_kind(clock(fault));
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn says(breach: &Breach, fault: &Fault) -> String {
    let program = breach.program.name();
    match fault {
        Fault::NotBeforeEarlier(from) => format!("{program} takes nothing of this authority from before {}, by notBefore", day(*from)),
        Fault::NotBeforeLater(until) => format!("{program} takes nothing of this authority from after {}, by notBefore", day(*until)),
        Fault::SctsLater(until) => {
            format!("{program} takes nothing of this authority that no log saw by {}, by the times of its SCTs", day(*until))
        }
        _ => format!("{program} takes nothing of this authority any more, since {}", day(breach.since)),
    }
}

fn clock(fault: &Fault) -> &'static str {
    match fault {
        Fault::SctsLater(_) => "sct-time",
        Fault::NothingTaken | Fault::NotBeforeEarlier(_) => "ended",
        _ => "not-before",
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::{Finding, Weight};
    use crate::report::Report;
    use crate::tables::{OverlayConditions, Program};
    use crate::testing::{Lab, Logs, NOW, speaks};

    const DAY: i64 = 86_400;

    /// What is said of a logged certificate that began 30 days ago, under one rule on the public root.
    fn judged(program: Program, from: i64, any_of: Vec<OverlayConditions>) -> Report {
        let mut lab = Lab::new();
        lab.constrain(program, from, any_of);
        lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()])
    }

    fn said(report: &Report) -> Vec<(&Finding, Weight, &str)> {
        let findings = speaks(report, super::DETECTOR.id);
        findings.into_iter().map(|finding| (finding, finding.weight, finding.kind.as_deref().unwrap_or_default())).collect()
    }

    fn until(moment: i64) -> Vec<OverlayConditions> {
        vec![OverlayConditions { not_before_until: Some(moment), ..OverlayConditions::default() }]
    }

    fn logged_until(moment: i64) -> OverlayConditions {
        OverlayConditions { sct_until: Some(moment), ..OverlayConditions::default() }
    }

    #[test]
    fn speaks_of_a_certificate_past_the_date_of_its_only_program() {
        let report = judged(Program::Lab, 0, until(NOW - 30 * DAY - 1));
        let findings = said(&report);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].1, findings[0].2), (Weight::Strong, "not-before"));
        assert!(findings[0].0.says.contains("the overlay takes nothing of this authority from after 2026-10-24"), "{}", findings[0].0.says);
    }

    #[test]
    fn weighs_little_while_another_program_takes_it() {
        let report = judged(Program::Chrome, 0, until(NOW - 40 * DAY));
        let findings = said(&report);
        assert_eq!(findings[0].1, Weight::Weak);
        assert!(
            findings[0].0.says.contains("Chrome") && findings[0].0.says.ends_with("still taken by the overlay"),
            "{}",
            findings[0].0.says
        );
    }

    #[test]
    fn stays_silent_at_the_last_moment() {
        assert!(said(&judged(Program::Lab, 0, until(NOW - 30 * DAY))).is_empty());
    }

    #[test]
    fn a_certificate_older_than_a_program_takes_is_a_note() {
        let set = OverlayConditions { not_before_from: Some(NOW - 10 * DAY), ..OverlayConditions::default() };
        let report = judged(Program::Lab, 0, vec![set]);
        assert_eq!((said(&report)[0].1, said(&report)[0].2), (Weight::Note, "ended"));
    }

    #[test]
    fn the_time_of_scts_is_a_clock_of_its_own() {
        let report = judged(Program::Lab, 0, vec![logged_until(NOW - 31 * DAY)]);
        let findings = said(&report);
        assert_eq!((findings[0].1, findings[0].2), (Weight::Strong, "sct-time"));
        assert!(said(&judged(Program::Lab, 0, vec![logged_until(NOW - 30 * DAY)])).is_empty());
    }

    #[test]
    fn one_sct_in_time_is_enough() {
        let mut lab = Lab::new();
        lab.constrain(Program::Lab, 0, vec![logged_until(NOW - 31 * DAY)]);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged_at(&[NOW - 32 * DAY, NOW - 30 * DAY])]);
        assert!(said(&report).is_empty());
    }

    #[test]
    fn a_forged_sct_proves_no_time() {
        let mut lab = Lab::new();
        lab.constrain(Program::Lab, 0, vec![logged_until(NOW - 30 * DAY)]);
        let site = lab.site("www.bank.example").issued_by(&lab.disclosed);
        assert!(said(&lab.judge(&[site.logged_by(Logs::Forged)])).is_empty());
        lab.overlay.constraints[0].any_of = vec![logged_until(NOW - 40 * DAY)];
        let site = lab.site("www.bank.example").issued_by(&lab.disclosed);
        assert!(said(&lab.judge(&[site.logged_by(Logs::Forged)])).is_empty());
    }

    #[test]
    fn without_any_sct_the_time_of_scts_is_not_known() {
        let mut lab = Lab::new();
        lab.constrain(Program::Lab, 0, vec![logged_until(NOW - 31 * DAY)]);
        assert!(said(&lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)])).is_empty());
    }

    #[test]
    fn conditions_bind_together_and_alternatives_free() {
        let both = OverlayConditions { not_before_until: Some(NOW), sct_until: Some(NOW - 60 * DAY), ..OverlayConditions::default() };
        assert_eq!(said(&judged(Program::Lab, 0, vec![both.clone()])).len(), 1);
        assert!(said(&judged(Program::Lab, 0, vec![both, logged_until(NOW)])).is_empty());
    }

    #[test]
    fn a_rule_does_not_speak_of_a_time_before_it() {
        assert!(said(&judged(Program::Lab, NOW + 1, until(0))).is_empty());
        assert_eq!(said(&judged(Program::Lab, NOW, until(0))).len(), 1);
    }

    #[test]
    fn an_exempt_key_on_the_path_frees_it() {
        let mut lab = Lab::new();
        lab.constrain(Program::Lab, 0, until(0));
        let exempt = lab.disclosed.spki_sha256();
        lab.overlay.constraints[0].exempt = vec![exempt];
        assert!(said(&lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()])).is_empty());
        assert_eq!(said(&lab.judge(&[lab.site("www.bank.example").issued_by(&lab.sister).logged()])).len(), 1);
    }

    #[test]
    fn a_rule_on_an_anchor_does_not_bind_the_same_key_below_another() {
        let mut lab = Lab::new();
        lab.constrain(Program::Lab, 0, until(0));
        let issuer = lab.disclosed.spki_sha256();
        lab.overlay.constraints[0].keys = vec![issuer];
        assert!(said(&lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)])).is_empty());
        lab.overlay.constraints[0].anywhere = true;
        assert_eq!(said(&lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)])).len(), 1);
    }

    #[test]
    fn an_old_certificate_kept_after_trust_ended_is_a_note() {
        let nothing = OverlayConditions { allowed: Some(Vec::new()), ..OverlayConditions::default() };
        let report = judged(Program::Lab, NOW - DAY, vec![nothing]);
        let findings = said(&report);
        assert_eq!((findings[0].1, findings[0].2), (Weight::Note, "ended"));
        assert!(findings[0].0.says.contains("any more, since 2026-11-23"), "{}", findings[0].0.says);
    }

    #[test]
    fn a_new_certificate_after_trust_ended_is_past_the_date_all_the_same() {
        let nothing = OverlayConditions { allowed: Some(Vec::new()), not_before_until: Some(0), ..OverlayConditions::default() };
        let report = judged(Program::Lab, NOW - DAY, vec![nothing]);
        let kinds: Vec<_> = said(&report).iter().map(|(_, weight, kind)| (*weight, *kind)).collect();
        assert_eq!(kinds, [(Weight::Strong, "not-before"), (Weight::Note, "ended")]);
    }

    #[test]
    fn a_local_anchor_that_a_program_blocks_is_a_note() {
        let mut lab = Lab::new();
        lab.constrain(Program::Chrome, 0, vec![OverlayConditions { allowed: Some(Vec::new()), ..OverlayConditions::default() }]);
        let local = lab.local.spki_sha256();
        lab.overlay.constraints[0].keys = vec![local];
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert_eq!(said(&report)[0].1, Weight::Note);
    }

    #[test]
    fn says_it_could_not_look_where_the_issuers_are_not_shown() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).leaf_only()]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
