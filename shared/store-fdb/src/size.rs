//! The size of a transaction as FoundationDB's client counts it, so that the store's limits can be compared with it.
//!
//! It adds up the changes with their parameters and the conflict ranges with their ends (`Transaction::getSize` of
//! `fdbclient/NativeAPI.actor.cpp`), in structures of a fixed size each. 7.3 packs them into 28 and 24 bytes; they are
//! taken for larger here, since another version may count more.

use farcast_store::{Batch, Key, Operation, STAMP_BYTES};

use crate::layout::PLACE_BYTES;

/// Largest transaction: FoundationDB's default, and its greatest.
pub(crate) const TRANSACTION_BYTES: usize = 10_000_000;

/// Bytes of a change beside its parameters.
const CHANGE_BYTES: usize = 40;

/// Bytes of a conflict range beside its ends.
const RANGE_BYTES: usize = 32;

/// Bytes of a batch id.
const ID_BYTES: usize = 16;

/// At most so many bytes has the transaction of a batch whose keys get so many bytes in front of them.
pub(crate) fn of_batch(batch: &Batch, overhead: usize) -> usize {
    let preconditions =
        batch.preconditions().iter().map(|one| key_range(overhead + one.key().as_bytes().len()));
    let operations = batch.operations().iter().map(|one| of_operation(one, overhead));
    preconditions.chain(operations).fold(of_record(overhead), usize::saturating_add)
}

/// The batch's id, which is read and written, and its place in the order.
fn of_record(overhead: usize) -> usize {
    let id = overhead + ID_BYTES;
    let value = STAMP_BYTES + PLACE_BYTES;
    let order = overhead + 1 + STAMP_BYTES + PLACE_BYTES;
    2 * key_range(id) + CHANGE_BYTES + id + value + CHANGE_BYTES + order + ID_BYTES
}

fn of_operation(operation: &Operation, overhead: usize) -> usize {
    let stored = |key: &Key| overhead + key.as_bytes().len();
    match operation {
        Operation::Set(key, value) => CHANGE_BYTES + stored(key) + value.len() + key_range(stored(key)),
        // A range of one key, as a change and as a conflict range.
        Operation::Clear(key) => CHANGE_BYTES + 2 * stored(key) + 1 + key_range(stored(key)),
        Operation::ClearRange(from, to) => CHANGE_BYTES + RANGE_BYTES + 2 * (stored(from) + stored(to)),
        Operation::Add(key, _) => CHANGE_BYTES + stored(key) + size_of::<i64>() + key_range(stored(key)),
        // No conflict range: the cluster makes it when it knows the key.
        Operation::Append { prefix, value, .. } => {
            CHANGE_BYTES + stored(prefix) + 1 + STAMP_BYTES + PLACE_BYTES + value.len()
        }
        Operation::SetStamp(key, _) => {
            CHANGE_BYTES + stored(key) + STAMP_BYTES + PLACE_BYTES + key_range(stored(key))
        }
    }
}

/// The conflict range of one key: from it to its successor.
fn key_range(key_bytes: usize) -> usize {
    RANGE_BYTES + 2 * key_bytes + 1
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use farcast_store::Precondition;
    use farcast_store::limits::{MAX_BATCH_ITEMS, MAX_KEY_BYTES, MAX_VALUE_BYTES};

    use super::*;
    use crate::MAX_ROOT_BYTES;
    use crate::layout::{FDB_KEY_BYTES, Layout, SUBSPACE_BYTES};

    const OVERHEAD: usize = MAX_ROOT_BYTES + SUBSPACE_BYTES;

    fn key(len: usize) -> Key {
        Key::from_bytes(vec![b'k'; len])
    }

    /// Adds one more item to a batch.
    type Grow = Box<dyn Fn(Batch) -> Batch>;

    /// Every kind of item, about a key of so many bytes, with a value of so many.
    fn kinds(key_bytes: usize, value_bytes: usize) -> Vec<(&'static str, Grow)> {
        let (key, value) = (key(key_bytes), Bytes::from(vec![b'v'; value_bytes]));
        let then = |operation: Operation| -> Grow { Box::new(move |batch| batch.then(operation.clone())) };
        let require = |one: Precondition| -> Grow { Box::new(move |batch| batch.require(one.clone())) };
        vec![
            ("set", then(Operation::Set(key.clone(), value.clone()))),
            ("clear", then(Operation::Clear(key.clone()))),
            ("clear range", then(Operation::ClearRange(key.clone(), key.clone()))),
            ("add", then(Operation::Add(key.clone(), 1))),
            ("append", then(Operation::Append { prefix: key.clone(), order: 1, value: value.clone() })),
            ("set stamp", then(Operation::SetStamp(key.clone(), 1))),
            ("absent", require(Precondition::Absent(key.clone()))),
            ("equals", require(Precondition::Equals(key, value))),
        ]
    }

    /// The largest batch of one kind of item that passes the store's limits.
    fn largest(grow: &Grow) -> Batch {
        let of = |count| (0..count).fold(Batch::new(), |batch, _| grow(batch));
        let (mut fits, mut too_many) = (0, MAX_BATCH_ITEMS + 1);
        while too_many - fits > 1 {
            let middle = usize::midpoint(fits, too_many);
            if farcast_store::check_batch(&of(middle)).is_ok() { fits = middle } else { too_many = middle }
        }
        of(fits)
    }

    #[test]
    fn the_largest_batches_of_the_store_fit_a_transaction() {
        for key_bytes in [1, 10, 100, 500, 1_000, MAX_KEY_BYTES - STAMP_BYTES - 1] {
            for value_bytes in [0, 100, 1_000, MAX_VALUE_BYTES] {
                for (kind, grow) in kinds(key_bytes, value_bytes) {
                    // The precondition that an origin adds to each of its batches: that it still holds its lease.
                    let lease = Precondition::StartsWith(key(32), Bytes::from(vec![b'v'; 16]));
                    let batch = largest(&grow).require(lease);
                    let bytes = of_batch(&batch, OVERHEAD);
                    let items = batch.operations().len() + batch.preconditions().len();
                    let what =
                        format!("{items} of '{kind}', keys of {key_bytes} and values of {value_bytes} bytes");
                    assert!(items > 0 && bytes <= TRANSACTION_BYTES, "{bytes} bytes for {what}");
                }
            }
        }
    }

    #[test]
    fn the_longest_keys_of_the_store_fit() {
        let longest = Layout::new(&[1; MAX_ROOT_BYTES]).unwrap().entry(&key(MAX_KEY_BYTES)).len();
        assert!(longest + PLACE_BYTES <= FDB_KEY_BYTES, "{longest} bytes");
    }
}
