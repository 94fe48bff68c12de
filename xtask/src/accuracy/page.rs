//! Writes docs/accuracy.md down.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mintwatch_validator::verdict::{Cause, Severity};

use super::{Source, Tried};
use crate::interceptions::{Run, deciders, first_met_after, ways};

/// Every cause, in the order of the page.
const CAUSES: [Cause; 13] = [
    Cause::PublicAuthorityInterception,
    Cause::KnownKeyInterception,
    Cause::StateInterception,
    Cause::LocalInterception,
    Cause::UntrustedInterception,
    Cause::UnexpectedAuthority,
    Cause::CaptivePortal,
    Cause::Clock,
    Cause::OriginFault,
    Cause::InternalName,
    Cause::Inconclusive,
    Cause::NotMeasured,
    Cause::Clear,
];

pub(super) fn text(sources: &[Source], unlisted: &[Tried], runs: &[Run]) -> String {
    let mut text = INTRODUCTION.to_owned();
    let all = || sources.iter().flat_map(|source| &source.tried);
    let positives: Vec<&Tried> = all().filter(|tried| tried.was.is_some_and(is_positive)).collect();
    let right = positives.iter().filter(|tried| tried.was == Some(tried.said)).count();
    let missed = positives.iter().filter(|tried| tried.severity < Severity::Medium).count();
    let others: Vec<&Tried> = all().filter(|tried| !tried.was.is_some_and(is_positive)).collect();
    let raised = others.iter().filter(|tried| tried.severity >= Severity::Medium).count();
    let _ = write!(
        text,
        "## In short\n\n- **{right} of {}** handshakes (of real interceptors: hosts) that somebody listened to, or that showed a certificate issued to the wrong party, are called by \
         the right cause: {:.1} %. {missed} of them are told below medium severity.\n- **{raised} of {}** others raise anything at medium \
         severity or above.\n\n",
        positives.len(),
        percent(right, positives.len()),
        others.len(),
    );
    text.push_str(&by_source(sources));
    text.push_str(&before_anybody_knew(unlisted));
    text.push_str(&matrix(&all().filter(|tried| tried.was.is_some()).collect::<Vec<_>>()));
    text.push_str(&real_interceptors(runs));
    text.push_str(&look_alikes(&all().filter(|tried| tried.was.is_none()).collect::<Vec<_>>()));
    text.push_str(&wrong(&all().filter(|tried| tried.was.is_some_and(|was| was != tried.said)).collect::<Vec<_>>()));
    text.push_str(LIMITS);
    text
}

/// Whether a cause is one that somebody should be told of.
fn is_positive(cause: Cause) -> bool {
    use Cause as C;
    matches!(
        cause,
        C::PublicAuthorityInterception
            | C::KnownKeyInterception
            | C::StateInterception
            | C::LocalInterception
            | C::UntrustedInterception
            | C::UnexpectedAuthority
    )
}

#[allow(clippy::cast_precision_loss, reason = "thousands at most")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

fn by_source(sources: &[Source]) -> String {
    let mut text = "## By source\n\n| source | handshakes | should be told | by the right cause | others | raised among them |\n|---|--:|--:|--:|--:|--:|\n".to_owned();
    for Source { name, tried } in sources {
        let (told, others): (Vec<&Tried>, Vec<&Tried>) = tried.iter().partition(|one| one.was.is_some_and(is_positive));
        let right = told.iter().filter(|one| one.was == Some(one.said)).count();
        let raised = others.iter().filter(|one| one.severity >= Severity::Medium).count();
        let _ = writeln!(text, "| {name} | {} | {} | {right} | {} | {raised} |", tried.len(), told.len(), others.len());
    }
    text + "\n"
}

/// The incidents without listed keys, revocations and pins: the answer on the day before they were told.
fn before_anybody_knew(unlisted: &[Tried]) -> String {
    let told: Vec<&Tried> = unlisted.iter().filter(|one| one.was.is_some_and(is_positive)).collect();
    let right = told.iter().filter(|one| one.was == Some(one.said)).count();
    let raised = told.iter().filter(|one| one.severity >= Severity::Medium).count();
    let clear = told.iter().filter(|one| one.said == Cause::Clear).count();
    format!(
        "## Before anybody knew\n\nThe lists of today hold the incidents of the past. With listed keys, revocations and pins emptied, of the {} \
         handshakes of incidents that should be told, {right} are called by the same cause, {raised} are told at medium severity or above, and \
         {clear} are called clear. Leaves that a public CA was tricked into, and anchors that came with a machine, are what lists are for.\n\n",
        told.len()
    )
}

/// Rows: what it was. Columns: what was said. Causes that nothing was and nothing was called are left out.
fn matrix(tried: &[&Tried]) -> String {
    let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let number = |cause: Cause| CAUSES.iter().position(|known| *known == cause).unwrap_or(CAUSES.len());
    for one in tried {
        if let Some(was) = one.was {
            *counts.entry((number(was), number(one.said))).or_default() += 1;
        }
    }
    let rows: Vec<usize> = (0..CAUSES.len()).filter(|row| counts.keys().any(|(was, _)| was == row)).collect();
    let columns: Vec<usize> = (0..CAUSES.len()).filter(|column| counts.keys().any(|(_, said)| said == column)).collect();
    let word = |index: &usize| CAUSES.get(*index).map_or("", |cause| cause.word());
    let mut text = "## Cause by cause\n\nRows: what it was. Columns: what we say.\n\n| |".to_owned();
    for column in &columns {
        let _ = write!(text, " {} |", word(column));
    }
    text.push_str("\n|---|");
    text.push_str(&"--:|".repeat(columns.len()));
    for row in rows {
        let _ = write!(text, "\n| **{}** |", word(&row));
        for column in &columns {
            let count = counts.get(&(row, *column)).map_or_else(String::new, usize::to_string);
            let _ = write!(text, " {count} |");
        }
    }
    text + "\n\n"
}

/// Every run of the laboratory that is kept: who, under whose key, picking out what, and how it was met.
fn real_interceptors(runs: &[Run]) -> String {
    let mut text = INTERCEPTORS.to_owned();
    for Run { expected, report, .. } in runs {
        let ways = ways(report);
        let cells = [
            format!("{} {}", expected.interceptor, expected.version).trim_end().to_owned(),
            expected.root.clone(),
            expected.selection.clone(),
            expected.hosts.len().to_string(),
            report.verdict.cause.word().to_owned(),
            listed(&ways.met),
            listed(&ways.passed),
            listed(&ways.silent),
            listed(deciders(report).keys().map(|detector| format!("`{detector}`")).collect::<Vec<_>>().iter()),
            first_met_after(report).map_or_else(|| "–".to_owned(), seconds),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text + "\n"
}

fn listed<'t>(words: impl IntoIterator<Item = &'t String>) -> String {
    let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

fn look_alikes(tried: &[&Tried]) -> String {
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for one in tried {
        let severity = serde_json::to_value(one.severity).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        *counts.entry((one.said.word(), severity)).or_default() += 1;
    }
    let mut text = format!(
        "## Look-alikes\n\n{} handshakes that nobody listened to: recorded chains, and what is easily taken for an interception. What we say of them:\n\n\
         | called | severity | handshakes |\n|---|---|--:|\n",
        tried.len()
    );
    for ((cause, severity), count) in counts {
        let _ = writeln!(text, "| {cause} | {severity} | {count} |");
    }
    text + "\n"
}

fn wrong(tried: &[&Tried]) -> String {
    let mut counts: BTreeMap<(&str, &str, &str, &str), usize> = BTreeMap::new();
    for one in tried {
        let was = one.was.map_or("", Cause::word);
        *counts.entry((&one.of, &one.host, was, one.said.word())).or_default() += 1;
    }
    if counts.is_empty() {
        return "## Called otherwise\n\nNone.\n\n".to_owned();
    }
    let mut text = "## Called otherwise\n\n| where | host | was | we say | |\n|---|---|---|---|--:|\n".to_owned();
    for ((of, host, was, said), count) in counts {
        let _ = writeln!(text, "| {of} | `{host}` | {was} | {said} | {count} |");
    }
    text + "\n"
}

const INTRODUCTION: &str = "# Accuracy

Made by `cargo xtask accuracy` from what stands in the repository; a test fails when this page is stale. Every count can be made again
by anyone: the replays are below `tests/`, and the mutations are minted anew each time from a fixed seed.

";

const INTERCEPTORS: &str = "## Real interceptors

Runs of `tests/interceptors.rs` that are kept below `tests/interceptions`: products as package registries provide them, and a gateway of
ours that picks out some connections, which none of them can be told to. Each was in the middle of a network of its own, and looked at by
`mintwatch check` with its usual angles; kept are some hosts of each run. A way is *met* when somebody was found on it, *let pass* when it
led to the host itself, *silent* when no certificate came. Seconds count from the first handshake of the run to the first that met somebody,
by the times in the evidence: handshakes beside the usual one begin at random times, so as not to be foreseen.

| interceptor | held the key of a | intercepts | hosts intercepted | called | met by | let pass | silent | decided by | s |
|---|---|---|--:|---|---|---|---|---|--:|
";

const LIMITS: &str = "## What these figures do not say

- The incidents and look-alikes were chosen by us, and their detectors were written with them in view. A detector is never tuned to
  names or hosts of a test (`tests/mutations.rs`), but nobody else has drawn the sample.
- Incidents are judged by the tables of today, also where nothing was listed on the day; the section above says what is left without.
- Many handshakes of one incident are alike; a percentage over handshakes is not one over incidents.
- What nobody has seen yet is in no row. An interceptor that holds the site's own key looks like the site.
- The interceptors are what package registries provide, in a laboratory of ours; appliances that are sold were not at hand.
- Three of them send the leaf alone. Under the public intermediate nobody can then see the public authority above it, we no more than a
  browser: `untrusted-interception` counts as right there, although a client that has kept the intermediate from elsewhere would accept it.
- Mutations are minted by us: they show that names, serial numbers, dates and fresh keys do not matter, and nothing else.
";
