//! `native-host`: what a browser starts to ask for our extension.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::{Report, Tables, judge};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::oneshot;

use super::{Status, chosen, looking};
use crate::cli::{Judging, Looking, NativeHostArgs, ProxyChoice, Remembering};
use crate::error::Error;
use crate::native_host::{self, Errand, HostError, Observer, Terms};
use crate::observe::{self, Proxy, unix_seconds};

/// Answers the extension that a browser calls for, until it closes the port.
///
/// # Errors
/// [`Error`] when the extension is not known here, or the port breaks.
pub fn run(args: &NativeHostArgs) -> Result<Status, Error> {
    if native_host::known(&args.caller, &args.allow_extension).is_none() {
        // Somebody tries it by hand: frames are nothing for a terminal.
        let refused = if io::stdout().is_terminal() { Err(HostError::UnknownCaller) } else { native_host::refuse(io::stdout().lock()) };
        return ended(refused);
    }
    let tables = chosen(&args.laid_over, unix_seconds())?;
    let terms = Terms { tables: tables.versions().into_iter().map(Into::into).collect(), allow_private: args.allow_private };
    let looking = Looking { resolve: args.resolve.clone(), resolver: args.resolver, ..Looking::plain() };
    let judging = Judging { local_anchor: args.local_anchor.clone(), ..Judging::default() };
    ended(native_host::serve(io::stdin(), io::stdout().lock(), &terms, Arc::new(Probe { tables, looking, judging })))
}

fn ended(end: Result<(), HostError>) -> Result<Status, Error> {
    match end {
        Ok(()) => Ok(Status::CLEAR),
        // A browser that is gone is no error.
        Err(HostError::Write(error)) => Err(Error::Stream(error)),
        Err(error) => Err(error.into()),
    }
}

/// Looks and judges as `check` does, from no angle and asking nobody but the host.
struct Probe {
    tables: Tables,
    looking: Looking,
    judging: Judging,
}

impl Observer for Probe {
    fn look(&self, errand: &Errand, cancelled: oneshot::Receiver<()>) -> Result<Option<Evidence>, String> {
        let looking = Looking { proxy: proxy(errand)?, ..self.looking.clone() };
        let hosts = [(errand.host.clone(), errand.port)];
        let way = looking::Errand::to(&hosts, &[], &looking, &mut StdRng::from_os_rng());
        let remembering = Remembering::default();
        let runtime = observe::runtime().map_err(|error| error.to_string())?;
        let seen = runtime.block_on(async {
            tokio::select! {
                seen = looking::look(way, Some(&remembering), &looking, &self.judging, &self.tables) => Some(seen),
                _ = cancelled => None,
            }
        });
        // A name lookup of the system's cannot be cancelled; nobody waits for it.
        runtime.shutdown_background();
        seen.transpose().map_err(|error| error.to_string())
    }

    fn judge(&self, evidence: &Evidence) -> Report {
        judge(evidence, &self.tables)
    }
}

/// Reads what the extension says of the browser's proxy; none where it says nothing.
fn proxy(errand: &Errand) -> Result<Option<ProxyChoice>, String> {
    match errand.proxy.as_deref() {
        None => Ok(None),
        Some("none") => Ok(Some(ProxyChoice::None)),
        Some(text) => Ok(Some(ProxyChoice::This(Proxy::parse(text)?))),
    }
}
