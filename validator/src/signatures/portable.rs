//! The back end in browsers, where no C reaches: RustCrypto. Built natively for tests, to compare.

use ed25519_dalek::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::question::{Curve, Hash, Padding, Question};
use super::recover::fixed;

/// Whether the signature in `question` is by its key over `message`.
pub(super) fn verify(question: &Question<'_>, message: &[u8]) -> bool {
    answer(question, message).is_some()
}

/// In place of a key that was read: here reading one is nothing beside a verification.
#[cfg(target_arch = "wasm32")]
#[derive(Clone)]
pub(super) struct Key;

#[cfg(target_arch = "wasm32")]
impl Key {
    /// As the native back end's; whether it is a key is found out with each signature.
    pub(super) fn read(_: &Question<'_>) -> Option<Self> {
        Some(Self)
    }

    /// As the native back end's.
    pub(super) fn signed(&self, question: &Question<'_>, message: &[u8]) -> bool {
        verify(question, message)
    }
}

fn answer(question: &Question<'_>, message: &[u8]) -> Option<()> {
    match *question {
        Question::Ecdsa { curve, hash, point, r, s, .. } => ecdsa(curve, point, &digest(hash, message), r, s),
        Question::Ed25519 { key, signature } => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(key).ok()?;
            key.verify(message, &ed25519_dalek::Signature::from_bytes(signature)).ok()
        }
        Question::Rsa { padding, hash, modulus, exponent, signature, .. } => {
            let precision = u32::try_from(modulus.len().checked_mul(8)?).ok()?;
            let modulus = BoxedUint::from_be_slice(modulus, precision).ok()?;
            let key = PublicKey::new(modulus, BoxedUint::from(exponent)).ok()?;
            match padding {
                Padding::Pkcs1 => pkcs1(&key, hash, message, signature),
                Padding::Pss => pss(&key, hash, message, signature),
            }
        }
    }
}

/// ECDSA over a digest; the curve's own crate cuts the digest to the length of the order.
fn ecdsa(curve: Curve, point: &[u8], digest: &[u8], r: &[u8], s: &[u8]) -> Option<()> {
    let fixed = fixed(curve, r, s)?;
    match curve {
        Curve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p256::ecdsa::Signature::from_slice(&fixed).ok()?),
        Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p384::ecdsa::Signature::from_slice(&fixed).ok()?),
        Curve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p521::ecdsa::Signature::from_slice(&fixed).ok()?),
    }
    .ok()
}

/// RSASSA-PKCS1-v1_5: the padded block must hold exactly this DigestInfo (RFC 8017 §9.2).
fn pkcs1(key: &PublicKey, hash: Hash, message: &[u8], signature: &[u8]) -> Option<()> {
    let mut digest_info = digest_info_prefix(hash).to_vec();
    digest_info.extend(digest(hash, message));
    key.verify(Pkcs1v15Sign::new_unprefixed(), &digest_info, signature).ok()
}

fn pss(key: &PublicKey, hash: Hash, message: &[u8], signature: &[u8]) -> Option<()> {
    match hash {
        Hash::Sha1 => return None,
        Hash::Sha256 => key.pss_verify::<Sha256>(message, signature),
        Hash::Sha384 => key.pss_verify::<Sha384>(message, signature),
        Hash::Sha512 => key.pss_verify::<Sha512>(message, signature),
    }
    .ok()
}

fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha1 => Sha1::digest(message).to_vec(),
        Hash::Sha256 => Sha256::digest(message).to_vec(),
        Hash::Sha384 => Sha384::digest(message).to_vec(),
        Hash::Sha512 => Sha512::digest(message).to_vec(),
    }
}

/// DigestInfo up to the digest, with NULL parameters (RFC 8017 §9.2, note 1).
const fn digest_info_prefix(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        Hash::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
        Hash::Sha384 => b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
        Hash::Sha512 => b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
    }
}
