//! PEM (RFC 7468) with anything between: comments, keys, other people's text.

use std::io::Read;

use data_encoding::BASE64;
use memchr::memmem;

use super::window::Window;
use super::{Encoding, Ended, MAX_TEXT_RECORD, Records, Trouble};

/// The line that certificates begin with.
pub(super) const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// What every PEM block begins and ends with.
const BEGIN_ANY: &[u8] = b"-----BEGIN ";
const END_ANY: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// Labels of certificates: today's, an old one, and OpenSSL's with its trust settings behind.
const LABELS: [&[u8]; 3] = [b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"];
/// The longest line that counts as a beginning.
const LONGEST_LABEL: usize = 96;

/// Reads every PEM block of a stream.
pub(super) fn read(window: &mut Window<impl Read>, records: &mut Records<'_, '_>) -> Result<(), Ended> {
    while to_next_block(window)? {
        match label(window)? {
            Some(line) => read_block(window, &line, records)?,
            // Dashes in running text.
            None => window.pass(BEGIN_ANY.len()),
        }
    }
    Ok(())
}

/// Passes over everything up to the next beginning; says whether there is one.
fn to_next_block(window: &mut Window<impl Read>) -> Result<bool, Ended> {
    loop {
        if let Some(at) = memmem::find(window.bytes(), BEGIN_ANY) {
            window.pass(at);
            return Ok(true);
        }
        // What could be the beginning of a beginning stays.
        window.pass(window.bytes().len().saturating_sub(BEGIN_ANY.len() - 1));
        if !window.widen_more()? {
            return Ok(false);
        }
    }
}

/// A block's first line.
struct Line {
    length: usize,
    is_certificate: bool,
}

fn label(window: &mut Window<impl Read>) -> Result<Option<Line>, Ended> {
    window.widen(LONGEST_LABEL)?;
    let line = window.bytes();
    let Some(after) = line.get(BEGIN_ANY.len()..LONGEST_LABEL.min(line.len())) else { return Ok(None) };
    let Some(length) = memmem::find(after, DASHES) else { return Ok(None) };
    let label = after.get(..length).unwrap_or_default();
    if label.is_empty() || label.contains(&b'\n') {
        return Ok(None);
    }
    Ok(Some(Line { length: BEGIN_ANY.len() + length + DASHES.len(), is_certificate: LABELS.contains(&label) }))
}

/// Reads one block, the window standing at its beginning; leaves the window behind it.
fn read_block(window: &mut Window<impl Read>, line: &Line, records: &mut Records<'_, '_>) -> Result<(), Ended> {
    let offset = window.offset();
    let mut from = line.length;
    let trouble = loop {
        let text = window.bytes().get(from..).unwrap_or_default();
        if let Some(end) = memmem::find(text, DASHES) {
            let body_end = from + end;
            window.widen(body_end + END_ANY.len())?;
            let mark = window.bytes().get(body_end..).unwrap_or_default();
            if mark.starts_with(END_ANY) {
                let handed = if line.is_certificate {
                    let body = window.bytes().get(line.length..body_end).unwrap_or_default();
                    records.certificate(offset, Encoding::Base64, body)
                } else {
                    records.other(offset)
                };
                window.pass(body_end + END_ANY.len());
                return handed;
            }
            if mark.starts_with(BEGIN_ANY) {
                break Some((body_end, Trouble::Unclosed));
            }
            from = body_end + 1;
            continue;
        }
        from = window.bytes().len().saturating_sub(DASHES.len() - 1).max(line.length);
        if window.bytes().len() > MAX_TEXT_RECORD {
            break Some((from, Trouble::TooLong));
        }
        if !window.widen_more()? {
            break line.is_certificate.then_some((window.bytes().len(), Trouble::CutShort));
        }
    };
    let (length, trouble) = trouble.unwrap_or((window.bytes().len(), Trouble::CutShort));
    window.pass(length);
    if line.is_certificate { records.bad(offset, trouble) } else { records.other(offset) }
}

/// Says whether text is the base64 of a DER SEQUENCE as long as certificates are.
pub(super) fn looks_like_base64_der(field: &[u8]) -> bool {
    let field = field.trim_ascii();
    field.len() > SHORTEST_FIELD && field.starts_with(b"MII") && field.iter().take(SHORTEST_FIELD).all(|byte| is_base64(*byte))
}

const SHORTEST_FIELD: usize = 256;

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Turns base64 with line ends, also such as JSON writes them, into bytes; `into` is emptied first.
///
/// # Errors
/// [`Trouble::NotBase64`] when there is anything else in it.
pub fn decode(text: &[u8], squeezed: &mut Vec<u8>, into: &mut Vec<u8>) -> Result<(), Trouble> {
    squeeze(text, squeezed);
    let length = BASE64.decode_len(squeezed.len()).map_err(|_| Trouble::NotBase64)?;
    into.clear();
    into.resize(length, 0);
    let written = BASE64.decode_mut(squeezed, into).map_err(|_| Trouble::NotBase64)?;
    into.truncate(written);
    Ok(())
}

/// Leaves out white space, and `\n` and `\r` written as two characters.
fn squeeze(text: &[u8], into: &mut Vec<u8>) {
    into.clear();
    let mut rest = text;
    while let Some(end) = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'\\') {
        let (run, after) = rest.split_at(end);
        into.extend_from_slice(run);
        rest = match after {
            [b'\\', b'n' | b'r', after @ ..] => after,
            [b'\\', ..] => break,
            [_, after @ ..] => after,
            [] => after,
        };
    }
    into.extend_from_slice(rest);
}
