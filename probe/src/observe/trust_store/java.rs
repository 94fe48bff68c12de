//! The `cacerts` files of Java runtimes: JKS, or PKCS #12 as younger ones have it.

use std::path::{Path, PathBuf};

use mintwatch_validator::evidence::Sha256;

use super::machine::entries;
use super::reader::{MAX_CERTIFICATES, Unread};
use super::{Contents, Effect, Machine, Reader, Store, jks, pkcs12};

/// Reads every runtime's file; several runtimes often share one.
pub(super) struct Java;

impl Store for Java {
    fn name(&self) -> &'static str {
        "java"
    }

    fn place(&self) -> &'static str {
        "cacerts of Java runtimes"
    }

    fn effect(&self) -> Effect {
        Effect::Replaces
    }

    fn read(&self, machine: &Machine, reader: &mut Reader) -> Contents {
        let mut contents = Contents::default();
        let mut known = Vec::new();
        for path in files(machine) {
            match reader.file(&path) {
                Err(Unread::Absent) => {}
                Err(why) => {
                    contents.found += 1;
                    contents.error(contents.found, why);
                }
                Ok(bytes) => {
                    let hash = Sha256::of(&bytes);
                    if known.contains(&hash) {
                        continue;
                    }
                    known.push(hash);
                    contents.found += 1;
                    add(&bytes, &mut contents);
                }
            }
        }
        contents
    }
}

/// What a key store holds that Java takes for a trust anchor.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KeyStore {
    pub(super) certificates: Vec<Vec<u8>>,
    /// Whether the store's own checksum was computed with the usual password and fits; none where there is no such checksum.
    pub(super) intact: Option<bool>,
}

fn add(bytes: &[u8], contents: &mut Contents) {
    let at = contents.found;
    let read = match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] => jks::read(bytes),
        [0x30, ..] => pkcs12::read(bytes),
        _ => Err("neither JKS nor PKCS #12"),
    };
    match read {
        Ok(store) => {
            if store.certificates.len() > MAX_CERTIFICATES {
                contents.error(at, format!("only its first {MAX_CERTIFICATES} certificates were read"));
            }
            let certificates = store.certificates.into_iter().take(MAX_CERTIFICATES);
            contents.anchors.extend(certificates.map(|der| (Sha256::of(&der), der.into())));
            if store.intact == Some(false) {
                contents.note(format!("place {at} was changed, or has another password than `changeit`: its checksum does not fit"));
            }
        }
        Err(why) => contents.error(at, why),
    }
}

/// Returns where runtimes keep their file, those of distributions that many share among them. `jssecacerts` goes before
/// `cacerts` where it is there (Java Secure Socket Extension reference guide).
fn files(machine: &Machine) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = machine.variable("JAVA_HOME").map(PathBuf::from).into_iter().collect();
    for folder in ["/usr/lib/jvm", "/usr/java", "/opt/java", "/Program Files/Java"] {
        homes.extend(entries(&machine.system(folder)));
    }
    let of_macos = entries(&machine.system("/Library/Java/JavaVirtualMachines"));
    homes.extend(of_macos.into_iter().map(|bundle| bundle.join("Contents/Home")));
    let folders = homes.iter().flat_map(|home| [home.join("lib/security"), home.join("jre/lib/security")]);
    let of_runtimes = folders.take(MAX_FOLDERS).map(|folder| one_of(&folder));
    SHARED.iter().map(|path| machine.system(path)).chain(of_runtimes).collect()
}

fn one_of(folder: &Path) -> PathBuf {
    let own = folder.join("jssecacerts");
    if own.is_file() { own } else { folder.join("cacerts") }
}

/// Those of Debian and of Fedora with their kin.
const SHARED: [&str; 2] = ["/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts"];
/// The most folders of runtimes that are looked into.
const MAX_FOLDERS: usize = 256;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::observe::trust_store::testing::{certificate, fixture};

    #[test]
    fn every_runtime_is_read_and_a_shared_file_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("usr/lib/jvm")).unwrap();
        fs::write(folder.path().join("usr/lib/jvm/.two.jinfo"), "what Debian keeps beside the runtimes").unwrap();
        let jks = jks::tests::store(&[&certificate("jks")], "changeit");
        let other = jks::tests::store(&[&certificate("other")], "secret");
        for (path, bytes) in [
            ("etc/ssl/certs/java/cacerts", &jks),
            ("usr/lib/jvm/one/lib/security/cacerts", &jks),
            ("usr/lib/jvm/two/jre/lib/security/cacerts", &b"rubbish".to_vec()),
            ("home/jdk/lib/security/cacerts", &b"not looked at".to_vec()),
            ("home/jdk/lib/security/jssecacerts", &other),
            ("usr/lib/jvm/three/lib/security/cacerts", &fs::read(fixture("java/without-password.p12")).unwrap()),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let java_home = folder.path().join("home/jdk").into_os_string();
        let contents = Java.read(&Machine::below(folder.path(), Path::new("/nowhere"), [("JAVA_HOME", java_home)]), &mut Reader::new());
        assert_eq!(contents.found, 4);
        assert_eq!(contents.anchors.len(), 3);
        assert_eq!(contents.errors, ["place 4: neither JKS nor PKCS #12"]);
        assert_eq!(contents.notes.len(), 1, "{:?}", contents.notes);
        assert!(contents.notes[0].starts_with("place 2 was changed, or has another password"), "{:?}", contents.notes);
    }
}
