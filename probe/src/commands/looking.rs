//! What `scan` and `check` share: look around, make the handshakes, keep the evidence, judge, show.

use std::sync::Arc;

use mintwatch_validator::evidence::{Evidence, Host};
use mintwatch_validator::{Report, Tables, judge};
use rand::Rng;

use super::tables::add_local_anchors;
use super::{Status, files, print, report, tell};
use crate::cli::{Angles, Judging, Looking, ProxyChoice, ResolverKind};
use crate::consent;
use crate::error::Error;
use crate::observe::{self, Angle, Elsewhere, Journal, Limits, Plan, Proxy, Resolver, Tour};
use crate::places;
use crate::terminal::{Bar, Look, render};

/// Whom to ask, and how unless told otherwise.
pub(super) struct Asked<'a> {
    /// The hosts, in the order of the document.
    pub(super) hosts: &'a [(Host, u16)],
    /// The angles of a run that says nothing of angles.
    pub(super) usual: &'a [Angle],
}

/// Makes handshakes with the hosts, judges them and shows the report.
pub(super) fn look_and_judge(
    asked: &Asked<'_>,
    rng: &mut impl Rng,
    looking: &Looking,
    judging: &Judging,
    tables: &Tables,
) -> Result<Status, Error> {
    if asked.hosts.is_empty() {
        return Err(Error::NoHosts);
    }
    consent::obtain(looking.yes)?;
    let mut evidence = look(asked, rng, looking, tables)?;
    add_local_anchors(&mut evidence, judging)?;
    if let Some(path) = &looking.save_evidence {
        files::write(path, (evidence.to_json() + "\n").as_bytes())?;
    }
    let report = judge(&evidence, tables);
    if judging.json {
        print(&(report.to_json() + "\n"))?;
    } else {
        print(&render(&report, Look::of_stdout()))?;
    }
    tell(&format!("hint: {}", next_step(&report, looking)));
    Ok(report::status(&report, judging.strict))
}

/// Returns how to look, by what was asked for and by what this command does unless told otherwise.
fn tour(looking: &Looking, usual: &[Angle]) -> Tour {
    let angles = match &looking.angles {
        None | Some(Angles::Usual) => usual.iter().copied().collect(),
        Some(Angles::These(angles)) => angles.clone(),
    };
    Tour { rounds: usize::from(looking.rounds), angles }
}

fn look(asked: &Asked<'_>, rng: &mut impl Rng, looking: &Looking, tables: &Tables) -> Result<Evidence, Error> {
    let proxy = proxy(looking)?;
    let runtime = observe::runtime()?;
    // The resolver's own sockets live in this runtime.
    let resolver = runtime.block_on(async { resolver(looking) })?;
    let mut bar = Bar::new(!looking.no_progress);
    let tour = tour(looking, asked.usual);
    let plan = Plan {
        targets: observe::plan(asked.hosts, &tour, rng),
        concurrency: usize::from(looking.concurrency),
        limits: Limits::default(),
        resolver,
        elsewhere: elsewhere(looking, &tour),
        proxy,
        ground_truth: !looking.no_ground_truth,
        journal: journal(),
        surroundings: observe::look_around(|sha256| tables.anchor(sha256).is_some()),
    };
    let evidence = runtime.block_on(observe::run_async(plan, &mut bar));
    // A name lookup of the system's cannot be cancelled; nobody waits for it.
    runtime.shutdown_background();
    bar.finish();
    Ok(evidence?)
}

/// Opens the journal, and tells of connections in which an earlier run died. Without one the run goes on.
fn journal() -> Option<Arc<Journal>> {
    let folder = places::state()?.join("journal");
    match Journal::open(&folder) {
        Ok((journal, deaths)) => {
            for death in deaths {
                tell(&format!("note: an earlier run died during a handshake with {}:{}", death.host, death.port));
            }
            Some(Arc::new(journal))
        }
        Err(error) => {
            tell(&format!("note: no journal is kept, so that a crash would leave no trace: {error}"));
            None
        }
    }
}

fn elsewhere(looking: &Looking, tour: &Tour) -> Vec<Elsewhere> {
    match (tour.angles.contains(&Angle::Resolvers), looking.other_resolver.is_empty()) {
        (false, _) => Vec::new(),
        (true, true) => Elsewhere::usual(),
        (true, false) => looking.other_resolver.clone(),
    }
}

fn proxy(looking: &Looking) -> Result<Option<Proxy>, Error> {
    match &looking.proxy {
        Some(ProxyChoice::None) => Ok(None),
        Some(ProxyChoice::This(proxy)) => Ok(Some(proxy.clone())),
        None => match Proxy::of_environment() {
            Ok(set) => Ok(set.map(|(proxy, _)| proxy)),
            Err((variable, why)) => Err(Error::ProxyVariable { variable, why }),
        },
    }
}

fn resolver(looking: &Looking) -> Result<Resolver, Error> {
    let mut resolver = match looking.resolver {
        ResolverKind::System => Resolver::system(),
        ResolverKind::NameServers => Resolver::name_servers()?,
        ResolverKind::Stated => Resolver::stated_only(),
    };
    for stated in &looking.resolve {
        resolver.state(stated.host.clone(), stated.port, stated.address);
    }
    Ok(resolver)
}

fn next_step(report: &Report, looking: &Looking) -> String {
    if report.hosts.iter().all(|host| host.chain.is_empty()) {
        return "no host showed a certificate: is there a network? `mintwatch demo` needs none".to_owned();
    }
    match &looking.save_evidence {
        Some(path) => format!("`mintwatch judge {}` repeats this verdict offline", path.display()),
        None => "add `--save-evidence FILE` to keep what was seen, for others to judge".to_owned(),
    }
}
