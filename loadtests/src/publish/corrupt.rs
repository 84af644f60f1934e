//! Damage: what a broken or hostile publisher sends after a proper handshake.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Most bytes that one repetition adds; with the odds below a stream at most doubles.
const LONGEST_REPEAT: usize = 4096;
/// One piece in this many is damaged.
const ODDS: u32 = 6;

/// A seeded source of damage: the same seed damages the same bytes in the same way.
pub struct Corruption {
    random: StdRng,
}

impl Corruption {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    /// Damages `bytes`, or leaves them.
    pub fn apply(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() || !self.random.random_ratio(1, ODDS) {
            return;
        }
        let at = self.random.random_range(0..bytes.len());
        match self.random.random_range(0..4) {
            0 => {
                let flips = self.random.random_range(1..=16);
                for _ in 0..flips {
                    let at = self.random.random_range(0..bytes.len());
                    bytes[at] ^= 1 << self.random.random_range(0..8);
                }
            }
            1 => bytes.truncate(at),
            2 => {
                let end = bytes.len().min(at + self.random.random_range(1..=LONGEST_REPEAT));
                let again = bytes[at..end].to_vec();
                bytes.extend(again);
            }
            _ => {
                let end = bytes.len().min(at + self.random.random_range(1..=64));
                self.random.fill(&mut bytes[at..end]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_bounded_happens_and_repeats() {
        let (mut one, mut other) = (Corruption::new(7), Corruption::new(7));
        let mut damaged = 0;
        for round in 0..1000 {
            let whole = vec![u8::try_from(round % 251).unwrap(); 5000];
            let (mut a, mut b) = (whole.clone(), whole.clone());
            one.apply(&mut a);
            other.apply(&mut b);
            assert_eq!(a, b);
            assert!(a.len() <= 5000 + LONGEST_REPEAT);
            damaged += u32::from(a != whole);
        }
        assert!(damaged > 50, "{damaged}");
    }
}
