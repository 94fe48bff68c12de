//! Lines of a stream, each of bounded length.

use std::io::{self, Read};

use crate::certificates::Window;

/// The longest line that is read, in bytes: a measurement with the pages it fetched takes a few MiB.
pub(super) const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// What is said of a longer one.
pub(super) const TOO_LONG: &str = "longer than any line that is read";

/// Says what is wrong with some JSON, without a word of what stands in it.
pub(super) fn fault(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another kind than it should be".to_owned(),
        _ => format!("no JSON from column {} on", error.column()),
    }
}

/// Hands on each line with its number, from 1; none in place of one that is too long.
///
/// # Errors
/// Those of the stream.
pub(super) fn each<R: Read>(window: &mut Window<R>, take: &mut dyn FnMut(u64, Option<&[u8]>)) -> io::Result<()> {
    let mut number = 0;
    loop {
        let end = end_of_line(window)?;
        if window.bytes().is_empty() {
            return Ok(());
        }
        number += 1;
        if end > LONGEST_LINE {
            take(number, None);
            pass_line(window)?;
        } else {
            take(number, window.bytes().get(..end).map(<[u8]>::trim_ascii_end));
            window.pass(end + 1);
        }
    }
}

/// Says whether the JSON that begins here goes on over several lines, or is a list; white space before it is passed.
///
/// # Errors
/// Those of the stream.
pub(super) fn opens_over_several(window: &mut Window<impl Read>) -> io::Result<bool> {
    while window.widen(1)? && window.bytes().first().is_some_and(u8::is_ascii_whitespace) {
        window.pass(1);
    }
    let end = end_of_line(window)?;
    let first = window.bytes().get(..end).unwrap_or_default();
    let is_unfinished = || serde_json::from_slice::<serde::de::IgnoredAny>(first).is_err_and(|error| error.is_eof());
    Ok(first.first() == Some(&b'[') || is_unfinished())
}

/// Returns how long the next line is, as far as it is looked at.
fn end_of_line(window: &mut Window<impl Read>) -> io::Result<usize> {
    let mut seen = 0;
    loop {
        let bytes = window.bytes();
        if let Some(at) = memchr::memchr(b'\n', bytes.get(seen..).unwrap_or_default()) {
            return Ok(seen + at);
        }
        seen = bytes.len();
        if seen > LONGEST_LINE || !window.widen_more()? {
            return Ok(seen);
        }
    }
}

fn pass_line(window: &mut Window<impl Read>) -> io::Result<()> {
    loop {
        let bytes = window.bytes();
        if let Some(at) = memchr::memchr(b'\n', bytes) {
            window.pass(at + 1);
            return Ok(());
        }
        window.pass(bytes.len());
        if !window.widen_more()? {
            return Ok(());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(input: impl Read) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut seen = Vec::new();
        each(&mut Window::new(input), &mut |number, line| seen.push((number, line.map(<[u8]>::to_vec)))).unwrap();
        seen
    }

    #[test]
    fn lines_end_in_any_way_and_the_last_in_none() {
        let lines = read(&b"one\r\ntwo\n\nfour"[..]);
        let text: Vec<_> = lines.iter().map(|(_, line)| String::from_utf8(line.clone().unwrap()).unwrap()).collect();
        assert_eq!(text, ["one", "two", "", "four"]);
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself_alone() {
        let endless = io::repeat(b'x').take(LONGEST_LINE as u64 * 2);
        let lines = read((&b"one\n"[..]).chain(endless).chain(&b"\nthree\n"[..]));
        assert_eq!(lines, [(1, Some(b"one".to_vec())), (2, None), (3, Some(b"three".to_vec()))]);
    }
}
