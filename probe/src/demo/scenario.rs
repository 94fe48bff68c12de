//! Scenarios: who stands between the client and the lab's origins, if anybody.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mintwatch_validator::evidence::{Bytes, Host, MachineAnchor, Seen, Sha256, Surroundings};
use mintwatch_validator::tables::Overlay;
use rustls::RootCertStore;
use tokio::net::TcpListener;

use super::firewall::{self, LeafKeys, Selection, Settings};
use super::origin::{self, Server};
use super::pki::Authority;
use super::world::{RESIDENTS, World, WorldError};
use crate::laundering::KnownBad;
use crate::observe::{Plan, Resolver};

/// What every output of the demo calls the tables it was judged by.
pub const LABEL: &str = "TEST lab of `mintwatch demo`: authorities made just now, trusted nowhere else";

/// Who is in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A firewall with an undisclosed intermediate of a public root, as in Cairo in 2015.
    Mcs,
    /// Nobody.
    Clean,
    /// A firewall under a root that was put into this machine's trust store.
    Corporate,
    /// A firewall under a root that nobody trusts.
    Untrusted,
    /// A firewall with the stolen key of a disclosed intermediate.
    LeakedKey,
    /// The firewall of `mcs`, but it picks out mail and search and lets the rest pass.
    Selective,
    /// A firewall under a root of this machine that takes any certificate of an origin for good.
    Laundering,
}

impl Scenario {
    /// Every scenario; the first is the one that is played unless another is asked for.
    pub const ALL: [Self; 7] =
        [Self::Mcs, Self::Clean, Self::Corporate, Self::Untrusted, Self::LeakedKey, Self::Selective, Self::Laundering];

    /// Returns the name it is asked for by.
    pub fn id(self) -> &'static str {
        match self {
            Self::Mcs => "mcs",
            Self::Clean => "clean",
            Self::Corporate => "corporate",
            Self::Untrusted => "untrusted",
            Self::LeakedKey => "leaked-key",
            Self::Selective => "selective",
            Self::Laundering => "laundering",
        }
    }

    /// Returns the scenario with this name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.id() == id)
    }

    /// Returns who is in the middle, as one clause.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Mcs => "a firewall holds an unconstrained, undisclosed intermediate of a public root, as MCS did in 2015",
            Self::Clean => "nobody is in the middle",
            Self::Corporate => "a company's firewall mints under a root that was added to this machine",
            Self::Untrusted => "a stranger's firewall mints under a root that nobody trusts",
            Self::LeakedKey => "a thief mints with the stolen key of a disclosed intermediate",
            Self::Selective => "the firewall of `mcs` picks out mail and search and lets the rest pass",
            Self::Laundering => "a company's firewall takes any certificate for good, and hides it behind one of its own",
        }
    }
}

/// A running scenario; everything ends when it is dropped.
pub struct Stage {
    /// What the tables of this world hold.
    pub overlay: Overlay,
    /// Where each host is found: what DNS and the route do for a client outside the lab.
    pub addresses: BTreeMap<Host, SocketAddr>,
    /// The origins among them that are broken on purpose.
    pub known_bad: Vec<KnownBad>,
    /// The trust anchor that the scenario adds to this machine's, if it adds one.
    pub added_anchor: Option<MachineAnchor>,
    _servers: Vec<Server>,
}

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The lab's world cannot be made.
    #[error(transparent)]
    World(#[from] WorldError),
    /// No listener on loopback.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(#[source] io::Error),
}

impl Stage {
    /// Makes the lab's world anew and starts its servers on free ports of 127.0.0.1; `now` is in UNIX seconds.
    ///
    /// # Errors
    /// [`StageError`].
    pub async fn set(scenario: Scenario, now: u64) -> Result<Self, StageError> {
        let world = World::new(RESIDENTS, now)?;
        let overlay = world.overlay(LABEL)?;
        let (known_bad, bad_sites) = if scenario == Scenario::Laundering { world.broken()? } else { Default::default() };
        let sites = world.sites()?.into_iter().chain(bad_sites).collect();
        let origins = origin::serve(listener().await?, sites).map_err(StageError::Listen)?;
        let hosts = overlay.pool.iter().map(|known| known.host.clone()).chain(known_bad.iter().map(|bad| bad.host.clone()));
        let hosts: Vec<Host> = hosts.collect();
        let mut roots = RootCertStore::empty();
        for root in world.roots() {
            roots.add(root.der().clone()).map_err(WorldError::Tls)?;
        }
        let (authority, added_anchor) = held_by_the_box(scenario, world)?;
        let Some(authority) = authority else {
            let addresses = hosts.into_iter().map(|host| (host, origins.address())).collect();
            return Ok(Self { overlay, addresses, known_bad, added_anchor, _servers: vec![origins] });
        };
        let settings = Settings {
            authority,
            leaf_keys: if scenario == Scenario::LeakedKey { LeafKeys::OnePerHost } else { LeafKeys::OneForAll },
            selection: selection(scenario),
            origins: hosts.iter().map(|host| (host.as_str().to_owned(), origins.address())).collect(),
            roots: (scenario != Scenario::Laundering).then_some(roots),
        };
        let firewall = firewall::run(listener().await?, settings).map_err(StageError::Listen)?;
        let addresses = hosts.into_iter().map(|host| (host, firewall.address())).collect();
        Ok(Self { overlay, addresses, known_bad, added_anchor, _servers: vec![origins, firewall] })
    }

    /// Plans one handshake with every host of the lab, as a scan of the world outside would be planned.
    ///
    /// `surroundings` is what was seen of this machine; the scenario's anchor is added to its trust store.
    pub fn plan(&self, mut surroundings: Surroundings) -> Plan {
        if let Some(added) = &self.added_anchor {
            let mut anchors = surroundings.anchors.yes().cloned().unwrap_or_default();
            anchors.push(added.clone());
            anchors.sort_by_key(|anchor| anchor.sha256);
            surroundings.anchors = Seen::Yes(anchors);
        }
        let mut resolver = Resolver::stated_only();
        for (host, address) in &self.addresses {
            resolver.state(host.clone(), HTTPS, *address);
        }
        let hosts = self.addresses.keys().map(|host| (host.clone(), HTTPS));
        let mut plan = Plan { resolver, surroundings, ..Plan::for_hosts(hosts) };
        for planned in &mut plan.targets {
            let bad = self.known_bad.iter().find(|bad| bad.host == planned.target.host);
            planned.target.known_fault = bad.map(|bad| bad.fault);
        }
        plan
    }
}

/// The port that clients ask for; where it leads is the route's business.
const HTTPS: u16 = 443;

async fn listener() -> Result<TcpListener, StageError> {
    TcpListener::bind(("127.0.0.1", 0)).await.map_err(StageError::Listen)
}

/// The CA in the firewall, and what the machine was made to trust for it.
fn held_by_the_box(scenario: Scenario, world: World) -> Result<(Option<Authority>, Option<MachineAnchor>), WorldError> {
    Ok(match scenario {
        Scenario::Clean => (None, None),
        Scenario::Mcs | Scenario::Selective => (Some(world.undisclosed_intermediate()?), None),
        Scenario::Corporate | Scenario::Laundering => {
            let root = world.private_root("Contoso TEST Lab", "Contoso TEST Lab Web Filter")?;
            let anchor = anchor_of(&root);
            (Some(root), Some(anchor))
        }
        Scenario::Untrusted => (Some(world.private_root("Stranger TEST Lab", "Stranger TEST Lab CA")?), None),
        Scenario::LeakedKey => (Some(world.into_leaked()), None),
    })
}

fn anchor_of(root: &Authority) -> MachineAnchor {
    let der = root.der().to_vec();
    MachineAnchor { sha256: Sha256::of(&der), origin: "demo".to_owned(), certificate: Seen::Yes(Bytes::from(der)) }
}

fn selection(scenario: Scenario) -> Selection {
    match scenario {
        Scenario::Selective => Arc::new(|host| ["mail.", "imap.", "accounts."].iter().any(|wanted| host.starts_with(wanted))),
        _ => Arc::new(|_| true),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::observe::run_async;
    use mintwatch_validator::evidence::Evidence;
    use mintwatch_validator::finding::Place;
    use mintwatch_validator::report::HostReport;
    use mintwatch_validator::verdict::Cause;
    use mintwatch_validator::{Report, Tables, judge};
    use std::time::{SystemTime, UNIX_EPOCH};

    /// Plays a scenario, and judges twice: what was seen, and what is read back from the saved documents.
    async fn play(scenario: Scenario) -> Report {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let stage = Stage::set(scenario, now).await.unwrap();
        let around = Surroundings { anchors: Seen::Yes(Vec::new()), ..Surroundings::unseen() };
        let evidence = run_async(stage.plan(around), &mut ()).await.unwrap();
        let report = judge(&evidence, &Tables::compiled().with_overlay(&stage.overlay).unwrap());
        let overlay = Overlay::from_json(&serde_json::to_vec(&stage.overlay).unwrap()).unwrap();
        let evidence = Evidence::from_json(evidence.to_json().as_bytes()).unwrap();
        assert_eq!(judge(&evidence, &Tables::compiled().with_overlay(&overlay).unwrap()), report);
        assert_eq!(report.hosts.len(), RESIDENTS.len() + stage.known_bad.len());
        assert_eq!(report.lab_tables.as_deref(), Some(LABEL));
        report
    }

    fn all_are(report: &Report, cause: Cause) {
        let others: Vec<&HostReport> = report.hosts.iter().filter(|host| host.verdict.cause != cause).collect();
        assert!(others.is_empty(), "{:#?}", others[0]);
    }

    /// Whether a detector speaks of a certificate with this in its subject, for every host.
    fn names(report: &Report, detector: &str, subject: &str) -> bool {
        report.hosts.iter().enumerate().all(|(index, host)| {
            let findings = report.findings.iter().filter(|finding| finding.observation == index && finding.detector == detector);
            findings.filter(|finding| !finding.rests_on.is_empty()).any(|finding| match finding.place {
                Some(Place::Certificate(place)) => host.chain[place].subject.contains(subject),
                Some(Place::Anchor(place)) => host.anchors[place].name.contains(subject),
                Some(Place::IssuerOf(place)) => host.chain[place].issuer.contains(subject),
                None => false,
            })
        })
    }

    #[tokio::test]
    async fn with_nobody_in_the_middle_all_is_clear() {
        let report = play(Scenario::Clean).await;
        all_are(&report, Cause::Clear);
        assert!(report.hosts.iter().all(|host| host.verdict.because.contains("SCTs")), "{:?}", report.hosts[0].verdict);
    }

    #[tokio::test]
    async fn the_firewall_of_2015_is_named_with_its_intermediate() {
        let report = play(Scenario::Mcs).await;
        all_are(&report, Cause::PublicAuthorityInterception);
        assert!(names(&report, "undisclosed-subordinate", "MCSHOLDING-STYLE TEST"));
        assert!(names(&report, "one-issuer-many-operators", "MCSHOLDING-STYLE TEST"));
    }

    #[tokio::test]
    async fn a_companys_root_is_local() {
        let report = play(Scenario::Corporate).await;
        all_are(&report, Cause::LocalInterception);
        assert!(names(&report, "local-anchor", "Contoso TEST Lab"));
    }

    #[tokio::test]
    async fn a_strangers_root_is_trusted_by_nobody() {
        all_are(&play(Scenario::Untrusted).await, Cause::UntrustedInterception);
    }

    #[tokio::test]
    async fn a_stolen_key_is_recognised_although_its_ca_was_disclosed() {
        let report = play(Scenario::LeakedKey).await;
        all_are(&report, Cause::PublicAuthorityInterception);
        assert!(names(&report, "compromised-authority", "Lost Key"));
        assert!(report.findings.iter().all(|finding| finding.detector != "undisclosed-subordinate"));
    }

    #[tokio::test]
    async fn who_picks_out_mail_and_search_is_found_on_these() {
        let report = play(Scenario::Selective).await;
        assert_eq!(report.verdict.cause, Cause::PublicAuthorityInterception);
        let intercepted = report.hosts.iter().filter(|host| host.verdict.cause == Cause::PublicAuthorityInterception);
        let intercepted: Vec<&str> = intercepted.map(|host| host.host.as_str()).collect();
        assert_eq!(intercepted, ["accounts.lantern-search.example", "imap.harbour-mail.example", "mail.lantern-search.example"]);
        assert!(report.hosts.iter().filter(|host| host.verdict.cause == Cause::Clear).count() == RESIDENTS.len() - 3);
    }

    #[tokio::test]
    async fn a_box_that_takes_anything_for_good_is_found_to_hide_every_fault() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let stage = Stage::set(Scenario::Laundering, now).await.unwrap();
        let around = Surroundings { anchors: Seen::Yes(Vec::new()), ..Surroundings::unseen() };
        let evidence = run_async(stage.plan(around), &mut ()).await.unwrap();
        let report = judge(&evidence, &Tables::compiled().with_overlay(&stage.overlay).unwrap());
        let grading = crate::laundering::grade(&evidence, &report);
        assert_eq!(grading.grade, Some(crate::laundering::Grade::F));
        assert_eq!(grading.tried.len(), 5);
        assert!(grading.tried.iter().all(|tried| tried.outcome == crate::laundering::Outcome::Laundered), "{grading:#?}");
    }

    #[tokio::test]
    async fn the_same_origins_by_themselves_show_what_is_wrong_with_them() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let world = World::new(RESIDENTS, now).unwrap();
        let (known_bad, sites) = world.broken().unwrap();
        let server = origin::serve(listener().await.unwrap(), sites).unwrap();
        let mut resolver = Resolver::stated_only();
        for bad in &known_bad {
            resolver.state(bad.host.clone(), HTTPS, server.address());
        }
        let mut plan = Plan { resolver, ..Plan::for_hosts(known_bad.iter().map(|bad| (bad.host.clone(), HTTPS))) };
        for (planned, bad) in plan.targets.iter_mut().zip(&known_bad) {
            planned.target.known_fault = Some(bad.fault);
        }
        let evidence = run_async(plan, &mut ()).await.unwrap();
        let report = judge(&evidence, &Tables::compiled().with_overlay(&world.overlay("TEST").unwrap()).unwrap());
        let grading = crate::laundering::grade(&evidence, &report);
        assert_eq!(grading.grade, Some(crate::laundering::Grade::A), "{grading:#?}");
    }

    #[test]
    fn every_scenario_is_found_by_its_name() {
        assert!(Scenario::ALL.iter().all(|&scenario| Scenario::by_id(scenario.id()) == Some(scenario)));
        assert_eq!(Scenario::by_id("nobody"), None);
    }
}
