//! The one spelling of a time: RFC 3339, UTC, milliseconds, a real date of the calendar.

/// Bytes of such a time.
pub(crate) const TIME_BYTES: usize = 24;

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
    use super::is_time;

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
