//! Stream key and admin password: kept as argon2id hashes in the store, where no edge reads them.
//!
//! Place in the flow: ingest asks for the stream key ([`crate::ingest::Keys`]), the admin API for the password. Both begin
//! as one value; the password follows the key until it is set apart. A hash takes tens of milliseconds on purpose, so what
//! was right once is remembered in memory, as a digest under a random key of this process, until it changes.
//!
//! There may be several stream keys, each with a comment. They cannot be shown, so a list has a [`KeptKey::stands_for`] in
//! place of each; a list that is sent back with it keeps that key.

mod check;
mod hash;
mod metrics;
pub(crate) mod moved;
mod random;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farcast_config::Secret;
use farcast_feed::name::StreamName;
use farcast_store::wire::PRIVATE;
use farcast_store::{Batch, Precondition, Record, Store, StoreError, Stored, Tuple, TypedKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use self::check::Turns;
pub use self::metrics::Metrics;
use crate::brake::{Brake, Caller};
use crate::ingest::{Checked, Keys, StreamKey};

/// Hashes that one encoder's address costs at most, of all that it may mean. They are needed only from a start without
/// a configured stream key until the key was right for the first time; later every candidate is compared by its digest,
/// and an unauthenticated client costs no hash at all. The first three are the text as it is and with everything taken
/// away that is not of a usual key.
const HASHES_PER_ADDRESS: usize = 3;

/// The kind of credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// The key of encoders.
    StreamKey,
    /// The password of the admin API.
    AdminPassword,
}

/// Most stream keys. One that is wrong is compared with all of them, which takes tens of milliseconds each.
pub const MAX_STREAM_KEYS: usize = 8;

/// The beginning of a stand-in for a key. No key has white space or such brackets at its ends.
const STANDS_FOR: &str = "(kept, not shown: ";

/// The stored hashes.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hashes {
    /// The first stream key.
    stream_key: String,
    /// The admin password; none while it is the stream key.
    admin_password: Option<String>,
    /// The purpose of the first stream key.
    #[serde(default)]
    comment: String,
    /// The other stream keys.
    #[serde(default)]
    more: Vec<HashedKey>,
}

/// A stream key as it is kept.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct HashedKey {
    hash: String,
    comment: String,
}

/// A stream key as it can be listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptKey {
    /// Stands for the key itself; no key looks so.
    pub stands_for: String,
    /// Its purpose.
    pub comment: String,
}

/// A stream key as it is wished for.
#[derive(Clone, Debug)]
pub enum WishedKey {
    /// A key that is kept, by its stand-in.
    Kept(String),
    /// A new one.
    New(Secret),
}

/// True if a text stands for a key that is kept, here or elsewhere.
#[must_use]
pub fn is_stand_in(text: &str) -> bool {
    text.starts_with(STANDS_FOR)
}

/// Of a hash, which has a salt of its own: it tells nothing of the key.
fn stand_in(hash: &str) -> String {
    let mut text = STANDS_FOR.to_owned();
    for byte in &Sha256::digest(hash.as_bytes())[..4] {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push(')');
    text
}

/// The reason why the stream keys were not set. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum NotSet {
    /// Something stands for a key that is not kept.
    #[error("one of these stands for a key that is not kept any more: load the page again")]
    Unknown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Record for Hashes {
    const VERSION: u8 = 1;
}

impl Hashes {
    /// The hashes of which one has to match.
    fn of(&self, which: Which) -> Vec<String> {
        match (which, &self.admin_password) {
            (Which::AdminPassword, Some(password)) => vec![password.clone()],
            (Which::AdminPassword, None) => vec![self.stream_key.clone()],
            (Which::StreamKey, _) => self.keys().map(|key| key.hash).collect(),
        }
    }

    fn exemption_key(&self) -> [u8; 32] {
        let of_all = Sha256::new().chain_update(b"farcast admin session 1");
        let hashes = self.of(Which::AdminPassword);
        hashes.iter().fold(of_all, |all, hash| all.chain_update(hash)).finalize().into()
    }

    fn password_mark(&self) -> String {
        let mark = Sha256::new().chain_update(b"farcast password mark 1").chain_update(self.exemption_key());
        URL_SAFE_NO_PAD.encode(mark.finalize())
    }

    /// All stream keys.
    fn keys(&self) -> impl Iterator<Item = HashedKey> {
        let first = HashedKey { hash: self.stream_key.clone(), comment: self.comment.clone() };
        std::iter::once(first).chain(self.more.clone())
    }
}

fn key() -> TypedKey<Hashes> {
    TypedKey::new(Tuple::new().text(PRIVATE).text("credentials").key())
}

/// The credentials, as they are in force.
pub struct Credentials {
    store: Store,
    hashes: Mutex<Hashes>,
    /// The secrets that were right, each with the hash that it fits.
    known: Mutex<Vec<(String, [u8; 32])>>,
    pepper: [u8; 32],
    turns: Turns,
    brake: Mutex<Brake>,
    metrics: Metrics,
    /// One change at a time, so that memory and store agree on which was the last.
    changing: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// Reads them. At the first start both are `preset`, or a random key, which is given back: to be shown once. Later a
    /// different `preset` only causes a warning.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load_or_create(
        store: Store,
        preset: Option<&Secret>,
        metrics: Metrics,
    ) -> Result<(Self, Option<Secret>), StoreError> {
        let mut made = None;
        let hashes = match store.load(&key()).await? {
            Some(Stored { record, .. }) => record,
            None => {
                let value = match preset {
                    Some(preset) => preset.clone(),
                    None => made.insert(random::key()).clone(),
                };
                let hashes = Hashes { stream_key: hash::make(value).await?, ..Hashes::default() };
                let absent = Precondition::Absent(key().key().clone());
                store.commit(Batch::new().require(absent).put(&key(), &hashes)?).await?;
                hashes
            }
        };
        let credentials = Self {
            store,
            hashes: Mutex::new(hashes),
            known: Mutex::default(),
            pepper: rand::random(),
            turns: Turns::default(),
            brake: Mutex::default(),
            metrics,
            changing: tokio::sync::Mutex::default(),
        };
        if let Some(made) = &made {
            let hash = lock(&credentials.hashes).stream_key.clone();
            credentials.remember(hash, made.expose());
        }
        if let Some(preset) = preset.filter(|_| made.is_none())
            && !credentials.verify(Which::StreamKey, preset.expose()).await
        {
            tracing::warn!("the configured stream key differs from the one in force, and is ignored");
        }
        Ok((credentials, made))
    }

    /// True if one of these has been right before, by the digests of those that were; in time that does not tell how
    /// nearly.
    fn any_is_known(&self, given: &[&str], known: &[[u8; 32]]) -> bool {
        let compare = |right, text: &&str| {
            let digest = self.digest(text);
            known.iter().fold(right, |right, known| right | known.ct_eq(&digest))
        };
        given.iter().fold(Choice::from(0), compare).into()
    }

    /// The digests of the secrets that fit these hashes, as far as they have been right before. Nothing else fits
    /// those.
    fn known_of(&self, hashes: &[String]) -> Vec<[u8; 32]> {
        let known = lock(&self.known);
        known.iter().filter(|(hash, _)| hashes.contains(hash)).map(|(_, digest)| *digest).collect()
    }

    fn remember(&self, stored: String, given: &str) {
        let current = lock(&self.hashes).clone();
        let mut known = lock(&self.known);
        // Digests that fit no present hash are forgotten, so there are no more than hashes.
        known.retain(|(hash, _)| {
            *hash != stored
                && [Which::StreamKey, Which::AdminPassword].iter().any(|w| current.of(*w).contains(hash))
        });
        known.push((stored, self.digest(given)));
    }

    /// The stream keys, as they can be listed.
    #[must_use]
    pub fn stream_keys(&self) -> Vec<KeptKey> {
        let hashes = lock(&self.hashes).clone();
        let shown = |key: HashedKey| KeptKey { stands_for: stand_in(&key.hash), comment: key.comment };
        hashes.keys().map(shown).collect()
    }

    /// The key of the cookie that exempts from the rate limit: derived from the password's hash, so that it changes
    /// with the password.
    pub(crate) fn exemption_key(&self) -> [u8; 32] {
        lock(&self.hashes).exemption_key()
    }

    /// A mark that tells one admin password from the next, and reveals nothing of either: sessions are bound to it.
    pub(crate) fn password_mark(&self) -> String {
        lock(&self.hashes).password_mark()
    }

    /// True if the admin password was set apart from the stream key.
    #[must_use]
    pub fn password_is_apart(&self) -> bool {
        lock(&self.hashes).admin_password.is_some()
    }

    /// Replaces the stream keys by these, at least one, durably. The admin password, where it was the stream key so far,
    /// stays as it is: a page that sends several keys knows them apart. A running broadcast goes on. As [`Self::set`] where
    /// the future is dropped.
    ///
    /// # Errors
    /// [`NotSet`].
    pub async fn set_stream_keys(self: &Arc<Self>, wished: Vec<(WishedKey, String)>) -> Result<(), NotSet> {
        let own = Arc::clone(self);
        let changed = tokio::spawn(async move { own.change_keys(wished).await }).await;
        changed.unwrap_or_else(|_| Err(StoreError::Unknown("the change was given up".to_owned()).into()))
    }

    async fn change_keys(&self, wished: Vec<(WishedKey, String)>) -> Result<(), NotSet> {
        let mut made = Vec::with_capacity(wished.len());
        for (key, comment) in wished {
            made.push(match key {
                WishedKey::Kept(stands_for) => (Err(stands_for), comment),
                WishedKey::New(key) => (Ok(hash::make(key).await?), comment),
            });
        }
        let _turn = self.changing.lock().await;
        let change = |hashes: &mut Hashes| {
            let kept: Vec<_> = hashes.keys().map(|key| (stand_in(&key.hash), key.hash)).collect();
            let mut keys = Vec::with_capacity(made.len());
            for (key, comment) in &made {
                let hash = match key {
                    Ok(hash) => hash.clone(),
                    Err(stands_for) => {
                        let found = kept.iter().find(|(name, _)| name == stands_for);
                        found.map(|(_, hash)| hash.clone()).ok_or(NotSet::Unknown)?
                    }
                };
                keys.push(HashedKey { hash, comment: comment.clone() });
            }
            let mut keys = keys.into_iter();
            let first = keys.next().ok_or(NotSet::Unknown)?;
            hashes.admin_password.get_or_insert_with(|| hashes.stream_key.clone());
            (hashes.stream_key, hashes.comment) = (first.hash, first.comment);
            hashes.more = keys.collect();
            Ok(())
        };
        let now = self.store.update::<_, NotSet>(&key(), change, |batch| batch).await?;
        *lock(&self.hashes) = now;
        Ok(())
    }

    /// Changes one, durably; a stream key takes the place of all. A running broadcast goes on. When the future is dropped
    /// the change goes on, too: it is not torn between store and memory. Returns the new [`Self::password_mark`] if the
    /// admin password has changed by it.
    ///
    /// # Errors
    /// When the store fails: nothing is changed then, unless it says that this is not known.
    pub async fn set(self: &Arc<Self>, which: Which, value: Secret) -> Result<Option<String>, StoreError> {
        let own = Arc::clone(self);
        let changed = tokio::spawn(async move { own.change(which, value).await }).await;
        changed.unwrap_or_else(|_| Err(StoreError::Unknown("the change was given up".to_owned())))
    }

    async fn change(&self, which: Which, value: Secret) -> Result<Option<String>, StoreError> {
        let made = hash::make(value.clone()).await?;
        let _turn = self.changing.lock().await;
        let mut before = Vec::new();
        let change = |hashes: &mut Hashes| {
            before = hashes.of(Which::AdminPassword);
            match which {
                Which::StreamKey => {
                    hashes.stream_key.clone_from(&made);
                    hashes.comment.clear();
                    hashes.more.clear();
                }
                Which::AdminPassword => hashes.admin_password = Some(made.clone()),
            }
            Ok::<_, StoreError>(())
        };
        let now = self.store.update(&key(), change, |batch| batch).await?;
        let mark = (now.of(Which::AdminPassword) != before).then(|| now.password_mark());
        *lock(&self.hashes) = now;
        self.remember(made, value.expose());
        Ok(mark)
    }

    /// Reads them again: something else than this has changed them.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn reload(&self) -> Result<(), StoreError> {
        let _turn = self.changing.lock().await;
        if let Some(Stored { record, .. }) = self.store.load(&key()).await? {
            *lock(&self.hashes) = record;
        }
        Ok(())
    }

    fn digest(&self, given: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.pepper).chain_update(given.as_bytes()).finalize().into()
    }
}

impl Keys for Credentials {
    fn check<'a>(
        &'a self,
        key: &'a StreamKey,
        from: IpAddr,
    ) -> Pin<Box<dyn Future<Output = Checked<StreamName>> + Send + 'a>> {
        Box::pin(async move {
            let candidates: Vec<_> = key.candidates().collect();
            match Self::check(self, Which::StreamKey, &candidates, &Caller::from(from)).await {
                // All keys that there are open one stream.
                Checked::Right(()) => Checked::Right(StreamName::live()),
                Checked::Wrong => Checked::Wrong,
                Checked::Wait(wait) => Checked::Wait(wait),
            }
        })
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use farcast_store::Scan;
    use farcast_store::memory::Memory;

    use super::*;

    pub(super) fn metrics() -> Metrics {
        Metrics::new(&prometheus::Registry::new()).unwrap()
    }

    async fn is_right(credentials: &Credentials, key: &StreamKey) -> bool {
        let from = IpAddr::from([192, 0, 2, 1]);
        let checked = Keys::check(credentials, key, from).await;
        assert!(!matches!(checked, Checked::Wait(_)), "that are no more guesses than are free");
        matches!(checked, Checked::Right(_))
    }

    async fn open(store: &Store, preset: Option<&str>) -> (Arc<Credentials>, Option<Secret>) {
        let preset = preset.map(Secret::new);
        let (credentials, made) =
            Credentials::load_or_create(store.clone(), preset.as_ref(), metrics()).await.unwrap();
        (Arc::new(credentials), made)
    }

    #[tokio::test]
    async fn a_change_whose_caller_leaves_is_whole() {
        let store = Memory::store().0;
        let (credentials, _) = open(&store, Some("first key")).await;
        let mut change = Box::pin(credentials.set(Which::StreamKey, Secret::new("second key")));
        // Begun, and left.
        let begun = std::future::poll_fn(|context| std::task::Poll::Ready(change.as_mut().poll(context)));
        assert!(begun.await.is_pending());
        drop(change);
        store.changed(key().key(), store.get(key().key()).await.unwrap()).await.unwrap();
        let turn = credentials.changing.lock().await;
        drop(turn);
        assert!(credentials.verify(Which::StreamKey, "second key").await);
    }

    #[tokio::test]
    async fn the_first_start_makes_a_key_and_later_ones_keep_it() {
        let store = Memory::store().0;
        let (credentials, made) = open(&store, None).await;
        let key = made.unwrap();
        assert!(credentials.verify(Which::StreamKey, key.expose()).await);
        assert!(credentials.verify(Which::AdminPassword, key.expose()).await);
        let (again, made) = open(&store, Some("another one")).await;
        assert!(made.is_none() && again.verify(Which::StreamKey, key.expose()).await);
        assert!(!again.verify(Which::StreamKey, "another one").await);
        let everything = store.scan(Scan::prefix(Tuple::new().text(PRIVATE).key())).await.unwrap().entries;
        let kept = everything.iter().any(|(_, value)| {
            value.windows(key.expose().len()).any(|window| window == key.expose().as_bytes())
        });
        assert!(!everything.is_empty() && !kept, "the key itself is in the store");
    }

    #[tokio::test]
    async fn the_password_follows_the_key_until_it_is_set_apart() {
        let store = Memory::store().0;
        let (credentials, made) = open(&store, Some("first key")).await;
        assert!(made.is_none());
        let right = async |which, given| credentials.verify(which, given).await;
        // Twice, so that the remembered digests are tested too.
        for _ in 0..2 {
            assert!(
                right(Which::AdminPassword, "first key").await && !right(Which::StreamKey, "First key").await
            );
        }
        credentials.set(Which::StreamKey, Secret::new("second key")).await.unwrap();
        assert!(
            !right(Which::StreamKey, "first key").await && !right(Which::AdminPassword, "first key").await
        );
        assert!(right(Which::AdminPassword, "second key").await && !credentials.password_is_apart());
        credentials.set(Which::AdminPassword, Secret::new("pass word")).await.unwrap();
        assert!(
            right(Which::AdminPassword, "pass word").await
                && !right(Which::AdminPassword, "second key").await
        );
        assert!(right(Which::StreamKey, "second key").await && !right(Which::StreamKey, "pass word").await);
        let (again, _) = open(&store, None).await;
        assert!(again.password_is_apart() && again.verify(Which::AdminPassword, "pass word").await);
    }

    #[tokio::test]
    async fn an_address_may_mean_several_keys_and_few_are_hashed() {
        let any_of = |texts: &[&str]| StreamKey::any_of(texts.iter().map(|text| (*text).to_owned())).unwrap();
        let store = Memory::store().0;
        let (credentials, _) = open(&store, Some("first key")).await;
        let last = any_of(&["a", "b", "c", "d", "e", "f", "g", "first key"]);
        let wrong = any_of(&["first", "key", "First key"]);
        // The configured key is known from the start; after a change the new one is.
        assert!(is_right(&credentials, &last).await && !is_right(&credentials, &wrong).await);
        credentials.set(Which::StreamKey, Secret::new("second key")).await.unwrap();
        assert!(!is_right(&credentials, &last).await);
        let last = any_of(&["a", "b", "c", "d", "e", "f", "g", "second key"]);
        assert!(is_right(&credentials, &last).await);
        // After a restart it is not, until it was right among the first.
        let (again, _) = open(&store, None).await;
        assert!(!is_right(&again, &last).await && !is_right(&again, &wrong).await);
        assert!(is_right(&again, &any_of(&["a", "b", "second key"])).await);
        assert!(is_right(&again, &last).await && !is_right(&again, &wrong).await);
    }

    #[tokio::test]
    async fn several_stream_keys_let_in_and_stay_by_what_stands_for_them() {
        let store = Memory::store().0;
        let (credentials, _) = open(&store, Some("first key")).await;
        let lets_in = async |key: &str| credentials.verify(Which::StreamKey, key).await;
        let [first] = &credentials.stream_keys()[..] else { panic!("one key") };
        assert!(is_stand_in(&first.stands_for) && !first.stands_for.contains("first"));
        let (kept, new) =
            (WishedKey::Kept(first.stands_for.clone()), WishedKey::New(Secret::new("second key")));
        let wish = vec![(new, "guest".to_owned()), (kept, "mine".to_owned())];
        credentials.set_stream_keys(wish).await.unwrap();
        for _ in 0..2 {
            assert!(lets_in("first key").await && lets_in("second key").await && !lets_in("third key").await);
        }
        // The password is unchanged, not the first of the new keys.
        assert!(credentials.verify(Which::AdminPassword, "first key").await);
        assert!(!credentials.verify(Which::AdminPassword, "second key").await);
        let (again, _) = open(&store, None).await;
        let listed = again.stream_keys();
        let comments: Vec<_> = listed.iter().map(|key| key.comment.as_str()).collect();
        assert_eq!(comments, ["guest", "mine"]);
        assert!(again.verify(Which::StreamKey, "first key").await);

        // One goes; what stood for it is then nothing, which changes nothing.
        let (guest, mine) = (listed[0].stands_for.clone(), listed[1].stands_for.clone());
        credentials.set_stream_keys(vec![(WishedKey::Kept(guest.clone()), String::new())]).await.unwrap();
        assert!(lets_in("second key").await && !lets_in("first key").await);
        let gone = vec![(WishedKey::Kept(guest), String::new()), (WishedKey::Kept(mine), String::new())];
        assert!(matches!(credentials.set_stream_keys(gone).await, Err(NotSet::Unknown)));
        assert!(lets_in("second key").await);
        // The one key of Owncast 0.0.10 takes the place of all.
        credentials.set(Which::StreamKey, Secret::new("only key!")).await.unwrap();
        assert!(lets_in("only key!").await && !lets_in("second key").await);
        assert_eq!(credentials.stream_keys().len(), 1);
    }

    #[tokio::test]
    async fn a_store_that_fails_changes_nothing() {
        let (store, engine) = Memory::store();
        let (credentials, _) = open(&store, Some("first key")).await;
        engine.fail(true);
        assert!(credentials.set(Which::StreamKey, Secret::new("second key")).await.is_err());
        assert!(credentials.verify(Which::StreamKey, "first key").await);
    }
}
