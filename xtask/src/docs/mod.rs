//! `cargo xtask docs`: pages made of what the code and the replays say. Nobody edits them; a test tells when they are stale.

mod detectors;
mod incidents;

use std::fs;
use std::path::{Path, PathBuf};

use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

/// Write or compare.
#[derive(Debug, Clone, clap::Args)]
pub struct DocsArgs {
    /// Write nothing; fail when a page is stale.
    #[arg(long)]
    check: bool,
}

/// A page: its file, and what should be in it.
pub(crate) struct Page {
    file: PathBuf,
    text: String,
}

/// Writes every page anew and names those that changed, or compares them with what is there.
///
/// # Errors
/// When what a page is made of cannot be read, a page cannot be written, or with `--check` one is stale.
pub fn run(args: &DocsArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    let all = pages(&root)?;
    let count = all.len();
    let stale: Vec<Page> = all.into_iter().filter(Page::is_stale).collect();
    for page in &stale {
        let name = page.file.strip_prefix(&root).unwrap_or(&page.file).display().to_string();
        if args.check {
            return Err(Trouble::new(format!("{name} is stale")).with_hint("`cargo xtask docs` writes it anew"));
        }
        fs::write(&page.file, &page.text).map_err(|error| Trouble::file("write", &page.file, error))?;
        say::line(&format!("changed: {name}"));
    }
    say::line(&format!("{count} pages"));
    Ok(())
}

/// Returns the files that are not what they should be.
///
/// # Errors
/// When what a page is made of cannot be read.
pub fn stale() -> Result<Vec<PathBuf>, Trouble> {
    Ok(pages(&workspace::root()?)?.into_iter().filter(Page::is_stale).map(|page| page.file).collect())
}

fn pages(root: &Path) -> Result<Vec<Page>, Trouble> {
    let mut pages = incidents::pages(root)?;
    pages.push(detectors::page(root)?);
    Ok(pages)
}

impl Page {
    fn is_stale(&self) -> bool {
        fs::read_to_string(&self.file).ok().as_ref() != Some(&self.text)
    }
}
