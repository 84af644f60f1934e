//! Doing it: in the origin that runs, which is asked over its control socket, or in the command while none runs.

use std::sync::Arc;

use farcast_feed::time::WallTime;
use farcast_store::{Store, StoreError};

use super::compare::{self, Here};
use super::document::{self, Document, DocumentError};
use super::export;
use super::plan::Plan;
use crate::credentials::Credentials;
use crate::http_client::Reach;
use crate::settings::Settings;

/// Tries of an import while others change what it was made from.
const TRIES: u32 = 8;

/// The reason why nothing, or not all, was moved. What was done stays, and is found done by the next run.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The document cannot be read.
    #[error("the document cannot be read")]
    Document(#[from] DocumentError),
    /// The store failed.
    #[error("the store failed: run the import again, which goes on with what is missing")]
    Store(#[from] StoreError),
    /// It has no form in JSON.
    #[error("it cannot be written")]
    Write(#[source] serde_json::Error),
}

/// How an import is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Only say what would change.
    pub dry_run: bool,
    /// What was set here gives way.
    pub overwrite: bool,
}

/// Exports and imports of a store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Transfers {
    store: Store,
    /// Those of the origin that runs, if one does.
    credentials: Option<Arc<Credentials>>,
    /// True if an origin may be running: nobody can know whether one does on a cluster.
    is_running: bool,
    short_keys: bool,
    reach: Reach,
    /// One import at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Transfers {
    /// Of a store; `credentials` of the origin that runs on it, if it is this process.
    #[must_use]
    pub fn new(store: Store, credentials: Option<Arc<Credentials>>, settings: &Settings) -> Self {
        let reach = if settings.webhook_private_addresses { Reach::Anywhere } else { Reach::Public };
        let is_running = credentials.is_some() || settings.store.cluster().is_some();
        let (short_keys, turn) = (settings.allow_short_keys, Arc::default());
        Self { store, credentials, is_running, short_keys, reach, turn }
    }

    /// Of a store, as the default settings have it.
    #[cfg(test)]
    pub(crate) fn of(store: Store) -> Self {
        let turn = Arc::default();
        Self { store, credentials: None, is_running: false, short_keys: false, reach: Reach::Public, turn }
    }

    /// What is set, as the text of a document.
    ///
    /// # Errors
    /// [`TransferError::Store`].
    pub async fn export(&self, with_secrets: bool) -> Result<String, TransferError> {
        let document = export::document(&self.store, with_secrets).await?;
        document::written(&document).map_err(TransferError::Write)
    }

    /// Takes over the text of a document; returns what was done, as JSON of the plan's lines. When the future is dropped, a part
    /// of it may be done.
    ///
    /// # Errors
    /// [`TransferError`].
    pub async fn import(&self, text: &[u8], options: Options) -> Result<String, TransferError> {
        let document = document::read(text)?;
        let plan = self.take_over(&document, options).await?;
        serde_json::to_string(&plan.lines).map_err(TransferError::Write)
    }

    /// As [`Self::import`], of a document that was read already. Returns the plan: where another change came between it was
    /// made anew, and has what was still missing then.
    pub(super) async fn take_over(
        &self,
        document: &Document,
        options: Options,
    ) -> Result<Plan, TransferError> {
        let _turn = self.turn.lock().await;
        let mut first = None;
        for _ in 0..TRIES {
            let plan = compare::plan(document, &self.here(options)).await?;
            if options.dry_run {
                return Ok(plan);
            }
            let done = self.apply(&plan).await;
            // What was planned first is what the import has done in all.
            let first = first.get_or_insert(plan);
            match done {
                Err(StoreError::Precondition { .. }) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    if let Some(credentials) = &self.credentials {
                        credentials.reload().await?;
                    }
                    if !first.changes_nothing() {
                        tracing::info!(made_by = document.made_by, "settings were imported");
                    }
                    return Ok(first.clone());
                }
            }
        }
        Err(StoreError::Unavailable("others change the same settings all the time".to_owned()).into())
    }

    fn here(&self, options: Options) -> Here {
        Here {
            store: self.store.clone(),
            short_keys: self.short_keys,
            reach: self.reach,
            overwrite: options.overwrite,
            is_running: self.is_running,
            now: WallTime::now(),
        }
    }

    async fn apply(&self, plan: &Plan) -> Result<(), StoreError> {
        for batch in &plan.batches {
            self.store.commit(batch.clone()).await?;
        }
        Ok(())
    }
}
