//! Reads the few fields of a certificate that tables hold, also of old ones that strict parsers refuse.

use mintwatch_validator::evidence::Sha256;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// What the tables need of one certificate. Slices are DER with their headers.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) sha256: Sha256,
    pub(super) spki_sha256: Sha256,
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) spki: Vec<u8>,
    /// The value of the nameConstraints extension, a SEQUENCE with its header.
    pub(super) name_constraints: Option<Vec<u8>>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub(super) not_before: String,
    pub(super) not_after: String,
}

/// One DER element: its tag, its content, and the whole of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'d> {
    pub(crate) tag: u8,
    pub(crate) content: &'d [u8],
    pub(crate) whole: &'d [u8],
}

impl Facts {
    /// Reads one certificate; `None` when it is not built as RFC 5280 §4.1 says.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (certificate, _) = element(der)?;
        let (tbs, _) = element(certificate.content)?;
        let mut fields = elements(tbs.content);
        // The version is absent in v1; the serial number and the algorithm are passed over.
        if fields.next()?.tag == 0xa0 {
            fields.next()?;
        }
        fields.next()?;
        let issuer = fields.next()?;
        let validity = fields.next()?;
        let subject = fields.next()?;
        let spki = fields.next()?;
        let mut dates = elements(validity.content);
        let extensions = fields.find(|field| field.tag == 0xa3);
        Some(Self {
            sha256: Sha256::of(certificate.whole),
            spki_sha256: Sha256::of(spki.whole),
            subject: subject.whole.to_vec(),
            issuer: issuer.whole.to_vec(),
            spki: spki.whole.to_vec(),
            name_constraints: extensions.and_then(name_constraints),
            not_before: time(dates.next()?)?,
            not_after: time(dates.next()?)?,
        })
    }

    /// Returns the organisation of the subject, or its common name where there is none.
    pub(super) fn owner(&self) -> String {
        let name = names(&self.subject);
        pick(&name, &["2.5.4.10", "2.5.4.3", "2.5.4.11"])
    }

    /// Returns the name people know the certificate by.
    pub(super) fn name(&self) -> String {
        let name = names(&self.subject);
        pick(&name, &["2.5.4.3", "2.5.4.11", "2.5.4.10"])
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// Puts the SEQUENCE header before the content of one.
pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
    tagged(0x30, content)
}

/// Puts a tag and the length before some content.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let length = content.len();
    if length < 0x80 {
        der.extend(u8::try_from(length));
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        der.extend(u8::try_from(bytes.len()).map(|count| 0x80 | count));
        der.extend(bytes);
    }
    der.extend_from_slice(content);
    der
}

/// Returns the attributes of a Name (DER with header) as dotted OID and text.
pub(super) fn names(name: &[u8]) -> Vec<(String, String)> {
    let Ok((_, name)) = X509Name::from_der(name) else { return Vec::new() };
    name.iter_attributes()
        .map(|attribute| {
            let value = attribute.attr_value();
            let text = if value.tag().0 == 30 {
                let (units, _) = value.data.as_chunks::<2>();
                String::from_utf16_lossy(&units.iter().map(|unit| u16::from_be_bytes(*unit)).collect::<Vec<_>>())
            } else {
                // Old roots hold Latin-1 in a TeletexString.
                std::str::from_utf8(value.data).map_or_else(|_| value.data.iter().copied().map(char::from).collect(), str::to_owned)
            };
            (attribute.attr_type().to_id_string(), clean(&text))
        })
        .collect()
}

/// Makes text fit for one field of a table.
pub(super) fn clean(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn pick(name: &[(String, String)], wanted: &[&str]) -> String {
    wanted
        .iter()
        .find_map(|oid| name.iter().find(|(at, text)| at == oid && !text.is_empty()))
        .map(|(_, text)| text.clone())
        .unwrap_or_default()
}

fn name_constraints(extensions: Element<'_>) -> Option<Vec<u8>> {
    let (list, _) = element(extensions.content)?;
    for extension in elements(list.content) {
        let mut parts = elements(extension.content);
        if parts.next()?.content == [0x55, 0x1d, 0x1e] {
            return parts.find(|part| part.tag == 0x04).map(|value| value.content.to_vec());
        }
    }
    None
}

/// UTCTime and GeneralizedTime as RFC 5280 §4.1.2.5 reads them; seconds may be missing in old roots.
fn time(field: Element<'_>) -> Option<String> {
    let text = std::str::from_utf8(field.content).ok()?;
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let full = match field.tag {
        0x17 if digits.get(..2)? >= "50" => format!("19{digits}"),
        0x17 => format!("20{digits}"),
        0x18 => digits,
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| full.get(range).filter(|digits| !digits.is_empty());
    Some(format!("{}-{}-{}T{}:{}:{}Z", part(0..4)?, part(4..6)?, part(6..8)?, part(8..10)?, part(10..12)?, part(12..14).unwrap_or("00")))
}

pub(crate) fn elements(mut der: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (first, rest) = element(der)?;
        der = rest;
        Some(first)
    })
}

pub(crate) fn element(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if octets.is_empty() || octets.len() > 4 {
            return None;
        }
        (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = der.get(..der.len() - rest.len())?;
    Some((Element { tag, content, whole }, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn agrees_with_a_full_parser_about_every_root_of_the_crate() {
        for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let facts = Facts::read(der).unwrap();
            let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
            assert_eq!(facts.subject, parsed.subject().as_raw());
            assert_eq!(facts.spki, parsed.public_key().raw);
            assert!(facts.is_self_issued());
            assert!(!facts.owner().is_empty() && !facts.name().is_empty());
        }
    }

    #[test]
    fn a_long_sequence_gets_a_long_header() {
        assert_eq!(sequence(&[7; 300])[..4], [0x30, 0x82, 0x01, 0x2c]);
        assert_eq!(sequence(&[]), [0x30, 0]);
    }

    #[test]
    fn a_truncated_certificate_has_no_facts() {
        let der = &webpki_root_certs::TLS_SERVER_ROOT_CERTS[0];
        for length in 0..200 {
            assert!(Facts::read(&der[..length]).is_none());
        }
    }
}
