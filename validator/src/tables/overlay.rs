//! What a lab or a user adds to the compiled tables: a versioned document of its own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::anchors::{LabAnchor, Membership, Program};
use super::listed_keys::KeyKind;
use super::names::{Likeness, NameKey};
use crate::evidence::{Bytes, Host, Sha256};

/// The newest overlay format this build reads.
pub const OVERLAY_VERSION: u32 = 1;
/// The longest overlay document that [`Overlay::from_json`] reads, in bytes.
pub const MAX_OVERLAY_BYTES: usize = 16 * 1024 * 1024;
/// The most entries one list of an overlay may have.
pub const MAX_OVERLAY_ENTRIES: usize = 65_536;

/// Additions to the compiled tables. Every report made with one names its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Always `mintwatch.overlay`.
    pub format: OverlayFormat,
    /// Version of the format; see [`OVERLAY_VERSION`].
    pub version: u32,
    /// What to call it; never empty.
    pub label: String,
    /// The time it speaks for, in UNIX seconds.
    pub as_of: u64,
    /// Certificates that count as public trust anchors inside their validity, DER.
    #[serde(default)]
    pub public_anchors: Vec<Bytes>,
    /// CA certificates that count as disclosed, DER.
    #[serde(default)]
    pub disclosed: Vec<Bytes>,
    /// Listed keys.
    #[serde(default)]
    pub listed_keys: Vec<OverlayKey>,
    /// Pinned hosts.
    #[serde(default)]
    pub pins: Vec<OverlayPin>,
    /// CT logs.
    #[serde(default)]
    pub logs: Vec<OverlayLog>,
    /// Hosts to draw from in place of the compiled pool, when not empty.
    #[serde(default)]
    pub pool: Vec<OverlayPoolHost>,
    /// Which root programs have anchors of `public_anchors`, and when; an anchor that is named here is public
    /// by their word, no longer by the overlay's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<OverlayMembership>,
    /// Rules that root programs impose on keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<OverlayConstraint>,
}

/// The name that tells this document from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OverlayFormat {
    /// The only value.
    #[serde(rename = "mintwatch.overlay")]
    Overlay,
}

/// A listed key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverlayKey {
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki: Sha256,
    /// What is known of it.
    pub kind: KeyKind,
    /// What people call it.
    pub name: String,
    /// Since when that is known, in UNIX seconds; absent for always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

/// One stay of an anchor in one root program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverlayMembership {
    /// SHA-256 of the anchor's certificate, one of `public_anchors`.
    pub anchor: Sha256,
    /// The program.
    pub program: Program,
    /// From when, in UNIX seconds.
    pub from: i64,
    /// Until when, in UNIX seconds, exclusive; absent for still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// A rule that a root program imposes on keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverlayConstraint {
    /// What to call it.
    pub rule: String,
    /// Whose rule it is.
    pub program: Program,
    /// SHA-256 of the SubjectPublicKeyInfo of each key it binds.
    pub keys: Vec<Sha256>,
    /// Whether it binds wherever the key stands on a path, or only where the key is the anchor.
    #[serde(default)]
    pub anywhere: bool,
    /// From when the program applies it, in UNIX seconds.
    pub from: i64,
    /// Until when, in UNIX seconds, exclusive; absent for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Keys that free a path from it.
    #[serde(default)]
    pub exempt: Vec<Sha256>,
    /// Alternatives, one of which must hold.
    pub any_of: Vec<OverlayConditions>,
}

/// Conditions that must hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverlayConditions {
    /// The end-entity's notBefore is this moment or later, in UNIX seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_from: Option<i64>,
    /// The end-entity's notBefore is this moment or earlier, in UNIX seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_until: Option<i64>,
    /// At least one valid SCT is of this moment or earlier, in UNIX seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sct_until: Option<i64>,
    /// DNS names that hold every name of the end-entity; empty: any name.
    #[serde(default)]
    pub names: Vec<String>,
    /// SHA-256 of the only end-entities that are taken; an empty list takes none, no list takes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<Sha256>>,
}

/// A pinned host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverlayPin {
    /// The host or domain.
    pub host: Host,
    /// Whether hosts below it are meant too.
    pub include_subdomains: bool,
    /// SHA-256 of each SubjectPublicKeyInfo, one of which must be on the path.
    pub spkis: Vec<Sha256>,
}

/// A CT log, usable at any time for any certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverlayLog {
    /// Who runs it.
    pub operator: String,
    /// Its key, a SubjectPublicKeyInfo in DER.
    pub spki: Bytes,
}

/// A host to draw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverlayPoolHost {
    /// Its name.
    pub host: Host,
    /// Who runs it; empty for unknown.
    pub operator: String,
    /// What it is for.
    pub class: String,
    /// The CA owners it is known to use; empty: nothing is expected.
    #[serde(default)]
    pub expected_owners: Vec<String>,
}

/// Why an overlay cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverlayError {
    /// Larger than [`MAX_OVERLAY_BYTES`].
    #[error("overlay of {0} bytes is over the limit of {MAX_OVERLAY_BYTES}")]
    TooLarge(usize),
    /// A list longer than [`MAX_OVERLAY_ENTRIES`].
    #[error("overlay has {0} entries in `{1}`, over the limit of {MAX_OVERLAY_ENTRIES}")]
    TooMany(usize, &'static str),
    /// Not JSON, or JSON of another kind.
    #[error("not an overlay: {0}")]
    NotOverlay(#[source] serde_json::Error),
    /// Written for a newer Mintwatch.
    #[error("overlay version {0} is newer than this build reads (up to {OVERLAY_VERSION})")]
    Newer(u32),
    /// A version that never existed.
    #[error("overlay version {0} does not exist")]
    NoSuchVersion(u32),
    /// No label: a report could not say what it rests on.
    #[error("overlay has no label")]
    NoLabel,
    /// A second overlay over the first.
    #[error("tables already have the overlay {0:?}")]
    Already(String),
    /// An entry that is no certificate.
    #[error("entry {0} of `{1}` is not a certificate")]
    NotACertificate(usize, &'static str),
}

impl Overlay {
    /// Returns an overlay that adds nothing.
    pub fn new(label: &str, as_of: u64) -> Self {
        Self {
            format: OverlayFormat::Overlay,
            version: OVERLAY_VERSION,
            label: label.to_owned(),
            as_of,
            public_anchors: Vec::new(),
            disclosed: Vec::new(),
            listed_keys: Vec::new(),
            pins: Vec::new(),
            logs: Vec::new(),
            pool: Vec::new(),
            memberships: Vec::new(),
            constraints: Vec::new(),
        }
    }

    /// Reads one document.
    ///
    /// # Errors
    /// [`OverlayError::Newer`] before anything else is looked at, so that a newer document is not
    /// called broken; the others as their names say.
    pub fn from_json(text: &[u8]) -> Result<Self, OverlayError> {
        #[derive(Deserialize)]
        struct Head {
            #[allow(dead_code, reason = "read only to prove that the document is an overlay")]
            format: OverlayFormat,
            version: u32,
        }
        if text.len() > MAX_OVERLAY_BYTES {
            return Err(OverlayError::TooLarge(text.len()));
        }
        let head: Head = serde_json::from_slice(text).map_err(OverlayError::NotOverlay)?;
        known_version(head.version)?;
        serde_json::from_slice(text).map_err(OverlayError::NotOverlay)
    }
}

fn known_version(version: u32) -> Result<(), OverlayError> {
    match version {
        OVERLAY_VERSION => Ok(()),
        0 => Err(OverlayError::NoSuchVersion(0)),
        newer => Err(OverlayError::Newer(newer)),
    }
}

/// A CA that an overlay discloses.
#[derive(Debug)]
pub(super) struct LabAuthority {
    pub(super) sha256: Sha256,
    pub(super) spki_sha256: Sha256,
    pub(super) spki: Vec<u8>,
    pub(super) likeness: Option<Likeness>,
}

/// An overlay made ready for lookups.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) overlay: Overlay,
    pub(super) anchors: Vec<LabAnchor>,
    pub(super) disclosed: Vec<LabAuthority>,
    /// What the names of its anchors and disclosed CAs read like.
    pub(super) names: BTreeSet<NameKey>,
    /// The identifiers of the logs, in their order (RFC 6962 §3.2).
    pub(super) log_ids: Vec<Sha256>,
}

impl Applied {
    pub(super) fn new(overlay: &Overlay) -> Result<Self, OverlayError> {
        known_version(overlay.version)?;
        if overlay.label.trim().is_empty() {
            return Err(OverlayError::NoLabel);
        }
        for (count, list) in [
            (overlay.public_anchors.len(), "public_anchors"),
            (overlay.disclosed.len(), "disclosed"),
            (overlay.listed_keys.len(), "listed_keys"),
            (overlay.pins.len(), "pins"),
            (overlay.logs.len(), "logs"),
            (overlay.pool.len(), "pool"),
            (overlay.memberships.len(), "memberships"),
            (overlay.constraints.len(), "constraints"),
        ] {
            if count > MAX_OVERLAY_ENTRIES {
                return Err(OverlayError::TooMany(count, list));
            }
        }
        let mut anchors = each(&overlay.public_anchors, "public_anchors", lab_anchor)?;
        for anchor in &mut anchors {
            place(anchor, &overlay.memberships);
        }
        let disclosed = each(&overlay.disclosed, "disclosed", |der, parsed| LabAuthority {
            sha256: Sha256::of(der),
            spki_sha256: Sha256::of(parsed.public_key().raw),
            spki: parsed.public_key().raw.to_vec(),
            likeness: Likeness::of(parsed.subject().as_raw()),
        })?;
        let of_anchors = anchors.iter().filter_map(|anchor| Likeness::of(&anchor.subject));
        let names = disclosed.iter().filter_map(|ca| ca.likeness).chain(of_anchors).map(|likeness| likeness.key).collect();
        let log_ids = overlay.logs.iter().map(|log| Sha256::of(log.spki.as_slice())).collect();
        Ok(Self { overlay: overlay.clone(), anchors, disclosed, names, log_ids })
    }
}

fn each<T>(certificates: &[Bytes], list: &'static str, read: impl Fn(&[u8], &X509Certificate<'_>) -> T) -> Result<Vec<T>, OverlayError> {
    let parsed = certificates.iter().enumerate().map(|(at, der)| match X509Certificate::from_der(der.as_slice()) {
        Ok(([], parsed)) => Ok(read(der.as_slice(), &parsed)),
        _ => Err(OverlayError::NotACertificate(at + 1, list)),
    });
    parsed.collect()
}

/// Puts an anchor into the programs that the overlay names for it.
fn place(anchor: &mut LabAnchor, memberships: &[OverlayMembership]) {
    let mut stays: Vec<Membership> = memberships
        .iter()
        .filter(|stay| stay.anchor == anchor.sha256)
        .map(|stay| Membership { program: stay.program, from: stay.from, until: stay.until.unwrap_or(i64::MAX) })
        .collect();
    if !stays.is_empty() {
        stays.sort_by_key(|stay| (stay.program, stay.from));
        anchor.memberships = stays;
    }
}

fn lab_anchor(der: &[u8], parsed: &X509Certificate<'_>) -> LabAnchor {
    let subject = parsed.subject();
    let first = |texts: &mut dyn Iterator<Item = String>| texts.next();
    let organisation = first(&mut subject.iter_organization().filter_map(|at| at.as_str().ok()).map(str::to_owned));
    let common_name = first(&mut subject.iter_common_name().filter_map(|at| at.as_str().ok()).map(str::to_owned));
    // RFC 5280 §4.2.1.10: id-ce-nameConstraints is 2.5.29.30.
    let constraints = parsed.extensions().iter().find(|extension| extension.oid.as_bytes() == [0x55, 0x1d, 0x1e]);
    LabAnchor {
        sha256: Sha256::of(der),
        subject: subject.as_raw().to_vec(),
        spki: parsed.public_key().raw.to_vec(),
        name_constraints: constraints.map(|extension| extension.value.to_vec()),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        owner: organisation.clone().or_else(|| common_name.clone()).unwrap_or_default(),
        name: common_name.or(organisation).unwrap_or_default(),
        memberships: vec![Membership {
            program: Program::Lab,
            from: parsed.validity().not_before.timestamp(),
            // The last second of validity still counts.
            until: parsed.validity().not_after.timestamp().saturating_add(1),
        }],
    }
}
