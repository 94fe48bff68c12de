//! Flags out of a file: what the command line leaves out and the environment does not set.
//!
//! The first file found counts: the one named, config.toml below the user's configuration folder, or that of the machine.
//! Never one in the working folder: whoever may write there must not choose whom we ask and tell.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use toml::Value;

use crate::cli::Cli;
use crate::places::Folder;

/// Why there is no command line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line itself is wrong, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system or the reader said.
        why: String,
    },
    /// It says something that cannot be.
    #[error("cannot use the configuration `{}`: {why}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What it says.
        why: String,
    },
}

/// Reads a command line, with what it leaves out taken from the environment, and then from a file.
///
/// # Errors
/// [`ConfigError`].
pub fn command_line(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, ConfigError> {
    let given: Vec<OsString> = arguments.into_iter().collect();
    let matches = Cli::command().try_get_matches_from(&given)?;
    let Some(file) = file(&matches) else { return Ok(Cli::from_arg_matches(&matches)?) };
    let settings = Settings::read(&file)?;
    let filled = settings.fill(given, &matches)?;
    Ok(Cli::from_arg_matches(&filled)?)
}

/// Returns the file that counts, if there is any.
fn file(matches: &ArgMatches) -> Option<PathBuf> {
    // A global flag is known to the command it was given to.
    let (_, of_command) = matches.subcommand()?;
    if of_command.get_flag("no_config") {
        return None;
    }
    if let Some(named) = of_command.get_one::<PathBuf>("config") {
        return Some(named.clone());
    }
    let usual = Folder::Config.here().map(|folder| folder.join(FILE)).into_iter().chain([Path::new(OF_MACHINE).join(FILE)]);
    usual.into_iter().find(|path| path.exists())
}

struct Settings {
    path: PathBuf,
    /// For every command.
    all: BTreeMap<String, Value>,
    /// For one.
    of: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Settings {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let failed = |why: String| ConfigError::Read { path: path.to_owned(), why };
        let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        if !size.is_file() || size.len() > MOST_BYTES {
            return Err(failed(format!("no regular file of {MOST_BYTES} bytes at most")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let table: BTreeMap<String, Value> = toml::from_str(&text).map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
        let mut settings = Self { path: path.to_owned(), all: BTreeMap::new(), of: BTreeMap::new() };
        for (key, value) in table {
            match value {
                Value::Table(table) => drop(settings.of.insert(key, table.into_iter().collect())),
                value => drop(settings.all.insert(key, value)),
            }
        }
        settings.check()?;
        Ok(settings)
    }

    /// Every key is a flag that somebody knows: one that nobody does is a mistake that would go unseen.
    fn check(&self) -> Result<(), ConfigError> {
        let cli = whole();
        let known = |command: &Command, key: &str| flag(command, key).is_some();
        for key in self.all.keys() {
            if !cli.get_subcommands().any(|command| known(command, key)) {
                return Err(self.wrong(format!("no command has a flag `--{}`", crate::terminal::escaped(key))));
            }
        }
        for (name, table) in &self.of {
            let Some(command) = cli.find_subcommand(name) else {
                return Err(self.wrong(format!("there is no command `{}`", crate::terminal::escaped(name))));
            };
            if let Some(key) = table.keys().find(|key| !known(command, key)) {
                return Err(self.wrong(format!("`{name}` has no flag `--{}`", crate::terminal::escaped(key))));
            }
        }
        Ok(())
    }

    /// Adds what was not given, one flag after the other; what was given wins also where a flag of the file contradicts it.
    fn fill(&self, mut given: Vec<OsString>, matches: &ArgMatches) -> Result<ArgMatches, ConfigError> {
        let Some((name, of_command)) = matches.subcommand() else { return Ok(matches.clone()) };
        let cli = whole();
        let Some(command) = cli.find_subcommand(name) else { return Ok(matches.clone()) };
        // What is said of the command itself beats what is said of all.
        let mut wanted: BTreeMap<&String, &Value> = self.all.iter().filter(|(key, _)| flag(command, key).is_some()).collect();
        wanted.extend(self.of.get(name).into_iter().flatten());
        let mut filled = matches.clone();
        let at = given.iter().position(|word| word.to_str() == Some(name)).map_or(given.len(), |at| at + 1);
        for (key, value) in wanted {
            let Some(argument) = flag(command, key) else { continue };
            let source = of_command.value_source(argument.get_id().as_str());
            if matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
                continue;
            }
            let words = self.words(key, value, argument)?;
            let mut longer = given.clone();
            longer.splice(at..at, words.into_iter().map(OsString::from));
            match Cli::command().try_get_matches_from(&longer) {
                Ok(matches) => (given, filled) = (longer, matches),
                Err(error) if error.kind() == ErrorKind::ArgumentConflict => {}
                Err(error) => {
                    let why = error.to_string();
                    let first = why.lines().next().unwrap_or_default().trim_start_matches("error: ");
                    return Err(self.wrong(format!("`{key}`: {first}")));
                }
            }
        }
        Ok(filled)
    }

    fn words(&self, key: &str, value: &Value, argument: &clap::Arg) -> Result<Vec<String>, ConfigError> {
        let takes_none = matches!(argument.get_action(), ArgAction::SetTrue | ArgAction::Count);
        let word = |value: &Value| match value {
            Value::String(text) => Some(format!("--{key}={text}")),
            Value::Integer(number) => Some(format!("--{key}={number}")),
            Value::Float(number) => Some(format!("--{key}={number}")),
            Value::Datetime(time) => Some(format!("--{key}={time}")),
            Value::Boolean(_) | Value::Array(_) | Value::Table(_) => None,
        };
        match (value, takes_none) {
            (Value::Boolean(set), true) => Ok(if *set { vec![format!("--{key}")] } else { Vec::new() }),
            (Value::Array(values), false) => {
                let words: Option<Vec<String>> = values.iter().map(word).collect();
                words.ok_or_else(|| self.wrong(format!("`{key}` holds a value that is no text or number")))
            }
            (value, false) => word(value).map(|word| vec![word]).ok_or_else(|| self.wrong(format!("`{key}` takes a text or a number"))),
            (_, true) => Err(self.wrong(format!("`{key}` takes true or false"))),
        }
    }

    fn wrong(&self, why: String) -> ConfigError {
        ConfigError::Wrong { path: self.path.clone(), why }
    }
}

/// Returns the command line with the flags of every command: else each has them once it is given.
fn whole() -> Command {
    let mut whole = Cli::command();
    whole.build();
    whole
}

/// Returns the flag of a command by its long name; those that choose the file, or ask for help, are none.
fn flag<'c>(command: &'c Command, key: &str) -> Option<&'c clap::Arg> {
    let named = command.get_arguments().find(|argument| argument.get_long() == Some(key));
    named.filter(|argument| !matches!(argument.get_id().as_str(), "config" | "no_config" | "help" | "version"))
}

const FILE: &str = "config.toml";
/// The configuration of the whole machine.
const OF_MACHINE: &str = "/etc/mintwatch";
/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 1024 * 1024;
