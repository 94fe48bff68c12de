//! `demo`: a scenario played in a mini-Internet on loopback, observed and judged as the world would be.

use std::fmt::Write as _;

use mintwatch_validator::evidence::Evidence;
use mintwatch_validator::judge;

use super::report::{answer, check};
use super::{Status, files, lay_over, print, tell};
use crate::cli::{Answering, DemoArgs, Judging};
use crate::demo::scenario::{Scenario, Stage};
use crate::error::Error;
use crate::laundering::grade;
use crate::observe;
use crate::terminal::{Bar, Look};

/// Plays a scenario, observes it and judges what was seen.
///
/// # Errors
/// [`Error`] when the scenario could not be set, or its output not be written.
pub fn run(args: &DemoArgs) -> Result<Status, Error> {
    if args.list {
        print(&list())?;
        return Ok(Status::CLEAR);
    }
    check(&args.output, 1)?;
    tell(&format!("demo `{}`: {}", args.scenario.id(), args.scenario.summary()));
    let runtime = observe::runtime()?;
    // The servers run in the observer's own runtime and end with it.
    let (stage, evidence) = runtime.block_on(play(args))?;
    drop(runtime);
    if let Some(path) = &args.save_overlay {
        let overlay = serde_json::to_string(&stage.overlay).map_err(|error| Error::Stream(error.into()))?;
        files::write(path, (overlay + "\n").as_bytes())?;
    }
    if let Some(path) = &args.save_evidence {
        files::write(path, (evidence.to_json() + "\n").as_bytes())?;
    }
    let tables = lay_over(&stage.overlay)?;
    let report = judge(&evidence, &tables);
    let judging = Judging { json: args.json, ..Judging::default() };
    let answering = Answering { judging, output: args.output.clone() };
    let status = answer(&evidence, &report, &answering)?;
    if answering.is_for_people() && !stage.known_bad.is_empty() {
        print(&format!("\n{}", super::launder::draw(&grade(&evidence, &report), Look::of_stdout())))?;
    }
    tell(&format!("hint: {}", next_step(args)));
    Ok(status)
}

async fn play(args: &DemoArgs) -> Result<(Stage, Evidence), Error> {
    let stage = Stage::set(args.scenario, observe::unix_seconds()).await?;
    let tables = lay_over(&stage.overlay)?;
    let plan = stage.plan(observe::look_around(|sha256| tables.anchor(sha256).is_some()));
    let mut bar = Bar::new(!args.no_progress);
    let evidence = observe::run_async(plan, &mut bar).await;
    bar.finish();
    Ok((stage, evidence?))
}

fn list() -> String {
    let columns = Scenario::ALL.iter().map(|scenario| scenario.id().len()).max().unwrap_or(0);
    Scenario::ALL.iter().fold(String::new(), |mut list, scenario| {
        let _ = writeln!(list, "{:<columns$}  {}", scenario.id(), scenario.summary());
        list
    })
}

fn next_step(args: &DemoArgs) -> String {
    match (&args.save_evidence, &args.save_overlay) {
        (Some(evidence), Some(overlay)) => {
            format!("`mintwatch judge {} --lab-tables {}` repeats this verdict offline", evidence.display(), overlay.display())
        }
        _ => "add `--save-evidence FILE --save-overlay FILE` to judge it again, `--list` shows other scenarios".to_owned(),
    }
}
