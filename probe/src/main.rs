//! The binary: parse, run, exit status.

use std::process::ExitCode;

use mintwatch::commands::{self, tell};
use mintwatch::config::{ConfigError, command_line};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A plugin that was called wrongly knows nothing; status 2 would be an alarm.
    let is_plugin = std::env::args_os().any(|word| word == "--nagios");
    let (told, hint, status) = match command_line(std::env::args_os()).map(commands::run) {
        Ok(Ok(status)) => return ExitCode::from(status.code()),
        Ok(Err(error)) if error.is_broken_pipe() => return ExitCode::SUCCESS,
        Ok(Err(error)) => (error.to_string(), error.hint(), error.exit_status()),
        Err(ConfigError::Usage(usage)) if !is_plugin || !usage.use_stderr() => usage.exit(),
        Err(error) => {
            let hint = matches!(error, ConfigError::Wrong { .. }).then_some(
                "a key is a flag by its long name, below `[COMMAND]` or for all commands; `mintwatch COMMAND --help` lists them",
            );
            (error.to_string(), hint, 2)
        }
    };
    if is_plugin {
        // On standard output, where the server of a plugin reads.
        let line = told.lines().next().unwrap_or_default().replace('|', "/");
        let _ = commands::print_line(&format!("MINTWATCH UNKNOWN - {line}"));
        return ExitCode::from(3);
    }
    tell(&format!("error: {told}"));
    if let Some(hint) = hint {
        tell(&format!("hint: {hint}"));
    }
    ExitCode::from(status)
}
