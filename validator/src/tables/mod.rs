//! The dated knowledge of the world: compiled in, sorted, read where it lies.
//!
//! `cargo xtask tables` makes data/*.tsv, build.rs packs them, and nothing here changes them: a lab
//! or a user adds to them with an [`Overlay`], which every report names.

mod anchors;
mod constraints;
mod ct_logs;
mod disclosed;
mod issuers;
mod listed_keys;
mod names;
mod onecrl;
mod overlay;
mod packed;
mod pins;
mod pool;
mod products;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use anchors::{Carried, Membership, Program, PublicAnchor, Standing};
pub use constraints::{AllowList, Conditions, Constraint};
pub use ct_logs::{CtLog, LogState};
pub use disclosed::{Disclosure, KeyStanding};
#[cfg(not(target_arch = "wasm32"))]
pub use issuers::issuer_keys_file;
pub use issuers::{ISSUER_KEYS_SHA256, OtherIssuerKeys, rsa_spki};
pub use listed_keys::{KeyKind, ListedKey, Since};
pub use names::{Likeness, NameKey};
pub use onecrl::{Revocation, RevocationForm, revocation_key_by_serial, revocation_key_by_subject};
pub use overlay::{
    MAX_OVERLAY_BYTES, MAX_OVERLAY_ENTRIES, OVERLAY_VERSION, Overlay, OverlayConditions, OverlayConstraint, OverlayError, OverlayFormat,
    OverlayKey, OverlayLog, OverlayMembership, OverlayPin, OverlayPoolHost,
};
pub use pins::PinSet;
pub use pool::PoolHost;
pub use products::{NameOf, Product, ProductKind};

use crate::chain::Certificate;
use crate::evidence::{Host, Sha256};
use overlay::Applied;

/// All tables together. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Tables {
    lists: bool,
    issuers: Option<issuers::Keys>,
    overlay: Option<Arc<Applied>>,
}

/// Which table, how old, how large, from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TableVersion {
    /// Its name: that of its file, or `overlay`.
    pub name: String,
    /// The time it speaks for, in UNIX seconds: the start of the day of a compiled table.
    pub as_of: i64,
    /// How many rows it has.
    pub rows: usize,
    /// How many bytes it has as packed.
    pub bytes: usize,
    /// Where the rows came from.
    pub source: String,
    /// The licences of the sources.
    pub licence: String,
    /// After how many days its answers count as stale.
    pub stale_after_days: u32,
}

/// The version of a compiled table.
struct Compiled {
    name: &'static str,
    at: i64,
    rows: usize,
    bytes: usize,
    source: &'static str,
    licence: &'static str,
    stale_after_days: u32,
}

/// The tables that `without_lists` empties.
const LISTS: [&str; 4] = ["listed-keys", "onecrl", "pins", "pin-sets"];
/// The tables in the file that a module for browsers is handed.
const IN_FILE: [&str; 2] = ["issuers", "issuer-gaps"];

impl Tables {
    /// Returns the tables of this build; a module for browsers lacks the issuer keys until it is handed them.
    pub fn compiled() -> Self {
        Self { lists: true, issuers: issuers::compiled(), overlay: None }
    }

    /// Returns the tables with the issuer keys that modules for browsers leave out; they stay in memory for good.
    ///
    /// # Errors
    /// [`OtherIssuerKeys`] when the file is not the very one that was made with this build.
    pub fn with_issuer_keys(self, file: Vec<u8>) -> Result<Self, OtherIssuerKeys> {
        Ok(Self { issuers: Some(issuers::loaded(file)?), ..self })
    }

    /// Returns the tables as a module for browsers has them before it is handed the issuer keys.
    #[must_use]
    pub fn without_issuer_keys(self) -> Self {
        Self { issuers: None, ..self }
    }

    /// Returns whether the issuer keys are here.
    pub fn has_issuer_keys(&self) -> bool {
        self.issuers.is_some()
    }

    /// Returns the tables with listed keys, revocations and pins emptied, as they were before an incident became known.
    ///
    /// What pins made us expect is gone with them. An overlay's entries stay.
    #[must_use]
    pub fn without_lists(mut self) -> Self {
        self.lists = false;
        self
    }

    /// Returns the tables with an overlay over them.
    ///
    /// # Errors
    /// [`OverlayError`] when the overlay is of another version, has no label, is too large, holds something that is
    /// no certificate, or when there is one already.
    pub fn with_overlay(mut self, overlay: &Overlay) -> Result<Self, OverlayError> {
        if let Some(label) = self.overlay_label() {
            return Err(OverlayError::Already(label.to_owned()));
        }
        self.overlay = Some(Arc::new(Applied::new(overlay)?));
        Ok(self)
    }

    /// Returns the label of the overlay; whatever is told with these tables must name it.
    pub fn overlay_label(&self) -> Option<&str> {
        self.overlay().map(|applied| applied.overlay.label.as_str())
    }

    /// Returns the version of every table, the overlay last.
    pub fn versions(&self) -> Vec<TableVersion> {
        let compiled = VERSIONS.iter().map(|table| {
            let absent = if !self.lists && LISTS.contains(&table.name) {
                Some("emptied for this judgement")
            } else if self.issuers.is_none() && IN_FILE.contains(&table.name) {
                Some("not loaded")
            } else {
                None
            };
            TableVersion {
                name: table.name.to_owned(),
                as_of: table.at,
                rows: if absent.is_some() { 0 } else { table.rows },
                bytes: table.bytes,
                source: absent.unwrap_or(table.source).to_owned(),
                licence: table.licence.to_owned(),
                stale_after_days: table.stale_after_days,
            }
        });
        let overlay = self.overlay().map(|Applied { overlay, .. }| TableVersion {
            name: "overlay".to_owned(),
            as_of: i64::try_from(overlay.as_of).unwrap_or(i64::MAX),
            rows: overlay.public_anchors.len()
                + overlay.disclosed.len()
                + overlay.listed_keys.len()
                + overlay.pins.len()
                + overlay.logs.len()
                + overlay.pool.len()
                + overlay.memberships.len()
                + overlay.constraints.len(),
            bytes: 0,
            source: overlay.label.clone(),
            licence: String::new(),
            stale_after_days: u32::MAX,
        });
        compiled.chain(overlay).collect()
    }

    /// Returns the newest day of a compiled table, in UNIX seconds: no true clock shows less.
    pub fn issued_at(&self) -> i64 {
        VERSIONS.iter().map(|table| table.at).max().unwrap_or(0)
    }

    /// Returns the day up to which disclosure is known, in UNIX seconds; an overlay's own where it discloses something.
    pub fn disclosure_date(&self) -> i64 {
        self.date_of("disclosed")
    }

    /// Returns the day of the list of CT logs, in UNIX seconds.
    pub fn ct_logs_date(&self) -> i64 {
        VERSIONS.iter().find(|table| table.name == "ct-logs").map_or(0, |table| table.at)
    }

    /// Returns the day up to which the RSA keys of issuers are known, likewise.
    pub fn issuer_keys_date(&self) -> i64 {
        self.date_of("issuers")
    }

    fn date_of(&self, table: &str) -> i64 {
        let compiled = VERSIONS.iter().find(|known| known.name == table).map_or(0, |known| known.at);
        self.overlay()
            .filter(|applied| !applied.disclosed.is_empty())
            .map_or(compiled, |applied| i64::try_from(applied.overlay.as_of).unwrap_or(i64::MAX))
    }

    /// Returns the anchors with a subject, a Name in DER with its SEQUENCE header, byte for byte.
    pub fn anchors_by_subject<'t>(&'t self, subject: &[u8]) -> impl Iterator<Item = PublicAnchor<'t>> + use<'t> {
        let lab = self.overlay().map(|applied| applied.anchors.as_slice()).unwrap_or_default();
        let lab: Vec<_> = lab.iter().filter(|anchor| anchor.subject == subject).map(anchors::LabAnchor::as_public).collect();
        lab.into_iter().chain(anchors::by_subject(subject))
    }

    /// Returns the anchor whose certificate has a hash; an overlay's first.
    pub fn anchor(&self, sha256: &Sha256) -> Option<PublicAnchor<'_>> {
        let lab = self.overlay().and_then(|applied| applied.anchors.iter().find(|anchor| anchor.sha256 == *sha256));
        lab.map(anchors::LabAnchor::as_public).or_else(|| anchors::by_hash(sha256))
    }

    /// Returns every anchor that a root program has or had, an overlay's first.
    pub fn anchors(&self) -> impl Iterator<Item = PublicAnchor<'_>> {
        let lab = self.overlay().map(|applied| applied.anchors.as_slice()).unwrap_or_default();
        lab.iter().map(anchors::LabAnchor::as_public).chain(anchors::all())
    }

    /// Says whether a CA certificate was disclosed: it, its key, or neither.
    pub fn disclosure(&self, certificate: &Sha256, spki: &Sha256) -> Disclosure {
        let compiled = disclosed::lookup(certificate, spki);
        let added = self.overlay().map(|applied| applied.disclosed.as_slice()).unwrap_or_default();
        if compiled == Disclosure::Certificate || added.iter().any(|ca| ca.sha256 == *certificate) {
            Disclosure::Certificate
        } else if compiled == Disclosure::Key || added.iter().any(|ca| ca.spki_sha256 == *spki) {
            Disclosure::Key
        } else {
            Disclosure::Undisclosed
        }
    }

    /// Returns how root programs know a key, by the SHA-256 of its SubjectPublicKeyInfo; none when they do not.
    pub fn key_standing(&self, spki: &Sha256) -> Option<KeyStanding> {
        let applied = self.overlay();
        let added = applied.is_some_and(|applied| applied.disclosed.iter().any(|ca| ca.spki_sha256 == *spki));
        if added { Some(KeyStanding::Public) } else { disclosed::standing(spki) }
    }

    /// Returns the RSA keys of disclosed issuers that bear a name or have a key identifier, and those of listed
    /// ones, each as a SubjectPublicKeyInfo in DER; at most a few.
    ///
    /// Name and identifier are claims of whoever made the certificate: only the signature tells whose it is.
    pub fn issuer_keys(&self, name: &[u8], key_id: Option<&[u8]>) -> Vec<Vec<u8>> {
        let likeness = Likeness::of(name).map(|likeness| likeness.key);
        let added = self.overlay().map(|applied| applied.disclosed.as_slice()).unwrap_or_default();
        let added = added.iter().filter(|ca| likeness.is_some() && ca.likeness.map(|of| of.key) == likeness).map(|ca| ca.spki.clone());
        let mut keys: Vec<Vec<u8>> = added.take(issuers::MAX_KEYS).collect();
        keys.extend(self.issuers.map(|issuers| issuers.find(likeness, key_id)).unwrap_or_default());
        keys
    }

    /// Returns until when, in UNIX seconds, a disclosed RSA key of this name could sign that [`Self::issuer_keys`] does not have.
    pub fn issuer_gap(&self, name: &[u8]) -> Option<i64> {
        self.issuers?.gap(Likeness::of(name)?.key)
    }

    /// Returns whether a name reads like that of a public root or of a live CA below one.
    pub fn is_authority_name(&self, name: Likeness) -> bool {
        let applied = self.overlay();
        applied.is_some_and(|applied| applied.names.contains(&name.key)) || issuers::is_authority_name(name.key)
    }

    /// Returns whether a SubjectPublicKeyInfo is that of an anchor that a root program has or had.
    pub fn is_anchor_key(&self, spki: &[u8]) -> bool {
        self.overlay().is_some_and(|applied| applied.anchors.iter().any(|anchor| anchor.spki == spki)) || anchors::has_key(spki)
    }

    /// Returns the SubjectPublicKeyInfo of every anchor whose name reads like this one, when it is an authority's name.
    pub fn anchor_keys_named_like(&self, name: &[u8]) -> Vec<Vec<u8>> {
        let Some(likeness) = Likeness::of(name).filter(|likeness| self.is_authority_name(*likeness)) else { return Vec::new() };
        let lab = self.overlay().map(|applied| applied.anchors.as_slice()).unwrap_or_default();
        let lab = lab.iter().filter(|anchor| Likeness::of(&anchor.subject) == Some(likeness)).map(|anchor| anchor.spki.clone());
        lab.chain(anchors::keys_named_like(likeness).map(<[u8]>::to_vec)).collect()
    }

    /// Returns what is known of a key, by the SHA-256 of its SubjectPublicKeyInfo.
    pub fn listed_key(&self, spki: &Sha256) -> Option<ListedKey<'_>> {
        let added = self.overlay().and_then(|applied| applied.overlay.listed_keys.iter().find(|key| key.spki == *spki));
        added
            .map(|key| ListedKey {
                kind: key.kind,
                name: &key.name,
                source: "overlay",
                since: key.since.map(|day| Since { day, at_the_latest: false }),
            })
            .or_else(|| listed_keys::lookup(listed_keys::Form::Key, spki).filter(|_| self.lists))
    }

    /// Returns what is known of a certificate, by its SHA-256.
    pub fn listed_certificate(&self, sha256: &Sha256) -> Option<ListedKey<'_>> {
        listed_keys::lookup(listed_keys::Form::Certificate, sha256).filter(|_| self.lists)
    }

    /// Returns Mozilla's revocation of a certificate, by issuer and serial number or by subject and key.
    ///
    /// Names are DER with their headers, the serial number is its content octets, with leading zeros or without.
    pub fn revoked(&self, issuer: &[u8], serial: &[u8], subject: &[u8], spki: &Sha256) -> Option<Revocation<'_>> {
        self.lists.then(|| onecrl::lookup(issuer, serial, subject, spki)).flatten()
    }

    /// Returns the rules of root programs that bind everything below a key, of whatever time.
    pub fn constraints(&self, spki: &Sha256) -> Vec<Constraint<'_>> {
        let added = self.overlay().map(|applied| applied.overlay.constraints.as_slice()).unwrap_or_default();
        let mut found = constraints::lookup(spki);
        found.extend(added.iter().filter(|rule| rule.keys.contains(spki)).map(constraints::of_overlay));
        found
    }

    /// Returns the pins of a host, of the most specific pinned domain.
    pub fn pins(&self, host: &Host) -> Option<PinSet<'_>> {
        pins::lookup(host, self.overlay().map(|applied| &applied.overlay), self.lists)
    }

    /// Returns the interception product that holds a key, by the SHA-256 of its SubjectPublicKeyInfo. Such a key is a listed one.
    pub fn product_by_key(&self, spki: &Sha256) -> Option<Product<'_>> {
        products::by_key(spki).filter(|_| self.lists)
    }

    /// Returns the interception product that makes end-entity certificates like this one.
    ///
    /// `over_issuers_key` tells that it is over the key that signed it.
    pub fn product_by_profile(&self, certificate: &Certificate<'_>, over_issuers_key: bool) -> Option<Product<'_>> {
        products::by_profile(certificate, over_issuers_key)
    }

    /// Returns the interception product that goes by a Name, in DER with its SEQUENCE header. A name proves nothing.
    pub fn product_by_name(&self, name: &[u8], of: NameOf) -> Option<Product<'_>> {
        products::by_name(name, of)
    }

    /// Returns a CT log by its identifier (RFC 6962 §3.2).
    pub fn log(&self, id: &[u8; 32]) -> Option<CtLog<'_>> {
        let added = self
            .overlay()
            .and_then(|applied| applied.overlay.logs.iter().zip(&applied.log_ids).find(|(_, known)| known.0 == *id).map(|(log, _)| log));
        added
            .map(|log| CtLog {
                operator: &log.operator,
                description: "a log of the overlay",
                spki: log.spki.as_slice(),
                state: LogState::Usable,
                state_since: 0,
                interval: None,
            })
            .or_else(|| ct_logs::lookup(id))
    }

    /// Returns the hosts to draw from, sorted by name: the overlay's when it has any, else the compiled ones.
    pub fn pool(&self) -> Vec<PoolHost<'_>> {
        let mut added: Vec<_> = self.overlay_pool().iter().map(OverlayPoolHost::as_pool_host).collect();
        if added.is_empty() {
            return pool::compiled().map(|host| self.as_expected(host)).collect();
        }
        added.sort_by_key(|host| host.host);
        added
    }

    /// Returns who runs a host: by its own entry, else by that of the closest domain above it.
    pub fn operator(&self, host: &Host) -> Option<&str> {
        let added = self.overlay_pool().iter().find(|entry| entry.host == *host).map(|entry| entry.operator.as_str());
        let known = |operator: &&str| !operator.is_empty();
        added.filter(known).or_else(|| pool::lookup(host).map(|entry| entry.operator).filter(known)).or_else(|| pool::operator(host))
    }

    /// Returns the CA owners a host is known to use; empty: nothing is expected.
    pub fn expected_owners(&self, host: &Host) -> Vec<&str> {
        if let Some(added) = self.overlay_pool().iter().find(|entry| entry.host == *host) {
            return added.expected_owners.iter().map(String::as_str).collect();
        }
        pool::lookup(host).map(|entry| self.as_expected(entry).expected_owners).unwrap_or_default()
    }

    /// Expectations rest on pins, and go with them.
    fn as_expected<'t>(&self, mut host: PoolHost<'t>) -> PoolHost<'t> {
        if !self.lists {
            host.pinned_by.clear();
            host.expected_owners.clear();
        }
        host
    }

    fn overlay(&self) -> Option<&Applied> {
        self.overlay.as_deref()
    }

    fn overlay_pool(&self) -> &[OverlayPoolHost] {
        self.overlay().map(|applied| applied.overlay.pool.as_slice()).unwrap_or_default()
    }
}

impl OverlayPoolHost {
    fn as_pool_host(&self) -> PoolHost<'_> {
        PoolHost {
            host: self.host.as_str(),
            operator: &self.operator,
            class: &self.class,
            pinned_by: Vec::new(),
            expected_owners: self.expected_owners.iter().map(String::as_str).collect(),
        }
    }
}

#[allow(clippy::unreadable_literal, reason = "written by build.rs")]
static VERSIONS: &[Compiled] = &include!(concat!(env!("OUT_DIR"), "/versions.rs"));

#[cfg(test)]
mod tests;
