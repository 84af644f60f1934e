//! The edge's identity: its key, its certificate, and where its origin is.
//!
//! Kept in the data directory as `edge-identity.json`, readable by its owner only and replaced
//! atomically. The join token's secret is not in it: with the file alone an edge can connect, and needs
//! the token only to enrol again.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// File name in the data directory.
const FILE: &str = "edge-identity.json";

/// A certificate is renewed so long before it expires.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// An edge's identity, received at enrolment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// PKCS #8 (RFC 5958) of its key.
    pub(super) key: Vec<u8>,
    /// DER of its certificate.
    pub(super) certificate: Vec<u8>,
    /// Expiry of the certificate, in seconds since 1970.
    pub(super) expires_at_s: u64,
    /// SHA-256 of the DER of the origin's authority.
    pub(super) fingerprint: [u8; 32],
    /// `host:port` of the origin.
    pub(super) addresses: Vec<String>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Identity {
    /// The name that the origin gave this edge: the common name of its certificate.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let (_, certificate) = x509_parser::parse_x509_certificate(&self.certificate).ok()?;
        let name = certificate.subject().iter_common_name().next()?;
        name.as_str().ok().map(str::to_owned)
    }

    /// True if the certificate is about to expire at `now`.
    #[must_use]
    pub fn needs_renewal(&self, now: SystemTime) -> bool {
        self.has_expired(now + RENEW_BEFORE)
    }

    /// True if the certificate is of no use any more at `now`.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires_at_s < now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

/// The file of the identity.
#[derive(Clone, Debug)]
pub struct IdentityFile {
    path: PathBuf,
}

impl IdentityFile {
    /// In this directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { path: dir.join(FILE) }
    }

    /// The identity; `None` when there is none or it is damaged, for then enrolling again mends it.
    #[must_use]
    pub fn load(&self) -> Option<Identity> {
        let bytes = std::fs::read(&self.path).ok()?;
        let parsed = serde_json::from_slice(&bytes);
        if parsed.is_err() {
            tracing::warn!("the edge's identity is damaged and ignored");
        }
        parsed.ok()
    }

    /// Replaces the identity, atomically.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, identity: &Identity) -> std::io::Result<()> {
        if let Some(dir) = self.path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let temporary = self.path.with_extension("tmp");
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(&serde_json::to_vec(identity)?)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_kept_private_and_damage_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let store = IdentityFile::new(dir.path());
        assert_eq!(store.load(), None);
        let (key, certificate) = (vec![1, 2, 3], vec![4]);
        let addresses = vec!["a:1".to_owned()];
        let identity = Identity { key, certificate, expires_at_s: 9, fingerprint: [7; 32], addresses };
        store.save(&identity).unwrap();
        assert_eq!(store.load(), Some(identity.clone()));
        assert!(identity.needs_renewal(SystemTime::now()));
        assert!(!format!("{identity:?}").contains("[1, 2, 3]"));
        std::fs::write(dir.path().join(FILE), b"garbage").unwrap();
        assert_eq!(store.load(), None);
    }
}
