//! Runs the programs of the laboratory, and ends them when nobody holds them any more.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Set to anything but nothing, it says: run the laboratory, and fail if something for it is missing.
pub const SWITCH: &str = "MINTWATCH_LAB";
/// How long a program has to become ready.
const READY: Duration = Duration::from_secs(30);

/// Whether the laboratory was asked for.
pub fn wanted() -> bool {
    std::env::var_os(SWITCH).is_some_and(|value| !value.is_empty())
}

/// Finds a program, also where an ordinary user's PATH does not look.
pub fn find(program: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = ["mitmproxy/bin", "proxy.py/bin"].map(|folder| tools().join(folder));
    let folders = own.into_iter().chain(std::env::split_paths(&path)).chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let mut candidates = folders.map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file()).unwrap_or_else(|| {
        panic!("`{program}` is not installed (package {package})\nhint: `cargo xtask ci` installs it, or unset {SWITCH} to leave the laboratory out")
    })
}

/// Returns mitmproxy without a terminal.
pub fn mitmdump() -> PathBuf {
    let stated = std::env::var_os("MINTWATCH_MITMDUMP").map(PathBuf::from);
    stated.unwrap_or_else(|| find("mitmdump", "mitmproxy"))
}

/// Returns Node: the one that the checks were told to use, or the system's.
pub fn node() -> PathBuf {
    let stated = std::env::var_os("MINTWATCH_NODE").map(PathBuf::from);
    stated.unwrap_or_else(|| find("node", "nodejs"))
}

/// Returns the program that runs hudsucker.
pub fn hudsucker() -> PathBuf {
    let program = tools().join("hudsucker/debug/lab-hudsucker");
    assert!(program.is_file(), "hudsucker is not built\nhint: `cargo xtask ci` builds it, or unset {SWITCH} to leave the laboratory out");
    program
}

/// Returns where the packages from npm are.
pub fn node_modules() -> PathBuf {
    tools().join("npm/node_modules")
}

/// Returns where one package from npm is.
pub fn node_module(name: &str) -> PathBuf {
    let folder = node_modules().join(name);
    assert!(folder.is_dir(), "{name} is not installed\nhint: `cargo xtask ci` installs it, or unset {SWITCH} to leave the laboratory out");
    folder
}

/// Where `cargo xtask ci` installs the pinned tools.
fn tools() -> PathBuf {
    xtask::workspace::target(&xtask::workspace::root().unwrap()).join("ci-tools")
}

/// Returns all that a program says when it is asked for its version.
pub fn says(program: &Path, flag: &str) -> String {
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Runs a command to its end; its words when it fails.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until something is true; fails when it does not become so.
pub fn wait(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < READY, "not true after {READY:?}: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// A program in the background, with whatever it starts. All is killed when this is dropped, also by a panic.
pub struct Background {
    name: String,
    log: PathBuf,
    child: Child,
    memory: Option<String>,
}

impl Background {
    /// Starts a program whose words go to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command.process_group(0).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { name: name.to_owned(), log: log.to_owned(), child, memory: None }
    }

    /// Says how the names of the shared memory begin that it will leave behind when it is killed.
    pub fn leaves_memory(&mut self, prefix: String) {
        self.memory = Some(prefix);
    }

    /// Waits until something is true; fails with what the program said when it ends before.
    pub fn until(&mut self, what: &str, mut is_true: impl FnMut() -> bool) {
        let begun = Instant::now();
        loop {
            if is_true() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            let words = || std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(ended.is_none(), "{} ended before {what}: {ended:?}\n{}", self.name, words());
            assert!(begun.elapsed() < READY, "{} is not ready ({what}) after {READY:?}\n{}", self.name, words());
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// Returns what it has said so far.
    pub fn words(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The group is ours alone: sslsplit and squid work in children that outlive them. Already gone is as good.
        let group = format!("-{}", self.child.id());
        let _gone = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _gone = self.child.wait();
        if let Some(prefix) = &self.memory {
            remove_shared_memory(prefix);
        }
    }
}

fn remove_shared_memory(prefix: &str) {
    let Ok(entries) = std::fs::read_dir("/dev/shm") else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        let _gone = std::fs::remove_file(entry.path());
    }
}
