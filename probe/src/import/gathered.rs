//! What was gathered so far: bounded in number and in bytes, and everything that was left out is counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mintwatch_validator::evidence::{Bytes, DnsAnswer, Ending, Host, MAX_DOCUMENT_BYTES, Observation, Seen, Target, Transport, Vantage};

use super::{Imported, document};

/// The most handshakes that one document holds.
pub const MOST_OBSERVATIONS: usize = 100_000;
/// The longest that all handshakes together may be, in bytes of JSON; what else is in a document is far shorter than the rest.
const MOST_BYTES: usize = MAX_DOCUMENT_BYTES - 16 * 1024 * 1024;
/// How many of the records that could not be read are named; the others are counted.
const MOST_NAMED: usize = 20;

/// Well-formed things that are passed over, each with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Passed {
    /// A connection in which no TLS began.
    NotTls,
    /// A connection that had begun before the capture did.
    MidStream,
    /// A connection that carried no data, or none that came in order.
    NoData,
    /// A packet that was cut into fragments on its way.
    Fragment,
    /// A packet that opens a QUIC connection.
    Quic,
    /// Any other packet that is not TCP.
    NotTcp,
    /// A packet of a link whose headers we do not read.
    Link,
    /// A packet without a time.
    NoTime,
    /// A line of a log that tells of something else.
    OtherLine,
    /// A handshake with another host than the one asked for.
    OtherHost,
    /// A certificate that a log names and no file holds.
    CertificateMissing,
    /// A measurement's answers of resolvers, where the measurements come from several networks.
    AnswersMixed,
}

impl Passed {
    /// Returns what was passed over, in the plural.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotTls => "connections without TLS",
            Self::MidStream => "connections that began before the capture",
            Self::NoData => "connections without data in order",
            Self::Fragment => "fragments of packets",
            Self::Quic => "packets that open a QUIC connection (not read)",
            Self::NotTcp => "packets that are not TCP",
            Self::Link => "packets of a link layer that is not read",
            Self::NoTime => "packets without a time (`--at TIME` states it)",
            Self::OtherLine => "lines about other things",
            Self::OtherHost => "handshakes with other hosts",
            Self::CertificateMissing => "certificates that are named and in none of the files",
            Self::AnswersMixed => "answers of resolvers, for they come from several networks",
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Packets, lines or certificates that were read.
    pub records: u64,
    /// What was passed over, and how often.
    pub passed: BTreeMap<Passed, u64>,
    /// Records that could not be read.
    pub bad: u64,
    /// The first of them: where, and why. Hostile text: escape before showing.
    pub named: Vec<String>,
    /// Handshakes that the document has no room for.
    pub left_out: u64,
}

impl Tally {
    /// Counts something passed over.
    pub fn pass(&mut self, what: Passed) {
        self.pass_many(what, 1);
    }

    /// Counts several.
    pub fn pass_many(&mut self, what: Passed, count: u64) {
        if count > 0 {
            *self.passed.entry(what).or_default() += count;
        }
    }

    /// Counts a record that could not be read, and names it when it is one of the first.
    pub fn refuse(&mut self, file: &Path, record: &str, number: u64, why: &str) {
        self.bad += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(format!("{}, {record} {number}: {why}", file.display()));
        }
    }
}

/// Handshakes gathered so far.
#[derive(Debug)]
pub struct Gathered {
    host: Option<Host>,
    observations: Vec<Observation>,
    bytes: usize,
    /// What was counted.
    pub tally: Tally,
}

impl Gathered {
    /// Begins, for one host or for all.
    pub fn new(host: Option<Host>) -> Self {
        Self { host, observations: Vec::new(), bytes: 0, tally: Tally::default() }
    }

    /// Says whether handshakes with this target are wanted, and counts one that is not.
    pub(super) fn wants(&mut self, target: &Target) -> bool {
        let is_wanted = self.host.as_ref().is_none_or(|host| *host == target.host);
        self.tally.pass_many(Passed::OtherHost, u64::from(!is_wanted));
        is_wanted
    }

    /// Takes in a handshake, if it is wanted and there is room.
    pub fn push(&mut self, observation: Observation) {
        if !self.wants(&observation.target) {
            return;
        }
        let bytes = self.bytes.saturating_add(length_of(&observation));
        if self.observations.len() >= MOST_OBSERVATIONS || bytes > MOST_BYTES {
            self.tally.left_out += 1;
            return;
        }
        self.bytes = bytes;
        self.observations.push(observation);
    }

    /// Closes the document at the time of its newest handshake; handshakes stand in the order they were started.
    pub(super) fn close(mut self, vantage: Vantage, dns: Seen<Vec<DnsAnswer>>) -> Imported {
        self.observations.sort_by_key(|observation| observation.at);
        let newest = self.observations.last().map_or(0, |observation| observation.at / 1000);
        Imported { evidence: document(vantage, newest, self.observations, dns), tally: self.tally }
    }
}

/// Returns how long an observation is at most, in bytes of JSON, without writing it.
fn length_of(seen: &Observation) -> usize {
    let base64 = |bytes: &Bytes| bytes.as_slice().len().div_ceil(3) * 4 + 3;
    // A control character takes six bytes.
    let text = |text: &str| text.len() * 6 + 3;
    let unseen = |told: &Seen<_>| if let Seen::Failed(why) = told { text(why) } else { 0 };
    let chain = seen.chain.yes().map_or_else(
        || if let Seen::Failed(why) = &seen.chain { text(why) } else { 0 },
        |chain| chain.certificates.iter().map(base64).sum(),
    );
    let proof = seen.possession.yes().map_or(0, |proof| base64(&proof.message) + base64(&proof.signature));
    let staple = seen.ocsp_staple.yes().map_or_else(|| unseen(&seen.ocsp_staple), base64);
    let scts = seen.scts.yes().into_iter().flatten().map(base64).sum::<usize>();
    let offered = seen.offer.yes().into_iter().flat_map(|offer| [&offer.versions, &offer.alpn, &offer.groups]).flatten();
    let names = offered.map(|name| text(name)).sum::<usize>() + seen.tls.yes().and_then(|tls| tls.alpn.yes()).map_or(0, |name| text(name));
    let why = if let Ending::Failed(failure) = &seen.ending { text(&failure.detail) } else { 0 };
    // Whoever fails says why in up to four places.
    FRAME + 2 * seen.target.host.as_str().len() + chain + proof + staple + scts + names + 4 * why
}

/// Field names, numbers, an address and the names of version, suite and group take less than this.
const FRAME: usize = 1_100;

/// Returns whom a handshake was meant for: the name that was sent, or else the server's address.
pub(super) fn target(name: Option<&str>, server: SocketAddr, transport: Transport) -> Option<Target> {
    let sent = name.filter(|name| !name.is_empty()).map(Host::parse);
    let host = match &sent {
        Some(Ok(host)) => host.clone(),
        Some(Err(_)) | None => Host::parse(&server.ip().to_string()).ok()?,
    };
    let server_name = match sent {
        Some(Ok(host)) => Seen::Yes(host),
        Some(Err(_)) => Seen::Failed("what was sent is no host name".to_owned()),
        None => Seen::NotVisible,
    };
    Some(Target { transport, server_name, ..Target::over_tcp(host, server.port()) })
}

/// Returns an observation of which nothing but target, server and time is known yet.
pub(super) fn begun(name: Option<&str>, server: SocketAddr, transport: Transport, at: u64) -> Option<Observation> {
    let target = target(name, server, transport)?;
    Some(Observation { peer: Seen::Yes(server.to_string()), ..Observation::unseen(target, at) })
}

/// Returns a file's name, shared by all its records.
pub(super) type File = Arc<Path>;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use mintwatch_validator::evidence::{Chain, ChainForm, Failure, FailureClass, Features, Negotiated, Possession};

    use super::*;

    fn seen(name: &str, at: u64) -> Observation {
        begun(Some(name), "192.0.2.1:443".parse().unwrap(), Transport::Tcp, at).unwrap()
    }

    #[test]
    fn only_the_host_asked_for_is_taken_and_the_others_are_counted() {
        let mut gathered = Gathered::new(Some(Host::parse("a.example").unwrap()));
        gathered.push(seen("A.example.", 1));
        gathered.push(seen("b.example", 2));
        let imported = gathered.close(Vantage::Recorded, Seen::NotVisible);
        assert_eq!(imported.evidence.observations.len(), 1);
        assert_eq!(imported.tally.passed[&Passed::OtherHost], 1);
    }

    #[test]
    fn the_document_never_outgrows_its_bounds_and_says_what_it_left_out() {
        let mut gathered = Gathered::new(None);
        for at in 0..MOST_OBSERVATIONS as u64 + 3 {
            gathered.push(seen("a.example", at));
        }
        let imported = gathered.close(Vantage::Recorded, Seen::NotVisible);
        assert_eq!((imported.evidence.observations.len(), imported.tally.left_out), (MOST_OBSERVATIONS, 3));
        assert!(imported.evidence.to_json().len() <= MAX_DOCUMENT_BYTES);
    }

    #[test]
    fn a_handshake_is_never_longer_than_it_is_counted_for() {
        let host = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        let bytes = |length: usize| Bytes::from(vec![0xff; length]);
        let full = Observation {
            chain: Seen::Yes(Chain { form: ChainForm::EndEntityOnly, certificates: (0..100).map(bytes).collect() }),
            scts: Seen::Yes((0..20).map(bytes).collect()),
            ocsp_staple: Seen::Yes(bytes(4_000)),
            possession: Seen::Yes(Possession { scheme: u16::MAX, message: bytes(300), signature: bytes(500) }),
            tls: Seen::Yes(Negotiated {
                version: "TLSv1.2".to_owned(),
                cipher_suite: "T".repeat(80),
                group: Seen::Yes("X25519MLKEM768".to_owned()),
                alpn: Seen::Yes("\u{1}".repeat(255)),
                ech_accepted: Seen::Yes(false),
                full_handshake: Seen::Yes(false),
            }),
            offer: Seen::Yes(Features {
                versions: vec!["TLSv1.2".to_owned(); 64],
                alpn: vec!["\"".repeat(255); 64],
                groups: vec!["0x1234".to_owned(); 64],
                ocsp_staple: false,
            }),
            ..begun(Some(&host), "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".parse().unwrap(), Transport::Tcp, u64::MAX).unwrap()
        };
        let why = "\u{1}".repeat(500);
        let failed = Observation {
            ending: Ending::Failed(Failure { class: FailureClass::NothingInCommon, detail: why.clone() }),
            chain: Seen::Failed(why.clone()),
            tls: Seen::Failed(why.clone()),
            possession: Seen::Failed(why),
            ..full.clone()
        };
        for seen in [full, failed, seen("a", 0)] {
            let (counted, written) = (length_of(&seen), serde_json::to_string(&seen).unwrap().len());
            assert!((written..written * 3 + FRAME).contains(&counted), "{written} bytes counted as {counted}");
        }
    }

    #[test]
    fn the_same_handshakes_in_another_order_are_the_same_document() {
        let of = |times: [u64; 3]| {
            let mut gathered = Gathered::new(None);
            for at in times {
                gathered.push(seen("a.example", at));
            }
            gathered.close(Vantage::Recorded, Seen::NotVisible).evidence
        };
        assert_eq!(of([3_000, 1_000, 2_000]), of([1_000, 2_000, 3_000]));
        assert_eq!(of([3_000, 1_000, 2_000]).collected_at, 3);
    }

    #[test]
    fn a_name_that_is_none_is_not_written_down() {
        let seen = seen("secret name/with path", 1);
        assert_eq!(seen.target.host.as_str(), "192.0.2.1");
        assert!(matches!(seen.target.server_name, Seen::Failed(_)));
    }
}
