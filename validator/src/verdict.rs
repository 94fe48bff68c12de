//! The only room that weighs: from outcomes to one cause, by ordered rules, never by a score.
//!
//! The first sufficient rule wins and later findings stay as support. Points were tried by others
//! and let a heap of hygiene outvote one swapped certificate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Weight};

/// What something amounts to: three separate things, and the findings that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// What this is.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are.
    pub confidence: Confidence,
    /// Why, in one clause.
    pub because: String,
    /// Ids of the detectors that decided, in the order of the report.
    pub decided_by: Vec<String>,
}

/// What an observation, or all of them, amount to. Ordered from the most to the least reassuring,
/// except that the last ones are read by [`Cause::rank`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Someone ends the TLS session under a publicly trusted authority.
    PublicAuthorityInterception,
    /// … under a key whose private half is public or sold inside a product.
    KnownKeyInterception,
    /// … under an authority known to serve a state.
    StateInterception,
    /// … under an anchor added on this machine.
    LocalInterception,
    /// … under an issuer that nobody trusts.
    UntrustedInterception,
    /// Valid and disclosed, but not whom this host uses.
    UnexpectedAuthority,
    /// A captive portal stands before the network.
    CaptivePortal,
    /// This machine's clock is wrong.
    Clock,
    /// One host's own fault: expired, wrong name, self-signed.
    OriginFault,
    /// A name that only exists inside a network, under that network's own anchor.
    InternalName,
    /// Something was seen, and it is not enough to say what.
    Inconclusive,
    /// No certificate was seen.
    NotMeasured,
    /// A path to a public anchor, current tables and a positive match, and nothing against it.
    Clear,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing to do.
    Info,
    /// Worth a second look.
    Low,
    /// Somebody should look.
    Medium,
    /// Traffic is being read.
    High,
    /// Traffic is being read, or can be, without any client noticing.
    Critical,
}

/// How sure we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// One circumstance.
    Weak,
    /// Facts that do not fit anything else we know of.
    Strong,
    /// Signatures or equal keys show it.
    Proven,
}

/// What is known of one observation besides what detectors said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and the rules read them by name")]
pub(crate) struct Standing {
    /// Some certificate was seen.
    pub(crate) measured: bool,
    /// Why none was, in words.
    pub(crate) unmeasured_because: String,
    /// The end-entity could be read.
    pub(crate) readable: bool,
    /// The search for paths ended inside its budget.
    pub(crate) searched: bool,
    /// Where the best path ends.
    pub(crate) end: End,
    /// Why path validation refuses every path to the best kind of anchor; none when it accepts one.
    pub(crate) refused: Option<Refused>,
    /// This machine's clock is known to be wrong.
    pub(crate) clock_wrong: bool,
    /// A captive portal was found.
    pub(crate) portal: bool,
    /// The host's name exists only inside a network.
    pub(crate) internal_name: bool,
    /// SCTs of two or more log operators verify.
    pub(crate) logged: bool,
    /// The CA that signed the end-entity is a public anchor, or disclosed below one.
    pub(crate) disclosed: bool,
    /// Only the end-entity could be seen, and a browser accepted it.
    pub(crate) accepted_unseen: bool,
    /// No issuer was seen, and a key that root programs know as a CA's signed the end-entity.
    pub(crate) signed_by_known: bool,
    /// Why an end-entity whose issuer was not seen would be refused for itself: other hosts, another time, another purpose.
    pub(crate) unfit: Option<Refused>,
    /// What speaks for the host: each is a positive match on a key or a signature.
    pub(crate) matches: Vec<&'static str>,
    /// Tables that a clear verdict rests on and that are past their limit.
    pub(crate) stale_tables: Vec<String>,
}

/// Where the best path ends: public before local before the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Public,
    Local,
    Retired,
    Nowhere,
}

/// Why path validation refuses every path, in words, and how that bears on the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The origin's own fault is enough to explain it: dates, names, purposes.
    OriginFault(String),
    /// Nobody's fault, or more than one may have; not the same as wrong.
    Doubtful(String),
}

/// Detectors that tell of certificates no log vouches for.
const NOT_LOGGED: [&str; 2] = ["sct-missing", "sct-invalid"];
/// Detectors whose finding, beside one of [`NOT_LOGGED`], shows that a public authority mints here.
const COMPANIONS_OF_NOT_LOGGED: [&str; 12] = [
    "one-issuer-many-operators",
    "shared-key",
    "key-is-issuers-key",
    "minted-on-demand",
    "outlives-its-issuer",
    "pin-mismatch",
    "unexpected-authority",
    "authority-changed",
    "answers-diverge",
    "transport-diverges",
    "feature-stripped",
    "laundered",
];
/// Detectors that are a witness of their own beside an authority that was not expected.
const SECOND_WITNESSES: [&str; 4] = ["authority-changed", "answers-diverge", "transport-diverges", "feature-stripped"];

/// What detectors said of one observation, as the rules ask for it.
struct Said<'f>(&'f [&'f Finding]);

impl<'f> Said<'f> {
    /// The first finding of this detector that weighs so much or more.
    fn by(&self, id: &str, least: Weight) -> Option<&'f Finding> {
        self.0.iter().copied().find(|finding| finding.detector == id && finding.weight >= least)
    }

    /// What any of these said that is worth more than a note, in the order of the report.
    fn any(&self, ids: &[&str]) -> Vec<&'f Finding> {
        self.0.iter().copied().filter(|finding| finding.weight >= Weight::Weak && ids.contains(&finding.detector.as_str())).collect()
    }
}

fn rule(cause: Cause, severity: Severity, confidence: Confidence, because: &str, by: &[&Finding]) -> Verdict {
    let mut decided_by: Vec<String> = by.iter().map(|finding| finding.detector.clone()).collect();
    decided_by.dedup();
    Verdict { cause, severity, confidence, because: because.to_owned(), decided_by }
}

use Cause as C;
use Confidence as K;
use Severity as S;

/// Weighs one observation: the first sufficient rule decides.
pub(crate) fn weigh(standing: &Standing, findings: &[&Finding]) -> Verdict {
    let said = Said(findings);
    if !standing.measured {
        return rule(C::NotMeasured, S::Info, K::Strong, &standing.unmeasured_because, &[]);
    }
    if standing.clock_wrong {
        return weigh_timeless(standing, &said)
            .unwrap_or_else(|| rule(C::Clock, S::Info, K::Strong, "this machine's clock is wrong, so no date can be judged", &[]));
    }
    if let Some(verdict) = weigh_listed(standing, &said) {
        return verdict;
    }
    match standing.end {
        End::Public => weigh_accusations(standing, &said).unwrap_or_else(|| weigh_doubts(standing, &said)),
        End::Local => weigh_local(standing, &said),
        End::Retired | End::Nowhere => weigh_unanchored(standing, &said),
    }
}

/// What is true at any time. Whoever sits on the road can forge the witness of a clock, and must not hide behind it.
fn weigh_timeless(standing: &Standing, said: &Said<'_>) -> Option<Verdict> {
    let strong = |id: &str| said.by(id, Weight::Strong).is_some();
    if strong("known-interception-key") || strong("compromised-authority") {
        return weigh_listed(standing, said);
    }
    match standing.end {
        End::Public if strong("undisclosed-subordinate") => weigh_accusations(standing, said),
        End::Local if strong("local-anchor") => Some(weigh_local(standing, said)),
        _ => None,
    }
}

/// Keys and certificates on lists: they say the same wherever the chain ends.
fn weigh_listed(standing: &Standing, said: &Said<'_>) -> Option<Verdict> {
    if let Some(key) = said.by("known-interception-key", Weight::Strong) {
        return Some(match key.kind.as_deref() {
            Some("state-interception") => rule(C::StateInterception, S::High, K::Proven, &key.says, &[key]),
            _ => rule(C::KnownKeyInterception, S::Critical, K::Proven, &key.says, &[key]),
        });
    }
    if !standing.readable {
        return Some(rule(C::Inconclusive, S::Low, K::Weak, "the end-entity certificate cannot be read", &[]));
    }
    if let Some(key) = said.by("compromised-authority", Weight::Strong) {
        let confidence = if standing.logged { K::Strong } else { K::Proven };
        return Some(rule(C::PublicAuthorityInterception, S::Critical, confidence, &key.says, &[key]));
    }
    if let Some(misissued) = said.by("misissued-certificate", Weight::Proven) {
        return Some(rule(C::UnexpectedAuthority, S::High, K::Proven, &misissued.says, &[misissued]));
    }
    let revoked = said.by("revoked-authority", Weight::Strong)?;
    Some(match standing.end {
        End::Public => rule(C::PublicAuthorityInterception, S::Critical, K::Proven, &revoked.says, &[revoked]),
        // The lists speak of CAs below public roots alone; what stands between was not sent.
        End::Nowhere => rule(C::PublicAuthorityInterception, S::High, K::Strong, &revoked.says, &[revoked]),
        End::Local | End::Retired => rule(C::UntrustedInterception, S::High, K::Strong, &revoked.says, &[revoked]),
    })
}

/// Weighs a chain that ends at an anchor added on this machine.
fn weigh_local(standing: &Standing, said: &Said<'_>) -> Verdict {
    let Some(local) = said.by("local-anchor", Weight::Strong) else { return weigh_unanchored(standing, said) };
    if standing.internal_name {
        return rule(C::InternalName, S::Info, K::Strong, "an internal name under an anchor added on this machine", &[local]);
    }
    // Whoever only bears a product's name is not known to be it, and a tool that anyone can run lowers nothing.
    let product = said.by("interception-product", Weight::Weak);
    match product.filter(|product| !product.kind.as_deref().is_some_and(|kind| TOOLS.contains(&kind))) {
        Some(product) => rule(C::LocalInterception, S::Medium, K::Proven, &format!("{}; {}", local.says, product.says), &[local, product]),
        None => rule(C::LocalInterception, S::High, K::Proven, &local.says, &[local]),
    }
}

/// What is enough, under a public anchor, to say that somebody ends the session there.
fn weigh_accusations(standing: &Standing, said: &Said<'_>) -> Option<Verdict> {
    let critical = |confidence, by: &[&Finding]| {
        let because = by.first().map_or("", |finding| finding.says.as_str());
        Some(rule(C::PublicAuthorityInterception, S::Critical, confidence, because, by))
    };
    if !standing.searched {
        return Some(rule(C::Inconclusive, S::Low, K::Weak, "the chain allows more paths than the budget", &[]));
    }
    // The issuer itself: nobody was told of it, or it is none.
    for id in ["undisclosed-subordinate", "misused-end-entity"] {
        if let Some(finding) = said.by(id, Weight::Strong) {
            // No client takes what a certificate signed that is no CA's, whatever stands above it.
            return if finding.kind.as_deref() == Some("no-ca") {
                Some(rule(C::UntrustedInterception, S::High, K::Strong, &finding.says, &[finding]))
            } else {
                critical(K::Strong, &[finding])
            };
        }
    }
    if let Some(fresh) = said.by("undisclosed-subordinate", Weight::Weak) {
        if standing.logged {
            return Some(rule(C::Inconclusive, S::Low, K::Weak, &fresh.says, &[fresh]));
        }
        return critical(K::Strong, &[&[fresh], &said.any(&NOT_LOGGED)[..]].concat());
    }
    // What programs imposed on it.
    for id in ["absent-from-allow-list", "outside-imposed-names", "laundered"] {
        if let Some(finding) = said.by(id, Weight::Strong) {
            return critical(K::Strong, &[finding]);
        }
    }
    let (not_logged, mut companions) = (said.any(&NOT_LOGGED), said.any(&COMPANIONS_OF_NOT_LOGGED));
    // A public CA may forget a thing or two, not most of what it must put in.
    companions.extend(said.by("bare-profile", Weight::Strong));
    if let (false, Some(missing), Some(companion)) = (standing.logged, not_logged.first(), companions.first()) {
        let because = format!("{}, and {}", missing.says, companion.says);
        let by = [&[*missing], &companions[..]].concat();
        return Some(rule(C::PublicAuthorityInterception, S::Critical, K::Strong, &because, &by));
    }
    if let Some(pin) = said.by("pin-mismatch", Weight::Strong) {
        // A disclosed CA that logs what it issues was deceived, or chosen; it does not hide.
        return if standing.logged && standing.disclosed {
            Some(rule(C::UnexpectedAuthority, S::High, K::Strong, &pin.says, &[pin]))
        } else {
            critical(K::Strong, &[pin])
        };
    }
    for id in ["one-issuer-many-operators", "key-is-issuers-key", "shared-key"] {
        if let Some(finding) = said.by(id, Weight::Strong) {
            return Some(rule(C::PublicAuthorityInterception, S::High, K::Weak, &finding.says, &[finding]));
        }
    }
    None
}

/// What is left of a chain under a public anchor that nothing accuses: doubts, the origin's own faults, or clear.
fn weigh_doubts(standing: &Standing, said: &Said<'_>) -> Verdict {
    for (id, least) in [("unexpected-authority", Weight::Weak), ("authority-changed", Weight::Weak), ("distrusted-by-date", Weight::Strong)]
    {
        let Some(finding) = said.by(id, least) else { continue };
        let mut witnesses = said.any(&SECOND_WITNESSES);
        witnesses.retain(|witness| witness.detector != id);
        return match witnesses.first() {
            Some(&witness) => rule(C::UnexpectedAuthority, S::High, K::Strong, &finding.says, &[finding, witness]),
            None => rule(C::UnexpectedAuthority, S::Low, K::Weak, &finding.says, &[finding]),
        };
    }
    if let Some(listed) = said.by("revoked-authority", Weight::Weak) {
        return rule(C::Inconclusive, S::Low, K::Strong, &listed.says, &[listed]);
    }
    match &standing.refused {
        Some(Refused::OriginFault(why)) => return rule(C::OriginFault, S::Info, K::Strong, why, &[]),
        Some(Refused::Doubtful(why)) => return rule(C::Inconclusive, S::Low, K::Weak, why, &[]),
        None => {}
    }
    let pin = said.by("pin-mismatch", Weight::Weak);
    let doubt = pin.or_else(|| NOT_LOGGED.iter().filter(|_| !standing.logged).find_map(|id| said.by(id, Weight::Weak)));
    if let Some(doubt) = doubt {
        return rule(C::Inconclusive, S::Low, K::Weak, &doubt.says, &[doubt]);
    }
    if !standing.stale_tables.is_empty() {
        let because = format!("nothing speaks against it, but these tables are too old to say so: {}", standing.stale_tables.join(", "));
        return rule(C::Inconclusive, S::Info, K::Weak, &because, &[]);
    }
    if standing.matches.is_empty() {
        return rule(C::Inconclusive, S::Info, K::Weak, "nothing speaks against it, and nothing positive speaks for it", &[]);
    }
    let because = format!("a path to a public anchor, and a positive match: {}", standing.matches.join(", "));
    rule(C::Clear, S::Info, K::Strong, &because, &[])
}

/// Weighs an end-entity whose issuer was not seen, and was found among the keys that root programs know.
fn weigh_end_entity_alone(standing: &Standing, said: &Said<'_>) -> Verdict {
    match &standing.unfit {
        Some(Refused::OriginFault(why)) => return rule(C::OriginFault, S::Info, K::Strong, why, &[]),
        Some(Refused::Doubtful(why)) => return rule(C::Inconclusive, S::Low, K::Weak, why, &[]),
        None => {}
    }
    if let Some(doubt) = said.any(&["unexpected-authority", "pin-mismatch", "sct-invalid"]).first() {
        return rule(C::Inconclusive, S::Low, K::Weak, &doubt.says, &[doubt]);
    }
    if !standing.stale_tables.is_empty() {
        let because = format!("a disclosed authority signed it, but these tables are too old: {}", standing.stale_tables.join(", "));
        return rule(C::Inconclusive, S::Info, K::Weak, &because, &[]);
    }
    if standing.logged {
        let because = "an authority that root programs know signed it, and a positive match: SCTs of several log operators";
        return rule(C::Clear, S::Info, K::Strong, because, &[]);
    }
    rule(C::Inconclusive, S::Info, K::Weak, "an authority that root programs know signed it, and nothing positive speaks for it", &[])
}

/// Kinds of interception products that anyone can run anywhere: to be one lowers no severity.
const TOOLS: [&str; 4] = ["developer", "engine", "pentest", "implant"];

/// Weighs an observation whose chain ends at no anchor that is trusted here.
fn weigh_unanchored(standing: &Standing, said: &Said<'_>) -> Verdict {
    // A portal answers for every host, under one issuer, where resolvers were told to lead: it explains all that follows.
    if standing.portal {
        return rule(C::CaptivePortal, S::Info, K::Strong, "a captive portal answers in place of the hosts", &[]);
    }
    if let Some(younger) = said.by("no-anchor", Weight::Note).filter(|finding| finding.kind.as_deref() == Some("built-in")) {
        return rule(C::Inconclusive, S::Low, K::Weak, &younger.says, &[younger]);
    }
    for id in ["one-issuer-many-operators", "minted-on-demand"] {
        if let Some(finding) = said.by(id, Weight::Strong) {
            return match taken_here(standing, said) {
                Some(taken) => rule(C::LocalInterception, S::High, K::Strong, &finding.says, &[finding, taken]),
                None => rule(C::UntrustedInterception, S::High, K::Strong, &finding.says, &[finding]),
            };
        }
    }
    // Whoever bears an authority's name over another key does not do so by neglect.
    if let Some(copy) = said.by("impersonated-authority", Weight::Strong).filter(|copy| copy.kind.as_deref() != Some("issuer-name")) {
        return rule(C::UntrustedInterception, S::High, K::Strong, &copy.says, &[copy]);
    }
    if !standing.searched {
        return rule(C::Inconclusive, S::Low, K::Weak, "the chain allows more paths than the budget", &[]);
    }
    if let Some(taken) = taken_here(standing, said) {
        return if standing.internal_name {
            rule(C::InternalName, S::Info, K::Weak, "an internal name, and no public authority signed it", &[taken])
        } else {
            rule(C::LocalInterception, S::High, K::Weak, &taken.says, &[taken])
        };
    }
    if let Some(borrowed) = said.by("undisclosed-issuer", Weight::Strong).filter(|one| one.kind.as_deref() == Some("name-without-key")) {
        return rule(C::UntrustedInterception, S::High, K::Strong, &borrowed.says, &[borrowed]);
    }
    if standing.signed_by_known {
        return weigh_end_entity_alone(standing, said);
    }
    // These tell that an authority vouches for the host elsewhere, each of the same fact: together they are no more than one.
    if let Some(elsewhere) = said.any(&["transport-diverges", "answers-diverge", "authority-changed"]).first() {
        return rule(C::Inconclusive, S::Low, K::Weak, &elsewhere.says, &[elsewhere]);
    }
    let anchor = said.by("no-anchor", Weight::Note);
    let by: Vec<&Finding> = anchor.into_iter().collect();
    match anchor.and_then(|finding| finding.kind.as_deref()) {
        Some("self-signed") => rule(C::OriginFault, S::Info, K::Weak, "a self-signed certificate, on this host only", &by),
        Some("retired") => rule(C::OriginFault, S::Info, K::Strong, "the chain ends at a root that has left every root program", &by),
        _ => rule(C::Inconclusive, S::Low, K::Weak, "nobody trusts the issuer, and only this host shows it", &by),
    }
}

/// A client that shows the end-entity alone took it, and no public authority signed it: an anchor was added, or a CA hidden.
fn taken_here<'f>(standing: &Standing, said: &Said<'f>) -> Option<&'f Finding> {
    if !standing.accepted_unseen || standing.signed_by_known {
        return None;
    }
    ["undisclosed-issuer", "key-is-issuers-key"].into_iter().find_map(|id| said.by(id, Weight::Strong))
}

impl Cause {
    /// Every cause, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::PublicAuthorityInterception,
        Self::KnownKeyInterception,
        Self::StateInterception,
        Self::LocalInterception,
        Self::UntrustedInterception,
        Self::UnexpectedAuthority,
        Self::CaptivePortal,
        Self::Clock,
        Self::OriginFault,
        Self::InternalName,
        Self::Inconclusive,
        Self::NotMeasured,
        Self::Clear,
    ];

    /// Orders causes when many hosts are summed up: the highest one is the run's.
    fn rank(self) -> u8 {
        match self {
            Self::PublicAuthorityInterception => 12,
            Self::KnownKeyInterception => 11,
            Self::StateInterception => 10,
            Self::LocalInterception => 9,
            Self::UntrustedInterception => 8,
            Self::UnexpectedAuthority => 7,
            Self::Clock => 6,
            Self::CaptivePortal => 5,
            Self::Inconclusive => 4,
            Self::Clear => 3,
            Self::InternalName => 2,
            Self::OriginFault => 1,
            Self::NotMeasured => 0,
        }
    }

    /// Returns the exit status that stands for this cause: 0 clear, 3 not measured or inconclusive,
    /// 10 suspect, 11 interception under a local, unknown or no anchor, 12 under a public authority.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Clear => 0,
            Self::CaptivePortal | Self::Clock | Self::OriginFault | Self::InternalName | Self::Inconclusive | Self::NotMeasured => 3,
            Self::UnexpectedAuthority => 10,
            Self::KnownKeyInterception | Self::StateInterception | Self::LocalInterception | Self::UntrustedInterception => 11,
            Self::PublicAuthorityInterception => 12,
        }
    }

    /// Returns the word that the documents use.
    pub fn word(self) -> &'static str {
        match self {
            Self::PublicAuthorityInterception => "public-authority-interception",
            Self::KnownKeyInterception => "known-key-interception",
            Self::StateInterception => "state-interception",
            Self::LocalInterception => "local-interception",
            Self::UntrustedInterception => "untrusted-interception",
            Self::UnexpectedAuthority => "unexpected-authority",
            Self::CaptivePortal => "captive-portal",
            Self::Clock => "clock",
            Self::OriginFault => "origin-fault",
            Self::InternalName => "internal-name",
            Self::Inconclusive => "inconclusive",
            Self::NotMeasured => "not-measured",
            Self::Clear => "clear",
        }
    }
}

/// Sums up all observations, each with whom it was meant for: the worst that was measured wins.
///
/// One clear host among many that could not be measured does not make a run clear. A host is measured when some way to
/// it was: IPv6 and QUIC are missing in many networks.
pub(crate) fn sum_up<H: Ord>(verdicts: &[(H, &Verdict)]) -> Verdict {
    let (asked, measured) = asked_and_measured(verdicts.iter().map(|(host, verdict)| (host, *verdict)));
    let worst =
        verdicts.iter().map(|(_, verdict)| *verdict).max_by_key(|verdict| (verdict.cause.rank(), verdict.severity, verdict.confidence));
    let inconclusive = |cause, because: String| Verdict {
        cause,
        severity: Severity::Info,
        confidence: Confidence::Strong,
        because,
        decided_by: Vec::new(),
    };
    match worst {
        None => inconclusive(Cause::NotMeasured, "no host was asked".to_owned()),
        Some(worst) if worst.cause == Cause::Clear && measured * 2 < asked => {
            inconclusive(Cause::Inconclusive, format!("only {measured} of {asked} hosts could be measured"))
        }
        Some(worst) => worst.clone(),
    }
}

/// Counts the hosts that were asked, and those of which some way was measured; each host once, however many ways lead there.
pub(crate) fn asked_and_measured<'v, H: Ord>(verdicts: impl Iterator<Item = (H, &'v Verdict)>) -> (usize, usize) {
    let mut hosts: BTreeMap<H, bool> = BTreeMap::new();
    for (host, verdict) in verdicts {
        *hosts.entry(host).or_default() |= verdict.cause != Cause::NotMeasured;
    }
    (hosts.len(), hosts.values().filter(|measured| **measured).count())
}
