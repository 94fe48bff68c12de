//! An incident in chapters, for the terminal and for pages alike.

use super::{AUDITS_A_YEAR, Audit, Incident, SAMPLED_PERCENT, chance_at_share, chance_in_sample, needed_for, practices, sample_size};

/// One chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Its heading.
    pub title: &'static str,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// One line of a chapter, as long as it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A paragraph.
    Text(String),
    /// An item: what it is about, and what there is to say.
    Item(String, String),
}

impl Incident {
    /// Returns the incident in chapters; one about which nothing is known is left out.
    pub fn chapters(&self) -> Vec<Chapter> {
        let chapters = [
            Chapter { title: "What happened", lines: paragraphs(&self.story) },
            Chapter { title: "What catches it, and from which day", lines: self.catching() },
            Chapter { title: "The clauses of the time and of today", lines: self.clauses_then_and_now() },
            Chapter { title: "What the CA itself had stated", lines: self.statements() },
            Chapter { title: "Grounds for distrust that the evidence points at", lines: self.grounds() },
            Chapter { title: "What the root programs did", lines: paragraphs(&self.response) },
            Chapter { title: "Would a self-audit have met it?", lines: self.audit.as_ref().map(self_audit).unwrap_or_default() },
            Chapter { title: "What is original in the replay", lines: paragraphs(&self.original) },
            Chapter { title: "What is re-enacted", lines: paragraphs(&self.re_enacted) },
            Chapter { title: "Sources", lines: self.sources.iter().map(|source| Line::Item(source.clone(), String::new())).collect() },
        ];
        chapters.into_iter().filter(|chapter| !chapter.lines.is_empty()).collect()
    }

    fn catching(&self) -> Vec<Line> {
        let caught = self.caught.iter().map(|caught| Line::Item(format!("`{}`", caught.rule), format!("{}: {}", caught.from, caught.why)));
        let missed = self.missed.iter().map(|missed| Line::Item(format!("not: {}", missed.rule), missed.why.clone()));
        caught.chain(missed).collect()
    }

    fn clauses_then_and_now(&self) -> Vec<Line> {
        self.clauses().map(|clause| Line::Item(format!("{} (today {})", clause.then, clause.now), clause.asks.clone())).collect()
    }

    fn statements(&self) -> Vec<Line> {
        self.stated.iter().map(|stated| Line::Item(stated.by.clone(), stated.says.clone())).collect()
    }

    fn grounds(&self) -> Vec<Line> {
        if self.pointed_at.is_empty() {
            return Vec::new();
        }
        let opening = format!(
            "Mozilla's policy speaks of \"egregious practices\" and numbers none. Read out of its texts there are {}; the evidence points at {}:",
            practices().len(),
            self.pointed_at.len()
        );
        let items = practices().iter().map(|practice| {
            let pointed = self.points_at(practice);
            let mark = if pointed.is_some() { "yes" } else { "not shown" };
            Line::Item(
                format!("{mark}: {} ({})", practice.says, practice.rests_on),
                pointed.map(|pointed| pointed.why.clone()).unwrap_or_default(),
            )
        });
        std::iter::once(Line::Text(opening)).chain(items).collect()
    }
}

/// What a self-audit would have met, with every assumption stated.
fn self_audit(audit: &Audit) -> Vec<Line> {
    let (met, how) = met(audit);
    let of = if audit.misissued == 1 { "it".to_owned() } else { format!("one of the {}", audit.misissued) };
    let mut lines = vec![
        Line::Text(format!(
            "BR §17.8 (today §8.7) has a CA look, every quarter at least, at a random sample of what it issued since the last one: \
             the greater of one certificate and {SAMPLED_PERCENT}%."
        )),
        Line::Item(format!("the chance that {of} is in the sample"), format!("{how}. Assumed: {}", audit.basis)),
    ];
    lines.extend(audit.valid_days.and_then(|days| while_valid(met, days)));
    lines.push(Line::Item(
        "what the subordinate CA itself minted".to_owned(),
        format!(
            "0.0%: the CA samples what it issued, not what others issued under it. Were they sampled too, as §17.9 (today §8.7) asks for \
             technically constrained ones, {} minted certificates would give an even chance and {} one of 95%",
            needed_for(0.5),
            needed_for(0.95)
        ),
    ));
    lines
}

/// The chance, and how it comes about.
fn met(audit: &Audit) -> (f64, String) {
    if let Some(issued) = audit.issued {
        let chance = chance_in_sample(issued, audit.misissued);
        let sampled = sample_size(issued);
        (chance, format!("{} when {issued} were issued in the quarter and {sampled} of them are looked at", percent(chance)))
    } else {
        let chance = chance_at_share(audit.misissued);
        (chance, format!("{}, which is 1 - 0.97^{}", percent(chance), audit.misissued))
    }
}

/// What is left of the chance for a certificate that ends before the next sample may be drawn.
fn while_valid(met: f64, days: u32) -> Option<Line> {
    let apart = 365 / AUDITS_A_YEAR;
    let chance = percent(met * f64::from(days) / f64::from(apart));
    let says = format!("{chance}: it lived {days} days, and samples are {apart} days apart at a time that has nothing to do with it");
    (days < apart).then(|| Line::Item("… and while it is still valid".to_owned(), says))
}

fn percent(chance: f64) -> String {
    format!("{:.1}%", chance * 100.0)
}

fn paragraphs(text: &str) -> Vec<Line> {
    let joined = text.trim().split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    joined.filter(|paragraph| !paragraph.is_empty()).map(Line::Text).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::incidents::{all, by_name};

    fn told(name: &str) -> String {
        format!("{:?}", by_name(name).unwrap().chapters())
    }

    #[test]
    fn mcs_is_told_with_its_clauses_its_grounds_and_its_chance() {
        let mcs = told("mcs");
        for part in [
            "Inclusion Policy 2.2 §10 (today MRSP 3.1 §5.3.2",
            "§6.2.3 and §7.1.2",
            "points at 5:",
            "3.1% when 357 were issued in the quarter and 11 of them are looked at",
            "0.5%: it lived 15 days",
            "23 minted certificates",
        ] {
            assert!(mcs.contains(part), "{part}: {mcs}");
        }
    }

    #[test]
    fn two_certificates_are_met_more_often_than_one() {
        assert!(told("turktrust").contains("5.9%, which is 1 - 0.97^2"));
        assert!(told("trustwave").contains("3.0%, which is 1 - 0.97^1"));
    }

    #[test]
    fn every_incident_says_what_is_original_and_what_catches_it() {
        for incident in all() {
            let titles: Vec<&str> = incident.chapters().iter().map(|chapter| chapter.title).collect();
            for title in ["What happened", "What catches it, and from which day", "What is original in the replay", "Sources"] {
                assert!(titles.contains(&title), "{}: {title} is missing", incident.id);
            }
        }
    }
}
