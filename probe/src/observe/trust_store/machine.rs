//! This machine as far as its trust stores go: where its files, its home and its environment variables are.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::places::Folder;

/// Where to look. A test has one of its own, so that no store of the machine it runs on plays a part.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
    home: Option<PathBuf>,
    variables: BTreeMap<String, OsString>,
}

impl Machine {
    /// Returns the machine this runs on, as its present user sees it.
    pub fn this() -> Self {
        let variables = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self { root: PathBuf::from("/"), home: env::home_dir().filter(|home| !home.as_os_str().is_empty()), variables: variables.collect() }
    }

    /// Returns a machine whose files lie below one folder and whose user lives in another, with these variables set.
    pub fn below(root: &Path, home: &Path, variables: impl IntoIterator<Item = (&'static str, OsString)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { root: root.to_owned(), home: Some(home.to_owned()), variables }
    }

    /// Returns the value of an environment variable, when it is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }

    /// Returns those of some environment variables that are set and not empty, in the order given. Never their values.
    pub fn set_variables(&self, names: impl IntoIterator<Item = &'static str>) -> Vec<String> {
        names.into_iter().filter(|name| self.variable(name).is_some()).map(str::to_owned).collect()
    }

    /// Returns a file of the system's, by its absolute path.
    pub(in crate::observe) fn system(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Returns a file below the user's home; none where there is no home.
    pub(in crate::observe) fn home(&self, path: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(path))
    }

    /// Returns where this program keeps its files for the user; none where there is no home.
    pub fn folder(&self, folder: Folder) -> Option<PathBuf> {
        folder.by(self.variable(folder.variable()).cloned(), self.home.as_deref())
    }
}

/// Returns what lies in a folder, sorted; nothing where there is none. At most so many.
pub(in crate::observe) fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).into_iter().flatten();
    let mut entries: Vec<_> = read.take(MAX_ENTRIES).filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries
}

/// The most entries of a folder that are looked at; `/etc/ssl/certs` has some 300.
pub(super) const MAX_ENTRIES: usize = 4096;
