//! The laboratory as it stands: network, origins, what the observer is told, and one check after another.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mintwatch::commands::locate::LocationDocument;
use mintwatch::demo::origin;
use mintwatch::demo::pki::Authority;
use mintwatch::demo::world::{Resident, World};
use mintwatch_validator::evidence::Host;
use mintwatch_validator::tables::{Overlay, OverlayPin, Tables};
use mintwatch_validator::{Certificate, Report};
use rustls::RootCertStore;

use super::interceptor::{Product, Signer};
use super::net::{self, GATEWAY, INTERCEPTOR_PORT, Inside, Net, Place};
use super::servers::{self, Servers};
use super::tool::Background;

/// The laboratory; all that runs in it ends when it is dropped.
pub struct Lab {
    pub net: Net,
    pub world: World,
    folder: tempfile::TempDir,
    program: PathBuf,
    hosts: Vec<(&'static str, (Ipv4Addr, Ipv6Addr))>,
    _origins: Inside,
}

/// What one check asks, and how.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// What the run is called.
    pub name: &'a str,
    pub hosts: &'a [&'a str],
    /// Whether each host has an IPv4 address, an IPv6 address, or both; the first one is tried first.
    pub families: &'a [Family],
    /// Whether the gateway is asked for the way.
    pub by_proxy: bool,
    /// What an operator has added to the trust store of the machine that looks, in PEM.
    pub added: &'a str,
}

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// What came of a check.
pub struct Seen {
    pub report: Report,
    pub status: Option<i32>,
    /// Whether `mintwatch judge` says the same of the evidence that was kept.
    pub same_offline: bool,
    pub took: Duration,
    pub evidence: PathBuf,
}

impl Lab {
    /// Builds it for some hosts, each with its class; `program` is the one under test.
    pub fn build(program: PathBuf, hosts: &[(&'static str, &'static str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let residents: Vec<Resident> = hosts.iter().map(|&(host, class)| Resident { host, operator: operator_of(host), class }).collect();
        let world = World::new(&residents, now).unwrap();
        let net = Net::new();
        let origins = origins(&net, &world);
        let hosts: Vec<_> = hosts.iter().zip(10..).map(|((host, _), number)| (*host, net::addresses(number))).collect();
        let known = hosts.iter().map(|(host, (four, _))| format!("{four} {host}\n"));
        fs::write(folder.path().join("hosts"), format!("127.0.0.1 localhost\n{}", known.collect::<String>())).unwrap();
        fs::write(folder.path().join("overlay.json"), serde_json::to_vec(&overlay(&world, LABEL)).unwrap()).unwrap();
        Self { net, world, folder, program, hosts, _origins: origins }
    }

    /// Starts a product with the key of `authority`; its folder is returned too.
    pub fn start(&self, product: Product, authority: &Authority, run: &str) -> (Background, PathBuf) {
        let folder = self.folder.path().join(run);
        let signer = Signer::write(authority, &self.public_roots(), &folder.join("signer"));
        let product_folder = folder.join("run");
        (product.start(&self.net, &signer, &self.folder.path().join("hosts"), &product_folder), product_folder)
    }

    /// Returns the roots that this world trusts, in PEM.
    pub fn public_roots(&self) -> String {
        self.world.roots().map(Authority::pem).concat()
    }

    /// Returns the same for verifying by.
    pub fn root_store(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        for root in self.world.roots() {
            roots.add(root.der().clone()).unwrap();
        }
        roots
    }

    /// Returns where each host answers.
    pub fn origins(&self) -> HashMap<String, SocketAddr> {
        self.hosts.iter().map(|(host, (four, _))| ((*host).to_owned(), SocketAddr::new((*four).into(), 443))).collect()
    }

    /// Returns the tables that the observer is given.
    pub fn overlay(&self) -> PathBuf {
        self.folder.path().join("overlay.json")
    }

    /// Runs `mintwatch check` in the client's namespace, then `mintwatch judge` on what it saved.
    pub fn check(&self, ask: &Ask<'_>) -> Seen {
        let evidence = self.folder.path().join(format!("{}.evidence.json", ask.name));
        let mut check = self.command(ask.name, ask.added, "check");
        check.args(ask.hosts);
        if ask.by_proxy {
            check.arg("--proxy").arg(format!("http://{GATEWAY}:{INTERCEPTOR_PORT}"));
        } else {
            check.args(["--proxy", "none"]).args(self.stated(ask));
        }
        check.arg("--save-evidence").arg(&evidence);
        let begun = Instant::now();
        let checked = check.output().unwrap();
        let took = begun.elapsed();
        let mut judge = Command::new(&self.program);
        judge.arg("judge").arg(&evidence).arg("--json").arg("--lab-tables").arg(self.overlay());
        let judged = judge.output().unwrap();
        Seen {
            report: report_of(&checked),
            status: checked.status.code(),
            same_offline: judged.stdout == checked.stdout && judged.status == checked.status,
            took,
            evidence,
        }
    }

    /// Returns a command that will run Mintwatch in the client's namespace: with a trust store of its own, to which an operator
    /// may have added something in PEM, and the tables of this world.
    pub fn command(&self, name: &str, added: &str, verb: &str) -> Command {
        let anchors = self.folder.path().join(format!("{name}.anchors"));
        fs::write(&anchors, format!("{}{added}", self.public_roots())).unwrap();
        let mut command = self.net.command(Place::Client, &self.program);
        // What this machine sets and trusts is no part of the laboratory.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        command.env("SSL_CERT_FILE", anchors).arg(verb).args(["--yes", "--no-ground-truth", "--json", "--lab-tables"]).arg(self.overlay());
        command
    }

    /// Runs `mintwatch locate` for a host at its IPv4 address.
    pub fn locate(&self, name: &str, host: &str, added: &str) -> LocationDocument {
        let mut locate = self.command(name, added, "locate");
        locate.args([host, "--max-hops", "4", "--proxy", "none", "--resolve", &format!("{host}:443:{}", self.address(host))]);
        let located = locate.output().unwrap();
        let words = || String::from_utf8_lossy(&located.stderr).into_owned();
        serde_json::from_slice(&located.stdout).unwrap_or_else(|error| panic!("{name}: {error}: {}", words()))
    }

    /// Starts servers of other protocols, all with the certificate of `host`.
    pub fn serve_protocols(&self, host: &str) -> Servers {
        let (_, leaf) = self.world.leaves().find(|(name, _)| *name == host).unwrap();
        Servers::start(&self.net, host, leaf, &self.folder.path().join("servers"))
    }

    /// Starts a SOCKS proxy on the gateway, which lets in whoever knows the password.
    pub fn serve_socks(&self, user: &str, password: &str) -> Background {
        servers::socks(&self.net, &self.folder.path().join("hosts"), (user, password), &self.folder.path().join("socks"))
    }

    /// Returns the IPv4 address of a host.
    pub fn address(&self, host: &str) -> Ipv4Addr {
        self.hosts.iter().find(|(name, _)| *name == host).map(|(_, (four, _))| *four).unwrap()
    }

    /// Says where the hosts are, in place of a resolver.
    fn stated(&self, ask: &Ask<'_>) -> Vec<String> {
        let asked = self.hosts.iter().filter(|(host, _)| ask.hosts.contains(host));
        let stated = asked.flat_map(|(host, (four, six))| {
            ask.families.iter().flat_map(move |family| {
                let address = match family {
                    Family::V4 => four.to_string(),
                    Family::V6 => format!("[{six}]"),
                };
                ["--resolve".to_owned(), format!("{host}:443:{address}")]
            })
        });
        stated.collect()
    }
}

/// Reads the report that a run has printed; fails with what it said beside.
pub fn report_of(output: &Output) -> Report {
    let words = || String::from_utf8_lossy(&output.stderr).into_owned();
    Report::from_json(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", words()))
}

/// Starts the origins, over TCP and inside QUIC, at every address of the internet.
fn origins(net: &Net, world: &World) -> Inside {
    let (over_tcp, inside_quic) = (world.sites().unwrap(), world.sites().unwrap());
    net.serve(Place::Internet, move || {
        let everywhere = (Ipv6Addr::UNSPECIFIED, 443);
        let listener = TcpListener::bind(everywhere)?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(vec![origin::serve(listener, over_tcp)?, origin::serve_quic(UdpSocket::bind(everywhere)?, inside_quic)?])
    })
}

/// What the observer's tables hold: the lab's world. Where browsers pin a host, the lab's own pin stands for theirs.
pub fn overlay(world: &World, label: &str) -> Overlay {
    let mut overlay = world.overlay(label).unwrap();
    for (known, (_, leaf)) in overlay.pool.iter().zip(world.leaves()) {
        if is_pinned(known.host.as_str()) {
            let issuer = leaf.chain().get(1).unwrap();
            let spkis = vec![Certificate::read(issuer).unwrap().spki_sha256];
            overlay.pins.push(OverlayPin { host: known.host.clone(), include_subdomains: false, spkis });
        }
    }
    overlay
}

/// Whether browsers pin a host, by the tables that ship.
pub fn is_pinned(host: &str) -> bool {
    Tables::compiled().pins(&Host::parse(host).unwrap()).is_some()
}

/// Who runs a host, by the tables that ship.
fn operator_of(host: &'static str) -> &'static str {
    let tables = Tables::compiled();
    let operator = tables.operator(&Host::parse(host).unwrap()).map(str::to_owned);
    operator.unwrap_or_else(|| panic!("the compiled tables do not know who runs {host}")).leak()
}

/// Whether a folder is wanted for what runs leave behind, and which: that is how `tests/interceptions` is made.
pub fn kept() -> Option<PathBuf> {
    std::env::var_os(KEPT).map(|folder| Path::new(&folder).to_owned())
}

/// What every output calls the tables of the laboratory.
const LABEL: &str = "TEST lab of real interceptors";
const KEPT: &str = "MINTWATCH_LAB_KEEP";
