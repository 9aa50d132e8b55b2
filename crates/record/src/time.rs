//! The one spelling of a time: RFC 3339, UTC, milliseconds, a real date of the calendar.

/// Bytes of such a time.
pub(crate) const TIME_BYTES: usize = 24;

/// Milliseconds since 1970-01-01T00:00:00Z of a time in its one spelling.
pub(crate) fn unix_ms(text: &[u8]) -> Option<i64> {
    if !is_time(text) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].iter().fold(0, |n, c| n * 10 + i64::from(c - b'0'));
    let days = days_since_1970(number(0, 4), number(5, 7), number(8, 10));
    let seconds = (days * 24 + number(11, 13)) * 3_600 + number(14, 16) * 60 + number(17, 19);
    Some(seconds * 1_000 + number(20, 23))
}

/// The one spelling of a moment; nothing beyond the years 0 to 9999.
pub(crate) fn spell(ms: i64) -> Option<String> {
    let (days, of_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = date(days)?;
    let (seconds, ms) = (of_day / 1_000, of_day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"))
}

const DAY_MS: i64 = 86_400_000;
/// Days from 0000-03-01 to 1970-01-01: years are counted from March, so that a leap day is the last of its year.
const DAYS_TO_1970: i64 = 719_468;
/// Days of 400 years of the Gregorian calendar.
const ERA_DAYS: i64 = 146_097;

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970
}

fn date(days_since_1970: i64) -> Option<(i64, i64, i64)> {
    let days = days_since_1970.checked_add(DAYS_TO_1970)?;
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / (ERA_DAYS - 1)) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (0..=9_999).contains(&year).then_some((year, month, day))
}

/// Whether `text` is `YYYY-MM-DDThh:mm:ss.mmmZ` and such a moment exists.
///
/// Leap seconds (`:60`) are refused: which ones were real only a table could tell, and Unix time cannot hold them.
pub(crate) fn is_time(text: &[u8]) -> bool {
    let Ok(text) = <&[u8; TIME_BYTES]>::try_from(text) else { return false };
    let shape = b"0000-00-00T00:00:00.000Z";
    let fits = text.iter().zip(shape).all(|(&c, &s)| if s == b'0' { c.is_ascii_digit() } else { c == s });
    if !fits {
        return false;
    }
    let number = |from: usize, to: usize| text[from..to].iter().fold(0, |n, c| n * 10 + u32::from(c - b'0'));
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    (1..=days_in(year, month)).contains(&day) && hour < 24 && minute < 60 && second < 60
}

/// Days of a month of the Gregorian calendar; 0 for a month that does not exist.
fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{days_in, is_time, spell, unix_ms};

    #[test]
    fn every_day_of_ten_thousand_years_is_spelt_and_read_back() {
        let mut ms = unix_ms(b"0000-01-01T23:59:59.999Z").unwrap();
        assert_eq!(spell(ms - super::DAY_MS), None);
        for year in 0..10_000 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    let text = format!("{year:04}-{month:02}-{day:02}T23:59:59.999Z");
                    assert_eq!((unix_ms(text.as_bytes()), spell(ms)), (Some(ms), Some(text)));
                    ms += super::DAY_MS;
                }
            }
        }
        assert_eq!(spell(ms), None);
        assert_eq!(unix_ms(b"1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(unix_ms(b"2026-11-23T08:14:03.118Z"), Some(1_795_421_643_118));
        assert_eq!((spell(i64::MAX), spell(i64::MIN)), (None, None));
    }

    #[test]
    fn real_moments_pass() {
        for time in [
            "2026-11-23T08:14:03.118Z",
            "0000-01-01T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
            "2024-02-29T12:00:00.000Z",
            "2000-02-29T12:00:00.000Z",
        ] {
            assert!(is_time(time.as_bytes()), "{time}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for (bend, time) in [
            ("empty", ""),
            ("no milliseconds", "2026-11-23T08:14:03Z"),
            ("microseconds", "2026-11-23T08:14:03.118000Z"),
            ("one decimal", "2026-11-23T08:14:03.1Z"),
            ("offset", "2026-11-23T08:14:03.118+00:00"),
            ("lowercase t", "2026-11-23t08:14:03.118Z"),
            ("lowercase z", "2026-11-23T08:14:03.118z"),
            ("space", "2026-11-23 08:14:03.118Z"),
            ("comma", "2026-11-23T08:14:03,118Z"),
            ("month 0", "2026-00-23T08:14:03.118Z"),
            ("month 13", "2026-13-23T08:14:03.118Z"),
            ("day 0", "2026-11-00T08:14:03.118Z"),
            ("31 November", "2026-11-31T08:14:03.118Z"),
            ("29 February, no leap year", "2026-02-29T08:14:03.118Z"),
            ("29 February 1900", "1900-02-29T08:14:03.118Z"),
            ("hour 24", "2026-11-23T24:00:00.000Z"),
            ("minute 60", "2026-11-23T08:60:03.118Z"),
            ("leap second", "2016-12-31T23:59:60.000Z"),
            ("sign", "+026-11-23T08:14:03.118Z"),
            ("other digits", "２026-11-23T08:14:03.1Z"),
            ("trailing space", "2026-11-23T08:14:03.118Z "),
        ] {
            assert!(!is_time(time.as_bytes()), "{bend}");
        }
    }
}
