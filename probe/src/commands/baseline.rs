//! `baseline`: who vouches for hosts on a network that the user vouches for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use mintwatch_validator::judge;
use mintwatch_validator::verdict::Cause;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;

use super::looking::{Errand, look_once};
use super::remembering::{here, open, open_existing, says};
use super::{Status, chosen, json_line, print, report, scan, tell};
use crate::cli::{BaselineArgs, Place};
use crate::error::Error;
use crate::memory::baseline::Gained;
use crate::memory::history::{Appended, host_and_port};
use crate::memory::network::{ALL, Network};
use crate::memory::{Kind, Recording, Run};
use crate::observe::{Angle, unix_seconds};
use crate::terminal::escaped;

/// Records, shows or forgets.
///
/// # Errors
/// [`Error::NotVouched`] when something suspect was found; others when the run could not begin, or nothing be recorded.
pub fn run(args: &BaselineArgs) -> Result<Status, Error> {
    if args.show {
        return show(args);
    }
    match &args.forget {
        Some(network) => forget(network, &args.remembering.place),
        None => record(args),
    }
}

fn record(args: &BaselineArgs) -> Result<Status, Error> {
    let tables = chosen(&args.judging.laid_over, unix_seconds())?;
    let mut rng = StdRng::from_os_rng();
    let hosts = scan::asked(&args.asking, &tables, &mut rng)?;
    let errand = Errand::to(&hosts, &Angle::ALONE, &args.looking, &mut rng);
    // Opened before anybody is asked: nothing is asked in vain.
    let mut memory = open(&args.remembering.place)?;
    // What was recorded earlier has no say in what is recorded now: the tables have.
    let evidence = look_once(errand, None, &args.looking, &args.judging, &tables)?;
    let found = judge(&evidence, &tables);
    let network = here(&memory, &args.remembering);
    let run = Run::of(&found, Kind::Baseline, network.clone(), says(&found));
    let cause = found.verdict.cause;
    if cause.exit_status() >= Cause::UnexpectedAuthority.exit_status() {
        memory.append(run)?;
        report::show(&found, &args.judging)?;
        return Err(Error::NotVouched { cause });
    }
    let recording = Recording::of(&evidence, &found, &tables);
    if recording.hosts.is_empty() {
        memory.append(run)?;
        report::show(&found, &args.judging)?;
        tell("nothing was recorded: no host was clear");
        return Ok(report::status(&found, args.judging.strict).or_worse(Status::NOT_MEASURED));
    }
    let (gained, appended) = memory.vouch(&recording, run)?;
    let told = Told::of(&network, &recording, &gained, &appended);
    print(&if args.judging.json { json_line(&told) } else { told.text() })?;
    Ok(report::status(&found, args.judging.strict))
}

/// What was recorded, for people and programs.
#[derive(Serialize)]
struct Told<'a> {
    format: &'static str,
    version: u32,
    network: &'a str,
    recorded: Vec<Recorded>,
    left_out: BTreeMap<String, Cause>,
    anchors: usize,
    head: String,
}

#[derive(Serialize)]
struct Recorded {
    host: String,
    authorities: usize,
    new_authorities: usize,
}

impl<'a> Told<'a> {
    fn of(network: &'a Network, recording: &Recording, gained: &Gained, appended: &Appended) -> Self {
        let recorded = recording.hosts.iter().map(|(key, seen)| Recorded {
            host: host_and_port(&key.0, key.1),
            authorities: seen.authorities.len(),
            new_authorities: gained.get(key).copied().unwrap_or_default(),
        });
        Self {
            format: "mintwatch.baseline",
            version: 1,
            network: network.as_str(),
            recorded: recorded.collect(),
            left_out: recording.left_out.iter().map(|((host, port), cause)| (host_and_port(host, *port), *cause)).collect(),
            anchors: recording.anchors.len(),
            head: appended.head.to_string(),
        }
    }

    fn text(&self) -> String {
        let (hosts, anchors, network) = (self.recorded.len(), self.anchors, escaped(self.network));
        let new: usize = self.recorded.iter().map(|recorded| recorded.new_authorities).sum();
        let mut text =
            format!("recorded on network {network}; hosts: {hosts}, new authorities: {new}, anchors of this machine: {anchors}\n");
        for (host, cause) in &self.left_out {
            let _ = writeln!(text, "  not recorded: {host} ({})", cause.word());
        }
        let _ = writeln!(text, "head of the history: {}", self.head);
        text
    }
}

fn show(args: &BaselineArgs) -> Result<Status, Error> {
    let shown = match open_existing(&args.remembering.place)? {
        Some(memory) => memory.shown()?,
        None => Vec::new(),
    };
    let mut text = String::new();
    for (network, about, hosts) in &shown {
        if args.judging.json {
            let hosts: BTreeMap<_, _> = hosts.iter().map(|(host, port, seen)| (host_and_port(host, *port), seen)).collect();
            text += &json_line(&serde_json::json!({ "network": network.as_str(), "about": about, "hosts": hosts }));
            continue;
        }
        let (first, last, name) = (date(about.first), date(about.last), escaped(network.as_str()));
        let _ =
            writeln!(text, "{name}  hosts: {}, anchors of this machine: {}, first {first}, last {last}", hosts.len(), about.anchors.len());
        for (host, port, seen) in hosts {
            let owners: Vec<String> = seen.owners.keys().map(|owner| escaped(owner)).collect();
            let owners = if owners.is_empty() { String::new() } else { format!(" ({})", owners.join(", ")) };
            let (host, keys, last) = (host_and_port(host, *port), seen.authorities.len(), date(seen.last));
            let _ = writeln!(text, "  {host}  authorities: {keys}{owners}, last seen {last}");
        }
    }
    if shown.is_empty() {
        tell("nothing is recorded; `mintwatch baseline` records");
    }
    print(&text)?;
    Ok(Status::CLEAR)
}

fn forget(name: &str, place: &Place) -> Result<Status, Error> {
    let no_such = || Error::NoSuchNetwork(escaped(name));
    let mut memory = open_existing(place)?.ok_or_else(no_such)?;
    let network = (name != ALL).then(|| Network::recorded(name.to_owned()));
    match memory.forget(network.as_ref(), unix_seconds())? {
        0 if network.is_some() => Err(no_such()),
        forgotten => {
            tell(&format!("networks forgotten: {forgotten}"));
            Ok(Status::CLEAR)
        }
    }
}

/// Returns a day or second in UTC, for people.
pub(super) fn date(at: u64) -> String {
    let timestamp = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok());
    timestamp.map_or_else(|| at.to_string(), |timestamp| timestamp.to_string())
}
