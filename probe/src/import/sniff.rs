//! Tells by its first bytes what a record is; names and endings lie.

use memchr::memmem;

use super::Form;

/// What a file begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Something that is imported.
    Form(Form),
    /// A document of our own.
    Evidence,
}

/// Tells what begins with these bytes; none when nothing says so.
pub(super) fn form(start: &[u8]) -> Option<Found> {
    let form = match start {
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => Form::Pcap,
        [a, b, c, d, ..] if PCAP.contains(&u32::from_le_bytes([*a, *b, *c, *d])) => Form::Pcap,
        [0x30, length, ..] if *length >= 0x80 => Form::Pem,
        _ => return form_of_text(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start()),
    };
    Some(Found::Form(form))
}

fn form_of_text(text: &[u8]) -> Option<Found> {
    let says = |words: &[&str]| words.iter().any(|word| memmem::find(text, word.as_bytes()).is_some());
    let form = match text.first() {
        Some(b'{' | b'[') if says(&["\"mintwatch.evidence\""]) => return Some(Found::Evidence),
        Some(b'{' | b'[') if says(&["\"event_type\""]) => Form::Suricata,
        Some(b'{' | b'[') if says(&["\"measurement_start_time\"", "\"test_keys\""]) => Form::Ooni,
        Some(b'{') if says(&["\"id.resp_h\"", "\"certificate.serial\"", "\"certificate.subject\""]) => Form::Zeek,
        Some(b'#') if text.starts_with(b"#separator") || says(&["\n#fields", "#fields\t"]) => Form::Zeek,
        _ if says(&["-----BEGIN CERTIFICATE", "-----BEGIN X509 CERTIFICATE", "-----BEGIN TRUSTED CERTIFICATE"]) => Form::Pem,
        _ => return None,
    };
    Some(Found::Form(form))
}

/// The magic numbers of pcap, as little-endian words: microseconds, nanoseconds, each also swapped, and the modified form.
const PCAP: [u32; 5] = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xd4c3_b2a1, 0x4d3c_b2a1, 0xa1b2_cd34];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_its_content() {
        let of = |text: &[u8]| form(text);
        let is = |form| Some(Found::Form(form));
        assert_eq!(of(b"\xd4\xc3\xb2\xa1\x02\0\x04\0"), is(Form::Pcap));
        assert_eq!(of(b"\xa1\xb2\x3c\x4d\0\x02\0\x04"), is(Form::Pcap));
        assert_eq!(of(b"\x0a\x0d\x0d\x0a\x1c\0\0\0"), is(Form::Pcap));
        assert_eq!(of(b"#separator \\x09\n#fields\tts\n"), is(Form::Zeek));
        assert_eq!(of(b"{\"ts\":1,\"id.resp_h\":\"192.0.2.1\"}"), is(Form::Zeek));
        assert_eq!(of(b"{\"timestamp\":\"x\",\"event_type\":\"tls\"}"), is(Form::Suricata));
        assert_eq!(of(b"\n {\"measurement_start_time\":\"x\",\"test_keys\":{}}"), is(Form::Ooni));
        assert_eq!(of(b"# a bundle\n-----BEGIN CERTIFICATE-----\n"), is(Form::Pem));
        assert_eq!(of(b"\x30\x82\x01\x00"), is(Form::Pem));
        assert_eq!(of(b"{\"format\":\"mintwatch.evidence\""), Some(Found::Evidence));
        assert_eq!(of(b"hello"), None);
        assert_eq!(of(b""), None);
    }
}
