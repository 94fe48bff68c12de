//! `outside-imposed-names`: a name outside those that a root program leaves to this authority.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};
use crate::programs::{Fault, names};

pub(super) const DETECTOR: Detector = Detector {
    id: "outside-imposed-names",
    summary: "a name outside those that a root program leaves to this authority",
    shows: "After an authority vouched for names that were not its own, a root program confined it to some: ANSSI to thirteen French \
            top-level domains, India CCA to seven Indian ones, TUBITAK to .tr. This certificate names a host beyond them.",
    cannot_tell: "Programs that imposed nothing accept it. An authority's customer may own a name elsewhere by right.",
    sources: &[
        "NSS lib/certdb/genname.c: ANSSI, TUBITAK",
        "Chromium 61 net/cert/cert_verify_proc.cc, HasNameConstraintsViolation: ANSSI, India CCA",
        "incidents: 2013-anssi, 2014-india-nic",
    ],
    needs: &[Facet::EndEntity, Facet::Paths, Facet::PublicPath],
    question: Question::Each(examine),
};

/// How many names a sentence holds.
const MOST_NAMES: usize = 3;

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let stands = view.stands(case.tables);
    let weight = if stands.nobody_accepts() { Weight::Strong } else { Weight::Weak };
    let mut programs = Vec::new();
    let mut outside: Option<(crate::finding::Place, &[String])> = None;
    for breach in &stands.breaches {
        for fault in &breach.faults {
            if let Fault::NamesOutside(names) = fault {
                programs.push(breach.program);
                outside.get_or_insert((breach.place, names));
            }
        }
    }
    programs.dedup();
    let Some((place, outside)) = outside else { return Vec::new() };
    let shown = outside.iter().take(MOST_NAMES).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let more = if outside.len() > MOST_NAMES { format!(" and {} more", outside.len() - MOST_NAMES) } else { String::new() };
    let says = format!("it names {shown}{more}, outside what {} left to this authority", names(programs.into_iter()));
    vec![DETECTOR.finding(weight, view, Some(place), says)]
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::report::Report;
    use crate::tables::{OverlayConditions, Program};
    use crate::testing::{Lab, speaks};

    fn judged(program: Program, names: &[&str]) -> Report {
        let mut lab = Lab::new();
        let names = names.iter().map(|&name| name.to_owned()).collect();
        lab.constrain(program, 0, vec![OverlayConditions { names, ..OverlayConditions::default() }]);
        lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()])
    }

    #[test]
    fn speaks_of_a_name_outside() {
        let report = judged(Program::Lab, &["fr", "gov.in"]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!(findings[0].weight, Weight::Strong);
        assert!(findings[0].says.contains(r#""www.bank.example""#), "{}", findings[0].says);
    }

    #[test]
    fn weighs_little_while_another_program_takes_it() {
        assert_eq!(speaks(&judged(Program::Mozilla, &["fr"]), super::DETECTOR.id)[0].weight, Weight::Weak);
    }

    #[test]
    fn stays_silent_about_a_name_within() {
        assert!(speaks(&judged(Program::Lab, &["fr", "bank.example"]), super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_under_a_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
