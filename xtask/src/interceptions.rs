//! The replays below `tests/interceptions`: runs that the laboratory of real interceptors left behind, judged by host.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mintwatch_validator::Report;
use mintwatch_validator::evidence::{Host, Transport};
use mintwatch_validator::report::HostReport;
use mintwatch_validator::verdict::{Cause, Confidence, Severity};
use serde::Deserialize;

use crate::replays::{Replay, replays};
use crate::trouble::Trouble;

/// `expected.toml` of a run: who stood in the middle, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Whose product it is, or ours.
    pub interceptor: String,
    /// Its version, as it tells it.
    pub version: String,
    /// Whose key it held.
    pub root: String,
    /// Which connections it intercepted.
    pub selection: String,
    /// What is to be said of a host whose connections it intercepted.
    pub cause: Cause,
    /// The hosts whose connections it intercepted, as it knows itself; all others are clear.
    pub hosts: BTreeSet<String>,
}

impl Expected {
    /// Reads it from a replay's folder.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be.
    pub fn read(folder: &Path) -> Result<Self, Trouble> {
        let file = folder.join("expected.toml");
        let text = fs::read_to_string(&file).map_err(|error| Trouble::file("read", &file, error))?;
        toml::from_str(&text).map_err(|error| Trouble::new(format!("{}: {error}", file.display())))
    }

    /// Returns it as it is written down.
    pub fn text(&self) -> String {
        let Self { interceptor, version, root, selection, cause, hosts } = self;
        let cause = cause.word();
        format!(
            "interceptor = {interceptor:?}\nversion = {version:?}\nroot = {root:?}\nselection = {selection:?}\ncause = {cause:?}\n\
             hosts = {:?}\n",
            hosts.iter().collect::<Vec<_>>()
        )
    }

    /// Returns what a host was.
    pub fn of(&self, host: &Host) -> Cause {
        if self.hosts.contains(host.as_str()) { self.cause } else { Cause::Clear }
    }

    /// Returns in what a report differs: hosts called otherwise, and ways that are called neither right nor clear.
    pub fn faults(&self, report: &Report) -> Vec<String> {
        let mut faults: Vec<String> = worst(report)
            .iter()
            .filter(|(host, worst)| worst.verdict.cause != self.of(host))
            .map(|(host, worst)| format!("{host} is {}, not {}", worst.verdict.cause.word(), self.of(host).word()))
            .collect();
        let odd = |host: &&HostReport| ![self.of(&host.host), Cause::Clear, Cause::NotMeasured].contains(&host.verdict.cause);
        faults.extend(report.hosts.iter().filter(odd).map(|host| format!("{} {} is {}", host.host, way(host), host.verdict.cause.word())));
        faults.extend(
            self.hosts
                .iter()
                .filter(|met| !report.hosts.iter().any(|host| host.host.as_str() == met.as_str()))
                .map(|met| format!("{met} is missing")),
        );
        faults
    }
}

/// One run: what it was, and what is said of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// The folder's name.
    pub name: String,
    /// What it was.
    pub expected: Expected,
    /// What we say.
    pub report: Report,
}

/// Returns every run that is kept, by name, judged with all lists.
///
/// # Errors
/// When one cannot be read.
pub fn runs(root: &Path) -> Result<Vec<Run>, Trouble> {
    let replays = replays(root)?.into_iter().filter(|replay| replay.is_of("interceptions"));
    let run = |replay: Replay| Ok(Run { name: replay.name(), expected: Expected::read(&replay.folder)?, report: replay.judge(true)? });
    replays.map(run).collect()
}

/// Returns what each host amounts to: the worst of the ways to it. A way that a box lets pass is clear, and no miss.
pub fn worst(report: &Report) -> BTreeMap<Host, &HostReport> {
    let mut worst: BTreeMap<Host, &HostReport> = BTreeMap::new();
    for host in &report.hosts {
        let so_far = worst.entry(host.host.clone()).or_insert(host);
        if rank(host) > rank(so_far) {
            *so_far = host;
        }
    }
    worst
}

/// Orders what is said of ways to one host: severity tells an interception from what is harmless.
fn rank(host: &HostReport) -> (u8, Severity, Confidence) {
    let heard = match host.verdict.cause {
        Cause::NotMeasured => 0,
        Cause::Clear => 1,
        _ => 2,
    };
    (heard, host.verdict.severity, host.verdict.confidence)
}

/// By which ways somebody was met in the middle, which led to the hosts themselves, and which led nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// Somebody was met.
    pub met: BTreeSet<String>,
    /// Clear for every host that was met by another way.
    pub passed: BTreeSet<String>,
    /// No certificate was seen.
    pub silent: BTreeSet<String>,
}

/// Returns the ways of a run to those hosts that were met by any.
pub fn ways(report: &Report) -> Ways {
    let hosts: BTreeSet<&Host> = met(report).map(|(_, host)| &host.host).collect();
    let mut ways = Ways::default();
    for host in report.hosts.iter().filter(|host| hosts.contains(&host.host)) {
        let of = match host.verdict.cause {
            cause if is_somebody(cause) => &mut ways.met,
            Cause::NotMeasured => &mut ways.silent,
            _ => &mut ways.passed,
        };
        of.insert(way(host));
    }
    ways
}

/// Returns the detectors that decided where somebody was met, with how many handshakes each.
pub fn deciders(report: &Report) -> BTreeMap<&str, usize> {
    let mut deciders = BTreeMap::new();
    for detector in met(report).flat_map(|(_, host)| &host.verdict.decided_by) {
        *deciders.entry(detector.as_str()).or_default() += 1;
    }
    deciders
}

/// Returns how long it took until the first handshake began that met somebody, in milliseconds from the first of the run.
pub fn first_met_after(report: &Report) -> Option<u64> {
    let begun = report.hosts.iter().map(|host| host.at).min()?;
    met(report).map(|(_, host)| host.at.saturating_sub(begun)).min()
}

/// Returns the handshakes in which somebody was found in the middle, each with its place in the report.
pub fn met(report: &Report) -> impl Iterator<Item = (usize, &HostReport)> {
    report.hosts.iter().enumerate().filter(|(_, host)| is_somebody(host.verdict.cause))
}

fn is_somebody(cause: Cause) -> bool {
    cause.exit_status() >= 11
}

/// Returns the way of a handshake in a few words.
pub fn way(host: &HostReport) -> String {
    let mut words = String::new();
    if host.transport == Transport::Quic {
        words.push_str("quic");
    }
    for part in &host.way {
        let _ = write!(words, "{}{part}", if words.is_empty() { "" } else { " " });
    }
    if words.is_empty() { "plain".to_owned() } else { words }
}
