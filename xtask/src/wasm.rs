//! `cargo xtask wasm`: the judge as a WebAssembly module, with the JavaScript that loads it.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use mintwatch_validator::tables::issuer_keys_file;
use wasm_bindgen_cli_support::Bindgen;

use crate::say;
use crate::trouble::Trouble;
use crate::workspace;

/// The name of the module's files: `mintwatch.js`, `mintwatch_bg.wasm`, `mintwatch.d.ts`.
pub const NAME: &str = "mintwatch";
/// The file of issuer keys that the module is handed; it takes this one only.
pub const ISSUER_KEYS: &str = "mintwatch_issuer_keys.bin";

/// What to build and where to.
#[derive(Debug, Clone, clap::Args)]
pub struct WasmArgs {
    /// Folder for the module; made where it does not exist [default: wasm/<door> in the target folder].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Who loads the module.
    #[arg(long, value_enum, default_value_t = Door::Web)]
    door: Door,
    /// Let the module take overlays, as laboratories need; such a module is not for shipping.
    #[arg(long)]
    lab: bool,
}

/// Who loads the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Door {
    /// An ES module for extension pages.
    Web,
    /// A CommonJS module for Node.
    Node,
}

/// Which tables the module may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The compiled tables alone: what ships.
    Compiled,
    /// The compiled tables and an overlay: for replays and laboratories.
    Lab,
}

/// Builds the module and prints its sizes.
///
/// # Errors
/// When the module cannot be built or written.
pub fn run(args: &WasmArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    let door = if args.door == Door::Web { "web" } else { "node" };
    let out = args.out.clone().unwrap_or_else(|| workspace::target(&root).join("wasm").join(door));
    let trust = if args.lab { Trust::Lab } else { Trust::Compiled };
    build(&root, &out, args.door, trust)?;
    say::line(&format!("module in {}", out.display()));
    report_sizes(&out)
}

/// Builds the module for wasm32 and writes it with its JavaScript into `out`.
///
/// # Errors
/// When cargo or wasm-bindgen fail, or `out` cannot be written.
pub fn build(root: &Path, out: &Path, door: Door, trust: Trust) -> Result<(), Trouble> {
    let mut cargo = workspace::cargo(root);
    cargo.args(["build", "--package", "mintwatch-wasm", "--target", TARGET, "--profile", PROFILE]);
    if trust == Trust::Lab {
        cargo.args(["--features", "lab"]);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", placeless(root)?.join("\u{1f}"));
    workspace::run(&mut cargo).map_err(|trouble| trouble.with_hint(format!("the target is added by `rustup target add {TARGET}`")))?;
    let built = workspace::target(root).join(TARGET).join(PROFILE).join("mintwatch_wasm.wasm");
    bind(&built, out, door).map_err(|error| Trouble::new(format!("wasm-bindgen refuses `{}`: {error:#}", built.display())))?;
    let keys = out.join(ISSUER_KEYS);
    std::fs::write(&keys, issuer_keys_file()).map_err(|error| Trouble::file("write", &keys, error))
}

/// Returns the flags that keep the places of this machine out of the module, so that it is the same wherever it is built.
fn placeless(root: &Path) -> Result<Vec<String>, Trouble> {
    let asked = |words: &[&str]| workspace::output(Command::new("rustc").current_dir(root).args(words));
    let sysroot = asked(&["--print", "sysroot"])?;
    let about = asked(&["--version", "--verbose"])?;
    let commit = about.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    // The last that fits counts: the target folder mostly lies in the checkout.
    let mut places = vec![
        (home.clone(), "/cargo".to_owned()),
        (root.to_path_buf(), "/mintwatch".to_owned()),
        (workspace::target(root), "/target".to_owned()),
        // Where the sources of the library are installed, their place would be told instead of this.
        (Path::new(sysroot.trim()).join("lib/rustlib/src/rust"), format!("/rustc/{commit}")),
    ];
    // Cargo names the folder of a registry after its address, and a mirror has another one.
    let registries = std::fs::read_dir(home.join("registry/src")).into_iter().flatten().flatten();
    places.extend(registries.map(|registry| (registry.path(), "/crates".to_owned())));
    Ok(places.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect())
}

fn bind(built: &Path, out: &Path, door: Door) -> Result<(), impl std::fmt::Display> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(built).out_name(NAME).typescript(true).remove_producers_section(true).remove_name_section(true);
    match door {
        // The extension makes the module anew after a trap.
        Door::Web => bindgen.web(true).map(|bindgen| bindgen.reset_state_function(true)),
        Door::Node => bindgen.nodejs(true),
    }?;
    bindgen.generate(out)
}

fn report_sizes(out: &Path) -> Result<(), Trouble> {
    let module = out.join(format!("{NAME}_bg.wasm"));
    say::line(&format!("raw        {:>9} bytes", size(&module)?));
    let scratch = tempfile::tempdir().map_err(|error| Trouble::new(format!("no temporary folder: {error}")))?;
    let small = scratch.path().join("small.wasm");
    let shrunk = if let Some(tool) = workspace::on_path("wasm-opt") {
        workspace::output(Command::new(tool).args(["-Oz", "--strip-debug", "--strip-producers"]).arg(&module).arg("-o").arg(&small))?;
        say::line(&format!("wasm-opt   {:>9} bytes", size(&small)?));
        small
    } else {
        say::line("wasm-opt   not measured: the program is not there");
        module
    };
    if let Some(tool) = workspace::on_path("brotli") {
        let packed = scratch.path().join("packed.br");
        workspace::output(Command::new(tool).args(["-q", "11", "-o"]).arg(&packed).arg(&shrunk))?;
        say::line(&format!("brotli     {:>9} bytes", size(&packed)?));
    } else {
        say::line("brotli     not measured: the program is not there");
    }
    say::line(&format!("beside it  {:>9} bytes of issuer keys, which do not compress", size(&out.join(ISSUER_KEYS))?));
    Ok(())
}

fn size(file: &Path) -> Result<u64, Trouble> {
    Ok(std::fs::metadata(file).map_err(|error| Trouble::file("read", file, error))?.len())
}

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm";
