//! From a host to addresses: the system's resolver, the name servers themselves, or a fixed answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_resolver::TokioResolver;
use mintwatch_validator::evidence::{DnsAnswer, Host, Target};

/// Where addresses come from.
#[derive(Debug, Clone)]
pub struct Resolver {
    stated: HashMap<(Host, u16), Vec<SocketAddr>>,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    System,
    NameServers(Arc<TokioResolver>),
    StatedOnly,
    AsSystem,
}

/// What a resolver answered for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The addresses, in the order they will be tried, families alternating.
    pub addresses: Vec<SocketAddr>,
    /// The answer for the evidence; none where the host is an address itself.
    pub dns: Option<DnsAnswer>,
}

/// Why name servers cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the system's list of name servers: {0}")]
pub struct NoNameServers(String);

impl Resolver {
    /// Returns the system's own resolver (`getaddrinfo`), as every other program here uses it.
    pub fn system() -> Self {
        Self { stated: HashMap::new(), source: Source::System }
    }

    /// Returns a resolver that asks the system's name servers itself: no hosts file, no cache of the
    /// system's in between.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`NoNameServers`] when the system's list of them cannot be read.
    pub fn name_servers() -> Result<Self, NoNameServers> {
        let unreadable = |error: &dyn std::fmt::Display| NoNameServers(error.to_string());
        let mut builder = TokioResolver::builder_tokio().map_err(|error| unreadable(&error))?;
        builder.options_mut().use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
        let resolver = builder.build().map_err(|error| unreadable(&error))?;
        Ok(Self { stated: HashMap::new(), source: Source::NameServers(Arc::new(resolver)) })
    }

    /// Returns a resolver that knows only what [`Resolver::state`] tells it.
    pub fn stated_only() -> Self {
        Self { stated: HashMap::new(), source: Source::StatedOnly }
    }

    /// Returns a resolver that stands in for this network's: what it is told, it answers as the system's.
    pub fn answering_as_system(answers: impl IntoIterator<Item = ((Host, u16), SocketAddr)>) -> Self {
        let mut resolver = Self { stated: HashMap::new(), source: Source::AsSystem };
        for ((host, port), address) in answers {
            resolver.state(host, port, address);
        }
        resolver
    }

    /// Adds a fixed answer for one host and port, which then asks nobody.
    pub fn state(&mut self, host: Host, port: u16, address: SocketAddr) {
        self.stated.entry((host, port)).or_default().push(address);
    }

    /// Says whether a fixed answer was given for a target.
    pub(super) fn states(&self, target: &Target) -> bool {
        self.stated.contains_key(&(target.host.clone(), target.port))
    }

    /// Says whether names are resolved by this network at all.
    pub(super) fn is_of_this_network(&self) -> bool {
        matches!(self.source, Source::System | Source::NameServers(_))
    }

    /// Returns the addresses of a target.
    ///
    /// # Errors
    /// What the resolver said, for people.
    pub async fn resolve(&self, target: &Target) -> Result<Answer, String> {
        let key = (target.host.clone(), target.port);
        if let Some(addresses) = self.stated.get(&key) {
            let label = if matches!(self.source, Source::AsSystem) { "system" } else { "stated" };
            return Ok(answer(target, label, addresses.clone()));
        }
        if let Some(address) = target.host.address() {
            let addresses = vec![SocketAddr::new(address, target.port)];
            return Ok(Answer { addresses, dns: None });
        }
        let host = target.host.as_str();
        match &self.source {
            Source::System => {
                let found = tokio::net::lookup_host((host, target.port)).await;
                let addresses = found.map_err(|error| error.to_string())?.collect();
                Ok(answer(target, "system", addresses))
            }
            Source::NameServers(resolver) => {
                // The final dot keeps search domains out of it.
                let found = resolver.lookup_ip(format!("{host}.")).await;
                let found = found.map_err(|error| error.to_string())?;
                let addresses = found.iter().map(|ip| SocketAddr::new(ip, target.port)).collect();
                Ok(answer(target, "name-servers", addresses))
            }
            Source::StatedOnly | Source::AsSystem => Err("no address was stated for it".to_owned()),
        }
    }
}

fn answer(target: &Target, resolver: &str, addresses: Vec<SocketAddr>) -> Answer {
    let dns = DnsAnswer::of(target.host.clone(), resolver, addresses.iter().map(SocketAddr::ip));
    Answer { addresses: alternate_families(addresses), dns: Some(dns) }
}

/// Puts IPv6 and IPv4 in turns, the resolver's favourite first (RFC 8305 §4).
fn alternate_families(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let favourite = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == favourite);
    let mut first = first.into_iter();
    let mut second = second.into_iter();
    let mut in_turns = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair.iter().all(Option::is_none) {
            return in_turns;
        }
        in_turns.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use mintwatch_validator::evidence::Seen;

    fn target(host: &str) -> Target {
        let host = Host::parse(host).unwrap();
        Target { server_name: Seen::Yes(host.clone()), ..Target::over_tcp(host, 443) }
    }

    #[test]
    fn families_take_turns_and_the_favourite_leads() {
        let six: SocketAddr = "[::1]:443".parse().unwrap();
        let four: SocketAddr = "127.0.0.1:443".parse().unwrap();
        assert_eq!(alternate_families(vec![six, six, four]), [six, four, six]);
        assert_eq!(alternate_families(vec![four, six]), [four, six]);
    }

    #[tokio::test]
    async fn a_stated_address_is_used_and_said_to_be_stated() {
        let mut resolver = Resolver::stated_only();
        let address = "127.0.0.1:8443".parse().unwrap();
        resolver.state(Host::parse("shop.test").unwrap(), 443, address);
        let answer = resolver.resolve(&target("shop.test")).await.unwrap();
        assert_eq!(answer.addresses, [address]);
        assert_eq!(answer.dns.unwrap().resolver, "stated");
        assert!(resolver.resolve(&target("other.test")).await.is_err());
    }

    #[tokio::test]
    async fn an_address_needs_no_resolver() {
        let answer = Resolver::stated_only().resolve(&target("192.0.2.7")).await.unwrap();
        assert_eq!(answer.addresses, ["192.0.2.7:443".parse().unwrap()]);
        assert_eq!(answer.dns, None);
    }
}
