//! NSS databases: what users and administrators added to Firefox, to Chromium and to what else keeps its trust there.
//!
//! `cert9.db` is SQLite. Its table `nssPublic` has one row an object and one column a PKCS #11 attribute, named `a` and the
//! attribute's number in hexadecimal; numbers are stored as four octets, highest first. Trust stands in objects of its own that
//! name a certificate by issuer and serial number. The public roots that ship with NSS are in none of these files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use mintwatch_validator::evidence::{Bytes, Sha256};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::machine::entries;
use super::reader::{MAX_CERTIFICATES, Unread};
use super::{Contents, Effect, Machine, Reader, Store};

/// The databases of one program, or of everybody.
pub(super) struct Nss {
    name: &'static str,
    place: &'static str,
    /// Folders of profiles below the user's home: each may hold a database.
    profiles: &'static [&'static str],
    /// Folders of databases below the user's home.
    at_home: &'static [&'static str],
    /// Folders of databases of the system's.
    of_system: &'static [&'static str],
}

pub(super) const FIREFOX: Nss = Nss {
    name: "nss-firefox",
    place: "databases of Firefox profiles",
    profiles: &[
        ".mozilla/firefox",
        ".config/mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        ".var/app/org.mozilla.firefox/.mozilla/firefox",
        ".var/app/org.mozilla.firefox/config/mozilla/firefox",
        ".librewolf",
        ".waterfox",
        "Library/Application Support/Firefox/Profiles",
        "AppData/Roaming/Mozilla/Firefox/Profiles",
    ],
    at_home: &[],
    of_system: &[],
};

pub(super) const THUNDERBIRD: Nss = Nss {
    name: "nss-thunderbird",
    place: "databases of Thunderbird profiles",
    profiles: &[
        ".thunderbird",
        "snap/thunderbird/common/.thunderbird",
        ".var/app/org.mozilla.Thunderbird/.thunderbird",
        "Library/Thunderbird/Profiles",
        "AppData/Roaming/Thunderbird/Profiles",
    ],
    ..FIREFOX
};

pub(super) const USER: Nss = Nss {
    name: "nss-user",
    place: "the user's database, which Chromium and its kin take",
    profiles: &[],
    at_home: &[
        ".pki/nssdb",
        ".local/share/pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        "snap/chromium/current/.local/share/pki/nssdb",
        ".var/app/org.chromium.Chromium/data/pki/nssdb",
        ".var/app/com.google.Chrome/data/pki/nssdb",
    ],
    of_system: &[],
};

pub(super) const SYSTEM: Nss =
    Nss { name: "nss-system", place: "the system's database", profiles: &[], at_home: &[], of_system: &["/etc/pki/nssdb"] };

impl Store for Nss {
    fn name(&self) -> &'static str {
        self.name
    }

    fn place(&self) -> &'static str {
        self.place
    }

    fn effect(&self) -> Effect {
        Effect::Extends
    }

    fn read(&self, machine: &Machine, reader: &mut Reader) -> Contents {
        let mut contents = Contents::default();
        for path in self.databases(machine) {
            contents.found += 1;
            if contents.found > MAX_DATABASES {
                contents.error(contents.found, "one database more than are read");
                break;
            }
            match database(&path, reader) {
                Ok(read) => read.add_to(&mut contents),
                Err(why) => contents.error(contents.found, why),
            }
        }
        contents
    }
}

/// Returns the folders of the user's Firefox profiles, and what else lies beside them.
pub(in crate::observe) fn firefox_profiles(machine: &Machine) -> Vec<PathBuf> {
    FIREFOX.profiles(machine).collect()
}

impl Nss {
    fn profiles(&self, machine: &Machine) -> impl Iterator<Item = PathBuf> {
        self.profiles.iter().filter_map(|path| machine.home(path)).flat_map(|folder| entries(&folder))
    }

    fn databases(&self, machine: &Machine) -> Vec<PathBuf> {
        let at_home = self.at_home.iter().filter_map(|path| machine.home(path));
        let of_system = self.of_system.iter().map(|path| machine.system(path));
        let databases = self.profiles(machine).chain(at_home).chain(of_system).map(|folder| folder.join("cert9.db"));
        databases.filter(|path| path.exists()).take(MAX_DATABASES + 1).collect()
    }
}

/// What one database says.
#[derive(Debug, Default)]
struct Database {
    anchors: Vec<(Sha256, Bytes)>,
    distrusted: usize,
    whole: bool,
}

impl Database {
    fn add_to(self, contents: &mut Contents) {
        contents.anchors.extend(self.anchors);
        if self.distrusted > 0 {
            contents.note(format!("{} certificates are distrusted in place {}", self.distrusted, contents.found));
        }
        if !self.whole {
            contents.error(contents.found, format!("only its first {MAX_CERTIFICATES} objects were read"));
        }
    }
}

fn database(path: &Path, reader: &Reader) -> Result<Database, Unread> {
    reader.regular(path, MAX_DATABASE_BYTES)?;
    read_database(path, reader.until()).map_err(|error| Unread::Because(told(&error)))
}

/// Tells an error without its text, which may name the file.
fn told(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => "no database in it".to_owned(),
        Some(rusqlite::ErrorCode::OperationInterrupted) => "the time for reading trust stores was used up in it".to_owned(),
        Some(code) => format!("SQLite says {code:?}"),
        None => "no certificate database of NSS".to_owned(),
    }
}

fn read_database(path: &Path, until: Instant) -> rusqlite::Result<Database> {
    let mut connection = Connection::open_with_flags(uri(path), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?;
    // A database is whoever's: its views and triggers could run for ever.
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || Instant::now() >= until))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let columns = columns(&connection)?;
    let trust = trust(&connection, &columns)?;
    let mut database = Database { whole: trust.len() < MAX_CERTIFICATES, ..Database::default() };
    let mut query = connection.prepare(&query(&columns, &[VALUE, ISSUER, SERIAL], &[CERTIFICATE]))?;
    let mut rows = query.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        let (der, issuer, serial) = (octets(row, 0)?, octets(row, 1)?, octets(row, 2)?);
        let said = trust.iter().filter(|trust| trust.issuer == issuer && trust.serial == serial && trust.is_of(der));
        let said: Vec<_> = said.map(|trust| trust.level).collect();
        if said.iter().any(|level| DISTRUSTED.contains(level)) {
            database.distrusted += 1;
        } else if said.iter().any(|level| ANCHOR.contains(level)) {
            database.anchors.push((Sha256::of(der), der.into()));
        }
    }
    database.whole &= count < MAX_CERTIFICATES;
    Ok(database)
}

/// What a trust object says of a certificate as a server's authority.
struct Trust {
    issuer: Vec<u8>,
    serial: Vec<u8>,
    /// SHA-1 or SHA-256 of the certificate; empty where it is not said.
    hash: Vec<u8>,
    level: u32,
}

impl Trust {
    /// Says whether it is of this certificate, and not of another with the same issuer and serial number.
    fn is_of(&self, der: &[u8]) -> bool {
        match self.hash.len() {
            20 => digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref() == self.hash,
            32 => digest(&SHA256, der).as_ref() == self.hash,
            _ => true,
        }
    }
}

/// Reads the trust objects: NSS's own, and those of PKCS #11 3.2 that younger versions write.
fn trust(connection: &Connection, columns: &[String]) -> rusqlite::Result<Vec<Trust>> {
    let wanted = [ISSUER, SERIAL, NSS_SHA1, NSS_SERVER_AUTH, HASH_OF_CERTIFICATE, SERVER_AUTH];
    let mut query = connection.prepare(&query(columns, &wanted, &[NSS_TRUST, TRUST]))?;
    let read = |row: &Row<'_>| {
        let (nss, standard) = (octets(row, 3)?, octets(row, 5)?);
        let (level, hash) = if nss.is_empty() { (standard, 4) } else { (nss, 2) };
        let level = <[u8; 4]>::try_from(level).map_or(0, u32::from_be_bytes);
        Ok(Trust { issuer: octets(row, 0)?.to_vec(), serial: octets(row, 1)?.to_vec(), hash: octets(row, hash)?.to_vec(), level })
    };
    query.query_map([], read)?.collect()
}

/// Returns the columns of the table; there are none when it is no table of NSS's.
fn columns(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let is_table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'nssPublic'";
    connection.query_row(is_table, [], |_| Ok(()))?;
    let mut query = connection.prepare("PRAGMA table_info(nssPublic)")?;
    query.query_map([], |row| row.get(1))?.collect()
}

/// Returns a query for some attributes of the objects of some classes; an attribute that no object has is empty.
fn query(columns: &[String], attributes: &[u32], classes: &[u32]) -> String {
    let column = |attribute: &u32| {
        let name = format!("a{attribute:x}");
        if columns.contains(&name) { name } else { "NULL".to_owned() }
    };
    let attributes: Vec<_> = attributes.iter().map(column).collect();
    let classes: Vec<_> = classes.iter().map(|class| format!("X'{class:08X}'")).collect();
    format!("SELECT {} FROM nssPublic WHERE a{CLASS:x} IN ({}) LIMIT {MAX_CERTIFICATES}", attributes.join(", "), classes.join(", "))
}

fn octets<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r [u8]> {
    Ok(match row.get_ref(column)? {
        ValueRef::Blob(octets) | ValueRef::Text(octets) => octets,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => &[],
    })
}

/// Returns the file as a URI that promises SQLite that nobody writes to it: no lock is taken and no journal made.
fn uri(path: &Path) -> String {
    let path = path.as_os_str().as_encoded_bytes();
    let mut uri = String::from(if path.starts_with(b"/") { "file:" } else { "file:/" });
    for byte in path {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b':' | b'.' | b'-' | b'_' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri + "?mode=ro&immutable=1"
}

/// The most databases that are read of one store.
const MAX_DATABASES: usize = 64;
/// The largest database that is read, in bytes; one with a thousand certificates has some 3,000,000.
const MAX_DATABASE_BYTES: u64 = 64 * 1024 * 1024;
/// How many steps of SQLite's machine pass between two looks at the clock.
const STEPS_BETWEEN_LOOKS: std::ffi::c_int = 10_000;

// PKCS #11 3.2 §3 and §4: object classes CKO_CERTIFICATE and CKO_TRUST, attributes CKA_CLASS, CKA_VALUE, CKA_ISSUER,
// CKA_SERIAL_NUMBER, CKA_TRUST_SERVER_AUTH and CKA_HASH_OF_CERTIFICATE.
const CERTIFICATE: u32 = 0x01;
const TRUST: u32 = 0x0b;
const CLASS: u32 = 0x00;
const VALUE: u32 = 0x11;
const ISSUER: u32 = 0x81;
const SERIAL: u32 = 0x82;
const SERVER_AUTH: u32 = 0x062c;
const HASH_OF_CERTIFICATE: u32 = 0x0635;
// NSS pkcs11n.h: CKO_NSS_TRUST, CKA_NSS_TRUST_SERVER_AUTH and CKA_NSS_CERT_SHA1_HASH.
const NSS_TRUST: u32 = 0xce53_4353;
const NSS_SERVER_AUTH: u32 = 0xce53_6358;
const NSS_SHA1: u32 = 0xce53_63b4;
/// CKT_NSS_TRUSTED_DELEGATOR and CKT_TRUST_ANCHOR. CKT_NSS_TRUSTED is for a server's own certificate, not for an authority's.
const ANCHOR: [u32; 2] = [0xce53_4352, 0x02];
/// CKT_NSS_NOT_TRUSTED and CKT_NOT_TRUSTED.
const DISTRUSTED: [u32; 2] = [0xce53_435a, 0x03];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::observe::trust_store::testing::{certificate, fixture, names_of};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn only_what_certutil_trusted_as_an_authority_of_servers_is_an_anchor() {
        let read = read_database(&fixture("nss/cert9.db"), soon()).unwrap();
        assert_eq!(
            names_of(read.anchors.iter().map(|(_, der)| der)),
            ["CN=Fixture Trusted for Servers", "CN=Fixture Trusted with a Quote ' in it"]
        );
        assert_eq!(read.distrusted, 1);
        assert!(read.whole);
    }

    #[test]
    fn nothing_is_left_beside_a_database_that_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("100% of ? & # a b ü.db");
        fs::copy(fixture("nss/cert9.db"), &path).unwrap();
        assert_eq!(read_database(&path, soon()).unwrap().anchors.len(), 2);
        assert_eq!(entries(folder.path()), [path]);
    }

    #[test]
    fn the_trust_objects_of_pkcs_11_are_read_too_and_their_hash_must_fit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cert9.db");
        let made = Connection::open(&path).unwrap();
        made.execute_batch("CREATE TABLE nssPublic (id PRIMARY KEY, a0, a11, a81, a82, a62c, a635)").unwrap();
        for (number, (level, hash_of)) in [(2_u32, "0"), (2, "other"), (3, "2"), (4, "3"), (1, "4")].into_iter().enumerate() {
            let number = u8::try_from(number).unwrap();
            let der = certificate(&number.to_string());
            let hash = if hash_of == "other" { Sha256::of(b"other") } else { Sha256::of(&der) };
            let object = "INSERT INTO nssPublic (a0, a11, a81, a82, a62c, a635) VALUES (?, ?, ?, ?, ?, ?)";
            let none: Option<&[u8]> = None;
            let same = (b"issuer".as_slice(), [number]);
            made.execute(object, (1_u32.to_be_bytes(), Some(&der), same.0, same.1, none, none)).unwrap();
            made.execute(object, (11_u32.to_be_bytes(), none, same.0, same.1, level.to_be_bytes(), hash.0)).unwrap();
        }
        drop(made);
        let read = read_database(&path, soon()).unwrap();
        assert_eq!(read.anchors.iter().map(|(hash, _)| *hash).collect::<Vec<_>>(), [Sha256::of(&certificate("0"))]);
        assert_eq!(read.distrusted, 1);
    }

    #[test]
    fn what_is_no_database_of_nss_is_told_without_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cert9.db");
        let told_of = |path: &Path| database(path, &Reader::new()).unwrap_err().to_string();
        fs::write(&path, "not a database".repeat(100)).unwrap();
        assert_eq!(told_of(&path), "no database in it");
        fs::write(&path, &fs::read(fixture("nss/cert9.db")).unwrap()[..9000]).unwrap();
        assert!(told_of(&path).starts_with("SQLite says "), "{}", told_of(&path));
        fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
        assert_eq!(told_of(&path), "no certificate database of NSS");
    }

    #[test]
    fn a_view_that_never_ends_is_not_read_and_time_has_an_end_anyway() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cert9.db");
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS a0, i AS a11 FROM n";
        Connection::open(&path).unwrap().execute_batch(&format!("CREATE VIEW nssPublic AS {endless}")).unwrap();
        assert_eq!(database(&path, &Reader::new()).unwrap_err().to_string(), "no certificate database of NSS");
        let mut rows = String::from("CREATE TABLE nssPublic (id, a0, a11, a81, a82);");
        rows.push_str(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) INSERT INTO nssPublic (a0) SELECT X'09' FROM n",
        );
        fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch(&rows).unwrap();
        let error = read_database(&path, Instant::now()).unwrap_err();
        assert_eq!(told(&error), "the time for reading trust stores was used up in it");
    }
}
