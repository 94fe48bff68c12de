//! `impersonated-authority`: somebody bears the name of a public authority and does not hold its key.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::evidence::Sha256;
use crate::finding::{Facet, Finding, Place, Weight};
use crate::tables::Likeness;
use crate::unseen::Signer;

pub(super) const DETECTOR: Detector = Detector {
    id: "impersonated-authority",
    summary: "an issuer bears the name of a public authority, and its key was never that authority's",
    shows: "Two parties do not come by the same organisation and common name by chance. Names of real CAs on anchors that were put \
            into trust stores are what hid a whole ecosystem of such roots from their users in 2021.",
    cannot_tell: "Whether the authority itself took a new key under its old name after our table's date; a certificate younger than \
                  the table weighs little. Who made the copy. Private CAs may carry the very name their owner's public CA has.",
    sources: &[
        "\"Rusted Anchors: A National Client-Side View of Hidden Root CAs in the Web PKI Ecosystem\", ACM CCS 2021",
        "RFC 5280 §7.1: names compare without regard to case, string type and white space",
    ],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

/// How long a CA has to disclose a new certificate (Mozilla Root Store Policy §5.3.2), in seconds.
const GRACE: i64 = 7 * 24 * 60 * 60;

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let mut findings = certificates(case, view);
    findings.extend(anchors(case, view));
    findings.extend(unseen(view));
    findings
}

/// Every certificate on a path that signs another one, or says it may.
fn certificates(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let signs = |index: &usize| *index != 0 || view.end_entity().is_some_and(|certificate| certificate.is_ca);
    let mut on_paths: Vec<usize> = view.paths.iter().flat_map(|path| path.certificates.iter().copied()).filter(signs).collect();
    on_paths.sort_unstable();
    on_paths.dedup();
    let speak = |index: usize| {
        let ca = view.certificates.get(index)?;
        let copied = is_copy(case, ca.subject, ca.spki, &ca.spki_sha256);
        copied.then(|| finding(view, view.place(index), is_old(case, ca.not_before), BEARS).of_kind("certificate"))
    };
    on_paths.into_iter().filter_map(speak).collect()
}

fn anchors<'v>(case: &'v Case<'_>, view: &'v View<'_>) -> impl Iterator<Item = Finding> + use<'v> {
    let copies = view
        .anchors
        .iter()
        .enumerate()
        .filter(|(_, anchor)| anchor.is_local() && is_copy(case, anchor.subject(), anchor.spki(), &anchor.spki_sha256));
    copies.map(|(index, anchor)| finding(view, Place::Anchor(index), is_old(case, anchor.not_before()), BEARS).of_kind("anchor"))
}

/// An issuer that is known by nothing but its name and its signature.
fn unseen(view: &View<'_>) -> Option<Finding> {
    let issuer = view.unseen_issuer.as_ref()?;
    let Signer::Unknown { named_like_one: true, known_until, .. } = issuer.signer else { return None };
    let certificate = view.certificates.get(issuer.of)?;
    let has_organisation = Likeness::of(certificate.issuer)?.has_organisation;
    let is_old = certificate.not_before.saturating_add(GRACE) < known_until;
    let says = "the issuer it names is a public authority, and none of that authority's keys signed it";
    has_organisation.then(|| finding(view, view.unseen_place(issuer.of), is_old, says).of_kind("issuer-name"))
}

/// Whether a name reads like a public authority's and the key was never disclosed nor an anchor's.
fn is_copy(case: &Case<'_>, subject: &[u8], spki: &[u8], spki_sha256: &Sha256) -> bool {
    let reads_alike = Likeness::of(subject).is_some_and(|name| name.has_organisation && case.tables.is_authority_name(name));
    reads_alike && case.tables.key_standing(spki_sha256).is_none() && !case.tables.is_anchor_key(spki)
}

fn is_old(case: &Case<'_>, not_before: i64) -> bool {
    not_before.saturating_add(GRACE) < case.tables.disclosure_date()
}

/// 2016-07-01T00:00:00Z: until then CAs had time to disclose what they had (Mozilla's CA communication of March 2016).
const DISCLOSURE_BEGAN: i64 = 1_467_331_200;
const BEARS: &str = "it bears the name of a public authority, and its key was never that authority's";

fn finding(view: &View<'_>, place: Place, is_old: bool, says: &str) -> Finding {
    let (weight, but) = if view.at < DISCLOSURE_BEGAN {
        (Weight::Weak, "; but keys of before 2016-07 may never have been disclosed")
    } else if is_old {
        (Weight::Strong, "")
    } else {
        (Weight::Weak, ", up to the date of our table, which is older than it")
    };
    DETECTOR.finding(weight, view, Some(place), format!("{says}{but}"))
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::DETECTOR;
    use crate::evidence::Seen;
    use crate::finding::{Finding, Place, Weight};
    use crate::testing::{Authority, Lab, Site, speaks};

    fn judged(lab: &Lab, site: Site<'_>, added: &[&Authority]) -> Vec<Finding> {
        let mut evidence = lab.evidence(&[site]);
        if let Seen::Yes(anchors) = &mut evidence.surroundings.anchors {
            anchors.extend(added.iter().map(|authority| authority.as_machine_anchor()));
        }
        speaks(&crate::judge(&evidence, &lab.tables()), DETECTOR.id).into_iter().cloned().collect()
    }

    fn key() -> KeyPair {
        KeyPair::generate().unwrap()
    }

    #[test]
    fn speaks_of_a_certificate_that_borrows_a_name() {
        let lab = Lab::new();
        let copy = lab.disclosed.copied_by(&lab.local, key());
        let findings = judged(&lab, lab.site("www.bank.example").issued_by(&copy), &[]);
        assert_eq!((findings.len(), findings[0].place), (1, Some(Place::Certificate(1))));
        assert_eq!((findings[0].kind.as_deref(), findings[0].weight), (Some("certificate"), Weight::Strong));
    }

    #[test]
    fn speaks_of_a_local_anchor_that_borrows_a_name_in_other_letters() {
        let lab = Lab::new();
        let copy = lab.disclosed.renamed("LAB  Disclosed-CA", "lab sub").copied_by(&lab.unknown, key());
        let findings = judged(&lab, lab.site("www.bank.example").issued_by(&copy).leaf_only(), &[&copy]);
        assert_eq!((findings.len(), findings[0].place), (1, Some(Place::Anchor(0))));
        assert_eq!(findings[0].kind.as_deref(), Some("anchor"));
    }

    #[test]
    fn speaks_of_a_name_on_a_certificate_that_came_alone() {
        let lab = Lab::new();
        let copy = lab.disclosed.copied_by(&lab.unknown, key());
        let findings = judged(&lab, lab.site("www.bank.example").issued_by(&copy).leaf_only(), &[]);
        assert_eq!((findings[0].kind.as_deref(), findings[0].place), (Some("issuer-name"), Some(Place::IssuerOf(0))));
    }

    #[test]
    fn stays_silent_about_the_authority_itself_and_its_cross_certificates() {
        let lab = Lab::new();
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&lab.disclosed), &[]), []);
        let twin = lab.disclosed.cross_signed_by(&lab.unknown);
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&twin), &[&lab.unknown]), []);
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&lab.disclosed).leaf_only(), &[&twin]), []);
    }

    #[test]
    fn stays_silent_about_a_second_key_of_the_same_name_that_is_disclosed_too() {
        let mut lab = Lab::new();
        let second = lab.disclosed.copied_by(&lab.other_owner, key());
        lab.overlay.disclosed.push(second.der.clone().into());
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&second), &[]), []);
    }

    #[test]
    fn stays_silent_about_names_that_are_only_similar_or_have_no_owner() {
        let lab = Lab::new();
        let similar = lab.disclosed.renamed("Lab Disclosed CA 2", "Lab Sub").copied_by(&lab.unknown, key());
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&similar), &[&similar]), []);
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&lab.local), &[]), []);
    }

    #[test]
    fn a_copy_younger_than_the_table_weighs_little() {
        let lab = Lab::new();
        let young = lab.newborn.renamed("Lab Disclosed CA", "Lab Sub").copied_by(&lab.local, key());
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&young), &[])[0].weight, Weight::Weak);
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == DETECTOR.id));
    }
}
