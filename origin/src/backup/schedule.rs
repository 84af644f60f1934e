//! Backups by themselves: one every so often, of which the newest are kept.
//!
//! A backup's name has its time, so that the next one is due at the same time whether or not the origin was started again. It is
//! written beside its name, read back, and named only then; older ones are removed only after that. A failure is logged, so
//! that it is among the admin's warnings, counted, and made up for soon.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use farcast_feed::time::WallTime;
use farcast_telemetry::make::Make as _;
use jiff::Timestamp;
use prometheus::{IntCounter, IntGauge, Registry};
use tokio_util::sync::CancellationToken;

use super::command::Part;
use super::restore;
use super::take::{Backups, TakeError};
use crate::settings::Settings;

/// Their folder in the data folder, unless another one is set.
const FOLDER: &str = "backups";
/// Beginning and end of a name.
const BEGINS: &str = "farcast-";
const ENDS: &str = ".backup";
/// The time in it.
const FORM: &str = "%Y%m%dT%H%M%SZ";
/// Longest pause before a backup that failed is tried again.
const RETRY: Duration = Duration::from_secs(900);
/// Longest wait before the clock is looked at again: it may be set.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What operators set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Time from one backup to the next.
    pub every: Duration,
    /// Backups that are kept, at least one.
    pub keep: usize,
    /// Their folder, which is made if it is not there.
    pub folder: PathBuf,
}

impl Schedule {
    /// What is set, if backups are to be made.
    #[must_use]
    pub fn of(settings: &Settings) -> Option<Self> {
        let folder = || settings.data_dir.join(FOLDER);
        (!settings.backup_every.is_zero()).then(|| Self {
            every: settings.backup_every,
            keep: usize::try_from(settings.backup_keep).unwrap_or(usize::MAX),
            folder: settings.backup_dir.clone().unwrap_or_else(folder),
        })
    }
}

/// What is counted.
#[derive(Clone, Debug)]
pub struct Metrics {
    made: IntCounter,
    failed: IntCounter,
    newest: IntGauge,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When they are there already.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            made: registry.counter("farcast_backup_made_total", "Backups that were made by themselves.")?,
            failed: registry.counter(
                "farcast_backup_failures_total",
                "Backups that were due and could not be made; the log says why.",
            )?,
            newest: registry.gauge(
                "farcast_backup_newest_timestamp_seconds",
                "Time of the newest backup of the schedule, in seconds since 1970; 0 while there is none.",
            )?,
        })
    }
}

/// The reason why a backup that was due was not made.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Take(#[from] TakeError),
    #[error("cannot write {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("what was written cannot be read again")]
    Check(#[from] restore::RestoreError),
    #[error("the clock has no time that can be written")]
    Clock,
}

/// Makes backups when they are due. Constructing starts nothing.
#[derive(Debug)]
pub struct Scheduled {
    schedule: Schedule,
    backups: Backups,
    metrics: Metrics,
}

impl Scheduled {
    /// Of an origin's backups.
    #[must_use]
    pub fn new(schedule: Schedule, backups: Backups, metrics: Metrics) -> Self {
        Self { schedule, backups, metrics }
    }

    /// Runs until `stop`; a backup in the making is given up then.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.make_all()).await;
    }

    async fn make_all(&self) {
        // After a failure, or where a clock that went back has left names of times to come.
        let mut not_before = tokio::time::Instant::now();
        loop {
            let wait = self.due_in(WallTime::now()).await;
            let pause = not_before.saturating_duration_since(tokio::time::Instant::now());
            let wait = wait.max(pause);
            if !wait.is_zero() {
                tokio::time::sleep(wait.min(LOOK_EVERY)).await;
                continue;
            }
            let done = self.make(WallTime::now()).await;
            let next = if done.is_ok() { self.schedule.every } else { self.schedule.every.min(RETRY) };
            not_before = tokio::time::Instant::now() + next;
            match done {
                Ok(path) => {
                    self.metrics.made.inc();
                    tracing::info!(path = %path.display(), "a backup was made, as is set by backup_every");
                }
                Err(error) => {
                    self.metrics.failed.inc();
                    let causes =
                        std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::error!(%error, causes, "the backup that is due (backup_every) was not made");
                }
            }
        }
    }

    /// The time until the next one is due, by the newest that is there.
    async fn due_in(&self, now: WallTime) -> Duration {
        let folder = self.schedule.folder.clone();
        let there = tokio::task::spawn_blocking(move || listed(&folder)).await.ok().and_then(Result::ok);
        let newest =
            there.and_then(|there| there.into_iter().map(|(at, _)| at).filter(|at| *at <= now).max());
        let seconds = newest.map_or(0, |at| i64::try_from(at.0 / 1_000_000).unwrap_or_default());
        self.metrics.newest.set(seconds);
        newest.map_or(Duration::ZERO, |newest| self.schedule.every.saturating_sub(now.since(newest)))
    }

    /// Makes one, and removes those that are too many.
    async fn make(&self, now: WallTime) -> Result<PathBuf, Failed> {
        let path = self.schedule.folder.join(name(now).ok_or(Failed::Clock)?);
        let failed = |source| Failed::File { path: path.clone(), source };
        fs::create_dir_all(&self.schedule.folder).map_err(failed)?;
        let mut taking = self.backups.begin().await?;
        let mut part = Part::create(&path).map_err(failed)?;
        while let Some(piece) = taking.next().await? {
            let written =
                tokio::task::spawn_blocking(move || part.file.write_all(&piece).map(|()| part)).await;
            part = written.map_err(io::Error::other).and_then(|written| written).map_err(failed)?;
        }
        let (wanted, schedule) = (path.clone(), self.schedule.clone());
        let kept = tokio::task::spawn_blocking(move || keep(part, &wanted, &schedule)).await;
        kept.map_err(|error| failed(io::Error::other(error)))??;
        Ok(path)
    }
}

/// Checks what was written, gives it its name, and removes those that are too many.
fn keep(part: Part, path: &Path, schedule: &Schedule) -> Result<(), Failed> {
    let failed = |source| Failed::File { path: path.to_owned(), source };
    let part = part.synced().map_err(failed)?;
    restore::check(&part.path)?;
    part.keep(path).map_err(failed)?;
    let mut there = listed(&schedule.folder).map_err(failed)?;
    there.sort();
    let too_many = there.len().saturating_sub(schedule.keep.max(1));
    for (_, old) in there.into_iter().filter(|(_, there)| there != path).take(too_many) {
        fs::remove_file(&old).map_err(|source| Failed::File { path: old.clone(), source })?;
    }
    Ok(())
}

/// The name of a backup of this time.
fn name(at: WallTime) -> Option<String> {
    let time = Timestamp::from_microsecond(i64::try_from(at.0).ok()?).ok()?;
    Some(format!("{BEGINS}{}{ENDS}", time.strftime(FORM)))
}

/// The time in a name, if it is one of ours.
fn time_of(name: &str) -> Option<WallTime> {
    let time = name.strip_prefix(BEGINS)?.strip_suffix(ENDS)?;
    let time = jiff::civil::DateTime::strptime(FORM, time).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    u64::try_from(time.as_microsecond()).ok().map(WallTime)
}

/// The backups of a folder, which need not be there.
fn listed(folder: &Path) -> io::Result<Vec<(WallTime, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let found = |entry: fs::DirEntry| Some((time_of(entry.file_name().to_str()?)?, entry.path()));
    entries.filter_map(|entry| entry.map(found).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use farcast_store::memory::Memory;
    use farcast_store::{Batch, Tuple};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: WallTime = WallTime(1_773_511_331_000_000);

    async fn scheduled(folder: &Path, keep: usize) -> Scheduled {
        let (store, _) = Memory::store();
        store.commit(Batch::new().set(Tuple::new().text("a").key(), &b"one"[..])).await.unwrap();
        let schedule = Schedule { every: HOUR, keep, folder: folder.join("backups") };
        let metrics = Metrics::new(&Registry::new()).unwrap();
        Scheduled::new(schedule, Backups::new(store, folder), metrics)
    }

    fn names(scheduled: &Scheduled) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&scheduled.schedule.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_name_has_the_time_to_the_second() {
        let name = name(NOW).unwrap();
        assert_eq!(name, "farcast-20260314T180211Z.backup");
        assert_eq!(time_of(&name), Some(NOW));
        for other in
            ["farcast-.backup", "farcast-2026.backup", "farcast-20260314T180211Z.backup.77.part", "notes"]
        {
            assert_eq!(time_of(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn the_newest_are_kept_each_whole_and_what_is_no_backup_of_the_schedule_stays() {
        let folder = tempfile::tempdir().unwrap();
        let scheduled = scheduled(folder.path(), 2).await;
        assert_eq!(scheduled.due_in(NOW).await, Duration::ZERO);
        for hours in 0..4 {
            let path = scheduled.make(NOW.after(HOUR * hours)).await.unwrap();
            restore::check(&path).unwrap();
            fs::write(scheduled.schedule.folder.join("notes"), "mine").unwrap();
        }
        let made = ["farcast-20260314T200211Z.backup", "farcast-20260314T210211Z.backup", "notes"];
        assert_eq!(names(&scheduled), made);
        // The next is due an hour after the newest, whoever looks.
        let now = NOW.after(HOUR * 3 + HOUR / 4);
        assert_eq!(scheduled.due_in(now).await, HOUR - HOUR / 4);
        // Times to come are no times.
        assert_eq!(scheduled.due_in(NOW).await, Duration::ZERO);
    }

    #[tokio::test]
    async fn one_that_cannot_be_made_costs_none_of_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let scheduled = scheduled(folder.path(), 1).await;
        scheduled.make(NOW).await.unwrap();
        let before = names(&scheduled);
        // A folder of its name is in the way.
        let later = NOW.after(HOUR);
        fs::create_dir(scheduled.schedule.folder.join(name(later).unwrap())).unwrap();
        assert!(scheduled.make(later).await.is_err());
        fs::remove_dir(scheduled.schedule.folder.join(name(later).unwrap())).unwrap();
        assert_eq!(names(&scheduled), before);
        restore::check(&scheduled.schedule.folder.join(&before[0])).unwrap();
    }
}
