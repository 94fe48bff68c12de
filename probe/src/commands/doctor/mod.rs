//! `doctor`: whether this machine is fit to look, on one page.

mod checks;

use mintwatch_validator::Tables;
use mintwatch_validator::evidence::{Collector, Vantage};
use serde::{Deserialize, Serialize};

use super::{Status, print};
use crate::cli::DoctorArgs;
use crate::consent;
use crate::error::Error;
use crate::observe::trust_store::Machine;
use crate::observe::unix_seconds;
use crate::terminal::{Look, Tone, escaped, wrapped};

/// The newest version of the document.
pub const DOCTOR_VERSION: u32 = 1;

/// Whether a machine is fit to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DoctorDocument {
    /// Always `mintwatch.doctor`.
    pub format: DoctorFormat,
    /// Version of the format; see [`DOCTOR_VERSION`].
    pub version: u32,
    /// Who looked.
    pub collector: Collector,
    /// When, in UNIX seconds by this machine's clock.
    pub collected_at: u64,
    /// What was looked at, in the order of the page.
    pub checks: Vec<Check>,
}

/// The name that tells this document from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DoctorFormat {
    /// The only value.
    #[serde(rename = "mintwatch.doctor")]
    Doctor,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it is about.
    pub name: String,
    /// How it is.
    pub state: CheckState,
    /// What was found, for people. Never a path, a user or the value of a setting.
    pub says: String,
    /// What to do, where there is something.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Good to know when a verdict is read.
    Note,
    /// Verdicts of this machine are not to be relied on, or there will be none.
    Bad,
    /// Nobody looked.
    NotLooked,
}

impl Check {
    fn new(name: &str, state: CheckState, says: &str) -> Self {
        Self { name: name.to_owned(), state, says: says.to_owned(), hint: None }
    }

    fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}

/// Makes every check, and prints what was found.
///
/// # Errors
/// [`Error::Stream`] when the output cannot be written.
pub fn run(args: &DoctorArgs) -> Result<Status, Error> {
    let offline = args.offline || consent::obtain(args.yes).is_err();
    let document = of_machine(&Machine::this(), &Tables::compiled(), unix_seconds(), offline);
    if args.json {
        print(&(serde_json::to_string(&document).unwrap_or_default() + "\n"))?;
    } else {
        print(&page(&document, Look::of_stdout()))?;
    }
    let is_bad = document.checks.iter().any(|check| check.state == CheckState::Bad);
    Ok(if is_bad { Status::NOT_MEASURED } else { Status::CLEAR })
}

/// Makes every check of a machine, at a UNIX second; the network, files limits and cryptography are always those of this one.
pub fn of_machine(machine: &Machine, tables: &Tables, now: u64, offline: bool) -> DoctorDocument {
    DoctorDocument {
        format: DoctorFormat::Doctor,
        version: DOCTOR_VERSION,
        collector: Collector {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vantage: Vantage::NativeProbe,
        },
        collected_at: now,
        checks: checks::all(machine, tables, now, offline),
    }
}

fn page(document: &DoctorDocument, look: Look) -> String {
    let mut text = String::new();
    for check in &document.checks {
        let (word, tone) = word(check.state);
        let first = format!("{}{}  {:<NAME_COLUMNS$}  ", look.in_tone(word, tone), " ".repeat(WORD_COLUMNS - word.len()), check.name);
        let indent = WORD_COLUMNS + NAME_COLUMNS + 4;
        text.push_str(&wrapped(&first, indent, &escaped(&check.says), look));
        if let Some(hint) = &check.hint {
            text.push_str(&wrapped(&" ".repeat(indent), indent, &format!("hint: {hint}"), look));
        }
    }
    text
}

fn word(state: CheckState) -> (&'static str, Tone) {
    match state {
        CheckState::Ok => ("ok", Tone::Good),
        CheckState::Note => ("note", Tone::Doubtful),
        CheckState::Bad => ("bad", Tone::Bad),
        CheckState::NotLooked => ("not looked", Tone::Neutral),
    }
}

/// Columns of the longest word.
const WORD_COLUMNS: usize = 10;
/// Columns of most names; where one is longer, its line begins further right.
const NAME_COLUMNS: usize = 22;
