//! `man`: the manual pages, made of the help.

use std::fs;

use clap::CommandFactory;
use clap_mangen::Man;

use super::{Status, files, print, tell};
use crate::cli::{Cli, ManArgs};
use crate::error::Error;

/// Prints a manual page, or writes them all.
///
/// # Errors
/// [`Error::NoSuchCommand`]; others when the page cannot be written.
pub fn run(args: &ManArgs) -> Result<Status, Error> {
    let mut whole = Cli::command();
    whole.build();
    if let Some(folder) = &args.output_dir {
        fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.clone(), source })?;
        let pages: Vec<_> = std::iter::once(&whole).chain(whole.get_subcommands()).filter(|command| command.get_name() != "help").collect();
        for command in &pages {
            let name = if command.get_name() == "mintwatch" { "mintwatch".to_owned() } else { format!("mintwatch-{}", command.get_name()) };
            files::write(&folder.join(format!("{name}.1")), page(command)?.as_bytes())?;
        }
        tell(&format!("{} pages written into `{}`", pages.len(), folder.display()));
        return Ok(Status::CLEAR);
    }
    let command = match &args.of {
        None => &whole,
        Some(name) => whole.find_subcommand(name).ok_or_else(|| Error::NoSuchCommand(crate::terminal::escaped(name)))?,
    };
    print(&page(command)?)?;
    Ok(Status::CLEAR)
}

fn page(command: &clap::Command) -> Result<String, Error> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(Error::Stream)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
