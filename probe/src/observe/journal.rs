//! The journal: each connection is written down before it is made, and crossed out after it. Who crashes us at the very
//! host he intercepts, or by what he answers in place of a resolver or a page, leaves an entry that is not crossed out, and
//! the next run shows it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use mintwatch_validator::evidence::{Host, Target, Transport};

use crate::places::make_private;

use super::tls::unix_milliseconds;

/// The journal of one run: a file of its own, locked as long as the run lives.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    next: AtomicU64,
}

/// A connection that was begun by a run that died before it was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Whom it went to.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// What for.
    pub purpose: Purpose,
    /// When it was begun, in UNIX milliseconds.
    pub at: u64,
}

/// What a connection was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A handshake over TCP.
    Handshake,
    /// A handshake inside QUIC.
    QuicHandshake,
    /// Questions to a resolver elsewhere.
    Questions,
    /// A page in plain HTTP that tells of clocks and portals.
    Page,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Handshake, Self::QuicHandshake, Self::Questions, Self::Page];

    /// Returns what a handshake with a target is called.
    pub(super) fn with(target: &Target) -> Self {
        if target.transport == Transport::Quic { Self::QuicHandshake } else { Self::Handshake }
    }

    /// Returns its word in the journal.
    fn word(self) -> &'static str {
        match self {
            Self::Handshake => "tcp",
            Self::QuicHandshake => "quic",
            Self::Questions => "dns",
            Self::Page => "http",
        }
    }
}

impl Journal {
    /// Opens a journal for a new run below `folder`, and returns it with what dead runs left unfinished there. Each
    /// death is told once.
    ///
    /// # Errors
    /// What the system said.
    pub fn open(folder: &Path) -> io::Result<(Self, Vec<Death>)> {
        make_private(folder)?;
        let deaths = deaths(folder)?;
        let path = folder.join(format!("{}-{:016x}.{EXTENSION}", std::process::id(), rand::random::<u64>()));
        // It gets its name with the lock on it: a journal without a lock is a dead run's.
        let unnamed = path.with_extension("new");
        let file = File::create_new(&unnamed)?;
        file.lock()?;
        fs::rename(&unnamed, &path)?;
        Ok((Self { path, file: Mutex::new(file), next: AtomicU64::new(0) }, deaths))
    }

    /// Writes down that a connection is about to be made; what comes back crosses it out.
    pub(super) fn begin(&self, purpose: Purpose, host: &Host, port: u16) -> Entry<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.write(&format!("{BEGUN} {number} {} {host} {port} {}\n", purpose.word(), unix_milliseconds()));
        Entry { journal: self, number }
    }

    /// One line is one write: a run that is killed leaves whole lines, and at most one that was cut off at the end.
    fn write(&self, line: &str) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not keep anybody from looking.
        let _lost = file.write_all(line.as_bytes());
    }
}

/// The run is over and everything in it is crossed out.
impl Drop for Journal {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.path);
    }
}

/// An entry that is not crossed out yet. Only [`Entry::end`] does that: a panic unwinds past it, and is a death too.
#[derive(Debug)]
#[must_use]
pub(super) struct Entry<'j> {
    journal: &'j Journal,
    number: u64,
}

impl Entry<'_> {
    /// Crosses it out.
    pub(super) fn end(self) {
        self.journal.write(&format!("{ENDED} {}\n", self.number));
    }
}

/// Reads and removes the journals of runs that are dead.
fn deaths(folder: &Path) -> io::Result<Vec<Death>> {
    let mut deaths = Vec::new();
    for entry in fs::read_dir(folder)?.flatten().take(MOST_JOURNALS) {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        // Whoever lives holds the lock.
        if file.try_lock().is_err() {
            continue;
        }
        let mut text = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut text)?;
        deaths.extend(unfinished(&String::from_utf8_lossy(&text)));
        fs::remove_file(&path)?;
    }
    deaths.sort_by_key(|death: &Death| death.at);
    Ok(deaths)
}

/// Returns what was begun and never ended. A line that cannot be read was cut off, and tells nothing.
fn unfinished(text: &str) -> Vec<Death> {
    let mut open: Vec<(&str, Death)> = Vec::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some(BEGUN), Some(number)) => open.extend(read(&mut words).map(|death| (number, death))),
            (Some(ENDED), Some(number)) => open.retain(|(begun, _)| *begun != number),
            _ => {}
        }
    }
    open.into_iter().map(|(_, death)| death).collect()
}

fn read<'l>(words: &mut impl Iterator<Item = &'l str>) -> Option<Death> {
    let word = words.next()?;
    let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.word() == word)?;
    let host = Host::parse(words.next()?).ok()?;
    Some(Death { host, port: words.next()?.parse().ok()?, purpose, at: words.next()?.parse().ok()? })
}

const BEGUN: &str = "begun";
const ENDED: &str = "ended";
const EXTENSION: &str = "journal";
/// How many journals of dead runs are read at once.
const MOST_JOURNALS: usize = 256;
/// How much of one is read, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use std::io::BufRead;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    const CHILD: &str = "MINTWATCH_TEST_JOURNAL";

    fn host(number: u64) -> Host {
        Host::parse(&format!("host{number}.example")).unwrap()
    }

    #[test]
    fn a_run_that_ended_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, deaths) = Journal::open(folder.path()).unwrap();
        assert_eq!(deaths, []);
        journal.begin(Purpose::Handshake, &host(1), 443).end();
        drop(journal);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_run_was_about_is_told() {
        for purpose in Purpose::ALL {
            let resolver = Host::parse("2001:db8::53").unwrap();
            let line = format!("{BEGUN} 0 {} {resolver} 853 7\n", purpose.word());
            assert_eq!(unfinished(&line), [Death { host: resolver, port: 853, purpose, at: 7 }]);
        }
        assert_eq!(unfinished("begun 0 carrier-pigeon a.example 443 5\n"), []);
    }

    #[test]
    fn a_run_that_lives_is_not_taken_for_dead() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let entry = journal.begin(Purpose::Handshake, &host(1), 443);
        assert_eq!(Journal::open(folder.path()).unwrap().1, []);
        entry.end();
    }

    #[test]
    fn a_line_that_was_cut_off_tells_nothing_and_costs_no_other() {
        let text = "begun 0 tcp a.example 443 5\nbegun 1 quic b.example 443 6\nended 0\nbegun 2 tcp c.exam";
        let deaths = unfinished(text);
        assert_eq!((deaths.len(), deaths[0].host.as_str(), deaths[0].purpose), (1, "b.example", Purpose::QuicHandshake));
        assert_eq!(unfinished("nonsense\nended\nbegun x\n\u{fffd}\n"), []);
    }

    /// Not a test of its own: what [`kill_at_any_moment_loses_no_death`] kills.
    #[test]
    fn a_child_that_writes_until_it_is_killed() {
        let Some(folder) = std::env::var_os(CHILD) else { return };
        let (journal, _) = Journal::open(Path::new(&folder)).unwrap();
        let mut out = io::stdout().lock();
        for number in 0.. {
            let entry = journal.begin(Purpose::Handshake, &host(number), 443);
            writeln!(out, "@begun {number}").unwrap();
            writeln!(out, "@ending {number}").unwrap();
            entry.end();
        }
    }

    #[test]
    fn kill_at_any_moment_loses_no_death() {
        let folder = tempfile::tempdir().unwrap();
        let kills = 1_000;
        let mut met = 0;
        for round in 0..kills {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "observe::journal::tests::a_child_that_writes_until_it_is_killed", "--nocapture"])
                .env(CHILD, folder.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = io::BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            assert!(lines.any(|line| line.contains("@begun")), "round {round}");
            std::thread::sleep(Duration::from_micros(rand::random_range(0..500)));
            child.kill().unwrap();
            child.wait().unwrap();
            // What it told of before it died, its last words cut off perhaps.
            let last = lines.filter(|line| line.starts_with('@')).last();
            let (journal, deaths) = Journal::open(folder.path()).unwrap();
            drop(journal);
            assert!(deaths.len() <= 1, "round {round}: {deaths:?}");
            if let Some(number) =
                last.as_deref().and_then(|last| last.strip_prefix("@begun ")).and_then(|number| number.parse::<u64>().ok())
            {
                // The line is written before `ended` can be: this very connection, or one after it, was open.
                assert!(deaths.first().is_some_and(|death| death.host >= host(number) || number > 0), "round {round}: {number} {deaths:?}");
                met += 1;
            }
        }
        assert!(met > kills / 10, "only {met} of {kills} were killed in the middle");
    }
}
