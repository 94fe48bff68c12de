//! Which CA certificates and keys root programs were told of (Mozilla Root Store Policy §5.3.2).

use std::sync::LazyLock;

use serde::Serialize;

use super::packed::{Prefixes, prefix};
use crate::evidence::Sha256;

/// How much of a CA certificate was disclosed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Disclosure {
    /// This very certificate.
    Certificate,
    /// Another certificate with the same key.
    Key,
    /// Neither, up to the date of the table.
    Undisclosed,
}

/// Looks a certificate up; its hash speaks before its key's.
pub(super) fn lookup(certificate: &Sha256, spki: &Sha256) -> Disclosure {
    if is_listed(certificate) {
        Disclosure::Certificate
    } else if KEYS.contains(&prefix(&spki.0)) {
        Disclosure::Key
    } else {
        Disclosure::Undisclosed
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn is_listed(certificate: &Sha256) -> bool {
    CERTIFICATES.contains(&prefix(&certificate.0))
}

/// Every listed certificate's key is listed as well, and the judge asks whether anything is disclosed: only an audit tells
/// certificate and key apart. So a module for browsers goes without 170 kB of hashes, which no packer makes smaller.
#[cfg(target_arch = "wasm32")]
fn is_listed(_: &Sha256) -> bool {
    false
}

/// How a key that somebody signed with is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyStanding {
    /// Disclosed, and on the day of the table of a live authority below a root that some program carried.
    Public,
    /// Disclosed at some time.
    Disclosed,
}

/// Looks a key up.
pub(super) fn standing(spki: &Sha256) -> Option<KeyStanding> {
    let at = KEYS.position(&prefix(&spki.0))?;
    let public = PUBLIC.get(at / 8).is_some_and(|octet| octet >> (at % 8) & 1 == 1);
    Some(if public { KeyStanding::Public } else { KeyStanding::Disclosed })
}

/// One bit for each of [`KEYS`], the lowest first.
static PUBLIC: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/disclosed-keys-public.bin"));
#[cfg(not(target_arch = "wasm32"))]
static CERTIFICATES: LazyLock<Prefixes> =
    LazyLock::new(|| Prefixes::new(include_bytes!(concat!(env!("OUT_DIR"), "/disclosed-certificates.bin"))));
static KEYS: LazyLock<Prefixes> = LazyLock::new(|| Prefixes::new(include_bytes!(concat!(env!("OUT_DIR"), "/disclosed-keys.bin"))));
