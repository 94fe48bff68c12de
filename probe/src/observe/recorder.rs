//! Writes down what a server shows in its handshake, and decides nothing.

use std::sync::{Arc, Mutex, PoisonError};

use mintwatch_validator::evidence::{Bytes, Possession};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// What one connection showed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// The certificates as sent; empty until the Certificate message came.
    pub(crate) certificates: Vec<Bytes>,
    /// The stapled OCSP response, empty when none came with the certificates.
    pub(crate) ocsp_staple: Vec<u8>,
    /// The signature over the handshake, when it came.
    pub(crate) possession: Option<Possession>,
}

/// A certificate verifier that records and accepts.
///
/// Accepting is sound here, and only here: nothing is ever sent over the connection, and the judge
/// verifies chain and signature from the record.
#[derive(Debug)]
pub(crate) struct Recorder {
    schemes: Arc<[SignatureScheme]>,
    record: Mutex<Record>,
}

/// Returns a verifier that takes any certificate for good, with the signature schemes of the cryptography in use.
pub(crate) fn accepts_anything() -> Arc<Recorder> {
    Recorder::new(aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes().into())
}

impl Recorder {
    /// Returns a recorder for one connection that offers these signature schemes.
    pub(crate) fn new(schemes: Arc<[SignatureScheme]>) -> Arc<Self> {
        Arc::new(Self { schemes, record: Mutex::default() })
    }

    /// Takes out what was recorded so far.
    pub(crate) fn take(&self) -> Record {
        std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says whether a certificate was seen.
    pub(crate) fn saw_certificates(&self) -> bool {
        !self.record.lock().unwrap_or_else(PoisonError::into_inner).certificates.is_empty()
    }

    fn record_signature(&self, message: &[u8], signed: &DigitallySignedStruct) {
        let possession = Possession { scheme: u16::from(signed.scheme), message: message.into(), signature: signed.signature().into() };
        self.record.lock().unwrap_or_else(PoisonError::into_inner).possession = Some(possession);
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.certificates = std::iter::once(end_entity).chain(intermediates).map(|certificate| certificate.as_ref().into()).collect();
        record.ocsp_staple = ocsp_response.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        _certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.record_signature(message, signed);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.record_signature(message, signed);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.to_vec()
    }
}
