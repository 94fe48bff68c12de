//! Which network this is, without naming it: a salted digest of what tells networks apart.
//!
//! Looks at what any program may read: the default route, the address table of its neighbours and the list of name servers.
//! None of it is kept, only 64 bits of SHA-256 over a salt that is made once for each history and over what was read.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use mintwatch_validator::evidence::Sha256;

/// What a network is called in the history: a label of the user's, or a digest that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(String);

/// Why a text cannot be the label of a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Nothing, or too much.
    #[error("a network's name has 1 to {LONGEST_LABEL} letters")]
    Length,
    /// Text that could act on a terminal, or hide.
    #[error("a network's name has no control or invisible letters")]
    Letter,
    /// A name that stands for something else.
    #[error("`{UNKNOWN}`, `{ALL}` and whatever begins with `~` stand for something else")]
    Taken,
}

impl Network {
    /// Reads a label of the user's.
    ///
    /// # Errors
    /// [`LabelError`], as its variants say.
    pub fn labelled(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_LABEL {
            return Err(LabelError::Length);
        }
        // What debug output escapes besides quotes and backslashes is what acts or hides.
        let acts = |letter: char| !matches!(letter, '\'' | '"' | '\\') && letter.escape_debug().count() > 1;
        if text.chars().any(acts) {
            return Err(LabelError::Letter);
        }
        if text == UNKNOWN || text == ALL || text.starts_with('~') {
            return Err(LabelError::Taken);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the network that these facts tell, under a history's salt; one name for all that cannot be told.
    pub fn told_by(facts: &Facts, salt: &[u8]) -> Self {
        facts.0.as_ref().map_or_else(Self::unknown, |told| {
            let digest = Sha256::of(&[salt, told.as_bytes()].concat()).to_string();
            Self(format!("~{}", digest.get(..DIGITS).unwrap_or_default()))
        })
    }

    /// Returns the network that nothing tells apart from others.
    pub fn unknown() -> Self {
        Self(UNKNOWN.to_owned())
    }

    /// Returns a network by the name it has in a history.
    pub(crate) fn recorded(name: String) -> Self {
        Self(name)
    }

    /// Returns the name, as the history has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What tells this network from others; never written anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Facts(Option<String>);

impl Facts {
    /// Reads the facts of this machine, below `root`: `/`, but in tests.
    ///
    /// To be read after a run: only then does the neighbour table hold the gateway for sure.
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| text(&root.join(path)).unwrap_or_default();
        let gateway = gateway(&text("proc/net/route"), &text("proc/net/arp")).or_else(|| gateway_6(&text("proc/net/ipv6_route")));
        Self(gateway.map(|gateway| format!("{gateway}\n{}", name_servers(&text("etc/resolv.conf")))))
    }
}

/// Debug output ends in logs; the facts do not.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Facts(told)" } else { "Facts(untold)" })
    }
}

/// Returns the gateway of IPv4 with its hardware address; of a route without a gateway, as tunnels have, the interface.
///
/// A gateway whose hardware address is not known tells nothing: half of all homes have the same address for it.
fn gateway(routes: &str, neighbours: &str) -> Option<String> {
    let default = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (interface, destination, gateway) = (fields.next()?, fields.next()?, fields.next()?);
        let (metric, mask) = (fields.nth(3)?, fields.next()?);
        let is_default = destination == ANY_4 && mask == ANY_4;
        let gateway = Ipv4Addr::from(u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes());
        is_default.then(|| Some((metric.parse::<u32>().ok()?, interface.to_owned(), gateway)))?
    };
    let (_, interface, gateway) = routes.lines().skip(1).filter_map(default).min()?;
    if gateway.is_unspecified() {
        return Some(format!("interface {interface}"));
    }
    let hardware = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (address, hardware, through) = (fields.first()?, fields.get(3)?, fields.get(5)?);
        let is_it = address.parse() == Ok(gateway) && *through == interface && *hardware != NO_HARDWARE;
        is_it.then(|| (*hardware).to_owned())
    };
    let hardware = neighbours.lines().skip(1).find_map(hardware)?;
    Some(format!("gateway {gateway} {hardware}"))
}

/// Returns the gateway of IPv6: its link-local address mostly holds its hardware address.
fn gateway_6(routes: &str) -> Option<String> {
    let default = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (destination, length, next, metric) = (fields.first()?, fields.get(1)?, fields.get(4)?, fields.get(5)?);
        let next = Ipv6Addr::from(u128::from_str_radix(next, 16).ok()?);
        let is_default = *destination == ANY_6 && *length == "00" && !next.is_unspecified();
        is_default.then(|| Some((u32::from_str_radix(metric, 16).ok()?, next)))?
    };
    routes.lines().filter_map(default).min().map(|(_, gateway)| format!("gateway {gateway}"))
}

fn name_servers(configuration: &str) -> String {
    let mut servers: Vec<&str> = configuration.lines().filter_map(|line| line.trim().strip_prefix("nameserver")).map(str::trim).collect();
    servers.sort_unstable();
    servers.dedup();
    servers.join(" ")
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MOST_READ).read_to_string(&mut text).ok()?;
    Some(text)
}

/// What networks are called that nothing tells apart.
pub const UNKNOWN: &str = "unknown";
/// What stands for every network on a command line.
pub const ALL: &str = "all";
/// The longest label, in characters.
const LONGEST_LABEL: usize = 64;
/// How many hexadecimal digits of the digest make a name: 64 bits.
const DIGITS: usize = 16;
const ANY_4: &str = "00000000";
const ANY_6: &str = "00000000000000000000000000000000";
const NO_HARDWARE: &str = "00:00:00:00:00:00";
/// How much of a file of the system's is read, in bytes.
const MOST_READ: u64 = 64 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
        wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n";
    const NEIGHBOURS: &str = "IP address       HW type     Flags       HW address            Mask     Device\n\
        192.168.1.7      0x1         0x2         02:00:00:00:00:07     *        wlan0\n\
        192.168.1.1      0x1         0x2         02:00:5e:10:00:01     *        wlan0\n";
    const ROUTES_6: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe8000000000000002005efffe100001 \
        00000400 00000001 00000000 00000003    wlan0\n\
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 \
        ffffffff 00000001 00000000 00200200       lo\n";

    fn facts(files: &[(&str, &str)]) -> Facts {
        let root = TempDir::new().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Facts::read(root.path())
    }

    fn name(files: &[(&str, &str)]) -> String {
        Network::told_by(&facts(files), b"salt").to_string()
    }

    const DNS: &str = "# made by hand\nnameserver 192.168.1.1\nnameserver 9.9.9.9\nsearch home.test\n";

    #[test]
    fn a_network_is_told_by_its_gateway_and_its_name_servers() {
        let home = [("proc/net/route", ROUTES), ("proc/net/arp", NEIGHBOURS), ("etc/resolv.conf", DNS)];
        let other_router = NEIGHBOURS.replace("02:00:5e:10:00:01", "02:00:5e:10:00:02");
        let other_address = ROUTES.replace("0101A8C0", "0701A8C0");
        let swapped = "nameserver 9.9.9.9\nnameserver 192.168.1.1\nsearch elsewhere.test\n";
        let told = name(&home);
        assert!(told.starts_with('~') && told.len() == 17, "{told}");
        assert_eq!(name(&[home[0], home[1], ("etc/resolv.conf", swapped)]), told, "order and search domains tell nothing");
        for other in [
            [home[0], ("proc/net/arp", other_router.as_str()), home[2]],
            [("proc/net/route", other_address.as_str()), home[1], home[2]],
            [home[0], home[1], ("etc/resolv.conf", "nameserver 1.1.1.1\n")],
        ] {
            assert_ne!(name(&other), told);
        }
        assert_ne!(Network::told_by(&facts(&home), b"other salt").as_str(), told);
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        let incomplete = NEIGHBOURS.replace("02:00:5e:10:00:01", NO_HARDWARE);
        for files in [
            &[][..],
            &[("proc/net/route", ROUTES)],
            &[("proc/net/route", ROUTES), ("proc/net/arp", incomplete.as_str())],
            &[("proc/net/route", "nonsense\nwlan0 00000000\nwlan0 00000000 zz 0 0 0 0 00000000\n"), ("proc/net/arp", NEIGHBOURS)],
        ] {
            assert_eq!(name(files), UNKNOWN);
        }
    }

    #[test]
    fn a_tunnel_is_told_by_its_interface_and_ipv6_by_its_router() {
        let tunnel = ROUTES.replace("0101A8C0", ANY_4).replace("wlan0", "tun0");
        assert!(name(&[("proc/net/route", &tunnel)]).starts_with('~'));
        let six = name(&[("proc/net/ipv6_route", ROUTES_6)]);
        assert!(six.starts_with('~'));
        assert_ne!(name(&[("proc/net/ipv6_route", &ROUTES_6.replace("5efffe", "5dfffe"))]), six);
    }

    #[test]
    fn a_label_neither_acts_nor_stands_for_something_else() {
        assert_eq!(Network::labelled(" home ").unwrap().as_str(), "home");
        assert_eq!(Network::labelled("Büro \"2\"").unwrap().as_str(), "Büro \"2\"");
        for (bad, why) in [
            ("", LabelError::Length),
            ("  ", LabelError::Length),
            (&"x".repeat(65), LabelError::Length),
            ("a\u{1b}[2J", LabelError::Letter),
            ("a\u{202e}b", LabelError::Letter),
            ("all", LabelError::Taken),
            ("unknown", LabelError::Taken),
            ("~0123456789abcdef", LabelError::Taken),
        ] {
            assert_eq!(Network::labelled(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn facts_do_not_show_in_debug_output() {
        let shown = format!("{:?}", facts(&[("proc/net/route", ROUTES), ("proc/net/arp", NEIGHBOURS)]));
        assert_eq!(shown, "Facts(told)");
    }
}
