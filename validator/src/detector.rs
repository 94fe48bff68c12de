//! The shape of a detector: one question, its sources, and what it needs to see.

use crate::case::{Case, View};
use crate::finding::{Facet, Finding, Outcome, Place, Weight};

/// One question asked of the evidence.
#[derive(Debug)]
pub struct Detector {
    /// Names what is seen, not the remedy; never reused.
    pub id: &'static str,
    /// What it looks for, in one line.
    pub summary: &'static str,
    /// What a finding shows, for people.
    pub shows: &'static str,
    /// What it cannot tell, and what looks alike without being it.
    pub cannot_tell: &'static str,
    /// RFCs, policy sections and incidents it rests on.
    pub sources: &'static [&'static str],
    /// What it needs to see; absent, the report says "could not look", never "fine".
    pub needs: &'static [Facet],
    /// The question itself.
    pub(crate) question: Question,
}

/// What a question is asked of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Question {
    /// One handshake by itself.
    Each(fn(&Case<'_>, &View<'_>) -> Vec<Finding>),
    /// All handshakes together.
    All(fn(&Case<'_>) -> Vec<Finding>),
}

impl Detector {
    /// Asks about every observation; the answer has one outcome for each, in order.
    pub(crate) fn ask(&self, case: &Case<'_>) -> Vec<Outcome> {
        let across = match self.question {
            Question::Each(_) => Vec::new(),
            Question::All(examine) => examine(case),
        };
        let ask_one = |view: &View<'_>| {
            if let Some(missing) = self.needs.iter().copied().find(|&facet| !case.shows(view, facet)) {
                return Outcome::CouldNotLook(missing);
            }
            let findings = match self.question {
                Question::Each(examine) => examine(case, view),
                Question::All(_) => across.iter().filter(|finding| finding.observation == view.index).cloned().collect(),
            };
            if findings.is_empty() { Outcome::Silent } else { Outcome::Spoke(findings) }
        };
        case.views.iter().map(ask_one).collect()
    }

    /// Makes a finding of this detector, resting on its first source.
    pub(crate) fn finding(&self, weight: Weight, view: &View<'_>, place: Option<Place>, says: impl Into<String>) -> Finding {
        Finding {
            detector: self.id.to_owned(),
            weight,
            observation: view.index,
            place,
            kind: None,
            says: says.into(),
            rests_on: self.sources.iter().take(2).map(|&source| source.to_owned()).collect(),
            with: Vec::new(),
        }
    }
}
