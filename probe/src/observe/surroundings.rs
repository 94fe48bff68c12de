//! What was true around the handshakes: trust stores, proxies, overrides.

use mintwatch_validator::evidence::{Seen, Sha256, Surroundings};

use super::trust_store::{self, Machine};

/// Looks at this machine. Reads trust stores and names of environment variables, nothing else.
///
/// Clock and portal are left to those who have a witness; DNS answers are filled in by the run.
pub fn look_around(is_public: impl Fn(&Sha256) -> bool) -> Surroundings {
    let machine = Machine::this();
    Surroundings {
        anchors: trust_store::anchors(&machine, is_public),
        store_overrides: Seen::Yes(trust_store::overrides(&machine)),
        proxies: Seen::Yes(proxies(&machine)),
        ..Surroundings::unseen()
    }
}

/// Returns the names of the environment variables that are set and set a proxy. Never their values.
pub fn proxies(machine: &Machine) -> Vec<String> {
    machine.set_variables(PROXIES)
}

const PROXIES: [&str; 5] = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy"];
