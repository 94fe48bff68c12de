//! Observing: the only impure step. Handshakes in, one evidence document out.

mod angles;
mod dconf;
mod elsewhere;
mod failure;
mod ground;
mod http;
mod journal;
mod limits;
mod offer;
mod pac;
mod proxy;
mod quic;
pub mod readiness;
mod recorder;
mod resolve;
mod starttls;
mod surroundings;
mod tls;
pub mod trust_store;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mintwatch_validator::evidence::{
    ClockCheck, Collector, DnsAnswer, EVIDENCE_VERSION, Evidence, EvidenceFormat, FailureClass, Host, Observation, PortalCheck, Seen,
    Surroundings, Target, Transport, Vantage,
};
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use angles::{Angle, Tour, plan, usual};
pub use elsewhere::Elsewhere;
pub use journal::{Death, Journal, Purpose};
pub use limits::Limits;
pub use offer::{Hello, Offer};
pub use pac::pac_settings;
pub use proxy::Proxy;
pub(crate) use recorder::accepts_anything;
pub use resolve::{Answer, NoNameServers, Resolver};
pub use starttls::of_port as starttls_of_port;
pub use surroundings::{look_around, proxies};
pub use tls::observe;
pub use way::{Road, Way};

use elsewhere::Questioner;
use limits::Deadline;
use offer::Offers;
use tls::Means;

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
    /// Who else is asked for addresses; a handshake is then made at those that this network's resolver does not give.
    pub elsewhere: Vec<Elsewhere>,
    /// Whom to ask for the way, where one was declared.
    pub proxy: Option<Proxy>,
    /// Whether clock, portal and made-up answers are looked at.
    pub ground_truth: bool,
    /// Where each connection is written down before it is made.
    pub journal: Option<Arc<Journal>>,
    /// What was true around the run; [`run`] adds what it finds out itself.
    pub surroundings: Surroundings,
}

/// One handshake to make.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Whom to talk to.
    pub target: Target,
    /// How.
    pub way: Way,
    /// How long after the start of the run, at the earliest.
    pub after: Duration,
    /// Whether it is made beside the usual one: where the host has no address at all, one handshake says so.
    pub beside: bool,
}

impl Planned {
    /// Plans the usual handshake with a host, at once.
    pub fn now(host: &Host, port: u16) -> Self {
        usual(host, port)
    }
}

impl Plan {
    /// Returns a plan for these hosts with the usual limits and concurrency, this system's resolver, no angles, and
    /// surroundings nobody looked at.
    pub fn for_hosts(hosts: impl IntoIterator<Item = (Host, u16)>) -> Self {
        Self {
            targets: hosts.into_iter().map(|(host, port)| Planned::now(&host, port)).collect(),
            concurrency: DEFAULT_CONCURRENCY,
            limits: Limits::default(),
            resolver: Resolver::system(),
            elsewhere: Vec::new(),
            proxy: None,
            ground_truth: false,
            journal: None,
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
    /// So many more handshakes are planned.
    fn planned(&mut self, more: usize);
    /// One more handshake is over, well or not.
    fn observed(&mut self, sighting: &Sighting);
}

/// Nobody is told.
impl Progress for () {
    fn planned(&mut self, _more: usize) {}
    fn observed(&mut self, _sighting: &Sighting) {}
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
    let offers = Offers::default();
    offers.by(Hello::Usual).map_err(ObserveError::Tls)?;
    let until = Deadline::after(plan.limits.run, "the run");
    let errand = Arc::new(Errand {
        limits: plan.limits,
        resolver: plan.resolver,
        proxy: plan.proxy,
        journal: plan.journal,
        offers,
        started: Instant::now(),
        until,
        answers: Mutex::default(),
    });
    // Whoever goes through a proxy may have a reason: nobody is asked past it.
    let elsewhere = if errand.proxy.is_some() { Vec::new() } else { plan.elsewhere };
    let hosts: BTreeSet<(Host, u16)> = plan.targets.iter().map(|planned| (planned.target.host.clone(), planned.target.port)).collect();
    let (mut observations, ground, answers) = tokio::join!(
        Errand::make(&errand, plan.targets, plan.concurrency, progress),
        errand.ground_truth(plan.ground_truth),
        errand.ask_elsewhere(&elsewhere, &hosts),
    );
    let mut dns = errand.answers();
    let roads = roads_elsewhere(&hosts, &dns, &answers);
    let endpoints = elsewhere.iter().filter_map(Elsewhere::endpoint).map(to_resolver);
    let more = roads.into_iter().chain(endpoints).collect();
    observations.extend(Errand::make(&errand, more, plan.concurrency, progress).await);
    dns.extend(answers);
    let mut surroundings = plan.surroundings;
    surroundings.dns = Seen::Yes(dns);
    if let Some(ground) = ground {
        surroundings.clock = ground.clock;
        surroundings.portal = ground.portal;
        surroundings.invented = ground.invented;
        surroundings.families = Seen::Yes(ground::families(&observations));
    }
    Ok(document(observations, surroundings))
}

/// Looks at clock and captive portal by themselves, as a run does beside its handshakes.
///
/// # Errors
/// [`ObserveError::Runtime`].
pub fn ground_truth(resolver: &Resolver, journal: Option<&Arc<Journal>>) -> Result<(Seen<ClockCheck>, Seen<PortalCheck>), ObserveError> {
    let runtime = runtime()?;
    let until = || Deadline::after(Limits::default().host, "the look around");
    let seen = runtime.block_on(async { ground::witnesses(resolver, journal, until()).await });
    runtime.shutdown_background();
    Ok(seen)
}

/// Plans a handshake with whoever answers for a resolver, at its address.
fn to_resolver((host, port, address): (Host, u16, IpAddr)) -> Planned {
    let planned = usual(&host, port);
    Planned { way: Way { road: Road::To(address), ..planned.way }, ..planned }
}

/// Plans a handshake at some address that resolvers elsewhere give for a host and this network's does not.
fn roads_elsewhere(hosts: &BTreeSet<(Host, u16)>, here: &[DnsAnswer], elsewhere: &[DnsAnswer]) -> Vec<Planned> {
    let of = |answers: &[DnsAnswer], host: &Host| -> BTreeSet<IpAddr> {
        let answers = answers.iter().filter(|answer| answer.host == *host);
        answers.flat_map(|answer| &answer.addresses).filter_map(|address| address.parse().ok()).collect()
    };
    let road = |(host, port): &(Host, u16)| {
        let (here, there) = (of(here, host), of(elsewhere, host));
        // Both versions of IP, where there are both: one may have no route.
        let only_there: Vec<IpAddr> = there.difference(&here).copied().collect();
        let of_each = [IpAddr::is_ipv4, IpAddr::is_ipv6].map(|family| only_there.iter().copied().find(family));
        let planned = usual(host, *port);
        let to = move |address| Planned { way: Way { road: Road::To(address), ..planned.way }, beside: true, ..planned.clone() };
        of_each.into_iter().flatten().map(to)
    };
    hosts.iter().flat_map(road).collect()
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
    limits: Limits,
    resolver: Resolver,
    proxy: Option<Proxy>,
    journal: Option<Arc<Journal>>,
    offers: Offers,
    started: Instant,
    until: Deadline,
    answers: Mutex<BTreeMap<(Host, u16), Arc<Resolved>>>,
}

/// What this network's resolver answered, once it has.
type Resolved = OnceCell<Result<Answer, String>>;

impl Errand {
    /// Makes handshakes, so many at once; returns what was seen, in the order of the plan. A way that does not exist is left out.
    async fn make(errand: &Arc<Self>, planned: Vec<Planned>, concurrency: usize, progress: &mut dyn Progress) -> Vec<Observation> {
        let workers = concurrency.clamp(1, planned.len().max(1));
        progress.planned(planned.len());
        let work = Arc::new((planned, AtomicUsize::new(0)));
        let (sender, mut receiver) = mpsc::channel(workers);
        let mut crew = JoinSet::new();
        for _ in 0..workers {
            let (errand, work, sender) = (Arc::clone(errand), Arc::clone(&work), sender.clone());
            crew.spawn(async move {
                loop {
                    let place = work.1.fetch_add(1, Ordering::Relaxed);
                    let Some(planned) = work.0.get(place) else { return };
                    if sender.send((place, errand.look(planned).await)).await.is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut seen: Vec<Sighting> = vec![Sighting::Died; work.0.len()];
        while let Some((place, sighting)) = receiver.recv().await {
            progress.observed(&sighting);
            if let Some(slot) = seen.get_mut(place) {
                *slot = sighting;
            }
        }
        let kept = |(sighting, planned): (Sighting, &Planned)| match sighting {
            Sighting::Seen(observation) => Some(*observation),
            Sighting::NoSuchWay => None,
            Sighting::Died => Some(tls::unreached(&planned.target, FailureClass::Other, "the task that looked has died")),
        };
        seen.into_iter().zip(&work.0).filter_map(kept).collect()
    }

    async fn look(&self, planned: &Planned) -> Sighting {
        let (target, way) = (&planned.target, &planned.way);
        let failed = |class, detail: &str| Sighting::seen(tls::unreached(target, class, detail));
        let proxy = self.proxy_to(&target.host);
        // A proxy is asked for ways over TCP, and chooses the address itself.
        if proxy.is_some() && (target.transport != Transport::Tcp || way.road == Road::OtherFamily) {
            return Sighting::NoSuchWay;
        }
        let begin = self.started + planned.after;
        if begin > Instant::now() {
            sleep_until(begin.min(self.until.at)).await;
        }
        if self.until.has_passed() {
            return failed(FailureClass::TimedOut, "the deadline of the run passed before its turn");
        }
        let until = Deadline::after(self.limits.host, "the host").or_sooner(self.until);
        let addresses = match timeout_at(until.at, Box::pin(self.addresses(planned))).await {
            Err(_) => return failed(FailureClass::TimedOut, &format!("name resolution: the deadline of {} passed", until.of)),
            Ok(Err(_)) if planned.beside => return Sighting::NoSuchWay,
            Ok(Err(error)) => return failed(FailureClass::NoAddress, &error),
            Ok(Ok(None)) => return Sighting::NoSuchWay,
            Ok(Ok(Some(addresses))) => addresses,
        };
        let hello = if target.transport == Transport::Quic { Hello::Quic } else { way.hello };
        let offer = match self.offers.by(hello) {
            Ok(offer) => offer,
            Err(error) => return failed(FailureClass::Other, &format!("this hello cannot be made: {error}")),
        };
        let means = Means { addresses: &addresses, offer, limits: &self.limits, proxy, hop_limit: way.hop_limit, until };
        let entry = self.journal.as_ref().map(|journal| journal.begin(Purpose::with(target), &target.host, target.port));
        let observation = tls::observe_by(target, means).await;
        if let Some(entry) = entry {
            entry.end();
        }
        Sighting::seen(observation)
    }

    /// Returns the addresses to try; none where the way does not exist. Every host is resolved once a run.
    async fn addresses(&self, planned: &Planned) -> Result<Option<Vec<SocketAddr>>, String> {
        let target = &planned.target;
        if let Road::To(_) = planned.way.road {
            return Ok(planned.way.choose(&[], target.port));
        }
        if self.proxy_to(&target.host).is_some() && !self.resolver.states(target) {
            return Ok(Some(Vec::new()));
        }
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry((target.host.clone(), target.port)).or_default())
        };
        let answer = cell.get_or_init(|| self.resolver.resolve(target)).await;
        answer.as_ref().map(|answer| planned.way.choose(&answer.addresses, target.port)).map_err(Clone::clone)
    }

    fn proxy_to(&self, host: &Host) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|proxy| proxy.serves(host))
    }

    /// Returns what this network's resolver answered, one answer a host.
    fn answers(&self) -> Vec<DnsAnswer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_host = BTreeMap::new();
        for answer in answers.values().filter_map(|cell| cell.get()?.as_ref().ok()?.dns.clone()) {
            by_host.entry(answer.host.clone()).or_insert(answer);
        }
        by_host.into_values().collect()
    }

    async fn ground_truth(&self, wanted: bool) -> Option<ground::Ground> {
        // Through a proxy it would be the proxy's ground.
        if !wanted || self.proxy.is_some() {
            return None;
        }
        Some(ground::look(&self.resolver, self.journal.as_ref(), self.until).await)
    }

    /// Asks resolvers elsewhere for every host; the first of them also for what the hosts want of their clients.
    async fn ask_elsewhere(&self, elsewhere: &[Elsewhere], hosts: &BTreeSet<(Host, u16)>) -> Vec<DnsAnswer> {
        let until = Deadline::after(self.limits.host, "the resolvers").or_sooner(self.until).at;
        let hosts: Arc<Vec<_>> = Arc::new(hosts.iter().filter(|(host, _)| host.address().is_none()).cloned().collect());
        let mut asked = JoinSet::new();
        for (turn, ((host, port), questioner)) in elsewhere.iter().filter_map(|one| Some((one.place()?, one.open().ok()?))).enumerate() {
            let (journal, hosts) = (self.journal.clone(), Arc::clone(&hosts));
            asked.spawn(async move {
                let entry = journal.as_ref().map(|journal| journal.begin(Purpose::Questions, &host, port));
                let answers = interview(&questioner, &hosts, turn == 0, until).await;
                if let Some(entry) = entry {
                    entry.end();
                }
                answers
            });
        }
        let mut answers: Vec<DnsAnswer> = asked.join_all().await.into_iter().flatten().collect();
        answers.sort_by(|one, other| (&one.host, &one.resolver).cmp(&(&other.host, &other.resolver)));
        answers.dedup();
        answers
    }
}

/// Asks one resolver for every host, all at once.
async fn interview(questioner: &Questioner, hosts: &[(Host, u16)], with_advice: bool, until: Instant) -> Vec<DnsAnswer> {
    let mut asked = JoinSet::new();
    for (host, port) in hosts.iter().cloned() {
        let questioner = questioner.clone();
        asked.spawn(async move { question(&questioner, &host, port, with_advice, until).await });
    }
    asked.join_all().await.into_iter().flatten().collect()
}

async fn question(questioner: &Questioner, host: &Host, port: u16, with_advice: bool, until: Instant) -> Option<DnsAnswer> {
    let advice = async { if with_advice { questioner.advice(host, port, until).await } else { Vec::new() } };
    let (answer, records) = tokio::join!(questioner.ask(host, until), advice);
    answer.ok().map(|answer| DnsAnswer { records, ..answer })
}

/// What became of one planned handshake.
#[derive(Debug, Clone)]
pub enum Sighting {
    /// This was seen.
    Seen(Box<Observation>),
    /// The host has no such way: no address of the other version of IP, or a proxy that knows TCP alone.
    NoSuchWay,
    /// The task that looked has died; nothing of it is lost but this.
    Died,
}

impl Sighting {
    fn seen(observation: Observation) -> Self {
        Self::Seen(Box::new(observation))
    }
}

/// How many handshakes are under way at once, unless told otherwise.
pub const DEFAULT_CONCURRENCY: usize = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handshake_under_way_takes_little_room_beside_what_tls_needs() {
        let planned = Planned::now(&Host::parse("host.example").unwrap(), 443);
        let limits = Limits::default();
        let errand = Errand {
            limits,
            resolver: Resolver::stated_only(),
            proxy: None,
            journal: None,
            offers: Offers::default(),
            started: Instant::now(),
            until: Deadline::after(limits.run, "the run"),
            answers: Mutex::default(),
        };
        let room = size_of_val(&errand.look(&planned));
        assert!(room <= MOST_ROOM, "{room}");
    }

    /// In bytes.
    const MOST_ROOM: usize = 3 * 1024;
}
