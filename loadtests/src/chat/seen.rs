//! The messages that a connection has seen: ranges of their numbers, one range while none is missing.

use std::ops::Range;

/// A set of numbers. Its size is that of its gaps.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Ascending, apart from each other.
    ranges: Vec<Range<u32>>,
}

impl Seen {
    /// Adds a number; `false` if it was in.
    pub fn insert(&mut self, number: u32) -> bool {
        // The common case first: the next one.
        let after = match self.ranges.last_mut() {
            Some(last) if last.end == number => {
                last.end += 1;
                return true;
            }
            Some(last) if last.end < number => self.ranges.len(),
            _ => self.ranges.partition_point(|range| range.start <= number),
        };
        if let Some(before) = after.checked_sub(1).and_then(|index| self.ranges.get(index)) {
            if before.contains(&number) {
                return false;
            }
            if before.end == number {
                self.ranges[after - 1].end += 1;
                if self.ranges.get(after).is_some_and(|next| next.start == number + 1) {
                    self.ranges[after - 1].end = self.ranges.remove(after).end;
                }
                return true;
            }
        }
        match self.ranges.get_mut(after) {
            Some(next) if next.start == number + 1 => next.start = number,
            _ => self.ranges.insert(after, number..number + 1),
        }
        true
    }

    /// The smallest and the one after the largest.
    #[must_use]
    pub fn bounds(&self) -> Option<Range<u32>> {
        Some(self.ranges.first()?.start..self.ranges.last()?.end)
    }

    /// The numbers of `within` that are not in, ascending.
    pub fn missing(&self, within: Range<u32>) -> impl Iterator<Item = u32> {
        let ends = self.ranges.iter().map(|range| range.end).chain([within.end]);
        let starts = self.ranges.iter().map(|range| range.start);
        let gaps = std::iter::once(0).chain(ends).zip(starts.chain([within.end]));
        let (start, end) = (within.start, within.end);
        gaps.flat_map(move |(from, to)| from.max(start)..to.min(end))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(numbers in prop::collection::vec(0..40_u32, 0..80), start in 0..45_u32, end in 0..45_u32) {
            let (mut seen, mut model) = (Seen::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(seen.insert(number), model.insert(number));
            }
            let missing: Vec<_> = (start..end).filter(|number| !model.contains(number)).collect();
            prop_assert_eq!(seen.missing(start..end).collect::<Vec<_>>(), missing);
            let bounds = model.first().map(|first| *first..model.last().unwrap() + 1);
            prop_assert_eq!(seen.bounds(), bounds);
            prop_assert!(seen.ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }

    #[test]
    fn without_gaps_it_is_one_range() {
        let mut seen = Seen::default();
        assert!((0..100_000).all(|number| seen.insert(number)));
        assert_eq!(seen.ranges.len(), 1);
    }
}
