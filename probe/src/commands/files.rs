//! Files in and out: bounded reads, PEM, writes that leave a whole file or none.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::Error;

/// Reads a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        return Err(Error::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Reads the certificates of a PEM file, in order.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    certificates_in(path, &read(path, MAX_PEM_BYTES)?)
}

/// Reads the certificates of PEM text, in order.
pub(super) fn certificates_in(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match read {
        Ok(found) if found.is_empty() => Err(Error::NoCertificate(path.to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(Error::Pem { path: path.to_owned(), why: error.to_string() }),
    }
}

/// Writes a file as a whole: it appears complete or not at all, also over an older one.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let beside = beside(path);
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&beside);
        Error::Write { path: path.to_owned(), source }
    })
}

/// A file that grows line by line, and appears when it is complete.
pub(super) struct Lines {
    path: PathBuf,
    beside: PathBuf,
    file: File,
}

impl Lines {
    /// Begins such a file.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let beside = beside(path);
        let file = File::create(&beside).map_err(|source| Error::Write { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), beside, file })
    }

    /// Adds a line. What was added before stays beside the path when this fails.
    pub(super) fn add(&mut self, line: &str) -> Result<(), Error> {
        let added = self.file.write_all(line.as_bytes()).and_then(|()| self.file.write_all(b"\n"));
        added.map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    /// Lets it appear.
    pub(super) fn finish(self) -> Result<(), Error> {
        let appeared = self.file.sync_all().and_then(|()| fs::rename(&self.beside, &self.path));
        appeared.map_err(|source| Error::Write { path: self.path, source })
    }
}

/// Returns a name in the same folder, for a rename does not cross file systems.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// The largest PEM file that is read, in bytes.
pub(super) const MAX_PEM_BYTES: usize = 16 * 1024 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.json");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("no/such/file"), b"x").unwrap_err();
        assert!(error.to_string().starts_with("cannot write"), "{error}");
    }

    #[test]
    fn a_large_file_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        fs::write(&path, [0; 100]).unwrap();
        assert!(matches!(read(&path, 99), Err(Error::TooLarge { .. })));
        assert_eq!(read(&path, 100).unwrap().len(), 100);
    }
}
