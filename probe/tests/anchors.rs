//! What a person and a program see of a machine's trust stores, and what must never be seen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mintwatch::commands::anchors::{AnchorStanding, AnchorsDocument, MarkKind, StoreState};
use mintwatch::demo::pki::{Authority, Validity};
use mintwatch::observe::unix_seconds;
use mintwatch_validator::Evidence;
use tempfile::TempDir;

/// Words that stand in every path of the fake home, and nowhere else.
const CANARIES: [&str; 2] = ["canary-user", "canary-profile"];

#[test]
fn a_database_of_firefox_gives_what_servers_are_trusted_by_and_nothing_else() {
    let home = Home::new();
    home.nss(".mozilla/firefox/canary-profile.default");
    home.nss("snap/firefox/common/.mozilla/firefox/canary-profile.snap");
    let (output, document) = home.anchors(&["--store", "nss-firefox"]);
    assert_eq!(output.status.code(), Some(10));
    let names: Vec<_> = document.anchors.iter().map(|row| row.subject.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&"CN=Fixture Trusted for Servers"), "not for mail, not distrusted, not a server's own: {names:?}");
    for row in &document.anchors {
        assert_eq!((row.standing, row.programs.len()), (AnchorStanding::Added, 0));
        assert_eq!(row.stores, ["nss-firefox"]);
    }
    let [store] = &document.stores[..] else { panic!("one store was asked for") };
    assert_eq!((store.state, store.anchors, store.added), (StoreState::Read, 2, 2));
    assert_eq!(store.notes, ["1 certificates are distrusted in place 1", "1 certificates are distrusted in place 2"]);
}

#[test]
fn each_kind_of_store_is_read_and_an_anchor_is_told_once_with_all_that_have_it() {
    let home = Home::new();
    home.nss(".pki/nssdb");
    home.file("jdk/lib/security/cacerts", &fs::read(fixture("java/keytool.jks")).unwrap());
    let stores = ["--store", "nss-user", "--store", "java", "--store", "SSL_CERT_FILE"];
    let (output, document) = home.anchors(&stores);
    assert_eq!(output.status.code(), Some(10), "{}", errors(&output));
    let servers = document.anchors.iter().find(|row| row.subject == "CN=Fixture Trusted for Servers").unwrap();
    assert_eq!(servers.stores, ["nss-user", "java"]);
    let named: Vec<_> = document.stores.iter().map(|store| (store.name.as_str(), store.state)).collect();
    assert_eq!(named[..2], [("SSL_CERT_FILE", StoreState::Absent), ("nss-user", StoreState::Read)]);
    assert_eq!(named[2].0, "java");
}

#[test]
fn a_bundle_of_public_roots_adds_nothing_and_exits_with_zero() {
    let home = Home::new();
    let bundle = fixture("public-root.pem");
    let (output, document) = home.with(&[("SSL_CERT_FILE", &bundle)], &["anchors", "--json", "--store", "SSL_CERT_FILE"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let [row] = &document.anchors[..] else { panic!("one anchor") };
    assert_eq!(row.standing, AnchorStanding::Public);
    assert!(row.programs.len() >= 4 && row.owner.is_some(), "{row:?}");
    assert!(document.public_missing > 50);
    let page = home.run(&[("SSL_CERT_FILE", &bundle)], &["anchors", "--store", "SSL_CERT_FILE"]);
    assert!(text(&page).starts_with("1 anchors, none added on this machine\n"), "{}", text(&page));
    assert!(text(&page).contains("1 more that most root programs carry; `--all` shows them"), "{}", text(&page));
    let all = home.run(&[("SSL_CERT_FILE", &bundle)], &["anchors", "--all", "--store", "SSL_CERT_FILE"]);
    assert!(text(&all).contains("programs: Android, Apple, Chrome, Microsoft, Mozilla"), "{}", text(&all));
}

#[test]
fn a_private_root_that_the_command_line_calls_public_is_not_added() {
    let home = Home::new();
    let root = home.file("root.pem", private_root().as_bytes());
    let set = [("CURL_CA_BUNDLE", root.as_path())];
    let arguments = ["anchors", "--json", "--store", "CURL_CA_BUNDLE"];
    assert_eq!(home.run(&set, &arguments).status.code(), Some(10));
    let stated = [&arguments[..], &["--public-anchor", root.to_str().unwrap()]].concat();
    let (output, document) = home.with(&set, &stated);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(document.lab_tables.is_some() && document.anchors[0].standing == AnchorStanding::Public);
}

#[test]
fn a_servers_own_certificate_is_shown_and_is_no_authority() {
    let home = Home::new();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::ExplicitNoCa;
    let own = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let path = home.file("own.pem", own.pem().as_bytes());
    let (output, document) = home.with(&[("SSL_CERT_FILE", &path)], &["anchors", "--json", "--store", "SSL_CERT_FILE"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(document.anchors[0].standing, AnchorStanding::Added);
    assert_eq!(document.anchors[0].marks.iter().map(|mark| mark.kind).collect::<Vec<_>>(), [MarkKind::SelfOnly]);
}

#[test]
fn a_key_that_is_known_for_interception_exits_with_eleven() {
    let home = Home::new();
    let bundle = fixture("superfish.pem");
    let set = [("NODE_EXTRA_CA_CERTS", bundle.as_path())];
    let (output, document) = home.with(&set, &["anchors", "--json", "--store", "NODE_EXTRA_CA_CERTS"]);
    assert_eq!(output.status.code(), Some(11), "{}", text(&output));
    assert_eq!(document.anchors[0].marks[0].kind, MarkKind::Hostile);
    let page = home.command(&set, &["anchors", "--store", "NODE_EXTRA_CA_CERTS"]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(text(&page).contains("\u{1b}[31"), "in red: {}", text(&page));
    assert!(text(&page).contains("Superfish") && text(&page).contains("KNOWN"), "{}", text(&page));
}

#[test]
fn no_path_below_the_home_no_user_and_no_profile_is_told_anywhere() {
    let home = Home::new();
    home.nss(".mozilla/firefox/canary-profile.default");
    home.file(".pki/nssdb/cert9.db", b"SQLite format 3\0 and then rubbish");
    home.file("jdk/lib/security/cacerts", b"rubbish");
    let absent = home.path().join("canary-profile/absent.pem");
    let rubbish = home.file("canary-profile.pem", b"rubbish");
    let set = [("SSL_CERT_FILE", absent.as_path()), ("PIP_CERT", &rubbish), ("SSL_CERT_DIR", home.path())];
    let saved = home.folder.path().join("evidence.json");
    let check = ["check", "nobody.invalid", "--yes", "--angles", "none", "--no-ground-truth", "--save-evidence", saved.to_str().unwrap()];
    // The user's own argument is repeated to him in a hint, and is no secret from him.
    let checked = home.run(&set, &check);
    assert_eq!(checked.status.code(), Some(3), "{}", errors(&checked));
    let evidence = fs::read_to_string(&saved).unwrap();
    let runs =
        [&["anchors"][..], &["anchors", "--all"], &["anchors", "--json"], &["doctor", "--offline"], &["doctor", "--offline", "--json"]];
    let told: Vec<_> = runs.iter().map(|arguments| home.run(&set, arguments)).flat_map(|output| [text(&output), errors(&output)]).collect();
    for told in told.iter().chain([&evidence]) {
        for canary in CANARIES.iter().chain([&home.path().to_str().unwrap()]) {
            assert!(!told.contains(canary), "{canary}: {told}");
        }
    }
    assert!(told[0].contains("nss-firefox") && told[0].contains("PIP_CERT"), "the stores were looked at: {}", told[0]);
    let anchors = Evidence::from_json(evidence.as_bytes()).unwrap().surroundings.anchors;
    let anchors = anchors.yes().unwrap();
    assert_eq!(anchors.iter().filter(|anchor| anchor.origin == "nss-firefox").count(), 2);
    assert!(anchors.is_sorted_by_key(|anchor| (anchor.sha256, anchor.origin.clone())));
}

#[cfg(unix)]
#[test]
fn a_fifo_and_a_huge_file_keep_nobody_waiting() {
    let home = Home::new();
    let fifo = home.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let huge = home.file("huge.pem", b"");
    fs::File::options().write(true).open(&huge).unwrap().set_len(1 << 30).unwrap();
    let set = [("SSL_CERT_FILE", fifo.as_path()), ("AWS_CA_BUNDLE", &huge), ("PIP_CERT", Path::new("/dev/zero"))];
    let begun = Instant::now();
    let stores = ["--store", "SSL_CERT_FILE", "--store", "AWS_CA_BUNDLE", "--store", "PIP_CERT"];
    let (output, document) = home.with(&set, &[&["anchors", "--json"][..], &stores].concat());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(3));
    let errors: Vec<_> = document.stores.iter().map(|store| (store.state, store.errors[0].as_str())).collect();
    let failed = |why| (StoreState::Failed, why);
    let irregular = failed("place 1: not a regular file");
    assert_eq!(errors, [irregular, failed("place 1: larger than 16777216 bytes"), irregular]);
}

#[test]
fn hostile_names_are_escaped() {
    let home = Home::new();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "\u{1b}[2Jall is well\u{202e}");
    let root = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let path = home.file("root.pem", root.pem().as_bytes());
    let page = home.run(&[("SSL_CERT_FILE", &path)], &["anchors", "--store", "SSL_CERT_FILE"]);
    let shown = text(&page);
    assert!(shown.contains("all is well"), "{shown}");
    assert!(shown.chars().all(|character| character == '\n' || !character.is_control()) && !shown.contains('\u{202e}'), "{shown}");
}

#[test]
fn a_store_that_is_none_is_wrong_usage() {
    let output = Home::new().run(&[], &["anchors", "--store", "no-such-store"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("nss-firefox"), "the names are told: {}", errors(&output));
    let help = Home::new().run(&[], &["anchors", "--help"]);
    assert!(text(&help).contains("10  an anchor was added on this machine that can vouch for others"), "{}", text(&help));
}

/// A home of a user who is called a canary, with nothing in it.
struct Home {
    folder: TempDir,
    path: PathBuf,
}

impl Home {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("canary-user");
        fs::create_dir(&path).unwrap();
        Self { folder, path }
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn nss(&self, folder: &str) {
        self.file(&format!("{folder}/cert9.db"), &fs::read(fixture("nss/cert9.db")).unwrap());
    }

    fn anchors(&self, arguments: &[&str]) -> (Output, AnchorsDocument) {
        self.with(&[], &[&["anchors", "--json"][..], arguments].concat())
    }

    fn with(&self, set: &[(&str, &Path)], arguments: &[&str]) -> (Output, AnchorsDocument) {
        let output = self.run(set, arguments);
        let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", errors(&output)));
        (output, document)
    }

    fn run(&self, set: &[(&str, &Path)], arguments: &[&str]) -> Output {
        self.command(set, arguments).output().unwrap()
    }

    /// The command in this home, with these environment variables and no others.
    fn command(&self, set: &[(&str, &Path)], arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
        command.env_clear().args(arguments).stdin(Stdio::null()).env("HOME", &self.path).env("JAVA_HOME", self.path.join("jdk"));
        command.envs(set.iter().copied());
        command
    }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/trust")).join(name)
}

fn private_root() -> String {
    Authority::root("Private", "Private Root", Validity::begun(1_000, unix_seconds(), 3_000)).unwrap().pem()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
