//! Verifies signatures, natively and in browsers with the same answers, and remembers them.
//!
//! Natively aws-lc computes, on wasm32 RustCrypto does; the keys an ECDSA signature fits RustCrypto finds on both. What form a key or signature may have is
//! decided before either is asked, so that the same evidence gives the same report on both.
//!
//! Accepted: ECDSA on P-256, P-384 and P-521 (uncompressed points, strict DER) with SHA-256, -384 and
//! -512; Ed25519; RSA PKCS #1 v1.5 and PSS (salt as long as the hash) with the same hashes, 2048 to
//! 8192 bits, exponent odd, 3 to 2^33 - 1. Besides, told apart as [`Strength::Legacy`]: RSA PKCS #1
//! with SHA-1, and with SHA-1, -256 or -512 down to 1024 bits.

mod memo;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(test)]
pub(crate) mod parity;
#[cfg(any(target_arch = "wasm32", test))]
mod portable;
mod question;
mod recover;

use std::sync::LazyLock;

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use thiserror::Error;

pub use memo::{Counts, Signatures};

#[cfg(not(target_arch = "wasm32"))]
use native as backend;
#[cfg(target_arch = "wasm32")]
use portable as backend;
use question::{CURRENT_RSA_BITS, Curve, Hash, Kind, Padding, Question, Refusal};

use crate::der;

/// The algorithms accepted on certificates; neither counted nor remembered, see [`Signatures`].
pub fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    static LIST: LazyLock<Vec<&'static dyn SignatureVerificationAlgorithm>> =
        LazyLock::new(|| ALGORITHMS.iter().map(|algorithm| algorithm as &dyn SignatureVerificationAlgorithm).collect());
    &LIST
}

/// Whether a signature may still carry trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Broken or breakable: SHA-1, or an RSA key below 2048 bits. Interception boxes make them still;
    /// no public CA has been allowed to since 2016 and 2014 (Baseline Requirements §7.1.3.2, §6.1.5).
    Legacy,
    /// Everything else that is accepted.
    Current,
}

/// Says how strong a signature by this key is; `None` when [`algorithms`] has no such signature.
///
/// `signature_algorithm` is what stands inside the `AlgorithmIdentifier` SEQUENCE, `spki` the signer's
/// whole `SubjectPublicKeyInfo`. The signature itself is not looked at.
pub fn strength(signature_algorithm: &[u8], spki: &[u8]) -> Option<Strength> {
    let spki = Spki::parse(spki)?;
    let algorithm = find(signature_algorithm, spki.algorithm)?;
    let is_legacy = match algorithm.kind {
        Kind::Rsa(_, Hash::Sha1) => true,
        Kind::Rsa(..) => spki.bits()? < CURRENT_RSA_BITS,
        Kind::Ecdsa(..) | Kind::Ed25519 => false,
    };
    Some(if is_legacy { Strength::Legacy } else { Strength::Current })
}

/// What kind of key makes signatures of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerKind {
    /// A point on a NIST curve; which, the algorithm does not say.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// RSA.
    Rsa,
}

/// Says what kind of key makes signatures of an algorithm; `None` when [`algorithms`] has no such signature.
///
/// `signature_algorithm` is what stands inside the `AlgorithmIdentifier` SEQUENCE.
pub fn signer_kind(signature_algorithm: &[u8]) -> Option<SignerKind> {
    ALGORITHMS.iter().find(|row| row.signature_id.as_ref() == signature_algorithm).map(|row| match row.kind {
        Kind::Ecdsa(..) => SignerKind::Ecdsa,
        Kind::Ed25519 => SignerKind::Ed25519,
        Kind::Rsa(..) => SignerKind::Rsa,
    })
}

/// The size of a key in bits: of an RSA modulus, of a NIST curve's field, 255 for Ed25519.
///
/// `spki` is a whole `SubjectPublicKeyInfo`; `None` for a key of another kind or none at all.
pub fn key_bits(spki: &[u8]) -> Option<usize> {
    Spki::parse(spki)?.bits()
}

/// Verifies the signature by which a server shows that it holds its key.
///
/// `scheme` is a SignatureScheme code point (RFC 8446 §4.2.3), `spki` the end-entity's whole
/// `SubjectPublicKeyInfo`. Serves TLS 1.3 (CertificateVerify) and TLS 1.2 (ServerKeyExchange,
/// CertificateVerify) alike, so it accepts what either allows: RSA PKCS #1, which 1.3 forbids here,
/// and ECDSA with any of our hashes on any of our curves, as in 1.2 a code point names only the
/// hash. Whether the scheme was allowed in the version spoken is not asked; to hold the key is.
///
/// # Errors
/// [`TlsSignatureError::Invalid`] alone says that the signature is not by this key over this message;
/// the others say that this could not be found out.
pub fn verify_tls(scheme: u16, spki: &[u8], message: &[u8], signature: &[u8]) -> Result<(), TlsSignatureError> {
    let (kind, key) = tls_kind(scheme, spki)?;
    let question = Question::new(kind, key, signature)?;
    if backend::verify(&question, message) { Ok(()) } else { Err(TlsSignatureError::Invalid) }
}

/// Why a handshake signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TlsSignatureError {
    /// A code point we have no algorithm for: SHA-1 with ECDSA, Ed448, ML-DSA, `rsa_pss_pss_*`, …
    #[error("signature scheme 0x{0:04x} is not supported")]
    UnsupportedScheme(u16),
    /// Not a `SubjectPublicKeyInfo` in DER.
    #[error("the public key is not a SubjectPublicKeyInfo in DER")]
    UnreadableKey,
    /// The key is of a kind that the scheme does not sign with.
    #[error("signature scheme 0x{0:04x} does not go with this kind of public key")]
    WrongKind(u16),
    /// A key of the right kind, but malformed, of a size or in an encoding we do not accept.
    #[error("the public key is malformed or of a size that is not supported")]
    UnsupportedKey,
    /// The signature is not by this key over this message.
    #[error("the signature is not by this key over this message")]
    Invalid,
    /// The budget of [`Signatures::start_chain`] was used up before it could be verified.
    #[error("the budget of signature verifications is used up")]
    Exhausted,
}

impl From<Refusal> for TlsSignatureError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Key => Self::UnsupportedKey,
            Refusal::Signature => Self::Invalid,
        }
    }
}

/// What a SignatureScheme means for this key, and the key's own bits.
fn tls_kind(scheme: u16, spki: &[u8]) -> Result<(Kind, &[u8]), TlsSignatureError> {
    let unsupported = TlsSignatureError::UnsupportedScheme(scheme);
    let family = match scheme {
        0x0201 => Scheme::Rsa(Padding::Pkcs1, Hash::Sha1),
        0x0401 => Scheme::Rsa(Padding::Pkcs1, Hash::Sha256),
        0x0501 => Scheme::Rsa(Padding::Pkcs1, Hash::Sha384),
        0x0601 => Scheme::Rsa(Padding::Pkcs1, Hash::Sha512),
        0x0804 => Scheme::Rsa(Padding::Pss, Hash::Sha256),
        0x0805 => Scheme::Rsa(Padding::Pss, Hash::Sha384),
        0x0806 => Scheme::Rsa(Padding::Pss, Hash::Sha512),
        0x0403 => Scheme::Ecdsa(Hash::Sha256),
        0x0503 => Scheme::Ecdsa(Hash::Sha384),
        0x0603 => Scheme::Ecdsa(Hash::Sha512),
        0x0807 => Scheme::Ed25519,
        _ => return Err(unsupported),
    };
    let spki = Spki::parse(spki).ok_or(TlsSignatureError::UnreadableKey)?;
    let kind = match (family, spki.family()) {
        (Scheme::Rsa(padding, hash), Some(Family::Rsa)) => Kind::Rsa(padding, hash),
        (Scheme::Ecdsa(hash), Some(Family::Ec(curve))) => Kind::Ecdsa(curve, hash),
        (Scheme::Ed25519, Some(Family::Ed25519)) => Kind::Ed25519,
        (Scheme::Rsa(..) | Scheme::Ecdsa(_) | Scheme::Ed25519, _) => {
            return Err(TlsSignatureError::WrongKind(scheme));
        }
    };
    Ok((kind, spki.key))
}

/// What a SignatureScheme names: in TLS 1.2 not the curve.
#[derive(Debug, Clone, Copy)]
enum Scheme {
    Rsa(Padding, Hash),
    Ecdsa(Hash),
    Ed25519,
}

/// The kinds of key we know.
#[derive(Debug, Clone, Copy)]
enum Family {
    Rsa,
    Ec(Curve),
    Ed25519,
}

/// A `SubjectPublicKeyInfo` (RFC 5280 §4.1), cut in two.
#[derive(Debug, Clone, Copy)]
struct Spki<'a> {
    /// Inside of the `AlgorithmIdentifier`.
    algorithm: &'a [u8],
    /// The bits of `subjectPublicKey`.
    key: &'a [u8],
}

impl<'a> Spki<'a> {
    fn parse(der: &'a [u8]) -> Option<Self> {
        let (algorithm, rest) = der::expect(der::only(der, der::SEQUENCE)?, der::SEQUENCE)?;
        // The first octet counts unused bits; a key has none.
        let (&0, key) = der::only(rest, der::BIT_STRING)?.split_first()? else {
            return None;
        };
        Some(Self { algorithm, key })
    }

    fn family(&self) -> Option<Family> {
        [
            (alg_id::RSA_ENCRYPTION, Family::Rsa),
            (alg_id::ECDSA_P256, Family::Ec(Curve::P256)),
            (alg_id::ECDSA_P384, Family::Ec(Curve::P384)),
            (alg_id::ECDSA_P521, Family::Ec(Curve::P521)),
            (alg_id::ED25519, Family::Ed25519),
        ]
        .into_iter()
        .find_map(|(id, family)| (id.as_ref() == self.algorithm).then_some(family))
    }

    fn bits(&self) -> Option<usize> {
        Some(match self.family()? {
            Family::Rsa => question::bits(question::rsa_key(self.key)?.0),
            Family::Ec(Curve::P256) => 256,
            Family::Ec(Curve::P384) => 384,
            Family::Ec(Curve::P521) => 521,
            Family::Ed25519 => 255,
        })
    }
}

/// One row of [`algorithms`].
#[derive(Debug)]
struct Algorithm {
    kind: Kind,
    key_id: AlgorithmIdentifier,
    signature_id: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let question = Question::new(self.kind, public_key, signature).map_err(|_| InvalidSignature)?;
        backend::verify(&question, message).then_some(()).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key_id
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature_id
    }
}

/// The row for a signature algorithm and a key algorithm, both without their SEQUENCE.
fn find(signature_id: &[u8], key_id: &[u8]) -> Option<&'static Algorithm> {
    ALGORITHMS.iter().find(|row| row.signature_id.as_ref() == signature_id && row.key_id.as_ref() == key_id)
}

const fn ecdsa(curve: Curve, hash: Hash, signature_id: AlgorithmIdentifier) -> Algorithm {
    let key_id = match curve {
        Curve::P256 => alg_id::ECDSA_P256,
        Curve::P384 => alg_id::ECDSA_P384,
        Curve::P521 => alg_id::ECDSA_P521,
    };
    Algorithm { kind: Kind::Ecdsa(curve, hash), key_id, signature_id }
}

const fn rsa(padding: Padding, hash: Hash, signature_id: AlgorithmIdentifier) -> Algorithm {
    Algorithm { kind: Kind::Rsa(padding, hash), key_id: alg_id::RSA_ENCRYPTION, signature_id }
}

/// Everything accepted; the commonest first, as a verifier asks them in turn.
static ALGORITHMS: [Algorithm; 20] = [
    ecdsa(Curve::P256, Hash::Sha256, alg_id::ECDSA_SHA256),
    ecdsa(Curve::P384, Hash::Sha384, alg_id::ECDSA_SHA384),
    rsa(Padding::Pkcs1, Hash::Sha256, alg_id::RSA_PKCS1_SHA256),
    rsa(Padding::Pkcs1, Hash::Sha384, alg_id::RSA_PKCS1_SHA384),
    rsa(Padding::Pkcs1, Hash::Sha512, alg_id::RSA_PKCS1_SHA512),
    ecdsa(Curve::P384, Hash::Sha256, alg_id::ECDSA_SHA256),
    ecdsa(Curve::P256, Hash::Sha384, alg_id::ECDSA_SHA384),
    ecdsa(Curve::P256, Hash::Sha512, alg_id::ECDSA_SHA512),
    ecdsa(Curve::P384, Hash::Sha512, alg_id::ECDSA_SHA512),
    ecdsa(Curve::P521, Hash::Sha256, alg_id::ECDSA_SHA256),
    ecdsa(Curve::P521, Hash::Sha384, alg_id::ECDSA_SHA384),
    ecdsa(Curve::P521, Hash::Sha512, alg_id::ECDSA_SHA512),
    Algorithm { kind: Kind::Ed25519, key_id: alg_id::ED25519, signature_id: alg_id::ED25519 },
    rsa(Padding::Pss, Hash::Sha256, alg_id::RSA_PSS_SHA256),
    rsa(Padding::Pss, Hash::Sha384, alg_id::RSA_PSS_SHA384),
    rsa(Padding::Pss, Hash::Sha512, alg_id::RSA_PSS_SHA512),
    // RFC 4055 §5: the parameters MUST be NULL, and their absence MUST be accepted.
    rsa(Padding::Pkcs1, Hash::Sha256, RSA_SHA256_NO_PARAMETERS),
    rsa(Padding::Pkcs1, Hash::Sha384, RSA_SHA384_NO_PARAMETERS),
    rsa(Padding::Pkcs1, Hash::Sha512, RSA_SHA512_NO_PARAMETERS),
    rsa(Padding::Pkcs1, Hash::Sha1, RSA_SHA1),
];

/// sha1WithRSAEncryption (RFC 3279 §2.2.1).
const RSA_SHA1: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00");
/// sha256WithRSAEncryption without parameters.
const RSA_SHA256_NO_PARAMETERS: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b");
/// sha384WithRSAEncryption without parameters.
const RSA_SHA384_NO_PARAMETERS: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c");
/// sha512WithRSAEncryption without parameters.
const RSA_SHA512_NO_PARAMETERS: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d");
