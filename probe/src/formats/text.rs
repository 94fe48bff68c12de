//! What all formats share in writing: text made harmless, times, JSON that can be printed as it stands.

use jiff::Timestamp;
use serde::Serialize;

use crate::terminal::escaped;

/// Returns text of others, made harmless: what acts on a terminal or hides is written as an escape, long text is cut, and
/// nothing begins as a formula of a spreadsheet does (`=`, `+`, `-`, `@`), for what we write ends up in tables.
pub(super) fn shown(text: &str) -> String {
    let text = escaped(text);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

/// Returns a UNIX time in milliseconds as RFC 3339, in UTC; times beyond the year 9999 as its end.
pub(super) fn rfc3339(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

/// Returns a UNIX time in seconds as RFC 3339, in UTC; times that no calendar has as the nearest it has.
pub(super) fn day_and_second(seconds: i64) -> String {
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    format!("{:.0}", Timestamp::from_second(seconds).unwrap_or(nearest))
}

/// Returns a time in milliseconds as a number that every reader takes: no later than the year 9999.
pub(super) fn millis(ms: u64) -> u64 {
    ms.min(LAST_MILLISECOND)
}

/// Returns a value as one line of JSON in ASCII, without a tag, an entity or a control in it, and without an end of line.
pub(super) fn json(value: &impl Serialize) -> String {
    inert(&serde_json::to_string(value).unwrap_or_default())
}

/// Returns a value as JSON for people to read, likewise; it ends with an end of line.
pub(super) fn pretty(value: &impl Serialize) -> String {
    let mut text = inert(&serde_json::to_string_pretty(value).unwrap_or_default());
    text.push('\n');
    text
}

/// Escapes whatever is not plain ASCII, and `<`, `>`, `&`: such letters stand inside strings alone.
fn inert(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{7f}' => unit(&mut safe, letter),
            letter if letter.is_ascii() => safe.push(letter),
            letter => unit(&mut safe, letter),
        }
    }
    safe
}

fn unit(safe: &mut String, letter: char) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        // Writing to a `String` cannot fail.
        let _ = std::fmt::Write::write_fmt(safe, format_args!("\\u{unit:04x}"));
    }
}

/// Returns text for formats that cannot escape a tag: `<`, `>` and `&` are written as [`escaped`] writes what acts.
pub(super) fn without_tags(text: &str) -> String {
    text.replace('<', "\\u{3c}").replace('>', "\\u{3e}").replace('&', "\\u{26}")
}

/// 9999-12-30T22:00:00Z, the last moment of the calendar in use here.
const LAST_MILLISECOND: u64 = 253_402_207_200_000;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_neither_acts_nor_hides_nor_begins_a_formula() {
        for (hostile, harmless) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("@SUM(1)", "'@SUM(1)"),
            ("a\r\nb\u{1b}[2J", "a\\r\\nb\\u{1b}[2J"),
            ("\u{202e}gro.knab", "\\u{202e}gro.knab"),
            ("CN=plain", "CN=plain"),
        ] {
            assert_eq!(shown(hostile), harmless);
            assert_eq!(shown(&shown(hostile)), harmless, "made harmless once is enough");
        }
    }

    #[test]
    fn a_line_of_json_reads_as_it_was_and_holds_no_tag() {
        let text = "<script>&\u{7f}\u{9b}\u{2028}é\u{1f600}\"\\\n";
        let line = json(&text);
        assert!(line.is_ascii() && !line.contains(['<', '>', '&']) && !line.chars().any(char::is_control), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn no_time_is_beyond_the_calendar() {
        assert_eq!(rfc3339(1_426_852_800_123), "2015-03-20T12:00:00.123Z");
        assert!(rfc3339(u64::MAX).starts_with("9999-12-30T"));
        assert!(rfc3339(millis(u64::MAX)).starts_with("9999-12-30T"));
        assert_eq!(day_and_second(1_426_852_800), "2015-03-20T12:00:00Z");
        assert!(day_and_second(i64::MAX).starts_with("9999-") && day_and_second(i64::MIN).starts_with('-'));
    }
}
