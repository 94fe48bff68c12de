//! What commands share that remember: where the history is, what network this is, what is known of hosts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mintwatch_validator::evidence::{Evidence, Host, Remembered, Seen};
use mintwatch_validator::verdict::{Cause, Confidence, Severity};
use mintwatch_validator::{Report, Tables, judge};

use super::tell;
use crate::cli::{Place, Remembering};
use crate::memory::{Facts, Memory, MemoryError, Network};
use crate::terminal::quoted;

/// Opens the history, and makes it where there is none.
pub(super) fn open(place: &Place) -> Result<Memory, MemoryError> {
    Memory::open(&path(place)?)
}

/// Opens the history, if there is one.
pub(super) fn open_existing(place: &Place) -> Result<Option<Memory>, MemoryError> {
    Memory::open_existing(&path(place)?)
}

fn path(place: &Place) -> Result<PathBuf, MemoryError> {
    place.history.clone().map_or_else(Memory::usual_place, Ok)
}

/// Returns the network this machine is on: by the user's label, or by what tells it apart.
///
/// To be asked after a run, when the system has met the gateway.
pub(super) fn here(memory: &Memory, remembering: &Remembering) -> Network {
    match &remembering.network {
        Some(label) => label.clone(),
        None => memory.name(&Facts::read(Path::new("/"))),
    }
}

/// Returns what was recorded of hosts; a history that cannot be read is told, and keeps nobody from looking.
pub(super) fn recall(asked: &BTreeSet<(Host, u16)>, place: &Place) -> Seen<Vec<Remembered>> {
    match open_existing(place).and_then(|memory| memory.map_or(Ok(None), |memory| memory.remembered(asked))) {
        Ok(Some(remembered)) => Seen::Yes(remembered),
        Ok(None) | Err(MemoryError::NoFolder) => Seen::NotVisible,
        Err(error) => {
            tell(&format!("warning: {error}; going on without it"));
            Seen::Failed(error.without_path().to_owned())
        }
    }
}

/// Tells of anchors that were added to this machine since a network was last vouched for.
pub(super) fn tell_of_new_anchors(report: &Report, place: &Place) {
    // What could not be read was told when hosts were recalled.
    let Ok(Some(Some(known))) = open_existing(place).and_then(|memory| memory.map(|memory| memory.anchors()).transpose()) else { return };
    for anchor in report.surroundings.local_anchors.iter().filter(|anchor| !known.contains(&anchor.sha256)) {
        tell(&format!("note: this machine trusts an anchor that it did not when a network was vouched for: {}", quoted(&anchor.name)));
    }
}

/// Returns the report to speak of: a change from one public authority to another that is clear by itself is no news.
pub(super) fn told(evidence: &Evidence, report: &Report, tables: &Tables) -> Report {
    let verdict = &report.verdict;
    if verdict.cause != Cause::UnexpectedAuthority || verdict.confidence != Confidence::Weak {
        return report.clone();
    }
    let mut forgetful = evidence.clone();
    forgetful.surroundings.remembered = Seen::NotVisible;
    judge(&forgetful, tables)
}

/// Returns what a report says of the network; nothing where too little was measured.
pub(super) fn says(report: &Report) -> Option<(Cause, Severity)> {
    let (asked, measured) = report.asked_and_measured();
    let enough = measured * 2 >= asked && measured > 0;
    let verdict = &report.verdict;
    (enough || verdict.cause.exit_status() >= Cause::UnexpectedAuthority.exit_status()).then_some((verdict.cause, verdict.severity))
}
