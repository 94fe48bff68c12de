//! R-A1 and R-A2: whatever is done to real chains and to evidence around them, the judge answers, alike twice, and in time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use std::sync::LazyLock;
use std::time::Duration;

use mintwatch_tests::{Ca, DAY, NOW, Profile, Replay, evidence, observation};
use mintwatch_validator::evidence::{
    Bytes, Chain, ChainForm, ClockCheck, DnsAnswer, DnsRecord, Ending, Evidence, Failure, FailureClass, Families, Features, Host,
    MachineAnchor, Negotiated, Observation, PortalCheck, Possession, Reach, Seen, Sha256, StartTls, Transport, Via,
};
use mintwatch_validator::tables::Overlay;
use mintwatch_validator::verdict::Cause;
use mintwatch_validator::{Report, Tables, judge};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of CPU time that one chain may cost natively (R-A2).
const BAR_MS: f64 = 50.0;
/// Rounds of each property.
const CASES: u32 = 256;

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

fn cpu_milliseconds() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap()).as_secs_f64() * 1e3
}

/// Judges within the bar for so many chains, and asserts what holds of every judgement.
fn judged(evidence: &Evidence, tables: &Tables, chains: usize) -> Report {
    let begun = cpu_milliseconds();
    let report = judge(evidence, tables);
    let took = cpu_milliseconds() - begun;
    let bar = BAR_MS * f64::from(u32::try_from(chains.max(1)).unwrap());
    assert!(took <= bar, "{chains} chains took {took:.1} ms of {bar:.0}");
    assert_eq!(report.hosts.len(), evidence.observations.len());
    for host in &report.hosts {
        assert!(host.paths.len() <= 20 && host.paths.iter().all(|path| path.certificates.len() <= 8), "{} paths", host.paths.len());
    }
    let json = report.to_json();
    assert_eq!(Report::from_json(json.as_bytes()).unwrap().to_json(), json);
    report
}

/// Every observation of the replays that has a chain, once.
static REAL: LazyLock<Vec<Observation>> = LazyLock::new(|| {
    let replays = Replay::all("benign").into_iter().chain(Replay::all("incidents"));
    let observations = replays.flat_map(|replay| replay.evidence.observations);
    observations.filter(|seen| seen.chain.yes().is_some_and(|chain| !chain.certificates.is_empty())).collect()
});

#[derive(Debug, Clone)]
enum Change {
    Flip(Index, Index, u8),
    CutShort(Index, Index),
    Splice(Index, Index, Index),
    Repeat(Index, u8),
    Swap(Index, Index),
    Drop(Index),
    Borrow(Index, Index),
    Garbage(Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), index(), 0..8_u8).prop_map(|(which, at, bit)| Change::Flip(which, at, bit)),
        1 => (index(), index()).prop_map(|(which, at)| Change::CutShort(which, at)),
        2 => (index(), index(), index()).prop_map(|(which, at, from)| Change::Splice(which, at, from)),
        1 => (index(), 1..40_u8).prop_map(|(which, times)| Change::Repeat(which, times)),
        1 => (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => index().prop_map(Change::Drop),
        2 => (index(), index()).prop_map(|(from, which)| Change::Borrow(from, which)),
        1 => (index(), vec(any::<u8>(), 0..200)).prop_map(|(which, bytes)| Change::Garbage(which, bytes)),
    ]
}

/// Does it to the chain. Every index counts from what is there by then.
fn apply(chain: &mut Vec<Vec<u8>>, change: &Change) {
    if let Change::Borrow(from, which) = change {
        let other = REAL[from.index(REAL.len())].chain.yes().unwrap();
        chain.push(other.certificates[which.index(other.certificates.len())].as_slice().to_vec());
        return;
    }
    if chain.is_empty() {
        return;
    }
    let count = chain.len();
    match change {
        Change::Flip(which, at, bit) => {
            let certificate = &mut chain[which.index(count)];
            if !certificate.is_empty() {
                let at = at.index(certificate.len());
                certificate[at] ^= 1 << bit;
            }
        }
        Change::CutShort(which, at) => {
            let certificate = &mut chain[which.index(count)];
            let at = at.index(certificate.len() + 1);
            certificate.truncate(at);
        }
        Change::Splice(which, at, from) => {
            let other = chain[from.index(count)].clone();
            let certificate = &mut chain[which.index(count)];
            let at = at.index(certificate.len() + 1);
            certificate.truncate(at);
            certificate.extend(other.get(at..).unwrap_or_default());
        }
        Change::Repeat(which, times) => {
            let certificate = chain[which.index(count)].clone();
            chain.extend(std::iter::repeat_n(certificate, usize::from(*times)));
        }
        Change::Swap(one, other) => chain.swap(one.index(count), other.index(count)),
        Change::Drop(which) => {
            chain.remove(which.index(count));
        }
        Change::Garbage(which, bytes) => chain.insert(which.index(count), bytes.clone()),
        Change::Borrow(..) => {}
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_real_chain_is_judged_in_time_whatever_was_done_to_it(which in any::<Index>(), changes in vec(change(), 0..8)) {
        let seen = &REAL[which.index(REAL.len())];
        let mut chain: Vec<Vec<u8>> = seen.chain.yes().unwrap().certificates.iter().map(|der| der.as_slice().to_vec()).collect();
        let end_entity = chain[0].clone();
        for change in &changes {
            apply(&mut chain, change);
        }
        let altered = chain.first() != Some(&end_entity);
        let known = altered && REAL.iter().any(|real| real.chain.yes().is_some_and(|real| chain.first().is_some_and(|der| der == real.certificates[0].as_slice())));
        let certificates = chain.into_iter().map(Bytes::from).collect();
        let seen = Observation { chain: Seen::Yes(Chain { form: ChainForm::Presented, certificates }), ..seen.clone() };
        let report = judged(&evidence(vec![seen]), &Tables::compiled(), 1);
        // Not one bit of an end-entity can change and it stays clear: some CA signed all of them.
        prop_assert!(!altered || known || report.verdict.cause != Cause::Clear, "{:?}", report.verdict);
        if report.verdict.cause == Cause::Clear {
            prop_assert!(!report.verdict.because.is_empty());
        }
    }

    #[test]
    fn a_tangle_of_cross_certificates_is_judged_in_time(picks in vec(any::<Index>(), 0..80), public in any::<bool>()) {
        let tangle = &*TANGLE;
        let mut chain = vec![tangle.leaf.clone()];
        chain.extend(picks.iter().map(|pick| tangle.certificates[pick.index(tangle.certificates.len())].clone()));
        let tables = if public { &tangle.tables } else { &*COMPILED };
        let report = judged(&evidence(vec![observation("host.example", NOW, chain)]), tables, 1);
        prop_assert!(report.verdict.cause != Cause::Clear);
    }

    #[test]
    fn evidence_with_odd_values_is_judged(evidence in odd_evidence()) {
        let written = evidence.to_json();
        let read = Evidence::from_json(written.as_bytes());
        prop_assert_eq!(read.map(|read| read.to_json()).ok(), Some(written));
        let one = judged(&evidence, &COMPILED, evidence.observations.len());
        prop_assert_eq!(one.to_json(), judge(&evidence, &COMPILED).to_json());
    }
}

static COMPILED: LazyLock<Tables> = LazyLock::new(Tables::compiled);

/// Eight keys under three names, each certified by each other, with and without an anchor among them.
struct Tangle {
    leaf: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    tables: Tables,
}

static TANGLE: LazyLock<Tangle> = LazyLock::new(|| {
    let profile = |name: &str| Profile::new(name, NOW - 100 * DAY, 1000);
    let names = ["Tangle One", "Tangle Two", "Tangle Three"];
    let authorities: Vec<Ca> = (0..8).map(|number| Ca::root(&profile(names[number % 3]))).collect();
    let mut certificates = Vec::new();
    for (subject, authority) in authorities.iter().enumerate() {
        certificates.push(authority.der.clone());
        for (serial, issuer) in authorities.iter().enumerate() {
            let mut own = profile(names[subject % 3]);
            own.serial = vec![1, u8::try_from(subject).unwrap(), u8::try_from(serial).unwrap()];
            certificates.push(authority.cross_signed_by(issuer, &own).der);
        }
    }
    let overlay = Overlay {
        public_anchors: authorities.iter().take(2).map(|authority| authority.der.clone().into()).collect(),
        ..Overlay::new("tangle", NOW.unsigned_abs())
    };
    let tables = Tables::compiled().with_overlay(&overlay).unwrap();
    Tangle { leaf: authorities[7].leaf("host.example", &profile("host.example")), certificates, tables }
});

/// Numbers where arithmetic goes wrong, and any other.
fn odd_number() -> impl Strategy<Value = u64> {
    let edges = [
        0,
        1,
        999,
        1000,
        u64::MAX,
        u64::MAX - 1,
        i64::MAX.unsigned_abs(),
        i64::MAX.unsigned_abs() + 1,
        1_795_478_400_000,
        253_402_300_800_000,
    ];
    prop_oneof![3 => select(edges.to_vec()), 1 => any::<u64>()]
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), ".{0,40}", Just("\u{1b}[2J\u{202e}".to_owned()), Just("x".repeat(5000))]
}

fn odd_bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..120).prop_map(Bytes::from)
}

fn seen<T: std::fmt::Debug + Clone + 'static>(strategy: impl Strategy<Value = T> + 'static) -> impl Strategy<Value = Seen<T>> {
    prop_oneof![3 => strategy.prop_map(Seen::Yes), 1 => Just(Seen::NotVisible), 1 => odd_text().prop_map(Seen::Failed)]
}

fn odd_host() -> impl Strategy<Value = Host> {
    let hosts = ["www.google.com", "a", "localhost", "0.0.0.0", "::", "ff02::1", "xn--a", "-", "_", "1.2.3", "www.bbc.com", "x.test"];
    select(hosts.to_vec()).prop_map(|host| Host::parse(host).unwrap())
}

fn odd_chain() -> impl Strategy<Value = Chain> {
    let form = select(vec![ChainForm::Presented, ChainForm::Built, ChainForm::EndEntityOnly]);
    let real = any::<Index>().prop_map(|which| REAL[which.index(REAL.len())].chain.yes().unwrap().certificates.clone());
    let certificates = prop_oneof![2 => real, 1 => vec(odd_bytes(), 0..4), 1 => Just(vec![Bytes::from(Vec::new()); 70])];
    (form, certificates).prop_map(|(form, certificates)| Chain { form, certificates })
}

fn odd_negotiated() -> impl Strategy<Value = Negotiated> {
    (odd_text(), odd_text(), seen(odd_text()), seen(odd_text()), seen(any::<bool>()), seen(any::<bool>())).prop_map(
        |(version, cipher_suite, group, alpn, ech_accepted, full_handshake)| Negotiated {
            version,
            cipher_suite,
            group,
            alpn,
            ech_accepted,
            full_handshake,
        },
    )
}

fn odd_possession() -> impl Strategy<Value = Possession> {
    let scheme = prop_oneof![any::<u16>(), select(vec![0x0403, 0x0804, 0x0401, 0x0807])];
    (scheme, odd_bytes(), odd_bytes()).prop_map(|(scheme, message, signature)| Possession { scheme, message, signature })
}

fn odd_observation() -> impl Strategy<Value = Observation> {
    let target = (odd_host(), any::<u16>(), seen(odd_host()));
    let ending = prop_oneof![
        2 => Just(Ending::Completed),
        1 => odd_text().prop_map(|detail| Ending::Failed(Failure { class: FailureClass::Other, detail })),
    ];
    let facts = (seen(odd_chain()), seen(odd_negotiated()), seen(vec(odd_bytes(), 0..100)), seen(odd_bytes()), seen(odd_possession()));
    let transport = select(vec![Transport::Tcp, Transport::Quic]);
    let starttls = select(vec![None, Some(StartTls::Smtp), Some(StartTls::Postgresql)]);
    let via = seen(select(vec![Via::Direct, Via::Socks5]));
    let way = (transport, starttls, via, any::<Option<u8>>(), seen(odd_features()), seen(odd_text()));
    (target, odd_number(), ending, facts, way).prop_map(
        |((host, port, server_name), at, ending, (chain, tls, scts, ocsp_staple, possession), way)| {
            let (transport, starttls, via, hop_limit, offer, peer) = way;
            let mut observation = observation("host.example", NOW, Vec::new());
            observation.target.host = host;
            observation.target.port = port;
            observation.target.transport = transport;
            observation.target.starttls = starttls;
            observation.target.server_name = server_name;
            Observation { at, peer, ending, chain, tls, scts, ocsp_staple, possession, offer, via, hop_limit, ..observation }
        },
    )
}

fn odd_features() -> impl Strategy<Value = Features> {
    let list = || vec(prop_oneof![odd_text(), select(vec!["TLSv1.2", "h2", "X25519MLKEM768"]).prop_map(str::to_owned)], 0..3);
    (list(), list(), list(), any::<bool>()).prop_map(|(versions, alpn, groups, ocsp_staple)| Features {
        versions,
        alpn,
        groups,
        ocsp_staple,
    })
}

fn odd_anchor() -> impl Strategy<Value = MachineAnchor> {
    let real = any::<Index>().prop_map(|which| REAL[which.index(REAL.len())].chain.yes().unwrap().certificates.last().unwrap().clone());
    (any::<[u8; 32]>(), odd_text(), seen(prop_oneof![real, odd_bytes()])).prop_map(|(hash, origin, certificate)| MachineAnchor {
        sha256: Sha256(hash),
        origin,
        certificate,
    })
}

fn odd_evidence() -> impl Strategy<Value = Evidence> {
    let record = (odd_host(), odd_text(), odd_text()).prop_map(|(name, kind, data)| DnsRecord { name, kind, data });
    let facts = (vec(odd_text(), 0..4), seen(any::<bool>()), vec(record, 0..3));
    let answer = (odd_host(), odd_text(), facts).prop_map(|(host, resolver, (addresses, authenticated, records))| DnsAnswer {
        host,
        resolver,
        addresses,
        authenticated,
        records,
    });
    let families = Just(Families { ipv4: Reach::Silent, ipv6: Reach::NoRoute });
    let clock = (any::<i64>(), odd_text()).prop_map(|(ahead_seconds, witness)| ClockCheck { ahead_seconds, witness });
    let clock = prop_oneof![clock, Just(ClockCheck { ahead_seconds: i64::MIN, witness: String::new() })];
    let portal = (any::<bool>(), odd_text()).prop_map(|(captive, method)| PortalCheck { captive, method });
    let answers = vec(answer, 0..4).boxed();
    let network = (seen(answers.clone()), seen(answers), seen(families));
    let around = (seen(vec(odd_anchor(), 0..12)), seen(clock), seen(portal), network, seen(vec(odd_text(), 0..3)));
    (vec(odd_observation(), 0..12), odd_number(), around).prop_map(
        |(observations, collected_at, (anchors, clock, portal, (dns, invented, families), proxies))| {
            let mut evidence = evidence(observations);
            evidence.collected_at = collected_at;
            evidence.surroundings.anchors = anchors;
            evidence.surroundings.clock = clock;
            evidence.surroundings.portal = portal;
            evidence.surroundings.dns = dns;
            evidence.surroundings.invented = invented;
            evidence.surroundings.families = families;
            evidence.surroundings.proxies = proxies;
            evidence
        },
    )
}

#[test]
fn thousands_of_handshakes_cost_no_more_each_than_a_few() {
    let some = |count: usize| evidence((0..count).map(|number| REAL[number % REAL.len()].clone()).collect());
    let cost = |count: usize| {
        let evidence = some(count);
        let begun = cpu_milliseconds();
        assert_eq!(judge(&evidence, &COMPILED).hosts.len(), count);
        (cpu_milliseconds() - begun) / f64::from(u32::try_from(count).unwrap())
    };
    let (few, many) = (cost(300), cost(6000));
    println!("{few:.2} ms each of 300, {many:.2} ms each of 6,000");
    assert!(many <= few * 2.0 + 1.0, "{few:.2} ms each of 300, {many:.2} ms each of 6,000");
}

#[test]
fn a_machine_with_thousands_of_anchors_is_judged_in_time() {
    let root = Ca::root(&Profile::new("Added", NOW - 100 * DAY, 1000));
    let leaf = root.leaf("host.example", &Profile::new("host.example", NOW - 10 * DAY, 100));
    let mut evidence = evidence(vec![observation("host.example", NOW, vec![leaf])]);
    let anchor =
        MachineAnchor { sha256: Sha256::of(&root.der), origin: "platform".to_owned(), certificate: Seen::Yes(root.der.clone().into()) };
    evidence.surroundings.anchors = Seen::Yes(vec![anchor; 5000]);
    judged(&evidence, &COMPILED, 20);
}
