//! Request coalescing: a read that is done once for all callers at the same time, so that many callers cost the store
//! no more than one.

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::StoreError;

/// The last answer, and when its reading began.
type Last<T> = Option<(Instant, Result<T, StoreError>)>;

/// A value of the store that many ask for. At most one read is under way, and no caller gets a value that was read
/// before the call.
#[derive(Debug)]
pub struct Together<T> {
    last: Mutex<Last<T>>,
}

impl<T> Default for Together<T> {
    fn default() -> Self {
        Self { last: Mutex::new(None) }
    }
}

impl<T: Clone> Together<T> {
    /// The result of `read`, or of another caller's `read` that began after this was called. Cancel safe.
    ///
    /// # Errors
    /// The errors of `read`.
    pub async fn read(&self, read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((began, answer)) = &*last
            && *began > asked
        {
            return answer.clone();
        }
        let began = Instant::now();
        let answer = read.await;
        *last = Some((began, answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_get_one_read_that_began_after_they_asked() {
        let (together, reads) = (Arc::new(Together::default()), Arc::new(AtomicU32::new(0)));
        let ask = || {
            let (together, reads) = (Arc::clone(&together), Arc::clone(&reads));
            tokio::spawn(async move {
                let read = async {
                    let count = reads.fetch_add(1, Ordering::Relaxed) + 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if count == 2 { Err(StoreError::Unavailable("away".to_owned())) } else { Ok(count) }
                };
                together.read(read).await
            })
        };
        let first = ask();
        tokio::time::sleep(Duration::from_millis(500)).await;
        // That read began before these ask: they share the next, and its failure.
        let others: Vec<_> = (0..100).map(|_| ask()).collect();
        assert_eq!(first.await.unwrap(), Ok(1));
        for other in others {
            assert!(other.await.unwrap().is_err());
        }
        assert_eq!((ask().await.unwrap(), reads.load(Ordering::Relaxed)), (Ok(3), 3));
    }
}
