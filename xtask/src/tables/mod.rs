//! `cargo xtask tables`: makes validator/data/*.tsv from inputs that are named, dated and local.
//!
//! Nothing is fetched. A table whose inputs are not all named is left as it stands, and the output says so.

mod anchors;
mod constraints;
mod ct_logs;
pub(crate) mod der;
mod disclosed;
pub(crate) mod input;
mod issuers;
mod listed_keys;
mod onecrl;
mod pins;
mod pool;
mod products;
mod text;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitStatus;

pub(crate) use input::ccadb;
use text::Table;

/// The inputs of `cargo xtask tables`. `--data` finds all files it knows; an option of its own wins over it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TablesArgs {
    /// A folder with the known files under their known names (blocklist/, ct/, disclosure/, …)
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Debian's firefox-esr package: browser/omni.ja gives the disclosed intermediates and OneCRL
    #[arg(long, value_name = "FILE")]
    pub firefox_deb: Option<PathBuf>,
    /// Debian's ca-certificates package: cross-check of Mozilla's server roots
    #[arg(long, value_name = "FILE")]
    pub ca_certificates_deb: Option<PathBuf>,
    /// npm package third-party-web (`npm pack third-party-web`): cross-check of operators
    #[arg(long, value_name = "FILE")]
    pub third_party_web: Option<PathBuf>,
    /// Folder with the SPKIs that rustls-webpki refuses; by default that of the crate in Cargo.lock
    #[arg(long, value_name = "DIR")]
    pub distrusted_spkis: Option<PathBuf>,
    /// CCADB certificates: 3-byte length, DER, repeated, zstd
    #[arg(long, value_name = "FILE")]
    pub ccadb_der: Option<PathBuf>,
    /// CCADB certificates as CSV, gzip
    #[arg(long, value_name = "FILE")]
    pub ccadb_csv: Option<PathBuf>,
    /// Firefox's security-state/intermediates.json, plain or gzip
    #[arg(long, value_name = "FILE")]
    pub firefox_intermediates: Option<PathBuf>,
    /// An older list of Firefox as CSV (cert_sha256, spki_sha256)
    #[arg(long, value_name = "FILE")]
    pub firefox_intermediates_older: Option<PathBuf>,
    /// Firefox's security-state/onecrl.json, plain or gzip
    #[arg(long, value_name = "FILE")]
    pub onecrl: Option<PathBuf>,
    /// First and last date of every certificate in NSS certdata
    #[arg(long, value_name = "FILE")]
    pub nss_root_lifetimes: Option<PathBuf>,
    /// NSS certdata at one revision, with trust bits
    #[arg(long, value_name = "FILE")]
    pub nss_roots: Option<PathBuf>,
    /// Explicit distrust in NSS certdata over time
    #[arg(long, value_name = "FILE")]
    pub nss_distrust_history: Option<PathBuf>,
    /// The Chrome Root Store
    #[arg(long, value_name = "FILE")]
    pub chrome_root_store: Option<PathBuf>,
    /// The certificates of the Chrome Root Store, PEM, gzip
    #[arg(long, value_name = "FILE")]
    pub chrome_root_store_pem: Option<PathBuf>,
    /// Root stores of the platforms
    #[arg(long, value_name = "FILE")]
    pub platform_root_stores: Option<PathBuf>,
    /// Snapshots of root stores that Chromium keeps, gzip
    #[arg(long, value_name = "FILE")]
    pub chromium_historical_root_stores: Option<PathBuf>,
    /// Roots that CT logs accept, with what they are trusted for
    #[arg(long, value_name = "FILE")]
    pub ct_accepted_roots: Option<PathBuf>,
    /// Constraints that root programs impose, collected
    #[arg(long, value_name = "FILE")]
    pub program_constraints: Option<PathBuf>,
    /// Symantec's roots and the keys exempt from their distrust
    #[arg(long, value_name = "FILE")]
    pub symantec: Option<PathBuf>,
    /// Folder with the allow-lists for CNNIC
    #[arg(long, value_name = "DIR")]
    pub cnnic_allow_lists: Option<PathBuf>,
    /// Chromium's blocked and known-interception keys
    #[arg(long, value_name = "FILE")]
    pub chromium_blocklist: Option<PathBuf>,
    /// Certificates of known incidents, with their roles; PEM files beside it
    #[arg(long, value_name = "FILE")]
    pub incidents: Option<PathBuf>,
    /// Chromium's pins
    #[arg(long, value_name = "FILE")]
    pub chromium_pins: Option<PathBuf>,
    /// Firefox's pins
    #[arg(long, value_name = "FILE")]
    pub firefox_pins: Option<PathBuf>,
    /// Hosts worth probing
    #[arg(long, value_name = "FILE")]
    pub probe_domains: Option<PathBuf>,
    /// CT log list, version 3
    #[arg(long, value_name = "FILE")]
    pub ct_log_list: Option<PathBuf>,
    /// Where the tables are
    #[arg(long, value_name = "DIR", default_value = "validator/data")]
    pub out: PathBuf,
    /// Write nothing; fail when a table would change
    #[arg(long)]
    pub check: bool,
}

/// Why tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A file could not be read or written.
    #[error("cannot use `{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not of the form its option names.
    #[error("cannot read `{path}`: {what}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A program that unpacks an input is not there.
    #[error("cannot run `{program}`: {error}\nhint: dpkg-deb, tar and unzip unpack the packages")]
    Program {
        /// The program.
        program: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// A program that unpacks an input failed.
    #[error("`{program}` ended with {status} on `{path}`")]
    ProgramFailed {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it was given.
        path: PathBuf,
    },
    /// A row cannot be written in one line.
    #[error("{table}: a row does not fit its columns: {row}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row.
        row: String,
    },
    /// What the inputs say cannot be true together.
    #[error("{table}: {what}")]
    Contradiction {
        /// The table.
        table: &'static str,
        /// What does not fit.
        what: String,
    },
    /// `--check` found tables that differ from their inputs.
    #[error("not what the inputs give: {}\nhint: run the same command without `--check`", .0.join(", "))]
    Differs(Vec<String>),
    /// No input was named.
    #[error("no input named\nhint: `--data DIR` finds all known files in a folder")]
    NoInput,
}

/// What a generator made: its tables, or the options that were missing.
enum Made {
    Tables(Vec<Table>),
    Needs(&'static str),
}

/// Makes the tables of one kind; what people should know goes to the list.
type Maker = fn(&TablesArgs, &mut Vec<String>) -> Result<Made, TablesError>;

/// Makes every table whose inputs are named, or with `--check` compares them with what is there.
///
/// # Errors
/// [`TablesError`] when an input cannot be used, when inputs contradict each other, or when `--check` finds a difference.
pub fn run(args: &TablesArgs) -> Result<(), TablesError> {
    let args = args.clone().completed();
    let mut talk = Vec::new();
    let makers: &[(&str, Maker)] = &[
        ("anchors", anchors::make),
        ("constraints", constraints::make),
        ("disclosed", disclosed::make),
        ("issuers", issuers::make),
        ("listed-keys", listed_keys::make),
        ("onecrl", onecrl::make),
        ("pins", pins::make),
        ("ct-logs", ct_logs::make),
        ("pool", pool::make),
        ("products", products::make),
    ];
    let (mut differing, mut any) = (Vec::new(), false);
    for &(name, make) in makers {
        match make(&args, &mut talk)? {
            Made::Needs(what) => talk.push(format!("{name}: left as it is; needs {what}")),
            Made::Tables(tables) => {
                any = true;
                for table in tables {
                    if !settle(&args, &table, &mut talk)? {
                        differing.push(table.file.to_owned());
                    }
                }
            }
        }
    }
    let mut out = io::stdout().lock();
    for line in talk {
        // A closed pipe takes nothing from the tables.
        let _ = writeln!(out, "{line}");
    }
    match (any, differing.is_empty()) {
        (false, _) => Err(TablesError::NoInput),
        (true, false) => Err(TablesError::Differs(differing)),
        (true, true) => Ok(()),
    }
}

/// Writes or compares one table; false when it differs under `--check`.
fn settle(args: &TablesArgs, table: &Table, talk: &mut Vec<String>) -> Result<bool, TablesError> {
    let path = args.out.join(table.file);
    let text = table.render()?;
    let same = fs::read_to_string(&path).is_ok_and(|old| old == text);
    let state = match (same, args.check) {
        (true, _) => "unchanged",
        (false, true) => "DIFFERS",
        (false, false) => "written",
    };
    let rows = text.lines().filter(|line| !line.starts_with("# ")).count();
    talk.push(format!("{}: {rows} rows, {} bytes, {state}", table.file, text.len()));
    if !same && !args.check {
        fs::write(&path, text).map_err(|error| TablesError::File { path, error })?;
    }
    Ok(same || !args.check)
}

impl TablesArgs {
    /// Fills what was not named from the folder of known files.
    fn completed(mut self) -> Self {
        let Some(dir) = self.data.clone() else { return self };
        // Upstream's version is part of some names: the last in order is taken.
        let newest = |folder: &str, prefix: &str, suffix: &str| {
            let mut names: Vec<PathBuf> = fs::read_dir(dir.join(folder))
                .into_iter()
                .flatten()
                .flatten()
                .filter(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name.starts_with(prefix) && name.ends_with(suffix)
                })
                .map(|entry| entry.path())
                .collect();
            names.sort();
            names
        };
        let fill = |option: &mut Option<PathBuf>, folder: &str, prefix: &str, suffix: &str| {
            if option.is_none() {
                *option = newest(folder, prefix, suffix).pop();
            }
        };
        fill(&mut self.ccadb_der, "disclosure", "ccadb-", "-der.bin.zst");
        fill(&mut self.ccadb_csv, "disclosure", "ccadb-", ".csv.gz");
        if self.firefox_intermediates_older.is_none() {
            self.firefox_intermediates_older = newest("disclosure", "firefox-", "-intermediates.csv").into_iter().next();
        }
        if self.firefox_deb.is_none() {
            fill(&mut self.firefox_intermediates, "disclosure", "firefox-", "-intermediates.json.gz");
            fill(&mut self.onecrl, "onecrl", "onecrl-firefox-", ".json.gz");
        }
        fill(&mut self.nss_root_lifetimes, "policies", "nss-root-lifetimes", ".json");
        fill(&mut self.nss_roots, "policies", "nss-roots", ".json");
        fill(&mut self.nss_distrust_history, "policies", "nss-distrust-history", ".json");
        fill(&mut self.chrome_root_store, "policies", "chrome-root-store", ".json");
        fill(&mut self.chrome_root_store_pem, "policies", "chrome-root-store", ".pem.gz");
        fill(&mut self.platform_root_stores, "policies", "platform-root-stores", ".json");
        fill(&mut self.chromium_historical_root_stores, "policies", "chromium-historical-root-stores", ".json.gz");
        fill(&mut self.ct_accepted_roots, "policies", "ct-accepted-roots", ".tsv");
        fill(&mut self.program_constraints, "policies", "constraints", ".json");
        fill(&mut self.symantec, "policies", "symantec", ".json");
        fill(&mut self.cnnic_allow_lists, "policies", "cnnic-whitelist", "");
        fill(&mut self.chromium_blocklist, "blocklist", "chromium-spki-blocklist", ".json");
        fill(&mut self.incidents, "incidents", "incidents", ".json");
        fill(&mut self.chromium_pins, "pins", "chromium-pins", ".json");
        fill(&mut self.firefox_pins, "pins", "firefox-pins", ".json");
        fill(&mut self.probe_domains, "pins", "probe-domains", ".json");
        fill(&mut self.ct_log_list, "ct", "log_list", ".json");
        self
    }
}
