//! Times as RFC 3339 writes them, in UTC.

use std::fmt::Write;

const SECONDS_PER_DAY: i64 = 86_400;
/// The last second of the year 9999, the last year that the format has.
const SECONDS_MAX: i64 = 253_402_300_799;

/// `None` for times before the epoch or after the year 9999.
pub(super) fn from_seconds(seconds: i64) -> Option<String> {
    if !(0..=SECONDS_MAX).contains(&seconds) {
        return None;
    }
    let (year, month, day) = date(seconds / SECONDS_PER_DAY);
    let second = seconds % SECONDS_PER_DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

pub(crate) fn from_milliseconds(milliseconds: i64) -> Option<String> {
    let mut text = from_seconds(milliseconds.div_euclid(1000))?;
    text.pop();
    write!(text, ".{:03}Z", milliseconds.rem_euclid(1000)).ok()?;
    Some(text)
}

/// The Gregorian date of a day counted from 1970-01-01, by Howard Hinnant's `civil_from_days`: years that
/// begin in March put the leap day last.
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (SECONDS_MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(from_seconds(seconds).as_deref(), Some(text));
        }
        assert_eq!(from_milliseconds(1_700_000_000_007).as_deref(), Some("2023-11-14T22:13:20.007Z"));
    }

    #[test]
    fn times_that_the_format_lacks_are_left_out() {
        for seconds in [-1, SECONDS_MAX + 1, i64::MIN, i64::MAX] {
            assert_eq!(from_seconds(seconds), None);
        }
    }
}
