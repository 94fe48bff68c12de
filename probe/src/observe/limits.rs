//! What a peer may cost us: absolute deadlines and caps on bytes.

use std::time::Duration;

use tokio::time::Instant;

/// The deadlines and caps of a run.
///
/// Deadlines are absolute: a peer that sends one byte now and then does not move them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time for the TCP connection, over all addresses of the host.
    pub tcp: Duration,
    /// Time for one handshake, counted from the connection.
    pub handshake: Duration,
    /// Time for one handshake inside QUIC: where UDP is dropped it is all waited for.
    pub quic: Duration,
    /// Time for one host: name resolution, connection, handshake and a second try.
    pub host: Duration,
    /// Time for the whole run.
    pub run: Duration,
    /// The most bytes one connection may send us.
    ///
    /// The cap on a single handshake message, 65,535 bytes, is rustls's own.
    pub connection_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tcp: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            quic: Duration::from_secs(4),
            host: Duration::from_secs(15),
            run: Duration::from_mins(2),
            connection_bytes: 256 * 1024,
        }
    }
}

/// A point in time after which nobody waits any more, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// The instant.
    pub(crate) at: Instant,
    /// Whose deadline it is, for people: "the handshake", "the run" …
    pub(crate) of: &'static str,
}

impl Deadline {
    /// Returns the deadline `after` from now.
    pub(crate) fn after(after: Duration, of: &'static str) -> Self {
        Self { at: Instant::now() + after, of }
    }

    /// Returns the earlier of two deadlines.
    pub(crate) fn or_sooner(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }

    /// Says whether it has passed.
    pub(crate) fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }
}
