//! What an audit reads of a certificate beyond its role: version, algorithms, extensions and their flags.
//!
//! One walk over the DER, in which nothing is copied: a database holds millions of certificates.

use crate::extensions::{self, Extension};
use crate::{der, names};

/// A certificate's fields as an audit looks at them.
#[derive(Debug)]
pub(super) struct Fields<'e> {
    /// X.509 version, as people count: 1, 2 or 3.
    pub(super) version: u8,
    /// Contents octets of the serial number.
    pub(super) serial: &'e [u8],
    /// The AlgorithmIdentifier that is signed, with its header.
    pub(super) signed_algorithm: &'e [u8],
    /// The AlgorithmIdentifier beside the signature, with its header.
    pub(super) outer_algorithm: &'e [u8],
    /// The subject's key.
    pub(super) key: Key<'e>,
    /// The extensions that an audit asks about.
    pub(super) extensions: Extensions<'e>,
}

/// A public key, as far as its kind and size matter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'e> {
    /// RSA: magnitudes without leading zeros.
    Rsa { modulus: &'e [u8], exponent: &'e [u8] },
    /// On a curve of this OID.
    Curve(&'e [u8]),
    /// Of a kind we know nothing of.
    Other,
    /// RSA that is no pair of positive numbers.
    Malformed,
}

/// The extensions that an audit asks about; the first of each kind.
#[derive(Debug, Default)]
pub(super) struct Extensions<'e> {
    pub(super) subject_key_id: Option<Extension<'e>>,
    pub(super) key_usage: Option<Extension<'e>>,
    pub(super) subject_alt_name: Option<Extension<'e>>,
    pub(super) basic_constraints: Option<Extension<'e>>,
    pub(super) name_constraints: Option<Extension<'e>>,
    pub(super) crl_distribution_points: Option<Extension<'e>>,
    pub(super) policies: Option<Extension<'e>>,
    pub(super) authority_key_id: Option<Extension<'e>>,
    pub(super) purposes: Option<Extension<'e>>,
    /// Some extension stands there twice (RFC 5280 §4.2 allows one of each).
    pub(super) repeated: bool,
}

/// basicConstraints (RFC 5280 §4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Basic {
    pub(super) ca: bool,
    pub(super) has_path_length: bool,
}

/// keyUsage bits (RFC 5280 §4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) key_cert_sign: bool,
    pub(super) crl_sign: bool,
}

/// Extended key usages (RFC 5280 §4.2.1.12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each purpose is there or not")]
pub(super) struct Listed {
    pub(super) server: bool,
    pub(super) email: bool,
    pub(super) any: bool,
    /// codeSigning, timeStamping, OCSPSigning or the signing of precertificates.
    pub(super) foreign_to_servers: bool,
}

impl<'e> Fields<'e> {
    /// Reads a certificate; `None` when it is not strict DER down to its extensions.
    pub(super) fn read(certificate: &'e [u8]) -> Option<Self> {
        let (tbs, rest) = der::expect(der::only(certificate, der::SEQUENCE)?, der::SEQUENCE)?;
        let (outer, _) = element(rest, der::SEQUENCE)?;
        let (version, rest) = read_version(tbs)?;
        let (serial, rest) = der::expect(rest, der::INTEGER)?;
        let (signed, rest) = element(rest, der::SEQUENCE)?;
        let (_issuer, rest) = der::expect(rest, der::SEQUENCE)?;
        let (_validity, rest) = der::expect(rest, der::SEQUENCE)?;
        let (_subject, rest) = der::expect(rest, der::SEQUENCE)?;
        let (spki, mut rest) = der::expect(rest, der::SEQUENCE)?;
        let mut extensions = Extensions::default();
        while !rest.is_empty() {
            let (field, after) = der::read(rest)?;
            if field.tag == EXTENSIONS {
                extensions = Extensions::read(field.content)?;
            }
            rest = after;
        }
        Some(Self { version, serial, signed_algorithm: signed, outer_algorithm: outer, key: Key::read(spki)?, extensions })
    }
}

fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (element, rest) = der::read(input)?;
    (element.tag == tag).then_some((element.whole, rest))
}

fn read_version(tbs: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = der::read(tbs)?;
    if first.tag != VERSION {
        return Some((1, tbs));
    }
    let &[number] = der::only(first.content, der::INTEGER)? else { return None };
    Some((number.checked_add(1)?, rest))
}

impl<'e> Key<'e> {
    fn read(spki: &'e [u8]) -> Option<Self> {
        let (algorithm, rest) = der::expect(spki, der::SEQUENCE)?;
        let (_unused, bits) = der::only(rest, der::BIT_STRING)?.split_first()?;
        let (kind, parameters) = der::expect(algorithm, der::OBJECT_IDENTIFIER)?;
        Some(match kind {
            RSA => Self::read_rsa(bits).unwrap_or(Self::Malformed),
            ELLIPTIC => der::only(parameters, der::OBJECT_IDENTIFIER).map_or(Self::Other, Self::Curve),
            _ => Self::Other,
        })
    }

    fn read_rsa(bits: &'e [u8]) -> Option<Self> {
        let (modulus, rest) = der::positive_integer(der::only(bits, der::SEQUENCE)?)?;
        let (exponent, _) = der::positive_integer(rest)?;
        Some(Self::Rsa { modulus, exponent })
    }
}

impl<'e> Extensions<'e> {
    fn read(content: &'e [u8]) -> Option<Self> {
        let mut all = Self::default();
        let mut others: [&[u8]; 16] = [&[]; 16];
        let mut count = 0_usize;
        for extension in extensions::each(der::only(content, der::SEQUENCE)?) {
            let extension = extension?;
            let oid = extension.id;
            if let Some(slot) = all.slot(oid) {
                let repeated = slot.is_some();
                slot.get_or_insert(extension);
                all.repeated |= repeated;
            } else {
                all.repeated |= others.iter().take(count).any(|known| *known == oid);
                // A certificate with more than these is none that anybody issues; its repeats go untold.
                if let Some(slot) = others.get_mut(count) {
                    *slot = oid;
                    count = count.saturating_add(1);
                }
            }
        }
        Some(all)
    }

    fn slot(&mut self, oid: &[u8]) -> Option<&mut Option<Extension<'e>>> {
        let [0x55, 0x1d, last] = *oid else { return None };
        Some(match last {
            14 => &mut self.subject_key_id,
            15 => &mut self.key_usage,
            17 => &mut self.subject_alt_name,
            19 => &mut self.basic_constraints,
            30 => &mut self.name_constraints,
            31 => &mut self.crl_distribution_points,
            32 => &mut self.policies,
            35 => &mut self.authority_key_id,
            37 => &mut self.purposes,
            _ => return None,
        })
    }

    /// Returns basicConstraints: none when they are not there or cannot be read.
    pub(super) fn basic(&self) -> Option<Basic> {
        let mut rest = der::only(self.basic_constraints?.value, der::SEQUENCE)?;
        let mut basic = Basic { ca: false, has_path_length: false };
        if let Some((flag, after)) = der::expect(rest, BOOLEAN) {
            basic.ca = flag == [0xff];
            rest = after;
        }
        if let Some((_, after)) = der::expect(rest, der::INTEGER) {
            basic.has_path_length = true;
            rest = after;
        }
        rest.is_empty().then_some(basic)
    }

    /// Returns keyUsage: none when it is not there or cannot be read.
    pub(super) fn usage(&self) -> Option<Usage> {
        let (_unused, bits) = der::only(self.key_usage?.value, der::BIT_STRING)?.split_first()?;
        let first = bits.first().copied().unwrap_or_default();
        Some(Usage { key_cert_sign: first & 0x04 != 0, crl_sign: first & 0x02 != 0 })
    }

    /// Returns the extended key usages: none when they are not there or cannot be read.
    pub(super) fn listed_purposes(&self) -> Option<Listed> {
        let mut listed = Listed::default();
        let mut rest = der::only(self.purposes?.value, der::SEQUENCE)?;
        while !rest.is_empty() {
            let (oid, after) = der::expect(rest, der::OBJECT_IDENTIFIER)?;
            rest = after;
            match oid {
                [0x55, 0x1d, 0x25, 0x00] => listed.any = true,
                [0x2b, 6, 1, 5, 5, 7, 3, 1] => listed.server = true,
                [0x2b, 6, 1, 5, 5, 7, 3, 4] => listed.email = true,
                [0x2b, 6, 1, 5, 5, 7, 3, 3 | 8 | 9] | PRECERTIFICATE_SIGNING => listed.foreign_to_servers = true,
                _ => {}
            }
        }
        Some(listed)
    }

    /// Says whether some distribution point is an HTTP URL.
    pub(super) fn has_http_crl(&self) -> bool {
        // A uniformResourceIdentifier is an IA5String inside; no other field of the extension holds text like it.
        self.crl_distribution_points.is_some_and(|points| points.value.windows(7).any(|part| part.eq_ignore_ascii_case(b"http://")))
    }

    /// Says whether a certificate claims one of the CA/Browser Forum's policies for servers (BR §7.1.6.1, EVG).
    pub(super) fn claims_baseline(&self) -> bool {
        let policies = self.policies.and_then(|policies| der::only(policies.value, der::SEQUENCE));
        let mut rest = policies.unwrap_or_default();
        while let Some((policy, after)) = der::expect(rest, der::SEQUENCE) {
            if let Some(([0x67, 0x81, 0x0c, 1, 1] | [0x67, 0x81, 0x0c, 1, 2, 1..=3], _)) = der::expect(policy, der::OBJECT_IDENTIFIER) {
                return true;
            }
            rest = after;
        }
        false
    }
}

/// Returns the text of every attribute of a kind in a Name, with its header; the kind is the last arc below 2.5.4.
pub(super) fn attributes(name: &[u8], kind: u8) -> impl Iterator<Item = &[u8]> {
    names::each(name).filter(move |(oid, _)| *oid == [0x55, 4, kind]).map(|(_, value)| value.content)
}

/// Says whether subjectAltName holds a dNSName (RFC 5280 §4.2.1.6).
pub(super) fn has_dns_name(alt_names: Extension<'_>) -> bool {
    let mut rest = der::only(alt_names.value, der::SEQUENCE).unwrap_or_default();
    while let Some((name, after)) = der::read(rest) {
        if name.tag == DNS_NAME {
            return true;
        }
        rest = after;
    }
    false
}

const BOOLEAN: u8 = 0x01;
const DNS_NAME: u8 = 0x82;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// rsaEncryption.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// id-ecPublicKey.
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// Signing of precertificates (RFC 6962 §3.1).
const PRECERTIFICATE_SIGNING: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 4];
