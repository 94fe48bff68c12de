//! One handshake: what the server shows, and how it ended.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mintwatch_validator::evidence::{Chain, ChainForm, Ending, Failure, FailureClass, Negotiated, Observation, Seen, Target};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CipherSuite, ClientConfig, ClientConnection, HandshakeKind, InvalidMessage, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use super::limits::{Deadline, Limits};
use super::recorder::Recorder;

/// The client half of every handshake: what is offered, shared by all connections of a run.
#[derive(Debug, Clone)]
pub struct Offer {
    config: ClientConfig,
    schemes: Arc<[SignatureScheme]>,
}

impl Offer {
    /// Returns the offer of this build: TLS 1.3 and 1.2, ALPN `h2` and `http/1.1`, no resumption,
    /// no certificate compression, an OCSP staple asked for.
    ///
    /// # Errors
    /// When the cryptography library refuses its own defaults.
    pub fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(provider());
        let schemes: Arc<[_]> = provider.signature_verification_algorithms.supported_schemes().into();
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Recorder::new(Arc::clone(&schemes)))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // A server that picks a protocol nobody offered is recorded, not refused.
        config.check_selected_alpn = false;
        // A resumed handshake carries no certificate.
        config.resumption = Resumption::disabled();
        // A compressed chain could unpack to more than the caps allow.
        config.cert_decompressors = Vec::new();
        config.cert_compressors = Vec::new();
        Ok(Self { config, schemes })
    }

    /// Returns a configuration for one connection, and the recorder inside it.
    fn for_one_connection(&self) -> (Arc<ClientConfig>, Arc<Recorder>) {
        let recorder = Recorder::new(Arc::clone(&self.schemes));
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(Arc::clone(&recorder) as _);
        (Arc::new(config), recorder)
    }
}

/// Returns the cryptography offered: the library's own, but AES-128-GCM before AES-256-GCM.
///
/// Browsers offer it first too, and SHA-384 has no hardware path on most machines: it costs about
/// 7 % of a handshake.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
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
    observe_until(target, addresses, offer, limits, until).await
}

/// As [`observe`], within a deadline of the caller's.
pub(crate) async fn observe_until(
    target: &Target,
    addresses: &[SocketAddr],
    offer: &Offer,
    limits: &Limits,
    until: Deadline,
) -> Observation {
    let first = observe_once(target, addresses, offer, limits, until).await;
    if !broke_off_after_certificates(&first) || until.has_passed() {
        return first;
    }
    let second = observe_once(target, addresses, offer, limits, until).await;
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

async fn observe_once(target: &Target, addresses: &[SocketAddr], offer: &Offer, limits: &Limits, until: Deadline) -> Observation {
    let at = unix_milliseconds();
    let name = match ServerName::try_from(target.host.as_str()) {
        Ok(name) => name.to_owned(),
        Err(error) => {
            let detail = format!("TLS cannot ask for this name: {error}");
            return unseen(target, at, fail(FailureClass::Other, detail), Seen::NotVisible);
        }
    };
    let deadline = Deadline::after(limits.tcp, "the TCP connection").or_sooner(until);
    let (mut stream, peer) = match connect(addresses, deadline).await {
        Ok(connected) => connected,
        Err(failure) => {
            let tried = addresses.first().map(ToString::to_string);
            let peer = tried.map_or(Seen::NotVisible, Seen::Yes);
            return unseen(target, at, failure, peer);
        }
    };
    let (config, recorder) = offer.for_one_connection();
    let at = unix_milliseconds();
    let peer = Seen::Yes(peer.to_string());
    let mut connection = match ClientConnection::new(config, name) {
        Ok(connection) => connection,
        Err(error) => return unseen(target, at, fail(FailureClass::Other, error.to_string()), peer),
    };
    let deadline = Deadline::after(limits.handshake, "the handshake").or_sooner(until);
    let mut wire = Wire { received: 0, first: None, cap: limits.connection_bytes };
    let shaken = timeout_at(deadline.at, shake_hands(&mut connection, &mut stream, &mut wire)).await;
    let ending = match shaken {
        Ok(Ok(())) => Ending::Completed,
        Ok(Err(broken)) => Ending::Failed(broken.classify(&wire)),
        Err(_) => Ending::Failed(timed_out(deadline)),
    };
    drop(stream);
    describe(target, at, peer, ending, &connection, &recorder)
}

fn describe(
    target: &Target,
    at: u64,
    peer: Seen<String>,
    ending: Ending,
    connection: &ClientConnection,
    recorder: &Recorder,
) -> Observation {
    let saw_certificates = recorder.saw_certificates();
    let record = recorder.take();
    let missing = || match &ending {
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
        target: target.clone(),
        peer,
        at,
        chain,
        tls: negotiated(connection).map_or_else(|| Seen::Failed(missing()), Seen::Yes),
        // rustls reads the extension for its own use only.
        scts: Seen::NotVisible,
        ocsp_staple,
        possession: record.possession.map_or_else(|| Seen::Failed(missing()), Seen::Yes),
        offer: Seen::NotVisible,
        ending,
    }
}

fn negotiated(connection: &ClientConnection) -> Option<Negotiated> {
    let version = connection.protocol_version()?;
    let suite = connection.negotiated_cipher_suite()?;
    let over = !connection.is_handshaking();
    let group = connection.negotiated_key_exchange_group();
    let alpn = connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    Some(Negotiated {
        version: match version {
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
            other => format!("{other:?}"),
        },
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

fn unseen(target: &Target, at: u64, failure: Failure, peer: Seen<String>) -> Observation {
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
            Self::Io(error) => fail(class_of_io(&error), error.to_string()),
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
    let mut outgoing = Vec::with_capacity(1024);
    let mut incoming = vec![0; READ_BYTES];
    loop {
        while connection.wants_write() {
            connection.write_tls(&mut outgoing).map_err(Broken::Io)?;
        }
        if !outgoing.is_empty() {
            stream.write_all(&outgoing).await.map_err(Broken::Io)?;
            outgoing.clear();
        }
        if !connection.is_handshaking() {
            return Ok(());
        }
        let count = stream.read(&mut incoming).await.map_err(Broken::Io)?;
        let mut fresh = incoming.get(..count).unwrap_or_default();
        if fresh.is_empty() {
            return Err(Broken::Closed);
        }
        let within_cap = wire.count(fresh);
        while !fresh.is_empty() {
            connection.read_tls(&mut fresh).map_err(Broken::Io)?;
            connection.process_new_packets().map_err(Broken::Tls)?;
        }
        if !within_cap {
            return Err(Broken::OverCap);
        }
        // Whatever follows the server's Finished is nobody's business here.
    }
}

/// Connects to the first address that answers, giving each a head start over the next.
async fn connect(addresses: &[SocketAddr], deadline: Deadline) -> Result<(TcpStream, SocketAddr), Failure> {
    let attempt = async {
        match addresses {
            [] => Err(fail(FailureClass::NoAddress, "the name has no address")),
            [only] => connect_to(*only).await,
            several => connect_to_any(several).await,
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
    let stream = connected.map_err(|error| fail(class_of_io(&error), error.to_string()))?;
    Ok((stream, address))
}

fn class_of_io(error: &io::Error) -> FailureClass {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => FailureClass::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => FailureClass::Reset,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable => {
            FailureClass::Unreachable
        }
        ErrorKind::TimedOut => FailureClass::TimedOut,
        ErrorKind::UnexpectedEof => FailureClass::Closed,
        _ => FailureClass::Other,
    }
}

/// Returns the class of what rustls said.
///
/// The alert `handshake_failure` stays an alert: servers send it for many reasons beside the one of
/// RFC 8446 §6.2.
fn class_of_tls(error: &rustls::Error) -> FailureClass {
    use rustls::Error;
    match error {
        Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::MessageTooLarge,
        )
        | Error::PeerSentOversizedRecord => FailureClass::Oversize,
        Error::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity | AlertDescription::NoApplicationProtocol,
        )
        | Error::PeerIncompatible(_) => FailureClass::NothingInCommon,
        Error::AlertReceived(_) => FailureClass::Alert,
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::InvalidEncryptedClientHello(_)
        | Error::InvalidMessage(_)
        | Error::NoCertificatesPresented
        | Error::DecryptError
        | Error::PeerMisbehaved(_)
        | Error::InvalidCertificate(_) => FailureClass::Malformed,
        _ => FailureClass::Other,
    }
}

fn timed_out(deadline: Deadline) -> Failure {
    fail(FailureClass::TimedOut, format!("the deadline of {} passed", deadline.of))
}

fn fail(class: FailureClass, detail: impl Into<String>) -> Failure {
    Failure { class, detail: detail.into() }
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
