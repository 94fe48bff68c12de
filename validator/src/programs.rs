//! What each root program makes of a chain: by carrying its anchor or not, and by the rules it applied at that time.

use crate::case::{SctSeen, SctWorth, View};
use crate::evidence::Sha256;
use crate::finding::Place;
use crate::paths::Path;
use crate::tables::{AllowList, Carried, Conditions, Constraint, Program, Tables};

/// Where one program stands on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    /// It carries the anchor of some path, and no rule of its own refuses that path.
    Accepts,
    /// What it carried at that time is not known.
    NotKnown,
    /// A rule of its own refuses every path that it might take.
    Refuses,
    /// It carries the anchor of no path.
    Lacks,
}

/// A rule of a program that a path does not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    /// Whose rule it is.
    pub(crate) program: Program,
    /// Where the key stands that the rule binds.
    pub(crate) place: Place,
    /// Since when the program applies the rule, in UNIX seconds.
    pub(crate) since: i64,
    /// What does not hold, of the alternative that fails in the fewest ways.
    pub(crate) faults: Vec<Fault>,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// notBefore is earlier than this moment, in UNIX seconds.
    NotBeforeEarlier(i64),
    /// notBefore is later than this moment, in UNIX seconds.
    NotBeforeLater(i64),
    /// Every SCT is later than this moment, in UNIX seconds.
    SctsLater(i64),
    /// These DNS names lie outside those imposed.
    NamesOutside(Vec<String>),
    /// The end-entity is on no list of those still taken.
    Unlisted,
    /// Nothing below this key is taken any more.
    NothingTaken,
}

impl Fault {
    /// Returns whether this is about when something was issued, or about when trust ended.
    pub(crate) fn is_of_dates(&self) -> bool {
        self.is_past_the_date() || matches!(self, Self::NotBeforeEarlier(_) | Self::NothingTaken)
    }

    /// Returns whether something was issued after the program had stopped taking more.
    pub(crate) fn is_past_the_date(&self) -> bool {
        matches!(self, Self::NotBeforeLater(_) | Self::SctsLater(_))
    }
}

/// What all programs make of the best paths of one handshake.
#[derive(Debug)]
pub(crate) struct Stands {
    /// Every real program, and the overlay where it vouches for an anchor.
    pub(crate) by_program: Vec<(Program, Stand)>,
    /// The rules that are not met, of programs that refuse.
    pub(crate) breaches: Vec<Breach>,
}

impl Stands {
    /// Reads them off the best paths: those to a public anchor before the others, valid ones before refused ones.
    pub(crate) fn of(view: &View<'_>, tables: &Tables) -> Self {
        let paths = view.best_paths();
        let mut stands = Self { by_program: Vec::new(), breaches: Vec::new() };
        let examined: Vec<(&Path, Vec<Breach>)> = paths.into_iter().map(|path| (path, breaches(view, tables, path))).collect();
        for program in Program::ALL.into_iter().chain([Program::Lab]) {
            let stand = |(path, breaches): &(&Path, Vec<Breach>)| match carried(view, tables, path, program) {
                _ if breaches.iter().any(|breach| breach.program == program) => Stand::Refuses,
                Carried::Yes => Stand::Accepts,
                Carried::No => Stand::Lacks,
                Carried::NotKnown => Stand::NotKnown,
            };
            let stand = examined.iter().map(stand).min().unwrap_or(Stand::NotKnown);
            if stand == Stand::Refuses {
                stands.breaches.extend(examined.iter().flat_map(|(_, all)| all).filter(|breach| breach.program == program).cloned());
            }
            stands.by_program.push((program, stand));
        }
        stands
    }

    /// Returns the programs that stand so.
    pub(crate) fn which(&self, stand: Stand) -> impl Iterator<Item = Program> {
        self.by_program.iter().filter(move |(_, stands)| *stands == stand).map(|(program, _)| *program)
    }

    /// Returns whether no program is known to take the chain.
    pub(crate) fn nobody_accepts(&self) -> bool {
        self.which(Stand::Accepts).next().is_none()
    }
}

fn carried(view: &View<'_>, tables: &Tables, path: &Path, program: Program) -> Carried {
    let anchor = view.anchor_of(path).filter(|anchor| !anchor.is_local());
    anchor.and_then(|anchor| tables.anchor(&anchor.sha256)).map_or(Carried::NotKnown, |anchor| anchor.carried_by(program, view.at))
}

/// Every rule that a path does not meet, of every program.
fn breaches(view: &View<'_>, tables: &Tables, path: &Path) -> Vec<Breach> {
    let on_path = || path.certificates.iter().filter_map(|&index| Some((view.place(index), view.certificates.get(index)?.spki_sha256)));
    let anchor = view.anchor_of(path).zip(path.anchor).map(|(anchor, index)| (Place::Anchor(index), anchor.spki_sha256));
    let keys: Vec<(Place, Sha256)> = on_path().chain(anchor).collect();
    let mut found = Vec::new();
    for (index, (place, key)) in keys.iter().enumerate().skip(1) {
        let is_anchor = anchor.is_some() && index + 1 == keys.len();
        let binds = |rule: &Constraint<'_>| {
            rule.applies_at(view.at) && (rule.anywhere || is_anchor) && !keys.iter().any(|(_, key)| rule.exempts(key))
        };
        for rule in tables.constraints(key).iter().filter(|rule| binds(rule)) {
            let faults = rule.any_of.iter().map(|set| faults(view, set)).min_by_key(Vec::len).unwrap_or_default();
            if !faults.is_empty() {
                found.push(Breach { program: rule.program, place: *place, since: rule.from, faults });
            }
        }
    }
    found
}

/// The conditions of one set that do not hold; one that cannot be told from what was seen counts as held.
fn faults(view: &View<'_>, set: &Conditions<'_>) -> Vec<Fault> {
    let Some(end_entity) = view.end_entity() else { return Vec::new() };
    // A forged SCT proves no time; one of a log we do not know may be good for the program.
    let counts = |sct: &&SctSeen| !matches!(sct.worth, SctWorth::Forged | SctWorth::Unreadable);
    let times: Vec<i64> = view.scts.each.iter().filter(counts).filter_map(|sct| sct.at).collect();
    let scts_later = |until: i64| times.iter().min().is_some_and(|first| *first > until);
    let outside: Vec<String> =
        end_entity.dns_names.iter().filter(|name| !set.names.is_empty() && is_outside(name, &set.names)).cloned().collect();
    let not_before = end_entity.not_before;
    [
        set.not_before_from.filter(|from| not_before < *from).map(Fault::NotBeforeEarlier),
        set.not_before_until.filter(|until| not_before > *until).map(Fault::NotBeforeLater),
        set.sct_until.filter(|until| scts_later(*until)).map(Fault::SctsLater),
        Some(outside).filter(|outside| !outside.is_empty()).map(Fault::NamesOutside),
        set.list.filter(|list| !list.holds(&end_entity.sha256)).map(|list| match list {
            AllowList::Nothing => Fault::NothingTaken,
            _ => Fault::Unlisted,
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a name is none of these and below none of them. A name without a dot is in no domain at all, and means no public host.
fn is_outside(name: &str, permitted: &[&str]) -> bool {
    let name = name.trim_end_matches('.');
    let within = |domain: &&str| name.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !permitted.iter().any(within)
}

/// Names programs in a sentence.
pub(crate) fn names(programs: impl Iterator<Item = Program>) -> String {
    let names: Vec<&str> = programs.map(Program::name).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_inside_its_domain_and_below_it_and_not_beside_it() {
        let permitted = ["fr", "gov.in"];
        for inside in ["impots.gouv.fr", "*.gouv.fr", "gov.in", "a.gov.in", "a.gov.in.", "intranet"] {
            assert!(!is_outside(inside, &permitted), "{inside}");
        }
        for outside in ["www.google.com", "notgov.in", "xfr.example", "co.in"] {
            assert!(is_outside(outside, &permitted), "{outside}");
        }
    }

    #[test]
    fn programs_are_named_in_a_sentence() {
        assert_eq!(names([Program::Mozilla].into_iter()), "Mozilla");
        assert_eq!(names([Program::Mozilla, Program::Chrome, Program::Apple].into_iter()), "Mozilla, Chrome and Apple");
        assert_eq!(names([].into_iter()), "nobody");
    }
}
