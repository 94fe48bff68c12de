//! What was seen, where, when and by whom: plain, versioned data that leans on no other room.
//!
//! The document is written as JSON by `serde_json`; field order is the order below, so that a
//! document read and written again is the same to the byte. It has no field for a URL path, a
//! cookie, a user or the name of the machine that looked.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The newest evidence format this build writes and reads.
pub const EVIDENCE_VERSION: u32 = 1;
/// The origin of an anchor that the platform's own store holds, for all programs that keep none of their own.
pub const PLATFORM: &str = "platform";
/// The longest evidence document that [`Evidence::from_json`] reads, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024 * 1024;

/// All that was observed for one judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Always `mintwatch.evidence`.
    pub format: EvidenceFormat,
    /// Version of the format; see [`EVIDENCE_VERSION`].
    pub version: u32,
    /// Who looked.
    pub collector: Collector,
    /// When the document was closed, in UNIX seconds.
    pub collected_at: u64,
    /// Every handshake, in the order they were started.
    pub observations: Vec<Observation>,
    /// What was true around the handshakes.
    pub surroundings: Surroundings,
}

/// The name that tells this document from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EvidenceFormat {
    /// The only value.
    #[serde(rename = "mintwatch.evidence")]
    Evidence,
}

/// The software and the vantage that gathered the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Collector {
    /// Name of the software.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What this collector is able to see.
    pub vantage: Vantage,
}

/// What kind of observer it was; decides what a chain in the evidence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// Our own TLS client.
    NativeProbe,
    /// A Firefox extension.
    Firefox,
    /// A Chromium extension.
    Chromium,
    /// Certificates read from files; nobody's handshake.
    Files,
    /// Handshakes of others, read from a record of theirs: a packet capture, a sensor's log, a measurement.
    Recorded,
}

impl Vantage {
    /// Says whether it was seen by others: it may be of any age, by anybody's clock, and nobody knows what the client, if
    /// there was one, made of it.
    pub fn is_second_hand(self) -> bool {
        matches!(self, Self::Files | Self::Recorded)
    }
}

/// A fact that was seen, that this vantage never shows, or that could not be had this time.
///
/// A fact unseen is not a fact absent: an `Option` would lose the difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Seen<T> {
    /// It was seen, and this is it.
    Yes(T),
    /// This vantage never shows it, or nobody looked.
    NotVisible,
    /// It was looked for, and this is why it could not be seen.
    Failed(String),
}

impl<T> Seen<T> {
    /// Returns what was seen, if anything was.
    pub fn yes(&self) -> Option<&T> {
        match self {
            Self::Yes(value) => Some(value),
            Self::NotVisible | Self::Failed(_) => None,
        }
    }

    fn is_unseen(&self) -> bool {
        matches!(self, Self::NotVisible)
    }
}

/// What a document says by leaving a younger field out: nobody looked.
impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self::NotVisible
    }
}

/// One handshake from one vantage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Whom we meant to talk to.
    pub target: Target,
    /// The address and port the connection went to, as `address:port`.
    pub peer: Seen<String>,
    /// When the first byte was sent, in UNIX milliseconds by this machine's clock.
    pub at: u64,
    /// How it ended.
    pub ending: Ending,
    /// The certificates, also when nothing verified.
    pub chain: Seen<Chain>,
    /// What the two ends agreed on.
    pub tls: Seen<Negotiated>,
    /// SCTs from the TLS extension (RFC 6962 §3.3), each as sent. Embedded ones are in the certificate.
    pub scts: Seen<Vec<Bytes>>,
    /// The stapled OCSP response; `yes` and empty means: asked for, and none came.
    pub ocsp_staple: Seen<Bytes>,
    /// The server's proof that it holds the end-entity key.
    pub possession: Seen<Possession>,
    /// What our ClientHello offered: without it, a feature that is missing was perhaps never asked for.
    #[serde(default, skip_serializing_if = "Seen::is_unseen")]
    pub offer: Seen<Features>,
    /// Through whom the bytes went; `yes` and `direct` means: through nobody that we were told of.
    #[serde(default, skip_serializing_if = "Seen::is_unseen")]
    pub via: Seen<Via>,
    /// The hop limit (IPv4: TTL) of every packet sent after the connection stood, where it was not the system's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop_limit: Option<u8>,
    /// What a client that checks certificates, such as a browser, made of this one; our own probe checks none.
    #[serde(default, skip_serializing_if = "Seen::is_unseen")]
    pub client: Seen<ClientView>,
}

/// What a client that checks certificates says of a connection that it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientView {
    /// Whose the anchor of the accepted chain is, which is its last certificate (Firefox: `isBuiltInRoot`).
    pub anchor: Seen<ClientAnchor>,
    /// Whether the client ships pins for the host. With an added anchor it passes them over (Firefox: `hpkp`).
    pub pinned: Seen<bool>,
    /// The error that a user, an administrator or a test let pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Overridden>,
}

/// Whose an anchor is, by the client's own store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ClientAnchor {
    /// It came with the client.
    BuiltIn,
    /// A user, an administrator or another program added it.
    Added,
}

/// An error of a certificate that somebody let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Overridden {
    /// No anchor that the client trusts.
    Trust,
    /// It names other hosts.
    Name,
    /// Expired, or not yet valid.
    Time,
    /// One that the client does not name.
    Unnamed,
}

/// Through whom a connection was asked for: a path that was declared is no secret of the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Via {
    /// Nobody: the connection went to the host's own address.
    Direct,
    /// A proxy that was asked by HTTP CONNECT (RFC 9110 §9.3.6).
    HttpConnect,
    /// A proxy that was asked by SOCKS version 5 (RFC 1928).
    Socks5,
}

impl Observation {
    /// Returns a handshake of which nothing is known but whom it was meant for and when, in UNIX milliseconds.
    pub fn unseen(target: Target, at: u64) -> Self {
        Self {
            target,
            peer: Seen::NotVisible,
            at,
            ending: Ending::Completed,
            chain: Seen::NotVisible,
            tls: Seen::NotVisible,
            scts: Seen::NotVisible,
            ocsp_staple: Seen::NotVisible,
            possession: Seen::NotVisible,
            offer: Seen::NotVisible,
            via: Seen::NotVisible,
            hop_limit: None,
            client: Seen::NotVisible,
        }
    }
}

impl Target {
    /// Returns a host asked over TCP, whose name is not known to have been sent.
    pub fn over_tcp(host: Host, port: u16) -> Self {
        Self { host, port, transport: Transport::Tcp, server_name: Seen::NotVisible, known_fault: None, starttls: None }
    }
}

/// Whom a handshake was meant for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The name the certificate must be valid for.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The transport below TLS.
    pub transport: Transport,
    /// The server name sent in the ClientHello (RFC 6066 §3), where one was sent and is known.
    pub server_name: Seen<Host>,
    /// The fault that this origin has on purpose, where it was asked for the sake of that fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_fault: Option<KnownFault>,
    /// The protocol in whose clear text TLS was asked for; none where TLS begins at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starttls: Option<StartTls>,
}

/// A protocol that begins in clear text and turns to TLS when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StartTls {
    /// Mail transfer and submission (RFC 3207).
    Smtp,
    /// Mail access (RFC 9051 §6.2.1).
    Imap,
    /// Mail access (RFC 2595 §4).
    Pop3,
    /// Messaging between client and server (RFC 6120 §5).
    Xmpp,
    /// Messaging between servers (RFC 6120 §5).
    XmppServer,
    /// Directories (RFC 4511 §4.14).
    Ldap,
    /// The database's `SSLRequest` (PostgreSQL frontend/backend protocol 3, message flow §55.2.10).
    Postgresql,
}

/// What is wrong with a known-bad origin, on purpose: no client should be shown it as valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KnownFault {
    /// Its certificate is past its notAfter.
    Expired,
    /// Its certificate is before its notBefore.
    NotYetValid,
    /// Its certificate names other hosts.
    WrongHost,
    /// Its certificate is signed by its own key.
    SelfSigned,
    /// Its chain ends at a root that nobody trusts.
    UntrustedRoot,
    /// Its certificate is revoked.
    Revoked,
    /// Its key is too short: RSA below 2048 bits.
    WeakKey,
    /// Its certificate is signed with SHA-1.
    Sha1,
}

/// What a TLS client or server can do, by IANA names; an empty list says that nothing of the kind was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Protocol versions, such as `TLSv1.3`.
    pub versions: Vec<String>,
    /// Application protocols (RFC 7301), such as `h2`.
    pub alpn: Vec<String>,
    /// Key exchange groups, such as `X25519MLKEM768`.
    pub groups: Vec<String>,
    /// A stapled OCSP response (RFC 6066 §8) was asked for, or came.
    pub ocsp_staple: bool,
}

/// The transport below TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Transport {
    /// TLS over TCP.
    Tcp,
    /// TLS inside QUIC.
    Quic,
}

/// How a handshake ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Both Finished messages went through.
    Completed,
    /// It did not complete; certificates may have been seen all the same.
    Failed(Failure),
}

/// Why a handshake did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What kind of failure.
    pub class: FailureClass,
    /// What the stack said, for people. Hostile text: escape before showing.
    pub detail: String,
}

/// The kinds of failure that are told apart. None of them means "intercepted".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureClass {
    /// The name did not resolve.
    NoAddress,
    /// No route or host unreachable.
    Unreachable,
    /// The port answered with a refusal.
    Refused,
    /// An absolute deadline passed.
    TimedOut,
    /// The connection was reset.
    Reset,
    /// The peer closed before the handshake was over.
    Closed,
    /// The answer was not TLS.
    NotTls,
    /// The peer sent a fatal alert.
    Alert,
    /// The peer sent more than the caps allow.
    Oversize,
    /// The peer sent bytes that TLS does not allow.
    Malformed,
    /// No version or algorithm in common.
    NothingInCommon,
    /// The server can do better than what was agreed, and says so by RFC 8446 §4.1.3: somebody took it out of our hello.
    Downgraded,
    /// The client did not accept the certificate, and shows none to us (browsers).
    CertificateRefused,
    /// Anything else.
    Other,
}

/// The certificates of one handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// What the list is.
    pub form: ChainForm,
    /// The certificates in the order they came, end-entity first, duplicates kept.
    pub certificates: Vec<Bytes>,
}

/// What a list of certificates is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChainForm {
    /// What the server sent.
    Presented,
    /// The path a verifier chose (Firefox).
    Built,
    /// The end-entity certificate alone, because the vantage shows no more (Chromium).
    EndEntityOnly,
}

/// What the two ends agreed on, by IANA names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Negotiated {
    /// Protocol version, such as `TLSv1.3`.
    pub version: String,
    /// Cipher suite, such as `TLS13_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
    /// Key exchange group, such as `X25519`.
    pub group: Seen<String>,
    /// Application protocol (RFC 7301); `yes` and empty means: none agreed.
    pub alpn: Seen<String>,
    /// Whether Encrypted ClientHello was accepted.
    pub ech_accepted: Seen<bool>,
    /// Whether this was a full handshake (a resumed one carries no certificate).
    pub full_handshake: Seen<bool>,
}

/// A signature by the end-entity key over this very handshake.
///
/// TLS 1.3: CertificateVerify (RFC 8446 §4.4.3). TLS 1.2: the signed ServerKeyExchange (RFC 5246 §7.4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Possession {
    /// The SignatureScheme code point (RFC 8446 §4.2.3).
    pub scheme: u16,
    /// The bytes that were signed.
    pub message: Bytes,
    /// The signature.
    pub signature: Bytes,
}

/// What was true around the handshakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// The trust anchors of this machine, in whichever store: sorted by hash, then by origin, and once for each origin.
    pub anchors: Seen<Vec<MachineAnchor>>,
    /// Names of environment variables that replace or extend the trust store, or switch checking off. Never their values.
    pub store_overrides: Seen<Vec<String>>,
    /// How this machine's clock compares with a witness.
    pub clock: Seen<ClockCheck>,
    /// Whether a captive portal stands before the network.
    pub portal: Seen<PortalCheck>,
    /// Names of environment variables that set a proxy. Never their values.
    pub proxies: Seen<Vec<String>>,
    /// DNS answers, by resolver.
    pub dns: Seen<Vec<DnsAnswer>>,
    /// What is known of hosts from another network or another observer.
    #[serde(default, skip_serializing_if = "Seen::is_unseen")]
    pub remembered: Seen<Vec<Remembered>>,
    /// Which versions of IP reach anybody.
    #[serde(default, skip_serializing_if = "Seen::is_unseen")]
    pub families: Seen<Families>,
    /// Answers to names that nobody has ever registered; whoever gives one rewrites answers.
    #[serde(default, skip_serializing_if = "Seen::is_unseen")]
    pub invented: Seen<Vec<DnsAnswer>>,
}

/// Whether a version of IP reaches anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Some host answered over it.
    Answered,
    /// There is a route, and no host that was asked answered.
    Silent,
    /// This machine has no route.
    NoRoute,
    /// No host that was asked has an address of that version.
    NotAsked,
}

/// What each version of IP reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Families {
    /// IPv4.
    pub ipv4: Reach,
    /// IPv6.
    pub ipv6: Reach,
}

impl Surroundings {
    /// Returns surroundings nobody looked at.
    pub fn unseen() -> Self {
        Self {
            anchors: Seen::NotVisible,
            store_overrides: Seen::NotVisible,
            clock: Seen::NotVisible,
            portal: Seen::NotVisible,
            proxies: Seen::NotVisible,
            dns: Seen::NotVisible,
            remembered: Seen::NotVisible,
            families: Seen::NotVisible,
            invented: Seen::NotVisible,
        }
    }
}

/// What was seen of one host where nobody is believed to listen: never one certificate, always sets of authorities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Where it was seen.
    pub from: RememberedFrom,
    /// When it was seen last, in UNIX seconds.
    pub at: u64,
    /// SHA-256 of the SubjectPublicKeyInfo of every CA and trust anchor on an accepted path, sorted.
    pub authorities: Vec<Sha256>,
    /// The organisations behind those trust anchors, sorted.
    pub owners: Vec<String>,
    /// What its servers took part in.
    pub features: Features,
}

/// Where something remembered was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RememberedFrom {
    /// On this machine, on a network that its user vouches for.
    Baseline,
    /// By an observer elsewhere.
    Witness,
}

/// One trust anchor of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MachineAnchor {
    /// SHA-256 of the certificate.
    pub sha256: Sha256,
    /// Where it was found: `platform`; the name of the environment variable that names the file; `nss-firefox`, `java` … for
    /// what only some programs heed.
    pub origin: String,
    /// The certificate; left out where a public root program publishes it, or where another entry has it.
    pub certificate: Seen<Bytes>,
}

/// This machine's clock against a witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClockCheck {
    /// Seconds this machine is ahead of the witness.
    pub ahead_seconds: i64,
    /// Who said so: `http-date`, `stated` (by whoever brought the evidence) …
    pub witness: String,
}

/// Whether a captive portal answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortalCheck {
    /// A portal answered in place of the host asked.
    pub captive: bool,
    /// How it was found out.
    pub method: String,
}

/// One answer of one resolver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DnsAnswer {
    /// The name asked for.
    pub host: Host,
    /// Who answered: `system`, or the name of a public resolver.
    pub resolver: String,
    /// The addresses, sorted.
    pub addresses: Vec<String>,
    /// Whether signatures from the DNS root down to the answer verify (RFC 4035 §5); `yes` and false: the zone is not signed.
    #[serde(default, skip_serializing_if = "Seen::is_unseen")]
    pub authenticated: Seen<bool>,
    /// Records that say what the host wants of its clients: HTTPS (RFC 9460), CAA (RFC 8659), TLSA (RFC 6698). Advice, nothing decides by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<DnsRecord>,
}

/// One record beside the addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DnsRecord {
    /// The name it was asked under, such as `_443._tcp.example.org`.
    pub name: Host,
    /// `HTTPS`, `CAA` or `TLSA`.
    pub kind: String,
    /// The record in presentation form. Hostile text: escape before showing.
    pub data: String,
}

impl DnsAnswer {
    /// Returns an answer of addresses alone, sorted, without copies.
    pub fn of(host: Host, resolver: impl Into<String>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut sorted: Vec<IpAddr> = addresses.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let addresses = sorted.iter().map(ToString::to_string).collect();
        Self { host, resolver: resolver.into(), addresses, authenticated: Seen::NotVisible, records: Vec::new() }
    }
}

/// A DNS name in lower-case A-label form without a final dot, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Arc<str>);

/// Why a text is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing there.
    #[error("a host name is empty")]
    Empty,
    /// RFC 1035 §2.3.4.
    #[error("host name is longer than 253 bytes")]
    TooLong,
    /// RFC 1123 §2.1 letters, digits, hyphens; underscores are met in practice and let through.
    #[error("host name has a label that DNS does not allow: {0:?}")]
    BadLabel(String),
}

impl Host {
    /// Reads a host name or an IP address, in any case, with or without the final dot.
    ///
    /// # Errors
    /// [`HostError`] when the text is neither; an internationalised name must come as A-labels.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string().into()));
        }
        if text.len() > 253 {
            return Err(HostError::TooLong);
        }
        for label in text.split('.') {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            if label.is_empty() || label.len() > 63 || !label.bytes().all(allowed) {
                return Err(HostError::BadLabel(label.to_owned()));
            }
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address, when the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let host = Self::parse(&text).map_err(de::Error::custom)?;
        if host.as_str() == text { Ok(host) } else { Err(de::Error::custom(format!("host name {text:?} is not in canonical form"))) }
    }
}

/// Raw bytes; base64 (RFC 4648 §4, padded) in JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Arc<[u8]>);

impl Bytes {
    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Arc<[u8]>>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} bytes)", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&data_encoding::BASE64.encode_display(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).map_err(|error| de::Error::custom(format!("not base64: {error}")))?;
        Ok(bytes.into())
    }
}

/// A SHA-256 digest; 64 lower-case hexadecimal digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Returns the digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", data_encoding::HEXLOWER.encode_display(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .map_err(|error| de::Error::custom(format!("not lower-case hexadecimal: {error}")))?;
        let digest = bytes.try_into().map_err(|_| de::Error::custom("a SHA-256 digest has 64 digits"))?;
        Ok(Self(digest))
    }
}

/// Why a document cannot be read as evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Larger than [`MAX_DOCUMENT_BYTES`].
    #[error("evidence document of {0} bytes is over the limit of {MAX_DOCUMENT_BYTES}")]
    TooLarge(usize),
    /// Not JSON, or JSON of another kind.
    #[error("not an evidence document: {0}")]
    NotEvidence(#[source] serde_json::Error),
    /// Written by a newer Mintwatch.
    #[error("evidence version {found} is newer than this build reads (up to {EVIDENCE_VERSION})")]
    Newer {
        /// The version the document states.
        found: u32,
    },
    /// A version that never existed.
    #[error("evidence version {found} does not exist")]
    NoSuchVersion {
        /// The version the document states.
        found: u32,
    },
}

impl Evidence {
    /// Reads one document.
    ///
    /// # Errors
    /// [`EvidenceError::Newer`] before anything else is looked at, so that a newer document is not
    /// called broken; the others as their names say.
    pub fn from_json(text: &[u8]) -> Result<Self, EvidenceError> {
        #[derive(Deserialize)]
        struct Head {
            #[allow(dead_code, reason = "read only to prove that the document is evidence")]
            format: EvidenceFormat,
            version: u32,
        }
        if text.len() > MAX_DOCUMENT_BYTES {
            return Err(EvidenceError::TooLarge(text.len()));
        }
        let head: Head = serde_json::from_slice(text).map_err(EvidenceError::NotEvidence)?;
        match head.version {
            EVIDENCE_VERSION => serde_json::from_slice(text).map_err(EvidenceError::NotEvidence),
            0 => Err(EvidenceError::NoSuchVersion { found: 0 }),
            found => Err(EvidenceError::Newer { found }),
        }
    }

    /// Writes the document on one line, without a final newline.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(feature = "schema")]
mod schema {
    //! How the types with their own JSON form look in a JSON Schema.
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    macro_rules! text {
        ($type:ty, $name:literal, $schema:tt) => {
            impl JsonSchema for $type {
                fn schema_name() -> Cow<'static, str> {
                    $name.into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
                fn inline_schema() -> bool {
                    false
                }
            }
        };
    }
    text!(super::Host, "Host", {
        "description": "A DNS name in lower-case A-label form without a final dot, or an IP address.",
        "type": "string", "minLength": 1, "maxLength": 253
    });
    text!(super::Bytes, "Bytes", {
        "description": "Raw bytes in base64 (RFC 4648 §4).",
        "type": "string", "pattern": "^[A-Za-z0-9+/]*={0,2}$", "contentEncoding": "base64"
    });
    text!(super::Sha256, "Sha256", {
        "description": "A SHA-256 digest in lower-case hexadecimal.",
        "type": "string", "pattern": "^[0-9a-f]{64}$"
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = r#"{"format":"mintwatch.evidence","version":1,"collector":{"name":"test","version":"1","vantage":"files"},"collected_at":1,"observations":[],"surroundings":{"anchors":"not-visible","store_overrides":"not-visible","clock":{"failed":"no answer"},"portal":"not-visible","proxies":{"yes":["HTTPS_PROXY"]},"dns":"not-visible"}}"#;

    #[test]
    fn a_document_read_and_written_again_is_the_same_to_the_byte() {
        assert_eq!(Evidence::from_json(SMALLEST.as_bytes()).unwrap().to_json(), SMALLEST);
    }

    #[test]
    fn a_newer_version_is_refused_before_anything_else_is_looked_at() {
        let newer = r#"{"format":"mintwatch.evidence","version":2,"observations":"of another shape"}"#;
        let error = Evidence::from_json(newer.as_bytes()).unwrap_err();
        assert!(matches!(error, EvidenceError::Newer { found: 2 }));
        assert_eq!(error.to_string(), "evidence version 2 is newer than this build reads (up to 1)");
    }

    #[test]
    fn a_field_that_could_leak_a_path_does_not_fit() {
        let with_path = SMALLEST.replacen("\"collected_at\":1,", "\"collected_at\":1,\"url\":\"/account\",", 1);
        assert!(matches!(Evidence::from_json(with_path.as_bytes()), Err(EvidenceError::NotEvidence(_))));
    }

    #[test]
    fn hosts_are_read_in_any_case_and_kept_in_one() {
        assert_eq!(Host::parse("WWW.Example.ORG.").unwrap().as_str(), "www.example.org");
        assert_eq!(Host::parse("2001:DB8::1").unwrap().as_str(), "2001:db8::1");
        for bad in ["", ".", "a..b", "a b", "a/b", "user@host", "exa\u{202e}mple"] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Host::parse(&"a".repeat(64)).is_err() && Host::parse(&"a.".repeat(127).repeat(2)).is_err());
    }

    #[test]
    fn a_host_that_is_not_in_its_one_form_is_no_document_of_ours() {
        assert!(serde_json::from_str::<Host>("\"Example.org\"").is_err());
    }
}
