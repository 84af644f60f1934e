//! The load of the machine, for the admin page.
//!
//! Place in the flow: the program samples on a blocking thread and pushes to [`crate::series`].
//!
//! All figures are of the whole machine, not of this process or its container. Only cheap sources are read:
//! `/proc/stat`, `/proc/meminfo` and `statvfs` of the data folder (sysinfo's list of disks would ask every mounted
//! file system, and leaves out those in memory and on the network).

use std::path::PathBuf;
use std::time::Instant;

use farcast_service::memory::group_limit;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, MemoryRefreshKind, System};

/// Samples the machine.
#[derive(Debug)]
pub struct Hardware {
    system: System,
    folder: PathBuf,
    /// The use of processors is a difference to a sample before.
    began: Instant,
}

/// Shares of the whole, in percent, 0 to 100, to a tenth; `None` where the system does not say.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Usage {
    /// Time of all processors since the sample before. `None` within a fifth of a second of the start.
    pub cpu: Option<f64>,
    /// Memory that is not available to programs.
    pub memory: Option<f64>,
    /// The file system that holds the data folder, as df counts: what only root may use is not there.
    pub disk: Option<f64>,
}

/// The reason why the machine cannot be sampled.
#[derive(Debug, thiserror::Error)]
#[error("the load of the machine cannot be read: {0}")]
pub struct HardwareError(String);

/// Memory that this program may have, in bytes: the machine's, or what its container or unit may have where that is less.
/// `None` where the system does not say.
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Some(system.total_memory().min(group_limit().unwrap_or(u64::MAX))).filter(|bytes| *bytes > 0)
}

impl Hardware {
    /// Takes the first look. Blocks on the system, shortly.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn new(data_folder: PathBuf) -> Result<Self, HardwareError> {
        let mut system = System::new().map_err(|error| HardwareError(error.to_string()))?;
        system.refresh_cpu_usage();
        Ok(Self { system, folder: data_folder, began: Instant::now() })
    }

    /// The load of the machine. Blocks on the system: as long as the disk takes, where the data folder is on a network.
    pub fn sample(&mut self) -> Usage {
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        Usage { cpu: self.cpu(), memory: self.memory(), disk: self.disk() }
    }

    fn cpu(&mut self) -> Option<f64> {
        if self.began.elapsed() < MINIMUM_CPU_UPDATE_INTERVAL {
            return None;
        }
        self.system.refresh_cpu_usage();
        Some(percent(f64::from(self.system.global_cpu_usage()), 100.0))
    }

    fn memory(&self) -> Option<f64> {
        let (all, available) = (self.system.total_memory(), self.system.available_memory());
        share(all.saturating_sub(available), all)
    }

    fn disk(&self) -> Option<f64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        let used = disk.f_blocks.saturating_sub(disk.f_bfree);
        share(used, used.saturating_add(disk.f_bavail))
    }
}

fn share(used: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| percent(used as f64, all as f64))
}

fn percent(used: f64, all: f64) -> f64 {
    (used / all * 1000.0).round().clamp(0.0, 1000.0) / 10.0
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_disk_is_as_full_as_df_says() {
        let folder = tempfile::TempDir::new().unwrap();
        let usage = Hardware::new(folder.path().to_owned()).unwrap().sample();
        let df = Command::new("df").arg("--output=pcent").arg(folder.path()).output().unwrap();
        let text = String::from_utf8(df.stdout).unwrap();
        let expected: f64 = text.lines().nth(1).unwrap().trim().trim_end_matches('%').parse().unwrap();
        // df rounds up, and others write meanwhile.
        assert!((usage.disk.unwrap() - expected).abs() <= 2.0, "{usage:?} {expected}");
    }

    #[test]
    fn memory_is_what_the_kernel_says() {
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
        let kib = |name: &str| -> f64 {
            let line = meminfo.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let expected = 100.0 - 100.0 * kib("MemAvailable:") / kib("MemTotal:");
        let memory = Hardware::new("/".into()).unwrap().sample().memory.unwrap();
        // Others take and give memory meanwhile.
        assert!((memory - expected).abs() < 10.0, "{memory} {expected}");
    }

    #[test]
    fn busy_processors_are_seen_once_there_is_something_to_compare_with() {
        let mut hardware = Hardware::new("/".into()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        // Looking all the time keeps one processor busy.
        let cpu = std::iter::repeat_with(|| hardware.sample().cpu).find(|cpu| {
            assert!(Instant::now() < deadline, "never measured");
            cpu.is_some()
        });
        let cpu = cpu.flatten().unwrap();
        assert!(cpu > 0.0 && cpu <= 100.0, "{cpu}");
    }

    #[test]
    fn what_the_system_does_not_say_is_left_out() {
        assert_eq!(Hardware::new("/nowhere/at/all".into()).unwrap().sample().disk, None);
        assert_eq!(share(1, 0), None);
    }

    #[test]
    fn shares_are_rounded_to_a_tenth() {
        assert_eq!(share(1, 3), Some(33.3));
        assert_eq!(share(2, 3), Some(66.7));
        assert_eq!(share(0, 3), Some(0.0));
        assert_eq!(percent(101.0, 100.0), 100.0);
    }
}
