//! What an audit costs for each certificate, beside what no audit can do without, in CPU time, in one run.
//!
//! `cargo bench -p mintwatch --bench audit [-- --quick] [PATH…]`. The floor is reading each certificate with
//! `x509-parser` alone, as every Rust tool does. The peer is pkilint, the linter of the CA/Browser Forum profiles
//! that can be had from a registry: `pip install pkilint`, and its interpreter in `PKILINT_PYTHON`. It judges a
//! sample of the same certificates in the same run. All are measured in turns and compared by their medians.
//! Without a PATH the bench makes certificates, and adds those of the replays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a measurement")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::hint::black_box;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use mintwatch::certificates::{Encoding, Found, decode, process};
use mintwatch::commands::audit::{Entry, Question, examine};
use mintwatch::demo::pki::{Authority, DAY, Log, Profile, Validity};
use mintwatch::observe::unix_seconds;
use mintwatch_validator::audit::{RULES, audit};
use mintwatch_validator::tables::{Overlay, Tables};
use mintwatch_validator::{Certificate, Evidence};
use x509_parser::prelude::{FromDer, X509Certificate};

mod measure;
use measure::{cpu, median, micros};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The most an audit may cost, in CPU microseconds a certificate: 50,000 a second on one core.
const BAR: f64 = 20.0;
/// How many certificates the peer is given.
const SAMPLE: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test` runs benches too, without `--bench` and unoptimised: then nothing is held to the bar.
    let benching = arguments.iter().any(|argument| argument == "--bench");
    let quick = !benching || arguments.iter().any(|argument| argument == "--quick");
    let (made, runs) = if quick { (400, 3) } else { (4_000, 11) };
    let given: Vec<PathBuf> = arguments.iter().filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    let folder = tempfile::tempdir().unwrap();
    let database = if given.is_empty() { Database::made(folder.path(), made) } else { Database::given(given) };
    let bench = Bench { tables: database.tables(), ders: database.ders(), database };
    let mut measured = Vec::new();
    for run in 0..=runs {
        let parts = bench.measure();
        // The first run warms caches and tables.
        if run > 0 {
            measured.push(parts);
        }
    }
    let peer = if benching { bench.peer(folder.path()) } else { Err("not asked outside `cargo bench`".to_owned()) };
    let within = bench.report(&measured, peer);
    if within || !benching { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// CPU microseconds, each for one certificate.
struct Parts {
    floor: f64,
    read: f64,
    rules: f64,
    whole: f64,
}

struct Bench {
    database: Database,
    tables: Tables,
    ders: Vec<Vec<u8>>,
}

impl Bench {
    fn measure(&self) -> Parts {
        let at = i64::try_from(unix_seconds()).unwrap();
        let count = self.ders.len() as f64;
        let begun = cpu();
        for der in &self.ders {
            let _ = black_box(X509Certificate::from_der(black_box(der)));
        }
        let parsed = cpu();
        for der in &self.ders {
            let _ = black_box(Certificate::read(black_box(der)));
        }
        let read = cpu();
        let certificates: Vec<_> = self.ders.iter().filter_map(|der| Certificate::read(der).ok()).collect();
        let before = cpu();
        for certificate in &certificates {
            black_box(audit(certificate, &self.tables, at));
        }
        let ruled = cpu();
        let seen = self.whole(at);
        let done = cpu();
        assert_eq!(seen, self.ders.len());
        Parts {
            floor: micros(begun, parsed) / count,
            read: micros(parsed, read) / count,
            rules: micros(before, ruled) / count,
            whole: micros(ruled, done) / count,
        }
    }

    /// As the command does it: files, PEM, base64, certificates, rules, in order.
    fn whole(&self, at: i64) -> usize {
        let rules = RULES.iter().map(|rule| rule.id).collect();
        let question = Question::new(&self.tables, at, rules).of_expired_too(true);
        let mut seen = 0;
        let read = Arc::new(AtomicU64::new(0));
        let work = |batch| examine(batch, &question);
        let ended = process(&self.database.paths, 1, &read, work, |entries| {
            seen += entries.iter().filter(|entry| !matches!(entry, Entry::Bad(..) | Entry::Other)).count();
            ControlFlow::Continue(())
        });
        assert_eq!(ended, Ok(()));
        seen
    }

    /// Microseconds of CPU time that pkilint takes for a certificate of the sample.
    fn peer(&self, folder: &Path) -> Result<f64, String> {
        let python = std::env::var("PKILINT_PYTHON").map_err(|_| "PKILINT_PYTHON does not name its interpreter".to_owned())?;
        let step = (self.ders.len() / SAMPLE).max(1);
        let sample = folder.join("sample");
        std::fs::create_dir_all(&sample).unwrap();
        for (number, der) in self.ders.iter().step_by(step).take(SAMPLE).enumerate() {
            std::fs::write(sample.join(format!("{number}.der")), der).unwrap();
        }
        let output = Command::new(python).args(["-c", LINT]).arg(&sample).output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        said.parse().map_err(|_| String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned())
    }

    /// Prints the medians; says whether the audit is within the bar.
    fn report(&self, measured: &[Parts], peer: Result<f64, String>) -> bool {
        let of = |part: &dyn Fn(&Parts) -> f64| median(measured.iter().map(part).collect());
        let whole = of(&|parts| parts.whole);
        let bytes: usize = self.ders.iter().map(Vec::len).sum();
        let mut out = io::stdout().lock();
        let (count, size) = (self.ders.len(), bytes / self.ders.len().max(1));
        writeln!(out, "CPU time a certificate, median of {} runs over {count} certificates of {size} bytes, in µs", measured.len())
            .unwrap();
        for (name, value) in [
            ("floor: x509-parser alone", of(&|parts| parts.floor)),
            ("Certificate::read: roles and both hashes", of(&|parts| parts.read)),
            ("audit: every rule", of(&|parts| parts.rules)),
            ("whole: files, records, certificates, rules, in order", whole),
        ] {
            writeln!(out, "  {name:<56} {value:>9.2}").unwrap();
        }
        match peer {
            Ok(micros) => {
                writeln!(out, "  {:<56} {micros:>9.2}", "peer: pkilint, TLS server profile, loading included").unwrap();
                writeln!(out, "pkilint takes {:.0} times as long as the whole", micros / whole).unwrap();
            }
            Err(why) => writeln!(out, "pkilint: not measured: {why}").unwrap(),
        }
        let floors = of(&|parts| parts.whole / parts.floor);
        let rate = 1e6 / whole;
        writeln!(out, "ratio to the floor: {floors:.2}; {rate:.0} certificates/s on one core (bar: {BAR} µs, 50,000/s)").unwrap();
        whole <= BAR
    }
}

/// Where the certificates lie.
struct Database {
    paths: Vec<PathBuf>,
    disclosed: Vec<Vec<u8>>,
}

impl Database {
    fn given(paths: Vec<PathBuf>) -> Self {
        Self { paths, disclosed: Vec::new() }
    }

    /// One subordinate CA for every nine end-entities, as a CA's own database might have them, and the replays.
    fn made(folder: &Path, count: usize) -> Self {
        let now = unix_seconds();
        let root = Authority::root("Bench", "Bench Root", Validity::begun(1_000, now, 3_000)).unwrap();
        let logs = ["Bench Log Operator A", "Bench Log Operator B"].map(|operator| Log::new(operator).unwrap());
        let mut pem = String::new();
        let mut disclosed = Vec::new();
        for number in 0..count.div_ceil(10) {
            let validity = Validity::begun(100, now, 1_000);
            let ca = root.subordinate("Bench", &format!("Bench CA {number}"), validity, Profile::Public).unwrap();
            pem.push_str(&ca.pem());
            disclosed.push(ca.der().to_vec());
            for site in 0..9 {
                let host = format!("host{site}.bench{number}.test");
                let validity = Validity { from: now - 10 * DAY, until: now + 80 * DAY };
                let names = [host.as_str(), &format!("www.{host}"), &format!("mail.{host}")];
                let leaf = ca.issue(&names, validity, &logs.each_ref()).unwrap();
                pem.push_str(&armoured(&leaf.chain()[0]));
            }
        }
        for der in replayed() {
            pem.push_str(&armoured(&der));
        }
        let path = folder.join("database.pem");
        std::fs::write(&path, pem).unwrap();
        Self { paths: vec![path], disclosed }
    }

    /// Tables that know the CAs that were made, as root programs know those of a CA in good standing.
    fn tables(&self) -> Tables {
        let mut overlay = Overlay::new("bench", unix_seconds());
        overlay.disclosed.extend(self.disclosed.iter().map(|der| der.clone().into()));
        if self.disclosed.is_empty() { Tables::compiled() } else { Tables::compiled().with_overlay(&overlay).unwrap() }
    }

    fn ders(&self) -> Vec<Vec<u8>> {
        let mut ders = Vec::new();
        let read = Arc::new(AtomicU64::new(0));
        let ended = process(
            &self.paths,
            1,
            &read,
            |batch| batch,
            |batch: Vec<Found>| {
                for found in batch {
                    let der = match found {
                        Found::Record(_, Encoding::Der, der) => der,
                        Found::Record(_, Encoding::Base64, text) => {
                            let mut der = Vec::new();
                            decode(&text, &mut Vec::new(), &mut der).unwrap();
                            der
                        }
                        Found::Bad(..) | Found::Other(_) => continue,
                    };
                    if Certificate::read(&der).is_ok() {
                        ders.push(der);
                    }
                }
                ControlFlow::Continue(())
            },
        );
        assert_eq!(ended, Ok(()));
        ders
    }
}

/// The certificates of every replay.
fn replayed() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut ders = Vec::new();
    for kind in ["incidents", "benign"] {
        for entry in std::fs::read_dir(root.join(kind)).unwrap() {
            let Ok(text) = std::fs::read(entry.unwrap().path().join("evidence.json")) else { continue };
            let evidence = Evidence::from_json(&text).unwrap();
            let chains = evidence.observations.iter().filter_map(|seen| seen.chain.yes());
            ders.extend(chains.flat_map(|chain| &chain.certificates).map(|der| der.as_slice().to_vec()));
        }
    }
    ders.retain(|der| Certificate::read(der).is_ok());
    ders.sort();
    ders.dedup();
    ders
}

/// RFC 7468 §3.
fn armoured(der: &[u8]) -> String {
    let body = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Judges every file of a folder as `lint_cabf_serverauth_cert` does, in one process that makes the validators of each
/// kind of certificate once; prints CPU microseconds for each.
const LINT: &str = r"
import os, sys, time
from pkilint import loader, finding_filter
from pkilint.cabf import serverauth
from pkilint.pkix import certificate
files = [os.path.join(sys.argv[1], name) for name in sorted(os.listdir(sys.argv[1]))]
ders = [open(name, 'rb').read() for name in files]
made = {}
def tools(kind):
    if kind not in made:
        validator = certificate.create_pkix_certificate_validator_container(
            serverauth.create_decoding_validators(), serverauth.create_validators(kind, None))
        made[kind] = validator, serverauth.create_serverauth_finding_filters(kind)
    return made[kind]
def lint(der):
    try:
        read = loader.load_certificate(der, 'sample')
        validator, filters = tools(serverauth.determine_certificate_type(read))
        finding_filter.filter_results(filters, validator.validate(read.root))
    except Exception as error:
        print(error, file=sys.stderr)
for der in ders:
    lint(der)
begun = time.process_time()
for der in ders:
    lint(der)
print((time.process_time() - begun) * 1e6 / len(ders))
";
