//! `interception-product`: which program or box this looks like, and by what.

use crate::case::{Case, View};
use crate::chain::Certificate;
use crate::detector::{Detector, Question};
use crate::evidence::Sha256;
use crate::finding::{Facet, Finding, Place, Weight};
use crate::tables::{NameOf, Product};

pub(super) const DETECTOR: Detector = Detector {
    id: "interception-product",
    summary: "the chain is, looks like or claims to be that of a product that ends other people's TLS",
    shows: "Which program or box answers here: proven by a key that it is known to hold, likened by how its certificates are made, \
            or only claimed by a name. What hardly can be forged speaks first, and what can be stays silent then.",
    cannot_tell: "Who uses it and why. A profile is shared by whatever is built from the same program; a name can be set by every \
                  administrator and copied by every thief, so a name alone proves nothing. Unlisted products and renamed authorities go unnamed.",
    sources: &[
        "the table of products: each row with its source (Chromium's list of MITM software, incidents, vendors' documents, public transcripts)",
        "measured: certificates of ten interceptors in our laboratory",
    ],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let Some(end_entity) = view.end_entity() else { return Vec::new() };
    let known = by_key(case, view);
    if !known.is_empty() {
        return known;
    }
    // A device that signs its own page intercepts nobody.
    if end_entity.is_self_issued() {
        return Vec::new();
    }
    let profile = case.tables.product_by_profile(end_entity, is_over_issuers_key(view, end_entity));
    let named = by_name(case, view, end_entity).filter(|(_, product)| profile.is_none_or(|likeness| likeness.name != product.name));
    let likeness = profile.map(|product| {
        let says = format!("looks like {}, {}: its certificates are made like this one", product.name, product.kind.phrase());
        finding(view, Weight::Weak, Place::Certificate(0), product, says)
    });
    let claim = named.map(|(place, product)| {
        let says = format!("claims to be {}, {}: a name says so, and nothing else", product.name, product.kind.phrase());
        finding(view, Weight::Note, place, product, says)
    });
    likeness.into_iter().chain(claim).collect()
}

fn finding(view: &View<'_>, weight: Weight, place: Place, product: Product<'_>, says: String) -> Finding {
    DETECTOR.finding(weight, view, Some(place), says).of_kind(product.kind.word())
}

/// One finding for each product whose key stands on a path, anchors included, or is the end-entity's own.
fn by_key(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let mut known: Vec<(Place, Product<'_>)> = Vec::new();
    let mut ask = |place: Place, spki: &Sha256| {
        if let Some(product) = case.tables.product_by_key(spki).filter(|product| known.iter().all(|(_, told)| told != product)) {
            known.push((place, product));
        }
    };
    for (index, certificate) in view.certificates.iter().enumerate() {
        if index == 0 || view.paths.iter().any(|path| path.certificates.contains(&index)) {
            ask(view.place(index), &certificate.spki_sha256);
        }
    }
    for (index, anchor) in view.anchors.iter().enumerate() {
        ask(Place::Anchor(index), &anchor.spki_sha256);
    }
    let tell = |(place, product): (Place, Product<'_>)| {
        let says = format!("is {}, {}: the key is known", product.name, product.kind.phrase());
        finding(view, Weight::Strong, place, product, says)
    };
    known.into_iter().map(tell).collect()
}

/// Whether the end-entity is over the key that signed it, or says so by its authority key identifier.
fn is_over_issuers_key(view: &View<'_>, end_entity: &Certificate<'_>) -> bool {
    let by_id = || end_entity.authority_key_id.is_some_and(|id| end_entity.key_id_by_rfc5280().is_some_and(|own| own.as_slice() == id));
    view.issuer_spki() == Some(end_entity.spki) || by_id()
}

/// The first product that an authority goes by the name of, or else the end-entity; with where that name stands.
fn by_name<'t>(case: &Case<'t>, view: &View<'_>, end_entity: &Certificate<'_>) -> Option<(Place, Product<'t>)> {
    // A CA that a root program knows is who it says it is, whatever product its owner sells.
    if view.issuer_is_disclosed(case.tables) {
        return None;
    }
    let authorities = authorities(view, end_entity);
    let mut named = authorities.iter().filter_map(|(place, name)| Some((*place, case.tables.product_by_name(name, NameOf::Authority)?)));
    named.next().or_else(|| {
        // A site may call itself what it likes once a public authority has looked at it.
        let vouched = view.public_paths().next().is_some();
        let product = case.tables.product_by_name(end_entity.subject, NameOf::EndEntity).filter(|_| !vouched)?;
        Some((Place::Certificate(0), product))
    })
}

/// The Name of every issuer on every path, once, and where the issuer itself stands, or else who names it.
fn authorities<'v>(view: &'v View<'_>, end_entity: &Certificate<'v>) -> Vec<(Place, &'v [u8])> {
    let mut found: Vec<(Place, &[u8])> = Vec::new();
    for path in &view.paths {
        for (at, &index) in path.certificates.iter().enumerate() {
            let Some(certificate) = view.certificates.get(index) else { continue };
            let place = match path.certificates.get(at + 1) {
                Some(&issuer) => view.place(issuer),
                None => path.anchor.map_or(view.place(index), Place::Anchor),
            };
            if !found.iter().any(|(_, name)| *name == certificate.issuer) {
                found.push((place, certificate.issuer));
            }
        }
    }
    if found.is_empty() {
        found.push((Place::Certificate(0), end_entity.issuer));
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::DETECTOR;
    use crate::Report;
    use crate::evidence::{Bytes, Seen};
    use crate::finding::{Place, Weight};
    use crate::testing::{Lab, NOW, minted_like, minted_over, speaks};

    /// The key of MockServer's own CA; its private half stands in mock-server/mockserver for everybody to use.
    const MOCKSERVER: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAiyVCB1uZzVQMuO0KwVV4UQ8dlZZCwgmRwsJPXlAlsucw8SanKJKjTsNDXFCTtYIE5ZYG6Em34zAQ\
        ArlAVH8wt/XXFxQXbo+Q7QY7TWUQ+1Lozyelek0JgoUX6BnSrWGbFnTxlAP7osA+cvHldQqT9e+MSkpHPTVLNridSGBzhAOc34EKJqZDh/OFvBHp5M+b1nbr\
        pFiEr6g8EE3UDET/4LA7SdXzmf0RiKafmR9mrKJ14JDdluM/NeB9dy0L1xbEorh4R1+MxGfHHABVU8IlTn2wy/omOENXdgpZfhQx6+xzpt9D8o6BUCgUm4Vd\
        sCJL6gTn8k5bTJT18eeAPtBZQwIDAQAB";

    /// What is said of a handshake with these certificates in the place of the site's own.
    fn judge_chain(certificates: &[Vec<u8>]) -> Report {
        let lab = Lab::new();
        let mut evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.unknown)]);
        if let Seen::Yes(chain) = &mut evidence.observations[0].chain {
            chain.certificates = certificates.iter().cloned().map(Bytes::from).collect();
        }
        crate::judge(&evidence, &lab.tables())
    }

    fn over_mockservers_key() -> Vec<u8> {
        let spki = data_encoding::BASE64.decode(MOCKSERVER.as_bytes()).unwrap();
        minted_over(&spki, "SAN,EKU", NOW - 86_400, 86_400 * 365, 127)
    }

    #[test]
    fn tells_a_product_by_a_key_that_it_is_known_to_hold() {
        let report = judge_chain(&[over_mockservers_key()]);
        let found = speaks(&report, DETECTOR.id);
        assert!(found[0].says.starts_with("is MockServer, a developer's proxy"), "{}", found[0].says);
        assert_eq!((found.len(), found[0].weight), (1, Weight::Strong));
    }

    #[test]
    fn a_known_key_that_was_merely_sent_too_says_nothing() {
        let report = judge_chain(&[minted_like("SAN,EKU", NOW - 86_400, 86_400 * 365, 127), over_mockservers_key()]);
        assert!(speaks(&report, DETECTOR.id).iter().all(|finding| finding.weight < Weight::Strong));
    }

    #[test]
    fn likens_what_is_made_as_a_product_makes_it() {
        let report = judge_chain(&[minted_like("EKU,SAN,AKI,CRLDP", NOW - 86_400, 86_400 * 199, 159)]);
        let found = speaks(&report, DETECTOR.id);
        assert!(found[0].says.starts_with("looks like mitmproxy"), "{}", found[0].says);
        assert_eq!((found.len(), found[0].weight), (1, Weight::Weak));
    }

    #[test]
    fn likens_nothing_to_a_certificate_made_otherwise() {
        let report = judge_chain(&[minted_like("EKU,SAN,AKI,CRLDP,AIA", NOW - 86_400, 86_400 * 199, 159)]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn claims_what_a_local_issuer_calls_itself_and_no_more() {
        let mut lab = Lab::new();
        lab.local = crate::testing::root("Cisco Umbrella Root CA", "Cisco");
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        let found = speaks(&report, DETECTOR.id);
        assert!(found[0].says.starts_with("claims to be Cisco Umbrella, a cloud gateway"), "{}", found[0].says);
        assert_eq!((found[0].weight, found[0].place), (Weight::Note, Some(Place::Anchor(0))));
        assert_eq!(found[0].kind.as_deref(), Some("gateway"));
    }

    #[test]
    fn claims_it_from_the_end_entity_alone() {
        let mut lab = Lab::new();
        lab.local = crate::testing::root("mitmproxy", "mitmproxy");
        let report = lab.judge_without_anchors(&[lab.site("www.bank.example").issued_by(&lab.local).leaf_only()]);
        let found = speaks(&report, DETECTOR.id);
        assert!(found[0].says.starts_with("claims to be mitmproxy"));
        assert_eq!(found[0].place, Some(Place::Certificate(0)));
    }

    #[test]
    fn tells_what_an_undisclosed_authority_below_a_public_anchor_calls_itself() {
        let mut lab = Lab::new();
        lab.undisclosed = lab.public_subordinate("Fortinet", "FortiGate CA");
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.undisclosed)]);
        assert_eq!(speaks(&report, DETECTOR.id)[0].weight, Weight::Note);
    }

    #[test]
    fn stays_silent_about_a_disclosed_authority_of_a_vendor() {
        let mut lab = Lab::new();
        lab.disclosed = lab.public_subordinate("Blue Coat Systems, Inc.", "Blue Coat Public Services Intermediate CA");
        lab.overlay.disclosed.push(lab.disclosed.der.clone().into());
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_vendors_own_site_under_a_public_anchor() {
        let lab = Lab::new();
        for (organisation, host) in [
            ("Zscaler Inc.", "www.zscaler.example"),
            ("AO Kaspersky Lab", "www.kaspersky.example"),
            ("GoProxy untrusted MITM proxy", "goproxy.example"),
        ] {
            for issuer in [&lab.disclosed, &lab.undisclosed] {
                let report = lab.judge(&[lab.site(host).issued_by(issuer).of(organisation).logged()]);
                assert!(speaks(&report, DETECTOR.id).is_empty(), "{organisation}");
            }
        }
    }

    #[test]
    fn stays_silent_about_an_issuer_that_no_product_goes_by() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn stays_silent_about_a_box_that_signs_its_own_page() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.self_signed_site("fw.example").of("Fortinet")]);
        assert!(speaks(&report, DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == DETECTOR.id));
    }
}
