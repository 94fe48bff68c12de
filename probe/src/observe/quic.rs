//! One handshake inside QUIC (RFC 9001): the same recorder, another way to the host.
//!
//! Silence is told apart from a difference: most networks that read TLS do it over TCP, and drop UDP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use mintwatch_validator::evidence::{Ending, Failure, FailureClass, Negotiated, Observation, Seen, Target};
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, TransportConfig, VarInt};
use rustls::AlertDescription;
use tokio::time::timeout_at;

use super::failure::{class_of_alert, fail, of_io, timed_out};
use super::limits::{Deadline, Limits};
use super::offer::Offer;
use super::tls::{Sight, seen, unix_milliseconds, unseen};

/// Makes one handshake with a host inside QUIC at its first address, and closes.
pub(super) async fn observe(target: &Target, addresses: &[SocketAddr], offer: &Offer, limits: &Limits, until: Deadline) -> Observation {
    let at = unix_milliseconds();
    let Some(&peer) = addresses.first() else {
        return unseen(target, at, fail(FailureClass::NoAddress, "the name has no address"), Seen::NotVisible);
    };
    let (tls, recorder) = offer.for_one_connection();
    let deadline = Deadline::after(limits.quic, "the handshake").or_sooner(until);
    let ended = async {
        let endpoint = Endpoint::client(unbound(peer)).map_err(|error| of_io(&error))?;
        let config = config(tls).map_err(|why| fail(FailureClass::Other, why))?;
        let name = target.server_name.yes().unwrap_or(&target.host);
        let connecting = endpoint.connect_with(config, peer, name.as_str());
        let connecting = connecting.map_err(|error| fail(FailureClass::Other, error.to_string()))?;
        let connected = timeout_at(deadline.at, connecting).await.map_err(|_| timed_out(deadline))?;
        connected.map_err(|error| failure_of(&error))
    };
    let ended: Result<Connection, Failure> = ended.await;
    let tls = ended.as_ref().ok().map(negotiated);
    let ending = match ended {
        Ok(connection) => {
            connection.close(VarInt::from_u32(H3_NO_ERROR), b"");
            Ending::Completed
        }
        Err(failure) => Ending::Failed(failure),
    };
    seen(target, Sight { at, peer: Seen::Yes(peer.to_string()), ending, tls, features: offer.features().clone() }, &recorder)
}

fn unbound(peer: SocketAddr) -> SocketAddr {
    let any = if peer.is_ipv6() { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    SocketAddr::new(any, 0)
}

/// Nothing is sent over the connection, and nothing is wanted of the peer: it may open no stream and send no datagram.
fn config(tls: Arc<rustls::ClientConfig>) -> Result<ClientConfig, String> {
    let crypto = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut transport = TransportConfig::default();
    transport.max_concurrent_bidi_streams(VarInt::from_u32(0));
    transport.max_concurrent_uni_streams(VarInt::from_u32(0));
    transport.datagram_receive_buffer_size(None);
    transport.receive_window(VarInt::from_u32(RECEIVE_WINDOW));
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// What QUIC shows of the agreement; it is always TLS 1.3 (RFC 9001 §4.2), and the stack does not show the suite.
fn negotiated(connection: &Connection) -> Negotiated {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    let alpn = data.as_ref().and_then(|data| data.protocol.as_deref()).map(|name| String::from_utf8_lossy(name).into_owned());
    Negotiated {
        version: "TLSv1.3".to_owned(),
        cipher_suite: String::new(),
        group: Seen::NotVisible,
        alpn: Seen::Yes(alpn.unwrap_or_default()),
        ech_accepted: Seen::Yes(false),
        full_handshake: Seen::Yes(true),
    }
}

fn failure_of(error: &ConnectionError) -> Failure {
    let class = match error {
        ConnectionError::TimedOut => FailureClass::TimedOut,
        ConnectionError::Reset => FailureClass::Reset,
        ConnectionError::ApplicationClosed(_) => FailureClass::Closed,
        ConnectionError::VersionMismatch => FailureClass::NothingInCommon,
        ConnectionError::ConnectionClosed(close) => class_of_code(u64::from(close.error_code)),
        ConnectionError::TransportError(error) => match u64::from(error.code) {
            // An alert of our own: the peer sent what TLS does not allow.
            code if alert_of(code).is_some() => FailureClass::Malformed,
            0x0d => FailureClass::Oversize,
            _ => FailureClass::Malformed,
        },
        ConnectionError::CidsExhausted | ConnectionError::LocallyClosed => FailureClass::Other,
    };
    fail(class, error.to_string())
}

/// The code of a CONNECTION_CLOSE from the peer (RFC 9000 §20.1).
fn class_of_code(code: u64) -> FailureClass {
    match (alert_of(code), code) {
        (Some(alert), _) => class_of_alert(alert),
        (None, 0x02) => FailureClass::Refused,
        _ => FailureClass::Closed,
    }
}

/// The TLS alert in a code of the range CRYPTO_ERROR (RFC 9001 §4.8).
fn alert_of(code: u64) -> Option<AlertDescription> {
    let alert = code.checked_sub(0x100).and_then(|alert| u8::try_from(alert).ok())?;
    Some(AlertDescription::from(alert))
}

/// H3_NO_ERROR (RFC 9114 §8.1).
const H3_NO_ERROR: u32 = 0x100;
/// How much the peer may send in streams that it cannot open anyway, in bytes.
const RECEIVE_WINDOW: u32 = 64 * 1024;
