//! The back end everywhere but in browsers: aws-lc.

use aws_lc_rs::signature::{self as lc, ParsedPublicKey, VerificationAlgorithm};

use super::question::{Curve, Hash, Padding, Question};

/// Whether the signature in `question` is by its key over `message`.
pub(super) fn verify(question: &Question<'_>, message: &[u8]) -> bool {
    Key::read(question).is_some_and(|key| key.signed(question, message))
}

/// A key that was read, for all the signatures it made: reading one costs a fifth of a verification.
#[derive(Clone)]
pub(super) struct Key(ParsedPublicKey);

impl Key {
    /// Reads the key of a question; none when it is no key.
    pub(super) fn read(question: &Question<'_>) -> Option<Self> {
        let (algorithm, key): (&'static dyn VerificationAlgorithm, &[u8]) = match *question {
            Question::Ecdsa { curve, hash, point, .. } => (ecdsa(curve, hash)?, point),
            Question::Ed25519 { key, .. } => (&lc::ED25519, key),
            Question::Rsa { padding, hash, key, .. } => (rsa(padding, hash)?, key),
        };
        ParsedPublicKey::new(algorithm, key).ok().map(Self)
    }

    /// Whether the signature in `question`, whose key this is, is over `message`.
    pub(super) fn signed(&self, question: &Question<'_>, message: &[u8]) -> bool {
        let signature: &[u8] = match *question {
            Question::Ecdsa { signature, .. } | Question::Rsa { signature, .. } => signature,
            Question::Ed25519 { signature, .. } => signature,
        };
        self.0.verify_sig(message, signature).is_ok()
    }
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
