//! What environment variables name: a file or a folder in place of a program's trust store, or besides it.

use std::env;
use std::path::Path;

use super::{Contents, Effect, Machine, Reader, Store};

/// One environment variable.
pub(super) struct Variable {
    name: &'static str,
    place: &'static str,
    effect: Effect,
}

impl Store for Variable {
    fn name(&self) -> &'static str {
        self.name
    }

    fn place(&self) -> &'static str {
        self.place
    }

    fn effect(&self) -> Effect {
        self.effect
    }

    fn read(&self, machine: &Machine, reader: &mut Reader) -> Contents {
        let mut contents = Contents::default();
        let Some(value) = machine.variable(self.name) else { return contents };
        if self.name == CERT_DIR {
            for folder in env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).take(MAX_PATHS) {
                add(&folder, reader, &mut contents);
            }
        } else {
            add(Path::new(value), reader, &mut contents);
        }
        contents
    }
}

/// Most programs take a file or a folder of them alike.
fn add(path: &Path, reader: &mut Reader, contents: &mut Contents) {
    if path.is_dir() { reader.add_folder(path, contents) } else { reader.add_file(path, contents) }
}

/// Returns the names of the variables that replace or extend a trust store, or switch checking off.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).chain(CHECKS_OFF).collect();
    names.sort_unstable();
    names.into_iter()
}

const fn replaces(name: &'static str, place: &'static str) -> Variable {
    Variable { name, place, effect: Effect::Replaces }
}

const fn extends(name: &'static str, place: &'static str) -> Variable {
    Variable { name, place, effect: Effect::Extends }
}

const CERT_DIR: &str = "SSL_CERT_DIR";
/// The most folders that `SSL_CERT_DIR` names.
const MAX_PATHS: usize = 64;
/// Variables that let a program take any certificate.
const CHECKS_OFF: [&str; 3] = ["GIT_SSL_NO_VERIFY", "NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY"];

/// Those of the programs and libraries that are met most: whoever heeds one is told beside it.
pub(super) const VARIABLES: [Variable; 17] = [
    replaces("SSL_CERT_FILE", "for OpenSSL, Go, rustls and what is built on them"),
    replaces(CERT_DIR, "for OpenSSL, Go, rustls and what is built on them"),
    replaces("AWS_CA_BUNDLE", "for the AWS command line and SDKs"),
    replaces("CARGO_HTTP_CAINFO", "for cargo"),
    replaces("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "for the Google Cloud command line"),
    replaces("CURL_CA_BUNDLE", "for curl"),
    extends("DENO_CERT", "for Deno"),
    replaces("GIT_SSL_CAINFO", "for git"),
    replaces("GIT_SSL_CAPATH", "for git"),
    replaces("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "for gRPC"),
    replaces("HTTPLIB2_CA_CERTS", "for Python's httplib2"),
    replaces("NIX_SSL_CERT_FILE", "for Nix and what it builds"),
    extends("NODE_EXTRA_CA_CERTS", "for Node.js"),
    replaces("PERL_LWP_SSL_CA_FILE", "for Perl's LWP"),
    replaces("PIP_CERT", "for pip"),
    replaces("REQUESTS_CA_BUNDLE", "for Python's requests"),
    replaces("npm_config_cafile", "for npm"),
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::observe::trust_store::testing::{certificate, pem};

    fn read(name: &'static str, value: &Path) -> Contents {
        let machine = Machine::below(Path::new("/nowhere"), Path::new("/nowhere"), [(name, value.as_os_str().to_owned())]);
        let variable = VARIABLES.iter().find(|variable| variable.name == name).unwrap();
        variable.read(&machine, &mut Reader::new())
    }

    #[test]
    fn a_variable_that_is_not_set_or_empty_is_no_store() {
        assert_eq!(read("SSL_CERT_FILE", Path::new("")).found, 0);
        assert!(read("SSL_CERT_FILE", Path::new("")).errors.is_empty());
    }

    #[test]
    fn a_variable_may_name_a_file_a_folder_or_several() {
        let folder = tempfile::tempdir().unwrap();
        for part in ["one", "two"] {
            fs::create_dir(folder.path().join(part)).unwrap();
            fs::write(folder.path().join(part).join("ca.pem"), pem(&certificate(part))).unwrap();
        }
        assert_eq!(read("REQUESTS_CA_BUNDLE", &folder.path().join("one/ca.pem")).anchors.len(), 1);
        assert_eq!(read("REQUESTS_CA_BUNDLE", &folder.path().join("one")).anchors.len(), 1);
        let both = env::join_paths([folder.path().join("one"), folder.path().join("two")]).unwrap();
        assert_eq!(read("SSL_CERT_DIR", Path::new(&both)).anchors.len(), 2);
    }

    #[test]
    fn every_variable_is_named_once_and_so_are_those_that_switch_checks_off() {
        let names: Vec<_> = names().collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(names.contains(&"GIT_SSL_NO_VERIFY") && names.contains(&"SSL_CERT_DIR"));
    }
}
