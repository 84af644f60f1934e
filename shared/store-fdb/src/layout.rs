//! The layout of FoundationDB's key space, and the parameters of its versionstamped operations.
//!
//! The table is in the documentation of the crate.

use bytes::Bytes;
use farcast_store::limits::MAX_KEY_BYTES;
use farcast_store::{BatchId, Key, STAMP_BYTES, Tuple, Versionstamp, appended_key};

use crate::error::{MAX_ROOT_BYTES, OpenError};

/// Bytes that a versionstamped operation has behind its parameter: the place where the stamp goes.
pub(crate) const PLACE_BYTES: usize = 4;

/// Bytes of a versionstamp that FoundationDB gives; the two behind them are the caller's.
const COMMIT_BYTES: usize = STAMP_BYTES - 2;

/// The placeholder for a versionstamp, as the tuple layer has it.
const UNKNOWN: [u8; COMMIT_BYTES] = [0xff; COMMIT_BYTES];

/// Reserved for FoundationDB's directory layer and for its system.
const RESERVED_FROM: u8 = 0xfe;

/// Longest key that FoundationDB takes.
pub(crate) const FDB_KEY_BYTES: usize = 10_000;

/// Bytes of the integer between the root and the rest of a key.
pub(crate) const SUBSPACE_BYTES: usize = 2;

/// The store's longest key fits behind the longest root, also as a parameter.
const _: () = assert!(MAX_ROOT_BYTES + SUBSPACE_BYTES + MAX_KEY_BYTES + PLACE_BYTES <= FDB_KEY_BYTES);

/// The keys below a root.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    entries: Vec<u8>,
    applied: Vec<u8>,
    order: Vec<u8>,
}

impl Layout {
    pub(crate) fn new(root: &[u8]) -> Result<Self, OpenError> {
        let len = root.len();
        if len > MAX_ROOT_BYTES || root.first().is_none_or(|first| *first >= RESERVED_FROM) {
            return Err(OpenError::Root { len });
        }
        let subspace = |number| [root, Tuple::new().uint(number).key().as_bytes()].concat();
        Ok(Self { entries: subspace(1), applied: subspace(2), order: subspace(3) })
    }

    /// Bytes that each key has in front of the store's own.
    pub(crate) fn overhead(&self) -> usize {
        self.entries.len()
    }

    /// The place of a key's entry.
    pub(crate) fn entry(&self, key: &Key) -> Vec<u8> {
        [&self.entries, key.as_bytes()].concat()
    }

    /// The key whose entry is there; `None` where there are no entries.
    pub(crate) fn key(&self, entry: &[u8]) -> Option<Key> {
        entry.strip_prefix(&self.entries[..]).map(|key| Key::from_bytes(Bytes::copy_from_slice(key)))
    }

    /// The parameter for the entry that an append makes.
    pub(crate) fn appended(&self, prefix: &Key, order: u16) -> Vec<u8> {
        let key = self.entry(&appended_key(prefix, Versionstamp { commit: UNKNOWN, order }));
        let place = key.len() - STAMP_BYTES;
        stamped_at(key, place)
    }

    /// The place of the note that a batch was applied.
    pub(crate) fn applied(&self, id: BatchId) -> Vec<u8> {
        [&self.applied[..], &id.0].concat()
    }

    /// The parameter for a batch's place in the order of those that were applied.
    pub(crate) fn ordered(&self) -> Vec<u8> {
        let key = self.ordered_at(Versionstamp { commit: UNKNOWN, order: 0 });
        let place = key.len() - STAMP_BYTES;
        stamped_at(key, place)
    }

    /// The range of the batches that were applied before a version of the cluster.
    pub(crate) fn ordered_before(&self, version: u64) -> [Vec<u8>; 2] {
        let mut commit = [0; COMMIT_BYTES];
        commit[..8].copy_from_slice(&version.to_be_bytes());
        [self.order.clone(), self.ordered_at(Versionstamp { commit, order: 0 })]
    }

    fn ordered_at(&self, stamp: Versionstamp) -> Vec<u8> {
        [&self.order[..], Tuple::new().stamp(stamp).key().as_bytes()].concat()
    }
}

/// The parameter for a value that is the stamp of the commit and an order.
pub(crate) fn stamp_value(order: u16) -> Vec<u8> {
    stamped_at(Versionstamp { commit: UNKNOWN, order }.to_bytes().to_vec(), 0)
}

/// The parameter for a value that is FoundationDB's part of a stamp alone.
pub(crate) fn commit_value() -> Vec<u8> {
    stamped_at(UNKNOWN.to_vec(), 0)
}

/// The commit that such a value names; `None` when it is none.
pub(crate) fn commit_of(value: &[u8]) -> Option<Versionstamp> {
    Some(Versionstamp { commit: value.try_into().ok()?, order: 0 })
}

/// Bytes in which the commit puts its stamp at a place: the place follows them (FoundationDB, "C API",
/// `FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_KEY`, API version 520 and later).
fn stamped_at(mut bytes: Vec<u8>, place: usize) -> Vec<u8> {
    bytes.extend_from_slice(&u32::try_from(place).unwrap_or(u32::MAX).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ROOT;

    fn layout() -> Layout {
        Layout::new(ROOT).unwrap()
    }

    fn id() -> BatchId {
        BatchId(*b"0123456789abcdef")
    }

    #[test]
    fn the_root_is_a_tuple() {
        assert_eq!(ROOT, Tuple::new().text("farcast").key().as_bytes());
        assert_eq!(layout().overhead(), ROOT.len() + SUBSPACE_BYTES);
    }

    #[test]
    fn golden_keys() {
        let key = Tuple::new().text("user").uint(7).key();
        assert_eq!(layout().entry(&key), b"\x02farcast\x00\x15\x01\x02user\x00\x15\x07");
        assert_eq!(layout().applied(id()), b"\x02farcast\x00\x15\x020123456789abcdef");
        assert_eq!(
            layout().ordered_before(0x0102),
            [
                b"\x02farcast\x00\x15\x03".to_vec(),
                b"\x02farcast\x00\x15\x03\x33\0\0\0\0\0\0\x01\x02\0\0\0\0".to_vec()
            ]
        );
    }

    #[test]
    fn golden_parameters_of_versionstamped_operations() {
        let log = Tuple::new().text("log").key();
        assert_eq!(
            layout().appended(&log, 0x0809),
            b"\x02farcast\x00\x15\x01\x02log\x00\x33\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x08\x09\x11\0\0\0"
        );
        assert_eq!(
            layout().ordered(),
            b"\x02farcast\x00\x15\x03\x33\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\x0c\0\0\0"
        );
        assert_eq!(stamp_value(0x0809), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x08\x09\0\0\0\0");
        assert_eq!(commit_value(), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0");
    }

    /// Does what FoundationDB says that it does with a parameter.
    fn commit_at(mut parameter: Vec<u8>, commit: [u8; 10]) -> Vec<u8> {
        let place = parameter.split_off(parameter.len() - PLACE_BYTES);
        let place = usize::try_from(u32::from_le_bytes(place.try_into().unwrap())).unwrap();
        parameter[place..place + commit.len()].copy_from_slice(&commit);
        parameter
    }

    #[test]
    fn what_the_commit_makes_of_the_parameters_is_what_readers_expect() {
        let stamp = Versionstamp { commit: *b"0123456789", order: 5 };
        let log = Tuple::new().text("log").key();
        let entry = commit_at(layout().appended(&log, 5), stamp.commit);
        assert_eq!(layout().key(&entry), Some(appended_key(&log, stamp)));
        assert_eq!(commit_at(stamp_value(5), stamp.commit), stamp.to_bytes());
        let commit = commit_at(commit_value(), stamp.commit);
        assert_eq!(commit_of(&commit), Some(Versionstamp { order: 0, ..stamp }));
        let ordered = commit_at(layout().ordered(), stamp.commit);
        let version = u64::from_be_bytes(*b"01234567");
        let [from, to] = layout().ordered_before(version);
        assert!(from < ordered && to < ordered, "it was not applied before its own version");
        assert!(ordered < layout().ordered_before(version + 1)[1]);
    }

    proptest! {
        #[test]
        fn entries_sort_as_their_keys_and_give_them_back(a: Vec<u8>, b: Vec<u8>) {
            let (a, b) = (Key::from_bytes(a), Key::from_bytes(b));
            let (stored_a, stored_b) = (layout().entry(&a), layout().entry(&b));
            prop_assert_eq!(a.cmp(&b), stored_a.cmp(&stored_b));
            prop_assert_eq!(layout().key(&stored_a), Some(a));
        }
    }

    #[test]
    fn each_kind_of_key_keeps_to_its_own_range() {
        let kinds = [layout().entries, layout().applied, layout().order];
        for (one, other) in kinds.iter().zip(&kinds[1..]) {
            assert!(Key::from_bytes(one.clone()).after_all_with_prefix() <= Key::from_bytes(other.clone()));
        }
        // The highest end that a range of the store may have.
        let end = layout().entry(&Key::from_bytes(vec![0xfe]));
        assert!(end < layout().applied(BatchId([0; 16])));
        assert_eq!(layout().key(&layout().applied(id())), None);
        assert_eq!(commit_of(b"short"), None);
    }

    #[test]
    fn roots_that_would_not_fit_are_refused() {
        for root in [&b""[..], b"\xfe", b"\xff\x02", &[1; MAX_ROOT_BYTES + 1]] {
            assert!(
                matches!(Layout::new(root), Err(OpenError::Root { len }) if len == root.len()),
                "{root:?}"
            );
        }
        assert!(Layout::new(&[1; MAX_ROOT_BYTES]).is_ok());
    }
}
