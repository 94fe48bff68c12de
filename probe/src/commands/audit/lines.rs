//! The findings as lines of JSON, for programs; text of certificates cannot act on whatever shows them.

use std::io::{self, Write};

use mintwatch_validator::report::{Role, TableUse};
use mintwatch_validator::verdict::Severity;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use super::entry::{Flagged, Question};
use super::tally::Tally;
use crate::certificates::{Place, Trouble};

/// The newest format of these lines.
pub(super) const VERSION: u32 = 1;
const FORMAT: &str = "mintwatch.audit";

/// One line.
#[derive(Serialize)]
struct Line<T> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "certificate")]
struct CertificateLine<'f> {
    file: String,
    record: u64,
    offset: u64,
    sha256: String,
    spki_sha256: String,
    role: Role,
    subject: &'f str,
    issuer: &'f str,
    serial: &'f str,
    not_before: i64,
    not_after: i64,
    findings: Vec<FindingPart<'f>>,
}

#[derive(Serialize)]
struct FindingPart<'f> {
    rule: &'static str,
    severity: Severity,
    says: &'f str,
    rests_on: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "unreadable")]
struct BadLine {
    file: String,
    record: u64,
    offset: u64,
    why: String,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct SummaryLine<'t> {
    at: i64,
    certificates: u64,
    copies: u64,
    expired: u64,
    flagged: u64,
    others: u64,
    bad_records: u64,
    empty_files: u64,
    unreadable_files: u64,
    copies_complete: bool,
    rules: Vec<RulePart>,
    tables: &'t [TableUse],
    #[serde(skip_serializing_if = "Option::is_none")]
    lab_tables: Option<&'t str>,
}

#[derive(Serialize)]
struct RulePart {
    rule: &'static str,
    certificates: u64,
    worst: Severity,
    subordinates: u64,
    end_entities: u64,
    self_issued: u64,
}

/// Writes what is said of a certificate.
pub(super) fn flagged(out: &mut impl Write, flagged: &Flagged) -> io::Result<()> {
    let findings = flagged.findings.iter().map(|said| FindingPart {
        rule: said.rule,
        severity: said.severity,
        says: &said.says,
        rests_on: said.rests_on,
    });
    let what = CertificateLine {
        file: flagged.place.file.to_string_lossy().into_owned(),
        record: flagged.place.record,
        offset: flagged.place.offset,
        sha256: flagged.sha256.to_string(),
        spki_sha256: flagged.spki_sha256.to_string(),
        role: flagged.role,
        subject: &flagged.subject,
        issuer: &flagged.issuer,
        serial: &flagged.serial,
        not_before: flagged.not_before,
        not_after: flagged.not_after,
        findings: findings.collect(),
    };
    write(out, what)
}

/// Writes where there was no certificate, and why.
pub(super) fn bad(out: &mut impl Write, place: &Place, trouble: &Trouble) -> io::Result<()> {
    let file = place.file.to_string_lossy().into_owned();
    write(out, BadLine { file, record: place.record, offset: place.offset, why: trouble.to_string() })
}

/// Writes the last line.
pub(super) fn summary(out: &mut impl Write, tally: &Tally, question: &Question<'_>, tables: &[TableUse]) -> io::Result<()> {
    let rules = tally.by_rule.iter().map(|(&rule, spoken)| RulePart {
        rule,
        certificates: spoken.total(),
        worst: spoken.worst(),
        subordinates: spoken.subordinates,
        end_entities: spoken.end_entities,
        self_issued: spoken.self_issued,
    });
    let what = SummaryLine {
        at: question.at,
        certificates: tally.certificates,
        copies: tally.copies,
        expired: tally.expired,
        flagged: tally.flagged,
        others: tally.others,
        bad_records: tally.bad_records,
        empty_files: tally.empty_files,
        unreadable_files: tally.unreadable_files,
        copies_complete: !tally.forgets(),
        rules: rules.collect(),
        tables,
        lab_tables: question.tables.overlay_label(),
    };
    write(out, what)
}

fn write(out: &mut impl Write, what: impl Serialize) -> io::Result<()> {
    let mut json = serde_json::Serializer::with_formatter(&mut *out, Ascii(CompactFormatter));
    Line { format: FORMAT, version: VERSION, what }.serialize(&mut json)?;
    out.write_all(b"\n")
}

/// Writes everything beyond printable ASCII as `\u`: no control, no bidirectional or invisible character is left.
struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|letter: char| !letter.is_ascii() || letter.is_ascii_control()) {
            let (plain, after) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut letters = after.chars();
            if let Some(letter) = letters.next() {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = letters.as_str();
        }
        self.0.write_string_fragment(out, rest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_leaves_nothing_but_printable_ascii_and_is_the_same_when_read() {
        let text = "\u{1b}[2J\u{202e}evil\r\n\u{9b}1m\u{7f}\0 <b> \u{1f512} \"=cmd\\";
        let mut line = Vec::new();
        write(&mut line, BadLine { file: text.to_owned(), record: 1, offset: 2, why: String::new() }).unwrap();
        assert!(line.strip_suffix(b"\n").unwrap().iter().all(|byte| (0x20..0x7f).contains(byte)));
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((read["file"].as_str().unwrap(), read["kind"].as_str().unwrap()), (text, "unreadable"));
    }
}
