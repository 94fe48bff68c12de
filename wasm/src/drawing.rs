//! Whom a check asks: the draw of the native probe, by randomness that the browser hands over.

use mintwatch_validator::draw::{Candidate, draw};
use mintwatch_validator::evidence::Sha256;
use mintwatch_validator::tables::Tables;

/// Draws up to `count` hosts.
pub(crate) fn hosts(tables: &Tables, count: usize, seed: &[u8]) -> Vec<String> {
    let pool = Candidate::pool(tables);
    let mut stream = Stream { seed, block: 0 };
    draw(&pool, count, &mut |bound| stream.below(bound)).into_iter().map(|candidate| candidate.host.to_string()).collect()
}

/// Numbers out of a seed: SHA-256 over it and a counter.
struct Stream<'s> {
    seed: &'s [u8],
    block: u64,
}

impl Stream<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.block += 1;
        let Sha256(block) = Sha256::of(&[self.seed, &self.block.to_be_bytes()].concat());
        let number = block.first_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk));
        // 64 bits over a bound of some hundreds: what is uneven about it cannot be seen.
        usize::try_from(number % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_draws_the_same_hosts_and_another_draws_others() {
        let tables = Tables::compiled();
        let (one, again, other) = (hosts(&tables, 20, b"one"), hosts(&tables, 20, b"one"), hosts(&tables, 20, b"other"));
        assert_eq!(one, again);
        assert_ne!(one, other);
        assert_eq!(one.iter().collect::<BTreeSet<_>>().len(), 20);
    }

    #[test]
    fn every_host_is_drawn_by_some_seed() {
        let tables = Tables::compiled();
        let met: BTreeSet<String> = (0..2_000_u32).flat_map(|seed| hosts(&tables, 20, &seed.to_be_bytes())).collect();
        assert!(met.len() * 100 >= Candidate::pool(&tables).len() * 99, "{} hosts", met.len());
    }
}
