//! The anchors of a machine for people: what stands out, then a line for each store.

use std::fmt::Write as _;

use super::document::{AnchorRow, AnchorStanding, AnchorsDocument, MarkKind, StoreReport, StoreState};
use crate::observe::trust_store::Effect;
use crate::terminal::{Look, Tone, day, escaped, quoted, wrapped};

/// Draws the page; `all` shows what does not stand out, too.
pub(super) fn page(document: &AnchorsDocument, all: bool, look: Look) -> String {
    let mut text = wrapped("", 2, &headline(document), look);
    if let Some(label) = &document.lab_tables {
        let warning = format!("LAB TABLES {}: this list does not rest on the public root programs alone", quoted(label));
        text.push_str(&wrapped("", 2, &warning, look));
    }
    let mut shown: Vec<_> = document.anchors.iter().filter(|row| all || stands_out(row)).collect();
    shown.sort_by_key(|row| (!row.is_hostile(), row.standing, row.marks.first().map(|mark| mark.kind), &row.subject, row.sha256));
    for row in &shown {
        text.push('\n');
        text.push_str(&anchor(row, all, look));
    }
    let others = document.anchors.len() - shown.len();
    if others > 0 {
        text.push('\n');
        let says = format!("{others} more that most root programs carry; `--all` shows them");
        text.push_str(&wrapped("", 2, &says, look));
    }
    text.push_str("\nstores\n");
    for store in &document.stores {
        text.push_str(&store_lines(store, all, look));
    }
    let absent = document.stores.iter().filter(|store| store.state == StoreState::Absent).count();
    if absent > 0 && !all {
        text.push_str(&wrapped("  ", 2, &format!("{absent} more are not there"), look));
    }
    text.push('\n');
    let missing = format!(
        "{} anchors that some root program carries are in no store here; programs of {}",
        document.public_missing,
        day(document.tables_as_of)
    );
    text.push_str(&wrapped("", 2, &missing, look));
    text
}

fn headline(document: &AnchorsDocument) -> String {
    let count = |standing| document.anchors.iter().filter(|row| row.standing == standing).count();
    let (added, retired) = (count(AnchorStanding::Added), count(AnchorStanding::Retired));
    let hostile = document.anchors.iter().filter(|row| row.is_hostile()).count();
    let mut parts = vec![format!("{} anchors", document.anchors.len())];
    parts.push(if added == 0 { "none added on this machine".to_owned() } else { format!("{added} added on this machine") });
    if hostile > 0 {
        parts.push(format!("{hostile} with a key that is known for interception or in other hands"));
    }
    if retired > 0 {
        parts.push(format!("{retired} that no root program carries any more"));
    }
    parts.join(", ")
}

fn stands_out(row: &AnchorRow) -> bool {
    row.standing != AnchorStanding::Public || row.is_carried_by_few() || row.marks.iter().any(|mark| mark.kind != MarkKind::Left)
}

/// What programs carry is told in short, unless all is asked for.
fn anchor(row: &AnchorRow, all: bool, look: Look) -> String {
    let (word, tone) = match row.standing {
        _ if row.is_hostile() => ("KNOWN", Tone::Bad),
        AnchorStanding::Added => ("ADDED", Tone::Doubtful),
        AnchorStanding::Retired => ("RETIRED", Tone::Doubtful),
        AnchorStanding::Public => ("PUBLIC", Tone::Neutral),
    };
    let first = format!("{}{}  ", look.in_tone(word, tone), " ".repeat(MARGIN - 2 - word.len()));
    let mut text = wrapped(&first, MARGIN, &quoted(&row.subject), look);
    let margin = " ".repeat(MARGIN);
    let mut line = |says: &str| text.push_str(&wrapped(&margin, MARGIN + 2, says, look));
    line(&format!("programs: {}", programs(row)));
    line(&format!("stores: {}", stores(row, all)));
    if all || row.standing != AnchorStanding::Public || row.is_hostile() {
        line(&format!("valid {} to {}", day(row.not_before), day(row.not_after)));
        line(&format!("sha256 {}", row.sha256));
        if let Some(owner) = &row.owner {
            line(&format!("owner: {}", quoted(owner)));
        }
    }
    for mark in &row.marks {
        let tone = if mark.kind <= MarkKind::Revoked { Tone::Bad } else { Tone::Neutral };
        let first = format!("{margin}{} ", look.in_tone(if mark.kind <= MarkKind::Revoked { "!" } else { "-" }, tone));
        text.push_str(&wrapped(&first, MARGIN + 2, &escaped(&mark.says), look));
    }
    text
}

fn programs(row: &AnchorRow) -> String {
    match row.standing {
        AnchorStanding::Added => "none: added on this machine".to_owned(),
        AnchorStanding::Retired => "none any more".to_owned(),
        AnchorStanding::Public => row.programs.iter().map(|program| program.name()).collect::<Vec<_>>().join(", "),
    }
}

fn stores(row: &AnchorRow, all: bool) -> String {
    match row.stores.get(..MOST_STORES) {
        Some(first) if !all && row.stores.len() > first.len() => {
            format!("{} and {} more", first.join(", "), row.stores.len() - first.len())
        }
        _ => row.stores.join(", "),
    }
}

fn store_lines(store: &StoreReport, all: bool, look: Look) -> String {
    let says = match store.state {
        StoreState::Absent if !all => return String::new(),
        StoreState::Absent => look.in_tone("not there", Tone::Neutral),
        StoreState::Failed => look.in_tone("could not be read", Tone::Doubtful),
        StoreState::Read | StoreState::Partly => format!("{} anchors, {} added", store.anchors, store.added),
    };
    let partly = if store.state == StoreState::Partly { "; not all of it could be read" } else { "" };
    let effect = match store.effect {
        Effect::Base => "",
        Effect::Replaces => ", in place of another store",
        Effect::Extends => ", besides another store",
    };
    let mut text = String::new();
    let _ = writeln!(text, "  {:<STORE_COLUMNS$}  {says}{partly}", store.name);
    let margin = " ".repeat(STORE_COLUMNS + 4);
    text.push_str(&wrapped(&margin, STORE_COLUMNS + 4, &format!("{}{effect}", store.place), look));
    for told in store.errors.iter().chain(&store.notes) {
        text.push_str(&wrapped(&margin, STORE_COLUMNS + 6, &escaped(told), look));
    }
    text
}

/// Columns of the word before an anchor, with what parts them.
const MARGIN: usize = 9;
const STORE_COLUMNS: usize = 20;
/// The most stores of an anchor that are named.
const MOST_STORES: usize = 4;
