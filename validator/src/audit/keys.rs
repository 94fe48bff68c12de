//! RSA keys that can be taken apart, told from the modulus alone.

/// What a modulus is modulo the primes below 48: what is asked of every key costs two passes over it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residues {
    small: [u32; 2],
}

impl Residues {
    /// Takes them of a modulus, big-endian.
    pub(super) fn of(modulus: &[u8]) -> Self {
        Self { small: [SMALL[0].remainder(modulus), SMALL[1].remainder(modulus)] }
    }

    fn modulo(self, prime: u32) -> u32 {
        let [low, high] = self.small;
        if prime <= 23 { low % prime } else { high % prime }
    }

    /// Returns a prime below 48 that divides the modulus.
    pub(super) fn factor(self) -> Option<u32> {
        SMALL_PRIMES.into_iter().find(|&prime| self.modulo(prime) == 0)
    }

    /// Says whether a modulus, whose residues these are, has the fingerprint of Infineon's key generator (ROCA,
    /// CVE-2017-15361).
    ///
    /// Its primes are powers of 65537 modulo small primes, and so are their products. Of honest moduli one
    /// in some 2^27 looks the same.
    pub(super) fn is_roca(self, modulus: &[u8]) -> bool {
        let begins = [11, 13, 17, 19, 37].into_iter().all(|prime| is_power_of_65537(self.modulo(prime), prime));
        begins
            && FINGERPRINT.iter().all(|group| {
                let shared = remainder(modulus, group.iter().product());
                group.iter().all(|&prime| is_power_of_65537(shared % prime, prime))
            })
    }
}

/// A divisor and what the powers of 2^32 are modulo it, so that a remainder takes multiplications only.
struct Divisor {
    divisor: u32,
    powers: [u32; LONGEST],
}

/// As many words as an RSA key of 8,192 bits has.
const LONGEST: usize = 256;

impl Divisor {
    #[allow(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "at compile time, below the array's length; a remainder by 32 bits has 32 bits"
    )]
    const fn new(divisor: u32) -> Self {
        let mut powers = [0; LONGEST];
        let (mut power, mut at) = (1, 0);
        while at < LONGEST {
            powers[at] = power;
            power = ((power as u64 * (1 << 32)) % divisor as u64) as u32;
            at += 1;
        }
        Self { divisor, powers }
    }

    fn remainder(&self, number: &[u8]) -> u32 {
        let (head, words) = number.as_rchunks::<4>();
        if words.len() >= LONGEST {
            return remainder(number, self.divisor);
        }
        let head = head.iter().fold(0, |sum, &octet| (sum << 8) | u32::from(octet));
        let words = words.iter().rev().map(|word| u32::from_be_bytes(*word)).chain([head]);
        // 256 sums of 32 bits each: neither half overflows.
        let (mut low, mut high) = (0_u64, 0_u64);
        for (word, power) in words.zip(self.powers) {
            let product = u64::from(word) * u64::from(power);
            low += product & 0xffff_ffff;
            high += product >> 32;
        }
        let divisor = u64::from(self.divisor);
        let rest = (((high % divisor) << 32) + low) % divisor;
        u32::try_from(rest).unwrap_or(u32::MAX)
    }
}

fn is_power_of_65537(value: u32, prime: u32) -> bool {
    let step = 65_537 % prime;
    let mut power = 1 % prime;
    for _ in 0..prime {
        if power == value {
            return true;
        }
        power = power * step % prime;
    }
    false
}

/// The remainder of a big-endian number, four octets a step.
fn remainder(number: &[u8], divisor: u32) -> u32 {
    let divisor = u64::from(divisor);
    let (head, words) = number.as_rchunks::<4>();
    let head = head.iter().fold(0_u64, |sum, &octet| (sum << 8) | u64::from(octet));
    let rest = words.iter().fold(head % divisor, |rest, word| ((rest << 32) | u64::from(u32::from_be_bytes(*word))) % divisor);
    // A remainder is below its divisor, which is 32 bits long.
    u32::try_from(rest).unwrap_or(u32::MAX)
}

const SMALL_PRIMES: [u32; 15] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47];
/// The product of those up to 23, and of those above.
static SMALL: [Divisor; 2] = [Divisor::new(2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23), Divisor::new(29 * 31 * 37 * 41 * 43 * 47)];
/// Those primes above 48 modulo which the powers of 65537 are few, in groups whose products fit 32 bits.
const FINGERPRINT: [&[u32]; 4] = [&[53, 61, 71, 73], &[79, 97, 103], &[107, 109, 127], &[151, 157]];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_those_of_long_division() {
        // 2^128 + 1 = 59649589127497217 * 5704689200685129054721
        let mut number = vec![0; 17];
        number[0] = 1;
        number[16] = 1;
        assert_eq!(remainder(&number, 4_294_967_291), 5_u32.pow(4) + 1, "2^32 is 5 modulo 2^32 - 5");
        assert_eq!(remainder(&[], 7), 0);
        assert_eq!(remainder(&[1, 0], 255), 1);
    }

    #[test]
    fn the_quick_way_is_as_right_as_the_long_one() {
        for length in [0, 1, 3, 4, 5, 127, 128, 257, 1_023, 1_024, 1_025, 2_000] {
            let number: Vec<u8> = (0..length).map(|at| u8::try_from(at * 151 % 256).unwrap() | 0x81).collect();
            for divisor in &SMALL {
                assert_eq!(divisor.remainder(&number), remainder(&number, divisor.divisor), "{length}");
            }
            assert_eq!(SMALL[0].remainder(&vec![0xff; length]), remainder(&vec![0xff; length], SMALL[0].divisor), "{length}");
        }
    }

    #[test]
    fn a_factor_is_found_and_a_product_of_large_primes_has_none() {
        // 15 * 2^32, 2^61 - 1 (prime), 47 * (2^31 - 1).
        let factor = |number: u64| Residues::of(&number.to_be_bytes()).factor();
        assert_eq!(factor(15 << 32), Some(2));
        assert_eq!(factor((1 << 61) - 1), None);
        assert_eq!(factor(47 * ((1 << 31) - 1)), Some(47));
        assert_eq!(factor(3 * ((1 << 61) - 1)), Some(3));
    }

    #[test]
    fn powers_of_65537_bear_the_fingerprint_and_their_neighbours_do_not() {
        let is_roca = |number: u128| Residues::of(&number.to_be_bytes()).is_roca(&number.to_be_bytes());
        let power = 65_537_u128.pow(7);
        assert!(is_roca(power) && is_roca(65_537_u128.pow(3)));
        assert!(!is_roca(power + 1) && !is_roca(power + 2));
    }
}
