//! Re-enacted certificates: names, serial numbers, dates and profile of an original, over a key of our own.

use mintwatch_validator::evidence::Sha256;
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize, SigningKey};
use time::OffsetDateTime;

use super::failed;
use crate::tables::der::{Element, element, elements, tagged};
use crate::trouble::Trouble;

/// A certificate whose private key we hold.
pub(super) struct Minted {
    pub(super) der: Vec<u8>,
    /// The subject Name, DER with its header.
    subject: Vec<u8>,
    spki_sha256: Sha256,
    key_id: Vec<u8>,
    not_after: i64,
    key: KeyPair,
}

/// What one certificate says, before anybody signs it. Every field is DER with its header.
pub(super) struct Draft {
    version: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    validity: Vec<u8>,
    subject: Vec<u8>,
    spki: Option<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
    not_after: i64,
}

impl Draft {
    /// Copies what an original says.
    pub(super) fn like(original: &[u8]) -> Result<Self, Trouble> {
        let odd = || Trouble::new("an original is not built as RFC 5280 §4.1 says");
        let (certificate, _) = element(original).ok_or_else(odd)?;
        let (tbs, _) = element(certificate.content).ok_or_else(odd)?;
        let mut fields = elements(tbs.content).peekable();
        let version = fields.next_if(|field| field.tag == VERSION).map_or_else(Vec::new, |field| field.whole.to_vec());
        let mut next = || fields.next().map(|field| field.whole.to_vec()).ok_or_else(odd);
        let (serial, _, issuer, validity, subject, _) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let extensions = fields.find(|field| field.tag == EXTENSIONS).and_then(|field| Some(element(field.content)?.0.content));
        let extensions = elements(extensions.unwrap_or_default()).map(|extension| extension.whole.to_vec()).collect();
        let (_, parsed) = x509_parser::parse_x509_certificate(original).map_err(failed)?;
        let not_after = parsed.validity().not_after.timestamp();
        Ok(Self { version, serial, issuer, validity, subject, spki: None, extensions, not_after })
    }

    /// Lays down an authority of which no original is in hand.
    pub(super) fn authority(name: &str, from: i64, until: i64) -> Result<Self, Trouble> {
        let constraints = extension(BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 1, 0xff]);
        // keyCertSign and cRLSign.
        let usage = extension(KEY_USAGE, true, &[0x03, 2, 1, 6]);
        Self::plain(
            name,
            from,
            until,
            vec![constraints, usage, extension(SUBJECT_KEY_ID, false, &[]), extension(AUTHORITY_KEY_ID, false, &[])],
        )
    }

    /// Lays down what an interceptor mints for a host: its names, the purpose of a TLS server, and the issuer's key identifier.
    pub(super) fn server(names: &[String], from: i64, until: i64) -> Result<Self, Trouble> {
        let common = names.first().ok_or_else(|| Trouble::new("a minted certificate has no name"))?;
        let alternatives: Vec<u8> = names.iter().flat_map(|name| tagged(DNS_NAME, name.as_bytes())).collect();
        let alternatives = extension(SUBJECT_ALT_NAME, false, &tagged(SEQUENCE, &alternatives));
        let purpose = extension(EXTENDED_KEY_USAGE, false, &tagged(SEQUENCE, &tagged(OID, SERVER_AUTH)));
        Self::plain(common, from, until, vec![alternatives, purpose, extension(AUTHORITY_KEY_ID, false, &[])])
    }

    fn plain(common_name: &str, from: i64, until: i64, extensions: Vec<Vec<u8>>) -> Result<Self, Trouble> {
        let subject = common_name_only(common_name);
        Ok(Self {
            version: vec![VERSION, 3, 2, 1, 2],
            serial: tagged(INTEGER, &[1]),
            issuer: subject.clone(),
            validity: validity(from, until)?,
            subject,
            spki: None,
            extensions,
            not_after: until,
        })
    }

    /// Takes a serial number from its content octets.
    pub(super) fn with_serial(mut self, octets: &[u8]) -> Self {
        self.serial = tagged(INTEGER, octets);
        self
    }

    /// Gives it the name that another certificate's issuer bears.
    pub(super) fn named_as_issuer_of(mut self, other: &Self) -> Self {
        self.subject.clone_from(&other.issuer);
        self.issuer.clone_from(&other.issuer);
        self
    }

    /// Lets it state a public key, DER with its header, whose private key nobody here holds.
    pub(super) fn over(mut self, spki: Vec<u8>) -> Self {
        self.spki = Some(spki);
        self
    }

    /// Signs it with a fresh key's issuer, or with that fresh key itself where there is no issuer.
    pub(super) fn sign(mut self, issuer: Option<&Minted>) -> Result<Minted, Trouble> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(failed)?;
        let spki = self.spki.take().unwrap_or_else(|| key.subject_public_key_info());
        let spki_sha256 = Sha256::of(&spki);
        // RFC 7093 §2, method 4 with SHA-256 cut to 160 bits.
        let key_id = spki_sha256.0.iter().copied().take(20).collect::<Vec<u8>>();
        if let Some(issuer) = issuer {
            self.issuer.clone_from(&issuer.subject);
        }
        let issuer_key_id = issuer.map_or(&key_id, |issuer| &issuer.key_id);
        for extension in &mut self.extensions {
            rename_keys(extension, &key_id, issuer_key_id);
        }
        let extensions = match self.extensions.concat() {
            none if none.is_empty() => none,
            some => tagged(EXTENSIONS, &tagged(SEQUENCE, &some)),
        };
        let parts = [&self.version, &self.serial, SHA256_WITH_RSA, &self.issuer, &self.validity, &self.subject, &spki, &extensions];
        let tbs = tagged(SEQUENCE, &parts.concat());
        let signature = issuer.map_or(&key, |issuer| &issuer.key).sign(&tbs).map_err(failed)?;
        let signature = tagged(BIT_STRING, &[&[0], signature.as_slice()].concat());
        let der = tagged(SEQUENCE, &[tbs.as_slice(), SHA256_WITH_RSA, &signature].concat());
        Ok(Minted { der, subject: self.subject, spki_sha256, key_id, not_after: self.not_after, key })
    }
}

impl Minted {
    /// Returns the SHA-256 of its SubjectPublicKeyInfo.
    pub(super) fn spki_sha256(&self) -> Sha256 {
        self.spki_sha256
    }

    /// Returns the end of its validity, in UNIX seconds.
    pub(super) fn not_after(&self) -> i64 {
        self.not_after
    }
}

/// Key identifiers name keys, and which keys is known only now.
fn rename_keys(extension_der: &mut Vec<u8>, own: &[u8], issuer: &[u8]) {
    let id = element(extension_der).and_then(|(whole, _)| elements(whole.content).next()).map(|id: Element<'_>| id.content.to_vec());
    match id.as_deref() {
        Some(SUBJECT_KEY_ID) => *extension_der = extension(SUBJECT_KEY_ID, false, &tagged(OCTET_STRING, own)),
        Some(AUTHORITY_KEY_ID) => *extension_der = extension(AUTHORITY_KEY_ID, false, &tagged(SEQUENCE, &tagged(KEY_IDENTIFIER, issuer))),
        _ => {}
    }
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tagged(SEQUENCE, &[tagged(OID, id).as_slice(), critical, &tagged(OCTET_STRING, value)].concat())
}

fn common_name_only(text: &str) -> Vec<u8> {
    let attribute = [tagged(OID, &[0x55, 4, 3]), tagged(UTF8_STRING, text.as_bytes())].concat();
    tagged(SEQUENCE, &tagged(SET, &tagged(SEQUENCE, &attribute)))
}

fn validity(from: i64, until: i64) -> Result<Vec<u8>, Trouble> {
    Ok(tagged(SEQUENCE, &[time(from)?, time(until)?].concat()))
}

/// RFC 5280 §4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050 on.
fn time(unix: i64) -> Result<Vec<u8>, Trouble> {
    let at = OffsetDateTime::from_unix_timestamp(unix).map_err(failed)?;
    let (year, month, day, hour, minute, second) = (at.year(), u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second());
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    Ok(match year {
        1950..2050 => tagged(0x17, format!("{:02}{rest}", year % 100).as_bytes()),
        _ => tagged(0x18, format!("{year:04}{rest}").as_bytes()),
    })
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const KEY_IDENTIFIER: u8 = 0x80;
const DNS_NAME: u8 = 0x82;
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// 1.3.6.1.5.5.7.3.1.
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
/// The AlgorithmIdentifier of sha256WithRSAEncryption (RFC 4055 §5), whole.
const SHA256_WITH_RSA: &[u8] = &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b, 5, 0];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use mintwatch_validator::Certificate;

    use super::*;

    #[test]
    fn a_copy_differs_from_its_original_in_keys_and_signature_alone() {
        for original in webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().take(40) {
            let copy = Draft::like(original).unwrap().sign(None).unwrap();
            let (copy, original) = (Certificate::read(&copy.der).unwrap(), Certificate::read(original).unwrap());
            assert_eq!((copy.subject, copy.issuer, copy.serial), (original.subject, original.issuer, original.serial));
            assert_eq!((copy.not_before, copy.not_after), (original.not_before, original.not_after));
            assert_eq!((copy.is_ca, copy.may_sign_certificates), (original.is_ca, original.may_sign_certificates));
            assert_eq!(copy.subject_key_id.is_some(), original.subject_key_id.is_some());
            assert_ne!((copy.spki, copy.subject_key_id), (original.spki, original.subject_key_id));
        }
    }

    #[test]
    fn what_an_authority_mints_names_its_host_and_verifies_under_it() {
        let authority = Draft::authority("Some Authority", 1_300_000_000, 2_600_000_000).unwrap().sign(None).unwrap();
        let leaf = Draft::server(&["*.example.org".to_owned()], 1_300_000_000, 1_400_000_000).unwrap().sign(Some(&authority)).unwrap();
        let (_, issuer) = x509_parser::parse_x509_certificate(&authority.der).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&leaf.der).unwrap();
        assert_eq!(parsed.issuer().as_raw(), issuer.subject().as_raw());
        assert_eq!(issuer.validity().not_after.timestamp(), 2_600_000_000);
        let read = Certificate::read(&leaf.der).unwrap();
        assert!(read.names_host("www.example.org") && !read.is_ca && read.purposes.unwrap().server);
        let signed = elements(element(&leaf.der).unwrap().0.content).collect::<Vec<_>>();
        let key = KeyPair::try_from(authority.key.serialize_der()).unwrap();
        assert_eq!(key.sign(signed[0].whole).unwrap(), signed[2].content[1..]);
    }
}
