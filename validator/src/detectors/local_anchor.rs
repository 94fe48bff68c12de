//! `local-anchor`: the path ends at an anchor that was added on this machine.

use crate::case::{Anchor, Case, View};
use crate::detector::{Detector, Question};
use crate::evidence::Seen;
use crate::finding::{Facet, Finding, Place, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "local-anchor",
    summary: "the only paths end at an anchor that is in no public root program",
    shows: "This machine trusts the chain because somebody added the anchor to it; no machine without that anchor would.",
    cannot_tell: "An employer's filter, an antivirus, a developer's proxy and a thief look alike on the wire.",
    sources: &["the root programs of Mozilla, Chrome, Apple, Microsoft and Android"],
    needs: &[Facet::EndEntity, Facet::MachineAnchors],
    question: Question::Each(examine),
};

fn examine(_: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    if view.public_paths().next().is_some() {
        return Vec::new();
    }
    let pinned = view.observation.client.yes().is_some_and(|client| client.pinned == Seen::Yes(true));
    let says = if pinned {
        "a public name is vouched for by an anchor that was added on this machine, and the client passed over the pins it ships for it"
    } else {
        "a public name is vouched for by an anchor that was added on this machine"
    };
    let local = view.anchors.iter().enumerate().filter(|(_, anchor)| Anchor::is_local(anchor));
    local.map(|(index, _)| DETECTOR.finding(Weight::Strong, view, Some(Place::Anchor(index)), says)).collect()
}

#[cfg(test)]
mod tests {
    use crate::evidence::{ChainForm, ClientAnchor, ClientView, MachineAnchor, Overridden, Seen};
    use crate::report::{AnchorKind, Report};
    use crate::testing::{Lab, speaks};
    use crate::verdict::Cause;

    #[test]
    fn speaks_of_an_anchor_added_on_this_machine() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1);
    }

    #[test]
    fn stays_silent_about_a_public_anchor() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn an_anchor_in_several_stores_is_one_and_the_platform_is_named() {
        let lab = Lab::new();
        let mut evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        let anchor = lab.local.as_machine_anchor();
        let public = MachineAnchor { sha256: lab.root_sha256(), certificate: Seen::NotVisible, ..anchor.clone() };
        let found_in = |origin: &str, anchor: &MachineAnchor| MachineAnchor { origin: origin.to_owned(), ..anchor.clone() };
        for (origins, named) in
            [(&["SSL_CERT_FILE", "java", "platform"][..], "platform"), (&["java", "nss-user"], "java"), (&["nss-user"], "nss-user")]
        {
            let both = origins.iter().flat_map(|origin| [found_in(origin, &anchor), found_in(origin, &public)]);
            evidence.surroundings.anchors = Seen::Yes(both.collect());
            let report = crate::judge(&evidence, &lab.tables());
            let told = report.surroundings.local_anchors.iter().map(|anchor| &anchor.kind).collect::<Vec<_>>();
            assert_eq!(told, [&AnchorKind::Local(named.to_owned())], "{origins:?}");
            assert_eq!(report.hosts[0].anchors.len(), 1, "{origins:?}");
            assert_eq!(report.surroundings.machine_anchors, Some(2), "one added, one public");
            assert_eq!(speaks(&report, super::DETECTOR.id).len(), 1, "{origins:?}");
        }
    }

    fn seen_by_a_browser(lab: &Lab, issuer: &crate::testing::Authority, anchor: ClientAnchor, overridden: Option<Overridden>) -> Report {
        let site = lab.site("www.bank.example").issued_by(issuer).seen(move |observation| {
            let client = ClientView { anchor: Seen::Yes(anchor), pinned: Seen::Yes(true), overridden };
            observation.client = Seen::Yes(client);
            if let Seen::Yes(chain) = &mut observation.chain {
                chain.form = ChainForm::Built;
                chain.certificates.truncate(1);
                chain.certificates.push(issuer.der.clone().into());
            }
        });
        lab.judge_without_anchors(&[site])
    }

    #[test]
    fn a_browser_tells_of_an_added_anchor_that_no_store_was_read_for() {
        let lab = Lab::new();
        let report = seen_by_a_browser(&lab, &lab.local, ClientAnchor::Added, None);
        assert!(speaks(&report, super::DETECTOR.id)[0].says.contains("passed over the pins"));
        assert_eq!(report.hosts[0].verdict.cause, Cause::LocalInterception);
        assert_eq!(report.hosts[0].anchors[0].kind, AnchorKind::Local("client".to_owned()));
    }

    #[test]
    fn a_chain_that_a_user_let_pass_shows_no_anchor() {
        let lab = Lab::new();
        let report = seen_by_a_browser(&lab, &lab.local, ClientAnchor::Added, Some(Overridden::Trust));
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
        assert!(report.hosts[0].anchors.is_empty());
    }

    #[test]
    fn stays_silent_about_another_certificate_of_a_public_root() {
        let lab = Lab::new();
        let mut evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        let copy = lab.one.changed_by(&lab.one, |params| params.serial_number = Some(77_u64.into()));
        assert_ne!(crate::evidence::Sha256::of(&copy.der), lab.root_sha256());
        evidence.surroundings.anchors = Seen::Yes(vec![copy.as_machine_anchor()]);
        let report = crate::judge(&evidence, &lab.tables());
        assert!(report.surroundings.local_anchors.is_empty());
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_where_anchors_were_not_seen() {
        let lab = Lab::new();
        let report = lab.judge_without_anchors(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
