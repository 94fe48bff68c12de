//! The queue on disk: bounded in number and age, written before anything is sent.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::places;

/// How many reports wait at most; the oldest leave first.
pub const MOST_WAITING: usize = 1_000;
/// How long a report waits at most, in seconds.
pub const LONGEST_WAIT: u64 = 90 * DAY;

/// What waits to be sent, and what was told already.
#[derive(Debug)]
pub struct Queue {
    connection: Connection,
    path: PathBuf,
}

/// Why the queue cannot be used. It is left as it is.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the queue `{}`: {why}", path.display())]
pub struct QueueError {
    path: PathBuf,
    why: String,
}

impl QueueError {
    /// Returns what to do next.
    pub fn hint(&self) -> &'static str {
        "what waits in it is not lost; move the file away to begin another"
    }
}

impl Queue {
    /// Opens the queue, and makes it where there is none: readable for its owner alone.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        let failed = |why: String| QueueError { path: path.to_owned(), why };
        path.parent().map_or(Ok(()), places::make_private).map_err(|error| failed(error.to_string()))?;
        private(path).map_err(|error| failed(error.to_string()))?;
        let mut connection = Connection::open(path).map_err(|error| failed(error.to_string()))?;
        make(&mut connection).map_err(|error| failed(error.to_string()))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Adds a report, unless its finding was told to this collector in the last 24 hours; says whether it was added.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn add(&mut self, collector: &str, finding: &str, observation: &str, body: &str, now: u64) -> Result<bool, QueueError> {
        let failed = failed_at(&self.path);
        let now = seconds(now);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let told = "SELECT at FROM told WHERE collector = ?1 AND finding = ?2";
        let told: Option<i64> = transaction.query_row(told, params![collector, finding], |row| row.get(0)).optional().map_err(&failed)?;
        // A clock that was set back makes nothing be told twice.
        if told.is_some_and(|at| now.abs_diff(at) < DAY) {
            return Ok(false);
        }
        let add = "INSERT OR IGNORE INTO waiting (collector, observation, body, queued_at) VALUES (?1, ?2, ?3, ?4)";
        let added = transaction.execute(add, params![collector, observation, body, now]).map_err(&failed)?;
        let tell = "INSERT INTO told (collector, finding, at) VALUES (?1, ?2, ?3)
                    ON CONFLICT (collector, finding) DO UPDATE SET at = excluded.at";
        transaction.execute(tell, params![collector, finding, now]).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(added > 0)
    }

    /// Lets go of what is too old or too much; returns how many reports that were.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn keep_within_bounds(&mut self, now: u64) -> Result<usize, QueueError> {
        let failed = failed_at(&self.path);
        let now = seconds(now);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let oldest = now.saturating_sub(seconds(LONGEST_WAIT));
        let mut dropped = transaction.execute("DELETE FROM waiting WHERE queued_at < ?1", [oldest]).map_err(&failed)?;
        let newest = "DELETE FROM waiting WHERE number NOT IN (SELECT number FROM waiting ORDER BY number DESC LIMIT ?1)";
        dropped += transaction.execute(newest, [i64::try_from(MOST_WAITING).unwrap_or(i64::MAX)]).map_err(&failed)?;
        // What was told longer ago than a day matters no more.
        let day = seconds(DAY);
        transaction.execute("DELETE FROM told WHERE abs(?1 - at) >= ?2", [now, day]).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(dropped)
    }

    /// Returns the oldest report for a collector behind a number, with its own.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn next(&self, collector: &str, after: i64) -> Result<Option<(i64, String)>, QueueError> {
        let next = "SELECT number, body FROM waiting WHERE collector = ?1 AND number > ?2 ORDER BY number LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.connection.query_row(next, params![collector, after], read).optional().map_err(failed_at(&self.path))
    }

    /// Removes a report that was sent.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn remove(&mut self, number: i64) -> Result<(), QueueError> {
        self.connection.execute("DELETE FROM waiting WHERE number = ?1", [number]).map(|_| ()).map_err(failed_at(&self.path))
    }

    /// Returns how many reports wait for a collector.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn waiting(&self, collector: &str) -> Result<usize, QueueError> {
        let count = "SELECT count(*) FROM waiting WHERE collector = ?1";
        let count: i64 = self.connection.query_row(count, [collector], |row| row.get(0)).map_err(failed_at(&self.path))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Takes the right to send; none while another process has it. It ends with the process, however that ends.
    ///
    /// # Errors
    /// [`QueueError`].
    pub(super) fn lock(&self) -> Result<Option<File>, QueueError> {
        let failed = |why: String| QueueError { path: self.path.clone(), why };
        let file = private(&self.path.with_extension("lock")).map_err(|error| failed(error.to_string()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error.to_string())),
        }
    }
}

fn failed_at(path: &Path) -> impl Fn(rusqlite::Error) -> QueueError + use<> {
    let path = path.to_owned();
    move |error| QueueError { path: path.clone(), why: error.to_string() }
}

fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS waiting (
            number INTEGER PRIMARY KEY AUTOINCREMENT, collector TEXT NOT NULL, observation TEXT NOT NULL,
            body TEXT NOT NULL, queued_at INTEGER NOT NULL, UNIQUE (collector, observation)) STRICT;
         CREATE TABLE IF NOT EXISTS told (
            collector TEXT NOT NULL, finding TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (collector, finding)) STRICT, WITHOUT ROWID;",
    )?;
    transaction.commit()
}

fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn seconds(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

const DAY: u64 = 86_400;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);
