//! Opens the inputs: JSON, CSV and PEM files, plain or packed, and what stands inside packages.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use mintwatch_validator::evidence::Sha256;
use serde::de::DeserializeOwned;

use super::TablesError;
use super::der::Facts;

/// The licence of CCADB's data (CCADB usage terms).
pub(super) const CCADB_LICENCE: &str = "CDLA-Permissive-2.0";
/// Where a Debian package of Firefox keeps its settings dumps.
const OMNI: &str = "./usr/lib/firefox-esr/browser/omni.ja";

/// Reads a file, unpacked when its name ends in .gz or .zst.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, TablesError> {
    let file_error = |error| TablesError::File { path: path.to_owned(), error };
    let raw = fs::read(path).map_err(file_error)?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut unpacked = Vec::new();
            GzDecoder::new(raw.as_slice()).read_to_end(&mut unpacked).map_err(file_error)?;
            Ok(unpacked)
        }
        Some("zst") => zstd::decode_all(raw.as_slice()).map_err(file_error),
        _ => Ok(raw),
    }
}

/// Reads a JSON file.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, TablesError> {
    from_json(path, &bytes(path)?)
}

/// Reads JSON that came out of `path`.
pub(super) fn from_json<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, TablesError> {
    serde_json::from_slice(text).map_err(|error| form(path, error.to_string()))
}

/// Reads the records of a CSV or TSV file with a header line.
pub(super) fn records<T: DeserializeOwned>(path: &Path, delimiter: u8) -> Result<Vec<T>, TablesError> {
    let text = bytes(path)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).quoting(delimiter == b',').from_reader(text.as_slice());
    reader.deserialize().collect::<Result<_, _>>().map_err(|error| form(path, error.to_string()))
}

/// Says that a file is not of the form its option names.
pub(super) fn form(path: &Path, what: impl Into<String>) -> TablesError {
    TablesError::Form { path: path.to_owned(), what: what.into() }
}

/// Reads every certificate of a PEM text; other blocks are passed over.
pub(crate) fn pem(text: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for block in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let body: String =
            block.split("-----END CERTIFICATE-----").next().unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        found.extend(data_encoding::BASE64.decode(body.as_bytes()));
    }
    found
}

/// Reads the DER certificates of a CCADB dump: 3-byte big-endian length, DER, repeated.
pub(crate) fn ccadb(path: &Path) -> Result<Vec<Vec<u8>>, TablesError> {
    let all = bytes(path)?;
    let mut rest = all.as_slice();
    let mut found = Vec::new();
    while let Some(([a, b, c], tail)) = rest.split_first_chunk::<3>() {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let (der, tail) = tail.split_at_checked(length).ok_or_else(|| form(path, "its last certificate is cut short"))?;
        found.push(der.to_vec());
        rest = tail;
    }
    Ok(found)
}

/// Certificates by their hash, from any number of sources.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) facts: BTreeMap<Sha256, Facts>,
    /// How many certificates could not be read.
    pub(super) unread: usize,
}

impl Shelf {
    pub(super) fn add(&mut self, certificates: impl IntoIterator<Item = Vec<u8>>) {
        for der in certificates {
            match Facts::read(&der) {
                Some(facts) => {
                    self.facts.insert(facts.sha256, facts);
                }
                None => self.unread += 1,
            }
        }
    }
}

/// The day in a file name such as `ccadb-2026-08-21.csv.gz`.
pub(super) fn day_in_name(path: &Path) -> Result<String, TablesError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let start = name.find("20").ok_or_else(|| form(path, "no date in its name"))?;
    name.get(start..start + 10)
        .filter(|day| day.bytes().filter(|byte| *byte == b'-').count() == 2)
        .map(str::to_owned)
        .ok_or_else(|| form(path, "no date in its name"))
}

/// The version in a file name such as `firefox-140.12.0-intermediates.csv`.
pub(super) fn firefox_version(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let after = name.split("firefox-").nth(1).unwrap_or_default();
    let version: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    version.trim_end_matches('.').to_owned()
}

/// Reads a settings dump out of a Debian package of Firefox; with it the upstream version.
pub(super) fn firefox_dump(deb: &Path, dump: &str) -> Result<(String, Vec<u8>), TablesError> {
    let version = run(Command::new("dpkg-deb").arg("--field").arg(deb).arg("Version"), "dpkg-deb", deb)?;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    // `153.7.0esr-1~deb12u1` is Firefox 153.7.0.
    let upstream = version.split("esr").next().unwrap_or(&version).to_owned();
    let scratch = tempfile::tempdir().map_err(|error| TablesError::File { path: deb.to_owned(), error })?;
    let omni = scratch.path().join("omni.ja");
    let archive = fs::write(&omni, from_deb(deb, &[OMNI, "--to-stdout"])?);
    archive.map_err(|error| TablesError::File { path: omni.clone(), error })?;
    let inside = format!("defaults/settings/security-state/{dump}");
    let text = run(Command::new("unzip").arg("-p").arg(&omni).arg(inside), "unzip", deb)?;
    Ok((upstream, text))
}

/// Reads the certificates of Debian's ca-certificates package; with them its version.
pub(super) fn ca_certificates(deb: &Path) -> Result<(String, Vec<Vec<u8>>), TablesError> {
    let version = run(Command::new("dpkg-deb").arg("--field").arg(deb).arg("Version"), "dpkg-deb", deb)?;
    let text = from_deb(deb, &["--to-stdout", "--wildcards", "./usr/share/ca-certificates/mozilla/*.crt"])?;
    Ok((String::from_utf8_lossy(&version).trim().to_owned(), pem(&String::from_utf8_lossy(&text))))
}

/// Reads one file out of an npm package.
pub(super) fn from_npm(package: &Path, inside: &str) -> Result<Vec<u8>, TablesError> {
    run(Command::new("tar").arg("--extract").arg("--gzip").arg("--to-stdout").arg("--file").arg(package).arg(inside), "tar", package)
}

/// Returns the folder of SPKIs that the rustls-webpki of Cargo.lock refuses, and the version of the crate.
pub(super) fn distrusted_spkis(named: Option<&PathBuf>) -> Result<(String, PathBuf), TablesError> {
    if let Some(dir) = named {
        let text = dir.to_string_lossy().into_owned();
        let version = text.split("rustls-webpki-").nth(1).and_then(|tail| tail.split('/').next());
        return Ok((version.unwrap_or("unknown").to_owned(), dir.clone()));
    }
    let (version, home) = locked_crate("rustls-webpki")?;
    Ok((version, home.join("src/data/distrusted")))
}

/// Returns the version of a crate in Cargo.lock and the folder of its source.
pub(super) fn locked_crate(name: &str) -> Result<(String, PathBuf), TablesError> {
    let manifest = Path::new("Cargo.lock");
    let text = run(Command::new("cargo").args(["metadata", "--format-version", "1", "--offline", "--locked"]), "cargo", manifest)?;
    let metadata: serde_json::Value = from_json(manifest, &text)?;
    let field = |package: &serde_json::Value, key: &str| package.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    let packages = metadata.get("packages").and_then(|packages| packages.as_array());
    packages
        .into_iter()
        .flatten()
        .filter(|package| field(package, "name").as_deref() == Some(name))
        .find_map(|package| {
            let home = PathBuf::from(field(package, "manifest_path")?).parent()?.to_owned();
            Some((field(package, "version")?, home))
        })
        .ok_or_else(|| form(manifest, format!("no {name} in it")))
}

fn from_deb(deb: &Path, tar_arguments: &[&str]) -> Result<Vec<u8>, TablesError> {
    let start = |error| TablesError::Program { program: "dpkg-deb", error };
    let mut unpack = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb).stdout(Stdio::piped()).spawn().map_err(start)?;
    let stream = unpack.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let text = run(Command::new("tar").arg("--extract").args(tar_arguments).stdin(stream), "tar", deb);
    let _ = unpack.wait();
    text
}

fn run(command: &mut Command, program: &'static str, path: &Path) -> Result<Vec<u8>, TablesError> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| TablesError::Program { program, error })?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(TablesError::ProgramFailed { program, status: output.status, path: path.to_owned() })
    }
}

/// Puts every certificate that any input holds within reach.
pub(super) fn shelf(incidents: Option<&Path>, ccadb_file: &Path, chrome_pem: &Path) -> Result<Shelf, TablesError> {
    let mut shelf = Shelf::default();
    shelf.add(ccadb(ccadb_file)?);
    shelf.add(pem(&String::from_utf8_lossy(&bytes(chrome_pem)?)));
    shelf.add(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| der.to_vec()));
    if let Some(incidents) = incidents {
        shelf.add(incident_certificates(incidents)?);
    }
    Ok(shelf)
}

/// Reads the certificates that lie beside an incidents file.
pub(super) fn incident_certificates(incidents: &Path) -> Result<Vec<Vec<u8>>, TablesError> {
    let folder = incidents.parent().unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for path in below(folder)? {
        if path.extension().is_some_and(|extension| extension == "pem") {
            found.extend(pem(&String::from_utf8_lossy(&bytes(&path)?)));
        }
    }
    Ok(found)
}

/// Lists the files of a folder and of the folders in it, in order.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>, TablesError> {
    let read = |dir: &Path| {
        let mut paths: Vec<_> = fs::read_dir(dir)
            .map_err(|error| TablesError::File { path: dir.to_owned(), error })?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        Ok::<_, TablesError>(paths)
    };
    let mut all = Vec::new();
    for path in read(folder)? {
        if path.is_dir() { all.extend(read(&path)?) } else { all.push(path) }
    }
    Ok(all)
}
