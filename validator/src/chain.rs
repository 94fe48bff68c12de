//! From DER to certificates in their roles: reads, never decides.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, NameConstraints, ParsedExtension};
use x509_parser::prelude::FromDer;

use crate::der;
use crate::evidence::Sha256;
use crate::shape::Shape;

/// What is read of one certificate. Borrows the bytes it was read from.
#[derive(Debug, Clone)]
pub struct Certificate<'e> {
    /// The whole certificate.
    pub der: &'e [u8],
    /// SHA-256 of [`Self::der`].
    pub sha256: Sha256,
    /// The SubjectPublicKeyInfo, with its header.
    pub spki: &'e [u8],
    /// SHA-256 of [`Self::spki`] (RFC 7469 §2.4).
    pub spki_sha256: Sha256,
    /// The subject Name, with its header.
    pub subject: &'e [u8],
    /// The issuer Name, with its header.
    pub issuer: &'e [u8],
    /// The serial number's contents, as encoded.
    pub serial: &'e [u8],
    /// Start of validity, UNIX seconds.
    pub not_before: i64,
    /// End of validity, UNIX seconds.
    pub not_after: i64,
    /// The cA flag of basicConstraints (RFC 5280 §4.2.1.9).
    pub is_ca: bool,
    /// pathLenConstraint of basicConstraints: how many CAs may follow that are not self-issued.
    pub path_len: Option<u32>,
    /// keyCertSign (RFC 5280 §4.2.1.3); none when there is no keyUsage extension.
    pub may_sign_certificates: Option<bool>,
    /// Extended key usages (RFC 5280 §4.2.1.12); none when there is no such extension.
    pub purposes: Option<Purposes>,
    /// What name constraints permit (RFC 5280 §4.2.1.10); none when there is no such extension.
    pub permits: Option<Permits>,
    /// Contents of the name constraints extension, without its header.
    pub(crate) name_constraints: Option<&'e [u8]>,
    /// subjectKeyIdentifier.
    pub subject_key_id: Option<&'e [u8]>,
    /// keyIdentifier of authorityKeyIdentifier.
    pub authority_key_id: Option<&'e [u8]>,
    /// Whether the embedded SCT list extension is there (RFC 6962 §3.3).
    pub has_sct_list: bool,
    /// dNSNames of subjectAltName, lower case, at most 4,096.
    pub dns_names: Vec<String>,
    /// Its extensions in their order, and what they point to.
    pub shape: Shape,
    parts: SignedParts<'e>,
}

/// What a certificate's signature is over and by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedParts<'e> {
    /// The TBSCertificate, with its header.
    pub(crate) tbs: &'e [u8],
    /// Contents of the signatureAlgorithm.
    pub(crate) algorithm: &'e [u8],
    /// The signature.
    pub(crate) signature: &'e [u8],
}

/// The extended key usages that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purposes {
    /// id-kp-serverAuth is listed.
    pub server: bool,
    /// anyExtendedKeyUsage is listed.
    pub any: bool,
}

/// What name constraints leave room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permits {
    /// DNS names are confined to named registrable domains: there is a permitted dNSName, and none
    /// of them is empty or a single label, which would be a whole top-level domain.
    pub only_named_domains: bool,
    /// IP addresses are confined: some range is permitted, or all of IPv4 and IPv6 is excluded.
    pub only_named_addresses: bool,
}

/// How many names of a certificate are read.
pub(crate) const MAX_NAMES: usize = 4096;

/// Bytes that are no certificate we can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a readable certificate: {0}")]
pub struct Unreadable(String);

impl<'e> Certificate<'e> {
    /// Reads one certificate.
    ///
    /// # Errors
    /// [`Unreadable`] when the outer structure is not that of RFC 5280 §4.1. A single malformed
    /// extension is no error: it is as if it were not there, and path validation refuses it later.
    pub fn read(der: &'e [u8]) -> Result<Self, Unreadable> {
        let (rest, x509) = X509Certificate::from_der(der).map_err(|error| Unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(Unreadable("trailing bytes".to_owned()));
        }
        let parts = SignedParts::of(der).ok_or_else(|| Unreadable("no signature in it".to_owned()))?;
        let tbs = &x509.tbs_certificate;
        let mut certificate = Self {
            der,
            sha256: Sha256::of(der),
            spki: tbs.subject_pki.raw,
            spki_sha256: Sha256::of(tbs.subject_pki.raw),
            subject: tbs.subject.as_raw(),
            issuer: tbs.issuer.as_raw(),
            serial: tbs.raw_serial(),
            not_before: tbs.validity.not_before.timestamp(),
            not_after: tbs.validity.not_after.timestamp(),
            is_ca: false,
            path_len: None,
            may_sign_certificates: None,
            purposes: None,
            permits: None,
            name_constraints: None,
            subject_key_id: None,
            authority_key_id: None,
            has_sct_list: false,
            dns_names: Vec::new(),
            shape: Shape::default(),
            parts,
        };
        certificate.read_extensions(&x509);
        Ok(certificate)
    }

    fn read_extensions(&mut self, x509: &X509Certificate<'e>) {
        for extension in x509.extensions() {
            self.shape.note(extension);
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => {
                    self.is_ca = constraints.ca;
                    self.path_len = constraints.path_len_constraint;
                }
                ParsedExtension::KeyUsage(usage) => self.may_sign_certificates = Some(usage.key_cert_sign()),
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    self.purposes = Some(Purposes { server: usage.server_auth, any: usage.any });
                }
                ParsedExtension::NameConstraints(constraints) => {
                    self.permits = Some(Permits::of(constraints));
                    self.name_constraints = der::only(extension.value, der::SEQUENCE);
                }
                ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0);
                }
                ParsedExtension::SCT(_) => self.has_sct_list = true,
                ParsedExtension::SubjectAlternativeName(names) => {
                    let names = names.general_names.iter().filter_map(|name| match name {
                        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                        _ => None,
                    });
                    self.dns_names = names.take(MAX_NAMES).collect();
                }
                _ => {}
            }
        }
    }

    /// Returns whether subject and issuer are the same Name (RFC 5280 §3.2).
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Returns whether this CA can vouch for TLS servers of named parties only, or for none.
    ///
    /// Mozilla Root Store Policy §5.3.1 and BR §7.1.2.5: by extended key usage, or by extended key
    /// usage together with name constraints on DNS names and on IP addresses. A constraint to a
    /// whole top-level domain binds to no party that a CA could have validated, and is no constraint here.
    pub fn is_technically_constrained(&self) -> bool {
        let Some(purposes) = self.purposes else { return false };
        if purposes.any {
            return false;
        }
        !purposes.server || self.permits.is_some_and(|permits| permits.only_named_domains && permits.only_named_addresses)
    }

    /// Returns whether a moment, in UNIX seconds, lies within the validity; both ends count (RFC 5280 §4.1.2.5).
    pub fn is_current(&self, at: i64) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }

    /// Returns whether the certificate names this host, with RFC 6125 §6.4.3 wildcards.
    pub fn names_host(&self, host: &str) -> bool {
        self.dns_names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => name == host,
        })
    }

    /// Returns the key identifier that RFC 5280 §4.2.1.2 (1) suggests for this certificate's own key: the SHA-1 of its bits.
    pub fn key_id_by_rfc5280(&self) -> Option<[u8; 20]> {
        use sha1::Digest;
        let (_, key) = der::read(der::only(self.spki, der::SEQUENCE)?)?;
        let (_, bits) = der::only(key, der::BIT_STRING)?.split_first()?;
        Some(sha1::Sha1::digest(bits).into())
    }

    /// Returns how many bits the serial number has, without leading zeros.
    pub fn serial_bits(&self) -> usize {
        let zeros = self.serial.iter().take_while(|octet| **octet == 0).count();
        let magnitude = self.serial.get(zeros..).unwrap_or_default();
        let leading = magnitude.first().map_or(0, |first| first.leading_zeros() as usize);
        (magnitude.len() * 8).saturating_sub(leading)
    }

    /// Returns how long it is valid, in days of 86,400 s, rounded up; both ends count (RFC 5280 §4.1.2.5, BR §6.3.2).
    pub fn validity_days(&self) -> i64 {
        self.not_after.saturating_sub(self.not_before).saturating_add(86_400) / 86_400
    }

    /// Returns the subject for people, RFC 4514 style. Hostile text: escape before showing.
    pub fn subject_text(&self) -> String {
        name_text(self.subject)
    }

    /// Returns the issuer for people, likewise.
    pub fn issuer_text(&self) -> String {
        name_text(self.issuer)
    }

    pub(crate) fn signed_parts(&self) -> SignedParts<'e> {
        self.parts
    }

    pub(crate) fn to_pki(&self) -> CertificateDer<'e> {
        CertificateDer::from_slice(self.der)
    }
}

impl<'e> SignedParts<'e> {
    fn of(certificate: &'e [u8]) -> Option<Self> {
        let (tbs, rest) = der::read(der::only(certificate, der::SEQUENCE)?)?;
        let (algorithm, rest) = der::expect(rest, der::SEQUENCE)?;
        let bits = der::only(rest, der::BIT_STRING)?;
        let (0, signature) = bits.split_first().map(|(&unused, bits)| (unused, bits))? else {
            return None;
        };
        Some(Self { tbs: tbs.whole, algorithm, signature })
    }
}

impl Permits {
    fn of(constraints: &NameConstraints<'_>) -> Self {
        let permitted = constraints.permitted_subtrees.as_deref().unwrap_or_default();
        let excluded = constraints.excluded_subtrees.as_deref().unwrap_or_default();
        let mut domains = permitted.iter().filter_map(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => Some(name.trim_matches('.')),
            _ => None,
        });
        let named = |name: &str| name.contains('.');
        let only_named_domains = domains.next().is_some_and(named) && domains.all(named);
        let permits_addresses =
            permitted.iter().any(|subtree| matches!(subtree.base, GeneralName::IPAddress(range) if !is_everything(range)));
        let all_excluded = |length: usize| {
            excluded
                .iter()
                .any(|subtree| matches!(subtree.base, GeneralName::IPAddress(range) if range.len() == length && is_everything(range)))
        };
        Self { only_named_domains, only_named_addresses: permits_addresses || (all_excluded(8) && all_excluded(32)) }
    }
}

/// An address range with an all-zero mask is every address (RFC 5280 §4.2.1.10).
fn is_everything(range: &[u8]) -> bool {
    range.get(range.len() / 2..).is_some_and(|mask| mask.iter().all(|&byte| byte == 0))
}

fn name_text(name: &[u8]) -> String {
    x509_parser::x509::X509Name::from_der(name).map_or_else(|_| "unreadable name".to_owned(), |(_, name)| name.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rcgen::{CertificateParams, CidrSubnet, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, NameConstraints};

    use super::*;

    fn with(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn constrained_to(domain: &str) -> Vec<u8> {
        with(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
                excluded_subtrees: vec![
                    GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
                    GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
                ],
            });
        })
    }

    fn is_constrained(der: &[u8]) -> bool {
        Certificate::read(der).unwrap().is_technically_constrained()
    }

    #[test]
    fn a_ca_for_named_domains_is_technically_constrained() {
        assert!(is_constrained(&constrained_to("example.org")));
    }

    #[test]
    fn a_ca_for_a_whole_top_level_domain_is_not() {
        assert!(!is_constrained(&constrained_to("org")));
        assert!(!is_constrained(&constrained_to(".org")));
    }

    #[test]
    fn a_ca_without_purposes_or_for_any_purpose_is_not() {
        assert!(!is_constrained(&with(|_| {})));
        assert!(!is_constrained(&with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any])));
        assert!(!is_constrained(&with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])));
    }

    #[test]
    fn a_ca_for_mail_alone_is() {
        assert!(is_constrained(&with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection])));
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let der = with(|params| params.subject_alt_names = CertificateParams::new(["*.Example.org".to_owned()]).unwrap().subject_alt_names);
        let certificate = Certificate::read(&der).unwrap();
        assert!(certificate.names_host("www.example.org"));
        assert!(!certificate.names_host("example.org") && !certificate.names_host("a.b.example.org"));
    }

    #[test]
    fn what_is_cut_short_or_followed_by_more_is_unreadable() {
        let der = with(|_| {});
        assert!(Certificate::read(der.get(..der.len() - 1).unwrap()).is_err());
        assert!(Certificate::read(&[der.as_slice(), &[0]].concat()).is_err());
        assert!(Certificate::read(&[]).is_err());
    }
}
