//! What others ingest: one record for each condition, and each format written from it, one a file. None of them decides.

pub mod item;
pub mod record;

mod cef;
mod ecs;
mod junit;
mod markdown;
mod misp;
mod ndjson;
mod ocsf;
pub(crate) mod otlp;
mod prometheus;
mod scale;
mod stix;
mod syslog;
mod text;

use clap::ValueEnum;
use mintwatch_validator::{Evidence, Report};

pub use record::{Record, Records};

use crate::terminal::{Look, render};

/// How a report is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
#[non_exhaustive]
pub enum Format {
    /// For people, in a terminal
    Human,
    /// The report document
    Json,
    /// Records, one a line: the run, then each condition that was met
    Ndjson,
    /// For tickets and wikis
    Markdown,
    /// For build servers: JUnit XML
    Junit,
    /// Elastic Common Schema 9.4, one event a line
    Ecs,
    /// Open Cybersecurity Schema Framework 1.8, one event a line
    Ocsf,
    /// A bundle of STIX 2.1
    Stix,
    /// An event for MISP, with x509 objects
    Misp,
    /// Syslog messages (RFC 5424) with JSON behind `@cee:`, one a line
    Syslog,
    /// Common Event Format, one event a line
    Cef,
    /// OpenTelemetry logs, as JSON
    Otlp,
    /// A text file for Prometheus' node exporter
    Prometheus,
}

impl Format {
    /// Returns the name of the file that `--output-dir` writes.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Human => "report.txt",
            Self::Json => "report.json",
            Self::Ndjson => "records.ndjson",
            Self::Markdown => "report.md",
            Self::Junit => "junit.xml",
            Self::Ecs => "ecs.ndjson",
            Self::Ocsf => "ocsf.ndjson",
            Self::Stix => "stix.json",
            Self::Misp => "misp.json",
            Self::Syslog => "syslog.log",
            Self::Cef => "cef.log",
            Self::Otlp => "otlp.json",
            // The suffix that the textfile collector reads.
            Self::Prometheus => "mintwatch.prom",
        }
    }

    /// Says whether several of its documents, one after the other, are a document of that format too.
    pub fn is_of_lines(self) -> bool {
        matches!(self, Self::Human | Self::Json | Self::Ndjson | Self::Ecs | Self::Ocsf | Self::Syslog | Self::Cef | Self::Otlp)
    }
}

/// Writes a report down. `look` matters to people alone; `label` is what the user calls the observer.
///
/// The text is whole lines. Nothing in it acts on a terminal, begins a formula of a spreadsheet, or is a tag that was not
/// written here.
pub fn write(format: Format, evidence: &Evidence, report: &Report, label: Option<&str>, look: Look) -> String {
    let records = || Records::of(evidence, report, label);
    match format {
        Format::Human => render(report, look),
        Format::Json => report.to_json() + "\n",
        Format::Ndjson => ndjson::write(&records()),
        Format::Markdown => markdown::write(&records()),
        Format::Junit => junit::write(&records()),
        Format::Ecs => ecs::write(&records()),
        Format::Ocsf => ocsf::write(&records()),
        Format::Stix => stix::write(&records()),
        Format::Misp => misp::write(&records()),
        Format::Syslog => syslog::write(&records()),
        Format::Cef => cef::write(&records()),
        Format::Otlp => otlp::write(&records()),
        Format::Prometheus => prometheus::write(&records()),
    }
}
