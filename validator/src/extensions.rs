//! A certificate's extensions as they are encoded: which, critical or not, and their bytes.

use crate::der;

/// One extension (RFC 5280 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extension<'e> {
    /// Contents of the extnID.
    pub(crate) id: &'e [u8],
    /// Whether a verifier must understand it.
    pub(crate) critical: bool,
    /// What the extnValue holds.
    pub(crate) value: &'e [u8],
}

/// subjectKeyIdentifier (RFC 5280 §4.2.1.2).
pub(crate) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
/// keyUsage (§4.2.1.3).
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
/// subjectAltName (§4.2.1.6).
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
/// basicConstraints (§4.2.1.9).
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
/// nameConstraints (§4.2.1.10).
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
/// cRLDistributionPoints (§4.2.1.13).
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];
/// certificatePolicies (§4.2.1.4).
pub(crate) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 32];
/// policyMappings (§4.2.1.5).
pub(crate) const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1d, 33];
/// authorityKeyIdentifier (§4.2.1.1).
pub(crate) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
/// policyConstraints (§4.2.1.11).
pub(crate) const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 36];
/// extKeyUsage (§4.2.1.12).
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// inhibitAnyPolicy (§4.2.1.14).
pub(crate) const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1d, 54];
/// authorityInfoAccess (§4.2.2.1).
pub(crate) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

/// Tag of `[3] EXPLICIT`, which holds them all.
const EXTENSIONS: u8 = 0xa3;
/// Tag of BOOLEAN.
const BOOLEAN: u8 = 0x01;

/// Reads the extensions of a TBSCertificate, in order; empty when it has none, `None` when they are no DER.
pub(crate) fn of(tbs: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut rest = der::only(tbs, der::SEQUENCE)?;
    while let Some((element, after)) = der::read(rest) {
        if element.tag == EXTENSIONS {
            return if after.is_empty() { each(der::only(element.content, der::SEQUENCE)?).collect() } else { None };
        }
        rest = after;
    }
    rest.is_empty().then(Vec::new)
}

/// Reads extension after extension, inside the list of them; the first that is no DER is `None`, and the last.
pub(crate) fn each(content: &[u8]) -> impl Iterator<Item = Option<Extension<'_>>> {
    let mut rest = Some(content);
    std::iter::from_fn(move || {
        let content = rest.filter(|rest| !rest.is_empty())?;
        let read = der::expect(content, der::SEQUENCE).and_then(|(extension, after)| Some((one(extension)?, after)));
        rest = read.map(|(_, after)| after);
        Some(read.map(|(extension, _)| extension))
    })
}

fn one(extension: &[u8]) -> Option<Extension<'_>> {
    let (id, rest) = der::expect(extension, der::OBJECT_IDENTIFIER)?;
    let (critical, rest) = match der::expect(rest, BOOLEAN) {
        Some((value, after)) => (value != [0], after),
        None => (false, rest),
    };
    Some(Extension { id, critical, value: der::only(rest, der::OCTET_STRING)? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;
    use crate::Certificate;

    #[test]
    fn every_extension_is_read_with_its_criticality() {
        let mut params = CertificateParams::new(["www.example.org".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let extensions = of(Certificate::read(&der).unwrap().signed_parts().tbs).unwrap();
        let critical = |id: &[u8]| extensions.iter().find(|extension| extension.id == id).map(|extension| extension.critical);
        assert_eq!(critical(BASIC_CONSTRAINTS), Some(true));
        assert_eq!(critical(SUBJECT_ALT_NAME), Some(false));
        assert_eq!(critical(NAME_CONSTRAINTS), None);
    }

    #[test]
    fn what_is_no_list_is_nothing() {
        let wrapped = |content: &[u8]| der::write(der::SEQUENCE, &der::write(EXTENSIONS, content));
        assert_eq!(of(&wrapped(&[0x30, 0])), Some(Vec::new()));
        assert_eq!(of(&wrapped(&[])), None);
        assert_eq!(of(&wrapped(&[0x30, 2, 0x30, 0])), None);
        assert_eq!(of(&[0x30, 1, 0x30]), None);
    }
}
