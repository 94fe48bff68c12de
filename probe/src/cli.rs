//! Every flag beside its help; the help is the manual.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mintwatch_validator::audit::RULES;
use mintwatch_validator::evidence::Host;
use mintwatch_validator::verdict::Severity;

use crate::demo::scenario::Scenario;
use crate::import::Form;

/// Shows whether someone sits inside your TLS connections, and keeps the evidence.
///
/// Mintwatch makes handshakes with well-known hosts, looks at the certificates it is handed, and says
/// whether somebody the site did not choose ends the connection: also where every certificate leads to
/// a publicly trusted authority. It says what was seen and whose key it was, never why someone did it.
#[derive(Debug, Parser)]
#[command(name = "mintwatch", version, after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
#[command(max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask a random draw of well-known hosts, and judge what they show
    Scan(ScanArgs),
    /// Ask the hosts named, and judge what they show
    Check(CheckArgs),
    /// Judge saved evidence or certificates from a file; needs no network
    Judge(JudgeArgs),
    /// Turn what others recorded into evidence: captures, logs of Zeek and Suricata, measurements of OONI
    Import(ImportArgs),
    /// Scan a database of certificates for CAs that nobody disclosed or constrained; needs no network
    Audit(AuditArgs),
    /// Say what a detector looks for and rests on, or tell the story of an incident
    Explain(ExplainArgs),
    /// Play an interception on this machine's loopback, and judge it; needs no network
    Demo(DemoArgs),
}

/// Arguments of `scan`.
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
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub struct CheckArgs {
    /// Whom to ask; port 443 unless stated
    #[arg(value_name = "HOST[:PORT]", required = true, value_parser = host_and_port)]
    pub hosts: Vec<(Host, u16)>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub looking: Looking,
    #[command(flatten)]
    #[allow(missing_docs, reason = "documented at the type")]
    pub judging: Judging,
}

/// Arguments of `judge`.
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
    pub judging: Judging,
}

/// Arguments of `import`.
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

/// Arguments of `audit`.
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

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Which detector, or `incident`; all detectors, one a line, when left out
    #[arg(value_name = "DETECTOR | incident")]
    pub what: Option<String>,
    /// After `incident`: which one, such as `mcs`; all of them, one a line, when left out
    #[arg(value_name = "NAME")]
    pub which: Option<String>,
}

/// Arguments of `demo`.
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
}

/// How to look.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Looking")]
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
    /// Write the evidence to this file, for others to judge
    #[arg(long, value_name = "FILE")]
    pub save_evidence: Option<PathBuf>,
    /// Draw no progress bar
    #[arg(long)]
    pub no_progress: bool,
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

fn scenario() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::id))
        .try_map(|id| Scenario::by_id(&id).ok_or_else(|| format!("there is no scenario {id:?}")))
}

fn rule() -> PossibleValuesParser {
    PossibleValuesParser::new(RULES.iter().map(|rule| rule.id))
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

const EXIT_STATUS: &str = "\
Exit status, the worst wins:
   0  clear, or declared by a policy
   1  could not run
   2  wrong usage
   3  not measured, or inconclusive
   4  stale tables, under --strict
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
    fn a_time_is_read_in_three_forms() {
        assert_eq!(time("1426852800"), Ok(1_426_852_800));
        assert_eq!(time("2015-03-20T12:00:00Z"), Ok(1_426_852_800));
        assert_eq!(time("2015-03-20"), Ok(1_426_809_600));
        assert!(time("last Tuesday").is_err());
    }
}
