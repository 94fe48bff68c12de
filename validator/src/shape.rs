//! How a certificate is made: its extensions in their order, and what they point to. Reads, never decides.

use std::fmt;

use x509_parser::extensions::{ParsedExtension, X509Extension};

/// What a certificate's makers put into it, whatever its names say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and is read by name")]
pub struct Shape {
    /// Every extension in its order (RFC 5280 §4.2).
    pub extensions: Extensions,
    /// An OCSP responder is named (id-ad-ocsp, RFC 5280 §4.2.2.1).
    pub ocsp: bool,
    /// The issuer's certificate is pointed to (id-ad-caIssuers, same section).
    pub ca_issuers: bool,
    /// A CRL is pointed to (RFC 5280 §4.2.1.13).
    pub crl: bool,
    /// How many certificate policies are asserted (RFC 5280 §4.2.1.4); no more than 255 are counted.
    pub policies: u8,
    /// Some name stands in subjectAltName (RFC 5280 §4.2.1.6).
    pub alternative_names: bool,
}

/// The extensions of one certificate in their order, and which of them are critical.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    marks: [u8; MAX_EXTENSIONS],
    count: u8,
}

/// How many extensions are remembered; real certificates have a dozen at most.
const MAX_EXTENSIONS: usize = 24;
/// Set in the mark of a critical extension.
const CRITICAL: u8 = 0x80;
/// The mark of an extension that is not in [`KNOWN`].
const OTHER: u8 = 0x7f;

/// The extensions that have a short name here, by their object identifiers in DER.
const KNOWN: [(&str, &[u8]); 13] = [
    ("AIA", &[0x2b, 6, 1, 5, 5, 7, 1, 1]),
    ("AKI", &[0x55, 0x1d, 35]),
    ("BC", &[0x55, 0x1d, 19]),
    ("CP", &[0x55, 0x1d, 32]),
    ("CRLDP", &[0x55, 0x1d, 31]),
    ("EKU", &[0x55, 0x1d, 37]),
    ("KU", &[0x55, 0x1d, 15]),
    ("NC", &[0x55, 0x1d, 30]),
    ("NScertType", &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1]),
    ("NScomment", &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 13]),
    ("SAN", &[0x55, 0x1d, 17]),
    ("SCT", &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2]),
    ("SKI", &[0x55, 0x1d, 14]),
];
/// id-ad-ocsp and id-ad-caIssuers.
const OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1];
const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];

impl Shape {
    /// Takes note of the next extension.
    pub(crate) fn note(&mut self, extension: &X509Extension<'_>) {
        self.extensions.push(extension.oid.as_bytes(), extension.critical);
        match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => {
                for description in &access.accessdescs {
                    self.ocsp |= description.access_method.as_bytes() == OCSP;
                    self.ca_issuers |= description.access_method.as_bytes() == CA_ISSUERS;
                }
            }
            ParsedExtension::CRLDistributionPoints(points) => self.crl |= !points.points.is_empty(),
            ParsedExtension::CertificatePolicies(policies) => self.policies = u8::try_from(policies.len()).unwrap_or(u8::MAX),
            ParsedExtension::SubjectAlternativeName(names) => self.alternative_names |= !names.general_names.is_empty(),
            _ => {}
        }
    }
}

impl Extensions {
    /// Reads the form that [`fmt::Display`] writes: short names with commas between, `!` before a critical one, `?` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        let mut extensions = Self::default();
        for name in text.split(',').filter(|name| !name.is_empty()) {
            let (name, critical) = name.strip_prefix('!').map_or((name, false), |name| (name, true));
            let oid = Self::oid(name);
            if (oid.is_none() && name != "?") || usize::from(extensions.count) == MAX_EXTENSIONS {
                return None;
            }
            extensions.push(oid.unwrap_or_default(), critical);
        }
        Some(extensions)
    }

    /// Returns how many there are; no more than 24 are counted.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns whether an extension is there, by its short name.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|(known, _)| known == name)
    }

    /// Returns the object identifier with this short name, in DER without its header.
    pub(crate) fn oid(name: &str) -> Option<&'static [u8]> {
        KNOWN.iter().find(|(known, _)| *known == name).map(|(_, oid)| *oid)
    }

    fn push(&mut self, oid: &[u8], critical: bool) {
        // The last octet tells most of them apart, and every certificate comes by here.
        let known = KNOWN.iter().position(|(_, known)| known.last() == oid.last() && *known == oid);
        let mark = known.and_then(|index| u8::try_from(index).ok()).unwrap_or(OTHER);
        if let Some(free) = self.marks.get_mut(usize::from(self.count)) {
            *free = if critical { mark | CRITICAL } else { mark };
            self.count += 1;
        }
    }

    fn names(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.marks.iter().take(self.len()).map(|mark| {
            let known = KNOWN.get(usize::from(mark & !CRITICAL));
            (known.map_or("?", |(name, _)| *name), mark & CRITICAL != 0)
        })
    }
}

impl fmt::Display for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, critical)) in self.names().enumerate() {
            write!(f, "{}{}{name}", if index > 0 { "," } else { "" }, if critical { "!" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rcgen::{CertificateParams, CrlDistributionPoint, CustomExtension, KeyPair};

    use super::*;
    use crate::chain::Certificate;

    fn made(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(["www.example.org".to_owned()]).unwrap();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn custom(oid: &[u64], content: &[u8], critical: bool) -> CustomExtension {
        let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
        extension.set_criticality(critical);
        extension
    }

    #[test]
    fn extensions_are_read_in_their_order_with_what_is_critical() {
        let der = made(|params| {
            params.custom_extensions = vec![custom(&[1, 2, 3], &[5, 0], true), custom(&[2, 16, 840, 1, 113_730, 1, 13], &[0x16, 0], false)];
        });
        assert_eq!(Certificate::read(&der).unwrap().shape.extensions.to_string(), "SAN,!?,NScomment");
    }

    #[test]
    fn pointers_and_policies_are_seen() {
        let der = made(|params| {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec!["http://crl.example.org/a.crl".to_owned()] }];
            params.custom_extensions = vec![
                // One id-ad-ocsp, and one policy, 2.23.140.1.2.1.
                custom(&[1, 3, 6, 1, 5, 5, 7, 1, 1], b"\x30\x12\x30\x10\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x04http", false),
                custom(&[2, 5, 29, 32], b"\x30\x0a\x30\x08\x06\x06\x67\x81\x0c\x01\x02\x01", false),
            ];
        });
        let shape = Certificate::read(&der).unwrap().shape;
        assert!(shape.ocsp && !shape.ca_issuers && shape.crl && shape.alternative_names);
        assert_eq!(shape.policies, 1);
    }

    #[test]
    fn what_is_not_there_is_not_seen() {
        let der = made(|params| params.subject_alt_names.clear());
        assert_eq!(Certificate::read(&der).unwrap().shape, Shape::default());
    }

    #[test]
    fn the_text_of_an_order_is_read_again_as_it_was_written() {
        for text in ["", "SAN", "!KU,EKU,!BC,SKI,AKI,AIA,CRLDP,SAN,CP,SCT", "BC,NScomment,NScertType,!NC,?,!?"] {
            assert_eq!(Extensions::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Extensions::parse("SAN,xyz"), None);
        assert_eq!(Extensions::parse(&"SAN,".repeat(25)), None);
    }

    #[test]
    fn a_crowd_of_extensions_is_cut_and_hurts_nobody() {
        let crowd = (0..200).map(|last| custom(&[1, 2, 3, last], &[5, 0], false)).collect();
        let der = made(|params| params.custom_extensions = crowd);
        assert_eq!(Certificate::read(&der).unwrap().shape.extensions.len(), MAX_EXTENSIONS);
    }
}
