//! `mintwatch audit`: what a person sees, what a program that calls it sees, and how much room it takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mintwatch::demo::pki::{Authority, DAY, Profile, Validity};
use mintwatch::observe::unix_seconds;
use mintwatch_validator::Evidence;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn mcs_is_told_of_as_it_was_in_its_days() {
    let database = Database::new();
    let path = database.mcs();
    let output = mintwatch(&["audit", &path, "--at", "2015-03-20"]);
    assert_eq!(output.status.code(), Some(10), "{}", errors(&output));
    let shown = text(&output).replace(&path, "mcs.pem");
    let (above, table) = shown.split_once("tables: ").unwrap();
    assert!(table.starts_with("anchors 20"), "{table}");
    assert_eq!(above, MCS, "{above}");
}

const MCS: &str = r#"CRITICAL  subordinate  "C=EG, O=MCSHOLDING, CN=MCSHOLDING TEST"
      issued by "C=CN, O=CNNIC, CN=CNNIC ROOT", valid 2015-03-19 to 2015-04-03, serial 4933008e
      sha256 2740d956b1127b791aa1b3cc644a4dbedba76186a23638b95102351a834ea861
      mcs.pem, record 1, byte 0
  revoked                        revoked in OneCRL (bug 1149603) (high)
                                 source: OneCRL (both forms: issuer and serial; subject and key)
  undisclosed                    a subordinate CA that may issue for any name, signed by the public
                                 anchor CNNIC ROOT, and nobody disclosed it (critical)
                                 source: Mozilla Root Store Policy 3.1 §5.3.2: disclosed in the
                                 CCADB within 7 days and before issuing
  key-usage-not-critical         a CA whose key usage is not marked critical (low)
                                 source: BR 2.2.6 §7.1.2.6.1; until 2023 BR §7.1.2.1 b, §7.1.2.2 e

1 certificates · 1 flagged

  rule                           worst      subordinate   self-issued    end-entity
  revoked                        high                 1             0             0
  undisclosed                    critical             1             0             0
  key-usage-not-critical         low                  1             0             0

"#;

#[test]
fn a_line_of_json_says_all_of_it() {
    let database = Database::new();
    let path = database.mcs();
    let output = mintwatch(&["audit", &path, "--at", "2015-03-20", "--json"]);
    let lines = json(&output);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["format"] == "mintwatch.audit" && line["version"] == 1));
    let (certificate, summary) = (&lines[0], &lines[1]);
    assert_eq!((certificate["kind"].as_str(), certificate["role"].as_str()), (Some("certificate"), Some("subordinate")));
    assert_eq!((certificate["record"].as_u64(), certificate["offset"].as_u64()), (Some(1), Some(0)));
    assert_eq!(certificate["sha256"], "2740d956b1127b791aa1b3cc644a4dbedba76186a23638b95102351a834ea861");
    let rules: Vec<_> = certificate["findings"].as_array().unwrap().iter().map(|said| said["rule"].as_str().unwrap()).collect();
    assert_eq!(rules[..2], ["revoked", "undisclosed"]);
    assert_eq!(
        (summary["kind"].as_str(), summary["certificates"].as_u64(), summary["flagged"].as_u64()),
        (Some("summary"), Some(1), Some(1))
    );
    assert!(errors(&output).contains("1 certificates · 1 flagged"), "{}", errors(&output));
}

#[test]
fn expired_certificates_are_passed_over_unless_asked_for() {
    let database = Database::new();
    let path = database.mcs();
    let now = mintwatch(&["audit", &path]);
    assert_eq!(now.status.code(), Some(0));
    assert!(text(&now).starts_with("1 certificates · 0 flagged · 1 expired by "), "{}", text(&now));
    let all = mintwatch(&["audit", &path, "--all"]);
    assert_eq!(all.status.code(), Some(0), "what has expired hurts nobody any more");
    assert!(text(&all).starts_with("LOW  subordinate  "), "{}", text(&all));
    assert_eq!(mintwatch(&["audit", &path, "--all", "--fail-on", "low"]).status.code(), Some(10));
}

#[test]
fn rules_are_chosen_and_a_bar_is_set() {
    let database = Database::new();
    let path = database.mcs();
    let run = |more: &[&str]| mintwatch(&[&["audit", &path, "--at", "2015-03-20"], more].concat());
    let only = run(&["--rule", "revoked"]);
    assert!(text(&only).contains("revoked  ") && !text(&only).contains("undisclosed"), "{}", text(&only));
    let without = run(&["--ignore", "revoked", "--ignore", "undisclosed"]);
    assert!(!text(&without).contains("revoked  ") && !text(&without).contains("undisclosed"), "{}", text(&without));
    assert_eq!(without.status.code(), Some(0), "{}", text(&without));
    assert_eq!(run(&["--rule", "revoked", "--fail-on", "critical"]).status.code(), Some(0));
    assert_eq!(run(&["--fail-on", "critical"]).status.code(), Some(10));
    assert_eq!(run(&["--fail-on", "never"]).status.code(), Some(0));
}

#[test]
fn wrong_usage_and_help() {
    for (arguments, expected) in [
        (&["audit"][..], "Usage: mintwatch audit"),
        (&["audit", "x.pem", "--rule", "no-such-rule"], "possible values: compromised,"),
        (&["audit", "x.pem", "--at", "yesterday"], "2015-03-20T12:00:00Z"),
        (&["audit", "x.pem", "--fail-on", "everything"], "possible values: info, low, medium"),
    ] {
        let output = mintwatch(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(errors(&output).contains(expected), "{arguments:?}: {}", errors(&output));
    }
    let help = text(&mintwatch(&["audit", "--help"]));
    assert!(help.contains("   3  a record could not be read, or there was no certificate at all"), "{help}");
    let list = text(&mintwatch(&["audit", "--list"]));
    assert!(
        list.contains("no-purposes: ") && list.contains("subordinate CAs of public hierarchies, valid from 2019-01-01 or later"),
        "{list}"
    );
}

#[test]
fn what_cannot_be_read_is_named_and_costs_only_itself() {
    let database = Database::new();
    let good = database.private_ca();
    let broken = database.write("broken.pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".as_slice());
    let output = mintwatch(&["audit", &broken, &good, "--fail-on", "never"]);
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    assert!(
        errors(&output).contains(&format!("unreadable: {broken}, record 1, byte 0: not a readable certificate: ")),
        "{}",
        errors(&output)
    );
    assert!(text(&output).contains("1 certificates · 1 flagged · 1 records unreadable"), "{}", text(&output));
    let absent = mintwatch(&["audit", "/no/such/file", &good, "--fail-on", "never"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(errors(&absent).contains("unreadable: /no/such/file: cannot be read: "), "{}", errors(&absent));
    assert!(text(&absent).contains("1 flagged · 1 files unreadable"), "{}", text(&absent));
    let nothing = database.write("nothing.txt", b"hello");
    let empty = mintwatch(&["audit", &nothing, "--json"]);
    assert_eq!(empty.status.code(), Some(3));
    assert_eq!(json(&empty)[0]["why"], "no certificate in it");
}

#[test]
fn a_private_hierarchy_is_told_quietly_and_what_is_disclosed_not_at_all() {
    let database = Database::new();
    let path = database.private_ca();
    let output = mintwatch(&["audit", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).starts_with("LOW  subordinate  \"C=XX, O=Shop, CN=Shop CA\""), "{}", text(&output));
    let disclosed = mintwatch(&["audit", &path, "--disclosed", &path, "--rule", "undisclosed"]);
    assert!(text(&disclosed).starts_with("LAB TABLES \"stated on the command line; disclosed ca.pem\""), "{}", text(&disclosed));
    assert!(text(&disclosed).contains("1 certificates · 0 flagged"), "{}", text(&disclosed));
}

#[test]
fn two_runs_give_the_same_bytes_however_many_threads_work() {
    let database = Database::new();
    let many = authorities(120);
    for file in 0..6 {
        let part: String = many.iter().skip(file * 20).take(20).map(Authority::pem).collect();
        database.write(&format!("part-{file}.pem"), format!("{part}{part}garbage").as_bytes());
    }
    let folder = database.folder.path().to_str().unwrap();
    let at = unix_seconds().to_string();
    let run = |jobs: &str, form: &[&str]| {
        let output = mintwatch(&[&["audit", folder, "--jobs", jobs, "--at", &at], form].concat());
        assert!(text(&output).contains(if form.is_empty() { "120 certificates · 120 flagged · 120 copies" } else { "\"copies\":120" }));
        text(&output)
    };
    assert_eq!(run("1", &[]), run("5", &[]));
    assert_eq!(run("1", &["--json"]), run("16", &["--json"]));
    assert_eq!(run("4", &["--json"]), run("4", &["--json"]));
}

#[test]
fn standard_input_and_packed_files_are_read_like_any_other() {
    let database = Database::new();
    let pem = fs::read(database.private_ca()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&pem).unwrap();
    for input in [pem.clone(), gzip.finish().unwrap(), zstd::encode_all(pem.as_slice(), 3).unwrap()] {
        let output = fed(&["audit", "-"], &input);
        assert!(text(&output).contains("\n      -, record 1, byte 0\n"), "{}", text(&output));
    }
}

#[test]
fn hostile_text_is_inert_in_every_output() {
    let database = Database::new();
    let mut params = CertificateParams::new(vec!["www.shop.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::OrganizationName, "=cmd|' \u{1b}[2J\u{202e}evil\r\nCLEAR\u{9b}1m<script>");
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let path = database.write("e\u{1b}[1mvil\n.pem", certificate.pem().as_bytes());
    for form in [&[][..], &["--json"]] {
        let output = mintwatch(&[&["audit", &path], form].concat());
        assert_eq!(output.status.code(), Some(10), "{}", errors(&output));
        let shown = text(&output) + &errors(&output);
        assert!(shown.chars().all(|letter| letter == '\n' || !letter.is_control()), "{shown}");
        assert!(!shown.contains('\u{202e}') && shown.contains("evil"), "{shown}");
        assert!(!shown.lines().any(|line| line.starts_with("CLEAR") || line.starts_with('=')), "{shown}");
    }
    let lines = mintwatch(&["audit", &path, "--json"]).stdout;
    assert!(lines.iter().all(|byte| *byte == b'\n' || (0x20..0x7f).contains(byte)));
}

#[test]
fn nobody_reading_any_more_is_no_error() {
    let database = Database::new();
    let many: String = authorities(200).iter().map(Authority::pem).collect();
    let path = database.write("many.pem", many.as_bytes());
    let mut child = command(&["audit", &path, "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_flat_however_long_the_input() {
    let der = authorities(1)[0].der().to_vec();
    let record = [&u32::try_from(der.len()).unwrap().to_be_bytes()[1..], &der].concat();
    let peak = |records: usize| {
        let mut child =
            command(&["audit", "-", "--jobs", "2"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let chunk = record.repeat(1_000);
        for _ in 0..records / 1_000 {
            input.write_all(&chunk).unwrap();
        }
        // What was written was taken, but for what pipes and channels hold.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        drop(input);
        let mut shown = String::new();
        child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
        assert!(shown.contains(&format!("{} copies", records - 1)), "{shown}");
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let (short, long) = (peak(10_000), peak(100_000));
    assert!(long < short + 16 * 1024, "{short} KiB for 10,000 certificates, {long} KiB for 100,000");
}

/// A folder of certificates.
struct Database {
    folder: TempDir,
}

impl Database {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn write(&self, name: &str, content: &[u8]) -> String {
        let path: PathBuf = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The certificate of MCS, out of the replay of 2015.
    fn mcs(&self) -> String {
        let evidence = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/incidents/2015-cnnic-mcs/evidence.json");
        let evidence = Evidence::from_json(&fs::read(evidence).unwrap()).unwrap();
        let mut chains = evidence.observations.iter().filter_map(|seen| seen.chain.yes());
        let mcs = chains.find_map(|chain| chain.certificates.iter().find(|der| sha256(der.as_slice()).starts_with("2740d956"))).unwrap();
        self.write("mcs.pem", pem(mcs.as_slice()).as_bytes())
    }

    /// A subordinate CA below a root that nobody knows.
    fn private_ca(&self) -> String {
        self.write("ca.pem", authorities(1)[0].pem().as_bytes())
    }
}

/// Subordinate CAs below a root that nobody knows.
fn authorities(count: usize) -> Vec<Authority> {
    let now = unix_seconds();
    let root = Authority::root("Shop", "Shop Root", Validity::begun(1_000, now, 3_000)).unwrap();
    let validity = Validity { from: now - 100 * DAY, until: now + 1_000 * DAY };
    (0..count).map(|_| root.subordinate("Shop", "Shop CA", validity, Profile::Unconstrained).unwrap()).collect()
}

fn sha256(der: &[u8]) -> String {
    mintwatch_validator::evidence::Sha256::of(der).to_string()
}

/// RFC 7468 §3.
fn pem(der: &[u8]) -> String {
    let body = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn mintwatch(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

fn fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
    command.args(arguments);
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
        command.env_remove(name);
    }
    command
}

fn json(output: &Output) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
