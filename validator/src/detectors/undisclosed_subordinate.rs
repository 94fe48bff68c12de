//! `undisclosed-subordinate`: a CA that nobody constrained and nobody disclosed.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};
use crate::paths::Path;
use crate::profile;
use crate::tables::Disclosure;

pub(super) const DETECTOR: Detector = Detector {
    id: "undisclosed-subordinate",
    summary: "a subordinate CA that is neither technically constrained nor disclosed",
    shows: "Whoever holds this CA's key can issue for any name, every client accepts it, and no root program was told. \
            In 2015 CNNIC gave such a CA to MCS, who put its key into a firewall.",
    cannot_tell: "A CA disclosed after our table's date looks undisclosed: one younger than the table weighs little by itself, \
                  and the report carries the date. Who holds the key, and why, is not in a certificate.",
    sources: &[
        "Mozilla Root Store Policy 3.1 §5.3.2: disclosed in the CCADB within 7 days and before issuing",
        "Mozilla Root Store Policy 3.1 §5.3.1 with BR §7.1.2.5: or technically constrained",
        "in 2015: Mozilla CA Certificate Inclusion Policy 2.2 §8-10; BR 1.2 §9.7",
        "incident: 2015-cnnic-mcs",
    ],
    needs: &[Facet::EndEntity, Facet::Chain, Facet::Paths, Facet::PublicPath],
    question: Question::Each(examine),
};

/// How long a CA has to disclose a new subordinate CA (Mozilla Root Store Policy §5.3.2), in seconds.
const GRACE: i64 = 7 * 24 * 60 * 60;

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let accused: Vec<Vec<(Place, usize)>> = view.public_paths().map(|path| undisclosed_on(case, view, path)).collect();
    // A path without any such CA is enough for a client: the odd one may be a cross-certificate still on its way into the tables.
    if accused.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let mut accused: Vec<(Place, usize)> = accused.into_iter().flatten().collect();
    accused.sort_unstable();
    accused.dedup();
    accused.iter().filter_map(|&(place, index)| speak(case, view, place, index)).collect()
}

fn undisclosed_on(case: &Case<'_>, view: &View<'_>, path: &Path) -> Vec<(Place, usize)> {
    let is_undisclosed = |index: &usize| {
        view.certificates.get(*index).is_some_and(|ca| {
            // Who says that it is no CA may issue for nobody: that is `misused-end-entity`.
            let may_issue = ca.is_ca || !profile::has_extensions(ca);
            may_issue && !ca.is_technically_constrained() && case.tables.disclosure(&ca.sha256, &ca.spki_sha256) == Disclosure::Undisclosed
        })
    };
    // A CA certificate in the end-entity's place is a CA all the same.
    let is_authority = |index: &usize| *index != 0 || view.end_entity().is_some_and(|certificate| certificate.is_ca);
    path.certificates.iter().copied().filter(is_authority).filter(is_undisclosed).map(|index| (view.place(index), index)).collect()
}

fn speak(case: &Case<'_>, view: &View<'_>, place: Place, index: usize) -> Option<Finding> {
    let ca = view.certificates.get(index)?;
    let should_be_known = ca.not_before.saturating_add(GRACE) < case.tables.disclosure_date();
    Some(if should_be_known {
        DETECTOR.finding(Weight::Strong, view, Some(place), "a subordinate CA that may issue for any name, and that nobody disclosed")
    } else {
        let says = "a subordinate CA that may issue for any name, not disclosed by the date of our table, which is older than it";
        DETECTOR.finding(Weight::Weak, view, Some(place), says).of_kind("fresh")
    })
}

#[cfg(test)]
mod tests {
    use rcgen::IsCa;

    use crate::finding::Weight;
    use crate::testing::{Lab, NOW, below, speaks};

    #[test]
    fn speaks_of_a_subordinate_nobody_disclosed() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.undisclosed)]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].weight, Weight::Strong);
        assert_eq!(findings[0].place, Some(crate::finding::Place::Certificate(1)));
    }

    #[test]
    fn speaks_of_one_whose_name_is_spelt_in_other_strings_below_it() {
        let lab = Lab::new();
        let spelt_anew = lab.undisclosed.spelt_anew();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&spelt_anew)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
        assert_eq!(report.verdict.cause, crate::verdict::Cause::PublicAuthorityInterception);
    }

    #[test]
    fn stays_silent_about_a_disclosed_one() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_technically_constrained_one() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.constrained)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_server_that_signs() {
        let lab = Lab::new();
        let server = below(&lab.disclosed, "Server", NOW - 90 * 86_400, 300, |params| params.is_ca = IsCa::ExplicitNoCa);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&server).with_extra(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
        assert_eq!(report.verdict.decided_by, ["misused-end-entity"]);
    }

    #[test]
    fn a_subordinate_younger_than_the_table_weighs_little() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.newborn)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Weak);
    }

    #[test]
    fn says_it_could_not_look_without_a_chain() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.undisclosed).leaf_only()]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
