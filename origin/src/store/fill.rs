//! Making a store's file from entries: how a backup is restored.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use farcast_store::Key;
use redb::Database;

use super::FILE_NAME;
use super::transaction;

/// The reason why no file was made.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// A store exists already.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// An entry could not be read.
    #[error("the entries cannot be read")]
    Entries(#[source] io::Error),
    /// The disk failed.
    #[error("cannot write the store {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<redb::Error>,
    },
}

/// Makes the store of a data folder, whole or not at all. `version` is the last one that any of the entries has: later
/// writes sort behind it. Blocks on the disk.
///
/// # Errors
/// [`FillError`]; the folder has no store then.
pub fn fill(
    folder: &Path,
    version: u64,
    entries: impl Iterator<Item = io::Result<(Key, Bytes)>>,
) -> Result<(), FillError> {
    let path = folder.join(FILE_NAME);
    if path.exists() {
        return Err(FillError::Exists(path));
    }
    let temporary = folder.join(format!("{FILE_NAME}.{}.tmp", std::process::id()));
    let made = make(&temporary, version, entries);
    let failed = |error: redb::Error| FillError::Write { path: path.clone(), source: Box::new(error) };
    let kept = made.and_then(|()| std::fs::rename(&temporary, &path).map_err(|error| failed(error.into())));
    if kept.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    kept
}

fn make(
    path: &Path,
    version: u64,
    entries: impl Iterator<Item = io::Result<(Key, Bytes)>>,
) -> Result<(), FillError> {
    fn failed<E: Into<redb::Error>>(path: &Path) -> impl Fn(E) -> FillError {
        move |error| FillError::Write { path: path.to_owned(), source: Box::new(error.into()) }
    }
    let database = Database::create(path).map_err(failed(path))?;
    let transaction = database.begin_write().map_err(failed(path))?;
    {
        let mut filling = transaction::Filling::begin(&transaction, version).map_err(failed(path))?;
        for entry in entries {
            let (key, value) = entry.map_err(FillError::Entries)?;
            filling.insert(&key, &value).map_err(failed(path))?;
        }
    }
    transaction.commit().map_err(failed(path))
}
