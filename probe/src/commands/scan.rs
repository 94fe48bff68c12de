//! `scan`: a random draw of well-known hosts.

use std::path::Path;

use mintwatch_validator::Tables;
use mintwatch_validator::evidence::Host;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::looking::{BATCH, Errand, Keeping, look_and_judge, look_in_batches};
use super::{Status, chosen, files};
use crate::cli::{Asking, DEFAULT_PORT, ScanArgs, host_and_port};
use crate::draw::{Candidate, draw};
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
    let pool = pool(tables);
    draw(&pool, count, rng).into_iter().map(|candidate| (candidate.host.clone(), DEFAULT_PORT)).collect()
}

/// Returns the hosts of the tables that may be drawn.
pub fn pool(tables: &Tables) -> Vec<Candidate> {
    let candidate = |entry: mintwatch_validator::tables::PoolHost<'_>| {
        // Another browser than those of the pool's own list may ship pins for it too.
        let host = Host::parse(entry.host).ok()?;
        let pinned = !entry.pinned_by.is_empty() || tables.pins(&host).is_some();
        Some(Candidate { host, class: entry.class.to_owned(), pinned })
    };
    tables.pool().into_iter().filter_map(candidate).collect()
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::draw::ATTACKED_CLASSES;

    #[test]
    fn the_compiled_pool_is_large_mostly_unpinned_and_keeps_the_bounds_of_a_draw() {
        let pool = pool(&Tables::compiled());
        assert!(pool.len() >= 500, "{}", pool.len());
        let pinned = pool.iter().filter(|candidate| candidate.pinned).count();
        assert!(pinned * 2 <= pool.len(), "{pinned} of {}", pool.len());
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..1_000 {
            let drawn = draw(&pool, 20, &mut rng);
            assert_eq!(drawn.len(), 20);
            assert!(drawn.iter().filter(|candidate| candidate.pinned).count() <= 10);
            let attacked = |candidate: &&&Candidate| ATTACKED_CLASSES.contains(&candidate.class.as_str());
            assert!(drawn.iter().filter(attacked).count() >= 5);
        }
    }
}
