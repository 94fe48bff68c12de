//! The trust anchors this machine uses, and who says so.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use mintwatch_validator::evidence::{MachineAnchor, Seen, Sha256};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

/// Returns the trust anchors of this machine, sorted by fingerprint.
///
/// A certificate that `is_public` knows is left out: everybody has it, and a saved document stays
/// small. Where some files of the store could not be read, what could be read is returned.
pub(super) fn anchors(is_public: impl Fn(&Sha256) -> bool) -> Seen<Vec<MachineAnchor>> {
    let sources = sources();
    let mut anchors = BTreeMap::new();
    let mut errors = Vec::new();
    for (origin, result) in sources {
        errors.extend(result.errors.iter().map(ToString::to_string));
        for certificate in result.certs {
            let sha256 = Sha256::of(&certificate);
            anchors.entry(sha256).or_insert_with(|| MachineAnchor {
                sha256,
                origin: origin.to_owned(),
                certificate: if is_public(&sha256) { Seen::NotVisible } else { Seen::Yes(certificate.as_ref().into()) },
            });
        }
    }
    match errors.into_iter().next() {
        Some(error) if anchors.is_empty() => Seen::Failed(error),
        None if anchors.is_empty() => Seen::Failed("the trust store is empty".to_owned()),
        _ => Seen::Yes(anchors.into_values().collect()),
    }
}

/// Returns the names of the environment variables that are set and replace or extend the trust store
/// of common programs. Never their values.
pub(super) fn overrides() -> Vec<String> {
    set_variables(&OVERRIDES)
}

/// Returns those of some environment variables that are set and not empty.
pub(crate) fn set_variables(names: &[&str]) -> Vec<String> {
    let is_set = |name: &&&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    names.iter().filter(is_set).map(|name| (*name).to_owned()).collect()
}

fn sources() -> Vec<(&'static str, CertificateResult)> {
    let mut sources = Vec::new();
    if let Some(file) = env::var_os(CERT_FILE) {
        sources.push((CERT_FILE, load_certs_from_paths(Some(Path::new(&file)), None)));
    }
    if let Some(folders) = env::var_os(CERT_DIR) {
        for folder in env::split_paths(&folders) {
            sources.push((CERT_DIR, load_certs_from_paths(None, Some(&folder))));
        }
    }
    if sources.is_empty() {
        sources.push(("platform", load_native_certs()));
    }
    sources
}

const CERT_FILE: &str = "SSL_CERT_FILE";
const CERT_DIR: &str = "SSL_CERT_DIR";
const OVERRIDES: [&str; 8] = [
    "AWS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GIT_SSL_NO_VERIFY",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    CERT_DIR,
    CERT_FILE,
];
