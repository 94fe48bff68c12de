//! `no-anchor`: the chain ends nowhere that is trusted.

use crate::case::{Anchor, Case, View, accepted_anchor};
use crate::detector::{Detector, Question};
use crate::evidence::ClientAnchor;
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "no-anchor",
    summary: "no path leads to an anchor that anybody trusts",
    shows: "A client that checks refuses this chain. Interceptors whose anchor is not installed look like that; so do routers.",
    cannot_tell: "One host alone may simply be misconfigured; the same issuer for unrelated hosts is what tells.",
    sources: &["RFC 5280 §6.1", "the root programs of Mozilla, Chrome, Apple, Microsoft and Android"],
    needs: &[Facet::EndEntity, Facet::Paths],
    question: Question::Each(examine),
};

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    if view.anchors.iter().any(|anchor| anchor.is_public() || anchor.is_local()) {
        return Vec::new();
    }
    if let Some(index) = view.anchors.iter().position(Anchor::is_retired) {
        let says = "the chain ends at a retired root: in no root program at that time";
        return vec![DETECTOR.finding(Weight::Note, view, Some(Place::Anchor(index)), says).of_kind("retired")];
    }
    if let Some((ClientAnchor::BuiltIn, _)) = accepted_anchor(view.observation) {
        let says = "the client has the root built in, and it is in none of our tables: it is younger than they are";
        return vec![DETECTOR.finding(Weight::Note, view, None, says).of_kind("built-in")];
    }
    let Some(end_entity) = view.end_entity() else { return Vec::new() };
    if end_entity.is_self_issued() {
        let says = "the end-entity certificate is self-signed and is no anchor here";
        return vec![DETECTOR.finding(Weight::Weak, view, Some(Place::Certificate(0)), says).of_kind("self-signed")];
    }
    let last = view.paths.first().and_then(|path| path.certificates.last()).map_or(Place::Certificate(0), |&index| view.place(index));
    if view.ends_below_a_public_key() {
        let says = "its issuer was not seen, and the key that signed it is a disclosed authority's";
        return vec![DETECTOR.finding(Weight::Note, view, Some(last), says).of_kind("issuer-not-seen")];
    }
    vec![DETECTOR.finding(
        Weight::Weak,
        view,
        Some(last),
        "its issuer is no anchor of any root program, nor of this machine as far as seen",
    )]
}

#[cfg(test)]
mod tests {
    use crate::evidence::{ChainForm, ClientAnchor, ClientView, Seen};
    use crate::testing::{Lab, speaks};
    use crate::verdict::Cause;

    #[test]
    fn speaks_of_an_issuer_nobody_trusts() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.unknown)]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn tells_a_self_signed_certificate_apart() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.self_signed_site("router.example")]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].kind.as_deref(), Some("self-signed"));
    }

    #[test]
    fn tells_an_issuer_apart_that_was_merely_not_sent() {
        let lab = Lab::new();
        let kind = |issuer| {
            let report = lab.judge(&[lab.site("www.bank.example").issued_by(issuer).leaf_only()]);
            speaks(&report, super::DETECTOR.id)[0].kind.clone()
        };
        assert_eq!(kind(&lab.disclosed).as_deref(), Some("issuer-not-seen"));
        assert_eq!(kind(&lab.unknown), None);
    }

    #[test]
    fn stays_silent_about_a_local_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn a_root_that_the_client_has_built_in_is_younger_than_the_tables() {
        let lab = Lab::new();
        let site = |host| {
            lab.site(host).issued_by(&lab.unknown).seen(|observation| {
                let client = ClientView { anchor: Seen::Yes(ClientAnchor::BuiltIn), pinned: Seen::NotVisible, overridden: None };
                observation.client = Seen::Yes(client);
                if let Seen::Yes(chain) = &mut observation.chain {
                    chain.form = ChainForm::Built;
                }
            })
        };
        let hosts = ["www.bank.example", "www.shop.example", "www.news.example", "mail.other.example", "www.search.example"];
        let report = lab.judge(&hosts.map(site));
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].kind.as_deref(), Some("built-in"));
        assert_eq!(report.verdict.cause, Cause::Inconclusive);
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
