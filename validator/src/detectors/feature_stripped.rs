//! `feature-stripped`: what the host is known to do in TLS is missing here.

use std::collections::BTreeSet;

use crate::case::{Case, View};
use crate::detector::{Detector, Question};
use crate::evidence::{Features, Seen};
use crate::finding::{Facet, Finding, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "feature-stripped",
    summary: "TLS 1.3, HTTP/2, a post-quantum group or the OCSP staple is missing, though the host is known to have it",
    shows: "Interceptors speak TLS with a stack of their own, mostly an older one. What was offered, and is known of this host from \
            another network, did not come.",
    cannot_tell: "Sites differ from server to server and change over time: one host alone weighs little, several of unrelated \
                  operators that lose the same thing at once weigh more.",
    sources: &["Durumeric et al., The Security Impact of HTTPS Interception, NDSS 2017", "RFC 8446 §4.1.3; RFC 7301; RFC 6066 §8"],
    needs: &[Facet::EndEntity, Facet::Negotiated, Facet::Control],
    question: Question::All(examine),
};

/// From how many unrelated operators on a loss is no accident of one site.
const SEVERAL: usize = 3;

fn examine(case: &Case<'_>) -> Vec<Finding> {
    let lost: Vec<(&View<'_>, Vec<&str>)> = case.views.iter().map(|view| (view, lost(case, view))).collect();
    let operators_that_lost = |feature: &str| -> usize {
        let losers = lost.iter().filter(|(_, all)| all.contains(&feature));
        losers.filter_map(|(view, _)| case.tables.operator(view.named())).collect::<BTreeSet<_>>().len()
    };
    let speak = |(view, all): &(&View<'_>, Vec<&str>)| {
        let weight = if all.iter().any(|feature| operators_that_lost(feature) >= SEVERAL) { Weight::Strong } else { Weight::Weak };
        DETECTOR.finding(weight, view, None, format!("offered and known of this host, but missing here: {}", all.join(", ")))
    };
    lost.iter().filter(|(_, all)| !all.is_empty()).map(speak).collect()
}

/// What was offered and every memory of this host has, and did not come.
fn lost(case: &Case<'_>, view: &View<'_>) -> Vec<&'static str> {
    let (Some(tls), Some(offer)) = (view.observation.tls.yes(), view.observation.offer.yes()) else { return Vec::new() };
    let known: Vec<&Features> = case.remembered(view).map(|memory| &memory.features).collect();
    let has = |list: fn(&Features) -> &Vec<String>, wanted: &str| {
        let known = known.iter().any(|features| list(features).iter().any(|name| name == wanted));
        known && list(offer).iter().any(|name| name == wanted)
    };
    let mut lost = Vec::new();
    if has(|features| &features.versions, TLS13) && tls.version != TLS13 {
        lost.push("TLS 1.3");
    }
    if has(|features| &features.alpn, HTTP2) && matches!(&tls.alpn, Seen::Yes(alpn) if alpn != HTTP2) {
        lost.push("HTTP/2");
    }
    if has(|features| &features.groups, POST_QUANTUM) && matches!(&tls.group, Seen::Yes(group) if group != POST_QUANTUM) {
        lost.push("the post-quantum group");
    }
    let staple_is_known = known.iter().any(|features| features.ocsp_staple) && offer.ocsp_staple;
    if staple_is_known && matches!(&view.observation.ocsp_staple, Seen::Yes(staple) if staple.as_slice().is_empty()) {
        lost.push("the OCSP staple");
    }
    lost
}

const TLS13: &str = "TLSv1.3";
const HTTP2: &str = "h2";
const POST_QUANTUM: &str = "X25519MLKEM768";

#[cfg(test)]
mod tests {
    use crate::evidence::{Bytes, Features, Host, Negotiated, Remembered, RememberedFrom, Seen};
    use crate::finding::Weight;
    use crate::report::Report;
    use crate::testing::{EXPECTING_HOST, Lab, NOW, speaks};

    fn features() -> Features {
        let list = |name: &str| vec![name.to_owned()];
        Features { versions: list("TLSv1.3"), alpn: list("h2"), groups: list("X25519MLKEM768"), ocsp_staple: true }
    }

    fn judged(hosts: &[&str], version: &'static str, alpn: &'static str, offer: &Features) -> Report {
        let lab = Lab::new();
        let site = |host: &&str| {
            lab.site(host).issued_by(&lab.disclosed).logged().seen(move |observation| {
                observation.offer = Seen::Yes(offer.clone());
                observation.ocsp_staple = Seen::Yes(Bytes::from(vec![1]));
                observation.tls = Seen::Yes(Negotiated {
                    version: version.to_owned(),
                    cipher_suite: "TLS13_AES_128_GCM_SHA256".to_owned(),
                    group: Seen::Yes("X25519MLKEM768".to_owned()),
                    alpn: Seen::Yes(alpn.to_owned()),
                    ech_accepted: Seen::NotVisible,
                    full_handshake: Seen::Yes(true),
                });
            })
        };
        let mut evidence = lab.evidence(&hosts.iter().map(site).collect::<Vec<_>>());
        let remember = |host: &&str| Remembered {
            host: Host::parse(host).unwrap(),
            port: 443,
            from: RememberedFrom::Baseline,
            at: u64::try_from(NOW).unwrap() - 86_400,
            authorities: Vec::new(),
            owners: Vec::new(),
            features: features(),
        };
        evidence.surroundings.remembered = Seen::Yes(hosts.iter().map(remember).collect());
        crate::judge(&evidence, &lab.tables())
    }

    #[test]
    fn speaks_softly_of_one_host_that_lost_a_feature() {
        let report = judged(&["www.bank.example"], "TLSv1.2", "http/1.1", &features());
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings.len(), findings[0].weight), (1, Weight::Weak));
        assert!(findings[0].says.ends_with("TLS 1.3, HTTP/2"), "{}", findings[0].says);
    }

    #[test]
    fn speaks_clearly_when_unrelated_operators_lose_it_at_once() {
        let report = judged(&["www.bank.example", "www.news.example", EXPECTING_HOST], "TLSv1.3", "http/1.1", &features());
        assert!(speaks(&report, super::DETECTOR.id).iter().all(|finding| finding.weight == Weight::Strong));
    }

    #[test]
    fn stays_silent_about_what_came_and_about_what_was_not_offered() {
        assert!(speaks(&judged(&["www.bank.example"], "TLSv1.3", "h2", &features()), super::DETECTOR.id).is_empty());
        let less = Features { versions: vec!["TLSv1.2".to_owned()], alpn: Vec::new(), ..features() };
        assert!(speaks(&judged(&["www.bank.example"], "TLSv1.2", "", &less), super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_control() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
