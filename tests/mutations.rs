//! R-E6: whatever an interceptor writes into names, serials and dates, keys and signatures tell.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use mintwatch_tests::{Ca, DAY, NOW, Profile, Random, evidence, observation, tables_with_public};
use mintwatch_validator::judge;
use mintwatch_validator::verdict::Cause;

const MUTATIONS: u64 = 500;

/// Names a forger would copy: those of authorities in good standing, and some that are odd.
const NAMES: [&str; 8] = [
    "DigiCert Global G2 TLS RSA SHA256 2020 CA1",
    "R11",
    "WE1",
    "GTS CA 1C3",
    "Sectigo RSA Domain Validation Secure Server CA",
    "CNNIC SSL",
    "\u{202e}evil",
    "a",
];

#[test]
fn an_mcs_style_chain_is_called_so_whatever_its_names_serials_and_dates() {
    let root = Ca::root(&Profile::new("Lab Public Root TEST", NOW - 4000 * DAY, 8000));
    // No blocklist, no pins, and hosts that no table has heard of.
    let tables = tables_with_public(&root).without_lists();
    let mut random = Random(1);
    for round in 0..MUTATIONS {
        let authority = mutate(&mut random, 1000, 4000);
        let leaf = mutate(&mut random, 2000, 3000);
        let minting = root.below(&authority);
        let host = format!("host{}.unknown{}.invalid", random.below(1000), round);
        let chain = vec![minting.leaf(&host, &leaf), minting.der.clone()];
        let report = judge(&evidence(vec![observation(&host, NOW, chain)]), &tables);
        assert_eq!(report.verdict.cause, Cause::PublicAuthorityInterception, "mutation {round}: {}", report.to_json());
    }
}

/// A profile of any name and serial, that began up to `back` days ago and lives for up to `life` days.
fn mutate(random: &mut Random, back: u32, life: u32) -> Profile {
    let (not_before, days) = (NOW - random.days(back), 1 + random.days(life) / DAY);
    let name = NAMES[usize::try_from(random.below(8)).unwrap()];
    let serial = (0..=random.below(18)).map(|_| u8::try_from(random.below(127)).unwrap() + 1).collect();
    Profile { organisation: NAMES[usize::try_from(random.below(8)).unwrap()].to_owned(), serial, ..Profile::new(name, not_before, days) }
}
