//! Snapshots: all entries of a store at one instant, for backups.

use super::key::Key;
use super::scan::{Page, Scan};
use super::{Answer, StoreError};

/// All entries of one instant, in the order of their keys, page by page. Writes during the reading are not seen.
pub trait Snapshot: Send {
    /// A bound on the commits that it shows: the first eight bytes of no versionstamp in it are more than this.
    fn version(&self) -> u64;

    /// The next entries; none behind the last.
    fn next(&mut self) -> Answer<'_, Option<Page>>;
}

/// Keeps the place in a snapshot that is read by scans.
#[derive(Debug)]
pub struct Place(Option<Scan>);

impl Place {
    /// In front of all entries.
    #[must_use]
    pub fn first() -> Self {
        Self(Some(Scan::range(Key::from_bytes([0].as_slice()), Key::from_bytes([u8::MAX].as_slice()))))
    }

    /// The next read; none at the end.
    #[must_use]
    pub fn scan(&self) -> Option<&Scan> {
        self.0.as_ref()
    }

    /// Goes behind a page.
    pub fn pass(&mut self, page: &Page) {
        self.0 = self.0.take().and_then(|scan| scan.behind(page));
    }
}

/// The answer of an engine that has none: an edge's, whose origin makes backups itself.
pub(super) fn unsupported<'a>() -> Answer<'a, Box<dyn Snapshot>> {
    let error = StoreError::Unavailable("this store gives no snapshots".to_owned());
    Box::pin(std::future::ready(Err(error)))
}
