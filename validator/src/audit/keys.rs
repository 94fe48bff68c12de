//! RSA keys that can be taken apart, told from the modulus alone.

/// Returns a prime below 48 that divides a modulus, big-endian.
pub(super) fn small_factor(modulus: &[u8]) -> Option<u32> {
    let shared = [remainder(modulus, PRODUCTS[0]), remainder(modulus, PRODUCTS[1])];
    SMALL_PRIMES.into_iter().find(|prime| {
        let group = usize::from(*prime > 23);
        shared.get(group).is_some_and(|remainder| remainder.is_multiple_of(*prime))
    })
}

/// Says whether a modulus has the fingerprint of Infineon's key generator (ROCA, CVE-2017-15361).
///
/// Its primes are powers of 65537 modulo small primes, and so are their products. Of honest moduli one
/// in some 2^27 looks the same.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    FINGERPRINT.iter().all(|group| {
        let shared = remainder(modulus, group.iter().product());
        group.iter().all(|&prime| is_power_of_65537(shared % prime, prime))
    })
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
/// The primes up to 23, and those above.
const PRODUCTS: [u32; 2] = [2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23, 29 * 31 * 37 * 41 * 43 * 47];
/// Those small primes modulo which the powers of 65537 are few, in groups whose products fit 32 bits.
const FINGERPRINT: [&[u32]; 4] = [&[11, 13, 17, 19, 37, 53], &[61, 71, 73, 79, 97], &[103, 107, 109, 127], &[151, 157]];

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
    fn a_factor_is_found_and_a_product_of_large_primes_has_none() {
        // 15 * 2^32, 2^61 - 1 (prime), 47 * (2^31 - 1).
        assert_eq!(small_factor(&[15, 0, 0, 0, 0]), Some(2));
        assert_eq!(small_factor(&((1_u64 << 61) - 1).to_be_bytes()), None);
        assert_eq!(small_factor(&(47 * ((1_u64 << 31) - 1)).to_be_bytes()), Some(47));
        assert_eq!(small_factor(&(3 * ((1_u64 << 61) - 1)).to_be_bytes()), Some(3));
    }

    #[test]
    fn powers_of_65537_bear_the_fingerprint_and_their_neighbours_do_not() {
        // 65537^3 and 65537^7 are in the subgroup for every prime; one more is not.
        let power = 65_537_u128.pow(7);
        assert!(is_roca(&power.to_be_bytes()) && is_roca(&65_537_u128.pow(3).to_be_bytes()));
        assert!(!is_roca(&(power + 1).to_be_bytes()) && !is_roca(&(power + 2).to_be_bytes()));
    }
}
