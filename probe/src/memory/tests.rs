//! The history holds what it promises: it is bounded, loses no finding and no run, and tells every change.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use mintwatch_validator::evidence::{Features, Host, Sha256};
use mintwatch_validator::verdict::{Cause, Confidence, Severity};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rusqlite::{Connection, params};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use super::chain::Link;
use super::history::{self, Entry, Kind, Run, Summary};
use super::{Facts, Limits, Memory, MemoryError, Network, Recording, Vouched};

const NOW: u64 = 1_795_000_000;

#[test]
fn what_holds_of_a_network_is_kept_with_the_time_since_when() {
    let home = Home::new();
    let mut memory = home.memory();
    let clear = |at| run(at, "home", Cause::Clear);
    assert_eq!(memory.append(clear(NOW)).unwrap().before, None);
    let again = memory.append(clear(NOW + 10)).unwrap();
    assert_eq!(again.entry.standing.unwrap().since, NOW);
    // Elsewhere something else holds, and where too little was measured the verdict before stays.
    memory.append(run(NOW + 20, "café", Cause::LocalInterception)).unwrap();
    memory.append(Run { says: None, ..run(NOW + 30, "home", Cause::NotMeasured) }).unwrap();
    let changed = memory.append(run(NOW + 40, "home", Cause::LocalInterception)).unwrap();
    let (before, last) = changed.before.unwrap();
    assert_eq!((before.cause, before.since, last), (Cause::Clear, NOW, NOW + 10));
    assert_eq!(changed.entry.standing.unwrap().since, NOW + 40);
    assert!(memory.verify().unwrap().faults.is_empty());
}

#[test]
fn ten_thousand_changes_by_others_are_each_found() {
    let home = Home::new();
    let (mut memory, head) = home.lived_in();
    let mut rng = StdRng::seed_from_u64(1);
    let verified = history::verify(&memory.connection).unwrap();
    assert_eq!((verified.faults.len(), verified.head), (0, head));
    assert_eq!((verified.entries, verified.links), (16, 23), "some contents have left");
    let mut missed = BTreeMap::new();
    for turn in 0..10_000 {
        let transaction = memory.connection.transaction().unwrap();
        let change = turn % CHANGES.len();
        let (name, needs_head, alter) = CHANGES[change];
        alter(&transaction, verified.links, &mut rng);
        let verdict = history::verify(&transaction).unwrap();
        let gone = transaction.query_row("SELECT count(*) = 0 FROM links WHERE hash = ?1", params![head.0], |row| row.get::<_, bool>(0));
        let found = !verdict.faults.is_empty() || (needs_head && gone.unwrap());
        if !found {
            *missed.entry(name).or_insert(0) += 1;
        }
        transaction.rollback().unwrap();
    }
    assert!(missed.is_empty(), "missed: {missed:?}");
    assert!(memory.verify().unwrap().faults.is_empty(), "each change was taken back");
}

type Change = (&'static str, bool, fn(&Connection, i64, &mut StdRng));

/// What somebody may do to the file; whether it takes a head from before to find it.
const CHANGES: [Change; 20] = [
    ("a letter of a content", false, |db, last, rng| {
        let (number, content) = some_entry(db, last, rng);
        let mut letters: Vec<char> = content.chars().collect();
        let at = rng.random_range(0..letters.len());
        letters[at] = if letters[at] == 'x' { 'y' } else { 'x' };
        set_content(db, number, &letters.into_iter().collect::<String>());
    }),
    ("a verdict", false, |db, last, rng| {
        let (number, content) = some_entry(db, last, rng);
        set_content(db, number, &content.replacen("\"severity\":\"", "\"severity\":\"in", 1));
    }),
    ("two contents swapped", false, |db, last, rng| {
        let ((one, its), (other, others)) = two_entries(db, last, rng);
        set_content(db, one, &others);
        set_content(db, other, &its);
    }),
    ("two entries swapped with their digests", false, |db, last, rng| {
        let ((one, its), (other, others)) = two_entries(db, last, rng);
        set_content(db, one, &others);
        set_content(db, other, &its);
        let digest = |text: &str| Sha256::of(text.as_bytes()).0;
        db.execute("UPDATE links SET digest = ?2 WHERE number = ?1", params![one, digest(&others)]).unwrap();
        db.execute("UPDATE links SET digest = ?2 WHERE number = ?1", params![other, digest(&its)]).unwrap();
    }),
    ("two links swapped", false, |db, last, rng| {
        let one = rng.random_range(1..last);
        let other = rng.random_range(one + 1..=last);
        for (from, to) in [(one, -1), (other, one), (-1, other)] {
            db.execute("UPDATE links SET number = ?2 WHERE number = ?1", params![from, to]).unwrap();
        }
    }),
    ("a content deleted", false, |db, last, rng| {
        let (number, _) = some_entry(db, last, rng);
        db.execute("DELETE FROM entries WHERE number = ?1", [number]).unwrap();
    }),
    ("the oldest content deleted", false, |db, _, _| {
        db.execute("DELETE FROM entries WHERE number = (SELECT min(number) FROM entries WHERE finding = 0)", []).unwrap();
    }),
    ("a finding deleted", false, |db, _, _| {
        db.execute("DELETE FROM entries WHERE number = (SELECT min(number) FROM entries WHERE finding = 1)", []).unwrap();
    }),
    ("a finding called none and deleted", false, |db, _, _| {
        db.execute("UPDATE links SET finding = 0 WHERE number = (SELECT min(number) FROM entries WHERE finding = 1)", []).unwrap();
        db.execute("DELETE FROM entries WHERE number = (SELECT min(number) FROM entries WHERE finding = 1)", []).unwrap();
    }),
    ("an entry deleted with its link", false, |db, last, rng| {
        let number = rng.random_range(1..last);
        db.execute("DELETE FROM entries WHERE number = ?1", [number]).unwrap();
        db.execute("DELETE FROM links WHERE number = ?1", [number]).unwrap();
    }),
    ("a link deleted and those after it moved up", false, |db, last, rng| {
        let number = rng.random_range(1..last);
        for table in ["links", "entries"] {
            db.execute(&format!("DELETE FROM {table} WHERE number = ?1"), [number]).unwrap();
            // Twice, by way of negative numbers, for two rows may not have one number in between.
            db.execute(&format!("UPDATE {table} SET number = 1 - number WHERE number > ?1"), [number]).unwrap();
            db.execute(&format!("UPDATE {table} SET number = -number WHERE number < 0"), []).unwrap();
        }
    }),
    ("a bit of a digest", false, |db, last, rng| flip(db, "digest", last, rng)),
    ("a bit of a hash", false, |db, last, rng| flip(db, "hash", last, rng)),
    ("what is a finding", false, |db, last, rng| {
        let (number, _) = some_entry(db, last, rng);
        let table = if rng.random() { "links" } else { "entries" };
        db.execute(&format!("UPDATE {table} SET finding = 1 - finding WHERE number = ?1"), [number]).unwrap();
    }),
    ("a network", false, |db, last, rng| {
        let (number, _) = some_entry(db, last, rng);
        db.execute("UPDATE entries SET network = network || 'x' WHERE number = ?1", [number]).unwrap();
    }),
    ("a content with its digest and hash, and none after it", false, |db, last, rng| {
        let (number, content) = some_entry(db, last - 1, rng);
        let content = content.replacen("\"confidence\":\"strong\"", "\"confidence\":\"weak\"", 1);
        set_content(db, number, &content);
        rewrite(db, number, number);
    }),
    ("what was recorded of a host, or of a network", false, |db, _, rng| {
        let (table, column) =
            [("vouched", "content"), ("vouched", "host"), ("networks", "content"), ("salt", "value")][rng.random_range(0..4)];
        let more = if table == "salt" { "x'00'" } else { "' '" };
        let changed = db.execute(
            &format!("UPDATE {table} SET {column} = CAST({column} || {more} AS {})", if table == "salt" { "BLOB" } else { "TEXT" }),
            [],
        );
        assert!(changed.unwrap() > 0);
    }),
    ("what was recorded deleted", false, |db, _, rng| {
        let table = ["vouched", "networks"][rng.random_range(0..2)];
        db.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }),
    ("the end cut off", true, |db, last, rng| {
        let from = rng.random_range(1..=last);
        for table in ["links", "entries"] {
            db.execute(&format!("DELETE FROM {table} WHERE number >= ?1"), [from]).unwrap();
        }
    }),
    ("a content changed and all after it written anew", true, |db, last, rng| {
        let (number, content) = some_entry(db, last, rng);
        let content = content.replacen("\"confidence\":\"strong\"", "\"confidence\":\"weak\"", 1);
        set_content(db, number, &content);
        rewrite(db, number, last);
    }),
];

fn some_entry(db: &Connection, last: i64, rng: &mut StdRng) -> (i64, String) {
    let all = "SELECT number, content FROM entries WHERE number <= ?1 AND number > 0 ORDER BY number";
    let mut statement = db.prepare(all).unwrap();
    let all: Vec<(i64, String)> = statement.query_map([last], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    all[rng.random_range(0..all.len())].clone()
}

fn two_entries(db: &Connection, last: i64, rng: &mut StdRng) -> ((i64, String), (i64, String)) {
    let one = some_entry(db, last, rng);
    loop {
        let other = some_entry(db, last, rng);
        if other.0 != one.0 {
            return (one, other);
        }
    }
}

fn set_content(db: &Connection, number: i64, content: &str) {
    assert_eq!(db.execute("UPDATE entries SET content = ?2 WHERE number = ?1", params![number, content]).unwrap(), 1);
}

fn flip(db: &Connection, column: &str, last: i64, rng: &mut StdRng) {
    let number = rng.random_range(1..=last);
    let mut value: [u8; 32] = db.query_row(&format!("SELECT {column} FROM links WHERE number = ?1"), [number], |row| row.get(0)).unwrap();
    value[rng.random_range(0..32)] ^= 1 << rng.random_range(0..8);
    db.execute(&format!("UPDATE links SET {column} = ?2 WHERE number = ?1"), params![number, value]).unwrap();
}

/// Makes the links of these entries anew, as somebody would who knows how.
fn rewrite(db: &Connection, from: i64, to: i64) {
    for number in from..=to {
        let before = db.query_row("SELECT hash FROM links WHERE number = ?1", [number - 1], |row| row.get(0)).unwrap_or([0; 32]);
        let content = db.query_row("SELECT content FROM entries WHERE number = ?1", [number], |row| row.get::<_, String>(0)).ok();
        let link = match content {
            Some(content) => {
                let finding = db.query_row("SELECT finding FROM entries WHERE number = ?1", [number], |row| row.get(0)).unwrap();
                Link::after(&Sha256(before), finding, &content)
            }
            None => return,
        };
        db.execute("UPDATE links SET digest = ?2, hash = ?3 WHERE number = ?1", params![number, link.digest.0, link.hash.0]).unwrap();
    }
}

#[test]
fn what_others_changed_is_not_laundered_by_the_next_run() {
    let home = Home::new();
    let (mut memory, _) = home.lived_in();
    memory.connection.execute("UPDATE vouched SET content = replace(content, 'h2', 'h3')", []).unwrap();
    memory.append(run(NOW + 1_000, "home", Cause::Clear)).unwrap();
    assert!(memory.verify().unwrap().faults.iter().any(|fault| fault.why.contains("vouched-for networks")));
    let asked = BTreeSet::from([host(1)]);
    assert!(matches!(memory.remembered(&asked), Err(MemoryError::Damaged { .. })), "nobody builds on it");
    assert!(memory.vouch(&recording(NOW + 2_000, 1), run(NOW + 2_000, "home", Cause::Clear)).is_err());
    assert!(memory.forget(Some(&Network::labelled("home").unwrap()), NOW + 2_000).is_err());
    memory.forget(None, NOW + 3_000).unwrap();
    assert!(memory.verify().unwrap().faults.is_empty(), "to forget all cures it");
    assert_eq!(memory.remembered(&asked).unwrap(), None);
}

#[test]
fn a_hundred_thousand_runs_stay_within_bounds_and_no_finding_is_lost() {
    let home = Home::new();
    let mut memory = home.memory();
    // CPU time, for other tests run beside this one.
    let begun = cpu();
    let (clear, finding) = (large_run(NOW, Cause::Clear), large_run(NOW, Cause::PublicAuthorityInterception));
    let is_finding = |number: u64| number.is_multiple_of(500);
    for thousand in 0..100 {
        let runs = (thousand * 1_000..(thousand + 1) * 1_000).map(|number| {
            let like = if is_finding(number) { &finding } else { &clear };
            Run { at: NOW + number, ..like.clone() }
        });
        memory.append_all(runs).unwrap();
    }
    let took = cpu().saturating_sub(begun);
    let bytes = fs::metadata(home.path()).unwrap().len();
    let verified = memory.verify().unwrap();
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(bytes <= 50 * 1024 * 1024, "{bytes}");
    assert_eq!((verified.faults.len(), verified.entries, verified.links), (0, 10_000, 100_000));
    let mut findings = 0;
    let mut count = |_: i64, link: &Link, content: Option<&str>| {
        findings += usize::from(link.finding && content.is_some());
        Ok::<(), MemoryError>(())
    };
    memory.each(&mut count).unwrap();
    assert_eq!(findings, 200, "every finding is still there");
}

#[test]
fn findings_alone_may_fill_it_and_then_nothing_is_lost_or_written() {
    let home = Home::new();
    let limits = Limits { entries: 5, bytes: 256 * 1024, most_bytes: 512 * 1024 };
    let mut memory = Memory::open_within(&home.path(), limits).unwrap();
    let mut written = 0;
    let error = loop {
        match memory.append(large_run(NOW + written, Cause::LocalInterception)) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, MemoryError::Full(_)), "{error}");
    let verified = memory.verify().unwrap();
    assert_eq!((verified.faults.len(), u64::try_from(verified.entries).unwrap()), (0, written));
    assert!(written > 100 && fs::metadata(home.path()).unwrap().len() <= limits.most_bytes);
}

#[test]
fn where_findings_leave_little_room_what_holds_is_known_all_the_same() {
    let home = Home::new();
    let mut memory = Memory::open_within(&home.path(), Limits { entries: 3, ..Limits::default() }).unwrap();
    for turn in 0..5 {
        memory.append(run(NOW + turn, "home", Cause::LocalInterception)).unwrap();
    }
    for turn in 5..8 {
        memory.append(run(NOW + turn, "home", Cause::Clear)).unwrap();
    }
    let (before, _) = memory.append(run(NOW + 8, "home", Cause::Clear)).unwrap().before.unwrap();
    assert_eq!((before.cause, before.since), (Cause::Clear, NOW + 5));
    assert_eq!(memory.verify().unwrap().entries, 6, "five findings and the newest");
}

#[test]
fn runs_at_the_same_time_are_all_kept() {
    let home = Home::new();
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            let path = home.path();
            thread::spawn(move || {
                for number in 0..20 {
                    // Each opens it anew, as a program of its own would.
                    Memory::open(&path).unwrap().append(run(NOW + worker * 100 + number, "home", Cause::Clear)).unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    let verified = home.memory().verify().unwrap();
    assert_eq!((verified.faults.len(), verified.entries), (0, 160));
}

#[test]
fn a_second_time_adds_to_what_is_recorded_and_a_leaf_is_never_in_it() {
    let home = Home::new();
    let mut memory = home.memory();
    let run = |at| run(at, "home", Cause::Clear);
    let (gained, _) = memory.vouch(&recording(NOW, 1), run(NOW)).unwrap();
    assert_eq!(gained[&host(1)], 2);
    let mut later = recording(NOW + 60, 2);
    let both = later.hosts.remove(&host(1)).unwrap();
    later.hosts.insert(host(1), Vouched { authorities: BTreeMap::from([(key(1), NOW + 60), (key(77), NOW + 60)]), ..both });
    let (gained, _) = memory.vouch(&later, run(NOW + 60)).unwrap();
    assert_eq!((gained[&host(1)], gained[&host(2)]), (1, 2));
    let remembered = memory.remembered(&BTreeSet::from([host(1)])).unwrap().unwrap();
    assert_eq!(remembered.len(), 1);
    let mut expected = vec![key(1), key(101), key(77)];
    expected.sort();
    assert_eq!((remembered[0].at, &remembered[0].authorities), (NOW + 60, &expected));
    assert_eq!(remembered[0].owners, ["Meridian"]);
    assert_eq!(memory.remembered(&BTreeSet::from([host(9)])).unwrap().unwrap(), [], "somebody looked, and nothing is known");
}

#[test]
fn sets_grow_to_a_bound_and_what_was_not_seen_for_longest_leaves() {
    let home = Home::new();
    let mut memory = home.memory();
    for turn in 0..100_u8 {
        let at = NOW + u64::from(turn);
        let mut recording = recording(at, 1);
        let seen = recording.hosts.get_mut(&host(1)).unwrap();
        seen.authorities = BTreeMap::from([(key(turn), at)]);
        memory.vouch(&recording, run(at, "home", Cause::Clear)).unwrap();
    }
    let remembered = memory.remembered(&BTreeSet::from([host(1)])).unwrap().unwrap();
    assert_eq!(remembered[0].authorities.len(), 64);
    assert!(remembered[0].authorities.contains(&key(99)) && !remembered[0].authorities.contains(&key(35)));
}

#[test]
fn what_tells_a_network_apart_is_nowhere_in_the_file() {
    let root = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "proc/net/route",
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\ncanary0 00000000 FE4D3B0A 0003 0 0 600 00000000 0 0 0\n",
    );
    write("proc/net/arp", "IP address HW type Flags HW address Mask Device\n10.59.77.254 0x1 0x2 02:ca:4a:79:5e:1d * canary0\n");
    write("etc/resolv.conf", "nameserver 10.59.77.53\nsearch canary-ssid.test\n");
    let home = Home::new();
    let mut memory = home.memory();
    let network = memory.name(&Facts::read(root.path()));
    assert!(network.as_str().starts_with('~'), "the facts were read");
    memory.append(Run { network: network.clone(), ..run(NOW, "x", Cause::LocalInterception) }).unwrap();
    memory.vouch(&recording(NOW, 3), Run { network, ..run(NOW, "x", Cause::Clear) }).unwrap();
    drop(memory);
    let raw = fs::read(home.path()).unwrap();
    let holds = |needle: &[u8]| raw.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"host1.example"), "the raw file can be searched");
    for canary in ["canary", "10.59.77", "FE4D3B0A", "02:ca:4a:79:5e:1d", "02ca4a795e1d", "ca:4a:79"] {
        assert!(!holds(canary.as_bytes()), "{canary}");
    }
    for canary in [&[10, 59, 77, 254][..], &[10, 59, 77, 53], &[0x02, 0xca, 0x4a, 0x79, 0x5e, 0x1d]] {
        assert!(!holds(canary), "{canary:?}");
    }
}

#[test]
fn what_was_forgotten_is_gone_from_the_disk() {
    let home = Home::new();
    let mut memory = home.memory();
    memory.vouch(&recording(NOW, 50), run(NOW, "home", Cause::Clear)).unwrap();
    let holds = |needle: &str| fs::read(home.path()).unwrap().windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("Meridian"));
    assert_eq!(memory.forget(Some(&Network::labelled("elsewhere").unwrap()), NOW).unwrap(), 0);
    assert_eq!(memory.forget(Some(&Network::labelled("home").unwrap()), NOW).unwrap(), 1);
    assert!(!holds("Meridian"), "secure_delete writes over it");
}

#[test]
fn a_damaged_foreign_or_newer_file_is_told_and_left_as_it_is() {
    let home = Home::new();
    drop(home.lived_in());
    let whole = fs::read(home.path()).unwrap();
    let mut torn = whole.clone();
    torn.truncate(whole.len() / 2);
    let mut holed = whole.clone();
    holed[4_096..12_288].fill(0xa5);
    for (bytes, what) in [(torn, "torn"), (holed, "holed"), (b"this is no database, whatever its name says".repeat(100), "text")] {
        fs::write(home.path(), &bytes).unwrap();
        let error = Memory::open(&home.path()).unwrap_err();
        assert!(error.is_damage(), "{what}: {error}");
        assert!(error.hint().unwrap().contains("left as it is"));
        assert_eq!(fs::read(home.path()).unwrap(), bytes, "{what}");
    }
    for (pragma, expected) in [("application_id = 7", "another program's"), ("user_version = 99", "version 99")] {
        fs::write(home.path(), &whole).unwrap();
        Connection::open(home.path()).unwrap().execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        let error = Memory::open(&home.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    fs::write(home.path(), &whole).unwrap();
    Connection::open(home.path())
        .unwrap()
        .execute_batch("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END")
        .unwrap();
    assert!(Memory::open(&home.path()).unwrap_err().is_damage());
    fs::write(home.path(), &whole).unwrap();
    Connection::open(home.path()).unwrap().execute_batch("DELETE FROM salt").unwrap();
    assert!(Memory::open(&home.path()).unwrap_err().is_damage(), "names without a salt could be guessed by anybody");
}

#[cfg(unix)]
#[test]
fn the_file_and_its_folder_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state/mintwatch/history.db");
    let mut memory = Memory::open(&path).unwrap();
    memory.append(run(NOW, "home", Cause::Clear)).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn the_hosts_that_an_entry_names_are_bounded_and_the_worst_stay() {
    let home = Home::new();
    let hosts = (0..3_000)
        .map(|number| (format!("host{number}.example:443"), if number == 2_999 { Cause::LocalInterception } else { Cause::Clear }));
    let appended = home.memory().append(Run { hosts: hosts.collect(), ..run(NOW, "home", Cause::LocalInterception) }).unwrap();
    assert_eq!((appended.entry.hosts.len(), appended.entry.hosts_left_out), (1_000, 2_000));
    assert_eq!(appended.entry.hosts["host2999.example:443"], Cause::LocalInterception);
}

#[test]
fn an_entry_read_and_written_again_is_the_same_to_the_byte() {
    let home = Home::new();
    let (memory, _) = home.lived_in();
    let mut seen = 0;
    let mut compare = |_: i64, _: &Link, content: Option<&str>| {
        if let Some(content) = content {
            let entry: Entry = serde_json::from_str(content).unwrap();
            assert_eq!(serde_json::to_string(&entry).unwrap(), content);
            seen += 1;
        }
        Ok::<(), MemoryError>(())
    };
    memory.each(&mut compare).unwrap();
    assert_eq!(seen, 16);
}

/// A folder with a history in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("history.db")
    }

    fn memory(&self) -> Memory {
        Memory::open(&self.path()).unwrap()
    }

    /// A history with baselines, findings, and some contents that have left; and its head.
    fn lived_in(&self) -> (Memory, Sha256) {
        let limits = Limits { entries: 16, ..Limits::default() };
        let mut memory = Memory::open_within(&self.path(), limits).unwrap();
        for turn in 0..21 {
            let cause = if turn % 7 == 3 { Cause::LocalInterception } else { Cause::Clear };
            memory.append(run(NOW + turn, "home", cause)).unwrap();
        }
        memory.vouch(&recording(NOW + 30, 3), run(NOW + 30, "home", Cause::Clear)).unwrap();
        let (_, appended) = memory.vouch(&recording(NOW + 40, 2), run(NOW + 40, "office", Cause::Clear)).unwrap();
        (memory, appended.head)
    }
}

fn run(at: u64, network: &str, cause: Cause) -> Run {
    let severity = if cause == Cause::Clear { Severity::Info } else { Severity::High };
    Run {
        kind: Kind::Watch,
        at,
        network: Network::labelled(network).unwrap(),
        verdict: Some(Summary { cause, severity, confidence: Confidence::Strong }),
        says: Some((cause, severity)),
        hosts: BTreeMap::from([("www.bank.example:443".to_owned(), cause)]),
        tables: BTreeMap::from([("anchors".to_owned(), 1_792_713_600)]),
        lab_tables: false,
    }
}

/// A run as `mintwatch scan` makes it: twenty hosts, seventeen tables.
fn large_run(at: u64, cause: Cause) -> Run {
    let hosts = (0..20).map(|number| (format!("www.some-operator-{number}.example:443"), cause)).collect();
    let tables = (0..17).map(|number| (format!("some-table-{number}"), 1_792_713_600)).collect();
    Run { hosts, tables, ..run(at, "home", cause) }
}

/// Returns the CPU time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn host(number: u8) -> (Host, u16) {
    (Host::parse(&format!("host{number}.example")).unwrap(), 443)
}

fn key(number: u8) -> Sha256 {
    Sha256([number; 32])
}

fn recording(at: u64, hosts: u8) -> Recording {
    let seen = |number: u8| Vouched {
        first: at,
        last: at,
        authorities: BTreeMap::from([(key(number), at), (key(100 + number), at)]),
        owners: BTreeMap::from([("Meridian".to_owned(), at)]),
        features: Features { alpn: vec!["h2".to_owned()], ..Features::default() },
    };
    Recording {
        at,
        hosts: (1..=hosts).map(|number| (host(number), seen(number))).collect(),
        left_out: BTreeMap::new(),
        anchors: BTreeSet::from([key(200)]),
    }
}
