//! The anchors of one machine as a document: each held against root programs, and what is known of its key.

use std::collections::BTreeMap;

use mintwatch_validator::Certificate;
use mintwatch_validator::evidence::{Bytes, Collector, Sha256, Vantage};
use mintwatch_validator::tables::{AllowList, Conditions, Constraint, KeyKind, NameOf, Program, PublicAnchor, Standing, Tables};
use serde::{Deserialize, Serialize};

use crate::observe::trust_store::{Contents, Effect, ReadStore};
use crate::terminal::day;

/// The newest version of the document.
pub const ANCHORS_VERSION: u32 = 1;

/// The trust anchors of one machine, held against root programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnchorsDocument {
    /// Always `mintwatch.anchors`.
    pub format: AnchorsFormat,
    /// Version of the format; see [`ANCHORS_VERSION`].
    pub version: u32,
    /// Who looked.
    pub collector: Collector,
    /// When the stores were read, in UNIX seconds.
    pub collected_at: u64,
    /// The day of the table of public anchors, in UNIX seconds.
    pub tables_as_of: i64,
    /// Label of the tables laid over the compiled ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lab_tables: Option<String>,
    /// Every store that was looked for, the platform's first.
    pub stores: Vec<StoreReport>,
    /// Every anchor of a store, sorted by fingerprint.
    pub anchors: Vec<AnchorRow>,
    /// How many anchors some root program carries that no store has.
    pub public_missing: usize,
}

/// The name that tells this document from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AnchorsFormat {
    /// The only value.
    #[serde(rename = "mintwatch.anchors")]
    Anchors,
}

/// One trust store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StoreReport {
    /// Its name; an environment variable's is that of the store.
    pub name: String,
    /// Where it is and who heeds it, for people.
    pub place: String,
    /// What it is beside others.
    pub effect: Effect,
    /// How reading it went.
    pub state: StoreState,
    /// How many anchors it has.
    pub anchors: usize,
    /// … of which so many were never in a root program.
    pub added: usize,
    /// What could not be read.
    pub errors: Vec<String>,
    /// What else is worth saying.
    pub notes: Vec<String>,
}

/// How reading a store went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StoreState {
    /// There is no such store here.
    Absent,
    /// All of it was read.
    Read,
    /// Some of it could not be read.
    Partly,
    /// It is there, or should be, and nothing could be read.
    Failed,
}

/// One anchor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnchorRow {
    /// SHA-256 of the certificate.
    pub sha256: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki_sha256: Sha256,
    /// Its subject, for people. Certificate text: escape before showing.
    pub subject: String,
    /// Start of validity in UNIX seconds.
    pub not_before: i64,
    /// End of validity in UNIX seconds, inclusive.
    pub not_after: i64,
    /// The organisation behind it, where the table of public anchors knows it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// Where it stands with root programs.
    pub standing: AnchorStanding,
    /// The programs that carry it, or another certificate of the same name and key.
    pub programs: Vec<Program>,
    /// The names of the stores that have it, the platform's first.
    pub stores: Vec<String>,
    /// What is known of it besides, worst first.
    pub marks: Vec<Mark>,
}

/// Where an anchor stands with root programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AnchorStanding {
    /// None has ever had it: somebody added it to this machine.
    Added,
    /// Some program had it once, none has it any more.
    Retired,
    /// Some program carries it.
    Public,
}

/// Something that is known of an anchor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// What kind of knowledge.
    pub kind: MarkKind,
    /// The knowledge itself, for people. May hold certificate text: escape before showing.
    pub says: String,
}

/// What kind of knowledge a mark is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// Its key serves interception, or is in other hands than its name says.
    Hostile,
    /// Root programs revoked it, or refuse its key.
    Revoked,
    /// It goes by the name of an interception product; a name proves nothing.
    ProductName,
    /// Some program that carries it, or did, takes only part of what it signs.
    Constrained,
    /// Some programs took it off their lists.
    Left,
    /// It says of itself that it is no authority, so that it vouches for nobody but itself.
    SelfOnly,
}

impl AnchorRow {
    /// Says whether its key is known to serve interception or to be in other hands.
    pub fn is_hostile(&self) -> bool {
        self.marks.first().is_some_and(|mark| mark.kind == MarkKind::Hostile)
    }

    /// Says whether somebody added it to this machine who can vouch for others with it.
    pub fn is_added_authority(&self) -> bool {
        self.standing == AnchorStanding::Added && self.marks.iter().all(|mark| mark.kind != MarkKind::SelfOnly)
    }

    /// Says whether so few of the five programs carry it that it is shown without being asked for.
    pub fn is_carried_by_few(&self) -> bool {
        self.programs.len() <= FEW && !self.programs.contains(&Program::Lab)
    }
}

/// Holds what was read of the stores against the tables, at a UNIX second.
pub fn document(stores: &[ReadStore], tables: &Tables, at: u64) -> AnchorsDocument {
    let now = i64::try_from(at).unwrap_or(i64::MAX);
    let mut held: BTreeMap<Sha256, (&Bytes, Vec<String>)> = BTreeMap::new();
    for store in stores {
        for (sha256, der) in &store.contents.anchors {
            held.entry(*sha256).or_insert((der, Vec::new())).1.push(store.name.to_owned());
        }
    }
    let anchors: Vec<_> = held.iter().filter_map(|(sha256, (der, stores))| row(*sha256, der, stores.clone(), tables, now)).collect();
    let is_added = |sha256: &Sha256| {
        let at = anchors.binary_search_by_key(sha256, |row| row.sha256);
        at.ok().and_then(|at| anchors.get(at)).is_some_and(|row| row.standing == AnchorStanding::Added)
    };
    let is_missing = |public: &PublicAnchor<'_>| matches!(public.standing(now), Standing::Public(_)) && !held.contains_key(&public.sha256);
    AnchorsDocument {
        format: AnchorsFormat::Anchors,
        version: ANCHORS_VERSION,
        collector: Collector {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vantage: Vantage::NativeProbe,
        },
        collected_at: at,
        tables_as_of: tables.versions().iter().find(|table| table.name == "anchors").map_or(0, |table| table.as_of),
        lab_tables: tables.overlay_label().map(str::to_owned),
        stores: stores.iter().map(|store| store_report(store, is_added)).collect(),
        public_missing: tables.anchors().filter(is_missing).count(),
        anchors,
    }
}

fn store_report(store: &ReadStore, is_added: impl Fn(&Sha256) -> bool) -> StoreReport {
    let contents = &store.contents;
    StoreReport {
        name: store.name.to_owned(),
        place: store.place.to_owned(),
        effect: store.effect,
        state: StoreState::of(contents),
        anchors: contents.anchors.len(),
        added: contents.anchors.keys().filter(|sha256| is_added(sha256)).count(),
        errors: contents.errors.clone(),
        notes: contents.notes.clone(),
    }
}

impl StoreState {
    /// Returns how reading went.
    pub fn of(contents: &Contents) -> Self {
        match (contents.found > 0, contents.anchors.is_empty(), contents.errors.is_empty()) {
            (false, _, true) => Self::Absent,
            (true, _, true) => Self::Read,
            (_, false, false) => Self::Partly,
            (_, true, false) => Self::Failed,
        }
    }
}

fn row(sha256: Sha256, der: &Bytes, stores: Vec<String>, tables: &Tables, now: i64) -> Option<AnchorRow> {
    let public = tables.anchor(&sha256);
    let read = Certificate::read(der.as_slice()).ok();
    // The same name and key as a public anchor is that anchor, whatever this copy looks like.
    let public = public.or_else(|| {
        let read = read.as_ref()?;
        tables.anchors_by_subject(read.subject).find(|public| public.spki == read.spki)
    });
    let mut marks: Vec<_> = public.iter().filter_map(|public| left(public, now)).collect();
    let mut row = match (&read, &public) {
        (Some(read), _) => {
            marks.extend(marks_of(read, public.is_some(), tables, now));
            AnchorRow::new(sha256, read.spki_sha256, read.subject_text(), [read.not_before, read.not_after])
        }
        (None, Some(public)) => {
            AnchorRow::new(sha256, Sha256::of(public.spki), public.name.to_owned(), [public.not_before, public.not_after])
        }
        (None, None) => return None,
    };
    if let Some(public) = public {
        row.owner = Some(public.owner.to_owned());
        row.standing = AnchorStanding::Retired;
        if let Standing::Public(programs) = public.standing(now) {
            row.standing = AnchorStanding::Public;
            row.programs = programs;
        }
    }
    marks.sort();
    marks.dedup();
    Some(AnchorRow { stores, marks, ..row })
}

impl AnchorRow {
    fn new(sha256: Sha256, spki_sha256: Sha256, subject: String, [not_before, not_after]: [i64; 2]) -> Self {
        let (standing, programs) = (AnchorStanding::Added, Vec::new());
        Self { sha256, spki_sha256, subject, not_before, not_after, owner: None, standing, programs, stores: Vec::new(), marks: Vec::new() }
    }
}

/// Returns the programs that have had it and no longer do.
fn left(public: &PublicAnchor<'_>, now: i64) -> Option<Mark> {
    let stays: Vec<_> = public.memberships().collect();
    let is_in = |program| stays.iter().any(|stay| stay.program == program && stay.from <= now && now < stay.until);
    let gone = stays.iter().filter(|stay| stay.until <= now && !is_in(stay.program));
    let gone: Vec<_> = gone.map(|stay| format!("{} by {}", stay.program.name(), day(stay.until))).collect();
    (!gone.is_empty()).then(|| Mark { kind: MarkKind::Left, says: format!("taken off the list of {}", gone.join(", of ")) })
}

fn marks_of(read: &Certificate<'_>, is_public: bool, tables: &Tables, now: i64) -> Vec<Mark> {
    let mut marks = Vec::new();
    for listed in [tables.listed_key(&read.spki_sha256), tables.listed_certificate(&read.sha256)].into_iter().flatten() {
        let (kind, phrase) = match listed.kind {
            KeyKind::Interception => (MarkKind::Hostile, "its key is known to serve interception"),
            KeyKind::StateInterception => (MarkKind::Hostile, "its key is known to serve a state's interception"),
            KeyKind::Compromised => (MarkKind::Hostile, "its key is known to be, or to have been, in other hands"),
            KeyKind::Revoked => (MarkKind::Revoked, "browsers refuse it"),
            KeyKind::Misissued => (MarkKind::Revoked, "it was issued to somebody who does not hold its name"),
        };
        marks.push(Mark { kind, says: format!("{phrase}: {} ({})", listed.name, listed.source) });
    }
    if let Some(product) = tables.product_by_key(&read.spki_sha256) {
        marks.push(Mark { kind: MarkKind::Hostile, says: format!("its key is that of {}, {}", product.name, product.kind.phrase()) });
    } else if let Some(product) = tables.product_by_name(read.subject, NameOf::Authority).filter(|_| !is_public) {
        let says = format!("it goes by the name of {}, {}, which anybody can", product.name, product.kind.phrase());
        marks.push(Mark { kind: MarkKind::ProductName, says });
    }
    if let Some(revoked) = tables.revoked(read.issuer, read.serial, read.subject, &read.spki_sha256) {
        marks.push(Mark { kind: MarkKind::Revoked, says: format!("Mozilla revoked it: {}", revoked.reference) });
    }
    if !read.is_ca && read.shape.extensions.has("BC") {
        let says = "its basicConstraints say that it is no authority: it vouches for nobody but itself".to_owned();
        marks.push(Mark { kind: MarkKind::SelfOnly, says });
    }
    let binding = tables.constraints(&read.spki_sha256).into_iter().filter(|rule| rule.applies_at(now));
    marks.extend(binding.map(|rule| Mark { kind: MarkKind::Constrained, says: constrained(&rule) }));
    marks
}

fn constrained(rule: &Constraint<'_>) -> String {
    let ways: Vec<_> = rule.any_of.iter().map(conditions).collect();
    format!("{} takes from it only what is {}", rule.program.name(), ways.join("; or "))
}

fn conditions(conditions: &Conditions<'_>) -> String {
    let mut parts = Vec::new();
    if let Some(from) = conditions.not_before_from {
        parts.push(format!("issued from {} on", day(from)));
    }
    if let Some(until) = conditions.not_before_until {
        parts.push(format!("issued by {}", day(until)));
    }
    if let Some(until) = conditions.sct_until {
        parts.push(format!("logged by {}", day(until)));
    }
    match conditions.names.as_slice() {
        [] => {}
        names if names.len() > MOST_NAMES => parts.push(format!("for names under {} domains", names.len())),
        names => parts.push(format!("for names under {}", names.join(", "))),
    }
    match conditions.list {
        None => {}
        Some(AllowList::Nothing) => parts.push("nothing any more".to_owned()),
        Some(_) => parts.push("on a list of what it had signed before".to_owned()),
    }
    parts.join(" and ")
}

/// Programs that are few of five.
const FEW: usize = 2;
/// The most domains of a rule that are named.
const MOST_NAMES: usize = 12;
