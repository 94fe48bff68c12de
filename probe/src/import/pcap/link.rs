//! Segments out of packets: Ethernet with VLANs, Linux cooked, loopback and raw IP; IPv4 and IPv6.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, LenSource, TransportSlice};
use pcap_parser::Linktype;

use super::frames::Frame;

/// What a packet is to us.
#[derive(Debug)]
pub(super) enum Sorted<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// A part of a packet; it is not put together.
    Fragment,
    /// It opens a QUIC connection (RFC 9000 §17.2.2).
    Quic,
    /// Anything else.
    Other,
    /// A link layer that is not read.
    UnknownLink,
}

/// A TCP segment.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a header")]
pub(super) struct Segment<'a> {
    /// Who sent it.
    pub(super) from: SocketAddr,
    /// Who was to have it.
    pub(super) to: SocketAddr,
    /// The number of its first byte, SYN counted.
    pub(super) sequence: u32,
    /// What the sender awaits next, where it says so.
    pub(super) acknowledges: Option<u32>,
    /// It opens the connection in its direction.
    pub(super) syn: bool,
    /// It closes it in its direction.
    pub(super) fin: bool,
    /// It breaks it off.
    pub(super) rst: bool,
    /// Its data, as far as they were kept.
    pub(super) payload: &'a [u8],
    /// There were more.
    pub(super) is_cut: bool,
}

/// Tells what a packet is.
pub(super) fn sort<'a>(frame: &Frame<'a>) -> Sorted<'a> {
    let bytes = frame.bytes;
    let packet = match frame.link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(bytes).ok(),
        Linktype::LINUX_SLL => of_ether_type(bytes, 14, 16),
        LINUX_SLL2 => of_ether_type(bytes, 0, 20),
        Linktype::NULL | Linktype::LOOP => bytes.get(4..).and_then(|bytes| LaxSlicedPacket::from_ip(bytes).ok()),
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | RAW_BSD | RAW_OPENBSD => LaxSlicedPacket::from_ip(bytes).ok(),
        _ => return Sorted::UnknownLink,
    };
    packet.map_or(Sorted::Other, |packet| of_packet(&packet, frame.is_cut))
}

/// Reads a packet behind a cooked header, which has the type of what follows at `at`.
fn of_ether_type(bytes: &[u8], at: usize, length: usize) -> Option<LaxSlicedPacket<'_>> {
    let kind = EtherType(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    Some(LaxSlicedPacket::from_ether_type(kind, bytes.get(length..)?))
}

fn of_packet<'a>(packet: &LaxSlicedPacket<'a>, frame_is_cut: bool) -> Sorted<'a> {
    let (from, to): (IpAddr, IpAddr) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        Some(LaxNetSlice::Ipv6(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        Some(LaxNetSlice::Arp(_)) | None => return Sorted::Other,
    };
    let Some(carried) = packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref) else { return Sorted::Other };
    if carried.fragmented {
        return Sorted::Fragment;
    }
    match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => Sorted::Segment(Segment {
            from: SocketAddr::new(from, tcp.source_port()),
            to: SocketAddr::new(to, tcp.destination_port()),
            sequence: tcp.sequence_number(),
            acknowledges: tcp.ack().then(|| tcp.acknowledgment_number()),
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            payload: tcp.payload(),
            // A length of zero is what a network card leaves to itself; then the capture's own length counts.
            is_cut: carried.incomplete || (frame_is_cut && carried.len_source == LenSource::Slice),
        }),
        Some(TransportSlice::Udp(udp)) if opens_quic(udp.payload()) => Sorted::Quic,
        _ => Sorted::Other,
    }
}

/// Says whether a datagram begins as an Initial packet of QUIC version 1 (RFC 9000 §17.2.2) or 2 (RFC 9369 §3.2) does.
fn opens_quic(datagram: &[u8]) -> bool {
    match datagram {
        [first, 0, 0, 0, 1, ..] => first & 0xf0 == 0xc0,
        [first, 0x6b, 0x33, 0x43, 0xcf, ..] => first & 0xf0 == 0xd0,
        _ => false,
    }
}

/// Link types that the parser has no name for: Linux cooked version 2, and raw IP as some systems number it.
const LINUX_SLL2: Linktype = Linktype(276);
const RAW_BSD: Linktype = Linktype(12);
const RAW_OPENBSD: Linktype = Linktype(14);
