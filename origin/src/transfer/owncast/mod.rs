//! Reading an Owncast server: its database, and the files beside it.
//!
//! Place in the flow: [`database`] reads rows, [`config`] and [`people`] make settings, users, bots and lines of them,
//! [`folder`] finds pictures. The result is a document as `farcast-origin export` writes one, with what could not be read, and
//! why. Of the formats only what was seen in Owncast 0.0.6 to 0.3 is relied on: a table or column that is missing is one of
//! another version.
//!
//! Invariant: the database is never written, nor is anything beside it: a copy of it is read.

mod config;
mod database;
mod folder;
mod people;

use std::path::{Path, PathBuf};

pub(super) use database::DatabaseError;
pub(super) use folder::Found as FoundPicture;

use super::document::Document;
use super::plan::{Group, Plan};
use database::Database;

/// Name of the database in Owncast's data folder.
const FILE: &str = "owncast.db";

/// What an Owncast server had.
pub(super) struct Read {
    pub(super) document: Document,
    /// What was left out, and why.
    pub(super) left_out: Plan,
    /// Pictures for the chat.
    pub(super) emoji: Vec<FoundPicture>,
}

/// Reads the database at `path`, or in the data folder at `path`. Blocks on the disk.
///
/// # Errors
/// [`DatabaseError`].
pub(super) fn read(path: &Path) -> Result<Read, DatabaseError> {
    let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    let database = Database::open(&file)?;
    let folder: PathBuf = file.parent().map(Path::to_owned).unwrap_or_default();
    let mut document = Document::new("Owncast".to_owned());
    let mut left_out = Plan::default();
    let values = database.values()?;
    config::settings(&values, &mut document, &mut left_out);
    config::credentials(&values, &mut document, &mut left_out);
    if let Some(logo) = folder::logo(&folder, &values, &mut left_out) {
        document.settings.insert("logo".to_owned(), logo.into());
    }
    people::read(&database, &mut document, &mut left_out)?;
    let emoji = folder::emoji(&folder, &mut left_out);
    if folder.join("public").read_dir().is_ok_and(|mut files| files.next().is_some()) {
        left_out.skipped(
            Group::Elsewhere,
            "files of the folder public",
            "there is no such folder here: put them on a web server and change the links to them",
        );
    }
    Ok(Read { document, left_out, emoji })
}
