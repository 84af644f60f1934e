//! What was found, for people.

use std::fmt;

/// How a step went.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Outcome {
    Good,
    Bad(String),
    /// It does not hold yet, or does by now: why it is marked so, and what is wrong, if anything is.
    Pending(String, Option<String>),
}

/// All clients' steps.
#[derive(Debug, Default)]
pub(crate) struct Report {
    clients: Vec<(String, Vec<(String, Outcome)>)>,
}

impl Report {
    /// A client begins.
    pub(crate) fn client(&mut self, name: &str) {
        self.clients.push((name.to_owned(), Vec::new()));
    }

    /// A step of it is done.
    pub(crate) fn step(&mut self, title: String, pending: Option<String>, found: Result<(), String>) {
        let outcome = match (pending, found) {
            (Some(why), found) => Outcome::Pending(why, found.err()),
            (None, Ok(())) => Outcome::Good,
            (None, Err(problem)) => Outcome::Bad(problem),
        };
        if let Some((_, steps)) = self.clients.last_mut() {
            steps.push((title, outcome));
        }
    }

    /// Whether everything holds that should.
    pub(crate) fn is_good(&self) -> bool {
        let mut all = self.clients.iter().flat_map(|(_, steps)| steps);
        !all.any(|(_, outcome)| matches!(outcome, Outcome::Bad(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (client, steps) in &self.clients {
            let good = steps.iter().filter(|(_, outcome)| *outcome == Outcome::Good).count();
            writeln!(f, "{client}: {good} of {} steps hold", steps.len())?;
            for (title, outcome) in steps {
                match outcome {
                    Outcome::Good => {}
                    Outcome::Bad(problem) => writeln!(f, "  BROKEN   {title}: {problem}")?,
                    Outcome::Pending(why, Some(problem)) => {
                        writeln!(f, "  pending  {title}: {problem} [{why}]")?;
                    }
                    Outcome::Pending(why, None) => {
                        writeln!(f, "  holds by now, take the mark away: {title} [{why}]")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[test]
fn what_is_broken_fails_and_what_is_pending_is_told() {
    let mut report = Report::default();
    report.client("x");
    report.step("one".to_owned(), None, Ok(()));
    report.step("two".to_owned(), Some("later".to_owned()), Err("no".to_owned()));
    report.step("three".to_owned(), Some("later".to_owned()), Ok(()));
    assert!(report.is_good());
    let text = report.to_string();
    assert!(text.contains("1 of 3") && text.contains("pending  two: no [later]"), "{text}");
    assert!(text.contains("holds by now, take the mark away: three"), "{text}");
    report.step("four".to_owned(), None, Err("no".to_owned()));
    assert!(!report.is_good() && report.to_string().contains("BROKEN   four: no"));
}
