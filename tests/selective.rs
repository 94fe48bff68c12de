//! Who picks out some connections is met: real handshakes over loopback, run after run.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mintwatch::demo::firewall::{self, LeafKeys, Selection, Settings};
use mintwatch::demo::origin::{self, Server};
use mintwatch::demo::world::{Resident, World};
use mintwatch::observe::{Plan, Resolver, run_async, unix_seconds};
use mintwatch_tests::Random;
use mintwatch_tests::lab::stand::overlay;
use mintwatch_validator::draw::{Candidate, draw};
use mintwatch_validator::evidence::{Host, Seen, Surroundings};
use mintwatch_validator::tables::Tables;
use mintwatch_validator::verdict::Cause;
use mintwatch_validator::{Report, judge};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rustls::RootCertStore;
use tokio::net::TcpListener;

/// R-E3: the box knows whom browsers pin, and lets those pass.
#[test]
fn a_box_that_lets_pinned_hosts_pass_is_met_by_every_draw() {
    let pool = Candidate::pool(&Tables::compiled());
    let pinned: Vec<String> = pool.iter().filter(|one| one.pinned).map(|one| one.host.to_string()).collect();
    assert!(pinned.len() > 20, "{} hosts are passed on", pinned.len());
    let residents: Vec<Resident> = pool.iter().map(|one| resident(&one.host)).collect();
    let let_pass = pinned.clone();
    runtime().block_on(async move {
        let lab = Loopback::start(&residents, Arc::new(move |name| !let_pass.iter().any(|pinned| pinned == name))).await;
        let mut rng = StdRng::seed_from_u64(3);
        for round in 0..100 {
            let hosts: Vec<Host> =
                draw(&pool, 20, &mut |bound| rng.random_range(..bound)).into_iter().map(|one| one.host.clone()).collect();
            let report = lab.check(&hosts).await;
            assert_eq!((round, report.verdict.cause), (round, Cause::PublicAuthorityInterception));
            for host in &report.hosts {
                let was = if pinned.contains(&host.host.to_string()) { Cause::Clear } else { Cause::PublicAuthorityInterception };
                assert_eq!((&host.host, host.verdict.cause), (&host.host, was));
            }
        }
    });
}

/// R-E5: the box takes one connection in five, by chance; ten hosts are asked twice.
#[test]
fn a_box_that_takes_one_connection_in_five_is_met_in_nearly_every_run() {
    let met: usize = std::thread::scope(|scope| {
        let halves = [5, 7].map(|seed| scope.spawn(move || runs_with_one_in_five(500, seed)));
        halves.map(|half| half.join().unwrap()).iter().sum()
    });
    assert!(met * 100 >= 1000 * 95, "{met} of 1000");
}

/// Returns in how many of these runs the box was met; it must be in every one in which it took a connection.
fn runs_with_one_in_five(runs: usize, seed: u64) -> usize {
    let residents: Vec<Resident> =
        Candidate::pool(&Tables::compiled()).iter().filter(|one| !one.pinned).take(10).map(|one| resident(&one.host)).collect();
    let hosts: Vec<Host> = residents.iter().cycle().take(20).map(|one| Host::parse(one.host).unwrap()).collect();
    let (random, taken) = (Mutex::new(Random(seed)), Arc::new(Mutex::new(0_usize)));
    let count = Arc::clone(&taken);
    let one_in_five = move |_: &str| {
        let is_picked = random.lock().unwrap().below(5) == 0;
        *count.lock().unwrap() += usize::from(is_picked);
        is_picked
    };
    runtime().block_on(async move {
        let lab = Loopback::start(&residents, Arc::new(one_in_five)).await;
        let mut met = 0;
        for _ in 0..runs {
            *taken.lock().unwrap() = 0;
            let report = lab.check(&hosts).await;
            let minted = report.hosts.iter().filter(|host| host.verdict.cause == Cause::PublicAuthorityInterception).count();
            let clear = report.hosts.iter().filter(|host| host.verdict.cause == Cause::Clear).count();
            assert_eq!((minted, minted + clear), (*taken.lock().unwrap(), 20), "every connection is called what it was");
            met += usize::from(report.verdict.cause == Cause::PublicAuthorityInterception);
        }
        met
    })
}

fn resident(host: &Host) -> Resident {
    let host = host.to_string().leak();
    Resident { host, operator: host, class: "any" }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Origins and a box before them, with the intermediate that MCS held.
struct Loopback {
    tables: Tables,
    at: SocketAddr,
    _servers: [Server; 2],
}

impl Loopback {
    async fn start(residents: &[Resident], selection: Selection) -> Self {
        let world = World::new(residents, unix_seconds()).unwrap();
        let origins = origin::serve(listener().await, world.sites().unwrap()).unwrap();
        let mut roots = RootCertStore::empty();
        for root in world.roots() {
            roots.add(root.der().clone()).unwrap();
        }
        let settings = Settings {
            authority: world.undisclosed_intermediate().unwrap(),
            leaf_keys: LeafKeys::OneForAll,
            selection,
            origins: residents.iter().map(|one| (one.host.to_owned(), origins.address())).collect::<HashMap<_, _>>(),
            roots: Some(roots),
        };
        let firewall = firewall::run(listener().await, settings).unwrap();
        let tables = Tables::compiled().with_overlay(&overlay(&world, "TEST lab on loopback")).unwrap();
        Self { tables, at: firewall.address(), _servers: [origins, firewall] }
    }

    /// Asks every host once for each time it is named, all through the box, and judges.
    async fn check(&self, hosts: &[Host]) -> Report {
        let mut resolver = Resolver::stated_only();
        for host in hosts {
            resolver.state(host.clone(), 443, self.at);
        }
        let surroundings = Surroundings { anchors: Seen::Yes(Vec::new()), ..Surroundings::unseen() };
        let plan = Plan { resolver, surroundings, ..Plan::for_hosts(hosts.iter().map(|host| (host.clone(), 443))) };
        judge(&run_async(plan, &mut ()).await.unwrap(), &self.tables)
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}
