//! What `scan` and `check` share: look around, make the handshakes, keep the evidence, judge, show.

use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::{Report, Tables, judge};

use super::tables::add_local_anchors;
use super::{Status, files, remembering, report, tell};
use crate::cli::{Judging, Looking, Remembering, ResolverKind};
use crate::error::Error;
use crate::memory::{Kind, Run};
use crate::observe::{self, Limits, Plan, Planned, Resolver};
use crate::terminal::Bar;

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
    targets: Vec<Planned>,
    keeping: Keeping<'_>,
    looking: &Looking,
    judging: &Judging,
    tables: &Tables,
) -> Result<Status, Error> {
    let runtime = observe::runtime()?;
    let evidence = runtime.block_on(look(targets, Some(keeping.remembering), looking, judging, tables));
    // A name lookup of the system's cannot be cancelled; nobody waits for it.
    runtime.shutdown_background();
    let evidence = evidence?;
    if let Some(path) = &looking.save_evidence {
        files::write(path, (evidence.to_json() + "\n").as_bytes())?;
    }
    let report = judge(&evidence, tables);
    let status = report::show(&report, judging)?;
    remembering::tell_of_new_anchors(&report, &keeping.remembering.place);
    if let Some(kind) = keeping.kind {
        let memory = &mut remembering::open(&keeping.remembering.place)?;
        let network = remembering::here(memory, keeping.remembering);
        let says = remembering::says(&remembering::told(&evidence, &report, tables));
        let kept = memory.append(Run::of(&report, kind, network, says))?;
        tell(&format!("kept as entry {} of the history; its head is now {}", kept.entry.number, kept.head));
    }
    tell(&format!("hint: {}", next_step(&report, looking)));
    Ok(status)
}

/// Makes the planned handshakes; adds what is stated and what is remembered of the hosts asked.
pub(super) async fn look(
    targets: Vec<Planned>,
    remembering: Option<&Remembering>,
    looking: &Looking,
    judging: &Judging,
    tables: &Tables,
) -> Result<Evidence, Error> {
    if targets.is_empty() {
        return Err(Error::NoHosts);
    }
    let asked = targets.iter().map(|planned| (planned.target.host.clone(), planned.target.port)).collect();
    let mut bar = Bar::new(targets.len(), !looking.no_progress);
    let plan = Plan {
        targets,
        concurrency: usize::from(looking.concurrency),
        limits: Limits::default(),
        resolver: resolver(looking)?,
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

fn resolver(looking: &Looking) -> Result<Resolver, Error> {
    let mut resolver = match looking.resolver {
        ResolverKind::System => Resolver::system(),
        ResolverKind::NameServers => Resolver::name_servers()?,
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
