//! A FoundationDB cluster file: `description:id@host:port,…`.

use std::fs;
use std::path::Path;

use crate::Finding;

/// Longest cluster file that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Looks at the file and its form; whether the cluster answers is seen when the program starts.
#[must_use]
pub fn cluster(file: &Path, program: &str) -> Vec<Finding> {
    const CHECK: &str = "FoundationDB";
    let shown = file.display();
    let text = match fs::read(file) {
        Ok(bytes) => String::from_utf8_lossy(bytes.get(..MAX_BYTES).unwrap_or(&bytes)).into_owned(),
        Err(error) => {
            let advice = "copy the cluster's file there (fdb.cluster), or correct store in the settings";
            return vec![Finding::problem(CHECK, format!("{shown} cannot be read: {error}"), advice)];
        }
    };
    let mut findings = vec![match coordinators(&text) {
        Some(count) => Finding::ok(CHECK, format!("{shown} names {count} coordinators")),
        None => Finding::problem(
            CHECK,
            format!("{shown} is not a cluster file: description:id@host:port,host:port"),
            "copy the cluster's file there (fdb.cluster)",
        ),
    }];
    if file.starts_with("/etc") {
        findings.push(Finding::warning(
            CHECK,
            format!("{shown} is in /etc, where the service may not write it when coordinators change"),
            format!("keep a copy in the data folder: infra/systemd/foundationdb.conf as a drop-in of {program}.service"),
        ));
    }
    findings
}

/// How many coordinators the text names; none if it has not the form.
fn coordinators(text: &str) -> Option<usize> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let (head, hosts) = line.split_once('@')?;
    let (description, id) = head.split_once(':')?;
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let has_port = |host: &str| {
        let host = host.strip_suffix(":tls").unwrap_or(host);
        host.rsplit_once(':').is_some_and(|(name, port)| !name.is_empty() && port.parse::<u16>().is_ok())
    };
    let hosts: Vec<&str> = hosts.split(',').map(str::trim).collect();
    (is_word(description) && is_word(id) && hosts.iter().all(|host| has_port(host))).then_some(hosts.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn a_cluster_file_is_known_by_its_form() {
        assert_eq!(coordinators("# made by fdb\ndocker:a1B2@10.0.0.1:4500,[::1]:4500:tls\n"), Some(2));
        for wrong in ["", "docker@10.0.0.1:4500", "a:b@host", "a b:c@h:1", "a:b@h:99999"] {
            assert_eq!(coordinators(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_missing_file_is_a_problem_that_names_it() {
        let findings = cluster(Path::new("/nonexistent/fdb.cluster"), "farcast-origin");
        assert_eq!((findings.len(), findings[0].verdict), (1, Verdict::Problem));
        assert!(findings[0].text.contains("/nonexistent/fdb.cluster"));
    }
}
