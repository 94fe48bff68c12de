//! Incidents of the past: what happened, what was broken, what would have caught it, and from which day.
//!
//! The texts lie in `probe/incidents/`, one file an incident; `mintwatch explain incident`, the pages
//! below `tests/incidents` and `docs/incidents.md` are all made of them.

mod sampling;
mod telling;

use std::sync::LazyLock;

use serde::Deserialize;

pub use sampling::{AUDITS_A_YEAR, SAMPLED_PERCENT, chance_at_share, chance_in_sample, needed_for, sample_size};
pub use telling::{Chapter, Line};

/// One incident.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// The name of its replay: the year and who was involved.
    pub id: String,
    /// What a person calls it on the command line.
    pub short: String,
    /// Its heading.
    pub title: String,
    /// The year in which it became known.
    pub year: u16,
    /// What it was, in one clause.
    pub gist: String,
    /// What happened; blank lines part paragraphs.
    pub story: String,
    /// What in the replay is original, and where it was found.
    pub original: String,
    /// What in the replay is re-enacted, and how.
    pub re_enacted: String,
    /// The clauses it broke, or came close to.
    #[serde(default)]
    clauses: Vec<String>,
    /// What root programs did, and the least they could.
    pub response: String,
    /// The rules that catch it.
    pub caught: Vec<Caught>,
    /// The rules that do not.
    #[serde(default)]
    pub missed: Vec<Missed>,
    /// What the CA itself had stated.
    #[serde(default)]
    pub stated: Vec<Stated>,
    /// The practices that the evidence points at.
    #[serde(default)]
    pub pointed_at: Vec<PointedAt>,
    /// What is known for computing whether a self-audit would have found it.
    pub audit: Option<Audit>,
    /// Where all this is written.
    pub sources: Vec<String>,
}

/// A rule that catches an incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caught {
    /// Id of the detector.
    pub rule: String,
    /// From which day it could have.
    pub from: String,
    /// Why it does.
    pub why: String,
}

/// A rule that does not catch an incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missed {
    /// What one might have hoped for.
    pub rule: String,
    /// Why it does not.
    pub why: String,
}

/// What a CA had stated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// Who, where and when.
    pub by: String,
    /// What.
    pub says: String,
}

/// A practice that the evidence points at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointedAt {
    /// Id of the practice.
    practice: String,
    /// What in the evidence points at it.
    pub why: String,
}

/// What is known of one period of self-audit (BR 2.2.6 §8.7; in 2015 §17.8).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// How many certificates the CA issued in the period; not known, when left out.
    pub issued: Option<u32>,
    /// How many of them were the misissued CA certificates.
    pub misissued: u32,
    /// How many days one of them was valid; at least a whole period, when left out.
    pub valid_days: Option<u32>,
    /// What the numbers rest on.
    pub basis: String,
}

/// A clause then and now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its name in incidents and records.
    pub id: String,
    /// Document and section of the time.
    pub then: String,
    /// Document and section of today.
    pub now: String,
    /// What it asks.
    pub asks: String,
}

/// A practice that Mozilla's texts name as grounds for distrust.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    id: String,
    /// What it is.
    pub says: String,
    /// The text that says so.
    pub rests_on: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    clause: Vec<Clause>,
    practice: Vec<Practice>,
}

/// Returns every incident, by year.
pub fn all() -> &'static [Incident] {
    // A test reads them all, so that none can be lost here.
    static ALL: LazyLock<Vec<Incident>> = LazyLock::new(|| {
        let mut all: Vec<Incident> = TEXTS.iter().filter_map(|text| toml::from_str(text).ok()).collect();
        all.sort_by(|a, b| (a.year, &a.id).cmp(&(b.year, &b.id)));
        all
    });
    &ALL
}

/// Returns the incident of that name, long or short, in any case.
pub fn by_name(name: &str) -> Option<&'static Incident> {
    all().iter().find(|incident| incident.id.eq_ignore_ascii_case(name) || incident.short.eq_ignore_ascii_case(name))
}

/// Returns the practices that Mozilla's texts name as grounds for distrust.
pub fn practices() -> &'static [Practice] {
    &rules().practice
}

/// Returns a clause by its id.
pub fn clause(id: &str) -> Option<&'static Clause> {
    rules().clause.iter().find(|clause| clause.id == id)
}

fn rules() -> &'static Rules {
    static RULES: LazyLock<Rules> = LazyLock::new(|| toml::from_str(include_str!("../../incidents/clauses.toml")).unwrap_or_default());
    &RULES
}

impl Incident {
    /// Returns the clauses it broke, or came close to, in the order of its text.
    pub fn clauses(&self) -> impl Iterator<Item = &'static Clause> {
        self.clauses.iter().filter_map(|id| clause(id))
    }

    /// Returns what in the evidence points at a practice.
    pub fn points_at(&self, practice: &Practice) -> Option<&PointedAt> {
        self.pointed_at.iter().find(|pointed| pointed.practice == practice.id)
    }
}

const TEXTS: [&str; 26] = [
    include_str!("../../incidents/2008-md5-rogue-ca.toml"),
    include_str!("../../incidents/2010-harmony.toml"),
    include_str!("../../incidents/2011-comodo.toml"),
    include_str!("../../incidents/2011-diginotar.toml"),
    include_str!("../../incidents/2012-cyberoam.toml"),
    include_str!("../../incidents/2012-trustwave.toml"),
    include_str!("../../incidents/2013-anssi.toml"),
    include_str!("../../incidents/2013-turktrust.toml"),
    include_str!("../../incidents/2014-india-nic.toml"),
    include_str!("../../incidents/2014-superfish-komodia.toml"),
    include_str!("../../incidents/2015-cnnic-mcs.toml"),
    include_str!("../../incidents/2015-dell.toml"),
    include_str!("../../incidents/2015-hacking-team.toml"),
    include_str!("../../incidents/2015-privdog-adguard.toml"),
    include_str!("../../incidents/2015-symantec-google-precert.toml"),
    include_str!("../../incidents/2016-kazakhstan.toml"),
    include_str!("../../incidents/2016-wosign-startcom.toml"),
    include_str!("../../incidents/2017-mitel.toml"),
    include_str!("../../incidents/2018-sennheiser.toml"),
    include_str!("../../incidents/2019-darkmatter.toml"),
    include_str!("../../incidents/2021-camerfirma.toml"),
    include_str!("../../incidents/2022-russia-mintsifry.toml"),
    include_str!("../../incidents/2022-trustcor.toml"),
    include_str!("../../incidents/2026-emudhra.toml"),
    include_str!("../../incidents/cctld-hijack-google.toml"),
    include_str!("../../incidents/test-badssl-interception.toml"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use mintwatch_validator::detectors::by_id;

    use super::*;

    #[test]
    fn every_text_is_read() {
        for text in TEXTS {
            let first = text.lines().next();
            toml::from_str::<Incident>(text).unwrap_or_else(|error| panic!("{first:?}: {error}"));
        }
        toml::from_str::<Rules>(include_str!("../../incidents/clauses.toml")).unwrap();
        assert_eq!(all().len(), TEXTS.len());
    }

    #[test]
    fn every_file_of_the_folder_is_among_them() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/incidents");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<String> = files.filter(|file| file != "clauses.toml").collect();
        let told: BTreeSet<String> = all().iter().map(|incident| format!("{}.toml", incident.id)).collect();
        assert_eq!(files, told);
    }

    #[test]
    fn an_incident_answers_to_either_of_its_names_and_no_two_share_one() {
        let names: Vec<&str> = all().iter().flat_map(|incident| [incident.id.as_str(), incident.short.as_str()]).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for name in ["mcs", "MCS", "2015-cnnic-mcs"] {
            assert_eq!(by_name(name).map(|incident| incident.id.as_str()), Some("2015-cnnic-mcs"));
        }
        assert_eq!(by_name("nobody"), None);
    }

    #[test]
    fn every_clause_practice_and_rule_that_is_named_exists() {
        for incident in all() {
            assert_eq!(incident.clauses().count(), incident.clauses.len(), "{}: a clause is missing", incident.id);
            for pointed in &incident.pointed_at {
                assert!(practices().iter().any(|practice| practice.id == pointed.practice), "{}: {}", incident.id, pointed.practice);
            }
            for caught in &incident.caught {
                assert!(by_id(&caught.rule).is_some(), "{}: there is no detector {}", incident.id, caught.rule);
            }
        }
        assert_eq!(practices().len(), 7);
    }
}
