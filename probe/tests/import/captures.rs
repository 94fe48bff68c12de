//! Captures made here and now: real handshakes in memory, their bytes cut into segments, wrapped into packets, written
//! as pcap and pcapng by hand.

use std::io::Write;
use std::sync::Arc;

use etherparse::{EtherType, PacketBuilder, VlanId};
use mintwatch::demo::pki::{Authority, Leaf, Profile, Validity};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

/// 2026-03-05T10:11:12.345Z, in UNIX milliseconds.
pub(crate) const AT: u64 = 1_772_705_472_345;
pub(crate) const HOST: &str = "www.shop.example";
pub(crate) const STAPLE: &[u8] = b"a response, as far as anybody here looks";

/// What was said in turns: whether by the client, and what.
pub(crate) type Talk = Vec<(bool, Vec<u8>)>;

/// A shop of its own authority, with a chain of two certificates.
pub(crate) struct Shop {
    pub(crate) root: Authority,
    pub(crate) leaf: Leaf,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let now = AT / 1000;
        let root = Authority::root("Shop", "Shop Root", Validity::begun(1_000, now, 3_000)).unwrap();
        let ca = root.subordinate("Shop", "Shop CA", Validity::begun(100, now, 1_000), Profile::Public).unwrap();
        let leaf = ca.issue(&[HOST], Validity::begun(10, now, 90), &[]).unwrap();
        Self { root, leaf }
    }

    pub(crate) fn talk(&self, version: &'static SupportedProtocolVersion) -> Talk {
        shake_hands(&client(&self.root, version), &server(&self.leaf), HOST)
    }
}

pub(crate) fn server(leaf: &Leaf) -> Arc<ServerConfig> {
    server_with(aws_lc_rs::default_provider(), leaf)
}

pub(crate) fn server_of_p384(leaf: &Leaf) -> Arc<ServerConfig> {
    server_with(CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::SECP384R1], ..aws_lc_rs::default_provider() }, leaf)
}

fn server_with(provider: CryptoProvider, leaf: &Leaf) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert_with_ocsp(leaf.chain().to_vec(), leaf.key(), STAPLE.to_vec())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

pub(crate) fn client(root: &Authority, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.time_provider = Arc::new(Then);
    Arc::new(config)
}

/// The time of the captures.
#[derive(Debug)]
struct Then;

impl rustls::time_provider::TimeProvider for Then {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_millis(AT)))
    }
}

/// Makes a handshake in memory, and says a few ciphered bytes after it; a client that refuses breaks off.
pub(crate) fn shake_hands(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, host: &str) -> Talk {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut ends = [
        Connection::from(ClientConnection::new(Arc::clone(client), name).unwrap()),
        Connection::from(ServerConnection::new(Arc::clone(server)).unwrap()),
    ];
    let mut talk = Talk::new();
    for turn in 0..8 {
        let by_client = turn % 2 == 0;
        let [client, server] = &mut ends;
        let (speaker, listener) = if by_client { (client, server) } else { (server, client) };
        if !speaker.is_handshaking() {
            let _ = speaker.writer().write_all(b"private");
        }
        let mut said = Vec::new();
        while speaker.wants_write() {
            speaker.write_tls(&mut said).unwrap();
        }
        let mut rest = said.as_slice();
        while !rest.is_empty() {
            listener.read_tls(&mut rest).unwrap();
            // Whoever refuses says so in an alert.
            let _ = listener.process_new_packets();
        }
        if !said.is_empty() {
            talk.push((by_client, said));
        }
    }
    talk
}

/// A segment before it is wrapped.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a header")]
pub(crate) struct Segment {
    pub(crate) by_client: bool,
    pub(crate) sequence: u32,
    pub(crate) acknowledges: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) data: Vec<u8>,
}

/// Cuts what was said into segments of `most` bytes; the connection is opened before and closed after.
pub(crate) fn segments(talk: &[(bool, Vec<u8>)], most: usize) -> Vec<Segment> {
    segments_from(talk, most, [1_000, 2_000])
}

/// … with these first sequence numbers, the client's first.
pub(crate) fn segments_from(talk: &[(bool, Vec<u8>)], most: usize, first: [u32; 2]) -> Vec<Segment> {
    let [client, server] = first;
    let mut segments = vec![
        Segment { by_client: true, sequence: client, syn: true, ..Segment::default() },
        Segment { sequence: server, acknowledges: client.wrapping_add(1), syn: true, ..Segment::default() },
    ];
    let mut next = first.map(|first| first.wrapping_add(1));
    for (by_client, said) in talk {
        let (own, other) = if *by_client { (0, 1) } else { (1, 0) };
        for data in said.chunks(most) {
            let (sequence, acknowledges) = (next[own], next[other]);
            segments.push(Segment { by_client: *by_client, sequence, acknowledges, data: data.to_vec(), ..Segment::default() });
            next[own] = next[own].wrapping_add(u32::try_from(data.len()).unwrap());
        }
    }
    for (by_client, own, other) in [(true, 0, 1), (false, 1, 0)] {
        segments.push(Segment { by_client, sequence: next[own], acknowledges: next[other], fin: true, ..Segment::default() });
    }
    segments
}

/// What packets are wrapped into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Ethernet,
    Vlan,
    Raw,
    Loopback,
    Cooked,
    Cooked2,
}

impl Link {
    pub(crate) const ALL: [Self; 6] = [Self::Ethernet, Self::Vlan, Self::Raw, Self::Loopback, Self::Cooked, Self::Cooked2];

    pub(crate) fn number(self) -> u16 {
        match self {
            Self::Ethernet | Self::Vlan => 1,
            Self::Raw => 101,
            Self::Loopback => 0,
            Self::Cooked => 113,
            Self::Cooked2 => 276,
        }
    }
}

pub(crate) const CLIENT_MAC: [u8; 6] = [2, 0xab, 0xcd, 0xef, 1, 2];
pub(crate) const CLIENT_PORT: u16 = 54_321;
pub(crate) const CLIENTS: [&str; 2] = ["10.77.66.55", "2001:db8:77::55"];
pub(crate) const SERVERS: [&str; 2] = ["192.0.2.7", "2001:db8::7"];

/// How packets go.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) link: Link,
    pub(crate) six: bool,
    pub(crate) port: u16,
}

pub(crate) const WAY: Way = Way { link: Link::Ethernet, six: false, port: 443 };

/// Wraps segments into packets, a millisecond apart.
pub(crate) fn packets(segments: &[Segment], way: Way) -> Vec<(u64, Vec<u8>)> {
    (AT..).zip(segments).map(|(at, segment)| (at, packet(segment, way))).collect()
}

pub(crate) fn packet(segment: &Segment, way: Way) -> Vec<u8> {
    let ip = ip_packet(segment, way);
    let kind = if way.six { [0x86, 0xdd] } else { [0x08, 0x00] };
    let header: Vec<u8> = match way.link {
        Link::Ethernet | Link::Vlan | Link::Raw => Vec::new(),
        Link::Loopback => vec![if way.six { 30 } else { 2 }, 0, 0, 0],
        Link::Cooked => [&[0, 0, 0, 1, 0, 6][..], &CLIENT_MAC, &[0, 0], &kind].concat(),
        Link::Cooked2 => [&kind[..], &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6], &CLIENT_MAC, &[0, 0]].concat(),
    };
    [header, ip].concat()
}

fn ip_packet(segment: &Segment, way: Way) -> Vec<u8> {
    let (from, to) = if segment.by_client { (CLIENTS, SERVERS) } else { (SERVERS, CLIENTS) };
    let v4 = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap().octets();
    let v6 = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let (own, other) = if segment.by_client { (CLIENT_PORT, way.port) } else { (way.port, CLIENT_PORT) };
    let ether = PacketBuilder::ethernet2(CLIENT_MAC, [2, 0, 0, 0, 0, 1]);
    let ip = match (way.link, way.six) {
        (Link::Ethernet, false) => ether.ipv4(v4(from[0]), v4(to[0]), 64),
        (Link::Ethernet, true) => ether.ipv6(v6(from[1]), v6(to[1]), 64),
        (Link::Vlan, false) => ether.double_vlan(VlanId::try_new(7).unwrap(), VlanId::try_new(8).unwrap()).ipv4(v4(from[0]), v4(to[0]), 64),
        (Link::Vlan, true) => ether.single_vlan(VlanId::try_new(7).unwrap()).ipv6(v6(from[1]), v6(to[1]), 64),
        (_, false) => PacketBuilder::ipv4(v4(from[0]), v4(to[0]), 64),
        (_, true) => PacketBuilder::ipv6(v6(from[1]), v6(to[1]), 64),
    };
    let mut tcp = ip.tcp(own, other, segment.sequence, 65_535);
    if segment.syn {
        tcp = tcp.syn();
    }
    if segment.acknowledges != 0 {
        tcp = tcp.ack(segment.acknowledges);
    }
    if segment.fin {
        tcp = tcp.fin();
    }
    if segment.rst {
        tcp = tcp.rst();
    }
    let mut packet = Vec::new();
    tcp.write(&mut packet, &segment.data).unwrap();
    packet
}

/// A datagram to port 443.
pub(crate) fn datagram(data: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ethernet2(CLIENT_MAC, [2, 0, 0, 0, 0, 1])
        .ipv4([10, 77, 66, 55], [192, 0, 2, 7], 64)
        .udp(CLIENT_PORT, 443)
        .write(&mut packet, data)
        .unwrap();
    assert_eq!(packet[12..14], EtherType::IPV4.0.to_be_bytes());
    packet
}

/// Writes pcap: little-endian, microseconds, packets kept up to `snaplen` bytes.
pub(crate) fn pcap(packets: &[(u64, Vec<u8>)], link: u16, snaplen: usize) -> Vec<u8> {
    let word = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let mut file = [&0xa1b2_c3d4_u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &word(snaplen), &word(link.into())].concat();
    for (at, packet) in packets {
        let kept = packet.len().min(snaplen);
        let (seconds, micros) = (u32::try_from(at / 1000).unwrap(), u32::try_from(at % 1000 * 1000).unwrap());
        file.extend([seconds.to_le_bytes(), micros.to_le_bytes(), word(kept), word(packet.len())].concat());
        file.extend(&packet[..kept]);
    }
    file
}

/// Writes pcapng: big-endian, time in units of 2^-10 seconds; the first packet comes without one.
pub(crate) fn pcapng(packets: &[(u64, Vec<u8>)], link: u16) -> Vec<u8> {
    let block = |kind: u32, content: &[u8]| {
        let length = u32::try_from(content.len().next_multiple_of(4) + 12).unwrap().to_be_bytes();
        let padding = vec![0; content.len().next_multiple_of(4) - content.len()];
        [&kind.to_be_bytes()[..], &length, content, &padding, &length].concat()
    };
    let mut file = block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_be_bytes()[..], &[0, 1, 0, 0], &[0xff; 8]].concat());
    let options = [0, 9, 0, 1, 0x8a, 0, 0, 0, 0, 0, 0, 0];
    file.extend(block(1, &[&link.to_be_bytes()[..], &[0, 0], &[0, 4, 0, 0], &options].concat()));
    // A name resolution record, of which nothing is wanted.
    file.extend(block(4, &[0, 1, 0, 8, 10, 77, 66, 55, b'm', b'e', b'x', 0, 0, 0, 0, 0]));
    for (at, packet) in packets {
        let units = at * 1024 / 1000;
        let length = u32::try_from(packet.len()).unwrap().to_be_bytes();
        let high = u32::try_from(units >> 32).unwrap().to_be_bytes();
        let low = u32::try_from(units & 0xffff_ffff).unwrap().to_be_bytes();
        file.extend(block(6, &[&[0; 4][..], &high, &low, &length, &length, packet].concat()));
    }
    file
}
