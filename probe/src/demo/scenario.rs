//! Scenarios: who stands between the client and the lab's origins, if anybody.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mintwatch_validator::evidence::{Bytes, Host, MachineAnchor, Seen, Sha256};
use mintwatch_validator::tables::Overlay;
use rustls::RootCertStore;
use tokio::net::TcpListener;

use super::firewall::{self, LeafKeys, Selection, Settings};
use super::origin::{self, Server};
use super::pki::Authority;
use super::world::{RESIDENTS, World, WorldError};

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
}

impl Scenario {
    /// Every scenario; the first is the one that is played unless another is asked for.
    pub const ALL: [Self; 6] = [Self::Mcs, Self::Clean, Self::Corporate, Self::Untrusted, Self::LeakedKey, Self::Selective];

    /// Returns the name it is asked for by.
    pub fn id(self) -> &'static str {
        match self {
            Self::Mcs => "mcs",
            Self::Clean => "clean",
            Self::Corporate => "corporate",
            Self::Untrusted => "untrusted",
            Self::LeakedKey => "leaked-key",
            Self::Selective => "selective",
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
        }
    }
}

/// A running scenario; everything ends when it is dropped.
pub struct Stage {
    /// What the tables of this world hold.
    pub overlay: Overlay,
    /// Where each host is found: what DNS and the route do for a client outside the lab.
    pub addresses: BTreeMap<Host, SocketAddr>,
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
        let origins = origin::serve(listener().await?, world.sites()?).map_err(StageError::Listen)?;
        let hosts = overlay.pool.iter().map(|known| known.host.clone());
        let mut roots = RootCertStore::empty();
        for root in world.roots() {
            roots.add(root.der().clone()).map_err(WorldError::Tls)?;
        }
        let (authority, added_anchor) = held_by_the_box(scenario, world)?;
        let Some(authority) = authority else {
            let addresses = hosts.map(|host| (host, origins.address())).collect();
            return Ok(Self { overlay, addresses, added_anchor, _servers: vec![origins] });
        };
        let settings = Settings {
            authority,
            leaf_keys: if scenario == Scenario::LeakedKey { LeafKeys::OnePerHost } else { LeafKeys::OneForAll },
            selection: selection(scenario),
            origins: hosts.clone().map(|host| (host.as_str().to_owned(), origins.address())).collect(),
            roots,
        };
        let firewall = firewall::run(listener().await?, settings).map_err(StageError::Listen)?;
        let addresses = hosts.map(|host| (host, firewall.address())).collect();
        Ok(Self { overlay, addresses, added_anchor, _servers: vec![origins, firewall] })
    }
}

async fn listener() -> Result<TcpListener, StageError> {
    TcpListener::bind(("127.0.0.1", 0)).await.map_err(StageError::Listen)
}

/// The CA in the firewall, and what the machine was made to trust for it.
fn held_by_the_box(scenario: Scenario, world: World) -> Result<(Option<Authority>, Option<MachineAnchor>), WorldError> {
    Ok(match scenario {
        Scenario::Clean => (None, None),
        Scenario::Mcs | Scenario::Selective => (Some(world.undisclosed_intermediate()?), None),
        Scenario::Corporate => {
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
