//! R-A1: the bodies of the fuzz targets hold on every seed, on what once failed, and on seeds cut short and bent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;

use mintwatch_tests::Random;

#[path = "fuzz/bodies.rs"]
#[allow(dead_code, reason = "shared with the fuzz targets")]
mod bodies;

/// How many bent inputs are made of the seeds of one target.
const BENT: u32 = 200;

#[test]
fn every_seed_and_every_input_that_once_failed_is_survived() {
    let root = xtask::workspace::root().unwrap();
    let seeds = xtask::fuzz::seeds(&root).unwrap();
    for (name, body) in bodies::BODIES {
        seeds[name].iter().for_each(|seed| body(seed));
        let regressions = xtask::fuzz::regressions(&root).join(name);
        for entry in fs::read_dir(regressions).into_iter().flatten() {
            body(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn seeds_that_are_bent_are_survived_too() {
    let seeds = xtask::fuzz::seeds(&xtask::workspace::root().unwrap()).unwrap();
    for (name, body) in bodies::BODIES {
        let mut random = Random(0x5eed);
        for _ in 0..BENT {
            let seed = &seeds[name][random.index(seeds[name].len())];
            body(&bent(seed, &mut random));
        }
    }
}

#[test]
fn every_target_has_a_body_and_no_body_is_left_over() {
    let bodies: Vec<&str> = bodies::BODIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(bodies, xtask::fuzz::TARGETS);
}

/// A seed with some bytes changed, some taken out, and at times its end cut off.
fn bent(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bent = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.index(bent.len());
        match random.below(4) {
            0 => bent[at] ^= 1 << random.below(8),
            1 => bent[at] = u8::try_from(random.below(256)).unwrap(),
            2 => bent.truncate(at + 1),
            _ => {
                let end = (at + random.index(8)).min(bent.len());
                bent.drain(at..end);
            }
        }
        if bent.is_empty() {
            bent.push(0);
        }
    }
    bent
}
