//! `check`: the hosts named.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::looking::{Asked, look_and_judge};
use super::{Status, chosen};
use crate::cli::CheckArgs;
use crate::error::Error;
use crate::observe::{Angle, unix_seconds};

/// Asks the hosts named and judges what they show.
///
/// # Errors
/// [`Error`] when the run could not begin, or its output not be written.
pub fn run(args: &CheckArgs) -> Result<Status, Error> {
    let tables = chosen(&args.judging.laid_over, unix_seconds())?;
    // Whom a person asks for is not told to resolvers elsewhere unless they say so.
    let asked = Asked { hosts: &args.hosts, usual: &Angle::ALONE };
    look_and_judge(&asked, &mut StdRng::from_os_rng(), &args.looking, &args.judging, &tables)
}
