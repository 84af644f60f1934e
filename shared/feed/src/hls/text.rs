//! The spelling of values in playlists.

use std::fmt;
use std::time::Duration;

use crate::time::WallTime;

/// A duration as decimal seconds, exact to the microsecond (finer digits are cut off), at least three decimals.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.as_secs(), self.0.subsec_micros());
        if micros.is_multiple_of(1000) {
            write!(f, "{seconds}.{:03}", micros / 1000)
        } else {
            write!(f, "{seconds}.{micros:06}")
        }
    }
}

/// EXT-X-PROGRAM-DATE-TIME: ISO/IEC 8601 in UTC with milliseconds.
pub(super) struct DateTime(pub(super) WallTime);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0.0 / 1000).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{time:.3}")
    }
}

/// A quoted-string's content: line breaks and quotes, which cannot be written (§4.2), are left out.
pub(super) struct Quotable<'a>(pub(super) &'a str);

impl fmt::Display for Quotable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().filter(|c| *c != '"' && !c.is_control()).try_for_each(|c| write!(f, "{c}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_or_six_decimals() {
        for (micros, text) in [(4_000_000, "4.000"), (500_000, "0.500"), (333_333, "0.333333")] {
            assert_eq!(Seconds(Duration::from_micros(micros)).to_string(), text);
        }
    }

    #[test]
    fn a_date_has_milliseconds_and_a_zone() {
        let time = WallTime(1_764_045_793_004_900);
        assert_eq!(DateTime(time).to_string(), "2025-11-25T04:43:13.004Z");
        assert_eq!(DateTime(WallTime(1_000_000)).to_string(), "1970-01-01T00:00:01.000Z");
        assert_eq!(DateTime(WallTime(u64::MAX)).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_quoted_string_cannot_be_broken_out_of() {
        assert_eq!(Quotable("avc1\"\n#EXT").to_string(), "avc1#EXT");
    }
}
