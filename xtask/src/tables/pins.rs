//! pins.tsv and pin-sets.tsv: the hosts whose keys browsers know beforehand, and those keys (RFC 7469 §2.4).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::input::{self, Shelf};
use super::text::{Source, Table, day_after};
use super::{Made, TablesArgs, TablesError};

/// Chromium stops enforcing a pin list 10 weeks after its date.
const CHROMIUM_DAYS: i64 = 70;

#[derive(Deserialize)]
pub(super) struct Chromium {
    pins_list_timestamp: String,
    pinsets: Vec<ChromiumSet>,
    entries: Vec<ChromiumEntry>,
}
#[derive(Deserialize)]
struct ChromiumSet {
    name: String,
    static_spki: Vec<Pin>,
    bad_static_spki: Vec<Pin>,
}
#[derive(Deserialize)]
struct ChromiumEntry {
    name: String,
    pins: String,
    include_subdomains: bool,
}
#[derive(Deserialize)]
pub(super) struct Firefox {
    expiration: String,
    pinsets: BTreeMap<String, Vec<Pin>>,
    entries: Vec<FirefoxEntry>,
}
#[derive(Deserialize)]
struct FirefoxEntry {
    host: String,
    include_subdomains: bool,
    test_mode: bool,
    pinset: String,
}
#[derive(Deserialize)]
struct Pin {
    name: String,
    spki_sha256: String,
}

/// One pinned domain.
pub(super) struct PinnedHost {
    pub(super) domain: String,
    pub(super) include_subdomains: bool,
    /// `chromium:google` and the like.
    pub(super) set: String,
}

/// One key of a set.
pub(super) struct PinnedKey {
    pub(super) set: String,
    pub(super) spki: String,
    /// `good`: one of these must be on the path; `bad`: none of these may be.
    pub(super) verdict: &'static str,
    name: String,
}

pub(super) struct Pins {
    pub(super) hosts: Vec<PinnedHost>,
    pub(super) keys: Vec<PinnedKey>,
    chromium_day: String,
    firefox_expiry: String,
}

impl Pins {
    /// Reads the enforceable pins of both browsers; test sets and test mode are left out.
    pub(super) fn read(args: &TablesArgs) -> Result<Option<Self>, TablesError> {
        let (Some(chromium), Some(firefox)) = (&args.chromium_pins, &args.firefox_pins) else { return Ok(None) };
        let (chromium, firefox): (Chromium, Firefox) = (input::json(chromium)?, input::json(firefox)?);
        let mut pins = Self {
            hosts: Vec::new(),
            keys: Vec::new(),
            chromium_day: chromium.pins_list_timestamp.get(..10).unwrap_or_default().to_owned(),
            firefox_expiry: firefox.expiration.get(..10).unwrap_or_default().to_owned(),
        };
        for entry in chromium.entries.into_iter().filter(|entry| entry.pins != "test") {
            let set = format!("chromium:{}", entry.pins);
            pins.hosts.push(PinnedHost { domain: entry.name, include_subdomains: entry.include_subdomains, set });
        }
        for entry in firefox.entries.into_iter().filter(|entry| !entry.test_mode && !entry.pinset.ends_with("test")) {
            let set = firefox_set(&entry.pinset);
            pins.hosts.push(PinnedHost { domain: entry.host, include_subdomains: entry.include_subdomains, set });
        }
        let used: BTreeSet<String> = pins.hosts.iter().map(|host| host.set.clone()).collect();
        let sets = chromium
            .pinsets
            .into_iter()
            .flat_map(|set| {
                let name = format!("chromium:{}", set.name);
                [(name.clone(), "good", set.static_spki), (name, "bad", set.bad_static_spki)]
            })
            .chain(firefox.pinsets.into_iter().map(|(name, keys)| (firefox_set(&name), "good", keys)));
        for (set, verdict, keys) in sets.filter(|(set, ..)| used.contains(set)) {
            pins.keys.extend(keys.into_iter().map(|pin| PinnedKey { set: set.clone(), spki: pin.spki_sha256, verdict, name: pin.name }));
        }
        Ok(Some(pins))
    }

    /// The sets of the most specific pinned domain above a host, as a browser would choose it, per browser.
    pub(super) fn sets_of(&self, host: &str) -> BTreeSet<&str> {
        let mut sets = BTreeSet::new();
        for browser in ["chromium:", "firefox:"] {
            let best = self
                .hosts
                .iter()
                .filter(|pin| pin.set.starts_with(browser))
                .filter(|pin| {
                    pin.domain == host || pin.include_subdomains && host.strip_suffix(&pin.domain).is_some_and(|rest| rest.ends_with('.'))
                })
                .max_by_key(|pin| pin.domain.len());
            sets.extend(best.map(|pin| pin.set.as_str()));
        }
        sets
    }
}

fn firefox_set(name: &str) -> String {
    format!("firefox:{}", name.trim_start_matches("kPinset_"))
}

pub(super) fn make(args: &TablesArgs, _: &mut Vec<String>) -> Result<Made, TablesError> {
    let (Some(pins), Some(ccadb), Some(chrome_pem)) = (Pins::read(args)?, &args.ccadb_der, &args.chrome_root_store_pem) else {
        return Ok(Made::Needs("--chromium-pins, --firefox-pins, --ccadb-der and --chrome-root-store-pem"));
    };
    let shelf = input::shelf(args.incidents.as_deref(), ccadb, chrome_pem)?;
    let owners = owners(&shelf);
    let chromium_expiry = day_after(&pins.chromium_day, CHROMIUM_DAYS).unwrap_or_default();
    let firefox_day = day_after(&pins.firefox_expiry, -CHROMIUM_DAYS).unwrap_or_default();
    let dates = |set: &str| {
        if set.starts_with("chromium:") {
            [pins.chromium_day.clone(), chromium_expiry.clone()]
        } else {
            [String::new(), pins.firefox_expiry.clone()]
        }
    };
    let sources = vec![
        Source::new("Chromium transport_security_state_static", "Chromium 150", pins.chromium_day.clone(), "BSD-3-Clause"),
        Source::new("Firefox StaticHPKPins.h", format!("Firefox 140.12.0, expires {}", pins.firefox_expiry), "2026-06-09", "MPL-2.0"),
    ];
    let as_of = pins.chromium_day.clone().max(firefox_day.min("2026-06-09".to_owned()));
    let stale_reason = "browsers stop enforcing pins 10 weeks after the list's date, since a CA may have been replaced";
    let hosts = Table {
        file: "pins.tsv",
        title: "Hosts with pinned keys",
        notes: vec!["sets of test mode and test sets are left out; the keys of each set stand in pin-sets.tsv"],
        sources: sources.clone(),
        as_of: as_of.clone(),
        stale_after_days: 70,
        stale_reason,
        columns: &["domain", "subdomains", "set"],
        rows: pins
            .hosts
            .iter()
            .map(|pin| {
                let subdomains = if pin.include_subdomains { "yes" } else { "no" };
                vec![pin.domain.clone(), subdomains.to_owned(), pin.set.clone()]
            })
            .collect(),
    };
    let keys = Table {
        file: "pin-sets.tsv",
        title: "Pinned keys by set",
        notes: vec![
            "good: at least one must be on the path; bad: none may be",
            "date and expiry are those of the whole list, empty where the source has none; owner is that of a certificate with this key, empty for an offline backup key",
        ],
        sources,
        as_of,
        stale_after_days: 70,
        stale_reason,
        columns: &["set", "verdict", "spki", "date", "expiry", "owner", "name"],
        rows: pins
            .keys
            .iter()
            .map(|key| {
                let [date, expiry] = dates(&key.set);
                let owner = owners.get(&key.spki).cloned().unwrap_or_default();
                vec![key.set.clone(), key.verdict.to_owned(), key.spki.clone(), date, expiry, owner, key.name.clone()]
            })
            .collect(),
    };
    Ok(Made::Tables(vec![hosts, keys]))
}

/// The owner of each key that a known CA certificate holds; a self-issued certificate speaks first.
pub(super) fn owners(shelf: &Shelf) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for root in [true, false] {
        for facts in shelf.facts.values().filter(|facts| facts.is_self_issued() == root) {
            owners.entry(facts.spki_sha256.to_string()).or_insert_with(|| facts.owner());
        }
    }
    owners
}
