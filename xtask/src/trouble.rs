//! What a chore says when it cannot be done.

use std::fmt::Display;
use std::path::Path;

/// Why a chore could not be done, and what to do next.
///
/// One type for all chores: nobody but a person reads it, so it carries sentences, not cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    what: String,
    hint: Option<String>,
}

impl Trouble {
    /// Says what was tried and failed: lower case, no full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// Says that a file could not be read, written or made.
    pub fn file(verb: &str, path: &Path, error: impl Display) -> Self {
        Self::new(format!("cannot {verb} `{}`: {error}", path.display()))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns what to do next, where there is something.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
