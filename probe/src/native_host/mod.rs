//! Answers a browser extension that cannot see certificates itself: native messaging over standard input and output.
//!
//! The room speaks the protocol and keeps its bounds; who looks and who judges comes in as an [`Observer`].

mod caller;
mod frame;
pub mod install;
mod message;
mod public;

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use mintwatch_validator::Report;
use mintwatch_validator::evidence::{Evidence, Host, Seen};
use tokio::sync::oneshot;

pub use caller::{ExtensionId, FIREFOX_ID, chromium_id, known};
pub use frame::{FrameError, MAX_ANSWER, MAX_REQUEST};
pub use message::{Answer, Code, Consent, PROTOCOL_VERSION, Refusal, Request, Software, TableDate};
pub use public::is_public;

/// The name by which extensions ask for this host.
pub const HOST_NAME: &str = "dev.mintwatch.host";
/// How many looks may be under way at once.
pub const MOST_LOOKS: usize = 4;
/// How many threads there may be: those of looks that were given up need a moment to end.
const MOST_THREADS: usize = 2 * MOST_LOOKS;

/// Why the host ended before the browser closed the port.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The extension is not one we answer, or no browser called.
    #[error("no browser called, or for an extension that is not known here")]
    UnknownCaller,
    /// Nothing more could be read.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Nothing more could be written.
    #[error("cannot write to the browser: {0}")]
    Write(#[source] io::Error),
}

/// Whoever looks and judges.
pub trait Observer: Send + Sync + 'static {
    /// Makes a handshake; none when `cancelled` came first.
    ///
    /// # Errors
    /// Why the look could not even begin, for people.
    fn look(&self, errand: &Errand, cancelled: oneshot::Receiver<()>) -> Result<Option<Evidence>, String>;

    /// Judges what was seen.
    fn judge(&self, evidence: &Evidence) -> Report;
}

/// What an observer is asked to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The proxy, as the extension wrote it.
    pub proxy: Option<String>,
}

/// What holds as long as the port is open.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The tables judged by, for those who ask.
    pub tables: Vec<TableDate>,
    /// Whether hosts are looked at that are not on the public Internet; for laboratories.
    pub allow_private: bool,
}

/// Answers until the browser closes the port.
///
/// # Errors
/// [`HostError`] when the port broke in another way.
pub fn serve(input: impl Read + Send + 'static, output: impl Write, terms: &Terms, observer: Arc<impl Observer>) -> Result<(), HostError> {
    let (sender, events) = mpsc::sync_channel(MOST_LOOKS);
    let reports = sender.clone();
    // It ends with the process at the latest: nothing else ends a read from a pipe.
    thread::spawn(move || read_all(input, &reports));
    Port { output, terms, observer, sender, looks: Vec::new(), next: 0 }.run(&events)
}

/// Tells a caller that is not known so, and no more.
///
/// # Errors
/// [`HostError::UnknownCaller`], or [`HostError::Write`].
pub fn refuse(mut output: impl Write) -> Result<(), HostError> {
    let refusal = Refusal::new(None, Code::UnknownCaller, HostError::UnknownCaller.to_string());
    frame::write(&mut output, &json(&refusal.into())).map_err(HostError::Write)?;
    Err(HostError::UnknownCaller)
}

enum Event {
    Message(Vec<u8>),
    Closed,
    Broken(FrameError),
    Done { serial: u64, body: Vec<u8> },
}

fn read_all(mut input: impl Read, events: &SyncSender<Event>) {
    loop {
        let (event, last) = match frame::read(&mut input) {
            Ok(Some(body)) => (Event::Message(body), false),
            Ok(None) => (Event::Closed, true),
            Err(error) => (Event::Broken(error), true),
        };
        if events.send(event).is_err() || last {
            return;
        }
    }
}

/// One port, from its opening to its end.
struct Port<'a, W, O> {
    output: W,
    terms: &'a Terms,
    observer: Arc<O>,
    sender: SyncSender<Event>,
    looks: Vec<UnderWay>,
    next: u64,
}

/// A look whose thread has not ended.
struct UnderWay {
    /// Tells looks apart; numbers of requests may come again.
    serial: u64,
    id: u64,
    /// Gone when the look was given up and is answered already.
    cancel: Option<oneshot::Sender<()>>,
}

impl<W: Write, O: Observer> Port<'_, W, O> {
    fn run(mut self, events: &Receiver<Event>) -> Result<(), HostError> {
        // The channel stays open: `self` holds a sender.
        while let Ok(event) = events.recv() {
            match event {
                Event::Message(body) => {
                    if let Some(answer) = self.answer(&body) {
                        self.write(&answer)?;
                    }
                }
                Event::Done { serial, body } => self.end(serial, &body)?,
                Event::Closed => return Ok(()),
                Event::Broken(error) => {
                    if let FrameError::TooLong(_) = error {
                        self.write(&Refusal::new(None, Code::TooLong, error.to_string()).into())?;
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Carries out a request; returns its answer, where that is due already.
    fn answer(&mut self, body: &[u8]) -> Option<Answer> {
        let request = match Request::read(body) {
            Ok(request) => request,
            Err(refusal) => return Some(refusal.into()),
        };
        match request {
            Request::Hello { id, .. } => Some(self.hello(id)),
            Request::Look { id, host, port, proxy, .. } => self.begin(id, Errand { host, port: port.get(), proxy }).err().map(Answer::from),
            Request::Cancel { id, look, .. } => Some(self.cancel(id, look)),
        }
    }

    fn hello(&self, id: u64) -> Answer {
        Answer::Hello {
            version: PROTOCOL_VERSION,
            id,
            software: Software { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            tables: self.terms.tables.clone(),
            capabilities: message::CAPABILITIES.map(str::to_owned).to_vec(),
            most_looks: MOST_LOOKS,
        }
    }

    /// Begins a look on a thread of its own, which tells when it is done.
    fn begin(&mut self, id: u64, errand: Errand) -> Result<(), Refusal> {
        if !self.terms.allow_private && !is_public(&errand.host) {
            return Err(Refusal::new(Some(id), Code::NotPublic, format!("{} is not on the public Internet", errand.host)));
        }
        if self.looks.iter().any(|look| look.id == id && look.cancel.is_some()) {
            return Err(Refusal::new(Some(id), Code::BadRequest, "a look with this `id` is under way"));
        }
        let waited_for = self.looks.iter().filter(|look| look.cancel.is_some()).count();
        if waited_for >= MOST_LOOKS || self.looks.len() >= MOST_THREADS {
            return Err(Refusal::new(Some(id), Code::Busy, format!("{MOST_LOOKS} looks are under way")));
        }
        let serial = self.next;
        self.next += 1;
        let (cancel, cancelled) = oneshot::channel();
        let (observer, sender) = (Arc::clone(&self.observer), self.sender.clone());
        let work = move || {
            // A fault of ours at one host must not cost the others their answers.
            let looked = catch_unwind(AssertUnwindSafe(|| look(id, &errand, cancelled, observer.as_ref(), MAX_ANSWER)));
            let died = |_| json(&Refusal::new(Some(id), Code::CouldNotLook, "the task that looked has died").into());
            // Nobody hears it when the port is closed.
            let _unheard = sender.send(Event::Done { serial, body: looked.unwrap_or_else(died) });
        };
        let begun = thread::Builder::new().name("look".to_owned()).spawn(work);
        begun.map_err(|error| Refusal::new(Some(id), Code::CouldNotLook, format!("cannot begin to look: {error}")))?;
        self.looks.push(UnderWay { serial, id, cancel: Some(cancel) });
        Ok(())
    }

    /// Gives up a look: its answer is due before that of the cancellation.
    fn cancel(&mut self, id: u64, look: u64) -> Answer {
        let given_up = self.looks.iter_mut().find(|under_way| under_way.id == look && under_way.cancel.is_some());
        let found = given_up.and_then(|under_way| under_way.cancel.take()).map(|cancel| cancel.send(()));
        Answer::Cancelled { version: PROTOCOL_VERSION, id, look, found: found.is_some() }
    }

    /// Forgets a look, and answers it unless it was given up.
    fn end(&mut self, serial: u64, body: &[u8]) -> Result<(), HostError> {
        let Some(place) = self.looks.iter().position(|look| look.serial == serial) else { return Ok(()) };
        let ended = self.looks.swap_remove(place);
        if ended.cancel.is_some() { frame::write(&mut self.output, body).map_err(HostError::Write) } else { Ok(()) }
    }

    fn write(&mut self, answer: &Answer) -> Result<(), HostError> {
        if let Answer::Cancelled { look, found: true, .. } = answer {
            let cancelled = Refusal::new(Some(*look), Code::Cancelled, "the look was cancelled");
            frame::write(&mut self.output, &json(&cancelled.into())).map_err(HostError::Write)?;
        }
        frame::write(&mut self.output, &json(answer)).map_err(HostError::Write)
    }
}

/// Looks and judges; returns the answer as JSON, which is at most `limit` octets long.
fn look(id: u64, errand: &Errand, cancelled: oneshot::Receiver<()>, observer: &impl Observer, limit: usize) -> Vec<u8> {
    match observer.look(errand, cancelled) {
        Err(why) => json(&Refusal::new(Some(id), Code::CouldNotLook, why).into()),
        Ok(None) => json(&Refusal::new(Some(id), Code::Cancelled, "the look was cancelled").into()),
        Ok(Some(evidence)) => fitting(id, evidence, observer, limit),
    }
}

/// Judges evidence; where evidence and report together are longer than `limit` octets, added anchors that no chain leads to are first
/// reduced to their hashes.
fn fitting(id: u64, mut evidence: Evidence, observer: &impl Observer, limit: usize) -> Vec<u8> {
    let looked = |evidence: &Evidence, report: Report| {
        json(&Answer::Looked { version: PROTOCOL_VERSION, id, evidence: Box::new(evidence.clone()), report: Box::new(report) })
    };
    let report = observer.judge(&evidence);
    let used: Vec<_> = report.hosts.iter().flat_map(|host| &host.anchors).map(|anchor| anchor.sha256).collect();
    let whole = looked(&evidence, report);
    if whole.len() <= limit {
        return whole;
    }
    if let Seen::Yes(anchors) = &mut evidence.surroundings.anchors {
        for anchor in anchors.iter_mut().filter(|anchor| !used.contains(&anchor.sha256)) {
            anchor.certificate = Seen::NotVisible;
        }
    }
    let report = observer.judge(&evidence);
    let shortened = looked(&evidence, report);
    if shortened.len() <= limit {
        return shortened;
    }
    json(&Refusal::new(Some(id), Code::TooLarge, format!("evidence and report are longer than {limit} bytes")).into())
}

/// Returns a message as JSON. None of its types can fail to be written: all keys are texts, and all numbers finite.
fn json(answer: &Answer) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}

#[cfg(test)]
mod tests;
