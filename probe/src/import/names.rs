//! One vocabulary for versions, suites and groups, whoever recorded them: that of our own probe.

use mintwatch_validator::evidence::Seen;
use rustls::{CipherSuite, NamedGroup};
use tls_parser::TlsCipherSuite;

/// Returns the name of a protocol version.
pub(super) fn version(code: u16) -> String {
    match code {
        0x0300 => "SSLv3".to_owned(),
        0x0301 => "TLSv1.0".to_owned(),
        0x0302 => "TLSv1.1".to_owned(),
        0x0303 => "TLSv1.2".to_owned(),
        TLS13 => "TLSv1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

/// Returns the name of a version as sensors write it: `TLSv12`, `TLS 1.2`, `TLSv1.2`; none for anything else.
pub(super) fn version_named(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|letter| !matches!(letter, ' ' | '.' | 'v' | 'V')).collect();
    let code = match bare.to_ascii_uppercase().as_str() {
        "SSL3" | "SSL30" => 0x0300,
        "TLS1" | "TLS10" => 0x0301,
        "TLS11" => 0x0302,
        "TLS12" => 0x0303,
        "TLS13" => TLS13,
        _ => return None,
    };
    Some(version(code))
}

/// Returns the name of a cipher suite.
pub(super) fn suite(code: u16) -> String {
    match (CipherSuite::from(code), TlsCipherSuite::from_id(code)) {
        (CipherSuite::Unknown(_), Some(suite)) => suite.name.to_owned(),
        (CipherSuite::Unknown(_), None) => format!("0x{code:04x}"),
        (suite, _) => format!("{suite:?}"),
    }
}

/// Returns a suite's name as our own probe writes it, from IANA's; none for what is no name.
pub(super) fn suite_named(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > 80 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    Some(match TlsCipherSuite::from_name(text) {
        Some(known) => suite(known.id.0),
        None => text.to_owned(),
    })
}

/// Returns the name of a key exchange group.
pub(super) fn group(code: u16) -> String {
    match NamedGroup::from(code) {
        NamedGroup::Unknown(_) => format!("0x{code:04x}"),
        group => format!("{group:?}"),
    }
}

/// Returns the name of a group as sensors write it, in any case.
pub(super) fn group_named(text: &str) -> Seen<String> {
    let known = KNOWN_GROUPS.into_iter().map(group).find(|name| name.eq_ignore_ascii_case(text));
    known.map_or(Seen::NotVisible, Seen::Yes)
}

/// Says whether a value is one of those that mean nothing and keep servers tolerant (RFC 8701).
pub(super) fn is_grease(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// TLS 1.3 (RFC 8446 §4.2.1).
pub(super) const TLS13: u16 = 0x0304;
/// Groups that logs name (IANA, TLS Supported Groups).
const KNOWN_GROUPS: [u16; 11] = [0x0017, 0x0018, 0x0019, 0x001d, 0x001e, 0x0100, 0x0101, 0x0102, 0x11eb, 0x11ec, 0x11ed];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_recorded_it_a_thing_has_one_name() {
        assert_eq!(version(0x0304), "TLSv1.3");
        for text in ["TLSv13", "TLS 1.3", "TLSv1.3"] {
            assert_eq!(version_named(text).as_deref(), Some("TLSv1.3"));
        }
        assert_eq!(version_named("TLSv10"), version_named("TLSv1"));
        assert_eq!(version_named("QUIC"), None);
        assert_eq!(suite(0x1301), "TLS13_AES_128_GCM_SHA256");
        assert_eq!(suite_named("TLS_AES_128_GCM_SHA256"), Some(suite(0x1301)));
        assert_eq!(suite_named("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), Some(suite(0xc02f)));
        assert_eq!(suite_named("rm -rf /"), None);
        assert_eq!((group(0x001d), group(0x11ec)), ("X25519".to_owned(), "X25519MLKEM768".to_owned()));
        assert_eq!(group_named("x25519"), Seen::Yes("X25519".to_owned()));
        assert_eq!(group_named("secp256r1"), Seen::Yes(group(23)));
        assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a) && !is_grease(0x0017));
    }
}
