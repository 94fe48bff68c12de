//! Who signed a certificate whose issuer was not seen: a key that somebody knows, or none of those.
//!
//! Chromium shows the end-entity alone, and servers forget to send what stands above it. The issuer's
//! name and key identifier are then mere claims; the signature is not. ECDSA signatures give away the
//! keys they fit, and those are looked up by their hash; RSA keys of that name or identifier are tried.

use crate::chain::Certificate;
use crate::evidence::Sha256;
use crate::paths::Path;
use crate::signatures::{Signatures, SignerKind, signer_kind};
use crate::tables::{KeyStanding, Likeness, Tables};

/// What is known of the issuer of a certificate that no seen certificate and no anchor signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnseenIssuer {
    /// Index of the certificate that it signed, among those that were read.
    pub(crate) of: usize,
    /// Who signed.
    pub(crate) signer: Signer,
}

/// Who signed a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signer {
    /// This key: its signature verifies, and it is disclosed or listed.
    Known(KnownKey),
    /// No key that root programs were told of by the date of the tables.
    Unknown {
        /// The issuer's name reads like that of a disclosed authority.
        named_like_one: bool,
        /// Keys, of which the one that signed is one; nothing unless it signed with ECDSA.
        fitting: Vec<Vec<u8>>,
        /// The day up to which the keys that it was held against are known, in UNIX seconds.
        known_until: i64,
    },
    /// Not found out: the keys to try are not here.
    Untold(Untold),
}

/// A key that signed and that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownKey {
    /// Its SubjectPublicKeyInfo in DER.
    pub(crate) spki: Vec<u8>,
    /// SHA-256 of that.
    pub(crate) spki_sha256: Sha256,
    /// How root programs know it; none when it is only on a list of bad keys.
    pub(crate) standing: Option<KeyStanding>,
}

/// Why it could not be found out who signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untold {
    /// The file of issuer keys was not loaded.
    NotLoaded,
    /// Some disclosed key of that name is in no table, or the signature is of an algorithm we have not.
    NoKey,
    /// The budget of signatures was used up.
    Budget,
}

/// How many signatures may be verified for one question: two candidates of a curve, or the keys of one name.
const MAX_SIGNATURES: u64 = 24;

/// Asks who signed the last certificate of a chain that reaches no anchor; none when that is plain to see.
pub(crate) fn ask(certificates: &[Certificate<'_>], paths: &[Path], tables: &Tables, signatures: &Signatures) -> Option<UnseenIssuer> {
    if paths.iter().any(|path| path.anchor.is_some()) {
        return None;
    }
    let of = paths.first().and_then(|path| path.certificates.last()).copied().unwrap_or(0);
    let certificate = certificates.get(of)?;
    signatures.start_chain(MAX_SIGNATURES);
    if is_signed_by(certificate, certificate.spki, signatures) {
        return None;
    }
    Some(UnseenIssuer { of, signer: signer(certificate, tables, signatures) })
}

/// Says who signed a certificate, within the budget that was begun.
pub(crate) fn signer(certificate: &Certificate<'_>, tables: &Tables, signatures: &Signatures) -> Signer {
    let signer = match signer_kind(certificate.signed_parts().algorithm) {
        Some(SignerKind::Ecdsa) => by_recovery(certificate, tables, signatures),
        Some(SignerKind::Rsa) => by_rsa(certificate, tables, signatures),
        // No disclosed authority has such a key, and none may (BR §7.1.3.1).
        Some(SignerKind::Ed25519) => unknown(certificate, tables, Vec::new()),
        None => Signer::Untold(Untold::NoKey),
    };
    match signer {
        Signer::Unknown { .. } if signatures.exhausted() => Signer::Untold(Untold::Budget),
        signer => signer,
    }
}

/// Looks up the keys that the signature itself gives away.
fn by_recovery(certificate: &Certificate<'_>, tables: &Tables, signatures: &Signatures) -> Signer {
    let parts = certificate.signed_parts();
    let fitting = signatures.recover(parts.algorithm, parts.tbs, parts.signature).unwrap_or_default();
    let known = fitting.iter().find_map(|spki| known(spki, tables)).filter(|key| is_signed_by(certificate, &key.spki, signatures));
    known.map_or_else(|| unknown(certificate, tables, fitting), Signer::Known)
}

/// Tries the keys of the issuer's name, and those with the identifier it is said to have.
fn by_rsa(certificate: &Certificate<'_>, tables: &Tables, signatures: &Signatures) -> Signer {
    let signed = |spki: &&Vec<u8>| is_signed_by(certificate, spki, signatures);
    let keys = tables.issuer_keys(certificate.issuer, certificate.authority_key_id);
    // A root whose name is spelt in another string type here was not found by that name.
    let roots = || tables.anchor_keys_named_like(certificate.issuer);
    let by_name = keys.iter().find(signed).and_then(|spki| known(spki, tables));
    if let Some(key) = by_name.or_else(|| roots().iter().find(signed).and_then(|spki| known(spki, tables))) {
        return Signer::Known(key);
    }
    if !tables.has_issuer_keys() {
        return Signer::Untold(Untold::NotLoaded);
    }
    // A key that could still sign then, and that is in no table, may be the one.
    if tables.issuer_gap(certificate.issuer).is_some_and(|until| certificate.not_before <= until) {
        return Signer::Untold(Untold::NoKey);
    }
    unknown(certificate, tables, Vec::new())
}

fn unknown(certificate: &Certificate<'_>, tables: &Tables, fitting: Vec<Vec<u8>>) -> Signer {
    let named_like_one = Likeness::of(certificate.issuer).is_some_and(|name| tables.is_authority_name(name));
    // Keys that come out of a signature are looked up in a fresher table than those that must be tried.
    let known_until = if fitting.is_empty() { tables.issuer_keys_date() } else { tables.disclosure_date() };
    Signer::Unknown { named_like_one, fitting, known_until }
}

/// What is known of a key, if anything is.
fn known(spki: &[u8], tables: &Tables) -> Option<KnownKey> {
    let spki_sha256 = Sha256::of(spki);
    let standing = tables.key_standing(&spki_sha256).or_else(|| tables.is_anchor_key(spki).then_some(KeyStanding::Disclosed));
    let is_known = standing.is_some() || tables.listed_key(&spki_sha256).is_some();
    is_known.then(|| KnownKey { spki: spki.to_vec(), spki_sha256, standing })
}

fn is_signed_by(certificate: &Certificate<'_>, spki: &[u8], signatures: &Signatures) -> bool {
    let parts = certificate.signed_parts();
    signatures.verify(parts.algorithm, spki, parts.tbs, parts.signature).is_ok()
}
