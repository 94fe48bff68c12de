//! Reading files that anybody may have put there: never more bytes, certificates or seconds than stated.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mintwatch_validator::evidence::{Bytes, Sha256};

use super::Contents;
use super::machine::{MAX_ENTRIES, entries};
use crate::certificates::{Encoding, Found, decode, read_bytes};

/// Reads the files of all stores, each file once, until the time or the bytes are used up.
#[derive(Debug)]
pub(in crate::observe) struct Reader {
    until: Instant,
    bytes_left: u64,
    known: BTreeMap<Identity, Arc<Bundle>>,
}

/// Why there is nothing from a file. Says nothing of where it lies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("not there")]
    Absent,
    #[error("{0}")]
    Because(String),
}

impl Unread {
    pub(super) fn because(why: &(impl ToString + ?Sized)) -> Self {
        Self::Because(why.to_string())
    }
}

/// The certificates of a file, and how many records were none.
#[derive(Debug, Default)]
struct Bundle {
    certificates: Vec<(Sha256, Bytes)>,
    broken: usize,
    cut: bool,
}

/// A file, whatever it is called.
#[cfg(unix)]
type Identity = (u64, u64);
/// A file, whatever it is called: as far as its path tells.
#[cfg(not(unix))]
type Identity = std::path::PathBuf;

impl Reader {
    /// Returns a reader that has the usual time and bytes for all it will read.
    pub(in crate::observe) fn new() -> Self {
        Self { until: Instant::now() + MAX_TIME, bytes_left: MAX_ALL_BYTES, known: BTreeMap::new() }
    }

    /// Returns when to stop.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Says whether a path leads to a regular file of no more bytes than `limit`, without opening it.
    ///
    /// Whoever opens a FIFO waits for its writer, and a device may act on being opened.
    pub(super) fn regular(&self, path: &Path, limit: u64) -> Result<Metadata, Unread> {
        self.in_time()?;
        let metadata = fs::metadata(path).map_err(|error| unread(&error))?;
        is_regular(&metadata, limit)?;
        Ok(metadata)
    }

    fn in_time(&self) -> Result<(), Unread> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(Unread::because("the time for reading trust stores was used up before it"))
    }

    /// Reads a regular file of at most [`MAX_FILE_BYTES`].
    pub(super) fn file(&mut self, path: &Path) -> Result<Vec<u8>, Unread> {
        let metadata = self.regular(path, MAX_FILE_BYTES)?;
        self.bytes(path, &metadata)
    }

    fn bytes(&mut self, path: &Path, metadata: &Metadata) -> Result<Vec<u8>, Unread> {
        if self.bytes_left == 0 {
            return Err(Unread::because("the bytes that are read of all trust stores were used up before it"));
        }
        let limit = MAX_FILE_BYTES.min(self.bytes_left);
        // Files such as those of /proc state no size.
        let most = if metadata.len() == 0 { limit + 1 } else { metadata.len().min(limit + 1) };
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(most)).unwrap_or(0));
        // Whoever takes no more than the size that was stated need not ask again whether there is more.
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(|error| unread(&error))?;
        let read = bytes.len() as u64;
        self.bytes_left = self.bytes_left.saturating_sub(read);
        if read > limit { Err(Unread::Because(format!("larger than {limit} bytes"))) } else { Ok(bytes) }
    }

    /// Returns what is in a file, where there is one that can be read.
    pub(in crate::observe) fn contents(&mut self, path: &Path) -> Option<Vec<u8>> {
        self.file(path).ok()
    }

    /// Returns the text of a file, where there is one that can be read.
    pub(in crate::observe) fn text(&mut self, path: &Path) -> Option<String> {
        self.contents(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Adds the certificates of a file (PEM with anything between, or DER) to a store's contents.
    pub(super) fn add_file(&mut self, path: &Path, contents: &mut Contents) {
        let regular = self.regular(path, MAX_FILE_BYTES);
        match regular.and_then(|metadata| self.bundle(path, &metadata)) {
            Ok(bundle) => {
                contents.found += 1;
                if bundle.certificates.is_empty() {
                    contents.error(contents.found, "no certificate in it");
                }
                add(&bundle, contents);
            }
            Err(why) => contents.error(contents.found + 1, why),
        }
    }

    /// Adds the certificates of the files in a folder, as OpenSSL keeps them; files without any are passed over.
    pub(super) fn add_folder(&mut self, folder: &Path, contents: &mut Contents) {
        contents.found += 1;
        let at = contents.found;
        let entries = entries(folder);
        if entries.len() == MAX_ENTRIES {
            contents.error(at, format!("only {MAX_ENTRIES} files of it were looked at"));
        }
        for path in entries {
            // A link into nowhere, and a folder in the folder, hold no certificate for anybody.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.is_dir() {
                continue;
            }
            let regular = self.in_time().and_then(|()| is_regular(&metadata, MAX_FILE_BYTES));
            match regular.and_then(|()| self.bundle(&path, &metadata)) {
                Ok(bundle) => add(&bundle, contents),
                Err(why) => contents.error(at, format!("a file in it: {why}")),
            }
        }
    }

    fn bundle(&mut self, path: &Path, metadata: &Metadata) -> Result<Arc<Bundle>, Unread> {
        let identity = identity(path, metadata)?;
        if let Some(known) = self.known.get(&identity) {
            return Ok(Arc::clone(known));
        }
        let bundle = Arc::new(certificates(self.bytes(path, metadata)?));
        self.known.insert(identity, Arc::clone(&bundle));
        Ok(bundle)
    }
}

fn is_regular(metadata: &Metadata, limit: u64) -> Result<(), Unread> {
    if !metadata.is_file() {
        return Err(Unread::because("not a regular file"));
    }
    if metadata.len() > limit {
        return Err(Unread::Because(format!("larger than {limit} bytes")));
    }
    Ok(())
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn identity(_: &Path, metadata: &Metadata) -> Result<Identity, Unread> {
    use std::os::unix::fs::MetadataExt;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path, _: &Metadata) -> Result<Identity, Unread> {
    fs::canonicalize(path).map_err(|error| unread(&error))
}

fn add(bundle: &Bundle, contents: &mut Contents) {
    contents.anchors.extend(bundle.certificates.iter().cloned());
    if bundle.broken > 0 {
        contents.error(contents.found, format!("{} broken records in it", bundle.broken));
    }
    if bundle.cut {
        contents.error(contents.found, format!("only its first {MAX_CERTIFICATES} certificates were read"));
    }
}

/// Reads the certificates out of a file's bytes.
fn certificates(bytes: Vec<u8>) -> Bundle {
    let mut bundle = Bundle::default();
    let (mut squeezed, mut room) = (Vec::new(), Vec::new());
    let nowhere: Arc<Path> = Arc::from(Path::new(""));
    let _ = read_bytes(&nowhere, bytes, &mut |found| {
        if bundle.certificates.len() == MAX_CERTIFICATES {
            bundle.cut = true;
            return ControlFlow::Break(());
        }
        let der = match found {
            Found::Record(_, Encoding::Der, der) => Some(der),
            Found::Record(_, Encoding::Base64, text) => decode(&text, &mut squeezed, &mut room).ok().map(|()| room.clone()),
            Found::Other(_) => return ControlFlow::Continue(()),
            // A file without any is told by whoever wanted one.
            Found::Bad(place, _) if place.record == 0 => return ControlFlow::Continue(()),
            Found::Bad(..) => None,
        };
        match der.as_deref().and_then(alone) {
            Some(der) => bundle.certificates.push((Sha256::of(der), der.into())),
            None => bundle.broken += 1,
        }
        ControlFlow::Continue(())
    });
    bundle
}

/// Returns the first DER SEQUENCE of some bytes: OpenSSL's `TRUSTED CERTIFICATE` has settings behind it.
fn alone(der: &[u8]) -> Option<&[u8]> {
    let length = match *der {
        [0x30, length @ 0..=0x7f, ..] => 2 + usize::from(length),
        [0x30, 0x81, length, ..] => 3 + usize::from(length),
        [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([high, low])),
        [0x30, 0x83, high, middle, low, ..] => 5 + usize::from(high) * 65_536 + usize::from(u16::from_be_bytes([middle, low])),
        _ => return None,
    };
    der.get(..length)
}

fn unread(error: &io::Error) -> Unread {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unread::Absent,
        _ => Unread::because(error),
    }
}

/// The largest file that is read, in bytes; the bundles of distributions have some 250,000.
pub(super) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// How much is read of all stores together, in bytes.
const MAX_ALL_BYTES: u64 = 128 * 1024 * 1024;
/// How long all stores together may take. It is looked at between two files, and inside a database.
const MAX_TIME: Duration = Duration::from_secs(5);
/// The most certificates of one file.
pub(super) const MAX_CERTIFICATES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::trust_store::testing::{certificate, pem};

    fn read(path: &Path) -> Contents {
        let mut contents = Contents::default();
        Reader::new().add_file(path, &mut contents);
        contents
    }

    fn written(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn a_bundle_is_read_past_what_is_broken_in_it() {
        let (one, two) = (certificate("one"), certificate("two"));
        let text = format!("# a bundle\n{}-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n{}", pem(&one), pem(&two));
        let (_folder, path) = written(text.as_bytes());
        let contents = read(&path);
        assert_eq!(contents.anchors.keys().copied().collect::<Vec<_>>(), sorted([Sha256::of(&one), Sha256::of(&two)]));
        assert_eq!(contents.errors, ["place 1: 1 broken records in it"]);
    }

    fn sorted(mut hashes: [Sha256; 2]) -> Vec<Sha256> {
        hashes.sort_unstable();
        hashes.to_vec()
    }

    #[test]
    fn der_is_read_and_what_openssl_puts_behind_a_trusted_certificate_is_left_out() {
        let one = certificate("one");
        let (_folder, path) = written(&one);
        assert!(read(&path).anchors.contains_key(&Sha256::of(&one)));
        let mut trusted = one.clone();
        trusted.extend([0x30, 0x02, 0x0c, 0x00]);
        let (_folder, path) = written(pem(&trusted).replace("CERTIFICATE", "TRUSTED CERTIFICATE").as_bytes());
        assert_eq!(read(&path).anchors.keys().copied().collect::<Vec<_>>(), [Sha256::of(&one)]);
    }

    #[test]
    fn what_is_no_bundle_is_told_without_its_path() {
        let (folder, path) = written(b"hello");
        assert_eq!(read(&path).errors, ["place 1: no certificate in it"]);
        assert_eq!(read(folder.path()).errors, ["place 1: not a regular file"]);
        assert_eq!(read(&folder.path().join("absent")).errors, ["place 1: not there"]);
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let (_folder, path) = written(b"");
        // A hole: as large as it says, and no block of the disk is used.
        File::options().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
        let begun = Instant::now();
        assert_eq!(read(&path).errors, ["place 1: larger than 16777216 bytes"]);
        assert!(begun.elapsed() < Duration::from_millis(500));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_and_a_fifo_are_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for path in [fifo.as_path(), Path::new("/dev/zero")] {
            assert_eq!(read(path).errors, ["place 1: not a regular file"]);
        }
        let mut contents = Contents::default();
        Reader::new().add_folder(folder.path(), &mut contents);
        assert_eq!(contents.errors, ["place 1: a file in it: not a regular file"]);
    }

    #[test]
    fn certificates_are_counted_and_bytes_are_budgeted() {
        let mut reader = Reader::new();
        reader.bytes_left = 10;
        let (_folder, path) = written(pem(&certificate("one")).as_bytes());
        assert_eq!(reader.file(&path), Err(Unread::because("larger than 10 bytes")));
        assert_eq!(reader.file(&path), Err(Unread::because("the bytes that are read of all trust stores were used up before it")));
        reader.until = Instant::now();
        assert_eq!(reader.file(&path), Err(Unread::because("the time for reading trust stores was used up before it")));
        let bundle = certificates(pem(&certificate("one")).repeat(MAX_CERTIFICATES + 1).into_bytes());
        assert!(bundle.cut && bundle.certificates.len() == MAX_CERTIFICATES);
    }
}
