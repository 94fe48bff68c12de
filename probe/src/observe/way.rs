//! How one handshake is made, where more than the target decides.

use std::net::{IpAddr, SocketAddr};

use super::offer::Hello;

/// How one handshake is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Way {
    /// Which hello is sent.
    pub hello: Hello,
    /// Which of the host's addresses are tried.
    pub road: Road,
    /// The hop limit of every packet sent once the connection stands; the system's own when there is none.
    pub hop_limit: Option<u8>,
}

/// Which of a host's addresses are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Road {
    /// The resolver's, in its order.
    #[default]
    Usual,
    /// Those of the version of IP that the usual road does not begin with.
    OtherFamily,
    /// This one, whatever the resolver says.
    To(IpAddr),
}

impl Way {
    /// Returns the addresses to try, of those that the resolver gave; none where this road does not exist.
    pub(super) fn choose(&self, addresses: &[SocketAddr], port: u16) -> Option<Vec<SocketAddr>> {
        match self.road {
            Road::Usual => Some(addresses.to_vec()),
            Road::To(address) => Some(vec![SocketAddr::new(address, port)]),
            Road::OtherFamily => {
                let usual = addresses.first()?.is_ipv6();
                let others: Vec<_> = addresses.iter().copied().filter(|address| address.is_ipv6() != usual).collect();
                (!others.is_empty()).then_some(others)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_other_family_is_a_road_only_where_there_is_one() {
        let four: SocketAddr = "192.0.2.1:443".parse().unwrap();
        let six: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
        let other = Way { road: Road::OtherFamily, ..Way::default() };
        assert_eq!(other.choose(&[six, four], 443), Some(vec![four]));
        assert_eq!(other.choose(&[four], 443), None);
        assert_eq!(Way::default().choose(&[six, four], 443), Some(vec![six, four]));
        let stated = Way { road: Road::To("192.0.2.9".parse().unwrap()), ..Way::default() };
        assert_eq!(stated.choose(&[six], 8443), Some(vec!["192.0.2.9:8443".parse().unwrap()]));
    }
}
