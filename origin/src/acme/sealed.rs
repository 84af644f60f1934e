//! Sealing what is kept in the store, which backups and, with a cluster, edges can read: AES-256-GCM under a key that follows
//! from the origin's identity, which is in its data folder alone.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use farcast_link::sender::Identity;
use rand::RngCore as _;

/// The key.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// Something that was not sealed by this key for this purpose, or was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it was sealed by another origin, or is damaged")]
pub(super) struct Unreadable;

impl Key {
    /// The key of an origin.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        Self(identity.secret_for("certificates in the store"))
    }

    fn cipher(&self) -> Result<LessSafeKey, Unreadable> {
        UnboundKey::new(&AES_256_GCM, &self.0).map(LessSafeKey::new).map_err(|_| Unreadable)
    }

    /// Seals a text for a purpose. The nonce, random with 96 bits, comes first: some dozens are ever made with a key.
    pub(super) fn seal(&self, purpose: &str, text: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = text.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| Unreadable)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for this purpose.
    pub(super) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unreadable)?;
        let mut text = rest.to_vec();
        let (nonce, purpose) = (Nonce::assume_unique_for_key(*nonce), Aad::from(purpose.as_bytes()));
        let len = self.cipher()?.open_in_place(nonce, purpose, &mut text).map_err(|_| Unreadable)?.len();
        text.truncate(len);
        Ok(text)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn key(byte: u8) -> Key {
        Key([byte; 32])
    }

    #[test]
    fn what_is_sealed_opens_by_its_key_for_its_purpose_alone() {
        let (key, other) = (key(1), key(2));
        let sealed = key.seal("a", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(key.open("a", &sealed).as_deref(), Ok(&b"secret"[..]));
        assert_ne!(key.seal("a", b"secret").unwrap(), sealed, "a nonce is used once");
        assert_eq!(key.open("b", &sealed), Err(Unreadable));
        assert_eq!(other.open("a", &sealed), Err(Unreadable));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open("a", &changed), Err(Unreadable), "{at}");
        }
        assert_eq!(key.open("a", &sealed[..5]), Err(Unreadable));
    }
}
