//! `sct-invalid`: SCTs came, and they do not amount to what browsers ask for.

use crate::case::{Case, SCT_AHEAD, SctWorth, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "sct-invalid",
    summary: "SCTs that no log signed, or too few that count",
    shows: "An SCT is a log's signature over this very certificate. Whoever copies one from another certificate, or makes one up, \
            has a certificate that no log has seen: it was not meant to be found.",
    cannot_tell: "A log that is younger than our list is unknown to us, and a certificate that a browser's own policy exempts needs no \
                  SCT. Good SCTs are no proof of innocence: an intruder at a CA can log what it mints.",
    sources: &[
        "RFC 6962 §3.2: the log signs the certificate's contents and its issuer's key",
        "Chrome's and Apple's CT policies: two SCTs of two operators, since 2022-04-15",
    ],
    needs: &[Facet::EndEntity, Facet::PublicPath, Facet::Scts],
    question: Question::Each(examine),
};

/// How long, in seconds, a log is sure to stay on the list after its last certificate: a year.
const LOGS_STAY: i64 = 365 * 24 * 60 * 60;
/// 2022-04-15T00:00:00Z: from here on browsers ask for logs of two operators.
const TWO_OPERATORS_FROM: i64 = 1_649_980_800;

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    if view.is_logged() {
        return Vec::new();
    }
    let speak = |weight, kind: &str, says: &str| vec![DETECTOR.finding(weight, view, Some(Place::Certificate(0)), says).of_kind(kind)];
    let worth = |wanted: SctWorth| view.scts.each.iter().filter(|sct| sct.worth == wanted).count();
    let ahead = view.scts.each.iter().filter_map(|sct| sct.at).any(|at| at > view.at.saturating_add(SCT_AHEAD));
    let (good, forged) = (worth(SctWorth::Good), worth(SctWorth::Forged));
    if ahead {
        return speak(Weight::Strong, "from-the-future", "an SCT in it bears a time after the handshake");
    }
    if forged > 0 && good == 0 {
        return speak(Weight::Strong, "forged", "the logs that its SCTs name did not sign it");
    }
    if forged > 0 {
        return speak(Weight::Weak, "forged", "a log that one of its SCTs names did not sign it");
    }
    if worth(SctWorth::NotAsked) > 0 && good == 0 {
        return Vec::new();
    }
    // Lists drop logs that are gone for long: of an old handshake, an unknown log tells nothing.
    let is_old = view.at < case.tables.ct_logs_date().saturating_sub(LOGS_STAY);
    if good == 0 && is_old {
        return speak(Weight::Note, "long-ago", "its SCTs are of logs that have left the list since, or were never on it");
    }
    let two_are_asked_for = view.end_entity().is_some_and(|certificate| certificate.not_before >= TWO_OPERATORS_FROM);
    let says = if good == 0 && worth(SctWorth::LogDoesNotCount) > 0 {
        "its SCTs are of logs that do not count for it"
    } else if good == 0 && worth(SctWorth::UnknownLog) > 0 {
        "its SCTs are of logs that we do not know"
    } else if good == 0 {
        "its SCTs cannot be read"
    } else if two_are_asked_for {
        "the SCTs that count are of one operator"
    } else {
        return Vec::new();
    };
    speak(Weight::Weak, if good == 0 { "none-counts" } else { "one-operator" }, says)
}

#[cfg(test)]
mod tests {
    use crate::evidence::{Bytes, Seen};
    use crate::finding::Weight;
    use crate::testing::{Lab, Logs, speaks, staple};

    fn said(logs: Logs) -> Option<(Weight, String)> {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged_by(logs)]);
        let findings = speaks(&report, super::DETECTOR.id);
        findings.first().map(|finding| (finding.weight, finding.kind.clone().unwrap_or_default()))
    }

    #[test]
    fn speaks_of_scts_that_no_log_signed() {
        assert_eq!(said(Logs::Forged), Some((Weight::Strong, "forged".to_owned())));
    }

    #[test]
    fn speaks_of_scts_from_after_the_handshake() {
        assert_eq!(said(Logs::Later), Some((Weight::Strong, "from-the-future".to_owned())));
    }

    #[test]
    fn speaks_softly_of_unknown_logs_and_of_too_few_operators() {
        assert_eq!(said(Logs::Unknown), Some((Weight::Weak, "none-counts".to_owned())));
        assert_eq!(said(Logs::One), Some((Weight::Weak, "one-operator".to_owned())));
    }

    #[test]
    fn stays_silent_about_two_operators() {
        assert_eq!(said(Logs::Two), None);
    }

    #[test]
    fn counts_what_the_handshake_and_the_staple_deliver() {
        let lab = Lab::new();
        let site = || lab.site("www.bank.example").issued_by(&lab.disclosed).logged_by(Logs::One);
        let list = |observation: &crate::evidence::Observation| lab.delivered(observation, 1);
        let by_tls = lab.judge(&[site().seen(|observation| observation.scts = Seen::Yes(vec![Bytes::from(list(observation))]))]);
        assert!(speaks(&by_tls, super::DETECTOR.id).is_empty());
        let by_staple = lab.judge(&[site().seen(|observation| {
            observation.ocsp_staple = Seen::Yes(Bytes::from(staple(&[list(observation)])));
        })]);
        assert!(speaks(&by_staple, super::DETECTOR.id).is_empty());
        let without = lab.judge(&[site().seen(|observation| observation.ocsp_staple = Seen::Yes(Bytes::from(staple(&[]))))]);
        assert_eq!(speaks(&without, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn says_it_could_not_look_where_no_sct_came() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
