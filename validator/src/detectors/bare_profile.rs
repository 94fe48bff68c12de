//! `bare-profile`: a public authority's certificate lacks what every public CA must put in.

use crate::case::{Case, View};
use crate::chain::Certificate;
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "bare-profile",
    summary: "under a public anchor, the end-entity lacks what the rules of its day oblige public CAs to put in",
    shows: "Public CAs issue by machine and by rule: where to ask whether it is revoked, under which policy, for which purpose. \
            Software that mints for interception leaves most of that out, because no client of its own asks for it.",
    cannot_tell: "A CA that breaks its rules looks alike, so one lapse is a note and two are weak. Before 2012-07-01 there were no such \
                  rules; a box that copies the origin's extensions, or adds its own, passes.",
    sources: &[
        "Baseline Requirements §7.1.2.7.6 (extensions of subscriber certificates; before 2023-09-15 §7.1.2.3, before 2015 Appendix B)",
        "Baseline Requirements §7.1 (64 bits in serial numbers, from 2016-09-30), §6.3.2 (validity), §7.1.2.11.2 (revocation)",
        "RFC 5280 §4.2.1.1 (authority key identifier)",
        "measured: what ten interceptors left out in our laboratory",
    ],
    needs: &[Facet::EndEntity, Facet::PublicPath],
    question: Question::Each(examine),
};

/// How many lapses decide.
const DECISIVE: usize = 3;

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    // A CA's own certificate in this place is another question; its rules are others.
    let Some(end_entity) = view.end_entity().filter(|certificate| !certificate.is_ca) else { return Vec::new() };
    let lapses = lapses(end_entity, view.at);
    let weight = match lapses.len() {
        0 => return Vec::new(),
        1 => Weight::Note,
        2..DECISIVE => Weight::Weak,
        _ => Weight::Strong,
    };
    let says = format!("it lacks what public CAs had to put in when it began: {}", lapses.join(", "));
    vec![DETECTOR.finding(weight, view, Some(Place::Certificate(0)), says)]
}

/// What a certificate lacks of what the rules asked when it began, seen at a time.
fn lapses(end_entity: &Certificate<'_>, at: i64) -> Vec<&'static str> {
    // Nothing of a public CA lives for ten years: what claims to be older than that is held to the rules all the same.
    let issued = end_entity.not_before.max(at.saturating_sub(TEN_YEARS));
    DUTIES.iter().filter(|duty| issued >= duty.from && (duty.lapsed)(end_entity, issued)).map(|duty| duty.lapse).collect()
}

/// What the rules ask of a subscriber certificate, and from when.
struct Duty {
    /// What is amiss, for people.
    lapse: &'static str,
    /// The first notBefore it holds for, UNIX seconds.
    from: i64,
    /// Whether a certificate issued then falls short of it.
    lapsed: fn(&Certificate<'_>, i64) -> bool,
}

const DUTIES: [Duty; 8] = [
    Duty { lapse: "no authority information access", from: BASELINE, lapsed: |c, _| !c.shape.extensions.has("AIA") },
    Duty { lapse: "no way to ask whether it is revoked", from: BASELINE, lapsed: no_revocation },
    Duty { lapse: "no certificate policy", from: BASELINE, lapsed: |c, _| c.shape.policies == 0 },
    Duty { lapse: "no extended key usage", from: BASELINE, lapsed: |c, _| c.purposes.is_none() },
    Duty { lapse: "no subject alternative name", from: BASELINE, lapsed: |c, _| !c.shape.alternative_names },
    Duty { lapse: "no authority key identifier", from: BASELINE, lapsed: |c, _| !c.shape.extensions.has("AKI") },
    Duty { lapse: "a serial number too short to be random", from: ENTROPY, lapsed: |c, _| c.serial_bits() < LEAST_SERIAL_BITS },
    Duty { lapse: "a longer life than was allowed", from: BASELINE, lapsed: |c, issued| c.validity_days() > longest_life(issued) },
];

/// BR §7.1.2.11.2: a CRL, unless OCSP is there or the certificate is short-lived; before that OCSP, for which a CRL is let pass here.
fn no_revocation(certificate: &Certificate<'_>, issued: i64) -> bool {
    let short_life = match issued {
        SEVEN_DAYS_ARE_SHORT.. => 7,
        TEN_DAYS_ARE_SHORT..SEVEN_DAYS_ARE_SHORT => 10,
        _ => 0,
    };
    !certificate.shape.ocsp && !certificate.shape.crl && certificate.validity_days() > short_life
}

/// The longest validity in days, by BR §6.3.2 at a time; months as long as months can be.
fn longest_life(issued: i64) -> i64 {
    LIVES.iter().rev().find(|(from, _)| issued >= *from).map_or(i64::MAX, |(_, days)| *days)
}

const TEN_YEARS: i64 = 3_653 * 86_400;
/// 2012-07-01: the Baseline Requirements take effect.
const BASELINE: i64 = 1_341_100_800;
/// 2016-09-30: at least 64 bits of a CSPRNG in every serial number (BR §7.1).
const ENTROPY: i64 = 1_475_193_600;
/// Of 64 random bits, seven leading zeros come once in 128 certificates, eight once in 256: no shorter number is an accident one meets.
const LEAST_SERIAL_BITS: usize = 56;
/// 2024-03-15 and 2026-03-15: what counts as short-lived (BR §1.6.1).
const TEN_DAYS_ARE_SHORT: i64 = 1_710_460_800;
const SEVEN_DAYS_ARE_SHORT: i64 = 1_773_532_800;
/// 60 and 39 months; then 825, 398, 200, 100 and 47 days, each from its day on.
const LIVES: [(i64, i64); 7] = [
    (BASELINE, 1_827),
    (1_427_846_400, 1_188),
    (1_519_862_400, 825),
    (1_598_918_400, 398),
    (SEVEN_DAYS_ARE_SHORT, 200),
    (1_805_068_800, 100),
    (1_868_227_200, 47),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::evidence::Seen;
    use crate::testing::{Lab, NOW, minted_like, speaks};

    /// Extensions, days, bits of the serial number as ten interceptors and one origin made them in our laboratory, and the lapses in it.
    const MEASURED: [(&str, &str, i64, usize, usize); 11] = [
        ("haproxy", "BC,NScomment,SKI,AKI,KU,SAN", 366, 25, 6),
        ("http-mitm-proxy", "BC,KU,EKU,NScertType,SKI,SAN", 366, 127, 5),
        ("hudsucker", "AKI,SAN,!KU,EKU", 365, 62, 4),
        ("mitmproxy", "EKU,SAN,AKI,CRLDP", 199, 159, 2),
        ("mockttp", "!BC,!KU,EKU,SAN,CP,AKI", 45, 132, 2),
        ("proxy.py", "SAN,SKI,AKI", 730, 48, 6),
        ("squid", "SAN,!KU,EKU,!BC,AKI", 90, 159, 3),
        ("sslsplit", "SKI,AKI,!BC,KU,EKU,SAN", 365, 123, 4),
        ("trafficserver", "", 3650, 3, 8),
        ("the origin", "!KU,EKU,!BC,SKI,AKI,AIA,CRLDP,SAN,CP,SCT", 90, 123, 0),
        ("a public CA without OCSP", "!KU,EKU,!BC,AKI,AIA,SAN,CP,CRLDP,SCT", 199, 127, 0),
    ];

    #[test]
    fn speaks_clearly_of_a_bare_certificate_under_a_public_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.undisclosed).bare()]);
        let found = speaks(&report, DETECTOR.id);
        assert_eq!(found[0].weight, Weight::Strong);
        assert!(found[0].says.contains("no authority information access") && found[0].says.contains("no certificate policy"));
    }

    #[test]
    fn stays_silent_about_one_that_has_what_public_cas_put_in() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).living(199)]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn tells_what_real_interceptors_leave_out() {
        for (who, extensions, days, serial_bits, expected) in MEASURED {
            let der = minted_like(extensions, NOW - 86_400, days * 86_400, serial_bits);
            let lapses = lapses(&Certificate::read(&der).unwrap(), NOW);
            assert_eq!(lapses.len(), expected, "{who}: {lapses:?}");
        }
    }

    #[test]
    fn a_claim_to_be_older_than_the_rules_does_not_help() {
        // From 2011, for twenty years.
        let der = minted_like("SAN", 1_300_000_000, 7_305 * 86_400, 128);
        assert!(lapses(&Certificate::read(&der).unwrap(), NOW).len() >= DECISIVE);
        assert!(lapses(&Certificate::read(&der).unwrap(), 1_310_000_000).is_empty());
    }

    #[test]
    fn a_short_lived_certificate_needs_no_revocation() {
        let lacks = |extensions: &str, begin: i64, days: i64| {
            let der = minted_like(extensions, begin, days * 86_400 - 1, 128);
            lapses(&Certificate::read(&der).unwrap(), begin)
        };
        assert!(lacks("AKI,SAN,EKU,CP,AIA", NOW, 90).is_empty());
        let without = |begin, days| lacks("AKI,SAN,EKU,CP", begin, days).contains(&"no way to ask whether it is revoked");
        assert!(!without(NOW, 7) && without(NOW, 8));
        assert!(!without(1_720_000_000, 10) && without(1_720_000_000, 11));
        assert!(without(1_700_000_000, 7));
    }

    #[test]
    fn one_lapse_is_worth_a_note_only() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).living(300)]);
        let found = speaks(&report, DETECTOR.id);
        assert_eq!((found.len(), found[0].weight), (1, Weight::Note));
        assert!(found[0].says.ends_with(": a longer life than was allowed"), "{}", found[0].says);
    }

    #[test]
    fn stays_silent_about_a_cas_own_certificate() {
        let lab = Lab::new();
        let mut evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.undisclosed).bare()]);
        if let Seen::Yes(chain) = &mut evidence.observations[0].chain {
            chain.certificates.remove(0);
        }
        let report = crate::judge(&evidence, &lab.tables());
        assert!(speaks(&report, DETECTOR.id).is_empty());
        assert!(report.hosts[0].could_not_look.iter().all(|missed| missed.detector != DETECTOR.id));
    }

    #[test]
    fn holds_a_certificate_to_the_rules_of_its_day() {
        let lab = Lab::new();
        // 600 days were allowed in 2015.
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).in_2015()]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_under_a_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local).bare()]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == DETECTOR.id));
    }

    #[test]
    fn the_longest_life_is_that_of_the_day() {
        for (issued, days) in [
            (BASELINE - 1, i64::MAX),
            (BASELINE, 1_827),
            (1_519_862_399, 1_188),
            (1_598_918_400, 398),
            (SEVEN_DAYS_ARE_SHORT - 1, 398),
            (SEVEN_DAYS_ARE_SHORT, 200),
            (2_000_000_000, 47),
        ] {
            assert_eq!(longest_life(issued), days, "{issued}");
        }
    }
}
