//! Measurements of each minute, for the admin page: viewers during a broadcast, and the load of the machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use farcast_feed::time::WallTime;
use farcast_service::tasks::{Contained, Part, relay};
use farcast_settings::LiveStatus;
use farcast_store::{Store, StoreError};
use prometheus::Registry;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

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
    /// Panics while the machine's state is read.
    panics: Contained,
}

/// The reason why there are no statistics.
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
    /// Loads the stored samples, and goes on from there. `folder` is the one whose disk is measured.
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
        let panics = Contained::new(Part::Hardware, registry)?;
        let now = WallTime::now();
        let load = async |kind: Kind| Series::load(store, kind, now, metrics.clone()).await;
        let (viewers, write_viewers) = load(VIEWERS).await?;
        let (cpu, write_cpu) = load(CPU).await?;
        let (memory, write_memory) = load(MEMORY).await?;
        let (disk, write_disk) = load(DISK).await?;
        let statistics = Self { viewers, cpu, memory, disk };
        let writers = [write_viewers, write_cpu, write_memory, write_disk];
        Ok((statistics.clone(), Sampler { statistics, writers, status, folder, panics }))
    }
}

impl Sampler {
    /// Samples each minute until `shutdown`, then writes the rest to the store.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { statistics, writers, status, folder, panics } = self;
        let mut writing = JoinSet::new();
        for writer in writers {
            writing.spawn(writer.run(shutdown.clone()));
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sample(&statistics, &status, folder, &panics) => {}
            Some(ended) = writing.join_next() => drop(relay(ended)),
        }
        while let Some(ended) = writing.join_next().await {
            relay(ended);
        }
    }
}

async fn sample(
    statistics: &Statistics,
    status: &watch::Receiver<Option<Arc<LiveStatus>>>,
    folder: PathBuf,
    panics: &Contained,
) {
    // A panic is logged and counted: the machine is not sampled then, and broadcasts go on.
    let contained = panics.clone();
    let opened = tokio::task::spawn_blocking(move || contained.call(|| Hardware::new(folder)));
    let mut hardware = match relay(opened.await).flatten() {
        Some(Ok(hardware)) => Some(hardware),
        Some(Err(error)) => {
            tracing::warn!(%error, "the machine is not sampled");
            None
        }
        None => None,
    };
    let mut tick = interval(SAMPLE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        if let Some(status) = status.borrow().as_ref().filter(|status| status.online) {
            #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 viewers")]
            statistics.viewers.push(WallTime::now(), Instant::now(), status.viewers as f64);
        }
        let Some(mut taken) = hardware.take() else { continue };
        let contained = panics.clone();
        let sampled = tokio::task::spawn_blocking(move || {
            contained.call(move || {
                let usage = taken.sample();
                (taken, usage)
            })
        });
        let Some((taken, usage)) = relay(sampled.await).flatten() else { continue };
        hardware = Some(taken);
        let Usage { cpu, memory, disk } = usage;
        for (series, value) in
            [(&statistics.cpu, cpu), (&statistics.memory, memory), (&statistics.disk, disk)]
        {
            if let Some(value) = value {
                series.push(WallTime::now(), Instant::now(), value);
            }
        }
    }
}
