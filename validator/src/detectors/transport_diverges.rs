//! `transport-diverges`: one host, another way to it, another authority.

use crate::case::{Case, View, VouchedBy};
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Weight};

pub(super) const DETECTOR: Detector = Detector {
    id: "transport-diverges",
    summary: "IPv4 and IPv6, TCP and QUIC, two hellos or two server names at one address lead to different authorities",
    shows: "A box that ends TLS on one way to a host and leaves another alone is seen by the difference. In Kazakhstan (2019) it \
            depended on the server name alone; SSLsplit lets a hello pass that a post-quantum key share makes too long for it.",
    cannot_tell: "A site may use several CAs, so that two public authorities weigh little. A way that is blocked shows no certificate \
                  and is no difference.",
    sources: &["incident: 2016-kazakhstan (Censored Planet 2019: by server name)", "RFC 6066 §3; RFC 9001"],
    needs: &[Facet::EndEntity, Facet::SeveralObservations],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let vouched = view.vouched_by();
    let differing = case.others_of_host(view).filter_map(|other| {
        let difference = difference(view, other)?;
        let there = other.vouched_by();
        // Two sites at one address may have two public authorities.
        let two_sites = view.named() != other.named() && matches!((&vouched, &there), (VouchedBy::Public(_), VouchedBy::Public(_)));
        (there.differs_from(&vouched) && !two_sites).then_some((other, difference, there))
    });
    // The way that leads to a public authority is the better witness.
    let Some((other, difference, there)) = differing.min_by_key(|(_, _, there)| !matches!(there, VouchedBy::Public(_))) else {
        return Vec::new();
    };
    let weight = match (&vouched, &there) {
        (VouchedBy::Local, VouchedBy::Public(_)) => Weight::Strong,
        // A machine that was never set up, behind one of the ways, is as likely.
        (VouchedBy::Public(_) | VouchedBy::Nobody, VouchedBy::Public(_)) => Weight::Weak,
        // The other way is the odd one, and is spoken of at its own place.
        _ => return Vec::new(),
    };
    let says = format!("vouched for by {}, and {difference} by {}", vouched.text(), there.text());
    vec![Finding { with: vec![other.index], ..DETECTOR.finding(weight, view, view.issuer_place(), says) }]
}

/// Returns the one thing in which the way to `other` differs, when it is one of those that should not matter.
fn difference(view: &View<'_>, other: &View<'_>) -> Option<&'static str> {
    let (one, another) = (&view.observation.target, &other.observation.target);
    let same_host = one.host == another.host && one.port == another.port;
    if same_host && one.transport != another.transport {
        return Some("over another transport");
    }
    let (here, there) = (view.address()?, other.address()?);
    if same_host && one.transport == another.transport && here.is_ipv4() != there.is_ipv4() {
        return Some("over the other version of IP");
    }
    if !same_host || here != there {
        return None;
    }
    // Asked for one host under two server names, at one address.
    if one.server_name.yes().zip(another.server_name.yes()).is_some_and(|(name, other)| name != other) {
        return Some("under another server name at the same address");
    }
    let offers = view.observation.offer.yes().zip(other.observation.offer.yes());
    offers.is_some_and(|(offer, other)| offer != other).then_some("to another ClientHello at the same address")
}

#[cfg(test)]
mod tests {
    use crate::evidence::{Features, Host, Seen, Transport};
    use crate::finding::Weight;
    use crate::report::Report;
    use crate::testing::{Lab, Site, speaks};

    const HOST: &str = "www.bank.example";

    fn at<'l>(site: Site<'l>, peer: &'static str) -> Site<'l> {
        site.seen(move |observation| observation.peer = Seen::Yes(peer.to_owned()))
    }

    fn weights(report: &Report) -> Vec<(usize, Weight)> {
        speaks(report, super::DETECTOR.id).iter().map(|finding| (finding.observation, finding.weight)).collect()
    }

    #[test]
    fn speaks_of_one_version_of_ip_that_is_intercepted() {
        let lab = Lab::new();
        let four = at(lab.site(HOST).issued_by(&lab.local), "192.0.2.7:443");
        let six = at(lab.site(HOST).issued_by(&lab.disclosed), "[2001:db8::7]:443");
        assert_eq!(weights(&lab.judge(&[four, six])), [(0, Weight::Strong)]);
    }

    #[test]
    fn speaks_softly_of_tcp_under_nobody_where_quic_is_under_an_authority() {
        let lab = Lab::new();
        let tcp = lab.site(HOST).issued_by(&lab.unknown);
        let quic = lab.site(HOST).issued_by(&lab.disclosed).seen(|observation| observation.target.transport = Transport::Quic);
        assert_eq!(weights(&lab.judge(&[tcp, quic])), [(0, Weight::Weak)]);
    }

    #[test]
    fn stays_silent_about_two_sites_at_one_address_and_nobody_faults_the_other() {
        const OTHER: &str = "www.other.example";
        let lab = Lab::new();
        let own = at(lab.site(HOST).issued_by(&lab.disclosed), "192.0.2.7:443");
        let of_other = at(lab.site(OTHER).issued_by(&lab.other_owner), "192.0.2.7:443").seen(|observation| {
            observation.target.host = Host::parse(HOST).unwrap();
            observation.target.server_name = Seen::Yes(Host::parse(OTHER).unwrap());
        });
        let report = lab.judge(&[own, of_other]);
        assert_eq!(weights(&report), []);
        assert_eq!(report.hosts[1].verdict.cause, report.hosts[0].verdict.cause, "{:?}", report.hosts[1].verdict);
        assert!(report.hosts[1].paths.iter().all(|path| path.refused.is_none()), "{:?}", report.hosts[1].paths);
    }

    #[test]
    fn stays_silent_about_a_server_that_forgets_its_intermediate() {
        let lab = Lab::new();
        let four = at(lab.site(HOST).issued_by(&lab.disclosed), "192.0.2.7:443");
        let six = at(lab.site(HOST).issued_by(&lab.disclosed).leaf_only(), "[2001:db8::7]:443");
        assert_eq!(weights(&lab.judge(&[four, six])), []);
    }

    #[test]
    fn speaks_of_a_server_name_that_makes_the_difference() {
        let lab = Lab::new();
        let named = at(lab.site(HOST).issued_by(&lab.local), "192.0.2.7:443");
        let other = at(lab.site(HOST).issued_by(&lab.disclosed), "192.0.2.7:443")
            .seen(|observation| observation.target.server_name = Seen::Yes(Host::parse("www.other.example").unwrap()));
        assert_eq!(weights(&lab.judge(&[named, other])), [(0, Weight::Strong)]);
    }

    #[test]
    fn speaks_of_a_box_that_a_longer_hello_passes() {
        let lab = Lab::new();
        let hello =
            |groups: &[&str]| Seen::Yes(Features { groups: groups.iter().map(|&group| group.to_owned()).collect(), ..Features::default() });
        let (short, long) = (hello(&["X25519"]), hello(&["X25519MLKEM768", "X25519"]));
        let met = at(lab.site(HOST).issued_by(&lab.local), "192.0.2.7:443").seen(move |observation| observation.offer = short.clone());
        let passed =
            at(lab.site(HOST).issued_by(&lab.disclosed), "192.0.2.7:443").seen(move |observation| observation.offer = long.clone());
        assert_eq!(weights(&lab.judge(&[met, passed])), [(0, Weight::Strong)]);
    }

    #[test]
    fn two_public_authorities_weigh_little() {
        let lab = Lab::new();
        let four = at(lab.site(HOST).issued_by(&lab.other_owner), "192.0.2.7:443");
        let six = at(lab.site(HOST).issued_by(&lab.disclosed), "[2001:db8::7]:443");
        assert_eq!(weights(&lab.judge(&[four, six])), [(0, Weight::Weak), (1, Weight::Weak)]);
    }

    #[test]
    fn stays_silent_about_two_certificates_of_one_owner() {
        let lab = Lab::new();
        let four = at(lab.site(HOST).issued_by(&lab.sister), "192.0.2.7:443");
        let six = at(lab.site(HOST).issued_by(&lab.disclosed), "[2001:db8::7]:443");
        assert_eq!(weights(&lab.judge(&[four, six])), []);
    }

    #[test]
    fn says_it_could_not_look_at_one_handshake_alone() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site(HOST).issued_by(&lab.disclosed)]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
