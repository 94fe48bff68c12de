//! Whom a scan asks: a fresh random draw per run, which nobody can foresee and pass. The randomness is the caller's.

use crate::evidence::Host;
use crate::tables::{PoolHost, Tables};

/// A host that may be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub host: Host,
    /// What it is for: `mail`, `news` …
    pub class: String,
    /// Whether a browser ships pins for it. An interceptor may know those and let them pass.
    pub pinned: bool,
}

impl Candidate {
    /// Returns the hosts of the tables that may be drawn.
    pub fn pool(tables: &Tables) -> Vec<Self> {
        let candidate = |entry: PoolHost<'_>| {
            // Another browser than those of the pool's own list may ship pins for it too.
            let host = Host::parse(entry.host).ok()?;
            let pinned = !entry.pinned_by.is_empty() || tables.pins(&host).is_some();
            Some(Self { host, class: entry.class.to_owned(), pinned })
        };
        tables.pool().into_iter().filter_map(candidate).collect()
    }

    fn is_attacked_often(&self) -> bool {
        ATTACKED_CLASSES.contains(&self.class.as_str())
    }

    /// Says whether it is a host of this project's, which an interceptor may let pass to look clean.
    fn is_ours(&self) -> bool {
        self.host.as_str().split('.').any(|label| label == "mintwatch")
    }
}

/// Draws up to `count` hosts from a pool, in random order, no host twice.
///
/// At least a quarter of them (5 of 20) come from the classes most often attacked, as far as the pool
/// has them; at least half have no pins; none is a host of this project's. Within these bounds every
/// host is as likely as any other. `below` gives a random number below the one it is given.
pub fn draw<'p>(pool: &'p [Candidate], count: usize, below: &mut impl FnMut(usize) -> usize) -> Vec<&'p Candidate> {
    let mut lots: Vec<_> = pool.iter().filter(|candidate| !candidate.is_ours()).collect();
    shuffle(&mut lots, below);
    let unpinned = lots.iter().filter(|candidate| !candidate.pinned).count();
    // With fewer unpinned hosts than half of the count, the draw gets smaller, not more pinned.
    let count = count.min(lots.len()).min(unpinned * 2);
    let mut drawn = Drawn { hosts: Vec::with_capacity(count), pinned_left: count / 2 };
    let (attacked, others): (Vec<_>, Vec<_>) = lots.into_iter().partition(|candidate| candidate.is_attacked_often());
    let mut rest = drawn.take(attacked, count.div_ceil(ATTACKED_ONE_IN));
    rest.extend(others);
    shuffle(&mut rest, below);
    drawn.take(rest, count);
    shuffle(&mut drawn.hosts, below);
    drawn.hosts
}

/// Fisher and Yates.
fn shuffle<T>(lots: &mut [T], below: &mut impl FnMut(usize) -> usize) {
    for last in (1..lots.len()).rev() {
        lots.swap(last, below(last + 1).min(last));
    }
}

struct Drawn<'p> {
    hosts: Vec<&'p Candidate>,
    pinned_left: usize,
}

impl<'p> Drawn<'p> {
    /// Takes hosts in order until there are `count` of them; returns those not taken.
    fn take(&mut self, lots: Vec<&'p Candidate>, count: usize) -> Vec<&'p Candidate> {
        let mut left = Vec::new();
        for candidate in lots {
            if self.hosts.len() >= count || (candidate.pinned && self.pinned_left == 0) {
                left.push(candidate);
                continue;
            }
            self.pinned_left -= usize::from(candidate.pinned);
            self.hosts.push(candidate);
        }
        left
    }
}

/// The classes most often attacked.
pub const ATTACKED_CLASSES: [&str; 5] = ["mail", "messaging", "news", "search", "social"];
/// One host in so many comes from them at least.
const ATTACKED_ONE_IN: usize = 4;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Numbers that repeat from run to run (xorshift64*).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % bound
        }
    }

    fn draw_by<'p>(pool: &'p [Candidate], count: usize, numbers: &mut Numbers) -> Vec<&'p Candidate> {
        draw(pool, count, &mut |bound| numbers.below(bound))
    }

    fn pool() -> Vec<Candidate> {
        let classes = ["mail", "search", "messaging", "social", "news", "shop", "bank", "cdn", "video", "software"];
        let candidate = |number: usize| Candidate {
            host: Host::parse(&format!("host{number}.example")).unwrap(),
            class: classes[number % classes.len()].to_owned(),
            pinned: number.is_multiple_of(5),
        };
        (0..500).map(candidate).collect()
    }

    #[test]
    fn every_draw_keeps_its_bounds() {
        let pool = pool();
        let mut rng = Numbers(1);
        for _ in 0..1_000 {
            let drawn = draw_by(&pool, 20, &mut rng);
            let hosts: BTreeSet<_> = drawn.iter().map(|candidate| &candidate.host).collect();
            assert_eq!(hosts.len(), 20, "no host twice");
            assert!(drawn.iter().filter(|candidate| candidate.is_attacked_often()).count() >= 5);
            assert!(drawn.iter().filter(|candidate| candidate.pinned).count() <= 10);
        }
    }

    #[test]
    fn even_a_pool_full_of_pins_gives_draws_that_are_half_unpinned() {
        let mut pool = pool();
        for candidate in &mut pool {
            candidate.pinned = !candidate.pinned;
        }
        let mut rng = Numbers(2);
        for _ in 0..1_000 {
            let drawn = draw_by(&pool, 20, &mut rng);
            assert_eq!(drawn.len(), 20);
            assert!(drawn.iter().filter(|candidate| candidate.pinned).count() <= 10);
        }
        pool.truncate(9);
        let drawn = draw_by(&pool, 20, &mut rng);
        assert_eq!(drawn.len(), 4, "two hosts without pins carry two with");
    }

    #[test]
    fn an_interceptor_of_a_tenth_of_the_pool_is_met() {
        let pool = pool();
        let mut rng = Numbers(3);
        let simulated = 10_000;
        let (mut met_once, mut met_in_three) = (0, 0);
        for _ in 0..simulated {
            let mut shuffled: Vec<_> = pool.iter().collect();
            shuffle(&mut shuffled, &mut |bound| rng.below(bound));
            let taken: BTreeSet<_> = shuffled[..pool.len() / 10].iter().map(|candidate| &candidate.host).collect();
            let mut run = || draw_by(&pool, 20, &mut rng).iter().any(|candidate| taken.contains(&candidate.host));
            let runs = [run(), run(), run()];
            met_once += usize::from(runs[0]);
            met_in_three += usize::from(runs.contains(&true));
        }
        assert!(met_once * 100 >= simulated * 85, "{met_once} of {simulated}");
        assert!(met_in_three * 100 >= simulated * 99, "{met_in_three} of {simulated}");
    }

    #[test]
    fn hosts_of_this_project_are_never_drawn() {
        let mut pool = pool();
        pool.truncate(19);
        pool.push(Candidate { host: Host::parse("www.mintwatch.example").unwrap(), class: "news".to_owned(), pinned: false });
        let mut rng = Numbers(4);
        for _ in 0..100 {
            assert!(draw_by(&pool, 20, &mut rng).iter().all(|candidate| !candidate.is_ours()));
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_hosts_and_another_seed_others() {
        let pool = pool();
        let drawn = |seed| draw_by(&pool, 20, &mut Numbers(seed)).into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(drawn(5), drawn(5));
        assert_ne!(drawn(5), drawn(6));
    }

    #[test]
    fn the_compiled_pool_is_large_mostly_unpinned_and_keeps_the_bounds_of_a_draw() {
        let pool = Candidate::pool(&Tables::compiled());
        assert!(pool.len() >= 500, "{}", pool.len());
        let pinned = pool.iter().filter(|candidate| candidate.pinned).count();
        assert!(pinned * 2 <= pool.len(), "{pinned} of {}", pool.len());
        let mut rng = Numbers(5);
        for _ in 0..1_000 {
            let drawn = draw_by(&pool, 20, &mut rng);
            assert_eq!(drawn.len(), 20);
            assert!(drawn.iter().filter(|candidate| candidate.pinned).count() <= 10);
            assert!(drawn.iter().filter(|candidate| candidate.is_attacked_often()).count() >= 5);
        }
    }
}
