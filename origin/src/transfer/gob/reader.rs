//! Numbers, texts and bytes of an encoding.

use super::GobError;

/// What is left of an encoding, or of a part of it.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], GobError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(GobError::CutOff)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Below 128 a byte; else its negated length, and as many bytes, big endian.
    pub(super) fn uint(&mut self) -> Result<u64, GobError> {
        let first = self.take(1)?[0];
        if first < 128 {
            return Ok(first.into());
        }
        let bytes = self.take(usize::from(first.wrapping_neg()))?;
        if bytes.len() > 8 {
            return Err(GobError::Number);
        }
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The lowest bit says whether the others are complemented.
    pub(super) fn int(&mut self) -> Result<i64, GobError> {
        let bits = self.uint()?;
        let half = (bits >> 1).cast_signed();
        Ok(if bits & 1 == 0 { half } else { !half })
    }

    /// The bytes of the number in the other order, since their last ones are often zero.
    pub(super) fn float(&mut self) -> Result<f64, GobError> {
        Ok(f64::from_bits(self.uint()?.swap_bytes()))
    }

    /// A length of what follows: no more than there is.
    pub(super) fn length(&mut self) -> Result<usize, GobError> {
        usize::try_from(self.uint()?).ok().filter(|length| *length <= self.0.len()).ok_or(GobError::CutOff)
    }

    /// A number of values that follow, of which each takes a byte at least.
    pub(super) fn count(&mut self) -> Result<usize, GobError> {
        self.length()
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], GobError> {
        let length = self.length()?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<String, GobError> {
        std::str::from_utf8(self.bytes()?).map(str::to_owned).map_err(|_| GobError::Text)
    }

    /// A length, and as many bytes as an encoding of their own.
    pub(super) fn message(&mut self) -> Result<Self, GobError> {
        self.bytes().map(Self)
    }

    /// Checks that there is nothing more.
    pub(super) fn end(&self) -> Result<(), GobError> {
        if self.0.is_empty() { Ok(()) } else { Err(GobError::Rest) }
    }
}
