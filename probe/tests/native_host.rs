//! The helper of the browser extension, as a browser starts it; and what `install-host` leaves for browsers.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener as SilentListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mintwatch::demo::origin::{Server, Site, serve};
use mintwatch::demo::pki::{Authority, DAY, Validity};
use mintwatch::native_host::{Answer, Code, FIREFOX_ID, chromium_id};
use mintwatch::observe::unix_seconds;
use mintwatch_validator::Report;
use mintwatch_validator::evidence::{Ending, Seen, Vantage};
use mintwatch_validator::verdict::Cause;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

#[test]
fn a_look_at_an_origin_is_answered_with_evidence_and_report_and_leaves_no_trace() {
    let shop = Shop::new();
    let mut host = shop.start(&["--allow-private", "--local-anchor", &shop.root, "--resolve", &shop.resolve()], &firefox());
    host.ask(r#"{"version":1,"id":1,"type":"hello"}"#);
    let Answer::Hello { id: 1, software, tables, .. } = host.hear() else { panic!() };
    assert_eq!(software.version, env!("CARGO_PKG_VERSION"));
    assert!(tables.iter().any(|table| table.name == "disclosed" && table.as_of > 1_700_000_000), "{tables:?}");
    for id in 2..5 {
        host.look(id, "www.shop.test", "");
        let Answer::Looked { id: answered, evidence, report, .. } = host.hear() else { panic!() };
        assert_eq!(answered, id);
        assert_eq!(evidence.collector.vantage, Vantage::NativeProbe);
        assert_eq!(evidence.observations.len(), 1);
        assert_eq!(evidence.observations[0].ending, Ending::Completed);
        assert_eq!(evidence.observations[0].chain.yes().unwrap().certificates.len(), 1);
        assert!(evidence.surroundings.anchors.yes().is_some_and(|anchors| anchors.iter().any(|anchor| anchor.origin == "stated")));
        assert_eq!((&evidence.surroundings.clock, &evidence.surroundings.portal), (&Seen::NotVisible, &Seen::NotVisible));
        assert_eq!(report.verdict.cause, Cause::LocalInterception);
        // The same evidence is judged the same by the command.
        let saved = shop.folder.path().join("evidence.json");
        fs::write(&saved, evidence.to_json()).unwrap();
        let again = shop.command(&["judge", "--json", saved.to_str().unwrap()]).output().unwrap();
        assert_eq!(Report::from_json(&again.stdout).unwrap(), *report);
    }
    let ended = host.close();
    assert_eq!((ended.status.code(), text(&ended.stderr).as_str(), ended.stdout.len()), (Some(0), "", 0));
    let home: Vec<_> = fs::read_dir(shop.home()).unwrap().collect();
    assert!(home.is_empty(), "{home:?}");
}

#[test]
fn a_host_or_a_proxy_that_refuses_is_a_sight_and_a_proxy_that_is_none_an_error() {
    let shop = Shop::new();
    let closed = SilentListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut host = shop.start(&["--allow-private", "--resolve", &format!("gone.shop.test:443:{closed}")], &firefox());
    host.look(1, "gone.shop.test", r#","proxy":"none""#);
    let Answer::Looked { id: 1, report, .. } = host.hear() else { panic!() };
    assert_eq!(report.verdict.cause, Cause::NotMeasured);
    host.look(2, "gone.shop.test", &format!(r#","proxy":"socks5://user:secret@{closed}""#));
    let heard = host.hear();
    let Answer::Looked { id: 2, report, evidence, .. } = &heard else { panic!() };
    assert_eq!(report.verdict.cause, Cause::NotMeasured);
    assert!(matches!(evidence.observations[0].ending, Ending::Failed(_)));
    assert!(!serde_json::to_string(&heard).unwrap().contains("secret"), "who we are to a proxy is nobody's business");
    host.look(3, "gone.shop.test", r#","proxy":"ftp://user:secret@proxy.test""#);
    let heard = host.hear();
    assert!(matches!(&heard, Answer::Error { id: Some(3), code: Code::CouldNotLook, .. }), "{heard:?}");
    assert!(!serde_json::to_string(&heard).unwrap().contains("secret"));
    assert_eq!(host.close().status.code(), Some(0));
}

#[test]
fn a_fault_is_answered_and_the_port_stays_open() {
    let shop = Shop::new();
    let mut host = shop.start(&["--resolve", &shop.resolve()], &chromium(&["--parent-window=0"]));
    let consent = r#""consent":"user-agreed""#;
    for (request, id, expected) in [
        ("garbage".to_owned(), None, Code::BadJson),
        (String::new(), None, Code::BadJson),
        (r#"{"version":9,"id":1,"type":"hello"}"#.to_owned(), Some(1), Code::UnknownVersion),
        (r#"{"version":1,"id":2,"type":"exec"}"#.to_owned(), Some(2), Code::UnknownType),
        (r#"{"version":1,"id":3,"type":"look","host":"www.example.org","port":443}"#.to_owned(), Some(3), Code::NoConsent),
        (
            format!(r#"{{"version":1,"id":4,"type":"look","host":"www.example.org","port":443,{consent},"path":"/"}}"#),
            Some(4),
            Code::BadRequest,
        ),
        (format!(r#"{{"version":1,"id":5,"type":"look","host":"www.shop.test","port":443,{consent}}}"#), Some(5), Code::NotPublic),
        (format!(r#"{{"version":1,"id":6,"type":"look","host":"169.254.169.254","port":80,{consent}}}"#), Some(6), Code::NotPublic),
        ("[".repeat(65_536), None, Code::BadJson),
    ] {
        host.ask(&request);
        let heard = host.hear();
        assert!(matches!(&heard, Answer::Error { id: i, code, .. } if (*i, *code) == (id, expected)), "{request:.80}: {heard:?}");
    }
    host.ask(r#"{"version":1,"id":7,"type":"hello"}"#);
    assert!(matches!(host.hear(), Answer::Hello { id: 7, .. }));
    let ended = host.close();
    assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(0), ""));
}

#[test]
fn a_port_that_breaks_inside_a_message_or_lies_about_its_length_ends_with_a_reason() {
    let shop = Shop::new();
    for (sent, answers, reason) in [
        (vec![1, 0], 0, "4 bytes were to come, and 2 came"),
        ([&9_u32.to_ne_bytes()[..], b"{}"].concat(), 0, "9 bytes were to come, and 2 came"),
        (65_537_u32.to_ne_bytes().to_vec(), 1, "65536 is the most"),
        (u32::MAX.to_ne_bytes().to_vec(), 1, "65536 is the most"),
    ] {
        let mut host = shop.start(&[], &firefox());
        host.input.write_all(&sent).unwrap();
        for _ in 0..answers {
            assert!(matches!(host.hear(), Answer::Error { id: None, code: Code::TooLong, .. }));
        }
        let ended = host.close();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(1), 0));
        assert!(text(&ended.stderr).starts_with("error: ") && text(&ended.stderr).contains(reason), "{}", text(&ended.stderr));
    }
}

#[test]
fn nobody_but_our_extension_is_answered() {
    let shop = Shop::new();
    let other = format!("chrome-extension://{}/", "b".repeat(32));
    for caller in [vec![], vec![other.as_str()], vec!["/x.json", "other@mintwatch.dev"], vec!["scan"]] {
        let mut host = shop.start(&[], &caller);
        assert!(matches!(host.hear(), Answer::Error { id: None, code: Code::UnknownCaller, hint: Some(_), .. }));
        let ended = host.close();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0), "{caller:?}");
        assert!(text(&ended.stderr).contains("hint: browsers start it by themselves"), "{}", text(&ended.stderr));
    }
    let mut host = shop.start(&["--allow-extension", &"b".repeat(32)], &[&other]);
    host.ask(r#"{"version":1,"id":1,"type":"hello"}"#);
    assert!(matches!(host.hear(), Answer::Hello { .. }), "it was let in");
    assert_eq!(host.close().status.code(), Some(0));
}

#[test]
fn a_server_that_says_nothing_keeps_four_places_until_it_is_given_up() {
    let shop = Shop::new();
    let silent = SilentListener::bind("127.0.0.1:0").unwrap();
    let resolve = format!("www.slow.test:443:{}", silent.local_addr().unwrap());
    let mut host = shop.start(&["--allow-private", "--resolve", &resolve, "--resolve", &shop.resolve()], &firefox());
    for id in 1..=5 {
        host.look(id, "www.slow.test", r#","proxy":"none""#);
    }
    assert!(matches!(host.hear(), Answer::Error { id: Some(5), code: Code::Busy, .. }));
    let begun = Instant::now();
    host.ask(r#"{"version":1,"id":6,"type":"cancel","look":2}"#);
    assert!(matches!(host.hear(), Answer::Error { id: Some(2), code: Code::Cancelled, .. }));
    assert!(matches!(host.hear(), Answer::Cancelled { id: 6, look: 2, found: true, .. }));
    host.look(7, "www.shop.test", r#","proxy":"none""#);
    let looked = host.hear();
    assert!(matches!(looked, Answer::Looked { id: 7, .. }), "{looked:?}");
    let ended = host.close();
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(0), 0));
    assert!(begun.elapsed() < Duration::from_secs(9), "no deadline of the observer was waited for: {:?}", begun.elapsed());
}

#[test]
fn what_is_installed_is_what_a_browser_starts_and_goes_away_again() {
    let shop = Shop::new();
    let home = shop.home();
    fs::create_dir_all(home.join(".mozilla")).unwrap();
    fs::create_dir_all(home.join(".config/chromium")).unwrap();
    let folders = [home.join(".mozilla/native-messaging-hosts"), home.join(".config/chromium/NativeMessagingHosts")];
    let dry = shop.command(&["install-host", "--dry-run"]).output().unwrap();
    assert!(dry.status.code() == Some(0) && text(&dry.stdout).matches("would write ").count() == 3, "{}", text(&dry.stdout));
    assert!(folders.iter().all(|folder| !folder.exists()));
    let installed = shop.command(&["install-host"]).output().unwrap();
    assert_eq!(installed.status.code(), Some(0), "{}", text(&installed.stderr));
    assert_eq!(text(&installed.stdout).matches("wrote ").count(), 3, "{}", text(&installed.stdout));
    for (folder, arguments) in folders.iter().zip([
        |manifest: &str| vec![manifest.to_owned(), FIREFOX_ID.to_owned()],
        |_: &str| vec![format!("chrome-extension://{}/", chromium_id())],
    ]) {
        let file = folder.join("dev.mintwatch.host.json");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        let manifest: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let mut command = Command::new(manifest["path"].as_str().unwrap());
        command.args(arguments(file.to_str().unwrap())).env_clear().env("HOME", home);
        let mut host = Host::start(command);
        host.ask(r#"{"version":1,"id":1,"type":"hello"}"#);
        assert!(matches!(host.hear(), Answer::Hello { id: 1, .. }));
        assert_eq!(host.close().status.code(), Some(0));
    }
    let again = shop.command(&["install-host"]).output().unwrap();
    assert_eq!(text(&again.stdout).matches("unchanged ").count(), 3, "{}", text(&again.stdout));
    let gone = shop.command(&["install-host", "--uninstall"]).output().unwrap();
    assert_eq!(text(&gone.stdout).matches("removed ").count(), 3, "{}", text(&gone.stdout));
    assert!(folders.iter().all(|folder| fs::read_dir(folder).unwrap().next().is_none()));
    let nothing = shop.command(&["install-host", "--uninstall"]).output().unwrap();
    assert_eq!((nothing.status.code(), text(&nothing.stdout).as_str()), (Some(0), "nothing of ours is there\n"));
}

#[test]
fn what_cannot_be_installed_is_told_with_what_to_do() {
    let shop = Shop::new();
    let nobody = shop.command(&["install-host"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("no browser") && text(&nobody.stderr).contains("hint: name one with `--browser`"));
    let theirs = shop.home().join(".mozilla/native-messaging-hosts");
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("dev.mintwatch.host.json"), "{}").unwrap();
    let left = shop.command(&["install-host"]).output().unwrap();
    assert_eq!(left.status.code(), Some(1));
    assert!(text(&left.stdout).contains("left as it is, for it is not ours"), "{}", text(&left.stdout));
    assert_eq!(fs::read_to_string(theirs.join("dev.mintwatch.host.json")).unwrap(), "{}");
    let wrong = shop.command(&["install-host", "--allow-extension", "$(id)"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

/// A shop on loopback whose certificate is of its own authority, and a home folder of nobody.
struct Shop {
    folder: TempDir,
    root: String,
    server: Server,
    _runtime: Runtime,
}

impl Shop {
    fn new() -> Self {
        let now = unix_seconds();
        let folder = TempDir::new().unwrap();
        let root = Authority::root("Shop", "Shop Root", Validity::begun(1_000, now, 3_000)).unwrap();
        let leaf = root.issue(&["www.shop.test"], Validity { from: now - 10 * DAY, until: now + 80 * DAY }, &[]).unwrap();
        let file = folder.path().join("root.pem");
        fs::write(&file, root.pem()).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        let runtime = Runtime::new().unwrap();
        let site = Site::new("www.shop.test", leaf.chain().to_vec(), leaf.key()).unwrap();
        let server = runtime.block_on(async { serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), vec![site]).unwrap() });
        Self { root: file.to_str().unwrap().to_owned(), folder, server, _runtime: runtime }
    }

    fn home(&self) -> &Path {
        Box::leak(self.folder.path().join("home").into_boxed_path())
    }

    fn resolve(&self) -> String {
        format!("www.shop.test:443:{}", self.server.address())
    }

    /// A command in an environment that says nothing of this machine.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
        command.args(arguments).env_clear().env("HOME", self.home());
        command
    }

    /// Starts the helper as the script does that browsers start; it asks no resolver.
    fn start(&self, hidden: &[&str], caller: &[&str]) -> Host {
        let arguments = [&["native-host", "--resolver", "stated"], hidden, &["--"], caller].concat();
        Host::start(self.command(&arguments))
    }
}

fn firefox() -> Vec<&'static str> {
    vec!["/home/nobody/.mozilla/native-messaging-hosts/dev.mintwatch.host.json", FIREFOX_ID]
}

fn chromium(more: &[&'static str]) -> Vec<&'static str> {
    let origin: &str = format!("chrome-extension://{}/", chromium_id()).leak();
    [&[origin], more].concat()
}

/// A helper, and this side of its port.
struct Host {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Host {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn ask(&mut self, text: &str) {
        self.input.write_all(&u32::try_from(text.len()).unwrap().to_ne_bytes()).unwrap();
        self.input.write_all(text.as_bytes()).unwrap();
    }

    fn look(&mut self, id: u64, host: &str, more: &str) {
        self.ask(&format!(r#"{{"version":1,"id":{id},"type":"look","host":"{host}","port":443,"consent":"user-agreed"{more}}}"#));
    }

    fn hear(&mut self) -> Answer {
        let mut length = [0; 4];
        self.output.read_exact(&mut length).unwrap();
        let mut body = vec![0; usize::try_from(u32::from_ne_bytes(length)).unwrap()];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// Closes the port, and returns what came after the answers that were heard.
    fn close(self) -> Output {
        drop(self.input);
        let mut rest = Vec::new();
        let mut output = self.output;
        output.read_to_end(&mut rest).unwrap();
        let ended = self.child.wait_with_output().unwrap();
        Output { stdout: rest, ..ended }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
