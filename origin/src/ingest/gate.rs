//! The right to publish: a stream key determines the stream, and each stream has one publisher at a time.
//!
//! The implementation of [`Keys`] compares the key in constant time, with each text that a pasted address may mean. A second
//! publisher with the right key is refused while one is live. An encoder that lost its connection comes back before this
//! side has noticed: when nothing has been received from the present publisher for [`PRESUMED_DEAD`], the same encoder takes
//! over.
//!
//! One lock, held for a few instructions and never across an await.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use farcast_feed::name::StreamName;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio_util::sync::CancellationToken;

use super::key::StreamKey;

/// Silence after which the same encoder may take over. An encoder sends audio every 20 ms or so; three
/// seconds of nothing is a dead connection or one that viewers no longer benefit from.
pub const PRESUMED_DEAD: Duration = Duration::from_secs(3);

/// The reason why a publisher is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
pub enum GateError {
    /// The key is not the stream's. The peer learns no more.
    #[error("the stream key is wrong")]
    WrongKey,
    /// Too many keys from that network were wrong: this one was not looked at.
    #[error("too many wrong stream keys were tried: wait {seconds} s and try again")]
    Braked {
        /// Seconds to wait before the next try, at least one.
        seconds: u64,
    },
    /// Another publisher is live.
    #[error("another broadcast is live")]
    Busy,
}

/// The result of checking a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checked<T = ()> {
    /// The secret is right; with what it opens.
    Right(T),
    /// The secret is wrong.
    Wrong,
    /// The secret was not checked: after so many wrong ones the sender has to wait.
    Wait(Duration),
}

/// A checker of stream keys.
pub trait Keys: Send + Sync + std::fmt::Debug {
    /// Checks whether one of the candidates that a peer at `from` gave is a key, and of which stream; takes no time that
    /// tells how nearly.
    fn check<'a>(
        &'a self,
        key: &'a StreamKey,
        from: IpAddr,
    ) -> Pin<Box<dyn Future<Output = Checked<StreamName>> + Send + 'a>>;
}

/// One key of the stream `live` that never changes, kept as a digest: that of [`StreamKey::reveal`].
pub struct OneKey([u8; 32]);

impl std::fmt::Debug for OneKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneKey(…)")
    }
}

impl OneKey {
    /// This one.
    #[must_use]
    pub fn new(key: &StreamKey) -> Self {
        Self(digest(key.reveal()))
    }
}

impl Keys for OneKey {
    fn check<'a>(
        &'a self,
        key: &'a StreamKey,
        _from: IpAddr,
    ) -> Pin<Box<dyn Future<Output = Checked<StreamName>> + Send + 'a>> {
        // All are compared, whether one was right or not.
        let right = key.candidates().fold(Choice::from(0), |right, text| right | self.0.ct_eq(&digest(text)));
        let right: bool = right.into();
        Box::pin(std::future::ready(if right { Checked::Right(StreamName::live()) } else { Checked::Wrong }))
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// See the module.
#[derive(Debug)]
pub struct Gate {
    keys: Arc<dyn Keys>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<StreamName, Live>,
    next_id: u64,
}

#[derive(Debug)]
struct Live {
    id: u64,
    encoder: String,
    heard_at: Instant,
    taken_over: CancellationToken,
    left: CancellationToken,
}

impl Gate {
    /// A gate with this checker of keys.
    #[must_use]
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self { keys, state: Mutex::default() }
    }

    /// True if someone publishes this stream.
    #[must_use]
    pub fn is_live(&self, stream: &StreamName) -> bool {
        self.lock().live.contains_key(stream)
    }

    /// Lets a publisher in, if the key is right and no other one of its stream is live. Cancel safe.
    ///
    /// # Errors
    /// [`GateError`]; the key is looked at first, so an unauthenticated client does not learn whether someone is live.
    pub async fn admit(
        self: &Arc<Self>,
        key: &StreamKey,
        encoder: &str,
        from: IpAddr,
        now: Instant,
    ) -> Result<Permit, GateError> {
        let stream = match self.keys.check(key, from).await {
            Checked::Right(stream) => stream,
            Checked::Wrong => return Err(GateError::WrongKey),
            Checked::Wait(wait) => return Err(GateError::Braked { seconds: wait.as_secs() + 1 }),
        };
        let mut state = self.lock();
        let mut predecessor = None;
        if let Some(live) = state.live.get(&stream) {
            let dead = now.saturating_duration_since(live.heard_at) >= PRESUMED_DEAD;
            if !dead || live.encoder != encoder {
                return Err(GateError::Busy);
            }
            live.taken_over.cancel();
            predecessor = Some(live.left.clone());
        }
        let id = state.next_id;
        state.next_id += 1;
        let taken_over = CancellationToken::new();
        let left = CancellationToken::new();
        let live = Live {
            id,
            encoder: encoder.to_owned(),
            heard_at: now,
            taken_over: taken_over.clone(),
            left: left.clone(),
        };
        state.live.insert(stream.clone(), live);
        Ok(Permit { gate: Arc::clone(self), stream, id, taken_over, left, predecessor })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; the state is whole in any case.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to publish a stream. Dropping it lets the next one in.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    stream: StreamName,
    id: u64,
    taken_over: CancellationToken,
    left: CancellationToken,
    predecessor: Option<CancellationToken>,
}

impl Permit {
    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// Notes that the publisher is alive.
    pub fn heard(&self, now: Instant) {
        if let Some(live) = self.gate.lock().live.get_mut(&self.stream)
            && live.id == self.id
        {
            live.heard_at = now;
        }
    }

    /// Cancelled when another connection has taken over.
    #[must_use]
    pub fn taken_over(&self) -> CancellationToken {
        self.taken_over.clone()
    }

    /// For one that took over: cancelled when the predecessor has left. Its owner says so by
    /// dropping its permit after its last event.
    pub fn predecessor(&mut self) -> Option<CancellationToken> {
        self.predecessor.take()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.left.cancel();
        let live = &mut self.gate.lock().live;
        if live.get(&self.stream).is_some_and(|live| live.id == self.id) {
            live.remove(&self.stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn gate() -> (Arc<Gate>, StreamKey, Instant) {
        let key = StreamKey::new("one/two");
        (Arc::new(Gate::new(Arc::new(OneKey::new(&key)))), key, Instant::now())
    }

    #[tokio::test]
    async fn only_the_right_key_is_let_in() {
        let (gate, key, now) = gate();
        for wrong in ["", "one", "one/two ", "ONE/TWO"] {
            assert_eq!(
                gate.admit(&StreamKey::new(wrong), "e", HERE, now).await.err(),
                Some(GateError::WrongKey)
            );
        }
        assert!(gate.admit(&key, "e", HERE, now).await.is_ok());
    }

    #[tokio::test]
    async fn any_candidate_may_be_the_right_one() {
        let (gate, _, now) = gate();
        for right in [["one/two", "x", "y"], ["x", "one/two", "y"], ["x", "y", "one/two"]] {
            let key = StreamKey::any_of(right.map(str::to_owned)).unwrap();
            assert!(gate.admit(&key, "e", HERE, now).await.is_ok(), "{right:?}");
        }
        let wrong = StreamKey::any_of(["x", "y", "one"].map(str::to_owned)).unwrap();
        assert_eq!(gate.admit(&wrong, "e", HERE, now).await.err(), Some(GateError::WrongKey));
    }

    #[tokio::test]
    async fn a_second_publisher_is_refused_until_the_first_leaves() {
        let (gate, key, now) = gate();
        let first = gate.admit(&key, "e", HERE, now).await.unwrap();
        assert_eq!(gate.admit(&key, "e", HERE, now).await.err(), Some(GateError::Busy));
        assert_eq!(gate.admit(&StreamKey::new("x"), "e", HERE, now).await.err(), Some(GateError::WrongKey));
        drop(first);
        assert!(!gate.is_live(&StreamName::live()));
        assert!(gate.admit(&key, "e", HERE, now).await.is_ok());
    }

    /// Two keys that each open a stream of their own.
    #[derive(Debug)]
    struct TwoKeys;

    impl Keys for TwoKeys {
        fn check<'a>(
            &'a self,
            key: &'a StreamKey,
            _from: IpAddr,
        ) -> Pin<Box<dyn Future<Output = Checked<StreamName>> + Send + 'a>> {
            Box::pin(std::future::ready(Checked::Right(key.reveal().to_owned().try_into().unwrap())))
        }
    }

    #[tokio::test]
    async fn each_stream_has_a_publisher_of_its_own() {
        let (gate, now) = (Arc::new(Gate::new(Arc::new(TwoKeys))), Instant::now());
        let admit = |key: &str| {
            let (gate, key) = (Arc::clone(&gate), StreamKey::new(key));
            async move { gate.admit(&key, "e", HERE, now).await }
        };
        let (one, other) = (admit("live").await.unwrap(), admit("second").await.unwrap());
        assert_eq!((one.stream().as_str(), other.stream().as_str()), ("live", "second"));
        assert_eq!(admit("second").await.err(), Some(GateError::Busy));
        drop(one);
        assert!(!gate.is_live(&StreamName::live()) && gate.is_live(other.stream()));
        assert_eq!(admit("second").await.err(), Some(GateError::Busy));
        assert!(admit("live").await.is_ok());
    }

    #[tokio::test]
    async fn the_same_encoder_takes_over_a_dead_connection_and_only_that() {
        let (gate, key, now) = gate();
        let first = gate.admit(&key, "obs", HERE, now).await.unwrap();
        first.heard(now + Duration::from_secs(1));
        let before = now + Duration::from_secs(1) + PRESUMED_DEAD - Duration::from_millis(1);
        let after = now + Duration::from_secs(1) + PRESUMED_DEAD;
        assert_eq!(gate.admit(&key, "obs", HERE, before).await.err(), Some(GateError::Busy));
        assert_eq!(gate.admit(&key, "ffmpeg", HERE, after).await.err(), Some(GateError::Busy));
        let mut second = gate.admit(&key, "obs", HERE, after).await.unwrap();
        assert!(first.taken_over().is_cancelled() && !second.taken_over().is_cancelled());
        let left = second.predecessor().unwrap();
        assert!(!left.is_cancelled());
        drop(first);
        assert!(left.is_cancelled());
        assert!(gate.is_live(&StreamName::live()), "the permit that was taken over must not open the gate");
    }
}
