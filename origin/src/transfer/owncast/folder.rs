//! Files beside the database: the logo, and pictures for the chat.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::database::Values;
use crate::admin::MAX_LOGO_BYTES;
use crate::emoji::{MAX_BYTES, MAX_EMOJI};
use crate::transfer::gob::Value;
use crate::transfer::plan::{Group, Plan};

/// Files of a folder that are looked at.
const MAX_FILES: usize = 5_000;
/// Folders within each other that are looked into: sets of emoji.
const MAX_DEPTH: u32 = 2;
/// Where pictures for the chat are: since 0.1 in the data folder, before beside it.
const EMOJI_FOLDERS: [&str; 2] = ["emoji", "../webroot/img/emoji"];

/// A picture for the chat.
#[derive(Clone, Debug)]
pub(in crate::transfer) struct Found {
    /// Its name, without folders.
    pub(in crate::transfer) file: String,
    pub(in crate::transfer) bytes: Bytes,
}

/// The logo as a data URI.
pub(super) fn logo(folder: &Path, values: &Values, left_out: &mut Plan) -> Option<String> {
    let value = values.get("logo_path").and_then(|value| value.as_ref().ok());
    let file = value.and_then(Value::text).filter(|file| !file.is_empty())?;
    let mut leave = |why: String| {
        left_out.skipped(Group::Settings, "logo", format!("Owncast's {file:?}: {why}"));
        None
    };
    if file.contains(['/', '\\', '\0']) || file.starts_with('.') {
        return leave("it is no file of the data folder".to_owned());
    }
    let kind = match file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => return leave("it is no svg, png, gif or jpeg".to_owned()),
    };
    match bounded(&folder.join(file), MAX_LOGO_BYTES) {
        Ok(bytes) => Some(format!("data:{kind};base64,{}", STANDARD.encode(bytes))),
        Err(error) => leave(error.to_string()),
    }
}

/// A file's bytes, if it is an ordinary one of at most so many.
fn bounded(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let about = fs::symlink_metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if usize::try_from(about.len()).map_or(true, |length| length > most) {
        return Err(io::Error::other(format!("it is larger than {} KiB", most / 1024)));
    }
    fs::read(path)
}

/// The pictures for the chat: those of the folder itself first, then those of folders in it.
pub(super) fn emoji(folder: &Path, left_out: &mut Plan) -> Vec<Found> {
    let mut files = Vec::new();
    for place in EMOJI_FOLDERS {
        collect(&folder.join(place), 0, &mut files);
        if !files.is_empty() {
            break;
        }
    }
    files.sort_by(|(a, b), (c, d)| (a, b).cmp(&(c, d)));
    let (mut found, mut more) = (Vec::<Found>::new(), 0_usize);
    for (_, path) in files {
        let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if found.iter().any(|found| found.file == file) {
            left_out.skipped(Group::Emoji, file, "another folder has a picture of this name");
            continue;
        }
        if found.len() == MAX_EMOJI {
            more += 1;
            continue;
        }
        match bounded(&path, usize::try_from(MAX_BYTES).unwrap_or(usize::MAX)) {
            Ok(bytes) => found.push(Found { file: file.to_owned(), bytes: bytes.into() }),
            Err(error) => left_out.skipped(Group::Emoji, file, error.to_string()),
        }
    }
    if more > 0 {
        left_out.skipped(Group::Emoji, format!("{more} pictures"), format!("there are {MAX_EMOJI} at most"));
    }
    found
}

/// Files, each with the depth of its folder.
fn collect(folder: &Path, depth: u32, files: &mut Vec<(u32, PathBuf)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().take(MAX_FILES) {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        match entry.file_type() {
            Ok(kind) if kind.is_file() && !hidden && files.len() < MAX_FILES => {
                files.push((depth, entry.path()))
            }
            Ok(kind) if kind.is_dir() && !hidden && depth < MAX_DEPTH => {
                collect(&entry.path(), depth + 1, files)
            }
            _ => {}
        }
    }
}
