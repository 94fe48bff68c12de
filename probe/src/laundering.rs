//! Laundering: origins that are broken on purpose, and what an interceptor makes of them. A client refuses such an origin;
//! behind a box that does not look, it arrives as valid, and the user never learns.
//!
//! The grades follow what an attacker beyond the box could do with each fault that it hides (Waked et al., ASIACCS 2018;
//! Carné de Carnavalet and Mannan, NDSS 2016; NSA CSI U/OO/212028-19 asks inspection products to fail none of them).

use std::collections::BTreeMap;
use std::fmt;

use mintwatch_validator::Report;
use mintwatch_validator::evidence::{Evidence, Host, KnownFault};
use mintwatch_validator::finding::Weight;
use serde::{Deserialize, Serialize};

use crate::cli::host_and_port;

/// An origin that is broken on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBad {
    /// What is wrong with it.
    pub fault: KnownFault,
    /// Its name.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

impl KnownBad {
    /// Reads `FAULT=HOST[:PORT]`.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, host) = text.split_once('=').ok_or("give it as FAULT=HOST[:PORT]")?;
        let fault = FAULTS.into_iter().find(|fault| self::word(*fault) == word);
        let fault = fault.ok_or_else(|| format!("there is no fault {word:?}; there are {}", FAULTS.map(self::word).join(", ")))?;
        let (host, port) = host_and_port(host)?;
        Ok(Self { fault, host, port })
    }

    /// Returns the origins that are asked unless others are named: those of badssl.com, which exist for such tests.
    ///
    /// There is none among them that is not yet valid, or whose key is short: no public server has either.
    pub fn usual() -> Vec<Self> {
        USUAL.iter().filter_map(|text| Self::parse(text).ok()).collect()
    }
}

/// What became of one fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was hidden: the origin arrived as valid.
    Laundered,
    /// Clients can still see it, or were refused.
    Kept,
    /// The origin has been repaired, and nobody hides anything.
    Repaired,
    /// No certificate came at all: a box may have blocked the origin, or nobody was reached.
    Unseen,
}

/// What an interceptor's care for its origins is worth, from the faults that it hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Grade {
    /// Hides none of them.
    A,
    /// Hides that a certificate was revoked, as most clients would not have noticed either.
    B,
    /// Hides keys or hashes that can be broken with effort.
    C,
    /// Hides that a certificate has no right to be used today.
    D,
    /// Hides who the origin is: anybody beyond the box can be anybody.
    F,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// One fault, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// What was wrong with the origin.
    pub fault: KnownFault,
    /// The origin.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// What became of it.
    pub outcome: Outcome,
    /// Why that is said, in words. May hold hostile text: escape before showing.
    pub says: String,
}

/// All faults tried, and the grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grading {
    /// The worst of what was hidden; none where too little was seen to say.
    pub grade: Option<Grade>,
    /// Why there is no grade, or what it rests on.
    pub because: String,
    /// Each fault.
    pub tried: Vec<Tried>,
}

/// Grades what was seen of known-bad origins.
///
/// One fault that was hidden is enough for its grade. For an A, each of the four that make anybody anybody must have been
/// seen and kept: who was not asked has not passed.
pub fn grade(evidence: &Evidence, report: &Report) -> Grading {
    let mut worst: BTreeMap<(KnownFault, Host, u16), (Outcome, String)> = BTreeMap::new();
    for (index, observation) in evidence.observations.iter().enumerate() {
        let target = &observation.target;
        let Some((fault, host)) = target.known_fault.zip(report.hosts.get(index)) else { continue };
        let found = report.findings.iter().find(|finding| finding.observation == index && finding.detector == "laundered");
        let outcome = match found {
            Some(finding) if finding.weight >= Weight::Strong => (Outcome::Laundered, finding.says.clone()),
            Some(finding) => (Outcome::Repaired, finding.says.clone()),
            None if host.chain.is_empty() => (Outcome::Unseen, host.verdict.because.clone()),
            None => (Outcome::Kept, host.verdict.because.clone()),
        };
        let entry = worst.entry((fault, target.host.clone(), target.port)).or_insert_with(|| outcome.clone());
        if outcome.0 < entry.0 {
            *entry = outcome;
        }
    }
    let tried: Vec<Tried> =
        worst.into_iter().map(|((fault, host, port), (outcome, says))| Tried { fault, host, port, outcome, says }).collect();
    let (grade, because) = weigh(&tried);
    Grading { grade, because, tried }
}

fn weigh(tried: &[Tried]) -> (Option<Grade>, String) {
    let hidden = tried.iter().filter(|tried| tried.outcome == Outcome::Laundered).max_by_key(|tried| worth(tried.fault));
    if let Some(worst) = hidden {
        return (Some(worth(worst.fault)), format!("an origin that is {} arrives as valid", word(worst.fault)));
    }
    let kept = |fault: &KnownFault| tried.iter().any(|tried| tried.fault == *fault && tried.outcome == Outcome::Kept);
    let missing: Vec<_> = NEEDED.into_iter().filter(|fault| !kept(fault)).map(word).collect();
    if missing.is_empty() {
        (Some(Grade::A), "every fault still shows".to_owned())
    } else {
        (None, format!("nothing was hidden, but this was not seen: {}", missing.join(", ")))
    }
}

fn worth(fault: KnownFault) -> Grade {
    match fault {
        KnownFault::Revoked => Grade::B,
        KnownFault::WeakKey | KnownFault::Sha1 => Grade::C,
        KnownFault::Expired | KnownFault::NotYetValid => Grade::D,
        _ => Grade::F,
    }
}

/// Returns the word for a fault on the command line and in the documents.
pub fn word(fault: KnownFault) -> &'static str {
    match fault {
        KnownFault::Expired => "expired",
        KnownFault::NotYetValid => "not-yet-valid",
        KnownFault::WrongHost => "wrong-host",
        KnownFault::SelfSigned => "self-signed",
        KnownFault::UntrustedRoot => "untrusted-root",
        KnownFault::Revoked => "revoked",
        KnownFault::WeakKey => "weak-key",
        KnownFault::Sha1 => "sha1",
        _ => "other",
    }
}

const FAULTS: [KnownFault; 8] = [
    KnownFault::Expired,
    KnownFault::NotYetValid,
    KnownFault::WrongHost,
    KnownFault::SelfSigned,
    KnownFault::UntrustedRoot,
    KnownFault::Revoked,
    KnownFault::WeakKey,
    KnownFault::Sha1,
];
/// What must have been kept for an A.
const NEEDED: [KnownFault; 4] = [KnownFault::Expired, KnownFault::WrongHost, KnownFault::SelfSigned, KnownFault::UntrustedRoot];
const USUAL: [&str; 6] = [
    "expired=expired.badssl.com",
    "wrong-host=wrong.host.badssl.com",
    "self-signed=self-signed.badssl.com",
    "untrusted-root=untrusted-root.badssl.com",
    "revoked=revoked.badssl.com",
    "sha1=sha1-intermediate.badssl.com",
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn tried(outcomes: &[(KnownFault, Outcome)]) -> Vec<Tried> {
        let one = |&(fault, outcome): &(KnownFault, Outcome)| Tried {
            fault,
            host: Host::parse("bad.example").unwrap(),
            port: 443,
            outcome,
            says: String::new(),
        };
        outcomes.iter().map(one).collect()
    }

    #[test]
    fn the_worst_that_is_hidden_is_the_grade() {
        use KnownFault::{Expired, Revoked, SelfSigned, Sha1, UntrustedRoot, WrongHost};
        use Outcome::{Kept, Laundered, Unseen};
        let graded = |outcomes: &[(KnownFault, Outcome)]| weigh(&tried(outcomes)).0;
        let all = [(Expired, Kept), (WrongHost, Kept), (SelfSigned, Kept), (UntrustedRoot, Kept)];
        assert_eq!(graded(&all), Some(Grade::A));
        assert_eq!(graded(&[&all[..], &[(Revoked, Laundered)]].concat()), Some(Grade::B));
        assert_eq!(graded(&[(Revoked, Laundered), (Sha1, Laundered)]), Some(Grade::C));
        assert_eq!(graded(&[(Sha1, Laundered), (Expired, Laundered), (WrongHost, Kept)]), Some(Grade::D));
        assert_eq!(graded(&[(Expired, Laundered), (SelfSigned, Laundered)]), Some(Grade::F));
        assert_eq!(graded(&[(Expired, Kept), (SelfSigned, Unseen)]), None, "who was not asked has not passed");
    }

    #[test]
    fn origins_are_named_with_their_fault() {
        let read = KnownBad::parse("not-yet-valid=later.bad.example:8443").unwrap();
        assert_eq!((read.fault, read.port), (KnownFault::NotYetValid, 8443));
        assert!(KnownBad::parse("odd=bad.example").unwrap_err().contains("untrusted-root"));
        assert!(KnownBad::parse("bad.example").is_err() && KnownBad::parse("expired=https://bad.example/").is_err());
        assert_eq!(KnownBad::usual().len(), USUAL.len());
    }
}
