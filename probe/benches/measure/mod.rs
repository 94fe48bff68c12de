//! CPU time and medians: what every bench here measures by.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process, kernel and user, all threads.
pub(crate) fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Microseconds from one moment of [`cpu`] to another.
pub(crate) fn micros(begun: Duration, ended: Duration) -> f64 {
    ended.saturating_sub(begun).as_secs_f64() * 1e6
}

/// The middle of some measurements, of which there is one at least.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
