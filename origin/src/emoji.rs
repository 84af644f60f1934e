//! Pictures for the chat, from a folder of the origin: `<data_dir>/emoji`.
//!
//! Place in the flow: what is there goes to the store, from where edges serve it; a file that comes, changes or goes is seen
//! within [`LOOK_EVERY`]. Subfolders, files that are no pictures or too large, and those beyond [`MAX_EMOJI`] are left out, with
//! a warning.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use farcast_shared::runtime::{self, Asset, AssetHash, Emoji, Field, remove_asset, save_asset};
use farcast_shared::store::{Batch, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

/// Name of the folder in the data folder.
pub const FOLDER: &str = "emoji";

/// How often the folder is looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Most pictures: their list is one value of the store.
pub const MAX_EMOJI: usize = 300;
/// Largest picture in bytes.
const MAX_BYTES: u64 = 256 * 1024;
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

/// What is seen of a file without reading it.
type Glance = BTreeMap<String, (u64, SystemTime)>;

/// A picture as it was read.
#[derive(Clone, Debug)]
struct Picture {
    name: String,
    file: String,
    content_type: &'static str,
    bytes: Bytes,
}

/// Follows the folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    store: Store,
    /// What was seen when the store was brought up to date.
    seen: Option<Glance>,
}

impl Folder {
    /// The folder at `path`, which need not be there.
    #[must_use]
    pub fn new(path: PathBuf, store: Store) -> Self {
        Self { path, store, seen: None }
    }

    /// Keeps the store as the folder is. Runs until dropped, which is always allowed.
    pub async fn run(mut self) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tick.tick().await;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the emoji cannot be stored, this is tried again");
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let path = self.path.clone();
        let glance = tokio::task::spawn_blocking(move || glance(&path)).await.unwrap_or_default();
        if self.seen.as_ref() == Some(&glance) {
            return Ok(());
        }
        let (path, names) = (self.path.clone(), glance.keys().cloned().collect::<Vec<_>>());
        let pictures = tokio::task::spawn_blocking(move || read(&path, names)).await.unwrap_or_default();
        store(&self.store, pictures).await?;
        self.seen = Some(glance);
        Ok(())
    }
}

fn glance(folder: &Path) -> Glance {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let file = |entry: fs::DirEntry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        Some((name, (about.len(), about.modified().unwrap_or(SystemTime::UNIX_EPOCH))))
    };
    entries.filter_map(file).collect()
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

fn picture(folder: &Path, file: &str) -> Result<Picture, &'static str> {
    let (name, ending) = file.rsplit_once('.').ok_or("it has no ending")?;
    let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '"' | '<' | '>' | '%' | '?' | '#');
    if name.is_empty() || file.len() > MAX_NAME_BYTES || !file.chars().all(plain) {
        return Err("its name is too long or has special characters");
    }
    let ending = ending.to_ascii_lowercase();
    let (_, content_type, begins) =
        TYPES.iter().find(|(known, ..)| *known == ending).ok_or("it is no gif, png, jpg, webp or svg")?;
    let path = folder.join(file);
    if fs::metadata(&path).map_err(|_| "it cannot be read")?.len() > MAX_BYTES {
        return Err("it is larger than 256 KiB");
    }
    let bytes = fs::read(&path).map_err(|_| "it cannot be read")?;
    if bytes.is_empty() || !bytes.starts_with(begins) {
        return Err("its content is not what its ending says");
    }
    Ok(Picture { name: name.to_owned(), file: file.to_owned(), content_type, bytes: bytes.into() })
}

/// Brings the store to these pictures: first their bytes, one at a time, then the list, then away with what is not used.
async fn store(store: &Store, pictures: Vec<Picture>) -> Result<(), StoreError> {
    let set = runtime::load(store).await?;
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
    store.commit(runtime::change(Batch::new(), Field("emoji"), &emoji)?).await?;
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
    use farcast_shared::runtime::load_asset;
    use farcast_shared::store::memory::Memory;

    use super::*;

    const GIF: &[u8] = b"GIF89a and more";

    #[tokio::test]
    async fn the_store_has_what_the_folder_has() {
        let folder = tempfile::tempdir().unwrap();
        let (store, engine) = Memory::store();
        let mut emoji = Folder::new(folder.path().to_owned(), store.clone());
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let names = async || {
            let listed = runtime::load(&store).await.unwrap().emoji;
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
        let listed = runtime::load(&store).await.unwrap().emoji;
        assert_eq!(load_asset(&store, &listed[0].asset).await.unwrap().as_deref(), Some(GIF));
        // Nothing new costs nothing.
        let commits = engine.commits();
        emoji.look().await.unwrap();
        assert_eq!(engine.commits(), commits);
        // One goes, and what it was goes too; a failure is made up for.
        fs::remove_file(folder.path().join("beer.gif")).unwrap();
        engine.fail(true);
        assert!(emoji.look().await.is_err());
        engine.fail(false);
        emoji.look().await.unwrap();
        assert_eq!(names().await, ["wine"]);
        assert_eq!(load_asset(&store, &listed[0].asset).await.unwrap(), None);
        fs::remove_dir_all(folder.path()).unwrap();
        emoji.look().await.unwrap();
        assert_eq!(names().await, Vec::<String>::new());
    }
}
