//! What is kept in the store from one start to the next: the account, the certificate, and the attempts that failed.

use std::time::SystemTime;

use farcast_certificates::{Checked, Pair};
use farcast_feed::time::WallTime;
use farcast_store::wire::PRIVATE;
use farcast_store::{Batch, Record, Store, StoreError, Tuple, TypedKey, encode};
use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};

use super::Config;
use super::sealed::Key;

/// Longest text of a failure that is kept, in characters.
const MAX_ERROR_CHARS: usize = 1000;

/// See the module.
pub(super) struct Kept {
    /// The account at the configured authority.
    pub(super) account: Option<AccountCredentials>,
    /// The newest certificate; it may be for other names than are configured now.
    pub(super) certificate: Option<(Pair, Checked)>,
    pub(super) attempts: Attempts,
}

/// Attempts that failed since the last certificate.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attempts {
    /// The configuration that they were made with: with another one they do not count.
    of: String,
    pub(super) failures: u32,
    next: WallTime,
    error: String,
}

impl Record for Attempts {
    const VERSION: u8 = 1;
}

impl Attempts {
    pub(super) fn not_before(&self) -> SystemTime {
        if self.failures == 0 { SystemTime::UNIX_EPOCH } else { self.next.into() }
    }

    pub(super) fn failed(&mut self, next: SystemTime, error: &str) {
        self.failures = self.failures.saturating_add(1);
        self.next = next.into();
        self.error = error.chars().take(MAX_ERROR_CHARS).collect();
    }

    pub(super) fn forget(&mut self) {
        *self = Self { of: std::mem::take(&mut self.of), ..Self::default() };
    }
}

/// Something sealed, with what may be read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Sealed {
    /// Of an account the authority; of a certificate nothing.
    of: String,
    bytes: Vec<u8>,
}

impl Record for Sealed {
    const VERSION: u8 = 1;
}

const ACCOUNT: &str = "acme account";
const CERTIFICATE: &str = "certificate";

fn private(name: &str) -> farcast_store::Key {
    Tuple::new().text(PRIVATE).text(name).key()
}

/// Where it is kept.
#[derive(Debug)]
pub(super) struct Shelf {
    store: Store,
    key: Key,
    account: TypedKey<Sealed>,
    certificate: TypedKey<Sealed>,
    attempts: TypedKey<Attempts>,
}

impl Shelf {
    pub(super) fn new(store: Store, key: Key) -> Self {
        Self {
            store,
            key,
            account: TypedKey::new(private("acme_account")),
            certificate: TypedKey::new(private("certificate")),
            attempts: TypedKey::new(private("acme_attempts")),
        }
    }

    /// What is kept for this configuration. What another origin sealed, or cannot be read, is as if it was not there.
    pub(super) async fn load(&self, config: &Config) -> Result<Kept, StoreError> {
        let account = self.opened(&self.account, ACCOUNT).await?;
        let account = account.filter(|(of, _)| *of == config.directory);
        let certificate = self.opened(&self.certificate, CERTIFICATE).await?;
        let certificate = certificate.and_then(|(_, text)| {
            let pair: Pair = serde_json::from_slice(&text).ok()?;
            let checked = pair.check();
            let checked =
                checked.inspect_err(|error| tracing::warn!(%error, "the kept certificate is of no use"));
            Some((pair, checked.ok()?))
        });
        let of = format!("{} {:?} {:?}", config.directory, config.domains, config.challenges);
        let attempts = self.store.load(&self.attempts).await?.map(|stored| stored.record);
        let attempts = attempts.filter(|attempts| attempts.of == of);
        Ok(Kept {
            account: account.and_then(|(_, text)| serde_json::from_slice(&text).ok()),
            certificate,
            attempts: attempts.unwrap_or(Attempts { of, ..Attempts::default() }),
        })
    }

    async fn opened(
        &self,
        key: &TypedKey<Sealed>,
        purpose: &str,
    ) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let Some(stored) = self.store.load(key).await? else { return Ok(None) };
        let opened = self.key.open(purpose, &stored.record.bytes).inspect_err(|error| {
            tracing::warn!(%error, purpose, "what is kept in the store cannot be opened; another is obtained");
        });
        Ok(opened.ok().map(|text| (stored.record.of, text)))
    }

    pub(super) async fn save_account(
        &self,
        config: &Config,
        credentials: &AccountCredentials,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_vec(credentials).unwrap_or_default();
        let batch = self.sealed(Batch::new(), &self.account, (ACCOUNT, &config.directory), &text)?;
        self.store.commit(batch).await.map(drop)
    }

    /// Keeps a certificate, and that nothing failed since.
    pub(super) async fn save_certificate(&self, pair: &Pair, attempts: &Attempts) -> Result<(), StoreError> {
        let text = serde_json::to_vec(pair).unwrap_or_default();
        let batch = self.sealed(Batch::new(), &self.certificate, (CERTIFICATE, ""), &text)?;
        self.store.commit(batch.set(self.attempts.key().clone(), encode(attempts)?)).await.map(drop)
    }

    pub(super) async fn save_attempts(&self, attempts: &Attempts) -> Result<(), StoreError> {
        let batch = Batch::new().set(self.attempts.key().clone(), encode(attempts)?);
        self.store.commit(batch).await.map(drop)
    }

    fn sealed(
        &self,
        batch: Batch,
        key: &TypedKey<Sealed>,
        (purpose, of): (&str, &str),
        text: &[u8],
    ) -> Result<Batch, StoreError> {
        let bytes =
            self.key.seal(purpose, text).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(batch.set(key.key().clone(), encode(&Sealed { of: of.to_owned(), bytes })?))
    }
}
