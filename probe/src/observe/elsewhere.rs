//! Resolvers elsewhere: the same names asked of others than this network's resolver, over HTTPS (RFC 8484), TLS (RFC
//! 7858) or plain DNS, with DNSSEC where the zone is signed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::rr::{Record, RecordType};
use mintwatch_validator::evidence::{DnsAnswer, DnsRecord, Host, Seen};
use rustls::crypto::aws_lc_rs;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::recorder::accepts_anything;

/// A resolver that is not this network's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    transport: DnsTransport,
    address: IpAddr,
    port: u16,
    name: Option<Host>,
    path: String,
    /// DNSKEY records of a root, in the form of zone files; the root's keys compiled in, when there are none.
    anchors: Option<String>,
}

/// How a resolver is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DnsTransport {
    Https,
    Tls,
    Plain,
}

impl Elsewhere {
    /// Reads `https://ADDRESS[:PORT][/PATH]#NAME`, `tls://ADDRESS[:PORT]#NAME` or `udp://ADDRESS[:PORT]`.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("{error}; give it as {SHAPE}"))?;
        let (transport, usual) = match url.scheme() {
            "https" => (DnsTransport::Https, 443),
            "tls" => (DnsTransport::Tls, 853),
            "udp" => (DnsTransport::Plain, 53),
            other => return Err(format!("no way to ask a resolver by {other:?}; give it as {SHAPE}")),
        };
        let address = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let address =
            address.parse().map_err(|_| format!("a resolver is given by its address, so that no name need be resolved first: {SHAPE}"))?;
        let name = url.fragment().map(Host::parse).transpose().map_err(|error| format!("{error}: {SHAPE}"))?;
        if name.is_none() && transport != DnsTransport::Plain {
            return Err(format!("the resolver's certificate is for a name: {SHAPE}"));
        }
        let path = if url.path().len() > 1 { url.path() } else { "/dns-query" };
        // The default port of https is left out by `Url`.
        Ok(Self { transport, address, port: url.port().unwrap_or(usual), name, path: path.to_owned(), anchors: None })
    }

    /// Has signatures verified from another root, whose DNSKEY records are given in the form of zone files.
    ///
    /// # Errors
    /// What is wrong with the records, for people.
    pub fn anchored_at(self, records: &str) -> Result<Self, String> {
        let anchored = Self { anchors: Some(records.to_owned()), ..self };
        match anchored.trust_anchors() {
            Ok(anchors) if anchors.is_empty() => Err("there is no DNSKEY record of a root in it".to_owned()),
            Ok(_) => Ok(anchored),
            Err(error) => Err(format!("no DNSKEY records: {error}")),
        }
    }

    /// Returns those that are asked unless others are named: three operators, three places.
    pub fn usual() -> Vec<Self> {
        USUAL.iter().filter_map(|text| Self::parse(text).ok()).collect()
    }

    /// Returns what the evidence calls it.
    pub fn label(&self) -> String {
        match (&self.name, self.transport) {
            (Some(name), DnsTransport::Https) => format!("{name} over HTTPS"),
            (Some(name), _) => format!("{name} over TLS"),
            (None, _) => format!("{} over UDP", self.address),
        }
    }

    /// Returns whom to make a handshake with to see who answers there: host, port, and the address.
    pub fn endpoint(&self) -> Option<(Host, u16, IpAddr)> {
        Some((self.name.clone()?, self.port, self.address))
    }

    /// Returns whom the questions go to, by the name where it has one.
    pub(super) fn place(&self) -> Option<(Host, u16)> {
        let host = self.name.clone().or_else(|| Host::parse(&self.address.to_string()).ok());
        host.map(|host| (host, self.port))
    }

    /// Opens it. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// What the library said, for people.
    pub(super) fn open(&self) -> Result<Questioner, String> {
        Ok(Questioner { label: self.label(), plain: self.resolver(false)?, validating: self.resolver(true)? })
    }

    fn resolver(&self, validate: bool) -> Result<TokioResolver, String> {
        let name: Arc<str> = self.name.as_ref().map_or("", |name| name.as_str()).into();
        let connections = match self.transport {
            DnsTransport::Https => vec![ConnectionConfig::https(name, Some(self.path.as_str().into()))],
            DnsTransport::Tls => vec![ConnectionConfig::tls(name)],
            DnsTransport::Plain => vec![ConnectionConfig::udp(), ConnectionConfig::tcp()],
        };
        let connections = connections.into_iter().map(|mut connection| {
            connection.port = self.port;
            connection
        });
        let server = NameServerConfig::new(self.address, true, connections.collect());
        let config = ResolverConfig::from_name_servers(vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.attempts = 1;
        options.timeout = ONE_QUESTION;
        options.use_hosts_file = ResolveHosts::Never;
        options.validate = validate;
        let builder = builder.with_tls_config(tls().map_err(|error| error.to_string())?);
        let builder = if validate { builder.with_trust_anchor(Arc::new(self.trust_anchors()?)) } else { builder };
        builder.build().map_err(|error| error.to_string())
    }

    fn trust_anchors(&self) -> Result<TrustAnchors, String> {
        self.anchors.as_deref().map_or_else(|| Ok(TrustAnchors::default()), |records| records.parse().map_err(|error| format!("{error}")))
    }
}

/// Whoever answers is taken down by a handshake of its own; an answer is compared, never believed.
fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(accepts_anything()).with_no_client_auth())
}

/// A resolver that can be asked.
#[derive(Debug, Clone)]
pub(super) struct Questioner {
    label: String,
    plain: TokioResolver,
    validating: TokioResolver,
}

impl Questioner {
    /// Asks for the addresses of a host, and whether they are signed.
    ///
    /// # Errors
    /// What the resolver said, for people.
    pub(super) async fn ask(&self, host: &Host, until: Instant) -> Result<DnsAnswer, String> {
        let name = format!("{host}.");
        let late = |_| "no answer in time".to_owned();
        let (found, signed) = tokio::join!(
            timeout_at(until, self.plain.lookup_ip(name.clone())),
            timeout_at(until, self.validating.lookup(name.clone(), RecordType::A)),
        );
        let addresses: Vec<IpAddr> = found.map_err(late)?.map_err(|error| error.to_string())?.iter().collect();
        let authenticated = match signed {
            Err(_) => Seen::Failed("no answer in time".to_owned()),
            Ok(Err(NetError::Dns(DnsError::DnssecBogus))) => Seen::Failed("the signatures do not verify".to_owned()),
            Ok(Err(_)) => Seen::NotVisible,
            Ok(Ok(lookup)) => authentic(lookup.answers()),
        };
        Ok(DnsAnswer { authenticated, ..DnsAnswer::of(host.clone(), self.label.clone(), addresses) })
    }

    /// Asks for what the host wants of its clients; what does not come is left out.
    pub(super) async fn advice(&self, host: &Host, port: u16, until: Instant) -> Vec<DnsRecord> {
        let service = if port == 443 { host.to_string() } else { format!("_{port}._https.{host}") };
        let tlsa = format!("_{port}._tcp.{host}");
        let (https, tlsa, caa) = tokio::join!(
            self.records(&service, RecordType::HTTPS, until),
            self.records(&tlsa, RecordType::TLSA, until),
            self.issuers(host, until),
        );
        let mut records: Vec<DnsRecord> = [https, tlsa, caa].into_iter().flatten().collect();
        records.sort_unstable();
        records.dedup();
        records.truncate(MOST_RECORDS);
        records
    }

    /// The closest name upwards that has CAA records speaks for the host (RFC 8659 §3).
    async fn issuers(&self, host: &Host, until: Instant) -> Vec<DnsRecord> {
        let mut name = host.as_str();
        for _ in 0..MOST_ANCESTORS {
            let records = self.records(name, RecordType::CAA, until).await;
            if !records.is_empty() {
                return records;
            }
            match name.split_once('.') {
                Some((_, parent)) if parent.contains('.') => name = parent,
                _ => break,
            }
        }
        Vec::new()
    }

    async fn records(&self, name: &str, kind: RecordType, until: Instant) -> Vec<DnsRecord> {
        let Ok(Ok(lookup)) = timeout_at(until, self.plain.lookup(format!("{name}."), kind)).await else { return Vec::new() };
        let Ok(name) = Host::parse(name) else { return Vec::new() };
        let record = |record: &Record| {
            let data: String = record.data.to_string().chars().take(LONGEST_RECORD).collect();
            DnsRecord { name: name.clone(), kind: kind.to_string(), data }
        };
        lookup.answers().iter().filter(|answer| answer.record_type() == kind).map(record).collect()
    }
}

/// The weakest proof of all address records counts.
fn authentic(answers: &[Record]) -> Seen<bool> {
    let proofs = answers.iter().filter(|answer| answer.record_type() == RecordType::A).map(|answer| answer.proof);
    match proofs.min_by_key(|proof| match proof {
        Proof::Bogus => 0,
        Proof::Indeterminate => 1,
        Proof::Insecure => 2,
        Proof::Secure => 3,
    }) {
        Some(Proof::Secure) => Seen::Yes(true),
        Some(Proof::Insecure) => Seen::Yes(false),
        Some(Proof::Bogus) => Seen::Failed("the signatures do not verify".to_owned()),
        Some(Proof::Indeterminate) | None => Seen::NotVisible,
    }
}

const SHAPE: &str = "https://ADDRESS[:PORT][/PATH]#NAME, tls://ADDRESS[:PORT]#NAME or udp://ADDRESS[:PORT]";
/// Quad9 (Switzerland), Google and Cloudflare: each filters nothing under these addresses.
const USUAL: [&str; 3] =
    ["https://9.9.9.10/dns-query#dns10.quad9.net", "https://8.8.8.8/dns-query#dns.google", "https://1.1.1.1/dns-query#one.one.one.one"];
/// How long one question may take.
const ONE_QUESTION: Duration = Duration::from_secs(4);
/// How many records beside the addresses are kept for one host.
const MOST_RECORDS: usize = 32;
/// The longest record that is kept, in characters.
const LONGEST_RECORD: usize = 1024;
/// How many names upwards are asked for CAA records.
const MOST_ANCESTORS: usize = 5;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::{Name, RData, rdata::A};

    #[test]
    fn the_weakest_signature_of_an_answer_counts() {
        let record = |proof| {
            let mut record = Record::from_rdata(Name::root(), 60, RData::A(A::new(192, 0, 2, 1)));
            record.proof = proof;
            record
        };
        let answered = |proofs: &[Proof]| authentic(&proofs.iter().map(|&proof| record(proof)).collect::<Vec<_>>());
        assert_eq!(answered(&[Proof::Secure, Proof::Secure]), Seen::Yes(true));
        assert_eq!(answered(&[Proof::Secure, Proof::Insecure]), Seen::Yes(false));
        assert!(matches!(answered(&[Proof::Secure, Proof::Bogus]), Seen::Failed(_)));
        assert_eq!(answered(&[Proof::Indeterminate, Proof::Secure]), Seen::NotVisible);
        assert_eq!(answered(&[]), Seen::NotVisible);
    }

    #[test]
    fn a_resolver_is_named_by_address_and_by_the_name_of_its_certificate() {
        let read = Elsewhere::parse("https://9.9.9.10/dns-query#dns10.quad9.net").unwrap();
        assert_eq!((read.port, read.label().as_str()), (443, "dns10.quad9.net over HTTPS"));
        assert_eq!(read.endpoint().unwrap().1, 443);
        let read = Elsewhere::parse("tls://[2620:fe::fe]:8853#dns.quad9.net").unwrap();
        assert_eq!((read.port, read.address, read.label().as_str()), (8853, "2620:fe::fe".parse().unwrap(), "dns.quad9.net over TLS"));
        assert_eq!(Elsewhere::parse("udp://192.0.2.53").unwrap().label(), "192.0.2.53 over UDP");
        for bad in ["dns.google", "https://dns.google/dns-query", "https://8.8.8.8/dns-query", "quic://8.8.8.8#dns.google"] {
            assert!(Elsewhere::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Elsewhere::usual().len(), USUAL.len());
    }
}
