//! The findings, and how they are shown.

use std::fmt::Write as _;

use serde::Serialize;

/// Width of the column of verdicts, and of the column of checks, in characters.
const COLUMNS: (usize, usize) = (9, 14);

/// How good a finding is; the order is from good to bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but worse than it could, or it could not be found out.
    Warning,
    /// It will not work.
    Problem,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What one check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What was looked at: `clock`.
    pub check: &'static str,
    /// How good it is.
    pub verdict: Verdict,
    /// What was found, in a sentence without a full stop.
    pub text: String,
    /// What to do about it; none where it is as it should be.
    pub advice: Option<String>,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, text: text.into(), advice: None }
    }

    /// Something that could be better.
    #[must_use]
    pub fn warning(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, text: text.into(), advice: Some(advice.into()) }
    }

    /// Something that will not work.
    #[must_use]
    pub fn problem(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Problem, text: text.into(), advice: Some(advice.into()) }
    }
}

/// All findings about a program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Name of the program.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The worst of all verdicts.
    pub verdict: Verdict,
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Of these findings about the program of this name and version.
    #[must_use]
    pub fn new(program: &'static str, version: &'static str, findings: Vec<Finding>) -> Self {
        let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
        Self { program, version, verdict, findings }
    }

    /// The exit status of a command that shows it: 1 when there is a problem, else 0.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        u8::from(self.verdict == Verdict::Problem)
    }

    /// A line for each finding, the advice beneath it, and the sum.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let (verdicts, checks) = COLUMNS;
        for Finding { check, verdict, text, advice } in &self.findings {
            let _ = writeln!(out, "{:verdicts$}{check:checks$}{text}", verdict.word());
            if let Some(advice) = advice {
                let _ = writeln!(out, "{:1$}What to do: {advice}", "", verdicts + checks);
            }
        }
        let count = |verdict| self.findings.iter().filter(|finding| finding.verdict == verdict).count();
        let _ = write!(
            out,
            "\n{}: {} problems, {} warnings",
            self.program,
            count(Verdict::Problem),
            count(Verdict::Warning)
        );
        out
    }

    /// As a JSON object, for tools.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_advice_is_beneath_its_line() {
        let findings =
            vec![Finding::ok("clock", "it is right"), Finding::problem("ports", "taken", "free it")];
        let report = Report::new("farcast-sample", "1.2.3", findings);
        assert_eq!(report.exit_status(), 1);
        let text = report.to_text();
        assert!(
            text.starts_with("ok       clock         it is right\nproblem  ports         taken\n"),
            "{text}"
        );
        assert!(text.contains("What to do: free it\n"), "{text}");
        assert!(text.ends_with("farcast-sample: 1 problems, 0 warnings"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(
            (&json["verdict"], &json["findings"][0]["advice"]),
            (&"problem".into(), &serde_json::Value::Null)
        );
    }

    #[test]
    fn a_warning_is_no_failure() {
        let warned = Report::new("a", "1", vec![Finding::warning("clock", "unknown", "look")]);
        assert_eq!((warned.verdict, warned.exit_status()), (Verdict::Warning, 0));
        assert_eq!(Report::new("a", "1", Vec::new()).exit_status(), 0);
    }
}
