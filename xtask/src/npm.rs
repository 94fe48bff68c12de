//! Packages from npm, exactly those of a lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::trouble::Trouble;
use crate::workspace;

/// Returns the Node that the environment names in `MINTWATCH_NODE`, or the one on the search path.
pub fn node() -> PathBuf {
    std::env::var_os("MINTWATCH_NODE").map_or_else(|| "node".into(), PathBuf::from)
}

/// Installs what `folder/package-lock.json` names into `folder/node_modules`, without running scripts; nothing where it is there.
///
/// # Errors
/// When npm cannot be started or does not end with success.
pub fn provide(node: &Path, folder: &Path) -> Result<(), Trouble> {
    let (lock, installed) = (folder.join("package-lock.json"), folder.join("node_modules").join(INSTALLED));
    let wanted = fs::read(&lock).map_err(|error| Trouble::file("read", &lock, error))?;
    if fs::read(&installed).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    let mut npm = npm(node);
    npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    workspace::run(&mut npm).map_err(|trouble| trouble.with_hint("Node and npm are needed, and a registry that npm can reach"))?;
    fs::write(&installed, wanted).map_err(|error| Trouble::file("write", &installed, error))
}

/// Returns the npm that came with a Node.
fn npm(node: &Path) -> Command {
    let beside = node.parent().map(|bin| bin.join("../lib/node_modules/npm/bin/npm-cli.js")).filter(|npm| npm.is_file());
    match beside {
        Some(script) => {
            let mut command = Command::new(node);
            command.arg(script);
            command
        }
        None => Command::new("npm"),
    }
}

/// Says, beside the packages, which lock file they came from.
const INSTALLED: &str = ".lock-of-this.json";
