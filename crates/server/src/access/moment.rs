//! A moment, as it stands in files and answers: RFC 3339, UTC, milliseconds.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Milliseconds since 1970-01-01T00:00:00Z, with one spelling: `2026-11-23T08:14:03.118Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// From milliseconds. What no calendar holds is the beginning of 1970.
    pub fn from_ms(ms: i64) -> Self {
        Self(jiff::Timestamp::from_millisecond(ms).map_or(0, jiff::Timestamp::as_millisecond))
    }

    /// The same, so many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self::from_ms(self.0.saturating_add(i64::from(days) * 86_400_000))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}

/// A text that is no moment, or not in its one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time must be a real UTC time with exactly milliseconds, such as 2026-11-23T08:14:03.118Z")]
pub struct NotAMoment;

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        let time: jiff::Timestamp = text.parse().map_err(|_| NotAMoment)?;
        let moment = Self(time.as_millisecond());
        if moment.to_string() == text { Ok(moment) } else { Err(NotAMoment) }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_milliseconds_always_and_one_spelling() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_763_885_643_118, "2025-11-23T08:14:03.118Z"),
            (1_763_885_643_100, "2025-11-23T08:14:03.100Z"),
        ] {
            assert_eq!(Moment::from_ms(ms).to_string(), text);
            assert_eq!(text.parse(), Ok(Moment::from_ms(ms)));
        }
        for bent in
            ["2025-11-23T08:14:03Z", "2025-11-23T08:14:03.118+00:00", "2025-02-30T00:00:00.000Z", "soon", ""]
        {
            assert_eq!(bent.parse::<Moment>(), Err(NotAMoment), "{bent}");
        }
        let day = Moment::from_ms(0).plus_days(1);
        assert_eq!(day.to_string(), "1970-01-02T00:00:00.000Z");
        assert_eq!(Moment::from_ms(i64::MAX), Moment::from_ms(0));
    }
}
