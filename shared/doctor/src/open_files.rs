//! The limit of open files: a socket is one.

use std::fs;

use rustix::process::{Resource, getrlimit};

use crate::{Finding, Running};

/// Where units are, the operator's own first.
const UNIT_FOLDERS: [&str; 3] =
    ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"];

/// The metric of the limit of a process that runs.
const METRIC: &str = "process_max_fds";

/// Compares the limit with the files that the program `program` opens when it is busy: that of the process that runs, else
/// that of its unit, else that of this shell.
#[must_use]
pub fn open_files(program: &str, needed: u64, running: Option<&Running>) -> Finding {
    let of_process = running.and_then(|running| running.metric(METRIC)).map(|files| files as u64);
    let (limit, whose) = match (of_process, of_unit(program)) {
        (Some(limit), _) => (limit, "the running program".to_owned()),
        (None, Some(limit)) => (limit, format!("{program}.service")),
        (None, None) => {
            // Programs raise their own limit as far as they may.
            (getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX), "this shell".to_owned())
        }
    };
    judged(limit, &whose, needed)
}

fn judged(limit: u64, whose: &str, needed: u64) -> Finding {
    let text = if limit == u64::MAX {
        format!("{whose} may open any number of files")
    } else {
        format!("{whose} may open {limit} files; a busy program needs {needed}")
    };
    if limit >= needed {
        return Finding::ok("open files", text);
    }
    let advice = format!("set LimitNOFILE={needed} in the unit, or ulimit -n {needed} where there is none");
    Finding::warning("open files", text, advice)
}

fn of_unit(program: &str) -> Option<u64> {
    let read = |folder: &&str| fs::read_to_string(format!("{folder}/{program}.service")).ok();
    limit_in(&UNIT_FOLDERS.iter().find_map(read)?)
}

fn limit_in(unit: &str) -> Option<u64> {
    let mut values = unit.lines().filter_map(|line| line.trim().strip_prefix("LimitNOFILE="));
    let hard = values.next_back()?.rsplit(':').next()?;
    if hard == "infinity" { Some(u64::MAX) } else { hard.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn the_hard_limit_of_the_last_line_counts() {
        assert_eq!(limit_in("[Service]\nLimitNOFILE=1\nLimitNOFILE=1024:65536\n"), Some(65536));
        assert_eq!(limit_in("LimitNOFILE=infinity"), Some(u64::MAX));
        assert_eq!(limit_in("[Service]\n#LimitNOFILE=1\n"), None);
    }

    #[test]
    fn too_few_files_are_a_warning_that_says_how_many() {
        let finding = judged(1024, "this shell", 20_500);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert!(finding.advice.unwrap().contains("LimitNOFILE=20500"));
        assert_eq!(judged(20_500, "this shell", 20_500).verdict, Verdict::Ok);
    }
}
