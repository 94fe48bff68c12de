//! What the commands share that ask hosts: look around, make the handshakes, keep the evidence, judge, show.

use std::sync::Arc;

use mintwatch_validator::evidence::{Evidence, Host};
use mintwatch_validator::{Report, Tables, judge};
use rand::Rng;

use super::tables::add_local_anchors;
use super::{Status, files, print, remembering, report, tell};
use crate::cli::{Angles, Answering, Judging, Looking, ProxyChoice, Remembering, ResolverKind};
use crate::consent;
use crate::error::Error;
use crate::memory::{Kind, Run};
use crate::observe::{self, Angle, Elsewhere, Journal, Limits, Plan, Planned, Proxy, Purpose, Resolver, Tour};
use crate::places::Folder;
use crate::terminal::Bar;

/// Whom to ask.
#[derive(Debug, Clone, Default)]
pub(super) struct Errand {
    /// The handshakes to make, in the order of the document.
    pub(super) targets: Vec<Planned>,
    /// Who else is asked for addresses.
    pub(super) elsewhere: Vec<Elsewhere>,
}

impl Errand {
    /// Plans to ask hosts from the angles that were asked for, or from those that are usual for the command.
    pub(super) fn to(hosts: &[(Host, u16)], usual: &[Angle], looking: &Looking, rng: &mut impl Rng) -> Self {
        let angles = match &looking.angles {
            None | Some(Angles::Usual) => usual.iter().copied().collect(),
            Some(Angles::These(angles)) => angles.clone(),
        };
        let tour = Tour { rounds: usize::from(looking.rounds), angles };
        let elsewhere = match (tour.angles.contains(&Angle::Resolvers), looking.other_resolver.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => Elsewhere::usual(),
            (true, false) => looking.other_resolver.clone(),
        };
        Self { targets: observe::plan(hosts, &tour, rng), elsewhere }
    }
}

/// What a run has to do with the memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping<'a> {
    /// What it is called in the history; none when it is not kept.
    pub(super) kind: Option<Kind>,
    /// What is remembered, and under which name.
    pub(super) remembering: &'a Remembering,
}

/// Makes the planned handshakes, judges them and shows the report.
pub(super) fn look_and_judge(
    errand: Errand,
    keeping: Keeping<'_>,
    looking: &Looking,
    answering: &Answering,
    tables: &Tables,
) -> Result<Status, Error> {
    report::check(&answering.output, 1)?;
    let evidence = look_once(errand, Some(keeping.remembering), looking, &answering.judging, tables)?;
    let report = judge(&evidence, tables);
    let status = report::answer(&evidence, &report, answering)?;
    remembering::tell_of_new_anchors(&report, &keeping.remembering.place);
    keep(&evidence, &report, keeping, tables)?;
    tell(&format!("hint: {}", next_step(&report, looking)));
    Ok(status)
}

/// Enters a run into the history, where that was asked for.
fn keep(evidence: &Evidence, report: &Report, keeping: Keeping<'_>, tables: &Tables) -> Result<(), Error> {
    if let Some(kind) = keeping.kind {
        let memory = &mut remembering::open(&keeping.remembering.place)?;
        let network = remembering::here(memory, keeping.remembering);
        let says = remembering::says(&remembering::told(evidence, report, tables));
        let kept = memory.append(Run::of(report, kind, network, says))?;
        tell(&format!("kept as entry {} of the history; its head is now {}", kept.entry.number, kept.head));
    }
    Ok(())
}

/// Asks more hosts than one document should hold: in batches, each with its own evidence and report, one a line under
/// `--json`, so that what it takes does not grow with the list.
pub(super) fn look_in_batches(
    hosts: &[(Host, u16)],
    usual: &[Angle],
    rng: &mut impl Rng,
    keeping: Keeping<'_>,
    looking: &Looking,
    answering: &Answering,
    tables: &Tables,
) -> Result<Status, Error> {
    let batches = hosts.len().div_ceil(BATCH);
    report::check(&answering.output, batches)?;
    let mut saved = looking.save_evidence.as_deref().map(files::Lines::create).transpose()?;
    let each = Looking { save_evidence: None, ..looking.clone() };
    let mut worst = Status::CLEAR;
    for (number, batch) in hosts.chunks(BATCH).enumerate() {
        let errand = Errand::to(batch, usual, looking, rng);
        let evidence = look_once(errand, Some(keeping.remembering), &each, &answering.judging, tables)?;
        if let Some(saved) = &mut saved {
            saved.add(&evidence.to_json())?;
        }
        let report = judge(&evidence, tables);
        if answering.is_for_people() {
            print(&format!("batch {} of {batches}, {} hosts\n", number + 1, batch.len()))?;
        }
        worst = worst.or_worse(report::answer(&evidence, &report, answering)?);
        keep(&evidence, &report, keeping, tables)?;
    }
    saved.map_or(Ok(()), files::Lines::finish)?;
    if let Some(path) = &looking.save_evidence {
        tell(&format!("hint: `mintwatch judge - < {}` repeats these verdicts offline", path.display()));
    }
    Ok(worst)
}

/// Makes the planned handshakes in a runtime of its own, and saves the evidence where that was asked for.
pub(super) fn look_once(
    errand: Errand,
    remembering: Option<&Remembering>,
    looking: &Looking,
    judging: &Judging,
    tables: &Tables,
) -> Result<Evidence, Error> {
    let runtime = observe::runtime()?;
    let evidence = runtime.block_on(look(errand, remembering, looking, judging, tables));
    // A name lookup of the system's cannot be cancelled; nobody waits for it.
    runtime.shutdown_background();
    let evidence = evidence?;
    if let Some(path) = &looking.save_evidence {
        files::write(path, (evidence.to_json() + "\n").as_bytes())?;
    }
    Ok(evidence)
}

/// Makes the planned handshakes; adds what is stated and what is remembered of the hosts asked.
pub(super) async fn look(
    errand: Errand,
    remembering: Option<&Remembering>,
    looking: &Looking,
    judging: &Judging,
    tables: &Tables,
) -> Result<Evidence, Error> {
    if errand.targets.is_empty() {
        return Err(Error::NoHosts);
    }
    let proxy = proxy(looking)?;
    consent::obtain(looking.yes)?;
    let asked = errand.targets.iter().map(|planned| (planned.target.host.clone(), planned.target.port)).collect();
    let mut bar = Bar::new(!looking.no_progress);
    let plan = Plan {
        targets: errand.targets,
        concurrency: usize::from(looking.concurrency),
        limits: Limits::default(),
        resolver: resolver(looking)?,
        elsewhere: errand.elsewhere,
        proxy,
        ground_truth: !looking.no_ground_truth,
        journal: if looking.no_journal { None } else { journal() },
        surroundings: observe::look_around(|sha256| tables.anchor(sha256).is_some()),
    };
    let evidence = observe::run_async(plan, &mut bar).await;
    bar.finish();
    let mut evidence = evidence?;
    add_local_anchors(&mut evidence, judging)?;
    if let Some(remembering) = remembering {
        evidence.surroundings.remembered = remembering::recall(&asked, &remembering.place);
    }
    Ok(evidence)
}

/// Opens the journal, and tells of connections in which an earlier run died. Without one the run goes on.
pub(super) fn journal() -> Option<Arc<Journal>> {
    let folder = Folder::State.here()?.join("journal");
    match Journal::open(&folder) {
        Ok((journal, deaths)) => {
            for death in deaths {
                let during = match death.purpose {
                    Purpose::Handshake | Purpose::QuicHandshake => "during a handshake with",
                    Purpose::Questions => "during questions to the resolver",
                    Purpose::Page => "during a request in plain HTTP to",
                };
                tell(&format!("note: an earlier run died {during} {}:{}", death.host, death.port));
            }
            Some(Arc::new(journal))
        }
        Err(error) => {
            tell(&format!("note: no journal is kept, so that a crash would leave no trace: {error}"));
            None
        }
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

/// How many hosts one document holds: enough for what only shows across hosts, little enough for any machine.
pub(super) const BATCH: usize = 256;
