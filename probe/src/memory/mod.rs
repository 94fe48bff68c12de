//! Memory: what was seen on earlier days, in one file below the user's state folder.
//!
//! Holds a history of runs, bound into a chain, and the authorities of hosts on networks that the user vouched for. Nothing
//! of it leaves the machine. Leans on the judge's documents, never on the terminal or the command line.

pub mod baseline;
pub mod chain;
pub mod history;
pub mod network;
#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mintwatch_validator::evidence::Sha256;
use rand::RngCore as _;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};

use crate::places::Folder;

pub use baseline::{Recording, Vouched};
pub use history::{Entry, Fault, Kind, Run, Standing, Summary, Verified};
pub use network::{Facts, LabelError, Network};

/// One history, open.
#[derive(Debug)]
pub struct Memory {
    connection: Connection,
    path: PathBuf,
    limits: Limits,
    /// What the names of networks are salted with.
    salt: Vec<u8>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From how many entries on the oldest leave that are no findings.
    pub entries: usize,
    /// Likewise, from how many bytes on.
    pub bytes: u64,
    /// How many bytes the file never exceeds.
    pub most_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 10_000, bytes: 40 * MIB, most_bytes: 48 * MIB }
    }
}

/// Why the history cannot be used. The file is left as it is, whatever is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// No folder to keep it in.
    #[error("there is no folder to keep the history in: neither `XDG_STATE_HOME` nor `HOME` is set")]
    NoFolder,
    /// The file or its folder could not be made.
    #[error("cannot make the history `{}`: {source}", path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is damaged, or is no database.
    #[error("the history `{}` is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A database, but not one of ours.
    #[error("`{}` is another program's database", .0.display())]
    Foreign(PathBuf),
    /// Written by a newer Mintwatch.
    #[error("the history `{}` has version {found}, this build reads {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// Somebody else held it for too long.
    #[error("the history `{}` was held by another program for {} s", .0.display(), PATIENCE.as_secs())]
    Busy(PathBuf),
    /// It holds as much as it may and nothing in it may leave, or the disk is full.
    #[error("the history `{}` has no room left: findings never leave it", .0.display())]
    Full(PathBuf),
    /// Anything else that the database said.
    #[error("cannot use the history `{}`: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the database said.
        why: String,
    },
}

impl MemoryError {
    /// Returns what to do next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoFolder => Some("name a file with `--history FILE`"),
            Self::Damaged { .. } | Self::Foreign(_) => Some("the file was left as it is: keep it, and begin another with `--history FILE`"),
            Self::Newer { .. } => Some("a newer mintwatch reads it"),
            Self::Full(_) => Some("keep it with `mintwatch history --export FILE`, and begin another with `--history FILE`"),
            Self::Make { .. } | Self::Busy(_) | Self::Unusable { .. } => None,
        }
    }

    /// Says whether the file is damaged, or was changed by someone else.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Foreign(_))
    }

    /// Returns the exit status: 5 for damage, 1 otherwise.
    pub fn exit_status(&self) -> u8 {
        if self.is_damage() { 5 } else { 1 }
    }

    /// Returns what is wrong without saying where the file is, for documents that leave the machine.
    pub fn without_path(&self) -> &'static str {
        match self {
            Self::Damaged { .. } | Self::Foreign(_) => "the history is damaged",
            Self::Newer { .. } => "the history was written by a newer version",
            Self::Busy(_) => "the history was held by another program",
            Self::NoFolder | Self::Make { .. } | Self::Full(_) | Self::Unusable { .. } => "the history cannot be used",
        }
    }
}

impl Memory {
    /// Returns where the history is kept unless the user says otherwise (XDG Base Directory Specification 0.8).
    ///
    /// # Errors
    /// [`MemoryError::NoFolder`].
    pub fn usual_place() -> Result<PathBuf, MemoryError> {
        Ok(Folder::State.here().ok_or(MemoryError::NoFolder)?.join("history.db"))
    }

    /// Opens a history, and makes it where there is none: readable for its owner alone.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn open(path: &Path) -> Result<Self, MemoryError> {
        make(path).map_err(|source| MemoryError::Make { path: path.to_owned(), source })?;
        Self::open_made(path, Limits::default())
    }

    /// Opens a history if there is one.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, MemoryError> {
        if path.exists() { Self::open_made(path, Limits::default()).map(Some) } else { Ok(None) }
    }

    /// As [`Memory::open`], with limits of the caller's.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn open_within(path: &Path, limits: Limits) -> Result<Self, MemoryError> {
        make(path).map_err(|source| MemoryError::Make { path: path.to_owned(), source })?;
        Self::open_made(path, limits)
    }

    fn open_made(path: &Path, limits: Limits) -> Result<Self, MemoryError> {
        let failed = |error| told(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        let mut memory = Self { connection, path: path.to_owned(), limits, salt: Vec::new() };
        memory.set_up().map_err(failed)?;
        memory.check_kind()?;
        memory.salt = salt(&memory.connection).map_err(failed)?;
        Ok(memory)
    }

    fn set_up(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(PATIENCE)?;
        // The file may have been made by someone who means us harm.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let pages = i64::try_from(self.limits.most_bytes / PAGE).unwrap_or(i64::MAX);
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
    }

    /// Makes the tables of an empty file; looks whether another is one of ours, and whole.
    fn check_kind(&mut self) -> Result<(), MemoryError> {
        let path = self.path.clone();
        let failed = |error| told(&path, &error);
        let number = |connection: &Connection, name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let is_empty =
            |connection: &Connection| connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get::<_, bool>(0));
        if is_empty(&self.connection).map_err(failed)? {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            // Somebody else may have made them while we waited.
            if is_empty(&transaction).map_err(failed)? {
                make_tables(&transaction).map_err(failed)?;
            }
            transaction.commit().map_err(failed)?;
        }
        if number(&self.connection, "application_id").map_err(failed)? != APPLICATION {
            return Err(MemoryError::Foreign(path));
        }
        let found = number(&self.connection, "user_version").map_err(failed)?;
        if found > VERSION {
            return Err(MemoryError::Newer { path, found });
        }
        let whole: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if whole != "ok" {
            return Err(MemoryError::Damaged { path, why: whole });
        }
        let odd = "SELECT count(*) FROM sqlite_schema WHERE type IN ('trigger', 'view')";
        let odd: i64 = self.connection.query_row(odd, [], |row| row.get(0)).map_err(failed)?;
        if odd > 0 {
            return Err(MemoryError::Damaged { path, why: "it holds triggers or views, and we make none".to_owned() });
        }
        Ok(())
    }

    /// Returns what this network is called in this history.
    pub fn name(&self, facts: &Facts) -> Network {
        Network::told_by(facts, &self.salt)
    }

    fn told(&self, error: &rusqlite::Error) -> MemoryError {
        told(&self.path, error)
    }

    /// Begins a change; others wait until it is over.
    fn begin(&mut self) -> Result<Transaction<'_>, MemoryError> {
        let path = &self.path;
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| told(path, &error))
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut folders = fs::DirBuilder::new();
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folders.mode(0o700);
        file.mode(0o600);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        folders.recursive(true).create(folder)?;
    }
    match file.write(true).create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn make_tables(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(TABLES)?;
    let mut salt = [0; 32];
    rand::rng().fill_bytes(&mut salt);
    transaction.execute("INSERT INTO salt (only_one, value) VALUES (1, ?1)", params![salt])?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)
}

fn salt(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    connection.query_row("SELECT value FROM salt WHERE only_one = 1", [], |row| row.get(0))
}

fn told(path: &Path, error: &rusqlite::Error) -> MemoryError {
    use ErrorCode as Code;
    let (path, why) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => MemoryError::Busy(path),
        Some(Code::DiskFull) => MemoryError::Full(path),
        // Also a column of another kind, or a table that is not there: what we wrote was changed.
        None | Some(Code::NotADatabase | Code::DatabaseCorrupt | Code::TooBig | Code::Unknown) => MemoryError::Damaged { path, why },
        Some(_) => MemoryError::Unusable { path, why },
    }
}

/// Returns the error for something that is not as we wrote it.
fn damaged(why: &str) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(why.into())
}

/// Reads a digest out of a column.
fn digest(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Sha256> {
    row.get(column).map(Sha256)
}

const MIB: u64 = 1024 * 1024;
/// The size of a page of ours, in bytes; SQLite's own choice.
const PAGE: u64 = 4096;
/// The longest text or blob that is read, in bytes.
const LONGEST_VALUE: i32 = 1024 * 1024;
/// How long we wait for others.
const PATIENCE: Duration = Duration::from_secs(20);
/// `MntW`: tells our file from any other database.
const APPLICATION: i64 = 0x4d6e_7457;
/// The version of the tables below.
const VERSION: i64 = 1;

/// Contents stand apart from links, so that pages of contents that left are free for others; a content comes last in its
/// row, so that looking at the rest does not read it.
const TABLES: &str = "
CREATE TABLE salt (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), value BLOB NOT NULL) STRICT;
CREATE TABLE links (number INTEGER PRIMARY KEY, finding INTEGER NOT NULL, digest BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE entries (number INTEGER PRIMARY KEY, network TEXT NOT NULL, finding INTEGER NOT NULL, content TEXT NOT NULL) STRICT;
CREATE INDEX entries_of_networks ON entries (network, number);
CREATE INDEX entries_that_may_leave ON entries (number) WHERE finding = 0;
CREATE TABLE networks (network TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE vouched (
    network TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (network, host, port)
) STRICT, WITHOUT ROWID;
CREATE INDEX vouched_by_host ON vouched (host, port);
";
