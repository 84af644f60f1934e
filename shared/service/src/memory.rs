//! Memory that this program may have: the machine's, or what its container or unit is limited to.
//!
//! A limit is set on a control group (cgroup) and holds for all groups below it: that of a container, of a Pod, of a systemd
//! unit (`MemoryMax=`). So all groups from the program's own up to the uppermost that is visible are asked, and the smallest
//! limit counts. Both versions of cgroups are read (Linux' `Documentation/admin-guide/cgroup-v2.rst`, `memory.max`, and
//! `cgroup-v1/memory.rst`, `memory.limit_in_bytes`), also where a machine has both.
//!
//! Place in the flow: asked once, when a program is assembled, to size what it keeps. A limit that is changed later counts
//! with the next start.

use std::path::{Component, Path, PathBuf};

use procfs_core::process::{MountInfo, MountInfos};
use procfs_core::{FromRead as _, Meminfo, ProcessCGroup, ProcessCGroups};

/// Most groups that are asked, from the program's own upwards. Deeper ones are no container's.
const MAX_DEPTH: usize = 64;

/// Memory that this program may have, in bytes: the machine's, or its control groups' where that is less. `None` where the
/// system does not say. Reads a few files of the kernel; blocks shortly.
#[must_use]
pub fn limit() -> Option<u64> {
    let machine = Meminfo::from_file("/proc/meminfo").ok().map(|info| info.mem_total);
    machine.into_iter().chain(group_limit()).min()
}

/// The smallest limit of this program's control groups, in bytes. `None` where they have none, or the system does not say.
#[must_use]
pub fn group_limit() -> Option<u64> {
    let groups = ProcessCGroups::from_file("/proc/self/cgroup").ok()?;
    let mounts = MountInfos::from_file("/proc/self/mountinfo").ok()?;
    tightest(&groups, &mounts, |file| std::fs::read_to_string(file).ok()).map(|found| found.limit_bytes)
}

/// The memory that a control group with a limit uses, and has no way to give back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage {
    folder: PathBuf,
    limit_bytes: u64,
    files: Files,
}

/// The names of files and of the lines in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Files {
    limit: &'static str,
    current: &'static str,
    /// Pages of files and of the kernel, which are freed where memory is short: lines of `memory.stat`.
    given_back: [&'static str; 3],
}

const VERSION_2: Files = Files {
    limit: "memory.max",
    current: "memory.current",
    given_back: ["inactive_file", "active_file", "slab_reclaimable"],
};

const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    current: "memory.usage_in_bytes",
    given_back: ["total_inactive_file", "total_active_file", "total_slab_reclaimable"],
};

impl Usage {
    /// Of the group with the smallest limit among this program's; none where no group has one, or the system does not say.
    /// The machine's own memory is not looked at: others use it as they like.
    #[must_use]
    pub fn here() -> Option<Self> {
        let groups = ProcessCGroups::from_file("/proc/self/cgroup").ok()?;
        let mounts = MountInfos::from_file("/proc/self/mountinfo").ok()?;
        let found = tightest(&groups, &mounts, |file| std::fs::read_to_string(file).ok())?;
        let machine = Meminfo::from_file("/proc/meminfo").ok().map(|info| info.mem_total);
        // Version 1 has a huge number where there is no limit.
        machine.is_none_or(|machine| found.limit_bytes < machine).then_some(found)
    }

    /// Bytes in use, and their limit. None when the files are gone. Blocks shortly.
    #[must_use]
    pub fn read(&self) -> Option<(u64, u64)> {
        self.read_by(|file| std::fs::read_to_string(file).ok())
    }

    fn read_by(&self, read: impl Fn(&Path) -> Option<String>) -> Option<(u64, u64)> {
        let current = number(&read(&self.folder.join(self.files.current))?)?;
        let stat = read(&self.folder.join("memory.stat"))?;
        let given_back = stat.lines().filter_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            if self.files.given_back.contains(&name) { bytes.trim().parse::<u64>().ok() } else { None }
        });
        Some((current.saturating_sub(given_back.sum()), self.limit_bytes))
    }
}

/// A share of a limit, in bytes, if that is less than `most`; else `most`.
#[must_use]
pub fn at_most_a_share(most: u64, limit: Option<u64>, (part, whole): (u64, u64)) -> u64 {
    limit.map_or(most, |limit| (limit / whole.max(1)).saturating_mul(part).min(most))
}

/// The group with the smallest limit.
fn tightest(
    groups: &ProcessCGroups,
    mounts: &MountInfos,
    read: impl Fn(&Path) -> Option<String>,
) -> Option<Usage> {
    let limited = mounts.iter().filter_map(|mount| {
        let files = files(mount)?;
        let group = groups.0.iter().find(|group| is_of(group, mount))?;
        let limited = folders(mount, group).into_iter().filter_map(|folder| {
            let limit_bytes = number(&read(&folder.join(files.limit))?)?;
            Some(Usage { folder, limit_bytes, files })
        });
        limited.min_by_key(|found| found.limit_bytes)
    });
    limited.min_by_key(|found| found.limit_bytes)
}

/// The files of a group's memory; `None` for mounts that are no control groups of memory.
fn files(mount: &MountInfo) -> Option<Files> {
    match mount.fs_type.as_str() {
        "cgroup2" => Some(VERSION_2),
        "cgroup" if mount.super_options.contains_key("memory") => Some(VERSION_1),
        _ => None,
    }
}

fn is_of(group: &ProcessCGroup, mount: &MountInfo) -> bool {
    if mount.fs_type == "cgroup2" {
        return group.hierarchy == 0;
    }
    group.controllers.iter().any(|controller| controller == "memory")
}

/// The folder of the group and those above it that are visible, the group's own first. Where the mount shows another part of
/// the tree than the group's, as in containers without a namespace of their own, its uppermost folder stands for the group.
fn folders(mount: &MountInfo, group: &ProcessCGroup) -> Vec<PathBuf> {
    let below = Path::new(&group.pathname).strip_prefix(&mount.root).unwrap_or(Path::new(""));
    let is_plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    let own = if is_plain { mount.mount_point.join(below) } else { mount.mount_point.clone() };
    own.ancestors()
        .take_while(|folder| folder.starts_with(&mount.mount_point))
        .take(MAX_DEPTH)
        .map(Path::to_owned)
        .collect()
}

/// The limit in a file; `None` for `max`, which is none.
fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 2, as a container or a unit sees it.
    const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    /// Version 1, with the empty tree of version 2 beside it.
    const SPLIT: &str = "\
        32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    fn found(groups: &str, mounts: &str, files: &[(&str, &str)]) -> Option<u64> {
        let groups = ProcessCGroups::from_read(groups.as_bytes()).unwrap();
        let mounts = MountInfos::from_read(mounts.as_bytes()).unwrap();
        tightest(&groups, &mounts, |file| held(files, file)).map(|found| found.limit_bytes)
    }

    fn held(files: &[(&str, &str)], file: &Path) -> Option<String> {
        let held = files.iter().find(|(name, _)| Path::new(name) == file);
        held.map(|(_, text)| format!("{text}\n"))
    }

    #[test]
    fn a_container_has_what_its_own_uppermost_group_says() {
        let files = [("/sys/fs/cgroup/memory.max", "536870912")];
        assert_eq!(found("0::/\n", UNIFIED, &files), Some(512 << 20));
    }

    #[test]
    fn the_smallest_limit_of_all_groups_above_counts() {
        let unit = "0::/system.slice/farcast.slice/farcast-edge.service\n";
        let mut files = vec![
            ("/sys/fs/cgroup/system.slice/farcast.slice/farcast-edge.service/memory.max", "max"),
            ("/sys/fs/cgroup/system.slice/farcast.slice/memory.max", "1000"),
            ("/sys/fs/cgroup/system.slice/memory.max", "2000"),
        ];
        assert_eq!(found(unit, UNIFIED, &files), Some(1000));
        files.push(("/sys/fs/cgroup/memory.max", "500"));
        assert_eq!(found(unit, UNIFIED, &files), Some(500));
        // A group beside it says nothing.
        files.push(("/sys/fs/cgroup/system.slice/other.service/memory.max", "1"));
        assert_eq!(found(unit, UNIFIED, &files), Some(500));
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(found("0::/\n", UNIFIED, &[]), None);
        assert_eq!(found("0::/a\n", UNIFIED, &[("/sys/fs/cgroup/a/memory.max", "max")]), None);
        assert_eq!(found("", "", &[]), None);
    }

    #[test]
    fn version_1_is_read_in_its_own_tree() {
        let groups = "9:name=systemd:/\n4:cpu:/elsewhere\n3:memory:/lxc/one\n0::/\n";
        let files = [
            ("/sys/fs/cgroup/memory/lxc/one/memory.limit_in_bytes", "9223372036854771712"),
            ("/sys/fs/cgroup/memory/lxc/memory.limit_in_bytes", "536870912"),
            ("/sys/fs/cgroup/cpu/elsewhere/memory.limit_in_bytes", "1"),
        ];
        assert_eq!(found(groups, SPLIT, &files), Some(512 << 20));
    }

    #[test]
    fn a_mount_of_a_part_of_the_tree_is_the_containers() {
        // Without a namespace of its own a container sees its path on the machine, and its group as the root of the mount.
        let mounts = "35 31 0:32 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let files = [("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000")];
        assert_eq!(found("3:memory:/docker/0a1b\n", mounts, &files), Some(1000));
        assert_eq!(found("3:memory:/kubepods/other\n", mounts, &files), Some(1000));
        // As seen from a namespace below that of the mount.
        assert_eq!(found("0::/../../x\n", UNIFIED, &[("/sys/fs/cgroup/memory.max", "7")]), Some(7));
    }

    fn used(groups: &str, mounts: &str, files: &[(&str, &str)]) -> Option<(u64, u64)> {
        let groups = ProcessCGroups::from_read(groups.as_bytes()).unwrap();
        let mounts = MountInfos::from_read(mounts.as_bytes()).unwrap();
        let read = |file: &Path| held(files, file);
        tightest(&groups, &mounts, read)?.read_by(read)
    }

    #[test]
    fn what_is_given_back_where_memory_is_short_is_not_in_use() {
        let stat =
            "anon 400\ninactive_file 300\nactive_file 150\nslab_reclaimable 30\nslab 60\nworkingset 1 2";
        let files = [
            ("/sys/fs/cgroup/a/memory.max", "1000"),
            ("/sys/fs/cgroup/a/memory.current", "900"),
            ("/sys/fs/cgroup/a/memory.stat", stat),
            ("/sys/fs/cgroup/a/b/memory.max", "max"),
            ("/sys/fs/cgroup/a/b/memory.current", "1"),
        ];
        assert_eq!(used("0::/a/b\n", UNIFIED, &files), Some((420, 1000)));
        assert_eq!(used("0::/a/b\n", UNIFIED, &files[..2]), None, "the system does not say");
        let files = [
            ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000"),
            ("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "900"),
            (
                "/sys/fs/cgroup/memory/a/memory.stat",
                "inactive_file 7\ntotal_inactive_file 500\ntotal_active_file 900",
            ),
        ];
        assert_eq!(used("3:memory:/a\n", SPLIT, &files), Some((0, 1000)), "counted at different moments");
    }

    #[test]
    fn this_program_may_have_some_memory_and_no_more_than_the_machine_has() {
        let total = Meminfo::from_file("/proc/meminfo").unwrap().mem_total;
        let limit = limit().unwrap();
        assert!(limit > 0 && limit <= total, "{limit} of {total}");
    }

    #[test]
    fn a_share_is_taken_of_what_there_is_and_never_more_than_wanted() {
        assert_eq!(at_most_a_share(512, Some(512), (3, 8)), 192);
        assert_eq!(at_most_a_share(512, Some(1 << 40), (3, 8)), 512);
        assert_eq!(at_most_a_share(512, None, (3, 8)), 512);
        assert_eq!(at_most_a_share(512, Some(u64::MAX), (u64::MAX, 0)), 512);
    }
}
