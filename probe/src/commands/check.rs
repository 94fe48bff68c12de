//! `check`: the hosts named.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::looking::{Keeping, look_and_judge};
use super::{Status, chosen};
use crate::cli::CheckArgs;
use crate::draw::plan;
use crate::error::Error;
use crate::memory::Kind;
use crate::observe::unix_seconds;

/// Asks the hosts named and judges what they show.
///
/// # Errors
/// [`Error`] when the run could not begin, or its output not be written.
pub fn run(args: &CheckArgs) -> Result<Status, Error> {
    let tables = chosen(&args.judging.laid_over, unix_seconds())?;
    let targets = plan(&args.hosts, usize::from(args.looking.rounds), &mut StdRng::from_os_rng());
    let keeping = Keeping { kind: args.keep.then_some(Kind::Check), remembering: &args.remembering };
    look_and_judge(targets, keeping, &args.looking, &args.judging, &tables)
}
