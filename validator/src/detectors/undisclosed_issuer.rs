//! `undisclosed-issuer`: a certificate came without its issuer, and no key that was disclosed signed it.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::unseen::Signer;

pub(super) const DETECTOR: Detector = Detector {
    id: "undisclosed-issuer",
    summary: "a certificate came without its issuer, and no key that root programs were told of signed it",
    shows: "Every CA that may issue for servers is disclosed with its key. The signature tells whose key it was, whatever name \
            stands beside it: `no-disclosed-issuer-of-that-name` is a local or unknown authority, `name-without-key` one \
            that borrows the name of another.",
    cannot_tell: "Whether this machine was told to trust that issuer. A CA disclosed after our table's date looks undisclosed: \
                  for a certificate younger than the table, and for one from before there was disclosure, it weighs little; \
                  unless the certificate claims to be new and no log ever saw it, which no browser takes from a public CA.",
    sources: &[
        "Mozilla Root Store Policy 3.1 §5.3.2: disclosed in the CCADB within 7 days and before issuing",
        "RFC 5280 §4.1.1.3, §4.2.1.1: the signature decides, the key identifier is a hint",
        "in 2015: Mozilla CA Certificate Inclusion Policy 2.2 §8-10; BR 1.2 §9.7",
    ],
    needs: &[Facet::EndEntity, Facet::IssuerTable, Facet::IssuerKeys],
    question: Question::Each(examine),
};

/// How long a CA has to disclose a new subordinate CA (Mozilla Root Store Policy §5.3.2), in seconds.
const GRACE: i64 = 7 * 24 * 60 * 60;
/// 2016-07-01T00:00:00Z: until then CAs had time to disclose what they had (Mozilla's CA communication of
/// March 2016), and what expired before may never have been.
const DISCLOSURE_BEGAN: i64 = 1_467_331_200;
/// 2018-05-01T00:00:00Z: from then on Chrome takes no new certificate of a public CA without SCTs.
const LOGGING_BEGAN: i64 = 1_525_132_800;

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let Some(issuer) = &view.unseen_issuer else { return Vec::new() };
    let Signer::Unknown { named_like_one, known_until, .. } = issuer.signer else { return Vec::new() };
    let Some(certificate) = view.certificates.get(issuer.of) else { return Vec::new() };
    let (kind, says) = if named_like_one {
        ("name-without-key", "its issuer bears the name of a disclosed authority, and none of that authority's keys signed it")
    } else {
        ("no-disclosed-issuer-of-that-name", "no disclosed authority bears its issuer's name, and no disclosed key signed it")
    };
    let has_begun = view.at >= DISCLOSURE_BEGAN;
    let should_be_known = certificate.not_before.saturating_add(GRACE) < known_until;
    // Only end-entities are logged; a list of SCTs that nobody could verify is a claim, and enough to doubt.
    let claims_a_log = certificate.has_sct_list || !view.scts.operators.is_empty();
    let no_public_leaf = issuer.of == 0 && certificate.not_before >= LOGGING_BEGAN && !claims_a_log;
    let (weight, but) = if !has_begun {
        (Weight::Weak, "; what expired before 2016-07 may never have been disclosed")
    } else if should_be_known || no_public_leaf {
        (Weight::Strong, "")
    } else {
        (Weight::Weak, "; our table is older than it")
    };
    vec![DETECTOR.finding(weight, view, Some(view.place(issuer.of)), format!("{says}{but}")).of_kind(kind)]
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::DETECTOR;
    use crate::finding::{Facet, Finding, Place, Weight};
    use crate::report::Report;
    use crate::testing::{Authority, Lab, NOW, Site, below, speaks};
    use crate::verdict::Cause;

    const DAY: i64 = 86_400;

    fn judged(lab: &Lab, site: Site<'_>) -> Vec<Finding> {
        speaks(&lab.judge(&[site.leaf_only()]), DETECTOR.id).into_iter().cloned().collect()
    }

    fn kind(findings: &[Finding]) -> Option<&str> {
        findings.first()?.kind.as_deref()
    }

    /// A lab with a disclosed CA that signs with RSA.
    fn lab_with_rsa() -> (Lab, Authority) {
        let mut lab = Lab::new();
        let rsa = lab.disclosed.below_with("Lab RSA CA", KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap());
        lab.overlay.disclosed.push(rsa.der.clone().into());
        (lab, rsa)
    }

    #[test]
    fn speaks_of_a_lone_certificate_that_no_disclosed_key_signed() {
        let lab = Lab::new();
        let findings = judged(&lab, lab.site("www.bank.example").issued_by(&lab.undisclosed));
        assert_eq!((findings.len(), kind(&findings)), (1, Some("no-disclosed-issuer-of-that-name")));
        assert_eq!((findings[0].weight, findings[0].place), (Weight::Strong, Some(Place::Certificate(0))));
    }

    #[test]
    fn speaks_of_a_name_whose_keys_did_not_sign() {
        let (lab, rsa) = lab_with_rsa();
        for borrowed in [&lab.disclosed, &rsa] {
            let copy = borrowed.copied_by(&lab.unknown, KeyPair::generate().unwrap());
            let findings = judged(&lab, lab.site("www.bank.example").issued_by(&copy));
            assert_eq!((kind(&findings), findings[0].weight), (Some("name-without-key"), Weight::Strong));
        }
        let copy = rsa.copied_by(&lab.unknown, KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap());
        assert_eq!(kind(&judged(&lab, lab.site("www.bank.example").issued_by(&copy))), Some("name-without-key"));
    }

    #[test]
    fn stays_silent_about_a_disclosed_one_of_either_kind_of_key() {
        let (lab, rsa) = lab_with_rsa();
        for issuer in [&lab.disclosed, &rsa] {
            assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(issuer)), []);
        }
    }

    #[test]
    fn a_key_identifier_that_is_copied_proves_nothing() {
        let lab = Lab::new();
        let copy = lab.disclosed.copied_by(&lab.unknown, KeyPair::generate().unwrap()).claiming_the_key_of(&lab.disclosed);
        assert_eq!(kind(&judged(&lab, lab.site("www.bank.example").issued_by(&copy))), Some("name-without-key"));
    }

    #[test]
    fn stays_silent_where_the_issuer_is_seen_or_is_the_certificate_itself() {
        let lab = Lab::new();
        assert_eq!(judged(&lab, lab.self_signed_site("router.example")), []);
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&lab.local)), []);
    }

    #[test]
    fn a_chain_whose_intermediate_was_forgotten_is_asked_at_its_end() {
        let lab = Lab::new();
        let ends_at = |above: &Authority| {
            let issuer = below(above, "Lab Below CA", NOW - 900 * DAY, 3_000, |_| {});
            let report = lab.judge(&[lab.site("www.bank.example").issued_by(&issuer)]);
            speaks(&report, DETECTOR.id).into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(ends_at(&lab.disclosed), []);
        let findings = ends_at(&lab.undisclosed);
        assert_eq!((findings.len(), findings[0].place, findings[0].weight), (1, Some(Place::Certificate(1)), Weight::Strong));
    }

    #[test]
    fn a_certificate_younger_than_the_table_weighs_little_unless_no_log_saw_it() {
        let lab = Lab::new();
        let site = || lab.site("www.bank.example").issued_by(&lab.newborn).begun_before(DAY);
        assert_eq!(judged(&lab, site())[0].weight, Weight::Strong);
        assert_eq!(judged(&lab, site().logged())[0].weight, Weight::Weak);
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&lab.newborn).logged())[0].weight, Weight::Strong);
    }

    #[test]
    fn a_handshake_from_before_there_was_disclosure_weighs_little() {
        let lab = Lab::new();
        assert_eq!(judged(&lab, lab.site("www.bank.example").issued_by(&lab.undisclosed).in_2015())[0].weight, Weight::Weak);
    }

    #[test]
    fn the_logs_vouch_under_the_key_that_came_out_of_the_signature() {
        let lab = Lab::new();
        let evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged().leaf_only()]);
        let tables = lab.tables();
        let case = crate::case::Case::read(&evidence, &tables);
        assert_eq!(case.views[0].scts.operators.len(), 2);
        assert_eq!(case.views[0].known_issuer().unwrap().spki_sha256, lab.disclosed.spki_sha256());
        // A disclosed CA that is seen by its signature alone still signs for many without a word.
        let hosts = ["www.bank.example", "www.news.example"].map(|host| lab.site(host).issued_by(&lab.disclosed).logged().leaf_only());
        assert!(speaks(&lab.judge(&hosts), "one-issuer-many-operators").is_empty());
    }

    #[test]
    fn a_listed_key_is_known_by_its_signature_alone() {
        let lab = Lab::new();
        let judge = |issuer| lab.judge_without_anchors(&[lab.site("www.bank.example").issued_by(issuer).leaf_only()]);
        let report: Report = judge(&lab.leaked);
        assert_eq!(speaks(&report, "compromised-authority")[0].place, Some(Place::IssuerOf(0)));
        assert_eq!(report.verdict.cause, Cause::PublicAuthorityInterception);
        assert_eq!(speaks(&judge(&lab.product), "known-interception-key")[0].weight, Weight::Proven);
        assert_eq!(speaks(&judge(&lab.revoked), "revoked-authority")[0].weight, Weight::Strong);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_the_keys_to_try() {
        let (lab, rsa) = lab_with_rsa();
        let unknown = lab.unknown.below_with("Lab Unknown RSA CA", KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap());
        let missing = |issuer: &Authority| {
            let evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(issuer).leaf_only()]);
            let report = crate::judge(&evidence, &lab.tables().without_issuer_keys());
            report.hosts[0].could_not_look.iter().find(|missed| missed.detector == DETECTOR.id).map(|missed| missed.missing)
        };
        assert_eq!(missing(&unknown), Some(Facet::IssuerTable));
        // What an overlay discloses is here all the same, and a key that comes out of the signature needs no table.
        assert_eq!(missing(&rsa), None);
        assert_eq!(missing(&lab.undisclosed), None);
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == DETECTOR.id));
    }
}
