//! Both back ends must give the same answer to everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
use p256::ecdsa::signature::Signer as _;
use super::der;
/// A P-256 key that signs.
pub(crate) struct Signer { key: p256::ecdsa::SigningKey, pub(crate) spki: Vec<u8> }
impl Signer {
    pub(crate) fn p256() -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let mut bits = vec![0];
        bits.extend_from_slice(key.verifying_key().to_sec1_point(false).as_bytes());
        let algorithm = der::write(der::SEQUENCE, &rustls_pki_types::alg_id::ECDSA_P256);
        let spki = der::write(der::SEQUENCE, &[algorithm, der::write(der::BIT_STRING, &bits)].concat());
        Self { key, spki }
    }
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::DerSignature = self.key.sign(message);
        signature.as_bytes().to_vec()
    }
}
