//! The key by which the directory knows this server again.

use farcast_store::wire::PRIVATE;
use farcast_store::{Batch, Precondition, Record, Store, StoreError, Tuple, TypedKey};
use serde::{Deserialize, Serialize};

/// The key. No `Debug`: it is a secret.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct SavedKey {
    pub(super) key: String,
}

impl Record for SavedKey {
    const VERSION: u8 = 1;
}

fn place() -> TypedKey<SavedKey> {
    TypedKey::new(Tuple::new().text(PRIVATE).text("directory_key").key())
}

/// Forgets the key: the directory will take this for a new server.
///
/// # Errors
/// The store's.
pub async fn reset_key(store: &Store) -> Result<(), StoreError> {
    store.commit(Batch::new().clear(place().key().clone())).await?;
    Ok(())
}

/// The key, and what must hold to replace it; empty when there is none.
pub(super) async fn load(store: &Store) -> Result<(SavedKey, Precondition), StoreError> {
    let place = place();
    Ok(match store.load(&place).await? {
        Some(stored) => (stored.record, Precondition::Equals(place.key().clone(), stored.bytes)),
        None => (SavedKey::default(), Precondition::Absent(place.key().clone())),
    })
}

/// Replaces the key, unless it was replaced meanwhile: an operator who reset it does not want the old one's successor.
pub(super) async fn replace(
    store: &Store,
    unchanged: Precondition,
    key: &SavedKey,
) -> Result<(), StoreError> {
    match store.commit(Batch::new().require(unchanged).put(&place(), key)?).await {
        Ok(_) | Err(StoreError::Precondition { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
