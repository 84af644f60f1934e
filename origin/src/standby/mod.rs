//! One origin per channel: the holder, those that wait, and the end of one that was overtaken.
//!
//! Place in the flow: where several origins can reach one store (a FoundationDB cluster), `app` calls [`stand_by`] before it
//! reads or writes anything else there. The one that holds the channel's lease is the origin; every other one waits, and goes
//! on when the lease was given back or has not been renewed for [`LASTS`]. With the embedded store the lock of the data
//! folder does the same ([`crate::state`]).
//!
//! Invariants:
//! - [`judge`]: a lease is taken from an origin only when it was watched, without a gap, for as long as it lasts and was not
//!   renewed. Nobody's wall clock matters, and a store that is away makes nobody an origin.
//! - [`fence`]: every batch of an origin requires its lease, so one that was overtaken changes nothing any more, however late
//!   its batches come: no `online: false` over another's broadcast, no count. Media waits for neither: while the store is
//!   away a broadcast goes on, and its origin goes on too if nobody has taken over when the store is back.
//! - An origin that was overtaken stops in order and names the other one, with an exit status that makes a supervisor
//!   start it again: then it waits. A standby does not take a running broadcast over: it has its own encoders and
//!   edges.

mod fence;
mod judge;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_feed::time::WallTime;
use farcast_service::host;
use farcast_store::lease::{self, Lease};
use farcast_store::wire::PRIVATE;
use farcast_store::{Engine, Key, Store, StoreError, Tuple};
use farcast_telemetry::throttle::Throttle;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::fence::Fence;
use self::judge::{Judge, Verdict};

/// Time for which a lease that is not renewed holds the channel: an origin that was killed is replaced this long after.
/// Three renewals may fail before that.
const LASTS: Duration = Duration::from_secs(15);
/// Interval at which the origin renews its lease.
const RENEW: Duration = Duration::from_secs(5);
/// Interval at which a waiting origin reads the lease.
const LOOK: Duration = Duration::from_secs(1);
/// Longest time for giving the lease back at the end: after that it ends by itself.
const RELEASE: Duration = Duration::from_secs(2);
/// Interval at which a waiting origin logs the holder for which it waits.
const REMIND: Duration = Duration::from_secs(600);

/// The holder of a channel. The note of its lease.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// The host's name.
    pub host: String,
    /// The path of its data folder.
    pub data_dir: String,
    /// The fingerprint of its identity: only this data folder has it.
    pub identity: String,
}

impl Holder {
    /// This process, whose identity has this fingerprint.
    #[must_use]
    pub fn here(data_dir: &Path, fingerprint: &[u8]) -> Self {
        let folder = std::fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let identity = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { host: host::name().unwrap_or_default(), data_dir: folder.display().to_string(), identity }
    }

    fn of(note: &[u8]) -> Self {
        serde_json::from_slice(note).unwrap_or_default()
    }

    fn note(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.as_str(), self.data_dir.as_str()) {
            ("", "") => f.write_str("one that does not say where it is"),
            (host, folder) => write!(f, "the one on host {host:?} with the data folder {folder}"),
        }
    }
}

/// Another origin has the channel now.
#[derive(Debug, thiserror::Error)]
#[error(
    "another origin has taken over: {0}; two origins cannot share a store, so this one has stopped, and waits when it is \
     started again (give it a store of its own, \"?name=…\", if it is to be another channel)"
)]
pub struct Displaced(Holder);

/// The key of the lease, among the keys that are the origins' alone.
fn key() -> Key {
    Tuple::new().text(PRIVATE).text("origin").key()
}

/// Waits until this process is the channel's origin. Returns the store as its origin has it, and its tenure, which must
/// be kept. Cancel safe; a lease that was just taken then ends by itself.
pub async fn stand_by(store: &Store, own: Holder) -> (Store, Tenure) {
    let note = own.note();
    let mut judge = Judge::new(own);
    let mut waits = Throttle::new(REMIND);
    loop {
        // When it was asked for: a value may be as old as that.
        let asked = now();
        match store.get(&key()).await {
            Ok(value) => match judge.look(value, asked, now()) {
                Verdict::Free(seen) => {
                    match Lease::take(store, key(), seen, note.clone(), WallTime::now(), LASTS).await {
                        Ok(lease) => return Tenure::begin(store, lease),
                        Err(lease::Refused::Held(_)) => tracing::debug!("another origin was faster"),
                        Err(lease::Refused::Store(error)) => {
                            tracing::debug!(%error, "the channel cannot be taken");
                        }
                    }
                }
                Verdict::Held(holder) => {
                    if waits.admit(now()).is_some() {
                        tracing::warn!(%holder, "another origin has this channel: this one waits until it is gone");
                    }
                }
            },
            // The store warns of it.
            Err(error) => {
                judge.blind();
                tracing::debug!(%error, "who has the channel cannot be read");
            }
        }
        sleep(LOOK).await;
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time during which this process is the channel's origin. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Tenure {
    store: Store,
    lease: Lease,
    displaced: CancellationToken,
}

impl Tenure {
    fn begin(store: &Store, lease: Lease) -> (Store, Self) {
        let displaced = CancellationToken::new();
        let (guard, told) = (lease.guard(), displaced.clone());
        let fenced =
            store.through(|engine: Arc<dyn Engine>| Arc::new(Fence { engine, guard, displaced: told }) as _);
        tracing::info!("this origin has the channel");
        (fenced, Self { store: store.clone(), lease, displaced })
    }

    /// Renews the lease until `shutdown`; when another origin has it, cancels `stop`, so that this one ends in order.
    pub async fn keep(self, stop: CancellationToken, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.renew() => {
                stop.cancel();
                shutdown.cancelled().await;
            }
        }
    }

    /// Until it is lost.
    async fn renew(&self) {
        let mut tick = interval(RENEW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.displaced.cancelled() => break,
                _ = tick.tick() => {}
            }
            match self.lease.renew(&self.store, WallTime::now(), LASTS).await {
                Ok(()) => {}
                Err(lease::Refused::Held(_)) => break,
                // The store warns of it; whether this still is the origin is seen when it is back.
                Err(lease::Refused::Store(error)) => tracing::debug!(%error, "the channel cannot be renewed"),
            }
        }
        self.displaced.cancel();
        tracing::warn!("another origin has taken over: this one stops");
    }

    /// Gives the lease back: the last thing that an origin does with the store.
    ///
    /// # Errors
    /// [`Displaced`] when another origin has taken over.
    pub async fn end(self) -> Result<(), Displaced> {
        if !self.displaced.is_cancelled() {
            if !matches!(timeout(RELEASE, self.lease.release(&self.store)).await, Ok(Ok(()))) {
                tracing::warn!("the channel is not given back: the next origin waits until the lease ends");
            }
            return Ok(());
        }
        let value: Result<_, StoreError> = self.store.get(&key()).await;
        let holder = value.ok().flatten().map(|value| Holder::of(lease::note(&value)));
        Err(Displaced(holder.unwrap_or_default()))
    }
}
