//! The last steps when all tasks have ended: giving the channel back, and the last writes.

use std::sync::Arc;
use std::time::Duration;

use farcast_service::tasks::{Failed, Stopped};
use farcast_store::Store;

use crate::standby::Tenure;
use crate::state::Saver;

/// Longest time for the disk to write the last state.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// Longest time for that and for the closing of the store together.
const LAST_CLOSE: Duration = Duration::from_secs(10);

/// Ends an origin whose tasks have stopped. `store` must be its last handle. Not cancel safe.
///
/// # Errors
/// A task failed, another origin has taken over, or the last state could not be written.
pub(super) async fn finish(
    stopped: Result<Stopped, Failed>,
    tenure: Option<Tenure>,
    store: Store,
    saver: Arc<Saver>,
) -> anyhow::Result<()> {
    if stopped == Ok(Stopped::AtOnce) {
        tracing::warn!("origin stops without draining");
        return Ok(());
    }
    let given_back = match tenure {
        Some(tenure) => tenure.end().await,
        None => Ok(()),
    };
    // The last handle of the store goes with it, which closes its file. After a failure too: the next start goes on here.
    let close = move || {
        drop(store);
        saver.flush(LAST_WRITE)
    };
    let closed = tokio::time::timeout(LAST_CLOSE, tokio::task::spawn_blocking(close)).await;
    let written = matches!(closed, Ok(Ok(true)));
    if !written {
        tracing::error!("the state could not be written in time; segment numbers may jump at the next start");
    }
    stopped?;
    given_back?;
    anyhow::ensure!(written, "the state could not be written in time");
    tracing::info!("origin has stopped");
    Ok(())
}
