//! Reads signed certificate timestamps (RFC 6962) and verifies them against a log's key.
//!
//! Whose key a log id stands for, whether the log counted at that time and how many SCTs are enough,
//! is known elsewhere; here is only what the SCT says and whether the log signed it.

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::der;
use crate::signatures::{Signatures, TlsSignatureError, key_bits};

/// How many SCTs of one list are read at most; real certificates carry two to five.
pub const MAX_SCTS: usize = 64;

/// A signed certificate timestamp, version 1 (RFC 6962 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sct {
    /// Always 0, which means version 1.
    pub version: u8,
    /// SHA-256 of the log's `SubjectPublicKeyInfo`.
    pub log_id: [u8; 32],
    /// When the log promised to include the certificate, in milliseconds since the UNIX epoch.
    pub timestamp_ms: u64,
    /// CtExtensions, uninterpreted; static-ct logs put the leaf index here.
    pub extensions: Vec<u8>,
    /// HashAlgorithm (RFC 5246 §7.4.1.4.1); 4 is SHA-256, the only one allowed.
    pub hash_alg: u8,
    /// SignatureAlgorithm (same); 1 is RSA, 3 is ECDSA.
    pub sig_alg: u8,
    /// The log's signature.
    pub signature: Vec<u8>,
}

/// Why an SCT, or a list of them, is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SctError {
    /// The SCT is cut short or has bytes left over.
    #[error("the SCT is malformed")]
    Malformed,
    /// A version later than RFC 6962's, whose form we do not know.
    #[error("the SCT is of unknown version {0}")]
    UnknownVersion(u8),
    /// The list is not one OCTET STRING, its length is wrong, or an SCT in it is empty.
    #[error("the list of SCTs is malformed")]
    MalformedList,
    /// More than [`MAX_SCTS`].
    #[error("the list has more than {MAX_SCTS} SCTs")]
    TooMany,
    /// The certificate is not in strict DER, or has its SCT extension twice.
    #[error("the certificate is malformed")]
    MalformedCertificate,
    /// Longer than an SCT can be made over: 2^24 - 1 bytes, or extensions of 2^16 - 1.
    #[error("the certificate is too long for an SCT")]
    TooLong,
    /// The log's key is not the one the SCT names.
    #[error("the SCT is of another log")]
    OtherLog,
    /// Logs sign with ECDSA on P-256 or RSA of 2048 bits or more, and SHA-256 (RFC 6962 §2.1.4).
    #[error("the SCT is signed by algorithm {sig_alg} with hash {hash_alg}, which no log may use")]
    UnsupportedAlgorithm {
        /// HashAlgorithm as in the SCT.
        hash_alg: u8,
        /// SignatureAlgorithm as in the SCT.
        sig_alg: u8,
    },
    /// The log did not sign this certificate, of this issuer, at this time.
    #[error("the log's signature does not verify")]
    Signature(#[source] TlsSignatureError),
}

/// Reads the SCTs embedded in a certificate (RFC 6962 §3.3); none when it has no such extension.
///
/// Each SCT stands for itself: one that cannot be read does not spoil the others.
///
/// # Errors
/// [`SctError::MalformedCertificate`], [`SctError::MalformedList`] or [`SctError::TooMany`].
pub fn embedded(certificate_der: &[u8]) -> Result<Vec<Result<Sct, SctError>>, SctError> {
    let tbs = Tbs::of_certificate(certificate_der)?;
    let Some(extension) = tbs.sct_extension()? else {
        return Ok(Vec::new());
    };
    parse_extension(extension.value)
}

/// Reads the value of the SCT extension (1.3.6.1.4.1.11129.2.4.2), an OCTET STRING around the list.
///
/// `value` is what stands inside `extnValue`.
///
/// # Errors
/// [`SctError::MalformedList`] or [`SctError::TooMany`].
pub fn parse_extension(value: &[u8]) -> Result<Vec<Result<Sct, SctError>>, SctError> {
    parse_list(der::only(value, der::OCTET_STRING).ok_or(SctError::MalformedList)?)
}

/// Reads a SignedCertificateTimestampList in TLS encoding (RFC 6962 §3.3).
///
/// # Errors
/// [`SctError::MalformedList`] or [`SctError::TooMany`].
pub fn parse_list(list: &[u8]) -> Result<Vec<Result<Sct, SctError>>, SctError> {
    let (mut scts, rest) = vector(list).ok_or(SctError::MalformedList)?;
    if !rest.is_empty() {
        return Err(SctError::MalformedList);
    }
    let mut parsed = Vec::new();
    while !scts.is_empty() {
        if parsed.len() == MAX_SCTS {
            return Err(SctError::TooMany);
        }
        let (sct, rest) = vector(scts).ok_or(SctError::MalformedList)?;
        if sct.is_empty() {
            return Err(SctError::MalformedList);
        }
        parsed.push(Sct::parse(sct));
        scts = rest;
    }
    Ok(parsed)
}

/// The `TBSCertificate` that a log signed before the SCTs were embedded: the same without them.
///
/// Cuts the SCT extension out, and with it the whole `[3]` when nothing else is in there. A certificate
/// without SCTs gives its `TBSCertificate` as it stands. A precertificate's poison is not cut: a
/// real certificate has none (RFC 6962 §3.1).
///
/// # Errors
/// [`SctError::MalformedCertificate`] when it is not in strict DER or has the extension twice.
pub fn precertificate_tbs(certificate_der: &[u8]) -> Result<Vec<u8>, SctError> {
    let tbs = Tbs::of_certificate(certificate_der)?;
    let Some(cut) = tbs.sct_extension()? else {
        return Ok(tbs.whole.to_vec());
    };
    let mut content = tbs.before_extensions.to_vec();
    let kept: Vec<u8> = [cut.before, cut.after].concat();
    if !kept.is_empty() {
        let extensions = der::write(der::SEQUENCE, &kept);
        content.extend(der::write(EXTENSIONS, &extensions));
    }
    Ok(der::write(der::SEQUENCE, &content))
}

/// Reads the SCTs in an OCSP response (RFC 6960 §4.2.1, RFC 6962 §3.3): those of its single responses.
///
/// The response's own signature is not asked: an SCT stands by the signature of its log.
///
/// # Errors
/// [`SctError::MalformedList`] or [`SctError::TooMany`]. Bytes that are no OCSP response carry no SCT.
pub fn stapled(ocsp_response: &[u8]) -> Result<Vec<Result<Sct, SctError>>, SctError> {
    let mut found = Vec::new();
    for list in lists_in_ocsp(ocsp_response).unwrap_or_default() {
        found.extend(parse_extension(list)?);
        if found.len() > MAX_SCTS {
            return Err(SctError::TooMany);
        }
    }
    Ok(found)
}

/// The values of the SCT extensions of an OCSPResponse, one for each single response that has it.
fn lists_in_ocsp(response: &[u8]) -> Option<Vec<&[u8]>> {
    let (_status, bytes) = der::read(der::only(response, der::SEQUENCE)?)?;
    let (_type, basic) = der::read(der::only(der::only(bytes, CONTEXT_0)?, der::SEQUENCE)?)?;
    let basic = der::only(der::only(basic, der::OCTET_STRING)?, der::SEQUENCE)?;
    let (tbs, _) = der::expect(basic, der::SEQUENCE)?;
    // version [0] and responderID [1] or [2] come before producedAt and the responses.
    let (mut rest, mut responses) = (tbs, None);
    while let (None, Some((field, after))) = (responses, der::read(rest)) {
        responses = (field.tag == der::SEQUENCE).then_some(field.content);
        rest = after;
    }
    let mut lists = Vec::new();
    let mut rest = responses?;
    while let (true, Some((single, after))) = (lists.len() < MAX_SCTS, der::expect(rest, der::SEQUENCE)) {
        lists.extend(extensions_of_single(single).and_then(|extensions| value_of(extensions, SCT_LIST_IN_OCSP)));
        rest = after;
    }
    Some(lists)
}

/// singleExtensions [1] of a SingleResponse: the last field, after thisUpdate.
fn extensions_of_single(single: &[u8]) -> Option<&[u8]> {
    let mut rest = single;
    let mut past_this_update = false;
    while let Some((field, after)) = der::read(rest) {
        past_this_update |= field.tag == GENERALIZED_TIME;
        // certStatus may be [1] as well, but stands before thisUpdate.
        if past_this_update && field.tag == CONTEXT_1 {
            return der::only(field.content, der::SEQUENCE);
        }
        rest = after;
    }
    None
}

/// The inside of the value of the first extension with this OID.
fn value_of<'a>(extensions: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut rest = extensions;
    while !rest.is_empty() {
        let (oid, value, after) = extension(rest)?;
        if oid == wanted {
            return Some(value);
        }
        rest = after;
    }
    None
}

impl Sct {
    /// Returns when the log promised to include the certificate, in UNIX seconds.
    pub fn at(&self) -> i64 {
        i64::try_from(self.timestamp_ms / 1000).unwrap_or(i64::MAX)
    }

    /// Reads one SerializedSCT, as the TLS extension and OCSP deliver them (RFC 6962 §3.3).
    ///
    /// # Errors
    /// [`SctError::UnknownVersion`] or [`SctError::Malformed`].
    pub fn parse(sct: &[u8]) -> Result<Self, SctError> {
        match sct.first() {
            Some(&V1) => Self::parse_v1(sct).ok_or(SctError::Malformed),
            Some(&version) => Err(SctError::UnknownVersion(version)),
            None => Err(SctError::Malformed),
        }
    }

    fn parse_v1(sct: &[u8]) -> Option<Self> {
        let (&version, rest) = sct.split_first()?;
        let (&log_id, rest) = rest.split_first_chunk::<32>()?;
        let (&timestamp, rest) = rest.split_first_chunk::<8>()?;
        let (extensions, rest) = vector(rest)?;
        let (&[hash_alg, sig_alg], rest) = rest.split_first_chunk::<2>()?;
        let (signature, rest) = vector(rest)?;
        rest.is_empty().then(|| Self {
            version,
            log_id,
            timestamp_ms: u64::from_be_bytes(timestamp),
            extensions: extensions.to_vec(),
            hash_alg,
            sig_alg,
            signature: signature.to_vec(),
        })
    }

    /// Verifies an SCT that is embedded in `leaf_der`, issued by the key in `issuer_spki_der`.
    ///
    /// Both keys are whole `SubjectPublicKeyInfo`s. The issuer is who signed the certificate, also when
    /// the precertificate was signed by another (RFC 6962 §3.2).
    ///
    /// # Errors
    /// [`SctError::Signature`] when the log did not sign this; of its kinds only
    /// [`TlsSignatureError::Exhausted`] leaves it open. The others when it could not be asked.
    pub fn verify_embedded(
        &self,
        signatures: &Signatures,
        leaf_der: &[u8],
        issuer_spki_der: &[u8],
        log_spki_der: &[u8],
    ) -> Result<(), SctError> {
        self.verify(signatures, &precert_entry(leaf_der, issuer_spki_der)?, log_spki_der)
    }

    /// Verifies an SCT that came in the handshake or in an OCSP response, for the whole `leaf_der`.
    ///
    /// # Errors
    /// As of [`Sct::verify_embedded`].
    pub fn verify_delivered(&self, signatures: &Signatures, leaf_der: &[u8], log_spki_der: &[u8]) -> Result<(), SctError> {
        let mut entry = X509_ENTRY.to_be_bytes().to_vec();
        entry.extend(length_24(leaf_der)?);
        entry.extend(leaf_der);
        self.verify(signatures, &entry, log_spki_der)
    }

    /// Verifies the log's signature over an entry_type and a signed_entry (RFC 6962 §3.2).
    pub(crate) fn verify(&self, signatures: &Signatures, entry: &[u8], log_spki_der: &[u8]) -> Result<(), SctError> {
        if self.log_id != *Sha256::digest(log_spki_der) {
            return Err(SctError::OtherLog);
        }
        let scheme = self.scheme(log_spki_der)?;
        let extensions = u16::try_from(self.extensions.len()).map_err(|_| SctError::TooLong)?;
        let mut signed = vec![V1, CERTIFICATE_TIMESTAMP];
        signed.extend(self.timestamp_ms.to_be_bytes());
        signed.extend(entry);
        signed.extend(extensions.to_be_bytes());
        signed.extend(&self.extensions);
        signatures.verify_tls(scheme, log_spki_der, &signed, &self.signature).map_err(SctError::Signature)
    }

    /// The TLS SignatureScheme of the same hash and signature, if a log may use it with this key.
    fn scheme(&self, log_spki_der: &[u8]) -> Result<u16, SctError> {
        match (self.hash_alg, self.sig_alg, key_bits(log_spki_der)) {
            (4, 3, Some(256)) => Ok(0x0403),
            (4, 1, Some(2048..)) => Ok(0x0401),
            _ => Err(SctError::UnsupportedAlgorithm { hash_alg: self.hash_alg, sig_alg: self.sig_alg }),
        }
    }
}

/// Returns what every log signed of a certificate that carries SCTs, by its issuer's key: entry_type and signed_entry (RFC 6962
/// §3.2).
///
/// # Errors
/// As of [`Sct::verify_embedded`], but for the signature.
pub(crate) fn precert_entry(leaf_der: &[u8], issuer_spki_der: &[u8]) -> Result<Vec<u8>, SctError> {
    let tbs = precertificate_tbs(leaf_der)?;
    let mut entry = Vec::with_capacity(2 + 32 + 3 + tbs.len());
    entry.extend(PRECERT_ENTRY.to_be_bytes());
    entry.extend(Sha256::digest(issuer_spki_der));
    entry.extend(length_24(&tbs)?);
    entry.extend(tbs);
    Ok(entry)
}

/// A `TBSCertificate` (RFC 5280 §4.1), cut at its extensions.
struct Tbs<'a> {
    /// The element itself, header included.
    whole: &'a [u8],
    /// Its contents up to the extensions.
    before_extensions: &'a [u8],
    /// The extensions one after another, without the two headers around them.
    extensions: &'a [u8],
}

/// The SCT extension and its neighbours.
struct SctExtension<'a> {
    /// The extensions before it.
    before: &'a [u8],
    /// The inside of its `extnValue`.
    value: &'a [u8],
    /// The extensions after it.
    after: &'a [u8],
}

impl<'a> Tbs<'a> {
    fn of_certificate(certificate_der: &'a [u8]) -> Result<Self, SctError> {
        Self::read(certificate_der).ok_or(SctError::MalformedCertificate)
    }

    fn read(certificate_der: &'a [u8]) -> Option<Self> {
        let (tbs, _) = der::read(der::only(certificate_der, der::SEQUENCE)?)?;
        if tbs.tag != der::SEQUENCE {
            return None;
        }
        let mut rest = tbs.content;
        while !rest.is_empty() {
            let (field, after) = der::read(rest)?;
            if field.tag == EXTENSIONS {
                let before = tbs.content.len().checked_sub(rest.len())?;
                // The extensions come last, and are never an empty list (RFC 5280 §4.1).
                let extensions = der::only(field.content, der::SEQUENCE)?;
                return (after.is_empty() && !extensions.is_empty()).then_some(Self {
                    whole: tbs.whole,
                    before_extensions: tbs.content.get(..before)?,
                    extensions,
                });
            }
            rest = after;
        }
        Some(Self { whole: tbs.whole, before_extensions: tbs.content, extensions: &[] })
    }

    fn sct_extension(&self) -> Result<Option<SctExtension<'a>>, SctError> {
        let mut found = None;
        let mut rest = self.extensions;
        while !rest.is_empty() {
            let (oid, value, after) = extension(rest).ok_or(SctError::MalformedCertificate)?;
            if oid == SCT_LIST {
                let before = self.extensions.len().saturating_sub(rest.len());
                let before = self.extensions.get(..before).ok_or(SctError::MalformedCertificate)?;
                let this = SctExtension { before, value, after };
                // Which of two was meant, nobody can tell (RFC 5280 §4.2 forbids it).
                if found.replace(this).is_some() {
                    return Err(SctError::MalformedCertificate);
                }
            }
            rest = after;
        }
        Ok(found)
    }
}

/// Splits an `Extension` off: its OID, the inside of its value, and what follows.
fn extension(input: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (content, after) = der::expect(input, der::SEQUENCE)?;
    let (oid, rest) = der::expect(content, der::OBJECT_IDENTIFIER)?;
    let (next, last) = der::read(rest)?;
    let value = if next.tag == BOOLEAN { der::only(last, der::OCTET_STRING)? } else { der::only(rest, der::OCTET_STRING)? };
    Some((oid, value, after))
}

/// Splits off a TLS vector whose length takes two octets (RFC 5246 §4.3).
fn vector(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = input.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(length)))
}

/// A length in three octets.
fn length_24(content: &[u8]) -> Result<[u8; 3], SctError> {
    match u32::try_from(content.len()).map(u32::to_be_bytes) {
        Ok([0, length @ ..]) => Ok(length),
        _ => Err(SctError::TooLong),
    }
}

/// Version octet of RFC 6962.
const V1: u8 = 0;
/// SignatureType (RFC 6962 §3.2).
const CERTIFICATE_TIMESTAMP: u8 = 0;
/// LogEntryType (RFC 6962 §3.1).
const X509_ENTRY: u16 = 0;
/// LogEntryType (RFC 6962 §3.1).
const PRECERT_ENTRY: u16 = 1;
/// Tag of `extensions [3] EXPLICIT` (RFC 5280 §4.1).
const EXTENSIONS: u8 = 0xa3;
/// Tag of BOOLEAN.
const BOOLEAN: u8 = 0x01;
/// Tags of `[0]` and `[1]`, constructed.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
/// Tag of GeneralizedTime.
const GENERALIZED_TIME: u8 = 0x18;
/// 1.3.6.1.4.1.11129.2.4.5 (RFC 6962 §3.3).
const SCT_LIST_IN_OCSP: &[u8] = b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x05";
/// 1.3.6.1.4.1.11129.2.4.2 (RFC 6962 §3.3).
const SCT_LIST: &[u8] = b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
mod tests {
    use data_encoding::BASE64;
    use proptest::prelude::*;

    use super::*;
    use crate::signatures::parity::Signer;

    /// The rows of `scts_real.tsv` that tell this.
    fn rows(what: &str) -> Vec<(&'static str, Vec<u8>)> {
        include_str!("scts_real.tsv")
            .lines()
            .filter_map(|line| line.strip_prefix(what)?.strip_prefix('\t'))
            .map(|row| row.split_once('\t').unwrap())
            .map(|(of, der)| (of, BASE64.decode(der.as_bytes()).unwrap()))
            .collect()
    }

    fn real(what: &str, of: &str) -> Vec<u8> {
        let mut rows = rows(what);
        rows.retain(|(name, _)| *name == of);
        rows.pop().unwrap().1
    }

    fn log_of(sct: &Sct) -> Vec<u8> {
        let is_it = |key: &Vec<u8>| *Sha256::digest(key) == sct.log_id;
        rows("log").into_iter().map(|row| row.1).find(is_it).unwrap()
    }

    #[test]
    fn verifies_real_certificates() {
        let signatures = Signatures::new();
        let mut verified = 0;
        for (host, certificate) in rows("certificate") {
            for sct in embedded(&certificate).unwrap() {
                let sct = sct.unwrap();
                let log = log_of(&sct);
                let issuer = real("issuer", host);
                let answer = sct.verify_embedded(&signatures, &certificate, &issuer, &log);
                assert_eq!(answer, Ok(()), "{host}");
                // Embedded SCTs are over the precertificate, not over the certificate.
                let delivered = sct.verify_delivered(&signatures, &certificate, &log);
                assert_eq!(delivered, Err(SctError::Signature(TlsSignatureError::Invalid)));
                verified += 1;
            }
        }
        assert_eq!(verified, 4);
    }

    #[test]
    fn notices_another_issuer_another_log_and_every_changed_part() {
        let signatures = Signatures::new();
        let certificate = real("certificate", "letsencrypt.org");
        let issuer = real("issuer", "letsencrypt.org");
        let sct = embedded(&certificate).unwrap().remove(0).unwrap();
        let log = log_of(&sct);
        let invalid = Err(SctError::Signature(TlsSignatureError::Invalid));
        let ask = |sct: &Sct, certificate: &[u8], issuer: &[u8], log: &[u8]| sct.verify_embedded(&signatures, certificate, issuer, log);
        assert_eq!(ask(&sct, &certificate, &issuer, &log), Ok(()));

        assert_eq!(ask(&sct, &certificate, &real("issuer", "github.com"), &log), invalid);
        let other_log = rows("log").into_iter().map(|row| row.1);
        for another in other_log.filter(|key| *key != log) {
            assert_eq!(ask(&sct, &certificate, &issuer, &another), Err(SctError::OtherLog));
        }
        let changes: [fn(&mut Sct); 4] = [
            |sct| sct.timestamp_ms += 1,
            |sct| sct.extensions.push(0),
            |sct| *sct.signature.last_mut().unwrap() ^= 1,
            |sct| sct.signature.clear(),
        ];
        for change in changes {
            let mut other = sct.clone();
            change(&mut other);
            assert_eq!(ask(&other, &certificate, &issuer, &log), invalid);
        }
        let mut other = sct.clone();
        other.sig_alg = 1;
        let unsupported = SctError::UnsupportedAlgorithm { hash_alg: 4, sig_alg: 1 };
        assert_eq!(ask(&other, &certificate, &issuer, &log), Err(unsupported));
        // A changed octet anywhere in the certificate: of the serial number, say, or of the name.
        let tbs = precertificate_tbs(&certificate).unwrap();
        let name = find(&certificate, b"letsencrypt.org");
        for at in [15, name, name + 14] {
            let mut other = certificate.clone();
            other[at] ^= 1;
            assert_ne!(precertificate_tbs(&other).unwrap(), tbs);
            assert_eq!(ask(&sct, &other, &issuer, &log), invalid, "{at}");
        }
    }

    #[test]
    fn verifies_what_came_in_the_handshake() {
        let signer = Signer::p256();
        let certificate = real("certificate", "github.com");
        let mut sct = Sct {
            version: 0,
            log_id: Sha256::digest(&signer.spki).into(),
            timestamp_ms: 1_700_000_000_123,
            extensions: vec![1, 2],
            hash_alg: 4,
            sig_alg: 3,
            signature: Vec::new(),
        };
        // RFC 6962 §3.2, octet by octet.
        let length = u32::try_from(certificate.len()).unwrap().to_be_bytes();
        let message = [&[0, 0][..], &1_700_000_000_123_u64.to_be_bytes(), &[0, 0], &length[1..], &certificate, &[0, 2, 1, 2]].concat();
        sct.signature = signer.sign(&message);
        let signatures = Signatures::new();
        let ask = |sct: &Sct| sct.verify_delivered(&signatures, &certificate, &signer.spki);
        assert_eq!(ask(&sct), Ok(()));
        sct.timestamp_ms += 1;
        assert_eq!(ask(&sct), Err(SctError::Signature(TlsSignatureError::Invalid)));
        signatures.start_chain(0);
        sct.timestamp_ms += 1;
        assert_eq!(ask(&sct), Err(SctError::Signature(TlsSignatureError::Exhausted)));
    }

    #[test]
    fn reads_each_sct_for_itself() {
        let good = serialized(&[9; 32]);
        let mut later = good.clone();
        later[0] = 1;
        let cut = good[..good.len() - 1].to_vec();
        let long = [&good[..], &[0]].concat();
        let parsed = parse_list(&list(&[&good, &later, &cut, &long])).unwrap();
        assert_eq!(parsed[0].as_ref().unwrap().log_id, [9; 32]);
        assert_eq!(parsed[0].as_ref().unwrap().timestamp_ms, 7);
        assert_eq!(parsed[1], Err(SctError::UnknownVersion(1)));
        assert_eq!(parsed[2], Err(SctError::Malformed));
        assert_eq!(parsed[3], Err(SctError::Malformed));
        for length in 0..good.len() {
            assert_eq!(Sct::parse(&good[..length]), Err(SctError::Malformed));
        }
    }

    #[test]
    fn bounds_the_list_and_refuses_a_broken_one() {
        let good = serialized(&[9; 32]);
        let full = vec![&good[..]; MAX_SCTS];
        assert_eq!(parse_list(&list(&full)).unwrap().len(), MAX_SCTS);
        let over = vec![&good[..]; MAX_SCTS + 1];
        assert_eq!(parse_list(&list(&over)), Err(SctError::TooMany));

        let mut trailing = list(&[&good]);
        trailing.push(0);
        assert_eq!(parse_list(&trailing), Err(SctError::MalformedList));
        assert_eq!(parse_list(&list(&[&[]])), Err(SctError::MalformedList));
        assert_eq!(parse_list(&[]), Err(SctError::MalformedList));
        assert_eq!(parse_extension(&list(&[&good])), Err(SctError::MalformedList));
        let wrapped = der::write(der::OCTET_STRING, &list(&[&good]));
        assert_eq!(parse_extension(&wrapped).unwrap().len(), 1);
    }

    #[test]
    fn cuts_out_the_extension_and_an_empty_wrapper_with_it() {
        let scts = sct_extension(&list(&[&serialized(&[9; 32])]));
        let alone = certificate(std::slice::from_ref(&scts));
        assert_eq!(precertificate_tbs(&alone).unwrap(), tbs(&[]));
        assert_eq!(embedded(&alone).unwrap().len(), 1);
        let without = certificate(&[other_extension(5)]);
        assert_eq!(precertificate_tbs(&without).unwrap(), tbs(&[other_extension(5)]));
        assert_eq!(embedded(&without).unwrap(), []);
        let twice = certificate(&[scts.clone(), other_extension(5), scts]);
        assert_eq!(precertificate_tbs(&twice), Err(SctError::MalformedCertificate));
        assert_eq!(embedded(&twice), Err(SctError::MalformedCertificate));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Among neighbours of any length, so that every header grows and shrinks.
        #[test]
        fn cutting_undoes_embedding(
            before in prop::collection::vec(0..300_usize, 0..4),
            after in prop::collection::vec(0..300_usize, 0..4),
            scts in 1..5_usize,
        ) {
            let others = |lengths: &[usize]| lengths.iter().map(|&length| other_extension(length)).collect::<Vec<_>>();
            let good = serialized(&[9; 32]);
            let scts = sct_extension(&list(&vec![&good[..]; scts]));
            let original = [others(&before), others(&after)].concat();
            let embedding = [others(&before), vec![scts], others(&after)].concat();
            prop_assert_eq!(precertificate_tbs(&certificate(&embedding)).unwrap(), tbs(&original));
        }

        #[test]
        fn survives_any_change(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let mut certificate = real("certificate", "letsencrypt.org");
            for (at, octet) in changes {
                let at = at.index(certificate.len());
                certificate[at] = octet;
            }
            let _ = precertificate_tbs(&certificate);
            for sct in embedded(&certificate).into_iter().flatten().flatten() {
                let _ = sct.verify_embedded(&Signatures::new(), &certificate, b"", b"");
            }
        }

        #[test]
        fn survives_any_octets(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sct::parse(&octets);
            let _ = parse_list(&octets);
            let _ = parse_extension(&octets);
            let _ = embedded(&octets);
        }
    }

    fn find(haystack: &[u8], needle: &[u8]) -> usize {
        haystack.windows(needle.len()).position(|window| window == needle).unwrap()
    }

    /// A SerializedSCT of this log at 7 ms with a signature of three octets.
    fn serialized(log_id: &[u8; 32]) -> Vec<u8> {
        let rest = [0, 0, 4, 3, 0, 3, 1, 2, 3];
        [&[0][..], log_id, &7_u64.to_be_bytes(), &rest].concat()
    }

    fn list(scts: &[&[u8]]) -> Vec<u8> {
        let with_length = |octets: &[u8]| {
            let length = u16::try_from(octets.len()).unwrap();
            [&length.to_be_bytes(), octets].concat()
        };
        let scts: Vec<u8> = scts.iter().flat_map(|sct| with_length(sct)).collect();
        with_length(&scts)
    }

    fn sct_extension(list: &[u8]) -> Vec<u8> {
        let oid = der::write(der::OBJECT_IDENTIFIER, SCT_LIST);
        let value = der::write(der::OCTET_STRING, &der::write(der::OCTET_STRING, list));
        der::write(der::SEQUENCE, &[oid, value].concat())
    }

    /// An extension with a value of this length, critical when that is odd.
    fn other_extension(length: usize) -> Vec<u8> {
        let oid = der::write(der::OBJECT_IDENTIFIER, &[0x2b, 6, 1]);
        let critical = if length % 2 == 1 { der::write(BOOLEAN, &[0xff]) } else { Vec::new() };
        let value = der::write(der::OCTET_STRING, &vec![1; length]);
        der::write(der::SEQUENCE, &[oid, critical, value].concat())
    }

    /// A TBSCertificate of a serial number and these extensions: all that the cut looks at.
    fn tbs(extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut content = der::write(der::INTEGER, &[1]);
        if !extensions.is_empty() {
            let extensions = der::write(der::SEQUENCE, &extensions.concat());
            content.extend(der::write(EXTENSIONS, &extensions));
        }
        der::write(der::SEQUENCE, &content)
    }

    fn certificate(extensions: &[Vec<u8>]) -> Vec<u8> {
        let signature = der::write(der::BIT_STRING, &[0]);
        der::write(der::SEQUENCE, &[tbs(extensions), signature].concat())
    }
}
