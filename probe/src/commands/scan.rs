//! `scan`: a random draw of well-known hosts.

use std::path::Path;

use mintwatch_validator::Tables;
use mintwatch_validator::draw::{Candidate, draw};
use mintwatch_validator::evidence::Host;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::looking::{BATCH, Errand, Keeping, look_and_judge, look_in_batches};
use super::{Status, chosen, files};
use crate::cli::{Asking, DEFAULT_PORT, ScanArgs, host_and_port};
use crate::error::Error;
use crate::memory::Kind;
use crate::observe::{Angle, unix_seconds};

/// Draws hosts, or takes those of a list, and judges what they show.
///
/// # Errors
/// [`Error`] when the run could not begin, or its output not be written.
pub fn run(args: &ScanArgs) -> Result<Status, Error> {
    let tables = chosen(&args.answering.judging.laid_over, unix_seconds())?;
    let mut rng = args.seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
    let hosts = match &args.host_list {
        Some(path) => listed(path)?,
        None => drawn(&tables, usize::from(args.hosts), &mut rng),
    };
    let keeping = Keeping { kind: args.keep.then_some(Kind::Scan), remembering: &args.remembering };
    if hosts.len() > BATCH {
        return look_in_batches(&hosts, &Angle::USUAL, &mut rng, keeping, &args.looking, &args.answering, &tables);
    }
    let errand = Errand::to(&hosts, &Angle::USUAL, &args.looking, &mut rng);
    look_and_judge(errand, keeping, &args.looking, &args.answering, &tables)
}

/// Returns the hosts that are named, or those of a list, or a draw.
pub(super) fn asked(asking: &Asking, tables: &Tables, rng: &mut StdRng) -> Result<Vec<(Host, u16)>, Error> {
    match &asking.host_list {
        Some(path) => listed(path),
        None if !asking.names.is_empty() => Ok(asking.names.clone()),
        None => Ok(drawn(tables, usize::from(asking.hosts), rng)),
    }
}

fn drawn(tables: &Tables, count: usize, rng: &mut StdRng) -> Vec<(Host, u16)> {
    let pool = Candidate::pool(tables);
    draw(&pool, count, &mut |bound| rng.random_range(..bound)).into_iter().map(|candidate| (candidate.host.clone(), DEFAULT_PORT)).collect()
}

fn listed(path: &Path) -> Result<Vec<(Host, u16)>, Error> {
    let text = files::read(path, MAX_LIST_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    let entries = text.lines().enumerate().filter_map(|(index, line)| {
        let entry = line.split('#').next().unwrap_or_default().trim();
        (!entry.is_empty()).then_some((index + 1, entry))
    });
    entries.map(|(line, entry)| host_and_port(entry).map_err(|why| Error::HostList { path: path.to_owned(), line, why })).collect()
}

/// The largest host list that is read, in bytes.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;
