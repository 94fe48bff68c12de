//! One certificate of a chain, read once for all formats.

use mintwatch_validator::Certificate;
use mintwatch_validator::evidence::{Bytes, Sha256};
use mintwatch_validator::report::{CertificateReport, Role};
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::text::shown;

/// One certificate as it was sent, and what is read of it. Text is made harmless; the bytes are as they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and is read by name")]
pub struct Item {
    /// The role it plays.
    pub role: Role,
    /// SHA-256 of the certificate.
    pub sha256: Sha256,
    /// SHA-256 of the SubjectPublicKeyInfo; all zero when unreadable.
    pub spki_sha256: Sha256,
    /// Subject.
    pub subject: NameRecord,
    /// Issuer.
    pub issuer: NameRecord,
    /// Serial number in lower-case hexadecimal as encoded; empty when unreadable.
    pub serial: String,
    /// Start of validity, in UNIX seconds.
    pub not_before: i64,
    /// End of validity, in UNIX seconds.
    pub not_after: i64,
    /// The cA flag of basicConstraints.
    pub is_ca: bool,
    /// pathLenConstraint of basicConstraints.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_len: Option<u32>,
    /// Extended key usages by their short names, or as object identifiers; none when there is no such extension.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub extended_key_usages: Option<Vec<String>>,
    /// Whether there is a name constraints extension.
    pub name_constraints: bool,
    /// Whether it can vouch for TLS servers of named parties only, or for none (Mozilla Root Store Policy §5.3.1).
    pub technically_constrained: bool,
    /// keyIdentifier of authorityKeyIdentifier, in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub authority_key_id: Option<String>,
    /// subjectKeyIdentifier, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject_key_id: Option<String>,
    /// Whether it carries an SCT list (RFC 6962 §3.3).
    pub embedded_scts: bool,
    /// dNSNames of subjectAltName, at most 100.
    pub dns_names: Vec<String>,
    /// The algorithm of its key, by its short name or object identifier; empty when unreadable.
    pub key_algorithm: String,
    /// The size of its key in bits; none where the algorithm has none that can be told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_bits: Option<usize>,
    /// The algorithm it is signed with, likewise.
    pub signature_algorithm: String,
    /// The certificate itself.
    pub der: Bytes,
}

/// A name, as a whole and by the attributes that other formats have places for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NameRecord {
    /// The whole name, RFC 4514 style.
    pub text: String,
    /// commonName.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub common_name: Vec<String>,
    /// organizationName.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub organization: Vec<String>,
    /// organizationalUnitName.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub organizational_unit: Vec<String>,
    /// countryName.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub country: Vec<String>,
    /// stateOrProvinceName.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub state_or_province: Vec<String>,
    /// localityName.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub locality: Vec<String>,
}

impl Item {
    /// Reads one certificate; of what cannot be read only the bytes and their hash are told.
    pub(super) fn of(certificate: &CertificateReport, der: &Bytes) -> Self {
        let mut item = Self {
            role: certificate.role,
            sha256: certificate.sha256,
            spki_sha256: certificate.spki_sha256,
            subject: NameRecord { text: shown(&certificate.subject), ..NameRecord::default() },
            issuer: NameRecord { text: shown(&certificate.issuer), ..NameRecord::default() },
            serial: shown(&certificate.serial),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            is_ca: false,
            path_len: None,
            extended_key_usages: None,
            name_constraints: false,
            technically_constrained: false,
            authority_key_id: None,
            subject_key_id: None,
            embedded_scts: false,
            dns_names: Vec::new(),
            key_algorithm: String::new(),
            key_bits: None,
            signature_algorithm: String::new(),
            der: der.clone(),
        };
        if let (Ok(read), Ok((_, x509))) = (Certificate::read(der.as_slice()), X509Certificate::from_der(der.as_slice())) {
            item.fill(&read, &x509);
        }
        item
    }

    fn fill(&mut self, read: &Certificate<'_>, x509: &X509Certificate<'_>) {
        let key_id = |id: Option<&[u8]>| id.filter(|id| id.len() <= LONGEST_KEY_ID).map(|id| data_encoding::HEXLOWER.encode(id));
        self.subject = NameRecord { text: self.subject.text.clone(), ..NameRecord::of(x509.subject()) };
        self.issuer = NameRecord { text: self.issuer.text.clone(), ..NameRecord::of(x509.issuer()) };
        self.is_ca = read.is_ca;
        self.path_len = read.path_len;
        self.name_constraints = read.permits.is_some();
        self.technically_constrained = read.is_technically_constrained();
        self.authority_key_id = key_id(read.authority_key_id);
        self.subject_key_id = key_id(read.subject_key_id);
        self.embedded_scts = read.has_sct_list;
        self.dns_names = read.dns_names.iter().take(MOST_NAMES).map(|name| shown(name)).collect();
        self.extended_key_usages = x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::ExtendedKeyUsage(usage) => Some(usages(usage)),
            _ => None,
        });
        self.key_algorithm = algorithm(&x509.public_key().algorithm.algorithm);
        self.key_bits = x509.public_key().parsed().ok().map(|key| key.key_size()).filter(|bits| *bits > 0);
        self.signature_algorithm = algorithm(&x509.signature_algorithm.algorithm);
    }

    /// Returns the certificate as PEM (RFC 7468).
    pub fn pem(&self) -> String {
        let base64 = data_encoding::BASE64.encode(self.der.as_slice());
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        let mut rest = base64.as_str();
        while let Some((line, more)) = rest.split_at_checked(PEM_COLUMNS.min(rest.len())).filter(|(line, _)| !line.is_empty()) {
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        pem + "-----END CERTIFICATE-----\n"
    }

    /// Returns the serial number as it is mostly compared: upper-case hexadecimal without the octet that only tells the
    /// sign; `00` where there is none.
    pub fn serial_upper(&self) -> String {
        let serial = self.serial.to_ascii_uppercase();
        let bare = if serial.len() > 2 { serial.strip_prefix("00").unwrap_or(&serial) } else { &serial };
        if bare.is_empty() { "00".to_owned() } else { bare.to_owned() }
    }

    /// Says whether it could be read.
    pub fn is_readable(&self) -> bool {
        self.role != Role::Unreadable
    }
}

impl NameRecord {
    fn of(name: &X509Name<'_>) -> Self {
        fn all<'a>(attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Vec<String> {
            let text = |attribute: &AttributeTypeAndValue<'_>| attribute.as_str().ok().map(shown);
            attributes.filter_map(text).take(MOST_ATTRIBUTES).collect()
        }
        Self {
            text: String::new(),
            common_name: all(name.iter_common_name()),
            organization: all(name.iter_organization()),
            organizational_unit: all(name.iter_organizational_unit()),
            country: all(name.iter_country()),
            state_or_province: all(name.iter_state_or_province()),
            locality: all(name.iter_locality()),
        }
    }

    /// Returns what a person would call it: its common name, its organisation, or all of it.
    pub fn short(&self) -> &str {
        self.common_name.first().or(self.organization.first()).unwrap_or(&self.text)
    }
}

fn usages(usage: &x509_parser::extensions::ExtendedKeyUsage<'_>) -> Vec<String> {
    let named = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let named = named.into_iter().filter(|(is_listed, _)| *is_listed).map(|(_, name)| name.to_owned());
    named.chain(usage.other.iter().take(MOST_USAGES).map(|oid| shown(&oid.to_id_string()))).collect()
}

fn algorithm(oid: &x509_parser::der_parser::oid::Oid<'_>) -> String {
    oid2sn(oid, oid_registry()).map_or_else(|_| shown(&oid.to_id_string()), ToOwned::to_owned)
}

/// How many certificates of a chain are told.
pub(super) const MOST_CERTIFICATES: usize = 32;
/// How many names of a certificate are told.
const MOST_NAMES: usize = 100;
/// How many values of one attribute are told.
const MOST_ATTRIBUTES: usize = 8;
/// How many extended key usages without a name are told.
const MOST_USAGES: usize = 32;
/// The longest key identifier that is told, in bytes.
const LONGEST_KEY_ID: usize = 64;
/// Columns of PEM (RFC 7468 §2).
const PEM_COLUMNS: usize = 64;
