//! Which hosts an extension may have looked at: those of the public Internet, by their name or address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mintwatch_validator::evidence::Host;

/// Says whether a host is on the public Internet as far as its name or address tells.
///
/// A public name that leads to a private address passes: the browser went there too.
pub fn is_public(host: &Host) -> bool {
    match host.address() {
        Some(IpAddr::V4(address)) => is_public_v4(address),
        Some(IpAddr::V6(address)) => is_public_v6(address),
        None => is_public_name(host.as_str()),
    }
}

fn is_public_name(name: &str) -> bool {
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    // Resolvers of systems read `127.1` and `1.0x7f` as addresses (POSIX `inet_addr`); no name ends in a number.
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    let is_below = |zone: &str| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !is_number && !NOT_PUBLIC.into_iter().any(is_below)
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || first == 0
        || first >= 224
        || (first == 100 && second & 0xc0 == 64)
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && second & 0xfe == 18);
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let special = (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first == 0x2002 || (first == 0x3fff && second < 0x1000);
    // 2000::/3 is all that is given out (RFC 4291 §2.4; IANA IPv6 Special-Purpose Address Registry).
    first & 0xe000 == 0x2000 && !special
}

/// Zones that are no part of the public DNS: RFC 2606, RFC 6761, RFC 6762 with its appendix G, RFC 7686, RFC 8375, RFC 9476, and `internal`,
/// which ICANN set apart in 2024.
const NOT_PUBLIC: [&str; 15] = [
    "alt",
    "corp",
    "example",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn public(host: &str) -> bool {
        is_public(&Host::parse(host).unwrap())
    }

    #[test]
    fn public_names_and_addresses_are_looked_at() {
        for host in ["example.org", "www.example.co.uk", "local.example.org", "xn--bcher-kva.com", "mylocal.net", "10.example.org"] {
            assert!(public(host), "{host}");
        }
        for host in ["93.184.216.34", "1.1.1.1", "100.128.0.1", "198.20.0.1", "2606:4700:4700::1111", "2a00:1450::1"] {
            assert!(public(host), "{host}");
        }
    }

    #[test]
    fn what_is_private_or_reserved_is_nobodys_business() {
        for host in ["router", "localhost", "nas.local", "local", "a.b.home.arpa", "x.internal", "x.onion", "www.shop.test", "printer.lan"]
        {
            assert!(!public(host), "{host}");
        }
        for host in ["10.0.0.1", "127.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255"] {
            assert!(!public(host), "{host}");
        }
        for host in ["198.18.0.1", "192.0.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1"] {
            assert!(!public(host), "{host}");
        }
        for host in ["::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2001:db8::1", "2002:a00:1::1"] {
            assert!(!public(host), "{host}");
        }
    }

    #[test]
    fn an_address_in_disguise_is_no_name() {
        for host in ["127.1", "10.0.1", "1.0x7f", "0x7f.0x1", "192.168.257", "0177.0.0.01"] {
            assert!(!public(host), "{host}");
        }
    }
}
