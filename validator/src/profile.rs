//! What RFC 5280 and the Baseline Requirements ask of a certificate in its role, beyond what a path needs to hold.
//!
//! A verifier may accept a certificate that breaks its profile, and most do. Nobody issues one by
//! accident who keeps the rules, though: such a path is not *clear*. Each rule stands here only as far
//! as no certificate of a public CA in good standing breaks it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::chain::Certificate;
use crate::extensions::{self as ext, Extension};
use crate::{der, name_constraints, names, signatures};

/// What a certificate is used as on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The TLS server's own.
    EndEntity,
    /// Any CA's between the server's and the anchor.
    Subordinate,
    /// A trust anchor's, where it is known as a certificate.
    Anchor,
}

/// Whose rules a certificate is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// RFC 5280 alone, and of it what a verifier can be led astray by: for what is issued under an anchor of one's own.
    Pkix,
    /// The Baseline Requirements for TLS Server Certificates besides, as they are in force at a UNIX second.
    WebPki {
        /// When the certificate is used.
        at: i64,
    },
}

/// A rule that a certificate breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Its extensions, or one that decides here, are not in DER as RFC 5280 §4.2 lays them out.
    MalformedExtension,
    /// One extension stands in it twice (RFC 5280 §4.2).
    DuplicateExtension,
    /// It has a critical extension that nobody here understands (RFC 5280 §4.2).
    UnknownCriticalExtension,
    /// A key identifier or authority information access is critical (RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1).
    WronglyCritical,
    /// basicConstraints of a CA, or policyConstraints, is not critical (RFC 5280 §4.2.1.9, §4.2.1.11).
    NotCritical,
    /// The issuer's Name is empty, or that of a CA's subject (RFC 5280 §4.1.2.4, §4.1.2.6).
    EmptyName,
    /// It issues, and basicConstraints does not say that it is a CA (RFC 5280 §4.2.1.9).
    NotACa,
    /// It issues, and keyUsage lacks keyCertSign (RFC 5280 §4.2.1.3).
    NoKeyCertSign,
    /// keyCertSign without being a CA (RFC 5280 §4.2.1.9).
    KeyCertSignWithoutCa,
    /// A CA without subjectKeyIdentifier (RFC 5280 §4.2.1.2).
    NoSubjectKeyId,
    /// No keyIdentifier of the issuer, and not self-signed (RFC 5280 §4.2.1.1).
    NoAuthorityKeyId,
    /// The authority key identifier of a self-signed root is not its own key's, or names an issuer and a
    /// serial number (BR §7.1.2.1.3).
    AuthorityKeyIdMismatch,
    /// Name constraints that constrain nothing or cannot be read (RFC 5280 §4.2.1.10).
    EmptyNameConstraints,
    /// Name constraints in an end-entity certificate (RFC 5280 §4.2.1.10).
    MisplacedNameConstraints,
    /// A serial number that is zero, negative, or longer than 20 octets (RFC 5280 §4.1.2.2; BR §7.1).
    SerialNumber,
    /// subjectAltName is critical beside a subject, or not critical in place of one (RFC 5280 §4.2.1.6; BR §7.1.2.7.12).
    AlternativeNameCriticality,
    /// A dNSName that is none: an address, an underscore, a wildcard over a whole top-level domain (RFC 5280
    /// §4.2.1.6; BR §3.2.2.6, §7.1.2.7.12).
    ImproperName,
    /// The common name is an alternative name written otherwise (BR §7.1.4.3).
    CommonNameSpelling,
    /// The common name is none of the alternative names (BR §7.1.4.3). Clients pass it over.
    CommonName,
    /// Extended key usage: any, critical, or present in a root (BR §7.1.2.1.2, §7.1.2.7.6, §7.1.2.7.10).
    Purposes,
    /// A CA that is called like a server, or has a dNSName (BR §7.1.2.7.8, TURKTRUST 2011). A few real ones are.
    ServerNameInCa,
    /// No extended key usage for TLS servers (BR §7.1.2.7.10). Clients pass over one that has none at all.
    NoServerPurpose,
    /// A key that is neither RSA of at least 2048 bits in whole octets nor on P-256, P-384 or P-521 (BR §6.1.5).
    KeyKind,
}

/// Returns the rules that a certificate breaks in its role; each once, in the order of [`Fault`].
///
/// A rule of the Baseline Requirements is asked of an end-entity that began after the rule did, and of
/// every one that is used when all from before must have ended: a date can be written back, the moment
/// of use cannot.
pub fn faults(certificate: &Certificate<'_>, role: Role, rules: Rules) -> Vec<Fault> {
    let Some(extensions) = ext::of(certificate.signed_parts().tbs) else { return vec![Fault::MalformedExtension] };
    let look = Look { certificate, extensions, role, rules };
    Fault::ALL.into_iter().filter(|&fault| look.breaks(fault)).collect()
}

impl Fault {
    /// Every rule, in order.
    pub const ALL: [Self; 23] = [
        Self::MalformedExtension,
        Self::DuplicateExtension,
        Self::UnknownCriticalExtension,
        Self::WronglyCritical,
        Self::NotCritical,
        Self::EmptyName,
        Self::NotACa,
        Self::NoKeyCertSign,
        Self::KeyCertSignWithoutCa,
        Self::NoSubjectKeyId,
        Self::NoAuthorityKeyId,
        Self::AuthorityKeyIdMismatch,
        Self::EmptyNameConstraints,
        Self::MisplacedNameConstraints,
        Self::SerialNumber,
        Self::AlternativeNameCriticality,
        Self::ImproperName,
        Self::CommonNameSpelling,
        Self::CommonName,
        Self::Purposes,
        Self::ServerNameInCa,
        Self::NoServerPurpose,
        Self::KeyKind,
    ];

    /// Returns whether a path with it is refused; the other rules are broken by certificates that every client takes.
    pub fn refuses(self) -> bool {
        !matches!(self, Self::CommonName | Self::ServerNameInCa | Self::NoServerPurpose)
    }

    /// Returns what is wrong, as one clause in lower case.
    pub fn says(self) -> &'static str {
        match self {
            Self::MalformedExtension => "an extension is malformed",
            Self::DuplicateExtension => "an extension stands in it twice",
            Self::UnknownCriticalExtension => "a critical extension is unknown",
            Self::WronglyCritical => "an extension is critical that must not be",
            Self::NotCritical => "an extension is not critical that must be",
            Self::EmptyName => "a name is empty that must not be",
            Self::NotACa => "it issues and is no CA",
            Self::NoKeyCertSign => "it issues and its key usage does not allow that",
            Self::KeyCertSignWithoutCa => "its key usage allows issuing, and it is no CA",
            Self::NoSubjectKeyId => "a CA without a subject key identifier",
            Self::NoAuthorityKeyId => "no authority key identifier",
            Self::AuthorityKeyIdMismatch => "a root whose authority key identifier is not its own key's",
            Self::EmptyNameConstraints => "name constraints that constrain nothing",
            Self::MisplacedNameConstraints => "name constraints in an end-entity certificate",
            Self::SerialNumber => "a serial number that is not positive or too long",
            Self::AlternativeNameCriticality => "the alternative names are critical, or not, against the rule",
            Self::ImproperName => "an alternative name that is no host name",
            Self::CommonNameSpelling => "the common name is an alternative name, written otherwise",
            Self::CommonName => "the common name is none of the alternative names",
            Self::Purposes => "extended key usages against the rule",
            Self::ServerNameInCa => "a CA that is called like a server",
            Self::NoServerPurpose => "no extended key usage for TLS servers",
            Self::KeyKind => "a key of a kind or size that is not allowed",
        }
    }
}

/// Returns whether a certificate is of a version that has extensions; the first has no field for its version.
pub(crate) fn has_extensions(certificate: &Certificate<'_>) -> bool {
    der::only(certificate.signed_parts().tbs, der::SEQUENCE).and_then(der::read).is_some_and(|(first, _)| first.tag == 0xa0)
}

/// Returns the common name that reads like a TLS server's: labels of letters, digits and hyphens, and maybe a wildcard.
pub(crate) fn server_name<'e>(certificate: &Certificate<'e>) -> Option<&'e str> {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_server = |name: &&str| {
        let host = name.strip_prefix("*.").unwrap_or(name);
        let top = host.rsplit('.').next().unwrap_or_default();
        host.contains('.') && host.split('.').all(is_label) && top.len() > 1 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    common_names(certificate.subject).filter_map(|text| std::str::from_utf8(text).ok()).find(is_server)
}

/// One certificate under examination.
struct Look<'c, 'e> {
    certificate: &'c Certificate<'e>,
    extensions: Vec<Extension<'e>>,
    role: Role,
    rules: Rules,
}

/// A rule of the Baseline Requirements: since when, and how long before that a certificate could have been issued and still be valid.
#[derive(Debug, Clone, Copy)]
struct InForce {
    since: i64,
    longest: i64,
}

const DAY: i64 = 86_400;
/// BR 1.0 of 2012-07-01; certificates of that time were valid for up to 60 months.
const BR_1: InForce = InForce { since: 1_341_100_800, longest: 1_827 * DAY };
/// RSA of 2048 bits, in whatever ended after 2013 (BR 1.0 Appendix A).
const RSA_2048: InForce = InForce { since: 1_388_534_400, longest: 0 };
/// Ballot SC12: no underscore from 2019-05-01 on, none longer than 30 days since 2018-12-10.
const SC12: InForce = InForce { since: 1_556_668_800, longest: 825 * DAY };
/// Ballot SC48: names are copied character by character, from 2021-10-01 on; 398 days since 2020-09-01.
const SC48: InForce = InForce { since: 1_633_046_400, longest: 398 * DAY };
/// Ballot SC62: certificate profiles, from 2023-09-15 on.
const SC62: InForce = InForce { since: 1_694_736_000, longest: 398 * DAY };

impl<'e> Look<'_, 'e> {
    fn breaks(&self, rule: Fault) -> bool {
        match rule {
            Fault::MalformedExtension => self.has_malformed(),
            Fault::DuplicateExtension => self.has_duplicates(),
            Fault::UnknownCriticalExtension => self.has_unknown_critical(),
            Fault::WronglyCritical => self.is_wrongly_critical(),
            Fault::NotCritical => self.is_public() && self.is_not_critical(),
            Fault::EmptyName => self.lacks_a_name(),
            Fault::NotACa => self.issues() && self.knows_extensions() && !self.certificate.is_ca,
            Fault::NoKeyCertSign => self.issues() && self.certificate.may_sign_certificates == Some(false),
            Fault::KeyCertSignWithoutCa => self.certificate.may_sign_certificates == Some(true) && !self.certificate.is_ca,
            Fault::NoSubjectKeyId => {
                self.is_public() && self.issues() && self.knows_extensions() && self.certificate.subject_key_id.is_none()
            }
            Fault::NoAuthorityKeyId => self.lacks_authority_key_id(),
            Fault::AuthorityKeyIdMismatch => self.has_mismatched_key_id(),
            Fault::EmptyNameConstraints => self.has_empty_name_constraints(),
            Fault::MisplacedNameConstraints => self.role == Role::EndEntity && self.get(ext::NAME_CONSTRAINTS).is_some(),
            Fault::SerialNumber => self.has_improper_serial(),
            Fault::AlternativeNameCriticality => self.has_alternative_names_of_wrong_criticality(),
            Fault::ImproperName => self.has_improper_names(),
            Fault::CommonNameSpelling => self.has_misspelled_common_name(),
            Fault::CommonName => self.has_another_common_name(),
            Fault::Purposes => self.has_wrong_purposes(),
            Fault::ServerNameInCa => self.issues() && (!self.certificate.dns_names.is_empty() || server_name(self.certificate).is_some()),
            Fault::NoServerPurpose => self.binds(BR_1) && !self.certificate.purposes.is_some_and(|listed| listed.server || listed.any),
            Fault::KeyKind => self.has_improper_key(),
        }
    }

    fn issues(&self) -> bool {
        self.role != Role::EndEntity
    }

    /// Whether it can say that it is a CA; anchors of version 1 are still about, and an anchor need not.
    fn knows_extensions(&self) -> bool {
        self.role != Role::Anchor || has_extensions(self.certificate)
    }

    fn is_public(&self) -> bool {
        self.rules != Rules::Pkix
    }

    fn get(&self, id: &[u8]) -> Option<Extension<'e>> {
        self.extensions.iter().copied().find(|extension| extension.id == id)
    }

    fn is_critical(&self, id: &[u8]) -> bool {
        self.get(id).is_some_and(|extension| extension.critical)
    }

    /// Whether a rule of the Baseline Requirements binds this end-entity.
    fn binds(&self, rule: InForce) -> bool {
        match self.rules {
            Rules::Pkix => false,
            Rules::WebPki { at } => {
                self.role == Role::EndEntity && (self.certificate.not_before >= rule.since || at >= rule.since.saturating_add(rule.longest))
            }
        }
    }

    fn has_malformed(&self) -> bool {
        self.extensions.iter().any(|extension| match extension.id {
            ext::SUBJECT_KEY_ID => der::only(extension.value, der::OCTET_STRING).is_none(),
            ext::KEY_USAGE => der::only(extension.value, der::BIT_STRING).is_none(),
            ext::BASIC_CONSTRAINTS | ext::AUTHORITY_KEY_ID => der::only(extension.value, der::SEQUENCE).is_none(),
            // SIZE (1..MAX) of each.
            ext::SUBJECT_ALT_NAME | ext::EXTENDED_KEY_USAGE | ext::CRL_DISTRIBUTION_POINTS | ext::CERTIFICATE_POLICIES => {
                is_empty_list(extension.value)
            }
            ext::AUTHORITY_INFO_ACCESS => is_empty_list(extension.value) || !is_list_of_sequences(extension.value),
            _ => false,
        })
    }

    fn has_duplicates(&self) -> bool {
        let mut ids: Vec<&[u8]> = self.extensions.iter().map(|extension| extension.id).collect();
        ids.sort_unstable();
        ids.windows(2).any(|pair| pair.first() == pair.last())
    }

    fn has_unknown_critical(&self) -> bool {
        self.extensions.iter().any(|extension| extension.critical && !UNDERSTOOD.contains(&extension.id))
    }

    fn is_wrongly_critical(&self) -> bool {
        [ext::SUBJECT_KEY_ID, ext::AUTHORITY_KEY_ID, ext::AUTHORITY_INFO_ACCESS].iter().any(|id| self.is_critical(id))
    }

    fn is_not_critical(&self) -> bool {
        let is_plain = |id: &[u8]| self.get(id).is_some_and(|extension| !extension.critical);
        is_plain(ext::POLICY_CONSTRAINTS) || (self.issues() && is_plain(ext::BASIC_CONSTRAINTS))
    }

    fn lacks_a_name(&self) -> bool {
        is_empty_list(self.certificate.issuer) || (self.issues() && is_empty_list(self.certificate.subject))
    }

    /// Public CAs of the past often left it out, below a root of version 1 above all, which has no key identifier to name.
    fn lacks_authority_key_id(&self) -> bool {
        let is_asked = match (self.role, self.rules) {
            (Role::Anchor, _) | (_, Rules::Pkix) => false,
            (Role::Subordinate, Rules::WebPki { at }) => at >= SC62.since,
            (Role::EndEntity, Rules::WebPki { .. }) => self.binds(SC62),
        };
        is_asked && self.certificate.authority_key_id.is_none() && !self.certificate.is_self_issued()
    }

    fn has_mismatched_key_id(&self) -> bool {
        let certificate = self.certificate;
        if self.role != Role::Anchor || !self.is_public() || !certificate.is_self_issued() {
            return false;
        }
        let Some(inside) = self.get(ext::AUTHORITY_KEY_ID).and_then(|extension| der::only(extension.value, der::SEQUENCE)) else {
            return false;
        };
        // [1] authorityCertIssuer and [2] authorityCertSerialNumber.
        let names_an_issuer = elements(inside).any(|element| matches!(element.tag, 0xa1 | 0x82));
        names_an_issuer || certificate.authority_key_id.is_none() || certificate.authority_key_id != certificate.subject_key_id
    }

    fn has_empty_name_constraints(&self) -> bool {
        let Some(extension) = self.get(ext::NAME_CONSTRAINTS) else { return false };
        self.issues() && !der::only(extension.value, der::SEQUENCE).is_some_and(name_constraints::is_well_formed)
    }

    fn has_improper_serial(&self) -> bool {
        if self.role == Role::Anchor || !self.is_public() {
            return false;
        }
        let serial = self.certificate.serial;
        let is_positive = serial.first().is_some_and(|&first| first < 0x80) && serial.iter().any(|&octet| octet != 0);
        !is_positive || serial.len() > 20
    }

    fn has_alternative_names_of_wrong_criticality(&self) -> bool {
        let Some(extension) = self.get(ext::SUBJECT_ALT_NAME).filter(|_| !self.issues()) else { return false };
        if is_empty_list(self.certificate.subject) { !extension.critical } else { extension.critical && self.binds(SC62) }
    }

    fn has_improper_names(&self) -> bool {
        let is_address = |name: &str| name.parse::<IpAddr>().is_ok();
        let is_whole_domain = |name: &str| name == "*" || name.strip_prefix("*.").is_some_and(|domain| !domain.contains('.'));
        self.certificate
            .dns_names
            .iter()
            .any(|name| (self.binds(BR_1) && (is_address(name) || is_whole_domain(name))) || (self.binds(SC12) && name.contains('_')))
    }

    fn has_misspelled_common_name(&self) -> bool {
        let names = self.alternative_names();
        let is_unicode_for_one = |text: &str| {
            let is_host = text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '*'));
            let is_encoded = |name: &der::Element<'_>| name.tag == DNS_NAME && name.content.windows(4).any(|four| four == b"xn--");
            !text.is_ascii() && is_host && names.iter().any(is_encoded)
        };
        let is_another_spelling = |text: &str| names.iter().any(|name| stands_for(name, text));
        let is_misspelled =
            |text: &&str| !self.is_alternative_name(text.as_bytes()) && (is_another_spelling(text) || is_unicode_for_one(text));
        self.binds(SC48)
            && common_names(self.certificate.subject).filter_map(|text| std::str::from_utf8(text).ok()).any(|text| is_misspelled(&text))
    }

    fn has_another_common_name(&self) -> bool {
        self.binds(BR_1)
            && self.get(ext::SUBJECT_ALT_NAME).is_some()
            && common_names(self.certificate.subject).any(|text| !self.is_alternative_name(text))
    }

    fn alternative_names(&self) -> Vec<der::Element<'e>> {
        let inside = self.get(ext::SUBJECT_ALT_NAME).and_then(|extension| der::only(extension.value, der::SEQUENCE));
        elements(inside.unwrap_or_default()).collect()
    }

    /// Whether a text is one of the alternative names: character by character where that is in force.
    fn is_alternative_name(&self, text: &[u8]) -> bool {
        let exactly = self.binds(SC48);
        self.alternative_names().iter().any(|name| match name.tag {
            DNS_NAME if exactly => name.content == text,
            DNS_NAME => name.content.eq_ignore_ascii_case(text),
            IP_ADDRESS => address(name.content).is_some_and(|address| address.to_string().as_bytes() == text),
            _ => false,
        })
    }

    fn has_wrong_purposes(&self) -> bool {
        match (self.role, self.rules) {
            (Role::Anchor, Rules::WebPki { .. }) => self.get(ext::EXTENDED_KEY_USAGE).is_some(),
            (Role::EndEntity, Rules::WebPki { .. }) => {
                let is_loose = self.certificate.purposes.is_some_and(|listed| listed.any) || self.is_critical(ext::EXTENDED_KEY_USAGE);
                self.binds(SC62) && is_loose
            }
            _ => false,
        }
    }

    fn has_improper_key(&self) -> bool {
        if !self.is_public() || self.role == Role::Subordinate {
            return false;
        }
        let allowed = match signatures::key_bits(self.certificate.spki) {
            // Ed25519, which no public CA may certify.
            None | Some(255) => false,
            Some(256 | 384 | 521) => true,
            Some(bits) => bits >= 2048 && bits % 8 == 0,
        };
        !allowed && (self.role == Role::Anchor || self.binds(RSA_2048))
    }
}

/// Critical extensions that a verifier, ours or rustls-webpki, deals with or may pass over for a TLS server.
const UNDERSTOOD: &[&[u8]] = &[
    ext::KEY_USAGE,
    ext::SUBJECT_ALT_NAME,
    ext::BASIC_CONSTRAINTS,
    ext::NAME_CONSTRAINTS,
    ext::CRL_DISTRIBUTION_POINTS,
    ext::CERTIFICATE_POLICIES,
    ext::POLICY_MAPPINGS,
    ext::POLICY_CONSTRAINTS,
    ext::EXTENDED_KEY_USAGE,
    ext::INHIBIT_ANY_POLICY,
    // Told apart as wrongly critical.
    ext::SUBJECT_KEY_ID,
    ext::AUTHORITY_KEY_ID,
    ext::AUTHORITY_INFO_ACCESS,
];

fn elements(mut inside: &[u8]) -> impl Iterator<Item = der::Element<'_>> {
    std::iter::from_fn(move || {
        let (element, rest) = der::read(inside)?;
        inside = rest;
        Some(element)
    })
}

/// Whether this is no SEQUENCE, or one with nothing in it.
fn is_empty_list(value: &[u8]) -> bool {
    der::only(value, der::SEQUENCE).is_none_or(<[u8]>::is_empty)
}

fn is_list_of_sequences(value: &[u8]) -> bool {
    der::only(value, der::SEQUENCE).is_some_and(|inside| elements(inside).all(|element| element.tag == der::SEQUENCE))
}

/// commonName (X.520).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// How many common names are looked at; there may be one.
const MAX_COMMON_NAMES: usize = 8;

fn common_names(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    names::each(name).filter(|(kind, _)| *kind == COMMON_NAME).map(|(_, value)| value.content).take(MAX_COMMON_NAMES)
}

/// Tags of dNSName and iPAddress among the alternative names (RFC 5280 §4.2.1.6).
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// The address in an iPAddress; its text is what RFC 3986 §3.2.2 and RFC 5952 §4 ask for.
fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// Whether a text means this alternative name, in whatever notation.
fn stands_for(name: &der::Element<'_>, text: &str) -> bool {
    match name.tag {
        DNS_NAME => name.content.eq_ignore_ascii_case(text.as_bytes()),
        IP_ADDRESS => {
            let meant = text.parse().ok().or_else(|| any_ipv4(text).map(|bits| IpAddr::from(bits.to_be_bytes())));
            meant.is_some() && meant == address(name.content)
        }
        _ => false,
    }
}

/// An IPv4 address as the C library reads it: one to four numbers, decimal, octal or hexadecimal, the last one fills up.
fn any_ipv4(text: &str) -> Option<u32> {
    let number = |part: &str| match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    };
    let numbers: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (&last, octets) = numbers.split_last().filter(|(_, octets)| octets.len() < 4)?;
    let mut address = 0_u32;
    for (&octet, shift) in octets.iter().zip([24, 16, 8]) {
        address |= u32::from(u8::try_from(octet).ok()?) << shift;
    }
    let room = u32::MAX.checked_shr(u32::try_from(octets.len()).ok()?.checked_mul(8)?)?;
    (last <= room).then_some(address | last)
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CustomExtension, DnType, DnValue, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
        KeyPair, KeyUsagePurpose, NameConstraints, SerialNumber,
    };
    use time::OffsetDateTime;

    use super::*;
    use crate::testing::NOW;

    const PUBLIC: Rules = Rules::WebPki { at: NOW };

    /// A certificate as the rules want it in its role, but for a change.
    fn minted(role: Role, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(match role {
            Role::EndEntity => vec!["www.example.org".to_owned()],
            Role::Subordinate | Role::Anchor => Vec::new(),
        })
        .expect("a host name");
        params.distinguished_name.push(DnType::CommonName, if role == Role::EndEntity { "www.example.org" } else { "Example CA" });
        params.not_before = OffsetDateTime::from_unix_timestamp(NOW - DAY).expect("a moment");
        params.serial_number = Some(SerialNumber::from_slice(&[0x12; 16]));
        params.use_authority_key_identifier_extension = role != Role::Anchor;
        if role == Role::EndEntity {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        } else {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let mut above = CertificateParams::default();
        above.distinguished_name.push(DnType::CommonName, "Example Root");
        let signed = match role {
            Role::Anchor => params.self_signed(&key),
            _ => params.signed_by(&key, &Issuer::new(above, KeyPair::generate().expect("a key"))),
        };
        signed.expect("a certificate").der().to_vec()
    }

    fn found(role: Role, rules: Rules, change: impl FnOnce(&mut CertificateParams)) -> Vec<Fault> {
        faults(&Certificate::read(&minted(role, change)).expect("readable"), role, rules)
    }

    fn extension(oid: &[u64], critical: bool, content: &[u8]) -> CustomExtension {
        let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
        extension.set_criticality(critical);
        extension
    }

    fn common_name(params: &mut CertificateParams, text: &str) {
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(text.to_owned()));
    }

    #[test]
    fn a_certificate_that_keeps_the_rules_has_no_fault() {
        for role in [Role::EndEntity, Role::Subordinate, Role::Anchor] {
            assert_eq!(found(role, PUBLIC, |_| {}), [], "{role:?}");
            assert_eq!(found(role, Rules::Pkix, |_| {}), [], "{role:?}");
        }
    }

    #[test]
    fn extensions_that_are_malformed_doubled_unknown_or_wrongly_critical_are_told() {
        let with = |extensions: Vec<CustomExtension>| found(Role::EndEntity, Rules::Pkix, |params| params.custom_extensions = extensions);
        let aia = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
        let one = [0x30, 2, 0x30, 0];
        assert_eq!(with(vec![extension(aia, false, &[0x30, 0])]), [Fault::MalformedExtension]);
        assert_eq!(with(vec![extension(aia, false, &one), extension(aia, false, &one)]), [Fault::DuplicateExtension]);
        assert_eq!(with(vec![extension(aia, true, &one)]), [Fault::WronglyCritical]);
        assert_eq!(with(vec![extension(aia, false, &one)]), []);
        assert_eq!(with(vec![extension(&[1, 3, 6, 1, 4, 1, 1], true, &[5, 0])]), [Fault::UnknownCriticalExtension]);
        assert_eq!(with(vec![extension(&[1, 3, 6, 1, 4, 1, 1], false, &[5, 0])]), []);
    }

    #[test]
    fn an_issuer_is_a_ca_and_may_sign() {
        let no_ca = |params: &mut CertificateParams| {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = Vec::new();
        };
        assert!(found(Role::Subordinate, Rules::Pkix, no_ca).contains(&Fault::NotACa));
        assert_eq!(found(Role::EndEntity, Rules::Pkix, no_ca), []);
        let no_usage = |params: &mut CertificateParams| params.key_usages = vec![KeyUsagePurpose::CrlSign];
        assert_eq!(found(Role::Anchor, Rules::Pkix, no_usage), [Fault::NoKeyCertSign]);
        let signs = |params: &mut CertificateParams| params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        assert_eq!(found(Role::EndEntity, Rules::Pkix, signs), [Fault::KeyCertSignWithoutCa]);
    }

    #[test]
    fn key_identifiers_are_asked_of_what_public_cas_issue_alone() {
        let without = |params: &mut CertificateParams| params.use_authority_key_identifier_extension = false;
        for role in [Role::EndEntity, Role::Subordinate] {
            assert_eq!(found(role, PUBLIC, without), [Fault::NoAuthorityKeyId]);
            assert_eq!(found(role, Rules::Pkix, without), []);
            let in_2015 = |params: &mut CertificateParams| {
                without(params);
                params.not_before = OffsetDateTime::from_unix_timestamp(1_420_070_400).expect("a moment");
            };
            assert_eq!(found(role, Rules::WebPki { at: 1_425_000_000 }, in_2015), [], "nobody asked for it then");
            assert_eq!(found(role, PUBLIC, in_2015), [Fault::NoAuthorityKeyId], "a date written back excuses nothing");
        }
    }

    #[test]
    fn name_constraints_constrain_something_and_stand_in_a_ca() {
        let constrained = |params: &mut CertificateParams| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName(".example.org".to_owned())],
                excluded_subtrees: Vec::new(),
            });
        };
        assert_eq!(found(Role::Subordinate, PUBLIC, constrained), []);
        let raw = |content: &'static [u8]| {
            move |params: &mut CertificateParams| params.custom_extensions = vec![extension(&[2, 5, 29, 30], true, content)]
        };
        assert_eq!(found(Role::Subordinate, Rules::Pkix, raw(&[0x30, 0])), [Fault::EmptyNameConstraints]);
        assert_eq!(found(Role::Anchor, Rules::Pkix, raw(&[5, 0])), [Fault::EmptyNameConstraints]);
        let one = &[0x30, 7, 0xa0, 5, 0x30, 3, 0x82, 1, b'a'];
        assert_eq!(found(Role::EndEntity, Rules::Pkix, raw(one)), [Fault::MisplacedNameConstraints]);
    }

    #[test]
    fn serial_numbers_are_positive_and_short() {
        let serial =
            |octets: &'static [u8]| move |params: &mut CertificateParams| params.serial_number = Some(SerialNumber::from_slice(octets));
        assert_eq!(found(Role::EndEntity, PUBLIC, serial(&[0])), [Fault::SerialNumber]);
        assert_eq!(found(Role::Subordinate, PUBLIC, serial(&[1; 21])), [Fault::SerialNumber]);
        assert_eq!(found(Role::EndEntity, PUBLIC, serial(&[1; 20])), []);
        assert_eq!(found(Role::EndEntity, Rules::Pkix, serial(&[0])), []);
    }

    #[test]
    fn the_common_name_is_an_alternative_name_copied() {
        let named = |text: &str| found(Role::EndEntity, PUBLIC, |params| common_name(params, text));
        assert_eq!(named("WWW.example.org"), [Fault::CommonNameSpelling, Fault::CommonName]);
        assert_eq!(named("other.example.org"), [Fault::CommonName]);
        assert!(!Fault::CommonName.refuses() && Fault::CommonNameSpelling.refuses());
        let address = |text: &str| {
            found(Role::EndEntity, PUBLIC, |params| {
                params.subject_alt_names =
                    CertificateParams::new(["192.0.2.1".to_owned(), "2001:db8::1".to_owned()]).expect("addresses").subject_alt_names;
                common_name(params, text);
            })
        };
        for same in ["0xC0000201", "192.000.002.001", "192.0.513", "2001:DB8::1", "2001:db8:0:0:0:0:0:1"] {
            assert_eq!(address(same), [Fault::CommonNameSpelling, Fault::CommonName], "{same}");
        }
        assert_eq!(address("192.0.2.1"), []);
        assert_eq!(address("2001:db8::1"), []);
        assert_eq!(address("192.0.2.2"), [Fault::CommonName]);
    }

    #[test]
    fn case_was_free_before_it_was_ruled() {
        let then = Rules::WebPki { at: 1_600_000_000 };
        let odd = |params: &mut CertificateParams| {
            params.not_before = OffsetDateTime::from_unix_timestamp(1_590_000_000).expect("a moment");
            common_name(params, "WWW.example.org");
        };
        assert_eq!(found(Role::EndEntity, then, odd), []);
        assert!(found(Role::EndEntity, PUBLIC, odd).contains(&Fault::CommonNameSpelling));
    }

    #[test]
    fn alternative_names_are_host_names_and_critical_only_in_place_of_a_subject() {
        let named = |name: &str| {
            found(Role::EndEntity, PUBLIC, |params| {
                params.distinguished_name.remove(DnType::CommonName);
                params.distinguished_name.push(DnType::OrganizationName, "Example");
                params.subject_alt_names = vec![rcgen::SanType::DnsName(name.try_into().expect("ASCII"))];
            })
        };
        for bad in ["*.org", "*", "192.0.2.1", "a_b.example.org"] {
            assert_eq!(named(bad), [Fault::ImproperName], "{bad}");
        }
        assert_eq!(named("*.example.org"), []);
        let without_subject = |params: &mut CertificateParams| params.distinguished_name.remove(DnType::CommonName);
        let found = found(Role::EndEntity, Rules::Pkix, |params| {
            without_subject(params);
        });
        // rcgen marks it critical then, as it must be.
        assert_eq!(found, []);
    }

    #[test]
    fn purposes_are_for_servers_and_no_more_and_not_of_a_root() {
        let with =
            |role, purposes: &[ExtendedKeyUsagePurpose]| found(role, PUBLIC, |params| params.extended_key_usages = purposes.to_vec());
        assert_eq!(with(Role::EndEntity, &[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Any]), [Fault::Purposes]);
        assert_eq!(with(Role::EndEntity, &[]), [Fault::NoServerPurpose]);
        assert_eq!(with(Role::EndEntity, &[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]), []);
        assert_eq!(with(Role::Anchor, &[ExtendedKeyUsagePurpose::ServerAuth]), [Fault::Purposes]);
        assert_eq!(with(Role::Subordinate, &[ExtendedKeyUsagePurpose::ServerAuth]), []);
    }

    #[test]
    fn a_ca_called_like_a_server_is_told_and_not_refused() {
        let named = |text: &str| found(Role::Subordinate, PUBLIC, |params| common_name(params, text));
        assert_eq!(named("*.example.org"), [Fault::ServerNameInCa]);
        assert_eq!(named("www.example.org"), [Fault::ServerNameInCa]);
        for brand in ["Example CA", "Example CA v1.2", "example", "http://www.example.org/", "Example, Inc."] {
            assert_eq!(named(brand), [], "{brand}");
        }
        assert!(!Fault::ServerNameInCa.refuses());
    }

    #[test]
    fn addresses_are_read_as_the_c_library_reads_them() {
        for (text, address) in
            [("1.2.3.4", Some(0x0102_0304)), ("1.2.772", Some(0x0102_0304)), ("010.1", Some(0x0800_0001)), ("0xffffffff", Some(u32::MAX))]
        {
            assert_eq!(any_ipv4(text), address, "{text}");
        }
        for text in ["", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "www", "1..2", "0x100000000"] {
            assert_eq!(any_ipv4(text), None, "{text}");
        }
    }
}
