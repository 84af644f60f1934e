//! The certificate that the origin has for all edges: asked for over the link whenever another one is announced, used at
//! once, and kept in the data folder for a start without the origin.
//!
//! Invariant: a certificate that cannot be used never takes the place of one that can.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_certificates::{Current, Fingerprint, Following, Pair, PairError};
use farcast_link::receiver::{FetchError, Fetcher};
use farcast_service::tasks::relay;
use farcast_telemetry::file;

/// Name of the file in the data folder.
pub const FILE: &str = "shared-certificate.json";

/// Pauses after a certificate that did not come: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// The answer of an [`Origin`].
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send + 'a>>;

/// Where the certificate comes from.
pub trait Origin: Send + Sync + 'static {
    /// The certificate and its key: a [`Pair`] as JSON.
    fn certificate(&self) -> Asked<'_>;
}

impl Origin for Fetcher {
    fn certificate(&self) -> Asked<'_> {
        Box::pin(Self::certificate(self))
    }
}

/// See the module.
pub struct Keeper {
    origin: Box<dyn Origin>,
    current: Arc<Current>,
    following: Following,
    file: PathBuf,
    used: Option<Fingerprint>,
    /// Whether it was said that there is none.
    warned: bool,
}

/// The reason why a certificate that is announced is not used.
#[derive(Debug, thiserror::Error)]
enum NotUsed {
    #[error("the origin does not give it: {0}")]
    Asking(#[from] FetchError),
    #[error("the origin's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error("the origin has another one than is announced")]
    Other,
}

impl Keeper {
    /// Keeps `current` as the origin announces it, with a copy in `data_dir`.
    #[must_use]
    pub fn new(origin: impl Origin, current: Arc<Current>, following: Following, data_dir: &Path) -> Self {
        Self {
            origin: Box::new(origin),
            current,
            following,
            file: data_dir.join(FILE),
            used: None,
            warned: false,
        }
    }

    /// Runs until dropped.
    pub async fn run(mut self) {
        self.use_kept().await;
        let [first, longest] = PAUSES;
        let mut pause = first;
        loop {
            let Some(wanted) = self.wanted().await else { return std::future::pending().await };
            match self.bring(&wanted).await {
                Ok(()) => {
                    pause = first;
                    tracing::info!(certificate = %wanted, "the origin's certificate is used from now on");
                }
                Err(error) => {
                    tracing::warn!(%error, again_after = ?pause, "the announced certificate is not used yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }

    /// Waits until another certificate is announced than the one that is used; none if nobody announces any more.
    async fn wanted(&mut self) -> Option<Fingerprint> {
        let used = self.used.clone();
        let warned = &mut self.warned;
        let announced = self.following.wait_for(|announced| {
            let Some(announced) = announced else { return false };
            if announced.certificate.is_none() && used.is_none() && !std::mem::replace(warned, true) {
                tracing::warn!(
                    "https_listen refuses viewers: the origin has no certificate yet; set acme_domains there, or tls_cert and \
                     tls_key here"
                );
            }
            announced.certificate.is_some() && announced.certificate != used
        });
        announced.await.ok()?.as_ref()?.certificate.clone()
    }

    async fn bring(&mut self, wanted: &Fingerprint) -> Result<(), NotUsed> {
        let pair: Pair = serde_json::from_slice(&self.origin.certificate().await?)?;
        if pair.fingerprint() != *wanted {
            return Err(NotUsed::Other);
        }
        self.current.set(&pair.check()?);
        self.used = Some(wanted.clone());
        let (file, bytes) = (self.file.clone(), serde_json::to_vec(&pair)?);
        let written = tokio::task::spawn_blocking(move || file::write_private(&file, &bytes)).await;
        if let Some(Err(error)) = relay(written) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the certificate is in use, but not kept for a start without the origin");
        }
        Ok(())
    }

    async fn use_kept(&mut self) {
        let file = self.file.clone();
        let read = relay(tokio::task::spawn_blocking(move || std::fs::read(file)).await);
        let bytes = match read {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return,
            Some(Err(error)) => return tracing::warn!(%error, "the kept certificate cannot be read"),
            None => return,
        };
        let used = || {
            let pair: Pair = serde_json::from_slice(&bytes)?;
            self.current.set(&pair.check()?);
            Ok::<_, NotUsed>(pair.fingerprint())
        };
        match used() {
            Ok(fingerprint) => self.used = Some(fingerprint),
            Err(error) => tracing::warn!(%error, "the kept certificate is of no use"),
        }
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
