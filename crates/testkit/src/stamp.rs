//! Times and ids in the forms that records carry.

use jiff::Timestamp;
use uuid::Builder;

/// `ms` since 1970 as RFC 3339 in UTC with milliseconds: `2026-11-23T08:14:03.118Z`.
///
/// # Panics
/// Beyond the year 9999.
pub fn rfc3339(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.expect("a time before the year 10000").strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A UUIDv7 (RFC 9562 section 5.7) of `ms` since 1970 and 74 of the 80 bits in `bits`, lowercase with hyphens.
pub fn uuid_v7(ms: u64, bits: [u8; 10]) -> String {
    Builder::from_unix_timestamp_millis(ms, &bits).into_uuid().hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::{rfc3339, uuid_v7};

    #[test]
    fn times_have_three_digits_of_a_second() {
        assert_eq!(rfc3339(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
        assert_eq!(rfc3339(1_700_000_000_007), "2023-11-14T22:13:20.007Z");
    }

    #[test]
    fn ids_carry_time_version_and_variant() {
        // RFC 9562 appendix A.6: 2022-02-22T19:22:22.000Z, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
        let bits = [0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f];
        assert_eq!(uuid_v7(0x017f_22e2_79b0, bits), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }
}
