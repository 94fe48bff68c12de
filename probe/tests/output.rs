//! How an answer leaves: formats, folders, exit statuses, plugins, configuration, and the queue for a collector.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

const FORMATS: [&str; 13] =
    ["human", "json", "ndjson", "markdown", "junit", "ecs", "ocsf", "stix", "misp", "syslog", "cef", "otlp", "prometheus"];

#[test]
fn every_format_is_printed_alone_and_written_into_a_folder_together() {
    let home = Home::new();
    let folder = home.path("out");
    let all = home.report(&["--output-dir", folder.to_str().unwrap()]);
    assert_eq!(all.status.code(), Some(12));
    assert!(text(&all).contains("INTERCEPTED"), "{}", text(&all));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), FORMATS.len(), "a file for each, and nothing beside them");
    for format in FORMATS {
        let one = home.report(&["--format", format]);
        assert_eq!(one.status.code(), Some(12), "{format}: {}", errors(&one));
        let files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let same = files.iter().any(|file| fs::read_to_string(file).unwrap() == text(&one));
        assert!(same, "{format}: what is printed is what is written");
    }
    let two = home.report(&["--format", "ecs,stix"]);
    assert_eq!(two.status.code(), Some(2));
    assert!(errors(&two).contains("hint: `--output-dir DIR`"), "{}", errors(&two));
    let some = home.path("some");
    home.report(&["--format", "ecs,stix", "--output-dir", some.to_str().unwrap()]);
    assert_eq!(fs::read_dir(&some).unwrap().count(), 2);
}

#[test]
fn several_reports_are_never_one_document_of_a_format_that_holds_one() {
    let home = Home::new();
    let (evidence, overlay) = mcs();
    let judged = |format| home.mintwatch(&["judge", &evidence, &evidence, "--lab-tables", &overlay, "--format", format]);
    assert_eq!(judged("stix").status.code(), Some(2));
    assert_eq!(text(&judged("stix")), "");
    let lines = judged("ocsf");
    assert_eq!(lines.status.code(), Some(12));
    assert!(text(&lines).lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn the_bar_lets_pass_what_is_less_bad_and_never_what_was_not_measured() {
    let home = Home::new();
    for (arguments, status) in [
        (&["--fail-on", "critical"][..], 12),
        (&["--fail-on", "local-interception"], 0),
        (&["--fail-on", "local-interception", "--fail-on", "public-authority-interception"], 12),
        (&["--exit-zero"], 0),
    ] {
        assert_eq!(home.report(arguments).status.code(), Some(status), "{arguments:?}");
    }
    let nobody = ["check", "shop.invalid", "--angles", "none", "--no-ground-truth", "--resolver", "stated"];
    assert_eq!(home.mintwatch(&[&nobody[..], &["--fail-on", "critical"]].concat()).status.code(), Some(3));
    assert_eq!(home.mintwatch(&[&nobody[..], &["--exit-zero"]].concat()).status.code(), Some(0));
    assert_eq!(home.mintwatch(&["report", "/no/such/file", "--exit-zero"]).status.code(), Some(1), "it did not run");
    let wrong = home.report(&["--fail-on", "terrible"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(errors(&wrong).contains("public-authority-interception"), "{}", errors(&wrong));
}

#[test]
fn a_plugin_answers_in_one_line_with_figures_and_a_status_of_its_own() {
    let home = Home::new();
    let alarm = home.report(&["--nagios"]);
    assert_eq!(alarm.status.code(), Some(2));
    let line = text(&alarm);
    assert!(line.starts_with("MINTWATCH CRITICAL - public-authority-interception: "), "{line}");
    let (said, figures) = line.trim_end().split_once(" | ").unwrap();
    assert!(!said.contains('|') && line.lines().count() == 1, "{line}");
    for figure in figures.split(' ') {
        let (name, value) = figure.split_once('=').unwrap();
        assert!(!name.is_empty() && value.split(';').next().unwrap().parse::<i64>().is_ok(), "{figure}");
    }
    let nobody = home.mintwatch(&["check", "shop.invalid", "--angles", "none", "--no-ground-truth", "--resolver", "stated", "--nagios"]);
    assert_eq!((nobody.status.code(), text(&nobody).starts_with("MINTWATCH UNKNOWN - not-measured")), (Some(3), true));
    for broken in [&["report", "/no/such/file", "--nagios"][..], &["check", "--nagios"], &["check", "a.test", "--nagios", "--nonsense"]] {
        let output = home.mintwatch(broken);
        assert_eq!(output.status.code(), Some(3), "{broken:?}: a plugin that cannot look is no alarm");
        assert!(text(&output).starts_with("MINTWATCH UNKNOWN - "), "{broken:?}: {}", text(&output));
        assert_eq!(text(&output).lines().count(), 1);
    }
}

#[test]
fn schemas_completions_and_manual_pages_are_printed() {
    let home = Home::new();
    let names = text(&home.mintwatch(&["schema"]));
    assert_eq!(names, "anchors\ndoctor\nevidence\nlaundering\nlocation\noverlay\nrecord\nreport\nrun\n");
    for name in names.lines() {
        let schema: serde_json::Value = serde_json::from_str(&text(&home.mintwatch(&["schema", name]))).unwrap();
        assert!(schema["$schema"].as_str().unwrap().contains("2020-12") && schema["properties"]["format"].is_object(), "{name}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(text(&home.mintwatch(&["completions", shell])).contains("fail-on"), "{shell}");
    }
    assert!(text(&home.mintwatch(&["man"])).starts_with(".ie") && text(&home.mintwatch(&["man", "scan"])).contains("concurrency"));
    let folder = home.path("man");
    assert_eq!(home.mintwatch(&["man", "--output-dir", folder.to_str().unwrap()]).status.code(), Some(0));
    assert!(folder.join("mintwatch-scan.1").is_file() && folder.join("mintwatch.1").is_file());
    assert_eq!(home.mintwatch(&["man", "nobody"]).status.code(), Some(2));
}

#[test]
fn a_file_says_what_flags_and_environment_leave_out() {
    let home = Home::new();
    home.configure("format = [\"ocsf\"]\n[report]\nexit-zero = true\n");
    let taken = home.report(&[]);
    assert_eq!(taken.status.code(), Some(0), "{}", errors(&taken));
    assert!(text(&taken).starts_with("{\"activity_id\""), "{}", text(&taken));
    // The command line beats the file, also where the two contradict each other.
    assert!(text(&home.report(&["--format", "cef"])).starts_with("CEF:0|"));
    assert!(text(&home.report(&["--json"])).contains("mintwatch.report"));
    assert_eq!(home.report(&["--nagios"]).status.code(), Some(2), "a plugin's status");
    assert_eq!(home.report(&["--no-config"]).status.code(), Some(12));
    // Another file, by flag and by environment.
    let other = home.path("other.toml");
    fs::write(&other, "[report]\nformat = \"cef\"\n").unwrap();
    assert!(text(&home.report(&["--config", other.to_str().unwrap()])).starts_with("CEF:0|"));
    // The environment beats the file.
    home.configure("[check]\nno-ground-truth = true\nyes = false\nresolver = \"stated\"\nangles = \"none\"\nconcurrency = 4\n");
    assert_eq!(home.mintwatch(&["check", "shop.invalid"]).status.code(), Some(3));
}

#[test]
fn every_flag_of_every_command_may_stand_in_the_file_and_nothing_else_may() {
    let home = Home::new();
    for (wrong, told) in [
        ("colour = true\n", "no command has a flag `--colour`"),
        ("[report]\nhosts = 3\n", "`report` has no flag `--hosts`"),
        ("[reports]\njson = true\n", "there is no command `reports`"),
        ("[report]\nformat = \"jsno\"\n", "`format`: invalid value 'jsno'"),
        ("[report]\njson = \"yes\"\n", "`json` takes true or false"),
        ("[report]\nvantage = true\n", "`vantage` takes a text or a number"),
        ("config = \"x\"\n", "no command has a flag `--config`"),
        ("json = \n", "cannot read the configuration"),
    ] {
        home.configure(wrong);
        let output = home.report(&[]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(errors(&output).contains(told), "{wrong}: {}", errors(&output));
        assert_eq!(text(&output), "", "{wrong}: nothing is done");
    }
    home.configure("[report]\nhosts = 3\n");
    assert!(errors(&home.report(&[])).contains("hint: a key is a flag by its long name"));
    assert_eq!(home.report(&["--config", "/no/such/file"]).status.code(), Some(2));
    // A value of a kind that no flag takes: each flag is known, and nothing is done.
    for (command, flags) in flags(&home) {
        for flag in flags {
            home.configure(&format!("[{command}]\n{flag} = [{{}}]\n"));
            let mut asked = home.command(&[&command, "shop.invalid"]);
            // What the environment sets is not read from the file; and nobody has agreed to anything.
            asked.env_remove("MINTWATCH_YES").env_remove("MINTWATCH_NO_GROUND_TRUTH").stderr(Stdio::piped());
            let said = errors(&asked.output().unwrap());
            let refused = ["takes true or false", "holds a value that is no text or number"];
            assert!(refused.iter().any(|why| said.contains(why)), "{command} --{flag}: {said}");
            assert!(!said.contains("has no flag"), "{command} --{flag}: {said}");
        }
    }
}

#[test]
fn findings_reach_the_collector_once_a_day_though_it_was_down_and_the_run_was_killed() {
    let home = Home::new();
    let down = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = down.local_addr().unwrap();
    drop(down);
    let url = format!("http://{address}");
    let send = || home.report(&["--to-collector", &url]);
    let first = send();
    assert_eq!(first.status.code(), Some(12), "that nobody takes it changes no verdict: {}", errors(&first));
    assert!(errors(&first).contains("6 new findings, 0 sent, 6 waiting"), "{}", errors(&first));
    // A collector that never answers, and a run that is killed meanwhile.
    let silent = bind(address);
    let mut child = home.command(&["report", &mcs().0, "--lab-tables", &mcs().1, "--to-collector", &url]).spawn().unwrap();
    let held = silent.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop((held, silent));
    let heard = receive(address);
    let delivered = send();
    assert!(errors(&delivered).contains("0 new findings, 6 sent, 0 waiting"), "{}", errors(&delivered));
    assert!(errors(&send()).contains("0 new findings, 0 sent, 0 waiting"), "told today already");
    let heard = heard.lock().unwrap().clone();
    assert_eq!((heard.len(), heard.values().copied().max()), (6, Some(1)), "none lost, none doubled");
    for body in heard.keys() {
        let request: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap().len(), 1);
    }
    // Nothing is sent to anybody unless it was asked for.
    assert!(!errors(&home.report(&[])).contains("collector"));
}

#[test]
fn a_collector_on_the_command_line_holds_no_password() {
    let home = Home::new();
    let output = home.report(&["--to-collector", "https://me:secret@collector.example"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("OTEL_EXPORTER_OTLP_HEADERS"), "{}", errors(&output));
}

/// Long flags by command, read off the help.
fn flags(home: &Home) -> BTreeMap<String, Vec<String>> {
    let commands = ["check", "baseline", "watch", "judge", "report", "import", "audit"];
    let of = |command: &str| {
        let help = text(&home.mintwatch(&[command, "--help", "--no-config"]));
        let flag = |line: &str| Some(line.trim_start().split_once("--")?.1.split([' ', '=', '[']).next()?.to_owned());
        let defined =
            |line: &&str| line.trim_start().starts_with("--") || line.trim_start().get(2..).is_some_and(|rest| rest.starts_with(", --"));
        let flags: Vec<String> = help.lines().filter(defined).filter_map(flag).collect();
        flags.into_iter().filter(|flag| !["help", "config", "no-config"].contains(&flag.as_str())).collect::<Vec<_>>()
    };
    let all: BTreeMap<String, Vec<String>> = commands.iter().map(|command| ((*command).to_owned(), of(command))).collect();
    assert!(all["check"].len() > 20, "{:?}", all["check"]);
    all
}

/// Listens where somebody listened before: another program's connection may pass through the port meanwhile.
fn bind(address: std::net::SocketAddr) -> TcpListener {
    let attempt = |_| TcpListener::bind(address).inspect_err(|_| std::thread::sleep(std::time::Duration::from_millis(50))).ok();
    (0..200).find_map(attempt).expect("the port is free again within ten seconds")
}

fn receive(address: std::net::SocketAddr) -> Arc<Mutex<BTreeMap<String, usize>>> {
    let listener = bind(address);
    let heard = Arc::new(Mutex::new(BTreeMap::new()));
    let of_thread = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = body(&stream);
            *of_thread.lock().unwrap().entry(body).or_default() += 1;
            (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        }
    });
    heard
}

fn body(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(count) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = count.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// A user of their own, whose files are nobody else's.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn configure(&self, text: &str) {
        let folder = self.path("config/mintwatch");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    fn report(&self, arguments: &[&str]) -> Output {
        let (evidence, overlay) = mcs();
        self.mintwatch(&[&["report", &evidence, "--lab-tables", &overlay][..], arguments].concat())
    }

    fn mintwatch(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("MINTWATCH_YES", "1").env("MINTWATCH_NO_GROUND_TRUTH", "1").env_remove("MINTWATCH_CONFIG");
        command.env("XDG_CONFIG_HOME", self.path("config")).env("XDG_STATE_HOME", self.path("state"));
        command
    }
}

/// The replay of 2015: its evidence and its tables.
fn mcs() -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/incidents/2015-cnnic-mcs");
    let file = |name| folder.join(name).to_str().unwrap().to_owned();
    (file("evidence.json"), file("overlay.json"))
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
