//! Sizes in bytes: a whole number and a unit, as `512MiB`.

use std::fmt;

use super::{InvalidValue, Value};

/// Units, largest first within each family; binary ones first, because sizes are shown in them.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A number of bytes that is written with its unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ByteSize(u64);

impl ByteSize {
    /// A size in bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size in MiB, saturating.
    #[must_use]
    pub const fn from_mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// In the largest binary unit that divides it, so that nothing is lost.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().take(4).find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        match exact {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl Value for ByteSize {
    const EXPECTS: &'static str = "a size with a unit, such as 512MiB or 2GB";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        let wrong = || InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS));
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(InvalidValue::new(format!("{text:?} needs a unit, such as {number}MiB")));
        }
        let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?;
        let bytes = number
            .checked_mul(*factor)
            .ok_or_else(|| InvalidValue::new(format!("{text:?} is more than can be counted")))?;
        Ok(Self(bytes))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_size_needs_a_unit() {
        assert_eq!(ByteSize::parse("512MiB"), Ok(ByteSize::from_mebibytes(512)));
        assert_eq!(ByteSize::parse("2 GB"), Ok(ByteSize::from_bytes(2_000_000_000)));
        assert_eq!(ByteSize::parse("7kb"), Ok(ByteSize::from_bytes(7000)));
        assert!(ByteSize::parse("512").unwrap_err().0.contains("512MiB"));
        for bad in ["", "MiB", "-1MiB", "1.5GiB", "1 furlong", "99999999999999TiB"] {
            assert!(ByteSize::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(bytes: u64) {
            let size = ByteSize::from_bytes(bytes);
            prop_assert_eq!(ByteSize::parse(&size.to_string()), Ok(size));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = ByteSize::parse(&text);
        }
    }
}
