//! Why a handshake did not complete, in the classes of the evidence. None of them means "intercepted".

use std::io;

use mintwatch_validator::evidence::{Failure, FailureClass};
use rustls::{AlertDescription, InvalidMessage, PeerMisbehaved};

use super::limits::Deadline;

/// Returns a failure.
pub(super) fn fail(class: FailureClass, detail: impl Into<String>) -> Failure {
    Failure { class, detail: detail.into() }
}

/// Returns the failure of a deadline that passed.
pub(super) fn timed_out(deadline: Deadline) -> Failure {
    fail(FailureClass::TimedOut, format!("the deadline of {} passed", deadline.of))
}

/// Returns the failure that the system told of.
pub(super) fn of_io(error: &io::Error) -> Failure {
    fail(class_of_io(error), error.to_string())
}

fn class_of_io(error: &io::Error) -> FailureClass {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => FailureClass::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => FailureClass::Reset,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable => {
            FailureClass::Unreachable
        }
        ErrorKind::TimedOut => FailureClass::TimedOut,
        ErrorKind::UnexpectedEof => FailureClass::Closed,
        _ => FailureClass::Other,
    }
}

/// Returns the class of what rustls said.
///
/// The alert `handshake_failure` stays an alert: servers send it for many reasons beside the one of
/// RFC 8446 §6.2.
pub(super) fn class_of_tls(error: &rustls::Error) -> FailureClass {
    use rustls::Error;
    match error {
        Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::MessageTooLarge,
        )
        | Error::PeerSentOversizedRecord => FailureClass::Oversize,
        Error::AlertReceived(alert) => class_of_alert(*alert),
        Error::PeerIncompatible(_) => FailureClass::NothingInCommon,
        Error::PeerMisbehaved(PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported) => FailureClass::Downgraded,
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::InvalidEncryptedClientHello(_)
        | Error::InvalidMessage(_)
        | Error::NoCertificatesPresented
        | Error::DecryptError
        | Error::PeerMisbehaved(_)
        | Error::InvalidCertificate(_) => FailureClass::Malformed,
        _ => FailureClass::Other,
    }
}

/// Returns the class of a fatal alert that the peer sent.
pub(super) fn class_of_alert(alert: AlertDescription) -> FailureClass {
    use AlertDescription::{InsufficientSecurity, NoApplicationProtocol, ProtocolVersion};
    match alert {
        ProtocolVersion | InsufficientSecurity | NoApplicationProtocol => FailureClass::NothingInCommon,
        _ => FailureClass::Alert,
    }
}
