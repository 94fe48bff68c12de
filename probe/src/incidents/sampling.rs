//! Whether a CA's self-audit would have found what it should not have issued.
//!
//! BR 2.2.6 §8.7, in 2015 §17.8: at least every quarter a CA looks at a randomly selected sample of the
//! greater of one certificate and three percent of what it issued since the last sample was taken.

/// How often a CA must take a sample in a year.
pub const AUDITS_A_YEAR: u32 = 4;

/// The share of certificates in a sample, in percent; the same since the first version of the clause.
pub const SAMPLED_PERCENT: u32 = 3;

/// Returns how many certificates a sample of these many has: three percent rounded up, one at least, all at most.
pub fn sample_size(issued: u32) -> u32 {
    let share = u64::from(issued) * u64::from(SAMPLED_PERCENT);
    u32::try_from(share.div_ceil(100)).unwrap_or(issued).max(1).min(issued)
}

/// Returns the chance that a sample holds at least one of the misissued ones.
///
/// Hypergeometric: 1 minus the product over the misissued ones of (not sampled, not yet placed) / (not yet placed).
pub fn chance_in_sample(issued: u32, misissued: u32) -> f64 {
    let misissued = misissued.min(issued);
    let left_out = issued - sample_size(issued);
    let all_missed: f64 = (0..misissued)
        .map(|placed| match left_out.checked_sub(placed) {
            Some(free) => f64::from(free) / f64::from(issued - placed),
            None => 0.0,
        })
        .product();
    1.0 - all_missed
}

/// Returns the same chance where nobody knows how many were issued: the limit for many, 1 - 0.97^misissued.
pub fn chance_at_share(misissued: u32) -> f64 {
    1.0 - missed_share().powf(f64::from(misissued))
}

/// Returns how many misissued certificates it takes until a sample holds one with this chance.
pub fn needed_for(chance: f64) -> u32 {
    (1..10_000).find(|&misissued| chance_at_share(misissued) >= chance).unwrap_or(u32::MAX)
}

fn missed_share() -> f64 {
    1.0 - f64::from(SAMPLED_PERCENT) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_sample_is_three_percent_and_one_at_least() {
        let sizes: Vec<u32> = [1, 2, 33, 34, 100, 101, 357, 1_427, u32::MAX].map(sample_size).to_vec();
        assert_eq!(sizes, [1, 1, 1, 2, 3, 4, 11, 43, 128_849_019]);
        assert_eq!(sample_size(0), 0);
    }

    #[test]
    fn one_certificate_is_met_as_often_as_its_share() {
        assert!(close(chance_in_sample(100, 1), 0.03));
        assert!(close(chance_in_sample(357, 1), 11.0 / 357.0));
        assert!(close(chance_in_sample(1, 1), 1.0));
        assert!(close(chance_in_sample(100, 0), 0.0));
    }

    #[test]
    fn counting_every_sample_agrees() {
        // 10 certificates, a sample of one, two bad ones; and all of a hundred that are bad.
        assert!(close(chance_in_sample(10, 2), 0.2));
        assert!(close(chance_in_sample(100, 100), 1.0));
        // C(98,3) / C(100,3) samples of three avoid both of two.
        assert!(close(chance_in_sample(100, 2), 1.0 - 152_096.0 / 161_700.0));
    }

    #[test]
    fn the_limit_is_met_from_above() {
        assert!(close(chance_at_share(1), 0.03));
        assert!((chance_in_sample(1_000_000, 2) - chance_at_share(2)).abs() < 1e-6);
        assert_eq!((needed_for(0.5), needed_for(0.95)), (23, 99));
    }
}
