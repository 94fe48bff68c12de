//! What root programs demand beyond carrying a root: dates, SCT times, names and allow-lists, each from its own day on.

use super::anchors::Program;
use super::overlay::OverlayConstraint;
use super::packed::{Rows, prefix, text, time};
use crate::evidence::Sha256;

/// A rule that one program imposes on everything below a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint<'t> {
    /// Its name in the table, or in an overlay.
    pub rule: &'t str,
    /// Whose rule it is.
    pub program: Program,
    /// When the program began to apply it, in UNIX seconds.
    pub from: i64,
    /// When it ceased to, in UNIX seconds, exclusive; `i64::MAX` for never.
    pub until: i64,
    /// Whether it binds wherever the key stands on a path, or only where the key is the anchor.
    pub anywhere: bool,
    /// Alternatives: one of them is enough (Chromium `net/cert/root_store.proto`).
    pub any_of: Vec<Conditions<'t>>,
    exempt: Exempt<'t>,
}

/// Conditions that must hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions<'t> {
    /// The end-entity's notBefore is this moment or later, in UNIX seconds.
    pub not_before_from: Option<i64>,
    /// The end-entity's notBefore is this moment or earlier, in UNIX seconds.
    pub not_before_until: Option<i64>,
    /// At least one valid SCT is of this moment or earlier, in UNIX seconds.
    pub sct_until: Option<i64>,
    /// Every DNS name of the end-entity is one of these or below one; empty: any name.
    pub names: Vec<&'t str>,
    /// The end-entity is on a list.
    pub list: Option<AllowList<'t>>,
}

/// A list of the only end-entities that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowList<'t> {
    /// Mozilla's list of CNNIC certificates, of April 2015.
    CnnicMozilla,
    /// Chrome's, of April 2016.
    CnnicChrome,
    /// An overlay's.
    Overlay(&'t [Sha256]),
    /// Nothing is taken any more.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exempt<'t> {
    Group(&'t str),
    Keys(&'t [Sha256]),
}

impl Constraint<'_> {
    /// Returns whether the program applied the rule at a UNIX second.
    pub fn applies_at(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }

    /// Returns whether a path with this key on it is not bound.
    pub fn exempts(&self, spki: &Sha256) -> bool {
        match self.exempt {
            Exempt::Group(group) => !group.is_empty() && groups_of(spki).any(|of| of == group),
            Exempt::Keys(keys) => keys.contains(spki),
        }
    }
}

impl AllowList<'_> {
    /// Returns whether a certificate is on the list, by the SHA-256 of the whole of it.
    ///
    /// The compiled lists hold 128 bits: to be taken for one of theirs is to find a second preimage.
    pub fn holds(self, certificate: &Sha256) -> bool {
        match self {
            Self::CnnicMozilla => is_listed(certificate, [0, 2]),
            Self::CnnicChrome => is_listed(certificate, [1, 2]),
            Self::Overlay(listed) => listed.contains(certificate),
            Self::Nothing => false,
        }
    }
}

/// Returns the compiled rules that bind a key; rows that differ in nothing but their conditions are one rule.
pub(super) fn lookup<'t>(spki: &Sha256) -> Vec<Constraint<'t>> {
    let mut found: Vec<Constraint<'t>> = Vec::new();
    for row in groups_of(spki).flat_map(|group| CONSTRAINTS.find::<12>(group.as_bytes())) {
        let Some((rule, conditions)) = read(row) else { continue };
        match found.iter_mut().find(|known| is_same_rule(known, &rule)) {
            Some(known) => known.any_of.push(conditions),
            None => found.push(Constraint { any_of: vec![conditions], ..rule }),
        }
    }
    found
}

/// Returns an overlay's rule.
pub(super) fn of_overlay(rule: &OverlayConstraint) -> Constraint<'_> {
    Constraint {
        rule: &rule.rule,
        program: rule.program,
        from: rule.from,
        until: rule.until.unwrap_or(i64::MAX),
        anywhere: rule.anywhere,
        exempt: Exempt::Keys(&rule.exempt),
        any_of: rule
            .any_of
            .iter()
            .map(|set| Conditions {
                not_before_from: set.not_before_from,
                not_before_until: set.not_before_until,
                sct_until: set.sct_until,
                names: set.names.iter().map(String::as_str).collect(),
                list: set
                    .allowed
                    .as_deref()
                    .map(|allowed| if allowed.is_empty() { AllowList::Nothing } else { AllowList::Overlay(allowed) }),
            })
            .collect(),
    }
}

fn read<'t>(row: [&'static [u8]; 12]) -> Option<(Constraint<'t>, Conditions<'t>)> {
    let [_, rule, program, from, until, place, exempt, not_before_from, not_before_until, sct_until, names, list] = row;
    let rule = Constraint {
        rule: text(rule),
        program: Program::by_word(text(program))?,
        from: time(from)?,
        until: time(until).unwrap_or(i64::MAX),
        anywhere: place == b"path",
        exempt: Exempt::Group(text(exempt)),
        any_of: Vec::new(),
    };
    let conditions = Conditions {
        not_before_from: time(not_before_from),
        not_before_until: time(not_before_until),
        sct_until: time(sct_until),
        names: text(names).split(',').filter(|name| !name.is_empty()).collect(),
        list: match list {
            b"" => None,
            b"cnnic-mozilla" => Some(AllowList::CnnicMozilla),
            b"cnnic-chrome" => Some(AllowList::CnnicChrome),
            _ => Some(AllowList::Nothing),
        },
    };
    Some((rule, conditions))
}

fn is_same_rule(one: &Constraint<'_>, other: &Constraint<'_>) -> bool {
    let parts = |rule: &Constraint<'_>| (rule.program, rule.from, rule.until, rule.anywhere);
    one.rule == other.rule && parts(one) == parts(other) && one.exempt == other.exempt
}

fn groups_of(spki: &Sha256) -> impl Iterator<Item = &'static str> {
    KEYS.find::<2>(&prefix(&spki.0)).map(|[_, group]| text(group))
}

/// Whether one of these parts of the list holds a certificate.
fn is_listed(certificate: &Sha256, parts: [usize; 2]) -> bool {
    let Some((counts, listed)) = ALLOWED.split_at_checked(6) else { return false };
    let (counts, _) = counts.as_chunks::<2>();
    let (listed, _) = listed.as_chunks::<16>();
    let mut start = 0;
    for (part, count) in counts.iter().enumerate() {
        let end = start + usize::from(u16::from_le_bytes(*count));
        let sorted = listed.get(start..end).unwrap_or_default();
        if parts.contains(&part) && sorted.binary_search(&prefix(&certificate.0)).is_ok() {
            return true;
        }
        start = end;
    }
    false
}

static CONSTRAINTS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/constraints.bin")));
static KEYS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/constrained-keys.bin")));
static ALLOWED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/allow-list.bin"));
