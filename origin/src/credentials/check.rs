//! Checks of secrets: rate-limited, and with a bound on the hashing for unauthenticated clients.
//!
//! Secrets that were right before are known by their digest. Where that is known of all hashes, a wrong secret is
//! recognised too: then a guess costs nothing. Else, from a start to the first right key, a guess costs hashes:
//! unauthenticated clients get few of these, in a queue of their own, so that they cost no CPU that the broadcast
//! needs. Callers who logged in before have another queue.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Credentials, Which, hash, lock};
use crate::brake::{Caller, Door};
use crate::ingest::Checked;
use farcast_service::fading::Fading;

/// Hashes for unauthenticated clients: one in this time, which is 5 to 15 % of a core.
const HASH_PERIOD: Duration = Duration::from_millis(250);
/// Burst of hashes for unauthenticated clients: all that one address with all its candidates may need for
/// [`super::MAX_STREAM_KEYS`] keys.
const HASH_BURST: f64 = 24.0;
/// Most unauthenticated clients that wait for a hash: some seconds. Further ones are told to wait.
const MAX_WAITING: usize = 8;

/// Turns to hash.
#[derive(Debug)]
pub(super) struct Turns {
    strangers: Semaphore,
    /// Bounded by the rate limit on tries.
    familiar: Semaphore,
    waiting: Semaphore,
    spent: Mutex<Option<Fading>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            strangers: Semaphore::new(1),
            familiar: Semaphore::new(1),
            waiting: Semaphore::new(MAX_WAITING),
            spent: Mutex::default(),
        }
    }
}

impl Turns {
    /// A turn to compute so many hashes, or how long to wait before asking again. Cancel safe.
    async fn take(&self, familiar: bool, hashes: usize) -> Result<SemaphorePermit<'_>, Duration> {
        let closed = |_| HASH_PERIOD;
        if familiar {
            return self.familiar.acquire().await.map_err(closed);
        }
        let Ok(_waiting) = self.waiting.try_acquire() else { return Err(HASH_PERIOD) };
        let turn = self.strangers.acquire().await.map_err(closed)?;
        self.spend(hashes, Instant::now()).map(|()| turn)
    }

    fn spend(&self, hashes: usize, now: Instant) -> Result<(), Duration> {
        let mut spent = lock(&self.spent);
        let spent = spent.get_or_insert_with(|| Fading::new(now));
        // A few dozens.
        let hashes = (hashes as f64).min(HASH_BURST);
        let beyond = spent.count(HASH_PERIOD, now) + hashes - HASH_BURST;
        if beyond > 0.0 {
            return Err(HASH_PERIOD.mul_f64(beyond));
        }
        spent.add(hashes, HASH_BURST, HASH_PERIOD, now);
        Ok(())
    }
}

impl Which {
    fn door(self) -> Door {
        match self {
            Self::StreamKey => Door::Rtmp,
            Self::AdminPassword => Door::Http,
        }
    }
}

impl Credentials {
    /// True if one of the candidates that `caller` gives is right. All together are one guess; time depends on their
    /// number only, and on whether the keys were right before. Cancel safe.
    pub(crate) async fn check(&self, which: Which, candidates: &[&str], caller: &Caller) -> Checked {
        let checked = self.checked(which, candidates, caller).await;
        self.metrics.checked(which, checked);
        checked
    }

    async fn checked(&self, which: Which, candidates: &[&str], caller: &Caller) -> Checked {
        let hashes = match self.look(which, candidates, caller, Instant::now()) {
            Ok(checked) => return checked,
            Err(hashes) => hashes,
        };
        let familiar = lock(&self.brake).is_familiar(caller, which.door());
        let _turn = match self.turns.take(familiar, hashes).await {
            Ok(turn) => turn,
            Err(wait) => return Checked::Wait(wait),
        };
        // Others of its network may have failed meanwhile, and the key may have become known.
        if let Ok(checked) = self.look(which, candidates, caller, Instant::now()) {
            return checked;
        }
        for candidate in candidates.iter().take(super::HASHES_PER_ADDRESS) {
            if self.verify(which, candidate).await {
                lock(&self.brake).succeeded(caller, which.door(), Instant::now());
                return Checked::Right(());
            }
        }
        lock(&self.brake).failed(caller, which.door(), self.guess(candidates), Instant::now());
        Checked::Wrong
    }

    /// The answer if it is known without hashing; else the number of hashes that it takes.
    fn look(
        &self,
        which: Which,
        candidates: &[&str],
        caller: &Caller,
        now: Instant,
    ) -> Result<Checked, usize> {
        let (door, guess) = (which.door(), self.guess(candidates));
        let mut brake = lock(&self.brake);
        if let Some(wait) = brake.must_wait(caller, door, guess, now) {
            return Ok(Checked::Wait(wait));
        }
        let stored = lock(&self.hashes).of(which);
        let known = self.known_of(&stored);
        if self.any_is_known(candidates, &known) {
            brake.succeeded(caller, door, now);
            return Ok(Checked::Right(()));
        }
        let unknown = stored.len().saturating_sub(known.len());
        if unknown > 0 {
            return Err(unknown * candidates.len().min(super::HASHES_PER_ADDRESS));
        }
        brake.failed(caller, door, guess, now);
        Ok(Checked::Wrong)
    }

    /// The time for which a caller has to wait before any of its secrets is checked, if it has to.
    pub(crate) fn must_wait(&self, which: Which, caller: &Caller, now: Instant) -> Option<Duration> {
        lock(&self.brake).must_wait(caller, which.door(), 0, now)
    }

    /// A number that tells guesses apart, and reveals nothing of them without this process's key.
    fn guess(&self, candidates: &[&str]) -> u64 {
        let digest = self.digest(candidates.first().copied().unwrap_or_default());
        u64::from_be_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|index: usize| digest[index]))
    }

    /// True if `given` is right, in time that does not depend on how nearly it is. Tens of milliseconds for a secret
    /// that was not right before. Cancel safe.
    pub(crate) async fn verify(&self, which: Which, given: &str) -> bool {
        let hashes = lock(&self.hashes).of(which);
        if self.any_is_known(&[given], &self.known_of(&hashes)) {
            return true;
        }
        for stored in hashes {
            // A hash whose secret is known fits only that secret.
            if !self.known_of(std::slice::from_ref(&stored)).is_empty() {
                continue;
            }
            if hash::fits(stored.clone(), farcast_config::Secret::new(given.to_owned())).await {
                self.remember(stored, given);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use farcast_config::Secret;
    use farcast_store::memory::Memory;

    use super::super::tests::metrics;
    use super::*;

    fn stranger(number: u8) -> Caller {
        Caller::from(IpAddr::from([192, 0, 2, number]))
    }

    async fn keys(known: bool) -> Credentials {
        let store = Memory::store().0;
        let preset = Secret::new("first key");
        let (credentials, _) =
            Credentials::load_or_create(store.clone(), Some(&preset), metrics()).await.unwrap();
        if known {
            return credentials;
        }
        // Restarted, without a preset: nothing was right yet.
        Credentials::load_or_create(store, None, metrics()).await.unwrap().0
    }

    #[tokio::test]
    async fn guesses_at_both_doors_are_braked_together_and_the_right_key_is_no_way_round() {
        let credentials = keys(true).await;
        let mut looked_at = 0;
        for number in 0..40 {
            let which = if number % 2 == 0 { Which::StreamKey } else { Which::AdminPassword };
            let guess = format!("guess {number}");
            looked_at += u32::from(credentials.check(which, &[&guess], &stranger(1)).await == Checked::Wrong);
        }
        assert_eq!(looked_at, 5);
        // Not even the right one is looked at; another's success takes nothing back.
        let right = ["first key"];
        assert!(matches!(credentials.check(Which::StreamKey, &right, &stranger(1)).await, Checked::Wait(_)));
        assert_eq!(credentials.check(Which::StreamKey, &right, &stranger(2)).await, Checked::Right(()));
        assert!(matches!(credentials.check(Which::StreamKey, &right, &stranger(1)).await, Checked::Wait(_)));
    }

    #[tokio::test]
    async fn guesses_cost_no_hash_once_the_key_was_right() {
        let credentials = keys(true).await;
        for number in 0..200 {
            credentials.check(Which::StreamKey, &["a guess"], &stranger(number)).await;
        }
        assert!(lock(&credentials.turns.spent).is_none());
        let again = keys(false).await;
        again.check(Which::StreamKey, &["a guess"], &stranger(1)).await;
        assert!(lock(&again.turns.spent).is_some());
    }

    #[tokio::test]
    async fn strangers_who_spent_all_hashes_are_told_to_wait_and_who_got_in_before_is_not() {
        let credentials = keys(false).await;
        assert_eq!(
            credentials.check(Which::StreamKey, &["first key"], &stranger(0)).await,
            Checked::Right(())
        );
        lock(&credentials.known).clear();
        // Nothing comes back within the next hour.
        let later = Instant::now() + Duration::from_secs(3600);
        lock(&credentials.turns.spent).insert(Fading::new(later)).add(
            HASH_BURST,
            HASH_BURST,
            HASH_PERIOD,
            later,
        );
        for number in 1..=60 {
            let checked = credentials.check(Which::StreamKey, &["first key"], &stranger(number)).await;
            assert!(matches!(checked, Checked::Wait(_)), "{number}: {checked:?}");
        }
        assert_eq!(
            credentials.check(Which::StreamKey, &["first key"], &stranger(0)).await,
            Checked::Right(())
        );
    }

    #[test]
    fn hashes_are_spent_and_come_back_with_time() {
        let (turns, now) = (Turns::default(), Instant::now());
        for _ in 0..8 {
            turns.spend(3, now).unwrap();
        }
        assert_eq!(turns.spend(2, now), Err(HASH_PERIOD * 2));
        assert_eq!(turns.spend(2, now + HASH_PERIOD * 2), Ok(()));
        assert!(turns.spend(1, now + HASH_PERIOD * 2).is_err());
    }
}
