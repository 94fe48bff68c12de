//! What reading a capture costs for each packet, in CPU time, beside what no reader can do without, in one run.
//!
//! `cargo bench -p mintwatch --bench import [-- --quick]`. The capture is made here: handshakes of TLS 1.2 and 1.3, each
//! with a download after it. The floor is going through its frames and doing nothing. The peer is tshark, looking for
//! certificates (`-Y tls.handshake.type==11`), where it is on the path or named by `TSHARK`; of it only the ratio is
//! printed, for it does far more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a measurement")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::hint::black_box;
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Instant;

use mintwatch::import::{Import, Imported, Wanted};
use rustls::version::{TLS12, TLS13};

#[path = "../tests/import/captures.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod captures;
mod measure;
use captures::{Shop, WAY, packets, pcap, segments};
use measure::{cpu, median, micros};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The most a packet may cost, in CPU microseconds: two million a second.
const BAR: f64 = 0.5;
/// How many packets of a download follow a handshake.
const DOWNLOAD: usize = 40;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test` runs benches too, without `--bench` and unoptimised: then nothing is held to the bar.
    let benching = arguments.iter().any(|argument| argument == "--bench");
    let quick = !benching || arguments.iter().any(|argument| argument == "--quick");
    let (connections, runs) = if quick { (200, 3) } else { (4_000, 11) };
    let capture = capture(connections);
    let mut measured = Vec::new();
    for run in 0..=runs {
        let parts = measure(&capture, connections);
        // The first run warms caches.
        if run > 0 {
            measured.push(parts);
        }
    }
    let whole = report(&measured);
    if benching {
        peer(&capture, whole * measured[0].packets / 1e6);
    }
    if whole <= BAR || !benching { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// CPU microseconds, each for one packet, and how many packets there are.
struct Parts {
    floor: f64,
    whole: f64,
    packets: f64,
}

fn measure(capture: &[u8], connections: usize) -> Parts {
    let begun = cpu();
    let frames = black_box(frames(capture)) as f64;
    let passed = cpu();
    let mut import = Import::new(Wanted::default());
    import.add(&Arc::from(Path::new("bench.pcap")), Box::new(Cursor::new(capture.to_vec()))).unwrap();
    let Imported { evidence, tally } = import.finish(0).unwrap();
    let done = cpu();
    assert_eq!((evidence.observations.len(), tally.bad), (connections, 0));
    assert_eq!(evidence.observations.iter().filter(|seen| seen.chain.yes().is_some()).count(), connections.div_ceil(2));
    let packets = tally.records as f64;
    assert!((frames - packets).abs() < 0.5);
    Parts { floor: micros(begun, passed) / packets, whole: micros(passed, done) / packets, packets }
}

/// Goes through the frames and looks at none.
fn frames(capture: &[u8]) -> usize {
    let (mut rest, mut count) = (&capture[24..], 0);
    while let Ok((after, frame)) = pcap_parser::parse_pcap_frame(rest) {
        black_box(frame.data);
        (rest, count) = (after, count + 1);
    }
    count
}

/// Prints the medians; returns what a packet costs.
fn report(measured: &[Parts]) -> f64 {
    let of = |part: &dyn Fn(&Parts) -> f64| median(measured.iter().map(part).collect());
    let whole = of(&|parts| parts.whole);
    let mut out = io::stdout().lock();
    writeln!(out, "CPU time a packet, median of {} runs over {} packets, in µs", measured.len(), measured[0].packets).unwrap();
    writeln!(out, "  {:<56} {:>9.3}", "floor: frames alone", of(&|parts| parts.floor)).unwrap();
    writeln!(out, "  {:<56} {whole:>9.3}", "whole: frames, segments, order, messages, evidence").unwrap();
    writeln!(out, "{:.0} packets/s on one core (bar: {BAR} µs, 2,000,000/s)", 1e6 / whole).unwrap();
    whole
}

/// Prints how many times as long tshark takes, loading included.
fn peer(capture: &[u8], own_seconds: f64) {
    let tshark = std::env::var("TSHARK").unwrap_or_else(|_| "tshark".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.pcap");
    std::fs::write(&file, capture).unwrap();
    let mut command = Command::new(tshark);
    command.args(["-Y", "tls.handshake.type==11", "-T", "fields", "-e", "tls.handshake.certificate", "-r"]).arg(&file);
    let begun = Instant::now();
    let run = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let seconds = begun.elapsed().as_secs_f64();
    let mut out = io::stdout().lock();
    match run {
        Ok(status) if status.success() => writeln!(out, "tshark takes {:.0} times as long", seconds / own_seconds).unwrap(),
        _ => writeln!(out, "tshark: not measured: it is not on the path").unwrap(),
    }
}

/// Connections one after the other, each of another client.
fn capture(connections: usize) -> Vec<u8> {
    let shop = Shop::new();
    let talks = [shop.talk(&TLS12), shop.talk(&TLS13)].map(|mut talk| {
        talk.push((false, [&[23, 3, 3, 0x40, 0][..], &vec![0; 1_440 * DOWNLOAD]].concat()));
        packets(&segments(&talk, 1_440), WAY)
    });
    let mut all = Vec::new();
    for number in 0..connections {
        for (at, packet) in &talks[number % 2] {
            let mut packet = packet.clone();
            let by_client = packet[26] == 10;
            // The client's address is the source of what it sends, and the destination of what it is sent.
            let place = if by_client { 27 } else { 31 };
            packet[place..place + 3].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
            all.push((*at + number as u64, packet));
        }
    }
    pcap(&all, 1, 65_535)
}
