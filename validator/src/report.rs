//! The answer: evidence, outcomes, verdict and the dates of the tables, as one versioned document.

use serde::{Deserialize, Serialize};

use crate::evidence::{ChainForm, FailureClass, Families, Host, Sha256, Transport};
use crate::finding::{Facet, Finding, Place};
use crate::paths::Refusal;
use crate::tables::{Program, TableVersion};
use crate::verdict::{self, Verdict};

/// The newest report format this build writes and reads.
pub const REPORT_VERSION: u32 = 1;

/// The judgement of one evidence document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Always `mintwatch.report`.
    pub format: ReportFormat,
    /// Version of the format; see [`REPORT_VERSION`].
    pub version: u32,
    /// Version of the judge.
    pub judge: String,
    /// SHA-256 of the evidence as this build writes it.
    pub evidence: Sha256,
    /// When the evidence was closed, in UNIX seconds.
    pub collected_at: u64,
    /// What it all amounts to: the worst of the hosts.
    pub verdict: Verdict,
    /// Set when tables other than the compiled-in ones were used: what they are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lab_tables: Option<String>,
    /// One entry for each observation, in order.
    pub hosts: Vec<HostReport>,
    /// Everything any detector said.
    pub findings: Vec<Finding>,
    /// What asking each detector gave, in the order they were asked.
    pub asked: Vec<Asked>,
    /// What this machine trusts beyond the public root programs.
    pub surroundings: SurroundingsReport,
    /// Version and age of every table used.
    pub tables: Vec<TableUse>,
}

/// The name that tells this document from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ReportFormat {
    /// The only value.
    #[serde(rename = "mintwatch.report")]
    Report,
}

/// What is said of one observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HostReport {
    /// The host asked for.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The transport below TLS.
    pub transport: Transport,
    /// How the way there differed from a plain one, such as `ipv6`, `tls 1.2` or `starttls smtp`; empty for a plain one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub way: Vec<String>,
    /// When, in UNIX milliseconds.
    pub at: u64,
    /// How it failed, when it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<FailureClass>,
    /// What it amounts to.
    pub verdict: Verdict,
    /// What the list of certificates is; none when no certificate was seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub form: Option<ChainForm>,
    /// The certificates as they came.
    pub chain: Vec<CertificateReport>,
    /// The trust anchors that candidate paths reach.
    pub anchors: Vec<AnchorReport>,
    /// Every candidate path, signatures verified.
    pub paths: Vec<PathReport>,
    /// Whether the peer proved that it holds the end-entity key.
    pub possession: PossessionReport,
    /// Detectors that could not look, and why.
    pub could_not_look: Vec<CouldNotLook>,
}

/// One certificate, as far as people compare certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CertificateReport {
    /// SHA-256 of the certificate.
    pub sha256: Sha256,
    /// Its role, or that it cannot be read.
    pub role: Role,
    /// Subject, RFC 4514 style. Hostile text: escape before showing.
    pub subject: String,
    /// Issuer, likewise.
    pub issuer: String,
    /// Serial number in lower-case hexadecimal as encoded.
    pub serial: String,
    /// SHA-256 of the SubjectPublicKeyInfo; all zero when unreadable.
    pub spki_sha256: Sha256,
    /// Start of validity, UNIX seconds.
    pub not_before: i64,
    /// End of validity, UNIX seconds.
    pub not_after: i64,
}

/// The role a certificate plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The first certificate, whatever it says of itself.
    EndEntity,
    /// Any other certificate that is not self-issued.
    Subordinate,
    /// A self-issued certificate that came with the chain.
    SelfIssued,
    /// Bytes that are no certificate we can read.
    Unreadable,
}

/// A trust anchor that a path reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnchorReport {
    /// SHA-256 of the anchor's certificate.
    pub sha256: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki_sha256: Sha256,
    /// Its name. Hostile text when local: escape before showing.
    pub name: String,
    /// Whose it is.
    pub kind: AnchorKind,
}

/// Whose trust anchor it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AnchorKind {
    /// In these root programs when the handshake happened.
    Public(Vec<Program>),
    /// In some root program once, in none when the handshake happened.
    Retired,
    /// Added on this machine, found there.
    Local(String),
}

/// One candidate path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PathReport {
    /// Certificates from the end-entity upwards, as indices into the chain.
    pub certificates: Vec<usize>,
    /// Index of the anchor; none when the path ends nowhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub anchor: Option<usize>,
    /// Why path validation refuses it; none when it accepts it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<Refusal>,
}

/// Whether the peer proved possession of the end-entity key in this handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PossessionReport {
    /// The signature over the handshake verifies with the end-entity key.
    Proven,
    /// It does not verify.
    Refuted,
    /// Made by an algorithm or key that we cannot verify.
    Unsupported,
    /// This vantage shows no such signature.
    NotVisible,
}

/// A detector that could not look at one observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CouldNotLook {
    /// Id of the detector.
    pub detector: String,
    /// What was missing.
    pub missing: Facet,
}

/// What asking one detector gave, over all observations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Id of the detector.
    pub detector: String,
    /// Observations it spoke of.
    pub spoke: usize,
    /// Observations it looked at and had nothing to say of.
    pub silent: usize,
    /// Observations it could not look at.
    pub could_not_look: usize,
}

/// What was true around the handshakes, as far as it bears on the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SurroundingsReport {
    /// How many trust anchors this machine has, each certificate counted once; none when they were not seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub machine_anchors: Option<usize>,
    /// Those that no public root program has ever published.
    pub local_anchors: Vec<AnchorReport>,
    /// Environment variables that replace the trust store.
    pub store_overrides: Vec<String>,
    /// Environment variables that set a proxy.
    pub proxies: Vec<String>,
    /// Seconds that this machine's clock is ahead of a witness.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock_ahead_seconds: Option<i64>,
    /// Whether a captive portal answers in place of hosts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub portal: Option<bool>,
    /// Which versions of IP reach anybody.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub families: Option<Families>,
    /// Hosts of the public web for which a resolver gave an address that is not routed there (RFC 1918, RFC 4193 …).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bogons: Vec<Host>,
    /// Hosts whose answer is signed, by signatures that do not verify.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub badly_signed: Vec<Host>,
    /// How many names that nobody registered got an answer.
    #[serde(skip_serializing_if = "is_none", default)]
    pub invented_answers: usize,
    /// What nobody looked at: `clock`, `portal`, `dns` …
    pub not_looked_at: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// One table, and how old it was for this evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TableUse {
    /// The table.
    #[serde(flatten)]
    pub table: TableVersion,
    /// Days between the table's date and the evidence; negative when the table is younger.
    pub age_days: i64,
    /// Older than the table's own limit.
    pub stale: bool,
}

/// Why a document cannot be read as a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Not JSON, or JSON of another kind.
    #[error("not a report document: {0}")]
    NotReport(#[source] serde_json::Error),
    /// Written by another version.
    #[error("report version {found} is not one this build reads (it reads {REPORT_VERSION})")]
    OtherVersion {
        /// The version the document states.
        found: u32,
    },
}

impl Report {
    /// Reads one document.
    ///
    /// # Errors
    /// [`ReportError`] as its variants say.
    pub fn from_json(text: &[u8]) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            #[allow(dead_code, reason = "read only to prove that the document is a report")]
            format: ReportFormat,
            version: u32,
        }
        let head: Head = serde_json::from_slice(text).map_err(ReportError::NotReport)?;
        if head.version != REPORT_VERSION {
            return Err(ReportError::OtherVersion { found: head.version });
        }
        serde_json::from_slice(text).map_err(ReportError::NotReport)
    }

    /// Writes the document on one line, without a final newline.
    ///
    /// Text of certificates is in it. Whatever in such text could act on a terminal or a page, or hide, is written as
    /// JSON's own escape (RFC 8259 §7), so that the line can be printed or embedded as it stands.
    pub fn to_json(&self) -> String {
        inert(&serde_json::to_string(self).unwrap_or_default())
    }

    /// Returns how many hosts were asked, and of how many some way showed a certificate.
    pub fn asked_and_measured(&self) -> (usize, usize) {
        verdict::asked_and_measured(self.hosts.iter().map(|host| ((&host.host, host.port), &host.verdict)))
    }

    /// Returns what was said of one place of one observation.
    pub fn findings_at(&self, observation: usize, place: Place) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.observation == observation && finding.place == Some(place))
    }
}

/// Escapes what acts or hides in a JSON document; such letters only ever stand inside its strings.
fn inert(json: &str) -> String {
    use std::fmt::Write as _;
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        if acts(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// What begins a tag or an entity, controls, line separators, and what Unicode calls default-ignorable: what turns
/// text around (UAX #9) among it. A list of our own, so that a newer Unicode changes no byte of a report.
#[allow(clippy::match_like_matches_macro, reason = "a table of ranges, read line by line")]
fn acts(letter: char) -> bool {
    match letter {
        '<' | '>' | '&' => true,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' => true,
        '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' => true,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_hides_is_escaped_and_read_again_as_it_was() {
        let text = "a<script>&\u{1b}\u{9b}\u{7f}\u{202e}\u{2028}\u{200b}\u{feff}\u{e0041}\r\n\0\"\\ é 株 \u{1f600}";
        let written = inert(&serde_json::to_string(text).unwrap());
        assert!(!written.chars().any(acts), "{written}");
        assert!(written.contains("\\udb40\\udc41") && written.contains("é 株 \u{1f600}"), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
