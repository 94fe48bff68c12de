//! From a record to what is told of it: read, current or not, and what the rules say.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mintwatch_validator::audit::{AuditFinding, audit, role};
use mintwatch_validator::evidence::Sha256;
use mintwatch_validator::report::Role;
use mintwatch_validator::tables::{Disclosure, Tables};
use mintwatch_validator::{Certificate, Unreadable};

use crate::certificates::{Encoding, Found, Place, Trouble, decode};

/// What is asked of every certificate.
#[derive(Debug)]
pub struct Question<'t> {
    /// The knowledge of the world.
    pub tables: &'t Tables,
    /// When, in UNIX seconds.
    pub at: i64,
    /// Expired certificates are asked too.
    pub expired_too: bool,
    /// Ids of the rules to ask.
    pub rules: Vec<&'static str>,
    /// What was said of undisclosed CAs: signatures are verified for those, and a database may hold one a thousand times.
    pub(super) remembered: Mutex<HashMap<Sha256, Vec<AuditFinding>>>,
}

/// How many undisclosed CAs are remembered.
const MOST_REMEMBERED: usize = 4_096;

impl<'t> Question<'t> {
    /// Asks every rule of these, at a UNIX second.
    pub fn new(tables: &'t Tables, at: i64, rules: Vec<&'static str>) -> Self {
        Self { tables, at, expired_too: false, rules, remembered: Mutex::default() }
    }

    /// Asks expired certificates too.
    #[must_use]
    pub fn of_expired_too(mut self, expired_too: bool) -> Self {
        self.expired_too = expired_too;
        self
    }

    fn ask(&self, certificate: &Certificate<'_>) -> Vec<AuditFinding> {
        let disclosure = || self.tables.disclosure(&certificate.sha256, &certificate.spki_sha256);
        if !certificate.is_ca || disclosure() != Disclosure::Undisclosed {
            return audit(certificate, self.tables, self.at);
        }
        // Whoever asks first, the answer is the same; a thread that died has written none in half.
        let remembered = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(findings) = remembered().get(&certificate.sha256) {
            return findings.clone();
        }
        let findings = audit(certificate, self.tables, self.at);
        let mut memory = remembered();
        if memory.len() >= MOST_REMEMBERED {
            memory.clear();
        }
        memory.insert(certificate.sha256, findings.clone());
        findings
    }
}

/// One record, examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A certificate of which nothing is said.
    Clean(Sha256),
    /// A certificate that had expired, and is passed over.
    Expired(Sha256),
    /// A certificate of which something is said.
    Flagged(Box<Flagged>),
    /// No certificate where one should be.
    Bad(Place, Trouble),
    /// Something else, well formed.
    Other,
}

/// A certificate and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flagged {
    /// Where it stands first.
    pub place: Place,
    /// SHA-256 of the certificate.
    pub sha256: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki_sha256: Sha256,
    /// What it claims to be.
    pub role: Role,
    /// The subject, for people. Hostile text.
    pub subject: String,
    /// The issuer, for people. Hostile text.
    pub issuer: String,
    /// The serial number's contents, hexadecimal.
    pub serial: String,
    /// Start of validity, UNIX seconds.
    pub not_before: i64,
    /// End of validity, UNIX seconds.
    pub not_after: i64,
    /// What is said, in the order of the rules.
    pub findings: Vec<AuditFinding>,
}

/// Examines a batch of records.
pub fn examine(batch: Vec<Found>, question: &Question<'_>) -> Vec<Entry> {
    let mut room = Room::default();
    batch.into_iter().map(|found| entry(found, question, &mut room)).collect()
}

/// Memory that is used again for every record.
#[derive(Default)]
struct Room {
    squeezed: Vec<u8>,
    der: Vec<u8>,
}

fn entry(found: Found, question: &Question<'_>, room: &mut Room) -> Entry {
    let (place, encoding, bytes) = match found {
        Found::Record(place, encoding, bytes) => (place, encoding, bytes),
        Found::Bad(place, trouble) => return Entry::Bad(place, trouble),
        Found::Other(_) => return Entry::Other,
    };
    let der = match encoding {
        Encoding::Der => &bytes,
        Encoding::Base64 => match decode(&bytes, &mut room.squeezed, &mut room.der) {
            Ok(()) => &room.der,
            Err(trouble) => return Entry::Bad(place, trouble),
        },
    };
    match Certificate::read(der) {
        Ok(certificate) => answer(place, &certificate, question),
        Err(error) => Entry::Bad(place, trouble(&error)),
    }
}

fn trouble(error: &Unreadable) -> Trouble {
    Trouble::NotACertificate(error.to_string())
}

fn answer(place: Place, certificate: &Certificate<'_>, question: &Question<'_>) -> Entry {
    if !question.expired_too && certificate.not_after < question.at {
        return Entry::Expired(certificate.sha256);
    }
    let mut findings = question.ask(certificate);
    findings.retain(|finding| question.rules.contains(&finding.rule));
    if findings.is_empty() {
        return Entry::Clean(certificate.sha256);
    }
    Entry::Flagged(Box::new(Flagged {
        place,
        sha256: certificate.sha256,
        spki_sha256: certificate.spki_sha256,
        role: role(certificate),
        subject: certificate.subject_text(),
        issuer: certificate.issuer_text(),
        serial: data_encoding::HEXLOWER.encode(certificate.serial),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        findings,
    }))
}
