//! Pictures of the broadcast: a still of the newest key frame, and the last stills in small as a GIF.
//!
//! Place in the flow: each broadcast has a [`Tap`] that sees what goes to the ladder and lets a key frame through every
//! [`EVERY`]; the [`Maker`] has that one frame decoded in a process of its own ([`develop`]), which is confined as the
//! transcoding process is and gives way to encoders, and compresses the pixels here ([`compress`]): nothing but pixels
//! is taken from a process that read bytes of unauthenticated clients. Edges ask for the newest ([`Pictures::get`])
//! when somebody asks them.
//!
//! Invariants: at most one frame is under way, all others are skipped, and nothing waits; pictures of a broadcast are
//! gone when the next one begins.

mod compress;
mod develop;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use farcast_link::Picture;
use farcast_telemetry::make::Make as _;
use prometheus::{IntCounterVec, Registry};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::compress::Reel;
use self::develop::Developer;
pub(crate) use self::develop::{ARGUMENT, run as run_developer};
use crate::media::{MediaEvent, Track, VideoConfig};
use crate::transcode::Launch;

/// Shortest time between two pictures: key frames come when the encoder sends them.
pub const EVERY: Duration = Duration::from_secs(5);
/// Time for which the process that decodes them is kept without a frame.
const IDLE: Duration = Duration::from_secs(30);

/// A key frame and its decoder's configuration.
#[derive(Debug)]
struct Negative {
    broadcast: u64,
    config: Arc<VideoConfig>,
    data: Bytes,
}

/// The newest pictures; clones are the same.
#[derive(Clone, Debug)]
pub struct Pictures(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// None where no pictures are to be made.
    frames: Option<mpsc::Sender<Negative>>,
    newest: Mutex<Newest>,
}

#[derive(Debug, Default)]
struct Newest {
    /// Counts broadcasts, so that late pictures of the one before are recognised.
    broadcast: u64,
    made: Option<Made>,
}

#[derive(Clone, Debug)]
struct Made {
    thumbnail: Bytes,
    preview: Bytes,
}

impl Pictures {
    /// Pictures, and their maker; where it does not run none are made.
    #[must_use]
    pub fn new(how: How, metrics: Metrics) -> (Self, Maker) {
        let (frames, taken) = mpsc::channel(1);
        let pictures = Self::with(Some(frames));
        (pictures.clone(), Maker { pictures, taken, developer: Developer::new(how), metrics })
    }

    /// None, ever.
    #[must_use]
    pub fn none() -> Self {
        Self::with(None)
    }

    fn with(frames: Option<mpsc::Sender<Negative>>) -> Self {
        Self(Arc::new(Shared { frames, newest: Mutex::default() }))
    }

    /// The newest of this kind, if there is one of the broadcast that is on, or was last.
    #[must_use]
    pub fn get(&self, picture: Picture) -> Option<Bytes> {
        let made = self.newest().made.clone()?;
        Some(match picture {
            Picture::Thumbnail => made.thumbnail,
            Picture::Preview => made.preview,
        })
    }

    /// Sees a broadcast from its beginning; pictures of another are gone, unless this one goes on with it.
    #[must_use]
    pub fn tap(&self, goes_on: bool) -> Tap {
        let mut newest = self.newest();
        if !goes_on {
            *newest = Newest { broadcast: newest.broadcast + 1, made: None };
        }
        Tap { broadcast: newest.broadcast, frames: self.0.frames.clone(), config: None, taken_at: None }
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees what a broadcast sends, and picks key frames.
#[derive(Debug)]
pub struct Tap {
    broadcast: u64,
    frames: Option<mpsc::Sender<Negative>>,
    config: Option<Arc<VideoConfig>>,
    taken_at: Option<Instant>,
}

impl Tap {
    /// Sees an event of the source. Never waits: a frame that comes while another is under way is skipped.
    pub fn see(&mut self, event: &MediaEvent, now: Instant) {
        let Some(frames) = &self.frames else { return };
        match event {
            MediaEvent::Video(config) => self.config = Some(Arc::clone(config)),
            MediaEvent::NoVideo => self.config = None,
            MediaEvent::Frame(frame) if frame.track == Track::Video && frame.key => {
                let is_due = self.taken_at.is_none_or(|at| now.saturating_duration_since(at) >= EVERY);
                let Some(config) = self.config.clone().filter(|_| is_due) else { return };
                let negative = Negative { broadcast: self.broadcast, config, data: frame.data.clone() };
                if frames.try_send(negative).is_ok() {
                    self.taken_at = Some(now);
                }
            }
            MediaEvent::Frame(_) | MediaEvent::Audio(_) | MediaEvent::NoAudio => {}
        }
    }
}

/// The place of decoding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum How {
    /// In a process of its own.
    Process(Launch),
    /// In this one.
    Here,
}

/// Makes pictures.
#[derive(Debug)]
pub struct Maker {
    pictures: Pictures,
    taken: mpsc::Receiver<Negative>,
    developer: Developer,
    metrics: Metrics,
}

impl Maker {
    /// Makes pictures until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut reel = (0, Reel::default());
        let mut is_told = false;
        let make = async {
            loop {
                let negative = match tokio::time::timeout(IDLE, self.taken.recv()).await {
                    Ok(Some(negative)) => negative,
                    Ok(None) => return,
                    Err(_) => {
                        self.developer.rest();
                        continue;
                    }
                };
                if reel.0 != negative.broadcast {
                    reel = (negative.broadcast, Reel::default());
                    // Damage that one publisher's frames did to the process must not reach another's.
                    self.developer.rest();
                    is_told = false;
                }
                let broadcast = negative.broadcast;
                match self.make(negative, &mut reel.1).await {
                    Ok(made) => {
                        self.metrics.made.with_label_values(&["made"]).inc();
                        let mut newest = self.pictures.newest();
                        if newest.broadcast == broadcast {
                            newest.made = Some(made);
                        }
                    }
                    Err(reason) => {
                        // The pictures before stay: a frame that cannot be decoded by itself is no fault of the broadcast.
                        self.metrics.made.with_label_values(&["failed"]).inc();
                        if !std::mem::replace(&mut is_told, true) {
                            tracing::warn!(%reason, "no picture was made of a key frame (logged once per broadcast)");
                        }
                    }
                }
            }
        };
        stop.run_until_cancelled(make).await;
    }

    async fn make(&mut self, negative: Negative, reel: &mut Reel) -> Result<Made, String> {
        let stills = self.developer.develop(negative.config, negative.data).await?;
        // Taken only now: a frame that cannot be decoded leaves the stills before it.
        let mut own = std::mem::take(reel);
        let compressed = tokio::task::spawn_blocking(move || {
            let thumbnail = compress::jpeg(&stills.large)?;
            let preview = own.add(&stills.small)?;
            Ok::<_, String>((Made { thumbnail, preview }, own))
        });
        let (made, own) = compressed.await.map_err(|error| error.to_string())??;
        *reel = own;
        Ok(made)
    }
}

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    made: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let about = "Pictures of the broadcast, by outcome: made or failed.";
        let made = registry.counters_of("farcast_pictures_total", about, "outcome", &["made", "failed"])?;
        Ok(Self { made })
    }
}
