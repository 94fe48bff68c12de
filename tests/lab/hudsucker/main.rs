//! Runs hudsucker as a gateway that reads everything: PORT CERTIFICATE KEY

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use hudsucker::Proxy;
use hudsucker::certificate_authority::RcgenAuthority;
use hudsucker::rcgen::{Issuer, KeyPair};
use hudsucker::rustls::crypto::aws_lc_rs::default_provider;

/// How many minted certificates it remembers.
const REMEMBERED: u64 = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, certificate, key] = &arguments[..] else { return Err("wanted: PORT CERTIFICATE KEY".into()) };
    let key = KeyPair::from_pem(&std::fs::read_to_string(key)?)?;
    let issuer = Issuer::from_ca_cert_pem(&std::fs::read_to_string(certificate)?, key)?;
    let proxy = Proxy::builder()
        .with_addr(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port.parse()?)))
        .with_ca(RcgenAuthority::new(issuer, REMEMBERED, default_provider()))
        .with_rustls_connector(default_provider())
        .build()?;
    Ok(proxy.start().await?)
}
