//! Three network namespaces in a row, held by processes of ours: no names in /run, nothing to clean up.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::tool::{self, Background};

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
        net.up(Place::Client, &[("c0", "192.0.2.2/24")]);
        net.up(Place::Gateway, &[("g0", "192.0.2.1/24"), ("g1", "198.51.100.1/24")]);
        net.up(Place::Internet, &[("i0", "198.51.100.2/24")]);
        net.ip(Place::Client, "route add default via 192.0.2.1");
        net.ip(Place::Gateway, "route add 203.0.113.0/24 via 198.51.100.2");
        net.ip(Place::Internet, "route add default via 198.51.100.1");
        // The whole documentation block is the internet's own, so that every address of it answers.
        net.ip(Place::Internet, "route add local 203.0.113.0/24 dev lo");
        tool::run(net.command(Place::Gateway, "sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]));
        net
    }

    fn up(&self, place: Place, links: &[(&str, &str)]) {
        self.ip(place, "link set lo up");
        for (link, address) in links {
            self.ip(place, &format!("address add {address} dev {link}"));
            self.ip(place, &format!("link set {link} up"));
        }
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

    /// The same without any privilege over the namespace: products that find themselves root would change
    /// to a user that a namespace of ours may not know. Files that we own are theirs.
    pub fn unprivileged(&self, place: Place, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.enter(place);
        command.arg(tool::find("unshare", "util-linux")).args(["--user", "--map-user=1000", "--map-group=1000", "--"]);
        command.arg(tool::find("setpriv", "util-linux")).args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    fn enter(&self, place: Place) -> Command {
        let holder = match place {
            Place::Client => &self.client,
            Place::Gateway => &self.gateway,
            Place::Internet => &self.internet,
        };
        let mut command = Command::new(tool::find("nsenter", "util-linux"));
        command.arg(format!("--net={}", holder.namespace())).arg("--");
        command
    }

    /// Sends what clients say to port 443 to the interceptor instead.
    pub fn redirect(&self) {
        let rule = format!("iifname \"g0\" tcp dport 443 redirect to :{INTERCEPTOR_PORT}");
        let rules = format!("table ip lab {{ chain before {{ type nat hook prerouting priority dstnat; {rule}; }}; }}");
        self.nft(&rules);
    }

    /// Lets everything pass again.
    pub fn pass(&self) {
        self.nft("flush ruleset");
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

impl Default for Net {
    fn default() -> Self {
        Self::new()
    }
}

/// The origins, each host at an address of its own.
pub struct Internet {
    /// Where each host is.
    pub addresses: BTreeMap<String, Ipv4Addr>,
    _server: Background,
}

impl Internet {
    /// Starts the origins in their namespace: `program` serves what `sites` describes.
    pub fn start(net: &Net, program: &Path, sites: &Path, hosts: &[&str], log: &Path) -> Self {
        let mut server = Background::start("the origins", net.command(Place::Internet, program).arg(sites), log);
        server.until("it listens", || net.listens(Place::Internet, 443));
        let address = |index: u8| Ipv4Addr::new(203, 0, 113, index);
        let addresses = hosts.iter().zip(10..).map(|(host, index)| ((*host).to_owned(), address(index)));
        Self { addresses: addresses.collect(), _server: server }
    }
}
