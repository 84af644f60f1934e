//! FoundationDB's limits, checked in front of every engine: what passes on one passes on all.
//!
//! A transaction of FoundationDB may hold 10,000,000 bytes of keys, values and conflict ranges, keys of 10,000 and
//! values of 100,000 bytes, and lives five seconds (FoundationDB, "Known limitations"). Its engine puts up to 34 bytes in
//! front of each key and writes records of its own, so less is left for a batch (`farcast_store_fdb` tests that it is enough).
//! Keys that begin with 0xfe or 0xff belong to engines.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::Key;

/// Longest key in bytes, that of an appended entry included.
pub const MAX_KEY_BYTES: usize = 9_000;

/// Longest value in bytes.
pub const MAX_VALUE_BYTES: usize = 100_000;

/// Most bytes of a batch: values once, keys three times, since a key's conflict range holds it twice, and four times where
/// they are cleared, since that is a range as well.
pub const MAX_BATCH_BYTES: usize = 9_990_000;

/// Most operations and preconditions of a batch.
pub const MAX_BATCH_ITEMS: usize = 10_000;

/// Most entries of a page.
pub const MAX_PAGE_ROWS: u32 = 1_000;

/// A page ends before it would grow beyond this many bytes; one entry it always has.
pub const MAX_PAGE_BYTES: usize = 128 * 1024;

/// Longest time for a read, and for one try of a commit.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Longest time for a commit with all its tries; after that its result is not known.
pub const COMMIT_DEADLINE: Duration = Duration::from_secs(15);

/// Time for which an engine remembers the batches that it applied: many times as long as any client tries.
pub const APPLIED_KEPT: Duration = Duration::from_secs(600);

/// Keys from this byte on belong to engines.
const RESERVED_FROM: u8 = 0xfe;

/// The limit that was exceeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum LimitError {
    /// A key is empty.
    #[error("a key is empty")]
    EmptyKey,
    /// A key begins like an engine's own.
    #[error("a key begins with a reserved byte")]
    ReservedKey,
    /// A key is too long.
    #[error("a key of {0} bytes exceeds the limit of {MAX_KEY_BYTES}")]
    KeyTooLong(u64),
    /// A value is too long.
    #[error("a value of {0} bytes exceeds the limit of {MAX_VALUE_BYTES}")]
    ValueTooLong(u64),
    /// A batch holds too much.
    #[error("a batch of {0} bytes exceeds the limit of {MAX_BATCH_BYTES}")]
    BatchTooLarge(u64),
    /// A batch has too many items.
    #[error("a batch of {0} items exceeds the limit of {MAX_BATCH_ITEMS}")]
    TooManyItems(u64),
    /// A range ends before it begins.
    #[error("a range ends before it begins")]
    Range,
    /// An edge touched a key that only the origin may use.
    #[error("only the origin may use this key")]
    Private,
    /// A page of no or too many entries was asked for.
    #[error("a page of {0} entries is not between 1 and {MAX_PAGE_ROWS}")]
    Rows(u32),
    /// An edge asked for what no edge has to do.
    #[error("edges may not do this")]
    NotForEdges,
}

pub(super) fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Checks a key that is read, written or watched.
///
/// # Errors
/// The limit that it breaks.
pub fn check_key(key: &Key) -> Result<(), LimitError> {
    check_key_with(key, 0)
}

pub(super) fn check_key_with(key: &Key, more: usize) -> Result<(), LimitError> {
    let len = key.as_bytes().len() + more;
    match key.as_bytes().first() {
        None => Err(LimitError::EmptyKey),
        Some(&first) if first >= RESERVED_FROM => Err(LimitError::ReservedKey),
        Some(_) if len > MAX_KEY_BYTES => Err(LimitError::KeyTooLong(size(len))),
        Some(_) => Ok(()),
    }
}

pub(super) fn check_value(value: &[u8]) -> Result<(), LimitError> {
    if value.len() > MAX_VALUE_BYTES { Err(LimitError::ValueTooLong(size(value.len()))) } else { Ok(()) }
}

/// A range's end may be the first reserved key.
pub(super) fn check_range(from: &Key, to: &Key) -> Result<(), LimitError> {
    check_key(from)?;
    if *to != Key::from_bytes(vec![RESERVED_FROM]) {
        check_key(to)?;
    }
    if from > to { Err(LimitError::Range) } else { Ok(()) }
}
