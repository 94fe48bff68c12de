//! `install-host`: tells browsers where the helper of our extension is.

use std::env;
use std::path;

use super::{Status, print};
use crate::cli::InstallHostArgs;
use crate::error::Error;
use crate::native_host::install::{Deed, InstallError, Order, Roots, Scope, Step, install, uninstall};

/// Writes what browsers want, or takes it back, and says so file by file.
///
/// # Errors
/// [`Error`] when a file cannot be written or removed, or there is no browser.
pub fn run(args: &InstallHostArgs) -> Result<Status, Error> {
    let roots = Roots::of_this_machine()?;
    let read = |path: &path::Path, source| InstallError::Io { what: "find", path: path.to_owned(), source };
    let scope = match &args.folder {
        Some(folder) => Scope::Folder(path::absolute(folder).map_err(|source| read(folder, source))?),
        None if args.system => Scope::System,
        None => Scope::User,
    };
    let program = env::current_exe().map_err(|source| read(path::Path::new("mintwatch"), source))?;
    let order = Order { browsers: args.browser.clone(), scope, program, more: args.allow_extension.clone(), dry_run: args.dry_run };
    let steps = if args.uninstall { uninstall(&roots, &order)? } else { install(&roots, &order)? };
    print(&page(&steps, args.dry_run))?;
    let left = steps.iter().any(|step| step.deed == Deed::Leave);
    Ok(if left { Status::COULD_NOT_RUN } else { Status::CLEAR })
}

fn page(steps: &[Step], dry_run: bool) -> String {
    if steps.is_empty() {
        return "nothing of ours is there\n".to_owned();
    }
    steps.iter().map(|step| line(step, dry_run)).collect()
}

fn line(step: &Step, dry_run: bool) -> String {
    let deed = match (step.deed, dry_run) {
        (Deed::Write, false) => "wrote",
        (Deed::Write, true) => "would write",
        (Deed::Keep, _) => "unchanged",
        (Deed::Remove, false) => "removed",
        (Deed::Remove, true) => "would remove",
        (Deed::Leave, _) => "left as it is, for it is not ours:",
    };
    let whose = step.browser.map_or("what browsers start", |browser| browser.word());
    // As Rust writes a text: whole, and with everything escaped that acts on a terminal.
    format!("{deed} {:?} ({whose})\n", step.path.to_string_lossy())
}
