//! Tells by its first bytes what a stream holds; names and endings lie.

use std::io::Read;

use memchr::memmem;

use super::pem::{BEGIN, looks_like_base64_der};
use super::window::Window;
use super::{Ended, MAX_RECORD};

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// DER after DER.
    Der,
    /// DER, each with its length in three octets before it, as in a TLS certificate list.
    Prefixed,
    /// Rows with certificates in some column, and what parts the columns.
    Csv(u8),
    /// Text with PEM in it, or without.
    Text,
}

/// How much is looked at.
const LOOKED_AT: usize = 64 * 1024;

/// Tells the form of a stream; nothing of it is used up.
pub(super) fn form(window: &mut Window<impl Read>) -> Result<Form, Ended> {
    window.widen(LOOKED_AT)?;
    let start = window.bytes();
    Ok(match *start {
        [0x30, length, ..] if length >= 0x80 => Form::Der,
        [0x00..=0x10, _, _, 0x30, 0x82, ..] if begins_with_prefix(start) => Form::Prefixed,
        _ => delimiter(start.get(..LOOKED_AT.min(start.len())).unwrap_or_default()).map_or(Form::Text, Form::Csv),
    })
}

/// Says whether three octets of length go with the length of the DER SEQUENCE behind them.
pub(super) fn begins_with_prefix(bytes: &[u8]) -> bool {
    let Some((prefix, rest)) = bytes.split_first_chunk::<3>() else { return false };
    let Some((0x30, [0x82, rest @ ..])) = rest.split_first() else { return false };
    let own = rest.first_chunk().map(|own| usize::from(u16::from_be_bytes(*own)) + 4);
    own == Some(prefixed_length(*prefix)) && own.is_some_and(|own| own <= MAX_RECORD)
}

/// Returns the length that three octets state.
pub(super) fn prefixed_length(prefix: [u8; 3]) -> usize {
    prefix.iter().fold(0, |length, &octet| (length << 8) | usize::from(octet))
}

/// Returns what parts the columns, where certificates stand in some of them.
fn delimiter(text: &[u8]) -> Option<u8> {
    if matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return None;
    }
    let in_column = match memmem::find(text, BEGIN) {
        Some(at) => begins_in_field(text.get(..at).unwrap_or_default()),
        None => DELIMITERS.iter().any(|part| text.split(|byte| byte == part || *byte == b'\n').any(looks_like_base64_der)),
    };
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |part: &u8| memchr::memchr_iter(*part, first_line).count();
    in_column.then(|| DELIMITERS.into_iter().max_by_key(count).unwrap_or(b','))
}

/// Says whether PEM that follows this text begins in a field: lines in a field need quotes, which PEM by itself has not.
fn begins_in_field(before: &[u8]) -> bool {
    let last = before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\''));
    last.is_some_and(|last| *last == b'"' || DELIMITERS.contains(last))
}

/// What may part columns; of those that are equally many in the first line the last is meant.
const DELIMITERS: [u8; 4] = [b'|', b';', b'\t', b','];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn form_of(text: &[u8]) -> Form {
        form(&mut Window::new(text)).unwrap()
    }

    #[test]
    fn a_form_is_told_by_content() {
        assert_eq!(form_of(b"\x30\x82\x01\x00"), Form::Der);
        assert_eq!(form_of(b"0,1,2\n"), Form::Text);
        assert_eq!(form_of(b"\x00\x01\x04\x30\x82\x01\x00"), Form::Prefixed);
        assert_eq!(form_of(b"\x00\x01\x05\x30\x82\x01\x00"), Form::Text);
        assert_eq!(form_of(b"# bundle\n-----BEGIN CERTIFICATE-----\nMII"), Form::Text);
        assert_eq!(form_of(b"name,pem\nx,\"'-----BEGIN CERTIFICATE-----\nMII"), Form::Csv(b','));
        assert_eq!(form_of(b"name;pem;more\nx;\"-----BEGIN CERTIFICATE-----\nMII"), Form::Csv(b';'));
        assert_eq!(form_of(b"{\"pem\": \"-----BEGIN CERTIFICATE-----\\nMII"), Form::Text);
        let row = format!("#fields\tts\tder\n1\tMII{}\n", "A".repeat(300));
        assert_eq!(form_of(row.as_bytes()), Form::Csv(b'\t'));
        assert_eq!(form_of(b""), Form::Text);
    }
}
