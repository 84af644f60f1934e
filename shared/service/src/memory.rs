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
    smallest(&groups, &mounts, |file| std::fs::read_to_string(file).ok())
}

/// A share of a limit, in bytes, if that is less than `most`; else `most`.
#[must_use]
pub fn at_most_a_share(most: u64, limit: Option<u64>, (part, whole): (u64, u64)) -> u64 {
    limit.map_or(most, |limit| (limit / whole.max(1)).saturating_mul(part).min(most))
}

fn smallest(
    groups: &ProcessCGroups,
    mounts: &MountInfos,
    read: impl Fn(&Path) -> Option<String>,
) -> Option<u64> {
    let limits = mounts.iter().filter_map(|mount| {
        let file = limit_file(mount)?;
        let group = groups.0.iter().find(|group| is_of(group, mount))?;
        folders(mount, group).iter().filter_map(|folder| number(&read(&folder.join(file))?)).min()
    });
    limits.min()
}

/// The name of the file with a group's limit; `None` for mounts that are no control groups of memory.
fn limit_file(mount: &MountInfo) -> Option<&'static str> {
    match mount.fs_type.as_str() {
        "cgroup2" => Some("memory.max"),
        "cgroup" if mount.super_options.contains_key("memory") => Some("memory.limit_in_bytes"),
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
        smallest(&groups, &mounts, |file| {
            let held = files.iter().find(|(name, _)| Path::new(name) == file);
            held.map(|(_, text)| format!("{text}\n"))
        })
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
