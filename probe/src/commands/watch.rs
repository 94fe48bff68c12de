//! `watch`: scans again and again, and speaks only when the verdict of the present network changes.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::finding::Weight;
use mintwatch_validator::verdict::{Cause, Confidence, Severity};
use mintwatch_validator::{Report, Tables, judge};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng};
use serde::Serialize;

use super::baseline::date;
use super::looking::{Errand, look};
use super::remembering::{here, open, says, tell_of_new_anchors, told};
use super::{Status, chosen, files, json_line, print, report, scan, tell};
use crate::cli::WatchArgs;
use crate::error::Error;
use crate::formats::Records;
use crate::memory::history::{Appended, host_and_port};
use crate::memory::{Kind, Memory, Network, Run, Standing};
use crate::observe::{self, Angle, unix_seconds};
use crate::terminal::{Look, confidence, escaped, severity};

/// Watches until it is told to end, or has run as often as it should.
///
/// # Errors
/// [`Error`] when the watch could not begin, or nobody reads what it says. What goes wrong in one run is told, and the next
/// one is made all the same.
pub fn run(args: &WatchArgs) -> Result<Status, Error> {
    let tables = chosen(&args.judging.laid_over, unix_seconds())?;
    let memory = open(&args.remembering.place)?;
    let runtime = observe::runtime()?;
    let mut watch = Watch {
        args,
        tables,
        memory,
        rng: StdRng::from_os_rng(),
        spoken: Spoken::Nothing,
        verdicts: BTreeMap::new(),
        worst: Status::CLEAR,
    };
    let ended = runtime.block_on(watch.keep());
    // A name lookup of the system's cannot be cancelled; nobody waits for it.
    runtime.shutdown_background();
    ended.map(|()| watch.worst)
}

struct Watch<'a> {
    args: &'a WatchArgs,
    tables: Tables,
    memory: Memory,
    rng: StdRng,
    spoken: Spoken,
    /// What each network's verdict was, for when the history cannot say.
    verdicts: BTreeMap<Network, (Cause, Severity)>,
    worst: Status,
}

/// What was spoken of so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Nothing,
    /// That too little could be measured.
    TooLittle,
    Verdict,
}

impl Watch<'_> {
    async fn keep(&mut self) -> Result<(), Error> {
        let mut end = std::pin::pin!(told_to_end().map_err(Error::Stream)?);
        let mut runs = 0;
        loop {
            tokio::select! {
                biased;
                () = &mut end => return Ok(()),
                ran = self.once() => match ran {
                    Err(error @ (Error::Stream(_) | Error::NoHosts | Error::NoConsent | Error::HostList { .. })) => return Err(error),
                    Err(error) => {
                        tell(&format!("error: {error}"));
                        self.worst = self.worst.or_worse(Status::of(error.exit_status()));
                    }
                    Ok(()) => {}
                },
            }
            runs += 1;
            if self.args.runs.is_some_and(|most| runs >= most) {
                return Ok(());
            }
            let pause = jittered(self.args.every, &mut self.rng);
            tokio::select! {
                biased;
                () = &mut end => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Makes one run: looks, judges, keeps, and speaks where there is news.
    async fn once(&mut self) -> Result<(), Error> {
        let args = self.args;
        let hosts = scan::asked(&args.asking, &self.tables, &mut self.rng)?;
        let errand = Errand::to(&hosts, &Angle::ALONE, &args.looking, &mut self.rng);
        let evidence = look(errand, Some(&args.remembering), &args.looking, &args.judging, &self.tables).await?;
        let found = judge(&evidence, &self.tables);
        self.worst = self.worst.or_worse(report::hand_over(&Records::of(&evidence, &found, None), &args.sending).await);
        let told = told(&evidence, &found, &self.tables);
        self.worst = self.worst.or_worse(report::status(&told, args.judging.strict));
        let network = here(&self.memory, &args.remembering);
        // What cannot be kept is spoken of all the same.
        let kept = self.memory.append(Run::of(&found, Kind::Watch, network.clone(), says(&told)));
        if let Err(error) = &kept {
            tell(&format!("error: {error}"));
            self.worst = self.worst.or_worse(Status::of(error.exit_status()));
        }
        let before = match &kept {
            Ok(kept) => kept.before.map(|(standing, _)| (standing.cause, standing.severity)),
            Err(_) => self.verdicts.get(&network).copied(),
        };
        if self.is_news(says(&told), before) {
            let news = News::of(&found, &told, &network, kept.as_ref().ok());
            self.speak(&news, &evidence, &found)?;
        }
        if let Some(now) = says(&told) {
            self.verdicts.insert(network, now);
        }
        Ok(())
    }

    /// Says whether to speak: the first time, and whenever the network's verdict is another than the one before.
    fn is_news(&self, now: Option<(Cause, Severity)>, before: Option<(Cause, Severity)>) -> bool {
        match self.spoken {
            Spoken::Nothing => true,
            Spoken::TooLittle => now.is_some(),
            Spoken::Verdict => now.is_some() && now != before,
        }
    }

    fn speak(&mut self, news: &News<'_>, evidence: &Evidence, found: &Report) -> Result<(), Error> {
        print(&if self.args.judging.json { json_line(news) } else { news.text(Look::of_stdout()) })?;
        self.spoken = if news.is_verdict { Spoken::Verdict } else { Spoken::TooLittle };
        tell_of_new_anchors(found, &self.args.remembering.place);
        if let Some(path) = &self.args.looking.save_evidence {
            files::write(path, (evidence.to_json() + "\n").as_bytes())?;
        }
        Ok(())
    }
}

/// A change of verdict, for people and programs.
#[derive(Serialize)]
struct News<'a> {
    #[serde(skip)]
    is_verdict: bool,
    format: &'static str,
    version: u32,
    /// When the run ended, in UNIX seconds.
    at: u64,
    network: &'a str,
    cause: Cause,
    severity: Severity,
    confidence: Confidence,
    because: &'a str,
    /// Since when this is so, in UNIX seconds.
    since: u64,
    /// What held before; none where nothing was known of this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
    /// The hosts it is so of.
    hosts: Vec<String>,
    /// How many handshakes were planned.
    handshakes: usize,
    /// The detectors that spoke, of any host.
    findings: Vec<&'a str>,
    /// The head of the history; none where the run could not be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lab_tables: Option<&'a str>,
}

#[derive(Serialize)]
struct Before {
    cause: Cause,
    severity: Severity,
    /// When it was seen last, in UNIX seconds.
    last: u64,
}

impl<'a> News<'a> {
    fn of(found: &'a Report, told: &'a Report, network: &'a Network, kept: Option<&Appended>) -> Self {
        let verdict = &told.verdict;
        let hosts = told.hosts.iter().filter(|host| host.verdict.cause == verdict.cause);
        let mut hosts: Vec<String> = hosts.map(|host| host_and_port(&host.host, host.port)).collect();
        let spoke = found.asked.iter().filter(|asked| asked.spoke > 0).map(|asked| asked.detector.as_str());
        let worth = |id: &&str| found.findings.iter().any(|finding| finding.detector == *id && finding.weight > Weight::Note);
        let findings = spoke.filter(worth).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.truncate(MOST_HOSTS);
        Self {
            is_verdict: says(told).is_some(),
            format: "mintwatch.news",
            version: 1,
            at: told.collected_at,
            network: network.as_str(),
            cause: verdict.cause,
            severity: verdict.severity,
            confidence: verdict.confidence,
            because: &verdict.because,
            since: kept.and_then(|kept| kept.entry.standing).map_or(told.collected_at, |standing| standing.since),
            before: kept.and_then(|kept| kept.before).map(|(Standing { cause, severity, .. }, last)| Before { cause, severity, last }),
            hosts,
            handshakes: told.hosts.len(),
            findings,
            head: kept.map(|kept| kept.head.to_string()),
            lab_tables: told.lab_tables.as_deref(),
        }
    }

    fn text(&self, look: Look) -> String {
        let (at, word, cause) = (date(self.at), look.cause(self.cause), self.cause.word());
        let (severity, confidence) = (severity(self.severity), confidence(self.confidence));
        let mut parts = vec![
            format!("{at}  {word}  {cause}: severity {severity}, {confidence}"),
            escaped(self.because),
            format!("on network {} since {}", escaped(self.network), date(self.since)),
        ];
        if let Some(before) = &self.before {
            parts.push(format!("before: {}, last seen {}", before.cause.word(), date(before.last)));
        }
        let shown: Vec<&str> = self.hosts.iter().take(SHOWN_HOSTS).map(String::as_str).collect();
        let more = if self.hosts.len() > SHOWN_HOSTS { ", …" } else { "" };
        let hosts = if let [_] = self.hosts.as_slice() { "host" } else { "hosts" };
        parts.push(format!("{} {hosts} of {} handshakes: {}{more}", self.hosts.len(), self.handshakes, shown.join(", ")));
        if let Some(label) = self.lab_tables {
            parts.push(format!("LAB TABLES \"{}\"", escaped(label)));
        }
        parts.join("; ") + "\n"
    }
}

/// Returns a pause a quarter longer or shorter at most, so that nobody knows when the next run comes.
fn jittered(every: Duration, rng: &mut StdRng) -> Duration {
    every.mul_f64(rng.random_range(0.75..=1.25))
}

/// Returns what ends when the user or the system asks for an end.
#[cfg(unix)]
fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Returns what ends when the user asks for an end.
#[cfg(not(unix))]
fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// How many hosts are named to a program.
const MOST_HOSTS: usize = 1_000;
/// How many hosts are named to a person.
const SHOWN_HOSTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_quarter_longer_or_shorter_at_most_and_never_foreseen() {
        let mut rng = StdRng::seed_from_u64(1);
        let hour = Duration::from_hours(1);
        let pauses: Vec<Duration> = (0..1_000).map(|_| jittered(hour, &mut rng)).collect();
        assert!(pauses.iter().all(|pause| (Duration::from_mins(45)..=Duration::from_mins(75)).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause < Duration::from_mins(50)) && pauses.iter().any(|pause| *pause > Duration::from_mins(70)));
        assert_eq!(jittered(Duration::ZERO, &mut rng), Duration::ZERO);
    }

    #[test]
    fn what_a_certificate_says_makes_no_second_line_and_acts_on_no_terminal() {
        let news = News {
            is_verdict: true,
            format: "mintwatch.news",
            version: 1,
            at: 1_795_000_000,
            network: "home",
            cause: Cause::LocalInterception,
            severity: Severity::High,
            confidence: Confidence::Proven,
            because: "evil\r\nCLEAR\u{1b}[2J\u{202e}\u{9b}1m",
            since: 1_795_000_000,
            before: None,
            hosts: vec!["www.bank.example:443".to_owned()],
            handshakes: 1,
            findings: vec!["local-anchor"],
            head: None,
            lab_tables: Some("lab\u{202e}"),
        };
        for line in [news.text(Look::plain()), json_line(&news)] {
            let acts = |letter: char| letter.is_control() || letter == '\u{202e}';
            assert!(line.ends_with('\n') && !line.trim_end_matches('\n').contains(acts), "{line}");
        }
    }
}
