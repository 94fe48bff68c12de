//! Where this user's files are kept: XDG Base Directory Specification 0.8, and what comes closest elsewhere.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of this program's that each user has one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// For what should outlive a restart and is worth no backup.
    State,
    /// For what this user decided.
    Config,
    /// For files of ours that other programs use.
    Data,
}

impl Folder {
    /// Returns where it is; none where the system names no place.
    pub fn here(self) -> Option<PathBuf> {
        self.by(env::var_os(self.variable()), env::home_dir().as_deref())
    }

    /// Returns the folder around it, where other programs have theirs.
    pub fn around(self) -> Option<PathBuf> {
        self.here().and_then(|here| here.parent().map(Path::to_path_buf))
    }

    /// Returns where it is by the value of its variable, else below a home. Relative paths are invalid and ignored
    /// (specification, "Environment variables").
    pub fn by(self, variable: Option<OsString>, home: Option<&Path>) -> Option<PathBuf> {
        let stated = variable.map(PathBuf::from);
        let base = stated.filter(|path| path.is_absolute()).or_else(|| home.map(|home| home.join(self.below_home())));
        base.filter(|path| path.is_absolute()).map(|base| base.join(NAME))
    }

    /// Returns the environment variable that names the folder it is in.
    pub fn variable(self) -> &'static str {
        match self {
            Self::State => "XDG_STATE_HOME",
            Self::Config => "XDG_CONFIG_HOME",
            Self::Data => "XDG_DATA_HOME",
        }
    }

    fn below_home(self) -> &'static str {
        match self {
            Self::State => ".local/state",
            Self::Config => ".config",
            Self::Data => ".local/share",
        }
    }
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_where_its_variable_says_else_below_the_home_and_never_at_a_relative_path() {
        let by = |variable: Option<&str>, home: Option<&str>| Folder::State.by(variable.map(OsString::from), home.map(Path::new));
        assert_eq!(by(Some("/var/state"), Some("/home/one")), Some("/var/state/mintwatch".into()));
        assert_eq!(by(Some("state"), Some("/home/one")), Some("/home/one/.local/state/mintwatch".into()));
        assert_eq!(by(Some(""), Some("/home/one")), by(None, Some("/home/one")));
        assert_eq!((by(Some("state"), None), by(None, Some("home")), by(None, None)), (None, None, None));
        assert_eq!(Folder::Config.by(None, Some(Path::new("/home/one"))), Some("/home/one/.config/mintwatch".into()));
    }
}
