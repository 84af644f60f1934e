//! What is measured each minute, for the admin page: viewers while something is on air, and how busy the machine is.

use std::path::PathBuf;
use std::sync::Arc;

use farcast_shared::runtime::LiveStatus;
use farcast_shared::store::{Store, StoreError};
use farcast_shared::time::WallTime;
use prometheus::Registry;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hardware::{Hardware, Usage};
use crate::series::{self, CPU, DISK, Kind, MEMORY, SAMPLE_EVERY, Series, VIEWERS, Writer};

/// The series. Cheap to clone; all clones are the same series.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Viewers.
    pub viewers: Series,
    /// Use of the processors, in percent.
    pub cpu: Series,
    /// Use of the memory, in percent.
    pub memory: Series,
    /// Use of the data folder's disk, in percent.
    pub disk: Series,
}

/// Takes the samples.
#[derive(Debug)]
pub struct Sampler {
    statistics: Statistics,
    writers: [Writer; 4],
    status: watch::Receiver<Option<Arc<LiveStatus>>>,
    folder: PathBuf,
}

/// Why there are no statistics.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A metric's name is taken.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

impl Statistics {
    /// What the store has, and what goes on from there. `folder` is the one whose disk is looked at.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(
        store: &Store,
        registry: &Registry,
        status: watch::Receiver<Option<Arc<LiveStatus>>>,
        folder: PathBuf,
    ) -> Result<(Self, Sampler), StatisticsError> {
        let metrics = series::Metrics::new(registry)?;
        let now = WallTime::now();
        let load = async |kind: Kind| Series::load(store, kind, now, metrics.clone()).await;
        let (viewers, write_viewers) = load(VIEWERS).await?;
        let (cpu, write_cpu) = load(CPU).await?;
        let (memory, write_memory) = load(MEMORY).await?;
        let (disk, write_disk) = load(DISK).await?;
        let statistics = Self { viewers, cpu, memory, disk };
        let writers = [write_viewers, write_cpu, write_memory, write_disk];
        Ok((statistics.clone(), Sampler { statistics, writers, status, folder }))
    }
}

impl Sampler {
    /// Samples each minute until `shutdown`, then brings what is left to the store.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { statistics, writers, status, folder } = self;
        let writing = TaskTracker::new();
        for writer in writers {
            writing.spawn(writer.run(shutdown.clone()));
        }
        writing.close();
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sample(&statistics, &status, folder) => {}
        }
        writing.wait().await;
    }
}

async fn sample(statistics: &Statistics, status: &watch::Receiver<Option<Arc<LiveStatus>>>, folder: PathBuf) {
    let opened = tokio::task::spawn_blocking(|| Hardware::new(folder)).await;
    let mut hardware = match opened {
        Ok(Ok(hardware)) => Some(hardware),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the machine is not sampled");
            None
        }
        Err(_) => None,
    };
    let mut tick = interval(SAMPLE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        if let Some(status) = status.borrow().as_ref().filter(|status| status.online) {
            #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 viewers")]
            statistics.viewers.push(WallTime::now(), status.viewers as f64);
        }
        let Some(mut taken) = hardware.take() else { continue };
        let sampled = tokio::task::spawn_blocking(move || {
            let usage = taken.sample();
            (taken, usage)
        });
        let Ok((taken, usage)) = sampled.await else { continue };
        hardware = Some(taken);
        let Usage { cpu, memory, disk } = usage;
        for (series, value) in
            [(&statistics.cpu, cpu), (&statistics.memory, memory), (&statistics.disk, disk)]
        {
            if let Some(value) = value {
                series.push(WallTime::now(), value);
            }
        }
    }
}
