//! An embedded mini-Internet on loopback: authorities, logs, origins and a firewall that mints.
//!
//! Everything goes over real sockets and real handshakes, and is observed and judged by the same code
//! as the world outside. The judge knows nothing of it: the lab's authorities come in as an overlay of
//! the tables, and every output says so.

pub mod firewall;
pub mod origin;
pub mod pki;
pub mod scenario;
pub mod world;
