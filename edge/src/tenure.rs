//! The time in which this process is the edge: from its predecessor's end to its successor's begin. Without either that is
//! all of its life.
//!
//! Place in the flow: the program begins and ends it ([`crate::app`]); what only one of two processes may do asks for it:
//! accepting connections, answering DNS, announcing this edge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// See the module. Clones are one.
#[derive(Clone, Debug)]
pub struct Tenure {
    begun: CancellationToken,
    ended: CancellationToken,
    beat: Arc<Beat>,
}

#[derive(Debug)]
struct Beat {
    run: AtomicU64,
    renewal: AtomicU64,
}

/// What a successor goes on with, so that all others see one edge that was never away. All fields have defaults: the other
/// process is of another version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Carried {
    /// The run in the edge's record.
    run: u64,
    /// The last renewal of the record.
    renewal: u64,
}

impl Default for Tenure {
    fn default() -> Self {
        let beat = Beat { run: AtomicU64::new(rand::random()), renewal: AtomicU64::new(0) };
        Self { begun: CancellationToken::new(), ended: CancellationToken::new(), beat: Arc::new(beat) }
    }
}

impl Tenure {
    /// One that has begun.
    #[must_use]
    pub fn begun() -> Self {
        let tenure = Self::default();
        tenure.begin(None);
        tenure
    }

    /// It begins, after that of a predecessor.
    pub fn begin(&self, after: Option<Carried>) {
        if let Some(Carried { run, renewal }) = after.filter(|carried| carried.run != 0) {
            self.beat.run.store(run, Ordering::Relaxed);
            self.beat.renewal.store(renewal, Ordering::Relaxed);
        }
        self.begun.cancel();
    }

    /// It ends.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// What a successor goes on with.
    #[must_use]
    pub fn carried(&self) -> Carried {
        let Beat { run, renewal } = &*self.beat;
        Carried { run: run.load(Ordering::Relaxed), renewal: renewal.load(Ordering::Relaxed) }
    }

    /// Cancelled when it ends.
    #[must_use]
    pub fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Run and number of the next renewal of the edge's record.
    pub(crate) fn next_beat(&self) -> (u64, u64) {
        let renewal = self.beat.renewal.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        (self.beat.run.load(Ordering::Relaxed), renewal)
    }

    /// Waits until it begins. False if `stop` comes before.
    pub async fn wait(&self, stop: &CancellationToken) -> bool {
        stop.run_until_cancelled(self.begun.cancelled()).await.is_some()
    }

    /// Runs `work` from the begin to the end, or to `stop`, and ends with `stop`. Work that ends by itself is passed on.
    pub async fn within<F: Future<Output = ()>>(
        &self,
        stop: CancellationToken,
        work: impl FnOnce(CancellationToken) -> F,
    ) {
        if !self.wait(&stop).await {
            return;
        }
        let until = stop.child_token();
        let mut work = std::pin::pin!(work(until.clone()));
        tokio::select! {
            () = &mut work => return,
            () = self.ended.cancelled() => {}
        }
        until.cancel();
        work.await;
        stop.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_successor_goes_on_with_the_run_of_its_predecessor() {
        let (first, second) = (Tenure::begun(), Tenure::default());
        let (run, _) = first.next_beat();
        assert_eq!(first.next_beat(), (run, 2));
        let text = serde_json::to_string(&first.carried()).unwrap();
        second.begin(serde_json::from_str(&text).ok());
        assert_eq!(second.next_beat(), (run, 3));
        // An older version passes nothing on.
        let third = Tenure::default();
        third.begin(serde_json::from_str("{}").ok());
        assert_ne!(third.next_beat().0, 0);
    }

    #[tokio::test]
    async fn work_is_done_between_begin_and_end_and_its_task_lasts_until_it_is_stopped() {
        let (tenure, stop, works) =
            (Tenure::default(), CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let (ours, until, flag) = (tenure.clone(), stop.clone(), Arc::clone(&works));
        let task = tokio::spawn(async move {
            let work = |until: CancellationToken| async move {
                flag.store(true, Ordering::SeqCst);
                until.cancelled().await;
                flag.store(false, Ordering::SeqCst);
            };
            ours.within(until, work).await;
        });
        let settle = || async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            works.load(Ordering::SeqCst)
        };
        assert!(!settle().await);
        tenure.begin(None);
        assert!(settle().await);
        tenure.end();
        assert!(!settle().await);
        assert!(!task.is_finished());
        stop.cancel();
        task.await.unwrap();
    }
}
