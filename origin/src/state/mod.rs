//! The last positions of the origin's streams, in `<data_dir>/origin.json`: per stream a [`Cursor`], so that media
//! sequence numbers are never used twice and viewers need not reload. Settings are in the store
//! ([`farcast_settings`]).
//!
//! Place in the flow: loaded by `app` before anything listens; the broadcast owner saves a cursor
//! at each segment through a [`Saver`], which writes on its own thread.
//!
//! # How numbers survive a crash
//! A number must be on the disk as used before the first byte of its segment leaves: an edge that
//! has the object keeps it under its name for ever. Waiting for the disk at each segment start would
//! put the disk into the latency of live media, and reserving large blocks would make edges fill a
//! block with gaps after a crash. So [`Cursor::begin_segment`] reserves **one number ahead**: while
//! segment *n* is made, `next_msn = n + 2` is written in the background, and by the time that *n + 1*
//! begins, seconds later, it has long been reserved. [`Saver::is_reserved`] says whether it has. After a
//! crash at most one number (*n + 1*) was never used, besides *n* itself, whose media is cut short.
//! After a clean end [`Cursor::end_at`] takes the reservation back and there is no jump at all.

mod cursor;
mod document;
mod saver;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farcast_feed::name::{Epoch, Msn, StreamName};
use farcast_telemetry::file::{self, WriteError};

pub use cursor::Cursor;
#[cfg(test)]
pub(crate) use cursor::sample;
pub use saver::Saver;

/// Name of the state's file in the data folder.
pub const FILE_NAME: &str = "origin.json";
/// Name of the file whose lock says that an origin uses the folder.
const LOCK_NAME: &str = "origin.lock";

/// The origin's state. While a clone of it lives, no other origin can use the folder: two that
/// count for themselves would give one number to two segments.
#[derive(Clone, Debug)]
pub struct State {
    path: PathBuf,
    _lock: Arc<File>,
    cursors: BTreeMap<StreamName, Cursor>,
}

/// The reason why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The data folder cannot be made or written.
    #[error("cannot use the data folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another origin runs on the data folder.
    #[error("the data folder {} is in use by another origin; choose another with --data-dir", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is damaged.
    #[error(
        "{} is damaged ({what}): restore it from a copy, or move it away to start from nothing (viewers of a running \
         broadcast must then reload)",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault.
        what: String,
    },
    /// A newer Farcast wrote the file.
    #[error(
        "{} was written by a newer Farcast (format {found}, this one knows up to {known}): start that one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// Newest format that is understood.
        known: u64,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl State {
    /// Loads the state of `folder`, or makes one at the first start. Blocks on the disk.
    ///
    /// # Errors
    /// When the folder or file cannot be read or written, is in use by another origin, or is damaged.
    pub fn load_or_create(folder: &Path) -> Result<Self, StateError> {
        let lock = lock(folder)?;
        let path = folder.join(FILE_NAME);
        match std::fs::read(&path) {
            Ok(bytes) => {
                let cursors = document::parse(&path, &bytes)?;
                Ok(Self { path, _lock: lock, cursors })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let state = Self { path, _lock: lock, cursors: BTreeMap::new() };
                state.write()?;
                Ok(state)
            }
            Err(source) => Err(StateError::Read { path, source }),
        }
    }

    /// The last position of `stream`; `None` when it never ran.
    #[must_use]
    pub fn cursor(&self, stream: &StreamName) -> Option<&Cursor> {
        self.cursors.get(stream)
    }

    /// Replaces the cursor of `stream`, in memory.
    pub fn set_cursor(&mut self, stream: StreamName, cursor: Cursor) {
        self.cursors.insert(stream, cursor);
    }

    /// Brings the state to the disk, whole and durable. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be written; the one on the disk is then as before.
    pub fn write(&self) -> Result<(), WriteError> {
        file::write_private(&self.path, &document::render(&self.cursors))
    }

    /// The file on the disk.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes the bytes of a state's file to `path`, with all streams moved forward by so many timelines and segments: their
/// last positions are long over. Blocks on the disk.
///
/// # Errors
/// When they are damaged, or the file cannot be written.
pub fn write_moved(path: &Path, bytes: &[u8], epochs: u64, segments: u64) -> Result<(), StateError> {
    let mut cursors = document::parse(path, bytes)?;
    for cursor in cursors.values_mut() {
        cursor.epoch = Epoch(cursor.epoch.0.saturating_add(epochs));
        cursor.next_msn = Msn(cursor.next_msn.0.saturating_add(segments));
        cursor.live = false;
    }
    Ok(file::write_private(path, &document::render(&cursors))?)
}

/// Makes the data folder if need be and takes it for this process; the system gives it back when the process ends.
fn lock(folder: &Path) -> Result<Arc<File>, StateError> {
    let cannot = |source| StateError::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK_NAME))
        .map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StateError::InUse { path: folder.to_owned() }),
        // Some network file systems have no locks; that is no reason not to run on them.
        Err(TryLockError::Error(error)) => tracing::warn!(%error, "data folder cannot be locked"),
    }
    Ok(Arc::new(file))
}

#[cfg(test)]
mod tests;
