//! A count of different viewers that can be merged with others: exact while small, then estimated.

use super::id::ViewerId;
use super::registers::{PACKED_BYTES, Registers};

/// Up to so many viewers a sketch is the list of them, and exact.
pub const MAX_EXACT: usize = 4096;

/// Longest form of a sketch in bytes: as a base64 text in a record it fits a value of the store.
pub const MAX_SKETCH_BYTES: usize = HEADER_BYTES + MAX_EXACT * ID_BYTES;

/// Version of the bytes and form of the sketch.
const HEADER_BYTES: usize = 2;
const ID_BYTES: usize = size_of::<u64>();
const VERSION: u8 = 1;
const EXACT: u8 = 0;
const ESTIMATED: u8 = 1;

/// A sketch of a set of viewers, with which the distinct viewers of several sketches can be counted together.
///
/// A sketch depends on nothing but the set of the viewers: [`Self::merge`] is associative, commutative and idempotent,
/// and returns what inserting all of them would have.
///
/// ```
/// use farcast_audience::viewers::{Sketch, ViewerId};
///
/// let mut viewers: Sketch = [1, 2].map(ViewerId::from_bits).into_iter().collect();
/// viewers.merge(&[2, 3].map(ViewerId::from_bits).into_iter().collect());
/// assert_eq!(viewers.estimate(), 3);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sketch(Form);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Form {
    /// In order, each once, at most [`MAX_EXACT`].
    Exact(Vec<ViewerId>),
    Estimated(Registers),
}

/// The reason why bytes are no sketch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidSketch {
    /// Another version wrote them.
    #[error("a sketch of version {0}, not {VERSION}")]
    Version(u8),
    /// The form is unknown.
    #[error("{0} is no form of a sketch")]
    Form(u8),
    /// The form has another length.
    #[error("a sketch cannot have {0} bytes")]
    Length(usize),
    /// Viewers are not in order, or twice.
    #[error("a sketch's viewers are out of order")]
    Order,
    /// A register has a value that cannot come about.
    #[error("a sketch's registers are out of range")]
    Registers,
}

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

impl Sketch {
    /// Nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self(Form::Exact(Vec::new()))
    }

    /// Adds a viewer. For many, [`Extend`] is quicker.
    pub fn insert(&mut self, id: ViewerId) {
        match &mut self.0 {
            Form::Exact(ids) => {
                if let Err(place) = ids.binary_search(&id) {
                    ids.insert(place, id);
                    self.keep_small();
                }
            }
            Form::Estimated(registers) => registers.insert(id),
        }
    }

    /// Adds the viewers of another.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Form::Exact(ids)) => self.extend(ids.iter().copied()),
            (Form::Estimated(registers), Form::Estimated(others)) => registers.merge(others),
            (Form::Exact(ids), Form::Estimated(others)) => {
                let mut registers = others.clone();
                ids.iter().for_each(|id| registers.insert(*id));
                self.0 = Form::Estimated(registers);
            }
        }
    }

    /// Number of viewers: exactly up to [`MAX_EXACT`], above with a standard error of 0.81 %.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        match &self.0 {
            Form::Exact(ids) => ids.len() as u64,
            Form::Estimated(registers) => registers.estimate(),
        }
    }

    /// True if [`Self::estimate`] is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.0, Form::Exact(_))
    }

    /// Its bytes, at most [`MAX_SKETCH_BYTES`]: version, form, then the viewers in order (big endian, 64 bits each) or the
    /// registers (six bits each).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Form::Exact(ids) => {
                let mut bytes = Vec::with_capacity(HEADER_BYTES + ids.len() * ID_BYTES);
                bytes.extend([VERSION, EXACT]);
                bytes.extend(ids.iter().flat_map(|id| id.bits().to_be_bytes()));
                bytes
            }
            Form::Estimated(registers) => [&[VERSION, ESTIMATED][..], &registers.pack()].concat(),
        }
    }

    /// The reverse of [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`InvalidSketch`] when that did not write them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSketch> {
        let length = InvalidSketch::Length(bytes.len());
        let (&version, rest) = bytes.split_first().ok_or(length)?;
        if version != VERSION {
            return Err(InvalidSketch::Version(version));
        }
        let (&form, rest) = rest.split_first().ok_or(length)?;
        match form {
            EXACT => {
                let (ids, []) = rest.as_chunks::<ID_BYTES>() else { return Err(length) };
                if ids.len() > MAX_EXACT {
                    return Err(length);
                }
                if !ids.is_sorted_by(|one, next| one < next) {
                    return Err(InvalidSketch::Order);
                }
                let ids = ids.iter().map(|id| ViewerId::from_bits(u64::from_be_bytes(*id)));
                Ok(Self(Form::Exact(ids.collect())))
            }
            ESTIMATED => {
                let packed: &[u8; PACKED_BYTES] = rest.try_into().map_err(|_| length)?;
                let registers = Registers::unpack(packed).ok_or(InvalidSketch::Registers)?;
                Ok(Self(Form::Estimated(registers)))
            }
            other => Err(InvalidSketch::Form(other)),
        }
    }

    /// Adds viewers in any order, repeated or not.
    fn absorb(&mut self, fresh: &mut Vec<ViewerId>) {
        match &mut self.0 {
            Form::Exact(ids) => {
                // Two sorted runs, which the sort merges.
                fresh.sort_unstable();
                ids.append(fresh);
                ids.sort();
                ids.dedup();
                self.keep_small();
            }
            Form::Estimated(registers) => fresh.drain(..).for_each(|id| registers.insert(id)),
        }
    }

    fn keep_small(&mut self) {
        if let Form::Exact(ids) = &self.0
            && ids.len() > MAX_EXACT
        {
            let mut registers = Registers::new();
            ids.iter().for_each(|id| registers.insert(*id));
            self.0 = Form::Estimated(registers);
        }
    }
}

impl Extend<ViewerId> for Sketch {
    fn extend<T: IntoIterator<Item = ViewerId>>(&mut self, ids: T) {
        let mut fresh = Vec::new();
        for id in ids {
            if let Form::Estimated(registers) = &mut self.0 {
                registers.insert(id);
                continue;
            }
            fresh.push(id);
            if fresh.len() == MAX_EXACT {
                self.absorb(&mut fresh);
            }
        }
        self.absorb(&mut fresh);
    }
}

impl FromIterator<ViewerId> for Sketch {
    fn from_iter<T: IntoIterator<Item = ViewerId>>(ids: T) -> Self {
        let mut sketch = Self::new();
        sketch.extend(ids);
        sketch
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    fn seeded(seed: u64, count: usize) -> Vec<ViewerId> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..count).map(|_| ViewerId::from_bits(random.random())).collect()
    }

    fn sketch(ids: &[ViewerId]) -> Sketch {
        ids.iter().copied().collect()
    }

    fn merged(one: &Sketch, other: &Sketch) -> Sketch {
        let mut one = one.clone();
        one.merge(other);
        one
    }

    /// Some ids of a pool: few, many, about as many as a sketch keeps exactly.
    fn some() -> impl Strategy<Value = Vec<ViewerId>> {
        let pool = seeded(7, 3 * MAX_EXACT);
        let sizes = prop_oneof![0..50_usize, 4000..4200_usize, 4500..9000_usize];
        (sizes, 0..3 * MAX_EXACT)
            .prop_map(move |(size, from)| pool.iter().cycle().skip(from).take(size).copied().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn merging_is_associative_commutative_and_idempotent(a in some(), b in some(), c in some()) {
            let [a, b, c] = [a, b, c].map(|ids| sketch(&ids));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(&merged(&a, &a), &a);
            prop_assert_eq!(&merged(&Sketch::new(), &a), &a);
        }

        #[test]
        fn a_merged_sketch_is_that_of_all_viewers(a in some(), b in some()) {
            let all: Vec<_> = a.iter().chain(&b).rev().copied().collect();
            let mut one_by_one = sketch(&a);
            b.iter().for_each(|id| one_by_one.insert(*id));
            prop_assert_eq!(&merged(&sketch(&a), &sketch(&b)), &sketch(&all));
            prop_assert_eq!(&one_by_one, &sketch(&all));
        }

        #[test]
        fn bytes_give_the_sketch_back(ids in some()) {
            let sketch = sketch(&ids);
            let bytes = sketch.to_bytes();
            prop_assert!(bytes.len() <= MAX_SKETCH_BYTES);
            prop_assert_eq!(Sketch::from_bytes(&bytes), Ok(sketch));
        }

        #[test]
        fn whatever_is_read_is_what_it_would_write(
            form in 0..3_u8,
            rest in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                prop::collection::vec(0..16_u8, PACKED_BYTES),
            ],
        ) {
            let bytes = [&[VERSION, form][..], &rest].concat();
            if let Ok(sketch) = Sketch::from_bytes(&bytes) {
                let _ = sketch.estimate();
                prop_assert_eq!(sketch.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn few_viewers_are_counted_exactly_and_many_within_three_standard_errors() {
        for count in [0, 1, 10, 1000, MAX_EXACT, MAX_EXACT + 1, 10_000, 30_000, 100_000, 1_000_000] {
            let mut square = 0.0;
            let seeds = 5;
            for seed in 0..seeds {
                let sketch = sketch(&seeded(seed, count));
                assert_eq!(sketch.is_exact(), count <= MAX_EXACT, "{count}");
                if sketch.is_exact() {
                    assert_eq!(sketch.estimate(), count as u64);
                    continue;
                }
                let error = (sketch.estimate() as f64 / count as f64 - 1.0) * 100.0;
                assert!(error.abs() < 3.0 * 0.81, "{count} of seed {seed}: off by {error:.2} %");
                square += error * error;
            }
            println!("{count}: off by {:.2} % (root mean square)", (square / seeds as f64).sqrt());
        }
    }

    #[test]
    fn golden_sketches() {
        let exact = sketch(&[ViewerId::from_bits(2), ViewerId::from_bits(1), ViewerId::from_bits(2)]);
        assert_eq!(exact.to_bytes(), [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        let estimated = sketch(&seeded(1, MAX_EXACT + 1)).to_bytes();
        assert_eq!((estimated.len(), &estimated[..2]), (2 + 12_288, &[1, 1][..]));
        assert_eq!(sketch(&seeded(1, MAX_EXACT)).to_bytes().len(), MAX_SKETCH_BYTES);
    }

    #[test]
    fn bytes_of_no_sketch_are_refused_with_their_reason() {
        let id = |bits: u64| bits.to_be_bytes().to_vec();
        for (bytes, why) in [
            (vec![], InvalidSketch::Length(0)),
            (vec![2, 0], InvalidSketch::Version(2)),
            (vec![1], InvalidSketch::Length(1)),
            (vec![1, 2], InvalidSketch::Form(2)),
            (vec![1, 0, 1], InvalidSketch::Length(3)),
            (vec![1, 1, 1], InvalidSketch::Length(3)),
            ([vec![1, 0], id(2), id(1)].concat(), InvalidSketch::Order),
            ([vec![1, 0], id(2), id(2)].concat(), InvalidSketch::Order),
            ([vec![1, 1], vec![0xff; PACKED_BYTES]].concat(), InvalidSketch::Registers),
            ([vec![1, 1], vec![0; PACKED_BYTES + 1]].concat(), InvalidSketch::Length(PACKED_BYTES + 3)),
        ] {
            assert_eq!(Sketch::from_bytes(&bytes), Err(why));
        }
        let many: Vec<u8> = (0..=MAX_EXACT as u64).flat_map(u64::to_be_bytes).collect();
        let many = [vec![1, 0], many].concat();
        assert_eq!(Sketch::from_bytes(&many), Err(InvalidSketch::Length(many.len())));
    }
}
