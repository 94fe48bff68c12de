//! `anchors`: the trust anchors of this machine, held against root programs.

mod document;
mod page;

use mintwatch_validator::Tables;

use super::{Status, chosen, print};
use crate::cli::AnchorsArgs;
use crate::error::Error;
use crate::observe::trust_store::{self, Machine};
use crate::observe::unix_seconds;
use crate::terminal::Look;

pub use document::{
    ANCHORS_VERSION, AnchorRow, AnchorStanding, AnchorsDocument, AnchorsFormat, Mark, MarkKind, StoreReport, StoreState, document,
};

/// Reads the stores, and prints what stands out.
///
/// # Errors
/// [`Error`] when tables cannot be laid over the compiled ones, or the output not be written.
pub fn run(args: &AnchorsArgs) -> Result<Status, Error> {
    let now = unix_seconds();
    let tables = chosen(&args.laid_over, now)?;
    let document = of_machine(&Machine::this(), &args.store, &tables, now);
    if args.json {
        print(&(to_json(&document) + "\n"))?;
    } else {
        print(&page::page(&document, args.all, Look::of_stdout()))?;
    }
    Ok(status(&document))
}

/// Reads the stores of a machine, those named or all, and holds them against the tables at a UNIX second.
pub fn of_machine(machine: &Machine, wanted: &[String], tables: &Tables, now: u64) -> AnchorsDocument {
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let stores = trust_store::read(machine, is_wanted, |sha256| tables.anchor(sha256).is_some());
    document(&stores, tables, now)
}

fn to_json(document: &AnchorsDocument) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

fn status(document: &AnchorsDocument) -> Status {
    let mut status = Status::CLEAR;
    if document.stores.iter().any(|store| matches!(store.state, StoreState::Partly | StoreState::Failed)) {
        status = status.or_worse(Status::NOT_MEASURED);
    }
    if document.anchors.iter().any(AnchorRow::is_added_authority) {
        status = status.or_worse(Status::SUSPECT);
    }
    if document.anchors.iter().any(AnchorRow::is_hostile) {
        status = status.or_worse(Status::KNOWN_KEY);
    }
    status
}
