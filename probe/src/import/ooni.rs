//! Measurements of OONI: TLS handshakes and answers of resolvers, and nothing of who measured.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use mintwatch_validator::evidence::{
    Bytes, Chain, ChainForm, DnsAnswer, Ending, Failure, FailureClass, Host, Negotiated, Observation, Seen, Transport,
};
use serde::Deserialize;

use super::gathered::{File, Gathered, Passed, begun};
use super::lines;
use super::names::{suite_named, version_named};
use crate::certificates::{Window, decode};

/// Measurements being read.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// To tell one network from several; it goes nowhere.
    report: Option<String>,
    are_several: bool,
    answers: BTreeMap<(Host, &'static str), BTreeSet<IpAddr>>,
}

#[derive(Deserialize)]
struct Measurement {
    #[serde(rename = "measurement_start_time")]
    start: String,
    #[serde(default)]
    report_id: Option<String>,
    test_keys: TestKeys,
}

/// What a test wrote down; it may leave out any list, or say `null`.
#[derive(Deserialize)]
struct TestKeys {
    #[serde(default)]
    tls_handshakes: Option<Vec<Handshake>>,
    #[serde(default)]
    quic_handshakes: Option<Vec<Handshake>>,
    #[serde(default)]
    queries: Option<Vec<Query>>,
}

#[derive(Deserialize)]
struct Handshake {
    #[serde(default)]
    network: Option<String>,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    server_name: Option<String>,
    #[serde(default)]
    failure: Option<String>,
    #[serde(default)]
    tls_version: Option<String>,
    #[serde(default)]
    cipher_suite: Option<String>,
    #[serde(default)]
    negotiated_protocol: Option<String>,
    #[serde(default)]
    peer_certificates: Option<Vec<Binary>>,
    #[serde(default)]
    t0: Option<f64>,
    #[serde(default)]
    t: Option<f64>,
}

/// Bytes, as older and newer versions write them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Binary {
    Tagged { data: String },
    Bare(String),
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    engine: Option<String>,
    #[serde(default)]
    resolver_address: Option<String>,
    #[serde(default)]
    answers: Option<Vec<Answer>>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ipv4: Option<IpAddr>,
    #[serde(default)]
    ipv6: Option<IpAddr>,
}

impl Runs {
    /// Reads measurements: one a line, or a single one over many lines, or a list of them.
    ///
    /// # Errors
    /// Those of the stream.
    pub(super) fn read(&mut self, file: &File, input: impl Read, gathered: &mut Gathered) -> io::Result<()> {
        let mut window = Window::new(input);
        if lines::opens_over_several(&mut window)? {
            return self.read_whole(file, &mut window, gathered);
        }
        lines::each(&mut window, &mut |number, line| match line {
            Some([]) => {}
            Some(line) => self.take(file, "line", number, serde_json::from_slice(line), gathered),
            None => gathered.tally.refuse(file, "line", number, lines::TOO_LONG),
        })
    }

    /// Reads a file that is one measurement, or a list of them.
    fn read_whole(&mut self, file: &File, window: &mut Window<impl Read>, gathered: &mut Gathered) -> io::Result<()> {
        if window.widen(LONGEST_DOCUMENT + 1)? {
            gathered.tally.refuse(file, "measurement", 1, "longer than any document that is read");
            return Ok(());
        }
        let text = window.bytes();
        let measurements: Vec<_> = if text.first() == Some(&b'[') {
            match serde_json::from_slice::<Vec<serde_json::Value>>(text) {
                Ok(list) => list.into_iter().map(serde_json::from_value).collect(),
                Err(error) => vec![Err(error)],
            }
        } else {
            serde_json::Deserializer::from_slice(text).into_iter().collect()
        };
        for (number, measurement) in (1..).zip(measurements) {
            self.take(file, "measurement", number, measurement, gathered);
        }
        Ok(())
    }

    fn take(&mut self, file: &File, record: &str, number: u64, measurement: serde_json::Result<Measurement>, gathered: &mut Gathered) {
        gathered.tally.records += 1;
        let taken = measurement.map_err(|error| lines::fault(&error)).and_then(|measurement| self.take_in(measurement, gathered));
        if let Err(why) = taken {
            gathered.tally.refuse(file, record, number, &why);
        }
    }

    fn take_in(&mut self, measurement: Measurement, gathered: &mut Gathered) -> Result<(), String> {
        let start = start(&measurement.start).ok_or("its start time is none")?;
        self.note_report(measurement.report_id);
        let keys = measurement.test_keys;
        let over_tcp = keys.tls_handshakes.into_iter().flatten().map(|handshake| (handshake, Transport::Tcp));
        let over_quic = keys.quic_handshakes.into_iter().flatten().map(|handshake| (handshake, Transport::Quic));
        let mut broken = None;
        for (handshake, transport) in over_tcp.chain(over_quic) {
            match observation(&handshake, transport, start) {
                Ok(seen) => gathered.push(seen),
                Err(why) => broken = Some(why),
            }
        }
        keys.queries.into_iter().flatten().for_each(|query| self.note_answers(&query));
        broken.map_or(Ok(()), |why| Err(format!("one of its handshakes: {why}")))
    }

    /// Measurements of one run have one report; others may come from any network.
    fn note_report(&mut self, report: Option<String>) {
        let report = report.unwrap_or_default();
        match &self.report {
            None => self.report = Some(report),
            // Without a report's name each could be a run of its own.
            Some(known) => self.are_several |= *known != report || report.is_empty(),
        }
    }

    fn note_answers(&mut self, query: &Query) {
        let Some(host) = query.hostname.as_deref().and_then(|name| Host::parse(name).ok()) else { return };
        if host.address().is_some() || self.answers.len() >= MOST_ANSWERS {
            return;
        }
        let addresses = query.answers.iter().flatten().flat_map(|answer| [answer.ipv4, answer.ipv6]).flatten();
        let known = self.answers.entry((host, resolver(query))).or_default();
        known.extend(addresses.take(MOST_ADDRESSES.saturating_sub(known.len())));
    }

    /// Returns what resolvers answered, where it all comes from one network: elsewhere other answers are no wonder.
    pub(super) fn answers(self, gathered: &mut Gathered) -> Seen<Vec<DnsAnswer>> {
        let answered = self.answers.into_iter().filter(|(_, addresses)| !addresses.is_empty());
        let answers: Vec<_> = answered
            .map(|((host, resolver), addresses)| DnsAnswer {
                host,
                resolver: resolver.to_owned(),
                addresses: addresses.iter().map(ToString::to_string).collect(),
                authenticated: Seen::NotVisible,
                records: Vec::new(),
            })
            .collect();
        match (self.report, self.are_several) {
            (Some(_), false) => Seen::Yes(answers),
            (Some(_), true) => {
                gathered.tally.pass_many(Passed::AnswersMixed, answers.len() as u64);
                Seen::NotVisible
            }
            (None, _) => Seen::NotVisible,
        }
    }
}

fn observation(handshake: &Handshake, transport: Transport, start: u64) -> Result<Observation, String> {
    let server: SocketAddr = handshake.address.as_deref().and_then(|text| text.parse().ok()).ok_or("it has no address")?;
    let is_quic = transport == Transport::Quic || matches!(handshake.network.as_deref(), Some("udp" | "quic"));
    let transport = if is_quic { Transport::Quic } else { Transport::Tcp };
    let at = start.saturating_add(milliseconds(handshake.t0.or(handshake.t)));
    let seen = begun(handshake.server_name.as_deref(), server, transport, at).ok_or("it has no address")?;
    let certificates = handshake.peer_certificates.iter().flatten().take(LONGEST_CHAIN).map(certificate);
    let certificates = certificates.collect::<Result<Vec<Bytes>, _>>()?;
    let ending = handshake.failure.as_deref().map_or(Ending::Completed, |failure| Ending::Failed(failed(failure)));
    let chain = match (&ending, certificates.is_empty()) {
        (_, false) => Seen::Yes(Chain { form: ChainForm::Presented, certificates }),
        (Ending::Failed(failure), true) => Seen::Failed(format!("the handshake failed before: {}", failure.detail)),
        (Ending::Completed, true) => Seen::NotVisible,
    };
    Ok(Observation { chain, ending, tls: negotiated(handshake), ..seen })
}

fn negotiated(handshake: &Handshake) -> Seen<Negotiated> {
    let version = handshake.tls_version.as_deref().and_then(version_named);
    let suite = handshake.cipher_suite.as_deref().and_then(suite_named);
    let Some((version, cipher_suite)) = version.zip(suite) else { return Seen::NotVisible };
    Seen::Yes(Negotiated {
        version,
        cipher_suite,
        group: Seen::NotVisible,
        alpn: handshake.negotiated_protocol.clone().map_or(Seen::NotVisible, Seen::Yes),
        ech_accepted: Seen::NotVisible,
        full_handshake: Seen::NotVisible,
    })
}

/// What a failure was; whatever is no word of OONI's may name the one who measured, and is left out.
fn failed(failure: &str) -> Failure {
    use FailureClass::{Closed, NothingInCommon, Other, Refused, Reset, TimedOut, Unreachable};
    let is_word = failure.len() <= 64 && failure.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let class = match failure {
        "connection_refused" => Refused,
        "connection_reset" | "connection_aborted" => Reset,
        "eof_error" => Closed,
        "generic_timeout_error" | "timed_out" => TimedOut,
        "host_unreachable" | "network_unreachable" => Unreachable,
        "quic_incompatible_version" => NothingInCommon,
        _ => Other,
    };
    Failure { class, detail: if is_word { failure } else { "unknown_failure" }.to_owned() }
}

fn certificate(binary: &Binary) -> Result<Bytes, String> {
    let (Binary::Tagged { data } | Binary::Bare(data)) = binary;
    let mut der = Vec::new();
    decode(data.as_bytes(), &mut Vec::new(), &mut der).map_err(|trouble| format!("its certificate is {trouble}"))?;
    Ok(der.into())
}

/// Returns who answered: the system, a public resolver by its name, or somebody whose address is nobody's business here.
fn resolver(query: &Query) -> &'static str {
    let address = query.resolver_address.as_deref().unwrap_or_default();
    match query.engine.as_deref() {
        Some("system" | "getaddrinfo" | "golang_net_resolver") => return "system",
        None if address.is_empty() => return "system",
        _ => {}
    }
    let is_of = |name: &&str| {
        let host = address.split_once("://").map_or(address, |(_, rest)| rest).split('/').next().unwrap_or_default();
        let host = host
            .parse::<SocketAddr>()
            .map_or_else(|_| host.rsplit_once(':').map_or(host, |(host, _)| host).to_owned(), |address| address.ip().to_string());
        host == *name
    };
    PUBLIC_RESOLVERS.iter().find(|(names, _)| names.iter().any(is_of)).map_or("unnamed", |(_, name)| name)
}

/// Reads a start such as `2024-03-05 10:11:12`, in UTC; in UNIX milliseconds.
fn start(text: &str) -> Option<u64> {
    let time: DateTime = text.trim_end_matches('Z').parse().ok()?;
    u64::try_from(TimeZone::UTC.to_timestamp(time).ok()?.as_millisecond()).ok()
}

/// Seconds since the start as milliseconds; what is no such number is the start itself.
fn milliseconds(seconds: Option<f64>) -> u64 {
    let since = seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

/// Addresses and names of public resolvers, and what they are called.
const PUBLIC_RESOLVERS: [(&[&str], &str); 6] = [
    (&["8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844", "dns.google"], "dns.google"),
    (
        &["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001", "cloudflare-dns.com", "one.one.one.one"],
        "cloudflare-dns.com",
    ),
    (&["mozilla.cloudflare-dns.com"], "mozilla.cloudflare-dns.com"),
    (&["9.9.9.9", "149.112.112.112", "2620:fe::fe", "dns.quad9.net"], "dns.quad9.net"),
    (&["208.67.222.222", "208.67.220.220", "dns.opendns.com", "doh.opendns.com"], "dns.opendns.com"),
    (&["doh.powerdns.org"], "doh.powerdns.org"),
];
/// The longest file that is one measurement or one list of them, in bytes.
const LONGEST_DOCUMENT: usize = 64 * 1024 * 1024;
const LONGEST_CHAIN: usize = 100;
const MOST_ANSWERS: usize = 10_000;
const MOST_ADDRESSES: usize = 64;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::path::Path;

    use mintwatch_validator::evidence::Vantage;

    use super::*;
    use crate::import::Imported;

    fn imported(text: &str) -> Imported {
        let (mut gathered, mut runs) = (Gathered::new(None), Runs::default());
        runs.read(&File::from(Path::new("ooni.jsonl")), text.as_bytes(), &mut gathered).unwrap();
        let dns = runs.answers(&mut gathered);
        gathered.close(Vantage::Recorded, dns)
    }

    fn measurement(report: &str, keys: &str) -> String {
        format!(
            r#"{{"annotations":{{}},"data_format_version":"0.2.0","measurement_start_time":"2024-03-05 10:11:12","probe_asn":"AS64500","probe_cc":"XX","probe_ip":"198.51.100.77","probe_network_name":"Probe Net","report_id":"{report}","resolver_ip":"198.51.100.53","test_name":"web_connectivity","test_keys":{keys}}}"#
        )
    }

    const KEYS: &str = r#"{"agent":"redirect","requests":[{"response":{"body":"x"}}],
        "tls_handshakes":[
          {"network":"tcp","address":"192.0.2.7:443","server_name":"www.shop.example","failure":null,"tls_version":"TLSv1.3","cipher_suite":"TLS_AES_128_GCM_SHA256","negotiated_protocol":"h2","peer_certificates":[{"data":"MAMCAQE=","format":"base64"},"MAMCAQI="],"t0":0.25,"t":0.5},
          {"network":"udp","address":"[2001:db8::7]:443","server_name":"www.shop.example","failure":"ssl_unknown_authority","peer_certificates":[{"data":"MAMCAQE=","format":"base64"}],"t":1.5},
          {"address":"192.0.2.8:443","server_name":"a.example","failure":"unknown_failure: read tcp 10.9.8.7:50000->192.0.2.8:443","peer_certificates":null,"t":2}],
        "queries":[
          {"engine":"system","hostname":"www.shop.example","query_type":"A","resolver_address":"","answers":[{"answer_type":"A","ipv4":"192.0.2.7"},{"answer_type":"CNAME","hostname":"x.example"}]},
          {"engine":"doh","hostname":"www.shop.example","resolver_address":"https://dns.google/dns-query","answers":[{"answer_type":"A","ipv4":"192.0.2.9"}]},
          {"engine":"udp","hostname":"www.shop.example","resolver_address":"10.9.8.1:53","answers":[{"answer_type":"AAAA","ipv6":"2001:db8::7"}]},
          {"engine":"udp","hostname":"www.shop.example","resolver_address":"1.1.1.1:53","answers":null,"failure":"dns_nxdomain_error"}]}"#;

    fn keys() -> String {
        KEYS.replace("\n        ", "")
    }

    #[test]
    fn handshakes_and_answers_are_taken_and_nothing_of_who_measured() {
        let Imported { evidence, tally } = imported(&measurement("r1", &keys()));
        assert_eq!((evidence.observations.len(), tally.bad), (3, 0));
        let [first, second, third] = &evidence.observations[..] else { panic!("three") };
        assert_eq!(first.chain.yes().unwrap().certificates[1].as_slice(), [0x30, 3, 2, 1, 2]);
        assert_eq!((first.at, first.tls.yes().unwrap().cipher_suite.as_str()), (1_709_633_472_250, "TLS13_AES_128_GCM_SHA256"));
        assert_eq!((second.target.transport, second.at), (Transport::Quic, 1_709_633_473_500));
        assert!(matches!(&second.ending, Ending::Failed(failure) if failure.detail == "ssl_unknown_authority"));
        assert_eq!(third.chain, Seen::Failed("the handshake failed before: unknown_failure".to_owned()));
        let dns = evidence.surroundings.dns.yes().unwrap();
        let told: Vec<_> = dns.iter().map(|answer| (answer.resolver.as_str(), answer.addresses[0].as_str())).collect();
        assert_eq!(told, [("dns.google", "192.0.2.9"), ("system", "192.0.2.7"), ("unnamed", "2001:db8::7")]);
        let written = evidence.to_json();
        for secret in ["198.51.100", "64500", "XX", "Probe Net", "10.9.8", "r1", "redirect"] {
            assert!(!written.contains(secret), "{secret}");
        }
    }

    #[test]
    fn a_list_and_a_single_measurement_over_many_lines_say_the_same_as_lines() {
        let one = measurement("r1", &keys());
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&one).unwrap()).unwrap();
        let expected = imported(&one).evidence;
        assert_eq!(imported(&pretty).evidence, expected);
        assert_eq!(imported(&format!("[{one}]")).evidence, expected);
        assert_eq!(imported(&measurement("r1", KEYS)).evidence, expected);
        assert_eq!(imported(&format!("{one}\n{one}\n")).evidence.observations.len(), 6);
    }

    #[test]
    fn answers_of_several_networks_are_not_held_against_each_other() {
        let Imported { evidence, tally } = imported(&format!("{}\n{}", measurement("r1", &keys()), measurement("r2", &keys())));
        assert_eq!((evidence.surroundings.dns, tally.passed[&Passed::AnswersMixed]), (Seen::NotVisible, 3));
        let of_one = imported(&format!("{}\n{}", measurement("r1", &keys()), measurement("r1", &keys())));
        assert!(of_one.evidence.surroundings.dns.yes().is_some());
    }

    #[test]
    fn what_is_broken_is_named_and_the_rest_is_read() {
        let bad = keys().replacen("192.0.2.7:443", "nowhere", 1);
        let text = format!("{}\n{{\"measurement_start_time\":7}}\nx\n{}", measurement("r1", &bad), measurement("r1", &keys()));
        let Imported { evidence, tally } = imported(&text);
        assert_eq!((evidence.observations.len(), tally.bad), (5, 3));
        assert!(tally.named[0].ends_with("line 1: one of its handshakes: it has no address"), "{:?}", tally.named);
    }
}
