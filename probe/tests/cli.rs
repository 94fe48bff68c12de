//! What a person sees, and what a program that calls us sees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use mintwatch::demo::origin::{Server, Site, serve};
use mintwatch::demo::pki::{Authority, DAY, Profile, Validity};
use mintwatch::observe::unix_seconds;
use mintwatch_validator::{Evidence, Report};
use rcgen::{CertificateParams, DnType, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

#[test]
fn wrong_usage_exits_with_two_and_says_what_is_right() {
    for (arguments, expected) in [
        (&["check", "https://example.org/"][..], "without a scheme or a path"),
        (&["check", "bücher.example"], "A-labels"),
        (&["check", "example.org:0"], "is not a port"),
        (&["check"], "Usage: mintwatch check"),
        (&["scan", "--hosts", "0"], "0 is not in 1.."),
        (&["judge", "chain.pem", "--at", "yesterday"], "2015-03-20T12:00:00Z"),
        (&["explain", "no-such-thing"], "hint: `mintwatch explain` lists them all"),
        (&["explain", "incident", "nobody"], "hint: `mintwatch explain incident` lists them all"),
        (&["explain", "no-anchor", "mcs"], "hint: `mintwatch explain DETECTOR`, or `mintwatch explain incident NAME`"),
        (&["explain", "incident", "mcs", "anssi"], "unexpected argument 'anssi'"),
        (&[], "Usage: mintwatch [OPTIONS] <COMMAND>"),
    ] {
        let output = mintwatch(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(errors(&output).contains(expected), "{arguments:?}: {}", errors(&output));
        assert_eq!(text(&output), "");
    }
}

#[test]
fn the_help_tells_every_exit_status() {
    for arguments in [&["--help"][..], &["scan", "--help"], &["check", "-h"], &["judge", "--help"]] {
        let output = mintwatch(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output).contains("12  interception under a publicly trusted authority"), "{arguments:?}");
    }
}

#[test]
fn without_a_network_nothing_is_measured_and_the_demo_is_pointed_at() {
    // RFC 6761 §6.4: a name under `invalid` never resolves.
    let output = mintwatch(&["check", "shop.invalid", "mail.invalid"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).starts_with("NOT MEASURED  "), "{}", text(&output));
    assert!(errors(&output).contains("`mintwatch demo` needs none"), "{}", errors(&output));
    let strict = mintwatch(&["check", "shop.invalid", "--strict", "--json"]);
    assert_eq!(strict.status.code(), Some(4), "the pins are past their date");
    assert_eq!(Report::from_json(&strict.stdout).unwrap().hosts.len(), 1);
}

#[test]
fn a_file_that_is_nothing_we_know_is_told_with_a_hint() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (file, status, error, hint) in [
        (folder.path().join("absent.pem").to_str().unwrap().to_owned(), 1, "cannot read", ""),
        (path("plain.pem", "hello"), 1, "no PEM certificate in it", "hint: a chain is read as PEM"),
        (path("broken.json", "{"), 1, "not an evidence document", "hint: `mintwatch scan --save-evidence FILE`"),
        (
            path("newer.json", r#"{"format":"mintwatch.evidence","version":99,"more":1}"#),
            1,
            "evidence version 99 is newer than this build reads",
            "hint: a newer mintwatch reads it",
        ),
        (path("chain.pem", &Shop::new().root.pem()), 2, "whom were they shown for?", "hint: add `--host NAME`"),
    ] {
        let output = mintwatch(&["judge", &file]);
        assert_eq!(output.status.code(), Some(status), "{file}: {}", errors(&output));
        assert!(errors(&output).starts_with("error: "), "{}", errors(&output));
        assert!(errors(&output).contains(error) && errors(&output).contains(hint), "{}", errors(&output));
    }
}

#[test]
fn a_public_chain_and_an_added_anchor_are_told_apart_offline() {
    let shop = Shop::new();
    let chain = shop.file("chain.pem", &shop.chain);
    let root = shop.file("root.pem", &shop.root.pem());
    let at = unix_seconds().to_string();
    let arguments = ["judge", &chain, "--host", "www.shop.test", "--at", &at];

    let unknown = mintwatch(&arguments);
    assert!(text(&unknown).contains("no trust anchor is reached"), "{}", text(&unknown));

    let local = mintwatch(&[&arguments[..], &["--local-anchor", &root]].concat());
    assert_eq!(local.status.code(), Some(11), "{}", text(&local));
    assert!(text(&local).starts_with("www.shop.test  INTERCEPTED  "), "{}", text(&local));
    assert!(text(&local).contains("local: added on this machine (stated)"), "{}", text(&local));

    let public = mintwatch(&[&arguments[..], &["--public-anchor", &root]].concat());
    assert_eq!(public.status.code(), Some(12), "{}", text(&public));
    assert!(text(&public).contains("LAB TABLES \"stated on the command line; anchor root.pem\""), "{}", text(&public));
    assert!(text(&public).contains("undisclosed-subordinate"), "{}", text(&public));
    let report = mintwatch(&[&arguments[..], &["--public-anchor", &root, "--json"]].concat());
    assert!(Report::from_json(&report.stdout).unwrap().lab_tables.is_some());

    let subordinate = shop.file("subordinate.pem", &shop.subordinate.pem());
    let disclosed = mintwatch(&[&arguments[..], &["--public-anchor", &root, "--disclosed", &subordinate]].concat());
    assert!(!text(&disclosed).contains("undisclosed-subordinate  "), "{}", text(&disclosed));
}

#[test]
fn each_line_of_evidence_is_answered_by_one_line() {
    let evidence = mintwatch_evidence(&["shop.invalid"]);
    let input = format!("{evidence}\nnot evidence\n\n{evidence}\n{{\"format\":\"mintwatch.evidence\",\"version\":7}}\n{evidence}");
    let output = mintwatch_fed(&["judge", "-"], input.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let answers: Vec<serde_json::Value> = text(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let formats: Vec<_> = answers.iter().map(|answer| answer["format"].as_str().unwrap()).collect();
    assert_eq!(formats, ["mintwatch.report", "mintwatch.error", "mintwatch.report", "mintwatch.error", "mintwatch.report"]);
    assert_eq!((answers[1]["line"].as_u64(), answers[3]["line"].as_u64()), (Some(2), Some(5)));
    assert_eq!(answers[0], answers[4]);
    assert_eq!(mintwatch_fed(&["judge", "-"], b"").status.code(), Some(0));
}

#[test]
fn of_several_files_a_bad_one_costs_only_itself() {
    let folder = TempDir::new().unwrap();
    let good = folder.path().join("good.json");
    fs::write(&good, mintwatch_evidence(&["shop.invalid"])).unwrap();
    let good = good.to_str().unwrap();
    let output = mintwatch(&["judge", good, "/no/such/file", good]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output).matches("NOT MEASURED").count(), 2);
    assert_eq!(errors(&output).matches("error: ").count(), 1);
}

#[test]
fn a_check_over_a_socket_can_be_repeated_offline_to_the_byte() {
    let shop = Shop::new();
    let runtime = Runtime::new().unwrap();
    let server = shop.open(&runtime);
    let root = shop.file("root.pem", &shop.root.pem());
    let saved = shop.folder.path().join("evidence.json");
    let saved = saved.to_str().unwrap();
    let resolve = format!("www.shop.test:443:{}", server.address());
    let live = mintwatch(&["check", "www.shop.test", "--resolve", &resolve, "--local-anchor", &root, "--save-evidence", saved, "--json"]);
    assert_eq!(live.status.code(), Some(11), "{}", errors(&live));
    assert!(errors(&live).contains(&format!("hint: `mintwatch judge {saved}` repeats this verdict offline")));
    let again = mintwatch(&["judge", saved, "--json"]);
    assert_eq!(text(&again), text(&live));
    let evidence = Evidence::from_json(&fs::read(saved).unwrap()).unwrap();
    assert_eq!(evidence.observations[0].chain.yes().unwrap().certificates.len(), 2);
    let host = env_host();
    let leaked = fs::read_to_string(saved).unwrap();
    assert!(host.is_none_or(|host| !leaked.contains(&format!("\"{host}\""))), "the machine's name is nobody's business");
}

#[test]
fn a_list_of_hosts_is_scanned_in_rounds() {
    let shop = Shop::new();
    let runtime = Runtime::new().unwrap();
    let server = shop.open(&runtime);
    let list = shop.file("hosts.txt", "# the shop\nwww.shop.test   # again\n\nwww.shop.test:8443\n");
    let resolve = [443, 8443].map(|port| format!("www.shop.test:{port}:{}", server.address()));
    let arguments =
        ["scan", "--host-list", &list, "--resolve", &resolve[0], "--resolve", &resolve[1], "--rounds", "2", "--angles", "none", "--json"];
    let report = Report::from_json(&mintwatch(&arguments).stdout).unwrap();
    let mut ports: Vec<_> = report.hosts.iter().map(|host| host.port).collect();
    ports.sort_unstable();
    assert_eq!(ports, [443, 443, 8443, 8443]);
    assert!(report.hosts.iter().all(|host| host.chain.len() == 2));
    let bad = shop.file("bad.txt", "www.shop.test\nwww shop\n");
    let output = mintwatch(&["scan", "--host-list", &bad]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("line 2: "), "{}", errors(&output));
}

#[test]
fn colour_is_added_only_when_asked_for_and_certificates_add_none() {
    let folder = TempDir::new().unwrap();
    let mut params = CertificateParams::new(vec!["www.shop.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::OrganizationName, "\u{1b}[2J\u{202e}evil\r\nCLEAR\u{9b}1m");
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let path = folder.path().join("evil.pem");
    fs::write(&path, certificate.pem()).unwrap();
    let arguments = ["judge", path.to_str().unwrap(), "--host", "www.shop.test"];
    let plain = mintwatch(&arguments);
    let shown = text(&plain);
    assert!(shown.chars().all(|character| character == '\n' || !character.is_control()), "{shown}");
    assert!(!shown.contains('\u{202e}') && shown.contains("\\u{202e}evil"), "{shown}");
    assert!(!shown.lines().any(|line| line.starts_with("CLEAR")), "{shown}");
    let forced = command(&arguments).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(text(&forced).contains("\u{1b}["));
    let never = command(&arguments).env("NO_COLOR", "1").output().unwrap();
    assert_eq!(text(&never), shown);
}

#[test]
fn nobody_reading_any_more_is_no_error() {
    let evidence = mintwatch_evidence(&["shop.invalid"]);
    let mut child = command(&["judge", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    for _ in 0..100 {
        if input.write_all(format!("{evidence}\n").as_bytes()).is_err() {
            break;
        }
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""));
}

#[test]
fn every_detector_explains_itself() {
    let list = text(&mintwatch(&["explain"]));
    assert!(list.lines().count() >= 13);
    for id in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let explained = text(&mintwatch(&["explain", id]));
        for part in ["It shows: ", "It cannot tell: ", "It rests on:"] {
            assert!(explained.contains(part), "{id}");
        }
    }
}

#[test]
fn every_incident_is_told() {
    let list = text(&mintwatch(&["explain", "incident"]));
    assert_eq!(list.lines().count(), 26, "{list}");
    for name in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let output = mintwatch(&["explain", "incident", name]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        let story = text(&output);
        for part in ["What happened", "What catches it, and from which day", "What is original in the replay", "Sources"] {
            assert!(story.lines().any(|line| line == part), "{name}: {story}");
        }
        assert!(story.lines().all(|line| line.chars().count() <= 100 || !line.trim_start().contains(' ')), "{story}");
    }
}

#[test]
fn the_story_of_mcs_names_clauses_statements_grounds_and_the_chance_of_an_audit() {
    for name in ["mcs", "2015-cnnic-mcs"] {
        let story = text(&mintwatch(&["explain", "incident", name])).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "2015: CNNIC and MCS Holdings",
            "Mozilla Inclusion Policy 2.2 §10 (today MRSP 3.1 §5.3.2, CCADB Policy 2.1 §3.2)",
            "BR §17.8 (today BR 2.2.6 §8.7)",
            "certification practice statement, §6.2.3 and §7.1.2",
            "yes: no oversight of how a CA's private key is stored or controlled",
            "not shown: knowing or intentional misissuance",
            "bug 1149603",
            "3.1% when 357 were issued in the quarter",
            "`undisclosed-subordinate` the first handshake, 2015-03-19",
        ] {
            assert!(story.contains(part), "{part}: {story}");
        }
    }
}

/// A shop with a certificate of its own authority, and a folder for files.
struct Shop {
    folder: TempDir,
    root: Authority,
    subordinate: Authority,
    chain: String,
    leaf: mintwatch::demo::pki::Leaf,
}

impl Shop {
    fn new() -> Self {
        let now = unix_seconds();
        let root = Authority::root("Shop", "Shop Root", Validity::begun(1_000, now, 3_000)).unwrap();
        let validity = Validity::begun(100, now, 1_000);
        let subordinate = root.subordinate("Shop", "Shop CA", validity, Profile::Unconstrained).unwrap();
        let validity = Validity { from: now - 10 * DAY, until: now + 80 * DAY };
        let leaf = subordinate.issue(&["www.shop.test"], validity, &[]).unwrap();
        let chain = leaf.chain().iter().map(|der| pem(der)).collect();
        Self { folder: TempDir::new().unwrap(), root, subordinate, chain, leaf }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn open(&self, runtime: &Runtime) -> Server {
        let site = Site::new("www.shop.test", self.leaf.chain().to_vec(), self.leaf.key()).unwrap();
        runtime.block_on(async {
            let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
            serve(TcpListener::bind(anywhere).await.unwrap(), vec![site]).unwrap()
        })
    }
}

/// RFC 7468 §3.
fn pem(der: &[u8]) -> String {
    let body = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[test]
fn what_hides_a_fault_is_graded_by_it() {
    let shop = Shop::new();
    let runtime = Runtime::new().unwrap();
    let server = shop.open(&runtime);
    let root = shop.file("root.pem", &shop.root.pem());
    let resolve = format!("www.shop.test:443:{}", server.address());
    let arguments = ["launder", "--origin", "expired=www.shop.test", "--resolve", &resolve, "--no-ground-truth"];
    // A machine that trusts the shop's root takes for good what was said to be expired.
    let hidden = mintwatch(&[&arguments[..], &["--local-anchor", &root]].concat());
    assert!(text(&hidden).starts_with("GRADE D  an origin that is expired arrives as valid"), "{}", text(&hidden));
    assert_eq!(hidden.status.code(), Some(11));
    let shows = mintwatch(&[&arguments[..], &["--json"]].concat());
    let document: serde_json::Value = serde_json::from_str(&text(&shows)).unwrap();
    assert_eq!((document["format"].as_str(), document["grade"].is_null()), (Some("mintwatch.laundering"), true));
    assert_eq!(document["tried"][0]["outcome"], "kept");
    assert_eq!(document["report"]["format"], "mintwatch.report");
}

#[test]
fn who_answers_is_located_by_hops() {
    let shop = Shop::new();
    let runtime = Runtime::new().unwrap();
    let server = shop.open(&runtime);
    let resolve = format!("www.shop.test:443:{}", server.address());
    let located = mintwatch(&["locate", "www.shop.test", "--resolve", &resolve, "--max-hops", "3", "--no-ground-truth", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&text(&located)).unwrap();
    assert_eq!((document["met"][0]["nearest_hop"].as_u64(), document["met"][0]["without_limit"].as_bool()), (Some(1), Some(true)));
    assert_eq!(document["report"]["hosts"].as_array().unwrap().len(), 4);
    assert_eq!(document["report"]["hosts"][1]["way"][0], "hop limit 1");
}

/// Ten times the hosts take no more room: they are asked, judged and shown batch by batch.
#[test]
fn a_long_list_of_hosts_is_asked_in_batches_and_in_flat_memory() {
    let shop = Shop::new();
    let runtime = Runtime::new().unwrap();
    let server = shop.open(&runtime);
    let scanned = |hosts: u16, name: &str| {
        // Every port of the host is another place to ask, and all lead to the shop.
        let ports: Vec<u16> = (10_000..10_000 + hosts).collect();
        let list = shop.file(name, &ports.iter().map(|port| format!("www.shop.test:{port}")).collect::<Vec<_>>().join("\n"));
        let saved = shop.folder.path().join(format!("{name}.json"));
        let mut scan = command(&["scan", "--host-list", &list, "--angles", "none", "--no-ground-truth", "--json"]);
        scan.arg("--save-evidence").arg(&saved);
        for port in ports {
            scan.arg("--resolve").arg(format!("www.shop.test:{port}:{}", server.address()));
        }
        let mut child = scan.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let out = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || std::io::read_to_string(out).unwrap());
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let now = fs::read_to_string(&status).unwrap_or_default();
            let line = now.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
            peak = peak.max(line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let reports: Vec<Report> = reader.join().unwrap().lines().map(|line| Report::from_json(line.as_bytes()).unwrap()).collect();
        assert_eq!(fs::read_to_string(&saved).unwrap().lines().count(), reports.len());
        (peak, reports.iter().map(|report| report.hosts.len()).sum::<usize>(), reports.len())
    };
    let (few, hosts, batches) = scanned(300, "few.txt");
    assert_eq!((hosts, batches), (300, 2));
    let (many, hosts, batches) = scanned(3_000, "many.txt");
    assert_eq!((hosts, batches), (3_000, 12));
    assert!(many < few + few / 3, "{few} KiB for 300 hosts, {many} KiB for 3,000");
}

#[test]
fn nothing_is_sent_before_somebody_agreed() {
    let folder = TempDir::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let resolve = format!("www.shop.test:443:{}", listener.local_addr().unwrap());
    let arguments = ["check", "www.shop.test", "--resolve", &resolve, "--angles", "none", "--no-ground-truth"];
    let asked = command(&arguments).env_remove("MINTWATCH_YES").env("XDG_CONFIG_HOME", folder.path()).output().unwrap();
    assert_eq!(asked.status.code(), Some(2));
    assert!(errors(&asked).contains("hint: run it once in a terminal"), "{}", errors(&asked));
    assert!(listener.accept().is_err(), "nobody was connected to");
    // Who agreed once is not asked again.
    fs::create_dir(folder.path().join("mintwatch")).unwrap();
    fs::write(folder.path().join("mintwatch/consent"), "").unwrap();
    drop(listener);
    let agreed = command(&arguments).env_remove("MINTWATCH_YES").env("XDG_CONFIG_HOME", folder.path()).output().unwrap();
    assert_eq!(agreed.status.code(), Some(3), "{}", errors(&agreed));
}

#[test]
fn a_run_that_was_killed_is_told_of_by_the_next() {
    let state = TempDir::new().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let resolve = format!("www.shop.test:443:{}", silent.local_addr().unwrap());
    let arguments = ["check", "www.shop.test", "--resolve", &resolve, "--angles", "none", "--no-ground-truth"];
    let mut child = command(&arguments).env("XDG_STATE_HOME", state.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (_held, _) = silent.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(silent);
    let next = || command(&arguments).env("XDG_STATE_HOME", state.path()).output().unwrap();
    assert!(errors(&next()).contains("an earlier run died during a handshake with www.shop.test:443"));
    assert!(!errors(&next()).contains("an earlier run died"), "it is told once");
}

#[test]
fn a_run_that_died_by_a_resolver_or_a_page_is_told_of_by_the_next() {
    let state = TempDir::new().unwrap();
    // Both take what is said to them, and never answer.
    let resolver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let pages = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let other = format!("udp://{}", resolver.local_addr().unwrap());
    let mut stated = vec![format!("www.shop.test:443:{refused}")];
    stated.extend(PAGES.map(|page| format!("{page}:80:{}", pages.local_addr().unwrap())));
    let looking = |angles: &str| {
        let mut command = command(&["check", "www.shop.test", "--resolver", "stated", "--angles", angles, "--other-resolver", &other]);
        command.args(stated.iter().flat_map(|stated| ["--resolve", stated])).env("XDG_STATE_HOME", state.path());
        command
    };
    let mut child =
        looking("resolvers").env_remove("MINTWATCH_NO_GROUND_TRUTH").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    resolver.recv_from(&mut [0; 512]).unwrap();
    let (_held, _) = pages.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let told = errors(&looking("none").output().unwrap());
    assert!(told.contains(&format!("died during questions to the resolver {}", resolver.local_addr().unwrap())), "{told}");
    let is_page = |line: &&str| PAGES.iter().any(|page| line.ends_with(&format!("died during a request in plain HTTP to {page}:80")));
    assert!((1..=3).contains(&told.lines().filter(is_page).count()), "{told}");
    assert!(!errors(&looking("none").output().unwrap()).contains("an earlier run died"), "it is told once");
}

/// Every page that may be asked for clock and portal.
const PAGES: [&str; 5] =
    ["detectportal.firefox.com", "connectivitycheck.gstatic.com", "captive.apple.com", "www.msftconnecttest.com", "cp.cloudflare.com"];

fn mintwatch_evidence(hosts: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("evidence.json");
    mintwatch(&[&["check", "--save-evidence", path.to_str().unwrap()], hosts].concat());
    fs::read_to_string(path).unwrap().trim_end().to_owned()
}

fn mintwatch(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

fn mintwatch_fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
    command.args(arguments);
    // What a test runs has been agreed to, and asks nobody but its own servers.
    command
        .env("MINTWATCH_YES", "1")
        .env("MINTWATCH_NO_GROUND_TRUTH", "1")
        .env("XDG_STATE_HOME", std::env::temp_dir().join("mintwatch-tests"));
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
        command.env_remove(name);
    }
    command
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Returns the name of this machine, where it has one that nothing else would be called.
fn env_host() -> Option<String> {
    let name = fs::read_to_string("/etc/hostname").ok()?.trim().to_owned();
    (name.len() > 4 && name != "localhost").then_some(name)
}
