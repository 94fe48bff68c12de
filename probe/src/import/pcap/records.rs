//! Handshake messages out of bytes in order, for one direction of one connection.

use tls_parser::{TlsRecordType, parse_tls_record_header};

/// What one direction of a connection says.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// A whole handshake message, with its header.
    Message(&'a [u8]),
    /// An alert in the clear: whether it is fatal, and what it says.
    Alert(bool, u8),
    /// What follows may be encrypted.
    ChangeCipherSpec,
    /// What follows is encrypted.
    Ciphered,
    /// More than the caps allow.
    Oversize,
    /// Bytes that TLS does not allow.
    Malformed,
}

/// What becomes of the rest of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is read on.
    GoOn,
    /// After the next record begins, it is ciphered (TLS 1.2 and below, after ChangeCipherSpec).
    Ciphers,
}

/// One direction of a connection, in which TLS begins sooner or later, or never.
#[derive(Debug, Default)]
pub(super) struct Records {
    state: State,
    has_begun: bool,
    /// Bytes of a record's header or of an alert that are not complete yet.
    held: Vec<u8>,
    /// Bytes of handshake messages that are not complete yet.
    message: Vec<u8>,
    kind: u8,
    left: usize,
    read: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// TLS has not begun: the beginning of the connection, or a dialogue in clear text before STARTTLS.
    #[default]
    Before,
    /// Records in the clear.
    Reading,
    /// The next record is ciphered.
    Ciphers,
    /// Nothing more is to be seen.
    Done,
}

impl Records {
    /// Takes bytes that follow those before, in pieces as they were sent, and tells what they say.
    pub(super) fn take(&mut self, piece: &[u8], hear: &mut dyn FnMut(Event<'_>) -> Next) {
        if self.state != State::Before {
            return self.read_on(piece, hear);
        }
        if self.held.is_empty() {
            return self.look_for_beginning(piece, hear);
        }
        let mut whole = std::mem::take(&mut self.held);
        whole.extend_from_slice(piece);
        self.look_for_beginning(&whole, hear);
    }

    /// TLS begins where a piece does: whoever waits for an answer sends the next thing in a piece of its own.
    fn look_for_beginning(&mut self, piece: &[u8], hear: &mut dyn FnMut(Event<'_>) -> Next) {
        match begins(piece) {
            Some(true) => {
                self.state = State::Reading;
                self.has_begun = true;
                self.read = 0;
                self.read_on(piece, hear);
            }
            Some(false) => {
                self.read += piece.len();
                if self.read > MOST_CLEAR {
                    self.state = State::Done;
                }
            }
            None => self.held = piece.to_vec(),
        }
    }

    /// Says whether TLS began in it.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Says whether nothing more is to be seen in it.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Says whether there was anything in it.
    pub(super) fn has_data(&self) -> bool {
        self.has_begun || self.read > 0 || !self.held.is_empty()
    }

    /// Returns how many bytes are kept.
    pub(super) fn kept(&self) -> usize {
        self.message.capacity() + self.held.capacity()
    }

    fn read_on(&mut self, mut rest: &[u8], hear: &mut dyn FnMut(Event<'_>) -> Next) {
        while !rest.is_empty() && self.state != State::Done {
            rest = if self.left == 0 { self.read_header(rest, hear) } else { self.read_content(rest, hear) };
        }
    }

    /// Reads of a record's header what is there; returns what follows.
    fn read_header<'a>(&mut self, bytes: &'a [u8], hear: &mut dyn FnMut(Event<'_>) -> Next) -> &'a [u8] {
        let wanted = HEADER_LENGTH.saturating_sub(self.held.len()).min(bytes.len());
        let (part, rest) = bytes.split_at(wanted);
        self.held.extend_from_slice(part);
        let Ok((_, header)) = parse_tls_record_header(&self.held) else { return rest };
        self.held.clear();
        let length = usize::from(header.len);
        let is_known = matches!(header.record_type, TlsRecordType(20..=24)) && header.version.0 >> 8 == 3;
        if !is_known || length > LONGEST_RECORD {
            return self.stop(Event::Malformed, hear);
        }
        if self.state == State::Ciphers || header.record_type == TlsRecordType::ApplicationData {
            return self.stop(Event::Ciphered, hear);
        }
        self.kind = header.record_type.0;
        self.left = length;
        rest
    }

    /// Reads of a record's content what is there; returns what follows.
    fn read_content<'a>(&mut self, bytes: &'a [u8], hear: &mut dyn FnMut(Event<'_>) -> Next) -> &'a [u8] {
        let (part, rest) = bytes.split_at(self.left.min(bytes.len()));
        self.left -= part.len();
        self.read += part.len();
        if self.read > MOST_BYTES {
            return self.stop(Event::Oversize, hear);
        }
        match TlsRecordType(self.kind) {
            TlsRecordType::Handshake => {
                self.message.extend_from_slice(part);
                self.tell_messages(hear);
            }
            TlsRecordType::ChangeCipherSpec if hear(Event::ChangeCipherSpec) == Next::Ciphers => self.state = State::Ciphers,
            TlsRecordType::Alert => {
                self.held.extend_from_slice(part);
                if self.left == 0 {
                    // A ciphered alert is longer.
                    if let [level, description] = *self.held.as_slice() {
                        hear(Event::Alert(level == FATAL, description));
                    }
                    self.held.clear();
                }
            }
            _ => {}
        }
        rest
    }

    fn tell_messages(&mut self, hear: &mut dyn FnMut(Event<'_>) -> Next) {
        let message = std::mem::take(&mut self.message);
        let mut rest = message.as_slice();
        while let Some([_, length @ ..]) = rest.first_chunk::<MESSAGE_HEADER>() {
            let length = length.iter().fold(0, |length, &octet| length << 8 | usize::from(octet)) + MESSAGE_HEADER;
            if length > LONGEST_MESSAGE {
                self.stop(Event::Oversize, hear);
                return;
            }
            let Some((whole, after)) = rest.split_at_checked(length) else { break };
            hear(Event::Message(whole));
            rest = after;
        }
        self.message = if rest.len() == message.len() { message } else { rest.to_vec() };
    }

    fn stop(&mut self, event: Event<'_>, hear: &mut dyn FnMut(Event<'_>) -> Next) -> &'static [u8] {
        *self = Self { state: State::Done, has_begun: true, ..Self::default() };
        hear(event);
        &[]
    }
}

/// Says whether bytes begin with a record that holds a ClientHello or a ServerHello; none when there are too few to tell.
fn begins(bytes: &[u8]) -> Option<bool> {
    let expected: [&dyn Fn(u8) -> bool; 6] =
        [&|kind| kind == 22, &|major| major == 3, &|minor| minor <= 4, &|high| high <= 0x48, &|_| true, &|hello| hello == 1 || hello == 2];
    let fits = bytes.iter().zip(expected).all(|(&byte, is_expected)| is_expected(byte));
    match fits {
        false => Some(false),
        true if bytes.len() < expected.len() => None,
        true => Some(true),
    }
}

const HEADER_LENGTH: usize = 5;
const MESSAGE_HEADER: usize = 4;
/// A ciphered record of TLS 1.2 (RFC 5246 §6.2.3), the longest there is.
const LONGEST_RECORD: usize = (1 << 14) + 2048;
/// The longest handshake message, in bytes, as in our own probe's TLS library.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// How much of one direction is read in the clear, in bytes, as in our own probe.
const MOST_BYTES: usize = 256 * 1024;
/// How long a dialogue before TLS may be, in bytes.
const MOST_CLEAR: usize = 64 * 1024;
const FATAL: u8 = 2;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn heard(pieces: &[&[u8]]) -> (Vec<String>, Records) {
        let (mut records, mut heard) = (Records::default(), Vec::new());
        for piece in pieces {
            records.take(piece, &mut |event| {
                let told = match event {
                    Event::Message(message) => format!("message {} of {}", message[0], message.len()),
                    Event::Alert(fatal, description) => format!("alert {fatal} {description}"),
                    other => format!("{other:?}"),
                };
                heard.push(told);
                Next::GoOn
            });
        }
        (heard, records)
    }

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3][..], &length, content].concat()
    }

    fn message(kind: u8, length: u32) -> Vec<u8> {
        let [_, rest @ ..] = length.to_be_bytes();
        [&[kind][..], &rest, &vec![7; usize::try_from(length).unwrap()]].concat()
    }

    #[test]
    fn messages_are_whole_however_they_lie_in_records_and_pieces() {
        let messages = [message(2, 70), message(11, 5_000), message(14, 0)].concat();
        let records: Vec<u8> = messages.chunks(1_000).flat_map(|part| record(22, part)).collect();
        let expected = ["message 2 of 74", "message 11 of 5004", "message 14 of 4"];
        assert_eq!(heard(&[&records]).0, expected);
        let pieces: Vec<&[u8]> = records.chunks(1).collect();
        assert_eq!(heard(&pieces).0, expected);
    }

    #[test]
    fn tls_begins_after_a_dialogue_where_a_piece_does() {
        let hello = record(22, &message(1, 50));
        let (told, records) = heard(&[b"EHLO x\r\n", b"STARTTLS\r\n", &hello[..3], &hello[3..]]);
        assert_eq!(told, ["message 1 of 54"]);
        assert!(records.has_begun());
        let (told, records) = heard(&[b"GET / HTTP/1.1\r\n\r\n", &[22, 3, 3], b"no hello"]);
        assert!(told.is_empty() && !records.has_begun() && records.has_data());
    }

    #[test]
    fn nothing_long_is_kept() {
        let huge = record(22, &[11, 0xff, 0xff, 0xff]);
        let (told, records) = heard(&[&record(22, &message(2, 40)), &huge]);
        assert_eq!((told.last().unwrap().as_str(), records.is_done()), ("Oversize", true));
        let many: Vec<Vec<u8>> = (0..40).map(|_| record(22, &message(2, 16_000))).collect();
        let pieces: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
        let (told, records) = heard(&pieces);
        assert_eq!((told.last().unwrap().as_str(), records.kept()), ("Oversize", 0));
        let clear = vec![b'x'; 1_000];
        let (_, records) = heard(&vec![clear.as_slice(); 100]);
        assert!(records.is_done() && !records.has_begun());
    }

    #[test]
    fn alerts_in_the_clear_are_heard_and_what_is_no_record_is_not_read_on() {
        let hello = record(22, &message(1, 50));
        assert_eq!(heard(&[&hello, &record(21, &[2, 40])]).0, ["message 1 of 54", "alert true 40"]);
        assert_eq!(heard(&[&hello, b"not a record"]).0, ["message 1 of 54", "Malformed"]);
        assert_eq!(heard(&[&hello, &record(23, &[1])]).0, ["message 1 of 54", "Ciphered"]);
    }
}
