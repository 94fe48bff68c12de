//! What was true around the handshakes: trust store, proxies, overrides.

use mintwatch_validator::evidence::{Seen, Sha256, Surroundings};

use super::trust_store;

/// Looks at this machine. Reads the trust store and names of environment variables, nothing else.
///
/// Clock and portal are left to those who have a witness; DNS answers are filled in by the run.
pub fn look_around(is_public: impl Fn(&Sha256) -> bool) -> Surroundings {
    Surroundings {
        anchors: trust_store::anchors(is_public),
        store_overrides: Seen::Yes(trust_store::overrides()),
        proxies: Seen::Yes(trust_store::set_variables(&PROXIES)),
        ..Surroundings::unseen()
    }
}

const PROXIES: [&str; 5] = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy"];
