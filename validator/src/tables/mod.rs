//! Dated knowledge of the world (overlay only until the compiled tables land).
use serde::{Deserialize, Serialize};

use crate::evidence::{Bytes, Host, Sha256};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Program { Mozilla, Chrome, Apple, Microsoft, Android, Lab }
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TableVersion { pub name: String, pub as_of: i64, pub rows: usize, pub bytes: usize, pub source: String, pub licence: String, pub stale_after_days: u32 }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure { Certificate, Key, Undisclosed }
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind { Compromised, Revoked, Interception, StateInterception }
#[derive(Debug, Clone, Copy)]
pub struct ListedKey<'t> { pub kind: KeyKind, pub name: &'t str, pub source: &'t str }
#[derive(Debug, Clone, Copy)]
pub struct Revocation<'t> { pub reference: &'t str }
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing { Public(Vec<Program>), Retired(Vec<(Program, i64)>), NotYet }
#[derive(Debug, Clone)]
pub struct PublicAnchor<'t> { pub sha256: Sha256, pub subject: &'t [u8], pub spki: &'t [u8], pub name_constraints: Option<&'t [u8]>, pub not_before: i64, pub not_after: i64, pub owner: &'t str, pub name: &'t str }
impl PublicAnchor<'_> { pub fn standing(&self, at: i64) -> Standing { if (self.not_before..=self.not_after).contains(&at) { Standing::Public(vec![Program::Lab]) } else { Standing::NotYet } } }
#[derive(Debug, Clone)]
pub struct PinSet<'t> { pub name: &'t str, spkis: &'t [Sha256], as_of: i64 }
impl PinSet<'_> { pub fn contains(&self, k: &Sha256) -> bool { self.spkis.contains(k) } pub fn is_current(&self, at: i64) -> bool { at <= self.as_of + 70 * 86400 } }
#[derive(Debug, Clone, Copy)]
pub struct CtLog<'t> { pub operator: &'t str, pub spki: &'t [u8] }
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Overlay { pub label: String, pub as_of: u64, pub public_anchors: Vec<Bytes>, pub disclosed: Vec<Bytes>, pub listed_keys: Vec<OverlayKey>, pub pins: Vec<OverlayPin>, pub logs: Vec<OverlayLog>, pub pool: Vec<OverlayPoolHost> }
impl Overlay { pub fn from_json(t: &[u8]) -> Result<Self, OverlayError> { serde_json::from_slice(t).map_err(|e| OverlayError(e.to_string())) } pub fn new(label: &str, as_of: u64) -> Self { Self { label: label.to_owned(), as_of, public_anchors: vec![], disclosed: vec![], listed_keys: vec![], pins: vec![], logs: vec![], pool: vec![] } } }
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverlayKey { pub spki: Sha256, pub kind: KeyKind, pub name: String }
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverlayPin { pub host: Host, pub include_subdomains: bool, pub spkis: Vec<Sha256> }
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverlayLog { pub operator: String, pub spki: Bytes }
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverlayPoolHost { pub host: Host, pub operator: String, pub class: String, pub expected_owners: Vec<String> }
#[derive(Debug, thiserror::Error)]
#[error("overlay: {0}")]
pub struct OverlayError(String);
#[derive(Debug, Clone)]
struct Own { sha256: Sha256, subject: Vec<u8>, spki: Vec<u8>, nb: i64, na: i64, owner: String, name: String }
#[derive(Debug, Clone)]
pub struct Tables { overlay: Option<Overlay>, anchors: Vec<Own>, disclosed: Vec<(Sha256, Sha256)> }
impl Tables {
    pub fn compiled() -> Self { Self { overlay: None, anchors: vec![], disclosed: vec![] } }
    pub fn with_overlay(mut self, o: &Overlay) -> Result<Self, OverlayError> {
        for der in &o.public_anchors {
            let c = crate::Certificate::read(der.as_slice()).map_err(|e| OverlayError(e.to_string()))?;
            let t = c.subject_text();
            let owner = t.split(", ").find_map(|p| p.strip_prefix("O=")).unwrap_or_default().to_owned();
            self.anchors.push(Own { sha256: c.sha256, subject: c.subject.to_vec(), spki: c.spki.to_vec(), nb: c.not_before, na: c.not_after, owner, name: t });
        }
        for der in &o.disclosed {
            let c = crate::Certificate::read(der.as_slice()).map_err(|e| OverlayError(e.to_string()))?;
            self.disclosed.push((c.sha256, c.spki_sha256));
        }
        self.overlay = Some(o.clone());
        Ok(self)
    }
    pub fn without_lists(self) -> Self { self }
    pub fn overlay_label(&self) -> Option<&str> { self.overlay.as_ref().map(|o| o.label.as_str()) }
    pub fn versions(&self) -> Vec<TableVersion> { vec![] }
    pub fn issued_at(&self) -> i64 { 0 }
    pub fn disclosure_date(&self) -> i64 { self.overlay.as_ref().map_or(0, |o| i64::try_from(o.as_of).unwrap_or(0)) }
    fn view(o: &Own) -> PublicAnchor<'_> { PublicAnchor { sha256: o.sha256, subject: &o.subject, spki: &o.spki, name_constraints: None, not_before: o.nb, not_after: o.na, owner: &o.owner, name: &o.name } }
    pub fn anchors_by_subject<'t>(&'t self, subject: &[u8]) -> impl Iterator<Item = PublicAnchor<'t>> { self.anchors.iter().filter(move |a| a.subject == subject).map(Self::view) }
    pub fn anchor(&self, s: &Sha256) -> Option<PublicAnchor<'_>> { self.anchors.iter().find(|a| a.sha256 == *s).map(Self::view) }
    pub fn disclosure(&self, c: &Sha256, k: &Sha256) -> Disclosure { if self.disclosed.iter().any(|d| d.0 == *c) { Disclosure::Certificate } else if self.disclosed.iter().any(|d| d.1 == *k) { Disclosure::Key } else { Disclosure::Undisclosed } }
    pub fn listed_key(&self, s: &Sha256) -> Option<ListedKey<'_>> { self.overlay.as_ref()?.listed_keys.iter().find(|k| k.spki == *s).map(|k| ListedKey { kind: k.kind, name: &k.name, source: "overlay" }) }
    pub fn listed_certificate(&self, _: &Sha256) -> Option<ListedKey<'_>> { None }
    pub fn revoked(&self, _: &[u8], _: &[u8], _: &[u8], _: &Sha256) -> Option<Revocation<'_>> { None }
    pub fn pins(&self, h: &Host) -> Option<PinSet<'_>> { let o = self.overlay.as_ref()?; o.pins.iter().find(|p| p.host == *h).map(|p| PinSet { name: "overlay", spkis: &p.spkis, as_of: self.disclosure_date() }) }
    pub fn log(&self, id: &[u8; 32]) -> Option<CtLog<'_>> { self.overlay.as_ref()?.logs.iter().find(|l| Sha256::of(l.spki.as_slice()).0 == *id).map(|l| CtLog { operator: &l.operator, spki: l.spki.as_slice() }) }
    pub fn operator(&self, h: &Host) -> Option<&str> { self.overlay.as_ref()?.pool.iter().find(|p| p.host == *h).map(|p| p.operator.as_str()) }
    pub fn expected_owners(&self, h: &Host) -> Vec<&str> { self.overlay.iter().flat_map(|o| &o.pool).filter(|p| p.host == *h).flat_map(|p| p.expected_owners.iter().map(String::as_str)).collect() }
}
