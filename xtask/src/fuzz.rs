//! `cargo xtask fuzz`: seeds out of the committed replays, and a timed run of each fuzz target.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mintwatch_validator::Certificate;
use mintwatch_validator::evidence::{Bytes, Evidence, Observation, Sha256};

use crate::replays::{Replay, replays};
use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

mod records;

/// The targets, as `tests/fuzz/fuzz_targets` has them.
pub const TARGETS: [&str; 7] = ["chain", "evidence_json", "tables", "names", "scts", "database", "import"];

/// The longest seed, in bytes: longer ones teach a fuzzer little and cost it much.
const LONGEST_SEED: usize = 32 * 1024;
/// The most seeds of one target.
const MOST_SEEDS: usize = 400;

/// What to fuzz, and for how long.
#[derive(Debug, Clone, clap::Args)]
pub struct FuzzArgs {
    /// Targets; all of them when none is named.
    #[arg(value_name = "TARGET", value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    targets: Vec<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 660)]
    seconds: u32,
    /// Only write the seeds.
    #[arg(long)]
    seeds_only: bool,
}

/// Writes the seeds below `tests/fuzz/corpus`, runs the targets one after the other and tells what each came to.
///
/// Needs `cargo-fuzz` (`cargo install cargo-fuzz --locked`) and a C++ compiler.
///
/// # Errors
/// When a replay cannot be read, a folder cannot be written, or a target finds a fault.
pub fn run(args: &FuzzArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    let fuzz = root.join("tests/fuzz");
    for (target, seeds) in seeds(&root)? {
        write_seeds(&fuzz.join("corpus").join(target), &seeds)?;
        say::line(&format!("{target}: {} seeds, {} bytes", seeds.len(), seeds.iter().map(Vec::len).sum::<usize>()));
    }
    if args.seeds_only {
        return Ok(());
    }
    let named: Vec<&str> = if args.targets.is_empty() { TARGETS.to_vec() } else { args.targets.iter().map(String::as_str).collect() };
    named.into_iter().try_for_each(|target| run_target(&fuzz, target, args.seconds))
}

/// Returns the seeds of every target, made of the committed replays: the same for the fuzzer and for the tests.
///
/// # Errors
/// When a replay cannot be read.
pub fn seeds(root: &Path) -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>, Trouble> {
    let mut found: BTreeMap<&'static str, Vec<Vec<u8>>> = TARGETS.iter().map(|&target| (target, Vec::new())).collect();
    let mut add = |target: &'static str, seed: Vec<u8>| found.entry(target).or_default().push(seed);
    for replay in replays(root)? {
        let evidence = Evidence::from_json(replay.evidence()?.as_bytes())
            .map_err(|error| Trouble::new(format!("{}: {error}", replay.folder.display())))?;
        for (index, observation) in evidence.observations.iter().enumerate() {
            add("chain", chain_seed(index, observation));
            let alone = Evidence { observations: vec![observation.clone()], ..evidence.clone() };
            add("database", database_seed(index, observation));
            add("import", records::seed(index, observation));
            add("evidence_json", alone.to_json().into_bytes());
            for certificate in observation.chain.yes().into_iter().flat_map(|chain| chain.certificates.iter().take(2)) {
                for name in names_of(certificate) {
                    add("names", name);
                }
                for list in sct_lists_of(certificate) {
                    add("scts", list);
                }
            }
            add("names", observation.target.host.as_str().as_bytes().to_vec());
        }
        add("tables", overlay_seed(&replay, &evidence)?);
    }
    for name in HOSTILE_NAMES {
        add("names", name.as_bytes().to_vec());
    }
    for seeds in found.values_mut() {
        seeds.retain(|seed| (1..=LONGEST_SEED).contains(&seed.len()));
        seeds.sort();
        seeds.dedup();
        // From all over the replays, not from the first of them.
        let step = seeds.len().div_ceil(MOST_SEEDS).max(1);
        *seeds = seeds.iter().step_by(step).cloned().collect();
    }
    Ok(found)
}

/// Names that were made to act on whoever shows them.
pub const HOSTILE_NAMES: [&str; 12] = [
    "line\r\nfeed: injected",
    "\u{1b}]0;title\u{7}\u{1b}[31mred\u{1b}[2J",
    "c1 \u{9b}31m \u{85} \u{90}",
    "\u{202e}moc.elgoog\u{202c} \u{2066}isolate\u{2069} \u{61c}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "=HYPERLINK(\"http://evil.example\",\"click\")",
    "+1-1",
    "@SUM(A1:A9)",
    "-2+3|cmd",
    "nul\0byte, \"quoted\", \\back\\slash",
    "zero\u{200b}width\u{feff}\u{2060}\u{e0041}",
    "combining z\u{351}\u{36b}\u{343}a\u{323}l\u{334}g\u{321}o",
];

/// As `tests/fuzz/bodies.rs` reads it: where and when, then certificates after their lengths.
fn chain_seed(index: usize, observation: &Observation) -> Vec<u8> {
    let mut seed = vec![u8::try_from(index % 256).unwrap_or(0)];
    seed.extend(observation.at.to_be_bytes());
    for certificate in observation.chain.yes().into_iter().flat_map(|chain| &chain.certificates) {
        let [.., high, middle, low] = certificate.as_slice().len().to_be_bytes();
        seed.extend([high, middle, low]);
        seed.extend(certificate.as_slice());
    }
    seed
}

/// The chain as databases hold it: PEM with talk between, DER after DER, DER after its length, rows with PEM in a column.
fn database_seed(index: usize, observation: &Observation) -> Vec<u8> {
    let certificates = || observation.chain.yes().into_iter().flat_map(|chain| &chain.certificates).map(Bytes::as_slice);
    let pem = |der: &[u8]| {
        let text = data_encoding::BASE64.encode(der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    match index % 4 {
        0 => {
            let text: Vec<String> = certificates().map(|der| format!("# {}\n{}", observation.target.host, pem(der))).collect();
            text.concat().into_bytes()
        }
        1 => certificates().collect::<Vec<_>>().concat(),
        2 => chain_seed(0, observation).split_off(9),
        _ => {
            let rows: Vec<String> = certificates().map(|der| format!("{},\"{}\"\r\n", observation.target.host, pem(der))).collect();
            format!("Name,PEM\r\n{}", rows.concat()).into_bytes()
        }
    }
}

/// The contents of subject and issuer, without the header of the Name.
fn names_of(certificate: &Bytes) -> Vec<Vec<u8>> {
    let Ok(certificate) = Certificate::read(certificate.as_slice()) else { return Vec::new() };
    [certificate.subject, certificate.issuer].iter().filter_map(|name| name.get(2..)).map(<[u8]>::to_vec).collect()
}

/// The SCT list extension of a certificate, and the TLS list inside it; nothing where there is none.
fn sct_lists_of(certificate: &Bytes) -> Vec<Vec<u8>> {
    const SCT_LIST: [u8; 10] = [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
    let der = certificate.as_slice();
    let at = der.windows(SCT_LIST.len()).position(|window| window == SCT_LIST);
    let value = at.and_then(|at| der.get(at + SCT_LIST.len()..)).and_then(octet_string);
    let list = value.and_then(octet_string);
    value.into_iter().chain(list).map(<[u8]>::to_vec).collect()
}

/// The contents of an OCTET STRING at the beginning of some DER.
fn octet_string(der: &[u8]) -> Option<&[u8]> {
    let (length, contents) = match der {
        [4, length @ 0..=0x7f, contents @ ..] | [4, 0x81, length, contents @ ..] => (usize::from(*length), contents),
        [4, 0x82, high, low, contents @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), contents),
        _ => return None,
    };
    contents.get(..length)
}

/// The replay's own overlay, or one made of its certificates; then a host.
fn overlay_seed(replay: &Replay, evidence: &Evidence) -> Result<Vec<u8>, Trouble> {
    use mintwatch_validator::tables::{Overlay, OverlayPin};
    let wrong = |error: &dyn std::fmt::Display| Trouble::new(format!("{}: {error}", replay.folder.display()));
    let Some(observation) = evidence.observations.first() else { return Ok(Vec::new()) };
    let overlay = if let Some(overlay) = replay.overlay()? {
        overlay.trim_end().to_owned()
    } else {
        let certificates: Vec<Bytes> = observation.chain.yes().map(|chain| chain.certificates.clone()).unwrap_or_default();
        let spki = certificates.first().map_or(Sha256([0; 32]), |der| Sha256::of(der.as_slice()));
        let overlay = Overlay {
            disclosed: certificates.iter().skip(1).take(2).cloned().collect(),
            pins: vec![OverlayPin { host: observation.target.host.clone(), include_subdomains: true, spkis: vec![spki] }],
            ..Overlay::new("seed", evidence.collected_at)
        };
        serde_json::to_string(&overlay).map_err(|error| wrong(&error))?
    };
    Ok(format!("{overlay}\n{}", observation.target.host).into_bytes())
}

/// Each seed under its hash, so that writing twice changes nothing.
fn write_seeds(folder: &Path, seeds: &[Vec<u8>]) -> Result<(), Trouble> {
    fs::create_dir_all(folder).map_err(|error| Trouble::file("write", folder, error))?;
    for seed in seeds {
        let file = folder.join(Sha256::of(seed).to_string());
        fs::write(&file, seed).map_err(|error| Trouble::file("write", &file, error))?;
    }
    Ok(())
}

fn run_target(fuzz: &Path, target: &str, seconds: u32) -> Result<(), Trouble> {
    let log = fuzz.join(format!("target/{target}.log"));
    let talk = fs::File::create(&log).map_err(|error| Trouble::file("write", &log, error))?;
    let mut command = fuzzer(fuzz, target);
    command.arg(format!("-max_total_time={seconds}")).args(["-print_final_stats=1", "-rss_limit_mb=2048", "-timeout=10", "-max_len=65536"]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(talk).status();
    let status = status
        .map_err(|error| Trouble::new(format!("cannot start `cargo fuzz`: {error}")).with_hint("`cargo install cargo-fuzz --locked`"))?;
    let told = fs::read_to_string(&log).map_err(|error| Trouble::file("read", &log, error))?;
    say::line(&summary(target, &told));
    if status.success() { Ok(()) } else { Err(Trouble::new(format!("target `{target}` found a fault: see `{}`", log.display()))) }
}

/// cargo-fuzz wants an unstable compiler flag; a stable compiler takes it when told to.
fn fuzzer(fuzz: &Path, target: &str) -> Command {
    let mut command = workspace::cargo(fuzz);
    command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", "--fuzz-dir", ".", "--sanitizer", "none", "-a", target, "--"]);
    command
}

/// What a run came to, in the words of libFuzzer: executions, edges covered, faults.
fn summary(target: &str, log: &str) -> String {
    let last = |key: &str| log.lines().rev().find_map(|line| line.split_once(key)).map(|(_, rest)| rest.trim());
    let word = |text: Option<&str>| text.and_then(|text| text.split_whitespace().next()).unwrap_or("?").to_owned();
    let executed = word(last("stat::number_of_executed_units:"));
    let per_second = word(last("stat::average_exec_per_sec:"));
    let peak = word(last("stat::peak_rss_mb:"));
    let covered = word(last(" cov: "));
    let features = word(last(" ft: "));
    let faults = log.lines().filter(|line| line.contains("SUMMARY: libFuzzer")).count();
    format!("{target}: {executed} runs ({per_second}/s), {covered} edges, {features} features, {peak} MiB, {faults} faults")
}

/// Where inputs lie that once failed: committed, and run by the tests.
pub fn regressions(root: &Path) -> PathBuf {
    root.join("tests/fuzz/regressions")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_file_and_seeds() {
        let root = workspace::root().unwrap();
        for (target, seeds) in seeds(&root).unwrap() {
            assert!(root.join(format!("tests/fuzz/fuzz_targets/{target}.rs")).is_file(), "{target}");
            assert!(seeds.len() >= 20, "{target} has {} seeds", seeds.len());
        }
    }

    #[test]
    fn a_run_is_summed_up_in_the_fuzzers_words() {
        let log = "#12\tINITED cov: 90 ft: 100 corp: 1/1b\n#512\tDONE   cov: 123 ft: 456 corp: 7/8b\nstat::number_of_executed_units: 512\nstat::average_exec_per_sec:     51\nstat::peak_rss_mb:              80\n";
        assert_eq!(summary("names", log), "names: 512 runs (51/s), 123 edges, 456 features, 80 MiB, 0 faults");
    }
}
