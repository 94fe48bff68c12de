//! Path finding and validation answer as x509-limbo and BetterTLS do, or say in the exceptions why not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use xtask::conformance::{self, Answer, Case};
use xtask::workspace;

#[test]
fn every_case_of_the_subset_is_answered_as_it_must_be() {
    let root = workspace::root().unwrap();
    let exceptions = conformance::exceptions(&root).unwrap();
    let cases = conformance::subset(&root).unwrap();
    let results = conformance::ask_all(&cases, &exceptions);
    let unlisted = exceptions.unlisted(&results);
    assert!(unlisted.is_empty(), "{}", unlisted.join("\n"));
}

#[test]
fn the_subset_has_cases_of_every_class_and_both_answers() {
    let cases = conformance::subset(&workspace::root().unwrap()).unwrap();
    let classes: BTreeSet<&str> = cases.iter().map(Case::class).collect();
    for class in ["bettertls::nameconstraints", "bettertls::pathbuilding", "online", "pathlen", "pathological", "rfc5280", "webpki"] {
        assert!(classes.contains(class), "no case of {class}");
    }
    assert!(cases.iter().any(|case| case.accept) && cases.iter().any(|case| !case.accept));
}

#[test]
fn a_changed_certificate_is_refused() {
    let cases = conformance::subset(&workspace::root().unwrap()).unwrap();
    let mut accepted: Vec<Case> = cases.into_iter().filter(|case| case.accept && case.ask() == Answer::Right).collect();
    assert!(accepted.len() > 20, "only {} cases are accepted", accepted.len());
    for case in &mut accepted {
        *case.chain[0].last_mut().unwrap() ^= 1;
        assert!(matches!(case.ask(), Answer::FalseReject(_)), "{} is accepted with a broken signature", case.id);
    }
}
