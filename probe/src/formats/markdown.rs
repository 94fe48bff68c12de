//! Markdown (GitHub's), for tickets and wikis: verdict, hosts, and what was seen of each condition that is not clear.

use std::fmt::Write as _;

use mintwatch_validator::finding::Place;
use mintwatch_validator::report::PossessionReport;

use super::item::Item;
use super::record::{AnchorEnd, Record, Records};
use super::scale::{confidence, title};
use super::text::{day_and_second, rfc3339, without_tags};
use crate::terminal::severity;

pub(super) fn write(records: &Records) -> String {
    let run = &records.run;
    let mut page = format!("# Mintwatch: {}\n\n{}.\n\n", run.cause.word(), escaped(&run.because));
    // Writing to a `String` cannot fail, here and below.
    let _ = writeln!(page, "- severity {}, confidence {}", severity(run.severity), confidence(run.confidence));
    let _ = writeln!(page, "- {} hosts asked, {} measured, {} handshakes", run.hosts, run.measured, run.handshakes);
    let _ = writeln!(page, "- {} to {}", rfc3339(run.began_at), rfc3339(run.ended_at));
    let _ = writeln!(page, "- evidence SHA-256 `{}`, run `{}`", run.evidence, run.run_id);
    if let Some(label) = &run.knowledge.lab_tables {
        let _ = writeln!(page, "- **LAB TABLES** {}: this does not rest on the public root programs alone", code(label));
    }
    if run.knowledge.stale {
        let _ = writeln!(page, "- **stale tables**: {}", code(&run.knowledge.stale_tables.join(", ")));
    }
    page += "\n| host | cause | severity | why |\n|---|---|---|---|\n";
    for record in &records.records {
        let (place, cause, severity) = (code(&record.place()), record.cause.word(), severity(record.severity));
        let _ = writeln!(page, "| {place} | {cause} | {severity} | {} |", escaped(&record.because));
    }
    records.told().fold(page, |page, record| page + &section(record))
}

fn section(record: &Record) -> String {
    let mut text = format!("\n## {}: {}\n\n{}.\n\n", code(&record.place()), title(record.cause), escaped(&record.because));
    for (place, item) in record.chain.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", place + 1, certificate(item));
    }
    if record.certificates_left_out > 0 {
        let _ = writeln!(text, "\n{} more certificates were sent.", record.certificates_left_out);
    }
    if !record.chain.is_empty() {
        let _ = writeln!(text, "\n{}", anchor(record));
    }
    if record.possession == PossessionReport::Proven {
        text += "The peer proved in the handshake that it holds the key of certificate 1.\n";
    }
    if !record.rules.is_empty() {
        text += "\n| rule | what was seen | rests on |\n|---|---|---|\n";
    }
    for rule in &record.rules {
        let place = match rule.place {
            Some(Place::Certificate(place)) => format!(" (certificate {})", place + 1),
            Some(Place::IssuerOf(place)) => format!(" (issuer of certificate {})", place + 1),
            Some(Place::Anchor(_)) | None => String::new(),
        };
        let mark = if rule.decided { "**" } else { "" };
        let _ = writeln!(text, "| {mark}{}{mark} | {}{place} | {} |", rule.id, escaped(&rule.says), escaped(&rule.rests_on.join("; ")));
    }
    if !record.policy.is_empty() {
        text += "\nClauses:\n\n";
    }
    for clause in &record.policy {
        let _ = writeln!(text, "- {} (in 2015: {}): {}", escaped(&clause.current), escaped(&clause.historic), escaped(&clause.asks));
    }
    let _ = writeln!(text, "\nMet by: {}. Finding `{}`.", escaped(&record.ways.join("; ")), record.finding_id);
    text
}

fn certificate(item: &Item) -> String {
    let (from, to) = (day_and_second(item.not_before), day_and_second(item.not_after));
    format!(
        "{}, issued by {}, serial `{}`, valid {from} to {to}, SHA-256 `{}`",
        code(&item.subject.text),
        code(&item.issuer.text),
        code_text(&item.serial_upper()),
        item.sha256
    )
}

fn anchor(record: &Record) -> String {
    let name = record.anchor.name.as_deref().map_or_else(String::new, |name| format!(" {}", code(name)));
    match record.anchor.kind {
        AnchorEnd::Public => format!("It ends at the public anchor{name}."),
        AnchorEnd::Local => format!("It ends at an anchor that was added on this machine:{name}."),
        AnchorEnd::Retired => format!("It ends at an anchor that no root program has any more:{name}."),
        AnchorEnd::None => "It ends at no trust anchor.".to_owned(),
    }
}

/// Returns text of others as code, in which nothing is a link, a mention or a tag.
fn code(text: &str) -> String {
    format!("`{}`", code_text(text))
}

fn code_text(text: &str) -> String {
    // A bar would end a cell of a table, also in code; a letter that looks like it does not.
    without_tags(text).replace('`', "'").replace('|', "\u{a6}")
}

/// Returns text of others with everything escaped that Markdown knows (CommonMark 0.31 §2.4); a mention or link is none.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in without_tags(text).chars() {
        match letter {
            '@' => safe.push_str("&#64;"),
            '.' | ',' | ';' | '(' | ')' | '-' | ':' | '\'' | '/' | '%' | '"' => safe.push(letter),
            letter if letter.is_ascii_punctuation() => safe.extend(['\\', letter]),
            letter => safe.push(letter),
        }
    }
    safe
}
