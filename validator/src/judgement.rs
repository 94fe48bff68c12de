//! The judgement: every detector is asked, then one verdict for each host and one for all.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::case::{Case, View};
use crate::detectors::DETECTORS;
use crate::evidence::{ChainForm, DnsAnswer, Ending, Evidence, FailureClass, Host, Seen, Sha256, Surroundings, Via};
use crate::finding::{Finding, Outcome};
use crate::paths::Refusal;
use crate::report::{
    AnchorKind, Asked, CertificateReport, CouldNotLook, HostReport, PathReport, REPORT_VERSION, Report, ReportFormat, Role,
    SurroundingsReport, TableUse,
};
use crate::tables::{KeyStanding, Program, Tables};
use crate::verdict::{self, End, Refused, Standing};

/// A clock that is further off than this, in seconds, makes dates unusable.
const CLOCK_TOLERANCE: i64 = 24 * 60 * 60;
/// Tables that a clear verdict rests on.
const TABLES_OF_CLEAR: [&str; 5] = ["anchors", "ct-logs", "disclosed", "listed-keys", "onecrl"];

/// Judges evidence by tables.
///
/// Pure and total: any evidence that can be read has a report, and the same input has the same one.
pub fn judge(evidence: &Evidence, tables: &Tables) -> Report {
    let case = Case::read(evidence, tables);
    let outcomes: Vec<Vec<Outcome>> = DETECTORS.iter().map(|detector| detector.ask(&case)).collect();
    let uses = table_uses(evidence, tables);
    let hosts: Vec<HostReport> = case.views.iter().map(|view| host_report(view, &case, evidence, &outcomes, &uses)).collect();
    let verdicts: Vec<_> = hosts.iter().map(|host| ((&host.host, host.port), &host.verdict)).collect();
    Report {
        format: ReportFormat::Report,
        version: REPORT_VERSION,
        judge: env!("CARGO_PKG_VERSION").to_owned(),
        evidence: Sha256::of(evidence.to_json().as_bytes()),
        collected_at: evidence.collected_at,
        verdict: verdict::sum_up(&verdicts),
        lab_tables: tables.overlay_label().map(str::to_owned),
        findings: outcomes.iter().flatten().flat_map(findings_of).cloned().collect(),
        asked: DETECTORS.iter().zip(&outcomes).map(|(detector, outcomes)| asked(detector.id, outcomes)).collect(),
        surroundings: surroundings_report(evidence, &case),
        tables: uses,
        hosts,
    }
}

fn findings_of(outcome: &Outcome) -> &[Finding] {
    match outcome {
        Outcome::Spoke(findings) => findings,
        Outcome::Silent | Outcome::CouldNotLook(_) => &[],
    }
}

fn asked(id: &str, outcomes: &[Outcome]) -> Asked {
    let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    Asked {
        detector: id.to_owned(),
        spoke: count(|outcome| matches!(outcome, Outcome::Spoke(_))),
        silent: count(|outcome| matches!(outcome, Outcome::Silent)),
        could_not_look: count(|outcome| matches!(outcome, Outcome::CouldNotLook(_))),
    }
}

fn host_report(view: &View<'_>, case: &Case<'_>, evidence: &Evidence, outcomes: &[Vec<Outcome>], uses: &[TableUse]) -> HostReport {
    let of_view = || DETECTORS.iter().zip(outcomes).filter_map(|(detector, outcomes)| Some((detector, outcomes.get(view.index)?)));
    let findings: Vec<&Finding> = of_view().flat_map(|(_, outcome)| findings_of(outcome)).collect();
    let observation = view.observation;
    HostReport {
        host: observation.target.host.clone(),
        port: observation.target.port,
        transport: observation.target.transport,
        way: way_of(view),
        at: observation.at,
        failure: failure_of(&observation.ending),
        verdict: verdict::weigh(&standing(view, case, evidence, uses), &findings),
        form: observation.chain.yes().map(|chain| chain.form),
        chain: chain_report(view),
        anchors: view.anchors.iter().map(crate::case::Anchor::report).collect(),
        paths: view.paths.iter().map(|path| path_report(view, path)).collect(),
        possession: view.possession,
        could_not_look: of_view()
            .filter_map(|(detector, outcome)| match outcome {
                Outcome::CouldNotLook(missing) => Some(CouldNotLook { detector: detector.id.to_owned(), missing: *missing }),
                Outcome::Spoke(_) | Outcome::Silent => None,
            })
            .collect(),
    }
}

/// How the way to the host differed from a plain one: by version of IP, by what was offered, by who was asked for the way.
fn way_of(view: &View<'_>) -> Vec<String> {
    let (observation, target) = (view.observation, &view.observation.target);
    let mut way = Vec::new();
    way.extend(target.starttls.map(|protocol| format!("starttls {}", word(&protocol))));
    way.extend(view.address().filter(IpAddr::is_ipv6).map(|_| "ipv6".to_owned()));
    if let Some(offer) = observation.offer.yes() {
        let only = |list: &[String], word: &str| list.iter().all(|name| name == word) && !list.is_empty();
        way.extend(only(&offer.versions, "TLSv1.2").then(|| "tls 1.2".to_owned()));
        let short = !offer.groups.is_empty() && !offer.groups.iter().any(|group| group == POST_QUANTUM);
        way.extend((short && !only(&offer.versions, "TLSv1.2")).then(|| "no post-quantum group".to_owned()));
        way.extend(only(&offer.alpn, "http/1.1").then(|| "http/1.1".to_owned()));
    }
    let other_name = target.server_name.yes().filter(|name| **name != target.host);
    way.extend(other_name.map(|name| format!("server name {name}")));
    way.extend(observation.hop_limit.map(|hops| format!("hop limit {hops}")));
    way.extend(observation.via.yes().filter(|via| **via != Via::Direct).map(|via| format!("through {}", word(via))));
    way
}

/// The group that makes a hello too long for one packet, and that browsers offer first since 2024.
const POST_QUANTUM: &str = "X25519MLKEM768";

/// Returns the word that documents use for a plain variant.
fn word(variant: &impl serde::Serialize) -> String {
    serde_json::to_value(variant).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn failure_of(ending: &Ending) -> Option<FailureClass> {
    match ending {
        Ending::Completed => None,
        Ending::Failed(failure) => Some(failure.class),
    }
}

fn path_report(view: &View<'_>, path: &crate::paths::Path) -> PathReport {
    let position = |&index: &usize| view.positions.get(index).copied().unwrap_or(index);
    PathReport { certificates: path.certificates.iter().map(position).collect(), anchor: path.anchor, refused: path.refused.clone() }
}

fn chain_report(view: &View<'_>) -> Vec<CertificateReport> {
    let Some(chain) = view.observation.chain.yes() else { return Vec::new() };
    let read = |position: usize| {
        let index = view.positions.iter().position(|&known| known == position)?;
        view.certificates.get(index)
    };
    let report = |(position, der): (usize, &crate::evidence::Bytes)| match read(position) {
        Some(certificate) => CertificateReport {
            sha256: certificate.sha256,
            role: match (position, certificate.is_self_issued()) {
                (0, _) => Role::EndEntity,
                (_, true) => Role::SelfIssued,
                (_, false) => Role::Subordinate,
            },
            subject: certificate.subject_text(),
            issuer: certificate.issuer_text(),
            serial: data_encoding::HEXLOWER.encode(certificate.serial),
            spki_sha256: certificate.spki_sha256,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        },
        None => CertificateReport {
            sha256: Sha256::of(der.as_slice()),
            role: Role::Unreadable,
            subject: String::new(),
            issuer: String::new(),
            serial: String::new(),
            spki_sha256: Sha256([0; 32]),
            not_before: 0,
            not_after: 0,
        },
    };
    chain.certificates.iter().enumerate().map(report).collect()
}

fn standing(view: &View<'_>, case: &Case<'_>, evidence: &Evidence, uses: &[TableUse]) -> Standing {
    let observation = view.observation;
    let end = end_of(view);
    let logged = view.is_logged();
    Standing {
        measured: observation.chain.yes().is_some_and(|chain| !chain.certificates.is_empty()),
        unmeasured_because: unmeasured_because(&observation.ending),
        readable: view.end_entity_readable,
        searched: view.paths_complete,
        end,
        refused: refusal_of(view, end),
        clock_wrong: clock_is_wrong(view, case, evidence),
        portal: evidence.surroundings.portal.yes().is_some_and(|portal| portal.captive),
        disclosed: view.issuer_is_disclosed(case.tables),
        // Many a client accepts anything; only of our own vantages do we know that they do not.
        accepted_unseen: observation.chain.yes().is_some_and(|chain| chain.form == ChainForm::EndEntityOnly)
            && observation.ending == Ending::Completed
            && observation.client.yes().is_none_or(|client| client.overridden.is_none())
            && !evidence.collector.vantage.is_second_hand(),
        signed_by_known: view.known_issuer().is_some_and(|issuer| issuer.standing == Some(KeyStanding::Public)),
        unfit: view.known_issuer().and_then(|_| view.unfitness()).as_ref().map(refused),
        internal_name: is_internal(&observation.target.host),
        logged,
        matches: matches(view, case, logged),
        stale_tables: stale_tables(view, case.tables, uses),
    }
}

/// Tables that a clear verdict rests on and that are past their limit. What an overlay vouches for rests on the overlay.
fn stale_tables(view: &View<'_>, tables: &Tables, uses: &[TableUse]) -> Vec<String> {
    let by_overlay = |kind: &AnchorKind| matches!(kind, AnchorKind::Public(programs) if programs.contains(&Program::Lab));
    if tables.overlay_label().is_some() && view.anchors.iter().any(|anchor| by_overlay(&anchor.kind)) {
        return Vec::new();
    }
    // A lone end-entity rests on the keys of issuers besides.
    let keys = view.known_issuer().map(|_| "issuers");
    let rests_on = |name: &str| TABLES_OF_CLEAR.contains(&name) || keys == Some(name);
    uses.iter().filter(|used| rests_on(&used.table.name)).filter(|used| used.stale).map(|used| used.table.name.clone()).collect()
}

fn unmeasured_because(ending: &Ending) -> String {
    match ending {
        Ending::Completed => "no certificate was seen".to_owned(),
        Ending::Failed(failure) => {
            format!("no certificate was seen: {}", word(&failure.class).replace('-', " "))
        }
    }
}

fn end_of(view: &View<'_>) -> End {
    let ends = |wanted: fn(&AnchorKind) -> bool| view.anchors.iter().any(|anchor| wanted(&anchor.kind));
    if ends(|kind| matches!(kind, AnchorKind::Public(_))) {
        End::Public
    } else if ends(|kind| matches!(kind, AnchorKind::Local(_))) {
        End::Local
    } else if ends(|kind| matches!(kind, AnchorKind::Retired)) {
        End::Retired
    } else {
        End::Nowhere
    }
}

/// Why validation refuses every path to the best kind of anchor, the mildest reason first.
fn refusal_of(view: &View<'_>, end: End) -> Option<Refused> {
    let of_kind = |path: &&crate::paths::Path| match end {
        End::Public => view.anchor_of(path).is_some_and(crate::case::Anchor::is_public),
        End::Local => view.anchor_of(path).is_some_and(crate::case::Anchor::is_local),
        End::Retired | End::Nowhere => true,
    };
    let refusals: Vec<Option<&Refusal>> = view.paths.iter().filter(of_kind).map(|path| path.refused.as_ref()).collect();
    if refusals.iter().any(Option::is_none) {
        return None;
    }
    let faults: Vec<Refused> = refusals.into_iter().flatten().map(refused).collect();
    faults.iter().find(|fault| matches!(fault, Refused::OriginFault(_))).or(faults.first()).cloned()
}

/// What one refusal amounts to.
fn refused(refusal: &Refusal) -> Refused {
    let says = format!("path validation refuses it: {}", refusal.says());
    // Nobody's profile is a fault that the origin alone explains: whoever forges may well break one.
    match refusal {
        Refusal::Unsupported(_) | Refusal::Misprofiled(_) | Refusal::NoAnchor => Refused::Doubtful(says),
        _ => Refused::OriginFault(says),
    }
}

/// The tables' own date is a floor: no handshake happened before what we know of was published; nor before a log signed
/// the certificate that was seen. Evidence from files or records may be of any age, and a witness beats the floor.
fn clock_is_wrong(view: &View<'_>, case: &Case<'_>, evidence: &Evidence) -> bool {
    match &evidence.surroundings.clock {
        Seen::Yes(check) => check.ahead_seconds.saturating_abs() > CLOCK_TOLERANCE,
        Seen::NotVisible | Seen::Failed(_) => {
            let before_tables = view.at < case.tables.issued_at().saturating_sub(CLOCK_TOLERANCE);
            !evidence.collector.vantage.is_second_hand() && (before_tables || case.is_before_its_scts)
        }
    }
}

/// Names that exist only inside a network: single labels, RFC 6762 `.local`, RFC 8375 `.home.arpa`,
/// ICANN's `.internal`, `.localhost`, and addresses that are not globally routed.
fn is_internal(host: &Host) -> bool {
    if let Some(address) = host.address() {
        return is_inside(address);
    }
    let name = host.as_str();
    let ends = [".local", ".internal", ".home.arpa", ".localhost"];
    !name.contains('.') || ends.iter().any(|end| name.ends_with(end))
}

fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// What speaks for the host: a pin, the expected owner, or a disclosed issuer together with the logs.
fn matches(view: &View<'_>, case: &Case<'_>, logged: bool) -> Vec<&'static str> {
    let host = view.named();
    let mut matches = Vec::new();
    let accepted = || view.public_paths().filter(|path| path.refused.is_none());
    let keys = accepted().flat_map(|path| {
        let certificates = path.certificates.iter().filter_map(|&index| view.certificates.get(index)).map(|c| c.spki_sha256);
        certificates.chain(view.anchor_of(path).map(|anchor| anchor.spki_sha256)).collect::<Vec<_>>()
    });
    if let Some(pins) = case.tables.pins(host)
        && keys.into_iter().any(|key| pins.contains(&key))
    {
        matches.push("a pinned key");
    }
    let expected = case.tables.expected_owners(host);
    if accepted().filter_map(|path| view.anchor_of(path)).any(|anchor| expected.iter().any(|&owner| owner == anchor.owner)) {
        matches.push("the expected CA owner");
    }
    if logged && accepted().next().is_some() {
        matches.push("SCTs of several log operators");
    }
    matches
}

fn surroundings_report(evidence: &Evidence, case: &Case<'_>) -> SurroundingsReport {
    let around = &evidence.surroundings;
    let looked = [
        ("anchors", around.anchors.yes().is_some()),
        ("clock", around.clock.yes().is_some()),
        ("portal", around.portal.yes().is_some()),
        ("dns", around.dns.yes().is_some()),
    ];
    SurroundingsReport {
        machine_anchors: around.anchors.yes().map(|anchors| anchors.iter().map(|anchor| anchor.sha256).collect::<BTreeSet<_>>().len()),
        local_anchors: case.local_anchors.iter().map(crate::case::Anchor::report).collect(),
        store_overrides: around.store_overrides.yes().cloned().unwrap_or_default(),
        proxies: around.proxies.yes().cloned().unwrap_or_default(),
        clock_ahead_seconds: around.clock.yes().map(|check| check.ahead_seconds),
        portal: around.portal.yes().map(|check| check.captive),
        families: around.families.yes().copied(),
        bogons: hosts_of(around, |answer| answer.resolver != STATED && !is_internal(&answer.host) && leads_inside(answer)),
        badly_signed: hosts_of(around, |answer| matches!(answer.authenticated, Seen::Failed(_))),
        invented_answers: around.invented.yes().map_or(0, Vec::len),
        not_looked_at: looked.iter().filter(|(_, seen)| !seen).map(|(what, _)| (*what).to_owned()).collect(),
    }
}

/// What the evidence calls answers that its maker stated.
const STATED: &str = "stated";

/// Returns the hosts of answers of a kind, sorted, once each.
fn hosts_of(around: &Surroundings, wanted: impl Fn(&DnsAnswer) -> bool) -> Vec<Host> {
    let answers = around.dns.yes().into_iter().flatten().filter(|answer| wanted(answer));
    answers.map(|answer| answer.host.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns whether some address is one that the public network does not lead to.
fn leads_inside(answer: &DnsAnswer) -> bool {
    answer.addresses.iter().filter_map(|address| address.parse().ok()).any(|address: IpAddr| is_inside(address) || address.is_unspecified())
}

fn table_uses(evidence: &Evidence, tables: &Tables) -> Vec<TableUse> {
    let collected_at = i64::try_from(evidence.collected_at).unwrap_or(i64::MAX);
    let use_of = |table: crate::tables::TableVersion| {
        let age_days = collected_at.saturating_sub(table.as_of) / (24 * 60 * 60);
        TableUse { stale: age_days > i64::from(table.stale_after_days), age_days, table }
    };
    tables.versions().into_iter().map(use_of).collect()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
mod tests {
    use rcgen::IsCa;

    use crate::evidence::{ClientView, ClockCheck, DnsAnswer, Evidence, Host, Overridden, Seen, Vantage};
    use crate::testing::{Lab, NOW, PINNED_HOST, below};
    use crate::verdict::{Cause, Confidence};

    #[test]
    fn clear_needs_a_public_path_and_a_positive_match() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged()]);
        assert_eq!(report.verdict.cause, Cause::Clear);
        let report = lab.judge(&[lab.site(PINNED_HOST).issued_by(&lab.disclosed).in_2015()]);
        assert_eq!(report.verdict.cause, Cause::Clear, "{:?}", report.verdict);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).in_2015()]);
        assert_eq!(report.verdict.cause, Cause::Inconclusive);
    }

    fn witnessed(lab: &Lab, site: crate::testing::Site<'_>, ahead_seconds: i64) -> crate::report::Report {
        let mut evidence = lab.evidence(&[site]);
        evidence.surroundings.clock = Seen::Yes(ClockCheck { ahead_seconds, witness: "http-date of 3 hosts".to_owned() });
        crate::judge(&evidence, &lab.tables())
    }

    #[test]
    fn a_forged_witness_of_the_clock_hides_nobody() {
        let lab = Lab::new();
        let off = 400 * 86_400;
        let site = |issuer| lab.site("www.bank.example").issued_by(issuer);
        let cause = |issuer| witnessed(&lab, site(issuer), off).verdict.cause;
        assert_eq!(cause(&lab.undisclosed), Cause::PublicAuthorityInterception);
        assert_eq!(cause(&lab.local), Cause::LocalInterception);
        assert_eq!(cause(&lab.disclosed), Cause::Clock);
        assert_eq!(cause(&lab.unknown), Cause::Clock);
        assert_ne!(witnessed(&lab, site(&lab.disclosed), 60).verdict.cause, Cause::Clock);
    }

    #[test]
    fn a_log_that_signed_tomorrow_tells_that_the_clock_is_behind() {
        let lab = Lab::new();
        let day = 86_400;
        let cause = |ahead: i64| {
            let site = lab.site("www.bank.example").issued_by(&lab.disclosed).logged_at(&[NOW + ahead, NOW + ahead]);
            let mut evidence = lab.evidence(&[site]);
            evidence.collector.vantage = Vantage::NativeProbe;
            evidence.surroundings.clock = Seen::NotVisible;
            crate::judge(&evidence, &lab.tables()).verdict.cause
        };
        assert_eq!(cause(3 * day), Cause::Clock);
        assert_ne!(cause(-3 * day), Cause::Clock);
    }

    #[test]
    fn what_resolvers_make_up_is_told() {
        let lab = Lab::new();
        let mut evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        let host = |name: &str| Host::parse(name).unwrap();
        let answer = |name: &str, resolver: &str, address: &str| DnsAnswer::of(host(name), resolver, [address.parse().unwrap()]);
        let unsigned = DnsAnswer { authenticated: Seen::Failed("no".to_owned()), ..answer("signed.example", "dns.example", "192.0.2.1") };
        evidence.surroundings.dns = Seen::Yes(vec![
            answer("www.bank.example", "system", "10.0.0.1"),
            answer("printer.local", "system", "10.0.0.2"),
            answer("lab.example", "stated", "127.0.0.1"),
            unsigned,
        ]);
        evidence.surroundings.invented = Seen::Yes(vec![answer("xyzzy.example", "system", "192.0.2.9")]);
        let around = crate::judge(&evidence, &lab.tables()).surroundings;
        assert_eq!((around.bogons, around.badly_signed), (vec![host("www.bank.example")], vec![host("signed.example")]));
        assert_eq!(around.invented_answers, 1);
    }

    #[test]
    fn a_host_is_measured_when_some_way_to_it_was() {
        let lab = Lab::new();
        let site = || lab.site("www.bank.example").issued_by(&lab.disclosed).logged();
        let silent = || lab.silent_site("www.bank.example");
        let report = lab.judge(&[site(), silent(), silent(), silent()]);
        assert_eq!((report.verdict.cause, report.asked_and_measured()), (Cause::Clear, (1, 1)));
        let report = lab.judge(&[site(), lab.silent_site("www.news.example"), lab.silent_site("www.mail.example")]);
        assert_eq!((report.verdict.cause, report.asked_and_measured()), (Cause::Inconclusive, (3, 1)));
    }

    #[test]
    fn an_undisclosed_authority_is_public_authority_interception() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.undisclosed)]);
        assert_eq!(report.verdict.cause, Cause::PublicAuthorityInterception);
        assert_eq!(report.verdict.decided_by, ["undisclosed-subordinate"]);
    }

    #[test]
    fn a_newborn_authority_is_only_accused_when_nothing_was_logged() {
        let lab = Lab::new();
        let logged = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.newborn).logged()]);
        assert_eq!(logged.verdict.cause, Cause::Inconclusive);
        let unlogged = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.newborn)]);
        assert_eq!(unlogged.verdict.cause, Cause::PublicAuthorityInterception);
    }

    #[test]
    fn a_disclosed_key_in_other_hands_shows_by_what_it_mints() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).begun_before(20)]);
        assert_eq!(report.verdict.cause, Cause::PublicAuthorityInterception);
        assert_eq!(report.verdict.decided_by, ["sct-missing", "minted-on-demand"]);
    }

    #[test]
    fn each_standing_of_the_issuer_has_its_own_cause() {
        let lab = Lab::new();
        let cause = |issuer| lab.judge(&[lab.site("www.bank.example").issued_by(issuer)]).verdict.cause;
        assert_eq!(cause(&lab.leaked), Cause::PublicAuthorityInterception);
        assert_eq!(cause(&lab.revoked), Cause::PublicAuthorityInterception);
        assert_eq!(cause(&lab.product), Cause::KnownKeyInterception);
        assert_eq!(cause(&lab.local), Cause::LocalInterception);
        assert_eq!(cause(&lab.unknown), Cause::Inconclusive);
    }

    #[test]
    fn an_untrusted_issuer_of_unrelated_hosts_is_interception() {
        let lab = Lab::new();
        let report =
            lab.judge(&[lab.site("www.bank.example").issued_by(&lab.unknown), lab.site("www.news.example").issued_by(&lab.unknown)]);
        assert_eq!(report.verdict.cause, Cause::UntrustedInterception);
    }

    #[test]
    fn one_intercepted_host_among_clear_ones_decides() {
        let lab = Lab::new();
        let clear = || lab.site("www.news.example").issued_by(&lab.disclosed).logged();
        let report = lab.judge(&[clear(), lab.site("www.bank.example").issued_by(&lab.undisclosed), clear()]);
        assert_eq!(report.verdict.cause, Cause::PublicAuthorityInterception);
        assert_eq!(report.hosts[0].verdict.cause, Cause::Clear);
    }

    #[test]
    fn silence_is_not_measured_and_never_clear() {
        let lab = Lab::new();
        assert_eq!(lab.judge(&[lab.silent_site("www.bank.example")]).verdict.cause, Cause::NotMeasured);
        assert_eq!(lab.judge(&[]).verdict.cause, Cause::NotMeasured);
        let mostly_silent = [
            lab.site("www.bank.example").issued_by(&lab.disclosed).logged(),
            lab.silent_site("www.news.example"),
            lab.silent_site("www.mail.example"),
        ];
        assert_eq!(lab.judge(&mostly_silent).verdict.cause, Cause::Inconclusive);
    }

    #[test]
    fn an_internal_name_under_a_local_anchor_is_nobodys_business() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("printer.home.arpa").issued_by(&lab.local)]);
        assert_eq!((report.verdict.cause, report.verdict.confidence), (Cause::InternalName, Confidence::Strong));
    }

    #[test]
    fn a_lone_end_entity_is_clear_only_when_a_known_key_signed_it_logs_saw_it_and_it_fits() {
        let lab = Lab::new();
        let lone = |issuer| lab.site("www.bank.example").issued_by(issuer).logged().leaf_only();
        let cause = |site| lab.judge(&[site]).verdict.cause;
        assert_eq!(cause(lone(&lab.disclosed)), Cause::Clear);
        assert_eq!(cause(lab.site("www.bank.example").issued_by(&lab.disclosed).leaf_only()), Cause::Inconclusive);
        assert_eq!(cause(lone(&lab.disclosed).naming(&["www.news.example"])), Cause::OriginFault);
        assert_eq!(cause(lone(&lab.disclosed).begun_before(700 * 86_400)), Cause::OriginFault);
        // Whoever accepted it trusts somebody whom no root program knows.
        assert_eq!(cause(lone(&lab.undisclosed)), Cause::LocalInterception);
        assert_eq!(cause(lone(&lab.leaked)), Cause::PublicAuthorityInterception);
    }

    #[test]
    fn a_record_of_others_may_be_of_any_age_and_says_not_what_the_client_made_of_it() {
        let lab = Lab::new();
        let cause = |site, vantage| {
            let mut evidence = lab.evidence(&[site]);
            evidence.surroundings.clock = Seen::NotVisible;
            evidence.collector.vantage = vantage;
            super::judge(&evidence, &lab.tables()).verdict.cause
        };
        let old = || lab.site(PINNED_HOST).issued_by(&lab.disclosed).in_2015();
        assert_eq!(cause(old(), Vantage::NativeProbe), Cause::Clock);
        assert_eq!(cause(old(), Vantage::Recorded), Cause::Clear);
        let lone = || lab.site("www.bank.example").issued_by(&lab.undisclosed).leaf_only();
        assert_eq!(cause(lone(), Vantage::Chromium), Cause::LocalInterception);
        assert_eq!(cause(lone(), Vantage::Recorded), Cause::Inconclusive);
    }

    #[test]
    fn many_lone_end_entities_that_a_browser_took_are_under_somebody_who_is_trusted_there() {
        let lab = Lab::new();
        let hosts = ["www.bank.example", "www.shop.example", "www.news.example", "mail.other.example", "www.search.example"];
        let lone = |host| lab.site(host).issued_by(&lab.unknown).leaf_only();
        let judged = |vantage, overridden| {
            let mut evidence = lab.evidence(&hosts.map(lone));
            evidence.collector.vantage = vantage;
            for observation in &mut evidence.observations {
                let client = ClientView { anchor: Seen::NotVisible, pinned: Seen::NotVisible, overridden };
                observation.client = Seen::Yes(client);
            }
            super::judge(&evidence, &lab.tables()).verdict.cause
        };
        assert_eq!(judged(Vantage::Chromium, None), Cause::LocalInterception);
        // Some interceptors sign each certificate with the key that it is for.
        let own_key = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.unknown).over_issuers_key().leaf_only()]);
        assert_eq!(own_key.verdict.cause, Cause::LocalInterception);
        // Whoever let the error pass trusts nobody, and of a record nobody knows.
        assert_eq!(judged(Vantage::Chromium, Some(Overridden::Unnamed)), Cause::UntrustedInterception);
        assert_eq!(judged(Vantage::Recorded, None), Cause::UntrustedInterception);
    }

    #[test]
    fn what_a_certificate_signed_that_is_no_cas_is_taken_by_nobody() {
        let lab = Lab::new();
        let server = below(&lab.disclosed, "a.server.example", NOW - 90 * 86_400, 90, |params| params.is_ca = IsCa::ExplicitNoCa);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&server).with_extra(&lab.disclosed).begun_before(86_400)]);
        assert_eq!(
            (report.verdict.cause, report.verdict.decided_by.as_slice()),
            (Cause::UntrustedInterception, &["misused-end-entity".to_owned()][..])
        );
    }

    #[test]
    fn a_borrowed_name_over_an_unknown_key_is_no_neglect() {
        let lab = Lab::new();
        let copy = lab.disclosed.copied_by(&lab.unknown, rcgen::KeyPair::generate().unwrap());
        let report = lab.judge_without_anchors(&[lab.site("www.bank.example").issued_by(&copy)]);
        assert_eq!(
            (report.verdict.cause, report.verdict.decided_by.as_slice()),
            (Cause::UntrustedInterception, &["impersonated-authority".to_owned()][..])
        );
    }

    #[test]
    fn a_refusal_is_told_by_its_reason() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).logged().naming(&["www.news.example"])]);
        assert_eq!(report.verdict.because, "path validation refuses it: it is for other hosts");
    }

    #[test]
    fn the_same_evidence_gives_the_same_bytes() {
        let lab = Lab::new();
        let evidence =
            lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.undisclosed), lab.site("www.news.example").issued_by(&lab.unknown)]);
        let text = evidence.to_json();
        let again = Evidence::from_json(text.as_bytes()).map(|evidence| evidence.to_json());
        assert_eq!(again.ok().as_deref(), Some(text.as_str()));
        let report = super::judge(&evidence, &lab.tables());
        assert_eq!(report.to_json(), super::judge(&evidence, &lab.tables()).to_json());
        let read = crate::Report::from_json(report.to_json().as_bytes());
        assert_eq!(read.ok().as_ref(), Some(&report));
    }
}
