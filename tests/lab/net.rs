//! Three network namespaces in a row, held by processes of ours: no names in /run, nothing to clean up.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mintwatch::demo::origin::Server;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::oneshot;

use super::tool;

/// A namespace of the laboratory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Where Mintwatch runs.
    Client,
    /// Where the interceptor runs.
    Gateway,
    /// Where the origins are.
    Internet,
}

/// The port that interceptors listen on.
pub const INTERCEPTOR_PORT: u16 = 8443;
/// The gateway as clients know it.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// What the gateway does with what clients say to port 443; what is not named passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roads {
    /// TCP over IPv4 goes to the interceptor.
    pub ipv4: bool,
    /// TCP over IPv6 goes to the interceptor.
    pub ipv6: bool,
    /// UDP is dropped, so that browsers give QUIC up and come by TCP.
    pub no_quic: bool,
}

/// The two addresses of the host with this number.
pub fn addresses(number: u8) -> (Ipv4Addr, Ipv6Addr) {
    let (four, six) = (Ipv4Addr::new(203, 0, 113, number), Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, number.into()));
    (four, six)
}

/// A process that does nothing but keep a namespace; it ends when its standard input does, so also when
/// we are killed.
struct Holder(Child);

impl Holder {
    fn new() -> Self {
        let mut command = Command::new(tool::find("unshare", "util-linux"));
        let child = command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let holder = Self(child);
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let begun = Instant::now();
        while fs::read_link(holder.namespace()).is_ok_and(|namespace| namespace == own) {
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "cannot make a network namespace\nhint: run as root, or inside `unshare -Urn`"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        holder
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// The three namespaces, joined.
pub struct Net {
    client: Holder,
    gateway: Holder,
    internet: Holder,
}

impl Net {
    /// Makes the namespaces, the wires and the routes; fails with a hint without the right to.
    pub fn new() -> Self {
        let net = Self { client: Holder::new(), gateway: Holder::new(), internet: Holder::new() };
        let (client, gateway, internet) = (net.client.pid(), net.gateway.pid(), net.internet.pid());
        let wire = |from: (&str, &str), to: (&str, &str)| {
            let mut ip = Command::new(tool::find("ip", "iproute2"));
            tool::run(ip.args(["link", "add", from.0, "netns", from.1, "type", "veth", "peer", "name", to.0, "netns", to.1]));
        };
        wire(("c0", &client), ("g0", &gateway));
        wire(("g1", &gateway), ("i0", &internet));
        net.up(Place::Client, &[("c0", "192.0.2.2/24", "2001:db8:c::2/64")]);
        net.up(Place::Gateway, &[("g0", "192.0.2.1/24", "2001:db8:c::1/64"), ("g1", "198.51.100.1/24", "2001:db8:1::1/64")]);
        net.up(Place::Internet, &[("i0", "198.51.100.2/24", "2001:db8:1::2/64")]);
        net.ip(Place::Client, "route add default via 192.0.2.1");
        net.ip(Place::Client, "-6 route add default via 2001:db8:c::1");
        net.ip(Place::Gateway, "route add 203.0.113.0/24 via 198.51.100.2");
        net.ip(Place::Gateway, "-6 route add 2001:db8:f::/64 via 2001:db8:1::2");
        net.ip(Place::Internet, "route add default via 198.51.100.1");
        net.ip(Place::Internet, "-6 route add default via 2001:db8:1::1");
        // The whole documentation block is the internet's own, so that every address of it answers.
        net.ip(Place::Internet, "route add local 203.0.113.0/24 dev lo");
        net.ip(Place::Internet, "-6 route add local 2001:db8:f::/64 dev lo");
        // … also as where an answer over UDP comes from.
        net.turn_on(Place::Internet, "ipv6/ip_nonlocal_bind");
        net.turn_on(Place::Gateway, "ipv4/ip_forward");
        net.turn_on(Place::Gateway, "ipv6/conf/all/forwarding");
        net
    }

    fn up(&self, place: Place, links: &[(&str, &str, &str)]) {
        self.ip(place, "link set lo up");
        for (link, four, six) in links {
            self.ip(place, &format!("address add {four} dev {link}"));
            // Nobody else can have the address: it need not be looked for first.
            self.ip(place, &format!("-6 address add {six} dev {link} nodad"));
            self.ip(place, &format!("link set {link} up"));
        }
    }

    /// Turns a switch of the kernel's on, for one namespace.
    fn turn_on(&self, place: Place, switch: &str) {
        tool::run(self.command(place, "sh").arg("-c").arg(format!("echo 1 > /proc/sys/net/{switch}")));
    }

    fn ip(&self, place: Place, words: &str) {
        let ip = tool::find("ip", "iproute2");
        tool::run(self.command(place, ip).args(words.split(' ')));
    }

    /// Returns a command that will run in a namespace, and be killed when the thread that starts it ends.
    pub fn command(&self, place: Place, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.enter(place);
        command.arg(tool::find("setpriv", "util-linux")).args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Returns a command for a product on the gateway, which knows hosts by `hosts` as a resolver there would.
    ///
    /// It has no privilege over the namespace: products that find themselves root would change to a user that a
    /// namespace of ours may not know. Files that we own are theirs.
    pub fn product(&self, program: impl AsRef<std::ffi::OsStr>, hosts: &Path) -> Command {
        let mut command = self.enter(Place::Gateway);
        command.arg(tool::find("unshare", "util-linux")).args(["--mount", "--", "sh", "-c"]);
        command.arg("mount --bind \"$0\" /etc/hosts && exec \"$@\"").arg(hosts);
        unprivileged(&mut command, "1000").arg(program);
        command
    }

    /// Returns a command for a server on the internet. It is nobody, as some servers want to know their user by name, and the
    /// memory that it shares is gone with it.
    pub fn server(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.enter(Place::Internet);
        unprivileged(&mut command, NOBODY).arg(program);
        command
    }

    fn enter(&self, place: Place) -> Command {
        let mut command = Command::new(tool::find("nsenter", "util-linux"));
        command.arg(format!("--net={}", self.holder(place).namespace())).arg("--");
        command
    }

    fn holder(&self, place: Place) -> &Holder {
        match place {
            Place::Client => &self.client,
            Place::Gateway => &self.gateway,
            Place::Internet => &self.internet,
        }
    }

    /// Runs servers of ours in a namespace, on a thread that lives there; they listen when this returns.
    pub fn serve(&self, place: Place, start: impl FnOnce() -> io::Result<Vec<Server>> + Send + 'static) -> Inside {
        let namespace = fs::File::open(self.holder(place).namespace()).unwrap();
        let ((ready, is_ready), (stop, stopped)) = (oneshot::channel(), oneshot::channel());
        let live = move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                let _servers = start()?;
                let _waits = ready.send(());
                let _stopped = stopped.await;
                Ok(())
            })
        };
        let thread = std::thread::spawn(live);
        if is_ready.blocking_recv().is_ok() {
            return Inside { stop: Some(stop), thread: Some(thread) };
        }
        panic!("cannot serve in {place:?}: {:?}", thread.join())
    }

    /// Does with clients' connections what `roads` says, and nothing else.
    pub fn set(&self, roads: Roads) {
        let turned = |is: bool, family: &str| {
            let rule = format!("iifname \"g0\" tcp dport 443 redirect to :{INTERCEPTOR_PORT}");
            let chain = format!("table {family} lab {{ chain before {{ type nat hook prerouting priority dstnat; {rule}; }}; }}; ");
            if is { chain } else { String::new() }
        };
        let dropped = "table inet lab { chain through { type filter hook forward priority filter; udp dport 443 drop; }; }";
        let (four, six) = (turned(roads.ipv4, "ip"), turned(roads.ipv6, "ip6"));
        self.nft(&format!("flush ruleset; {four}{six}{}", if roads.no_quic { dropped } else { "" }));
    }

    fn nft(&self, rules: &str) {
        let nft = tool::find("nft", "nftables");
        tool::run(self.command(Place::Gateway, nft).arg(rules));
    }

    /// Whether something listens on a TCP port of a namespace. Looks and does not connect: some products
    /// take a connection without an address to forward to amiss.
    pub fn listens(&self, place: Place, port: u16) -> bool {
        let table = tool::run(self.command(place, "cat").args(["/proc/net/tcp", "/proc/net/tcp6"]));
        let port = format!(":{port:04X}");
        table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            fields.next().is_some_and(|local| local.ends_with(&port)) && fields.nth(1) == Some("0A")
        })
    }
}

/// Has what follows run as a user without privileges, and be killed when the thread that starts it ends.
fn unprivileged<'c>(command: &'c mut Command, user: &str) -> &'c mut Command {
    let (map_user, map_group) = (format!("--map-user={user}"), format!("--map-group={user}"));
    command.arg(tool::find("unshare", "util-linux")).args(["--user", "--ipc", &map_user, &map_group, "--"]);
    command.arg(tool::find("setpriv", "util-linux")).args(["--pdeathsig", "KILL", "--"])
}

/// The user `nobody` and the group `nogroup` of Debian.
const NOBODY: &str = "65534";

impl Default for Net {
    fn default() -> Self {
        Self::new()
    }
}

/// Servers of ours inside a namespace; they end when this is dropped.
pub struct Inside {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}
