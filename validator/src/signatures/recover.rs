//! The keys that could have made an ECDSA signature: it gives them away itself.
//!
//! A signature fits two points of its curve, in theory four (SEC 1 version 2.0 §4.1.6). Whether one of
//! them is anybody's is for the caller to look up; a signature always fits some key, which proves
//! nothing by itself. RustCrypto computes on both sides, as aws-lc has no such function.

use p256::ecdsa::RecoveryId;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use rustls_pki_types::alg_id;

use super::question::{Curve, Hash, ecdsa_signature};
use crate::der;

/// Returns the SubjectPublicKeyInfo, in DER, of each key that fits; none when it is no ECDSA signature that is accepted.
///
/// `signature_algorithm` is the inside of the `AlgorithmIdentifier` SEQUENCE. It does not name the curve:
/// the shortest one that is long enough for the signature's numbers is taken, and one signature in 2^128
/// is that short by chance.
pub(super) fn recover(signature_algorithm: &[u8], message: &[u8], signature: &[u8]) -> Option<Vec<Vec<u8>>> {
    let digest = match hash(signature_algorithm)? {
        Hash::Sha256 => Sha256::digest(message).to_vec(),
        Hash::Sha384 => Sha384::digest(message).to_vec(),
        Hash::Sha512 => Sha512::digest(message).to_vec(),
        Hash::Sha1 => return None,
    };
    let (r, s) = ecdsa_signature(signature)?;
    let curve = [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| r.len().max(s.len()) <= curve.field_bytes())?;
    let fixed = fixed(curve, r, s)?;
    let candidate = |id: u8| point(curve, &digest, &fixed, RecoveryId::from_byte(id)?);
    Some((0..=RecoveryId::MAX).filter_map(candidate).map(|point| spki(curve, &point)).collect())
}

fn hash(signature_algorithm: &[u8]) -> Option<Hash> {
    let known = [(alg_id::ECDSA_SHA256, Hash::Sha256), (alg_id::ECDSA_SHA384, Hash::Sha384), (alg_id::ECDSA_SHA512, Hash::Sha512)];
    known.into_iter().find(|(id, _)| id.as_ref() == signature_algorithm).map(|(_, hash)| hash)
}

/// r and s, each as long as the field.
pub(super) fn fixed(curve: Curve, r: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    let length = curve.field_bytes();
    let mut fixed = vec![0; length.checked_sub(r.len())?];
    fixed.extend_from_slice(r);
    fixed.resize(length.checked_mul(2)?.checked_sub(s.len())?, 0);
    fixed.extend_from_slice(s);
    Some(fixed)
}

/// One of the points that fit, uncompressed.
fn point(curve: Curve, digest: &[u8], fixed: &[u8], id: RecoveryId) -> Option<Vec<u8>> {
    Some(match curve {
        Curve::P256 => {
            let signature = p256::ecdsa::Signature::from_slice(fixed).ok()?;
            let key = p256::ecdsa::VerifyingKey::recover_from_prehash(digest, &signature, id).ok()?;
            key.to_sec1_point(false).as_bytes().to_vec()
        }
        Curve::P384 => {
            let signature = p384::ecdsa::Signature::from_slice(fixed).ok()?;
            let key = p384::ecdsa::VerifyingKey::recover_from_prehash(digest, &signature, id).ok()?;
            key.to_sec1_point(false).as_bytes().to_vec()
        }
        Curve::P521 => {
            let signature = p521::ecdsa::Signature::from_slice(fixed).ok()?;
            let key = p521::ecdsa::VerifyingKey::recover_from_prehash(digest, &signature, id).ok()?;
            key.to_sec1_point(false).as_bytes().to_vec()
        }
    })
}

/// The SubjectPublicKeyInfo of a point (RFC 5480 §2), in the one spelling that disclosed keys have.
fn spki(curve: Curve, point: &[u8]) -> Vec<u8> {
    let id = match curve {
        Curve::P256 => alg_id::ECDSA_P256,
        Curve::P384 => alg_id::ECDSA_P384,
        Curve::P521 => alg_id::ECDSA_P521,
    };
    let algorithm = der::write(der::SEQUENCE, id.as_ref());
    let bits = der::write(der::BIT_STRING, &[&[0], point].concat());
    der::write(der::SEQUENCE, &[algorithm, bits].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use rcgen::{KeyPair, PublicKeyData, SigningKey};

    use super::*;
    use crate::signatures::Signatures;

    #[test]
    fn the_key_that_signed_is_among_those_that_fit_on_every_curve() {
        for (algorithm, id) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, alg_id::ECDSA_SHA256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, alg_id::ECDSA_SHA384),
            (&rcgen::PKCS_ECDSA_P521_SHA512, alg_id::ECDSA_SHA512),
            (&rcgen::PKCS_ECDSA_P521_SHA256, alg_id::ECDSA_SHA256),
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let signature = key.sign(b"message").unwrap();
            let found = recover(id.as_ref(), b"message", &signature).unwrap();
            assert_eq!(found.len(), 2, "{algorithm:?}");
            assert!(found.contains(&key.subject_public_key_info()), "{algorithm:?}");
            // Each of them verifies: to fit is no proof of being anybody's.
            let signatures = Signatures::new();
            assert!(found.iter().all(|spki| signatures.verify(id.as_ref(), spki, b"message", &signature).is_ok()));
            let other = recover(id.as_ref(), b"another message", &signature).unwrap();
            assert!(!other.contains(&key.subject_public_key_info()));
        }
    }

    #[test]
    fn a_digest_longer_than_the_curve_is_cut_as_a_verifier_cuts_it() {
        use p256::ecdsa::signature::hazmat::PrehashSigner as _;
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let signature: p256::ecdsa::DerSignature = key.sign_prehash(&Sha384::digest(b"message")).unwrap();
        let found = recover(alg_id::ECDSA_SHA384.as_ref(), b"message", signature.as_bytes()).unwrap();
        assert!(found.contains(&spki(Curve::P256, key.verifying_key().to_sec1_point(false).as_bytes())));
    }

    #[test]
    fn what_is_no_ecdsa_signature_gives_no_key() {
        let key = KeyPair::generate().unwrap();
        let signature = key.sign(b"message").unwrap();
        assert!(recover(alg_id::RSA_PKCS1_SHA256.as_ref(), b"message", &signature).is_none());
        for length in 0..signature.len() {
            assert!(recover(alg_id::ECDSA_SHA256.as_ref(), b"message", &signature[..length]).is_none());
        }
        let long = der::write(der::INTEGER, &[1; 67]);
        let long = der::write(der::SEQUENCE, &[long.clone(), long].concat());
        assert!(recover(alg_id::ECDSA_SHA256.as_ref(), b"message", &long).is_none());
    }

    #[test]
    fn numbers_that_no_signature_has_give_no_key_and_no_panic() {
        let number = |bytes: &[u8]| der::write(der::INTEGER, bytes);
        let one = number(&[1]);
        for r in [number(&[&[0][..], &[0xff; 32]].concat()), number(&[0x7f; 32]), number(&[&[0][..], &[0x80; 48]].concat()), one.clone()] {
            let signature = der::write(der::SEQUENCE, &[r, one.clone()].concat());
            let found = recover(alg_id::ECDSA_SHA256.as_ref(), b"message", &signature).unwrap();
            let signatures = Signatures::new();
            assert!(found.iter().all(|spki| signatures.verify(alg_id::ECDSA_SHA256.as_ref(), spki, b"message", &signature).is_ok()));
        }
    }
}
