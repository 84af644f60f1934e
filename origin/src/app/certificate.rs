//! The certificate of this origin's TLS listeners, and the one for all edges.

use std::sync::Arc;

use bytes::Bytes;
use farcast_certificates::{Announced, Current, Files, Following};
use farcast_link::sender::{Edges, Identity};
use farcast_service::tasks::{Stage, Tasks};
use farcast_store::Store;
use prometheus::Registry;
use tokio::sync::watch;

use super::Task;
use crate::acme::{self, Acme, Key};
use crate::settings::Settings;

/// What there is of it before anything runs.
pub(super) struct Certificate {
    /// That of the TLS listeners.
    pub(super) current: Arc<Current>,
    announce: watch::Sender<Option<Arc<Announced>>>,
    files: Option<Files>,
}

/// What keeps it.
pub(super) struct Keeping {
    store: Store,
    announce: watch::Sender<Option<Arc<Announced>>>,
    files: Option<Files>,
    acme: Option<Acme>,
}

impl Certificate {
    /// Reads the files, where they are configured. Blocks on the disk.
    ///
    /// # Errors
    /// When they are of no use.
    pub(super) fn open(settings: &Settings, registry: &Registry) -> anyhow::Result<Self> {
        let (announce, following) = watch::channel(None);
        let metrics = farcast_certificates::Metrics::new(registry)?;
        let current = Arc::new(Current::new(following, metrics));
        let files = match (settings.tls_cert.clone(), settings.tls_key.clone()) {
            (Some(chain), Some(key)) => Some(Files::open(chain, key, Arc::clone(&current))?),
            _ => None,
        };
        Ok(Self { current, announce, files })
    }

    /// The announcements, with the answers to an authority's challenges.
    pub(super) fn following(&self) -> Following {
        self.announce.subscribe()
    }

    /// What keeps it, and what edges are given.
    ///
    /// # Errors
    /// When the store fails, or a metric is there twice.
    pub(super) async fn keeping(
        self,
        settings: &Settings,
        store: &Store,
        edges: Edges,
        identity: &Identity,
        registry: &Registry,
    ) -> anyhow::Result<(Keeping, watch::Receiver<Option<Bytes>>)> {
        let (given, give) = watch::channel(None);
        let metrics = acme::Metrics::new(registry)?;
        let acme = match settings.acme() {
            Some(config) => {
                let services = acme::Services {
                    store: store.clone(),
                    edges,
                    following: self.announce.subscribe(),
                    current: self.files.is_none().then_some(self.current),
                    given,
                    key: Key::of(identity),
                    metrics,
                };
                Some(Acme::new(config, services))
            }
            None => {
                acme::announce_none(store).await?;
                None
            }
        };
        let (store, announce, files) = (store.clone(), self.announce, self.files);
        Ok((Keeping { store, announce, files, acme }, give))
    }
}

impl Keeping {
    /// Starts what there is.
    pub(super) fn start(self, tasks: &mut Tasks<Task>, stage: &Stage) {
        let Self { store, announce, files, acme } = self;
        tasks.spawn_until_stopped(stage, Task::Certificates, async move {
            farcast_certificates::follow(&store, &announce).await;
        });
        if let Some(files) = files {
            tasks.spawn(stage, Task::CertificateFiles, |stop| files.run(stop));
        }
        if let Some(acme) = acme {
            tasks.spawn(stage, Task::Acme, |stop| acme.run(stop));
        }
    }
}
