//! The one room of the chores that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who called it")]

use std::io::Write;

use crate::trouble::Trouble;

/// Prints one line of results on standard output, at once even into a pipe.
pub fn line(text: &str) {
    println!("{text}");
    // A closed pipe is nobody listening, which is no reason to stop.
    std::io::stdout().flush().unwrap_or_default();
}

/// Prints one line of talk on standard error.
pub fn talk(text: &str) {
    eprintln!("{text}");
}

/// Prints what went wrong and what to do next.
pub fn trouble(trouble: &Trouble) {
    eprintln!("error: {trouble}");
    if let Some(hint) = trouble.hint() {
        eprintln!("hint: {hint}");
    }
}
