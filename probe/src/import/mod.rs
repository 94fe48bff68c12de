//! Imports: what others recorded of handshakes, read into one evidence document.
//!
//! Packet captures, the logs of sensors, measurements, and certificates in files. Whatever cannot be read is named
//! and passed over; whatever can be read and is no handshake is counted. Of clients nothing is taken over: no address,
//! no port, no name of theirs.

mod gathered;
mod lines;
mod names;
mod ooni;
mod pcap;
mod pem;
mod sniff;
mod suricata;
mod zeek;

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use mintwatch_validator::evidence::{
    Collector, DnsAnswer, EVIDENCE_VERSION, Evidence, EvidenceFormat, Host, Observation, Seen, Surroundings, Vantage,
};

use crate::certificates::Opened;

pub use gathered::{Gathered, MOST_OBSERVATIONS, Passed, Tally};
pub use pem::observation_of;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// ssl.log and x509.log of Zeek, as columns or as JSON; and the certificates they name, in files of their own
    Zeek,
    /// eve.json of Suricata
    Suricata,
    /// Measurements of OONI, one a line or one a file
    Ooni,
    /// A chain a file, end-entity first
    Pem,
    /// A packet capture, pcap or pcapng
    Pcap,
}

impl Form {
    /// Returns the word it is asked for by.
    pub fn id(self) -> &'static str {
        match self {
            Self::Zeek => "zeek",
            Self::Suricata => "suricata",
            Self::Ooni => "ooni",
            Self::Pem => "pem",
            Self::Pcap => "pcap",
        }
    }
}

/// What is wanted of the records.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What they are; told by their content when left out.
    pub form: Option<Form>,
    /// Only what was meant for this host; and whom certificates from files were shown for.
    pub host: Option<Host>,
    /// When certificates from files were shown, and packets that carry no time were seen, in UNIX seconds.
    pub at: Option<u64>,
}

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Nothing in its beginning tells what it is.
    #[error("cannot tell what `{}` is", .0.display())]
    UnknownForm(PathBuf),
    /// It is evidence already.
    #[error("`{}` is evidence already", .0.display())]
    IsEvidence(PathBuf),
    /// Files of two kinds, of which one document cannot be made.
    #[error("`{}` is {}, and the files before it are {}", path.display(), form.id(), before.id())]
    SeveralForms {
        /// The file.
        path: PathBuf,
        /// What it is.
        form: Form,
        /// What the others are.
        before: Form,
    },
    /// Certificates without a name they were shown for.
    #[error("`{}` holds certificates: whom were they shown for?", .0.display())]
    HostMissing(PathBuf),
    /// The file could not be read on.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    /// The document.
    pub evidence: Evidence,
    /// What was counted on the way.
    pub tally: Tally,
}

/// Records being read, one file after the other.
#[derive(Debug)]
pub struct Import {
    wanted: Wanted,
    form: Option<Form>,
    gathered: Gathered,
    zeek: zeek::Logs,
    ooni: ooni::Runs,
    chains: Vec<pem::Chain>,
    /// How many bytes of certificates from files still fit.
    room: usize,
}

impl Import {
    /// Begins an import.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            form: wanted.form,
            gathered: Gathered::new(wanted.host.clone()),
            wanted,
            zeek: zeek::Logs::default(),
            ooni: ooni::Runs::default(),
            chains: Vec::new(),
            room: pem::MOST_BYTES,
        }
    }

    /// Reads one file, already unpacked; returns what it was taken for.
    ///
    /// # Errors
    /// [`ImportError`] when it is nothing we read, nothing that goes with the files before it, or breaks off in an error
    /// of the system's: what was read until then is kept.
    pub fn add(&mut self, file: &Arc<Path>, mut input: Opened) -> Result<Form, ImportError> {
        let broken = |source| ImportError::Read { path: file.to_path_buf(), source };
        let mut start = Vec::new();
        input.by_ref().take(LOOKED_AT).read_to_end(&mut start).map_err(broken)?;
        let form = self.form_of(file, &start)?;
        let input = Cursor::new(start).chain(input);
        match form {
            Form::Pcap => pcap::read(file, input, self.wanted.at, &mut self.gathered),
            Form::Zeek => self.zeek.read(file, input, &mut self.gathered),
            Form::Suricata => suricata::read(file, input, &mut self.gathered),
            Form::Ooni => self.ooni.read(file, input, &mut self.gathered),
            Form::Pem => {
                self.chains.extend(pem::read(file, input, &mut self.room, &mut self.gathered));
                Ok(())
            }
        }
        .map_err(broken)?;
        Ok(form)
    }

    /// Tells what a file is, and whether it goes with the files before it: certificates go with the logs that name them.
    fn form_of(&mut self, file: &Arc<Path>, start: &[u8]) -> Result<Form, ImportError> {
        let found = match sniff::form(start) {
            Some(sniff::Found::Form(form)) => Some(form),
            Some(sniff::Found::Evidence) => return Err(ImportError::IsEvidence(file.to_path_buf())),
            None => None,
        };
        let form = match (self.wanted.form, found) {
            (Some(Form::Zeek), Some(Form::Pem)) => Form::Pem,
            (Some(stated), _) => stated,
            (None, Some(found)) => found,
            (None, None) => return Err(ImportError::UnknownForm(file.to_path_buf())),
        };
        match (self.form, form) {
            (None | Some(Form::Pem), Form::Zeek) | (None, _) => self.form = Some(form),
            (Some(Form::Zeek), Form::Pem) => {}
            (Some(before), form) if before == form => {}
            (Some(before), form) => return Err(ImportError::SeveralForms { path: file.to_path_buf(), form, before }),
        }
        if self.form == Some(Form::Pem) && self.wanted.form == Some(Form::Pem) && self.wanted.host.is_none() {
            return Err(ImportError::HostMissing(file.to_path_buf()));
        }
        Ok(form)
    }

    /// Makes one document of all that was read; `now`, in UNIX seconds, is when chains from files were shown unless stated.
    ///
    /// The same files give the same bytes: the document is closed at the time of its newest handshake.
    ///
    /// # Errors
    /// [`ImportError::HostMissing`] when certificates are all there is and nobody said for whom.
    pub fn finish(mut self, now: u64) -> Result<Imported, ImportError> {
        match (self.form, self.wanted.host.as_ref()) {
            (Some(Form::Zeek), _) => self.zeek.finish(self.chains, &mut self.gathered),
            (_, Some(host)) => {
                let at = self.wanted.at.unwrap_or(now);
                for chain in self.chains {
                    self.gathered.push(observation_of(host.clone(), at, chain.certificates));
                }
            }
            (_, None) => {
                if let Some(chain) = self.chains.first() {
                    return Err(ImportError::HostMissing(chain.file.to_path_buf()));
                }
            }
        }
        let dns = self.ooni.answers(&mut self.gathered);
        let vantage = if self.form == Some(Form::Pem) { Vantage::Files } else { Vantage::Recorded };
        Ok(self.gathered.close(vantage, dns))
    }
}

/// Returns a document of ours.
pub(crate) fn document(vantage: Vantage, collected_at: u64, observations: Vec<Observation>, dns: Seen<Vec<DnsAnswer>>) -> Evidence {
    Evidence {
        format: EvidenceFormat::Evidence,
        version: EVIDENCE_VERSION,
        collector: Collector { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), vantage },
        collected_at,
        observations,
        surroundings: Surroundings { dns, ..Surroundings::unseen() },
    }
}

/// How much of a file is looked at to tell what it is, in bytes.
const LOOKED_AT: u64 = 64 * 1024;
