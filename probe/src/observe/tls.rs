//! One handshake: what the server shows, and how it ended.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mintwatch_validator::evidence::{
    Chain, ChainForm, Ending, Failure, FailureClass, Features, Negotiated, Observation, Seen, Target, Transport, Via,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, HandshakeKind};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use super::failure::{class_of_tls, fail, of_io, timed_out};
use super::limits::{Deadline, Limits};
use super::offer::{Offer, version_name};
use super::proxy::Proxy;
use super::recorder::Recorder;
use super::{quic, starttls};

/// What one handshake needs beside its target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means<'m> {
    /// Where to go, the first that answers.
    pub(super) addresses: &'m [SocketAddr],
    /// What to offer.
    pub(super) offer: &'m Offer,
    /// Deadlines and caps.
    pub(super) limits: &'m Limits,
    /// Whom to ask for the way, where one was declared.
    pub(super) proxy: Option<&'m Proxy>,
    /// The hop limit of every packet sent once the connection stands.
    pub(super) hop_limit: Option<u8>,
    /// When nobody waits any more.
    pub(super) until: Deadline,
}

/// Makes one handshake with a host at the first of its addresses that answers.
///
/// Nothing is sent after the handshake; the connection is then closed. It is not reset: a reset can
/// overtake our Finished, and interceptors let a client pass whose handshakes keep failing.
/// A handshake that breaks off after the certificates were seen is tried once more, for some
/// interceptors break off the first one for a name while they mint; the certificates are kept
/// either way.
pub async fn observe(target: &Target, addresses: &[SocketAddr], offer: &Offer, limits: &Limits) -> Observation {
    let until = Deadline::after(limits.host, "the host");
    observe_by(target, Means { addresses, offer, limits, proxy: None, hop_limit: None, until }).await
}

/// As [`observe`], with all that decides how.
///
/// What few handshakes need, and none for long, is boxed: it would be kept room for in each that is under way.
pub(super) async fn observe_by(target: &Target, means: Means<'_>) -> Observation {
    if target.transport == Transport::Quic {
        let observation = Box::pin(quic::observe(target, means.addresses, means.offer, means.limits, means.until)).await;
        return Observation { via: Seen::Yes(Via::Direct), ..observation };
    }
    let first = observe_once(target, means).await;
    if !broke_off_after_certificates(&first) || means.until.has_passed() {
        return first;
    }
    let second = observe_once(target, means).await;
    if second.chain.yes().is_some() { second } else { first }
}

/// Returns an observation of a host that no handshake was made with.
pub(crate) fn unreached(target: &Target, class: FailureClass, detail: &str) -> Observation {
    let failure = Failure { class, detail: detail.to_owned() };
    unseen(target, unix_milliseconds(), failure, Seen::Failed("no connection was made".to_owned()))
}

fn broke_off_after_certificates(observation: &Observation) -> bool {
    use FailureClass::{Alert, Closed, Reset};
    let broke_off = match &observation.ending {
        Ending::Completed => false,
        Ending::Failed(failure) => matches!(failure.class, Reset | Closed | Alert),
    };
    broke_off && observation.chain.yes().is_some()
}

async fn observe_once(target: &Target, means: Means<'_>) -> Observation {
    let via = Seen::Yes(means.proxy.map_or(Via::Direct, Proxy::via));
    let observation = shaken(target, means).await;
    Observation { via, hop_limit: means.hop_limit, ..observation }
}

async fn shaken(target: &Target, means: Means<'_>) -> Observation {
    let asked = target.server_name.yes().unwrap_or(&target.host);
    let name = match ServerName::try_from(asked.as_str()) {
        Ok(name) => name.to_owned(),
        Err(error) => {
            let detail = format!("TLS cannot ask for this name: {error}");
            return unseen(target, unix_milliseconds(), fail(FailureClass::Other, detail), Seen::NotVisible);
        }
    };
    let begun = unix_milliseconds();
    let deadline = Deadline::after(means.limits.tcp, "the TCP connection").or_sooner(means.until);
    let (mut stream, peer) = match reach(target, means, deadline).await {
        Ok((stream, peer)) => (stream, peer.map_or(Seen::NotVisible, |peer| Seen::Yes(peer.to_string()))),
        Err(failure) => {
            let tried = means.addresses.first().filter(|_| means.proxy.is_none()).map(ToString::to_string);
            return unseen(target, begun, failure, tried.map_or(Seen::NotVisible, Seen::Yes));
        }
    };
    let at = unix_milliseconds();
    let deadline = Deadline::after(means.limits.handshake, "the handshake").or_sooner(means.until);
    if let Some(protocol) = target.starttls {
        let asked = timeout_at(deadline.at, Box::pin(starttls::ask(protocol, target.host.as_str(), &mut stream))).await;
        if let Err(failure) = asked.unwrap_or_else(|_| Err(timed_out(deadline))) {
            return unseen(target, at, failure, peer);
        }
    }
    let (config, recorder) = means.offer.for_one_connection();
    let mut connection = match ClientConnection::new(config, name) {
        Ok(connection) => connection,
        Err(error) => return unseen(target, at, fail(FailureClass::Other, error.to_string()), peer),
    };
    let mut wire = Wire { received: 0, first: None, cap: means.limits.connection_bytes };
    let shaken = timeout_at(deadline.at, shake_hands(&mut connection, &mut stream, &mut wire)).await;
    let ending = match shaken {
        Ok(Ok(())) => Ending::Completed,
        Ok(Err(broken)) => Ending::Failed(broken.classify(&wire)),
        Err(_) => Ending::Failed(timed_out(deadline)),
    };
    drop(stream);
    seen(target, Sight { at, peer, ending, tls: negotiated(&connection), features: means.offer.features().clone() }, &recorder)
}

/// Opens the way to a host: straight, or through the proxy, whose address is nobody's business.
async fn reach(target: &Target, means: Means<'_>, deadline: Deadline) -> Result<(TcpStream, Option<SocketAddr>), Failure> {
    let (stream, peer) = match means.proxy {
        None => connect(means.addresses, deadline).await.map(|(stream, peer)| (stream, Some(peer)))?,
        Some(proxy) => {
            let stated = means.addresses.first().map(SocketAddr::ip);
            let opened = timeout_at(deadline.at, Box::pin(proxy.connect(&target.host, stated, target.port))).await;
            (opened.unwrap_or_else(|_| Err(timed_out(deadline)))?, None)
        }
    };
    if let Some(hops) = means.hop_limit {
        limit_hops(&stream, hops).map_err(|error| of_io(&error))?;
    }
    Ok((stream, peer))
}

fn limit_hops(stream: &TcpStream, hops: u8) -> io::Result<()> {
    let socket = SockRef::from(stream);
    if stream.peer_addr()?.is_ipv6() { socket.set_unicast_hops_v6(u32::from(hops)) } else { socket.set_ttl_v4(u32::from(hops)) }
}

/// What one handshake came to, beside what the recorder holds.
pub(super) struct Sight {
    /// When the first byte was sent, in UNIX milliseconds.
    pub(super) at: u64,
    /// Where the connection went.
    pub(super) peer: Seen<String>,
    /// How it ended.
    pub(super) ending: Ending,
    /// What was agreed.
    pub(super) tls: Option<Negotiated>,
    /// What was offered.
    pub(super) features: Features,
}

/// Returns the observation of a handshake that was begun.
pub(super) fn seen(target: &Target, sight: Sight, recorder: &Recorder) -> Observation {
    let saw_certificates = recorder.saw_certificates();
    let record = recorder.take();
    let missing = || match &sight.ending {
        Ending::Completed => "the handshake carried none".to_owned(),
        Ending::Failed(failure) => format!("the handshake failed before: {}", failure.detail),
    };
    let chain = if saw_certificates {
        Seen::Yes(Chain { form: ChainForm::Presented, certificates: record.certificates })
    } else {
        Seen::Failed(missing())
    };
    let ocsp_staple = if saw_certificates { Seen::Yes(record.ocsp_staple.into()) } else { Seen::Failed(missing()) };
    Observation {
        peer: sight.peer,
        chain,
        tls: sight.tls.map_or_else(|| Seen::Failed(missing()), Seen::Yes),
        // rustls reads the extension for its own use only.
        scts: Seen::NotVisible,
        ocsp_staple,
        possession: record.possession.map_or_else(|| Seen::Failed(missing()), Seen::Yes),
        offer: Seen::Yes(sight.features),
        ending: sight.ending,
        ..Observation::unseen(target.clone(), sight.at)
    }
}

fn negotiated(connection: &ClientConnection) -> Option<Negotiated> {
    let version = connection.protocol_version()?;
    let suite = connection.negotiated_cipher_suite()?;
    let over = !connection.is_handshaking();
    let group = connection.negotiated_key_exchange_group();
    let alpn = connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    Some(Negotiated {
        version: version_name(version),
        cipher_suite: format!("{:?}", suite.suite()),
        group: group.map_or(Seen::NotVisible, |group| Seen::Yes(format!("{:?}", group.name()))),
        alpn: match alpn {
            Some(name) => Seen::Yes(name),
            None if over => Seen::Yes(String::new()),
            None => Seen::NotVisible,
        },
        // Not offered.
        ech_accepted: Seen::Yes(false),
        full_handshake: connection.handshake_kind().map_or(Seen::NotVisible, |kind| Seen::Yes(kind != HandshakeKind::Resumed)),
    })
}

/// Returns the observation of a handshake that was not begun.
pub(super) fn unseen(target: &Target, at: u64, failure: Failure, peer: Seen<String>) -> Observation {
    let why = format!("no handshake: {}", failure.detail);
    Observation {
        peer,
        ending: Ending::Failed(failure),
        chain: Seen::Failed(why.clone()),
        tls: Seen::Failed(why.clone()),
        ocsp_staple: Seen::Failed(why.clone()),
        possession: Seen::Failed(why),
        ..Observation::unseen(target.clone(), at)
    }
}

/// What came over the wire so far.
struct Wire {
    received: usize,
    first: Option<[u8; 2]>,
    cap: usize,
}

impl Wire {
    /// Counts some bytes; says whether they are still within the cap.
    fn count(&mut self, bytes: &[u8]) -> bool {
        if self.first.is_none() {
            let second = bytes.get(1).copied().unwrap_or(3);
            self.first = bytes.first().map(|first| [*first, second]);
        }
        self.received += bytes.len();
        self.received <= self.cap
    }

    /// Says whether the first bytes can be a TLS record (RFC 8446 §5.1): a known type, version 3.x.
    fn began_as_tls(&self) -> bool {
        matches!(self.first, None | Some([20..=24, 3]))
    }
}

/// Why a handshake broke.
enum Broken {
    Io(io::Error),
    Tls(rustls::Error),
    Closed,
    OverCap,
}

impl Broken {
    fn classify(self, wire: &Wire) -> Failure {
        match self {
            Self::Io(error) => of_io(&error),
            Self::Tls(error) if !wire.began_as_tls() => fail(FailureClass::NotTls, format!("the answer is not TLS: {error}")),
            Self::Tls(error) => fail(class_of_tls(&error), error.to_string()),
            Self::Closed if !wire.began_as_tls() => fail(FailureClass::NotTls, "the answer is not TLS"),
            Self::Closed => fail(FailureClass::Closed, "the peer closed during the handshake"),
            Self::OverCap => {
                let detail = format!("the peer sent more than {} bytes", wire.cap);
                fail(FailureClass::Oversize, detail)
            }
        }
    }
}

async fn shake_hands(connection: &mut ClientConnection, stream: &mut TcpStream, wire: &mut Wire) -> Result<(), Broken> {
    loop {
        if connection.wants_write() {
            let mut outgoing = Vec::with_capacity(WRITE_BYTES);
            while connection.wants_write() {
                connection.write_tls(&mut outgoing).map_err(Broken::Io)?;
            }
            stream.write_all(&outgoing).await.map_err(Broken::Io)?;
        }
        if !connection.is_handshaking() {
            return Ok(());
        }
        poll_fn(|context| take_in(connection, stream, wire, context)).await?;
        // Whatever follows the server's Finished is nobody's business here.
    }
}

/// Takes in what has arrived. The room for it is on the stack: a thousand peers that keep us waiting take none.
fn take_in(
    connection: &mut ClientConnection,
    stream: &mut TcpStream,
    wire: &mut Wire,
    context: &mut Context<'_>,
) -> Poll<Result<(), Broken>> {
    let mut room = [MaybeUninit::uninit(); READ_BYTES];
    let mut incoming = ReadBuf::uninit(&mut room);
    ready!(Pin::new(stream).poll_read(context, &mut incoming)).map_err(Broken::Io)?;
    let mut fresh = incoming.filled();
    if fresh.is_empty() {
        return Poll::Ready(Err(Broken::Closed));
    }
    let within_cap = wire.count(fresh);
    while !fresh.is_empty() {
        connection.read_tls(&mut fresh).map_err(Broken::Io)?;
        connection.process_new_packets().map_err(Broken::Tls)?;
    }
    Poll::Ready(if within_cap { Ok(()) } else { Err(Broken::OverCap) })
}

/// Connects to the first address that answers, giving each a head start over the next.
async fn connect(addresses: &[SocketAddr], deadline: Deadline) -> Result<(TcpStream, SocketAddr), Failure> {
    let attempt = async {
        match addresses {
            [] => Err(fail(FailureClass::NoAddress, "the name has no address")),
            [only] => connect_to(*only).await,
            several => Box::pin(connect_to_any(several)).await,
        }
    };
    timeout_at(deadline.at, attempt).await.unwrap_or_else(|_| Err(timed_out(deadline)))
}

async fn connect_to_any(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut attempts = JoinSet::new();
    for (turn, address) in (0_u32..).zip(addresses.iter().copied().take(MAX_ADDRESSES)) {
        attempts.spawn(async move {
            sleep(HEAD_START * turn).await;
            connect_to(address).await
        });
    }
    let mut last = fail(FailureClass::NoAddress, "the name has no address");
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(failure)) => last = failure,
            Err(error) => last = fail(FailureClass::Other, error.to_string()),
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr) -> Result<(TcpStream, SocketAddr), Failure> {
    let connected = TcpStream::connect(address).await;
    let stream = connected.map_err(|error| of_io(&error))?;
    Ok((stream, address))
}

/// Returns this machine's clock, in UNIX milliseconds.
pub(crate) fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The head start of one address over the next (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);
/// How many addresses of one host are tried.
const MAX_ADDRESSES: usize = 4;
/// How much is read at once, in bytes: a handshake with a usual chain comes in one or two reads.
const READ_BYTES: usize = 8 * 1024;
/// How long the longest hello is, in bytes, and some more: that of a post-quantum key and a long name.
const WRITE_BYTES: usize = 2 * 1024;
