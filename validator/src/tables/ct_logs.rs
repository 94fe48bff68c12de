//! The Certificate Transparency logs that browsers know (RFC 6962 §3.2, static-ct).

use serde::Serialize;

use super::packed::{Rows, text, time};

/// What a log may be relied on for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LogState {
    /// Known, not yet counted on.
    Pending,
    /// About to be counted on.
    Qualified,
    /// Takes certificates, and its SCTs count.
    Usable,
    /// Takes none any more; its SCTs of before still count.
    ReadOnly,
    /// No longer counted on; SCTs of before `state_since` may still count.
    Retired,
    /// Never counted on.
    Rejected,
}

/// A log.
#[derive(Debug, Clone, Copy)]
pub struct CtLog<'t> {
    /// Who runs it.
    pub operator: &'t str,
    /// Its name.
    pub description: &'t str,
    /// Its key, a SubjectPublicKeyInfo in DER.
    pub spki: &'t [u8],
    /// Its state.
    pub state: LogState,
    /// Since when, in UNIX seconds.
    pub state_since: i64,
    /// The `notAfter` times it takes certificates for, in UNIX seconds, the end exclusive; none: any.
    pub interval: Option<(i64, i64)>,
}

impl CtLog<'_> {
    /// Returns whether an SCT of this time, for a certificate that ends at `not_after`, counts: both in UNIX seconds.
    ///
    /// As in Chrome's CT policy: SCTs from before a log was retired go on to count, and a log for some expiry times
    /// takes no others.
    pub fn counts(&self, sct_at: i64, not_after: i64) -> bool {
        let state = match self.state {
            LogState::Usable | LogState::ReadOnly | LogState::Qualified => true,
            LogState::Retired => sct_at < self.state_since,
            LogState::Pending | LogState::Rejected => false,
        };
        state && self.interval.is_none_or(|(start, end)| (start..end).contains(&not_after))
    }
}

/// Looks a log up by its identifier, the SHA-256 of its key (RFC 6962 §3.2).
pub(super) fn lookup(id: &[u8; 32]) -> Option<CtLog<'static>> {
    let [_, operator, description, _, state, since, start, end, key] = LOGS.find::<9>(id).next()?;
    Some(CtLog {
        operator: text(operator),
        description: text(description),
        spki: key,
        state: match state {
            b"pending" => LogState::Pending,
            b"qualified" => LogState::Qualified,
            b"usable" => LogState::Usable,
            b"readonly" => LogState::ReadOnly,
            b"retired" => LogState::Retired,
            _ => LogState::Rejected,
        },
        state_since: time(since)?,
        interval: time(start).zip(time(end)),
    })
}

/// Returns every log with its identifier.
#[cfg(test)]
pub(super) fn ids() -> impl Iterator<Item = [u8; 32]> {
    LOGS.rows::<1>().filter_map(|[id]| id.try_into().ok())
}

static LOGS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/ct-logs.bin")));
