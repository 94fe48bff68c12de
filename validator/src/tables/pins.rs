//! The keys that browsers know beforehand for some hosts (RFC 7469 §2.4).

use super::overlay::OverlayPin;
use super::packed::{Rows, text, time};
use crate::evidence::{Host, Sha256};

/// The pins of one host, of one browser or of several.
#[derive(Debug, Clone)]
pub struct PinSet<'t> {
    domain: String,
    sets: Vec<Set<'t>>,
}

#[derive(Debug, Clone, Copy)]
enum Set<'t> {
    Compiled(&'static str),
    Overlay(&'t OverlayPin),
}

impl PinSet<'_> {
    /// Returns the pinned domain the host is or lies below.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the names of the sets, such as `chromium:google`, joined by ` + `.
    pub fn name(&self) -> String {
        let names: Vec<_> = self
            .sets
            .iter()
            .map(|set| match set {
                Set::Compiled(name) => name,
                Set::Overlay(_) => "overlay",
            })
            .collect();
        names.join(" + ")
    }

    /// Returns the browsers or documents that the pins are from, joined by ` + `.
    pub fn source(&self) -> String {
        let mut sources: Vec<_> = self.sets.iter().map(Set::source).collect();
        sources.dedup();
        sources.join(" + ")
    }

    /// Returns the newest date of a list they are from, in UNIX seconds, where the source has one.
    pub fn date(&self) -> Option<i64> {
        self.keys().filter_map(|[_, _, _, date, ..]| time(date)).max()
    }

    /// Returns when the last of the lists stops to be enforced by its browser, in UNIX seconds.
    pub fn expiry(&self) -> Option<i64> {
        self.keys().filter_map(|[_, _, _, _, expiry, ..]| time(expiry)).max()
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

    fn keys(&self) -> impl Iterator<Item = [&'static [u8]; 7]> {
        self.sets.iter().flat_map(|set| match set {
            Set::Compiled(name) => Some(SETS.find::<7>(name.as_bytes())),
            Set::Overlay(_) => None,
        })
        .flatten()
    }
}

impl Set<'_> {
    fn source(&self) -> &'static str {
        match self {
            Self::Compiled(name) if name.starts_with("chromium:") => "Chromium",
            Self::Compiled(_) => "Firefox",
            Self::Overlay(_) => "overlay",
        }
    }
}

/// Looks up the most specific pinned domain; at the same domain all sets count.
pub(super) fn lookup<'t>(host: &Host, overlay: &'t [OverlayPin], compiled: bool) -> Option<PinSet<'t>> {
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
        sets.extend(
            overlay
                .iter()
                .filter(|pin| pin.host.as_str() == domain && (exact || pin.include_subdomains))
                .map(Set::Overlay),
        );
        if !sets.is_empty() {
            return Some(PinSet { domain: domain.to_owned(), sets });
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

static HOSTS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/pins.bin")));
static SETS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/pin-sets.bin")));
