//! The clock: certificates and the latency that is shown depend on it.
//!
//! The kernel keeps a flag whether something steers its clock (adjtimex(2), `STA_UNSYNC`). systemd and chrony show it; asking
//! the kernel itself would need unsafe code here. That other machines have another time shows only there.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Finding;

/// Longest wait for the program that is asked.
const DEADLINE: Duration = Duration::from_secs(5);
/// Interval at which it is looked whether it has ended.
const POLL: Duration = Duration::from_millis(20);
/// A time before this is wrong: 2026-01-01, in seconds since 1970. Machines without a battery begin in 1970.
const EARLIEST_S: u64 = 1_767_225_600;
/// What to do.
const ADVICE: &str = "install chrony, or: timedatectl set-ntp true";

/// Asks whether the clock is synchronised.
#[must_use]
pub fn clock() -> Finding {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let by_systemd = answer("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    let by_chrony = || answer("chronyc", &["-n", "tracking"]);
    judged(now_s, by_systemd.as_deref().and_then(systemd_says).or_else(|| chrony_says(&by_chrony()?)))
}

fn judged(now_s: u64, synchronised: Option<bool>) -> Finding {
    if now_s < EARLIEST_S {
        return Finding::problem("clock", "it is years behind: certificates count as not valid yet", ADVICE);
    }
    match synchronised {
        Some(true) => Finding::ok("clock", "it is synchronised"),
        Some(false) => {
            let text = "it is not synchronised: the latency that is shown will be wrong, and certificates may be refused";
            Finding::warning("clock", text, ADVICE)
        }
        None => Finding::warning(
            "clock",
            "neither timedatectl nor chronyc says whether it is synchronised",
            "compare date -u with another machine; in a container the host's clock counts",
        ),
    }
}

fn systemd_says(text: &str) -> Option<bool> {
    match text.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn chrony_says(text: &str) -> Option<bool> {
    let status = text.lines().find_map(|line| line.strip_prefix("Leap status"))?;
    Some(!status.contains("Not synchronised"))
}

/// The standard output of a program that succeeds in time.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let ends = Instant::now() + DEADLINE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < ends => thread::sleep(POLL),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let mut text = String::new();
    child.stdout.take()?.take(64 * 1024).read_to_string(&mut text).ok()?;
    status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn what_systemd_and_chrony_say_is_understood() {
        assert_eq!(["yes\n", "no\n", ""].map(systemd_says), [Some(true), Some(false), None]);
        assert_eq!(chrony_says("Reference ID : x\nLeap status     : Normal\n"), Some(true));
        assert_eq!(chrony_says("Leap status     : Not synchronised\n"), Some(false));
        assert_eq!(chrony_says("506 Cannot talk to daemon"), None);
    }

    #[test]
    fn a_clock_of_another_year_is_a_problem_whoever_steers_it() {
        assert_eq!(judged(EARLIEST_S - 1, Some(true)).verdict, Verdict::Problem);
        assert_eq!(judged(EARLIEST_S, Some(true)).verdict, Verdict::Ok);
        assert_eq!(judged(EARLIEST_S, Some(false)).verdict, Verdict::Warning);
        assert_eq!(judged(EARLIEST_S, None).verdict, Verdict::Warning);
    }

    #[test]
    fn a_program_that_fails_or_is_missing_says_nothing() {
        assert_eq!(answer("echo", &["yes"]).as_deref(), Some("yes\n"));
        assert_eq!(answer("false", &[]), None);
        assert_eq!(answer("/nonexistent/timedatectl", &[]), None);
    }
}
