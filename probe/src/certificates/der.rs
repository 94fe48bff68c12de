//! DER after DER, with each one's length before it or without.

use std::io::Read;

use super::sniff::{begins_with_prefix, prefixed_length};
use super::window::Window;
use super::{Encoding, Ended, MAX_RECORD, Records, Trouble};

/// What stands before each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing.
    Bare,
    /// Its length in three octets.
    Prefixed,
}

/// What one look at the window gave.
enum Look {
    End,
    /// A record of this length, behind this many octets.
    Record {
        skip: usize,
        length: usize,
    },
    /// Something that begins like one and cannot be one.
    Trouble(Trouble),
    Junk,
}

/// Reads every record of a stream.
pub(super) fn read(window: &mut Window<impl Read>, records: &mut Records<'_, '_>, framing: Framing) -> Result<(), Ended> {
    loop {
        match look(window, framing)? {
            Look::End => return Ok(()),
            Look::Record { skip, length } => {
                let offset = window.offset();
                let record = window.bytes().get(skip..skip + length).unwrap_or_default();
                records.certificate(offset, Encoding::Der, record)?;
                window.pass(skip + length);
            }
            Look::Trouble(trouble) => {
                records.bad(window.offset(), trouble)?;
                window.pass(1);
                resume(window, framing)?;
            }
            Look::Junk => {
                let offset = window.offset();
                let passed = resume(window, framing)?;
                records.bad(offset, Trouble::Junk(passed))?;
            }
        }
    }
}

fn look(window: &mut Window<impl Read>, framing: Framing) -> Result<Look, Ended> {
    window.widen(3 + MAX_HEADER)?;
    let bytes = window.bytes();
    let (skip, stated) = match (framing, bytes) {
        (_, []) => return Ok(Look::End),
        (Framing::Bare, _) => (0, None),
        (Framing::Prefixed, bytes) => match bytes.first_chunk::<3>() {
            Some(prefix) => (3, Some(prefixed_length(*prefix))),
            None => return Ok(Look::Trouble(Trouble::CutShort)),
        },
    };
    let Some(own) = sequence_length(bytes.get(skip..).unwrap_or_default()) else { return Ok(Look::Junk) };
    let length = match stated {
        // Where the two disagree the prefix leads to the next record; what is inside is judged later.
        Some(stated) => stated,
        None => own,
    };
    if length > MAX_RECORD {
        return Ok(Look::Trouble(Trouble::TooLong));
    }
    if !window.widen(skip + length)? {
        return Ok(Look::Trouble(Trouble::CutShort));
    }
    Ok(Look::Record { skip, length })
}

/// Returns how long a SEQUENCE is, header included; none when there is no definite one.
fn sequence_length(bytes: &[u8]) -> Option<usize> {
    let [0x30, first, rest @ ..] = bytes else { return None };
    if *first < 0x80 {
        return Some(2 + usize::from(*first));
    }
    let octets = rest.get(..usize::from(first & 0x7f)).filter(|octets| (1..=MAX_HEADER - 2).contains(&octets.len()))?;
    let length = octets.iter().fold(0_usize, |sum, &octet| (sum << 8) | usize::from(octet));
    length.checked_add(2 + octets.len())
}

/// Passes over everything up to what looks like a certificate; returns how much that was.
fn resume(window: &mut Window<impl Read>, framing: Framing) -> Result<u64, Ended> {
    let begun = window.offset();
    loop {
        let found = match framing {
            Framing::Bare => window.bytes().windows(LOOKS).position(|seen| matches!(seen, [0x30, 0x82, _, _, 0x30, 0x82, ..])),
            Framing::Prefixed => window.bytes().windows(LOOKS).position(|seen| seen.last() == Some(&0x30) && begins_with_prefix(seen)),
        };
        if let Some(at) = found {
            window.pass(at);
            return Ok(window.offset() - begun);
        }
        window.pass(window.bytes().len().saturating_sub(LOOKS - 1));
        if !window.widen_more()? {
            window.pass(window.bytes().len());
            return Ok(window.offset() - begun);
        }
    }
}

/// The longest header: tag, and a length of up to four octets behind its own.
const MAX_HEADER: usize = 6;
/// How many octets are looked at to tell a certificate's beginning.
const LOOKS: usize = 8;
