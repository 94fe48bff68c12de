//! Observing: the only impure step. Handshakes in, one evidence document out.

mod limits;
mod pac;
pub mod readiness;
mod recorder;
mod resolve;
mod surroundings;
mod tls;
pub mod trust_store;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mintwatch_validator::evidence::{
    Collector, DnsAnswer, EVIDENCE_VERSION, Evidence, EvidenceFormat, FailureClass, Host, Observation, Seen, Surroundings, Target, Vantage,
};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use limits::Limits;
pub use pac::pac_settings;
pub use resolve::{Answer, NoNameServers, Resolver};
pub use surroundings::{look_around, proxies};
pub use tls::{Offer, observe};

use limits::Deadline;

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom to make a handshake with, in the order of the document.
    pub targets: Vec<Planned>,
    /// How many handshakes may be under way at once; zero counts as one.
    pub concurrency: usize,
    /// Deadlines and caps.
    pub limits: Limits,
    /// Where addresses come from.
    pub resolver: Resolver,
    /// What was true around the run; [`run`] adds the DNS answers.
    pub surroundings: Surroundings,
}

/// One handshake to make.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Whom to talk to.
    pub target: Target,
    /// How long after the start of the run, at the earliest.
    pub after: Duration,
}

impl Planned {
    /// Plans a handshake over TCP with a host, at once.
    pub fn now(host: Host, port: u16) -> Self {
        Self { target: over_tcp(host, port), after: Duration::ZERO }
    }
}

impl Plan {
    /// Returns a plan for these hosts with the usual limits and concurrency, this system's resolver
    /// and surroundings nobody looked at.
    pub fn for_hosts(hosts: impl IntoIterator<Item = (Host, u16)>) -> Self {
        Self {
            targets: hosts.into_iter().map(|(host, port)| Planned::now(host, port)).collect(),
            concurrency: DEFAULT_CONCURRENCY,
            limits: Limits::default(),
            resolver: Resolver::system(),
            surroundings: Surroundings::unseen(),
        }
    }
}

/// Returns a target over TCP; an address is not sent as a server name (RFC 6066 §3).
pub fn over_tcp(host: Host, port: u16) -> Target {
    let server_name = match host.address() {
        Some(_) => Seen::NotVisible,
        None => Seen::Yes(host.clone()),
    };
    Target { server_name, ..Target::over_tcp(host, port) }
}

/// Somebody who is told how the run goes.
pub trait Progress: Send {
    /// One more handshake is over, well or not.
    fn observed(&mut self, observation: &Observation);
}

/// Nobody is told.
impl Progress for () {
    fn observed(&mut self, _observation: &Observation) {}
}

/// Why nothing could be observed at all.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The runtime could not be started.
    #[error("cannot start the network runtime: {0}")]
    Runtime(#[source] io::Error),
    /// The cryptography library refused.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] rustls::Error),
}

/// Carries out a plan on this thread, and returns what was seen.
///
/// A host that was not reached is in the document too, with the class of its failure.
///
/// # Errors
/// [`ObserveError`] when not even a runtime or a TLS client could be set up; never because of a peer.
pub fn run(plan: Plan, progress: &mut dyn Progress) -> Result<Evidence, ObserveError> {
    let runtime = runtime()?;
    let evidence = runtime.block_on(run_async(plan, progress));
    // A name lookup of the system's cannot be cancelled; nobody waits for it.
    runtime.shutdown_background();
    evidence
}

/// Returns a runtime fit for a run: one thread, for handshakes gain nothing from stealing work.
///
/// # Errors
/// [`ObserveError::Runtime`] when the system grants none.
pub fn runtime() -> Result<Runtime, ObserveError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ObserveError::Runtime)
}

/// Returns this machine's clock, in UNIX seconds.
pub fn unix_seconds() -> u64 {
    tls::unix_milliseconds() / 1000
}

/// As [`run`], inside a runtime of the caller's.
///
/// # Errors
/// As [`run`].
pub async fn run_async(plan: Plan, progress: &mut dyn Progress) -> Result<Evidence, ObserveError> {
    let offer = Offer::new().map_err(ObserveError::Tls)?;
    let workers = plan.concurrency.clamp(1, plan.targets.len().max(1));
    let until = Deadline::after(plan.limits.run, "the run");
    let mut surroundings = plan.surroundings;
    let errand = Arc::new(Errand {
        targets: plan.targets,
        limits: plan.limits,
        resolver: plan.resolver,
        offer,
        started: Instant::now(),
        until,
        next: AtomicUsize::new(0),
    });
    let (sender, mut receiver) = mpsc::channel(workers);
    let mut crew = JoinSet::new();
    for _ in 0..workers {
        crew.spawn(work(Arc::clone(&errand), sender.clone()));
    }
    drop(sender);
    let mut seen: Vec<Option<Observation>> = vec![None; errand.targets.len()];
    let mut answers = BTreeMap::new();
    while let Some((place, observation, dns)) = receiver.recv().await {
        progress.observed(&observation);
        if let Some(slot) = seen.get_mut(place) {
            *slot = Some(observation);
        }
        if let Some(answer) = dns {
            answers.entry(answer.host.clone()).or_insert(answer);
        }
    }
    surroundings.dns = Seen::Yes(answers.into_values().collect());
    let unseen = |planned: &Planned| tls::unreached(&planned.target, FailureClass::Other, "the task that looked has died");
    let observations =
        seen.into_iter().zip(&errand.targets).map(|(observation, planned)| observation.unwrap_or_else(|| unseen(planned))).collect();
    Ok(document(observations, surroundings))
}

/// Returns the evidence document of a native probe, closed now.
fn document(observations: Vec<Observation>, surroundings: Surroundings) -> Evidence {
    Evidence {
        format: EvidenceFormat::Evidence,
        version: EVIDENCE_VERSION,
        collector: Collector {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vantage: Vantage::NativeProbe,
        },
        collected_at: unix_seconds(),
        observations,
        surroundings,
    }
}

/// What the workers of one run share.
struct Errand {
    targets: Vec<Planned>,
    limits: Limits,
    resolver: Resolver,
    offer: Offer,
    started: Instant,
    until: Deadline,
    next: AtomicUsize,
}

type Sighting = (usize, Observation, Option<DnsAnswer>);

async fn work(errand: Arc<Errand>, results: mpsc::Sender<Sighting>) {
    loop {
        let place = errand.next.fetch_add(1, Ordering::Relaxed);
        let Some(planned) = errand.targets.get(place) else { return };
        let (observation, dns) = errand.look(planned).await;
        if results.send((place, observation, dns)).await.is_err() {
            return;
        }
    }
}

impl Errand {
    async fn look(&self, planned: &Planned) -> (Observation, Option<DnsAnswer>) {
        let target = &planned.target;
        let begin = self.started + planned.after;
        if begin > Instant::now() {
            sleep_until(begin.min(self.until.at)).await;
        }
        if self.until.has_passed() {
            let detail = "the deadline of the run passed before its turn";
            return (tls::unreached(target, FailureClass::TimedOut, detail), None);
        }
        let until = Deadline::after(self.limits.host, "the host").or_sooner(self.until);
        match timeout_at(until.at, self.resolver.resolve(target)).await {
            Err(_) => {
                let detail = format!("name resolution: the deadline of {} passed", until.of);
                (tls::unreached(target, FailureClass::TimedOut, &detail), None)
            }
            Ok(Err(error)) => (tls::unreached(target, FailureClass::NoAddress, &error), None),
            Ok(Ok(answer)) => {
                let (offer, limits) = (&self.offer, &self.limits);
                let observation = tls::observe_until(target, &answer.addresses, offer, limits, until).await;
                (observation, answer.dns)
            }
        }
    }
}

/// How many handshakes are under way at once, unless told otherwise.
pub const DEFAULT_CONCURRENCY: usize = 32;
