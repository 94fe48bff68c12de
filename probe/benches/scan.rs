//! What a scan costs beside what no scan can do without, in CPU time, in one run; what one host costs a process that
//! starts for it alone; how much memory open connections take.
//!
//! `cargo bench -p mintwatch --bench scan [-- --quick]`. The server is a process of its own, so that
//! its work is not counted. F, the floor, is one agreement by X25519MLKEM768, k P-256 verifications with a parsed
//! key and one bare TCP exchange; k is 5: end-entity, subordinate, CertificateVerify and two SCTs, as a
//! host of the public web needs them. Both are measured in turns and compared by their medians, so that
//! a busy machine slows both. V is one such verification. Bars that were drawn in time are held in V, of which they were
//! so many on the machine they were drawn on: a slower machine slows both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a measurement")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};

use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::kem::{DecapsulationKey, ML_KEM_768};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey};
use mintwatch::demo::origin::{Site, serve};
use mintwatch::demo::pki::{Authority, DAY, Log, Profile, Validity};
use mintwatch::observe::{Plan, Resolver, run, unix_seconds};
use mintwatch_validator::evidence::{Bytes, Ending, Evidence, Host, Surroundings};
use mintwatch_validator::judge;
use mintwatch_validator::tables::{Overlay, OverlayLog, Tables};
use mintwatch_validator::verdict::Cause;
use serde::{Deserialize, Serialize};

mod cold;
mod held;
mod measure;
use cold::{Cold, Spent};
use held::{Held, PROBER};
use measure::{cpu, median, micros};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The signatures one host needs: end-entity, subordinate, CertificateVerify, and the SCTs of two logs.
const K: f64 = 5.0;
/// How often it is measured at most: a neighbour on the machine makes a scan dearer at times, and never cheaper.
const ATTEMPTS: usize = 3;
/// The most a scan may cost, in floors.
const SCAN_IN_F: f64 = 1.4;
/// What V was, in microseconds, on the machine that the bars below were drawn on.
const V_OF_BARS: f64 = 38.0;
/// The most a host may cost with both its documents written, in V: 420 µs there.
const PIPELINE: f64 = 420.0 / V_OF_BARS;
/// The most one process may cost that checks one host or shows its help, in V: 3 ms there.
const COLD: f64 = 3_000.0 / V_OF_BARS;
/// What a check costs where a distribution keeps 140 roots as a bundle, as files and for Java, with room for slower disks: each
/// file is opened, read and hashed, for what is not read cannot be told.
const COLD_MOST: f64 = 4.0 * COLD;
/// The most memory a scan may take, in KiB: by itself, and with each connection that is open.
const RESIDENT: (f64, f64) = (12.0 * 1024.0, 9.0);
/// What a key of ML-KEM-768 takes besides, in KiB, until the server answers: the bar was drawn without one.
const POST_QUANTUM: f64 = 7.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == SERVER) {
        be_the_server();
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == PROBER) {
        held::be_the_prober();
        return ExitCode::SUCCESS;
    }
    // `cargo test` runs benches too, without `--bench` and unoptimised: then nothing is held to the bar.
    let benching = arguments.iter().any(|argument| argument == "--bench");
    let quick = !benching || arguments.iter().any(|argument| argument == "--quick");
    let (names, runs, rounds) = if quick { (200, 3, 300) } else { (1_000, 9, 1_000) };
    let server = Server::start(names);
    let floors = Floor::prepare(server.greeting.echo);
    // The first run warms caches and tables.
    let _warm = scan(&server.greeting, names);
    for _ in 0..ATTEMPTS {
        let measured: Vec<Parts> =
            (0..runs).map(|_| Parts { floor: floors.measure(rounds), scan: scan(&server.greeting, names) }).collect();
        let cold = Cold::measure(runs * 10, &name(0), &server.greeting.tls.to_string(), &overlay(&server.greeting));
        let held = Held::measure(server.greeting.tls, if benching { &[100, 1_000] } else { &[10] });
        if report(&measured, names, &cold, &held) || !benching {
            return ExitCode::SUCCESS;
        }
    }
    ExitCode::FAILURE
}

struct Parts {
    floor: FloorParts,
    scan: ScanParts,
}

/// Microseconds of CPU time, each for one host.
struct FloorParts {
    agree: f64,
    verify: f64,
    tcp: f64,
}

impl FloorParts {
    fn total(&self, verifications: f64) -> f64 {
        self.agree + verifications * self.verify + self.tcp
    }
}

/// Microseconds of CPU time, each for one host.
struct ScanParts {
    observe: f64,
    judge: f64,
    write: f64,
    judge_alone: f64,
}

impl ScanParts {
    fn total(&self) -> f64 {
        self.observe + self.judge
    }
}

/// Prints the medians; says whether the scan is within the bar.
fn report(measured: &[Parts], names: usize, cold: &Cold, held: &[Held]) -> bool {
    let of = |part: &dyn Fn(&Parts) -> f64| median(measured.iter().map(part).collect());
    let floor = of(&|parts| parts.floor.total(K));
    let scan = of(&|parts| parts.scan.total());
    let ratio = of(&|parts| parts.scan.total() / parts.floor.total(K));
    let mut out = io::stdout().lock();
    writeln!(out, "CPU time a host, median of {} runs of {names} hosts, in µs", measured.len()).unwrap();
    for (name, value) in [
        ("F: X25519MLKEM768 keys and agreement", of(&|parts| parts.floor.agree)),
        ("F: P-256 verification, parsed key (5 of them)", of(&|parts| parts.floor.verify)),
        ("F: TCP connect, write, read, write, close", of(&|parts| parts.floor.tcp)),
        ("F", floor),
        ("observe: handshake, recorded", of(&|parts| parts.scan.observe)),
        ("judge: every detector, chain, SCTs, CertificateVerify", of(&|parts| parts.scan.judge)),
        ("scan: observe and judge", scan),
        ("write: evidence and report as JSON", of(&|parts| parts.scan.write)),
        ("judge: one document with one host, by itself", of(&|parts| parts.scan.judge_alone)),
    ] {
        writeln!(out, "  {name:<52} {value:>8.1}").unwrap();
    }
    // One subordinate stands above all hosts here, and its signature is verified once for all.
    let shared = of(&|parts| parts.scan.total() / parts.floor.total(K - 1.0));
    writeln!(out, "ratio to a floor without the shared subordinate's signature: {shared:.2}").unwrap();
    writeln!(out, "ratio: {ratio:.2} F; {:.0} hosts/s on one core", 1e6 / scan).unwrap();
    let v = of(&|parts| parts.floor.verify);
    let pipeline = of(&|parts| parts.scan.total() + parts.scan.write);
    writeln!(out, "CPU time of a process, in ms, least and median").unwrap();
    for (name, Spent { least, median }) in [
        ("a process that does nothing", &cold.nothing),
        ("--help", &cold.help),
        ("check of one host", &cold.check),
        ("anchors", &cold.anchors),
    ] {
        writeln!(out, "  {name:<52} {least:>8.2} {median:>8.2}").unwrap();
    }
    writeln!(out, "resident memory, in KiB, with handshakes held open: without a post-quantum key, with one, and by a peer that stalls")
        .unwrap();
    for Held { count, classic, silent, stalling } in held {
        writeln!(out, "  {count:<43} {classic:>8} {silent:>8} {stalling:>8}").unwrap();
    }
    let mut bars = vec![
        Bar { what: "P1 scan, in F".to_owned(), is: ratio, should_be: SCAN_IN_F, most: SCAN_IN_F },
        Bar { what: "P5 pipeline, in V".to_owned(), is: pipeline / v, should_be: PIPELINE, most: PIPELINE },
        Bar { what: "P7 --help, in V".to_owned(), is: cold.help.least * 1e3 / v, should_be: COLD, most: COLD },
        Bar { what: "P7 check of one host, in V".to_owned(), is: cold.check.least * 1e3 / v, should_be: COLD, most: COLD_MOST },
    ];
    for held in held {
        let (count, (by_itself, each)) = (held.count as f64, RESIDENT);
        let bar = by_itself + each * count;
        let what = |how: &str| format!("P6 {} open connections{how}, in KiB", held.count);
        bars.push(Bar { what: what(", classic"), is: held.classic as f64, should_be: bar, most: bar });
        bars.push(Bar { what: what(""), is: held.silent.max(held.stalling) as f64, should_be: bar, most: bar + POST_QUANTUM * count });
    }
    let mut within = true;
    for Bar { what, is, should_be: bar, most } in bars {
        within &= is <= most;
        let word = if is <= bar {
            "held"
        } else if is <= most {
            "not held, as is known"
        } else {
            "NOT HELD"
        };
        writeln!(out, "{what:<52} {is:>10.2}  bar {bar:>10.2}  {word}").unwrap();
    }
    within
}

/// What a measure is, what it should be, and past what the benchmark fails.
struct Bar {
    what: String,
    is: f64,
    should_be: f64,
    most: f64,
}

fn scan(greeting: &Greeting, names: usize) -> ScanParts {
    let tables = tables(greeting);
    let plan = plan(greeting, names);
    let begun = cpu();
    let evidence = run(plan, &mut ()).unwrap();
    let observed = cpu();
    let verdicts = judge(&evidence, &tables);
    let judged = cpu();
    black_box((evidence.to_json(), verdicts.to_json()));
    let written = cpu();
    assert!(evidence.observations.iter().all(|seen| seen.ending == Ending::Completed));
    assert!(verdicts.hosts.iter().all(|host| host.verdict.cause == Cause::Clear));
    let alone: Vec<Evidence> = evidence
        .observations
        .iter()
        .take(50)
        .map(|seen| Evidence {
            observations: vec![seen.clone()],
            collector: evidence.collector.clone(),
            surroundings: Surroundings::unseen(),
            ..evidence
        })
        .collect();
    let before = cpu();
    for one in &alone {
        black_box(judge(one, &tables));
    }
    let after = cpu();
    ScanParts {
        observe: micros(begun, observed) / names as f64,
        judge: micros(observed, judged) / names as f64,
        write: micros(judged, written) / names as f64,
        judge_alone: micros(before, after) / alone.len() as f64,
    }
}

fn plan(greeting: &Greeting, names: usize) -> Plan {
    let mut resolver = Resolver::stated_only();
    let hosts: Vec<_> = (0..names).map(|number| Host::parse(&name(number)).unwrap()).collect();
    for host in &hosts {
        resolver.state(host.clone(), 443, greeting.tls);
    }
    Plan { resolver, ..Plan::for_hosts(hosts.into_iter().map(|host| (host, 443))) }
}

fn tables(greeting: &Greeting) -> Tables {
    Tables::compiled().with_overlay(&overlay(greeting)).unwrap()
}

fn overlay(greeting: &Greeting) -> Overlay {
    let mut overlay = Overlay::new("bench", unix_seconds());
    overlay.public_anchors.push(greeting.root.clone());
    overlay.disclosed.push(greeting.subordinate.clone());
    overlay.logs.clone_from(&greeting.logs);
    overlay
}

struct Floor {
    peer: Vec<u8>,
    hybrid: DecapsulationKey,
    ciphertext: Vec<u8>,
    key: ParsedPublicKey,
    signature: Vec<u8>,
    echo: SocketAddr,
}

impl Floor {
    fn prepare(echo: SocketAddr) -> Self {
        let random = SystemRandom::new();
        let peer = EphemeralPrivateKey::generate(&X25519, &random).unwrap();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let hybrid = DecapsulationKey::generate(&ML_KEM_768).unwrap();
        let (ciphertext, _) = hybrid.encapsulation_key().unwrap().encapsulate().unwrap();
        Self {
            ciphertext: ciphertext.as_ref().to_vec(),
            hybrid,
            peer: peer.compute_public_key().unwrap().as_ref().to_vec(),
            key: ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref()).unwrap(),
            signature: pair.sign(&random, &[7; 130]).unwrap().as_ref().to_vec(),
            echo,
        }
    }

    fn measure(&self, rounds: usize) -> FloorParts {
        let random = SystemRandom::new();
        let agree = per(rounds, || {
            let key = EphemeralPrivateKey::generate(&X25519, &random).unwrap();
            black_box(key.compute_public_key().unwrap());
            let peer = UnparsedPublicKey::new(&X25519, &self.peer);
            agree_ephemeral(key, peer, (), |secret| black_box(secret.len() == 32).then_some(()).ok_or(())).unwrap();
            let key = DecapsulationKey::generate(&ML_KEM_768).unwrap();
            black_box(key.encapsulation_key().unwrap().key_bytes().unwrap());
            // The server encapsulates to a key of ours; here to one that was made before.
            black_box(self.hybrid.decapsulate(self.ciphertext.as_slice().into()).unwrap());
        });
        let verify = per(rounds, || self.key.verify_sig(black_box(&[7; 130]), &self.signature).unwrap());
        let mut answer = vec![0; 8 * 1024];
        let tcp = per(rounds, || {
            let mut stream = TcpStream::connect(self.echo).unwrap();
            stream.write_all(&HELLO).unwrap();
            black_box(stream.read(&mut answer).unwrap());
            stream.write_all(&HELLO[..80]).unwrap();
        });
        FloorParts { agree, verify, tcp }
    }
}

fn per(rounds: usize, mut work: impl FnMut()) -> f64 {
    let begun = cpu();
    for _ in 0..rounds {
        work();
    }
    micros(begun, cpu()) / rounds as f64
}

fn name(number: usize) -> String {
    format!("host{number}.bench.test")
}

/// What the server says of itself when it is ready.
#[derive(Serialize, Deserialize)]
struct Greeting {
    tls: SocketAddr,
    echo: SocketAddr,
    root: Bytes,
    subordinate: Bytes,
    logs: Vec<OverlayLog>,
}

/// The server's process; it ends with its standard input.
struct Server {
    child: Child,
    greeting: Greeting,
}

impl Server {
    fn start(names: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([SERVER, &names.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let greeting = serde_json::from_str(&line).unwrap();
        Self { child, greeting }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn be_the_server() {
    let names = std::env::args().filter_map(|argument| argument.parse().ok()).next_back().unwrap_or(1_000);
    let now = unix_seconds();
    let root = Authority::root("Bench", "Bench Root", Validity::begun(1_000, now, 3_000)).unwrap();
    let validity = Validity::begun(100, now, 1_000);
    let subordinate = root.subordinate("Bench", "Bench CA", validity, Profile::Public).unwrap();
    let logs = ["Bench Log Operator A", "Bench Log Operator B"].map(|operator| Log::new(operator).unwrap());
    let site = |number| {
        let host = name(number);
        let leaf = subordinate.issue(&[&host], Validity { from: now - 10 * DAY, until: now + 80 * DAY }, &logs.each_ref()).unwrap();
        Site::new(&host, leaf.chain().to_vec(), leaf.key()).unwrap()
    };
    let sites: Vec<_> = (0..names).map(site).collect();
    let echo = TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        serve(listener, sites).unwrap()
    });
    let greeting = Greeting {
        tls: server.address(),
        echo: echo.local_addr().unwrap(),
        root: root.der().as_ref().into(),
        subordinate: subordinate.der().as_ref().into(),
        logs: logs.iter().map(|log| OverlayLog { operator: log.operator().to_owned(), spki: log.spki() }).collect(),
    };
    std::thread::spawn(move || answer_all(&echo));
    writeln!(io::stdout().lock(), "{}", serde_json::to_string(&greeting).unwrap()).unwrap();
    let _ = io::stdin().lock().read(&mut [0]);
}

/// The bare exchange of a handshake's sizes, without cryptography.
fn answer_all(listener: &TcpListener) {
    let mut buffer = [0; 4096];
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let exchanged = stream.read(&mut buffer).and_then(|_| stream.write_all(&FLIGHT));
        let _ = exchanged.and_then(|()| stream.read(&mut buffer));
    }
}

const SERVER: &str = "--be-the-server";
/// The size of a ClientHello.
const HELLO: [u8; 260] = [1; 260];
/// The size of a server's flight with a chain of two.
const FLIGHT: [u8; 1_700] = [2; 1_700];
