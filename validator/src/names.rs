//! What a distinguished name says, attribute by attribute, whatever string type it is written in.

use std::borrow::Cow;

use crate::der;

/// The attributes that rules speak of (RFC 5280 §4.1.2.4, RFC 4514 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    CommonName,
    Country,
    Email,
    Locality,
    Organisation,
    Unit,
}

/// Short names and object identifiers in DER.
const KNOWN: [(Attribute, &str, &[u8]); 6] = [
    (Attribute::CommonName, "CN", &[0x55, 4, 3]),
    (Attribute::Country, "C", &[0x55, 4, 6]),
    (Attribute::Email, "E", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]),
    (Attribute::Locality, "L", &[0x55, 4, 7]),
    (Attribute::Organisation, "O", &[0x55, 4, 10]),
    (Attribute::Unit, "OU", &[0x55, 4, 11]),
];
/// How many attributes of one Name are read.
const MAX_ATTRIBUTES: usize = 32;
/// Values longer than this, in bytes, are passed over; RFC 5280 Appendix A allows 64 characters for most.
const MAX_VALUE: usize = 512;

impl Attribute {
    /// Returns the attribute with this short name.
    pub(crate) fn named(short: &[u8]) -> Option<Self> {
        KNOWN.iter().find(|(_, known, _)| known.as_bytes() == short).map(|(attribute, ..)| *attribute)
    }

    fn with_oid(oid: &[u8]) -> Option<Self> {
        KNOWN.iter().find(|(.., known)| *known == oid).map(|(attribute, ..)| *attribute)
    }
}

/// Returns every attribute of a Name in DER, its object identifier and its value, in order, as far as it can be read.
pub(crate) fn each(name: &[u8]) -> impl Iterator<Item = (&[u8], der::Element<'_>)> {
    let mut sets = der::only(name, der::SEQUENCE).unwrap_or_default();
    let mut members: &[u8] = &[];
    std::iter::from_fn(move || {
        loop {
            if members.is_empty() {
                (members, sets) = der::expect(sets, der::SET)?;
                continue;
            }
            let (member, rest) = der::expect(members, der::SEQUENCE)?;
            members = rest;
            let (oid, value) = der::expect(member, der::OBJECT_IDENTIFIER)?;
            let (value, _) = der::read(value)?;
            return Some((oid, value));
        }
    })
}

/// Returns the known attributes of a Name in DER, in their order. Hostile text: escape before showing.
pub(crate) fn attributes(name: &[u8]) -> Vec<(Attribute, Cow<'_, str>)> {
    let short = each(name).filter(|(_, value)| value.content.len() <= MAX_VALUE);
    short.filter_map(|(oid, value)| Some((Attribute::with_oid(oid)?, text(value)))).take(MAX_ATTRIBUTES).collect()
}

/// Reads a DirectoryString (RFC 5280 §4.1.2.4), whatever its type; a TeletexString as Latin-1, which is what old certificates hold.
pub(crate) fn text(value: der::Element<'_>) -> Cow<'_, str> {
    match value.tag {
        BMP_STRING => {
            let (units, _) = value.content.as_chunks::<2>();
            let units = char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit)));
            units.map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into()
        }
        UNIVERSAL_STRING => {
            let (points, _) = value.content.as_chunks::<4>();
            let points = points.iter().map(|point| char::from_u32(u32::from_be_bytes(*point)));
            points.map(|point| point.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into()
        }
        _ => std::str::from_utf8(value.content)
            .map_or_else(|_| value.content.iter().copied().map(char::from).collect::<String>().into(), Cow::from),
    }
}

/// Says whether two Names in DER, as far as they can be read, are one: the same attributes in the same order, and the same text
/// whatever its string type, letter case and spaces (RFC 5280 §7.1).
///
/// mockttp 4.6.3 writes the UTF8Strings of its CA's name as PrintableStrings. OpenSSL follows such a chain, and so does whoever else
/// compares as the RFC wants: a CA must not go unseen for it.
pub(crate) fn are_one(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    let (mut ones, mut others) = (each(one), each(other));
    for read in 0..=MAX_ATTRIBUTES {
        match (ones.next(), others.next()) {
            (Some((oid, value)), Some((other_oid, other_value))) if oid == other_oid && are_one_text(value, other_value) => {}
            (None, None) => return read > 0,
            _ => return false,
        }
    }
    false
}

fn are_one_text(one: der::Element<'_>, other: der::Element<'_>) -> bool {
    let words = |value| text(value).split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    let is_short = one.content.len() <= MAX_VALUE && other.content.len() <= MAX_VALUE;
    one.content == other.content || (is_short && words(one) == words(other))
}

/// UniversalString: UTF-32, big-endian (X.690 §8.23.7).
pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
/// BMPString: UTF-16 without surrogates, big-endian (X.690 §8.23.8).
pub(crate) const BMP_STRING: u8 = 0x1e;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use super::*;

    const UTF8_STRING: u8 = 0x0c;

    /// Writes a Name from text such as `CN=Lab Root | O=Lab`; attributes without a short name here get an OID of their own.
    pub(crate) fn name(text: &str) -> Vec<u8> {
        written(text, |value| (UTF8_STRING, value.as_bytes().to_vec()))
    }

    fn written(text: &str, value: impl Fn(&str) -> (u8, Vec<u8>)) -> Vec<u8> {
        let mut sets = Vec::new();
        for part in text.split(" | ") {
            let (short, content) = part.split_once('=').unwrap();
            let oid = KNOWN.iter().find(|(_, known, _)| *known == short).map_or(&[0x55, 4, 8][..], |(.., oid)| oid);
            let (tag, content) = value(content);
            let member = [der::write(der::OBJECT_IDENTIFIER, oid), der::write(tag, &content)].concat();
            sets.extend(der::write(0x31, &der::write(der::SEQUENCE, &member)));
        }
        der::write(der::SEQUENCE, &sets)
    }

    #[test]
    fn the_string_type_does_not_show() {
        let utf16 = |value: &str| (BMP_STRING, value.encode_utf16().flat_map(u16::to_be_bytes).collect());
        let latin = |value: &str| (0x14, value.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect());
        let expected = vec![(Attribute::CommonName, "Türk".into()), (Attribute::Email, "a@b".into())];
        let text = "CN=Türk | E=a@b";
        assert_eq!(attributes(&name(text)), expected);
        assert_eq!(attributes(&written(text, utf16)), expected);
        assert_eq!(attributes(&written(text, latin)), expected);
    }

    #[test]
    fn names_are_one_whatever_their_strings_and_no_longer_when_a_word_differs() {
        let printable = |value: &str| (0x13, value.to_uppercase().replace(' ', "  ").into_bytes());
        let text = "CN=Lab Root | O=Lab";
        assert!(are_one(&name(text), &name(text)) && are_one(&name(text), &written(text, printable)));
        for other in ["CN=Lab Root | O=Lab | O=Lab", "CN=Lab Root", "CN=LabRoot | O=Lab", "O=Lab | CN=Lab Root", "CN=Lab | O=Lab Root"] {
            assert!(!are_one(&name(text), &written(other, printable)), "{other}");
        }
        let (none, broken) = (der::write(der::SEQUENCE, &[]), der::write(der::SEQUENCE, &[1]));
        assert!(are_one(&none, &none) && !are_one(&none, &broken) && !are_one(&none, &name(text)));
    }

    #[test]
    fn attributes_nobody_asks_for_are_passed_over() {
        assert_eq!(attributes(&name("ST=Nowhere | O=Lab")), [(Attribute::Organisation, "Lab".into())]);
    }

    #[test]
    fn a_broken_or_crowded_name_hurts_nobody() {
        let whole = name("CN=Lab Root | O=Lab");
        for end in 0..whole.len() {
            let _ = attributes(whole.get(..end).unwrap());
        }
        assert_eq!(attributes(&name(&["CN=a"; 100].join(" | "))).len(), MAX_ATTRIBUTES);
        assert!(attributes(&name(&format!("CN={}", "x".repeat(MAX_VALUE + 1)))).is_empty());
    }
}
