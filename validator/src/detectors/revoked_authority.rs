//! `revoked-authority`: a certificate that root programs revoked out of band.

use crate::case::{Case, View};
use crate::days::day;
use crate::detector::{Detector, Question};
use crate::finding::{Facet, Finding, Place, Weight};
use crate::tables::{KeyKind, Since};

pub(super) const DETECTOR: Detector = Detector {
    id: "revoked-authority",
    summary: "a certificate or key on every path is revoked by a root program",
    shows: "A root program took back its trust in this very certificate or key: by issuer and serial number, or by subject and key.",
    cannot_tell: "Clients that do not read the list still accept it. A site whose own certificate is listed, or whose root left the \
                  programs later, need not be intercepted. What was listed after the handshake is only noted; where \
                  nothing but the list's own date is known, it weighs little before that. A revoked certificate that a server sends beside a good path is \
                  only its operator's neglect, and only noted.",
    sources: &["OneCRL (both forms: issuer and serial; subject and key)", "Chromium certificate blocklist"],
    needs: &[Facet::EndEntity],
    question: Question::Each(examine),
};

/// What a list says of one place, and since when.
struct Entry {
    place: Place,
    says: String,
    since: Option<Since>,
}

/// How the day of a listing lies to the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timing {
    Before,
    /// Only the date of the list is known, and it is later than the handshake.
    Undated,
    Later,
}

fn examine(case: &Case<'_>, view: &View<'_>) -> Vec<Finding> {
    let entries = entries(case, view);
    let crossed = |wanted: &[Timing]| {
        let in_time = entries.iter().filter(|entry| wanted.contains(&entry.timing(view))).map(|entry| entry.place);
        view.every_best_path_crosses(&in_time.filter(|&place| is_authority(view, place) && !is_root(case, view, place)).collect::<Vec<_>>())
    };
    let (decides, may_decide) = (crossed(&[Timing::Before]), crossed(&[Timing::Before, Timing::Undated]));
    entries.iter().map(|entry| speak(case, view, entry, decides, may_decide)).collect()
}

fn speak(case: &Case<'_>, view: &View<'_>, entry: &Entry, decides: bool, may_decide: bool) -> Finding {
    let Entry { place, says, since } = entry;
    let day = since.map(|since| day(since.day)).unwrap_or_default();
    let finding = |weight, says: String| DETECTOR.finding(weight, view, Some(*place), says);
    let is_leaf = *place == Place::Certificate(0) && !is_authority(view, *place);
    match (place, entry.timing(view)) {
        (_, Timing::Later) => finding(Weight::Note, format!("{says}, listed later, on {day}")).of_kind("later"),
        // A root on the list has left the programs since; while it was public, so were its sites.
        (Place::Certificate(_), _) if is_root(case, view, *place) => finding(Weight::Note, says.clone()).of_kind("anchor"),
        (Place::Anchor(_), _) => finding(Weight::Note, says.clone()).of_kind("anchor"),
        (Place::Certificate(_) | Place::IssuerOf(_), Timing::Undated) => {
            let weight = if is_leaf || may_decide { Weight::Weak } else { Weight::Note };
            finding(weight, format!("{says}, by {day}, and perhaps not yet at the time")).of_kind("undated")
        }
        (Place::Certificate(_), Timing::Before) if is_leaf => finding(Weight::Weak, says.clone()).of_kind("end-entity"),
        (Place::Certificate(_) | Place::IssuerOf(_), Timing::Before) => {
            finding(if decides { Weight::Strong } else { Weight::Note }, says.clone())
        }
    }
}

impl Entry {
    fn day(&self) -> i64 {
        self.since.map_or(i64::MIN, |since| since.day)
    }

    fn timing(&self, view: &View<'_>) -> Timing {
        match self.since {
            Some(since) if view.at < since.day && since.at_the_latest => Timing::Undated,
            Some(since) if view.at < since.day => Timing::Later,
            _ => Timing::Before,
        }
    }
}

/// What the lists say, once for each place: of two lists the one that spoke earlier, and the blocklist first.
fn entries(case: &Case<'_>, view: &View<'_>) -> Vec<Entry> {
    let listed = view.listed_keys(case.tables).into_iter().filter(|listed| listed.kind == KeyKind::Revoked);
    let blocked = listed.map(|listed| Entry {
        place: listed.place,
        says: format!("its key is on a root program's blocklist: {}", listed.name),
        since: listed.since,
    });
    let revoked = view.certificates.iter().enumerate().filter_map(|(index, certificate)| {
        let entry = case.tables.revoked(certificate.issuer, certificate.serial, certificate.subject, &certificate.spki_sha256)?;
        let says = format!("revoked in OneCRL ({})", entry.reference);
        Some(Entry { place: view.place(index), says, since: Some(Since { day: entry.since, at_the_latest: false }) })
    });
    let unseen = view.revoked_unseen_issuer(case.tables).map(|(place, entry)| Entry {
        place,
        says: format!("revoked in OneCRL ({})", entry.reference),
        since: Some(Since { day: entry.since, at_the_latest: false }),
    });
    let mut entries: Vec<Entry> = Vec::new();
    for entry in blocked.chain(revoked).chain(unseen) {
        match entries.iter_mut().find(|known| known.place == entry.place) {
            Some(known) if entry.day() < known.day() => *known = entry,
            Some(_) => {}
            None => entries.push(entry),
        }
    }
    entries
}

/// Whether a place holds a certificate that some root program published as a trust anchor.
fn is_root(case: &Case<'_>, view: &View<'_>, place: Place) -> bool {
    let Place::Certificate(position) = place else { return false };
    let index = view.positions.iter().position(|&known| known == position);
    let certificate = index.and_then(|index| view.certificates.get(index));
    certificate.is_some_and(|certificate| case.tables.anchor(&certificate.sha256).is_some())
}

/// Whether a place holds a CA's certificate; a CA in the end-entity's place is one all the same.
fn is_authority(view: &View<'_>, place: Place) -> bool {
    match place {
        Place::Anchor(_) => false,
        Place::Certificate(0) => view.end_entity().is_some_and(|certificate| certificate.is_ca),
        Place::Certificate(_) | Place::IssuerOf(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Weight;
    use crate::testing::{Lab, NOW, speaks};

    #[test]
    fn speaks_of_a_revoked_key_on_the_only_path() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.revoked)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
    }

    #[test]
    fn what_was_listed_after_the_handshake_is_only_a_note() {
        let mut lab = Lab::new();
        lab.know_since(&lab.revoked.spki_sha256(), NOW + 1);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.revoked)]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings[0].weight, findings[0].kind.as_deref()), (Weight::Note, Some("later")));
        assert!(findings[0].says.ends_with("listed later, on 2026-11-24"), "{}", findings[0].says);
    }

    #[test]
    fn what_was_listed_on_the_very_day_counts() {
        let mut lab = Lab::new();
        lab.know_since(&lab.revoked.spki_sha256(), NOW);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.revoked)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Strong);
    }

    #[test]
    fn a_revoked_certificate_beside_a_good_path_is_only_a_note() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed).with_extra(&lab.revoked)]);
        assert_eq!(speaks(&report, super::DETECTOR.id)[0].weight, Weight::Note);
    }

    #[test]
    fn a_listed_end_entity_is_no_authority() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.listed_site("www.bank.example")]);
        let findings = speaks(&report, super::DETECTOR.id);
        assert_eq!((findings[0].weight, findings[0].kind.as_deref()), (Weight::Weak, Some("end-entity")));
    }

    #[test]
    fn stays_silent_about_a_ca_in_good_standing() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        assert!(speaks(&report, super::DETECTOR.id).is_empty());
    }

    #[test]
    fn says_it_could_not_look_without_a_certificate() {
        let lab = Lab::new();
        let report = lab.judge(&[lab.silent_site("www.bank.example")]);
        assert!(report.hosts[0].could_not_look.iter().any(|missed| missed.detector == super::DETECTOR.id));
    }
}
