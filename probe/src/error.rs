//! Why a command could not do what was asked, and what to do next.

use std::io;
use std::path::PathBuf;

use mintwatch_validator::evidence::EvidenceError;
use mintwatch_validator::tables::OverlayError;
use mintwatch_validator::verdict::Cause;

use crate::demo::scenario::StageError;
use crate::import::ImportError;
use crate::memory::MemoryError;
use crate::native_host::HostError;
use crate::native_host::install::InstallError;
use crate::observe::{NoNameServers, ObserveError};

/// Why a command could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard output or input broke.
    #[error("cannot go on: {0}")]
    Stream(#[source] io::Error),
    /// A file is larger than anything we read.
    #[error("cannot read `{}`: larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A file holds no PEM certificate.
    #[error("cannot read `{}`: no PEM certificate in it", .0.display())]
    NoCertificate(PathBuf),
    /// A file holds broken PEM.
    #[error("cannot read `{}`: {why}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is broken.
        why: String,
    },
    /// A file is no evidence document.
    #[error("cannot judge `{}`: {source}", path.display())]
    Evidence {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: EvidenceError,
    },
    /// A record cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// None of several records could be imported.
    #[error("none of {0} files could be imported")]
    NothingRead(usize),
    /// Evidence and report cannot both go to standard output.
    #[error("evidence and report cannot both go to standard output")]
    TwoOutputs,
    /// One stream holds one format.
    #[error("several formats cannot go to standard output together")]
    SeveralFormats,
    /// A format holds one document, and there are several.
    #[error("there is more than one report, and this format or folder holds one")]
    SeveralDocuments,
    /// No such command.
    #[error("there is no command `{0}`")]
    NoSuchCommand(String),
    /// There is no report without a judgement.
    #[error("`{0}` is about judging, and nobody asked for that")]
    NothingToJudge(&'static str),
    /// Tables cannot be laid over the compiled ones.
    #[error("cannot use these tables: {0}")]
    Overlay(#[source] OverlayError),
    /// A line of a host list is no host.
    #[error("cannot read `{}`: line {line}: {why}", path.display())]
    HostList {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody agreed to being seen.
    #[error("nobody has agreed to it yet: a probe can be seen by whoever watches the network")]
    NoConsent,
    /// Nobody to ask.
    #[error("there is no host to ask")]
    NoHosts,
    /// A chain from a file needs a name to be judged for.
    #[error("`{}` holds certificates: whom were they shown for?", .0.display())]
    HostMissing(PathBuf),
    /// No such detector.
    #[error("there is no detector `{0}`")]
    NoSuchDetector(String),
    /// No such incident.
    #[error("there is no incident `{0}`")]
    NoSuchIncident(String),
    /// A detector is explained by its id alone.
    #[error("`{0}` is explained by itself: what is `{1}`?")]
    WordTooMany(String, String),
    /// A network is not vouched for where something suspect is found.
    #[error("nothing was recorded: a network where {} is found cannot be vouched for", cause.word())]
    NotVouched {
        /// What was found.
        cause: Cause,
    },
    /// No such network is recorded.
    #[error("nothing is recorded of a network `{0}`")]
    NoSuchNetwork(String),
    /// The history was changed by somebody else, or is not the one a head was taken of.
    #[error("the history was changed: {0}")]
    HistoryChanged(String),
    /// The history cannot be used.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Observing could not begin.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// The demo could not be set up.
    #[error("cannot play the demo: {0}")]
    Demo(#[from] StageError),
    /// A variable of the environment names no proxy.
    #[error("cannot use the proxy that `{variable}` sets: {why}")]
    ProxyVariable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value, which may hold a password and is not shown.
        why: String,
    },
    /// Name servers cannot be asked.
    #[error(transparent)]
    NameServers(#[from] NoNameServers),
    /// The port of a browser broke, or was nobody's.
    #[error(transparent)]
    NativeHost(#[from] HostError),
    /// Browsers cannot be told where the helper is.
    #[error(transparent)]
    Install(#[from] InstallError),
}

impl Error {
    /// Returns what to do next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoCertificate(_) | Self::Pem { .. } => {
                Some("a chain is read as PEM, end-entity first; `openssl x509 -inform der` turns DER into PEM")
            }
            Self::Evidence { source: EvidenceError::Newer { .. }, .. } => Some("a newer mintwatch reads it"),
            Self::Evidence { .. } => Some("`mintwatch scan --save-evidence FILE` writes evidence"),
            Self::Import(ImportError::UnknownForm(_)) => Some("say it with `--from`, one of zeek, suricata, ooni, pem, pcap"),
            Self::Import(ImportError::IsEvidence(_)) => Some("`mintwatch judge FILE` judges it"),
            Self::Import(ImportError::SeveralForms { .. }) => Some("import each kind by itself"),
            Self::TwoOutputs => Some("name a file with `--output`, or leave `--judge` to `mintwatch judge -`"),
            Self::SeveralFormats => Some("`--output-dir DIR` writes a file for each"),
            Self::SeveralDocuments => {
                Some("judge one file at a time, or choose a format of lines: json, ndjson, ecs, ocsf, syslog, cef, otlp")
            }
            Self::NoSuchCommand(_) => Some("`mintwatch --help` lists them all"),
            Self::NothingToJudge(_) => Some("add `--judge`"),
            Self::HostMissing(_) | Self::Import(ImportError::HostMissing(_)) => {
                Some("add `--host NAME`, and `--at TIME` if it was not today")
            }
            Self::NoSuchDetector(_) => Some("`mintwatch explain` lists them all; incidents are told by `mintwatch explain incident`"),
            Self::NoSuchIncident(_) => Some("`mintwatch explain incident` lists them all"),
            Self::WordTooMany(..) => Some("`mintwatch explain DETECTOR`, or `mintwatch explain incident NAME`"),
            Self::HostList { .. } => Some("one `HOST` or `HOST:PORT` a line; `#` begins a comment"),
            Self::NoConsent => Some("run it once in a terminal to read what it does and agree, or add `--yes`"),
            Self::NoHosts => Some("name hosts with `--host-list FILE`, or ask one with `mintwatch check HOST`"),
            Self::Overlay(_) => Some("`--lab-tables` takes a `mintwatch.overlay` document"),
            Self::ProxyVariable { .. } => Some("`--proxy none` goes without, `--proxy http://HOST:PORT` names another"),
            Self::NameServers(_) => Some("leave `--resolver` out to use the system's resolver"),
            Self::NotVouched { .. } => Some("go to another network, or see what was found with `mintwatch scan`"),
            Self::NoSuchNetwork(_) => Some("`mintwatch baseline --show` lists them all"),
            Self::HistoryChanged(_) => Some("keep the file as it is, and begin another with `--history FILE`"),
            Self::Memory(error) => error.hint(),
            Self::NativeHost(HostError::UnknownCaller) => Some(
                "browsers start it by themselves once `mintwatch install-host` told them, with `--allow-extension ID` for another extension",
            ),
            Self::Install(error) => error.hint(),
            Self::Read { .. }
            | Self::Import(ImportError::Read { .. })
            | Self::Write { .. }
            | Self::Stream(_)
            | Self::TooLarge { .. }
            | Self::NothingRead(_)
            | Self::NativeHost(_)
            | Self::Observe(_)
            | Self::Demo(_) => None,
        }
    }

    /// Returns the exit status: 2 where another command line would help, 5 for a history that is damaged or was changed,
    /// that of the verdict where it stands against a baseline, 1 otherwise.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::HostMissing(_)
            | Self::NoConsent
            | Self::ProxyVariable { .. }
            | Self::NoSuchDetector(_)
            | Self::NoSuchIncident(_)
            | Self::WordTooMany(..)
            | Self::NoSuchNetwork(_)
            | Self::NativeHost(HostError::UnknownCaller)
            | Self::TwoOutputs
            | Self::SeveralFormats
            | Self::SeveralDocuments
            | Self::NoSuchCommand(_)
            | Self::NothingToJudge(_) => 2,
            Self::Import(error) if !matches!(error, ImportError::Read { .. }) => 2,
            Self::HistoryChanged(_) => 5,
            Self::Memory(error) => error.exit_status(),
            Self::NotVouched { cause } => cause.exit_status(),
            _ => 1,
        }
    }

    /// Says whether it is only that nobody reads our output any more.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stream(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
