//! A laboratory of real interceptors: three network namespaces, origins of our own, products in the middle.
//!
//! client 192.0.2.2 ── 192.0.2.1 gateway 198.51.100.1 ── 198.51.100.2 internet, origins at 203.0.113.x
//! 2001:db8:c::2 ── 2001:db8:c::1 gateway 2001:db8:1::1 ── 2001:db8:1::2 internet, origins at 2001:db8:f::x
//!
//! All addresses are for documentation (RFC 5737, RFC 3849) and exist in these namespaces only, from which no
//! route leads out. A namespace lives as long as a process of it, and every process ends with the test.

use std::path::{Path, PathBuf};

use escargot::format::Message;

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

/// The program under test: `MINTWATCH_BIN`, or built here as the whole workspace would build it together with the test that asks.
pub fn program(test: &str) -> PathBuf {
    if let Some(program) = std::env::var_os("MINTWATCH_BIN") {
        return program.into();
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml");
    // With a test among the targets cargo unites features as for this very test: nothing is built twice.
    let build = escargot::CargoBuild::new().manifest_path(manifest).args(["--workspace", "--locked", "--offline"]);
    let messages = build.bin("mintwatch").test(test).exec().unwrap();
    let program = messages.into_iter().find_map(|message| match message.unwrap().decode().unwrap() {
        Message::CompilerArtifact(made) if made.target.name == "mintwatch" => made.executable.map(std::borrow::Cow::into_owned),
        _ => None,
    });
    program.expect("cargo names what it builds")
}
