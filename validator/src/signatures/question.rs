//! What may be asked of a back end: keys and signatures that passed the same checks everywhere.
//!
//! aws-lc and RustCrypto draw some lines differently: compressed points, BER in ECDSA signatures,
//! RSA exponents, unreduced or low-order Ed25519 keys. Every such line is drawn here, once, so that
//! both back ends are asked only what they answer alike.

use crate::der;

/// The longest RSA modulus, in bits.
const MAX_RSA_BITS: usize = 8192;
/// The shortest RSA modulus of [`Strength::Current`](super::Strength::Current), in bits.
pub(super) const CURRENT_RSA_BITS: usize = 2048;
/// The shortest RSA modulus, in bits; factoring a shorter one is within anyone's reach.
const MIN_RSA_BITS: usize = 1024;
/// The largest RSA exponent; a larger one only makes verifying slow (both back ends stop here).
const MAX_RSA_EXPONENT: u64 = (1 << 33) - 1;

/// A hash function that signatures are made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// SHA-1: only under RSA PKCS #1, and only [`Strength::Legacy`](super::Strength::Legacy).
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A NIST curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    /// P-256 (secp256r1).
    P256,
    /// P-384 (secp384r1).
    P384,
    /// P-521 (secp521r1).
    P521,
}

impl Curve {
    /// Length of a coordinate or scalar, in bytes.
    pub(super) const fn field_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// How an RSA signature is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    Pkcs1,
    /// RSASSA-PSS (RFC 8017 §8.1), MGF1 and salt length of the same hash.
    Pss,
}

/// A way to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// ECDSA (FIPS 186-5 §6).
    Ecdsa(Curve, Hash),
    /// Ed25519 (RFC 8032 §5.1).
    Ed25519,
    /// RSA (RFC 8017 §8).
    Rsa(Padding, Hash),
}

impl Kind {
    /// Two octets that no other kind has.
    pub(super) const fn code(self) -> [u8; 2] {
        let (family, hash) = match self {
            Self::Ecdsa(Curve::P256, hash) => (1, hash),
            Self::Ecdsa(Curve::P384, hash) => (2, hash),
            Self::Ecdsa(Curve::P521, hash) => (3, hash),
            Self::Ed25519 => return [4, 0],
            Self::Rsa(Padding::Pkcs1, hash) => (5, hash),
            Self::Rsa(Padding::Pss, hash) => (6, hash),
        };
        let hash = match hash {
            Hash::Sha1 => 1,
            Hash::Sha256 => 2,
            Hash::Sha384 => 3,
            Hash::Sha512 => 4,
        };
        [family, hash]
    }

    /// The shortest RSA modulus accepted, in bits.
    ///
    /// Keys below 2048 bits belong to the past, but interception boxes mint them still, always with
    /// PKCS #1. With SHA-384 or PSS there is nothing to be compatible with, and aws-lc has no such mode.
    const fn min_rsa_bits(self) -> usize {
        match self {
            Self::Rsa(Padding::Pkcs1, Hash::Sha1 | Hash::Sha256 | Hash::Sha512) => MIN_RSA_BITS,
            _ => CURRENT_RSA_BITS,
        }
    }
}

/// Why a question was not put to a back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No signature by this key would be accepted: malformed, out of bounds, or in an encoding we refuse.
    Key,
    /// The signature is malformed, so it is nobody's.
    Signature,
}

/// A well-formed key and a well-formed signature, for a back end to compare with a message.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), allow(dead_code, reason = "each back end reads the form it needs"))]
pub(super) enum Question<'a> {
    /// ECDSA.
    Ecdsa {
        /// The curve of the key.
        curve: Curve,
        /// The hash over the message.
        hash: Hash,
        /// 0x04, then both coordinates; not yet known to be on the curve.
        point: &'a [u8],
        /// r, without leading zeroes, no longer than the field.
        r: &'a [u8],
        /// s, likewise.
        s: &'a [u8],
        /// The same two in strict DER.
        signature: &'a [u8],
    },
    /// Ed25519.
    Ed25519 {
        /// The reduced encoding of a point that is not of small order; not yet known to be on the curve.
        key: &'a [u8; 32],
        /// R and S.
        signature: &'a [u8; 64],
    },
    /// RSA.
    Rsa {
        /// How the hash was padded.
        padding: Padding,
        /// The hash over the message.
        hash: Hash,
        /// The modulus: odd, without leading zeroes.
        modulus: &'a [u8],
        /// The public exponent: odd, 3 to 2^33 - 1.
        exponent: u64,
        /// The RSAPublicKey both came from.
        key: &'a [u8],
        /// As long as the modulus.
        signature: &'a [u8],
    },
}

impl<'a> Question<'a> {
    /// Checks the form of a key (the bits of `subjectPublicKey`) and of a signature.
    pub(super) fn new(kind: Kind, key: &'a [u8], signature: &'a [u8]) -> Result<Self, Refusal> {
        match kind {
            Kind::Ecdsa(curve, hash) => Self::ecdsa(curve, hash, key, signature),
            Kind::Ed25519 => Self::ed25519(key, signature),
            Kind::Rsa(padding, hash) => {
                let (modulus, exponent) = rsa_key(key).ok_or(Refusal::Key)?;
                if !(kind.min_rsa_bits()..=MAX_RSA_BITS).contains(&bits(modulus)) {
                    return Err(Refusal::Key);
                }
                if signature.len() != modulus.len() {
                    return Err(Refusal::Signature);
                }
                Ok(Self::Rsa { padding, hash, modulus, exponent, key, signature })
            }
        }
    }

    fn ecdsa(curve: Curve, hash: Hash, point: &'a [u8], signature: &'a [u8]) -> Result<Self, Refusal> {
        // RFC 5480 §2.2: the uncompressed form (0x04) MUST be supported, the compressed ones
        // (0x02, 0x03) MAY be. One spelling a key is enough to look keys up by.
        if point.first() != Some(&4) || point.len() != 1 + 2 * curve.field_bytes() {
            return Err(Refusal::Key);
        }
        let (r, s) = ecdsa_signature(signature).ok_or(Refusal::Signature)?;
        if r.len().max(s.len()) > curve.field_bytes() {
            return Err(Refusal::Signature);
        }
        Ok(Self::Ecdsa { curve, hash, point, r, s, signature })
    }

    fn ed25519(key: &'a [u8], signature: &'a [u8]) -> Result<Self, Refusal> {
        let key: &[u8; 32] = key.try_into().map_err(|_| Refusal::Key)?;
        if !is_usable_ed25519(key) {
            return Err(Refusal::Key);
        }
        let signature = signature.try_into().map_err(|_| Refusal::Signature)?;
        Ok(Self::Ed25519 { key, signature })
    }
}

/// Splits `Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3) into r and s.
pub(super) fn ecdsa_signature(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (r, rest) = der::positive_integer(der::only(der, der::SEQUENCE)?)?;
    let (s, rest) = der::positive_integer(rest)?;
    rest.is_empty().then_some((r, s))
}

/// Splits `RSAPublicKey` (RFC 8017 §A.1.1) into its modulus and exponent, both odd.
pub(super) fn rsa_key(der: &[u8]) -> Option<(&[u8], u64)> {
    let (modulus, rest) = der::positive_integer(der::only(der, der::SEQUENCE)?)?;
    let (exponent, rest) = der::positive_integer(rest)?;
    if !rest.is_empty() || exponent.len() > 8 || modulus.last()? % 2 == 0 {
        return None;
    }
    let exponent = exponent.iter().fold(0_u64, |sum, &octet| (sum << 8) | u64::from(octet));
    (exponent % 2 == 1 && (3..=MAX_RSA_EXPONENT).contains(&exponent)).then_some((modulus, exponent))
}

/// The length in bits of a magnitude without leading zeroes.
pub(super) fn bits(magnitude: &[u8]) -> usize {
    magnitude.first().map_or(0, |first| (magnitude.len() * 8).saturating_sub(first.leading_zeros() as usize))
}

/// Whether this encodes a y below the field's prime, of a point that is not of small order.
///
/// Under a point of small order a signature can be made that fits almost every message, by anyone.
fn is_usable_ed25519(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    let reduced = y.iter().rev().cmp(ED25519_PRIME.iter().rev()).is_lt();
    reduced && !ED25519_SMALL_ORDER.contains(&y)
}

/// 2^255 - 19, little-endian.
const ED25519_PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// y of the eight points of small order: order 4, 1, 2, 8 and 8, little-endian, without the sign of x.
pub(super) const ED25519_SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = ED25519_PRIME;
        minus_one[0] = 0xec;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
        0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
        0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];
