//! The back end everywhere but in browsers: aws-lc.

use aws_lc_rs::signature::{self as lc, UnparsedPublicKey, VerificationAlgorithm};

use super::question::{Curve, Hash, Padding, Question};

/// Whether the signature in `question` is by its key over `message`.
pub(super) fn verify(question: &Question<'_>, message: &[u8]) -> bool {
    let (algorithm, key, signature): (&'static dyn VerificationAlgorithm, &[u8], &[u8]) = match *question {
        Question::Ecdsa { curve, hash, point, signature, .. } => match ecdsa(curve, hash) {
            Some(algorithm) => (algorithm, point, signature),
            None => return false,
        },
        Question::Ed25519 { key, signature } => (&lc::ED25519, key, signature),
        Question::Rsa { padding, hash, key, signature, .. } => match rsa(padding, hash) {
            Some(algorithm) => (algorithm, key, signature),
            None => return false,
        },
    };
    UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
}

fn ecdsa(curve: Curve, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (curve, hash) {
        (Curve::P256, Hash::Sha256) => &lc::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &lc::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &lc::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &lc::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &lc::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &lc::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha256) => &lc::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &lc::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &lc::ECDSA_P521_SHA512_ASN1,
        (_, Hash::Sha1) => return None,
    })
}

// The lower bound on the modulus was drawn before (`Kind::min_rsa_bits`); these modes are no stricter.
fn rsa(padding: Padding, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (padding, hash) {
        (Padding::Pkcs1, Hash::Sha1) => &lc::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (Padding::Pkcs1, Hash::Sha256) => &lc::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (Padding::Pkcs1, Hash::Sha384) => &lc::RSA_PKCS1_2048_8192_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &lc::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (Padding::Pss, Hash::Sha256) => &lc::RSA_PSS_2048_8192_SHA256,
        (Padding::Pss, Hash::Sha384) => &lc::RSA_PSS_2048_8192_SHA384,
        (Padding::Pss, Hash::Sha512) => &lc::RSA_PSS_2048_8192_SHA512,
        (Padding::Pss, Hash::Sha1) => return None,
    })
}
