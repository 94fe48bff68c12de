//! The findings for people: a paragraph for each certificate, and a table at the end.

use std::fmt::Write as _;

use mintwatch_validator::audit::{RULES, Rule, Scope};
use mintwatch_validator::report::{Role, TableUse};
use mintwatch_validator::verdict::Severity;

use super::entry::{Flagged, Question};
use super::tally::{MOST_REMEMBERED, Tally};
use crate::certificates::{Place, Trouble};
use crate::terminal::{Look, Tone, day, escaped, quoted, wrapped};

/// Returns what is said of one certificate.
pub(super) fn flagged(flagged: &Flagged, look: Look) -> String {
    let worst = flagged.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info);
    let mut text = String::new();
    let first = format!("{}  {}  ", look.in_tone(&word(worst).to_uppercase(), tone(worst)), role(flagged.role));
    text.push_str(&wrapped(&first, 6, &quoted(&flagged.subject), look));
    let dates = format!("valid {} to {}", day(flagged.not_before), day(flagged.not_after));
    let issuer = format!("issued by {}, {dates}, serial {}", quoted(&flagged.issuer), flagged.serial);
    text.push_str(&wrapped("      ", 6, &issuer, look));
    let _ = writeln!(text, "      sha256 {}", flagged.sha256);
    text.push_str(&wrapped("      ", 6, &escaped(&flagged.place.to_string()), look));
    for finding in &flagged.findings {
        let first = format!("  {:<RULE_COLUMNS$}  ", finding.rule);
        let says = format!("{} ({})", escaped(&finding.says), word(finding.severity));
        text.push_str(&wrapped(&first, RULE_COLUMNS + 4, &says, look));
        let source = finding.rests_on.first().copied().unwrap_or_default();
        let margin = " ".repeat(RULE_COLUMNS + 4);
        text.push_str(&wrapped(&margin, RULE_COLUMNS + 4, &format!("source: {source}"), look));
    }
    text.push('\n');
    text
}

/// Returns what is said where there was no certificate.
pub(super) fn bad(place: &Place, trouble: &Trouble) -> String {
    format!("unreadable: {}: {}", escaped(&place.to_string()), escaped(&trouble.to_string()))
}

/// Returns the table at the end.
pub(super) fn summary(tally: &Tally, question: &Question<'_>, uses: &[TableUse], look: Look) -> String {
    let mut text = String::new();
    if let Some(label) = question.tables.overlay_label() {
        let warning = format!("LAB TABLES {}: this audit does not rest on the public root programs alone", quoted(label));
        text.push_str(&wrapped("", 2, &warning, look));
    }
    text.push_str(&wrapped("", 2, &counts(tally, question), look));
    if !tally.by_rule.is_empty() {
        let _ = writeln!(
            text,
            "\n  {:<RULE_COLUMNS$}  {:<8}  {:>12}  {:>12}  {:>12}",
            "rule", "worst", "subordinate", "self-issued", "end-entity"
        );
    }
    for rule in RULES {
        let Some(spoken) = tally.by_rule.get(rule.id) else { continue };
        let worst = spoken.worst();
        let padding = " ".repeat(8_usize.saturating_sub(word(worst).len()));
        let (severity, subordinates) = (look.in_tone(word(worst), tone(worst)), spoken.subordinates);
        let (self_issued, end_entities) = (spoken.self_issued, spoken.end_entities);
        let _ =
            writeln!(text, "  {:<RULE_COLUMNS$}  {severity}{padding}  {subordinates:>12}  {self_issued:>12}  {end_entities:>12}", rule.id);
    }
    if tally.forgets() {
        let note = format!("more than {MOST_REMEMBERED} different certificates: copies of later ones were told again");
        text.push_str(&wrapped("", 2, &note, look));
    }
    text.push('\n');
    text.push_str(&wrapped("tables: ", 2, &ages(uses), look));
    text
}

fn counts(tally: &Tally, question: &Question<'_>) -> String {
    let mut parts = vec![format!("{} certificates", tally.certificates), format!("{} flagged", tally.flagged)];
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    add(tally.expired, &format!("expired by {} and passed over", day(question.at)));
    add(tally.copies, "copies");
    add(tally.others, "records of other kinds");
    add(tally.bad_records, "records unreadable");
    add(tally.empty_files, "files without a certificate");
    add(tally.unreadable_files, "files unreadable");
    parts.join(" · ")
}

fn ages(uses: &[TableUse]) -> String {
    let told = uses.iter().map(|used| {
        let stale = if used.stale { format!(" (past its date, {} days old)", used.age_days) } else { String::new() };
        format!("{} {}{stale}", used.table.name, day(used.table.as_of))
    });
    escaped(&told.collect::<Vec<_>>().join(" · "))
}

/// Returns every rule, what it rests on and since when it binds.
pub(super) fn rules() -> String {
    let mut text = String::new();
    for rule in RULES {
        let _ = writeln!(text, "{}: {}", rule.id, rule.summary);
        let _ = writeln!(text, "  {}; of {}{}", word(rule.severity), scope(rule.of), since(rule));
        for source in rule.sources {
            let _ = writeln!(text, "  {source}");
        }
        text.push('\n');
    }
    text
}

fn since(rule: &Rule) -> String {
    rule.since.map_or_else(String::new, |since| format!(", valid from {} or later", day(since)))
}

fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Any => "any certificate",
        Scope::Authorities => "any CA",
        Scope::PublicAuthorities => "CAs of public hierarchies",
        Scope::PublicSubordinates => "subordinate CAs of public hierarchies",
        Scope::PublicServerSubordinates => "subordinate CAs of public hierarchies that may issue for servers",
        Scope::EndEntities => "end-entities",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::EndEntity => "end-entity",
        Role::Subordinate => "subordinate",
        Role::SelfIssued => "self-issued",
        Role::Unreadable => "unreadable",
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info | Severity::Low => Tone::Neutral,
        Severity::Medium => Tone::Doubtful,
        Severity::High | Severity::Critical => Tone::Bad,
    }
}

/// Room for the longest id.
const RULE_COLUMNS: usize = 29;
