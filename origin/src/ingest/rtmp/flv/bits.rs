//! Reads bit fields and Exp-Golomb codes.

/// A position in a run of bits, most significant first. Every read is bounded: past the end it is `None`.
#[derive(Clone, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Number of bits that are left.
    pub(super) fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    pub(super) fn bit(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0u32;
        for _ in 0..count.min(32) {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }

    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        let at = self.at.checked_add(count)?;
        (at <= self.bytes.len() * 8).then(|| self.at = at)
    }

    /// `ue(v)` (ISO/IEC 14496-10 §9.1).
    pub(super) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        (1u32 << zeros).checked_sub(1)?.checked_add(rest)
    }

    /// Skips this many `ue(v)`.
    pub(super) fn skip_ue(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.ue().map(drop))
    }

    /// `se(v)` (ISO/IEC 14496-10 §9.1.1).
    pub(super) fn se(&mut self) -> Option<i32> {
        let code = i64::from(self.ue()?);
        let value = if code % 2 == 1 { code / 2 + 1 } else { -(code / 2) };
        i32::try_from(value).ok()
    }

    /// `uvlc()` of AV1 (§4.10.3).
    pub(super) fn uvlc(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros >= 32 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        (1u32 << zeros).checked_sub(1)?.checked_add(rest)
    }
}

/// A NAL unit's payload without emulation prevention bytes (ISO/IEC 14496-10 §7.4.1). Parameter sets
/// are short; of a longer one no more than `limit` is copied.
pub(super) fn unescape(nal: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(nal.len().min(limit));
    let mut zeros = 0;
    for &byte in nal.iter().take(limit) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Longest parameter set that is parsed. Real ones are below 200 bytes.
pub(super) const MAX_PARAMETER_SET_BYTES: usize = 4096;

/// Frames per second times 1000 of `ticks / units`, if it is a plausible rate.
pub(super) fn rate_milli(ticks: u64, units: u64) -> Option<u32> {
    let milli = ticks.checked_mul(1000)?.checked_add(units / 2)?.checked_div(units)?;
    // Below 1 or above 1000 frames per second headers hold defaults of some muxer, not a rate.
    u32::try_from(milli).ok().filter(|milli| (1_000..=1_000_000).contains(milli))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golomb_codes_read_as_in_the_standards_table() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!([bits.ue(), bits.ue(), bits.ue(), bits.ue()], [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(bits.ue(), Some(4));
        let mut signed = Bits::new(&[0b0100_1100, 0b1000_0000]);
        assert_eq!([signed.se(), signed.se(), signed.se()], [Some(1), Some(-1), Some(2)]);
        assert_eq!(Bits::new(&[0; 8]).ue(), None);
    }

    #[test]
    fn emulation_prevention_is_removed() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3], 100), [1, 0, 0, 1, 0, 0]);
    }
}
