//! Makes replays out of published certificates: real ones as they are, re-enacted ones where a key is not ours.

mod benign;
mod incidents;
mod look_alikes;
mod mint;
pub mod recipe;

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64_MIME_PERMISSIVE;
use mintwatch_validator::evidence::{
    Bytes, Chain, ChainForm, ClockCheck, Collector, EVIDENCE_VERSION, Evidence, EvidenceFormat, Host, Observation, Seen, Surroundings,
    Target, Vantage,
};
use mintwatch_validator::tables::Overlay;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::trouble::Trouble;

/// Where the published certificates lie and which replay to make of them.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// Folder with `incidents/` and `chains/`, each with its index in JSON.
    #[arg(long)]
    data: PathBuf,
    /// The replay to make.
    #[arg(value_enum)]
    replay: Replay,
    /// Of the incidents, only these; without names, those not yet recorded
    #[arg(value_name = "NAME")]
    named: Vec<String>,
}

/// The replays that can be made.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Replay {
    /// Incidents, each from the recipe in its folder.
    Incidents,
    /// Chains recorded from popular sites.
    PopularSites,
    /// Recorded chains that were once called intercepted and were not.
    FalseAlarms,
    /// Look-alikes out of recorded chains.
    RealChains,
    /// Look-alikes that nobody recorded, minted; those that are there already stay.
    LookAlikes,
}

/// Writes the evidence of one replay, and the overlay it needs, into its folder.
///
/// # Errors
/// When an input is missing or is not in the form described, or the folder cannot be written.
pub fn run(args: &RecordArgs) -> Result<(), Trouble> {
    let tests = crate::workspace::root()?.join("tests");
    match args.replay {
        Replay::Incidents => incidents::record(&args.data, &tests.join("incidents"), &args.named),
        Replay::PopularSites => popular_sites(&args.data, &tests.join("benign/popular-sites")),
        Replay::FalseAlarms => false_alarms(&args.data, &tests.join("benign")),
        Replay::RealChains => benign::recorded(&args.data, &tests.join("benign")),
        Replay::LookAlikes => look_alikes::minted(&tests.join("benign")),
    }
}

#[derive(Debug, Deserialize)]
struct Index {
    chains: Vec<Recorded>,
}

#[derive(Debug, Deserialize)]
struct Recorded {
    file: String,
    host: Option<String>,
    captured: Option<String>,
    validation_time: Option<String>,
    certs: Vec<RecordedCertificate>,
}

#[derive(Debug, Deserialize)]
struct RecordedCertificate {
    not_before: String,
    not_after: String,
}

fn popular_sites(data: &Path, folder: &Path) -> Result<(), Trouble> {
    let chains = data.join("chains");
    let index = fs::read(chains.join("chains.json")).map_err(failed)?;
    let index: Index = serde_json::from_slice(&index).map_err(failed)?;
    let mut observations = Vec::new();
    for recorded in index.chains.iter().filter(|recorded| recorded.file.starts_with("popular-sites/")) {
        let (Some(host), Some(at)) = (&recorded.host, recorded.seen_at()) else { continue };
        observations.push(observation(host, at, pem_certificates(&chains.join(&recorded.file))?)?);
    }
    write(folder, &evidence(observations), None)
}

/// Replay, file, host and moment of what was once a false alarm; its README tells why it was one.
const FALSE_ALARMS: [(&str, &str, &str, i64); 4] = [
    // 2013-11-12T23:59:59Z
    ("authority-revoked-later", "zeek-traces/imap-starttls.pcap.pem", "imap.gmx.net", 1_384_300_799),
    // 2021-10-27T23:59:59Z
    ("revoked-end-entity", "popular-sites/revoked-badssl-com--platform-verifier.pem", "revoked.badssl.com", 1_635_379_199),
    // 2014-04-09T23:59:59Z
    ("pins-younger-than-the-evidence", "zeek-traces/google.de.pem", "google.de", 1_397_087_999),
    // 2016-09-26T23:59:59Z
    ("root-blocked-later", "zeek-traces/www.lilawelt.net.pem", "www.lilawelt.net", 1_474_934_399),
];

fn false_alarms(data: &Path, benign: &Path) -> Result<(), Trouble> {
    for (name, file, host, at) in FALSE_ALARMS {
        let observed = observation(host, at, pem_certificates(&data.join("chains").join(file))?)?;
        write(&benign.join(name), &evidence(vec![observed]), None)?;
    }
    Ok(())
}

impl Recorded {
    /// Noon of the day of capture when the end-entity was valid then; otherwise the time its source validates it at.
    fn seen_at(&self) -> Option<i64> {
        let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp);
        let end_entity = self.certs.first()?;
        let validity = parse(&end_entity.not_before)?..=parse(&end_entity.not_after)?;
        let captured = self.captured.as_deref().and_then(|day| parse(&format!("{day}T12:00:00Z")));
        captured.filter(|at| validity.contains(at)).or_else(|| self.validation_time.as_deref().and_then(parse))
    }
}

pub(crate) fn pem_certificates(path: &Path) -> Result<Vec<Vec<u8>>, Trouble> {
    let text = fs::read_to_string(path).map_err(|error| Trouble::new(format!("cannot read `{}`: {error}", path.display())))?;
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1).filter_map(|block| block.split("-----END").next());
    blocks
        .map(|body| {
            BASE64_MIME_PERMISSIVE.decode(body.trim().as_bytes()).map_err(|error| Trouble::new(format!("`{}`: {error}", path.display())))
        })
        .collect()
}

pub(crate) fn observation(host: &str, at: i64, certificates: Vec<Vec<u8>>) -> Result<Observation, Trouble> {
    let host = Host::parse(host).map_err(|error| Trouble::new(error.to_string()))?;
    Ok(Observation {
        chain: Seen::Yes(Chain { form: ChainForm::Presented, certificates: certificates.into_iter().map(Bytes::from).collect() }),
        ..Observation::unseen(Target::over_tcp(host, 443), u64::try_from(at).unwrap_or(0) * 1000)
    })
}

pub(crate) fn evidence(observations: Vec<Observation>) -> Evidence {
    Evidence {
        format: EvidenceFormat::Evidence,
        version: EVIDENCE_VERSION,
        collector: Collector { name: "cargo xtask record".to_owned(), version: "1".to_owned(), vantage: Vantage::Files },
        collected_at: observations.iter().map(|observation| observation.at / 1000).max().unwrap_or(0),
        observations,
        surroundings: Surroundings {
            anchors: Seen::Yes(Vec::new()),
            clock: Seen::Yes(ClockCheck { ahead_seconds: 0, witness: "stated".to_owned() }),
            ..Surroundings::unseen()
        },
    }
}

fn write(folder: &Path, evidence: &Evidence, overlay: Option<&Overlay>) -> Result<(), Trouble> {
    fs::create_dir_all(folder).map_err(failed)?;
    fs::write(folder.join("evidence.json"), evidence.to_json() + "\n").map_err(failed)?;
    if let Some(overlay) = overlay {
        fs::write(folder.join("overlay.json"), serde_json::to_string(overlay).map_err(failed)? + "\n").map_err(failed)?;
    }
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::new(error.to_string())
}
