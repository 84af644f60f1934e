//! Places with a clock and with tasks that wait for them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::places::{ASKS_WITHIN, Limits, Places, Refused, State};
use farcast_config::Networks;

/// The entrance of one or several listeners; clones are the same entrance.
#[derive(Clone, Debug)]
pub struct Entrance(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Mutex<Places<CancellationToken>>,
    /// A place became free, or could be taken from another connection.
    changed: Notify,
    /// For whose connections no limit of a network holds.
    proxies: Networks,
    /// Those that tell whose their connections are: until then there is no limit either.
    fronts: Networks,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Places<CancellationToken>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entrance {
    /// An empty entrance; `proxies` may have any number of connections.
    #[must_use]
    pub fn new(limits: Limits, proxies: Networks) -> Self {
        let (places, fronts) = (Mutex::new(Places::new(limits)), Networks::default());
        Self(Arc::new(Shared { places, changed: Notify::new(), proxies, fronts }))
    }

    /// The same, empty, where connections from some networks are told to be others' ([`Seat::belongs_to`]).
    #[must_use]
    pub fn fronted_by(self, fronts: Networks) -> Self {
        let limits = self.0.lock().limits();
        let (places, proxies) = (Mutex::new(Places::new(limits)), self.0.proxies.clone());
        Self(Arc::new(Shared { places, changed: Notify::new(), proxies, fronts }))
    }

    /// A place for a connection that was accepted from `peer`; a connection that has to make room is told. Waits while
    /// all places are taken by connections that are being answered. Cancel safe.
    ///
    /// # Errors
    /// Why it gets none, whatever becomes free: the connection is to be closed.
    pub async fn enter(&self, peer: IpAddr) -> Result<Seat, Refused> {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            match self.enter_now(peer) {
                // A connection that asks for nothing makes room after a moment, without a signal.
                Err(Refused::Full) => drop(timeout(ASKS_WITHIN, changed).await),
                entered => return entered,
            }
        }
    }

    /// The same for a connection that was accepted and waits, if there is one; else it waits for ever. Cancel safe.
    ///
    /// # Errors
    /// As [`Self::enter`].
    pub async fn enter_newcomer(&self, newcomer: Option<SocketAddr>) -> Result<Seat, Refused> {
        match newcomer {
            Some(peer) => self.enter(peer.ip()).await,
            None => std::future::pending().await,
        }
    }

    /// Connections that make no room for others, of how many there may be.
    #[must_use]
    pub fn in_use(&self) -> (usize, usize) {
        let places = self.0.lock();
        (places.in_use(), places.limits().total)
    }

    fn enter_now(&self, peer: IpAddr) -> Result<Seat, Refused> {
        let leaves = CancellationToken::new();
        let is_proxy = self.0.proxies.contain(peer) || self.0.fronts.contain(peer.to_canonical());
        let (number, goes) = self.0.lock().enter(peer, is_proxy, leaves.clone(), Instant::now())?;
        if let Some(goes) = goes {
            goes.cancel();
        }
        Ok(Seat { shared: Arc::clone(&self.0), number, leaves })
    }
}

/// The place of a connection; dropping it gives the place back.
#[derive(Debug)]
pub struct Seat {
    shared: Arc<Shared>,
    number: u64,
    leaves: CancellationToken,
}

impl Seat {
    /// The connection is somebody else's than the party from whose address it came.
    ///
    /// # Errors
    /// [`Refused::Network`]: the network has as many as it may have; the connection is to be ended.
    pub fn belongs_to(&self, peer: IpAddr) -> Result<(), Refused> {
        let is_proxy = self.shared.proxies.contain(peer);
        let moved = self.shared.lock().belongs_to(self.number, peer, is_proxy);
        self.shared.changed.notify_waiters();
        moved
    }

    /// Reports the new state of the connection.
    pub fn note(&self, state: State) {
        self.shared.lock().note(self.number, state, Instant::now());
        if state != State::Busy {
            self.shared.changed.notify_waiters();
        }
    }

    /// Waits until the connection has to go, since its place was given to another. Cancel safe.
    pub fn taken_away(&self) -> WaitForCancellationFuture<'_> {
        self.leaves.cancelled()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.lock().leave(self.number);
        self.shared.changed.notify_waiters();
    }
}
