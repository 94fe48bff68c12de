//! Where this user's files are kept: XDG Base Directory Specification 0.8, and what comes closest elsewhere.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Returns the folder for what should outlive a restart and is worth no backup; none where the system names none.
pub fn state() -> Option<PathBuf> {
    base("XDG_STATE_HOME", ".local/state").map(|base| base.join(NAME))
}

/// Returns the folder for what this user decided; none where the system names none.
pub fn config() -> Option<PathBuf> {
    all_config().map(|base| base.join(NAME))
}

/// Returns the folder where all programs keep what this user decided; none where the system names none.
pub fn all_config() -> Option<PathBuf> {
    base("XDG_CONFIG_HOME", ".config")
}

/// Returns the folder for files of ours that others use; none where the system names none.
pub fn data() -> Option<PathBuf> {
    base("XDG_DATA_HOME", ".local/share").map(|base| base.join(NAME))
}

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    // A relative path is invalid and to be ignored (specification, "Environment variables").
    let set = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set(variable).or_else(|| env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(below_home)))
}

/// Makes a folder that this user alone can read, with all above it.
///
/// # Errors
/// What the system said.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

const NAME: &str = "mintwatch";
