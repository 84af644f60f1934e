//! HyperLogLog: how many different ids there were, to 0.81 % (one standard error), in 12 KiB however many.
//!
//! P. Flajolet, É. Fusy, O. Gandouet, F. Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation
//! algorithm" (2007), with the estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (2017, algorithm 6), which has no bias at any count and needs no tables.

use super::id::ViewerId;

/// Bits of an id that choose its register.
const PRECISION: u32 = 14;
/// Registers; the standard error is 1.04 / √COUNT.
pub(super) const COUNT: usize = 1 << PRECISION;
/// Bits of an id that are left: their leading zeroes are what a register remembers.
const REST: u32 = u64::BITS - PRECISION;
/// Largest value of a register: all of the rest are zeroes.
const MAX: u8 = REST as u8 + 1;
/// Bytes of all registers, six bits each.
pub(super) const PACKED_BYTES: usize = COUNT * 6 / 8;

/// The registers. Inserting and merging take maxima, so order and repetition change nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Registers(Box<[u8; COUNT]>);

impl Registers {
    pub(super) fn new() -> Self {
        Self(Box::new([0; COUNT]))
    }

    pub(super) fn insert(&mut self, id: ViewerId) {
        let register = (id.bits() >> REST) as usize;
        let zeroes = (id.bits() << PRECISION).leading_zeros().min(REST);
        let value = &mut self.0[register];
        *value = (*value).max(zeroes as u8 + 1);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (value, other) in self.0.iter_mut().zip(other.0.iter()) {
            *value = (*value).max(*other);
        }
    }

    /// Approximate number of ids that were inserted.
    pub(super) fn estimate(&self) -> u64 {
        let mut with_value = [0_u32; MAX as usize + 1];
        self.0.iter().for_each(|&value| with_value[usize::from(value)] += 1);
        let count = COUNT as f64;
        let [none, between @ .., full] = with_value.map(f64::from);
        let mut sum = count * tau(1.0 - full / count);
        for registers in between.iter().rev() {
            sum = 0.5 * (sum + registers);
        }
        sum += count * sigma(none / count);
        // The integer is the nearest that there is: 0 for nothing, the largest where every register is full.
        (count * count / (2.0 * std::f64::consts::LN_2) / sum).round() as u64
    }

    /// Six bits each, four registers in three bytes, the first in the highest bits.
    pub(super) fn pack(&self) -> Vec<u8> {
        let (groups, _) = self.0.as_chunks::<4>();
        groups.iter().flat_map(|&[a, b, c, d]| [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]).collect()
    }

    /// The reverse of [`Self::pack`]; `None` when that did not write it.
    pub(super) fn unpack(bytes: &[u8; PACKED_BYTES]) -> Option<Self> {
        let mut registers = Self::new();
        let (values, _) = registers.0.as_chunks_mut::<4>();
        let (groups, _) = bytes.as_chunks::<3>();
        for (values, &[a, b, c]) in values.iter_mut().zip(groups) {
            *values = [a >> 2, (a << 4 | b >> 4) & 0x3f, (b << 2 | c >> 6) & 0x3f, c & 0x3f];
        }
        registers.0.iter().all(|&value| value <= MAX).then_some(registers)
    }
}

/// Σ x^(2^k) 2^(k−1) over all k ≥ 0, plus x/2: what empty registers say.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut weight) = (x, 1.0);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight *= 2.0;
        if sum <= before {
            return sum;
        }
    }
}

/// ⅓ (1 − x − Σ (1 − x^(2^−k))² 2^−k over all k ≥ 1): what full registers say.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut sum, mut weight) = (1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_registers() {
        let mut registers = Registers::new();
        // Register 0 with 50 zeroes, register 1 with none, register 3 with one.
        for bits in [0, 1 << REST | 1 << (REST - 1), 3 << REST | 1 << (REST - 2)] {
            registers.insert(ViewerId::from_bits(bits));
        }
        assert_eq!(registers.pack()[..4], [51 << 2, 1 << 4, 2, 0]);
        assert_eq!(registers.pack().len(), PACKED_BYTES);
    }

    #[test]
    fn nothing_is_zero_and_full_registers_are_beyond_all_counts() {
        assert_eq!(Registers::new().estimate(), 0);
        assert_eq!(Registers(Box::new([MAX; COUNT])).estimate(), u64::MAX);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(values in prop::collection::vec(0..=MAX, COUNT)) {
            let registers = Registers(Box::new(values.try_into().unwrap()));
            let packed: [u8; PACKED_BYTES] = registers.pack().try_into().unwrap();
            prop_assert_eq!(Registers::unpack(&packed), Some(registers));
        }
    }

    #[test]
    fn values_beyond_the_largest_are_refused() {
        let mut packed: [u8; PACKED_BYTES] = Registers(Box::new([MAX; COUNT])).pack().try_into().unwrap();
        assert!(Registers::unpack(&packed).is_some());
        packed[PACKED_BYTES - 1] += 1;
        assert_eq!(Registers::unpack(&packed), None);
    }
}
