//! How much memory handshakes take that peers keep open: in a process of their own, by `/proc`.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use mintwatch::observe::{Hello, Plan, Resolver, run};
use mintwatch_validator::evidence::{Host, Seen};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a peer does that keeps a handshake open.
#[derive(Clone, Copy)]
enum Peer {
    /// Takes the hello, and says nothing.
    Silent,
    /// Sends its whole flight but for the end.
    Stalling(SocketAddr),
}

/// Resident memory, in KiB, of processes that have so many handshakes open.
pub(crate) struct Held {
    pub(crate) count: usize,
    /// With the hello without a post-quantum key, and a peer that is silent.
    pub(crate) classic: u64,
    /// With the usual hello, and a peer that is silent.
    pub(crate) silent: u64,
    /// With the usual hello, and a peer that stalls.
    pub(crate) stalling: u64,
}

impl Held {
    /// Measures it for each count; nothing where the system does not tell.
    pub(crate) fn measure(server: SocketAddr, counts: &[usize]) -> Vec<Self> {
        let of = |count| {
            let classic = resident(count, Hello::Classic, Peer::Silent)?;
            let silent = resident(count, Hello::Usual, Peer::Silent)?;
            let stalling = resident(count, Hello::Usual, Peer::Stalling(server))?;
            Some(Self { count, classic, silent, stalling })
        };
        counts.iter().filter_map(|&count| of(count)).collect()
    }
}

fn resident(count: usize, hello: Hello, peer: Peer) -> Option<u64> {
    // A process may often have 1,024 files open, and could have more.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let prober = Prober::start(count, hello, listener.local_addr().unwrap());
    let held: Vec<TcpStream> = (0..count).map(|_| hold(&listener, peer)).collect();
    if matches!(peer, Peer::Stalling(_)) {
        // What was sent last is still to be read.
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let resident = prober.resident();
    drop(held);
    resident
}

fn hold(listener: &TcpListener, peer: Peer) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut hello = [0; 4096];
    let length = stream.read(&mut hello).unwrap();
    if let Peer::Stalling(server) = peer {
        let mut server = TcpStream::connect(server).unwrap();
        server.write_all(&hello[..length]).unwrap();
        let mut flight = [0; 8192];
        let length = server.read(&mut flight).unwrap();
        assert!(length > 1_000, "a flight, not an alert: {length} bytes");
        stream.write_all(&flight[..length - WITHHELD]).unwrap();
    }
    stream
}

/// How much of a flight is kept back, in bytes: less than its last record, the Finished.
const WITHHELD: usize = 16;

/// The process that makes the handshakes; it is ended when it was looked at.
struct Prober(Child);

impl Prober {
    fn start(count: usize, hello: Hello, peer: SocketAddr) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let hello = if hello == Hello::Classic { CLASSIC } else { USUAL };
        command.args([PROBER, &count.to_string(), hello, &peer.to_string()]).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn resident(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes the handshakes, all at once, until somebody ends this process.
pub(crate) fn be_the_prober() {
    let mut arguments = std::env::args().skip_while(|argument| argument != PROBER).skip(1);
    let count: usize = arguments.next().unwrap().parse().unwrap();
    let hello = if arguments.next().unwrap() == CLASSIC { Hello::Classic } else { Hello::Usual };
    let peer: SocketAddr = arguments.next().unwrap().parse().unwrap();
    let hosts: Vec<Host> = (0..count).map(|number| Host::parse(&crate::name(number)).unwrap()).collect();
    let mut resolver = Resolver::stated_only();
    for host in &hosts {
        resolver.state(host.clone(), 443, peer);
    }
    let mut plan = Plan { concurrency: count, resolver, ..Plan::for_hosts(hosts.into_iter().map(|host| (host, 443))) };
    for planned in &mut plan.targets {
        planned.way.hello = hello;
        // A name that every server here has a certificate for.
        planned.target.server_name = Seen::Yes(Host::parse(&crate::name(0)).unwrap());
    }
    run(plan, &mut ()).unwrap();
}

const CLASSIC: &str = "classic";
const USUAL: &str = "usual";
/// The argument that makes this program the prober.
pub(crate) const PROBER: &str = "--be-the-prober";
