//! The operating system's figures about this process, read from `/proc` on demand.
//!
//! Elsewhere than on Linux the readings are missing and the metrics stay at zero.

use std::path::Path;

/// Clock ticks per second in `/proc/self/stat`: Linux fixes USER_HZ at 100 on every architecture
/// that Farcast runs on, whatever the kernel's own HZ is.
const TICKS_PER_SECOND: f64 = 100.0;

/// One reading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) cpu_seconds: f64,
    pub(super) threads: f64,
    pub(super) resident_bytes: f64,
    pub(super) open_fds: f64,
    pub(super) max_fds: f64,
}

/// Reads the files below `proc` (`/proc`); missing ones are 0.
pub(super) fn read(proc: &Path) -> Reading {
    let text = |name: &str| std::fs::read_to_string(proc.join(name)).unwrap_or_default();
    let stat = Stat::parse(&text("self/stat")).unwrap_or_default();
    Reading {
        cpu_seconds: stat.cpu_ticks / TICKS_PER_SECOND,
        threads: stat.threads,
        resident_bytes: resident_bytes(&text("self/status")).unwrap_or_default(),
        open_fds: open_fds(&proc.join("self/fd")),
        max_fds: max_fds(&text("self/limits")).unwrap_or_default(),
    }
}

#[derive(Default)]
struct Stat {
    cpu_ticks: f64,
    threads: f64,
}

impl Stat {
    /// proc_pid_stat(5). The second field is the program's name in parentheses and may itself
    /// contain spaces and parentheses: counting starts behind the last one, at field 3.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self { cpu_ticks: field(14)? + field(15)?, threads: field(20)? })
    }
}

fn resident_bytes(status: &str) -> Option<f64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let number: f64 = kibibytes.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024.0)
}

fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "a process has fewer than 2^52 files")]
fn open_fds(folder: &Path) -> f64 {
    // Listing opens one more, which is closed again by the time anybody reads the number.
    std::fs::read_dir(folder).map_or(0.0, |entries| entries.count().saturating_sub(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let line = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 12 0 4200 0 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.cpu_ticks, stat.threads), (300.0, 12.0));
    }

    #[test]
    fn this_process_has_memory_files_and_threads() {
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let reading = read(Path::new("/proc"));
        assert!(reading.resident_bytes > 100_000.0, "{reading:?}");
        assert!(reading.open_fds >= 1.0 && reading.max_fds >= reading.open_fds, "{reading:?}");
        assert!(reading.threads >= 1.0, "{reading:?}");
    }

    #[test]
    fn without_proc_everything_is_zero() {
        assert_eq!(read(Path::new("/nowhere")), Reading::default());
    }
}
