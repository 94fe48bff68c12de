//! `cargo xtask extension`: the extension as folders to load, and as the archives that stores take.

mod pack;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::npm;
use crate::say;
use crate::trouble::Trouble;
use crate::wasm::{self, Door, NAME, Trust};
use crate::workspace;

/// What to build and where to.
#[derive(Debug, Clone, clap::Args)]
pub struct ExtensionArgs {
    /// Folder for what is built [default: dist; for laboratories, extension-lab in the target folder].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The build for laboratories, whose judge takes other tables; not for shipping.
    #[arg(long)]
    lab: bool,
    /// The build for Chromium in organisations, which sees whole chains by the permission `debugger`.
    #[arg(long)]
    managed: bool,
}

/// One kind of build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// For Firefox.
    Firefox,
    /// For Chromium and its kin.
    Chromium,
    /// For Chromium where an organisation installs it.
    ManagedChromium,
}

impl Build {
    /// Returns the name of the folder and, with `mintwatch-` before it, of the archive.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firefox => "firefox",
            Self::Chromium => "chromium",
            Self::ManagedChromium => "chromium-managed",
        }
    }

    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Firefox => &["--browser", "firefox"],
            Self::Chromium => &["--browser", "chromium"],
            Self::ManagedChromium => &["--browser", "chromium", "--managed"],
        }
    }

    const fn archive(self) -> &'static str {
        match self {
            Self::Firefox => "mintwatch-firefox.xpi",
            Self::Chromium => "mintwatch-chromium.zip",
            Self::ManagedChromium => "mintwatch-chromium-managed.zip",
        }
    }
}

/// Builds the extension and prints the sizes.
///
/// # Errors
/// When something of it cannot be built or written, or the module is larger than it may be.
pub fn run(args: &ExtensionArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    let trust = if args.lab { Trust::Lab } else { Trust::Compiled };
    let usual = if args.lab { workspace::target(&root).join("extension-lab") } else { root.join("dist") };
    let out = args.out.clone().unwrap_or(usual);
    let builds: &[Build] = if args.managed { &[Build::ManagedChromium] } else { &[Build::Firefox, Build::Chromium] };
    build(&root, &npm::node(), &out, trust, builds)
}

/// Builds what was asked for into `out`: of each a folder and an archive of the same bytes wherever it was built.
///
/// # Errors
/// When something of it cannot be built or written, or the module is larger than it may be.
pub fn build(root: &Path, node: &Path, out: &Path, trust: Trust, builds: &[Build]) -> Result<(), Trouble> {
    let here = root.join("extension");
    npm::provide(node, &here)?;
    let module = workspace::target(root).join("wasm").join(if trust == Trust::Lab { "web-lab" } else { "web" });
    wasm::build(root, &module, Door::Web, trust)?;
    fs::create_dir_all(out).map_err(|error| Trouble::file("make", out, error))?;
    let out = out.canonicalize().map_err(|error| Trouble::file("find", out, error))?;
    for build in builds {
        let folder = out.join(build.name());
        let mut command = Command::new(node);
        command.current_dir(&here).arg("build.mjs").args(build.words());
        command.arg("--module").arg(&module).arg("--out").arg(&folder);
        if trust == Trust::Lab {
            command.arg("--lab");
        }
        workspace::run(&mut command)?;
        let archive = out.join(build.archive());
        let size = pack::pack(&folder, &archive)?;
        say::line(&format!("{} has {size} bytes", archive.display()));
    }
    hold_size(node, &module.join(format!("{NAME}_bg.wasm")), trust)
}

/// Has web-ext look at the folder for Firefox: nothing may be found, not even a notice.
///
/// # Errors
/// When something was found, or web-ext cannot be started; `here` is the folder of the extension's sources.
pub fn lint(node: &Path, here: &Path, folder: &Path) -> Result<(), Trouble> {
    let mut command = Command::new(node);
    command.current_dir(here).args([
        "node_modules/web-ext/bin/web-ext.js",
        "lint",
        "--output",
        "json",
        "--no-config-discovery",
        "--source-dir",
    ]);
    let told = command.arg(folder).output().map_err(|error| Trouble::new(format!("cannot start web-ext: {error}")))?;
    let found: serde_json::Value = serde_json::from_slice(&told.stdout)
        .map_err(|error| Trouble::new(format!("web-ext tells no JSON: {error}: {}", String::from_utf8_lossy(&told.stderr))))?;
    let count = |kind| found.pointer(&format!("/summary/{kind}")).and_then(serde_json::Value::as_u64);
    if ["errors", "warnings", "notices"].into_iter().all(|kind| count(kind) == Some(0)) {
        say::line("web-ext lint: 0 errors, 0 warnings, 0 notices");
        return Ok(());
    }
    Err(Trouble::new(format!("web-ext lint: {found:#}")))
}

/// Prints the sizes of the module, and refuses one that ships and is too large.
fn hold_size(node: &Path, module: &Path, trust: Trust) -> Result<(), Trouble> {
    let packed = brotli(node, module)?;
    let raw = fs::metadata(module).map_err(|error| Trouble::file("read", module, error))?.len();
    say::line(&format!("the judge has {raw} bytes, {packed} packed by brotli; it may have {MAX_PACKED}"));
    if packed > MAX_PACKED && trust == Trust::Compiled {
        return Err(Trouble::new(format!("the module has {packed} bytes packed by brotli, which is more than {MAX_PACKED}")));
    }
    Ok(())
}

/// Returns how many bytes brotli makes of a file; Node has it at hand.
fn brotli(node: &Path, file: &Path) -> Result<u64, Trouble> {
    let script = "const { brotliCompressSync } = require('zlib'); \
                  console.log(brotliCompressSync(require('fs').readFileSync(process.argv[1])).length)";
    let told = workspace::output(Command::new(node).args(["-e", script]).arg(file))?;
    told.trim().parse().map_err(|error| Trouble::new(format!("node tells no size but `{}`: {error}", told.trim())))
}

/// The most that the module may have, packed by brotli, in bytes: 900 KiB.
const MAX_PACKED: u64 = 900 * 1024;
