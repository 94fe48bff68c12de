//! What the origins are told: which hosts they serve, and under which certificates.

use std::net::SocketAddr;

use mintwatch::demo::pki::Leaf;
use mintwatch_validator::evidence::Bytes;
use serde::{Deserialize, Serialize};

/// What the origins serve, and where.
#[derive(Serialize, Deserialize)]
pub struct Orders {
    pub listen: SocketAddr,
    pub sites: Vec<Site>,
}

/// One host.
#[derive(Serialize, Deserialize)]
pub struct Site {
    pub host: String,
    /// The chain as it is sent, DER.
    pub chain: Vec<Bytes>,
    /// The private key, PKCS #8.
    pub key: Bytes,
}

impl Site {
    /// Describes one host of a world.
    pub fn of(host: &str, leaf: &Leaf) -> Self {
        let chain = leaf.chain().iter().map(|certificate| Bytes::from(certificate.to_vec())).collect();
        Self { host: host.to_owned(), chain, key: leaf.key().secret_der().to_vec().into() }
    }
}
