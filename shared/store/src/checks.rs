//! Scans and batches against the [`limits`](super::limits).

use super::batch::{Batch, Operation, Precondition};
use super::limits::{
    LimitError, MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MAX_PAGE_ROWS, check_key, check_key_with, check_range,
    check_value, size,
};
use super::scan::Scan;
use super::stamp::STAMP_BYTES;

/// Bytes that an item costs beside its key and value: what an engine puts in front of each of its keys, and structures.
const ITEM_BYTES: usize = 256;

/// Checks a scan.
///
/// # Errors
/// The limit that it breaks.
pub fn check_scan(scan: &Scan) -> Result<(), LimitError> {
    check_range(&scan.from, &scan.to)?;
    if scan.rows == 0 || scan.rows > MAX_PAGE_ROWS { Err(LimitError::Rows(scan.rows)) } else { Ok(()) }
}

/// Checks a batch.
///
/// # Errors
/// The first limit that it breaks.
pub fn check_batch(batch: &Batch) -> Result<(), LimitError> {
    let items = batch.operations().len() + batch.preconditions().len();
    if items > MAX_BATCH_ITEMS {
        return Err(LimitError::TooManyItems(size(items)));
    }
    let mut bytes = items * ITEM_BYTES;
    for precondition in batch.preconditions() {
        check_key(precondition.key())?;
        let value = match precondition {
            Precondition::Absent(_) | Precondition::Present(_) => 0,
            Precondition::Equals(_, value) | Precondition::StartsWith(_, value) => {
                check_value(value)?;
                value.len()
            }
        };
        bytes += 2 * precondition.key().as_bytes().len() + value;
    }
    for operation in batch.operations() {
        // Bytes of keys, as often as they count, and of the value.
        let (keys, value) = match operation {
            Operation::Set(key, value) => {
                check_key(key)?;
                check_value(value)?;
                (3 * key.as_bytes().len(), value.len())
            }
            Operation::Clear(key) => {
                check_key(key)?;
                (4 * key.as_bytes().len(), 0)
            }
            Operation::Add(key, _) | Operation::SetStamp(key, _) => {
                check_key(key)?;
                (3 * key.as_bytes().len(), STAMP_BYTES)
            }
            Operation::ClearRange(from, to) => {
                check_range(from, to)?;
                (2 * (from.as_bytes().len() + to.as_bytes().len()), 0)
            }
            Operation::Append { prefix, value, .. } => {
                check_key_with(prefix, STAMP_BYTES + 1)?;
                check_value(value)?;
                (3 * (prefix.as_bytes().len() + STAMP_BYTES + 1), value.len())
            }
        };
        bytes += keys + value;
    }
    if bytes > MAX_BATCH_BYTES { Err(LimitError::BatchTooLarge(size(bytes))) } else { Ok(()) }
}
