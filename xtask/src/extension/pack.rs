//! A folder as an archive whose bytes depend on its files' names and content, and on nothing else.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::trouble::Trouble;

/// Writes all files below `folder` into `archive`, a ZIP file, and returns its size in bytes.
///
/// Names are sorted; every file bears the oldest date there is in a ZIP file, 1980-01-01, and mode 0644.
///
/// # Errors
/// When a file cannot be read, or the archive cannot be written.
pub(super) fn pack(folder: &Path, archive: &Path) -> Result<u64, Trouble> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .system(System::Unix);
    let refused = |error: zip::result::ZipError| Trouble::file("write", archive, error);
    let mut writer = ZipWriter::new(File::create(archive).map_err(|error| Trouble::file("write", archive, error))?);
    for (name, file) in files(folder)? {
        let content = fs::read(&file).map_err(|error| Trouble::file("read", &file, error))?;
        writer.start_file(name, options).map_err(refused)?;
        writer.write_all(&content).map_err(|error| Trouble::file("write", archive, error))?;
    }
    let written = writer.finish().map_err(refused)?;
    Ok(written.metadata().map_err(|error| Trouble::file("read", archive, error))?.len())
}

/// Returns every file below a folder with its name there, `_locales/en/messages.json`, sorted by name.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Trouble> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_path_buf())];
    while let Some((prefix, folder)) = folders.pop() {
        let refused = |error: std::io::Error| Trouble::file("read", &folder, error);
        for entry in fs::read_dir(&folder).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let name =
                entry.file_name().into_string().map_err(|name| Trouble::new(format!("`{}` is no name for an archive", name.display())))?;
            let name = format!("{prefix}{name}");
            match entry.file_type().map_err(refused)? {
                kind if kind.is_dir() => folders.push((format!("{name}/"), entry.path())),
                kind if kind.is_file() => found.push((name, entry.path())),
                _ => return Err(Trouble::new(format!("`{}` is neither a file nor a folder", entry.path().display()))),
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder(names: &[&str], mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, name.repeat(100)).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        folder
    }

    fn packed(folder: &Path) -> Vec<u8> {
        let archive = tempfile::NamedTempFile::new().unwrap();
        let size = pack(folder, archive.path()).unwrap();
        let bytes = fs::read(archive.path()).unwrap();
        assert_eq!(size, bytes.len() as u64);
        bytes
    }

    #[test]
    fn order_modes_and_dates_of_the_files_are_not_in_the_archive() {
        let one = folder(&["manifest.json", "_locales/en/messages.json", "a.js"], 0o600);
        let other = folder(&["a.js", "manifest.json", "_locales/en/messages.json"], 0o755);
        File::open(other.path().join("a.js")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(packed(one.path()), packed(other.path()));
    }

    #[test]
    fn every_file_comes_out_as_it_went_in_and_another_content_is_another_archive() {
        let folder = folder(&["b/c/d.txt", "a.txt"], 0o644);
        let bytes = packed(folder.path());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        assert_eq!(archive.file_names().collect::<Result<Vec<_>, _>>().unwrap(), ["a.txt", "b/c/d.txt"]);
        let content = std::io::read_to_string(archive.by_name("b/c/d.txt").unwrap()).unwrap();
        assert_eq!(content, "b/c/d.txt".repeat(100));
        fs::write(folder.path().join("a.txt"), "changed").unwrap();
        assert_ne!(packed(folder.path()), bytes);
    }
}
