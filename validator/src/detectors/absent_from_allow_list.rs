//! `absent-from-allow-list`: dated before an authority was distrusted, and not among what it said it had issued by then.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::programs::{Breach, Fault, names};

pub(super) const DETECTOR: Detector = Detector {
    id: "absent-from-allow-list",
    summary: "dated before its authority was distrusted, and on no list of what the authority had issued by then",
    shows: "CNNIC had to hand over a list of everything it had issued when Mozilla and Chrome stopped taking more. A certificate that \
            claims an earlier date and is not on the list was dated back, or was kept from the list.",
    cannot_tell: "Chrome's list of April 2015 is not in hand, only that of a year later. Clients of programs without such a list accept it.",
    sources: &[
        "Mozilla's list of 1,427 certificates of CNNIC, April 2015 (security/certverifier/CNNICHashWhitelist.inc)",
        "Chromium net/cert/cert_verify_proc_whitelist.cc, 2016-04-01",
        "https://blog.mozilla.org/security/2015/04/02/distrusting-new-cnnic-certificates/",
    ],
    needs: &[Facet::EndEntity, Facet::Paths, Facet::PublicPath],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let stands = view.stands(case.tables);
    let of_dates = |breach: &Breach| breach.faults.iter().any(Fault::is_of_dates);
    let unlisted: Vec<&Breach> = stands.breaches.iter().filter(|breach| breach.faults.contains(&Fault::Unlisted)).collect();
    let Some(first) = unlisted.first() else { return Vec::new() };
    // What is past the date by its own word needs no list to be refused; what had ended when the list was made was on none.
    let ended = |breach: &&Breach| view.end_entity().is_some_and(|end_entity| end_entity.not_after < breach.since);
    if stands.breaches.iter().any(of_dates) || unlisted.iter().all(ended) {
        return Vec::new();
    }
    let mut programs: Vec<_> = unlisted.iter().map(|breach| breach.program).collect();
    programs.dedup();
    let says =
        format!("dated before its authority was distrusted, and not on the list of what is still taken: {}", names(programs.into_iter()));
    vec![DETECTOR.finding(Weight::Strong, view, Some(first.place), says)]
}

#[cfg(test)]
mod tests {
    use crate::evidence::Sha256;
    use crate::finding::Weight;
    use crate::report::Report;
    use crate::tables::{OverlayConditions, Program};
    use crate::testing::{Lab, NOW, speaks};

    const DAY: i64 = 86_400;

    /// What is said of a certificate that began 30 days ago under a root whose list holds `allowed`.
    fn judged(allowed: impl FnOnce(&Report) -> Sha256, not_before_until: i64, from: i64) -> usize {
        let mut lab = Lab::new();
        let evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()]);
        let allowed = allowed(&crate::judge(&evidence, &lab.tables()));
        let set =
            OverlayConditions { not_before_until: Some(not_before_until), allowed: Some(vec![allowed]), ..OverlayConditions::default() };
        lab.constrain(Program::Chrome, from, vec![set]);
        let report = crate::judge(&evidence, &lab.tables());
        let findings = speaks(&report, super::DETECTOR.id);
        assert!(findings.iter().all(|finding| finding.weight == Weight::Strong));
        findings.len()
    }

    fn other(_: &Report) -> Sha256 {
        Sha256([7; 32])
    }

    #[test]
    fn speaks_of_a_certificate_that_is_not_on_the_list() {
        assert_eq!(judged(other, NOW, NOW - DAY), 1);
    }

    #[test]
    fn stays_silent_about_one_that_is() {
        assert_eq!(judged(|report| report.hosts[0].chain[0].sha256, NOW, NOW - DAY), 0);
    }

    #[test]
    fn stays_silent_about_one_that_is_past_the_date_by_its_own_word() {
        assert_eq!(judged(other, NOW - 31 * DAY, NOW - DAY), 0);
    }

    #[test]
    fn stays_silent_before_there_was_a_list() {
        assert_eq!(judged(other, NOW, NOW + 1), 0);
    }

    #[test]
    fn says_it_could_not_look_under_a_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
