//! Frames out of a capture file: pcap and pcapng, in either byte order and any resolution of time.

use std::io::{self, Read};

use pcap_parser::pcapng::Block;
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{
    InterfaceDescriptionBlock, Linktype, parse_block_be, parse_block_le, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified,
    parse_pcap_header,
};

use crate::certificates::Window;

/// One packet as it was captured.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// What its headers begin with.
    pub(super) link: Linktype,
    /// When it was captured, in UNIX milliseconds; none where the file does not say.
    pub(super) at: Option<u64>,
    /// Its bytes, as far as they were kept.
    pub(super) bytes: &'a [u8],
    /// It was longer.
    pub(super) is_cut: bool,
}

/// Whoever takes frames, each with the number of its block in the file, from 1; or why a block is none.
type Taker<'t> = dyn FnMut(u64, Result<Frame<'_>, &'static str>) + 't;

/// Hands on every frame of a capture file.
///
/// # Errors
/// Those of the stream.
pub(super) fn each(input: impl Read, take: &mut Taker<'_>) -> io::Result<()> {
    let mut window = Window::new(input);
    window.widen(PCAP_HEADER)?;
    if window.bytes().starts_with(&SECTION_HEADER.to_le_bytes()) { each_block(&mut window, take) } else { each_record(&mut window, take) }
}

fn each_record(window: &mut Window<impl Read>, take: &mut Taker<'_>) -> io::Result<()> {
    let Ok((_, header)) = parse_pcap_header(window.bytes()) else {
        take(1, Err("no header of a capture file"));
        return Ok(());
    };
    window.pass(header.size());
    let header_length = if header.is_modified_format() { 24 } else { 16 };
    let per_millisecond = if header.is_nanosecond_precision() { 1_000_000 } else { 1_000 };
    let mut number = 0;
    while window.widen(1)? {
        number += 1;
        if !window.widen(header_length)? {
            take(number, Err(CUT_SHORT));
            return Ok(());
        }
        let Some(length) = word_at(window.bytes(), 8, header.is_bigendian()).filter(|&length| length <= LONGEST_PACKET) else {
            // Where the next record begins nobody can tell.
            take(number, Err("a packet longer than any link carries: the rest of the file is not read"));
            return Ok(());
        };
        if !window.widen(header_length + length)? {
            take(number, Err(CUT_SHORT));
            return Ok(());
        }
        let bytes = window.bytes();
        let parsed = match (header.is_modified_format(), header.is_bigendian()) {
            (true, _) => parse_pcap_frame_modified(bytes),
            (false, true) => parse_pcap_frame_be(bytes),
            (false, false) => parse_pcap_frame(bytes),
        };
        match parsed {
            Ok((_, record)) => {
                let at = u64::from(record.ts_sec) * 1000 + u64::from(record.ts_usec) / per_millisecond;
                // The upper bits tell how long a checksum follows, nothing of the link.
                let link = Linktype(header.network.0 & 0xffff);
                take(number, Ok(Frame { link, at: Some(at), bytes: record.data, is_cut: record.origlen > record.caplen }));
            }
            Err(_) => take(number, Err("no packet")),
        }
        window.pass(header_length + length);
    }
    Ok(())
}

/// What is known of an interface of a section.
struct Interface {
    link: Linktype,
    /// Units of time in a second; none where the file states more than can be.
    units: Option<u128>,
    offset: i64,
}

impl Interface {
    fn of(block: &InterfaceDescriptionBlock<'_>) -> Self {
        let exponent = u32::from(block.if_tsresol & 0x7f);
        let base: u128 = if block.if_tsresol & 0x80 == 0 { 10 } else { 2 };
        Self { link: block.linktype, units: base.checked_pow(exponent), offset: block.if_tsoffset }
    }

    fn milliseconds(&self, high: u32, low: u32) -> Option<u64> {
        let units = u128::from(u64::from(high) << 32 | u64::from(low));
        let since = u64::try_from(units * 1000 / self.units?).ok()?;
        since.checked_add_signed(self.offset.checked_mul(1000)?)
    }
}

fn each_block(window: &mut Window<impl Read>, take: &mut Taker<'_>) -> io::Result<()> {
    let (mut is_big, mut interfaces, mut number) = (false, Vec::new(), 0);
    while window.widen(1)? {
        number += 1;
        if !window.widen(BLOCK_HEADER)? {
            take(number, Err(CUT_SHORT));
            return Ok(());
        }
        if word_at(window.bytes(), 0, false) == Some(SECTION_HEADER as usize) {
            is_big = word_at(window.bytes(), 8, true) == Some(BYTE_ORDER_MAGIC);
            interfaces.clear();
        }
        let Some(length) = word_at(window.bytes(), 4, is_big).filter(|length| (BLOCK_HEADER..=LONGEST_BLOCK).contains(length)) else {
            take(number, Err("a block of no possible length: the rest of the file is not read"));
            return Ok(());
        };
        if !window.widen(length)? {
            take(number, Err(CUT_SHORT));
            return Ok(());
        }
        let bytes = window.bytes().get(..length).unwrap_or_default();
        let parsed = if is_big { parse_block_be(bytes) } else { parse_block_le(bytes) };
        match parsed {
            Ok((_, block)) => take_block(&block, &mut interfaces, number, take),
            Err(_) => take(number, Err("a block that its format does not allow")),
        }
        window.pass(length);
    }
    Ok(())
}

fn take_block(block: &Block<'_>, interfaces: &mut Vec<Interface>, number: u64, take: &mut Taker<'_>) {
    match block {
        Block::InterfaceDescription(_) if interfaces.len() >= MOST_INTERFACES => take(number, Err("one interface too many")),
        Block::InterfaceDescription(described) => interfaces.push(Interface::of(described)),
        Block::EnhancedPacket(packet) => {
            let interface = usize::try_from(packet.if_id).ok().and_then(|id| interfaces.get(id));
            let Some(interface) = interface else { return take(number, Err("a packet of an interface that nobody described")) };
            let at = interface.milliseconds(packet.ts_high, packet.ts_low);
            let bytes = packet.packet_data();
            take(number, Ok(Frame { link: interface.link, at, bytes, is_cut: packet.origlen > packet.caplen }));
        }
        Block::SimplePacket(packet) => {
            let Some(interface) = interfaces.first() else { return take(number, Err("a packet of an interface that nobody described")) };
            let bytes = packet.packet_data();
            let is_cut = usize::try_from(packet.origlen).is_ok_and(|length| length > bytes.len());
            take(number, Ok(Frame { link: interface.link, at: None, bytes, is_cut }));
        }
        _ => {}
    }
}

fn word_at(bytes: &[u8], at: usize, is_big: bool) -> Option<usize> {
    let word = *bytes.get(at..)?.first_chunk()?;
    usize::try_from(if is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }).ok()
}

const CUT_SHORT: &str = "the file ends inside it";
const PCAP_HEADER: usize = 24;
/// Type and length of a block, and the byte order magic of a section header.
const BLOCK_HEADER: usize = 12;
/// The type of a section header block, the same in either byte order.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER_MAGIC: usize = 0x1a2b_3c4d;
/// The longest packet that libpcap reads, in bytes (MAXIMUM_SNAPLEN).
const LONGEST_PACKET: usize = 262_144;
/// The longest block, in bytes: name resolution and decryption secrets are the longest.
const LONGEST_BLOCK: usize = 16 * 1024 * 1024;
const MOST_INTERFACES: usize = 4_096;
