//! Real products that intercept TLS, each set up as an operator would, with a CA that we hand it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use mintwatch::demo::pki::Authority;

use super::net::{INTERCEPTOR_PORT, Net, Place};
use super::setup::Setup;
use super::tool::{self, Background};

/// A product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    Mitmproxy,
    Squid,
    Sslsplit,
    Haproxy,
    TrafficServer,
    Mockttp,
    ProxyPy,
    HttpMitmProxy,
    Hudsucker,
}

/// How clients come to a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// Their connections are turned to it, and they know nothing of it.
    Turned,
    /// They were told of it, and ask it for a way by HTTP CONNECT.
    Asked,
}

impl Product {
    pub const ALL: [Self; 9] = [
        Self::Mitmproxy,
        Self::Squid,
        Self::Sslsplit,
        Self::Haproxy,
        Self::TrafficServer,
        Self::Mockttp,
        Self::ProxyPy,
        Self::HttpMitmProxy,
        Self::Hudsucker,
    ];

    /// Starts the product on the gateway with `signer` as its CA; `folder` is its own.
    pub fn start(self, net: &Net, signer: &Signer, hosts: &Path, folder: &Path) -> Background {
        fs::create_dir_all(folder).unwrap();
        tool::wait("another interceptor is gone", || !net.listens(Place::Gateway, INTERCEPTOR_PORT));
        let setup = Setup { net, signer, hosts, folder };
        let mut command = match self {
            Self::Mitmproxy => setup.mitmproxy(),
            Self::Squid => setup.squid(),
            Self::Sslsplit => setup.sslsplit(),
            Self::Haproxy => setup.haproxy(),
            Self::TrafficServer => setup.trafficserver(),
            Self::Mockttp => setup.mockttp(),
            Self::ProxyPy => setup.proxy_py(),
            Self::HttpMitmProxy => setup.http_mitm_proxy(),
            Self::Hudsucker => setup.hudsucker(),
        };
        let mut product = Background::start(&self.to_string(), &mut command, &folder.join("words"));
        if self == Self::Squid {
            product.leaves_memory(format!("{}-", super::setup::service()));
        }
        product.until("it listens", || net.listens(Place::Gateway, INTERCEPTOR_PORT));
        product
    }

    pub fn road(self) -> Road {
        match self {
            Self::ProxyPy | Self::HttpMitmProxy | Self::Hudsucker => Road::Asked,
            _ => Road::Turned,
        }
    }

    /// Whether it sends the leaf without the CA's certificate, also where no client has that.
    ///
    /// Nobody can follow such a chain to a public root, neither a browser nor we.
    pub fn sends_leaf_alone(self) -> bool {
        matches!(self, Self::TrafficServer | Self::ProxyPy | Self::HttpMitmProxy | Self::Hudsucker)
    }

    /// Returns the certificate of the root that the product has made for itself, where it takes no other CA.
    ///
    /// http-mitm-proxy writes its CA's own issuer where the CA's name belongs: no chain below an intermediate would hold.
    pub fn own_root(self, folder: &Path) -> Option<String> {
        (self == Self::HttpMitmProxy).then(|| fs::read_to_string(folder.join("ca/certs/ca.pem")).unwrap())
    }

    /// Returns the installed version, as the product tells it.
    pub fn version(self) -> String {
        let said = match self {
            Self::Mitmproxy => tool::says(&tool::mitmdump(), "--version"),
            Self::Squid => tool::says(&tool::find("squid", "squid-openssl"), "-v"),
            Self::Sslsplit => tool::says(&tool::find("sslsplit", "sslsplit"), "-V"),
            Self::Haproxy => tool::says(&tool::find("haproxy", "haproxy"), "-v"),
            Self::TrafficServer => tool::says(&tool::find("traffic_server", "trafficserver"), "--version"),
            Self::ProxyPy => tool::says(&tool::find("proxy", "proxy.py, from PyPI"), "--version"),
            Self::Hudsucker => {
                let locked = include_str!("hudsucker/Cargo.lock").split("name = \"hudsucker\"").nth(1);
                locked.and_then(|entry| entry.lines().nth(1)).unwrap().to_owned()
            }
            Self::Mockttp | Self::HttpMitmProxy => fs::read_to_string(tool::node_module(&self.to_string()).join("package.json"))
                .map(|text| text.lines().find(|line| line.contains("\"version\"")).unwrap_or_default().to_owned())
                .unwrap(),
        };
        let number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.');
        let mut words = said.split(|between: char| !(between.is_ascii_alphanumeric() || ".+-~".contains(between)));
        words.find(number).unwrap_or_else(|| panic!("{self} does not tell its version: {said}")).to_owned()
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mitmproxy => "mitmproxy",
            Self::Squid => "squid",
            Self::Sslsplit => "sslsplit",
            Self::Haproxy => "haproxy",
            Self::TrafficServer => "trafficserver",
            Self::Mockttp => "mockttp",
            Self::ProxyPy => "proxy.py",
            Self::HttpMitmProxy => "http-mitm-proxy",
            Self::Hudsucker => "hudsucker",
        })
    }
}

/// A CA in files, as products want it.
pub struct Signer {
    /// The CA's own certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The certificate and the key in one file.
    pub both: PathBuf,
    /// The roots that the product verifies origins by.
    pub upstream: PathBuf,
}

impl Signer {
    /// Writes a CA into a folder.
    pub fn write(authority: &Authority, upstream: &str, folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = (authority.pem(), authority.key_pem());
        Self {
            certificate: file("ca.pem", &certificate),
            key: file("ca.key", &key),
            both: file("ca-and-key.pem", &format!("{certificate}{key}")),
            upstream: file("upstream.pem", upstream),
        }
    }
}
