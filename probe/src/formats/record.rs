//! What a finding is to others: one record for each condition that was met, made from evidence and report. Every other
//! format is written from it, and decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use mintwatch_validator::detectors;
use mintwatch_validator::evidence::{
    Bytes, ChainForm, Evidence, FailureClass, Host, Observation, Seen, Sha256, StartTls, Transport, Vantage, Via,
};
use mintwatch_validator::finding::{Finding, Place, Weight};
use mintwatch_validator::report::{AnchorKind, AnchorReport, HostReport, PossessionReport, Report, Role};
use mintwatch_validator::tables::Program;
use mintwatch_validator::verdict::{Cause, Confidence, Severity};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::item::{Item, MOST_CERTIFICATES};
use super::text::shown;
use crate::incidents::clause;

/// The newest version of both documents of this file that this build writes.
pub const RECORD_VERSION: u32 = 1;

/// One run, and the conditions it met: the worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The run.
    pub run: Run,
    /// One for each condition, also for hosts that are clear.
    pub records: Vec<Record>,
}

/// The name that tells a record from any other document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RecordFormat {
    /// The only value.
    #[serde(rename = "mintwatch.record")]
    Record,
}

/// The name that tells a run from any other document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RunFormat {
    /// The only value.
    #[serde(rename = "mintwatch.run")]
    Run,
}

/// What a run amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Always `mintwatch.run`.
    pub format: RunFormat,
    /// Version of the format; see [`RECORD_VERSION`].
    pub version: u32,
    /// UUID version 5 (RFC 9562 §5.5) of the evidence: the same evidence gives the same id.
    pub run_id: String,
    /// SHA-256 of the evidence as this build writes it.
    pub evidence: Sha256,
    /// When the first handshake began, in UNIX milliseconds.
    pub began_at: u64,
    /// When the evidence was closed, in UNIX milliseconds.
    pub ended_at: u64,
    /// Who looked.
    pub vantage: Observer,
    /// What it all amounts to.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are.
    pub confidence: Confidence,
    /// Why, in one clause.
    pub because: String,
    /// How many hosts were asked.
    pub hosts: usize,
    /// Of how many of them a certificate was seen.
    pub measured: usize,
    /// How many handshakes were made.
    pub handshakes: usize,
    /// How many handshakes amount to what.
    pub causes: BTreeMap<String, usize>,
    /// The clock that dates all this.
    pub clock: ClockRecord,
    /// What was known of the world.
    pub knowledge: Knowledge,
}

/// One condition: whom somebody answers for, under whose authority, and what that amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Always `mintwatch.record`.
    pub format: RecordFormat,
    /// Version of the format; see [`RECORD_VERSION`].
    pub version: u32,
    /// UUID version 5 of cause, issuing authority, target and vantage: the same for as long as the condition lasts.
    pub finding_id: String,
    /// UUID version 5 of the finding and the evidence: what is sent twice has it twice.
    pub observation_id: String,
    /// The run it belongs to.
    pub run_id: String,
    /// When the handshake that is shown began, in UNIX milliseconds.
    pub observed_at: u64,
    /// When the first handshake of this run that met it began, in UNIX milliseconds.
    pub first_seen: u64,
    /// When the last one did.
    pub last_seen: u64,
    /// The clock that dates all this.
    pub clock: ClockRecord,
    /// What it is.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are.
    pub confidence: Confidence,
    /// Why, in one clause.
    pub because: String,
    /// The rules that spoke, those that decided first.
    pub rules: Vec<Rule>,
    /// Whom the handshakes were meant for.
    pub target: TargetRecord,
    /// Who looked.
    pub vantage: Observer,
    /// The ways by which it was met, such as `plain`, `ipv6` or `tls 1.2`.
    pub ways: Vec<String>,
    /// What else was seen of the same target.
    pub corroboration: Corroboration,
    /// What the two ends agreed on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<Tls>,
    /// How the handshake failed, when it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<FailureClass>,
    /// Whether the peer proved that it holds the end-entity key.
    pub possession: PossessionReport,
    /// What the list of certificates is; none when no certificate was seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub form: Option<ChainForm>,
    /// The certificates as they came, duplicates kept, at most 32.
    pub chain: Vec<Item>,
    /// How many more there were.
    #[serde(skip_serializing_if = "is_none", default)]
    pub certificates_left_out: usize,
    /// Where the chain ends.
    pub anchor: Anchor,
    /// The clauses that the rules rest on: the words of 2015, and where they stand today.
    pub policy: Vec<PolicyClause>,
    /// What was expected of this host.
    pub expectation: Expectation,
    /// What was known of the world.
    pub knowledge: Knowledge,
    /// What was taken out before this was handed on; nothing, as it is made.
    pub redactions: Vec<Redaction>,
}

/// The clock of the machine that looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClockRecord {
    /// Who vouches for it; none when nobody was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub witness: Option<String>,
    /// Seconds it is ahead of the witness.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ahead_seconds: Option<i64>,
}

/// One rule that spoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Id of the detector: `mintwatch explain ID` tells more.
    pub id: String,
    /// What it looks for, in one line.
    pub looks_for: String,
    /// How much it weighs.
    pub weight: Weight,
    /// Whether it decided.
    pub decided: bool,
    /// What was seen.
    pub says: String,
    /// The certificate it speaks of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<Place>,
    /// What it rests on.
    pub rests_on: Vec<String>,
}

/// Whom handshakes were meant for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TargetRecord {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The transport below TLS.
    pub transport: Transport,
    /// The server name that was sent, where one was and is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_name: Option<Host>,
    /// The protocol in whose clear text TLS was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub starttls: Option<StartTls>,
    /// The addresses that answered, at most 16.
    pub addresses: Vec<std::net::IpAddr>,
    /// Through whom the bytes went, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub via: Option<Via>,
}

/// Who looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Observer {
    /// What kind of observer.
    pub kind: Vantage,
    /// The name its user gave it; none unless one was given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<String>,
    /// The software that looked.
    pub software: String,
    /// Its version.
    pub version: String,
}

/// What else was seen of the same target in this run, in handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Corroboration {
    /// How many were made.
    pub asked: usize,
    /// How many met this condition.
    pub same: usize,
    /// How many showed certificates and met another.
    pub different: usize,
}

/// What the two ends agreed on, by IANA names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Protocol version, such as `TLSv1.3`.
    pub version: String,
    /// Cipher suite.
    pub cipher_suite: String,
    /// Key exchange group.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
    /// Application protocol; none when none was agreed or it was not seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alpn: Option<String>,
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// What kind of anchor.
    pub kind: AnchorEnd,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// SHA-256 of its certificate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<Sha256>,
    /// SHA-256 of its SubjectPublicKeyInfo.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spki_sha256: Option<Sha256>,
    /// The root programs that had it when the handshake happened.
    pub programs: Vec<Program>,
}

/// What kind of anchor a chain ends at: the most public one of all candidate paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AnchorEnd {
    /// One that root programs carry.
    Public,
    /// One that was added on this machine.
    Local,
    /// One that root programs carried once.
    Retired,
    /// None that anybody trusts.
    None,
}

/// A clause then and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyClause {
    /// Its id in `mintwatch explain incident`.
    pub id: String,
    /// Document and section of 2015.
    pub historic: String,
    /// Document and section of today.
    pub current: String,
    /// What it asks.
    pub asks: String,
}

/// What was expected of a host; none where nothing is known that could be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Whether some key on some path is in the host's pin set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pins_matched: Option<bool>,
    /// Whether the CA's owner is one that the host is known to use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner_matched: Option<bool>,
}

/// The tables that were used, as far as their age bears on what is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// Version of the judge.
    pub judge: String,
    /// Days between the oldest table and the evidence.
    pub oldest_days: i64,
    /// Some table was past its limit.
    pub stale: bool,
    /// The tables that were.
    pub stale_tables: Vec<String>,
    /// Set when tables other than the compiled-in ones were used: what they are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lab_tables: Option<String>,
}

/// Something that was taken out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    /// Where, as a JSON pointer (RFC 6901).
    pub path: String,
    /// Why.
    pub reason: String,
    /// By which profile.
    pub profile: String,
}

impl Records {
    /// Makes the records of a run; `label` is what its user calls the observer.
    ///
    /// All text of others is made harmless here already: nothing in it acts on a terminal, hides, or begins a formula.
    /// What was really there is in the certificates, whose bytes are never changed.
    pub fn of(evidence: &Evidence, report: &Report, label: Option<&str>) -> Self {
        let vantage = Observer {
            kind: evidence.collector.vantage,
            label: label.map(shown),
            software: shown(&evidence.collector.name),
            version: shown(&evidence.collector.version),
        };
        let run = run(evidence, report, vantage);
        let mut conditions: BTreeMap<Condition, Vec<usize>> = BTreeMap::new();
        for (index, host) in report.hosts.iter().enumerate() {
            conditions.entry(Condition::of(host)).or_default().push(index);
        }
        let mut records: Vec<Record> =
            conditions.iter().filter_map(|(condition, met)| record(condition, met, evidence, report, &run)).collect();
        records.sort_by(|one, other| badness(other).cmp(&badness(one)).then_with(|| one.first_seen.cmp(&other.first_seen)));
        Self { run, records }
    }

    /// Returns the records that something is to be told of: all but those of hosts that are clear.
    pub fn told(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.cause != Cause::Clear)
    }
}

impl Record {
    /// Says whether it is somebody's who the site did not choose, or may be: what somebody should be woken for.
    pub fn is_alert(&self) -> bool {
        is_alert(self.cause)
    }

    /// Returns whom it is about, as `host:port`.
    pub fn place(&self) -> String {
        let TargetRecord { host, port, .. } = &self.target;
        if host.as_str().contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Returns the rule that decided first; none where no rule spoke.
    pub fn deciding(&self) -> Option<&Rule> {
        self.rules.first().filter(|rule| rule.decided)
    }
}

/// Says whether a cause is an alert: suspect, or an interception.
pub fn is_alert(cause: Cause) -> bool {
    cause.exit_status() >= Cause::UnexpectedAuthority.exit_status()
}

/// What stays the same from run to run for as long as a condition lasts.
///
/// Interceptors mint another certificate for every name and day. Who signs them stays: the key above the end-entity, or,
/// where none was sent, the anchor's, the key identifier that the certificate names, or its issuer's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    host: Host,
    port: u16,
    cause: &'static str,
    authority: String,
}

impl Condition {
    fn of(host: &HostReport) -> Self {
        Self { host: host.host.clone(), port: host.port, cause: host.verdict.cause.word(), authority: authority(host) }
    }

    fn finding_id(&self, vantage: &Observer) -> Uuid {
        let kind = serde_json::to_string(&vantage.kind).unwrap_or_default();
        let label = vantage.label.as_deref().unwrap_or_default();
        // No field can hold the separator: hosts and words are of a small alphabet, and text was made harmless.
        let name = [self.cause, &self.authority, self.host.as_str(), &self.port.to_string(), &kind, label].join("\n");
        Uuid::new_v5(&namespace(), name.as_bytes())
    }
}

fn authority(host: &HostReport) -> String {
    let Some(end_entity) = host.chain.first() else { return String::new() };
    let sent = host.chain.get(1).filter(|issuer| issuer.role != Role::Unreadable && issuer.subject == end_entity.issuer);
    match (sent, host.anchors.first()) {
        (Some(issuer), _) => format!("key {}", issuer.spki_sha256),
        (None, Some(anchor)) => format!("anchor {}", anchor.spki_sha256),
        (None, None) if end_entity.role == Role::Unreadable => format!("certificate {}", end_entity.sha256),
        (None, None) => format!("name {}", shown(&end_entity.issuer)),
    }
}

/// The namespace of all our ids.
fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, NAMESPACE.as_bytes())
}

/// Returns an id of ours for something that is told by a name.
pub(super) fn id(name: &str) -> String {
    Uuid::new_v5(&namespace(), name.as_bytes()).to_string()
}

fn run(evidence: &Evidence, report: &Report, vantage: Observer) -> Run {
    let (hosts, measured) = report.asked_and_measured();
    let mut causes = BTreeMap::new();
    for host in &report.hosts {
        *causes.entry(host.verdict.cause.word().to_owned()).or_default() += 1;
    }
    let ended_at = report.collected_at.saturating_mul(1000);
    let clock = evidence.surroundings.clock.yes();
    let stale_tables: Vec<String> = report.tables.iter().filter(|table| table.stale).map(|table| table.table.name.clone()).collect();
    let label = vantage.label.as_deref().unwrap_or_default();
    Run {
        format: RunFormat::Run,
        version: RECORD_VERSION,
        run_id: id(&format!("run\n{}\n{label}", report.evidence)),
        evidence: report.evidence,
        began_at: report.hosts.iter().map(|host| host.at).min().unwrap_or(ended_at),
        ended_at,
        vantage,
        cause: report.verdict.cause,
        severity: report.verdict.severity,
        confidence: report.verdict.confidence,
        because: shown(&report.verdict.because),
        hosts,
        measured,
        handshakes: report.hosts.len(),
        causes,
        clock: ClockRecord { witness: clock.map(|clock| shown(&clock.witness)), ahead_seconds: clock.map(|clock| clock.ahead_seconds) },
        knowledge: Knowledge {
            judge: report.judge.clone(),
            oldest_days: report.tables.iter().map(|table| table.age_days).max().unwrap_or_default(),
            stale: !stale_tables.is_empty(),
            stale_tables,
            lab_tables: report.lab_tables.as_deref().map(shown),
        },
    }
}

fn record(condition: &Condition, met: &[usize], evidence: &Evidence, report: &Report, run: &Run) -> Option<Record> {
    let weighs = |index: &&usize| report.hosts.get(**index).map(|host| (host.verdict.severity, host.verdict.confidence));
    // The first of the worst stands for all: `max_by_key` would take the last.
    let index = *met.iter().rev().max_by_key(weighs)?;
    let (host, seen) = (report.hosts.get(index)?, evidence.observations.get(index)?);
    let times = || met.iter().filter_map(|index| Some(report.hosts.get(*index)?.at));
    let finding_id = condition.finding_id(&run.vantage);
    let (chain, certificates_left_out) = chain(host, seen);
    let rules = rules(met, &host.verdict.decided_by, report);
    Some(Record {
        format: RecordFormat::Record,
        version: RECORD_VERSION,
        finding_id: finding_id.to_string(),
        observation_id: id(&format!("observation\n{finding_id}\n{}", report.evidence)),
        run_id: run.run_id.clone(),
        observed_at: host.at,
        first_seen: times().min().unwrap_or(host.at),
        last_seen: times().max().unwrap_or(host.at),
        clock: run.clock.clone(),
        cause: host.verdict.cause,
        severity: host.verdict.severity,
        confidence: host.verdict.confidence,
        because: shown(&host.verdict.because),
        policy: policy(&rules),
        rules,
        target: target(host, seen, met, evidence),
        vantage: run.vantage.clone(),
        ways: ways(met, report),
        corroboration: corroboration(condition, met, report),
        tls: tls(seen),
        failure: host.failure,
        possession: host.possession,
        form: host.form,
        chain,
        certificates_left_out,
        anchor: anchor(&host.anchors),
        expectation: expectation(index, host, report),
        knowledge: run.knowledge.clone(),
        redactions: Vec::new(),
    })
}

fn chain(host: &HostReport, seen: &Observation) -> (Vec<Item>, usize) {
    let sent: &[Bytes] = seen.chain.yes().map_or(&[], |chain| &chain.certificates);
    let items = host.chain.iter().zip(sent).take(MOST_CERTIFICATES).map(|(certificate, der)| Item::of(certificate, der));
    (items.collect(), sent.len().saturating_sub(MOST_CERTIFICATES))
}

fn rules(met: &[usize], decided_by: &[String], report: &Report) -> Vec<Rule> {
    let mut told = BTreeSet::new();
    let mut is_new = |finding: &&Finding| told.insert((finding.detector.clone(), finding.place, finding.says.clone()));
    let of_these = report.findings.iter().filter(|finding| met.contains(&finding.observation));
    let mut rules: Vec<Rule> =
        of_these.filter(|finding| is_new(finding)).take(MOST_RULES).map(|finding| rule(finding, decided_by)).collect();
    let turn = |rule: &Rule| decided_by.iter().position(|id| *id == rule.id).unwrap_or(usize::MAX);
    rules.sort_by(|one, other| turn(one).cmp(&turn(other)).then(other.weight.cmp(&one.weight)));
    rules
}

fn rule(finding: &Finding, decided_by: &[String]) -> Rule {
    let known = detectors::by_id(&finding.detector);
    Rule {
        id: finding.detector.clone(),
        looks_for: known.map_or_else(String::new, |detector| detector.summary.to_owned()),
        weight: finding.weight,
        decided: decided_by.contains(&finding.detector) && finding.weight > Weight::Note,
        says: shown(&finding.says),
        place: finding.place,
        rests_on: finding.rests_on.iter().map(|source| shown(source)).collect(),
    }
}

fn policy(rules: &[Rule]) -> Vec<PolicyClause> {
    let ids: BTreeSet<&str> = CLAUSES
        .iter()
        .filter(|(rule, _)| rules.iter().any(|spoke| spoke.id == *rule && spoke.decided))
        .flat_map(|(_, ids)| *ids)
        .copied()
        .collect();
    let clauses = ids.into_iter().filter_map(clause);
    clauses
        .map(|clause| PolicyClause {
            id: clause.id.clone(),
            historic: clause.then.clone(),
            current: clause.now.clone(),
            asks: clause.asks.clone(),
        })
        .collect()
}

fn target(host: &HostReport, seen: &Observation, met: &[usize], evidence: &Evidence) -> TargetRecord {
    let peers = met.iter().filter_map(|index| evidence.observations.get(*index)?.peer.yes());
    let addresses: BTreeSet<_> = peers.filter_map(|peer| peer.parse::<SocketAddr>().ok()).map(|peer| peer.ip()).collect();
    TargetRecord {
        host: host.host.clone(),
        port: host.port,
        transport: host.transport,
        server_name: seen.target.server_name.yes().cloned(),
        starttls: seen.target.starttls,
        addresses: addresses.into_iter().take(MOST_ADDRESSES).collect(),
        via: seen.via.yes().copied(),
    }
}

fn ways(met: &[usize], report: &Report) -> Vec<String> {
    let way = |host: &HostReport| {
        let quic = if host.transport == Transport::Quic { vec!["quic".to_owned()] } else { Vec::new() };
        let words: Vec<String> = quic.into_iter().chain(host.way.iter().map(|word| shown(word))).collect();
        if words.is_empty() { "plain".to_owned() } else { words.join(", ") }
    };
    let ways: BTreeSet<String> = met.iter().filter_map(|index| report.hosts.get(*index)).map(way).collect();
    ways.into_iter().collect()
}

fn corroboration(condition: &Condition, met: &[usize], report: &Report) -> Corroboration {
    let of_target = || report.hosts.iter().filter(|host| host.host == condition.host && host.port == condition.port);
    let other = |host: &&HostReport| !host.chain.is_empty() && Condition::of(host) != *condition;
    Corroboration { asked: of_target().count(), same: met.len(), different: of_target().filter(other).count() }
}

fn tls(seen: &Observation) -> Option<Tls> {
    let agreed = seen.tls.yes()?;
    let word = |seen: &Seen<String>| seen.yes().filter(|word| !word.is_empty()).map(|word| shown(word));
    Some(Tls {
        version: shown(&agreed.version),
        cipher_suite: shown(&agreed.cipher_suite),
        group: word(&agreed.group),
        alpn: word(&agreed.alpn),
    })
}

fn anchor(reached: &[AnchorReport]) -> Anchor {
    let end = |anchor: &AnchorReport| match anchor.kind {
        AnchorKind::Public(_) => AnchorEnd::Public,
        AnchorKind::Local(_) => AnchorEnd::Local,
        AnchorKind::Retired => AnchorEnd::Retired,
    };
    match reached.iter().min_by_key(|anchor| end(anchor)) {
        None => Anchor { kind: AnchorEnd::None, name: None, sha256: None, spki_sha256: None, programs: Vec::new() },
        Some(anchor) => Anchor {
            kind: end(anchor),
            name: Some(shown(&anchor.name)),
            sha256: Some(anchor.sha256),
            spki_sha256: Some(anchor.spki_sha256),
            programs: if let AnchorKind::Public(programs) = &anchor.kind { programs.clone() } else { Vec::new() },
        },
    }
}

fn expectation(index: usize, host: &HostReport, report: &Report) -> Expectation {
    let matched = |detector: &str| {
        if host.chain.is_empty() || host.could_not_look.iter().any(|blind| blind.detector == detector) {
            return None;
        }
        let spoke = |finding: &Finding| finding.observation == index && finding.detector == detector && finding.weight > Weight::Note;
        Some(!report.findings.iter().any(spoke))
    };
    Expectation { pins_matched: matched("pin-mismatch"), owner_matched: matched("unexpected-authority") }
}

fn badness(record: &Record) -> (u8, Severity, Confidence) {
    (record.cause.exit_status(), record.severity, record.confidence)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// What the namespace of our ids is made of (RFC 9562 §5.5, over the namespace of URLs). Never to be changed.
const NAMESPACE: &str = "https://github.com/mintwatch/mintwatch#record";
/// How many addresses of a target are told.
const MOST_ADDRESSES: usize = 16;
/// How many rules are told of one condition.
const MOST_RULES: usize = 64;
/// The clauses that speak against what a rule found, by their ids in `incidents/clauses.toml`.
const CLAUSES: [(&str, &[&str]); 9] = [
    ("undisclosed-subordinate", &["inclusion-8", "inclusion-9", "inclusion-10", "br-9.7"]),
    ("undisclosed-issuer", &["inclusion-8", "inclusion-10"]),
    ("misused-end-entity", &["inclusion-9", "enforcement-3", "br-9.7"]),
    ("compromised-authority", &["inclusion-4", "br-13.1.6"]),
    ("revoked-authority", &["inclusion-4", "br-13.1.6"]),
    ("outside-imposed-names", &["inclusion-9", "br-11.1.1"]),
    ("misissued-certificate", &["inclusion-4", "br-11.1.1"]),
    ("one-issuer-many-operators", &["inclusion-4", "br-11.1.1"]),
    ("pin-mismatch", &["inclusion-4", "br-11.1.1"]),
];
