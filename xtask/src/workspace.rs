//! Where the workspace is, and how to run a program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::say;
use crate::trouble::Trouble;

/// Returns the root of the workspace that this run belongs to.
///
/// # Errors
/// When run neither by cargo nor from inside a checkout.
pub fn root() -> Result<PathBuf, Trouble> {
    // Cargo names the package being run; each of ours is one folder below the root.
    if let Some(parent) = std::env::var_os("CARGO_MANIFEST_DIR").as_ref().and_then(|dir| Path::new(dir).parent())
        && is_root(parent)
    {
        return Ok(parent.to_path_buf());
    }
    let here = std::env::current_dir().map_err(|error| Trouble::new(format!("no current directory: {error}")))?;
    here.ancestors()
        .find(|folder| is_root(folder))
        .map(Path::to_path_buf)
        .ok_or_else(|| Trouble::new("not inside a checkout of Mintwatch").with_hint("run `cargo xtask` from the checkout"))
}

fn is_root(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file() && folder.join("validator/Cargo.toml").is_file()
}

/// Returns the folder cargo builds into.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}

/// Returns a command for cargo in the workspace, without what the calling cargo left in the environment.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // Left in place, these would change the fingerprints of build scripts that look at them.
    for (name, _) in std::env::vars_os() {
        if let Some(name) = name.to_str()
            && (name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_PRIMARY_PACKAGE")
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end with its output streamed and nothing on its standard input.
///
/// # Errors
/// When it cannot be started or does not end with success.
pub fn run(command: &mut Command) -> Result<(), Trouble> {
    let shown = shown(command);
    say::line(&format!("$ {shown}"));
    let status = command.stdin(Stdio::null()).status().map_err(|error| Trouble::new(format!("cannot start `{shown}`: {error}")))?;
    if status.success() { Ok(()) } else { Err(Trouble::new(format!("`{shown}` ended with {status}"))) }
}

/// Runs a command to its end and returns what it wrote to standard output.
///
/// # Errors
/// When it cannot be started or does not end with success; the message has the end of its talk.
pub fn output(command: &mut Command) -> Result<String, Trouble> {
    let shown = shown(command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| Trouble::new(format!("cannot start `{shown}`: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let talk = String::from_utf8_lossy(&output.stderr);
    let last = talk.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(Trouble::new(format!("`{shown}` ended with {}: {}", output.status, last.trim())))
}

/// Returns the first program of that name on the search path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Tools of the administrator live outside the search path of ordinary users on Debian.
    std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Returns where the programs of PostgreSQL's server are, which Debian keeps in a folder for each version; the newest.
pub fn postgresql() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let with_server = versions.filter(|version| version.path().join("bin/postgres").is_file());
    let newest = with_server.max_by_key(|version| version.file_name().to_string_lossy().parse::<u32>().unwrap_or_default())?;
    Some(newest.path().join("bin"))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
