//! Parameter sets: those in force, whether a sequence header brought them or the stream itself.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::bits::MAX_PARAMETER_SET_BYTES;

/// Most bytes of all sets of a track. Real ones have a few hundred; a record with more could not be written.
const MAX_BYTES: usize = 60 * 1024;

/// The kinds of parameter sets. The order is the one in which records list them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum SetKind {
    /// H.265's layers.
    Video,
    /// A sequence of pictures.
    Sequence,
    /// H.264's auxiliary pictures.
    SequenceExtension,
    /// Pictures.
    Picture,
}

/// The sets in force: the last of each kind and id. Bounded in bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sets(BTreeMap<(SetKind, u8), Bytes>);

impl Sets {
    /// Puts a NAL unit in force. One that is too long, or too much with all others, is not taken.
    pub(super) fn put(&mut self, kind: SetKind, id: u8, unit: &[u8]) {
        if self.holds(kind, id, unit) {
            return;
        }
        let others: usize =
            self.0.iter().filter(|(key, _)| **key != (kind, id)).map(|(_, set)| set.len()).sum();
        if unit.len() <= MAX_PARAMETER_SET_BYTES && others + unit.len() <= MAX_BYTES {
            self.0.insert((kind, id), Bytes::copy_from_slice(unit));
        }
    }

    /// True if exactly this unit is in force.
    pub(super) fn holds(&self, kind: SetKind, id: u8, unit: &[u8]) -> bool {
        self.0.get(&(kind, id)).is_some_and(|set| set == unit)
    }

    pub(super) fn get(&self, kind: SetKind, id: u8) -> Option<&Bytes> {
        self.0.get(&(kind, id))
    }

    pub(super) fn of(&self, kind: SetKind) -> impl Iterator<Item = (u8, &Bytes)> {
        self.0.iter().filter(move |((of, _), _)| *of == kind).map(|((_, id), set)| (*id, set))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_set_of_an_id_is_in_force_and_memory_is_bounded() {
        let mut sets = Sets::default();
        sets.put(SetKind::Picture, 0, &[0x68, 1]);
        sets.put(SetKind::Picture, 0, &[0x68, 2]);
        assert!(sets.holds(SetKind::Picture, 0, &[0x68, 2]) && !sets.holds(SetKind::Picture, 0, &[0x68, 1]));
        sets.put(SetKind::Sequence, 0, &vec![0x67; MAX_PARAMETER_SET_BYTES + 1]);
        assert!(sets.get(SetKind::Sequence, 0).is_none());
        for id in 0..=255 {
            sets.put(SetKind::Picture, id, &vec![id; MAX_PARAMETER_SET_BYTES]);
        }
        let held: usize = sets.of(SetKind::Picture).map(|(_, set)| set.len()).sum();
        assert!(held <= MAX_BYTES, "{held}");
    }
}
