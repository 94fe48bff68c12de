//! The replays below `tests/incidents`, `tests/interceptions` and `tests/benign`, and `cargo xtask bless`, which
//! writes what we say about each.

use std::fs;
use std::path::{Path, PathBuf};

use mintwatch_validator::Report;
use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::tables::{Overlay, Tables};

use crate::say;
use crate::schema;
use crate::trouble::Trouble;
use crate::workspace;

/// Which replays to bless.
#[derive(Debug, Clone, clap::Args)]
pub struct BlessArgs {
    /// Bless only replays whose folder name contains this text.
    #[arg(value_name = "TEXT", default_value = "")]
    only: String,
}

/// Writes each replay's `report.json` anew and names those that changed.
///
/// # Errors
/// When a replay cannot be read, judged or written, or its report does not fit the schema.
pub fn run(args: &BlessArgs) -> Result<(), Trouble> {
    let root = workspace::root()?;
    let mut count = 0_usize;
    for replay in replays(&root)?.into_iter().filter(|replay| replay.keeps_report() && replay.name().contains(&args.only)) {
        count += 1;
        let report = replay.report()?;
        if let Some(fault) = schema::faults(&root, "report", &report)?.first() {
            return Err(Trouble::new(format!("the report on {} does not fit its schema: {fault}", replay.name()))
                .with_hint("`cargo xtask schema` writes the schema anew"));
        }
        let file = replay.folder.join("report.json");
        if fs::read_to_string(&file).ok().as_ref() != Some(&report) {
            fs::write(&file, report).map_err(|error| Trouble::file("write", &file, error))?;
            say::line(&format!("changed: {}", replay.name()));
        }
    }
    say::line(&format!("{count} replays"));
    Ok(())
}

/// One replay: a folder with evidence, at times an overlay, and what we stand by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The folder.
    pub folder: PathBuf,
}

impl Replay {
    /// Returns the folder's name, which is the replay's.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Says whether the report is kept to the word. Of a run in the laboratory only the causes are, in `expected.toml`.
    pub fn keeps_report(&self) -> bool {
        !self.is_of("interceptions")
    }

    /// Says whether it is of a group: `incidents`, `interceptions` or `benign`.
    pub fn is_of(&self, group: &str) -> bool {
        self.folder.parent().is_some_and(|parent| parent.ends_with(group))
    }

    /// Returns the evidence document as it stands in the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn evidence(&self) -> Result<String, Trouble> {
        read(&self.folder.join("evidence.json"))
    }

    /// Returns the overlay document as it stands in the file, where the replay has one.
    ///
    /// # Errors
    /// When there is one and it cannot be read.
    pub fn overlay(&self) -> Result<Option<String>, Trouble> {
        let file = self.folder.join("overlay.json");
        if file.exists() { read(&file).map(Some) } else { Ok(None) }
    }

    /// Judges the evidence and returns the report as it is kept: indented, with a final newline.
    ///
    /// # Errors
    /// When a document cannot be read or is not what it should be.
    pub fn report(&self) -> Result<String, Trouble> {
        let mut text = serde_json::to_string_pretty(&self.judge(true)?).map_err(|error| self.wrong(&error))?;
        text.push('\n');
        Ok(text)
    }

    /// Judges the evidence, with listed keys, revocations and pins or without.
    ///
    /// # Errors
    /// When a document cannot be read or is not what it should be.
    pub fn judge(&self, lists: bool) -> Result<Report, Trouble> {
        let evidence = Evidence::from_json(self.evidence()?.as_bytes()).map_err(|error| self.wrong(&error))?;
        let mut tables = if lists { Tables::compiled() } else { Tables::compiled().without_lists() };
        if let Some(overlay) = self.overlay()? {
            let overlay = Overlay::from_json(overlay.as_bytes()).map_err(|error| self.wrong(&error))?;
            tables = tables.with_overlay(&overlay).map_err(|error| self.wrong(&error))?;
        }
        Ok(mintwatch_validator::judge(&evidence, &tables))
    }

    fn wrong(&self, error: &dyn std::fmt::Display) -> Trouble {
        Trouble::new(format!("{}: {error}", self.folder.display()))
    }
}

/// Returns every replay, incidents first, each group by name.
///
/// # Errors
/// When a folder cannot be read.
pub fn replays(root: &Path) -> Result<Vec<Replay>, Trouble> {
    let mut all = Vec::new();
    for group in ["tests/incidents", "tests/interceptions", "tests/benign"].map(|group| root.join(group)) {
        if !group.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&group).map_err(|error| Trouble::file("read", &group, error))?;
        let mut folders: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|folder| folder.join("evidence.json").is_file()).collect();
        folders.sort();
        all.extend(folders.into_iter().map(|folder| Replay { folder }));
    }
    Ok(all)
}

fn read(file: &Path) -> Result<String, Trouble> {
    fs::read_to_string(file).map_err(|error| Trouble::file("read", file, error))
}
