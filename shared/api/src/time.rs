//! Times as the API writes them: RFC 3339, UTC, as many digits of the second as are not zero.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use farcast_feed::time::WallTime;

/// A time of the API. One that no calendar has is written as the first of 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Time(pub WallTime);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = i64::try_from(self.0.0).unwrap_or_default();
        Timestamp::from_microsecond(micros).unwrap_or_default().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The same to the second, which is how Owncast writes the times of a broadcast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Second(pub WallTime);

impl Serialize for Second {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = i64::try_from(self.0.0 / 1_000_000).unwrap_or_default();
        serializer.collect_str(&Timestamp::from_second(seconds).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let time = WallTime(1_773_511_331_482_000);
        assert_eq!(serde_json::to_string(&Time(time)).unwrap(), "\"2026-03-14T18:02:11.482Z\"");
        assert_eq!(serde_json::to_string(&Second(time)).unwrap(), "\"2026-03-14T18:02:11Z\"");
        assert!(serde_json::to_string(&Time(WallTime(u64::MAX))).unwrap().contains("1970"));
    }
}
