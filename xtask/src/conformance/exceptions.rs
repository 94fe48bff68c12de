//! Where we answer otherwise than the suite, or not at all: one line and one reason each.

use std::fs;
use std::path::Path;

use super::suite::{Answer, Case};
use crate::trouble::Trouble;

/// The exceptions, read.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    kind: Kind,
    what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All that ask for something, such as `client`: not asked.
    LeftOut,
    /// One case that we accept and the suite does not.
    Accepted,
    /// One case that we refuse and the suite does not.
    Refused,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "left-out" => Some(Self::LeftOut),
            "accepted" => Some(Self::Accepted),
            "refused" => Some(Self::Refused),
            _ => None,
        }
    }

    fn is(self, answer: &Answer) -> bool {
        match answer {
            Answer::Right => false,
            Answer::FalseAccept => self == Self::Accepted,
            Answer::FalseReject(_) => self == Self::Refused,
        }
    }
}

impl Exceptions {
    /// Reads lines of three columns, parted by tabs: the kind, what it speaks of, and the reason.
    ///
    /// # Errors
    /// When the file cannot be read, or a line has no reason or an unknown kind.
    pub fn read(file: &Path) -> Result<Self, Trouble> {
        let text = fs::read_to_string(file).map_err(|error| Trouble::file("read", file, error))?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let rows = lines.map(|(index, line)| {
            Self::row(line).ok_or_else(|| Trouble::new(format!("`{}` line {}: not `kind TAB what TAB reason`", file.display(), index + 1)))
        });
        Ok(Self { rows: rows.collect::<Result<_, _>>()? })
    }

    fn row(line: &str) -> Option<Row> {
        let mut columns = line.split('\t');
        let (kind, what, reason) = (Kind::parse(columns.next()?)?, columns.next()?, columns.next()?);
        (!what.is_empty() && !reason.trim().is_empty() && columns.next().is_none()).then(|| Row { kind, what: what.to_owned() })
    }

    /// Returns whether a case asks for something that is left out.
    pub fn leaves_out(&self, case: &Case) -> bool {
        self.rows.iter().any(|row| row.kind == Kind::LeftOut && case.asks.contains(&row.what))
    }

    /// Returns what is answered wrong without being an exception.
    pub fn unlisted(&self, results: &[(&Case, Option<Answer>)]) -> Vec<String> {
        let wrong = results.iter().filter_map(|(case, answer)| Some((*case, answer.as_ref()?))).filter(|(_, answer)| answer.is_wrong());
        let unlisted = wrong.filter(|(case, answer)| !self.rows.iter().any(|row| row.what == case.id && row.kind.is(answer)));
        unlisted.map(|(case, answer)| format!("{}: {answer}, and no exception says so", case.id)).collect()
    }

    /// Returns exceptions that nothing in the whole suite needs.
    pub fn unused(&self, results: &[(&Case, Option<Answer>)]) -> Vec<String> {
        let needs = |row: &Row| {
            results.iter().any(|(case, answer)| match answer {
                None => row.kind == Kind::LeftOut && case.asks.contains(&row.what),
                Some(answer) => row.what == case.id && row.kind.is(answer),
            })
        };
        self.rows.iter().filter(|row| !needs(row)).map(|row| format!("the exception for {} no longer applies", row.what)).collect()
    }

    /// Returns whether one case is an exception by its own name.
    pub fn names(&self, case: &Case) -> bool {
        self.rows.iter().any(|row| row.kind != Kind::LeftOut && row.what == case.id)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use mintwatch_validator::paths::Refusal;

    use super::*;

    fn exceptions(text: &str) -> Result<Exceptions, Trouble> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exceptions.tsv");
        fs::write(&file, text).unwrap();
        Exceptions::read(&file)
    }

    fn case(id: &str, asks: &[&str]) -> Case {
        let asks = asks.iter().map(|&ask| ask.to_owned()).collect();
        Case { id: id.to_owned(), chain: Vec::new(), anchors: Vec::new(), host: None, at: 0, accept: true, asks }
    }

    #[test]
    fn a_wrong_answer_needs_an_exception_of_its_own_kind() {
        let listed = exceptions("# head\naccepted\ta::b\tbecause\n").unwrap();
        let one = case("a::b", &[]);
        assert!(listed.unlisted(&[(&one, Some(Answer::FalseAccept))]).is_empty());
        assert_eq!(listed.unlisted(&[(&one, Some(Answer::FalseReject(Refusal::Expired)))]).len(), 1);
        assert_eq!(Exceptions::default().unlisted(&[(&one, Some(Answer::FalseAccept))]).len(), 1);
    }

    #[test]
    fn an_exception_that_nothing_needs_is_a_fault() {
        let listed = exceptions("accepted\ta::b\tbecause\nleft-out\tclient\tbecause\n").unwrap();
        let (one, other) = (case("a::b", &[]), case("c::d", &["client"]));
        assert_eq!(listed.unused(&[(&one, Some(Answer::Right)), (&other, None)]).len(), 1);
        assert!(listed.leaves_out(&other) && !listed.leaves_out(&one));
    }

    #[test]
    fn a_line_without_a_reason_is_refused() {
        for bad in ["accepted\ta::b\n", "accepted\ta::b\t \n", "odd\ta::b\tbecause\n", "accepted\ta::b\tbecause\tmore\n"] {
            assert!(exceptions(bad).is_err(), "{bad:?}");
        }
    }
}
