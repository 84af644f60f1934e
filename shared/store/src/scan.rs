//! Reading many entries, page by page, in either direction.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::limits::{MAX_PAGE_BYTES, MAX_PAGE_ROWS};

/// Asks for a page of the entries of a range. A page shows one instant; two pages may show two.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scan {
    /// The beginning of the range, included.
    pub from: Key,
    /// Its end, not included.
    pub to: Key,
    /// True to read from the end backwards.
    pub reverse: bool,
    /// Most entries, 1 to [`MAX_PAGE_ROWS`].
    pub rows: u32,
}

impl Scan {
    /// Entries of `from` (included) to `to` (not included), the first ones first.
    #[must_use]
    pub fn range(from: Key, to: Key) -> Self {
        Self { from, to, reverse: false, rows: MAX_PAGE_ROWS }
    }

    /// All entries whose keys begin with the prefix, the prefix itself included.
    #[must_use]
    pub fn prefix(prefix: Key) -> Self {
        let to = prefix.after_all_with_prefix();
        Self::range(prefix, to)
    }

    /// The last ones first.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// At most so many.
    #[must_use]
    pub fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }

    /// The rest of the range after a page, if there may be one.
    #[must_use]
    pub fn behind(self, page: &Page) -> Option<Self> {
        let last = page.entries.last().filter(|_| page.more)?.0.clone();
        Some(if self.reverse { Self { to: last, ..self } } else { Self { from: last.successor(), ..self } })
    }
}

/// Entries of a range, in the order that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Page {
    /// Keys and values.
    pub entries: Vec<(Key, Bytes)>,
    /// True if the range had more.
    pub more: bool,
}

impl Page {
    /// The first entries of `all` that make a page.
    ///
    /// # Errors
    /// The errors of `all`.
    pub fn fill<E>(rows: u32, all: impl Iterator<Item = Result<(Key, Bytes), E>>) -> Result<Self, E> {
        let (mut page, mut bytes) = (Self::default(), 0);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        for entry in all {
            let (key, value) = entry?;
            bytes += key.as_bytes().len() + value.len();
            if page.entries.len() == rows || (bytes > MAX_PAGE_BYTES && !page.entries.is_empty()) {
                page.more = true;
                break;
            }
            page.entries.push((key, value));
        }
        Ok(page)
    }
}
