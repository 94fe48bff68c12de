//! One observation out of the handshake messages of one connection.

use std::net::SocketAddr;

use mintwatch_validator::evidence::{
    Bytes, Chain, ChainForm, Ending, Failure, FailureClass, Features, Negotiated, Observation, Possession, Seen, Transport,
};
use rustls::AlertDescription;
use tls_parser::{
    ECParametersContent, TlsCipherKx, TlsCipherSuite, TlsMessage, TlsMessageHandshake, TlsVersion, parse_dh_params, parse_digitally_signed,
    parse_ecdh_params, parse_tls_message_handshake,
};

use super::order::Stuck;
use super::records::{Event, Next};
use crate::import::gathered::begun;
use crate::import::names::{TLS13, group, is_grease, suite, version};

/// One of the two directions of a connection.
pub(super) type Side = usize;

/// What was heard of one handshake so far.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    client: Option<Side>,
    at: Option<u64>,
    hello: Option<ClientHello>,
    answer: Option<ServerHello>,
    /// The server asked for another hello (RFC 8446 §4.1.4).
    was_asked_again: bool,
    certificates: Option<Vec<Bytes>>,
    staple: Option<Bytes>,
    possession: Option<Possession>,
    group: Option<u16>,
    /// The server has said all that it says in the clear.
    has_shown_all: bool,
    ciphered: [bool; 2],
    failure: Option<Failure>,
}

#[derive(Debug)]
struct ClientHello {
    random: [u8; 32],
    server_name: Option<String>,
    offer: Features,
    asks_for_scts: bool,
    offers_ech: bool,
}

#[derive(Debug)]
struct ServerHello {
    version: u16,
    suite: u16,
    random: [u8; 32],
    alpn: Option<String>,
    scts: Option<Vec<Bytes>>,
    is_resumed: bool,
}

/// Why nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All that can be seen was seen.
    Over,
    /// One side broke the connection off.
    Reset,
    /// One side closed it.
    Closed,
    /// A packet is cut short, or missing.
    Stuck(Stuck),
    /// Nothing more of it is in the capture, or it was given up for younger ones.
    NoMore,
}

impl Handshake {
    /// Takes what one side says.
    pub(super) fn hear(&mut self, side: Side, event: &Event<'_>, at: u64) -> Next {
        match event {
            Event::Message(message) => self.hear_message(side, message, at),
            Event::Alert(true, description) => self.fail(FailureClass::Alert, self.told_of_alert(side, *description)),
            Event::ChangeCipherSpec if self.ciphers_at_once() => return Next::Ciphers,
            Event::Ciphered => {
                if let Some(ciphered) = self.ciphered.get_mut(side) {
                    *ciphered = true;
                }
            }
            Event::Oversize => self.fail(FailureClass::Oversize, format!("the {} sent more than is read", self.role(side))),
            Event::Malformed => self.fail(FailureClass::Malformed, format!("the {} sent what TLS does not allow", self.role(side))),
            Event::Alert(false, _) | Event::ChangeCipherSpec => {}
        }
        Next::GoOn
    }

    /// States which side opened the connection.
    pub(super) fn opened_by(&mut self, side: Side) {
        self.client.get_or_insert(side);
    }

    /// Says whether all that can be seen was seen.
    pub(super) fn is_over(&self) -> bool {
        self.failure.is_some() || self.ciphered == [true; 2]
    }

    /// Says whether ChangeCipherSpec means what it says. In TLS 1.3 it means nothing (RFC 8446 §D.4), and another hello
    /// may follow it; but where the answer is not in the capture, that is rarer than a ciphered Finished.
    fn ciphers_at_once(&self) -> bool {
        self.answer.as_ref().map_or(!self.was_asked_again, |answer| answer.version < TLS13)
    }

    /// Says whether there is a handshake at all.
    pub(super) fn has_begun(&self) -> bool {
        self.hello.is_some() || self.answer.is_some()
    }

    /// Returns which side is the client, where that is known.
    pub(super) fn client(&self) -> Option<Side> {
        self.client
    }

    /// Returns the observation; none when there was no handshake.
    pub(super) fn observation(mut self, server: SocketAddr, end: End) -> Option<Observation> {
        let at = self.at?;
        let hello = self.hello.take();
        let name = hello.as_ref().and_then(|hello| hello.server_name.as_deref());
        let mut seen = begun(name, server, Transport::Tcp, at)?;
        let why = self.why_no_more(end);
        seen.ending = self.ending(end);
        seen.chain = self.chain(&why);
        seen.ocsp_staple = self.ocsp_staple(hello.as_ref());
        seen.scts = self.scts(hello.as_ref());
        seen.tls = self.negotiated(hello.as_ref(), &why);
        let is_visible = self.answer.as_ref().is_some_and(|answer| answer.version < TLS13);
        seen.possession = match self.possession.take() {
            Some(possession) => Seen::Yes(possession),
            None if is_visible && seen.chain.yes().is_none() => Seen::Failed(why),
            None => Seen::NotVisible,
        };
        if let Some(hello) = hello {
            seen.offer = Seen::Yes(hello.offer);
        }
        Some(seen)
    }

    fn hear_message(&mut self, side: Side, message: &[u8], at: u64) {
        if !matches!(message.first(), Some(1 | 2 | 11 | 12 | 14 | 22)) {
            return;
        }
        let Ok((_, TlsMessage::Handshake(read))) = parse_tls_message_handshake(message) else {
            return self.fail(FailureClass::Malformed, format!("the {} sent a handshake message that TLS does not allow", self.role(side)));
        };
        let is_client = self.client.is_some_and(|client| client == side);
        match read {
            TlsMessageHandshake::ClientHello(hello) if self.answer.is_none() => {
                self.client = Some(side);
                self.at.get_or_insert(at);
                let Ok(random) = hello.random.try_into() else { return };
                self.hello = Some(ClientHello::read(random, hello.version, hello.ext.unwrap_or_default()));
            }
            TlsMessageHandshake::ServerHello(hello) if hello.random == HELLO_RETRY => self.was_asked_again = true,
            TlsMessageHandshake::ServerHello(hello) if self.answer.is_none() => {
                self.client.get_or_insert(1 - side);
                self.at.get_or_insert(at);
                let Ok(random) = hello.random.try_into() else { return };
                let read = ServerHello::read(random, hello.version, hello.cipher.0, hello.ext.unwrap_or_default());
                self.group = self.group.or(key_share(hello.ext.unwrap_or_default()));
                self.answer = Some(read);
            }
            TlsMessageHandshake::Certificate(list) if !is_client && self.certificates.is_none() => {
                let lengths: usize = list.cert_chain.iter().map(|certificate| certificate.data.len() + 3).sum();
                // Header, length of the list, list.
                if lengths + 7 != message.len() || list.cert_chain.is_empty() {
                    return self.fail(FailureClass::Malformed, "the list of certificates is none".to_owned());
                }
                self.certificates = Some(list.cert_chain.iter().map(|certificate| certificate.data.into()).collect());
            }
            TlsMessageHandshake::CertificateStatus(status) if !is_client && status.status_type == OCSP => {
                self.staple = Some(status.blob.into());
            }
            TlsMessageHandshake::ServerKeyExchange(exchange) if !is_client => self.hear_key_exchange(exchange.parameters),
            TlsMessageHandshake::ServerDone(_) if !is_client => self.has_shown_all = true,
            _ => {}
        }
    }

    /// Parameters and a signature over both randoms and them (RFC 5246 §7.4.3); below TLS 1.2 it names no scheme.
    fn hear_key_exchange(&mut self, message: &[u8]) {
        let Some(answer) = &self.answer else { return };
        let kind = TlsCipherSuite::from_id(answer.suite).map(|suite| &suite.kx);
        let rest = match kind {
            Some(TlsCipherKx::Ecdhe) => parse_ecdh_params(message).ok().map(|(rest, read)| {
                if let ECParametersContent::NamedGroup(named) = read.curve_params.params_content {
                    self.group = Some(named.0);
                }
                rest
            }),
            Some(TlsCipherKx::Dhe) => parse_dh_params(message).ok().map(|(rest, _)| rest),
            _ => None,
        };
        let (Some(rest), TLS12) = (rest, answer.version) else { return };
        let Ok((_, signed)) = parse_digitally_signed(rest) else { return };
        let (Some(scheme), Some(hello)) = (signed.alg, &self.hello) else { return };
        let parameters = message.get(..message.len() - rest.len()).unwrap_or_default();
        self.possession = Some(Possession {
            scheme: u16::from_be_bytes([scheme.hash.0, scheme.sign.0]),
            message: [&hello.random[..], &answer.random, parameters].concat().into(),
            signature: signed.data.into(),
        });
    }

    fn fail(&mut self, class: FailureClass, detail: String) {
        self.failure.get_or_insert(Failure { class, detail });
    }

    fn role(&self, side: Side) -> &'static str {
        match self.client {
            Some(client) if client == side => "client",
            Some(_) => "server",
            None => "one side",
        }
    }

    fn told_of_alert(&self, side: Side, description: u8) -> String {
        let description = match AlertDescription::from(description) {
            AlertDescription::Unknown(code) => format!("alert {code}"),
            known => format!("{known:?}"),
        };
        format!("the {} said {description}", self.role(side))
    }

    fn ending(&self, end: End) -> Ending {
        let failure = |class| Ending::Failed(Failure { class, detail: self.why_no_more(end) });
        match (&self.failure, end) {
            (Some(failure), _) => Ending::Failed(failure.clone()),
            (None, End::Over) => Ending::Completed,
            (None, End::Reset) => failure(FailureClass::Reset),
            (None, End::Closed) => failure(FailureClass::Closed),
            (None, End::Stuck(_) | End::NoMore) => failure(FailureClass::Other),
        }
    }

    fn why_no_more(&self, end: End) -> String {
        let why = match (&self.failure, end) {
            (Some(failure), _) => return failure.detail.clone(),
            (None, End::Over) => "the handshake carried none",
            (None, End::Reset) => "the connection was broken off in the handshake",
            (None, End::Closed) => "the connection was closed in the handshake",
            (None, End::Stuck(Stuck::Cut)) => "incomplete: packets were cut short when they were captured",
            (None, End::Stuck(Stuck::Gap)) => "incomplete: packets are missing in the capture",
            (None, End::NoMore) => "incomplete: the capture has no more of it",
        };
        why.to_owned()
    }

    fn chain(&mut self, why: &str) -> Seen<Chain> {
        let version = self.answer.as_ref().map(|answer| answer.version);
        match self.certificates.take() {
            Some(certificates) => Seen::Yes(Chain { form: ChainForm::Presented, certificates }),
            // TLS 1.3 encrypts them (RFC 8446 §4.4.2): this vantage never shows them.
            None if version.is_some_and(|version| version >= TLS13) => Seen::NotVisible,
            None if self.is_resumed() => Seen::Failed("a resumed handshake carries none".to_owned()),
            None => Seen::Failed(why.to_owned()),
        }
    }

    /// Says whether the server went on with an older session: it shows no certificate and ciphers at once.
    fn is_resumed(&self) -> bool {
        let Some(answer) = &self.answer else { return false };
        answer.is_resumed || (answer.version < TLS13 && !self.has_shown_all && self.ciphered == [true; 2])
    }

    fn ocsp_staple(&mut self, hello: Option<&ClientHello>) -> Seen<Bytes> {
        match self.staple.take() {
            Some(staple) => Seen::Yes(staple),
            None if self.has_shown_all && hello.is_some_and(|hello| hello.offer.ocsp_staple) => Seen::Yes(Vec::new().into()),
            None => Seen::NotVisible,
        }
    }

    fn scts(&mut self, hello: Option<&ClientHello>) -> Seen<Vec<Bytes>> {
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.version < TLS13) else { return Seen::NotVisible };
        match answer.scts.take() {
            Some(scts) => Seen::Yes(scts),
            None if hello.is_some_and(|hello| hello.asks_for_scts) && !answer.is_resumed => Seen::Yes(Vec::new()),
            None => Seen::NotVisible,
        }
    }

    fn negotiated(&self, hello: Option<&ClientHello>, why: &str) -> Seen<Negotiated> {
        let Some(answer) = &self.answer else { return Seen::Failed(why.to_owned()) };
        let is_hidden = answer.version >= TLS13;
        Seen::Yes(Negotiated {
            version: version(answer.version),
            cipher_suite: suite(answer.suite),
            group: self.group.map_or(Seen::NotVisible, |code| Seen::Yes(group(code))),
            alpn: match &answer.alpn {
                Some(name) => Seen::Yes(name.clone()),
                None if is_hidden => Seen::NotVisible,
                None => Seen::Yes(String::new()),
            },
            ech_accepted: match hello {
                Some(hello) if !hello.offers_ech => Seen::Yes(false),
                _ => Seen::NotVisible,
            },
            full_handshake: match (is_hidden || self.ciphered == [true; 2], self.is_resumed()) {
                (_, true) => Seen::Yes(false),
                (true, false) => Seen::Yes(true),
                (false, false) => Seen::NotVisible,
            },
        })
    }
}

impl ClientHello {
    fn read(random: [u8; 32], legacy: TlsVersion, list: &[u8]) -> Self {
        let (mut versions, mut groups, mut alpn, mut server_name) = (Vec::new(), Vec::new(), Vec::new(), None);
        let (mut ocsp_staple, mut asks_for_scts, mut offers_ech) = (false, false, false);
        for (kind, value) in extensions(list) {
            match kind {
                SERVER_NAME => server_name = server_name.or(host_name(value)),
                STATUS_REQUEST => ocsp_staple = value.first() == Some(&OCSP),
                SUPPORTED_GROUPS => groups = codes(value.get(2..).unwrap_or_default()),
                ALPN => alpn = protocols(value),
                SIGNED_TIMESTAMPS => asks_for_scts = true,
                SUPPORTED_VERSIONS => versions = codes(value.get(1..).unwrap_or_default()),
                ENCRYPTED_HELLO => offers_ech = true,
                _ => {}
            }
        }
        if versions.is_empty() {
            versions.push(legacy.0);
        }
        let offer = Features {
            versions: versions.into_iter().map(version).collect(),
            alpn,
            groups: groups.into_iter().map(group).collect(),
            ocsp_staple,
        };
        Self { random, server_name, offer, asks_for_scts, offers_ech }
    }
}

impl ServerHello {
    fn read(random: [u8; 32], legacy: TlsVersion, suite: u16, list: &[u8]) -> Self {
        let mut read = Self { version: legacy.0, suite, random, alpn: None, scts: None, is_resumed: false };
        for (kind, value) in extensions(list) {
            match kind {
                // Drafts of TLS 1.3 hide the certificates too.
                SUPPORTED_VERSIONS => read.version = codes(value).first().copied().unwrap_or(legacy.0),
                ALPN => read.alpn = protocols(value).into_iter().next(),
                SIGNED_TIMESTAMPS => read.scts = Some(timestamps(value)),
                PRE_SHARED_KEY => read.is_resumed = true,
                _ => {}
            }
        }
        read
    }
}

/// Goes through extensions: their types and contents (RFC 8446 §4.2). One that is broken costs none of the others.
fn extensions(mut list: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (kind, rest) = list.split_first_chunk()?;
        let (value, rest) = vector_16(rest)?;
        list = rest;
        Some((u16::from_be_bytes(*kind), value))
    })
}

/// Splits off a vector behind two octets of length.
fn vector_16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Code points of two octets each, without those that mean nothing.
fn codes(list: &[u8]) -> Vec<u16> {
    let (pairs, _) = list.as_chunks();
    pairs.iter().map(|pair| u16::from_be_bytes(*pair)).filter(|&code| !is_grease(code)).take(MOST_CODES).collect()
}

/// The first host name of a server name list (RFC 6066 §3).
fn host_name(value: &[u8]) -> Option<String> {
    let (list, _) = vector_16(value)?;
    let name = list.strip_prefix(&[0]).and_then(vector_16)?.0;
    String::from_utf8(name.to_vec()).ok()
}

/// Protocol names (RFC 7301 §3.1), each shown as text; names that are none are left out.
fn protocols(value: &[u8]) -> Vec<String> {
    let Some((mut list, _)) = vector_16(value) else { return Vec::new() };
    let mut names = Vec::new();
    while let Some((length, rest)) = list.split_first()
        && let Some((name, rest)) = rest.split_at_checked(usize::from(*length))
        && names.len() < MOST_CODES
    {
        let text = std::str::from_utf8(name).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        // GREASE again (RFC 8701): two equal octets.
        names.extend(text.filter(|text| !text.is_empty()).map(str::to_owned));
        list = rest;
    }
    names
}

/// Signed certificate timestamps, each as sent (RFC 6962 §3.3).
fn timestamps(value: &[u8]) -> Vec<Bytes> {
    let Some((mut list, _)) = vector_16(value) else { return Vec::new() };
    let mut found = Vec::new();
    while let Some((timestamp, rest)) = vector_16(list) {
        found.push(timestamp.into());
        list = rest;
    }
    found
}

/// The group of a ServerHello's key share (RFC 8446 §4.2.8).
fn key_share(list: &[u8]) -> Option<u16> {
    let share = extensions(list).find(|(kind, _)| *kind == KEY_SHARE)?.1;
    share.first_chunk().map(|code| u16::from_be_bytes(*code))
}

const TLS12: u16 = 0x0303;
const SERVER_NAME: u16 = 0;
const STATUS_REQUEST: u16 = 5;
const SUPPORTED_GROUPS: u16 = 10;
const ALPN: u16 = 16;
const SIGNED_TIMESTAMPS: u16 = 18;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
const ENCRYPTED_HELLO: u16 = 0xfe0d;
/// CertificateStatusType (RFC 6066 §8).
const OCSP: u8 = 1;
/// How many versions, groups or protocols of one hello are kept.
const MOST_CODES: usize = 64;
/// The random of a ServerHello that asks for another ClientHello (RFC 8446 §4.1.3).
const HELLO_RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
