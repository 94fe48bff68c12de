//! `locate`: at which hop whoever answers sits, by handshakes whose packets may go so far and no further.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mintwatch_validator::evidence::{Evidence, FailureClass};
use mintwatch_validator::report::HostReport;
use mintwatch_validator::{Report, judge};
use serde::Serialize;

use super::looking::{Errand, look_once};
use super::{Status, chosen, json_line, print, report, tell};
use crate::cli::LocateArgs;
use crate::error::Error;
use crate::observe::{Planned, Way, unix_seconds, usual};
use crate::terminal::escaped;

/// Makes a handshake for each number of hops, and one without a limit.
///
/// # Errors
/// [`Error`] when the run could not begin, or its output not be written.
pub fn run(args: &LocateArgs) -> Result<Status, Error> {
    let tables = chosen(&args.judging.laid_over, unix_seconds())?;
    let (host, port) = &args.host;
    let plain = usual(host, *port);
    let limited = |hops| Planned { way: Way { hop_limit: Some(hops), ..plain.way }, beside: true, ..plain.clone() };
    let targets = std::iter::once(plain.clone()).chain((1..=args.max_hops).map(limited)).collect();
    let evidence = look_once(Errand { targets, ..Errand::default() }, None, &args.looking, &args.judging, &tables)?;
    let report = judge(&evidence, &tables);
    let located = locate(&evidence, &report);
    if args.judging.json {
        print(&json_line(&Document { format: "mintwatch.location", version: 1, located: &located, report: &report }))?;
    } else {
        print(&draw(&located))?;
        tell("hint: boxes that rewrite the hop limit look nearer or farther than they are; it is evidence, not proof");
    }
    Ok(report::status(&report, args.judging.strict))
}

/// Who answers, and from how far.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Located {
    /// One entry for every authority that was met, the nearest first.
    met: Vec<Met>,
    /// What became of handshakes that went as far as they liked; none when one was completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureClass>,
}

/// An authority, and where certificates under it come from.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Met {
    /// Who vouches: the issuer of the end-entity. Hostile text: escape before showing.
    issuer: String,
    /// The fewest hops with which such a certificate came; none where only the handshake without a limit met it.
    nearest_hop: Option<u8>,
    /// Whether the handshake without a limit met it too.
    without_limit: bool,
}

fn locate(evidence: &Evidence, report: &Report) -> Located {
    let mut met: BTreeMap<String, Met> = BTreeMap::new();
    let mut failure = None;
    for (seen, host) in evidence.observations.iter().zip(&report.hosts) {
        if seen.hop_limit.is_none() && host.chain.is_empty() {
            failure = host.failure;
        }
        let Some(issuer) = issuer(host) else { continue };
        let entry = met.entry(issuer.clone()).or_insert_with(|| Met { issuer, nearest_hop: None, without_limit: false });
        match seen.hop_limit {
            Some(hops) => entry.nearest_hop = Some(entry.nearest_hop.map_or(hops, |nearest| nearest.min(hops))),
            None => entry.without_limit = true,
        }
    }
    let mut met: Vec<Met> = met.into_values().collect();
    met.sort_by_key(|met| met.nearest_hop.unwrap_or(u8::MAX));
    Located { met, failure }
}

fn issuer(host: &HostReport) -> Option<String> {
    host.chain.first().map(|end_entity| end_entity.issuer.clone())
}

fn draw(located: &Located) -> String {
    let mut text = String::new();
    for met in &located.met {
        let issuer = escaped(&met.issuer);
        let whose = if met.without_limit { "" } else { " (not what comes without a limit)" };
        let _ = match met.nearest_hop {
            Some(hops) => writeln!(text, "hop {hops:>2}  the nearest that shows a certificate of \"{issuer}\"{whose}"),
            None => writeln!(text, "hop  ?  \"{issuer}\" comes from farther than was asked"),
        };
    }
    if located.met.is_empty() {
        let _ = writeln!(text, "nobody showed a certificate, within any number of hops");
    }
    text
}

/// The answer for programs.
#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    located: &'a Located,
    report: &'a Report,
}
