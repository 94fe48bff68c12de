//! Keeps a run of the laboratory as a replay, small enough for a repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mintwatch_validator::evidence::{Evidence, Host, Seen};
use xtask::interceptions::Expected;

/// The most hosts that are kept of a run.
const MOST_HOSTS: usize = 2;

/// Writes a run into a folder of its own below `into`: evidence, tables, what it was, and a page for people.
pub fn keep(into: &Path, name: &str, evidence: &Path, overlay: &Path, expected: &Expected) {
    let folder = into.join(name);
    fs::create_dir_all(&folder).unwrap();
    let evidence = Evidence::from_json(&fs::read(evidence).unwrap()).unwrap();
    let hosts = chosen(&evidence, &expected.hosts);
    let expected = Expected { hosts: expected.hosts.intersection(&hosts).cloned().collect(), ..expected.clone() };
    let file = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    file("evidence.json", &only(evidence, &hosts).to_json());
    file("expected.toml", &expected.text());
    file("README.md", &page(name, &expected, &hosts));
    fs::copy(overlay, folder.join("overlay.json")).unwrap();
}

/// Some of the hosts that were met and, where there is one, a host that was not.
fn chosen(evidence: &Evidence, met: &BTreeSet<String>) -> BTreeSet<String> {
    let all: BTreeSet<String> = evidence.observations.iter().map(|observation| observation.target.host.to_string()).collect();
    let passed = all.difference(met).take(1);
    let mut chosen: BTreeSet<String> = passed.cloned().collect();
    chosen.extend(all.intersection(met).take(MOST_HOSTS - chosen.len()).cloned());
    let rest: Vec<String> = all.difference(&chosen).take(MOST_HOSTS - chosen.len()).cloned().collect();
    chosen.extend(rest);
    chosen
}

fn only(mut evidence: Evidence, hosts: &BTreeSet<String>) -> Evidence {
    let is_kept = |host: &Host| hosts.contains(host.as_str());
    evidence.observations.retain(|observation| is_kept(&observation.target.host));
    if let Seen::Yes(answers) = &mut evidence.surroundings.dns {
        answers.retain(|answer| is_kept(&answer.host));
    }
    evidence
}

fn page(name: &str, expected: &Expected, hosts: &BTreeSet<String>) -> String {
    let Expected { interceptor, version, root, selection, cause, .. } = expected;
    let list = |hosts: &BTreeSet<String>| hosts.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ");
    let (who, called) = if expected.hosts.is_empty() {
        ("Nobody was in the middle.".to_owned(), "All are clear".to_owned())
    } else {
        (
            format!("In the middle was {interceptor} {version} with the key of a {root}; it intercepted {selection}."),
            format!(
                "Intercepted, as the interceptor itself knows: {}, which is {}; all others are clear",
                list(&expected.hosts),
                cause.word()
            ),
        )
    };
    format!(
        "# {name}\n\n\
         A run of `tests/interceptors.rs`. {who}\n\n\
         Nothing is re-enacted: these are the handshakes as `mintwatch check` made them, in a network of documentation addresses that no\n\
         route leads out of. Origins, roots and keys were made for the run and are trusted nowhere else.\n\n\
         Hosts kept: {}. {called}.\n",
        list(hosts),
    )
}
