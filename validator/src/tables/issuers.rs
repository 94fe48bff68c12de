//! Keys of disclosed issuers, to hold a lone certificate's signature against; and the names they bear.
//!
//! Keys that sign with ECDSA come out of the signature itself and need no table. RSA moduli do not,
//! and cannot be compressed: natively they are compiled in, a module for browsers is handed them in
//! one file, which it knows by its hash, so that nobody can hand it another.

use thiserror::Error;

use super::names::NameKey;
use super::packed::{Rows, partition};
use crate::der;
use crate::evidence::Sha256;

/// SHA-256 of the one file of issuer keys that this build accepts.
pub const ISSUER_KEYS_SHA256: Sha256 = Sha256(include!(concat!(env!("OUT_DIR"), "/issuer-keys-sha256.rs")));

/// Why a file of issuer keys was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("these issuer keys have the hash {0}, and this build takes only those with {ISSUER_KEYS_SHA256}")]
pub struct OtherIssuerKeys(pub Sha256);

/// How many keys one question gets at most; the most that bear one name are fewer than this.
pub(super) const MAX_KEYS: usize = 16;

/// The packed file, read where it lies.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    /// Key identifier, exponent (nothing for 65537), modulus; in the order of the identifiers.
    rows: Rows,
    /// Name, number of a row.
    by_name: &'static [[u8; 7]],
    /// Name, day since 1970 until which a certificate of that name with a key that is not here was valid.
    gaps: &'static [[u8; 7]],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

/// Returns the keys compiled in; a module for browsers is handed them later.
pub(super) fn compiled() -> Option<Keys> {
    #[cfg(not(target_arch = "wasm32"))]
    let file: Option<&'static [u8]> = Some(FILE);
    #[cfg(target_arch = "wasm32")]
    let file: Option<&'static [u8]> = None;
    file.map(Keys::new)
}

/// Returns the file that modules for browsers are handed.
#[cfg(not(target_arch = "wasm32"))]
pub fn issuer_keys_file() -> &'static [u8] {
    FILE
}

#[cfg(not(target_arch = "wasm32"))]
static FILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/issuer-keys.bin"));

/// Reads a file that was handed to a module.
pub(super) fn loaded(file: Vec<u8>) -> Result<Keys, OtherIssuerKeys> {
    let hash = Sha256::of(&file);
    if hash == ISSUER_KEYS_SHA256 { Ok(Keys::new(file.leak())) } else { Err(OtherIssuerKeys(hash)) }
}

impl Keys {
    fn new(file: &'static [u8]) -> Self {
        let (by_name, rest) = file.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let (gaps, rest) = rest.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let length = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes) as usize;
        let (names, after) = (length(by_name), length(gaps));
        let (by_name, rest) = rest.split_at_checked(names).unwrap_or_default();
        let (gaps, rows) = rest.split_at_checked(after).unwrap_or_default();
        Self { rows: Rows::new(rows), by_name: by_name.as_chunks().0, gaps: gaps.as_chunks().0 }
    }

    /// Returns the keys of a name and those with an identifier, each as a SubjectPublicKeyInfo in DER.
    pub(super) fn find(self, name: Option<NameKey>, key_id: Option<&[u8]>) -> Vec<Vec<u8>> {
        let mut rows: Vec<usize> = name.into_iter().flat_map(|name| under(self.by_name, name).map(usize::from)).collect();
        if let Some(start) = key_id.and_then(|id| id.first_chunk::<4>()) {
            let id_of = |at: usize| self.rows.row::<1>(at)[0];
            let first = partition(self.rows.len(), |at| id_of(at) < start.as_slice());
            rows.extend((first..self.rows.len()).take_while(|&at| id_of(at) == start).filter(|at| !rows.contains(at)).collect::<Vec<_>>());
        }
        rows.iter().take(MAX_KEYS).map(|&at| self.spki(at)).collect()
    }

    /// Returns until when, in UNIX seconds, a certificate of this name with a key that is not here was valid.
    pub(super) fn gap(self, name: NameKey) -> Option<i64> {
        under(self.gaps, name).next().map(|day| (i64::from(day) + 1) * 86_400)
    }

    fn spki(self, at: usize) -> Vec<u8> {
        let [_, exponent, modulus] = self.rows.row(at);
        rsa_spki(modulus, if exponent.is_empty() { &[1, 0, 1] } else { exponent })
    }
}

/// The numbers kept for a name.
fn under(sorted: &'static [[u8; 7]], name: NameKey) -> impl Iterator<Item = u16> {
    let name_of = |at: usize| sorted.get(at).and_then(|entry| entry.first_chunk::<5>()).copied().unwrap_or([0xff; 5]);
    let start = partition(sorted.len(), |at| name_of(at) < name);
    let same = sorted.iter().skip(start).take_while(move |entry| entry.starts_with(&name));
    same.map(|[.., low, high]| u16::from_le_bytes([*low, *high]))
}

/// Writes the SubjectPublicKeyInfo of an RSA key (RFC 3279 §2.3.1): magnitudes without leading zeroes.
pub fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let integer = |magnitude: &[u8]| {
        let sign: &[u8] = if magnitude.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
        der::write(der::INTEGER, &[sign, magnitude].concat())
    };
    let key = der::write(der::SEQUENCE, &[integer(modulus), integer(exponent)].concat());
    let bits = der::write(der::BIT_STRING, &[&[0], key.as_slice()].concat());
    der::write(der::SEQUENCE, &[RSA_ENCRYPTION, bits.as_slice()].concat())
}

/// AlgorithmIdentifier of rsaEncryption with NULL parameters, with its header.
const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// The names of authorities below or at a public anchor: 257 `u16` ends of the buckets by the first
/// octet, then the other four octets of each, sorted.
pub(super) fn is_authority_name(name: NameKey) -> bool {
    let (ends, entries) = NAMES.split_at_checked(2 * 257).unwrap_or_default();
    let (ends, _) = ends.as_chunks::<2>();
    let (entries, _) = entries.as_chunks::<4>();
    let [bucket, rest @ ..] = name;
    let end = |at: usize| ends.get(at).map(|end| usize::from(u16::from_le_bytes(*end)));
    let (start, end) = (end(usize::from(bucket)), end(usize::from(bucket) + 1));
    start.zip(end).and_then(|(start, end)| entries.get(start..end)).is_some_and(|entries| entries.contains(&rest))
}

static NAMES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/authority-names.bin"));
