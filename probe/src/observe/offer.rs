//! The client half of a handshake: what is offered, by which hello.

use std::sync::{Arc, OnceLock};

use mintwatch_validator::evidence::Features;
use rustls::client::{EchGreaseConfig, EchMode, Resumption};
use rustls::crypto::aws_lc_rs::hpke;
use rustls::crypto::hpke::Hpke as _;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ClientConfig, NamedGroup, SignatureScheme, SupportedProtocolVersion};

use super::recorder::Recorder;

/// Which hello is sent. Each but the first leaves one thing out that interceptors often lack, or choke on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hello {
    /// TLS 1.3 and 1.2, the post-quantum group first, `h2` and `http/1.1`: what browsers offer.
    #[default]
    Usual,
    /// TLS 1.2 alone: certificates travel in clear, and a box with an older stack is at home.
    Tls12,
    /// No post-quantum group, so that the hello fits one packet.
    Classic,
    /// `http/1.1` alone.
    Http11,
    /// Protocols that are not HTTP: no ALPN at all.
    Bare,
    /// TLS 1.3 inside QUIC, `h3`.
    Quic,
    /// DNS over TLS (RFC 7858): ALPN `dot`.
    Dot,
    /// TLS 1.3 alone with a GREASE Encrypted ClientHello (RFC 9849 §6.2), as browsers send where they have no key.
    Ech,
}

/// What one hello offers, shared by all connections of a run.
#[derive(Debug, Clone)]
pub struct Offer {
    config: ClientConfig,
    schemes: Arc<[SignatureScheme]>,
    features: Features,
}

impl Offer {
    /// Returns the usual offer of this build: TLS 1.3 and 1.2, X25519MLKEM768 first, ALPN `h2` and `http/1.1`, no
    /// resumption, no certificate compression, an OCSP staple asked for.
    ///
    /// # Errors
    /// When the cryptography library refuses its own defaults.
    pub fn new() -> Result<Self, rustls::Error> {
        Self::by(Hello::Usual)
    }

    /// Returns the offer of a hello.
    ///
    /// # Errors
    /// As [`Offer::new`].
    pub fn by(hello: Hello) -> Result<Self, rustls::Error> {
        let provider = Arc::new(provider(hello));
        let schemes: Arc<[_]> = provider.signature_verification_algorithms.supported_schemes().into();
        let groups = provider.kx_groups.iter().map(|group| format!("{:?}", group.name())).collect();
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = if hello == Hello::Ech {
            builder.with_ech(EchMode::Grease(grease()?))?
        } else {
            builder.with_protocol_versions(versions(hello))?
        };
        let mut config = builder.dangerous().with_custom_certificate_verifier(Recorder::new(Arc::clone(&schemes))).with_no_client_auth();
        config.alpn_protocols = alpn(hello).iter().map(|name| name.as_bytes().to_vec()).collect();
        // A server that picks a protocol nobody offered is recorded, not refused.
        config.check_selected_alpn = false;
        // A resumed handshake carries no certificate.
        config.resumption = Resumption::disabled();
        // A compressed chain could unpack to more than the caps allow.
        config.cert_decompressors = Vec::new();
        config.cert_compressors = Vec::new();
        let features = Features {
            versions: versions(hello).iter().map(|version| version_name(version.version)).collect(),
            alpn: alpn(hello).iter().map(|&name| name.to_owned()).collect(),
            groups,
            ocsp_staple: true,
        };
        Ok(Self { config, schemes, features })
    }

    /// Returns what is offered, by IANA names.
    pub(super) fn features(&self) -> &Features {
        &self.features
    }

    /// Returns a configuration for one connection, and the recorder inside it.
    pub(super) fn for_one_connection(&self) -> (Arc<ClientConfig>, Arc<Recorder>) {
        let recorder = Recorder::new(Arc::clone(&self.schemes));
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(Arc::clone(&recorder) as _);
        (Arc::new(config), recorder)
    }
}

/// The offers of a run, each prepared when it is first asked for: most runs need one.
#[derive(Debug, Default)]
pub(super) struct Offers {
    usual: Prepared,
    tls12: Prepared,
    classic: Prepared,
    http11: Prepared,
    bare: Prepared,
    quic: Prepared,
    dot: Prepared,
    ech: Prepared,
}

type Prepared = OnceLock<Result<Offer, rustls::Error>>;

impl Offers {
    /// Returns the offer of a hello.
    ///
    /// # Errors
    /// As [`Offer::new`].
    pub(super) fn by(&self, hello: Hello) -> Result<&Offer, rustls::Error> {
        let prepared = match hello {
            Hello::Usual => &self.usual,
            Hello::Tls12 => &self.tls12,
            Hello::Classic => &self.classic,
            Hello::Http11 => &self.http11,
            Hello::Bare => &self.bare,
            Hello::Quic => &self.quic,
            Hello::Dot => &self.dot,
            Hello::Ech => &self.ech,
        };
        prepared.get_or_init(|| Offer::by(hello)).as_ref().map_err(Clone::clone)
    }
}

/// Returns a GREASE extension to a key that nobody holds.
fn grease() -> Result<EchGreaseConfig, rustls::Error> {
    let suite = hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
    let (placeholder, _) = suite.generate_key_pair()?;
    Ok(EchGreaseConfig::new(suite, placeholder))
}

/// Returns the name that the evidence has for a protocol version.
pub(super) fn version_name(version: rustls::ProtocolVersion) -> String {
    match version {
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        other => format!("{other:?}"),
    }
}

fn versions(hello: Hello) -> &'static [&'static SupportedProtocolVersion] {
    match hello {
        Hello::Tls12 => ONLY_TLS12,
        Hello::Quic | Hello::Ech => ONLY_TLS13,
        Hello::Usual | Hello::Classic | Hello::Http11 | Hello::Bare | Hello::Dot => rustls::DEFAULT_VERSIONS,
    }
}

const ONLY_TLS12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

fn alpn(hello: Hello) -> &'static [&'static str] {
    match hello {
        Hello::Usual | Hello::Classic | Hello::Tls12 | Hello::Ech => &["h2", "http/1.1"],
        Hello::Http11 => &["http/1.1"],
        Hello::Bare => &[],
        Hello::Quic => &["h3"],
        Hello::Dot => &["dot"],
    }
}

/// Returns the cryptography offered: the library's own, but AES-128-GCM before AES-256-GCM, and the post-quantum group
/// before the others or not at all.
///
/// Browsers offer both first too, and SHA-384 has no hardware path on most machines: it costs about 7 % of a handshake.
fn provider(hello: Hello) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let is_hybrid = |group: &&'static dyn SupportedKxGroup| group.name() == NamedGroup::X25519MLKEM768;
    match hello {
        // TLS 1.2 has no post-quantum groups.
        Hello::Classic | Hello::Tls12 => provider.kx_groups.retain(|group| !is_hybrid(group)),
        _ => provider.kx_groups.sort_by_key(|group| !is_hybrid(group)),
    }
    provider
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_hello_offers_what_it_says_and_no_more() {
        let features = |hello| Offer::by(hello).unwrap().features.clone();
        let usual = features(Hello::Usual);
        assert_eq!(usual.versions, ["TLSv1.3", "TLSv1.2"]);
        assert_eq!(usual.groups.first().map(String::as_str), Some("X25519MLKEM768"));
        assert_eq!(usual.alpn, ["h2", "http/1.1"]);
        assert_eq!(features(Hello::Tls12).versions, ["TLSv1.2"]);
        assert!(!features(Hello::Classic).groups.iter().any(|group| group == "X25519MLKEM768"));
        assert_eq!(features(Hello::Classic).versions, usual.versions);
        assert_eq!(features(Hello::Http11).alpn, ["http/1.1"]);
        assert_eq!(features(Hello::Quic).versions, ["TLSv1.3"]);
        assert!(features(Hello::Bare).alpn.is_empty());
        assert_eq!(features(Hello::Dot).alpn, ["dot"]);
    }
}
