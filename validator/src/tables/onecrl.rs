//! Mozilla's revoked CA certificates (OneCRL), in both forms it knows.

use std::sync::LazyLock;

use super::packed::{Prefixes, day_of, prefix};
use crate::evidence::Sha256;

/// Which form of row revoked a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationForm {
    /// By the issuer's name and the serial number.
    IssuerSerial,
    /// By the subject's name and its key, whoever issued it.
    SubjectKey,
}

/// A revocation by Mozilla.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation<'t> {
    /// Which form the row has.
    pub form: RevocationForm,
    /// The number of the bug that tells why, at bugzilla.mozilla.org, where the row has one.
    pub bug: Option<u32>,
    /// Where to read why, for people: `bug 1149603`.
    pub reference: String,
    /// Who lists it.
    pub source: &'t str,
    /// The day the row was made, or last changed where nothing older is known, in UNIX seconds.
    pub since: i64,
}

/// Returns the key of a row by issuer (Name in DER, with header) and serial number (content octets, leading zeros or not).
pub fn revocation_key_by_serial(issuer: &[u8], serial: &[u8]) -> [u8; 16] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    key(b'i', issuer, serial.get(zeros..).unwrap_or_default())
}

/// Returns the key of a row by subject (Name in DER, with header) and the hash of its SPKI.
pub fn revocation_key_by_subject(subject: &[u8], spki: &Sha256) -> [u8; 16] {
    key(b's', subject, &spki.0)
}

/// A Name says its own length, so that no other pair gives the same bytes.
fn key(form: u8, name: &[u8], detail: &[u8]) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(1 + name.len() + detail.len());
    bytes.push(form);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(detail);
    prefix(&Sha256::of(&bytes).0)
}

/// Looks a certificate up in both forms.
pub(super) fn lookup(issuer: &[u8], serial: &[u8], subject: &[u8], spki: &Sha256) -> Option<Revocation<'static>> {
    let keys = [revocation_key_by_serial(issuer, serial), revocation_key_by_subject(subject, spki)];
    let at = keys.iter().find_map(|key| REVOKED.position(key))?;
    let number = REVOKED.number(at)?;
    let bug = Some(number & 0x7fff_ffff).filter(|bug| *bug != 0);
    let (days, _) = SINCE.as_chunks::<2>();
    Some(Revocation {
        form: if number >> 31 == 0 { RevocationForm::IssuerSerial } else { RevocationForm::SubjectKey },
        bug,
        reference: bug.map_or_else(|| "no bug named".to_owned(), |bug| format!("bug {bug}")),
        source: "OneCRL",
        since: days.get(at).map_or(i64::MIN, |day| day_of(*day)),
    })
}

static REVOKED: LazyLock<Prefixes> = LazyLock::new(|| Prefixes::new(include_bytes!(concat!(env!("OUT_DIR"), "/onecrl.bin"))));
static SINCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/onecrl-since.bin"));
