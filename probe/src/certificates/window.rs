//! A bounded view over a stream: what is needed of it stands in one piece, and never more than a bound.

use std::io::{self, Empty, ErrorKind, Read};

/// A stream's next bytes, in one piece.
#[derive(Debug)]
pub struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    offset: u64,
    ended: bool,
}

/// How much is asked of the input at once.
const CHUNK: usize = 64 * 1024;

impl Window<Empty> {
    /// Opens a window over all of some bytes.
    pub fn over(bytes: Vec<u8>) -> Self {
        Self { input: io::empty(), begin: 0, end: bytes.len(), buffer: bytes, offset: 0, ended: true }
    }
}

impl<R: Read> Window<R> {
    /// Opens a window at the start of a stream.
    pub fn new(input: R) -> Self {
        Self { input, buffer: vec![0; CHUNK], begin: 0, end: 0, offset: 0, ended: false }
    }

    /// Returns what is in view.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.begin..self.end).unwrap_or_default()
    }

    /// Returns how many bytes of the stream are behind the window.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Says whether all that is left of the stream is in view.
    pub fn at_end(&self) -> bool {
        self.ended
    }

    /// Returns how many bytes the window takes up.
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Widens the view to `wanted` bytes, or to the end of the stream; says whether it is that wide now.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn widen(&mut self, wanted: usize) -> io::Result<bool> {
        while self.bytes().len() < wanted && !self.ended {
            self.make_room(wanted);
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(free) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.bytes().len() >= wanted)
    }

    /// Widens the view by something, if there is more.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn widen_more(&mut self) -> io::Result<bool> {
        let had = self.bytes().len();
        self.widen(had + 1)?;
        Ok(self.bytes().len() > had)
    }

    /// Leaves bytes behind.
    pub fn pass(&mut self, count: usize) {
        let count = count.min(self.bytes().len());
        self.begin += count;
        self.offset += count as u64;
    }

    /// Moves what is in view to the front, and grows the buffer where that is not enough.
    fn make_room(&mut self, wanted: usize) {
        if self.end < self.buffer.len() && self.begin + wanted <= self.buffer.len() {
            return;
        }
        self.buffer.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        if self.buffer.len() < wanted + CHUNK / 2 {
            // Twice as large each time: a record's bytes are moved a few times, not once a chunk.
            let larger = (self.buffer.len() * 2).max(wanted + CHUNK / 2);
            self.buffer.resize(larger, 0);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drip(Vec<u8>);

    impl Read for Drip {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let (Some(slot), false) = (into.first_mut(), self.0.is_empty()) else { return Ok(0) };
            *slot = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn a_drip_is_seen_in_one_piece() {
        let mut window = Window::new(Drip(b"abcdef".to_vec()));
        assert!(window.widen(4).unwrap());
        assert_eq!(window.bytes(), b"abcd");
        window.pass(3);
        assert!(!window.widen(4).unwrap());
        assert_eq!((window.bytes(), window.offset(), window.at_end()), (&b"def"[..], 3, true));
        assert!(!window.widen_more().unwrap());
    }

    #[test]
    fn over_bytes_all_is_in_view_at_once_and_no_room_is_taken_besides() {
        let mut window = Window::over(b"abcdef".to_vec());
        assert!(window.at_end() && !window.widen(7).unwrap() && !window.widen_more().unwrap());
        window.pass(4);
        assert_eq!((window.bytes(), window.offset(), window.capacity()), (&b"ef"[..], 4, 6));
    }

    #[test]
    fn passing_through_a_long_stream_takes_no_more_room() {
        let mut window = Window::new(io::repeat(7).take(50 * 1024 * 1024));
        while window.widen(1_000).unwrap() {
            window.pass(900);
        }
        assert_eq!(window.offset() + window.bytes().len() as u64, 50 * 1024 * 1024);
        assert_eq!(window.capacity(), CHUNK);
    }

    #[test]
    fn a_wide_view_takes_little_more_than_itself() {
        let mut window = Window::new(io::repeat(7));
        assert!(window.widen(1024 * 1024).unwrap());
        assert!(window.capacity() < 2 * 1024 * 1024 + CHUNK);
    }
}
