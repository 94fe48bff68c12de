//! What `scan` and `check` share: look around, make the handshakes, keep the evidence, judge, show.

use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::{Report, Tables, judge};

use super::tables::add_local_anchors;
use super::{Status, files, print, report, tell};
use crate::cli::{Judging, Looking, ResolverKind};
use crate::error::Error;
use crate::observe::{self, Limits, Plan, Planned, Resolver};
use crate::terminal::{Bar, Look, render};

/// Makes the planned handshakes, judges them and shows the report.
pub(super) fn look_and_judge(targets: Vec<Planned>, looking: &Looking, judging: &Judging, tables: &Tables) -> Result<Status, Error> {
    if targets.is_empty() {
        return Err(Error::NoHosts);
    }
    let mut evidence = look(targets, looking, tables)?;
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

fn look(targets: Vec<Planned>, looking: &Looking, tables: &Tables) -> Result<Evidence, Error> {
    let runtime = observe::runtime()?;
    // The resolver's own sockets live in this runtime.
    let resolver = runtime.block_on(async { resolver(looking) })?;
    let mut bar = Bar::new(targets.len(), !looking.no_progress);
    let plan = Plan {
        targets,
        concurrency: usize::from(looking.concurrency),
        limits: Limits::default(),
        resolver,
        surroundings: observe::look_around(|sha256| tables.anchor(sha256).is_some()),
    };
    let evidence = runtime.block_on(observe::run_async(plan, &mut bar));
    // A name lookup of the system's cannot be cancelled; nobody waits for it.
    runtime.shutdown_background();
    bar.finish();
    Ok(evidence?)
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
