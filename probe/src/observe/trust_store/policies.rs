//! Enterprise policies of Firefox: certificates that an administrator has it install.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Contents, Effect, Machine, Reader, Store};

pub(super) struct FirefoxPolicies;

impl Store for FirefoxPolicies {
    fn name(&self) -> &'static str {
        "firefox-policy"
    }

    fn place(&self) -> &'static str {
        "policies.json of Firefox: Certificates"
    }

    fn effect(&self) -> Effect {
        Effect::Extends
    }

    fn read(&self, machine: &Machine, reader: &mut Reader) -> Contents {
        let mut contents = Contents::default();
        for policies in documents(machine, reader) {
            match policies {
                Ok(policies) => add(&policies, machine, reader, &mut contents),
                Err(why) => contents.error(contents.found + 1, why),
            }
        }
        contents
    }
}

/// Returns the policies of every `policies.json` there is, or why one cannot be read.
pub(in crate::observe) fn documents(machine: &Machine, reader: &mut Reader) -> Vec<Result<Value, String>> {
    let paths = PLACES.map(|path| machine.system(path)).into_iter().filter(|path| path.exists());
    paths
        .map(|path| {
            let text = reader.file(&path).map_err(|why| why.to_string())?;
            let document: Value = serde_json::from_slice(&text).map_err(|error| format!("not JSON: {error}"))?;
            Ok(document.get("policies").cloned().unwrap_or_default())
        })
        .collect()
}

fn add(policies: &Value, machine: &Machine, reader: &mut Reader, contents: &mut Contents) {
    let Some(certificates) = policies.get("Certificates") else { return };
    if certificates.get("ImportEnterpriseRoots").and_then(Value::as_bool) == Some(true) {
        contents.found += 1;
        contents.note("ImportEnterpriseRoots: where it can, Firefox also takes what was added to the platform's store".to_owned());
    }
    let install = certificates.get("Install").and_then(Value::as_array);
    for (count, entry) in install.into_iter().flatten().filter_map(Value::as_str).enumerate() {
        if count == MAX_INSTALLED {
            contents.error(contents.found + 1, "one certificate more than are read of a policy");
            return;
        }
        reader.add_file(&installed(entry, machine), contents);
    }
}

/// Returns the file that an entry means: a path, or a name in the folders where Firefox looks.
fn installed(entry: &str, machine: &Machine) -> PathBuf {
    if Path::new(entry).is_absolute() {
        return machine.system(entry);
    }
    let system = FOLDERS.map(|folder| machine.system(folder));
    let folders = machine.home(".mozilla/certificates").into_iter().chain(system);
    let mut paths = folders.map(|folder| folder.join(entry));
    paths.clone().find(|path| path.is_file()).or_else(|| paths.next()).unwrap_or_else(|| PathBuf::from(entry))
}

/// Where Firefox takes policies from: the system's place, then beside the program, as it is packaged.
const PLACES: [&str; 9] = [
    "/etc/firefox/policies/policies.json",
    "/usr/lib/firefox/distribution/policies.json",
    "/usr/lib/firefox-esr/distribution/policies.json",
    "/usr/lib64/firefox/distribution/policies.json",
    "/usr/share/firefox-esr/distribution/policies.json",
    "/opt/firefox/distribution/policies.json",
    "/usr/local/firefox/distribution/policies.json",
    "/Applications/Firefox.app/Contents/Resources/distribution/policies.json",
    "/Program Files/Mozilla Firefox/distribution/policies.json",
];
/// Where Firefox looks for a certificate that is named without a path, after the user's own folder.
const FOLDERS: [&str; 2] = ["/usr/lib/mozilla/certificates", "/usr/lib64/mozilla/certificates"];
/// The most certificates of one policy.
const MAX_INSTALLED: usize = 256;

#[cfg(test)]
mod tests {
    use std::fs;

    use mintwatch_validator::evidence::Sha256;

    use super::*;
    use crate::observe::trust_store::testing::{certificate, pem};

    fn read(policies: &str) -> (tempfile::TempDir, Contents) {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("etc/firefox/policies/policies.json", policies.to_owned()),
            ("usr/lib/mozilla/certificates/named.pem", pem(&certificate("named"))),
            ("srv/ca.pem", pem(&certificate("by path"))),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let machine = Machine::below(folder.path(), &folder.path().join("home"), []);
        let contents = FirefoxPolicies.read(&machine, &mut Reader::new());
        (folder, contents)
    }

    #[test]
    fn installed_certificates_are_read_by_name_and_by_path() {
        let (_folder, contents) = read(r#"{"policies":{"Certificates":{"Install":["named.pem","/srv/ca.pem","absent.pem"]}}}"#);
        assert_eq!(contents.anchors.len(), 2);
        assert!(contents.anchors.contains_key(&Sha256::of(&certificate("by path"))));
        assert_eq!(contents.errors, ["place 3: not there"]);
    }

    #[test]
    fn that_the_platform_is_imported_is_said() {
        let (_folder, contents) = read(r#"{"policies":{"Certificates":{"ImportEnterpriseRoots":true}}}"#);
        assert!(contents.notes[0].starts_with("ImportEnterpriseRoots: "));
        let (_folder, contents) = read(r#"{"policies":{"Certificates":{"ImportEnterpriseRoots":false}}}"#);
        assert_eq!(contents, Contents::default());
    }

    #[test]
    fn what_is_no_policy_is_told() {
        let (_folder, contents) = read("{");
        assert!(contents.errors[0].starts_with("place 1: not JSON"), "{:?}", contents.errors);
        let (_folder, contents) = read(r#"{"policies":[1]}"#);
        assert_eq!(contents, Contents::default());
    }
}
