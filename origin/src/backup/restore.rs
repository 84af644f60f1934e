//! Making a data folder, and filling a cluster, from a backup.
//!
//! Nothing that exists is ever overwritten: a data folder that has any of it, or a cluster that has entries, is refused.
//! The backup is read twice: it is checked as a whole before the first byte of it is used.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use farcast_store::limits::{MAX_BATCH_BYTES, MAX_BATCH_ITEMS};
use farcast_store::{Batch, Store, StoreError};
use farcast_telemetry::file::{WriteError, write_private};

use super::archive::{ArchiveError, Counts, Decoder, Header, Item};
use super::{FILES, is_ours};
use crate::emoji;
use crate::state::{self, StateError};
use crate::store::{self as embedded, FillError};

/// The distance by which streams are set forward: by more timelines and segments than can have been made between the backup
/// and now. Edges and players have objects under those names, which must not come again with other bytes, and a media
/// sequence number never goes back (RFC 8216bis §4.4.3.2).
const EPOCHS: u64 = 10_000;
const SEGMENTS: u64 = 10_000_000;
/// The distance by which the store's version is set forward, by more commits than can have been made: edges that go on read
/// the chat's log from where they were.
const VERSIONS: u64 = 1 << 40;

/// Bytes of a batch that fills a cluster: well below the limit of one.
const BATCH_BYTES: usize = MAX_BATCH_BYTES / 4;
const BATCH_ITEMS: usize = MAX_BATCH_ITEMS / 4;

/// The reason why nothing, or not all, was restored.
#[derive(Debug, thiserror::Error)]
pub(super) enum RestoreError {
    #[error("cannot open {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(
        "the data folder already has {}: restore into an empty one (--data-dir), or move that file away", .0.display()
    )]
    Exists(PathBuf),
    #[error(
        "the cluster already has entries of this name: restore into another one (?name=), or clear it first"
    )]
    NotEmpty,
    #[error(
        "the backup was made at version {backup} of its cluster, and this one is at {here}: new entries would be sorted before old \
         ones. Run `fdbcli --exec 'advanceversion {}'` first", .backup.saturating_add(VERSIONS)
    )]
    Behind { backup: u64, here: u64 },
    #[error("the backup contains a file that does not belong into a backup: {0}")]
    Foreign(String),
    #[error(
        "the cluster failed, and has a part of the backup now: clear it and the data folder's emoji, then restore again"
    )]
    Half(#[source] StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fill(#[from] FillError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot make the folder {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Reads a backup to its end: its header and its contents. Blocks on the disk.
pub(super) fn check(path: &Path) -> Result<(Header, Counts), RestoreError> {
    check_each(path, |_| Ok(()))
}

fn check_each(
    path: &Path,
    mut file: impl FnMut(&str) -> Result<(), RestoreError>,
) -> Result<(Header, Counts), RestoreError> {
    let mut archive = open(path)?;
    loop {
        match archive.next()? {
            Item::File { name, .. } if !is_ours(&name) => return Err(RestoreError::Foreign(name)),
            Item::File { name, .. } => file(&name)?,
            Item::Entry(..) => {}
            Item::End(counts) => return Ok((archive.header().clone(), counts)),
        }
    }
}

fn open(path: &Path) -> Result<Decoder<BufReader<File>>, RestoreError> {
    let file = File::open(path).map_err(|source| RestoreError::Open { path: path.to_owned(), source })?;
    Ok(Decoder::open(BufReader::new(file))?)
}

/// Restores a backup into a data folder, and into the cluster where there is one. Blocks on the disk in between.
pub(super) async fn restore(
    path: &Path,
    data_dir: &Path,
    cluster: Option<&Store>,
) -> Result<Counts, RestoreError> {
    let absent = |name: &str| {
        let file = data_dir.join(name);
        if file.exists() { Err(RestoreError::Exists(file)) } else { Ok(()) }
    };
    FILES.into_iter().chain([embedded::FILE_NAME]).try_for_each(absent)?;
    let (header, counts) = check_each(path, absent)?;
    if let Some(cluster) = cluster {
        room_for(&header, cluster).await?;
    }
    // The identity comes last, and with it the origin can be started: not before all else is there.
    let held = pictures(path, data_dir)?;
    match cluster {
        Some(cluster) => fill(cluster, path).await?,
        None => {
            let mut archive = open(path)?;
            let entries = std::iter::from_fn(|| {
                loop {
                    match archive.next() {
                        Ok(Item::Entry(key, value)) => return Some(Ok((key, value))),
                        Ok(Item::File { .. }) => {}
                        Ok(Item::End(_)) => return None,
                        Err(error) => return Some(Err(io::Error::other(error))),
                    }
                }
            });
            embedded::fill(data_dir, header.store_version.saturating_add(VERSIONS), entries)?;
        }
    }
    identity(held, data_dir)?;
    Ok(counts)
}

/// Checks that a cluster can take the backup: it is empty, and its next writes sort after the backup's.
async fn room_for(header: &Header, cluster: &Store) -> Result<(), RestoreError> {
    let mut snapshot = cluster.snapshot().await?;
    if snapshot.next().await?.is_some_and(|page| !page.entries.is_empty()) {
        return Err(RestoreError::NotEmpty);
    }
    match (header.store_version, snapshot.version()) {
        (backup, here) if here <= backup => Err(RestoreError::Behind { backup, here }),
        _ => Ok(()),
    }
}

async fn fill(cluster: &Store, path: &Path) -> Result<(), RestoreError> {
    let mut archive = open(path)?;
    let (mut batch, mut bytes, mut items) = (Batch::new(), 0, 0);
    loop {
        let item = archive.next()?;
        let is_end = matches!(item, Item::End(_));
        if let Item::Entry(key, value) = item {
            bytes += key.as_bytes().len() + value.len();
            items += 1;
            batch = batch.set(key, value);
        }
        if items > 0 && (is_end || bytes > BATCH_BYTES || items == BATCH_ITEMS) {
            let full = std::mem::take(&mut batch);
            cluster.commit(full).await.map_err(RestoreError::Half)?;
            (bytes, items) = (0, 0);
        }
        if is_end {
            return Ok(());
        }
    }
}

/// Writes the pictures of a backup, and returns its other files, of which there are few.
fn pictures(path: &Path, data_dir: &Path) -> Result<Vec<(String, Vec<u8>)>, RestoreError> {
    folder(data_dir)?;
    let (mut archive, mut others) = (open(path)?, Vec::new());
    loop {
        match archive.next()? {
            // Checked before, and the file may be another one by now.
            Item::File { name, .. } if !is_ours(&name) => return Err(RestoreError::Foreign(name)),
            Item::File { name, bytes } if name.contains('/') => {
                folder(&data_dir.join(emoji::FOLDER))?;
                write_private(&data_dir.join(name), &bytes)?;
            }
            Item::File { name, bytes } => others.push((name, bytes)),
            Item::Entry(..) => {}
            Item::End(_) => return Ok(others),
        }
    }
}

/// Writes the other files: first where streams are, moved on, and the identity last.
fn identity(mut files: Vec<(String, Vec<u8>)>, data_dir: &Path) -> Result<(), RestoreError> {
    let place = |name: &str| FILES.iter().position(|file| *file == name);
    files.sort_by_key(|(name, _)| std::cmp::Reverse(place(name)));
    for (name, bytes) in files {
        let file = data_dir.join(&name);
        if name == state::FILE_NAME {
            state::write_moved(&file, &bytes, EPOCHS, SEGMENTS)?;
        } else {
            write_private(&file, &bytes)?;
        }
    }
    Ok(())
}

fn folder(path: &Path) -> Result<(), RestoreError> {
    std::fs::create_dir_all(path).map_err(|source| RestoreError::Folder { path: path.to_owned(), source })
}
