//! JUnit XML, as build servers read it: one case for each condition. An interception is a failure, what could not be
//! judged an error, what was not measured is skipped.

use std::fmt::Write as _;
use std::io;

use mintwatch_validator::verdict::Cause;
use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::record::{Record, Records};
use super::scale::title;
use super::text::rfc3339;

pub(super) fn write(records: &Records) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory cannot fail.
    let _ = suites(&mut writer, records);
    let text = String::from_utf8(writer.into_inner()).unwrap_or_default();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", ascii(&text))
}

fn suites(writer: &mut Writer<Vec<u8>>, records: &Records) -> io::Result<()> {
    let run = &records.run;
    let count = |wanted: Outcome| records.records.iter().filter(|record| outcome(record) == wanted).count().to_string();
    let (tests, failures, errors) = (records.records.len().to_string(), count(Outcome::Failure), count(Outcome::Error));
    let skipped = count(Outcome::Skipped);
    let time = seconds(run.ended_at.saturating_sub(run.began_at));
    let counts = [("tests", tests.as_str()), ("failures", &failures), ("errors", &errors), ("time", &time)];
    let begun = rfc3339(run.began_at);
    // The schema of Ant's reports has no time zone: it is UTC.
    let begun = begun.split('.').next().unwrap_or_default();
    writer.create_element("testsuites").with_attributes(counts).write_inner_content(|writer| {
        let suite = writer.create_element("testsuite").with_attribute(("name", "mintwatch")).with_attributes(counts);
        let suite = suite.with_attribute(("skipped", skipped.as_str())).with_attribute(("timestamp", begun));
        suite.write_inner_content(|writer| {
            properties(writer, records)?;
            records.records.iter().try_for_each(|record| case(writer, record))
        })?;
        Ok(())
    })?;
    Ok(())
}

fn properties(writer: &mut Writer<Vec<u8>>, records: &Records) -> io::Result<()> {
    let run = &records.run;
    let stale = run.knowledge.stale_tables.join(", ");
    let mut all =
        vec![("run_id", run.run_id.as_str()), ("cause", run.cause.word()), ("because", &run.because), ("judge", &run.knowledge.judge)];
    all.extend(run.knowledge.lab_tables.as_deref().map(|label| ("lab_tables", label)));
    all.extend(run.knowledge.stale.then_some(("stale_tables", stale.as_str())));
    writer.create_element("properties").write_inner_content(|writer| {
        for (name, value) in all {
            writer.create_element("property").with_attributes([("name", name), ("value", value)]).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case(writer: &mut Writer<Vec<u8>>, record: &Record) -> io::Result<()> {
    let (class, name) = (record.place(), format!("{} ({})", record.place(), record.ways.join("; ")));
    let time = seconds(record.last_seen.saturating_sub(record.first_seen));
    let attributes = [("classname", class.as_str()), ("name", name.as_str()), ("time", time.as_str())];
    let case = writer.create_element("testcase").with_attributes(attributes);
    let element = match outcome(record) {
        Outcome::Passed => {
            case.write_empty()?;
            return Ok(());
        }
        Outcome::Failure => "failure",
        Outcome::Error => "error",
        Outcome::Skipped => "skipped",
    };
    case.write_inner_content(|writer| {
        let element = writer.create_element(element).with_attribute(("message", record.because.as_str()));
        if outcome(record) == Outcome::Skipped {
            element.write_empty()?;
        } else {
            element.with_attribute(("type", record.cause.word())).write_text_content(BytesText::new(&content(record)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn content(record: &Record) -> String {
    let mut lines = vec![format!("{}: severity {}", title(record.cause), crate::terminal::severity(record.severity))];
    lines.extend(record.chain.iter().map(|item| format!("{} issued by {} sha256 {}", item.subject.text, item.issuer.text, item.sha256)));
    lines.extend(record.rules.iter().map(|rule| format!("{}: {}", rule.id, rule.says)));
    lines.push(format!("finding {}", record.finding_id));
    lines.join("\n")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn outcome(record: &Record) -> Outcome {
    match record.cause {
        Cause::Clear => Outcome::Passed,
        Cause::NotMeasured => Outcome::Skipped,
        _ if record.is_alert() => Outcome::Failure,
        _ => Outcome::Error,
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Writes letters beyond ASCII as references (XML 1.0 §4.1): some of them XML does not allow as they are.
fn ascii(xml: &str) -> String {
    let mut safe = String::with_capacity(xml.len());
    for letter in xml.chars() {
        match letter {
            letter if letter.is_ascii() => safe.push(letter),
            '\u{fffe}' | '\u{ffff}' => safe.push('?'),
            letter => drop(write!(safe, "&#x{:x};", u32::from(letter))),
        }
    }
    safe
}
