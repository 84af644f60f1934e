//! The thread that writes: group after group, until nobody can ask any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_feed::time::WallTime;
use farcast_service::tasks::hook;
use farcast_store::{Batch, Committed, StoreError};
use farcast_telemetry::throttle::Throttle;
use tokio::sync::{mpsc, oneshot};

use super::file::OpenFile;
use super::metrics::Metrics;
use super::transaction::{Applied, Transaction};

/// Most batches of a group: bounds how long one waits for others.
const GROUP_BATCHES: usize = 256;

/// Time after which a file that failed is opened again.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);
/// Interval of warnings about a failing file.
const COMPLAIN: Duration = Duration::from_secs(30);

/// A batch that waits, and its waiter.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) batch: Arc<Batch>,
    pub(super) arrived: Instant,
    pub(super) reply: oneshot::Sender<Result<Committed, StoreError>>,
}

/// The failure of a group.
enum Failed {
    /// Nothing of it was applied.
    Before(redb::Error),
    /// The group may have been applied.
    During(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

/// Writes requested batches until the last sender is gone.
pub(super) fn run(file: &OpenFile, mut requests: mpsc::Receiver<Request>, metrics: &Metrics) {
    let mut complaints = Throttle::new(COMPLAIN);
    let mut group = Vec::with_capacity(GROUP_BATCHES);
    while requests.blocking_recv_many(&mut group, GROUP_BATCHES) > 0 {
        hook::point("store_writer");
        metrics.group_batches.observe(f64::from(u16::try_from(group.len()).unwrap_or(u16::MAX)));
        let outcomes = commit(file, &group).unwrap_or_else(|failed| {
            metrics.failures.inc();
            let text = "the store's disk failed".to_owned();
            let (error, outcome) = match failed {
                Failed::Before(error) => (error, StoreError::Unavailable(text)),
                Failed::During(error) => (error, StoreError::Unknown(text)),
            };
            if let Some(suppressed) = complaints.admit(Instant::now()) {
                tracing::error!(%error, suppressed, "the store cannot be written");
            }
            file.reopen(REOPEN_PAUSE);
            vec![Err(outcome); group.len()]
        });
        for (request, outcome) in group.drain(..).zip(outcomes) {
            metrics.commit_seconds.observe(request.arrived.elapsed().as_secs_f64());
            // The caller may have gone.
            let _ = request.reply.send(outcome);
        }
    }
}

/// Applies a group in one transaction and makes it durable.
fn commit(file: &OpenFile, group: &[Request]) -> Result<Vec<Result<Committed, StoreError>>, Failed> {
    let closed = || redb::Error::Corrupted("it could not be opened again".to_owned());
    let transaction = file.database().map_err(|_| closed())?.begin_write()?;
    let now = WallTime::now();
    let (outcomes, changes) = {
        let mut tables = Transaction::begin(&transaction)?;
        let apply = |request: &Request| tables.apply(&request.batch, now);
        let outcomes = group.iter().map(apply).collect::<Result<Vec<_>, _>>()?;
        (outcomes, tables.changes)
    };
    if outcomes.iter().any(|outcome| matches!(outcome, Applied::Done(_))) {
        transaction.commit().map_err(|error| Failed::During(error.into()))?;
    } else {
        transaction.abort()?;
    }
    file.watches.wake(&changes);
    Ok(outcomes.into_iter().map(Applied::told).collect())
}
