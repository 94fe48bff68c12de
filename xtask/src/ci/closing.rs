//! The closing lines: how each part ended, and one plain line that counts them.

/// How one part ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// It passed; the note says what it could not look at, and is mostly empty.
    Passed(String),
    /// It failed, and why.
    Failed(String),
    /// Its name was given to `--without`.
    LeftOut,
}

/// The ends of all parts so far.
#[derive(Debug, Default)]
pub(super) struct Closing {
    parts: Vec<(&'static str, Ending, f64)>,
}

impl Closing {
    /// Notes how a part ended, and after how many seconds.
    pub(super) fn add(&mut self, part: &'static str, ending: Ending, seconds: f64) {
        self.parts.push((part, ending, seconds));
    }

    /// Returns whether any part failed.
    pub(super) fn failed(&self) -> bool {
        self.parts.iter().any(|(_, ending, _)| matches!(ending, Ending::Failed(_)))
    }

    /// Returns one line a part, then the counting line.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .parts
            .iter()
            .map(|(part, ending, seconds)| match ending {
                Ending::Passed(note) if note.is_empty() => format!("{part:<8} passed   {seconds:>6.1} s"),
                Ending::Passed(note) => format!("{part:<8} passed   {seconds:>6.1} s  {note}"),
                Ending::Failed(why) => format!("{part:<8} FAILED   {seconds:>6.1} s  {why}"),
                Ending::LeftOut => format!("{part:<8} skipped           left out by --without {part}"),
            })
            .collect();
        lines.push(self.count());
        lines
    }

    fn count(&self) -> String {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for (_, ending, _) in &self.parts {
            match ending {
                Ending::Passed(_) => passed += 1,
                Ending::Failed(_) => failed += 1,
                Ending::LeftOut => skipped += 1,
            }
        }
        match skipped {
            0 => format!("{passed} passed, {failed} failed"),
            _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_and_names_skipped_parts_only_where_there_are_any() {
        let mut closing = Closing::default();
        closing.add("fmt", Ending::Passed(String::new()), 0.5);
        closing.add("deny", Ending::Passed("advisories not asked".into()), 0.5);
        assert_eq!(closing.lines().last().unwrap(), "2 passed, 0 failed");
        assert!(!closing.failed());
        closing.add("lab", Ending::LeftOut, 0.0);
        assert_eq!(closing.lines().last().unwrap(), "2 passed, 0 failed, 1 skipped");
        closing.add("tests", Ending::Failed("`cargo test` ended with exit status: 101".into()), 9.0);
        assert_eq!(closing.lines().last().unwrap(), "2 passed, 1 failed, 1 skipped");
        assert!(closing.failed());
    }
}
