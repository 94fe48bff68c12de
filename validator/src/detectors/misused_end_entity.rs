//! `misused-end-entity`: an issuer that its own certificate does not allow to issue this.

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};
use crate::name_constraints::{self, MAX_COMPARISONS, Reason};
use crate::paths::Path;
use crate::profile;
use crate::tables::Disclosure;

pub(super) const DETECTOR: Detector = Detector {
    id: "misused-end-entity",
    summary: "an issuer that is no CA, or issues what its own certificate forbids",
    shows: "A key signed a certificate that it was never meant to sign: a server's key used as a CA's, a CA beyond its path length \
            or its name constraints, or a CA made where a server's certificate was ordered. \
            In 2011 TURKTRUST did the latter twice; one of the two minted for Google in a firewall.",
    cannot_tell: "Most clients refuse such a path, unless it is a CA that only looks like a server: then they all accept it. \
                  Under an anchor of one's own, or none, it is as a rule somebody's home-made authority. \
                  Real CAs are now and then called like a host, but not by a wildcard.",
    sources: &[
        "RFC 5280 §4.2.1.9 (basic constraints), §4.2.1.3 (key usage), §4.2.1.10 (name constraints)",
        "BR §7.1.2.7.8: a server's certificate is no CA's",
        "incident: 2013-turktrust",
    ],
    needs: &[Facet::EndEntity, Facet::Chain, Facet::Paths],
    question: Question::Each(examine),
};

/// One misuse on one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Misuse {
    place: Place,
    kind: &'static str,
    says: String,
    weight: Weight,
}

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let public: Vec<&Path> = view.public_paths().collect();
    let (best, ceiling) = if public.is_empty() { (view.paths.iter().collect(), Weight::Note) } else { (public, Weight::Strong) };
    let mut budget = MAX_COMPARISONS;
    let found: Vec<Vec<Misuse>> = best.iter().map(|path| misuses(case, view, path, &mut budget)).collect();
    // A client takes the path without: then the other certificate lies about, and no more.
    let ceiling = if found.iter().any(Vec::is_empty) { Weight::Note } else { ceiling };
    let mut found: Vec<Misuse> = found.into_iter().flatten().collect();
    found.sort_unstable();
    found.dedup();
    found
        .into_iter()
        .map(|misuse| DETECTOR.finding(misuse.weight.min(ceiling), view, Some(misuse.place), misuse.says).of_kind(misuse.kind))
        .collect()
}

fn misuses(case: &Case<'_>, view: &View<'_>, path: &Path, budget: &mut usize) -> Vec<Misuse> {
    let mut found = Vec::new();
    let mut below = 0_u32;
    let server = view.end_entity().filter(|server| server.is_ca && !server.is_self_issued() && profile::server_name(server).is_some());
    found.extend(server.map(|_| Misuse {
        place: Place::Certificate(0),
        kind: "server-is-ca",
        says: "a server's certificate that is a CA's as well".to_owned(),
        weight: Weight::Weak,
    }));
    for &index in path.certificates.iter().skip(1) {
        let Some(issuer) = view.certificates.get(index) else { continue };
        let mut add = |kind, weight, says: &str| found.push(Misuse { place: view.place(index), kind, says: says.to_owned(), weight });
        if !issuer.is_ca && profile::has_extensions(issuer) {
            add("no-ca", Weight::Strong, "it issued the certificate below it, and is no CA");
        } else if !issuer.is_ca {
            add("no-extensions", Weight::Weak, "it issued the certificate below it, and being of version 1 cannot say that it is a CA");
        } else if issuer.may_sign_certificates == Some(false) {
            add("key-usage", Weight::Weak, "it issued the certificate below it, and its key usage does not allow that");
        }
        if issuer.path_len.is_some_and(|most| below > most) {
            add("path-length", Weight::Weak, "more CAs stand below it than its path length allows");
        }
        match profile::server_name(issuer).filter(|_| issuer.is_ca) {
            Some(name) if name.starts_with("*.") => add("server-name", Weight::Strong, "a CA that is called like servers, by a wildcard"),
            Some(_) if case.tables.disclosure(&issuer.sha256, &issuer.spki_sha256) == Disclosure::Undisclosed => {
                add("server-name", Weight::Weak, "a CA that is called like a server, and that nobody disclosed");
            }
            _ => {}
        }
        below = below.saturating_add(u32::from(!issuer.is_self_issued()));
    }
    found.extend(outside_constraints(view, path, budget));
    found
}

/// DNS names that a CA of the path, or its anchor, may not vouch for by its own certificate.
fn outside_constraints(view: &View<'_>, path: &Path, budget: &mut usize) -> Vec<Misuse> {
    let on_path: Vec<_> = path.certificates.iter().filter_map(|&index| view.certificates.get(index)).collect();
    let anchor = view.anchor_of(path).and_then(|anchor| anchor.name_constraints());
    let breaches = name_constraints::breaches(&on_path, anchor, budget);
    let misuse = |breach: &name_constraints::Breach<'_>| {
        let Reason::DnsName(name) = breach.reason else { return None };
        let place = match breach.issuer {
            Some(issuer) => path.certificates.get(issuer).map(|&index| view.place(index)),
            None => path.anchor.map(Place::Anchor),
        };
        let says = format!("its name constraints leave out {:?}, which stands below it", String::from_utf8_lossy(name));
        Some(Misuse { place: place?, kind: "name-constraints", says, weight: Weight::Weak })
    };
    breaches.iter().filter_map(misuse).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, DnType, IsCa, KeyUsagePurpose};

    use super::DETECTOR;
    use crate::finding::{Finding, Weight};
    use crate::report::Report;
    use crate::testing::{Authority, Lab, NOW, below, speaks};

    const OLD: i64 = NOW - 90 * 86_400;

    fn judged(lab: &Lab, issuer: &Authority, extra: &Authority) -> Report {
        lab.judge(&[lab.site("www.bank.example").issued_by(issuer).with_extra(extra)])
    }

    fn only(report: &Report) -> &Finding {
        let findings = speaks(report, DETECTOR.id);
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings[0]
    }

    fn says(finding: &Finding) -> (Option<&str>, Weight) {
        (finding.kind.as_deref(), finding.weight)
    }

    #[test]
    fn speaks_of_a_servers_key_that_signed_another_certificate() {
        let lab = Lab::new();
        let server = below(&lab.disclosed, "www.other.example", OLD, 300, |params| params.is_ca = IsCa::ExplicitNoCa);
        let report = judged(&lab, &server, &lab.disclosed);
        assert_eq!(says(only(&report)), (Some("no-ca"), Weight::Strong));
    }

    #[test]
    fn speaks_softly_of_a_ca_without_the_right_key_usage_or_beyond_its_path_length() {
        let lab = Lab::new();
        let odd = below(&lab.disclosed, "Odd", OLD, 300, |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
        assert_eq!(says(only(&judged(&lab, &odd, &lab.disclosed))), (Some("key-usage"), Weight::Weak));
        let last = below(&lab.disclosed, "Last", OLD, 300, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
        let beyond = below(&last, "Beyond", OLD, 300, |_| {});
        let chain = last.sent_with(&lab.disclosed);
        assert_eq!(says(only(&judged(&lab, &beyond, &chain))), (Some("path-length"), Weight::Weak));
    }

    #[test]
    fn a_path_length_that_is_kept_is_silent() {
        let lab = Lab::new();
        let last = below(&lab.disclosed, "Last", OLD, 300, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
        assert!(speaks(&judged(&lab, &last, &lab.disclosed), DETECTOR.id).is_empty());
    }

    #[test]
    fn speaks_softly_of_a_name_outside_the_issuers_constraints() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.news.example").issued_by(&lab.constrained)]);
        assert_eq!(says(only(&report)), (Some("name-constraints"), Weight::Weak));
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.constrained)]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn speaks_of_a_ca_that_is_called_like_a_server() {
        let lab = Lab::new();
        let named = |name: &str| {
            below(&lab.disclosed, "replaced", OLD, 300, |params| {
                params.distinguished_name.remove(DnType::CommonName);
                params.distinguished_name.push(DnType::CommonName, name);
            })
        };
        assert_eq!(says(only(&judged(&lab, &named("*.example.org"), &lab.disclosed))), (Some("server-name"), Weight::Strong));
        assert_eq!(says(only(&judged(&lab, &named("mail.example.org"), &lab.disclosed))), (Some("server-name"), Weight::Weak));
        assert!(speaks(&judged(&lab, &named("Example CA v1.2"), &lab.disclosed), DETECTOR.id).is_empty());
    }

    #[test]
    fn speaks_softly_of_a_server_that_presents_a_ca() {
        let lab = Lab::new();
        let server = below(&lab.disclosed, "replaced", OLD, 300, |params| {
            params.distinguished_name.remove(DnType::CommonName);
            params.distinguished_name.push(DnType::CommonName, "*.bank.example");
        });
        let report = lab.judge(&[lab.site("www.bank.example").presenting(&server.sent_with(&lab.disclosed))]);
        assert_eq!(says(only(&report)), (Some("server-is-ca"), Weight::Weak));
    }

    #[test]
    fn another_certificate_of_the_same_key_that_is_a_ca_makes_it_a_note() {
        let lab = Lab::new();
        let good = below(&lab.disclosed, "Twice", OLD, 300, |_| {});
        let odd = good.changed_by(&lab.disclosed, |params| params.is_ca = IsCa::ExplicitNoCa);
        let report = judged(&lab, &good, &odd.sent_with(&lab.disclosed));
        assert_eq!(says(only(&report)), (Some("no-ca"), Weight::Note));
    }

    #[test]
    fn a_home_made_authority_is_a_note_and_a_self_signed_router_nothing() {
        let lab = Lab::new();
        let odd = below(&lab.local, "Home-made", OLD, 300, |params| params.is_ca = IsCa::ExplicitNoCa);
        let report = lab.judge(&[lab.site("server.internal").issued_by(&odd)]);
        assert_eq!(only(&report).weight, Weight::Note);
        let report = lab.judge(&[lab.self_signed_site("router.example")]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_ca() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_chain() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).leaf_only()]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == DETECTOR.id));
    }
}
