//! argon2id (RFC 9106) with the parameters that OWASP recommends: 19 MiB, two passes, one lane.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use farcast_config::Secret;
use farcast_store::StoreError;

/// Most memory in KiB, passes and lanes of a hash that comes from elsewhere: what is made here, and a little more.
const MOST: [(&str, u32); 3] = [("m", 64 * 1024), ("t", 4), ("p", 4)];

/// True if a text is a hash of argon2id that costs no more than [`MOST`].
pub(super) fn is_ours(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else { return false };
    let bounded =
        MOST.iter().all(|(name, most)| hash.params.get_decimal(*name).is_some_and(|value| value <= *most));
    text.len() <= 256 && hash.algorithm.as_str() == "argon2id" && hash.hash.is_some() && bounded
}

/// The hash of a secret, as a PHC string with its parameters and a random salt.
///
/// # Errors
/// When the system has no memory or randomness for it.
pub(super) async fn make(secret: Secret) -> Result<String, StoreError> {
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(secret.expose().as_bytes()).map(|hash| hash.to_string())
    });
    match hashed.await {
        Ok(Ok(hash)) => Ok(hash),
        _ => Err(StoreError::Unavailable("a secret cannot be hashed".to_owned())),
    }
}

/// True if a secret fits a hash.
pub(super) async fn fits(hash: String, secret: Secret) -> bool {
    let verified = tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&hash).ok()?;
        Argon2::default().verify_password(secret.expose().as_bytes(), &hash).ok()
    });
    matches!(verified.await, Ok(Some(())))
}
