//! A public key infrastructure for the lab: roots, intermediates, CT logs and leaves like real ones.
//!
//! Every name says TEST and Lab, every host is reserved (RFC 2606, RFC 6761), and every key is made
//! anew and kept in memory. What a public CA must put into a certificate is in these leaves too, so
//! that an interceptor's certificate differs from them as it differs from the real ones.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use mintwatch_validator::evidence::{Bytes, Sha256};
use mintwatch_validator::scts;
use rand::Rng as _;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CrlDistributionPoint, CustomExtension, DnType, DnValue, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _, RsaKeySize, SerialNumber,
    SigningKey as _,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// One day, in seconds.
pub const DAY: u64 = 24 * 60 * 60;

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The generator refused: a name that is no IA5String, or a key it cannot use.
    #[error("cannot make a lab certificate: {0}")]
    Generator(#[from] rcgen::Error),
    /// A certificate we just made cannot be read as one that a log could sign.
    #[error("cannot log a lab certificate: {0}")]
    Log(#[from] scts::SctError),
    /// A list of SCTs or a certificate is longer than its length field can say.
    #[error("a lab certificate is longer than TLS allows")]
    TooLong,
    /// There is no CA to issue under.
    #[error("the lab has no issuing CA")]
    NoIssuer,
}

/// From when until when a certificate is valid, in UNIX seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: u64,
    /// The last second.
    pub until: u64,
}

impl Validity {
    /// Returns the validity that began some days before `at` and lasts `days` in all.
    pub fn begun(days_before: u64, at: u64, days: u64) -> Self {
        let from = at.saturating_sub(days_before * DAY);
        Self { from, until: from + days * DAY - 1 }
    }
}

/// What a CA certificate says its key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As the Baseline Requirements want it (§7.1.2.6): serverAuth only, no CA below it, AIA, CRL, policies.
    Public,
    /// As MCS had it in 2015: cA without a path length, without EKU or name constraints.
    Unconstrained,
    /// As [`Profile::Public`], for one domain and no address: technically constrained (BR §7.1.2.5).
    Constrained(&'static str),
}

/// A certification authority: its certificate, its key, and what it sends along.
pub struct Authority {
    certificate: rcgen::Certificate,
    params: CertificateParams,
    key: KeyPair,
    organisation: String,
    sent: Vec<CertificateDer<'static>>,
}

impl Authority {
    /// Makes a self-signed root on P-256.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn root(organisation: &str, name: &str, validity: Validity) -> Result<Self, PkiError> {
        let key = KeyPair::generate()?;
        let params = authority_params(organisation, name, &key, validity)?;
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate, params, key, organisation: organisation.to_owned(), sent: Vec::new() })
    }

    /// Makes a CA below this one on P-256.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn subordinate(&self, organisation: &str, name: &str, validity: Validity, profile: Profile) -> Result<Self, PkiError> {
        self.subordinate_over(KeyPair::generate()?, organisation, name, validity, profile)
    }

    /// Makes a CA below this one on RSA with 2048 bits; takes some tenths of a second.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn rsa_subordinate(&self, organisation: &str, name: &str, validity: Validity, profile: Profile) -> Result<Self, PkiError> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        self.subordinate_over(key, organisation, name, validity, profile)
    }

    fn subordinate_over(
        &self,
        key: KeyPair,
        organisation: &str,
        name: &str,
        validity: Validity,
        profile: Profile,
    ) -> Result<Self, PkiError> {
        let mut params = authority_params(organisation, name, &key, validity)?;
        params.use_authority_key_identifier_extension = true;
        if let Profile::Constrained(domain) = profile {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
                excluded_subtrees: vec![
                    GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
                    GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
                ],
            });
        }
        if profile != Profile::Unconstrained {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.crl_distribution_points = self.crl();
            params.custom_extensions = vec![self.information_access(false), policies(DOMAIN_VALIDATED)];
        }
        let certificate = params.signed_by(&key, &self.issuer())?;
        let sent = [&[certificate.der().clone()], self.sent.as_slice()].concat();
        Ok(Self { certificate, params, key, organisation: organisation.to_owned(), sent })
    }

    /// Returns the certificate in DER.
    pub fn der(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }

    /// Returns SHA-256 of the SubjectPublicKeyInfo (RFC 7469 §2.4).
    pub fn spki_sha256(&self) -> Sha256 {
        Sha256::of(&self.key.subject_public_key_info())
    }

    /// Returns SHA-256 of the certificate.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.der())
    }

    /// Returns whose it is: the organisation in its subject.
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// Returns what a server under this CA sends after its own certificate: this CA's certificate and
    /// those above it, without the root.
    pub fn sent(&self) -> &[CertificateDer<'static>] {
        &self.sent
    }

    /// Returns the certificate in PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns the private key in PEM (PKCS #8), for an interceptor outside this process.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Issues a leaf as public CAs do: logged in every one of `logs`, and with all that the Baseline
    /// Requirements ask for (§7.1.2.7).
    ///
    /// The log signs the certificate before it has its SCTs (RFC 6962 §3.2); then it is issued once
    /// more, the same but for the list as its last extension.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn issue(&self, names: &[&str], validity: Validity, logs: &[&Log]) -> Result<Leaf, PkiError> {
        self.issue_over(&Arc::new(KeyPair::generate()?), names, validity, logs)
    }

    /// Issues such a leaf over a key that the site already has, as at a renewal or for one customer of a CDN more.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn issue_over(&self, key: &Arc<KeyPair>, names: &[&str], validity: Validity, logs: &[&Log]) -> Result<Leaf, PkiError> {
        let mut params = leaf_params(names, key, validity)?;
        params.crl_distribution_points = self.crl();
        params.custom_extensions = vec![self.information_access(true), policies(DOMAIN_VALIDATED)];
        if !logs.is_empty() {
            let unlogged = params.signed_by(key.as_ref(), &self.issuer())?;
            let list = sct_list(logs, unlogged.der(), &self.key.subject_public_key_info(), validity.from)?;
            params.custom_extensions.push(CustomExtension::from_oid_content(SCT_LIST, list));
        }
        let certificate = params.signed_by(key.as_ref(), &self.issuer())?;
        Ok(self.leaf(&certificate, Arc::clone(key)))
    }

    /// Mints a leaf as interceptors do: in the name asked for, without SCTs, AIA, CRL or policy.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn mint(&self, name: &str, key: &Arc<KeyPair>, validity: Validity) -> Result<Leaf, PkiError> {
        let certificate = leaf_params(&[name], key, validity)?.signed_by(key.as_ref(), &self.issuer())?;
        Ok(self.leaf(&certificate, Arc::clone(key)))
    }

    fn leaf(&self, certificate: &rcgen::Certificate, key: Arc<KeyPair>) -> Leaf {
        let chain = [&[certificate.der().clone()], self.sent.as_slice()].concat();
        Leaf { chain, key }
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    /// Where this CA publishes; nobody answers at a reserved name, and nobody asks.
    fn publishes_at(&self, prefix: &str) -> String {
        let label: String = self.organisation.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("http://{prefix}.{}.test", label.to_ascii_lowercase())
    }

    fn crl(&self) -> Vec<CrlDistributionPoint> {
        vec![CrlDistributionPoint { uris: vec![format!("{}/ca.crl", self.publishes_at("crl"))] }]
    }

    /// Authority information access (RFC 5280 §4.2.2.1): the issuer's certificate and, for leaves, OCSP.
    fn information_access(&self, with_ocsp: bool) -> CustomExtension {
        let access = |method: &[u8], uri: &str| {
            let method = der(OID, &[AD, method].concat());
            der(SEQUENCE, &[method, der(URI, uri.as_bytes())].concat())
        };
        let mut content = Vec::new();
        if with_ocsp {
            content.extend(access(&[1], &self.publishes_at("ocsp")));
        }
        content.extend(access(&[2], &format!("{}/ca.der", self.publishes_at("aia"))));
        CustomExtension::from_oid_content(INFORMATION_ACCESS, der(SEQUENCE, &content))
    }
}

/// An end-entity certificate with its key and what is sent with it.
#[derive(Clone)]
pub struct Leaf {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<KeyPair>,
}

impl Leaf {
    /// Makes a certificate that its own key signed, as appliances come with.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn self_signed(name: &str, validity: Validity) -> Result<Self, PkiError> {
        let key = KeyPair::generate()?;
        let certificate = leaf_params(&[name], &key, validity)?.self_signed(&key)?;
        Ok(Self { chain: vec![certificate.der().clone()], key: Arc::new(key) })
    }

    /// Returns the chain as a server sends it: end-entity first, without the root.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Returns the private key.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// Returns SHA-256 of the SubjectPublicKeyInfo.
    pub fn spki_sha256(&self) -> Sha256 {
        Sha256::of(&self.key.subject_public_key_info())
    }
}

/// A CT log of the lab.
pub struct Log {
    operator: String,
    key: KeyPair,
}

impl Log {
    /// Makes a log on P-256, as RFC 6962 §2.1.4 allows.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn new(operator: &str) -> Result<Self, PkiError> {
        Ok(Self { operator: operator.to_owned(), key: KeyPair::generate()? })
    }

    /// Returns who runs it.
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// Returns its SubjectPublicKeyInfo in DER; SHA-256 of it is the log's id (RFC 6962 §3.2).
    pub fn spki(&self) -> Bytes {
        self.key.subject_public_key_info().into()
    }

    /// Promises to log a certificate: one serialized SCT, version 1 (RFC 6962 §3.2).
    fn sct(&self, tbs: &[u8], issuer_spki: &[u8], at_ms: u64) -> Result<Vec<u8>, PkiError> {
        let mut signed = vec![V1, CERTIFICATE_TIMESTAMP];
        signed.extend(at_ms.to_be_bytes());
        signed.extend(PRECERT_ENTRY.to_be_bytes());
        signed.extend(Sha256::of(issuer_spki).0);
        signed.extend(vector_24(tbs)?);
        signed.extend(NO_EXTENSIONS.to_be_bytes());
        let signature = self.key.sign(&signed)?;
        let mut sct = vec![V1];
        sct.extend(Sha256::of(&self.key.subject_public_key_info()).0);
        sct.extend(at_ms.to_be_bytes());
        sct.extend(NO_EXTENSIONS.to_be_bytes());
        sct.extend(ECDSA_SHA256);
        sct.extend(vector_16(&signature)?);
        Ok(sct)
    }
}

/// The value of the SCT list extension (RFC 6962 §3.3): every log signed an hour after issuance began.
fn sct_list(logs: &[&Log], unlogged: &[u8], issuer_spki: &[u8], from: u64) -> Result<Vec<u8>, PkiError> {
    let tbs = scts::precertificate_tbs(unlogged)?;
    let mut list = Vec::new();
    for log in logs {
        list.extend(vector_16(&log.sct(&tbs, issuer_spki, (from + BACKDATED) * 1000)?)?);
    }
    Ok(der(OCTET_STRING, &vector_16(&list)?))
}

fn authority_params(organisation: &str, name: &str, key: &KeyPair, validity: Validity) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, DnValue::PrintableString(NO_COUNTRY.try_into()?));
    params.distinguished_name.push(DnType::OrganizationName, organisation);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.key_identifier_method = key_identifier(key);
    date(&mut params, validity);
    Ok(params)
}

fn leaf_params(names: &[&str], key: &KeyPair, validity: Validity) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    // RFC 5280 appendix A: a common name has 64 characters at most.
    if let Some(name) = names.first().filter(|name| name.len() <= 64) {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.key_identifier_method = key_identifier(key);
    date(&mut params, validity);
    Ok(params)
}

/// SHA-1 of the key's bits (RFC 5280 §4.2.1.2, method 1). Interceptors work it out from the CA's key, whatever
/// the CA calls it, and OpenSSL finds no issuer where the two differ.
fn key_identifier(key: &KeyPair) -> KeyIdMethod {
    KeyIdMethod::PreSpecified(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.public_key_raw()).as_ref().to_vec())
}

fn date(params: &mut CertificateParams, validity: Validity) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(validity.from);
    params.not_after = epoch + Duration::from_secs(validity.until);
    params.serial_number = Some(serial());
}

/// 120 bits from a CSPRNG below a first octet that keeps it positive (BR §7.1 wants 64 bits).
fn serial() -> SerialNumber {
    let mut serial: [u8; 16] = rand::rng().random();
    serial[0] = 0x04;
    SerialNumber::from_slice(&serial)
}

/// Certificate policies (RFC 5280 §4.2.1.4) with one CA/Browser Forum policy.
fn policies(reserved: u8) -> CustomExtension {
    let policy = der(SEQUENCE, &der(OID, &[CA_BROWSER_FORUM_TLS, &[reserved]].concat()));
    CustomExtension::from_oid_content(CERTIFICATE_POLICIES, der(SEQUENCE, &policy))
}

/// One DER element; contents of these extensions stay below 2^16 bytes.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let [.., high, low] = contents.len().to_be_bytes();
    let mut element = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    element.extend(contents);
    element
}

/// A TLS vector with a length of two bytes (RFC 5246 §4.3).
fn vector_16(contents: &[u8]) -> Result<Vec<u8>, PkiError> {
    let length = u16::try_from(contents.len()).map_err(|_| PkiError::TooLong)?;
    Ok([&length.to_be_bytes(), contents].concat())
}

/// The same with three bytes.
fn vector_24(contents: &[u8]) -> Result<Vec<u8>, PkiError> {
    let length = u32::try_from(contents.len()).ok().filter(|length| *length < 1 << 24).ok_or(PkiError::TooLong)?;
    let [_, length @ ..] = length.to_be_bytes();
    Ok([&length, contents].concat())
}

/// ISO 3166-1 reserves XX for users: these authorities are in no country.
const NO_COUNTRY: &str = "XX";
/// Public CAs date back by about an hour, so that slow clocks accept a new certificate.
const BACKDATED: u64 = 60 * 60;

const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// GeneralName, uniformResourceIdentifier.
const URI: u8 = 0x86;
/// 1.3.6.1.5.5.7.48: OCSP is 1 below it, caIssuers 2.
const AD: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48];
const INFORMATION_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
/// 2.23.140.1.2: the reserved policies of the Baseline Requirements (§7.1.6.1).
const CA_BROWSER_FORUM_TLS: &[u8] = &[0x67, 0x81, 0x0c, 1, 2];
const DOMAIN_VALIDATED: u8 = 1;
const SCT_LIST: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
const V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const PRECERT_ENTRY: u16 = 1;
const NO_EXTENSIONS: u16 = 0;
/// HashAlgorithm sha256, SignatureAlgorithm ecdsa (RFC 5246 §7.4.1.4.1).
const ECDSA_SHA256: [u8; 2] = [4, 3];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use mintwatch_validator::Certificate;

    const NOW: u64 = 1_795_478_400;

    fn authority() -> (Authority, Authority) {
        let root = Authority::root("Unit TEST Lab", "Unit TEST Lab Root", Validity::begun(1000, NOW, 3000)).unwrap();
        let below = root.subordinate("Unit TEST Lab", "Unit TEST Lab CA", Validity::begun(500, NOW, 1000), Profile::Public).unwrap();
        (root, below)
    }

    #[test]
    fn a_log_signs_what_is_left_when_its_scts_are_taken_out() {
        let (_, ca) = authority();
        let logs = [Log::new("A").unwrap(), Log::new("B").unwrap()];
        let leaf = ca.issue(&["www.unit.example"], Validity::begun(20, NOW, 90), &[&logs[0], &logs[1]]).unwrap();
        let der = leaf.chain()[0].as_ref();
        let tbs = scts::precertificate_tbs(der).unwrap();
        let embedded = scts::embedded(der).unwrap();
        assert_eq!(embedded.len(), 2);
        for (sct, log) in embedded.into_iter().zip(&logs) {
            let sct = sct.unwrap();
            assert_eq!(sct.log_id, Sha256::of(log.spki().as_slice()).0);
            let mut signed = vec![0, 0];
            signed.extend(sct.timestamp_ms.to_be_bytes());
            signed.extend([0, 1]);
            signed.extend(Sha256::of(Certificate::read(ca.der()).unwrap().spki).0);
            signed.extend(&u32::try_from(tbs.len()).unwrap().to_be_bytes()[1..]);
            signed.extend(&tbs);
            signed.extend([0, 0]);
            let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1, log.key.public_key_raw());
            key.verify(&signed, &sct.signature).expect("the log signed exactly this");
        }
    }

    #[test]
    fn a_public_leaf_has_what_the_baseline_requirements_ask_for() {
        let (_, ca) = authority();
        let log = Log::new("A").unwrap();
        let leaf = ca.issue(&["www.unit.example"], Validity::begun(20, NOW, 90), &[&log]).unwrap();
        let read = Certificate::read(&leaf.chain()[0]).unwrap();
        assert_eq!(read.dns_names, ["www.unit.example"]);
        assert!(read.serial.len() >= 8 && !read.is_ca && read.has_sct_list);
        assert!(read.subject_key_id.is_some() && read.authority_key_id == Certificate::read(ca.der()).unwrap().subject_key_id);
        let has = |oid: &[u8]| leaf.chain()[0].windows(oid.len()).any(|window| window == oid);
        assert!(has(&[0x2b, 6, 1, 5, 5, 7, 1, 1]) && has(&[0x55, 0x1d, 32]) && has(&[0x55, 0x1d, 31]));
    }

    #[test]
    fn a_minted_leaf_has_none_of_it() {
        let (root, _) = authority();
        let box_ca = root.subordinate("Box", "Box TEST CA", Validity::begun(3, NOW, 15), Profile::Unconstrained).unwrap();
        let key = Arc::new(KeyPair::generate().unwrap());
        let leaf = box_ca.mint("www.unit.example", &key, Validity { from: NOW, until: NOW + DAY }).unwrap();
        let read = Certificate::read(&leaf.chain()[0]).unwrap();
        assert!(!read.has_sct_list);
        assert_eq!(leaf.chain().len(), 2, "the box sends its own CA, not the root");
        let has = |oid: &[u8]| leaf.chain()[0].windows(oid.len()).any(|window| window == oid);
        assert!(!has(&[0x2b, 6, 1, 5, 5, 7, 1, 1]) && !has(&[0x55, 0x1d, 32]));
        let read = Certificate::read(box_ca.der()).unwrap();
        assert!(read.is_ca && read.purposes.is_none() && read.permits.is_none());
    }

    #[test]
    fn the_longest_host_name_fits() {
        let (root, _) = authority();
        let name = format!("{0}.{0}.{0}.example", "a".repeat(60));
        let key = Arc::new(KeyPair::generate().unwrap());
        assert!(root.mint(&name, &key, Validity { from: NOW, until: NOW + DAY }).is_ok());
    }
}
