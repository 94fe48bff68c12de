//! Every format is taken by somebody who is not us: its own validator, or a program that consumes it.
//!
//! Runs only when `MINTWATCH_FORMAT_TOOLS` names the folder of those programs (`cargo xtask ci` sets it). With it, whatever
//! is missing is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum as _;
use mintwatch::formats::{Format, Records, write};
use mintwatch::terminal::Look;
use mintwatch_tests::Replay;
use mintwatch_validator::judge;
use xtask::{schema, workspace};

#[test]
fn every_record_of_every_replay_fits_the_published_schema() {
    let root = workspace::root().unwrap();
    let mut records = 0;
    for replay in every_replay() {
        let text = write(Format::Ndjson, &replay.evidence, &judge(&replay.evidence, &replay.tables), Some("lab"), Look::plain());
        for (number, line) in text.lines().enumerate() {
            let kind = if number == 0 { "run" } else { "record" };
            let faults = schema::faults(&root, kind, line).unwrap();
            assert!(faults.is_empty(), "{}: {faults:?}", replay.name);
            records += 1;
        }
    }
    assert!(records > 200, "{records}");
}

#[test]
fn ids_last_as_long_as_a_condition_and_no_two_conditions_share_one() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for replay in every_replay() {
        let report = judge(&replay.evidence, &replay.tables);
        let records = Records::of(&replay.evidence, &report, None);
        let mut later = replay.evidence.clone();
        later.collected_at += 60;
        let again = Records::of(&later, &judge(&later, &replay.tables), None);
        let ids = |records: &Records| records.records.iter().map(|record| record.finding_id.clone()).collect::<BTreeSet<_>>();
        assert_eq!(ids(&records), ids(&again), "{}: another run, the same conditions", replay.name);
        assert_eq!(ids(&records).len(), records.records.len(), "{}: one record for each", replay.name);
        let sent = |records: &Records| records.records.iter().map(|record| record.observation_id.clone()).collect::<BTreeSet<_>>();
        assert!(sent(&records).is_disjoint(&sent(&again)), "{}: each run observes anew", replay.name);
        assert_ne!(ids(&records), ids(&Records::of(&replay.evidence, &report, Some("elsewhere"))), "another vantage is another finding");
        for record in &records.records {
            let issuer = record.chain.get(1).map(|item| item.spki_sha256).or(record.anchor.spki_sha256);
            let whose = issuer.map_or_else(|| record.chain.first().map(|item| item.issuer.text.clone()), |key| Some(key.to_string()));
            let condition = format!("{} {} {whose:?}", record.cause.word(), record.place());
            let known = seen.entry(record.finding_id.clone()).or_insert(condition.clone());
            assert_eq!(*known, condition, "{}", replay.name);
        }
    }
    assert!(seen.len() > 150, "{}", seen.len());
}

#[test]
fn the_same_evidence_gives_the_same_bytes_in_every_format() {
    for replay in Replay::all("incidents").into_iter().take(5) {
        let report = judge(&replay.evidence, &replay.tables);
        for format in Format::value_variants() {
            let once = write(*format, &replay.evidence, &report, None, Look::plain());
            assert_eq!(once, write(*format, &replay.evidence, &report, None, Look::plain()));
            assert!(once.ends_with('\n') && !once.is_empty(), "{format:?}: whole lines");
        }
    }
}

fn every_replay() -> Vec<Replay> {
    ["incidents", "interceptions", "benign"].into_iter().flat_map(Replay::all).collect()
}

// One module, so that a run of all other tests can leave these out by one name.
mod formats_by_others {
    use std::collections::BTreeSet;
    use std::fs;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    use clap::ValueEnum as _;
    use mintwatch::demo::scenario::{Scenario, Stage};
    use mintwatch::formats::{Format, write};
    use mintwatch::observe;
    use mintwatch::terminal::Look;
    use mintwatch_validator::evidence::Evidence;
    use mintwatch_validator::verdict::Cause;
    use mintwatch_validator::{Report, Tables, judge};
    use xtask::workspace;

    const SWITCH: &str = "MINTWATCH_FORMAT_TOOLS";

    #[test]
    fn ocsf_is_what_its_schema_says() {
        checked("ocsf", "ocsf.py", Format::Ocsf);
    }

    #[test]
    fn ecs_is_what_the_types_of_elastic_say() {
        let Some(tools) = tools() else { return };
        let node = std::env::var_os("MINTWATCH_NODE").unwrap_or_else(|| "node".into());
        let work = tempfile::tempdir().unwrap();
        let mut command = Command::new(node);
        command.arg(script("ecs.mjs")).arg(tools.join("ecs")).arg(work.path()).args(files(Format::Ecs));
        answered(&mut command, "events");
    }

    #[test]
    fn stix_is_valid() {
        let Some(tools) = tools() else { return };
        let mut command = Command::new(tools.join("stix/bin/stix2_validator"));
        command.args(["--version", "2.1", "--silent"]).args(files(Format::Stix));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        // It looks: a bundle with an unknown severity of its own making is refused.
        let broken = tempfile::NamedTempFile::new().unwrap();
        let good = fs::read_to_string(&files(Format::Stix)[0]).unwrap();
        fs::write(
            broken.path(),
            good.replace("\"identity_class\"", "\"identity_klass\"").replace("\"spec_version\": \"2.1\"", "\"spec_version\": 7"),
        )
        .unwrap();
        let output = Command::new(tools.join("stix/bin/stix2_validator")).args(["--version", "2.1"]).arg(broken.path()).output().unwrap();
        assert!(!output.status.success(), "the validator takes anything");
    }

    #[test]
    fn stix_arrives_in_misp_with_every_certificate() {
        checked("misp-stix", "misp_stix.py", Format::Stix);
    }

    #[test]
    fn misp_objects_keep_to_their_templates() {
        checked("misp", "misp.py", Format::Misp);
    }

    #[test]
    fn otlp_is_received() {
        checked("otlp", "otlp.py", Format::Otlp);
    }

    #[test]
    fn cef_is_parsed() {
        checked("cef", "cef.py", Format::Cef);
    }

    #[test]
    fn junit_is_read_as_a_build_server_reads_it() {
        checked("junit", "junit.py", Format::Junit);
    }

    #[test]
    fn markdown_holds_no_tag_and_no_link() {
        checked("markdown", "markdown.py", Format::Markdown);
    }

    #[test]
    fn prometheus_is_taken_without_a_complaint() {
        if tools().is_none() {
            return;
        }
        let promtool = workspace::on_path("promtool").expect("promtool of the package prometheus");
        for file in files(Format::Prometheus) {
            let output = Command::new(&promtool).args(["check", "metrics"]).stdin(fs::File::open(&file).unwrap()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.is_empty(), "{}: {said}", file.display());
        }
    }

    #[test]
    fn syslog_arrives_in_rsyslog_as_a_tree_of_fields() {
        if tools().is_none() {
            return;
        }
        let daemon = workspace::on_path("rsyslogd").expect("rsyslogd of the package rsyslog");
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (parsed, unparsed) = (folder.path().join("parsed"), folder.path().join("unparsed"));
        let settings = format!(
            "module(load=\"imtcp\")\nmodule(load=\"mmjsonparse\")\n\
             template(name=\"tree\" type=\"list\") {{ property(name=\"$!all-json\") constant(value=\"\\n\") }}\n\
             input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\naction(type=\"mmjsonparse\")\n\
             if $parsesuccess == \"OK\" then {{ action(type=\"omfile\" file=\"{}\" template=\"tree\") }}\n\
             else {{ action(type=\"omfile\" file=\"{}\") }}\n",
            parsed.display(),
            unparsed.display()
        );
        let config = folder.path().join("rsyslog.conf");
        fs::write(&config, settings).unwrap();
        let child =
            Command::new(daemon).arg("-n").arg("-f").arg(&config).arg("-i").arg(folder.path().join("pid")).stderr(Stdio::null()).spawn();
        let daemon = Running(child.unwrap());
        let mut stream = patiently(|| TcpStream::connect(("127.0.0.1", port)).ok());
        let mut sent = BTreeSet::new();
        for file in files(Format::Syslog) {
            for line in fs::read_to_string(file).unwrap().lines() {
                assert!(line.len() < 8_192 && line.is_ascii(), "{line}");
                // Octet counting (RFC 6587 §3.4.1).
                write!(stream, "{} {line}", line.len()).unwrap();
                let json: serde_json::Value = serde_json::from_str(line.split_once("@cee: ").unwrap().1).unwrap();
                sent.insert(json.to_string());
            }
        }
        write!(stream, "29 <13>1 - - - - - - not JSON here").unwrap();
        drop(stream);
        let arrived = patiently(|| {
            let text = fs::read_to_string(&parsed).unwrap_or_default();
            let read: Option<BTreeSet<String>> =
                text.lines().map(|line| Some(serde_json::from_str::<serde_json::Value>(line).ok()?.to_string())).collect();
            read.filter(|read| read.len() >= sent.len() && fs::metadata(&unparsed).is_ok())
        });
        drop(daemon);
        assert_eq!(arrived, sent);
        println!("{} messages", sent.len());
    }

    /// Runs a script of ours in the environment of one tool, on every document of a format.
    fn checked(tool: &str, name: &str, format: Format) {
        let Some(tools) = tools() else { return };
        let mut command = Command::new(tools.join(tool).join("bin/python"));
        command.arg(script(name)).args(files(format));
        answered(&mut command, tool);
    }

    fn answered(command: &mut Command, what: &str) {
        let output = command.output().unwrap_or_else(|error| panic!("{what}: {error}"));
        let (said, errors) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success(), "{what}: {said}{errors}");
        let count: usize = said.trim().lines().last().unwrap_or_default().parse().unwrap_or_default();
        assert!(count > 50, "{what}: {count} looked at");
        println!("{what}: {count}");
    }

    fn tools() -> Option<PathBuf> {
        let tools = std::env::var_os(SWITCH).map(PathBuf::from);
        if tools.is_none() {
            println!("LEFT OUT: formats by others; set {SWITCH} to the folder of their tools, as `cargo xtask ci` does");
        }
        tools
    }

    fn script(name: &str) -> PathBuf {
        workspace::root().unwrap().join("tests/formats").join(name)
    }

    /// Returns the documents of a format: of every scenario of the demo, played now, and of every replay.
    fn files(format: Format) -> Vec<PathBuf> {
        static WRITTEN: OnceLock<(tempfile::TempDir, Vec<PathBuf>)> = OnceLock::new();
        let (_, folders) = WRITTEN.get_or_init(|| {
            let home = tempfile::tempdir().unwrap();
            let mut folders = Vec::new();
            let mut causes = BTreeSet::new();
            let mut written = |name: String, evidence: &Evidence, report: &Report| {
                causes.extend(report.hosts.iter().map(|host| host.verdict.cause.word()));
                let folder = home.path().join(name);
                fs::create_dir(&folder).unwrap();
                for format in Format::value_variants() {
                    let text = write(*format, evidence, report, Some("lab"), Look::plain());
                    fs::write(folder.join(format.file_name()), text).unwrap();
                }
                folders.push(folder);
            };
            for scenario in Scenario::ALL {
                let (evidence, tables) = play(scenario);
                written(format!("demo-{}", scenario.id()), &evidence, &judge(&evidence, &tables));
            }
            for replay in super::every_replay() {
                written(format!("replay-{}", replay.name), &replay.evidence, &judge(&replay.evidence, &replay.tables));
            }
            for cause in Cause::ALL.into_iter().filter(|cause| cause.exit_status() > 3) {
                assert!(causes.contains(cause.word()), "no document tells of {}", cause.word());
            }
            (home, folders)
        });
        folders.iter().map(|folder| folder.join(format.file_name())).collect()
    }

    fn play(scenario: Scenario) -> (Evidence, Tables) {
        let runtime = observe::runtime().unwrap();
        runtime.block_on(async {
            let stage = Stage::set(scenario, observe::unix_seconds()).await.unwrap();
            let tables = Tables::compiled().with_overlay(&stage.overlay).unwrap();
            let plan = stage.plan(mintwatch_validator::evidence::Surroundings {
                anchors: mintwatch_validator::evidence::Seen::Yes(Vec::new()),
                ..mintwatch_validator::evidence::Surroundings::unseen()
            });
            (observe::run_async(plan, &mut ()).await.unwrap(), tables)
        })
    }

    /// A program that ends with the test.
    struct Running(std::process::Child);

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(done) = attempt() {
                return done;
            }
            assert!(Instant::now() < until, "it takes too long");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
