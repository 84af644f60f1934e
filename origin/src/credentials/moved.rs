//! Keys and password that come from, or go to, another server.

use farcast_config::Secret;
use farcast_store::{Batch, Precondition, Store, StoreError, Stored};

use super::{HashedKey, Hashes, MAX_STREAM_KEYS, hash, key};

/// A secret as it comes.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    /// As its owner knows it.
    Plain(Secret),
    /// argon2id, of [`is_hash`].
    Hash(String),
}

impl Given {
    async fn hashed(self) -> Result<String, StoreError> {
        match self {
            Self::Plain(secret) => hash::make(secret).await,
            Self::Hash(hash) => Ok(hash),
        }
    }

    async fn is(&self, stored: &str) -> bool {
        match self {
            Self::Plain(secret) => hash::fits(stored.to_owned(), secret.clone()).await,
            Self::Hash(hash) => hash == stored,
        }
    }
}

/// True if a text is a hash such as are made here: one that costs more would let a login cost it as well.
pub(crate) fn is_hash(text: &str) -> bool {
    hash::is_ours(text)
}

/// The credentials of a store, with what changes them.
pub(crate) struct Moved {
    stored: Option<Stored<Hashes>>,
}

impl Moved {
    /// Reads them.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { stored: store.load(&key()).await? })
    }

    /// The comments and hashes of the stream keys: none before the origin's first start.
    pub(crate) fn stream_keys(&self) -> Vec<(String, String)> {
        let keys = self.stored.iter().flat_map(|stored| stored.record.keys().collect::<Vec<_>>());
        keys.map(|key| (key.comment, key.hash)).collect()
    }

    /// The hash of the admin password, where it is not the first stream key.
    pub(crate) fn admin_password(&self) -> Option<&str> {
        self.stored.as_ref()?.record.admin_password.as_deref()
    }

    /// True if this is a stream key.
    pub(crate) async fn has_key(&self, given: &Given) -> bool {
        for (_, hash) in self.stream_keys() {
            if given.is(&hash).await {
                return true;
            }
        }
        false
    }

    /// True if this is the admin password.
    pub(crate) async fn has_password(&self, given: &Given) -> bool {
        match self.admin_password().map(str::to_owned).or_else(|| Some(self.stream_keys().first()?.1.clone()))
        {
            Some(hash) => given.is(&hash).await,
            None => false,
        }
    }

    /// A batch that replaces the keys, if there are any, and the password, if it is given. The password stays what it is where
    /// only the keys change. None if there would be no stream key.
    ///
    /// # Errors
    /// When a secret cannot be hashed.
    pub(crate) async fn change(
        self,
        keys: Vec<(Given, String)>,
        password: Option<Given>,
    ) -> Result<Option<Batch>, StoreError> {
        let unchanged = match &self.stored {
            Some(Stored { bytes, .. }) => Precondition::Equals(key().key().clone(), bytes.clone()),
            None => Precondition::Absent(key().key().clone()),
        };
        let is_new = self.stored.is_none();
        let mut hashes = self.stored.map(|stored| stored.record).unwrap_or_default();
        let mut made = Vec::new();
        for (key, comment) in keys.into_iter().take(MAX_STREAM_KEYS) {
            made.push(HashedKey { hash: key.hashed().await?, comment });
        }
        let mut made = made.into_iter();
        if let Some(first) = made.next() {
            if !is_new {
                hashes.admin_password.get_or_insert_with(|| hashes.stream_key.clone());
            }
            (hashes.stream_key, hashes.comment) = (first.hash, first.comment);
            hashes.more = made.collect();
        }
        if let Some(password) = password {
            hashes.admin_password = Some(password.hashed().await?);
        }
        if hashes.stream_key.is_empty() {
            return Ok(None);
        }
        Batch::new().require(unchanged).put(&key(), &hashes).map(Some)
    }
}
