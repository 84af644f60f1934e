//! The cost of the process so far, for measurements.

use std::time::Duration;

/// User and system time of all threads of this process, and of the processes that it started and waited for.
#[must_use]
pub fn cpu_time() -> Duration {
    used_by(libc::RUSAGE_SELF) + used_by(libc::RUSAGE_CHILDREN)
}

fn used_by(whom: libc::c_int) -> Duration {
    // SAFETY: getrusage fills the zeroed struct, which has no invalid bit patterns.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whom, &mut usage);
        usage
    };
    let time = |value: libc::timeval| {
        Duration::from_secs(u64::try_from(value.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(value.tv_usec).unwrap_or(0))
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}
