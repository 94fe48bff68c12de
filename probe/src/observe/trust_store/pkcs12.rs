//! PKCS #12 (RFC 7292), as far as Java's trust stores go: certificates that Java holds trusted, in the open as since JDK 18, or
//! sealed with AES-256 under the usual password. Keys are passed over.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::pbkdf2;

use super::java::KeyStore;

/// Reads a store's trusted certificates.
///
/// # Errors
/// Why they cannot be read.
pub(super) fn read(bytes: &[u8]) -> Result<KeyStore, &'static str> {
    let contents = contents(bytes).ok_or(BROKEN)?;
    let mut certificates = Vec::new();
    let mut seals = 0;
    for content in Elements(contents) {
        let (_, content) = content.ok_or(BROKEN)?;
        let (kind, rest) = expect(content, OBJECT_IDENTIFIER).ok_or(BROKEN)?;
        match kind {
            DATA => {
                let bags = expect(rest, EXPLICIT_0).and_then(|(data, _)| expect(data, OCTET_STRING)).ok_or(BROKEN)?.0;
                trusted(bags, &mut certificates).ok_or(BROKEN)?;
            }
            ENCRYPTED_DATA => {
                seals += 1;
                if seals > MAX_SEALS {
                    return Err("PKCS #12 with more seals than are opened");
                }
                let (sealed, _) = expect(rest, EXPLICIT_0).ok_or(BROKEN)?;
                trusted(&opened(sealed)?, &mut certificates).ok_or(BROKEN)?;
            }
            // Sealed for the holder of a key: no trust store.
            _ => {}
        }
    }
    // The checksum of RFC 7292 §4 has a key derivation of its own; what AES opened under the password is whole.
    Ok(KeyStore { certificates, intact: None })
}

/// Returns the parts of a store: what stands inside PFX, its `authSafe` and that one's `AuthenticatedSafe`.
fn contents(bytes: &[u8]) -> Option<&[u8]> {
    let (pfx, _) = expect(bytes, SEQUENCE)?;
    let (_version, rest) = expect(pfx, INTEGER)?;
    let (safe, _) = expect(rest, SEQUENCE)?;
    let (kind, rest) = expect(safe, OBJECT_IDENTIFIER)?;
    let (content, _) = expect(rest, EXPLICIT_0)?;
    let (octets, _) = expect(content, OCTET_STRING)?;
    (kind == DATA).then_some(expect(octets, SEQUENCE)?.0)
}

/// Adds the certificates of a `SafeContents` that Java holds trusted.
fn trusted(safe_contents: &[u8], into: &mut Vec<Vec<u8>>) -> Option<()> {
    for bag in Elements(expect(safe_contents, SEQUENCE)?.0) {
        let (_, bag) = bag?;
        let (kind, rest) = expect(bag, OBJECT_IDENTIFIER)?;
        let (value, attributes) = expect(rest, EXPLICIT_0)?;
        if kind != CERT_BAG || !is_trusted(attributes) {
            continue;
        }
        let (bag, _) = expect(value, SEQUENCE)?;
        let (kind, rest) = expect(bag, OBJECT_IDENTIFIER)?;
        let (content, _) = expect(rest, EXPLICIT_0)?;
        if kind == X509_CERTIFICATE {
            into.push(expect(content, OCTET_STRING)?.0.to_vec());
        }
    }
    Some(())
}

/// Says whether the attributes of a bag, a SET, hold Oracle's mark of a trusted certificate: without it, Java takes none for one.
fn is_trusted(attributes: &[u8]) -> bool {
    let Some((attributes, _)) = expect(attributes, SET) else { return false };
    Elements(attributes)
        .flatten()
        .any(|(_, attribute)| expect(attribute, OBJECT_IDENTIFIER).is_some_and(|(kind, _)| kind == TRUSTED_KEY_USAGE))
}

/// Opens an `EncryptedData` with the usual password.
fn opened(sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
    let sealed = Sealed::read(sealed).ok_or(BROKEN)??;
    let iterations = NonZeroU32::new(sealed.iterations).filter(|count| count.get() <= MAX_ITERATIONS);
    let iterations = iterations.ok_or("PKCS #12, sealed with more iterations than are computed")?;
    let mut key = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, sealed.salt, b"changeit", &mut key);
    let mut octets = sealed.content.to_vec();
    let key = UnboundCipherKey::new(&AES_256, &key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7);
    let open = key.and_then(|key| Ok(key.decrypt(&mut octets, DecryptionContext::Iv128(sealed.iv.into()))?.to_vec()));
    open.map_err(|_| "PKCS #12, sealed with another password than `changeit`")
}

/// What a content is sealed with: PBES2 of PBKDF2 and AES-256 (RFC 8018 §6.2, appendix A).
struct Sealed<'b> {
    salt: &'b [u8],
    iterations: u32,
    iv: [u8; 16],
    content: &'b [u8],
}

impl<'b> Sealed<'b> {
    fn read(encrypted_data: &'b [u8]) -> Option<Result<Self, &'static str>> {
        let (encrypted_data, _) = expect(encrypted_data, SEQUENCE)?;
        let (_version, rest) = expect(encrypted_data, INTEGER)?;
        let (info, _) = expect(rest, SEQUENCE)?;
        let (_kind, rest) = expect(info, OBJECT_IDENTIFIER)?;
        let (algorithm, rest) = expect(rest, SEQUENCE)?;
        let (content, _) = expect(rest, IMPLICIT_0)?;
        let (scheme, rest) = expect(algorithm, OBJECT_IDENTIFIER)?;
        if scheme != PBES2 {
            return Some(Err(OTHER_SEAL));
        }
        let (parameters, _) = expect(rest, SEQUENCE)?;
        let (derivation, rest) = expect(parameters, SEQUENCE)?;
        let (cipher, _) = expect(rest, SEQUENCE)?;
        let (derived_by, rest) = expect(derivation, OBJECT_IDENTIFIER)?;
        let (parameters, _) = expect(rest, SEQUENCE)?;
        let (salt, rest) = expect(parameters, OCTET_STRING)?;
        let (iterations, rest) = expect(rest, INTEGER)?;
        // The length of the key may stand between; AES-256 tells it too.
        let rest = expect(rest, INTEGER).map_or(rest, |(_, rest)| rest);
        let (hash, _) = expect(expect(rest, SEQUENCE)?.0, OBJECT_IDENTIFIER)?;
        let (cipher, rest) = expect(cipher, OBJECT_IDENTIFIER)?;
        if derived_by != PBKDF2 || hash != HMAC_SHA256 || cipher != AES_256_CBC {
            return Some(Err(OTHER_SEAL));
        }
        let iv = expect(rest, OCTET_STRING)?.0.try_into().ok()?;
        let iterations = iterations.iter().try_fold(0_u32, |sum, octet| sum.checked_mul(256)?.checked_add(u32::from(*octet)));
        Some(Ok(Self { salt, iterations: iterations.unwrap_or(u32::MAX), iv, content }))
    }
}

/// The elements that stand one after another; `None` once for what is none, and then no more.
struct Elements<'b>(&'b [u8]);

impl<'b> Iterator for Elements<'b> {
    type Item = Option<(u8, &'b [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = element(self.0);
        self.0 = read.map_or(&[], |(.., rest)| rest);
        Some(read.map(|(tag, content, _)| (tag, content)))
    }
}

/// Splits an element of this tag off: its contents, and what follows.
fn expect(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(input)?;
    (found == tag).then_some((content, rest))
}

/// Splits the first element off DER (X.690 §10): its tag, its contents, and what follows.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = octets.iter().try_fold(0_usize, |sum, octet| sum.checked_mul(256)?.checked_add(usize::from(*octet)))?;
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

const BROKEN: &str = "PKCS #12 that is broken or not in DER";
const OTHER_SEAL: &str = "PKCS #12, sealed in a way that is not read (only AES-256 under PBKDF2 with SHA-256 is)";
/// Java seals once.
const MAX_SEALS: usize = 4;
/// Java uses 10,000.
const MAX_ITERATIONS: u32 = 200_000;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;
const IMPLICIT_0: u8 = 0x80;

/// 1.2.840.113549.1.7.1 and .6 (RFC 5652).
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
/// 1.2.840.113549.1.12.10.1.3 and 1.2.840.113549.1.9.22.1 (RFC 7292 §4.2.3).
const CERT_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// 2.16.840.1.113894.746875.1.1, Oracle's trustedKeyUsage.
const TRUSTED_KEY_USAGE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];
/// 1.2.840.113549.1.5.13 and .12, 1.2.840.113549.2.9 (RFC 8018), 2.16.840.1.101.3.4.1.42 (NIST).
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::observe::trust_store::testing::{fixture, names_of};

    fn store(name: &str) -> Vec<u8> {
        fs::read(fixture(&format!("java/{name}"))).unwrap()
    }

    #[test]
    fn a_store_without_a_password_is_read() {
        let read = read(&store("without-password.p12")).unwrap();
        assert_eq!(names_of(&read.certificates), ["CN=Fixture Trusted for Servers"]);
        assert_eq!(read.intact, None);
    }

    #[test]
    fn a_store_under_the_usual_password_is_read_and_under_another_it_is_told() {
        assert_eq!(names_of(&read(&store("changeit.p12")).unwrap().certificates), ["CN=Fixture Trusted for Servers"]);
        assert_eq!(read(&store("another-password.p12")), Err("PKCS #12, sealed with another password than `changeit`"));
    }

    #[test]
    fn certificates_that_java_does_not_hold_trusted_and_old_seals_are_not_taken() {
        assert_eq!(read(&store("without-the-mark.p12")).unwrap().certificates, Vec::<Vec<u8>>::new());
        assert_eq!(read(&store("old-seal.p12")), Err(OTHER_SEAL));
    }

    #[test]
    fn a_store_of_many_seals_is_not_worked_through() {
        fn der(tag: u8, content: &[u8]) -> Vec<u8> {
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            [&[tag, 0x84][..], &length, content].concat()
        }
        let sealed = store("changeit.p12");
        let many = der(SEQUENCE, &contents(&sealed).unwrap().repeat(MAX_SEALS + 1));
        let data = der(EXPLICIT_0, &der(OCTET_STRING, &many));
        let safe = der(SEQUENCE, &[der(OBJECT_IDENTIFIER, DATA), data].concat());
        let store = der(SEQUENCE, &[der(INTEGER, &[3]), safe].concat());
        assert_eq!(read(&store), Err("PKCS #12 with more seals than are opened"));
    }

    #[test]
    fn no_cut_and_no_changed_byte_makes_it_panic() {
        let whole = store("without-password.p12");
        for at in 0..whole.len() {
            assert!(read(&whole[..at]).is_err(), "{at}");
            let mut changed = whole.clone();
            changed[at] ^= 0x81;
            let _ = read(&changed);
        }
        let sealed = store("changeit.p12");
        for at in 0..sealed.len().min(300) {
            let mut changed = sealed.clone();
            changed[at] ^= 0x40;
            let _ = read(&changed);
        }
    }
}
