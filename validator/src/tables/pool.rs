//! The hosts a check may draw from, and who runs them.

use super::packed::{Rows, text};
use super::pins::parents;
use crate::evidence::Host;

/// A host that a check may draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolHost<'t> {
    /// Its name.
    pub host: &'t str,
    /// The company known to run it; empty where nobody is certain.
    pub operator: &'t str,
    /// What it is for: `mail`, `search`, `news` …
    pub class: &'t str,
    /// The browsers that pin its keys: `chromium`, `firefox`.
    pub pinned_by: Vec<&'t str>,
    /// The owners of the keys pinned for it; empty: nothing is expected.
    pub expected_owners: Vec<&'t str>,
}

/// Returns the compiled pool, sorted by host.
pub(super) fn compiled() -> impl Iterator<Item = PoolHost<'static>> {
    POOL.rows::<5>().map(read)
}

/// Looks one host of the compiled pool up.
pub(super) fn lookup(host: &Host) -> Option<PoolHost<'static>> {
    POOL.find::<5>(host.as_str().as_bytes()).next().map(read)
}

/// Returns who runs the hosts below the most specific known domain.
pub(super) fn operator(host: &Host) -> Option<&'static str> {
    parents(host).find_map(|domain| OPERATORS.find::<2>(domain.as_bytes()).next()).map(|[_, operator]| text(operator))
}

fn read([host, operator, class, pinned_by, expected]: [&'static [u8]; 5]) -> PoolHost<'static> {
    let list = |field: &'static [u8]| text(field).split('|').filter(|item| !item.is_empty() && *item != "none").collect();
    PoolHost { host: text(host), operator: text(operator), class: text(class), pinned_by: list(pinned_by), expected_owners: list(expected) }
}

static POOL: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/pool.bin")));
static OPERATORS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/operators.bin")));
