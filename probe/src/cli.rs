//! Every flag beside its help; the help is the manual.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mintwatch_validator::audit::RULES;
use mintwatch_validator::evidence::{Host, Sha256};
use mintwatch_validator::verdict::{Cause, Severity, Verdict};

use crate::collector::Collector;
use crate::commands::schema;
use crate::demo::scenario::Scenario;
use crate::formats::Format;
use crate::import::Form;
use crate::laundering::KnownBad;
use crate::memory::{Network, network};
use crate::native_host::ExtensionId;
use crate::native_host::install::Browser;
use crate::observe::{Angle, Elsewhere, Proxy, trust_store};

/// Shows whether someone sits inside your TLS connections, and keeps the evidence.
///
/// Mintwatch makes handshakes with well-known hosts, looks at the certificates it is handed, and says
/// whether somebody the site did not choose ends the connection: also where every certificate leads to
/// a publicly trusted authority. It says what was seen and whose key it was, never why someone did it.
#[derive(Debug, Parser)]
#[command(name = "mintwatch", version, after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
#[command(max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// Take flags that are not given from this file; config.toml below `XDG_CONFIG_HOME`/mintwatch, ~/.config/mintwatch or
    /// /etc/mintwatch unless stated
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "MINTWATCH_CONFIG",
        help_heading = "Configuration",
        conflicts_with = "no_config"
    )]
    pub config: Option<PathBuf>,
    /// Take flags from no file
    #[arg(long, global = true, help_heading = "Configuration")]
    pub no_config: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
// Each is put together when it is asked for: to do so for all takes longer than anything else that `--help` does. Its own help
// then is what its arguments say of themselves.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Ask a random draw of well-known hosts, and judge what they show
    Scan(ScanArgs),
    /// Ask the hosts named, and judge what they show
    Check(CheckArgs),
    /// Record who vouches for hosts on a network that you vouch for
    Baseline(BaselineArgs),
    /// Scan again and again, and speak only when the verdict changes
    Watch(WatchArgs),
    /// Say what earlier runs found, and whether anybody changed it since
    History(HistoryArgs),
    /// Ask for origins that are broken on purpose, and grade who hides it; never part of a scan
    Launder(LaunderArgs),
    /// Say at which hop whoever answers for a host sits
    Locate(LocateArgs),
    /// Judge saved evidence or certificates from a file; needs no network
    Judge(JudgeArgs),
    /// Turn what others recorded into evidence: captures, logs of Zeek and Suricata, measurements of OONI
    Import(ImportArgs),
    /// Write saved evidence down in another format; needs no network
    Report(ReportArgs),
    /// Scan a database of certificates for CAs that nobody disclosed or constrained; needs no network
    Audit(AuditArgs),
    /// Say what a detector looks for and rests on, or tell the story of an incident
    Explain(ExplainArgs),
    /// Play an interception on this machine's loopback, and judge it; needs no network
    Demo(DemoArgs),
    /// List the trust anchors of this machine that root programs do not carry, and who has them; needs no network
    Anchors(AnchorsArgs),
    /// Say on one page whether this machine is fit to look
    Doctor(DoctorArgs),
    /// Tell browsers where the helper of the Mintwatch extension is; needs no network
    InstallHost(InstallHostArgs),
    /// Answer a browser extension; browsers start it
    #[command(hide = true)]
    NativeHost(NativeHostArgs),
    /// Print the schema of a document, or the names of all
    Schema(SchemaArgs),
    /// Print what a shell needs to complete commands
    Completions(CompletionsArgs),
    /// Print the manual page, or that of a command
    Man(ManArgs),
}

/// Ask a random draw of well-known hosts, and judge what they show
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct ScanArgs {
    /// How many hosts to draw
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub hosts: u16,
    /// Ask the hosts of this file instead: one HOST or HOST:PORT a line, `#` begins a comment
    #[arg(long, value_name = "FILE", conflicts_with = "hosts")]
    pub host_list: Option<PathBuf>,
    /// Seed of the draw; for tests, where a draw that can be foreseen does no harm
    #[arg(long, hide = true)]
    pub seed: Option<u64>,
    /// Keep this run in the history
    #[arg(long, help_heading = "Memory")]
    pub keep: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub remembering: Remembering,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub answering: Answering,
}

/// Ask the hosts named, and judge what they show
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct CheckArgs {
    /// Whom to ask; port 443 unless stated
    #[arg(value_name = "HOST[:PORT]", required = true, value_parser = host_and_port)]
    pub hosts: Vec<(Host, u16)>,
    /// Keep this run in the history
    #[arg(long, help_heading = "Memory")]
    pub keep: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub remembering: Remembering,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub answering: Answering,
}

/// Record who vouches for hosts on a network that you vouch for
///
/// On a network where you trust that nobody sits in the middle, makes the handshakes of a scan and records, for each
/// host that is clear, which authorities vouch for it: never its certificate, which changes all the time. Scans on any
/// network then tell when none of those authorities vouches for the host any more. Run again, it adds to what it knows.
/// It records nothing on a network where something suspect is found.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct BaselineArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub asking: Asking,
    /// Say what is recorded
    #[arg(long, conflicts_with_all = ["names", "host_list", "hosts", "forget"])]
    pub show: bool,
    /// Forget what was recorded on this network, or on `all`
    #[arg(long, value_name = "NETWORK", conflicts_with_all = ["names", "host_list", "hosts"])]
    pub forget: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub remembering: Remembering,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
}

/// Scan again and again, and speak only when the verdict changes
///
/// States the verdict once, and then speaks only when the verdict of the present network changes: one line on standard
/// output, or with `--json` one object a line. New certificates, and another public authority that is clear, are no
/// change. Every run is kept in the history. `--save-evidence` keeps the evidence of the last run that was spoken of.
/// Ctrl-C ends it, with the worst status that was met.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct WatchArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub asking: Asking,
    /// How long to wait between two runs, such as 90s, 30min or 6h; a quarter more or less, at random
    #[arg(long, value_name = "DURATION", default_value = "6h", value_parser = duration)]
    pub every: Duration,
    /// End after so many runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub remembering: Remembering,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub sending: Sending,
}

/// Say what earlier runs found, and whether anybody changed it since
///
/// Every entry is bound to all before it. The head is the hash of the newest: keep one, and `--head` later tells
/// whether the history up to it is still the same. Whoever can write the file can write a whole other one.
#[derive(Debug, Args)]
#[command(after_help = HISTORY_STATUS, after_long_help = HISTORY_STATUS)]
pub struct HistoryArgs {
    /// Print one line of JSON for each entry, and one for the whole
    #[arg(long)]
    pub json: bool,
    /// Follow the whole chain, and exit with 5 where anything was changed
    #[arg(long)]
    pub verify: bool,
    /// Look whether the history still holds what had this head; implies --verify
    #[arg(long, value_name = "HASH", value_parser = sha256)]
    pub head: Option<Sha256>,
    /// Write all of it to this file, one line of JSON for each entry
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub place: Place,
}

/// Ask for origins that are broken on purpose, and grade who hides it; never part of a scan
///
/// A: every fault still shows. B: hides that a certificate was revoked. C: hides weak keys or hashes. D: hides that a
/// certificate is expired, or not yet valid. F: hides that it is for another host, or of somebody nobody trusts.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct LaunderArgs {
    /// Ask for this origin in place of those of badssl.com; may be repeated. FAULT is expired, not-yet-valid, wrong-host,
    /// self-signed, untrusted-root, revoked, weak-key or sha1
    #[arg(long, value_name = "FAULT=HOST[:PORT]", value_parser = KnownBad::parse)]
    pub origin: Vec<KnownBad>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
}

/// Say at which hop whoever answers for a host sits
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct LocateArgs {
    /// Whom to ask; port 443 unless stated
    #[arg(value_name = "HOST[:PORT]", value_parser = host_and_port)]
    pub host: (Host, u16),
    /// How many hops to try at most
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub max_hops: u8,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
}

/// Judge saved evidence or certificates from a file; needs no network
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct JudgeArgs {
    /// Evidence (JSON), or a chain (PEM, end-entity first). `-` reads evidence from standard input,
    /// one document a line, and answers each with one report a line
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The host a PEM chain was shown for
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub host: Option<Host>,
    /// When a PEM chain was shown: RFC 3339, a date, or UNIX seconds; now unless stated
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    pub at: Option<i64>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub answering: Answering,
}

/// Write saved evidence down in another format; needs no network
///
/// Judges the evidence again, and writes the report in any format: the same evidence and tables give the same bytes.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct ReportArgs {
    /// Evidence (JSON)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub answering: Answering,
}

/// Print the schema of a document, or the names of all
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which document; all names, one a line, when left out
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(schema::NAMES))]
    pub name: Option<String>,
}

/// Print what a shell needs to complete commands
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Print the manual page, or that of a command
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Of which command
    #[arg(value_name = "COMMAND")]
    pub of: Option<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "of")]
    pub output_dir: Option<PathBuf>,
}

/// Turn what others recorded into evidence: captures, logs of Zeek and Suricata, measurements of OONI
///
/// Writes one evidence document, for `mintwatch judge` here or elsewhere. Files may be packed with gzip or zstd. Of
/// clients nothing is written down, neither address nor port. TLS 1.3 encrypts certificates, so that a capture or a log
/// shows none of them; for such handshakes the document says that they are not visible. A record that cannot be read is
/// named and costs only itself.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_STATUS, after_long_help = IMPORT_STATUS)]
pub struct ImportArgs {
    /// Captures (pcap, pcapng), eve.json, ssl.log with x509.log or files of certificates, measurements, PEM chains; `-`
    /// is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What they are; told by their content when left out
    #[arg(long, value_name = "FORM", value_enum)]
    pub from: Option<Form>,
    /// Write the evidence here, `-` for standard output; that is where it goes when neither this nor `--judge` is given
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Take only handshakes with this host; for certificates from files: whom they were shown for
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub host: Option<Host>,
    /// When certificates from files were shown, now unless stated; and the time of packets that carry none: RFC 3339, a
    /// date, or UNIX seconds
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    pub at: Option<i64>,
    /// Judge it at once
    #[arg(long)]
    pub judge: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
}

/// Scan a database of certificates for CAs that nobody disclosed or constrained; needs no network
///
/// Files may hold PEM with anything between, DER after DER, DER behind three octets of length each, or CSV with PEM
/// or base64 in some column; gzip and zstd are unpacked. Their names do not matter. A record of more than 1 MiB is
/// counted and passed over, and so is whatever else cannot be read; copies of a certificate are told once, as long as
/// there are no more than 1,048,576 different ones.
#[derive(Debug, Args)]
#[command(after_help = AUDIT_STATUS, after_long_help = AUDIT_STATUS)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct AuditArgs {
    /// Files, folders with all below them, and `-` for standard input
    #[arg(value_name = "PATH", required_unless_present = "list")]
    pub paths: Vec<PathBuf>,
    /// Judge as of this time: RFC 3339, a date, or UNIX seconds; now unless stated
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    pub at: Option<i64>,
    /// Audit expired certificates too
    #[arg(long)]
    pub all: bool,
    /// Ask this rule only; may be repeated
    #[arg(long, value_name = "RULE", value_parser = rule())]
    pub rule: Vec<String>,
    /// Do not ask this rule; may be repeated
    #[arg(long, value_name = "RULE", value_parser = rule())]
    pub ignore: Vec<String>,
    /// Say what each rule is, what it rests on and since when it binds
    #[arg(long)]
    pub list: bool,
    /// Exit with 10 when something as bad as this was found
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Medium)]
    pub fail_on: FailOn,
    /// Exit with 4 when a table is past its date and nothing worse was found
    #[arg(long)]
    pub strict: bool,
    /// Print one line of JSON for each certificate flagged, each record unreadable, and a summary; the table goes to
    /// standard error
    #[arg(long)]
    pub json: bool,
    /// How many threads work; as many as there are cores unless stated
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Draw no progress bar
    #[arg(long)]
    pub no_progress: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub laid_over: LaidOver,
}

/// From which severity on an audit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Anything said at all
    Info,
    /// Breaches that confuse nobody
    Low,
    /// What somebody should look at
    Medium,
    /// What endangers whoever trusts it
    High,
    /// CAs that can be used against anybody, unnoticed
    Critical,
    /// Nothing
    Never,
}

impl FailOn {
    /// Returns the severity; none for never.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
            Self::Never => None,
        }
    }
}

/// Say what a detector looks for and rests on, or tell the story of an incident
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Which detector, or `incident`; all detectors, one a line, when left out
    #[arg(value_name = "DETECTOR | incident")]
    pub what: Option<String>,
    /// After `incident`: which one, such as `mcs`; all of them, one a line, when left out
    #[arg(value_name = "NAME")]
    pub which: Option<String>,
}

/// Play an interception on this machine's loopback, and judge it; needs no network
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct DemoArgs {
    /// What to play
    #[arg(value_name = "SCENARIO", default_value = Scenario::ALL[0].id(), value_parser = scenario())]
    pub scenario: Scenario,
    /// Say what each scenario is
    #[arg(long)]
    pub list: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Write the evidence to this file, for others to judge
    #[arg(long, value_name = "FILE")]
    pub save_evidence: Option<PathBuf>,
    /// Write the demo's tables to this file, for `--lab-tables`
    #[arg(long, value_name = "FILE")]
    pub save_overlay: Option<PathBuf>,
    /// Draw no progress bar
    #[arg(long)]
    pub no_progress: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub output: Output,
}

/// Whom to ask.
#[derive(Debug, Clone, Args)]
pub struct Asking {
    /// Ask these instead of a random draw; port 443 unless stated
    #[arg(value_name = "HOST[:PORT]", value_parser = host_and_port)]
    pub names: Vec<(Host, u16)>,
    /// How many hosts to draw
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "names")]
    pub hosts: u16,
    /// Ask the hosts of this file instead: one HOST or HOST:PORT a line, `#` begins a comment
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hosts", "names"])]
    pub host_list: Option<PathBuf>,
}

/// Where the history is kept.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Memory")]
pub struct Place {
    /// The history to use; mintwatch/history.db below `XDG_STATE_HOME` or ~/.local/state unless stated
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
}

/// What is remembered, and under which name.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Memory")]
pub struct Remembering {
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub place: Place,
    /// What to call this network in the history, instead of a digest that names nothing
    #[arg(long, value_name = "NAME", value_parser = label)]
    pub network: Option<Network>,
}

/// List the trust anchors of this machine that root programs do not carry, and who has them; needs no network
///
/// Read are the platform's store, what environment variables name, the databases of Firefox, Thunderbird and Chromium, what
/// policies have Firefox install, and the trust stores of Java. It is never told where below a home folder something lies.
#[derive(Debug, Args)]
#[command(after_help = ANCHORS_STATUS, after_long_help = ANCHORS_STATUS)]
pub struct AnchorsArgs {
    /// Print the whole list as JSON
    #[arg(long)]
    pub json: bool,
    /// Show what most root programs carry too, and stores that are not there
    #[arg(long)]
    pub all: bool,
    /// Read this store only; may be repeated
    #[arg(long, value_name = "NAME", value_parser = store())]
    pub store: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub laid_over: LaidOver,
}

/// Say on one page whether this machine is fit to look
///
/// It asks the system's resolver for one well-known host, drawn at random, and three pages that exist for such checks
/// over plain HTTP, and sends nothing else.
#[derive(Debug, Args)]
#[command(after_help = DOCTOR_STATUS, after_long_help = DOCTOR_STATUS)]
pub struct DoctorArgs {
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
    /// Send nothing at all; so it is too when nobody has agreed that a probe may be seen
    #[arg(long)]
    pub offline: bool,
    /// Do not ask first: whoever runs this knows that a probe can be seen on the network
    #[arg(long, short, env = "MINTWATCH_YES", value_parser = clap::builder::FalseyValueParser::new())]
    pub yes: bool,
}

/// Tell browsers where the helper of the Mintwatch extension is; needs no network
///
/// The helper makes handshakes that a browser does not show its extensions. Written are one manifest for each browser and one
/// script that all of them start; docs/NATIVE_MESSAGING.md tells what they say to each other.
#[derive(Debug, Args)]
#[command(after_help = INSTALL_STATUS, after_long_help = INSTALL_STATUS)]
pub struct InstallHostArgs {
    /// Tell this browser; may be repeated. Those that are found when left out
    #[arg(long, value_name = "BROWSER", value_enum)]
    pub browser: Vec<Browser>,
    /// Take it back
    #[arg(long)]
    pub uninstall: bool,
    /// For everybody on this machine
    #[arg(long, conflicts_with = "folder")]
    pub system: bool,
    /// For the one Chromium that is given this folder as --user-data-dir
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Let this extension ask too; may be repeated
    #[arg(long, value_name = "ID", value_parser = ExtensionId::parse, conflicts_with = "uninstall")]
    pub allow_extension: Vec<ExtensionId>,
    /// Change nothing, and say what would be changed
    #[arg(long)]
    pub dry_run: bool,
}

/// Answer a browser extension; browsers start it
#[derive(Debug, Args)]
pub struct NativeHostArgs {
    /// Let this extension ask too
    #[arg(long, value_name = "ID", value_parser = ExtensionId::parse)]
    pub allow_extension: Vec<ExtensionId>,
    /// Look also at hosts that are not on the public Internet; for laboratories
    #[arg(long, hide = true)]
    pub allow_private: bool,
    /// Go to ADDRESS (with another port, if one is given) for HOST and PORT, asking no resolver
    #[arg(long, value_name = "HOST:PORT:ADDRESS[:PORT]", value_parser = stated, hide = true)]
    pub resolve: Vec<Stated>,
    /// Who turns names into addresses
    #[arg(long, value_enum, default_value_t = ResolverKind::System, hide = true)]
    pub resolver: ResolverKind,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub laid_over: LaidOver,
    /// Treat these certificates as anchors that were added to the machine that looked
    #[arg(long, value_name = "PEM", hide = true)]
    pub local_anchor: Vec<PathBuf>,
    /// What the browser says of who calls
    #[arg(value_name = "CALLER", trailing_var_arg = true, allow_hyphen_values = true)]
    pub caller: Vec<OsString>,
}

/// How to look.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Looking")]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Looking {
    /// How many handshakes may be under way at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,
    /// How often to ask every host, at random times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10))]
    pub rounds: u16,
    /// Go to ADDRESS (with another port, if one is given) for HOST and PORT, asking no resolver
    #[arg(long, value_name = "HOST:PORT:ADDRESS[:PORT]", value_parser = stated)]
    pub resolve: Vec<Stated>,
    /// Who turns names into addresses
    #[arg(long, value_enum, default_value_t = ResolverKind::System)]
    pub resolver: ResolverKind,
    /// How else to look at every host, separated by commas: families, quic, tls12, classic, http11, ech, repeat, resolvers,
    /// names; or `usual`, `none`, `all` (but names) [default: usual; `check` and `watch` leave resolvers out]
    ///
    /// families: the other version of IP. quic: HTTP/3. tls12: TLS 1.2 alone. classic: no post-quantum group. http11: no
    /// HTTP/2. ech: TLS 1.3 alone, with a GREASE Encrypted ClientHello. repeat: once more, later. resolvers: the same names
    /// asked of resolvers elsewhere, and a handshake at what they answer. names: another host's name at this host's
    /// address; patents cover such tests, so it is only done when named.
    #[arg(long, value_name = "LIST", value_parser = angles)]
    pub angles: Option<Angles>,
    /// Ask this resolver in the angle `resolvers`, in place of those of three operators; may be repeated
    #[arg(long, value_name = "https://ADDRESS[/PATH]#NAME", value_parser = Elsewhere::parse)]
    pub other_resolver: Vec<Elsewhere>,
    /// Go through this proxy (http:// or socks5://); `none` for no proxy, also where the environment sets one
    #[arg(long, value_name = "URL", value_parser = proxy)]
    pub proxy: Option<ProxyChoice>,
    /// Look at neither clock nor captive portal: nobody but the hosts is asked
    #[arg(long, env = "MINTWATCH_NO_GROUND_TRUTH", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_ground_truth: bool,
    /// Write the evidence to this file, for others to judge
    #[arg(long, value_name = "FILE")]
    pub save_evidence: Option<PathBuf>,
    /// Do not ask first: whoever runs this knows that a probe can be seen on the network
    #[arg(long, short, env = "MINTWATCH_YES", value_parser = clap::builder::FalseyValueParser::new())]
    pub yes: bool,
    /// Draw no progress bar
    #[arg(long)]
    pub no_progress: bool,
    /// Whether connections are not written down before they are made: browsers kill their helpers, and that is no trace of anybody.
    #[arg(skip)]
    pub no_journal: bool,
}

impl Looking {
    /// Returns how a browser's helper looks: once, from no angle, asking nobody but the host, and on a terminal nothing. Whoever sends
    /// it has the user's consent.
    pub fn plain() -> Self {
        Self {
            concurrency: 1,
            rounds: 1,
            resolve: Vec::new(),
            resolver: ResolverKind::System,
            angles: Some(Angles::These(BTreeSet::new())),
            other_resolver: Vec::new(),
            proxy: None,
            no_ground_truth: true,
            save_evidence: None,
            yes: true,
            no_progress: true,
            no_journal: true,
        }
    }
}

/// How to judge, and how to answer.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Judging")]
pub struct Judging {
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Exit with 4 when a table is past its date and nothing worse was found
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub laid_over: LaidOver,
    /// Treat these certificates as anchors that were added to the machine that looked
    #[arg(long, value_name = "PEM")]
    pub local_anchor: Vec<PathBuf>,
}

/// How to judge, and how the answer leaves.
#[derive(Debug, Clone, Default, Args)]
pub struct Answering {
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub output: Output,
}

/// How the answer leaves.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Print the report in this format; with --output-dir: write these, separated by commas
    #[arg(long, value_name = "FORMAT", value_enum, value_delimiter = ',', conflicts_with = "json")]
    pub format: Vec<Format>,
    /// Write the report into this folder too, a file for each format of --format, or for every format there is
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// What to call this observer in records; nothing tells of it unless stated
    #[arg(long, value_name = "NAME", value_parser = vantage)]
    pub vantage: Option<String>,
    /// Of what is suspect or intercepted, exit with its status only where it is this bad, or has this cause; may be
    /// repeated. A severity is info, low, medium, high or critical
    #[arg(long, value_name = "SEVERITY|CAUSE", value_parser = Bar::parse)]
    pub fail_on: Vec<Bar>,
    /// Exit with 0 whatever the verdict is; not when something could not run
    #[arg(long)]
    pub exit_zero: bool,
    /// Answer as a plugin of Nagios does: one line, and exit with 0 ok, 1 warning, 2 critical or 3 unknown
    #[arg(long, conflicts_with_all = ["format", "json", "exit_zero", "fail_on"])]
    pub nagios: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub sending: Sending,
}

/// Whom to send to, if anybody.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Sending {
    /// Send each finding to this OpenTelemetry collector, once in 24 hours; what cannot be sent waits for the next run
    #[arg(long, value_name = "URL", value_parser = Collector::parse)]
    pub to_collector: Option<Collector>,
    /// The authorities that may vouch for the collector, in place of the public ones; anchors of this machine never may
    #[arg(long, value_name = "PEM", requires = "to_collector")]
    pub collector_ca: Option<PathBuf>,
}

/// From which finding on a run fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// As bad as this, or worse.
    Severity(Severity),
    /// Of this cause.
    Cause(Cause),
}

impl Bar {
    fn parse(word: &str) -> Result<Self, String> {
        let severity = FailOn::from_str(word, false).ok().and_then(FailOn::severity).map(Self::Severity);
        let cause = || Cause::ALL.into_iter().find(|cause| cause.word() == word).map(Self::Cause);
        severity.or_else(cause).ok_or_else(|| {
            let causes: Vec<_> = Cause::ALL.iter().map(|cause| cause.word()).collect();
            format!("give info, low, medium, high, critical, or a cause: {}", causes.join(", "))
        })
    }

    /// Says whether a verdict is that bad.
    pub fn is_met_by(self, verdict: &Verdict) -> bool {
        match self {
            Self::Severity(least) => verdict.severity >= least,
            Self::Cause(cause) => verdict.cause == cause,
        }
    }
}

/// What is laid over the compiled tables.
#[derive(Debug, Clone, Default, Args)]
pub struct LaidOver {
    /// Lay these tables over the compiled ones; every output then says so
    #[arg(long, value_name = "OVERLAY.json")]
    pub lab_tables: Option<PathBuf>,
    /// Treat these certificates as publicly trusted anchors; every output then says so
    #[arg(long, value_name = "PEM")]
    pub public_anchor: Vec<PathBuf>,
    /// Treat these CA certificates as disclosed to the root programs; every output then says so
    #[arg(long, value_name = "PEM")]
    pub disclosed: Vec<PathBuf>,
}

/// Who turns names into addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResolverKind {
    /// The system, as for every other program
    System,
    /// The system's name servers, asked directly: no hosts file
    NameServers,
    /// Nobody: only what `--resolve` states
    Stated,
}

/// Angles chosen on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Angles {
    /// Those of the command.
    Usual,
    /// These.
    These(BTreeSet<Angle>),
}

/// A proxy chosen on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyChoice {
    /// No proxy, whatever the environment says.
    None,
    /// This one.
    This(Proxy),
}

/// An address stated on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// For this host …
    pub host: Host,
    /// … and this port …
    pub port: u16,
    /// … go there.
    pub address: SocketAddr,
}

fn host(text: &str) -> Result<Host, String> {
    if text.contains("://") || text.contains('/') {
        return Err("give the host alone, without a scheme or a path".to_owned());
    }
    if !text.is_ascii() {
        return Err("an internationalised name is given as A-labels (`xn--…`)".to_owned());
    }
    Host::parse(text.trim_start_matches('[').trim_end_matches(']')).map_err(|error| error.to_string())
}

/// Reads `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
///
/// # Errors
/// What is wrong with the text, for people.
pub fn host_and_port(text: &str) -> Result<(Host, u16), String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok((host(&address.to_string())?, DEFAULT_PORT));
    }
    match text.rsplit_once(':') {
        Some((name, digits)) if !text.ends_with(']') && !text.contains("://") => Ok((host(name)?, port(digits)?)),
        _ => Ok((host(text)?, DEFAULT_PORT)),
    }
}

fn port(digits: &str) -> Result<u16, String> {
    match digits.parse() {
        Ok(0) | Err(_) => Err(format!("{digits:?} is not a port")),
        Ok(port) => Ok(port),
    }
}

fn angles(text: &str) -> Result<Angles, String> {
    let all_but_names = || Angle::ALL.into_iter().filter(|angle| *angle != Angle::Names);
    let mut chosen = BTreeSet::new();
    for word in text.split(',').map(str::trim) {
        match word {
            "usual" if text == "usual" => return Ok(Angles::Usual),
            "none" if text == "none" => return Ok(Angles::These(BTreeSet::new())),
            "usual" => chosen.extend(Angle::USUAL),
            "all" => chosen.extend(all_but_names()),
            word => drop(chosen.insert(Angle::by_word(word).ok_or_else(|| no_angle(word))?)),
        }
    }
    Ok(Angles::These(chosen))
}

fn no_angle(word: &str) -> String {
    let words: Vec<_> = Angle::ALL.iter().map(|angle| angle.word()).collect();
    format!("there is no angle {word:?}; there are {}, and `usual`, `all` and `none`", words.join(", "))
}

fn proxy(text: &str) -> Result<ProxyChoice, String> {
    if text == "none" { Ok(ProxyChoice::None) } else { Proxy::parse(text).map(ProxyChoice::This) }
}

fn scenario() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::id))
        .try_map(|id| Scenario::by_id(&id).ok_or_else(|| format!("there is no scenario {id:?}")))
}

fn rule() -> PossibleValuesParser {
    PossibleValuesParser::new(RULES.iter().map(|rule| rule.id))
}

fn store() -> PossibleValuesParser {
    PossibleValuesParser::new(trust_store::names())
}

fn stated(text: &str) -> Result<Stated, String> {
    let shape = || "give it as HOST:PORT:ADDRESS or HOST:PORT:ADDRESS:PORT".to_owned();
    let (name, rest) = text.split_once(':').ok_or_else(shape)?;
    let (digits, address) = rest.split_once(':').ok_or_else(shape)?;
    let (host, port) = (host(name)?, port(digits)?);
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, port),
        Err(_) => address.parse().map_err(|_| format!("{address:?} is not an address"))?,
    };
    Ok(Stated { host, port, address })
}

fn vantage(text: &str) -> Result<String, network::LabelError> {
    Network::labelled(text).map(|label| label.as_str().to_owned())
}

fn label(text: &str) -> Result<Network, network::LabelError> {
    Network::labelled(text)
}

fn sha256(text: &str) -> Result<Sha256, String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Sha256).ok_or_else(|| "a head has 64 hexadecimal digits".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let read = text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    read.filter(|duration| *duration <= LONGEST_PAUSE).ok_or_else(|| "give it as 90s, 30min or 6h; a year at most".to_owned())
}

fn time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp.as_second());
    }
    let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map(jiff::Timestamp::as_second);
    let read = text.parse::<Date>().and_then(midnight);
    read.map_err(|_| "give it as 2015-03-20T12:00:00Z, 2015-03-20 or UNIX seconds".to_owned())
}

/// The port of HTTPS.
pub const DEFAULT_PORT: u16 = 443;

/// The longest pause between two runs.
const LONGEST_PAUSE: Duration = Duration::from_hours(24 * 366);

const EXIT_STATUS: &str = "\
Exit status, the worst wins:
   0  clear, or declared by a policy
   1  could not run
   2  wrong usage
   3  not measured, or inconclusive
   4  stale tables, under --strict
   5  the history is damaged, or was changed
  10  suspect
  11  interception under a local, an unknown or no anchor
  12  interception under a publicly trusted authority";

const IMPORT_STATUS: &str = "\
Exit status, the worst wins; with --judge, that of the verdict where it is worse:
   0  every record was read, and there was a handshake
   1  could not run, or a file could not be read
   2  wrong usage
   3  records that could not be read, no handshake, or more handshakes than one document holds";

const AUDIT_STATUS: &str = "\
Exit status, the worst wins:
   0  every record was read, and nothing as bad as --fail-on was found
   1  a file could not be read
   2  wrong usage
   3  a record could not be read, or there was no certificate at all
   4  stale tables, under --strict
  10  something as bad as --fail-on was found";

const HISTORY_STATUS: &str = "\
Exit status:
   0  read, and with --verify or --head nothing was changed
   1  could not run
   2  wrong usage
   5  the history is damaged, was changed, or does not hold the head";

const ANCHORS_STATUS: &str = "\
Exit status, the worst wins:
   0  every anchor is or was in a public root program, or vouches for nobody but itself
   1  could not run
   2  wrong usage
   3  a store could not be read, or not all of it
  10  an anchor was added on this machine that can vouch for others: no root program has ever had it
  11  an anchor's key is known to serve interception, or to be in other hands";

const INSTALL_STATUS: &str = "\
Exit status:
   0  done, or nothing was to be done
   1  could not run, or a file that is not ours is in the way
   2  wrong usage";

const DOCTOR_STATUS: &str = "\
Exit status, the worst wins:
   0  all is well, or only worth a note
   1  could not run
   2  wrong usage
   3  something is bad";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_host_may_carry_a_port() {
        let read = |text| host_and_port(text).map(|(host, port)| (host.to_string(), port));
        assert_eq!(read("Example.ORG"), Ok(("example.org".to_owned(), 443)));
        assert_eq!(read("example.org:8443"), Ok(("example.org".to_owned(), 8443)));
        assert_eq!(read("[2001:db8::1]:8443"), Ok(("2001:db8::1".to_owned(), 8443)));
        assert_eq!(read("[2001:db8::1]"), Ok(("2001:db8::1".to_owned(), 443)));
        assert_eq!(read("2001:db8::1"), Ok(("2001:db8::1".to_owned(), 443)));
        assert!(read("https://example.org/").unwrap_err().contains("without a scheme"));
        assert!(read("example.org:0").unwrap_err().contains("not a port"));
        assert!(read("bücher.example").unwrap_err().contains("A-labels"));
        assert!(read("").is_err());
    }

    #[test]
    fn a_stated_address_may_carry_a_port_of_its_own() {
        let address = |text| stated(text).map(|stated| stated.address.to_string());
        assert_eq!(address("a.test:443:127.0.0.1"), Ok("127.0.0.1:443".to_owned()));
        assert_eq!(address("a.test:443:127.0.0.1:8443"), Ok("127.0.0.1:8443".to_owned()));
        assert_eq!(address("a.test:443:[::1]:8443"), Ok("[::1]:8443".to_owned()));
        assert_eq!(address("a.test:443:::1"), Ok("[::1]:443".to_owned()));
        assert!(address("a.test:443").is_err());
        assert!(address("a.test:443:elsewhere").is_err());
    }

    #[test]
    fn a_verb_says_the_same_in_the_list_and_in_its_own_help() {
        let mut whole = Cli::command();
        whole.build();
        for listed in Cli::command().get_subcommands() {
            let own = whole.find_subcommand(listed.get_name()).unwrap();
            let about = |command: &clap::Command| command.get_about().map(ToString::to_string);
            assert_eq!(about(own), about(listed), "{}", listed.get_name());
        }
    }

    #[test]
    fn a_pause_is_read_and_bounded() {
        assert_eq!(duration("6h"), Ok(Duration::from_hours(6)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1h30min"), Ok(Duration::from_mins(90)));
        for bad in ["", "6", "-6h", "2y", "9000h", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_read_in_three_forms() {
        assert_eq!(time("1426852800"), Ok(1_426_852_800));
        assert_eq!(time("2015-03-20T12:00:00Z"), Ok(1_426_852_800));
        assert_eq!(time("2015-03-20"), Ok(1_426_809_600));
        assert!(time("last Tuesday").is_err());
    }
}
