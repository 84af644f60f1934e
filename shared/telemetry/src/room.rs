//! The room that a program has on its machine: memory that it may use, and disk where its data is.
//!
//! Place in the flow: [`super::metrics::Registry`] reads it at each scrape. Elsewhere than on Linux the memory is not
//! known, and its metric stays at zero.

use std::path::{Path, PathBuf};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, Gauge};

/// Bytes of memory that this process may use: those of the machine, or fewer if its control group (v2), or one around
/// that, has a limit (`MemoryMax` of systemd, a container's limit). `root` is `/`, `machine` what the machine has.
pub(super) fn memory_bytes(root: &Path, machine: f64) -> f64 {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let groups = root.join("sys/fs/cgroup");
    let own = own_group(&read(root.join("proc/self/cgroup"))).map(|path| groups.join(path));
    let around = own.iter().flat_map(|own| own.ancestors()).take_while(|group| group.starts_with(&groups));
    let limits = around.filter_map(|group| read(group.join("memory.max")).trim().parse::<f64>().ok());
    limits.fold(machine, f64::min)
}

/// cgroups(7): the line of version 2 begins with `0::`, then comes the path, which begins with a slash.
fn own_group(cgroup: &str) -> Option<&str> {
    cgroup.lines().find_map(|line| line.strip_prefix("0::/"))
}

/// Bytes of memory of the machine, as the kernel says; a unit of systemd may hide `/proc/meminfo` (`ProcSubset`).
#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "bytes of memory, to a few digits")]
pub(super) fn machine_bytes() -> f64 {
    let found = rustix::system::sysinfo();
    found.totalram as f64 * f64::from(found.mem_unit)
}

/// The same where the kernel does not say: unknown, 0.
#[cfg(not(target_os = "linux"))]
pub(super) fn machine_bytes() -> f64 {
    0.0
}

/// The room on the disk of a folder, read at each scrape.
///
/// A folder that does not answer, such as one on a network that is away, holds the scrape up.
pub(super) struct Disk {
    folder: PathBuf,
    free: Gauge,
    size: Gauge,
}

impl Disk {
    pub(super) fn of(folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            folder: folder.to_owned(),
            free: Gauge::new(
                "farcast_data_free_bytes",
                "Room that is left for this program on the disk of data_dir.",
            )?,
            size: Gauge::new("farcast_data_size_bytes", "Size of the disk of data_dir.")?,
        })
    }
}

impl Collector for Disk {
    fn desc(&self) -> Vec<&Desc> {
        [&self.free, &self.size].into_iter().flat_map(Collector::desc).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes of a disk, to a few digits")]
    fn collect(&self) -> Vec<MetricFamily> {
        // Nothing is better than a wrong number: a missing metric is no full disk.
        let Ok(found) = rustix::fs::statvfs(&self.folder) else { return Vec::new() };
        self.free.set(found.f_bavail as f64 * found.f_frsize as f64);
        self.size.set(found.f_blocks as f64 * found.f_frsize as f64);
        [&self.free, &self.size].into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: f64 = 1024.0;

    /// A machine with limits of control groups; the process is in the last one.
    fn machine(groups: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (group, limit) in groups {
            write(&format!("sys/fs/cgroup/{group}/memory.max"), limit);
        }
        if let Some((group, _)) = groups.last() {
            write("proc/self/cgroup", &format!("4:memory:/other\n0::/{group}\n"));
        }
        root
    }

    #[test]
    fn the_least_limit_of_the_groups_around_a_process_holds() {
        let limits = |groups: &[_]| memory_bytes(machine(groups).path(), 4000.0 * KIB);
        assert_eq!(limits(&[]), 4000.0 * KIB);
        assert_eq!(limits(&[("system.slice/farcast.service", "max\n")]), 4000.0 * KIB);
        assert_eq!(limits(&[("system.slice/farcast.service", "1048576\n")]), 1024.0 * KIB);
        assert_eq!(limits(&[("a", "2048\n"), ("a/b", "1048576\n")]), 2.0 * KIB);
        assert_eq!(limits(&[("a", "9000000\n"), ("a/b", "max\n")]), 4000.0 * KIB, "more than there is");
        assert_eq!(limits(&[("a", "2048\n"), ("b", "max\n")]), 4000.0 * KIB, "another one's limit");
    }

    #[test]
    fn a_machine_has_memory_and_one_without_control_groups_has_all_of_it() {
        assert!(machine_bytes() > 1e8, "{}", machine_bytes());
        assert_eq!(memory_bytes(Path::new("/nowhere"), 5.0), 5.0);
    }

    #[test]
    fn a_disk_has_room_and_one_that_is_gone_shows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(folder.path()).unwrap();
        assert_eq!(disk.collect().len(), 2);
        assert!(disk.free.get() > 0.0 && disk.size.get() >= disk.free.get());
        folder.close().unwrap();
        assert!(disk.collect().is_empty());
    }
}
