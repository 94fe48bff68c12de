//! The suite as x509-limbo publishes it, and its cases as we ask them.

use std::fmt;
use std::fs;
use std::path::Path;

use data_encoding::BASE64_MIME_PERMISSIVE;
use mintwatch_validator::paths::{self, Refusal};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::trouble::Trouble;

/// One question: would a TLS client take this chain for this host at this moment?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The suite's name for it.
    pub id: String,
    /// The end-entity and whatever came with it, in DER.
    pub chain: Vec<Vec<u8>>,
    /// The trust anchors, in DER.
    pub anchors: Vec<Vec<u8>>,
    /// The host; none when any will do.
    pub host: Option<String>,
    /// The moment, in UNIX seconds.
    pub at: i64,
    /// Whether the answer is yes.
    pub accept: bool,
    /// What it asks beyond server validation, such as `client`, `key-usage` or a feature of the suite.
    pub asks: Vec<String>,
}

/// What we answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As the suite does.
    Right,
    /// Yes, where the suite says no.
    FalseAccept,
    /// No, where the suite says yes.
    FalseReject(Refusal),
}

impl Case {
    /// Asks it.
    pub fn ask(&self) -> Answer {
        let chain: Vec<&[u8]> = self.chain.iter().map(Vec::as_slice).collect();
        let anchors: Vec<&[u8]> = self.anchors.iter().map(Vec::as_slice).collect();
        match (paths::verify(&chain, &anchors, self.host.as_deref(), self.at), self.accept) {
            (Ok(()), true) | (Err(_), false) => Answer::Right,
            (Ok(()), false) => Answer::FalseAccept,
            (Err(refusal), true) => Answer::FalseReject(refusal),
        }
    }

    /// Returns whether BetterTLS made it.
    pub fn is_bettertls(&self) -> bool {
        self.id.starts_with("bettertls::")
    }

    /// Returns the class that it counts in.
    pub fn class(&self) -> &str {
        let parts = if self.is_bettertls() { 2 } else { 1 };
        let end = self.id.match_indices("::").nth(parts - 1).map_or(self.id.len(), |(at, _)| at);
        self.id.get(..end).unwrap_or(&self.id)
    }
}

impl Answer {
    /// Returns whether the suite answers otherwise.
    pub fn is_wrong(&self) -> bool {
        *self != Self::Right
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right => write!(f, "right"),
            Self::FalseAccept => write!(f, "false accept"),
            Self::FalseReject(refusal) => write!(f, "false reject: {refusal:?}"),
        }
    }
}

#[derive(Deserialize)]
struct Suite {
    version: u32,
    testcases: Vec<Limbo>,
}

#[derive(Deserialize)]
struct Limbo {
    id: String,
    features: Vec<String>,
    validation_kind: String,
    trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    key_usage: Vec<String>,
    expected_result: String,
    expected_peer_name: Option<Peer>,
}

#[derive(Deserialize)]
struct Peer {
    value: String,
}

/// 2026-11-24T00:00:00Z: when cases without a moment of their own are asked. They are valid for a thousand years.
const TODAY: i64 = 1_795_478_400;

/// Reads the suite.
///
/// # Errors
/// When the file cannot be read or is not the suite's first version.
pub(super) fn read(file: &Path) -> Result<Vec<Case>, Trouble> {
    let bytes = fs::read(file).map_err(|error| Trouble::file("read", file, error))?;
    let bytes =
        if bytes.starts_with(&ZSTD) { zstd::decode_all(&bytes[..]).map_err(|error| Trouble::file("unpack", file, error))? } else { bytes };
    let suite: Suite = serde_json::from_slice(&bytes).map_err(|error| Trouble::file("read", file, error))?;
    if suite.version != 1 {
        return Err(Trouble::new(format!("`{}` is version {} of the suite, and we read 1", file.display(), suite.version)));
    }
    suite.testcases.into_iter().map(Limbo::into_case).collect()
}

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Limbo {
    fn into_case(self) -> Result<Case, Trouble> {
        let moment = |text: &str| OffsetDateTime::parse(text, &Rfc3339).map(OffsetDateTime::unix_timestamp);
        let at = self.validation_time.as_deref().map_or(Ok(TODAY), moment);
        let at = at.map_err(|error| Trouble::new(format!("{}: {error}", self.id)))?;
        let mut asks = self.features;
        if self.validation_kind != "SERVER" {
            asks.push("client".to_owned());
        }
        if !self.key_usage.is_empty() {
            asks.push("key-usage".to_owned());
        }
        let sent = [self.peer_certificate].into_iter().chain(self.untrusted_intermediates);
        Ok(Case {
            chain: sent.map(|pem| der(&self.id, &pem)).collect::<Result<_, _>>()?,
            anchors: self.trusted_certs.iter().map(|pem| der(&self.id, pem)).collect::<Result<_, _>>()?,
            host: self.expected_peer_name.map(|peer| peer.value),
            at,
            accept: self.expected_result == "SUCCESS",
            asks,
            id: self.id,
        })
    }
}

fn der(id: &str, pem: &str) -> Result<Vec<u8>, Trouble> {
    let body = pem.split("-----BEGIN CERTIFICATE-----").nth(1).and_then(|rest| rest.split("-----END").next()).unwrap_or(pem);
    BASE64_MIME_PERMISSIVE.decode(body.trim().as_bytes()).map_err(|error| Trouble::new(format!("{id}: {error}")))
}
