//! Before the first packet: whoever runs a probe is told that it can be seen, and asked.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use crate::error::Error;
use crate::places::{self, Folder};

/// What is said before the first run.
pub const WARNING: &str = "\
Mintwatch makes TLS connections from this machine to well-known hosts, a handful each, and asks a few
pages and resolvers that exist for such checks. Whoever watches this network can see that, and can see
that no browser does it in this way. In some places, looking for surveillance is itself dangerous.

Nothing that was found is sent to anybody. No path, cookie, user or host name of yours is collected.";

/// Goes on when the user has agreed: now by `yes`, at an earlier run, or when asked on the terminal.
///
/// # Errors
/// [`Error::NoConsent`] when nobody agreed; nothing has been sent then.
pub fn obtain(yes: bool) -> Result<(), Error> {
    let kept = Folder::Config.here().map(|folder| folder.join(FILE));
    if yes || kept.as_deref().is_some_and(Path::exists) {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Error::NoConsent);
    }
    let agreed = ask(&mut io::stdin().lock(), &mut io::stderr().lock()).map_err(Error::Stream)?;
    if !agreed {
        return Err(Error::NoConsent);
    }
    if let Some(kept) = kept {
        // Who cannot keep it is asked again next time, and no more.
        let _kept = remember(&kept);
    }
    Ok(())
}

fn ask(answers: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
    write!(out, "{WARNING}\n\nGo on? It is asked once. [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn remember(kept: &Path) -> io::Result<()> {
    kept.parent().map_or(Ok(()), places::make_private).and_then(|()| fs::write(kept, format!("{WARNING}\n")))
}

const FILE: &str = "consent";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, agreed) in [("y\n", true), ("YES\n", true), ("\n", false), ("", false), ("no\n", false), ("yep\n", false)] {
            let mut out = Vec::new();
            assert_eq!(ask(&mut answer.as_bytes(), &mut out).unwrap(), agreed, "{answer:?}");
            assert!(String::from_utf8(out).unwrap().starts_with(WARNING));
        }
    }
}
