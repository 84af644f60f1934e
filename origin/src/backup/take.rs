//! Making a backup of a store and a data folder.

use std::io;
use std::path::{Path, PathBuf};

use farcast_shared::store::limits::DEADLINE;
use farcast_shared::store::{Key, Snapshot, Store, StoreError};
use farcast_shared::time::WallTime;

use super::archive::{Encoder, Header};
use super::{FILES, MAX_FILE_BYTES, is_ours};
use crate::admin::sessions_key;
use crate::emoji;

/// Why no backup could be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot read {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is larger than 16 MiB, as no file of a data folder is", .0.display())]
    TooLarge(PathBuf),
}

/// A backup in the making: piece by piece, so that memory does not grow with the store.
pub(super) struct Taking {
    snapshot: Box<dyn Snapshot>,
    logins: Key,
    encoder: Option<Encoder>,
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
        Ok(Self { snapshot, logins: sessions_key(), encoder: Some(encoder) })
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
