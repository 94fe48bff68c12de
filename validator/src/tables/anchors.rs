//! Public trust anchors: which root program had which key, and when.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::names::Likeness;
use super::packed::{Rows, day_of, partition, text, time};
use crate::evidence::Sha256;

/// A root program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Program {
    /// Mozilla's, for web servers.
    Mozilla,
    /// The Chrome Root Store.
    Chrome,
    /// Apple's.
    Apple,
    /// Microsoft's.
    Microsoft,
    /// Android's system store.
    Android,
    /// An overlay's: public by the word of whoever made it.
    Lab,
}

impl Program {
    /// The programs that are real, in the order of the report.
    pub const ALL: [Self; 5] = [Self::Mozilla, Self::Chrome, Self::Apple, Self::Microsoft, Self::Android];

    /// Returns the program that a table calls by this word.
    pub(super) fn by_word(word: &str) -> Option<Self> {
        match word {
            "mozilla" => Some(Self::Mozilla),
            "chrome" => Some(Self::Chrome),
            "apple" => Some(Self::Apple),
            "microsoft" => Some(Self::Microsoft),
            "android" => Some(Self::Android),
            _ => None,
        }
    }

    /// Returns the word for it in a table.
    fn word(self) -> &'static str {
        match self {
            Self::Mozilla => "mozilla",
            Self::Chrome => "chrome",
            Self::Apple => "apple",
            Self::Microsoft => "microsoft",
            Self::Android => "android",
            Self::Lab => "lab",
        }
    }

    /// Returns the name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mozilla => "Mozilla",
            Self::Chrome => "Chrome",
            Self::Apple => "Apple",
            Self::Microsoft => "Microsoft",
            Self::Android => "Android",
            Self::Lab => "the overlay",
        }
    }
}

/// Where an anchor stands with the root programs at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// These programs have it.
    Public(Vec<Program>),
    /// None has it any more; with each, the UNIX second since when it is gone.
    Retired(Vec<(Program, i64)>),
    /// None has it yet.
    NotYet,
}

/// What is known of an anchor in one program at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// The program has it.
    Yes,
    /// The program does not: it is on neither of the two lists around that time, or it was taken off.
    No,
    /// No list of the program is near enough to tell.
    NotKnown,
}

/// One stay in one program: from, in UNIX seconds, to before until (`i64::MAX`: still there).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The program.
    pub program: Program,
    /// The first time a source shows the anchor there, in UNIX seconds.
    pub from: i64,
    /// The first time a source shows it gone, in UNIX seconds; `i64::MAX` for never.
    pub until: i64,
}

/// A trust anchor that a root program has or had.
#[derive(Debug, Clone, Copy)]
pub struct PublicAnchor<'t> {
    /// SHA-256 of the certificate it was published as.
    pub sha256: Sha256,
    /// The subject, a Name in DER with its header.
    pub subject: &'t [u8],
    /// The SubjectPublicKeyInfo in DER with its header.
    pub spki: &'t [u8],
    /// The value of the certificate's nameConstraints extension (RFC 5280 §4.2.1.10), a SEQUENCE with its header.
    pub name_constraints: Option<&'t [u8]>,
    /// Start of validity in UNIX seconds.
    pub not_before: i64,
    /// End of validity in UNIX seconds, inclusive.
    pub not_after: i64,
    /// The organisation in the subject; its common name where there is none.
    pub owner: &'t str,
    /// The name people know it by. Certificate text: escape before showing.
    pub name: &'t str,
    memberships: Memberships<'t>,
}

#[derive(Debug, Clone, Copy)]
enum Memberships<'t> {
    Packed(&'t [u8]),
    /// What an overlay says of its own anchor.
    Lab(&'t [Membership]),
}

/// For how long after the last list of a program its silence about a root means that it is not there, in seconds:
/// as long as the table of anchors counts as fresh.
const SILENCE_COUNTS_FOR: i64 = 180 * 86_400;

impl<'t> PublicAnchor<'t> {
    /// Returns where it stands at a UNIX second. Says nothing about its own dates.
    pub fn standing(&self, at: i64) -> Standing {
        let mut now = Vec::new();
        let mut gone = Vec::new();
        for stay in self.memberships() {
            if stay.from <= at && at < stay.until {
                now.push(stay.program);
            } else if stay.until <= at {
                gone.push((stay.program, stay.until));
            }
        }
        match (now.is_empty(), gone.is_empty()) {
            (false, _) => Standing::Public(now),
            (true, false) => Standing::Retired(gone),
            (true, true) => Standing::NotYet,
        }
    }

    /// Returns what is known of it in one program at a UNIX second.
    ///
    /// An overlay's anchor is in no real program, and none is said to lack it, unless the overlay says where it is.
    pub fn carried_by(&self, program: Program, at: i64) -> Carried {
        let stays: Vec<Membership> = self.memberships().filter(|stay| stay.program == program).collect();
        if stays.iter().any(|stay| stay.from <= at && at < stay.until) {
            return Carried::Yes;
        }
        if program == Program::Lab
            || matches!(self.memberships, Memberships::Lab(stays) if stays.iter().all(|stay| stay.program == Program::Lab))
        {
            return Carried::NotKnown;
        }
        let (mut before, mut after) = (None, None);
        for day in days_of(program) {
            if day <= at {
                before = Some(day);
            } else if after.is_none() {
                after = Some(day);
            }
        }
        let Some(before) = before else { return Carried::NotKnown };
        let absent = match after {
            Some(next) => !stays.iter().any(|stay| stay.from > at && stay.from <= next),
            None => stays.iter().any(|stay| stay.until <= at) || at.saturating_sub(before) <= SILENCE_COUNTS_FOR,
        };
        if absent { Carried::No } else { Carried::NotKnown }
    }

    /// Returns every stay in a program, sorted by program.
    pub fn memberships(&self) -> impl Iterator<Item = Membership> + use<'t> {
        let (packed, lab) = match self.memberships {
            Memberships::Packed(packed) => (packed, &[][..]),
            Memberships::Lab(stays) => (&[][..], stays),
        };
        let (stays, _) = packed.as_chunks::<17>();
        lab.iter().copied().chain(stays.iter().filter_map(|stay| {
            let (program, times) = stay.split_first()?;
            let (from, until) = times.split_at_checked(8)?;
            let program = match program {
                0 => Program::Mozilla,
                1 => Program::Chrome,
                2 => Program::Apple,
                3 => Program::Microsoft,
                4 => Program::Android,
                _ => return None,
            };
            Some(Membership { program, from: time(from)?, until: time(until)? })
        }))
    }
}

/// An anchor that an overlay adds; owned, since the overlay may go.
#[derive(Debug, Clone)]
pub(super) struct LabAnchor {
    pub(super) sha256: Sha256,
    pub(super) subject: Vec<u8>,
    pub(super) spki: Vec<u8>,
    pub(super) name_constraints: Option<Vec<u8>>,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) memberships: Vec<Membership>,
}

impl LabAnchor {
    pub(super) fn as_public(&self) -> PublicAnchor<'_> {
        PublicAnchor {
            sha256: self.sha256,
            subject: &self.subject,
            spki: &self.spki,
            name_constraints: self.name_constraints.as_deref(),
            not_before: self.not_before,
            not_after: self.not_after,
            owner: &self.owner,
            name: &self.name,
            memberships: Memberships::Lab(&self.memberships),
        }
    }
}

/// The days on which a program's list is known, in UNIX seconds, sorted.
fn days_of(program: Program) -> impl Iterator<Item = i64> {
    let days = PROGRAMS.find::<2>(program.word().as_bytes()).next().map_or(&[][..], |[_, days]| days);
    let (days, _) = days.as_chunks::<2>();
    days.iter().map(|day| day_of(*day))
}

/// Returns whether some anchor has this SubjectPublicKeyInfo.
pub(super) fn has_key(spki: &[u8]) -> bool {
    subjects_and_keys().any(|(_, anchor)| anchor == spki)
}

/// Returns subject and SubjectPublicKeyInfo of every anchor.
fn subjects_and_keys() -> impl Iterator<Item = (&'static [u8], &'static [u8])> {
    ANCHORS.rows::<8>().map(|[.., subject, spki]| (subject, spki))
}

/// Returns the SubjectPublicKeyInfo of every anchor whose name reads like this one.
pub(super) fn keys_named_like(likeness: Likeness) -> impl Iterator<Item = &'static [u8]> {
    static READ: LazyLock<Vec<(Option<Likeness>, &'static [u8])>> =
        LazyLock::new(|| subjects_and_keys().map(|(subject, spki)| (Likeness::of(subject), spki)).collect());
    READ.iter().filter(move |(read, _)| *read == Some(likeness)).map(|(_, spki)| *spki)
}

/// Returns every anchor that is compiled in.
pub(super) fn all<'t>() -> impl Iterator<Item = PublicAnchor<'t>> {
    (0..ANCHORS.len()).map(|at| -> PublicAnchor<'t> { nth(at) })
}

/// Returns the anchor with that number.
fn nth(at: usize) -> PublicAnchor<'static> {
    let [sha256, programs, not_before, not_after, owner, name, subject, spki, constraints] = ANCHORS.row(at);
    PublicAnchor {
        sha256: Sha256(sha256.try_into().unwrap_or_default()),
        subject,
        spki,
        name_constraints: Some(constraints).filter(|constraints| !constraints.is_empty()),
        not_before: time(not_before).unwrap_or(i64::MAX),
        not_after: time(not_after).unwrap_or(i64::MIN),
        owner: text(owner),
        name: text(name),
        memberships: Memberships::Packed(programs),
    }
}

/// Returns the anchors with a subject.
pub(super) fn by_subject<'t>(subject: &[u8]) -> impl Iterator<Item = PublicAnchor<'t>> + use<'t> {
    let (order, _) = BY_SUBJECT.as_chunks::<2>();
    let number = |at: usize| order.get(at).map_or(usize::MAX, |number| usize::from(u16::from_le_bytes(*number)));
    let subject_of = |at: usize| {
        let [.., subject] = ANCHORS.row::<7>(number(at));
        subject
    };
    let start = partition(order.len(), |at| subject_of(at) < subject);
    let end = partition(order.len(), |at| subject_of(at) <= subject);
    (start..end).map(move |at| -> PublicAnchor<'t> { nth(number(at)) })
}

/// Returns the anchor with a hash.
pub(super) fn by_hash(sha256: &Sha256) -> Option<PublicAnchor<'static>> {
    let at = partition(ANCHORS.len(), |at| ANCHORS.row::<1>(at)[0] < sha256.0.as_slice());
    let [found] = ANCHORS.row::<1>(at);
    (found == sha256.0).then(|| nth(at))
}

static ANCHORS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/anchors.bin")));
static PROGRAMS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/programs.bin")));
static BY_SUBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/anchors-by-subject.bin"));
