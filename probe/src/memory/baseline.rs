//! What was seen of hosts on networks that the user vouched for: sets of authorities, never a certificate.

use std::collections::{BTreeMap, BTreeSet};

use mintwatch_validator::evidence::{Evidence, Features, Host, Observation, Remembered, RememberedFrom, Sha256};
use mintwatch_validator::report::HostReport;
use mintwatch_validator::verdict::Cause;
use mintwatch_validator::{Report, Tables};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::history::{Appended, Kind, Run, check_recorded};
use super::network::{ALL, Network};
use super::{Memory, MemoryError, salt};

/// What is recorded of one host and port on one network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vouched {
    /// When it was recorded first, in UNIX seconds.
    pub first: u64,
    /// When it was seen last, in UNIX seconds.
    pub last: u64,
    /// SHA-256 of the SubjectPublicKeyInfo of every CA and trust anchor on an accepted path, and when it was seen last.
    pub authorities: BTreeMap<Sha256, u64>,
    /// The organisations behind those trust anchors, and when each was seen last.
    pub owners: BTreeMap<String, u64>,
    /// What its servers took part in.
    pub features: Features,
}

/// What is recorded of one network as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VouchedNetwork {
    /// When it was vouched for first, in UNIX seconds.
    pub first: u64,
    /// When it was vouched for last, in UNIX seconds.
    pub last: u64,
    /// SHA-256 of every trust anchor that this machine had then.
    pub anchors: BTreeSet<Sha256>,
}

/// How many authorities each host gained.
pub type Gained = BTreeMap<(Host, u16), usize>;

/// A network, and every host and port that was recorded on it.
pub type Shown = (Network, VouchedNetwork, Vec<(Host, u16, Vouched)>);

/// What a run saw that may be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// When it ended, in UNIX seconds.
    pub at: u64,
    /// What was seen of hosts that were clear, or internal.
    pub hosts: BTreeMap<(Host, u16), Vouched>,
    /// The others, and why not.
    pub left_out: BTreeMap<(Host, u16), Cause>,
    /// The trust anchors of this machine.
    pub anchors: BTreeSet<Sha256>,
}

impl Recording {
    /// Takes from a run what may be recorded of it.
    ///
    /// A host is recorded whose every handshake that came about was clear, or its name internal: a doubtful one is no baseline.
    pub fn of(evidence: &Evidence, report: &Report, tables: &Tables) -> Self {
        let anchors = evidence.surroundings.anchors.yes().into_iter().flatten().map(|anchor| anchor.sha256).take(MOST_ANCHORS);
        let mut recording = Self { at: report.collected_at, hosts: BTreeMap::new(), left_out: BTreeMap::new(), anchors: anchors.collect() };
        let mut doubtful = BTreeSet::new();
        for (host, observation) in report.hosts.iter().zip(&evidence.observations) {
            let key = (host.host.clone(), host.port);
            match host.verdict.cause {
                Cause::Clear | Cause::InternalName if host.failure.is_none() => {
                    recording.hosts.entry(key).or_default().add(seen(host, observation, tables));
                }
                // A handshake that did not come about says nothing against the others with that host.
                cause @ (Cause::Clear | Cause::InternalName | Cause::NotMeasured) => {
                    recording.left_out.entry(key).or_insert(cause);
                }
                cause => {
                    doubtful.insert(key.clone());
                    recording.left_out.insert(key, cause);
                }
            }
        }
        recording.hosts.retain(|key, seen| !doubtful.contains(key) && !seen.authorities.is_empty());
        recording.left_out.retain(|key, _| !recording.hosts.contains_key(key));
        recording
    }
}

fn seen(host: &HostReport, observation: &Observation, tables: &Tables) -> Vouched {
    let at = host.at / 1000;
    let mut seen = Vouched { first: at, last: at, ..Vouched::default() };
    for path in host.paths.iter().filter(|path| path.refused.is_none()) {
        let Some(anchor) = path.anchor.and_then(|anchor| host.anchors.get(anchor)) else { continue };
        let above = path.certificates.iter().skip(1).filter_map(|&index| host.chain.get(index));
        seen.authorities.extend(above.map(|certificate| (certificate.spki_sha256, at)));
        seen.authorities.insert(anchor.spki_sha256, at);
        if let Some(public) = tables.anchor(&anchor.sha256) {
            seen.owners.insert(public.owner.to_owned(), at);
        }
    }
    if let Some(tls) = observation.tls.yes() {
        let one = |name: Option<&String>| name.filter(|name| is_name(name)).cloned().into_iter().collect();
        seen.features.versions = one(Some(&tls.version));
        seen.features.alpn = one(tls.alpn.yes());
        seen.features.groups = one(tls.group.yes());
    }
    seen.features.ocsp_staple = observation.ocsp_staple.yes().is_some_and(|staple| !staple.as_slice().is_empty());
    seen
}

/// Says whether a peer's word is one that IANA might have registered.
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.len() <= LONGEST_NAME && word.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Vouched {
    /// Adds what was seen another time. Sets grow to a bound; then what was not seen for longest leaves.
    fn add(&mut self, seen: Self) {
        self.first = if self.last == 0 { seen.first } else { self.first.min(seen.first) };
        self.last = self.last.max(seen.last);
        add(&mut self.authorities, seen.authorities, MOST_AUTHORITIES);
        add(&mut self.owners, seen.owners, MOST_OWNERS);
        let union = |mine: &mut Vec<String>, theirs: Vec<String>| {
            let all: BTreeSet<String> = mine.drain(..).chain(theirs).collect();
            mine.extend(all.into_iter().take(MOST_NAMES));
        };
        union(&mut self.features.versions, seen.features.versions);
        union(&mut self.features.alpn, seen.features.alpn);
        union(&mut self.features.groups, seen.features.groups);
        self.features.ocsp_staple |= seen.features.ocsp_staple;
    }

    fn into_remembered(self, host: Host, port: u16) -> Remembered {
        Remembered {
            host,
            port,
            from: RememberedFrom::Baseline,
            at: self.last,
            authorities: self.authorities.into_keys().collect(),
            owners: self.owners.into_keys().collect(),
            features: self.features,
        }
    }
}

fn add<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, theirs: BTreeMap<K, u64>, most: usize) {
    for (key, at) in theirs {
        let last = mine.entry(key).or_insert(at);
        *last = at.max(*last);
    }
    while mine.len() > most {
        let Some(oldest) = mine.iter().min_by_key(|&(_, at)| at).map(|(key, _)| key.clone()) else { return };
        mine.remove(&oldest);
    }
}

impl Memory {
    /// Records what a run saw on a network that the user vouches for, and the run itself.
    ///
    /// # Errors
    /// [`MemoryError`]; then nothing was recorded.
    pub fn vouch(&mut self, recording: &Recording, run: Run) -> Result<(Gained, Appended), MemoryError> {
        let network = run.network.clone();
        let record = |transaction: &Transaction<'_>| {
            check_recorded(transaction)?;
            record(transaction, &network, recording)
        };
        self.change(record, run)
    }

    /// Forgets what was recorded on a network, or on all; returns how many networks that were.
    ///
    /// # Errors
    /// [`MemoryError`]; then nothing was forgotten.
    pub fn forget(&mut self, network: Option<&Network>, at: u64) -> Result<usize, MemoryError> {
        let one = network.map(|network| network.as_str().to_owned());
        let name = network.cloned().unwrap_or_else(|| Network::recorded(ALL.to_owned()));
        let query = "SELECT EXISTS (SELECT 1 FROM networks WHERE ?1 IS NULL OR network = ?1)";
        let known: bool = self.connection.query_row(query, params![one], |row| row.get(0)).map_err(|error| self.told(&error))?;
        if !known && check_recorded(&self.connection).is_ok() {
            return Ok(0);
        }
        // What was forgotten is to be gone from the disk too.
        self.connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(())).map_err(|error| self.told(&error))?;
        let forget = |transaction: &Transaction<'_>| {
            // To forget all is what cures a change by somebody else.
            if one.is_some() {
                check_recorded(transaction)?;
            }
            transaction.execute("DELETE FROM vouched WHERE ?1 IS NULL OR network = ?1", params![one])?;
            transaction.execute("DELETE FROM networks WHERE ?1 IS NULL OR network = ?1", params![one])
        };
        self.change(forget, Run::unjudged(Kind::Forget, name, at)).map(|(forgotten, _)| forgotten)
    }

    /// Returns all that is recorded, by network.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn shown(&self) -> Result<Vec<Shown>, MemoryError> {
        let networks = networks(&self.connection).map_err(|error| self.told(&error))?;
        let with_hosts = |(network, about): (Network, VouchedNetwork)| {
            let hosts = hosts_of(&self.connection, &network)?;
            Ok((network, about, hosts))
        };
        networks.into_iter().map(with_hosts).collect::<rusqlite::Result<_>>().map_err(|error| self.told(&error))
    }

    /// Returns what is recorded of some hosts on any network; none when nothing was ever recorded.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn remembered(&self, asked: &BTreeSet<(Host, u16)>) -> Result<Option<Vec<Remembered>>, MemoryError> {
        let read = || -> rusqlite::Result<Option<Vec<Remembered>>> {
            if is_empty(&self.connection)? {
                return Ok(None);
            }
            check_recorded(&self.connection)?;
            let mut statement =
                self.connection.prepare("SELECT content FROM vouched WHERE host = ?1 AND port = ?2 ORDER BY network LIMIT ?3")?;
            let mut all = Vec::new();
            for (host, port) in asked {
                let mut rows = statement.query(params![host.as_str(), port, MOST_NETWORKS])?;
                while let Some(row) = rows.next()? {
                    let vouched: Vouched = content(row, 0)?;
                    all.push(vouched.into_remembered(host.clone(), *port));
                }
            }
            Ok(Some(all))
        };
        read().map_err(|error| self.told(&error))
    }

    /// Returns the trust anchors that this machine had when networks were vouched for; none when that never was.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn anchors(&self) -> Result<Option<BTreeSet<Sha256>>, MemoryError> {
        let networks = networks(&self.connection).map_err(|error| self.told(&error))?;
        let known = !networks.is_empty();
        Ok(known.then(|| networks.into_iter().flat_map(|(_, about)| about.anchors).collect()))
    }
}

fn record(transaction: &Transaction<'_>, network: &Network, recording: &Recording) -> rusqlite::Result<Gained> {
    let mut gained = BTreeMap::new();
    let name = network.as_str();
    for ((host, port), seen) in &recording.hosts {
        let query = "SELECT content FROM vouched WHERE network = ?1 AND host = ?2 AND port = ?3";
        let known = transaction.query_row(query, params![name, host.as_str(), port], |row| content::<Vouched>(row, 0)).optional()?;
        let mut vouched = known.unwrap_or_default();
        let new = seen.authorities.keys().filter(|key| !vouched.authorities.contains_key(key)).count();
        vouched.add(seen.clone());
        let insert = "INSERT OR REPLACE INTO vouched (network, host, port, content) VALUES (?1, ?2, ?3, ?4)";
        transaction.execute(insert, params![name, host.as_str(), port, json(&vouched)?])?;
        gained.insert((host.clone(), *port), new);
    }
    let query = "SELECT content FROM networks WHERE network = ?1";
    let known = transaction.query_row(query, params![name], |row| content::<VouchedNetwork>(row, 0)).optional()?;
    let mut about = known.unwrap_or(VouchedNetwork { first: recording.at, ..VouchedNetwork::default() });
    about.last = about.last.max(recording.at);
    // What this machine trusts is replaced, not added to: an anchor that was taken away and comes back is news.
    about.anchors.clone_from(&recording.anchors);
    transaction.execute("INSERT OR REPLACE INTO networks (network, content) VALUES (?1, ?2)", params![name, json(&about)?])?;
    Ok(gained)
}

/// Returns SHA-256 over all that is recorded, and over the salt.
pub(super) fn recorded(connection: &Connection) -> rusqlite::Result<Sha256> {
    let mut bytes = salt(connection)?;
    let mut add = |text: &str| {
        // Lengths keep two fields from passing for two others.
        bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    for query in [
        "SELECT network, '', '', content FROM networks ORDER BY 1",
        "SELECT network, host, CAST(port AS TEXT), content FROM vouched ORDER BY 1, 2, port",
    ] {
        let mut statement = connection.prepare_cached(query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..4 {
                add(&row.get::<_, String>(column)?);
            }
        }
    }
    Ok(Sha256::of(&bytes))
}

/// Says whether no network was ever vouched for.
pub(super) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let query = "SELECT NOT EXISTS (SELECT 1 FROM networks) AND NOT EXISTS (SELECT 1 FROM vouched)";
    connection.query_row(query, [], |row| row.get(0))
}

fn networks(connection: &Connection) -> rusqlite::Result<Vec<(Network, VouchedNetwork)>> {
    let mut statement = connection.prepare("SELECT network, content FROM networks ORDER BY network")?;
    let rows = statement.query_map([], |row| Ok((Network::recorded(row.get(0)?), content(row, 1)?)))?;
    rows.collect()
}

fn hosts_of(connection: &Connection, network: &Network) -> rusqlite::Result<Vec<(Host, u16, Vouched)>> {
    let mut statement = connection.prepare("SELECT host, port, content FROM vouched WHERE network = ?1 ORDER BY host, port")?;
    let rows = statement.query_map([network.as_str()], |row| {
        let host = Host::parse(&row.get::<_, String>(0)?);
        Ok((host.map_err(|error| unreadable(0, error))?, row.get(1)?, content(row, 2)?))
    })?;
    rows.collect()
}

fn content<T: for<'de> Deserialize<'de>>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// How many authorities are kept of a host.
const MOST_AUTHORITIES: usize = 64;
/// How many organisations are kept of a host.
const MOST_OWNERS: usize = 32;
/// How many names of one kind of feature are kept of a host.
const MOST_NAMES: usize = 16;
/// The longest name of a feature, in bytes.
const LONGEST_NAME: usize = 32;
/// On how many networks a host is remembered.
const MOST_NETWORKS: i64 = 16;
/// How many trust anchors of this machine are kept.
const MOST_ANCHORS: usize = 4_096;
