//! Files and folders to files, in one order for ever; the list of them is never held.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A file to read, or a path that leads to none.
#[derive(Debug)]
pub enum Source {
    /// A file, or `-`.
    File(PathBuf),
    /// A path, and why nothing can be read there.
    Unreadable(PathBuf, io::Error),
}

/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 64;

/// Gives every file below these paths, a folder's entries by their names. A link below a folder is not followed.
///
/// `Break` when the taker wants no more.
pub fn sources(paths: &[PathBuf], take: &mut dyn FnMut(Source) -> ControlFlow<()>) -> ControlFlow<()> {
    for path in paths {
        if path.as_os_str() == "-" {
            take(Source::File(path.clone()))?;
            continue;
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => folder(path, 0, take)?,
            Ok(_) => take(Source::File(path.clone()))?,
            Err(error) => take(Source::Unreadable(path.clone(), error))?,
        }
    }
    ControlFlow::Continue(())
}

fn folder(path: &Path, depth: usize, take: &mut dyn FnMut(Source) -> ControlFlow<()>) -> ControlFlow<()> {
    if depth > MAX_DEPTH {
        return take(Source::Unreadable(path.to_owned(), io::Error::other("folders lie too deep in each other")));
    }
    // One folder's names are held at a time, for their order.
    let listed = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return take(Source::Unreadable(path.to_owned(), error)),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folder(&entry.path(), depth + 1, take)?,
            Ok(kind) if kind.is_file() => take(Source::File(entry.path()))?,
            // Links, sockets and devices below a folder.
            Ok(_) => {}
            Err(error) => take(Source::Unreadable(entry.path(), error))?,
        }
    }
    ControlFlow::Continue(())
}

/// Returns how many bytes there are to read, as far as files tell; none when standard input is among them.
pub fn total_bytes(paths: &[PathBuf]) -> Option<u64> {
    let mut total = Some(0_u64);
    let _ = sources(paths, &mut |source| {
        if let Source::File(path) = source {
            let length = fs::metadata(&path).ok().filter(|_| path.as_os_str() != "-").map(|found| found.len());
            total = total.zip(length).map(|(sum, length)| sum.saturating_add(length));
        }
        ControlFlow::Continue(())
    });
    total
}
