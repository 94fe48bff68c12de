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
    if CERTIFICATES.contains(&prefix(&certificate.0)) {
        Disclosure::Certificate
    } else if KEYS.contains(&prefix(&spki.0)) {
        Disclosure::Key
    } else {
        Disclosure::Undisclosed
    }
}

static CERTIFICATES: LazyLock<Prefixes> =
    LazyLock::new(|| Prefixes::new(include_bytes!(concat!(env!("OUT_DIR"), "/disclosed-certificates.bin"))));
static KEYS: LazyLock<Prefixes> = LazyLock::new(|| Prefixes::new(include_bytes!(concat!(env!("OUT_DIR"), "/disclosed-keys.bin"))));
