//! Pictures for the chat, from a folder of the origin: `<data_dir>/emoji`.
//!
//! Place in the flow: what is there goes to the store, from where edges serve it; a file that comes, changes or goes is seen
//! within [`LOOK_EVERY`], and at once where the admin's page adds or removes it ([`Folder::add`]). Subfolders, files that are no pictures or too large, and those beyond [`MAX_EMOJI`] are left out, with
//! a warning.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use farcast_chat::name;
use farcast_settings::{Asset, AssetHash, Emoji, Field, remove_asset, save_asset};
use farcast_store::{Batch, Store, StoreError};
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};

/// Name of the folder in the data folder.
pub const FOLDER: &str = "emoji";

/// Interval at which the folder is read.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Most pictures: their list is one value of the store.
pub const MAX_EMOJI: usize = 300;
/// Largest picture in bytes.
pub const MAX_BYTES: u64 = 256 * 1024;
/// Longest name of a file in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Endings of pictures, with their media type and how their content begins. SVG begins as it likes.
const TYPES: [(&str, &str, &[u8]); 6] = [
    ("gif", "image/gif", b"GIF8"),
    ("png", "image/png", b"\x89PNG\r\n\x1a\n"),
    ("jpg", "image/jpeg", b"\xff\xd8\xff"),
    ("jpeg", "image/jpeg", b"\xff\xd8\xff"),
    ("webp", "image/webp", b"RIFF"),
    ("svg", "image/svg+xml", b""),
];

/// The state of files without reading them.
type Glance = BTreeMap<String, (u64, SystemTime)>;

/// A picture as it was read.
#[derive(Clone, Debug)]
struct Picture {
    name: String,
    file: String,
    content_type: &'static str,
    bytes: Bytes,
}

/// Follows the folder. Shared by the task that follows it and the requests that change it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    store: Store,
    /// The state of the folder when the store was last brought up to date. Held while files are written, so that none
    /// is read half.
    seen: Mutex<Option<Glance>>,
}

/// The reason why a picture was not added or removed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The file is not allowed.
    #[error("{0}")]
    Unfit(&'static str),
    /// The name is taken.
    #[error("An emoji with the name {0:?} already exists")]
    There(String),
    /// The picture does not exist.
    #[error("File {0:?} doesn't exist")]
    Missing(String),
    /// The number of pictures is at its limit.
    #[error("there are {MAX_EMOJI} emoji: delete one first")]
    TooMany,
    /// The disk failed.
    #[error("the folder of the emoji cannot be written")]
    Disk(#[source] io::Error),
    /// The store failed. The file is as was wished; the store follows.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Folder {
    /// The folder at `path`, which need not be there.
    #[must_use]
    pub fn new(path: PathBuf, store: Store) -> Self {
        Self { path, store, seen: Mutex::default() }
    }

    /// Keeps the store as the folder is. Runs until dropped, which is always allowed.
    pub async fn run(self: Arc<Self>) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tick.tick().await;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the emoji cannot be stored, this is tried again");
            }
        }
    }

    /// Adds a picture, which edges can be asked for when this returns. Cancel safe; it may then have been added.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn add(&self, file: &str, bytes: Bytes) -> Result<(), NotChanged> {
        check(file, bytes.len()).and_then(|found| found.fits(&bytes)).map_err(NotChanged::Unfit)?;
        let mut seen = self.seen.lock().await;
        let (path, file) = (self.path.clone(), file.to_owned());
        blocking(move || add(&path, file, &bytes)).await?;
        Ok(self.bring(&mut seen).await?)
    }

    /// Removes a picture. Cancel safe; it may then have been removed.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn remove(&self, file: &str) -> Result<(), NotChanged> {
        check(file, 0).map_err(|_| NotChanged::Missing(file.to_owned()))?;
        let mut seen = self.seen.lock().await;
        let (path, file) = (self.path.clone(), file.to_owned());
        blocking(move || match fs::remove_file(path.join(&file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NotChanged::Missing(file)),
            removed => removed.map_err(NotChanged::Disk),
        })
        .await?;
        Ok(self.bring(&mut seen).await?)
    }

    async fn look(&self) -> Result<(), StoreError> {
        let mut seen = self.seen.lock().await;
        self.bring(&mut seen).await
    }

    async fn bring(&self, seen: &mut Option<Glance>) -> Result<(), StoreError> {
        let path = self.path.clone();
        let glance = tokio::task::spawn_blocking(move || glance(&path)).await;
        let glance = glance.map_err(unread)?.map_err(unread)?;
        if seen.as_ref() == Some(&glance) {
            return Ok(());
        }
        let (path, names) = (self.path.clone(), glance.keys().cloned().collect::<Vec<_>>());
        let pictures = tokio::task::spawn_blocking(move || read(&path, names)).await.map_err(unread)?;
        store(&self.store, pictures).await?;
        *seen = Some(glance);
        Ok(())
    }
}

/// The store is left unchanged where the folder cannot be read; the log has the reason.
fn unread(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("the folder of emoji was not read: {error}"))
}

async fn blocking(work: impl FnOnce() -> Result<(), NotChanged> + Send + 'static) -> Result<(), NotChanged> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(NotChanged::Disk(io::Error::other(error))))
}

fn add(folder: &Path, file: String, bytes: &[u8]) -> Result<(), NotChanged> {
    fs::create_dir_all(folder).map_err(NotChanged::Disk)?;
    if glance(folder).map_err(NotChanged::Disk)?.len() >= MAX_EMOJI {
        return Err(NotChanged::TooMany);
    }
    let path = folder.join(&file);
    let mut new = match fs::File::options().write(true).create_new(true).open(&path) {
        Ok(new) => new,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(NotChanged::There(file)),
        Err(error) => return Err(NotChanged::Disk(error)),
    };
    let written = new.write_all(bytes).and_then(|()| new.sync_all());
    written.map_err(|error| {
        // A partial file is no picture.
        let _ = fs::remove_file(&path);
        NotChanged::Disk(error)
    })
}

/// The reason why a file cannot be a picture, if it cannot.
pub(crate) fn unfit(file: &str, bytes: &[u8]) -> Option<&'static str> {
    check(file, bytes.len()).and_then(|found| found.fits(bytes)).err()
}

/// Writes a picture that is not [`unfit`] into the folder at once, so that nobody reads a part of it; one of its name gives
/// way. The origin that runs takes it within [`LOOK_EVERY`].
///
/// # Errors
/// When the disk fails.
pub(crate) fn write(folder: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // What begins so is no picture.
    let part = folder.join(format!(".{file}.part"));
    let written = fs::File::create(&part).and_then(|mut new| {
        new.write_all(bytes)?;
        new.sync_all()?;
        fs::rename(&part, folder.join(file))
    });
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// The pictures in the folder; none if it is not there. A folder that cannot be read, for want of descriptors say, is
/// not empty.
fn glance(folder: &Path) -> io::Result<Glance> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Glance::default()),
        entries => entries?,
    };
    let file = |entry: fs::DirEntry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        Some((name, (about.len(), about.modified().unwrap_or(SystemTime::UNIX_EPOCH))))
    };
    entries.filter_map(|entry| entry.map(file).transpose()).collect()
}

/// The pictures among files, in the order of their names.
fn read(folder: &Path, names: Vec<String>) -> Vec<Picture> {
    let mut pictures = Vec::new();
    for file in names {
        match picture(folder, &file) {
            Ok(picture) if pictures.len() < MAX_EMOJI => pictures.push(picture),
            Ok(_) => {
                tracing::warn!(file, limit = MAX_EMOJI, "there are too many emoji, this one is left out")
            }
            Err(reason) => tracing::warn!(file, reason, "a file among the emoji is left out"),
        }
    }
    pictures
}

/// A file's type, by its name.
struct Found<'f> {
    name: &'f str,
    content_type: &'static str,
    begins: &'static [u8],
}

/// Looks at a file's name and length.
fn check(file: &str, len: usize) -> Result<Found<'_>, &'static str> {
    let (name, ending) = file.rsplit_once('.').ok_or("it has no ending")?;
    let plain = |c: char| !matches!(c, '/' | '\\' | '"' | '<' | '>' | '%' | '?' | '#');
    if name.is_empty()
        || name.starts_with('.')
        || file.len() > MAX_NAME_BYTES
        || !file.chars().all(plain)
        || !name::is_shown(file)
    {
        return Err("its name is too long, or has special characters or such as cannot be seen");
    }
    let ending = ending.to_ascii_lowercase();
    let &(_, content_type, begins) =
        TYPES.iter().find(|(known, ..)| *known == ending).ok_or("it is no gif, png, jpg, webp or svg")?;
    if u64::try_from(len).is_ok_and(|len| len > MAX_BYTES) {
        return Err("it is larger than 256 KiB");
    }
    Ok(Found { name, content_type, begins })
}

impl Found<'_> {
    /// Looks at its content.
    fn fits(&self, bytes: &[u8]) -> Result<(), &'static str> {
        if bytes.is_empty() || !bytes.starts_with(self.begins) {
            return Err("its content is not what its ending says");
        }
        Ok(())
    }
}

fn picture(folder: &Path, file: &str) -> Result<Picture, &'static str> {
    let path = folder.join(file);
    let len = fs::metadata(&path).map_err(|_| "it cannot be read")?.len();
    let found = check(file, usize::try_from(len).unwrap_or(usize::MAX))?;
    let bytes = fs::read(&path).map_err(|_| "it cannot be read")?;
    found.fits(&bytes)?;
    let Found { name, content_type, .. } = found;
    Ok(Picture { name: name.to_owned(), file: file.to_owned(), content_type, bytes: bytes.into() })
}

/// Brings the store to these pictures: first their bytes, one at a time, then the list, then deletes unused ones.
async fn store(store: &Store, pictures: Vec<Picture>) -> Result<(), StoreError> {
    let set = farcast_settings::load(store).await?;
    let (before, logo) = (set.emoji, set.logo);
    let known = |hash: AssetHash| before.iter().any(|emoji| emoji.asset.hash == hash);
    let mut emoji = Vec::with_capacity(pictures.len());
    for Picture { name, file, content_type, bytes } in pictures {
        let (batch, asset) = save_asset(Batch::new(), &file, content_type, &bytes);
        if !known(asset.hash) {
            store.commit(batch).await?;
        }
        emoji.push(Emoji { name, asset });
    }
    if emoji == before {
        return Ok(());
    }
    store.commit(farcast_settings::change(Batch::new(), Field("emoji"), &emoji)?).await?;
    tracing::info!(emoji = emoji.len(), "the emoji have changed");
    let is_used = |asset: &Asset| {
        emoji.iter().any(|emoji| emoji.asset.hash == asset.hash)
            || logo.as_ref().is_some_and(|logo| logo.hash == asset.hash)
    };
    for old in before.iter().filter(|emoji| !is_used(&emoji.asset)) {
        store.commit(remove_asset(Batch::new(), &old.asset)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use farcast_settings::load_asset;
    use farcast_store::memory::Memory;

    use super::*;

    const GIF: &[u8] = b"GIF89a and more";

    #[tokio::test]
    async fn the_store_has_what_the_folder_has() {
        let folder = tempfile::tempdir().unwrap();
        let (store, engine) = Memory::store();
        let emoji = Folder::new(folder.path().to_owned(), store.clone());
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let names = async || {
            let listed = farcast_settings::load(&store).await.unwrap().emoji;
            listed.into_iter().map(|emoji| emoji.name).collect::<Vec<_>>()
        };
        write("beer.gif", GIF);
        write("wine.GIF", b"GIF89a");
        write("fake.png", GIF);
        write("notes.txt", b"x");
        write("large.gif", &[GIF, &[0; 300_000]].concat());
        write(".hidden.gif", GIF);
        write("quote\".gif", GIF);
        fs::create_dir(folder.path().join("more.gif")).unwrap();
        emoji.look().await.unwrap();
        assert_eq!(names().await, ["beer", "wine"]);
        let listed = farcast_settings::load(&store).await.unwrap().emoji;
        assert_eq!(load_asset(&store, &listed[0].asset).await.unwrap().as_deref(), Some(GIF));
        // Nothing new costs nothing.
        let commits = engine.commits();
        emoji.look().await.unwrap();
        assert_eq!(engine.commits(), commits);
        // One is removed, and its bytes too; a failure is made up for.
        fs::remove_file(folder.path().join("beer.gif")).unwrap();
        engine.fail(true);
        assert!(emoji.look().await.is_err());
        engine.fail(false);
        emoji.look().await.unwrap();
        assert_eq!(names().await, ["wine"]);
        assert_eq!(load_asset(&store, &listed[0].asset).await.unwrap(), None);
        // A folder that cannot be read is not empty.
        fs::remove_dir_all(folder.path()).unwrap();
        fs::write(folder.path(), b"no folder").unwrap();
        assert!(emoji.look().await.is_err());
        assert_eq!(names().await, ["wine"]);
        fs::remove_file(folder.path()).unwrap();
        emoji.look().await.unwrap();
        assert_eq!(names().await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_picture_that_is_added_is_listed_at_once_and_one_that_is_removed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Memory::store();
        // It is made by the first picture.
        let emoji = Folder::new(folder.path().join("emoji"), store.clone());
        let names = async || {
            let listed = farcast_settings::load(&store).await.unwrap().emoji;
            listed.into_iter().map(|emoji| emoji.name).collect::<Vec<_>>()
        };
        let gif = || Bytes::from_static(GIF);
        emoji.add("beer.gif", gif()).await.unwrap();
        emoji.add("👩‍🚀.svg", Bytes::from_static(b"<svg/>")).await.unwrap();
        assert_eq!(names().await, ["beer", "👩‍🚀"]);
        assert!(matches!(emoji.add("beer.gif", gif()).await, Err(NotChanged::There(_))));
        for (file, bytes) in [
            ("../beer.gif", gif()),
            ("a/b.gif", gif()),
            ("..\\b.gif", gif()),
            (".hidden.gif", gif()),
            ("..gif", gif()),
            ("gif", gif()),
            ("a.exe", gif()),
            ("a.png", gif()),
            ("a.gif", Bytes::new()),
            ("a\u{202e}b.gif", gif()),
            ("a\0.gif", gif()),
            ("\u{200b}.gif", gif()),
            ("large.gif", [GIF, &[0; 300_000]].concat().into()),
        ] {
            assert!(matches!(emoji.add(file, bytes).await, Err(NotChanged::Unfit(_))), "{file:?}");
            assert!(matches!(emoji.remove(file).await, Err(NotChanged::Missing(_))), "{file:?}");
        }
        assert_eq!(fs::read_dir(folder.path().join("emoji")).unwrap().count(), 2);
        emoji.remove("beer.gif").await.unwrap();
        assert_eq!(names().await, ["👩‍🚀"]);
        assert!(matches!(emoji.remove("beer.gif").await, Err(NotChanged::Missing(_))));
        // The rest up to the limit.
        for n in 1..MAX_EMOJI {
            fs::write(folder.path().join("emoji").join(format!("{n}.gif")), GIF).unwrap();
        }
        assert!(matches!(emoji.add("more.gif", gif()).await, Err(NotChanged::TooMany)));
    }
}
