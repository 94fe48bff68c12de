//! Whether this machine is able to look at all: routes, a resolver, files it may open, folders it may write, cryptography.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use mintwatch_validator::evidence::Host;

use super::{Resolver, over_tcp, runtime};

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Says whether there is a route to everywhere. Nothing is sent: a datagram socket that is connected is only given a route.
///
/// # Errors
/// What the system says when there is none.
pub fn route(version: IpVersion) -> io::Result<()> {
    // Addresses for documentation (RFC 5737 §3, RFC 3849): nobody has them, so that only a default route leads there.
    let (here, there): (IpAddr, IpAddr) = match version {
        IpVersion::V4 => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        IpVersion::V6 => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    };
    UdpSocket::bind(SocketAddr::new(here, 0))?.connect(SocketAddr::new(there, HTTPS))
}

/// Asks the system's resolver for a host, and returns how many addresses it has.
///
/// # Errors
/// What the resolver says, for people.
pub fn resolves(host: &Host) -> Result<usize, String> {
    let runtime = runtime().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(async {
        let resolver = Resolver::system();
        tokio::time::timeout(MOST_PATIENCE, resolver.resolve(&over_tcp(host.clone(), HTTPS))).await
    });
    // A name lookup of the system's cannot be cancelled; nobody waits for it.
    runtime.shutdown_background();
    match asked {
        Err(_) => Err(format!("no answer in {} s", MOST_PATIENCE.as_secs())),
        Ok(Err(why)) => Err(why),
        Ok(Ok(answer)) => Ok(answer.addresses.len()),
    }
}

/// Returns how many files this process may have open; none where that is not limited or not known.
pub fn file_limit() -> Option<u64> {
    #[cfg(unix)]
    return rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    return None;
}

/// Says whether a folder can be written, or made where it is not there. Nothing is made to find out.
pub fn is_writable(folder: &Path) -> bool {
    let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok());
    there.is_some_and(|path| path.is_dir() && may_write(path))
}

#[cfg(unix)]
fn may_write(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn may_write(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|metadata| !metadata.permissions().readonly())
}

/// Says whether the cryptography library does what it should: hashes a text to what everybody does, signs, verifies, and
/// refuses what was changed.
pub fn cryptography_works() -> bool {
    let hashes = digest(&SHA256, b"abc").as_ref().starts_with(&ABC);
    hashes && signs().unwrap_or(false)
}

fn signs() -> Result<bool, aws_lc_rs::error::Unspecified> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let signature = key.sign(&SystemRandom::new(), b"a message")?;
    let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
    Ok(verifier.verify(b"a message", signature.as_ref()).is_ok() && verifier.verify(b"another", signature.as_ref()).is_err())
}

const HTTPS: u16 = 443;
const MOST_PATIENCE: Duration = Duration::from_secs(5);
/// How SHA-256 of `abc` begins (FIPS 180-4, example).
const ABC: [u8; 8] = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_writable_where_the_one_above_is_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("state/mintwatch");
        assert!(is_writable(&wanted));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(folder.path().join("state"), "a file").unwrap();
        assert!(!is_writable(&wanted), "a file stands in the way");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_into_nowhere_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("state")).unwrap();
        assert!(!is_writable(&folder.path().join("state/mintwatch")));
    }

    #[test]
    fn the_library_works_here() {
        assert!(cryptography_works());
    }

    #[test]
    fn a_name_that_never_resolves_is_told() {
        // RFC 6761 §6.4.
        assert!(resolves(&Host::parse("nobody.invalid").unwrap()).is_err());
        assert_eq!(resolves(&Host::parse("127.0.0.1").unwrap()), Ok(1));
    }

    #[cfg(unix)]
    #[test]
    fn files_are_limited_or_not() {
        assert!(file_limit().is_none_or(|limit| limit > 3));
    }
}
