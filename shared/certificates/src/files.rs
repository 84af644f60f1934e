//! A certificate in two files that somebody else keeps: read at the start, and again whenever they change.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use farcast_service::tasks::relay;
use farcast_service::tls::{self, TlsError};
use tokio_util::sync::CancellationToken;

use crate::current::Current;
use crate::pair::{Checked, PairError};

/// Interval at which the files are checked.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct Files {
    chain: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    /// The version that was read last, successfully or not.
    seen: Mutex<Option<Version>>,
}

/// Distinguishes both files from those before.
type Version = [(SystemTime, u64); 2];

impl Files {
    /// Reads a certificate chain and a key, both PEM, for TLS. Blocks on the disk. A key that every user of this machine may
    /// read is warned of.
    ///
    /// # Errors
    /// [`PairError`].
    pub fn open(chain: PathBuf, key: PathBuf, current: Arc<Current>) -> Result<Self, PairError> {
        let files = Self { chain, key, current, seen: Mutex::default() };
        files.reload()?;
        Ok(files)
    }

    /// Reads the files again if they are others than before; whether they were. Blocks on the disk; handshakes go on.
    ///
    /// # Errors
    /// [`PairError`], once for each change: the former certificate stays.
    pub fn reload(&self) -> Result<bool, PairError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.version().map_err(|error| {
            // It is said once that a file is gone, and noticed when it is back.
            (seen.take().is_some() || !self.current.is_there()).then_some(error)
        });
        let found = match found {
            Ok(found) => found,
            Err(Some(error)) => return Err(error.into()),
            Err(None) => return Ok(false),
        };
        if seen.replace(found) == Some(found) {
            return Ok(false);
        }
        self.current.set(&Checked::of(tls::load(&self.chain, &self.key)?)?);
        Ok(true)
    }

    fn version(&self) -> Result<Version, TlsError> {
        let one = |path: &PathBuf| {
            let read = || {
                let file = std::fs::metadata(path)?;
                Ok((file.modified()?, file.len()))
            };
            read().map_err(|source| TlsError::File { path: path.clone(), source })
        };
        Ok([one(&self.chain)?, one(&self.key)?])
    }

    /// Checks the files every ten seconds, on threads that may block. Cancel safe.
    pub async fn run(self, shutdown: CancellationToken) {
        let files = Arc::new(self);
        let check = async {
            loop {
                tokio::time::sleep(CHECK_EVERY).await;
                let reading = Arc::clone(&files);
                match relay(tokio::task::spawn_blocking(move || reading.reload()).await) {
                    Some(Ok(true)) => {
                        tracing::info!(certificate = %files.chain.display(), "another certificate is used from now on");
                    }
                    Some(Ok(false)) | None => {}
                    // A certificate that was replaced before its key is looked at again when the key is.
                    Some(Err(error)) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(
                            error,
                            "the certificate was changed and cannot be used: the former one stays"
                        );
                    }
                }
            }
        };
        shutdown.run_until_cancelled(check).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::UNIX_EPOCH;

    use prometheus::Registry;
    use tokio::sync::watch;

    use super::*;
    use crate::metrics::Metrics;
    use crate::pair::Pair;
    use crate::pair::tests::made;

    fn current() -> Arc<Current> {
        let (_, following) = watch::channel(None);
        Arc::new(Current::new(following, Metrics::new(&Registry::new()).unwrap()))
    }

    /// Writes a file so that it differs from the one before even on a disk with coarse times.
    fn write(path: &Path, text: &str, age: u64) {
        std::fs::write(path, text).unwrap();
        let file = std::fs::File::options().append(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(age)).unwrap();
    }

    fn pair(name: &str) -> Pair {
        made(&[name], SystemTime::now(), Duration::from_secs(3600))
    }

    #[test]
    fn files_that_change_are_read_again_and_what_is_no_pair_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        let current = current();
        let open = || Files::open(chain.clone(), key.clone(), Arc::clone(&current));
        assert!(matches!(open(), Err(PairError::Tls(TlsError::File { .. }))));
        let (first, second) = (pair("a.example"), pair("b.example"));
        write(&chain, &first.chain_pem, 1);
        write(&key, &first.key_pem, 1);
        let files = open().unwrap();
        let used = || current.newest_names();
        assert_eq!(used(), ["a.example"]);
        assert!(!files.reload().unwrap(), "nothing has changed");
        // The new certificate is there before its key.
        write(&chain, &second.chain_pem, 2);
        assert!(files.reload().is_err());
        assert!(!files.reload().unwrap(), "it is said once");
        assert_eq!(used(), ["a.example"]);
        write(&key, &second.key_pem, 2);
        assert!(files.reload().unwrap());
        assert_eq!(used(), ["b.example"]);
        std::fs::remove_file(&key).unwrap();
        assert!(files.reload().is_err());
        assert!(!files.reload().unwrap(), "it is said once");
        assert_eq!(used(), ["b.example"]);
        write(&key, &second.key_pem, 2);
        assert!(files.reload().unwrap(), "it is back");
    }
}
