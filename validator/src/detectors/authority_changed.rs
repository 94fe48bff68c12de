//! `authority-changed`: another authority than on the network that the user vouched for.

use crate::case::{Case, View, VouchedBy};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "authority-changed",
    summary: "none of the authorities that were recorded for this host on a trusted network vouches for it here",
    shows: "On a network that the user vouches for, or to an observer elsewhere, this host was vouched for by other authorities. Sets of \
            authorities are compared, never certificates: those change all the time.",
    cannot_tell: "Operators change their CA, and the longer ago the record, the likelier. Under a public authority it is worth a second \
                  look and no more.",
    sources: &["Wendlandt et al., Perspectives, USENIX ATC 2008; what ended it: leaf keys compared, and false alarms"],
    needs: &[Facet::EndEntity, Facet::Control],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let remembered: Vec<_> = case.remembered(view).filter(|memory| !memory.authorities.is_empty()).collect();
    let vouched = view.vouched_by();
    let same_owner = |owners: &[String]| match &vouched {
        VouchedBy::Public(now) => owners.iter().any(|owner| now.contains(owner.as_str())),
        VouchedBy::Local | VouchedBy::Untold | VouchedBy::Nobody => false,
    };
    let known = |keys: &[crate::evidence::Sha256]| view.authorities_on_paths().any(|key| keys.contains(&key));
    if remembered.is_empty()
        || vouched == VouchedBy::Untold
        || remembered.iter().any(|memory| known(&memory.authorities) || same_owner(&memory.owners))
    {
        return Vec::new();
    }
    let before: Vec<&str> = remembered.iter().flat_map(|memory| memory.owners.iter().map(String::as_str)).collect();
    let before = if before.is_empty() { "other authorities".to_owned() } else { before.join(", ") };
    // An anchor that was added is no accident; a public authority, or a certificate nobody vouches for, may be the operator's.
    let weight = if vouched == VouchedBy::Local { Weight::Strong } else { Weight::Weak };
    let says = format!("vouched for by {}, where it was recorded under {before}", vouched.text());
    vec![DETECTOR.finding(weight, view, view.issuer_place(), says)]
}

#[cfg(test)]
mod tests {
    use crate::evidence::{Features, Host, Remembered, RememberedFrom, Seen, Sha256};
    use crate::finding::Weight;
    use crate::report::Report;
    use crate::testing::{Authority, Lab, NOW, speaks};

    const HOST: &str = "www.bank.example";

    fn judged(lab: &Lab, issuer: &Authority, authorities: Vec<Sha256>, owners: &[&str]) -> Report {
        let mut evidence = lab.evidence(&[lab.site(HOST).issued_by(issuer)]);
        evidence.surroundings.remembered = Seen::Yes(vec![Remembered {
            host: Host::parse(HOST).unwrap(),
            port: 443,
            from: RememberedFrom::Baseline,
            at: u64::try_from(NOW).unwrap() - 86_400,
            authorities,
            owners: owners.iter().map(|&owner| owner.to_owned()).collect(),
            features: Features::default(),
        }]);
        crate::judge(&evidence, &lab.tables())
    }

    #[test]
    fn speaks_of_another_authority() {
        let lab = Lab::new();
        let before = || vec![lab.disclosed.spki_sha256()];
        let report = judged(&lab, &lab.local, before(), &["Lab Trust One"]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
        for issuer in [&lab.other_owner, &lab.unknown] {
            let report = judged(&lab, issuer, before(), &["Lab Trust One"]);
            assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Weak);
        }
    }

    #[test]
    fn stays_silent_about_the_same_key_and_about_another_ca_of_the_same_owner() {
        let lab = Lab::new();
        let report = judged(&lab, &lab.disclosed, vec![lab.disclosed.spki_sha256()], &[]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
        let report = judged(&lab, &lab.sister, vec![lab.disclosed.spki_sha256()], &["Lab Trust One"]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_record() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(HOST).issued_by(&lab.disclosed)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
