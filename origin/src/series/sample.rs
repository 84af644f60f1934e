//! A value at a time.

use farcast_feed::time::WallTime;
use farcast_store::Record;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

/// Integers up to this are exact in a [`f64`].
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A value at a time, in whole seconds. In JSON `{"time": RFC 3339, "value": number}`, as Owncast shows it; a number without
/// a fraction is an integer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample {
    /// Seconds since 1970.
    pub unix_s: u64,
    /// The value; finite.
    pub value: f64,
}

impl Sample {
    /// `None` of a value that is not finite.
    pub(super) fn new(time: WallTime, value: f64) -> Option<Self> {
        value.is_finite().then_some(Self { unix_s: seconds(time), value })
    }
}

/// In whole seconds.
pub(super) fn seconds(time: WallTime) -> u64 {
    time.0 / 1_000_000
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time =
            i64::try_from(self.unix_s).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let mut fields = serializer.serialize_struct("Sample", 2)?;
        fields.serialize_field("time", &time.unwrap_or(jiff::Timestamp::MAX).to_string())?;
        if self.value.fract() == 0.0 && self.value.abs() <= MAX_INTEGER {
            fields.serialize_field("value", &(self.value as i64))?;
        } else {
            fields.serialize_field("value", &self.value)?;
        }
        fields.end()
    }
}

/// The stored value: the time is in the key.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) value: f64,
}

impl Record for Saved {
    const VERSION: u8 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_json() {
        let json = |unix_s, value| serde_json::to_string(&Sample { unix_s, value }).unwrap();
        assert_eq!(json(1_700_000_000, 12.0), r#"{"time":"2023-11-14T22:13:20Z","value":12}"#);
        assert_eq!(json(0, 3.25), r#"{"time":"1970-01-01T00:00:00Z","value":3.25}"#);
        assert!(json(u64::MAX, 1e300).starts_with(r#"{"time":"9999-"#));
    }

    #[test]
    fn what_is_no_number_is_no_sample() {
        assert_eq!(Sample::new(WallTime(1_999_999), 1.0), Some(Sample { unix_s: 1, value: 1.0 }));
        assert_eq!(Sample::new(WallTime(0), f64::NAN), None);
        assert_eq!(Sample::new(WallTime(0), f64::INFINITY), None);
    }
}
