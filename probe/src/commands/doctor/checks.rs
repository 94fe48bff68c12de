//! What the doctor looks at, one thing a function.

use mintwatch_validator::Tables;
use mintwatch_validator::evidence::{ClockCheck, Host, PortalCheck, Seen};
use rand::seq::IndexedRandom;

use super::{Check, CheckState};
use crate::commands::anchors::StoreState;
use crate::commands::looking::journal;
use crate::observe::readiness::{self, IpVersion};
use crate::observe::trust_store::{self, Effect, Machine, ReadStore};
use crate::observe::{DEFAULT_CONCURRENCY, Resolver, ground_truth, pac_settings, proxies};
use crate::places::Folder;
use crate::terminal::{day, quoted};
use mintwatch_validator::draw::Candidate;

/// Makes every check of a machine, at a UNIX second. Offline, nothing is sent.
pub(super) fn all(machine: &Machine, tables: &Tables, now: u64, offline: bool) -> Vec<Check> {
    let mut checks = vec![clock(tables, now)];
    checks.extend(tables_ages(tables, now));
    checks.extend(routes(readiness::route(IpVersion::V4).is_ok(), readiness::route(IpVersion::V6).is_ok()));
    checks.push(resolver(tables, offline));
    checks.extend(network_witnesses(offline));
    checks.extend(settings(machine));
    checks.extend(stores(machine, tables));
    checks.extend(folders(machine));
    checks.push(files(readiness::file_limit()));
    checks.push(cryptography(readiness::cryptography_works()));
    checks
}

/// What needs a witness on the network: pages that are always the same, as every scan asks them.
fn network_witnesses(offline: bool) -> [Check; 2] {
    let ground = if offline { None } else { ground_truth(&Resolver::system(), journal().as_ref()).ok() };
    match ground {
        Some((clock, portal)) => [network_clock(&clock), captive_portal(&portal)],
        None => ["network-clock", "portal"].map(|name| Check::new(name, CheckState::NotLooked, "not asked")),
    }
}

fn network_clock(clock: &Seen<ClockCheck>) -> Check {
    let name = "network-clock";
    match clock {
        Seen::Yes(check) if check.ahead_seconds.saturating_abs() > DAY => {
            let says = format!("{} seconds ahead of {}", check.ahead_seconds, check.witness);
            Check::new(name, CheckState::Bad, &says).hint("set the clock, or let it be set over the network")
        }
        Seen::Yes(check) => Check::new(name, CheckState::Ok, &format!("within a day of {}", check.witness)),
        Seen::Failed(why) => Check::new(name, CheckState::Note, why),
        Seen::NotVisible => Check::new(name, CheckState::NotLooked, "not asked"),
    }
}

fn captive_portal(portal: &Seen<PortalCheck>) -> Check {
    let name = "portal";
    match portal {
        Seen::Yes(portal) if portal.captive => {
            let says = format!("a captive portal answers in place of hosts ({})", portal.method);
            Check::new(name, CheckState::Bad, &says).hint("log in to this network first: until then every host looks the same")
        }
        Seen::Yes(portal) => Check::new(name, CheckState::Ok, &format!("no captive portal ({})", portal.method)),
        Seen::Failed(why) => Check::new(name, CheckState::Note, why),
        Seen::NotVisible => Check::new(name, CheckState::NotLooked, "not asked"),
    }
}

fn clock(tables: &Tables, now: u64) -> Check {
    let floor = tables.issued_at();
    let shown = i64::try_from(now).unwrap_or(i64::MAX);
    if shown < floor {
        let says =
            format!("it shows {}, and the tables were made on {}: it is wrong, and so is every verdict on dates", day(shown), day(floor));
        return Check::new("clock", CheckState::Bad, &says).hint("set the clock, or let it be set over the network");
    }
    Check::new("clock", CheckState::Ok, &format!("it shows {}, not before the tables were made", day(shown)))
}

fn tables_ages(tables: &Tables, now: u64) -> Vec<Check> {
    let age = |as_of: i64| (i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(as_of) / DAY).max(0);
    let check = |table: &mintwatch_validator::tables::TableVersion| {
        let (name, days) = (format!("table-{}", table.name), age(table.as_of));
        let says = format!("of {}, {days} days old; good for {}", day(table.as_of), table.stale_after_days);
        if days > i64::from(table.stale_after_days) {
            return Check::new(&name, CheckState::Note, &says).hint("a newer version of mintwatch brings newer tables");
        }
        Check::new(&name, CheckState::Ok, &says)
    };
    tables.versions().iter().filter(|table| table.name != "overlay").map(check).collect()
}

fn routes(v4: bool, v6: bool) -> [Check; 2] {
    [("ipv4", v4, v6), ("ipv6", v6, v4)].map(|(name, there, other)| match (there, other) {
        (true, _) => Check::new(name, CheckState::Ok, "there is a route (nothing was sent)"),
        (false, true) => Check::new(name, CheckState::Note, "there is no route: hosts are asked over the other version of IP alone"),
        (false, false) => Check::new(name, CheckState::Bad, "there is no route")
            .hint("connect to a network; `mintwatch demo` and `mintwatch judge` need none"),
    })
}

/// Asks for a host drawn at random: whoever watches learns that one of some hundred well-known hosts was asked for.
fn resolver(tables: &Tables, offline: bool) -> Check {
    const NAME: &str = "resolver";
    if offline {
        return Check::new(NAME, CheckState::NotLooked, "not asked: --offline");
    }
    let pool = Candidate::pool(tables);
    let Some(drawn) = pool.choose(&mut rand::rng()) else {
        return Check::new(NAME, CheckState::NotLooked, "not asked: there is no host to ask for");
    };
    resolved(&drawn.host, readiness::resolves(&drawn.host))
}

fn resolved(host: &Host, answer: Result<usize, String>) -> Check {
    let asked = format!("the system's resolver was asked for {}, drawn at random, and nothing else was sent", quoted(host.as_str()));
    match answer {
        Ok(0) => Check::new("resolver", CheckState::Bad, &format!("{asked}: no address")),
        Ok(count) => Check::new("resolver", CheckState::Ok, &format!("{asked}: {count} addresses")),
        Err(why) => Check::new("resolver", CheckState::Bad, &format!("{asked}: {why}"))
            .hint("`--resolver name-servers` goes past the system's resolver, `--resolve` past all of them"),
    }
}

fn settings(machine: &Machine) -> [Check; 3] {
    let check = |name: &str, none: &str, found: Vec<String>, hint: &str| {
        if found.is_empty() {
            return Check::new(name, CheckState::Ok, none);
        }
        Check::new(name, CheckState::Note, &format!("set: {}", found.join(", "))).hint(hint)
    };
    let direct = "the probe connects directly: what a proxy does to programs that heed this is not seen";
    let replaced = "`mintwatch anchors` shows what stands in each of them";
    [
        check("proxies", "no environment variable sets one", proxies(machine), direct),
        check("pac", "no setting that was looked at lets a script choose the proxy", pac_settings(machine), direct),
        check("store-overrides", "no environment variable replaces or extends a trust store", trust_store::overrides(machine), replaced),
    ]
}

fn stores(machine: &Machine, tables: &Tables) -> Vec<Check> {
    let stores = trust_store::read(machine, |_| true, |sha256| tables.anchor(sha256).is_some());
    stores.iter().filter_map(store).collect()
}

fn store(store: &ReadStore) -> Option<Check> {
    let name = format!("store-{}", store.name);
    let count = format!("{} anchors", store.contents.anchors.len());
    let why = store.contents.errors.first().cloned().unwrap_or_default();
    Some(match StoreState::of(&store.contents) {
        StoreState::Absent => return None,
        StoreState::Read => Check::new(&name, CheckState::Ok, &count),
        StoreState::Partly => Check::new(&name, CheckState::Note, &format!("{count}; not all of it can be read: {why}")),
        StoreState::Failed => {
            let state = if store.effect == Effect::Base { CheckState::Bad } else { CheckState::Note };
            Check::new(&name, state, &format!("cannot be read: {why}")).hint("`mintwatch anchors --all` tells all that could not be read")
        }
    })
}

fn folders(machine: &Machine) -> [Check; 2] {
    [("state-folder", Folder::State), ("config-folder", Folder::Config)].map(|(name, folder)| {
        let variable = folder.variable();
        match machine.folder(folder) {
            None => Check::new(name, CheckState::Bad, "there is no home folder").hint(&format!("set HOME, or {variable}")),
            Some(path) if readiness::is_writable(&path) => Check::new(name, CheckState::Ok, "can be written (nothing was)"),
            Some(_) => Check::new(name, CheckState::Bad, "cannot be written").hint(&format!("let {variable} name a folder that can be")),
        }
    })
}

/// A handshake has one socket open, and a name lookup a few files besides.
fn files(limit: Option<u64>) -> Check {
    const NAME: &str = "open-files";
    let needed = |at_once: usize| u64::try_from(at_once * 2 + 64).unwrap_or(u64::MAX);
    match limit {
        None => Check::new(NAME, CheckState::Ok, "not limited, as far as is known"),
        Some(limit) if limit < needed(DEFAULT_CONCURRENCY) => {
            let says =
                format!("{limit} may be open, and {DEFAULT_CONCURRENCY} handshakes at once take up to {}", needed(DEFAULT_CONCURRENCY));
            Check::new(NAME, CheckState::Bad, &says).hint("`ulimit -n 1024` allows more, `--concurrency` asks fewer at once")
        }
        Some(limit) if limit < needed(MAX_CONCURRENCY) => {
            let at_once = limit.saturating_sub(64) / 2;
            Check::new(NAME, CheckState::Ok, &format!("{limit} may be open: enough for `--concurrency` up to {at_once}"))
        }
        Some(limit) => Check::new(NAME, CheckState::Ok, &format!("{limit} may be open")),
    }
}

fn cryptography(works: bool) -> Check {
    const NAME: &str = "cryptography";
    if works {
        return Check::new(NAME, CheckState::Ok, "aws-lc hashes, signs, verifies, and refuses what was changed");
    }
    Check::new(NAME, CheckState::Bad, "aws-lc does not do what it should").hint("no verdict of this build on this machine can be relied on")
}

const DAY: i64 = 24 * 60 * 60;
/// What `--concurrency` takes at most.
const MAX_CONCURRENCY: usize = 1024;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn states<const N: usize>(checks: [Check; N]) -> [CheckState; N] {
        checks.map(|check| check.state)
    }

    #[test]
    fn a_clock_before_the_tables_is_bad() {
        let tables = Tables::compiled();
        let made = u64::try_from(tables.issued_at()).unwrap();
        assert_eq!(clock(&tables, made - 1).state, CheckState::Bad);
        assert_eq!(clock(&tables, made).state, CheckState::Ok);
    }

    #[test]
    fn every_table_is_told_and_an_old_one_is_a_note() {
        let tables = Tables::compiled();
        let made = u64::try_from(tables.issued_at()).unwrap();
        let told = tables_ages(&tables, made);
        assert_eq!(told.len(), tables.versions().len());
        assert!(told.iter().any(|check| check.name == "table-anchors" && check.state == CheckState::Ok));
        assert!(tables_ages(&tables, made + 100_000 * 86_400).iter().all(|check| check.state == CheckState::Note && check.hint.is_some()));
    }

    #[test]
    fn one_route_is_enough_and_none_is_bad() {
        use CheckState::{Bad, Note, Ok};
        assert_eq!(states(routes(true, true)), [Ok, Ok]);
        assert_eq!(states(routes(true, false)), [Ok, Note]);
        assert_eq!(states(routes(false, true)), [Note, Ok]);
        assert_eq!(states(routes(false, false)), [Bad, Bad]);
    }

    #[test]
    fn what_was_asked_of_the_resolver_is_told() {
        let host = Host::parse("www.example.org").unwrap();
        let told = resolved(&host, Ok(2));
        assert_eq!(told.state, CheckState::Ok);
        assert!(told.says.contains("\"www.example.org\"") && told.says.ends_with("2 addresses"), "{}", told.says);
        assert_eq!(resolved(&host, Ok(0)).state, CheckState::Bad);
        assert_eq!(resolved(&host, Err("no".to_owned())).state, CheckState::Bad);
    }

    #[test]
    fn offline_nobody_is_asked() {
        assert_eq!(resolver(&Tables::compiled(), true).state, CheckState::NotLooked);
        assert!(network_witnesses(true).iter().all(|check| check.state == CheckState::NotLooked));
    }

    #[test]
    fn witnesses_on_the_network_tell_of_a_clock_and_a_portal() {
        let clock = |ahead_seconds| Seen::Yes(ClockCheck { ahead_seconds, witness: "http-date of 3 hosts".to_owned() });
        let portal = |captive| Seen::Yes(PortalCheck { captive, method: "http".to_owned() });
        let told =
            [network_clock(&clock(9)), network_clock(&clock(-90_000)), captive_portal(&portal(false)), captive_portal(&portal(true))];
        assert_eq!(told.map(|check| check.state), [CheckState::Ok, CheckState::Bad, CheckState::Ok, CheckState::Bad]);
        assert_eq!(network_clock(&Seen::Failed("no host told the time".to_owned())).state, CheckState::Note);
    }

    #[test]
    fn settings_are_named_and_their_values_are_not() {
        let set = |name| (name, "canary".into());
        let machine =
            Machine::below(Path::new("/nowhere"), Path::new("/nowhere"), [set("HTTPS_PROXY"), set("auto_proxy"), set("SSL_CERT_FILE")]);
        let told = settings(&machine);
        assert_eq!(told.each_ref().map(|check| check.says.as_str()), ["set: HTTPS_PROXY", "set: auto_proxy", "set: SSL_CERT_FILE"]);
        let none = settings(&Machine::below(Path::new("/nowhere"), Path::new("/nowhere"), []));
        assert_eq!(states(none), [CheckState::Ok; 3]);
    }

    #[test]
    fn a_platform_without_a_store_is_bad_and_another_store_that_cannot_be_read_is_a_note() {
        let variables = [("SSL_CERT_FILE", "/nowhere/canary".into())];
        let told = stores(&Machine::below(Path::new("/nowhere"), Path::new("/nowhere"), variables), &Tables::compiled());
        let told: Vec<_> = told.iter().map(|check| (check.name.as_str(), check.state)).collect();
        assert_eq!(told, [("store-platform", CheckState::Bad), ("store-SSL_CERT_FILE", CheckState::Note)]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_bad() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let in_the_way = folder.path().join("file/state").into_os_string();
        let told = folders(&Machine::below(Path::new("/nowhere"), folder.path(), [("XDG_STATE_HOME", in_the_way)]));
        assert_eq!(states(told), [CheckState::Bad, CheckState::Ok]);
    }

    #[test]
    fn too_few_files_are_bad() {
        assert_eq!(files(Some(64)).state, CheckState::Bad);
        assert_eq!(files(Some(256)).says, "256 may be open: enough for `--concurrency` up to 96");
        assert_eq!((files(None).state, files(Some(1 << 20)).state), (CheckState::Ok, CheckState::Ok));
    }

    #[test]
    fn cryptography_that_fails_is_bad() {
        assert_eq!((cryptography(false).state, cryptography(true).state), (CheckState::Bad, CheckState::Ok));
    }
}
