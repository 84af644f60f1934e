//! Pictures for the chat, as the admin's page adds and removes them. [`crate::emoji`] keeps them.

use farcast_api::body::{self, null_is_zero};
use farcast_api::{Reply, reply};
use farcast_store::StoreError;
use http::StatusCode;
use serde::Deserialize;

use super::logo;
use crate::emoji::{Folder, NotChanged};

/// Most bytes of a body: a data URI of the largest picture, and its name.
pub(super) const MAX_BODY_BYTES: usize = 512 * 1024;

#[derive(Deserialize)]
struct NewPicture {
    #[serde(deserialize_with = "null_is_zero")]
    name: String,
    #[serde(deserialize_with = "null_is_zero")]
    data: String,
}

#[derive(Deserialize)]
struct OldPicture {
    #[serde(deserialize_with = "null_is_zero")]
    name: String,
}

/// The name of a file: Owncast's page sends the path behind its folder's. What is left is checked by who writes it.
fn file(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

pub(super) async fn add(folder: &Folder, body: &[u8]) -> Result<Reply, StoreError> {
    let NewPicture { name, data } = match body::json(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let bytes = match logo::data_uri(&data) {
        Ok((kind, bytes)) if kind.starts_with("image/") => bytes,
        Ok(_) => return Ok(reply::bad_request("this is no picture")),
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let file = file(&name);
    let added = folder.add(file, bytes.into()).await;
    told(added, || format!("Emoji {file:?} has been uploaded"))
}

pub(super) async fn remove(folder: &Folder, body: &[u8]) -> Result<Reply, StoreError> {
    let OldPicture { name } = match body::json(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let file = file(&name);
    let removed = folder.remove(file).await;
    told(removed, || format!("Emoji {file:?} has been deleted"))
}

fn told(changed: Result<(), NotChanged>, done: impl FnOnce() -> String) -> Result<Reply, StoreError> {
    match changed {
        Ok(()) => Ok(reply::done(&done())),
        Err(NotChanged::Store(error)) => Err(error),
        Err(NotChanged::Disk(error)) => {
            tracing::error!(%error, "the folder of the emoji cannot be written");
            Ok(reply::refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the folder of the emoji cannot be written, see the log",
            ))
        }
        Err(refused) => Ok(reply::bad_request(&refused.to_string())),
    }
}
