//! The store of the platform, which programs use that keep none of their own.

use mintwatch_validator::evidence::PLATFORM;

use super::{Contents, Effect, Machine, Reader, Store};

pub(super) struct Platform;

impl Store for Platform {
    fn name(&self) -> &'static str {
        PLATFORM
    }

    fn place(&self) -> &'static str {
        "the platform's own store"
    }

    fn effect(&self) -> Effect {
        Effect::Base
    }

    #[cfg(not(any(windows, target_os = "macos")))]
    fn read(&self, machine: &Machine, reader: &mut Reader) -> Contents {
        let mut contents = Contents::default();
        for path in BUNDLES.map(|path| machine.system(path)) {
            // A name that leads nowhere is another distribution's.
            if path.exists() {
                reader.add_file(&path, &mut contents);
            }
        }
        for path in FOLDERS.map(|path| machine.system(path)) {
            if path.is_dir() {
                reader.add_folder(&path, &mut contents);
            }
        }
        if contents.found == 0 {
            contents.error(1, "none of the places that distributions use is there");
        }
        contents
    }

    #[cfg(any(windows, target_os = "macos"))]
    fn read(&self, machine: &Machine, _: &mut Reader) -> Contents {
        use mintwatch_validator::evidence::{Bytes, Sha256};

        let mut contents = Contents::default();
        // The library reads what these name in place of the platform's store.
        if let Some(name) = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| machine.variable(name).is_some()) {
            contents.error(1, format!("not read while {name} is set"));
            return contents;
        }
        let read = rustls_native_certs::load_native_certs();
        contents.found = 1;
        contents.anchors = read.certs.iter().map(|der| (Sha256::of(der), Bytes::from(der.as_ref()))).collect();
        for error in read.errors {
            contents.error(1, error.context);
        }
        contents
    }
}

/// Bundles by distribution, as OpenSSL and Go look for them there: Debian and its kin, Fedora and its kin twice, openSUSE,
/// Alpine and OpenBSD, FreeBSD, NetBSD.
#[cfg(not(any(windows, target_os = "macos")))]
const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/etc/openssl/certs/ca-certificates.crt",
];
/// Folders that OpenSSL looks into beside a bundle.
#[cfg(not(any(windows, target_os = "macos")))]
const FOLDERS: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

#[cfg(all(test, not(any(windows, target_os = "macos"))))]
mod tests {
    use std::fs;
    use std::path::Path;

    use mintwatch_validator::evidence::Sha256;

    use super::*;
    use crate::observe::trust_store::testing::{certificate, pem};

    #[test]
    fn the_bundle_and_the_folder_of_a_distribution_are_read_each_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let certs = folder.path().join("etc/ssl/certs");
        fs::create_dir_all(certs.join("java")).unwrap();
        let (one, two) = (certificate("one"), certificate("two"));
        fs::write(certs.join("ca-certificates.crt"), pem(&one)).unwrap();
        fs::write(certs.join("two.pem"), pem(&two)).unwrap();
        fs::write(certs.join("README"), "nothing").unwrap();
        for (link, to) in [("0a1b2c3d.0", "two.pem"), ("dangling.pem", "nowhere")] {
            std::os::unix::fs::symlink(to, certs.join(link)).unwrap();
        }
        let machine = Machine::below(folder.path(), Path::new("/nowhere"), []);
        let contents = Platform.read(&machine, &mut Reader::new());
        assert_eq!(contents.errors, Vec::<String>::new());
        assert_eq!(contents.anchors.len(), 2);
        assert!(contents.anchors.contains_key(&Sha256::of(&two)));
        assert_eq!(contents.found, 2);
    }

    #[test]
    fn a_platform_without_any_store_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Platform.read(&Machine::below(folder.path(), folder.path(), []), &mut Reader::new());
        assert_eq!(contents.errors, ["place 1: none of the places that distributions use is there"]);
    }
}
