//! Reads on one thread, works on all cores, and gives the results in the order of the records.
//!
//! Batches go to the workers in turn and are taken back in turn, so that the order needs no buffer. Every
//! channel is bounded: a slow taker slows the reader.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Found, Place, Source, Trouble, open, read_stream, sources};

/// The taker of results wanted no more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// How many records go to a worker at once …
const BATCH_RECORDS: usize = 256;
/// … unless they are longer than this together, in bytes.
const BATCH_BYTES: usize = 512 * 1024;
/// How many batches may wait before and behind each worker.
const WAITING: usize = 2;

/// Reads everything below `paths`, works on it with `work` on `workers` threads, gives the results to `take` in order.
///
/// `read` counts the bytes read so far, as they lie in the files.
///
/// # Errors
/// [`Stopped`] when `take` breaks off.
pub fn process<T: Send>(
    paths: &[PathBuf],
    workers: usize,
    read: &Arc<AtomicU64>,
    work: impl Fn(Vec<Found>) -> T + Sync,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) -> Result<(), Stopped> {
    let work = &work;
    thread::scope(|scope| {
        let (mut to_workers, mut from_workers) = (Vec::new(), Vec::new());
        for _ in 0..workers.max(1) {
            let (give, batches) = sync_channel::<Vec<Found>>(WAITING);
            let (done, results) = sync_channel::<T>(WAITING);
            scope.spawn(move || work_off(&batches, &done, work));
            to_workers.push(give);
            from_workers.push(results);
        }
        scope.spawn(move || read_all(paths, read, to_workers));
        take_in_turn(&from_workers, &mut take)
    })
}

fn work_off<T>(batches: &Receiver<Vec<Found>>, done: &SyncSender<T>, work: impl Fn(Vec<Found>) -> T) {
    while let Ok(batch) = batches.recv() {
        if done.send(work(batch)).is_err() {
            return;
        }
    }
}

fn take_in_turn<T>(from_workers: &[Receiver<T>], take: &mut impl FnMut(T) -> ControlFlow<()>) -> Result<(), Stopped> {
    for results in from_workers.iter().cycle() {
        // The reader ends in turn too: the first worker without a result is the end of all.
        let Ok(result) = results.recv() else { return Ok(()) };
        if take(result).is_break() {
            return Err(Stopped);
        }
    }
    Ok(())
}

/// Reads file after file; ends early when the workers have gone.
fn read_all(paths: &[PathBuf], read: &Arc<AtomicU64>, to_workers: Vec<SyncSender<Vec<Found>>>) {
    let mut batches = Batches { turn: 0, to_workers, batch: Vec::new(), bytes: 0 };
    let ended = sources(paths, &mut |source| match source {
        Source::File(path) => read_file(&path, read, &mut batches),
        Source::Unreadable(path, error) => batches.add(trouble(&path, error.to_string())),
    });
    if ended.is_continue() {
        let _ = batches.send();
    }
}

fn read_file(path: &Path, read: &Arc<AtomicU64>, batches: &mut Batches) -> ControlFlow<()> {
    match open(path, read) {
        Ok(stream) => read_stream(&Arc::from(path), stream, &mut |found| batches.add(found)),
        Err(error) => batches.add(trouble(path, error.to_string())),
    }
}

fn trouble(path: &Path, why: String) -> Found {
    Found::Bad(Place { file: Arc::from(path), record: 0, offset: 0 }, Trouble::Unreadable(why))
}

struct Batches {
    turn: usize,
    to_workers: Vec<SyncSender<Vec<Found>>>,
    batch: Vec<Found>,
    bytes: usize,
}

impl Batches {
    fn add(&mut self, found: Found) -> ControlFlow<()> {
        if let Found::Record(_, _, bytes) = &found {
            self.bytes += bytes.len();
        }
        self.batch.push(found);
        if self.batch.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES { self.send() } else { ControlFlow::Continue(()) }
    }

    fn send(&mut self) -> ControlFlow<()> {
        if self.batch.is_empty() {
            return ControlFlow::Continue(());
        }
        self.bytes = 0;
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_RECORDS));
        let worker = self.turn % self.to_workers.len().max(1);
        self.turn += 1;
        match self.to_workers.get(worker).map(|worker| worker.send(batch)) {
            Some(Ok(())) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}
