//! Colour, columns, and the escaping of hostile text.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use mintwatch_validator::evidence::{Reach, Transport};
use mintwatch_validator::finding::{Place, Weight};
use mintwatch_validator::report::{AnchorKind, HostReport, PossessionReport, Report, Role, SurroundingsReport};
use mintwatch_validator::verdict::{Cause, Confidence, Severity};
use owo_colors::{OwoColorize, Style};

use crate::incidents::{Chapter, Line};
use crate::observe::{Progress, Sighting};

/// How a report is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// With colour. The words carry the meaning without it.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Look {
    /// Returns the look that suits standard output: `NO_COLOR` and `CLICOLOR_FORCE` are kept.
    pub fn of_stdout() -> Self {
        let colour = supports_color::on_cached(supports_color::Stream::Stdout).is_some();
        let width = terminal_size::terminal_size().map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0));
        Self { colour, width: width.clamp(MIN_WIDTH, MAX_WIDTH) }
    }

    /// Returns the look for files and tests: no colour.
    pub fn plain() -> Self {
        Self { colour: false, width: USUAL_WIDTH }
    }

    fn paint(self, text: &str, style: Style) -> String {
        if self.colour { text.style(style).to_string() } else { text.to_owned() }
    }

    /// Returns the word for a cause, painted by how bad it is.
    pub(crate) fn cause(self, cause: Cause) -> String {
        self.in_tone(headline(cause), tone(cause))
    }

    /// Paints a word by how bad it is.
    pub(crate) fn in_tone(self, word: &str, tone: Tone) -> String {
        let style = match tone {
            Tone::Bad => Style::new().red().bold(),
            Tone::Doubtful => Style::new().yellow().bold(),
            Tone::Good => Style::new().green().bold(),
            Tone::Neutral => Style::new().bold(),
        };
        self.paint(word, style)
    }

    fn dim(self, text: &str) -> String {
        self.paint(text, Style::new().dimmed())
    }
}

/// Draws a report for people.
pub fn render(report: &Report, look: Look) -> String {
    let mut page = Page { text: String::new(), look };
    page.verdict(report);
    if report.hosts.len() > 1 {
        page.hosts(report);
    }
    page.details(report);
    page.surroundings(report);
    page.could_not_look(report);
    page.tables(report);
    page.text
}

/// Draws an incident's chapters for people.
pub fn tell(heading: &str, chapters: &[Chapter], look: Look) -> String {
    let mut page = Page { text: String::new(), look };
    page.line(&look.paint(heading, Style::new().bold()));
    for chapter in chapters {
        page.line("");
        page.line(chapter.title);
        for (index, line) in chapter.lines.iter().enumerate() {
            match line {
                Line::Text(text) => {
                    if index > 0 {
                        page.line("");
                    }
                    page.wrapped("  ", 2, text);
                }
                Line::Item(about, says) if says.is_empty() => page.wrapped("  ", 4, about),
                Line::Item(about, says) => {
                    page.wrapped("  ", 4, about);
                    page.wrapped("    ", 4, says);
                }
            }
        }
    }
    page.text
}

/// Returns text from a certificate or a peer in quotes, with everything escaped that could act on a
/// terminal or hide: control characters, bidirectional controls, invisible ones, quotes.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Returns text that may carry some of a certificate's, with everything escaped that could act on a
/// terminal or hide. Long text is cut.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST_TEXT {
            safe.push('…');
            break;
        }
        match character {
            '\'' | '"' | '\\' => safe.push(character),
            other => safe.extend(other.escape_debug()),
        }
    }
    safe
}

/// Returns one thought, broken at spaces where the terminal ends; later lines are indented.
pub(crate) fn wrapped(first: &str, indent: usize, words: &str, look: Look) -> String {
    let mut page = Page { text: String::new(), look };
    page.wrapped(first, indent, words);
    page.text
}

/// A progress bar on standard error.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Returns a bar of handshakes; nothing is drawn where standard error is no terminal.
    pub fn new(wanted: bool) -> Self {
        let shown = wanted && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Returns a bar over bytes to read; how many there are is asked only where the bar is drawn, and may be unknown.
    pub fn of_bytes(total: impl FnOnce() -> Option<u64>, wanted: bool) -> Self {
        let shown = wanted && io::stderr().is_terminal();
        let total = if shown { total() } else { None };
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = if total.is_some() { "{bar:24} {bytes}/{total_bytes} {wide_msg}" } else { "{spinner} {bytes} {wide_msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how far the reading is; the message is made only where the bar is drawn.
    pub fn at(&self, bytes: u64, message: impl FnOnce() -> String) {
        if !self.0.is_hidden() {
            self.0.set_message(message());
            self.0.set_position(bytes);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn planned(&mut self, more: usize) {
        self.0.inc_length(u64::try_from(more).unwrap_or_default());
    }

    fn observed(&mut self, sighting: &Sighting) {
        if let Sighting::Seen(observation) = sighting {
            self.0.set_message(observation.target.host.to_string());
        }
        self.0.inc(1);
    }
}

struct Page {
    text: String,
    look: Look,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Writes one thought, broken at spaces where the terminal ends; later lines are indented.
    fn wrapped(&mut self, first: &str, indent: usize, words: &str) {
        let mut line = first.to_owned();
        let mut used = visible_width(first);
        let mut begun = false;
        for word in words.split(' ') {
            let width = word.chars().count();
            if begun && used + 1 + width > self.look.width {
                self.line(&line);
                line = " ".repeat(indent);
                used = indent;
                begun = false;
            }
            if begun {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += width;
            begun = true;
        }
        self.line(&line);
    }

    /// As [`Page::wrapped`], indented from the first line on, and less loud.
    fn dimmed(&mut self, indent: usize, words: &str) {
        let mut page = Self { text: String::new(), look: Look { colour: false, ..self.look } };
        page.wrapped(&" ".repeat(indent), indent, words);
        for line in page.text.lines() {
            let quiet = self.look.dim(line.trim_start());
            self.line(&format!("{}{quiet}", " ".repeat(indent)));
        }
    }

    fn verdict(&mut self, report: &Report) {
        let verdict = &report.verdict;
        let subject = match report.hosts.as_slice() {
            [only] => format!("{}  ", place_of(only)),
            _ => String::new(),
        };
        let first = format!("{subject}{}  ", self.look.cause(verdict.cause));
        self.wrapped(&first, 2, &escaped(&verdict.because));
        let line = format!("{}: severity {}, {}", verdict.cause.word(), severity(verdict.severity), confidence(verdict.confidence));
        self.line(&line);
        if let Some(label) = &report.lab_tables {
            let warning = format!("LAB TABLES {}: this verdict does not rest on the public root programs alone", quoted(label));
            self.wrapped("", 2, &warning);
        }
    }

    /// Lists the hosts, worst first, those with one verdict for one reason together.
    fn hosts(&mut self, report: &Report) {
        self.line("");
        let mut alike: BTreeMap<(u8, &str), Vec<&HostReport>> = BTreeMap::new();
        for host in &report.hosts {
            alike.entry((order(host.verdict.cause), host.verdict.because.as_str())).or_default().push(host);
        }
        self.line(&format!("{} handshakes", report.hosts.len()));
        for ((_, because), hosts) in alike {
            let Some(cause) = hosts.first().map(|host| host.verdict.cause) else { continue };
            let word = headline(cause);
            let padding = " ".repeat(WORD_COLUMNS.saturating_sub(word.len()));
            let first = format!("  {}{padding} {:>4}  ", self.look.cause(cause), hosts.len());
            self.wrapped(&first, WORD_COLUMNS + 9, &escaped(because));
            for (ways, places) in by_ways(&hosts, report) {
                let mut names: Vec<_> = places.iter().take(MOST_NAMES).cloned().collect();
                if places.len() > MOST_NAMES {
                    names.push(format!("… and {} more", places.len() - MOST_NAMES));
                }
                let by = if ways.is_empty() { String::new() } else { format!("by {ways}: ") };
                self.wrapped(&format!("      {by}"), 6, &names.join(", "));
            }
        }
    }

    /// Shows one handshake of each kind in full: hosts that meet the same fate look the same.
    fn details(&mut self, report: &Report) {
        let mut kinds: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
        for (index, host) in report.hosts.iter().enumerate() {
            if !host.chain.is_empty() && (report.hosts.len() == 1 || tone(host.verdict.cause) != Tone::Good) {
                kinds.entry(kind_of(host)).or_default().push(index);
            }
        }
        for alike in kinds.values().take(MOST_DETAILS) {
            let Some((&index, others)) = alike.split_first() else { continue };
            let Some(host) = report.hosts.get(index) else { continue };
            self.line("");
            if report.hosts.len() > 1 {
                let first = format!("{}  {}  ", place_of(host), self.look.cause(host.verdict.cause));
                self.wrapped(&first, 2, &escaped(&host.verdict.because));
                self.line("");
            }
            self.chain(report, index, host);
            self.findings(report, index, host);
            if !others.is_empty() {
                let (count, hosts) = (others.len(), if others.len() == 1 { "host" } else { "hosts" });
                self.line(&format!("  {count} more {hosts} alike: same verdict, same key above the end-entity"));
            }
        }
        if let Some(more) = kinds.len().checked_sub(MOST_DETAILS).filter(|more| *more > 0) {
            self.line(&format!("  … and {more} more kinds; `--json` has them all"));
        }
    }

    fn chain(&mut self, report: &Report, index: usize, host: &HostReport) {
        for (place, certificate) in host.chain.iter().enumerate().take(MOST_CERTIFICATES) {
            let mark = self.mark(report, index, Place::Certificate(place));
            let role = match certificate.role {
                Role::EndEntity => "end-entity",
                Role::Subordinate => "subordinate",
                Role::SelfIssued => "self-issued",
                Role::Unreadable => "unreadable",
            };
            let validity = validity(certificate.not_before, certificate.not_after, host.at);
            let first = format!("{mark}{:>2}  {role:<13} ", place + 1);
            self.wrapped(&first, 22, &format!("{}  {validity}", quoted(&certificate.subject)));
        }
        if let Some(more) = host.chain.len().checked_sub(MOST_CERTIFICATES).filter(|more| *more > 0) {
            self.line(&format!("      … and {more} more certificates"));
        }
        for (place, anchor) in host.anchors.iter().enumerate().take(MOST_CERTIFICATES) {
            let mark = self.mark(report, index, Place::Anchor(place));
            let number = host.chain.len() + place + 1;
            let whose = match &anchor.kind {
                AnchorKind::Public(programs) => {
                    let names: Vec<_> = programs.iter().map(|program| format!("{program:?}")).collect();
                    format!("public: {}", names.join(", "))
                }
                AnchorKind::Retired => "retired: no root program trusted it any more".to_owned(),
                AnchorKind::Local(origin) => format!("local: added on this machine ({})", escaped(origin)),
            };
            let first = format!("{mark}{number:>2}  {:<13} ", "trust anchor");
            self.wrapped(&first, 22, &format!("{}  {whose}", quoted(&anchor.name)));
        }
        if host.anchors.is_empty() {
            self.line("      no trust anchor is reached");
        }
        self.line("");
    }

    /// Marks a place that something weighty was said of.
    fn mark(&self, report: &Report, index: usize, place: Place) -> String {
        let odd = report.findings_at(index, place).any(|finding| finding.weight >= Weight::Strong);
        let mark = if odd { "> " } else { "  " };
        if odd { self.look.paint(mark, Style::new().red().bold()) } else { mark.to_owned() }
    }

    fn findings(&mut self, report: &Report, index: usize, host: &HostReport) {
        for finding in report.findings.iter().filter(|finding| finding.observation == index) {
            let place = match finding.place {
                Some(Place::Certificate(place)) => format!("certificate {}, ", place + 1),
                Some(Place::Anchor(place)) => format!("certificate {}, ", host.chain.len() + place + 1),
                Some(Place::IssuerOf(place)) => format!("issuer of certificate {}, not seen, ", place + 1),
                None => String::new(),
            };
            let first = format!("  {:<DETECTOR_COLUMNS$}  ", finding.detector);
            let says = format!("{} ({place}{})", escaped(&finding.says), weight(finding.weight));
            self.wrapped(&first, DETECTOR_COLUMNS + 4, &says);
            if !finding.rests_on.is_empty() {
                let clauses = format!("source: {}", escaped(&finding.rests_on.join("; ")));
                self.dimmed(DETECTOR_COLUMNS + 4, &clauses);
            }
        }
        match host.possession {
            PossessionReport::Proven => self.line("  the peer proved in this handshake that it holds the key of certificate 1"),
            PossessionReport::Refuted => self.line("  the peer did NOT prove that it holds the key of certificate 1"),
            PossessionReport::Unsupported | PossessionReport::NotVisible => {}
        }
    }

    fn surroundings(&mut self, report: &Report) {
        let around = &report.surroundings;
        self.line("");
        if !around.local_anchors.is_empty() {
            let names: Vec<_> = around.local_anchors.iter().map(|anchor| quoted(&anchor.name)).collect();
            let count = names.len();
            self.wrapped("anchors added on this machine: ", 2, &format!("{count}: {}", cut(&names.join(", "), 400)));
        }
        for (what, names) in [("trust store replaced by", &around.store_overrides), ("a proxy is set by", &around.proxies)] {
            if !names.is_empty() {
                self.wrapped(&format!("{what}: "), 2, &escaped(&names.join(", ")));
            }
        }
        for (what, hosts) in
            [("not on the public network, by some resolver", &around.bogons), ("signed in DNS, and wrongly", &around.badly_signed)]
        {
            if !hosts.is_empty() {
                let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
                self.wrapped(&format!("{what}: "), 2, &escaped(&cut(&names.join(", "), 400)));
            }
        }
        if around.invented_answers > 0 {
            self.line("this network's resolver answers for names that nobody registered");
        }
        let ground = ground(around);
        if !ground.is_empty() {
            self.wrapped("", 2, &ground);
        }
    }

    fn could_not_look(&mut self, report: &Report) {
        let mut missing: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        // Of a host that showed nothing, its own line tells why.
        let seen = report.hosts.iter().filter(|host| !host.chain.is_empty());
        for host in seen {
            for blind in &host.could_not_look {
                let detectors = missing.entry(blind.missing.absence()).or_default();
                if !detectors.contains(&blind.detector.as_str()) {
                    detectors.push(&blind.detector);
                }
            }
        }
        let mut parts: Vec<_> = missing.into_iter().map(|(why, who)| format!("{} ({why})", who.join(", "))).collect();
        parts.extend(report.surroundings.not_looked_at.iter().map(|what| format!("{what} (nobody looked)")));
        if !parts.is_empty() {
            let text = self.look.dim("could not look: ");
            self.wrapped(&text, 2, &escaped(&parts.join(" · ")));
        }
    }

    fn tables(&mut self, report: &Report) {
        let told: Vec<_> = report
            .tables
            .iter()
            .map(|used| {
                let date = day(used.table.as_of);
                let stale = if used.stale { format!(" (past its date, {} days old)", used.age_days) } else { String::new() };
                format!("{} {date}{stale}", used.table.name)
            })
            .collect();
        if !told.is_empty() {
            let text = self.look.dim("tables: ");
            self.wrapped(&text, 2, &escaped(&told.join(" · ")));
        }
    }
}

/// Says in one line what was found of clock, portal and versions of IP; empty where nobody looked.
fn ground(around: &SurroundingsReport) -> String {
    let clock = around.clock_ahead_seconds.map(|ahead| match ahead {
        -300..=300 => "clock right".to_owned(),
        ahead if ahead > 0 => format!("clock {ahead} s ahead"),
        behind => format!("clock {} s behind", behind.unsigned_abs()),
    });
    let portal = around.portal.map(|captive| if captive { "a captive portal" } else { "no captive portal" }.to_owned());
    let reach = |name: &str, reach: Reach| match reach {
        Reach::Answered => format!("{name} works"),
        Reach::Silent => format!("{name}: no answer"),
        Reach::NoRoute => format!("{name}: no route"),
        Reach::NotAsked => format!("{name} not asked"),
    };
    let families = around.families.map(|families| format!("{}, {}", reach("IPv4", families.ipv4), reach("IPv6", families.ipv6)));
    clock.into_iter().chain(portal).chain(families).collect::<Vec<_>>().join(" · ")
}

/// What makes two handshakes alike: cause, what decided, and whose key stands above the end-entity.
type Kind = (u8, Vec<String>, Option<String>);

fn kind_of(host: &HostReport) -> Kind {
    let above = host.chain.get(1).map(|certificate| certificate.spki_sha256);
    let anchor = host.anchors.first().map(|anchor| anchor.spki_sha256);
    let key = anchor.or(above).map(|key| key.to_string());
    (order(host.verdict.cause), host.verdict.decided_by.clone(), key)
}

/// How a word is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Somebody has to act.
    Bad,
    /// Somebody has to look.
    Doubtful,
    /// All is well.
    Good,
    /// Neither.
    Neutral,
}

fn tone(cause: Cause) -> Tone {
    match cause {
        Cause::PublicAuthorityInterception
        | Cause::KnownKeyInterception
        | Cause::StateInterception
        | Cause::LocalInterception
        | Cause::UntrustedInterception => Tone::Bad,
        Cause::UnexpectedAuthority | Cause::CaptivePortal | Cause::Clock | Cause::OriginFault | Cause::Inconclusive => Tone::Doubtful,
        Cause::Clear => Tone::Good,
        Cause::InternalName | Cause::NotMeasured => Tone::Neutral,
    }
}

/// Returns the word a page begins with.
fn headline(cause: Cause) -> &'static str {
    match cause {
        Cause::PublicAuthorityInterception
        | Cause::KnownKeyInterception
        | Cause::StateInterception
        | Cause::LocalInterception
        | Cause::UntrustedInterception => "INTERCEPTED",
        Cause::UnexpectedAuthority => "SUSPECT",
        Cause::CaptivePortal => "CAPTIVE PORTAL",
        Cause::Clock => "CLOCK WRONG",
        Cause::OriginFault => "ORIGIN FAULT",
        Cause::InternalName => "INTERNAL NAME",
        Cause::Inconclusive => "INCONCLUSIVE",
        Cause::NotMeasured => "NOT MEASURED",
        Cause::Clear => "CLEAR",
    }
}

/// Returns where a cause stands in a list, worst first.
fn order(cause: Cause) -> u8 {
    match cause {
        Cause::PublicAuthorityInterception => 0,
        Cause::KnownKeyInterception => 1,
        Cause::StateInterception => 2,
        Cause::LocalInterception => 3,
        Cause::UntrustedInterception => 4,
        Cause::UnexpectedAuthority => 5,
        Cause::Clock => 6,
        Cause::CaptivePortal => 7,
        Cause::Inconclusive => 8,
        Cause::OriginFault => 9,
        Cause::InternalName => 10,
        Cause::NotMeasured => 11,
        Cause::Clear => 12,
    }
}

/// Returns the word for a severity.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// Returns the word for a confidence.
pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Weak => "confidence weak",
        Confidence::Strong => "confidence strong",
        Confidence::Proven => "proven",
    }
}

fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Note => "a note",
        Weight::Weak => "weak",
        Weight::Strong => "strong",
        Weight::Proven => "proven",
    }
}

/// Names hosts that share a fate, each once: by which ways they were met, where other ways to them met another fate.
fn by_ways(alike: &[&HostReport], report: &Report) -> BTreeMap<String, Vec<String>> {
    let mut handshakes: BTreeMap<String, usize> = BTreeMap::new();
    for host in &report.hosts {
        *handshakes.entry(place_of(host)).or_default() += 1;
    }
    let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for host in alike {
        ways.entry(place_of(host)).or_default().push(way_of(host));
    }
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (place, mut ways) in ways {
        let all = handshakes.get(&place) == Some(&ways.len());
        ways.sort_unstable();
        ways.dedup();
        places.entry(if all { String::new() } else { ways.join("; ") }).or_default().push(place);
    }
    places
}

fn way_of(host: &HostReport) -> String {
    let quic = (host.transport == Transport::Quic).then(|| "quic".to_owned());
    let way: Vec<String> = host.way.iter().map(|way| escaped(way)).chain(quic).collect();
    if way.is_empty() { "plain".to_owned() } else { way.join(", ") }
}

fn place_of(host: &HostReport) -> String {
    match (host.host.address().is_some_and(|address| address.is_ipv6()), host.port) {
        (_, 443) => host.host.to_string(),
        (true, port) => format!("[{}]:{port}", host.host),
        (false, port) => format!("{}:{port}", host.host),
    }
}

/// Says how long a certificate is valid; in seconds before the handshake, when it began just then.
fn validity(not_before: i64, not_after: i64, at: u64) -> String {
    let age = i64::try_from(at / 1000).unwrap_or(i64::MAX).saturating_sub(not_before);
    let end = day(not_after);
    match age {
        0..FRESH_SECONDS => format!("valid from {age} s before the handshake to {end}"),
        _ => format!("valid {} to {end}", day(not_before)),
    }
}

/// Returns the UTC day of a UNIX second.
pub(crate) fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| format!("UNIX second {seconds}"), |time| time.strftime("%Y-%m-%d").to_string())
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Returns how many columns a text takes that may carry our own colour codes.
fn visible_width(text: &str) -> usize {
    let mut width = 0;
    let mut in_code = false;
    for character in text.chars() {
        match (in_code, character) {
            (false, '\u{1b}') => in_code = true,
            (true, 'm') => in_code = false,
            (true, _) => {}
            (false, _) => width += 1,
        }
    }
    width
}

const USUAL_WIDTH: usize = 100;
const MIN_WIDTH: usize = 40;
const MAX_WIDTH: usize = 140;
/// The longest text of a peer's that is shown, in characters.
const LONGEST_TEXT: usize = 400;
const WORD_COLUMNS: usize = 14;
/// A validity that began within a day of the handshake is told in seconds.
const FRESH_SECONDS: i64 = 24 * 60 * 60;
const DETECTOR_COLUMNS: usize = 25;
/// The most hosts that are named for one verdict and reason.
const MOST_NAMES: usize = 60;
const MOST_DETAILS: usize = 4;
const MOST_CERTIFICATES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_text_cannot_act_on_a_terminal() {
        let shown = quoted("a\u{1b}[31mb\r\nc\u{202e}d\u{200b}e\u{9b}f\u{0}");
        assert!(shown.chars().all(|character| !character.is_control()), "{shown}");
        assert!(!shown.contains(['\u{202e}', '\u{200b}', '\u{9b}']), "{shown}");
        assert!(shown.contains("\\u{1b}[31m") && shown.contains("\\r\\n") && shown.contains("\\u{202e}"));
    }

    #[test]
    fn quotes_inside_quotes_are_told_from_the_end() {
        assert_eq!(quoted("CN=\"x\" \\ y"), r#""CN=\"x\" \\ y""#);
        assert_eq!(quoted("O=Müller's 株式会社"), "\"O=Müller's 株式会社\"");
    }

    #[test]
    fn long_text_is_cut() {
        assert!(escaped(&"x".repeat(100_000)).chars().count() <= LONGEST_TEXT + 1);
    }

    #[test]
    fn a_fresh_certificate_is_dated_in_seconds() {
        assert_eq!(validity(1000, 100_000_000, 1_041_000), "valid from 41 s before the handshake to 1973-03-03");
        assert_eq!(validity(0, 100_000_000, 1_426_852_800_000), "valid 1970-01-01 to 1973-03-03");
    }

    #[test]
    fn colour_codes_take_no_columns() {
        let look = Look { colour: true, width: 80 };
        assert_eq!(visible_width(&look.cause(Cause::Clear)), "CLEAR".len());
        assert_eq!(Look::plain().cause(Cause::Clear), "CLEAR");
    }
}
