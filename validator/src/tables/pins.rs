//! The keys that browsers know beforehand for some hosts (RFC 7469 §2.4).

use super::overlay::{Overlay, OverlayPin};
use super::packed::{Rows, text, time};
use crate::evidence::{Host, Sha256};

/// The pins of one host, of one browser or of several.
#[derive(Debug, Clone)]
pub struct PinSet<'t> {
    /// The names of the sets, such as `chromium:google`, joined by ` + `.
    pub name: String,
    /// The pinned domain that the host is or lies below.
    pub domain: String,
    /// When the overlay is from, in UNIX seconds.
    overlay_as_of: i64,
    sets: Vec<Set<'t>>,
}

#[derive(Debug, Clone, Copy)]
enum Set<'t> {
    Compiled(&'static str),
    Overlay(&'t OverlayPin),
}

impl PinSet<'_> {
    /// Returns the browsers or documents that the pins are from, joined by ` + `.
    pub fn source(&self) -> String {
        let mut sources: Vec<_> = self.sets.iter().map(Set::source).collect();
        sources.dedup();
        sources.join(" + ")
    }

    /// Returns the newest date of a list they are from, in UNIX seconds, where the source has one.
    pub fn date(&self) -> Option<i64> {
        let compiled = self.keys().filter_map(|[_, _, _, date, ..]| time(date));
        compiled.chain(self.of_overlay()).max()
    }

    /// Returns when the last of the lists stops to be enforced by its browser, in UNIX seconds; an overlay's pins last as long.
    pub fn expiry(&self) -> Option<i64> {
        let compiled = self.keys().filter_map(|[_, _, _, _, expiry, ..]| time(expiry));
        compiled.chain(self.of_overlay().map(|at| at.saturating_add(ENFORCED_SECONDS))).max()
    }

    /// Says whether the pins speak of a UNIX second: a browser would still enforce them, and they are not
    /// held against a time long before they were made.
    pub fn is_current(&self, at: i64) -> bool {
        self.expiry().is_some_and(|expiry| (expiry.saturating_sub(SPEAKS_FOR_SECONDS)..expiry).contains(&at))
    }

    /// Says whether a key is pinned by any of the sets.
    pub fn contains(&self, spki: &Sha256) -> bool {
        self.keys().any(|[_, verdict, key, ..]| verdict == b"good" && key == spki.0)
            || self.sets.iter().any(|set| matches!(set, Set::Overlay(pin) if pin.spkis.contains(spki)))
    }

    /// Says whether a set forbids a key on the path.
    pub fn refuses(&self, spki: &Sha256) -> bool {
        self.keys().any(|[_, verdict, key, ..]| verdict == b"bad" && key == spki.0)
    }

    fn of_overlay(&self) -> Option<i64> {
        self.sets.iter().any(|set| matches!(set, Set::Overlay(_))).then_some(self.overlay_as_of)
    }

    fn keys(&self) -> impl Iterator<Item = [&'static [u8]; 7]> {
        self.sets
            .iter()
            .filter_map(|set| match set {
                Set::Compiled(name) => Some(SETS.find::<7>(name.as_bytes())),
                Set::Overlay(_) => None,
            })
            .flatten()
    }
}

/// How far back from their expiry pins speak: two years, in which few operators change their CA unannounced.
const SPEAKS_FOR_SECONDS: i64 = 2 * 365 * 24 * 60 * 60;

impl Set<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Compiled(name) => name,
            Self::Overlay(_) => "overlay",
        }
    }

    fn source(&self) -> &'static str {
        match self {
            Self::Compiled(name) if name.starts_with("chromium:") => "Chromium",
            Self::Compiled(_) => "Firefox",
            Self::Overlay(_) => "overlay",
        }
    }
}

/// Looks up the most specific pinned domain; at the same domain all sets count.
pub(super) fn lookup<'t>(host: &Host, overlay: Option<&'t Overlay>, compiled: bool) -> Option<PinSet<'t>> {
    let (added, overlay_as_of) =
        overlay.map_or((&[][..], 0), |overlay| (overlay.pins.as_slice(), i64::try_from(overlay.as_of).unwrap_or(i64::MAX)));
    for domain in parents(host) {
        let exact = domain == host.as_str();
        let mut sets = Vec::new();
        if compiled {
            sets.extend(
                HOSTS
                    .find::<3>(domain.as_bytes())
                    .filter(|[_, subdomains, _]| exact || *subdomains == b"yes")
                    .map(|[_, _, set]| Set::Compiled(text(set))),
            );
        }
        sets.extend(added.iter().filter(|pin| pin.host.as_str() == domain && (exact || pin.include_subdomains)).map(Set::Overlay));
        if !sets.is_empty() {
            let names: Vec<_> = sets.iter().map(Set::name).collect();
            return Some(PinSet { name: names.join(" + "), domain: domain.to_owned(), overlay_as_of, sets });
        }
    }
    None
}

/// The host itself and the domains above it, the most specific first; an address has none above it.
pub(super) fn parents(host: &Host) -> impl Iterator<Item = &str> {
    let above = (host.address().is_none()).then(|| host.as_str().match_indices('.'));
    let above = above.into_iter().flatten().filter_map(|(at, _)| host.as_str().get(at + 1..));
    std::iter::once(host.as_str()).chain(above)
}

/// Browsers enforce a list of pins for 10 weeks.
const ENFORCED_SECONDS: i64 = 70 * 24 * 60 * 60;

static HOSTS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/pins.bin")));
static SETS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/pin-sets.bin")));
