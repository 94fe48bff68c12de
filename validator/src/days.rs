//! Days in sentences: UNIX seconds as the ISO 8601 day they lie in.

/// Returns the day of a moment in UNIX seconds, in UTC (proleptic Gregorian), such as `2015-04-01`.
pub fn day(seconds: i64) -> String {
    const DAYS_TO_YEAR_0: i64 = 719_468;
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = seconds.div_euclid(86_400).saturating_add(DAYS_TO_YEAR_0);
    let era = days.div_euclid(DAYS_OF_400_YEARS);
    let of_era = days.rem_euclid(DAYS_OF_400_YEARS);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    // Years that begin in March keep the leap day at their end.
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (1_427_846_399, "2015-03-31"),
            (1_427_846_400, "2015-04-01"),
            (1_795_478_400, "2026-11-24"),
        ] {
            assert_eq!(day(seconds), text);
        }
    }

    #[test]
    fn no_moment_is_too_far() {
        assert!(!day(i64::MAX).is_empty() && !day(i64::MIN).is_empty());
    }
}
