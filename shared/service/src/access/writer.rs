//! The thread that writes the access log.
//!
//! A file that was renamed or removed, as logrotate does, is opened anew within [`LOOK`], so nothing has to be signalled.
//! A disk that is full or broken costs lines, which are counted; it is tried again with the next ones.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use farcast_telemetry::throttle::Throttle;
use tokio_util::sync::CancellationToken;

use super::line::Record;
use super::{Format, Metrics, Target};
use crate::tasks::Running;

/// Interval at which a file is looked for at its path, and at which a stop is seen.
const LOOK: Duration = Duration::from_millis(500);
/// Longest text of lines that are written at once.
const BATCH_BYTES: usize = 64 << 10;
/// Interval of warnings about a disk that fails.
const COMPLAIN: Duration = Duration::from_secs(30);
/// Longest time for the last lines when the program stops: a disk that hangs keeps no program.
const LAST_LINES: Duration = Duration::from_secs(3);

/// The reason why there is no access log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened.
    #[error("access_log: cannot write to {}: its folder must be there, and writable for this program", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The counters are registered already.
    #[error("counters of the access log")]
    Metrics(#[from] prometheus::Error),
}

/// Writes what the queue has. Constructing it starts nothing; see [`Writer::run`].
#[derive(Debug)]
pub struct Writer {
    entries: Receiver<Record>,
    format: Format,
    output: Output,
    metrics: Metrics,
}

impl Writer {
    pub(super) fn open(
        target: &Target,
        format: Format,
        entries: Receiver<Record>,
        metrics: Metrics,
    ) -> Result<Self, OpenError> {
        let output = Output::open(target)
            .map_err(|(path, source)| OpenError::File { path: path.to_owned(), source })?;
        Ok(Self { entries, format, output, metrics })
    }

    /// Writes until `stop`, and then what is still in the queue, for some seconds at most.
    ///
    /// Cancel safety: dropping the future leaves the thread to end by itself.
    pub async fn run(self, stop: CancellationToken) {
        let (running, ended) = Running::new();
        let is_stopping = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_stopping);
        let thread = std::thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            let _running = running;
            self.write_until(&seen);
        });
        if let Err(error) = thread {
            tracing::error!(%error, "there is no thread for the access log");
            return;
        }
        // A thread that panics ends early, which ends the program.
        if stop.run_until_cancelled(ended.clone().wait()).await.is_some() {
            return;
        }
        is_stopping.store(true, Ordering::Relaxed);
        if tokio::time::timeout(LAST_LINES, ended.wait()).await.is_err() {
            tracing::warn!("the access log's disk hangs: its last lines are lost");
        }
    }

    fn write_until(mut self, is_stopping: &AtomicBool) {
        let mut complaints = Throttle::new(COMPLAIN);
        let mut lines = String::new();
        loop {
            // Looked at before the queue: what came before the stop is written.
            let is_last = is_stopping.load(Ordering::Relaxed);
            let first = match self.entries.recv_timeout(if is_last { Duration::ZERO } else { LOOK }) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) if !is_last => None,
                Err(_) => return,
            };
            let mut count = 0;
            for record in first.into_iter().chain(self.entries.try_iter()) {
                record.write(self.format, &mut lines);
                count += 1;
                if lines.len() >= BATCH_BYTES {
                    break;
                }
            }
            let now = Instant::now();
            match self.output.write(lines.as_bytes(), now) {
                Ok(()) => self.metrics.written.inc_by(count),
                Err(error) => {
                    self.metrics.lost.inc_by(count);
                    if let Some(suppressed) = complaints.admit(now) {
                        tracing::warn!(%error, suppressed, "cannot write the access log");
                    }
                }
            }
            lines.clear();
        }
    }
}

/// Where lines go.
#[derive(Debug)]
enum Output {
    Standard,
    File {
        path: PathBuf,
        /// None after a failure, until it can be opened again.
        file: Option<File>,
        looked_at: Instant,
    },
}

impl Output {
    fn open(target: &Target) -> Result<Self, (&Path, io::Error)> {
        match target {
            Target::Output => Ok(Self::Standard),
            Target::File(path) => {
                let file = open(path).map_err(|error| (path.as_path(), error))?;
                Ok(Self::File { path: path.clone(), file: Some(file), looked_at: Instant::now() })
            }
        }
    }

    /// Writes whole lines, or nothing to nowhere: then a file is only looked for.
    fn write(&mut self, lines: &[u8], now: Instant) -> io::Result<()> {
        match self {
            Self::Standard => {
                let mut output = io::stdout().lock();
                output.write_all(lines)?;
                output.flush()
            }
            Self::File { path, file, looked_at } => {
                if now.saturating_duration_since(*looked_at) >= LOOK {
                    *looked_at = now;
                    if file.as_ref().is_some_and(|file| !is_at(file, path)) {
                        *file = None;
                    }
                }
                let open = match file.take() {
                    Some(open) => open,
                    None => open(path)?,
                };
                (&open).write_all(lines)?;
                *file = Some(open);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // Addresses of viewers are not for everybody on the machine.
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Whether a file that is open is still the one at its path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use http::Request;
    use prometheus::Registry;

    use super::super::{AccessLog, open as open_log};
    use super::*;

    fn opened(target: &Target) -> (AccessLog, Writer) {
        open_log(Some(target), Format::Combined, &Registry::new()).unwrap().unwrap()
    }

    fn note(log: &AccessLog, path: &str) {
        drop(log.begin(&Request::get(path).body(()).unwrap(), [192, 0, 2, 7].into()));
    }

    /// Waits for a line with `path` in a file.
    async fn seen(file: &Path, path: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !std::fs::read_to_string(file).unwrap_or_default().contains(path) {
            assert!(Instant::now() < deadline, "{path} is not in {}", file.display());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn lines_are_written_and_the_last_ones_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        std::fs::write(&path, "what was there\n").unwrap();
        let (log, writer) = opened(&Target::File(path.clone()));
        let stop = CancellationToken::new();
        let task = tokio::spawn(writer.run(stop.clone()));
        note(&log, "/first");
        seen(&path, "/first").await;
        for number in 0..1000 {
            note(&log, &format!("/{number}"));
        }
        stop.cancel();
        task.await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("what was there\n192.0.2.7 - - ["), "{text}");
        assert_eq!(text.lines().count(), 1002);
        assert!(text.ends_with("\"-\"\n") && text.contains("\"GET /999 HTTP/1.1\" 499 0"), "{text}");
        assert_eq!((log.metrics.written.get(), log.metrics.lost.get()), (1001, 0));
    }

    #[tokio::test]
    async fn a_file_that_is_renamed_gets_a_successor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let (log, writer) = opened(&Target::File(path.clone()));
        let stop = CancellationToken::new();
        let task = tokio::spawn(writer.run(stop.clone()));
        note(&log, "/before");
        seen(&path, "/before").await;
        let old = folder.path().join("access.log.1");
        std::fs::rename(&path, &old).unwrap();
        // Also without anything to write.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !path.exists() {
            assert!(Instant::now() < deadline, "it is not opened anew");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        note(&log, "/after");
        seen(&path, "/after").await;
        stop.cancel();
        task.await.unwrap();
        assert!(!std::fs::read_to_string(&old).unwrap().contains("/after"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_costs_lines_that_are_counted() {
        let (log, writer) = opened(&Target::File("/dev/full".into()));
        let stop = CancellationToken::new();
        let task = tokio::spawn(writer.run(stop.clone()));
        note(&log, "/lost");
        let deadline = Instant::now() + Duration::from_secs(30);
        while log.metrics.lost.get() == 0 {
            assert!(Instant::now() < deadline, "it is not counted");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.cancel();
        task.await.unwrap();
        assert_eq!(log.metrics.written.get(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_and_group_read_it_and_a_missing_folder_is_said() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        drop(opened(&Target::File(path.clone())));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
        let missing = Target::File(folder.path().join("no/access.log"));
        let error = open_log(Some(&missing), Format::Json, &Registry::new()).unwrap_err();
        assert!(error.to_string().contains("its folder must be there"), "{error}");
    }
}
