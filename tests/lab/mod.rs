//! A laboratory of real interceptors: three network namespaces, origins of our own, products in the middle.
//!
//! client 192.0.2.2 ── 192.0.2.1 gateway 198.51.100.1 ── 198.51.100.2 internet, origins at 203.0.113.x
//! 2001:db8:c::2 ── 2001:db8:c::1 gateway 2001:db8:1::1 ── 2001:db8:1::2 internet, origins at 2001:db8:f::x
//!
//! All addresses are for documentation (RFC 5737, RFC 3849) and exist in these namespaces only, from which no
//! route leads out. A namespace lives as long as a process of it, and every process ends with the test.

pub mod interceptor;
pub mod keep;
pub mod net;
pub mod ours;
pub mod servers;
pub mod setup;
pub mod stand;
pub mod tool;

pub use interceptor::{Product, Signer};
pub use net::{Net, Place, Roads};
pub use stand::{Ask, Lab, Seen};
