//! Memory over days, as a person has it: baselines, watches and histories, in a small world on loopback that changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mintwatch::demo::firewall::{self, LeafKeys, Settings};
use mintwatch::demo::origin::{Server, Site, serve};
use mintwatch::demo::pki::{Authority, Log, Profile, Validity};
use mintwatch::observe::unix_seconds;
use mintwatch_validator::evidence::{Bytes, Host, RememberedFrom, Seen, Sha256};
use mintwatch_validator::tables::{Overlay, OverlayLog, OverlayPoolHost};
use mintwatch_validator::{Evidence, Report};
use rustls::RootCertStore;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

#[test]
fn a_watch_speaks_of_each_change_once_and_of_nothing_else() {
    let town = Town::new();
    let recorded = town.run(&["baseline", "--network", "home", "--json"]);
    assert_eq!(recorded.status.code(), Some(0), "{}{}", text(&recorded), errors(&recorded));
    let told: Value = serde_json::from_str(&text(&recorded)).unwrap();
    assert_eq!((told["recorded"].as_array().unwrap().len(), &told["left_out"]), (HOSTS.len(), &serde_json::json!({})));

    let mut watch = Watch::begin(&town, &["--network", "home", "--every", "200ms", "--json"]);
    let first = watch.says();
    assert_eq!((&first["cause"], &first["before"]["cause"]), (&"clear".into(), &"clear".into()), "{first}");
    watch.keeps_silent(3);

    town.go(FIREWALL);
    let second = watch.says();
    assert_eq!((&second["cause"], &second["before"]["cause"]), (&"local-interception".into(), &"clear".into()), "{second}");
    assert_eq!(second["network"], "home");
    let findings = second["findings"].as_array().unwrap();
    assert!(["authority-changed", "local-anchor"].iter().all(|id| findings.contains(&(*id).into())), "{second}");
    assert!(second["since"].as_u64().unwrap() >= first["since"].as_u64().unwrap());
    watch.keeps_silent(3);

    town.go(CLEAN);
    let third = watch.says();
    assert_eq!((&third["cause"], &third["before"]["cause"]), (&"clear".into(), &"local-interception".into()), "{third}");
    // Other certificates by the same authorities, and then other authorities as public as those: no news.
    town.go(REISSUED);
    watch.keeps_silent(3);
    town.go(OTHER_AUTHORITY);
    watch.keeps_silent(3);
    let history = town.history(&["--json"]);
    assert!(history.contains("\"verdict\":{\"cause\":\"unexpected-authority\""), "the last change was seen, and kept:\n{history}");

    assert_eq!(watch.interrupt(), Some(11), "Ctrl-C ends it with the worst that was met");
    let head = third["head"].as_str().unwrap();
    let verified = town.run(&["history", "--head", head]);
    assert_eq!(verified.status.code(), Some(0), "{}", errors(&verified));
    assert!(errors(&verified).contains("that was the head after entry"), "{}", errors(&verified));
}

#[test]
fn a_watch_that_begins_behind_a_firewall_states_it_once_and_shows_it_to_people() {
    let town = Town::new();
    assert_eq!(town.run(&["baseline", "--network", "home"]).status.code(), Some(0));
    town.go(FIREWALL);
    let watch = ["watch", "--network", "home", "--every", "0s", "--runs", "2"];
    let behind = town.run(&watch);
    assert_eq!((behind.status.code(), text(&behind).lines().count()), (Some(11), 1), "{}", text(&behind));
    for part in ["INTERCEPTED  local-interception: severity high", "on network home since", "before: clear, last seen", "4 hosts of 4"] {
        assert!(text(&behind).contains(part), "{part}: {}", text(&behind));
    }
    assert_eq!(errors(&behind).matches("note: this machine trusts an anchor").count(), 0, "it did so before: {}", errors(&behind));
    town.go(CLEAN);
    let back = town.run(&watch);
    assert_eq!((back.status.code(), text(&back).lines().count()), (Some(0), 1), "{}", text(&back));
    assert!(text(&back).contains("CLEAR  clear: severity info") && text(&back).contains("before: local-interception"), "{}", text(&back));
}

#[test]
fn a_scan_elsewhere_is_told_what_was_recorded_at_home() {
    let town = Town::new();
    let before = town.run(&["check", HOSTS[0], "--save-evidence", &town.file("before.json"), "--json"]);
    assert_eq!(before.status.code(), Some(0), "{}", text(&before));
    assert!(!town.place("history.db").exists(), "to look leaves no trace");
    assert_eq!(town.evidence("before.json").surroundings.remembered, Seen::NotVisible);

    assert_eq!(town.run(&["baseline", "--network", "home"]).status.code(), Some(0));
    town.go(OTHER_AUTHORITY);
    let after = town.run(&["check", HOSTS[0], "--save-evidence", &town.file("after.json"), "--network", "café", "--keep", "--json"]);
    assert_eq!(after.status.code(), Some(10), "{}", errors(&after));
    let report = Report::from_json(&after.stdout).unwrap();
    assert_eq!(report.verdict.decided_by, ["authority-changed"]);
    let evidence = town.evidence("after.json");
    let [remembered] = evidence.surroundings.remembered.yes().unwrap().as_slice() else { panic!("one host was asked") };
    assert_eq!((remembered.host.as_str(), remembered.port, remembered.from), (HOSTS[0], 443, RememberedFrom::Baseline));
    let mut expected = vec![town.authorities[0].0, town.authorities[0].1];
    expected.sort();
    assert_eq!(remembered.authorities, expected, "the CA and the anchor, never the leaf");
    assert_eq!(remembered.owners, ["Meridian TEST Lab"]);
    assert_eq!(remembered.features.versions, ["TLSv1.3"]);
    assert!(!evidence.to_json().contains("home") && !evidence.to_json().contains("café"), "the name of a network leaves no history");
    assert!(town.history(&[]).contains("check     café  unexpected-authority"), "{}", town.history(&[]));
    assert!(errors(&after).contains("kept as entry 2 of the history; its head is now "), "{}", errors(&after));

    // The other authority is vouched for as well; then it is one of two.
    assert_eq!(town.run(&["baseline", "--network", "home"]).status.code(), Some(0), "the tables judge, not the memory");
    assert_eq!(town.run(&["check", HOSTS[0]]).status.code(), Some(0));
    town.go(CLEAN);
    assert_eq!(town.run(&["check", HOSTS[0]]).status.code(), Some(0), "and the first is not forgotten");
}

#[test]
fn a_network_where_something_is_found_is_not_vouched_for() {
    let town = Town::new();
    town.go(FIREWALL);
    let refused = town.run(&["baseline", "--network", "home"]);
    assert_eq!(refused.status.code(), Some(11));
    assert!(text(&refused).starts_with("INTERCEPTED"), "{}", text(&refused));
    assert!(errors(&refused).contains("error: nothing was recorded: a network where local-interception is found cannot be vouched for"));
    assert_eq!(text(&town.run(&["baseline", "--show"])), "");
    assert!(town.history(&[]).contains("local-interception"), "the finding is kept");
    // First sight under interception: found as ever, and the true certificate raises no alarm afterwards.
    assert_eq!(town.run(&["check", HOSTS[0]]).status.code(), Some(11));
    town.go(CLEAN);
    let clean = town.run(&["check", HOSTS[0], "--json"]);
    assert_eq!(clean.status.code(), Some(0));
    assert!(Report::from_json(&clean.stdout).unwrap().findings.iter().all(|finding| finding.detector != "authority-changed"));
}

#[test]
fn what_is_recorded_is_shown_and_forgotten() {
    let town = Town::new();
    assert_eq!(town.run(&["baseline", "--network", "home", HOSTS[0], HOSTS[1]]).status.code(), Some(0));
    assert_eq!(town.run(&["baseline", "--network", "office", HOSTS[2]]).status.code(), Some(0));
    let shown = text(&town.run(&["baseline", "--show"]));
    assert!(shown.contains("home  hosts: 2, anchors of this machine: 1") && shown.contains("office  hosts: 1"), "{shown}");
    assert!(shown.contains(&format!("{}:443  authorities: 2 (Meridian TEST Lab)", HOSTS[0])), "{shown}");
    let nobody = town.run(&["baseline", "--forget", "nowhere"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(errors(&nobody).contains("hint: `mintwatch baseline --show`"), "{}", errors(&nobody));
    assert_eq!(town.run(&["baseline", "--forget", "home"]).status.code(), Some(0));
    assert!(!text(&town.run(&["baseline", "--show"])).contains("home"));
    assert_eq!(town.run(&["baseline", "--forget", "all"]).status.code(), Some(0));
    assert_eq!(text(&town.run(&["baseline", "--show"])), "");
    assert_eq!(town.run(&["history", "--verify"]).status.code(), Some(0));
}

#[test]
fn a_host_that_was_not_met_each_time_is_recorded_and_a_doubtful_one_is_not() {
    let town = Town::new();
    let (met, unmet) = (format!("{}:443", HOSTS[0]), format!("{}:8443", HOSTS[0]));
    let resolve = format!("{unmet}:127.0.0.1:1");
    let recorded = town.run(&["baseline", "--network", "home", HOSTS[0], &unmet, "--resolve", &resolve, "--rounds", "2", "--json"]);
    assert_eq!(recorded.status.code(), Some(0), "{}", errors(&recorded));
    let told: Value = serde_json::from_str(&text(&recorded)).unwrap();
    assert_eq!(told["recorded"].as_array().unwrap().len(), 1);
    assert_eq!((&told["recorded"][0]["host"], &told["left_out"][&unmet]), (&met.into(), &"not-measured".into()), "{told}");
    // An anchor that no table knows is a doubt, not an interception: nothing to build on.
    let other = format!("{}:9443", HOSTS[1]);
    let road = format!("{other}:{}", town.road);
    let overlay = town.file("bare.json");
    fs::write(&overlay, serde_json::to_vec(&Overlay::new("TEST nobody is public", unix_seconds())).unwrap()).unwrap();
    let mut command = town.bare(&["baseline", "--network", "office", &other, "--lab-tables", &overlay, "--json"]);
    let doubtful = command.args(["--resolve", &road, "--history"]).arg(town.place("history.db")).output().unwrap();
    assert_eq!(doubtful.status.code(), Some(3), "{}{}", text(&doubtful), errors(&doubtful));
    assert!(errors(&doubtful).contains("nothing was recorded: no host was clear"), "{}", errors(&doubtful));
    assert!(!text(&town.run(&["baseline", "--show"])).contains("office"));
}

#[test]
fn an_anchor_that_was_added_since_is_told() {
    let town = Town::new();
    let bare = town.file("bare.pem");
    fs::write(&bare, fs::read_to_string(town.place("other.pem")).unwrap()).unwrap();
    assert_eq!(town.command(&["baseline", "--network", "home"]).env("SSL_CERT_FILE", &bare).output().unwrap().status.code(), Some(0));
    let check = |anchors: &str| town.command(&["check", HOSTS[0]]).env("SSL_CERT_FILE", anchors).output().unwrap();
    assert!(!errors(&check(&bare)).contains("note: "));
    let told = errors(&check(&town.file("trusted.pem")));
    assert!(
        told.contains("note: this machine trusts an anchor that it did not when a network was vouched for: \"C=XX, O=Contoso"),
        "{told}"
    );
}

#[test]
fn a_run_that_fails_does_not_end_a_watch() {
    let town = Town::new();
    town.go(NOBODY);
    let watched = town.run(&["watch", "--network", "home", "--every", "0s", "--runs", "3", "--json"]);
    assert_eq!((watched.status.code(), text(&watched).lines().count()), (Some(3), 1), "{}", errors(&watched));
    assert!(text(&watched).contains("\"cause\":\"not-measured\""));
    assert_eq!(town.history(&["--json"]).matches("\"kind\":\"watch\"").count(), 3);
    // What could not be measured is no verdict: the first one after it is stated.
    let mut watch = Watch::begin(&town, &["--network", "home", "--every", "100ms", "--json"]);
    assert_eq!(watch.says()["cause"], "not-measured");
    town.go(CLEAN);
    assert_eq!(watch.says()["cause"], "clear");
    town.go(NOBODY);
    watch.keeps_silent(3);
    town.go(CLEAN);
    watch.keeps_silent(3);
    assert_eq!(watch.interrupt(), Some(3));
}

#[test]
fn a_history_survives_being_killed_at_any_moment() {
    let town = Town::new();
    town.go(NOBODY);
    let mut entries = 0;
    for turn in 0..8 {
        let mut watch = Watch::begin(&town, &["--network", "home", "--every", "0s", "--json"]);
        watch.says();
        thread::sleep(Duration::from_millis(17 * turn));
        watch.child.kill().unwrap();
        watch.child.wait().unwrap();
        let verified = town.run(&["history", "--verify", "--json"]);
        assert_eq!(verified.status.code(), Some(0), "{}", errors(&verified));
        let now = text(&verified).lines().count();
        assert!(now > entries, "what was spoken of is kept: {now} after {entries}");
        entries = now;
    }
}

#[test]
fn a_cut_tail_is_found_by_a_head_from_an_export() {
    let town = Town::new();
    town.go(NOBODY);
    let runs = |count: &str| town.run(&["watch", "--network", "home", "--every", "0s", "--runs", count]);
    runs("2");
    let shorter = fs::read(town.place("history.db")).unwrap();
    runs("1");
    let export = town.file("export.ndjson");
    assert_eq!(town.run(&["history", "--export", &export]).status.code(), Some(0));
    let lines: Vec<Value> = fs::read_to_string(&export).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    let head = lines[3]["head"].as_str().unwrap();
    assert_eq!(lines[2]["hash"], head);
    assert_eq!(town.run(&["history", "--head", head]).status.code(), Some(0));
    fs::write(town.place("history.db"), shorter).unwrap();
    let verify = town.run(&["history", "--verify"]);
    assert_eq!(verify.status.code(), Some(0), "by itself a shorter history is whole");
    let cut = town.run(&["history", "--head", head]);
    assert_eq!(cut.status.code(), Some(5));
    assert!(errors(&cut).contains("its end was cut, or it was written anew"), "{}", errors(&cut));
    fs::remove_file(town.place("history.db")).unwrap();
    assert_eq!(town.run(&["history", "--head", head]).status.code(), Some(5), "nothing is less than something");
}

#[test]
fn a_damaged_history_is_told_and_left_alone_and_keeps_nobody_from_looking() {
    let town = Town::new();
    let garbage = b"no database at all, and long enough to be taken for one ".repeat(100);
    fs::write(town.place("history.db"), &garbage).unwrap();
    for arguments in [&["watch", "--runs", "1"][..], &["baseline"], &["baseline", "--show"], &["history"], &["baseline", "--forget", "all"]]
    {
        let output = town.run(arguments);
        assert_eq!(output.status.code(), Some(5), "{arguments:?}: {}", errors(&output));
        assert!(errors(&output).contains("hint: the file was left as it is"), "{arguments:?}: {}", errors(&output));
        assert_eq!(fs::read(town.place("history.db")).unwrap(), garbage, "{arguments:?}");
    }
    let looked = town.run(&["check", HOSTS[0], "--save-evidence", &town.file("evidence.json")]);
    assert_eq!(looked.status.code(), Some(0), "{}", errors(&looked));
    assert!(errors(&looked).contains("warning: the history"), "{}", errors(&looked));
    let evidence = town.evidence("evidence.json");
    assert_eq!(evidence.surroundings.remembered, Seen::Failed("the history is damaged".to_owned()), "and says no path");
}

#[test]
fn a_history_that_breaks_under_a_watch_neither_silences_it_nor_makes_it_chatter() {
    let town = Town::new();
    let mut watch = Watch::begin(&town, &["--every", "100ms", "--json"]);
    assert_eq!(watch.says()["cause"], "clear");
    watch.keeps_silent(1);
    let garbage = b"somebody wrote all over it ".repeat(4_000);
    fs::write(town.place("history.db"), &garbage).unwrap();
    let silence = |watch: &Watch<'_>| assert_eq!(watch.lines.recv_timeout(Duration::from_secs(2)), Err(RecvTimeoutError::Timeout));
    silence(&watch);
    town.go(FIREWALL);
    assert_eq!(watch.says()["cause"], "local-interception");
    silence(&watch);
    assert_eq!(watch.interrupt(), Some(11));
    assert!(watch.talk.lock().unwrap().matches("error: the history").count() > 3, "it kept on running, and told");
    assert_eq!(fs::read(town.place("history.db")).unwrap(), garbage);
}

#[test]
fn nothing_of_the_person_or_the_machine_is_kept() {
    let town = Town::new();
    let home = town.place("canary-folder/canary-user");
    fs::create_dir_all(&home).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = town.bare(arguments);
        command.env_remove("XDG_STATE_HOME").env("HOME", &home).env("USER", "canary-user").env("LOGNAME", "canary-user");
        command.env("HOSTNAME", "canary-machine").env("EMAIL", "canary@mail.test").env("HTTPS_PROXY", "http://canary:canary@proxy.test");
        command.output().unwrap()
    };
    let asked = |verb| town.asking(&[verb, "--network", "home", "--save-evidence", home.join("e.json").to_str().unwrap()]);
    let mut told = String::new();
    for arguments in [asked("baseline"), [asked("watch"), vec!["--runs".into(), "1".into(), "--json".into()]].concat()] {
        let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        told += &text(&output);
    }
    let export = home.join("x.ndjson");
    told += &text(&run(&["history", "--json"]));
    told += &text(&run(&["history", "--export", export.to_str().unwrap()]));
    told += &text(&run(&["baseline", "--show", "--json"]));
    told += &fs::read_to_string(export).unwrap();
    told += &fs::read_to_string(home.join("e.json")).unwrap();
    told += &String::from_utf8_lossy(&fs::read(home.join(".local/state/mintwatch/history.db")).unwrap());
    assert!(told.contains(HOSTS[0]), "all of it was read");
    assert!(!told.contains("canary"), "{}", &told[told.find("canary").unwrap_or(0)..][..60]);
    let machine = fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
    assert!(machine.len() < 6 || !told.contains(&machine));
}

#[test]
fn wrong_usage_of_the_memory_is_told() {
    for (arguments, expected) in [
        (&["watch", "--every", "soon"][..], "give it as 90s, 30min or 6h"),
        (&["watch", "--runs", "0"], "0 is not in 1.."),
        (&["watch", "--network", "a\u{1b}b"], "no control or invisible letters"),
        (&["baseline", "--network", "all"], "stand for something else"),
        (&["baseline", "--show", "example.org"], "cannot be used with"),
        (&["baseline", "--hosts", "5", "example.org"], "cannot be used with"),
        (&["history", "--head", "abc"], "64 hexadecimal digits"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_mintwatch")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(errors(&output).contains(expected), "{arguments:?}: {}", errors(&output));
    }
}

const HOSTS: [&str; 4] = ["www.northbank.example", "www.daily-courier.example", "www.harbour-mail.example", "www.chatterbox.example"];
/// Where the road leads.
const CLEAN: usize = 0;
const REISSUED: usize = 1;
const OTHER_AUTHORITY: usize = 2;
const FIREWALL: usize = 3;
const NOBODY: usize = 4;

/// Four hosts of unrelated operators on loopback, and a road to them that can be led elsewhere.
struct Town {
    folder: TempDir,
    road: SocketAddr,
    leads_to: Arc<AtomicUsize>,
    /// SHA-256 of the keys of each issuing CA and its root.
    authorities: Vec<(Sha256, Sha256)>,
    _servers: Vec<Server>,
    _runtime: Runtime,
}

impl Town {
    fn new() -> Self {
        let now = unix_seconds();
        let folder = TempDir::new().unwrap();
        let root = |name: &str| {
            Authority::root(&format!("{name} TEST Lab"), &format!("{name} TEST Lab Root"), Validity::begun(3_000, now, 8_000)).unwrap()
        };
        let roots = [root("Meridian"), root("Borealis")];
        let below = |root: &Authority| {
            root.subordinate(
                root.organisation(),
                &format!("{} TLS CA", root.organisation()),
                Validity::begun(700, now, 1_800),
                Profile::Public,
            )
            .unwrap()
        };
        let issuing = [below(&roots[0]), below(&roots[1])];
        let logs = [Log::new("Sycamore TEST Lab Logs").unwrap(), Log::new("Granite TEST Lab Logs").unwrap()];
        let sites = |begun: u64, turned: usize| -> Vec<Site> {
            let leaf = |index: usize| {
                issuing[(index + turned) % 2].issue(&[HOSTS[index]], Validity::begun(begun, now, 90), &[&logs[0], &logs[1]]).unwrap()
            };
            (0..HOSTS.len())
                .map(|index| (HOSTS[index], leaf(index)))
                .map(|(host, leaf)| Site::new(host, leaf.chain().to_vec(), leaf.key()).unwrap())
                .collect()
        };
        let private = Authority::root("Contoso TEST Lab", "Contoso TEST Lab Web Filter", Validity::begun(400, now, 3_650)).unwrap();
        fs::write(folder.path().join("trusted.pem"), private.pem()).unwrap();
        fs::write(folder.path().join("other.pem"), roots[0].pem()).unwrap();
        let pool = HOSTS.map(|host| OverlayPoolHost {
            host: Host::parse(host).unwrap(),
            operator: host.to_owned(),
            class: "news".to_owned(),
            expected_owners: Vec::new(),
        });
        let overlay = Overlay {
            public_anchors: roots.iter().map(|root| Bytes::from(root.der().to_vec())).collect(),
            disclosed: issuing.iter().map(|ca| Bytes::from(ca.der().to_vec())).collect(),
            logs: logs.iter().map(|log| OverlayLog { operator: log.operator().to_owned(), spki: log.spki() }).collect(),
            pool: pool.into(),
            ..Overlay::new("TEST town", now)
        };
        fs::write(folder.path().join("overlay.json"), serde_json::to_vec(&overlay).unwrap()).unwrap();
        fs::write(folder.path().join("hosts.txt"), HOSTS.join("\n")).unwrap();
        let authorities = issuing.iter().zip(&roots).map(|(ca, root)| (ca.spki_sha256(), root.spki_sha256())).collect();

        let runtime = Runtime::new().unwrap();
        let listen = || async { TcpListener::bind(("127.0.0.1", 0)).await.unwrap() };
        let leads_to = Arc::new(AtomicUsize::new(CLEAN));
        let (servers, road) = runtime.block_on(async {
            let mut servers = Vec::new();
            for (begun, turned) in [(30, 0), (10, 0), (10, 1)] {
                servers.push(serve(listen().await, sites(begun, turned)).unwrap());
            }
            let mut trusted = RootCertStore::empty();
            for root in &roots {
                trusted.add(root.der().clone()).unwrap();
            }
            let settings = Settings {
                authority: private,
                leaf_keys: LeafKeys::OneForAll,
                selection: Arc::new(|_| true),
                origins: HOSTS.iter().map(|host| ((*host).to_owned(), servers[CLEAN].address())).collect::<HashMap<_, _>>(),
                roots: Some(trusted),
            };
            servers.push(firewall::run(listen().await, settings).unwrap());
            let ways: Vec<SocketAddr> = servers.iter().map(Server::address).collect();
            let listener = listen().await;
            let road = listener.local_addr().unwrap();
            tokio::spawn(lead(listener, ways, Arc::clone(&leads_to)));
            (servers, road)
        });
        Self { folder, road, leads_to, authorities, _servers: servers, _runtime: runtime }
    }

    /// Leads the road elsewhere.
    fn go(&self, way: usize) {
        self.leads_to.store(way, Ordering::SeqCst);
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str) -> String {
        self.place(name).to_str().unwrap().to_owned()
    }

    fn evidence(&self, name: &str) -> Evidence {
        Evidence::from_json(&fs::read(self.place(name)).unwrap()).unwrap()
    }

    /// Returns a command line with all that it takes to ask the hosts of this town.
    fn asking(&self, arguments: &[&str]) -> Vec<String> {
        let mut line: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let names_none = !HOSTS.iter().any(|host| arguments.contains(host));
        let looks = ["baseline", "watch", "check", "scan"].contains(&arguments[0])
            && !["--show", "--forget"].iter().any(|flag| arguments.contains(flag));
        if looks {
            line.extend(["--lab-tables".to_owned(), self.file("overlay.json"), "--no-progress".to_owned()]);
            line.extend(HOSTS.iter().flat_map(|host| ["--resolve".to_owned(), format!("{host}:443:{}", self.road)]));
        }
        if looks {
            // One handshake a host is enough for what is remembered, and nobody else is asked.
            line.extend(["--yes", "--angles", "none", "--no-ground-truth", "--proxy", "none"].map(str::to_owned));
        }
        if looks && names_none {
            line.extend(["--host-list".to_owned(), self.file("hosts.txt")]);
        }
        line
    }

    fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
        command.args(arguments).stdin(Stdio::null()).env("MINTWATCH_YES", "1").env("MINTWATCH_NO_GROUND_TRUTH", "1");
        command.env("XDG_STATE_HOME", self.place("state")).env("SSL_CERT_FILE", self.place("trusted.pem")).env_remove("SSL_CERT_DIR");
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
            command.env_remove(name);
        }
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(&[]);
        command.args(self.asking(arguments)).arg("--history").arg(self.place("history.db"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn history(&self, arguments: &[&str]) -> String {
        text(&self.run(&[&["history"], arguments].concat()))
    }

    fn runs(&self) -> usize {
        self.history(&["--json"]).matches("\"kind\":\"watch\"").count()
    }
}

/// Leads each connection to where the road leads just then; where it leads nowhere, hangs up.
async fn lead(listener: TcpListener, ways: Vec<SocketAddr>, leads_to: Arc<AtomicUsize>) {
    loop {
        let Ok((mut client, _)) = listener.accept().await else { continue };
        let Some(&way) = ways.get(leads_to.load(Ordering::SeqCst)) else { continue };
        tokio::spawn(async move {
            let mut server = TcpStream::connect(way).await.unwrap();
            // Whoever hangs up first ends it for both.
            let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

/// A watch under way.
struct Watch<'t> {
    town: &'t Town,
    child: Child,
    lines: Receiver<String>,
    talk: Arc<Mutex<String>>,
}

impl<'t> Watch<'t> {
    fn begin(town: &'t Town, arguments: &[&str]) -> Self {
        let mut child = town.command(&[&["watch"], arguments].concat()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let talk = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&talk);
        thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| heard.lock().unwrap().push_str(&(line + "\n"))));
        Self { town, child, lines, talk }
    }

    /// Waits for the next line.
    fn says(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).unwrap(),
            Err(error) => panic!("{error}: {}\n{}", self.talk.lock().unwrap(), self.town.history(&[])),
        }
    }

    /// Waits for so many whole runs, and for no line.
    fn keeps_silent(&mut self, runs: usize) {
        // One more, for one may have been under way.
        let (until, enough) = (Instant::now() + PATIENCE, self.town.runs() + runs + 1);
        while self.town.runs() < enough {
            assert!(Instant::now() < until, "it runs no more: {}", self.talk.lock().unwrap());
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Err(RecvTimeoutError::Timeout) => {}
                heard => panic!("{heard:?}\n{}", self.town.history(&[])),
            }
        }
    }

    /// Presses Ctrl-C, and returns the exit status.
    fn interrupt(&mut self) -> Option<i32> {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        let until = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status.code(),
                None if Instant::now() > until => panic!("it does not end"),
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);
