//! The form of every table: sorted rows under a header that dates them and proves them unedited.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mintwatch_validator::evidence::Sha256;

use super::TablesError;

/// Where rows came from; one header line each.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) version: String,
    /// ISO 8601 day.
    pub(super) date: String,
    pub(super) licence: &'static str,
}

impl Source {
    pub(super) fn new(name: &str, version: impl Into<String>, date: impl Into<String>, licence: &'static str) -> Self {
        Self { name: name.to_owned(), version: version.into(), date: date.into(), licence }
    }
}

/// One table before it is written.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    /// What a reader must know to use the rows rightly.
    pub(super) notes: Vec<&'static str>,
    pub(super) sources: Vec<Source>,
    /// The day the whole table speaks for; an ISO 8601 day.
    pub(super) as_of: String,
    pub(super) stale_after_days: u32,
    pub(super) stale_reason: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Writes the table; the same rows in any order give the same text.
    pub(super) fn render(&self) -> Result<String, TablesError> {
        let mut lines = BTreeSet::new();
        for row in &self.rows {
            let broken =
                row.len() != self.columns.len() || row.iter().any(|field| field.contains(['\t', '\n', '\r']) || field.trim() != field);
            if broken {
                return Err(TablesError::Row { table: self.file, row: row.join(" | ") });
            }
            lines.insert(row.join("\t"));
        }
        let body = lines.iter().fold(String::new(), |mut body, line| {
            body.push_str(line);
            body.push('\n');
            body
        });
        let mut text = String::new();
        let mut head = |key: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# {key}: {value}");
        };
        head("title", self.title);
        head("as-of", &self.as_of);
        for source in &self.sources {
            head("source", &format!("{} | {} | {} | {}", source.name, source.version, source.date, source.licence));
        }
        for note in &self.notes {
            head("note", note);
        }
        head("stale-after-days", &format!("{} | {}", self.stale_after_days, self.stale_reason));
        head("rows", &lines.len().to_string());
        head("sha256", &Sha256::of(body.as_bytes()).to_string());
        head("columns", &self.columns.join(" "));
        text.push_str(&body);
        Ok(text)
    }
}

/// Returns the ISO 8601 day of a UNIX time in milliseconds.
pub(super) fn day_of_millis(millis: u64) -> String {
    day(i64::try_from(millis / 86_400_000).unwrap_or(0))
}

/// Returns the ISO 8601 day that many days after 1970-01-01.
fn day(days: i64) -> String {
    mintwatch_validator::days::day(days.saturating_mul(86_400))
}

/// Returns the ISO 8601 day that many days after another.
pub(super) fn day_after(iso: &str, later: i64) -> Option<String> {
    let mut parts = iso.get(..10)?.split('-').map(|part| part.parse::<i64>().ok());
    let (y, m, d) = (parts.next()??, parts.next()??, parts.next()??);
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some(day(era * 146_097 + doe - 719_468 + later))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;

    fn table(rows: &[&str]) -> Table {
        Table {
            file: "x.tsv",
            title: "t",
            notes: vec![],
            sources: vec![Source::new("s", "1", "2026-01-01", "MIT")],
            as_of: "2026-01-01".to_owned(),
            stale_after_days: 1,
            stale_reason: "r",
            columns: &["a"],
            rows: rows.iter().map(|row| vec![(*row).to_owned()]).collect(),
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_show() {
        assert_eq!(table(&["b", "a", "b"]).render().unwrap(), table(&["a", "b"]).render().unwrap());
    }

    #[test]
    fn a_field_with_a_tab_is_refused() {
        assert!(table(&["a\tb"]).render().is_err());
    }

    #[test]
    fn days_are_counted_across_leap_years() {
        assert_eq!(day_after("2024-02-28", 2).unwrap(), "2024-03-01");
        assert_eq!(day_after("2026-05-21", 70).unwrap(), "2026-07-30");
        assert_eq!(day_of_millis(1_793_588_222_528), "2026-11-02");
    }
}
