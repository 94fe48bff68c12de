//! Findings on their way to a collector that the user named: kept on disk until it took them, each once in 24 hours.
//!
//! Nobody is sent anything unless a run names the collector. Only its own authority is believed: the public ones, or those
//! of `--collector-ca`, never an anchor that was added to this machine.

mod post;
mod queue;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::Instant;
use url::Url;

use crate::formats::{Records, otlp};
use crate::observe::unix_seconds;
use crate::places::Folder;

pub use queue::{LONGEST_WAIT, MOST_WAITING, Queue, QueueError};

use post::{Outcome, Poster};

/// Where logs are received: an OTLP endpoint over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector(Url);

/// What became of a hand-over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How many findings are new, and were put into the queue.
    pub queued: usize,
    /// How many the collector took, old ones among them.
    pub sent: usize,
    /// How many wait.
    pub waiting: usize,
    /// How many left the queue without being sent: too many, or too old.
    pub dropped: usize,
    /// Why sending ended before the queue did.
    pub trouble: Option<String>,
}

/// Why nothing could be handed over.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// No folder to keep the queue in.
    #[error("there is no folder to keep the queue in: neither `XDG_STATE_HOME` nor `HOME` is set")]
    NoFolder,
    /// The queue cannot be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The authorities of the collector cannot be read.
    #[error("cannot read the authorities in `{}`: {why}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Collector {
    /// Reads `http://HOST[:PORT][/PATH]` or `https://…`.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape = "give it as https://HOST[:PORT][/v1/logs]";
        let mut url = Url::parse(text).map_err(|error| format!("{error}; {shape}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(shape.to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a password on the command line can be seen by others; set OTEL_EXPORTER_OTLP_HEADERS".to_owned());
        }
        if url.path().len() <= 1 {
            url.set_path("/v1/logs");
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// Returns its address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Puts what is new of a run into the queue, and sends as much of the queue as the collector takes.
///
/// # Errors
/// [`CollectorError`] when the queue cannot be used; what is in it stays. That the collector cannot be reached is none.
pub async fn hand_over(records: &Records, collector: &Collector, authorities: Option<&Path>) -> Result<Delivery, CollectorError> {
    let path = Folder::State.here().ok_or(CollectorError::NoFolder)?.join("outbox.db");
    let mut queue = Queue::open(&path)?;
    let now = unix_seconds();
    let mut delivery = Delivery::default();
    for record in records.told() {
        let body = otlp::one(record, records.run.ended_at);
        delivery.queued += usize::from(queue.add(collector.as_str(), &record.finding_id, &record.observation_id, &body, now)?);
    }
    delivery.dropped = queue.keep_within_bounds(now)?;
    let poster = Poster::to(collector, authorities)?;
    send(&mut queue, collector, &poster, &mut delivery).await?;
    delivery.waiting = queue.waiting(collector.as_str())?;
    Ok(delivery)
}

/// Sends what waits, the oldest first, until somebody else is found doing so, the collector cannot be reached, or time is up.
async fn send(queue: &mut Queue, collector: &Collector, poster: &Poster, delivery: &mut Delivery) -> Result<(), CollectorError> {
    let Some(_only_we_send) = queue.lock()? else {
        delivery.trouble = Some("another run is sending the queue".to_owned());
        return Ok(());
    };
    let until = Instant::now() + LONGEST_SENDING;
    let mut after = 0;
    while let Some((number, body)) = queue.next(collector.as_str(), after)? {
        after = number;
        match poster.post(&body, until).await {
            Outcome::Taken => {
                // Gone from the queue before the next one is sent: what is sent twice can be one report at most.
                queue.remove(number)?;
                delivery.sent += 1;
            }
            // It stays, and so do those behind it: they may fare better.
            Outcome::Refused(why) => delivery.trouble = Some(why),
            Outcome::NotReached(why) => {
                delivery.trouble = Some(why);
                break;
            }
        }
    }
    Ok(())
}

impl Delivery {
    /// Returns what is told to people.
    pub fn told(&self, collector: &Collector) -> String {
        let mut parts = vec![format!(
            "collector {}: {} new findings, {} sent, {} waiting",
            crate::terminal::escaped(collector.as_str()),
            self.queued,
            self.sent,
            self.waiting
        )];
        if self.dropped > 0 {
            parts.push(format!(", {} DROPPED from the queue: it holds {MOST_WAITING}, for 90 days", self.dropped));
        }
        parts.extend(self.trouble.as_ref().map(|trouble| format!(" ({})", crate::terminal::escaped(trouble))));
        parts.concat()
    }
}

fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, CollectorError> {
    let failed = |why: String| CollectorError::Authorities { path: path.to_owned(), why };
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > MOST_AUTHORITIES {
        return Err(failed(format!("larger than {MOST_AUTHORITIES} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(found) if found.is_empty() => Err(failed("no PEM certificate in it".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// How long one run sends at most.
const LONGEST_SENDING: Duration = Duration::from_mins(1);
/// The largest file of authorities that is read, in bytes.
const MOST_AUTHORITIES: u64 = 16 * 1024 * 1024;
