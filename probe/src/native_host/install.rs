//! Telling browsers where the helper is: a manifest in a folder of each, and one small script that all of them start.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ExtensionId, HOST_NAME};
use crate::places::Folder;

/// A browser that can start a helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Browser {
    /// Firefox
    Firefox,
    /// Chromium
    Chromium,
    /// Google Chrome
    Chrome,
    /// Microsoft Edge
    Edge,
    /// Brave
    Brave,
}

impl Browser {
    /// Every browser.
    pub const ALL: [Self; 5] = [Self::Firefox, Self::Chromium, Self::Chrome, Self::Edge, Self::Brave];

    /// Returns its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Firefox => "firefox",
            Self::Chromium => "chromium",
            Self::Chrome => "chrome",
            Self::Edge => "edge",
            Self::Brave => "brave",
        }
    }
}

/// Why nothing could be told to a browser.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Windows, and whatever else keeps hosts in another way.
    #[error("this system keeps helpers of browsers in a way that is not supported yet")]
    NotHere,
    /// No browser is there.
    #[error("no browser that can start a helper was found")]
    NoBrowser,
    /// The browser has no place of the kind asked for.
    #[error("no place for the helper of {} is known that is meant so", .0.word())]
    NoPlace(Browser),
    /// Nobody knows where the user's files are.
    #[error("this system names no home folder")]
    NoHome,
    /// The path of a file cannot be written as text.
    #[error("the path `{}` cannot be written down: it is not UTF-8, or has control characters", .0.display())]
    OddPath(PathBuf),
    /// A link leads out of where browsers look.
    #[error("`{}` leads out of `{}`, and nothing is written there", path.display(), base.display())]
    LeadsOut {
        /// The folder.
        path: PathBuf,
        /// Where it should be.
        base: PathBuf,
    },
    /// The system said no.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl InstallError {
    /// Returns what to do next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotHere => {
                Some("docs/NATIVE_MESSAGING.md says what a browser wants; on Windows a key of the registry names the manifest")
            }
            Self::NoBrowser => Some("name one with `--browser`, or the folder given to Chromium as --user-data-dir with `--folder`"),
            Self::NoPlace(_) => Some("leave out `--system`, or name the folder of a Chromium with `--folder`"),
            Self::NoHome => Some("set HOME, or use `--system`"),
            Self::LeadsOut { .. } => Some("remove the link, or name the folder itself with `--folder`"),
            Self::OddPath(_) => Some("put mintwatch into a folder with a plain name"),
            Self::Io { .. } => None,
        }
    }
}

/// Whose browsers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// This user's.
    User,
    /// Everybody's on this machine.
    System,
    /// One Chromium's that is given this folder as `--user-data-dir`.
    Folder(PathBuf),
}

/// Where things are on a machine.
#[derive(Debug, Clone)]
pub struct Roots {
    os: Os,
    /// The user's folder.
    home: Option<PathBuf>,
    /// Of it, the part for settings …
    config: Option<PathBuf>,
    /// … and the part for files of programs, ours alone.
    data: Option<PathBuf>,
    /// `/`, but in tests.
    system: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Os {
    Linux,
    Mac,
}

impl Roots {
    /// Returns those of this machine.
    ///
    /// # Errors
    /// [`InstallError::NotHere`].
    pub fn of_this_machine() -> Result<Self, InstallError> {
        let os = match env::consts::OS {
            "linux" | "freebsd" => Os::Linux,
            "macos" => Os::Mac,
            _ => return Err(InstallError::NotHere),
        };
        let home = env::home_dir().filter(|home| home.is_absolute());
        Ok(Self { os, home, config: Folder::Config.around(), data: Folder::Data.here(), system: PathBuf::from("/") })
    }

    /// Returns where a browser looks for hosts.
    fn place(&self, browser: Browser, scope: &Scope) -> Result<Place, InstallError> {
        let no_place = InstallError::NoPlace(browser);
        match scope {
            Scope::Folder(_) if browser == Browser::Firefox => Err(no_place),
            Scope::Folder(folder) => {
                Ok(Place { base: folder.clone(), marks: vec![folder.clone()], folder: folder.join("NativeMessagingHosts") })
            }
            Scope::System => {
                let folder = self.system.join(self.of_system(browser).ok_or(no_place)?);
                let mark = folder.parent().unwrap_or(&folder).to_owned();
                Ok(Place { base: self.system.clone(), marks: vec![mark], folder })
            }
            Scope::User => self.of_user(browser),
        }
    }

    fn of_user(&self, browser: Browser) -> Result<Place, InstallError> {
        let home = self.home.clone().ok_or(InstallError::NoHome)?;
        let config = self.config.clone().ok_or(InstallError::NoHome)?;
        Ok(match (self.os, browser) {
            // Firefox looks there also where it keeps its profiles as the XDG specification has it.
            (Os::Linux, Browser::Firefox) => {
                let mozilla = home.join(".mozilla");
                Place { folder: mozilla.join("native-messaging-hosts"), marks: vec![mozilla, config.join("mozilla")], base: home }
            }
            (Os::Linux, browser) => {
                let of_browser = config.join(match browser {
                    Browser::Chrome => "google-chrome",
                    Browser::Edge => "microsoft-edge",
                    Browser::Brave => "BraveSoftware/Brave-Browser",
                    _ => "chromium",
                });
                Place { folder: of_browser.join("NativeMessagingHosts"), marks: vec![of_browser], base: config }
            }
            (Os::Mac, browser) => {
                let support = home.join("Library/Application Support");
                let (name, mark) = match browser {
                    Browser::Firefox => ("Mozilla", "Firefox"),
                    Browser::Chromium => ("Chromium", "Chromium"),
                    Browser::Chrome => ("Google/Chrome", "Google/Chrome"),
                    Browser::Edge => ("Microsoft Edge", "Microsoft Edge"),
                    Browser::Brave => ("BraveSoftware/Brave-Browser", "BraveSoftware/Brave-Browser"),
                };
                Place { folder: support.join(name).join("NativeMessagingHosts"), marks: vec![support.join(mark)], base: home }
            }
        })
    }

    fn of_system(&self, browser: Browser) -> Option<&'static str> {
        match (self.os, browser) {
            (Os::Linux, Browser::Firefox) => Some("usr/lib/mozilla/native-messaging-hosts"),
            (Os::Linux, Browser::Chromium) => Some("etc/chromium/native-messaging-hosts"),
            (Os::Linux, Browser::Chrome) => Some("etc/opt/chrome/native-messaging-hosts"),
            (Os::Linux, Browser::Edge) => Some("etc/opt/edge/native-messaging-hosts"),
            (Os::Mac, Browser::Firefox) => Some("Library/Application Support/Mozilla/NativeMessagingHosts"),
            (Os::Mac, Browser::Chromium) => Some("Library/Application Support/Chromium/NativeMessagingHosts"),
            (Os::Mac, Browser::Chrome) => Some("Library/Google/Chrome/NativeMessagingHosts"),
            (Os::Mac, Browser::Edge) => Some("Library/Microsoft/Edge/NativeMessagingHosts"),
            (_, Browser::Brave) => None,
        }
    }

    /// Returns where the script is, and below what it has to stay.
    fn script(&self, scope: &Scope) -> Result<Target, InstallError> {
        let (base, folder) = match scope {
            Scope::User => (self.data.clone().ok_or(InstallError::NoHome)?, None),
            Scope::System => (self.system.clone(), Some(self.system.join("usr/local/lib/mintwatch"))),
            Scope::Folder(folder) => (folder.clone(), Some(folder.join("NativeMessagingHosts"))),
        };
        let path = folder.unwrap_or_else(|| base.clone()).join(SCRIPT_NAME);
        Ok(Target { path, base })
    }
}

/// Where a browser looks for hosts.
#[derive(Debug, Clone)]
struct Place {
    /// The folder of the manifests.
    folder: PathBuf,
    /// What it has to stay below.
    base: PathBuf,
    /// One of these is there when the browser is, or was.
    marks: Vec<PathBuf>,
}

/// A file to write or remove, and what it has to stay below.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    path: PathBuf,
    base: PathBuf,
}

/// What an extension's browser wants to know of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    name: String,
    description: String,
    path: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed_extensions: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<Vec<String>>,
}

/// What was done, or would be, with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file.
    pub path: PathBuf,
    /// For which browser; none for the script that all of them start.
    pub browser: Option<Browser>,
    /// What.
    pub deed: Deed,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is written.
    Write,
    /// It is there already, word for word.
    Keep,
    /// It is removed.
    Remove,
    /// It is not ours, and left as it is.
    Leave,
}

/// What to install.
#[derive(Debug, Clone)]
pub struct Order {
    /// For which browsers; those found when empty.
    pub browsers: Vec<Browser>,
    /// Whose.
    pub scope: Scope,
    /// The program to start.
    pub program: PathBuf,
    /// Extensions that may ask besides ours.
    pub more: Vec<ExtensionId>,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

/// Writes the script and the manifests; what is there already word for word is not touched, and neither is what is not ours.
///
/// # Errors
/// [`InstallError`]; files written before it stay.
pub fn install(roots: &Roots, order: &Order) -> Result<Vec<Step>, InstallError> {
    let places = places_for(roots, order)?;
    let script = roots.script(&order.scope)?;
    let text = script_text(&order.program, &order.more)?;
    let mut steps =
        vec![Step { deed: write(&script, &text, 0o755, is_our_script, order.dry_run)?, path: script.path.clone(), browser: None }];
    if steps.iter().any(|step| step.deed == Deed::Leave) {
        return Ok(steps);
    }
    for (browser, place) in places {
        let target = Target { path: place.folder.join(file_name()), base: place.base };
        let text = manifest(browser, &script.path, &order.more)?;
        let ours = |text: &[u8]| read_manifest(text).is_some_and(|manifest| manifest.name == HOST_NAME);
        steps.push(Step { deed: write(&target, &text, 0o644, ours, order.dry_run)?, path: target.path, browser: Some(browser) });
    }
    Ok(steps)
}

/// Removes the manifests that name our script, and the script when no manifest is left that does.
///
/// # Errors
/// [`InstallError`]; files removed before it stay so.
pub fn uninstall(roots: &Roots, order: &Order) -> Result<Vec<Step>, InstallError> {
    let script = roots.script(&order.scope)?;
    let ours =
        |text: &[u8]| read_manifest(text).is_some_and(|manifest| manifest.name == HOST_NAME && Path::new(&manifest.path) == script.path);
    let mut steps = Vec::new();
    let mut left = false;
    for browser in Browser::ALL {
        let Ok(place) = roots.place(browser, &order.scope) else { continue };
        let target = Target { path: place.folder.join(file_name()), base: place.base };
        let wanted = order.browsers.is_empty() || order.browsers.contains(&browser);
        let told = steps.iter().any(|step: &Step| step.path == target.path);
        if wanted && !told {
            let deed = remove(&target, ours, order.dry_run)?;
            steps.extend(deed.map(|deed| Step { path: target.path, browser: Some(browser), deed }));
        } else if !told {
            left |= read(&target.path)?.is_some_and(|text| ours(&text));
        }
    }
    if !left {
        let deed = remove(&script, is_our_script, order.dry_run)?;
        steps.extend(deed.map(|deed| Step { path: script.path, browser: None, deed }));
    }
    Ok(steps)
}

/// Returns where to write for which browser: for those named, or those found.
fn places_for(roots: &Roots, order: &Order) -> Result<Vec<(Browser, Place)>, InstallError> {
    if !order.browsers.is_empty() {
        return order.browsers.iter().map(|&browser| Ok((browser, roots.place(browser, &order.scope)?))).collect();
    }
    if let Scope::Folder(_) = order.scope {
        return Ok(vec![(Browser::Chromium, roots.place(Browser::Chromium, &order.scope)?)]);
    }
    let mut found = Vec::new();
    for browser in Browser::ALL {
        match roots.place(browser, &order.scope) {
            Ok(place) if place.marks.iter().any(|mark| mark.is_dir()) => found.push((browser, place)),
            Ok(_) | Err(InstallError::NoPlace(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if found.is_empty() { Err(InstallError::NoBrowser) } else { Ok(found) }
}

fn manifest(browser: Browser, script: &Path, more: &[ExtensionId]) -> Result<Vec<u8>, InstallError> {
    let ours = ExtensionId::ours();
    let ids = ours.iter().chain(more);
    let (mut extensions, mut origins) = (None, None);
    if browser == Browser::Firefox {
        extensions = Some(ids.filter(|id| matches!(id, ExtensionId::Firefox(_))).map(|id| id.as_str().to_owned()).collect());
    } else {
        origins = Some(ids.filter(|id| matches!(id, ExtensionId::Chromium(_))).map(ExtensionId::origin).collect());
    }
    let manifest = Manifest {
        name: HOST_NAME.to_owned(),
        description: "Mintwatch: looks at a host's certificates for the browser extension".to_owned(),
        path: plain(script)?.to_owned(),
        kind: "stdio".to_owned(),
        allowed_extensions: extensions,
        allowed_origins: origins,
    };
    let mut text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    text.push(b'\n');
    Ok(text)
}

/// Returns the script: browsers give arguments of their own and none of ours.
fn script_text(program: &Path, more: &[ExtensionId]) -> Result<Vec<u8>, InstallError> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut call = format!("exec {} native-host", quoted(plain(program)?));
    for id in more {
        call.push_str(" --allow-extension ");
        call.push_str(&quoted(id.as_str()));
    }
    Ok(format!("{SCRIPT_HEAD}{call} -- \"$@\"\n").into_bytes())
}

fn plain(path: &Path) -> Result<&str, InstallError> {
    path.to_str().filter(|text| !text.contains(char::is_control)).ok_or_else(|| InstallError::OddPath(path.to_owned()))
}

fn read_manifest(text: &[u8]) -> Option<Manifest> {
    serde_json::from_slice(text).ok()
}

fn is_our_script(text: &[u8]) -> bool {
    text.starts_with(SCRIPT_HEAD.as_bytes())
}

fn file_name() -> String {
    format!("{HOST_NAME}.json")
}

/// Writes a file as a whole, unless it says so already or is not ours.
fn write(target: &Target, text: &[u8], mode: u32, ours: impl Fn(&[u8]) -> bool, dry_run: bool) -> Result<Deed, InstallError> {
    stays_below(target)?;
    let path = &target.path;
    match read(path)? {
        Some(there) if there == text && has_mode(path, mode) => return Ok(Deed::Keep),
        Some(there) if !ours(&there) => return Ok(Deed::Leave),
        _ if dry_run => return Ok(Deed::Write),
        _ => {}
    }
    let failed = |source| InstallError::Io { what: "write", path: path.clone(), source };
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|source| InstallError::Io { what: "make", path: folder.to_owned(), source })?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = File::create_new(&beside)
        .and_then(|mut file| file.write_all(text).and_then(|()| set_mode(&file, mode)).and_then(|()| file.sync_all()))
        // What takes the place of a link is the file, not what the link leads to.
        .and_then(|()| fs::rename(&beside, path));
    written.map(|()| Deed::Write).map_err(|error| {
        let _gone = fs::remove_file(&beside);
        failed(error)
    })
}

/// Removes a file that is ours; none when there is no file.
fn remove(target: &Target, ours: impl Fn(&[u8]) -> bool, dry_run: bool) -> Result<Option<Deed>, InstallError> {
    let Some(there) = read(&target.path)? else { return Ok(None) };
    stays_below(target)?;
    if !ours(&there) {
        return Ok(Some(Deed::Leave));
    }
    if !dry_run {
        fs::remove_file(&target.path).map_err(|source| InstallError::Io { what: "remove", path: target.path.clone(), source })?;
    }
    Ok(Some(Deed::Remove))
}

/// Reads a file, or so much of it as anything of ours has; none when it is not there. A link, a folder or a pipe is nothing of ours and
/// reads as empty.
fn read(path: &Path) -> Result<Option<Vec<u8>>, InstallError> {
    let failed = |source| InstallError::Io { what: "read", path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.is_file() => return Ok(Some(Vec::new())),
        Ok(_) => {}
    }
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text)).map_err(failed)?;
    Ok(Some(text))
}

/// Checks that no link leads out of where the file belongs, as far as its folders are there already.
fn stays_below(target: &Target) -> Result<(), InstallError> {
    let folder = target.path.parent().unwrap_or(&target.path);
    let Some(there) = folder.ancestors().find(|folder| folder.symlink_metadata().is_ok()) else { return Ok(()) };
    // Where not even the base is there, nothing below it can be a link.
    if !there.starts_with(&target.base) {
        return Ok(());
    }
    let real = |path: &Path| path.canonicalize().map_err(|source| InstallError::Io { what: "follow", path: path.to_owned(), source });
    if real(there)?.starts_with(real(&target.base)?) {
        Ok(())
    } else {
        Err(InstallError::LeadsOut { path: folder.to_owned(), base: target.base.clone() })
    }
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(unix)]
fn has_mode(path: &Path, mode: u32) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o7777 == mode)
}

#[cfg(not(unix))]
fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn has_mode(_path: &Path, _mode: u32) -> bool {
    true
}

const SCRIPT_NAME: &str = "mintwatch-native-host";
const SCRIPT_HEAD: &str = "#!/bin/sh\n# Written by `mintwatch install-host`; browsers start it for the Mintwatch extension.\n";
/// Much more than anything we write.
const MOST_BYTES: u64 = 64 * 1024;

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    struct Machine {
        folder: TempDir,
        roots: Roots,
    }

    impl Machine {
        fn new(os: Os) -> Self {
            let folder = TempDir::new().unwrap();
            let home = folder.path().join("home");
            fs::create_dir(&home).unwrap();
            let roots = Roots {
                os,
                config: Some(home.join(".config")),
                data: Some(home.join(".local/share/mintwatch")),
                home: Some(home),
                system: folder.path().to_owned(),
            };
            Self { folder, roots }
        }

        fn path(&self, below: &str) -> PathBuf {
            self.folder.path().join(below)
        }

        fn make(&self, below: &str) {
            fs::create_dir_all(self.path(below)).unwrap();
        }

        fn manifest(&self, below: &str) -> Manifest {
            read_manifest(&fs::read(self.path(below)).unwrap()).unwrap()
        }

        fn deeds(&self, steps: &[Step]) -> Vec<(String, Deed)> {
            steps.iter().map(|step| (step.path.strip_prefix(self.folder.path()).unwrap().display().to_string(), step.deed)).collect()
        }
    }

    fn order(browsers: &[Browser], scope: Scope) -> Order {
        Order { browsers: browsers.to_vec(), scope, program: PathBuf::from("/opt/it's here/mintwatch"), more: Vec::new(), dry_run: false }
    }

    const SCRIPT: &str = "home/.local/share/mintwatch/mintwatch-native-host";
    const FIREFOX: &str = "home/.mozilla/native-messaging-hosts/dev.mintwatch.host.json";
    const CHROMIUM: &str = "home/.config/chromium/NativeMessagingHosts/dev.mintwatch.host.json";

    #[test]
    fn each_browser_found_is_told_in_its_own_words() {
        let machine = Machine::new(Os::Linux);
        machine.make("home/.mozilla");
        machine.make("home/.config/chromium");
        let steps = install(&machine.roots, &order(&[], Scope::User)).unwrap();
        let written = [SCRIPT, FIREFOX, CHROMIUM].map(|path| (path.to_owned(), Deed::Write));
        assert_eq!(machine.deeds(&steps), written);
        let firefox = machine.manifest(FIREFOX);
        assert_eq!((firefox.name.as_str(), firefox.kind.as_str(), firefox.allowed_origins), (HOST_NAME, "stdio", None));
        assert_eq!(firefox.allowed_extensions.unwrap(), ["mintwatch@mintwatch.dev"]);
        assert_eq!(Path::new(&firefox.path), machine.path(SCRIPT));
        let chromium = machine.manifest(CHROMIUM);
        assert_eq!(chromium.allowed_origins.unwrap(), ["chrome-extension://kgpdicfpbgneclhgoagnpddmcboeplgb/"]);
        assert_eq!(chromium.allowed_extensions, None);
        let mode = |path: &str| fs::metadata(machine.path(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(SCRIPT), mode(FIREFOX), mode(CHROMIUM)), (0o755, 0o644, 0o644));
        let script = fs::read_to_string(machine.path(SCRIPT)).unwrap();
        assert!(script.ends_with("exec '/opt/it'\\''s here/mintwatch' native-host -- \"$@\"\n"), "{script}");
    }

    #[test]
    fn twice_is_once_and_an_update_replaces_what_is_ours() {
        let machine = Machine::new(Os::Linux);
        let mut order = order(&[Browser::Firefox], Scope::User);
        install(&machine.roots, &order).unwrap();
        let again = install(&machine.roots, &order).unwrap();
        assert!(again.iter().all(|step| step.deed == Deed::Keep), "{again:?}");
        order.more = vec![ExtensionId::parse("store@elsewhere.example").unwrap(), ExtensionId::parse(&"c".repeat(32)).unwrap()];
        let updated = install(&machine.roots, &order).unwrap();
        assert!(updated.iter().all(|step| step.deed == Deed::Write), "{updated:?}");
        assert_eq!(machine.manifest(FIREFOX).allowed_extensions.unwrap(), ["mintwatch@mintwatch.dev", "store@elsewhere.example"]);
        let script = fs::read_to_string(machine.path(SCRIPT)).unwrap();
        assert!(script.contains(" --allow-extension 'store@elsewhere.example' --allow-extension 'cccc"), "{script}");
    }

    #[test]
    fn a_dry_run_says_the_same_and_changes_nothing() {
        let machine = Machine::new(Os::Linux);
        machine.make("home/.config/google-chrome");
        let dry = Order { dry_run: true, ..order(&[], Scope::User) };
        let said = install(&machine.roots, &dry).unwrap();
        assert!(!machine.path(SCRIPT).exists() && !machine.path("home/.config/google-chrome/NativeMessagingHosts").exists());
        assert_eq!(said, install(&machine.roots, &order(&[], Scope::User)).unwrap());
        let said = uninstall(&machine.roots, &dry).unwrap();
        assert!(said.len() == 2 && said.iter().all(|step| step.deed == Deed::Remove && step.path.exists()), "{said:?}");
    }

    #[test]
    fn what_is_taken_back_is_ours_alone_and_the_script_goes_last() {
        let machine = Machine::new(Os::Linux);
        install(&machine.roots, &order(&[Browser::Firefox, Browser::Chromium, Browser::Brave], Scope::User)).unwrap();
        let other = "home/.mozilla/native-messaging-hosts/org.other.host.json";
        fs::write(machine.path(other), "{}").unwrap();
        // Another program took our name for its own.
        let mut theirs = machine.manifest(CHROMIUM);
        theirs.path = "/usr/bin/other".to_owned();
        fs::write(machine.path(CHROMIUM), serde_json::to_vec(&theirs).unwrap()).unwrap();
        let one = uninstall(&machine.roots, &order(&[Browser::Firefox], Scope::User)).unwrap();
        assert_eq!(machine.deeds(&one), [(FIREFOX.to_owned(), Deed::Remove)], "Brave still starts the script");
        let rest = uninstall(&machine.roots, &order(&[], Scope::User)).unwrap();
        let brave = "home/.config/BraveSoftware/Brave-Browser/NativeMessagingHosts/dev.mintwatch.host.json";
        let deeds = [(CHROMIUM, Deed::Leave), (brave, Deed::Remove), (SCRIPT, Deed::Remove)].map(|(path, deed)| (path.to_owned(), deed));
        assert_eq!(machine.deeds(&rest), deeds);
        assert!(machine.path(other).exists() && machine.path(CHROMIUM).exists());
        assert!(!machine.path(SCRIPT).exists() && !machine.path(brave).exists());
        assert_eq!(uninstall(&machine.roots, &order(&[Browser::Firefox], Scope::User)).unwrap(), [], "twice is once");
    }

    #[test]
    fn what_is_not_ours_is_not_written_over() {
        let machine = Machine::new(Os::Linux);
        machine.make("home/.mozilla/native-messaging-hosts");
        fs::write(machine.path(FIREFOX), r#"{"name":"org.other"}"#).unwrap();
        let steps = install(&machine.roots, &order(&[Browser::Firefox], Scope::User)).unwrap();
        assert_eq!(steps[1].deed, Deed::Leave);
        assert_eq!(fs::read_to_string(machine.path(FIREFOX)).unwrap(), r#"{"name":"org.other"}"#);
        fs::write(machine.path(SCRIPT), "#!/bin/sh\necho mine\n").unwrap();
        let steps = install(&machine.roots, &order(&[Browser::Firefox], Scope::User)).unwrap();
        assert_eq!(machine.deeds(&steps), [(SCRIPT.to_owned(), Deed::Leave)], "no manifest leads to a script that is not ours");
    }

    #[test]
    fn no_link_is_followed_out() {
        let machine = Machine::new(Os::Linux);
        machine.make("elsewhere");
        machine.make("home/.config/chromium");
        symlink(machine.path("elsewhere"), machine.path("home/.mozilla")).unwrap();
        symlink(machine.path("elsewhere"), machine.path("home/.config/chromium/NativeMessagingHosts")).unwrap();
        for browser in [Browser::Firefox, Browser::Chromium] {
            let refused = install(&machine.roots, &order(&[browser], Scope::User));
            assert!(matches!(refused, Err(InstallError::LeadsOut { .. })), "{refused:?}");
        }
        let target = machine.path("elsewhere/target");
        fs::write(&target, "precious").unwrap();
        machine.make("home/.config/google-chrome/NativeMessagingHosts");
        symlink(&target, machine.path("home/.config/google-chrome/NativeMessagingHosts/dev.mintwatch.host.json")).unwrap();
        let steps = install(&machine.roots, &order(&[Browser::Chrome], Scope::User)).unwrap();
        assert_eq!(steps[1].deed, Deed::Leave);
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert_eq!(fs::read_dir(machine.path("elsewhere")).unwrap().count(), 1);
    }

    #[test]
    fn a_home_folder_that_is_itself_a_link_is_fine() {
        let machine = Machine::new(Os::Linux);
        machine.make("disk/config");
        symlink(machine.path("disk/config"), machine.path("home/.config")).unwrap();
        install(&machine.roots, &order(&[Browser::Chromium], Scope::User)).unwrap();
        assert!(machine.path("disk/config/chromium/NativeMessagingHosts/dev.mintwatch.host.json").exists());
    }

    #[test]
    fn a_chromium_with_a_folder_of_its_own_has_all_of_it_there() {
        let machine = Machine::new(Os::Linux);
        let scope = Scope::Folder(machine.path("profile"));
        let steps = install(&machine.roots, &order(&[], scope.clone())).unwrap();
        let script = "profile/NativeMessagingHosts/mintwatch-native-host";
        assert_eq!(machine.deeds(&steps).first().unwrap().0, script);
        assert_eq!(Path::new(&machine.manifest("profile/NativeMessagingHosts/dev.mintwatch.host.json").path), machine.path(script));
        assert!(matches!(install(&machine.roots, &order(&[Browser::Firefox], scope.clone())), Err(InstallError::NoPlace(_))));
        let removed = uninstall(&machine.roots, &order(&[], scope)).unwrap();
        assert!(removed.len() == 2 && removed.iter().all(|step| step.deed == Deed::Remove), "{removed:?}");
    }

    #[test]
    fn the_whole_system_has_places_of_its_own() {
        let machine = Machine::new(Os::Linux);
        machine.make("etc/chromium");
        machine.make("usr/lib/mozilla");
        let steps = install(&machine.roots, &order(&[], Scope::System)).unwrap();
        let paths: Vec<_> = machine.deeds(&steps).into_iter().map(|(path, _)| path).collect();
        let script = "usr/local/lib/mintwatch/mintwatch-native-host";
        let folders = ["usr/lib/mozilla", "etc/chromium"].map(|folder| format!("{folder}/native-messaging-hosts/dev.mintwatch.host.json"));
        assert_eq!(paths, [script, &folders[0], &folders[1]]);
        assert!(matches!(install(&machine.roots, &order(&[Browser::Brave], Scope::System)), Err(InstallError::NoPlace(Browser::Brave))));
    }

    #[test]
    fn macos_keeps_them_below_application_support() {
        let machine = Machine::new(Os::Mac);
        machine.make("home/Library/Application Support/Firefox");
        machine.make("home/Library/Application Support/Microsoft Edge");
        let steps = install(&machine.roots, &order(&[], Scope::User)).unwrap();
        let paths: Vec<_> = machine.deeds(&steps).into_iter().skip(1).map(|(path, _)| path).collect();
        let of = |name: &str| format!("home/Library/Application Support/{name}/NativeMessagingHosts/dev.mintwatch.host.json");
        assert_eq!(paths, [of("Mozilla"), of("Microsoft Edge")]);
    }

    #[test]
    fn without_a_browser_or_a_home_there_is_nothing_to_do() {
        let machine = Machine::new(Os::Linux);
        assert!(matches!(install(&machine.roots, &order(&[], Scope::User)), Err(InstallError::NoBrowser)));
        let homeless = Roots { home: None, config: None, data: None, ..machine.roots.clone() };
        assert!(matches!(install(&homeless, &order(&[], Scope::User)), Err(InstallError::NoHome)));
        let odd = Order { program: PathBuf::from("/opt/a\nb"), ..order(&[Browser::Firefox], Scope::User) };
        assert!(matches!(install(&machine.roots, &odd), Err(InstallError::OddPath(_))));
    }
}
