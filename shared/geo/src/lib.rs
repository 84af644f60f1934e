//! Places of addresses, from a GeoIP file of the operator (MaxMind DB format 2.0: GeoLite2-City, GeoIP2-City, DB-IP
//! City). Optional: without a file no place is known.
//!
//! Place in the flow: an edge asks when somebody joins the chat, for the admin to see, and when a viewer is led to the nearest
//! edge; the origin asks for the latter too.
//!
//! Invariants: a lookup touches memory only; a file that changes is reloaded off the hot path ([`Geo::run`]), and one that
//! is damaged or gone leaves the former content in use. The file is in memory, some 70 MB for GeoLite2-City: if it were
//! mapped, a file that is cut short while it is replaced would end the process.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

pub use farcast_chat::Place;
use farcast_routing::Coordinates;
use farcast_service::tasks::{Contained, relay};
use farcast_telemetry::throttle::Throttle;
use maxminddb::{MaxMindDbError, Reader};
use tokio_util::sync::CancellationToken;

mod record;
#[cfg(test)]
mod tests;

/// Interval at which the file is checked.
const CHECK_EVERY: Duration = Duration::from_secs(60);

/// Largest file: several times the largest that is sold.
const MAX_FILE_BYTES: u64 = 2 << 30;

/// Interval of warnings about damaged records.
const COMPLAIN: Duration = Duration::from_secs(600);

/// The file's content.
#[derive(Debug)]
pub struct Geo {
    file: Option<File>,
    complaints: Mutex<Throttle>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    reader: RwLock<Reader<Vec<u8>>>,
    /// The version that was read last, successfully or not; `None` when there was no file.
    seen: Mutex<Option<Version>>,
}

/// Distinguishes a file from the one that it replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Version {
    modified: SystemTime,
    bytes: u64,
}

/// The reason why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file cannot be read.
    #[error("cannot read the GeoIP file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is too large for memory.
    #[error("the GeoIP file {} has more than {MAX_FILE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is no MaxMind DB.
    #[error("the GeoIP file {} is damaged, or no GeoIP file: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: MaxMindDbError,
    },
}

impl Geo {
    /// No file: nobody's place is known but that of this machine.
    #[must_use]
    pub fn none() -> Self {
        Self { file: None, complaints: Mutex::new(Throttle::new(COMPLAIN)) }
    }

    /// Reads a file. Blocks on the disk.
    ///
    /// # Errors
    /// [`GeoError`].
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        let seen = version(path)?;
        let reader = RwLock::new(read(path)?);
        let file = File { path: path.to_owned(), reader, seen: Mutex::new(Some(seen)) };
        Ok(Self { file: Some(file), ..Self::none() })
    }

    /// The place of an address, if the file has it. `None` too for anonymous proxies, and where a record is damaged.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address == IpAddr::V6(Ipv6Addr::LOCALHOST) {
            return Some(Place {
                country_code: "N/A".to_owned(),
                region_name: "Localhost".to_owned(),
                time_zone: String::new(),
            });
        }
        let reader = self.file.as_ref()?.reader.read().unwrap_or_else(PoisonError::into_inner);
        record::place(&reader, address).unwrap_or_else(|error| {
            self.complain(&error);
            None
        })
    }

    /// The coordinates of an address, if the file has them: of a town, so some tens of kilometres off, or of the middle of a
    /// country. `None` too where a record is damaged.
    #[must_use]
    pub fn coordinates(&self, address: IpAddr) -> Option<Coordinates> {
        let reader = self.file.as_ref()?.reader.read().unwrap_or_else(PoisonError::into_inner);
        record::coordinates(&reader, address.to_canonical()).unwrap_or_else(|error| {
            self.complain(&error);
            None
        })
    }

    /// Reads the file again if it is another one than before; whether it was. Blocks on the disk; lookups go on meanwhile.
    ///
    /// # Errors
    /// [`GeoError`], once per file: the former content stays.
    pub fn reload(&self) -> Result<bool, GeoError> {
        let Some(file) = &self.file else { return Ok(false) };
        let mut seen = file.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match version(&file.path) {
            Ok(found) => found,
            Err(error) => return if seen.take().is_some() { Err(error) } else { Ok(false) },
        };
        if seen.replace(found) == Some(found) {
            return Ok(false);
        }
        let reader = read(&file.path)?;
        *file.reader.write().unwrap_or_else(PoisonError::into_inner) = reader;
        Ok(true)
    }

    /// True if there is a file, and so something to do for [`Geo::run`].
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Checks the file every minute, on threads that may block. A file that makes the reader panic leaves the former
    /// content in use, as a damaged one does. Cancel safe.
    pub async fn run(self: Arc<Self>, panics: Contained, shutdown: CancellationToken) {
        let check = async {
            loop {
                tokio::time::sleep(CHECK_EVERY).await;
                let (geo, panics) = (Arc::clone(&self), panics.clone());
                let reload = move || panics.call(|| geo.reload());
                match relay(tokio::task::spawn_blocking(reload).await).flatten() {
                    Some(Ok(true)) => tracing::info!("the GeoIP file has changed and was read"),
                    Some(Ok(false)) => {}
                    Some(Err(error)) => tracing::warn!(%error, "the older GeoIP file stays in use"),
                    None => tracing::error!("reading the GeoIP file panicked, the older one stays in use"),
                }
            }
        };
        shutdown.run_until_cancelled(check).await;
    }

    fn complain(&self, error: &MaxMindDbError) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = complaints.admit(std::time::Instant::now()) {
            tracing::warn!(%error, suppressed, "a record of the GeoIP file cannot be read");
        }
    }
}

fn version(path: &Path) -> Result<Version, GeoError> {
    let read = || {
        let metadata = std::fs::metadata(path)?;
        Ok(Version { modified: metadata.modified()?, bytes: metadata.len() })
    };
    read().map_err(|source| GeoError::Read { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, GeoError> {
    let fails = |source| GeoError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fails)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(fails)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(GeoError::TooLarge { path: path.to_owned() });
    }
    Reader::from_source(bytes).map_err(|source| GeoError::Damaged { path: path.to_owned(), source })
}
