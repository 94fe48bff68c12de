//! A gateway of ours that picks out some connections and lets the rest pass: no product can be told to.

use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mintwatch::demo::firewall::{self, LeafKeys, Selection, Settings};
use mintwatch::demo::pki::Authority;
use rustls::RootCertStore;

use super::net::{INTERCEPTOR_PORT, Inside, Net, Place};

/// Which connections the gateway picks out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picks {
    /// All.
    All,
    /// Those to these names.
    Names(BTreeSet<String>),
    /// Every fifth, whomever it is for.
    EveryFifth,
}

/// The names that were intercepted, as the interceptor itself knows them.
pub type Met = Arc<Mutex<BTreeSet<String>>>;

impl Picks {
    /// Returns the selection, which notes whom it has picked out.
    pub fn selection(self, met: &Met) -> Selection {
        let (met, count) = (Arc::clone(met), AtomicUsize::new(0));
        Arc::new(move |name| {
            let picked = match &self {
                Self::All => true,
                Self::Names(names) => names.contains(name),
                Self::EveryFifth => count.fetch_add(1, Ordering::Relaxed) % 5 == 4,
            };
            if picked {
                met.lock().unwrap().insert(name.to_owned());
            }
            picked
        })
    }
}

/// The gateway while it runs.
pub struct Gateway {
    met: Met,
    _servers: Inside,
}

impl Gateway {
    /// Starts it with the key of `authority`; it verifies origins by `roots`.
    pub fn start(net: &Net, authority: Authority, picks: Picks, origins: HashMap<String, SocketAddr>, roots: RootCertStore) -> Self {
        let met = Met::default();
        let settings =
            Settings { authority, leaf_keys: LeafKeys::OneForAll, selection: picks.selection(&met), origins, roots: Some(roots) };
        let servers = net.serve(Place::Gateway, move || {
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, INTERCEPTOR_PORT))?;
            listener.set_nonblocking(true)?;
            Ok(vec![firewall::run(tokio::net::TcpListener::from_std(listener)?, settings)?])
        });
        Self { met, _servers: servers }
    }

    /// Returns whose connections it has intercepted so far.
    pub fn met(&self) -> BTreeSet<String> {
        self.met.lock().unwrap().clone()
    }
}
