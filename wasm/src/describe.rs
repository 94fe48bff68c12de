//! What a certificate says, for people; texts are hostile, and whoever shows them escapes them.

use data_encoding::HEXLOWER;
use mintwatch_validator::Certificate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// The largest file, in bytes: chains are smaller, and whole trust stores too.
const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// How many certificates of a file are told of.
const MAX_CERTIFICATES: usize = 64;
/// How many names of one certificate are told.
const MAX_NAMES: usize = 200;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DescribeError {
    /// Larger than [`MAX_FILE_BYTES`].
    #[error("a file of {0} bytes is over the limit of {MAX_FILE_BYTES}")]
    TooLarge(usize),
    /// No certificate that can be read.
    #[error("no certificate in it that can be read: expected PEM (-----BEGIN CERTIFICATE-----) or DER")]
    NoCertificate,
}

/// One certificate, as far as people ask.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    der: String,
    sha256: String,
    spki_sha256: String,
    subject: String,
    issuer: String,
    serial: String,
    not_before: i64,
    not_after: i64,
    key: String,
    signature: String,
    is_ca: bool,
    path_length: Option<u32>,
    purposes: Option<Vec<String>>,
    names: Vec<String>,
    names_left_out: usize,
    permits: Option<Vec<String>>,
    has_sct_list: bool,
    subject_key_id: Option<String>,
    authority_key_id: Option<String>,
}

/// Describes every certificate of a file, DER or PEM, as a JSON list; those that cannot be read are left out.
///
/// # Errors
/// [`DescribeError`].
pub(crate) fn describe(file: &[u8]) -> Result<String, DescribeError> {
    if file.len() > MAX_FILE_BYTES {
        return Err(DescribeError::TooLarge(file.len()));
    }
    let found: Vec<Details> = certificates(file).iter().filter_map(|der| details(der)).collect();
    if found.is_empty() {
        return Err(DescribeError::NoCertificate);
    }
    Ok(serde_json::json!(found).to_string())
}

fn certificates(file: &[u8]) -> Vec<Vec<u8>> {
    if file.first() == Some(&0x30) {
        return vec![file.to_vec()];
    }
    CertificateDer::pem_slice_iter(file).filter_map(Result::ok).take(MAX_CERTIFICATES).map(|der| der.to_vec()).collect()
}

fn details(der: &[u8]) -> Option<Details> {
    let certificate = Certificate::read(der).ok()?;
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    let names = alternative_names(&x509);
    Some(Details {
        der: data_encoding::BASE64.encode(der),
        sha256: certificate.sha256.to_string(),
        spki_sha256: certificate.spki_sha256.to_string(),
        subject: certificate.subject_text(),
        issuer: certificate.issuer_text(),
        serial: HEXLOWER.encode(certificate.serial),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: key(&x509),
        signature: algorithm(&x509.signature_algorithm.algorithm.to_id_string()),
        is_ca: certificate.is_ca,
        path_length: certificate.path_len,
        purposes: purposes(&x509),
        names_left_out: names.len().saturating_sub(MAX_NAMES),
        names: names.into_iter().take(MAX_NAMES).collect(),
        permits: permits(&x509),
        has_sct_list: certificate.has_sct_list,
        subject_key_id: certificate.subject_key_id.map(|id| HEXLOWER.encode(id)),
        authority_key_id: certificate.authority_key_id.map(|id| HEXLOWER.encode(id)),
    })
}

fn key(x509: &X509Certificate<'_>) -> String {
    let info = x509.public_key();
    let curve = || info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| algorithm(&oid.to_id_string()));
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA, {} bits", rsa.key_size()),
        Ok(PublicKey::EC(point)) => curve().unwrap_or_else(|| format!("elliptic curve, {} bits", point.key_size())),
        _ => algorithm(&info.algorithm.algorithm.to_id_string()),
    }
}

fn alternative_names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = x509.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().map(general_name).collect()
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => (*name).to_owned(),
        GeneralName::IPAddress(bytes) => address(bytes),
        GeneralName::DirectoryName(name) => name.to_string(),
        other => format!("{other:?}").chars().take(80).collect(),
    }
}

/// An address, or a range as name constraints write it: address and mask.
fn address(bytes: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return std::net::Ipv4Addr::from(v4).to_string();
    }
    if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
        return std::net::Ipv6Addr::from(v6).to_string();
    }
    match bytes.len() {
        8 | 32 => {
            let (address_part, mask) = bytes.split_at(bytes.len() / 2);
            format!("{}/{}", address(address_part), address(mask))
        }
        _ => HEXLOWER.encode(bytes),
    }
}

fn purposes(x509: &X509Certificate<'_>) -> Option<Vec<String>> {
    let usage = x509.extended_key_usage().ok()??.value;
    let known = [
        (usage.any, "any"),
        (usage.server_auth, "TLS servers"),
        (usage.client_auth, "TLS clients"),
        (usage.code_signing, "code signing"),
        (usage.email_protection, "e-mail"),
        (usage.time_stamping, "time stamps"),
        (usage.ocsp_signing, "OCSP"),
    ];
    let named = known.into_iter().filter(|(there, _)| *there).map(|(_, name)| name.to_owned());
    Some(named.chain(usage.other.iter().map(Oid::to_id_string)).collect())
}

fn permits(x509: &X509Certificate<'_>) -> Option<Vec<String>> {
    let constraints = x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::NameConstraints(constraints) => Some(constraints),
        _ => None,
    })?;
    let list = |sign: &str, trees: &Option<Vec<x509_parser::extensions::GeneralSubtree<'_>>>| {
        trees.iter().flatten().take(MAX_NAMES).map(|tree| format!("{sign}{}", general_name(&tree.base))).collect::<Vec<_>>()
    };
    Some([list("only ", &constraints.permitted_subtrees), list("not ", &constraints.excluded_subtrees)].concat())
}

/// The names people use, by object identifier; another one stays a number.
fn algorithm(oid: &str) -> String {
    let known = [
        ("1.2.840.113549.1.1.1", "RSA"),
        ("1.2.840.113549.1.1.4", "RSA with MD5"),
        ("1.2.840.113549.1.1.5", "RSA with SHA-1"),
        ("1.2.840.113549.1.1.10", "RSA-PSS"),
        ("1.2.840.113549.1.1.11", "RSA with SHA-256"),
        ("1.2.840.113549.1.1.12", "RSA with SHA-384"),
        ("1.2.840.113549.1.1.13", "RSA with SHA-512"),
        ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
        ("1.2.840.10045.4.3.2", "ECDSA with SHA-256"),
        ("1.2.840.10045.4.3.3", "ECDSA with SHA-384"),
        ("1.2.840.10045.4.3.4", "ECDSA with SHA-512"),
        ("1.2.840.10045.3.1.7", "P-256"),
        ("1.3.132.0.34", "P-384"),
        ("1.3.132.0.35", "P-521"),
        ("1.3.101.112", "Ed25519"),
        ("1.3.101.113", "Ed448"),
    ];
    known.iter().find(|(known, _)| *known == oid).map_or_else(|| oid.to_owned(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, GeneralSubtree, IsCa, KeyPair, NameConstraints};

    use super::*;

    fn authority() -> (String, Vec<u8>) {
        let mut params = CertificateParams::new(vec!["www.lab.example".to_owned(), "192.0.2.7".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "<b>\u{202e}Lab");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("lab.example".to_owned())],
            excluded_subtrees: Vec::new(),
        });
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        (certificate.pem(), certificate.der().to_vec())
    }

    #[test]
    fn pem_with_anything_between_and_der_tell_the_same() {
        let (pem, der) = authority();
        let one: serde_json::Value = serde_json::from_str(&describe(&der).unwrap()).unwrap();
        let two: serde_json::Value = serde_json::from_str(&describe(format!("said\n{pem}between\n{pem}").as_bytes()).unwrap()).unwrap();
        assert_eq!(two.as_array().unwrap().len(), 2);
        assert_eq!(one[0], two[0]);
        assert_eq!(one[0]["key"], "P-256");
        assert_eq!(one[0]["pathLength"], 1);
        assert_eq!(one[0]["names"], serde_json::json!(["www.lab.example", "192.0.2.7"]));
        assert_eq!(one[0]["permits"], serde_json::json!(["only lab.example"]));
    }

    #[test]
    fn what_is_no_certificate_is_told_so_and_never_panics() {
        let (_, der) = authority();
        assert!(matches!(describe(b"nothing of the kind"), Err(DescribeError::NoCertificate)));
        for cut in 0..der.len() {
            assert!(describe(&der[..cut]).is_err(), "{cut}");
        }
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 0x55;
            let _ = describe(&changed);
        }
    }
}
