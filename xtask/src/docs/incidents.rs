//! The pages on incidents: one for each replay, and the table of incidents by detectors.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use mintwatch::incidents::{self, Chapter, Incident, Line};
use mintwatch_validator::Report;
use mintwatch_validator::detectors::DETECTORS;
use mintwatch_validator::finding::Weight;
use time::OffsetDateTime;

use super::Page;
use crate::record::recipe::{Recipe, Sight};
use crate::replays::Replay;
use crate::trouble::Trouble;

/// An incident with all that is said of it.
struct Told {
    incident: &'static Incident,
    sights: Vec<Sight>,
    with_lists: Report,
    without_lists: Report,
}

pub(super) fn pages(root: &Path) -> Result<Vec<Page>, Trouble> {
    let folder = root.join("tests/incidents");
    let mut all = Vec::new();
    for incident in incidents::all() {
        all.push(Told::read(incident, &folder.join(&incident.id))?);
    }
    let mut pages: Vec<Page> =
        all.iter().map(|told| Page { file: folder.join(&told.incident.id).join("README.md"), text: told.page() }).collect();
    pages.push(Page { file: root.join("docs/incidents.md"), text: overview(&all) });
    Ok(pages)
}

impl Told {
    fn read(incident: &'static Incident, folder: &Path) -> Result<Self, Trouble> {
        let sights: Vec<Sight> = Recipe::read(folder)?.sights().into_iter().cloned().collect();
        let replay = Replay { folder: folder.to_path_buf() };
        let (with_lists, without_lists) = (replay.judge(true)?, replay.judge(false)?);
        if sights.len() != with_lists.hosts.len() {
            let hint = format!("`cargo xtask record --data DIR incidents {}` makes the evidence anew", incident.id);
            return Err(Trouble::new(format!("{}: the recipe is not that of the evidence", incident.id)).with_hint(hint));
        }
        Ok(Self { incident, sights, with_lists, without_lists })
    }

    /// Its README.md.
    fn page(&self) -> String {
        let incident = self.incident;
        let mut text = format!("# {}: {}\n", incident.year, incident.title);
        for (index, chapter) in incident.chapters().iter().enumerate() {
            // The story needs no heading, and what we say follows on it.
            if index > 0 {
                let _ = write!(text, "\n## {}\n", chapter.title);
            }
            write_lines(&mut text, chapter);
            if index == 0 {
                text.push_str("\n## What we say\n\n");
                text.push_str(&self.answers());
            }
        }
        let _ = write!(
            text,
            "\n---\nMade by `cargo xtask docs` of `probe/incidents/{0}.toml`, of `recipe.toml`, by which `cargo xtask record --data DIR incidents {0}` \
             made the evidence, and of what the judge says. `mintwatch explain incident {1}` tells the same.\n",
            incident.id, incident.short
        );
        text
    }

    /// What is said of every handshake, those alike on one row.
    fn answers(&self) -> String {
        let mut rows: Vec<(String, Vec<String>)> = Vec::new();
        for index in 0..self.sights.len() {
            let Some((alike, host)) = self.row(index) else { continue };
            match rows.iter_mut().find(|(known, _)| *known == alike) {
                Some((_, hosts)) => hosts.push(host),
                None => rows.push((alike, vec![host])),
            }
        }
        let mut text = "| seen | certificates | called | decided by | without lists | hosts |\n|---|---|---|---|---|---|\n".to_owned();
        for (alike, hosts) in rows {
            let _ = writeln!(text, "| {alike} | {} |", counted(&hosts));
        }
        let mut open: Vec<String> =
            self.open().map(|(sight, why)| format!("{} of `{}`: {why}", sight.cause.word(), sight.hosts.join("`, `"))).collect();
        open.dedup();
        if !open.is_empty() {
            text.push_str("\nNot yet what it should be:\n\n");
            for open in open {
                let _ = writeln!(text, "- {open}");
            }
        }
        text
    }

    fn row(&self, index: usize) -> Option<(String, String)> {
        let (sight, host, bare) = (self.sights.get(index)?, self.with_lists.hosts.get(index)?, self.without_lists.hosts.get(index)?);
        let by = |ids: &[String]| if ids.is_empty() { "–".to_owned() } else { format!("`{}`", ids.join("`, `")) };
        let alike = format!(
            "{} | {} | {} | {} | {}",
            day(host.at),
            if sight.is_original() { "original" } else { "re-enacted" },
            host.verdict.cause.word(),
            by(&host.verdict.decided_by),
            bare.verdict.cause.word()
        );
        Some((alike, format!("`{}`", host.host)))
    }

    /// The handshakes whose answer is not yet what it should be, and why.
    fn open(&self) -> impl Iterator<Item = (&Sight, &str)> {
        self.sights.iter().filter_map(|sight| Some((sight, sight.open.as_deref()?)))
    }

    /// How loud each detector was: decided, spoke, noted.
    fn loudness(&self) -> BTreeMap<&str, &'static str> {
        let mut loud: BTreeMap<&str, &'static str> = BTreeMap::new();
        for finding in &self.with_lists.findings {
            let decided =
                self.with_lists.hosts.get(finding.observation).is_some_and(|host| host.verdict.decided_by.contains(&finding.detector));
            let mark = match (decided, finding.weight) {
                (true, _) => DECIDED,
                (false, Weight::Note) => NOTED,
                (false, _) => SPOKE,
            };
            let known = loud.entry(&finding.detector).or_insert(mark);
            if rank(mark) > rank(known) {
                *known = mark;
            }
        }
        loud
    }
}

const DECIDED: &str = "●";
const SPOKE: &str = "○";
const NOTED: &str = "·";

fn rank(mark: &str) -> u8 {
    match mark {
        DECIDED => 2,
        SPOKE => 1,
        _ => 0,
    }
}

fn overview(all: &[Told]) -> String {
    let seen: usize = all.iter().map(|told| told.sights.len()).sum();
    let original: usize = all.iter().flat_map(|told| &told.sights).filter(|sight| sight.is_original()).count();
    let open: usize = all.iter().map(|told| told.open().count()).sum();
    let mut text = format!(
        "# Incidents\n\n{} incidents are replayed: {seen} handshakes, {original} of them with original certificates throughout, the others re-enacted \
         over keys of our own. {} of the {seen} are called what they should be; the {open} others are named below. Each folder below \
         `tests/incidents/` has the story, and `mintwatch explain incident` tells it.\n",
        all.len(),
        seen - open
    );
    text.push_str(
        "\n## What each is called\n\n| | incident | called | severity | decided by | without any list |\n|---|---|---|---|---|---|\n",
    );
    for told in all {
        let verdict = &told.with_lists.verdict;
        let by = if verdict.decided_by.is_empty() { "–".to_owned() } else { format!("`{}`", verdict.decided_by.join("`, `")) };
        let _ = writeln!(
            text,
            "| {} | [{}](../tests/incidents/{}/README.md) | {} | {} | {by} | {} |",
            told.incident.year,
            told.incident.title,
            told.incident.id,
            verdict.cause.word(),
            format!("{:?}", verdict.severity).to_lowercase(),
            told.without_lists.verdict.cause.word()
        );
    }
    text.push_str(
        "\nWithout any list: listed keys, revocations and pins emptied, as on the day before anybody knew. The worst handshake of a replay \
         gives it its name; a replay may hold harmless ones too.\n",
    );
    text.push_str(&matrix(all));
    text.push_str("\n## From which day\n\n| incident | rule | it could have caught it from |\n|---|---|---|\n");
    for told in all {
        for caught in &told.incident.caught {
            let _ = writeln!(text, "| {} | `{}` | {} |", told.incident.short, caught.rule, caught.from);
        }
    }
    text.push_str("\n## Not yet what it should be\n\n");
    let mut any = false;
    for told in all {
        let mut lines: Vec<(String, usize)> = Vec::new();
        for (sight, why) in told.open() {
            let line = format!("should be {}: {why}", sight.cause.word());
            match lines.iter_mut().find(|(known, _)| *known == line) {
                Some((_, count)) => *count += 1,
                None => lines.push((line, 1)),
            }
        }
        for (line, count) in lines {
            any = true;
            let _ = writeln!(text, "- {}, {count} handshake{}: {line}", told.incident.short, if count == 1 { "" } else { "s" });
        }
    }
    if !any {
        text.push_str("Nothing.\n");
    }
    text.push_str("\n---\nMade by `cargo xtask docs`.\n");
    text
}

/// Incidents by detectors, those left out that are silent about all.
fn matrix(all: &[Told]) -> String {
    let loudness: Vec<BTreeMap<&str, &'static str>> = all.iter().map(Told::loudness).collect();
    let spoke: Vec<&str> =
        DETECTORS.iter().map(|detector| detector.id).filter(|id| loudness.iter().any(|loud| loud.contains_key(id))).collect();
    let silent: Vec<&str> = DETECTORS.iter().map(|detector| detector.id).filter(|id| !spoke.contains(id)).collect();
    let mut text = format!("\n## Incidents by detectors\n\n{DECIDED} decided a handshake · {SPOKE} spoke · {NOTED} noted something\n\n| |");
    for id in &spoke {
        let _ = write!(text, " {id} |");
    }
    text.push_str("\n|---|");
    text.push_str(&":-:|".repeat(spoke.len()));
    text.push('\n');
    for (told, loud) in all.iter().zip(&loudness) {
        let _ = write!(text, "| {} |", told.incident.short);
        for id in &spoke {
            let _ = write!(text, " {} |", loud.get(id).copied().unwrap_or_default());
        }
        text.push('\n');
    }
    if !silent.is_empty() {
        let _ = write!(text, "\nSilent about all of them: `{}`.\n", silent.join("`, `"));
    }
    text
}

fn write_lines(text: &mut String, chapter: &Chapter) {
    let mut after_item = false;
    for line in &chapter.lines {
        match line {
            Line::Text(paragraph) => {
                let _ = write!(text, "\n{paragraph}\n");
            }
            Line::Item(about, says) => {
                let says = if says.is_empty() { String::new() } else { format!(": {says}") };
                let _ = writeln!(text, "{}- {about}{says}", if after_item { "" } else { "\n" });
            }
        }
        after_item = matches!(line, Line::Item(..));
    }
}

/// Each host once, with how often where that is more than once.
fn counted(hosts: &[String]) -> String {
    let mut counts: Vec<(&String, usize)> = Vec::new();
    for host in hosts {
        match counts.iter_mut().find(|(known, _)| *known == host) {
            Some((_, count)) => *count += 1,
            None => counts.push((host, 1)),
        }
    }
    let shown = counts.into_iter().map(|(host, count)| if count == 1 { host.clone() } else { format!("{host} × {count}") });
    shown.collect::<Vec<_>>().join(", ")
}

/// The day of a moment in milliseconds.
fn day(at: u64) -> String {
    let seconds = i64::try_from(at / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .map_or_else(|_| "at no time".to_owned(), |at| format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day()))
}
