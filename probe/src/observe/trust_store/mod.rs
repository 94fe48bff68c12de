//! The trust stores of this machine: which holds what, for whom, and what could not be read.
//!
//! One source a file. Nothing here tells a path, a user or a profile: a store is known by its name alone, and the files of one
//! store by their number.

mod java;
mod jks;
mod machine;
mod nss;
mod pkcs12;
mod platform;
mod policies;
mod reader;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use mintwatch_validator::Certificate;
use mintwatch_validator::evidence::{Bytes, MachineAnchor, Seen, Sha256};
use serde::{Deserialize, Serialize};

pub use machine::Machine;
pub(super) use machine::entries;
pub(super) use nss::firefox_profiles;
pub(super) use policies::documents as firefox_policies;
pub(super) use reader::Reader;

/// A place that programs take trust anchors from.
trait Store: Sync {
    /// Returns what it is called in evidence and on the command line.
    fn name(&self) -> &'static str;

    /// Returns where that is and who heeds it, for people.
    fn place(&self) -> &'static str;

    /// Returns what it is beside other stores.
    fn effect(&self) -> Effect;

    /// Reads it; what could not be read is among the contents.
    fn read(&self, machine: &Machine, reader: &mut Reader) -> Contents;
}

/// What a store is beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// What programs use that have nothing else.
    Base,
    /// Whoever heeds it uses it in place of another.
    Replaces,
    /// Whoever heeds it uses it besides another.
    Extends,
}

/// What one store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many files, folders or databases of it there are.
    pub found: usize,
    /// The certificates that are trust anchors by it.
    pub anchors: BTreeMap<Sha256, Bytes>,
    /// What could not be read. Never a path.
    pub errors: Vec<String>,
    /// What else is worth saying. Never a path.
    pub notes: Vec<String>,
}

impl Contents {
    fn error(&mut self, place: usize, why: impl Display) {
        match self.errors.len() {
            told if told < MAX_TOLD => self.errors.push(format!("place {place}: {why}")),
            MAX_TOLD => self.errors.push("and more that could not be read".to_owned()),
            _ => {}
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_TOLD {
            self.notes.push(note);
        }
    }
}

/// One store, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStore {
    /// Its name.
    pub name: &'static str,
    /// Where it is and who heeds it, for people.
    pub place: &'static str,
    /// What it is beside others.
    pub effect: Effect,
    /// What it holds.
    pub contents: Contents,
}

/// Returns the names of all stores, the platform's first.
pub fn names() -> impl Iterator<Item = &'static str> {
    stores().map(Store::name)
}

/// Reads stores: those named, or all. A certificate that `is_public` does not know has to be readable to count.
pub fn read(machine: &Machine, wanted: impl Fn(&str) -> bool, is_public: impl Fn(&Sha256) -> bool) -> Vec<ReadStore> {
    let mut reader = Reader::new();
    let mut readable = BTreeMap::new();
    let mut read = |store: &'static dyn Store| {
        let mut contents = store.read(machine, &mut reader);
        let mut is_certificate = |sha256: &Sha256, der: &Bytes| {
            *readable.entry(*sha256).or_insert_with(|| is_public(sha256) || Certificate::read(der.as_slice()).is_ok())
        };
        let before = contents.anchors.len();
        contents.anchors.retain(|sha256, der| is_certificate(sha256, der));
        let broken = before - contents.anchors.len();
        if broken > 0 {
            contents.errors.push(format!("{broken} records are no certificates"));
        }
        ReadStore { name: store.name(), place: store.place(), effect: store.effect(), contents }
    };
    stores().filter(|store| wanted(store.name())).map(&mut read).collect()
}

/// Returns the trust anchors of this machine for the evidence: sorted by fingerprint and origin, once for each store.
///
/// The bytes of a certificate come once, with the first of its stores, so that a saved document stays small; of one that
/// `is_public` knows they are left out, for everybody has it. Where some part of a store could not be read, what could be read
/// is returned.
pub(super) fn anchors(machine: &Machine, is_public: impl Fn(&Sha256) -> bool) -> Seen<Vec<MachineAnchor>> {
    let stores = read(machine, |_| true, &is_public);
    let mut anchors: BTreeMap<(Sha256, &str), MachineAnchor> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for store in &stores {
        for (sha256, der) in &store.contents.anchors {
            let is_new = known.insert(*sha256) && !is_public(sha256);
            let certificate = if is_new { Seen::Yes(der.clone()) } else { Seen::NotVisible };
            anchors.insert((*sha256, store.name), MachineAnchor { sha256: *sha256, origin: store.name.to_owned(), certificate });
        }
    }
    if anchors.is_empty() {
        let why = stores.iter().find_map(|store| store.contents.errors.first().map(|why| format!("{}: {why}", store.name)));
        return Seen::Failed(why.unwrap_or_else(|| "no trust store has an anchor".to_owned()));
    }
    Seen::Yes(anchors.into_values().collect())
}

/// Returns the names of the environment variables that are set and replace or extend the trust store of common programs, or
/// let them take anything. Never their values.
pub fn overrides(machine: &Machine) -> Vec<String> {
    machine.set_variables(variables::names())
}

/// The stores, those that count for most programs first.
fn stores() -> impl Iterator<Item = &'static dyn Store> {
    let first: [&'static dyn Store; 1] = [&platform::Platform];
    let last: [&'static dyn Store; 6] =
        [&nss::FIREFOX, &nss::THUNDERBIRD, &nss::USER, &nss::SYSTEM, &policies::FirefoxPolicies, &java::Java];
    let variables = variables::VARIABLES.iter().map(|variable| -> &'static dyn Store { variable });
    first.into_iter().chain(variables).chain(last)
}

/// The most errors, and notes, that are told of one store.
const MAX_TOLD: usize = 20;

#[cfg(test)]
mod testing {
    use std::path::PathBuf;

    use data_encoding::BASE64;
    use mintwatch_validator::Certificate;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

    /// A file that a real program made; its README says how.
    pub(super) fn fixture(name: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/trust")).join(name)
    }

    /// A private root, the same for the same name.
    pub(super) fn certificate(name: &str) -> Vec<u8> {
        use std::collections::BTreeMap;
        use std::sync::{LazyLock, Mutex, PoisonError};

        static MADE: LazyLock<Mutex<BTreeMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(name.to_owned()).or_insert_with(|| root(name)).clone()
    }

    fn root(name: &str) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    /// RFC 7468 §3.
    pub(super) fn pem(der: &[u8]) -> String {
        let body = BASE64.encode(der);
        let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    pub(super) fn names_of<D: AsRef<[u8]>>(certificates: impl IntoIterator<Item = D>) -> Vec<String> {
        let mut names: Vec<_> = certificates.into_iter().map(|der| Certificate::read(der.as_ref()).unwrap().subject_text()).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use mintwatch_validator::evidence::PLATFORM;

    use super::testing::{certificate, fixture, pem};
    use super::*;

    /// A machine with one private root in several stores, and a public one in the platform's.
    fn furnished(folder: &Path) -> (Machine, Sha256, Sha256) {
        let (public, private) = (certificate("public"), certificate("private"));
        let bundle = folder.join("etc/ssl/certs/ca-certificates.crt");
        let profile = folder.join("home/canary-user/.mozilla/firefox/canary-profile");
        fs::create_dir_all(bundle.parent().unwrap()).unwrap();
        fs::create_dir_all(&profile).unwrap();
        fs::write(&bundle, pem(&public) + &pem(&private)).unwrap();
        fs::copy(fixture("nss/cert9.db"), profile.join("cert9.db")).unwrap();
        let variables = [
            ("NODE_EXTRA_CA_CERTS", bundle.into_os_string()),
            ("SSL_CERT_FILE", folder.join("home/canary-user/absent.pem").into_os_string()),
        ];
        (Machine::below(folder, &folder.join("home/canary-user"), variables), Sha256::of(&public), Sha256::of(&private))
    }

    #[test]
    fn evidence_lists_the_anchors_of_all_stores_each_with_its_origins_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let (machine, public, private) = furnished(folder.path());
        let Seen::Yes(anchors) = anchors(&machine, |sha256| *sha256 == public) else { panic!("there are anchors") };
        let mut expected =
            vec![(public, "NODE_EXTRA_CA_CERTS"), (public, "platform"), (private, "NODE_EXTRA_CA_CERTS"), (private, "platform")];
        expected.sort_unstable();
        let of_nss = anchors.iter().filter(|anchor| anchor.origin == "nss-firefox").count();
        let others = anchors.iter().filter(|anchor| anchor.origin != "nss-firefox");
        assert_eq!(others.map(|anchor| (anchor.sha256, anchor.origin.as_str())).collect::<Vec<_>>(), expected);
        assert_eq!(of_nss, 2, "not what is trusted for mail alone, nor what is distrusted");
        assert!(anchors.is_sorted_by_key(|anchor| (anchor.sha256, anchor.origin.clone())));
        let with_bytes = anchors.iter().filter(|anchor| anchor.certificate != Seen::NotVisible && anchor.origin != "nss-firefox");
        let with_bytes: Vec<_> = with_bytes.map(|anchor| (anchor.sha256, anchor.origin.as_str())).collect();
        assert_eq!(with_bytes, [(private, "platform")], "once, where it counts most, and not what everybody has");
    }

    #[test]
    fn no_path_user_or_profile_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (machine, ..) = furnished(folder.path());
        let told = format!("{:?}", read(&machine, |_| true, |_| false));
        assert!(told.contains("nss-firefox") && told.contains("place 1: not there"), "{told}");
        assert!(!told.contains("canary") && !told.contains(folder.path().to_str().unwrap()), "{told}");
    }

    #[test]
    fn a_machine_without_anchors_is_told_with_the_first_reason() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::below(folder.path(), folder.path(), []);
        let Seen::Failed(why) = anchors(&machine, |_| false) else { panic!("there are none") };
        assert!(why.starts_with("platform: place 1: "), "{why}");
    }

    #[test]
    fn what_is_no_certificate_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        fs::write(&path, pem(&[0x30, 0x03, 0x02, 0x01, 0x00]) + &pem(&certificate("one"))).unwrap();
        let machine = Machine::below(folder.path(), folder.path(), [("SSL_CERT_FILE", path.into_os_string())]);
        let stores = read(&machine, |name| name == "SSL_CERT_FILE", |_| false);
        assert_eq!(stores.len(), 1);
        assert_eq!(stores[0].contents.anchors.len(), 1);
        assert_eq!(stores[0].contents.errors, ["1 records are no certificates"]);
    }

    #[test]
    fn however_much_cannot_be_read_some_of_it_is_told_and_that_there_is_more() {
        let mut contents = Contents::default();
        (0..100).for_each(|place| contents.error(place, "not there"));
        assert_eq!(contents.errors.len(), MAX_TOLD + 1);
        assert_eq!(contents.errors[MAX_TOLD], "and more that could not be read");
    }

    #[test]
    fn only_the_names_of_variables_are_told() {
        let machine = Machine::below(Path::new("/"), Path::new("/"), [("SSL_CERT_FILE", "/secret".into()), ("PIP_CERT", "".into())]);
        assert_eq!(overrides(&machine), ["SSL_CERT_FILE"]);
    }

    #[test]
    fn every_store_has_a_name_of_its_own_and_the_platform_is_first() {
        let all: Vec<_> = names().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert_eq!(all[0], PLATFORM);
    }
}
