//! `outlives-its-issuer`: a certificate that is valid for longer than whoever signed it.

use crate::case::{Anchor, Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "outlives-its-issuer",
    summary: "a certificate valid for longer than its issuer",
    shows: "Its last days lie past those of every certificate we have of its issuer. Public CAs cut an end-entity short of that; \
            a box that mints from a template, under a key that is itself short-lived, does not.",
    cannot_tell: "A client that validates every certificate refuses the path only once the issuer has ended. \
                  Of CA certificates in the tables' source, one in eighty outlives all known of its issuer: those are only noted, and so \
                  is whatever lasts no longer than a day.",
    sources: &[
        "RFC 5280 §6.1.3 (each certificate is judged by its own dates)",
        "measured: 1 of 186 recorded real end-entities, by one second; 114 of 9,234 CA certificates",
    ],
    needs: &[Facet::EndEntity, Facet::Paths],
    question: Question::Each(examine),
};

/// How far past its issuer's end a certificate may last unnoticed, in seconds: some CAs count to the second, some to midnight.
const SLACK: i64 = 24 * 60 * 60;

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let ends = last_days_of_issuers(view);
    let outlives = |&(index, end): &(usize, i64)| {
        view.certificates
            .get(index)
            .is_some_and(|certificate| !certificate.is_self_issued() && certificate.not_after > end.saturating_add(SLACK))
    };
    let speak = |(index, end): (usize, i64)| {
        let days = view.certificates.get(index)?.not_after.saturating_sub(end) / SLACK;
        let says = format!("it is valid for {days} days longer than any certificate here of its issuer");
        let end_entity = view.place(index) == Place::Certificate(0);
        let (weight, kind) = if end_entity { (Weight::Weak, "end-entity") } else { (Weight::Note, "authority") };
        Some(DETECTOR.finding(weight, view, Some(view.place(index)), says).of_kind(kind))
    };
    ends.into_iter().filter(outlives).filter_map(speak).collect()
}

/// For each certificate that something here verifiably issued: the last second of the issuer that lasts longest.
fn last_days_of_issuers(view: &View<'_>) -> Vec<(usize, i64)> {
    let mut ends: Vec<(usize, i64)> = Vec::new();
    for path in &view.paths {
        let above = path.certificates.iter().skip(1).map(|&index| view.certificates.get(index).map(|issuer| issuer.not_after));
        let above = above.chain([view.anchor_of(path).map(Anchor::not_after)]);
        for (&index, end) in path.certificates.iter().zip(above) {
            let Some(end) = end else { continue };
            match ends.iter_mut().find(|(known, _)| *known == index) {
                Some((_, longest)) => *longest = end.max(*longest),
                None => ends.push((index, end)),
            }
        }
    }
    ends.sort_unstable();
    ends
}

#[cfg(test)]
mod tests {
    use super::DETECTOR;
    use crate::finding::Weight;
    use crate::testing::{Authority, Lab, NOW, below, root_for, speaks};

    const DAY: i64 = 86_400;

    #[test]
    fn speaks_of_an_end_entity_that_outlives_a_short_lived_issuer() {
        let lab = Lab::new();
        // Sites of the lab are minted for 600 days.
        let short = below(&lab.disclosed, "Short-lived", NOW - 10 * DAY, 40, |_| {});
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&short).with_extra(&lab.disclosed)]);
        let findings = speaks(&report, DETECTOR.id);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].weight, findings[0].kind.as_deref()), (Weight::Weak, Some("end-entity")));
    }

    #[test]
    fn a_ca_that_outlives_its_issuer_is_only_noted() {
        let lab = Lab::new();
        let short = below(&lab.disclosed, "Short-lived", NOW - 10 * DAY, 700, |_| {});
        let long = below(&short, "Long-lived", NOW - 10 * DAY, 900, |_| {}).sent_with(&short).sent_with(&lab.disclosed);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&long)]);
        let findings = speaks(&report, DETECTOR.id);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].weight, findings[0].kind.as_deref()), (Weight::Note, Some("authority")));
    }

    #[test]
    fn stays_silent_where_another_certificate_of_the_issuer_lasts_longer() {
        let lab = Lab::new();
        let (one, other) = (root_for("One", "One", 40 * 365), root_for("Other", "Other", 40 * 365));
        let short = below(&one, "Cross-signed", NOW - 10 * DAY, 40, |_| {});
        let long = short.cross_signed_by(&other);
        let long = long.changed_by(&other, |params| params.not_after += time::Duration::days(4_000));
        let mut evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&short).with_extra(&long)]);
        if let crate::evidence::Seen::Yes(anchors) = &mut evidence.surroundings.anchors {
            anchors.extend([&one, &other].map(Authority::as_machine_anchor));
        }
        let report = crate::judge(&evidence, &lab.tables());
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_one_that_ends_first_or_signs_itself() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
        let report = lab.judge(&[lab.self_signed_site("router.example")]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == DETECTOR.id));
    }
}
