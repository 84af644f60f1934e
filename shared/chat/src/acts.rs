//! The acts of the chat: each is one batch of the store, guarded by the records that it builds on.
//!
//! Place in the flow: edges act for users, the origin for its admin and for integrations. They decide who may do what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Event, IDS_PER_ENTRY};
use super::history::History;
use super::log;
use super::user::{Account, List, MAX_ID_BYTES, User, UserId, account_key, new_token, token_hash, token_key};
use farcast_feed::time::WallTime;
use farcast_store::{
    Batch, Items, Precondition, Record, Scan, Store, StoreError, Stored, Tuple, TypedKey, encode,
};

/// Tries of a change that others keep overtaking.
const TRIES: u32 = 8;

/// Messages that are looked through for those of one user.
const SEARCHED_MESSAGES: usize = 20_000;

/// Most users that are listed.
const MAX_LISTED: usize = 100_000;

/// Shortest time between two notes that a user was here.
const SEEN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// The reason why something was not done. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such user.
    #[error("there is no such user")]
    Unknown,
    /// The user may not chat.
    #[error("this user may not chat")]
    Disabled,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The number that the last connection got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LastClient(pub u64);

impl Record for LastClient {
    const VERSION: u8 = 1;
}

impl LastClient {
    /// The key of the record.
    #[must_use]
    pub fn key() -> TypedKey<Self> {
        TypedKey::new(Tuple::new().text("chat_last_client").key())
    }
}

/// The chat. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Chat {
    store: Store,
}

impl Chat {
    /// The chat of a store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The store in which it is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Adds a user. Returns the record and the token, of which only a hash is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn register(&self, user: User) -> Result<(User, String), StoreError> {
        let token = new_token();
        let hash = token_hash(&token);
        let account = Account { user, seen_at: None, token: hash.clone() };
        let (key, by_token) = (account_key(&account.user.id), token_key(&hash));
        let batch = Batch::new()
            .require(Precondition::Absent(key.key().clone()))
            .require(Precondition::Absent(by_token.key().clone()))
            .put(&key, &account)?
            .put(&by_token, &UserId(account.user.id.clone()))?;
        self.store.commit(batch).await?;
        Ok((account.user, token))
    }

    /// The user with this token, disabled or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn whose(&self, token: &str) -> Result<Option<Stored<Account>>, StoreError> {
        if token.is_empty() || token.len() > MAX_ID_BYTES {
            return Ok(None);
        }
        self.whose_hash(&token_hash(token)).await
    }

    /// The user whose token has this hash, disabled or not. An edge proves by this that it acts for a user who came to
    /// it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn whose_hash(&self, hash: &str) -> Result<Option<Stored<Account>>, StoreError> {
        match self.store.load(&token_key(hash)).await? {
            Some(Stored { record: UserId(id), .. }) => self.account(&id).await,
            None => Ok(None),
        }
    }

    /// A user.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn account(&self, id: &str) -> Result<Option<Stored<Account>>, StoreError> {
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return Ok(None);
        }
        self.store.load(&account_key(id)).await
    }

    /// Notes that a user is here, once a day: users who stay away for long are deleted. Returns the record as it is
    /// now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seen(
        &self,
        mut account: Stored<Account>,
        now: WallTime,
    ) -> Result<Stored<Account>, StoreError> {
        if account.record.seen_at.is_some_and(|at| now.since(at) < SEEN_EVERY) {
            return Ok(account);
        }
        account.record.seen_at = Some(now);
        let key = account_key(&account.record.user.id);
        let bytes = encode(&account.record)?;
        let unchanged = Precondition::Equals(key.key().clone(), account.bytes);
        match self.store.commit(Batch::new().require(unchanged).set(key.key().clone(), bytes.clone())).await {
            Ok(_) => Ok(Stored { record: account.record, bytes }),
            // Somebody else changed them: that will be noted another day.
            Err(StoreError::Precondition { .. }) => self
                .account(&account.record.user.id)
                .await?
                .ok_or_else(|| StoreError::Unavailable("a user vanished".to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Adds an entry in the name of a user, built from the record as it is now: it is published under no other name, and
    /// not if the user may not chat. Returns the entry and the user's record. `entry` may be called several times.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn act(
        &self,
        account: Stored<Account>,
        entry: impl Fn(&User) -> Entry,
    ) -> Result<(Entry, Stored<Account>), Refused> {
        let made = |account: &mut Account| entry(&account.user);
        self.change(account, made, |batch, _| batch).await
    }

    /// Gives a user another name, and tells it.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn rename(
        &self,
        account: Stored<Account>,
        name: &str,
        client: u64,
        now: WallTime,
    ) -> Result<(Entry, Stored<Account>), Refused> {
        let renamed = |account: &mut Account| {
            let old_name = account.user.display_name.clone();
            account.user.rename(name.to_owned(), now);
            Entry::new(now, Event::NameChanged { user: account.user.clone(), old_name, client })
        };
        self.change(account, renamed, |batch, _| batch).await
    }

    /// Gives a user another colour, a hue of [`HUES`](super::user::HUES): their messages carry it from now on.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn recolour(
        &self,
        account: Stored<Account>,
        hue: u16,
        now: WallTime,
    ) -> Result<(Entry, Stored<Account>), Refused> {
        let recoloured = |account: &mut Account| {
            account.user.recolour(hue);
            Entry::new(now, Event::UserChanged { user: account.user.clone() })
        };
        self.change(account, recoloured, |batch, _| batch).await
    }

    /// Changes a user by `made`, which returns the entry that announces it; again with the newest record where others
    /// were faster.
    async fn change(
        &self,
        mut account: Stored<Account>,
        made: impl Fn(&mut Account) -> Entry,
        also: impl Fn(Batch, &Account) -> Batch,
    ) -> Result<(Entry, Stored<Account>), Refused> {
        for _ in 0..TRIES {
            if account.record.user.disabled_at.is_some() {
                return Err(Refused::Disabled);
            }
            match self.try_change(&account, &made, &also).await {
                Err(StoreError::Precondition { .. }) => {}
                done => return Ok(done?),
            }
            account = self.account(&account.record.user.id).await?.ok_or(Refused::Unknown)?;
        }
        Err(busy().into())
    }

    async fn try_change(
        &self,
        account: &Stored<Account>,
        made: impl Fn(&mut Account) -> Entry,
        also: impl Fn(Batch, &Account) -> Batch,
    ) -> Result<(Entry, Stored<Account>), StoreError> {
        let mut changed = account.record.clone();
        let entry = made(&mut changed);
        let key = account_key(&changed.user.id);
        let mut batch = Batch::new().require(Precondition::Equals(key.key().clone(), account.bytes.clone()));
        let bytes = encode(&changed)?;
        if bytes != account.bytes {
            batch = batch.set(key.key().clone(), bytes.clone());
        }
        let batch = log::append(also(batch, &changed), std::slice::from_ref(&entry))?;
        self.store.commit(batch).await?;
        Ok((entry, Stored { record: changed, bytes }))
    }

    /// Adds entries that belong to no user.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell(&self, entries: &[Entry]) -> Result<(), StoreError> {
        self.store.commit(log::append(Batch::new(), entries)?).await.map(drop)
    }

    /// Hides messages or shows them again. Ids of no message change nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_visible(&self, ids: &[String], visible: bool, now: WallTime) -> Result<(), StoreError> {
        let entries: Vec<_> = ids
            .chunks(IDS_PER_ENTRY)
            .map(|ids| Entry::new(now, Event::Visibility { ids: ids.to_vec(), visible }))
            .collect();
        if entries.is_empty() { Ok(()) } else { self.tell(&entries).await }
    }

    /// Allows or forbids a user to chat. Forbidding hides their messages and closes their connections; these messages stay
    /// hidden when the user is enabled again. It can be repeated, and then finishes what was left undone.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::Store`].
    pub async fn set_enabled(&self, id: &str, enabled: bool, now: WallTime) -> Result<User, Refused> {
        let change = |account: &mut Account| {
            account.user.set_enabled(enabled, now);
            let user = account.user.clone();
            Entry::new(now, if enabled { Event::UserChanged { user } } else { Event::UserDisabled { user } })
        };
        let list = List::Disabled.key(id);
        let also = |batch: Batch, account: &Account| match account.user.disabled_at {
            Some(_) => batch.set(list.clone(), &b""[..]),
            None => batch.clear(list.clone()),
        };
        let user = self.set(id, change, also).await?;
        if !enabled {
            // Nothing of theirs can be added from here on.
            let (history, _) = History::load(&self.store, SEARCHED_MESSAGES).await?;
            self.set_visible(&history.visible_of(id), false, now).await?;
        }
        Ok(user)
    }

    /// Lets a user moderate, or not any more.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::Store`].
    pub async fn set_moderator(&self, id: &str, is_moderator: bool, now: WallTime) -> Result<User, Refused> {
        let change = |account: &mut Account| {
            account.user.set_moderator(is_moderator);
            Entry::new(now, Event::UserChanged { user: account.user.clone() })
        };
        let list = List::Moderators.key(id);
        let also = |batch: Batch, account: &Account| {
            if account.user.is_moderator {
                batch.set(list.clone(), &b""[..])
            } else {
                batch.clear(list.clone())
            }
        };
        self.set(id, change, also).await
    }

    /// Changes a user, disabled or not.
    async fn set(
        &self,
        id: &str,
        change: impl Fn(&mut Account) -> Entry,
        also: impl Fn(Batch, &Account) -> Batch,
    ) -> Result<User, Refused> {
        for _ in 0..TRIES {
            let account = self.account(id).await?.ok_or(Refused::Unknown)?;
            match self.try_change(&account, &change, &also).await {
                Err(StoreError::Precondition { .. }) => {}
                done => return Ok(done?.1.record.user),
            }
        }
        Err(busy().into())
    }

    /// The users on a list, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn listed(&self, list: List) -> Result<Vec<User>, StoreError> {
        let prefix = list.prefix();
        let mut users = Vec::new();
        for (key, _) in self.store.scan_all(Scan::prefix(prefix.clone()), MAX_LISTED).await? {
            let id = Items::behind(&prefix, &key).and_then(|mut items| items.text());
            if let Ok(id) = id
                && let Some(account) = self.account(&id).await?
            {
                users.push(account.record.user);
            }
        }
        Ok(users)
    }

    /// Numbers for connections: `count` of them from the returned one on. They are never given out again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn client_ids(&self, count: u64) -> Result<u64, StoreError> {
        let key = LastClient::key();
        let more = |last: &mut LastClient| {
            last.0 += count;
            Ok::<_, StoreError>(())
        };
        Ok(self.store.update(&key, more, |batch| batch).await?.0 - count)
    }
}

fn busy() -> StoreError {
    StoreError::Unavailable("others change the same user all the time".to_owned())
}
