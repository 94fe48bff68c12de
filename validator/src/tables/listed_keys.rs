//! Keys and certificates known to be compromised, revoked or used for interception.

use serde::{Deserialize, Serialize};

use super::packed::{Rows, day_of, text};
use crate::evidence::Sha256;

/// What is known of a listed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// Somebody else holds or held the private key.
    Compromised,
    /// Browsers refuse it, whoever holds it.
    Revoked,
    /// A server's certificate that was issued to somebody who does not hold the name.
    Misissued,
    /// It serves a product or implant that reads other people's TLS, or its private key is public.
    Interception,
    /// It serves a state for that.
    StateInterception,
}

/// A listed key or certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedKey<'t> {
    /// What is known of it.
    pub kind: KeyKind,
    /// What people call it. Certificate text: escape before showing.
    pub name: &'t str,
    /// Who lists it, several separated by `; `.
    pub source: &'t str,
    /// Since when that is known; none where an overlay does not say.
    pub since: Option<Since>,
}

/// The day from which something was known to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// In UNIX seconds.
    pub day: i64,
    /// Whether the day is that of a list only, so that the truth may be earlier.
    pub at_the_latest: bool,
}

/// Looks a hash up among the keys, or among the certificates.
pub(super) fn lookup(form: Form, sha256: &Sha256) -> Option<ListedKey<'static>> {
    let form: &[u8] = match form {
        Form::Key => b"key",
        Form::Certificate => b"certificate",
    };
    let at = super::packed::partition(LISTED.len(), |at| {
        let [row_form, row_hash] = LISTED.row::<2>(at);
        (row_form, row_hash) < (form, sha256.0.as_slice())
    });
    let [row_form, row_hash, kind, name, source, since, certainty] = LISTED.row::<7>(at);
    if (row_form, row_hash) != (form, sha256.0.as_slice()) {
        return None;
    }
    let kind = match kind {
        b"compromised" => KeyKind::Compromised,
        b"misissued" => KeyKind::Misissued,
        b"interception" => KeyKind::Interception,
        b"state-interception" => KeyKind::StateInterception,
        _ => KeyKind::Revoked,
    };
    let since = since.try_into().ok().map(|day| Since { day: day_of(day), at_the_latest: !certainty.is_empty() });
    Some(ListedKey { kind, name: text(name), source: text(source), since })
}

/// What a hash is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Key,
    Certificate,
}

static LISTED: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/listed-keys.bin")));
