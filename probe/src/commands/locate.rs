//! `locate`: at which hop whoever answers sits, by handshakes whose packets may go so far and no further.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mintwatch_validator::evidence::{Evidence, FailureClass};
use mintwatch_validator::report::HostReport;
use mintwatch_validator::{Report, judge};
use serde::{Deserialize, Serialize};

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
    let status = report::status(&report, args.judging.strict);
    let located = LocationDocument::of(&evidence, report);
    if args.judging.json {
        print(&json_line(&located))?;
    } else {
        print(&draw(&located))?;
        tell("hint: boxes that rewrite the hop limit look nearer or farther than they are; it is evidence, not proof");
    }
    Ok(status)
}

/// The newest version of the document.
pub const LOCATION_VERSION: u32 = 1;

/// Who answers for a host, from how far, and the report it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LocationDocument {
    /// Always `mintwatch.location`.
    pub format: LocationFormat,
    /// Version of the format; see [`LOCATION_VERSION`].
    pub version: u32,
    /// One entry for every authority that was met, the nearest first.
    pub met: Vec<Met>,
    /// What became of handshakes that went as far as they liked; none when one was completed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<FailureClass>,
    /// The judgement of the handshakes.
    pub report: Report,
}

/// The name that tells this document from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LocationFormat {
    /// The only value.
    #[serde(rename = "mintwatch.location")]
    Location,
}

/// An authority, and where certificates under it come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Met {
    /// Who vouches: the issuer of the end-entity. Hostile text: escape before showing.
    pub issuer: String,
    /// The fewest hops with which such a certificate came; none where only the handshake without a limit met it.
    pub nearest_hop: Option<u8>,
    /// Whether the handshake without a limit met it too.
    pub without_limit: bool,
}

impl LocationDocument {
    /// Says from how far whoever answers does, by the hops of each handshake and the report on it.
    pub fn of(evidence: &Evidence, report: Report) -> Self {
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
        Self { format: LocationFormat::Location, version: LOCATION_VERSION, met, failure, report }
    }
}

fn issuer(host: &HostReport) -> Option<String> {
    host.chain.first().map(|end_entity| end_entity.issuer.clone())
}

fn draw(located: &LocationDocument) -> String {
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
