//! A document held against what is here: what would change, what stays and why.
//!
//! What an admin has set here stays, unless it is to be overwritten. Values that the admin API would refuse are left out, each
//! with its reason; of a list only the entries that it would refuse.

mod bans;
mod credentials;
mod history;
mod settings;
mod tokens;
mod users;
mod webhooks;

use farcast_feed::time::WallTime;
use farcast_store::{Store, StoreError};

use super::document::Document;
use super::plan::Plan;
use crate::http_client::Reach;

pub(super) use settings::SETTINGS;

/// Where a document is to be taken over, and how.
#[derive(Clone, Debug)]
pub(super) struct Here {
    pub(super) store: Store,
    /// True if stream keys may be short.
    pub(super) short_keys: bool,
    /// Where receivers of webhooks may be.
    pub(super) reach: Reach,
    /// True if what was set here gives way.
    pub(super) overwrite: bool,
    /// True if an origin is running: what it adds to the chat is told to everybody.
    pub(super) is_running: bool,
    pub(super) now: WallTime,
}

/// What the document would change.
///
/// # Errors
/// When the store fails.
pub(super) async fn plan(document: &Document, here: &Here) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    settings::compare(&document.settings, here, &mut plan).await?;
    credentials::compare(document, here, &mut plan).await?;
    users::compare(&document.users, here, &mut plan).await?;
    tokens::compare(&document.access_tokens, here, &mut plan).await?;
    // Before webhooks, which are not told of what was said elsewhere.
    history::compare(document, here, &mut plan).await?;
    webhooks::compare(&document.webhooks, here, &mut plan).await?;
    bans::compare(&document.bans, here, &mut plan).await?;
    users::tell(&mut plan)?;
    Ok(plan)
}
