//! Making a backup of a store and a data folder.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farcast_feed::time::WallTime;
use farcast_store::limits::DEADLINE;
use farcast_store::{Key, Snapshot, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::archive::{Encoder, Header};
use super::{FILES, MAX_FILE_BYTES, is_ours};
use crate::admin::sessions_key;
use crate::emoji;

/// The reason why no backup could be made.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// One at a time.
    #[error("another backup is being made or downloaded: try again when it is done")]
    Busy,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the data folder cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of the data folder is none of ours, by its size.
    #[error("{} is larger than 16 MiB, as no file of a data folder is", .0.display())]
    TooLarge(PathBuf),
    /// There is no room for the backup, or no right to write it.
    #[error("cannot write a backup beside the data, in {}", folder.display())]
    Spool {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// Makes backups of an origin that runs: one at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backups {
    store: Store,
    data_dir: Arc<Path>,
    place: Arc<Semaphore>,
}

/// A whole backup in a file without a name, which goes with it.
#[derive(Debug)]
pub struct Spooled {
    /// To be read from its start.
    pub file: File,
    /// Its length in bytes.
    pub length: u64,
    /// To be kept as long as the file: while it is, no other backup can begin.
    pub place: OwnedSemaphorePermit,
}

impl Backups {
    /// Of a store, and a data folder.
    #[must_use]
    pub fn new(store: Store, data_dir: &Path) -> Self {
        Self { store, data_dir: data_dir.into(), place: Arc::new(Semaphore::new(1)) }
    }

    /// Begins a backup.
    ///
    /// # Errors
    /// [`TakeError::Busy`] while another one is in the making; those of the store and the disk.
    pub(super) async fn begin(&self) -> Result<Taking, TakeError> {
        let place = Arc::clone(&self.place).try_acquire_owned().map_err(|_| TakeError::Busy)?;
        let mut taking = Taking::begin(&self.store, &self.data_dir).await?;
        taking.place = Some(place);
        Ok(taking)
    }

    /// Waits until no backup is in the making.
    #[cfg(test)]
    pub(super) async fn idle(&self) {
        drop(self.place.acquire().await);
    }

    /// Makes a backup and keeps it beside the data, without a name, until it is dropped: for a reader who may be slow,
    /// while a cluster gives seconds only for reading everything as it was at one instant.
    ///
    /// # Errors
    /// The errors of [`Backups::begin`], and of the disk.
    pub async fn spool(&self) -> Result<Spooled, TakeError> {
        let failed = |source| TakeError::Spool { folder: self.data_dir.to_path_buf(), source };
        let mut taking = self.begin().await?;
        let mut file = tempfile::tempfile_in(&self.data_dir).map_err(failed)?;
        let mut length = 0;
        while let Some(piece) = taking.next().await? {
            length += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file)).await;
            file = written.map_err(io::Error::other).and_then(|written| written).map_err(failed)?;
        }
        file.rewind().map_err(failed)?;
        let place = taking.place.take().ok_or(TakeError::Busy)?;
        Ok(Spooled { file, length, place })
    }
}

/// A backup in the making: piece by piece, so that memory does not grow with the store.
pub(super) struct Taking {
    snapshot: Box<dyn Snapshot>,
    logins: Key,
    encoder: Option<Encoder>,
    /// Kept while it is in the making, where there is one place only.
    place: Option<OwnedSemaphorePermit>,
}

impl Taking {
    /// Begins. Everything of the store is as it is now.
    pub(super) async fn begin(store: &Store, data_dir: &Path) -> Result<Self, TakeError> {
        let snapshot = store.snapshot().await?;
        let header = Header {
            farcast: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: WallTime::now(),
            store_version: snapshot.version(),
        };
        let mut encoder = Encoder::new(&header);
        let folder = data_dir.to_owned();
        let files = tokio::task::spawn_blocking(move || files(&folder)).await;
        for (name, bytes) in
            files.map_err(|_| StoreError::Unavailable("reading the data folder failed".to_owned()))??
        {
            encoder.file(&name, &bytes);
        }
        Ok(Self { snapshot, logins: sessions_key(), encoder: Some(encoder), place: None })
    }

    /// The next bytes; none behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, TakeError> {
        let Some(encoder) = &mut self.encoder else { return Ok(None) };
        let next = tokio::time::timeout(DEADLINE, self.snapshot.next()).await;
        match next.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned())))? {
            Some(page) => {
                // Logins of the admin page: some may have been ended before this is restored.
                for (key, value) in page.entries.iter().filter(|(key, _)| *key != self.logins) {
                    encoder.entry(key, value);
                }
                Ok(Some(encoder.take()))
            }
            None => Ok(self.encoder.take().map(Encoder::end)),
        }
    }
}

/// The files of the data folder for a backup. Blocks on the disk.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, TakeError> {
    let mut files = Vec::new();
    for name in FILES {
        files.extend(file(folder, name)?);
    }
    let pictures = folder.join(emoji::FOLDER);
    let failed = |source| TakeError::File { path: pictures.clone(), source };
    let listed = match std::fs::read_dir(&pictures) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry.map_err(failed)?;
        // A name that is no text is no emoji.
        if let (true, Some(name)) = (entry.file_type().map_err(failed)?.is_file(), entry.file_name().to_str())
        {
            names.push(format!("{}/{name}", emoji::FOLDER));
        }
    }
    names.sort();
    for name in names.iter().filter(|name| is_ours(name)).take(emoji::MAX_EMOJI) {
        files.extend(file(folder, name)?);
    }
    Ok(files)
}

fn file(folder: &Path, name: &str) -> Result<Option<(String, Vec<u8>)>, TakeError> {
    let path = folder.join(name);
    let read = std::fs::metadata(&path)
        .and_then(|about| Ok(if about.len() > MAX_FILE_BYTES { None } else { Some(std::fs::read(&path)?) }));
    match read {
        Ok(Some(bytes)) => Ok(Some((name.to_owned(), bytes))),
        Ok(None) => Err(TakeError::TooLarge(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TakeError::File { path, source }),
    }
}
