//! `check`: the hosts named.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::looking::{Errand, Keeping, look_and_judge};
use super::{Status, chosen};
use crate::cli::CheckArgs;
use crate::error::Error;
use crate::memory::Kind;
use crate::observe::{Angle, unix_seconds};

/// Asks the hosts named and judges what they show.
///
/// # Errors
/// [`Error`] when the run could not begin, or its output not be written.
pub fn run(args: &CheckArgs) -> Result<Status, Error> {
    let tables = chosen(&args.answering.judging.laid_over, unix_seconds())?;
    // Whom a person asks for is not told to resolvers elsewhere unless they say so.
    let errand = Errand::to(&args.hosts, &Angle::ALONE, &args.looking, &mut StdRng::from_os_rng());
    let keeping = Keeping { kind: args.keep.then_some(Kind::Check), remembering: &args.remembering };
    look_and_judge(errand, keeping, &args.looking, &args.answering, &tables)
}
