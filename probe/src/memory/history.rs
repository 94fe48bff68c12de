//! The history: one entry a run, each bound to all before it; bounded, and without losing a finding.

use std::collections::BTreeMap;

use mintwatch_validator::Report;
use mintwatch_validator::evidence::{Host, Sha256};
use mintwatch_validator::verdict::{Cause, Confidence, Severity, Verdict};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::chain::{BEGINNING, Link};
use super::network::Network;
use super::{Limits, Memory, MemoryError, PAGE, baseline, damaged, digest, told};

/// One entry, as its canonical JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place in the chain, from 1.
    pub number: i64,
    /// What ran.
    pub kind: Kind,
    /// When it ended, in UNIX seconds.
    pub at: u64,
    /// On which network: a label of the user's, or a digest that names nothing.
    pub network: String,
    /// What it amounted to; none where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Summary>,
    /// What holds of this network after it; none where too little was measured to say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standing: Option<Standing>,
    /// The cause of each `host:port`, the worst that was measured where it was asked more than once.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub hosts: BTreeMap<String, Cause>,
    /// How many more hosts were asked than are named.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub hosts_left_out: usize,
    /// The date of each table used, in UNIX seconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tables: BTreeMap<String, i64>,
    /// Tables other than the compiled-in ones were used.
    #[serde(skip_serializing_if = "is_false", default)]
    pub lab_tables: bool,
    /// SHA-256 of all that was recorded of vouched-for networks, and of the salt, after this entry.
    pub recorded: Sha256,
    /// Entries up to this number that were no findings have left.
    pub left: i64,
}

/// What ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `mintwatch baseline`.
    Baseline,
    /// `mintwatch check --keep`.
    Check,
    /// `mintwatch baseline --forget`.
    Forget,
    /// `mintwatch scan --keep`.
    Scan,
    /// One run of `mintwatch watch`.
    Watch,
}

impl Kind {
    /// Returns the word that the documents use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Check => "check",
            Self::Forget => "forget",
            Self::Scan => "scan",
            Self::Watch => "watch",
        }
    }
}

/// A verdict without its reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// What it is.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are.
    pub confidence: Confidence,
}

impl Summary {
    /// Returns the summary of a verdict.
    pub fn of(verdict: &Verdict) -> Self {
        Self { cause: verdict.cause, severity: verdict.severity, confidence: verdict.confidence }
    }

    /// Says whether the entry is a finding: those never leave.
    fn is_finding(self) -> bool {
        self.cause.exit_status() >= Cause::UnexpectedAuthority.exit_status()
    }
}

/// What holds of a network, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// What it is.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// The first run in a row that said so, in UNIX seconds.
    pub since: u64,
}

/// A run, as it is handed to the history.
#[derive(Debug, Clone)]
pub struct Run {
    /// What ran.
    pub kind: Kind,
    /// When it ended, in UNIX seconds.
    pub at: u64,
    /// Where.
    pub network: Network,
    /// What it amounted to; none where nothing was judged.
    pub verdict: Option<Summary>,
    /// The cause and severity that it says of the network; none where too little was measured.
    pub says: Option<(Cause, Severity)>,
    /// The cause of each `host:port`.
    pub hosts: BTreeMap<String, Cause>,
    /// The date of each table used, in UNIX seconds.
    pub tables: BTreeMap<String, i64>,
    /// Tables other than the compiled-in ones were used.
    pub lab_tables: bool,
}

impl Run {
    /// Returns the run that ended in a report; `says` is what it tells of the network.
    pub fn of(report: &Report, kind: Kind, network: Network, says: Option<(Cause, Severity)>) -> Self {
        let mut hosts: BTreeMap<String, Cause> = BTreeMap::new();
        // Of several handshakes with a host, one that did not come about says nothing against the others.
        let rank = |cause: Cause| if cause == Cause::NotMeasured { 0 } else { 1 + cause.exit_status() };
        for host in &report.hosts {
            let cause = hosts.entry(host_and_port(&host.host, host.port)).or_insert(host.verdict.cause);
            if rank(host.verdict.cause) > rank(*cause) {
                *cause = host.verdict.cause;
            }
        }
        Self {
            kind,
            at: report.collected_at,
            network,
            verdict: Some(Summary::of(&report.verdict)),
            says,
            hosts,
            tables: report.tables.iter().map(|used| (used.table.name.clone(), used.table.as_of)).collect(),
            lab_tables: report.lab_tables.is_some(),
        }
    }

    /// Returns a run that judged nothing.
    pub fn unjudged(kind: Kind, network: Network, at: u64) -> Self {
        let (hosts, tables) = (BTreeMap::new(), BTreeMap::new());
        Self { kind, at, network, verdict: None, says: None, hosts, tables, lab_tables: false }
    }
}

/// Writes a host and its port the way people do.
pub fn host_and_port(host: &Host, port: u16) -> String {
    if host.as_str().contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// What became of a run.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The entry.
    pub entry: Entry,
    /// The head of the chain now.
    pub head: Sha256,
    /// What held of the network before, and when that was seen last, in UNIX seconds.
    pub before: Option<(Standing, u64)>,
}

/// What verifying a history gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries are there.
    pub entries: usize,
    /// How many there have ever been.
    pub links: i64,
    /// The head of the chain.
    pub head: Sha256,
    /// What is wrong, the first [`MOST_FAULTS`]; nothing, when it is whole.
    pub faults: Vec<Fault>,
}

/// Something that was changed after it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The entry it was found at; none when it is none of them.
    pub number: Option<i64>,
    /// What is wrong.
    pub why: &'static str,
}

impl Memory {
    /// Adds a run.
    ///
    /// # Errors
    /// [`MemoryError`]; then nothing was added.
    pub fn append(&mut self, run: Run) -> Result<Appended, MemoryError> {
        let appended = self.append_all([run])?;
        appended.ok_or_else(|| told(&self.path, &damaged("nothing was added")))
    }

    /// Adds many runs at once, all or none.
    ///
    /// # Errors
    /// [`MemoryError`]; then nothing was added.
    pub fn append_all(&mut self, runs: impl IntoIterator<Item = Run>) -> Result<Option<Appended>, MemoryError> {
        let (path, limits) = (self.path.clone(), self.limits);
        let transaction = self.begin()?;
        let added = Pen::lay(&transaction, limits).and_then(|mut pen| {
            let mut last = None;
            for run in runs {
                last = Some(pen.write(run)?);
            }
            Ok(last)
        });
        let added = added.and_then(|added| transaction.commit().map(|()| added));
        added.map_err(|error| told(&path, &error))
    }

    /// Changes what is recorded and adds the run that did it, both or neither.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
        run: Run,
    ) -> Result<(T, Appended), MemoryError> {
        let (path, limits) = (self.path.clone(), self.limits);
        let transaction = self.begin()?;
        let done = Pen::lay(&transaction, limits).and_then(|mut pen| {
            let changed = change(&transaction)?;
            pen.recorded = baseline::recorded(&transaction)?;
            Ok((changed, pen.write(run)?))
        });
        let done = done.and_then(|done| transaction.commit().map(|()| done));
        done.map_err(|error| told(&path, &error))
    }

    /// Hands out every link with its content, oldest first; no content where it has left.
    ///
    /// # Errors
    /// [`MemoryError`] of the database, or what `visit` returns.
    pub fn each<E: From<MemoryError>>(&self, mut visit: impl FnMut(i64, &Link, Option<&str>) -> Result<(), E>) -> Result<(), E> {
        let failed = |error| E::from(self.told(&error));
        let mut statement = self.connection.prepare(LINKS).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let row = Row::read(row).map_err(failed)?;
            visit(row.number, &row.link, row.content.as_deref())?;
        }
        Ok(())
    }

    /// Returns the head of the chain.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn head(&self) -> Result<Sha256, MemoryError> {
        last_link(&self.connection).map(|(_, head)| head).map_err(|error| self.told(&error))
    }

    /// Returns the number of the entry that had this hash, if any ever had.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn number_of(&self, hash: &Sha256) -> Result<Option<i64>, MemoryError> {
        let found = self.connection.query_row("SELECT number FROM links WHERE hash = ?1", params![hash.0], |row| row.get(0));
        found.optional().map_err(|error| self.told(&error))
    }

    /// Follows the whole chain and holds every content against it.
    ///
    /// # Errors
    /// [`MemoryError`] when the database cannot be read; a change that it allows is a [`Fault`].
    pub fn verify(&self) -> Result<Verified, MemoryError> {
        // One view of all tables, whatever others write meanwhile.
        let transaction = self.connection.unchecked_transaction().map_err(|error| self.told(&error))?;
        verify(&transaction).map_err(|error| self.told(&error))
    }
}

/// As [`Memory::verify`], inside a transaction of the caller's.
pub(super) fn verify(connection: &Connection) -> rusqlite::Result<Verified> {
    let newest = newest(connection)?;
    let left = newest.as_ref().map_or(0, |entry| entry.left);
    let mut verified = Verified { entries: 0, links: 0, head: BEGINNING, faults: Vec::new() };
    let mut statement = connection.prepare(LINKS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Ok(row) = Row::read(row) else {
            verified.fault(None, "an entry cannot be read");
            continue;
        };
        if row.number != verified.links + 1 {
            verified.fault(Some(verified.links + 1), "it is missing");
        } else if !row.link.follows(&verified.head) {
            verified.fault(Some(row.number), "it does not follow the one before");
        }
        if let Some(why) = row.fault(left) {
            verified.fault(Some(row.number), why);
        }
        verified.entries += usize::from(row.content.is_some());
        (verified.links, verified.head) = (row.number, row.link.hash);
    }
    let strays = "SELECT count(*) FROM entries WHERE number NOT IN (SELECT number FROM links)";
    if connection.query_row(strays, [], |row| row.get::<_, i64>(0))? > 0 {
        verified.fault(None, "an entry is in no chain");
    }
    match newest {
        Some(entry) if entry.number == verified.links && entry.recorded == baseline::recorded(connection)? => {}
        None if verified.links == 0 && baseline::is_empty(connection)? => {}
        Some(entry) if entry.number == verified.links => verified.fault(None, "what was recorded of vouched-for networks was changed"),
        _ => verified.fault(Some(verified.links), "the newest entry is missing"),
    }
    Ok(verified)
}

impl Verified {
    fn fault(&mut self, number: Option<i64>, why: &'static str) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { number, why });
        }
    }
}

/// One link as the tables hold it, with its content if that is still there.
struct Row {
    number: i64,
    link: Link,
    network: Option<String>,
    finding: Option<bool>,
    content: Option<String>,
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let link = Link { finding: row.get(1)?, digest: digest(row, 2)?, hash: digest(row, 3)? };
        Ok(Self { number: row.get(0)?, link, network: row.get(4)?, finding: row.get(5)?, content: row.get(6)? })
    }

    /// Returns what is wrong with the content, or with its not being there.
    fn fault(&self, left: i64) -> Option<&'static str> {
        let Some(content) = &self.content else {
            let may_have_left = !self.link.finding && self.number <= left;
            return (!may_have_left).then_some("its content is missing");
        };
        if Sha256::of(content.as_bytes()) != self.link.digest {
            return Some("its content was changed");
        }
        let Ok(entry) = serde_json::from_str::<Entry>(content) else { return Some("its content cannot be read") };
        let finding = entry.is_finding();
        let fits = entry.number == self.number
            && self.network.as_deref() == Some(entry.network.as_str())
            && self.finding == Some(finding)
            && self.link.finding == finding;
        (!fits).then_some("its content does not fit its place")
    }
}

impl Entry {
    fn is_finding(&self) -> bool {
        self.verdict.is_some_and(Summary::is_finding)
    }
}

/// Writes entries inside one transaction.
struct Pen<'t> {
    transaction: &'t Transaction<'t>,
    limits: Limits,
    number: i64,
    head: Sha256,
    kept: usize,
    left: i64,
    recorded: Sha256,
    /// What holds of each network written of so far, and when that was seen last.
    standing: BTreeMap<Network, Option<(Standing, u64)>>,
}

impl<'t> Pen<'t> {
    fn lay(transaction: &'t Transaction<'t>, limits: Limits) -> rusqlite::Result<Self> {
        let (number, head) = last_link(transaction)?;
        let kept: i64 = transaction.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
        // Not asked of the tables again: what somebody else changed in them would pass for ours from then on.
        let (left, recorded) = match newest(transaction)? {
            Some(entry) if entry.number == number => (entry.left, entry.recorded),
            None if number == 0 => (0, baseline::recorded(transaction)?),
            _ => return Err(damaged("its newest entry is missing or was changed")),
        };
        let kept = usize::try_from(kept).unwrap_or(0);
        Ok(Self { transaction, limits, number, head, kept, left, recorded, standing: BTreeMap::new() })
    }

    fn write(&mut self, run: Run) -> rusqlite::Result<Appended> {
        // Asked before room is made: what it says may be what leaves.
        let before = match self.standing.get(&run.network) {
            Some(known) => *known,
            None => standing(self.transaction, &run.network)?,
        };
        self.make_room()?;
        let network = run.network.clone();
        let entry = self.entry(run, before.map(|(standing, _)| standing));
        let content = serde_json::to_string(&entry).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let link = Link::after(&self.head, entry.is_finding(), &content);
        let place = params![entry.number, link.finding, link.digest.0, link.hash.0];
        self.transaction.prepare_cached("INSERT INTO links (number, finding, digest, hash) VALUES (?1, ?2, ?3, ?4)")?.execute(place)?;
        let row = params![entry.number, network.as_str(), link.finding, content];
        self.transaction.prepare_cached("INSERT INTO entries (number, network, finding, content) VALUES (?1, ?2, ?3, ?4)")?.execute(row)?;
        (self.number, self.head) = (entry.number, link.hash);
        self.kept += 1;
        self.standing.insert(network, entry.standing.map(|standing| (standing, entry.at)).or(before));
        Ok(Appended { entry, head: self.head, before })
    }

    fn entry(&self, run: Run, before: Option<Standing>) -> Entry {
        let since = |cause, severity| match before {
            Some(before) if (before.cause, before.severity) == (cause, severity) => before.since,
            _ => run.at,
        };
        let standing = run.says.map(|(cause, severity)| Standing { cause, severity, since: since(cause, severity) });
        let mut hosts = run.hosts;
        let hosts_left_out = hosts.len().saturating_sub(MOST_HOSTS);
        if hosts_left_out > 0 {
            let mut worst: Vec<_> = hosts.into_iter().collect();
            worst.sort_by_key(|(_, cause)| std::cmp::Reverse(cause.exit_status()));
            worst.truncate(MOST_HOSTS);
            hosts = worst.into_iter().collect();
        }
        Entry {
            number: self.number + 1,
            kind: run.kind,
            at: run.at,
            network: run.network.as_str().to_owned(),
            verdict: run.verdict,
            standing,
            hosts,
            hosts_left_out,
            tables: run.tables,
            lab_tables: run.lab_tables,
            recorded: self.recorded,
            left: self.left,
        }
    }

    /// Lets the oldest contents leave that are no findings; their links stay.
    fn make_room(&mut self) -> rusqlite::Result<()> {
        while self.kept >= self.limits.entries || used(self.transaction)? > self.limits.bytes {
            let mut oldest = self.transaction.prepare_cached("SELECT min(number) FROM entries WHERE finding = 0")?;
            let Some(number) = oldest.query_row([], |row| row.get::<_, Option<i64>>(0))? else { return Ok(()) };
            self.transaction.prepare_cached("DELETE FROM entries WHERE number = ?1")?.execute([number])?;
            self.left = self.left.max(number);
            self.kept = self.kept.saturating_sub(1);
        }
        Ok(())
    }
}

/// Returns how many bytes of the file are in use.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let mut pages = connection.prepare_cached("SELECT page_count - freelist_count FROM pragma_page_count(), pragma_freelist_count()")?;
    let pages: i64 = pages.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(pages).unwrap_or(0).saturating_mul(PAGE))
}

fn last_link(connection: &Connection) -> rusqlite::Result<(i64, Sha256)> {
    let mut last = connection.prepare_cached("SELECT number, hash FROM links ORDER BY number DESC LIMIT 1")?;
    let last = last.query_row([], |row| Ok((row.get(0)?, digest(row, 1)?))).optional()?;
    Ok(last.unwrap_or((0, BEGINNING)))
}

/// Returns the newest entry, if it can be read.
fn newest(connection: &Connection) -> rusqlite::Result<Option<Entry>> {
    let mut newest = connection.prepare_cached("SELECT content FROM entries ORDER BY number DESC LIMIT 1")?;
    let content: Option<String> = newest.query_row([], |row| row.get(0)).optional()?;
    Ok(content.and_then(|content| serde_json::from_str(&content).ok()))
}

/// Looks whether what is recorded of networks is what the newest entry says.
pub(super) fn check_recorded(connection: &Connection) -> rusqlite::Result<()> {
    let untouched = match newest(connection)? {
        Some(entry) => entry.recorded == baseline::recorded(connection)?,
        None => baseline::is_empty(connection)?,
    };
    if untouched { Ok(()) } else { Err(damaged("what was recorded of vouched-for networks was changed")) }
}

/// Returns what holds of a network, and when that was seen last.
fn standing(connection: &Connection, network: &Network) -> rusqlite::Result<Option<(Standing, u64)>> {
    let query = "SELECT content FROM entries WHERE network = ?1 ORDER BY number DESC LIMIT ?2";
    let mut newest = connection.prepare_cached(query)?;
    let mut rows = newest.query(params![network.as_str(), MOST_LOOKED_BACK])?;
    while let Some(row) = rows.next()? {
        let content: String = row.get(0)?;
        let entry = serde_json::from_str::<Entry>(&content).ok();
        if let Some((standing, at)) = entry.and_then(|entry| Some((entry.standing?, entry.at))) {
            return Ok(Some((standing, at)));
        }
    }
    Ok(None)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

const LINKS: &str = "SELECT links.number, links.finding, links.digest, links.hash, entries.network, entries.finding, entries.content \
                     FROM links LEFT JOIN entries ON entries.number = links.number ORDER BY links.number";
/// How many hosts an entry names.
const MOST_HOSTS: usize = 1_000;
/// How many faults are told.
pub const MOST_FAULTS: usize = 100;
/// How many entries of a network are looked through for one that measured enough.
const MOST_LOOKED_BACK: i64 = 1_000;
