//! This process's limits and time, and another's memory.

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Files that a run needs besides its connections: the runtime's, registrations, the report.
const OTHER_FILES: u64 = 100;

/// Raises the limit of open files to what the system lets this process have.
///
/// # Errors
/// When that is too little for so many connections.
pub fn raise_files(connections: usize) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).context("the limit of open files cannot be raised")?;
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    if let Some(most) = limit.maximum.filter(|most| *most < needed) {
        anyhow::bail!(
            "{connections} connections need {needed} open files and this process may have {most}: raise the hard limit \
             (ulimit -Hn, LimitNOFILE=), or ask for fewer"
        );
    }
    Ok(())
}

/// CPU seconds that this process has used.
#[must_use]
pub fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Exact up to millions of years.
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Resident memory of a process, in bytes: `VmRSS` of `/proc/<pid>/status`.
///
/// # Errors
/// When there is no such process.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    parse(&status).with_context(|| format!("{path} has no VmRSS"))
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_process_is_read() {
        assert_eq!(parse("Name:\tx\nVmRSS:\t    1234 kB\nRssAnon:\t 1 kB\n"), Some(1234 * 1024));
        assert_eq!((parse("Name:\tx\n"), parse("VmRSS:\t x kB")), (None, None));
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
        assert!(cpu_s() > 0.0);
    }

    #[test]
    fn more_connections_than_files_are_refused_with_both_numbers() {
        raise_files(1).unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        if let Some(most) = limit.maximum {
            let error = raise_files(usize::try_from(most).unwrap()).unwrap_err().to_string();
            assert!(error.contains(&format!("may have {most}")), "{error}");
        }
    }
}
