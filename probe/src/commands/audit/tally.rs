//! Counts what an audit saw, and remembers which certificates it saw already.

use std::collections::{BTreeMap, HashSet};

use mintwatch_validator::evidence::Sha256;
use mintwatch_validator::report::Role;
use mintwatch_validator::verdict::Severity;

use super::entry::Entry;

/// How many different certificates are remembered, by 128 bits of their hash: some 40 MiB. A copy of one that came
/// later than these is told again.
pub const MOST_REMEMBERED: usize = 1 << 20;

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Certificates read, each once, expired ones included.
    pub certificates: u64,
    /// Copies of certificates read before.
    pub copies: u64,
    /// Certificates that had expired and were passed over.
    pub expired: u64,
    /// Certificates of which something was said.
    pub flagged: u64,
    /// Well-formed records that are no certificates.
    pub others: u64,
    /// Records that could not be read.
    pub bad_records: u64,
    /// Files without any certificate.
    pub empty_files: u64,
    /// Files that could not be opened or read on.
    pub unreadable_files: u64,
    /// The worst that was said.
    pub worst: Option<Severity>,
    /// How many certificates each rule spoke of, by severity and role.
    pub by_rule: BTreeMap<&'static str, Spoken>,
    remembered: HashSet<[u8; 16]>,
}

/// What one rule said.
#[derive(Debug, Default, Clone)]
pub struct Spoken {
    /// How many certificates at each severity.
    pub at: BTreeMap<Severity, u64>,
    /// … of these, subordinate CAs.
    pub subordinates: u64,
    /// … end-entities.
    pub end_entities: u64,
    /// … and self-issued ones.
    pub self_issued: u64,
}

impl Spoken {
    /// Returns of how many certificates it spoke.
    pub fn total(&self) -> u64 {
        self.at.values().sum()
    }

    /// Returns the worst it said.
    pub fn worst(&self) -> Severity {
        self.at.keys().next_back().copied().unwrap_or(Severity::Info)
    }
}

impl Tally {
    /// Begins to count.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an entry; says whether it is news.
    pub fn count(&mut self, entry: &Entry) -> bool {
        match entry {
            Entry::Clean(sha256) | Entry::Expired(sha256) => {
                let is_news = self.count_certificate(sha256);
                self.expired += u64::from(is_news && matches!(entry, Entry::Expired(_)));
                is_news
            }
            Entry::Flagged(flagged) => {
                if !self.count_certificate(&flagged.sha256) {
                    return false;
                }
                self.flagged += 1;
                for finding in &flagged.findings {
                    self.worst = self.worst.max(Some(finding.severity));
                    let spoken = self.by_rule.entry(finding.rule).or_default();
                    *spoken.at.entry(finding.severity).or_default() += 1;
                    match flagged.role {
                        Role::EndEntity => spoken.end_entities += 1,
                        Role::SelfIssued => spoken.self_issued += 1,
                        Role::Subordinate | Role::Unreadable => spoken.subordinates += 1,
                    }
                }
                true
            }
            Entry::Bad(place, trouble) => {
                match (trouble.is_of_file(), place.record) {
                    (true, _) => self.unreadable_files += 1,
                    (false, 0) => self.empty_files += 1,
                    (false, _) => self.bad_records += 1,
                }
                true
            }
            Entry::Other => {
                self.others += 1;
                false
            }
        }
    }

    /// Says whether the memory for copies is used up.
    pub fn forgets(&self) -> bool {
        self.remembered.len() >= MOST_REMEMBERED
    }

    fn count_certificate(&mut self, sha256: &Sha256) -> bool {
        let (key, _) = sha256.0.as_chunks::<16>();
        let key = key.first().copied().unwrap_or_default();
        let is_news = if self.forgets() { !self.remembered.contains(&key) } else { self.remembered.insert(key) };
        if is_news {
            self.certificates += 1;
        } else {
            self.copies += 1;
        }
        is_news
    }
}
