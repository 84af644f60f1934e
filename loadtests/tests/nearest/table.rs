//! What was expected and what was seen, as a table that is printed at the end whatever happens.

use std::time::Duration;

/// Widest column, in characters.
const WIDEST: usize = 90;

/// A table.
pub(crate) struct Table {
    title: &'static str,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    expected: String,
    seen: String,
    /// The longest stall, where viewers watched.
    stall: Option<Duration>,
    good: bool,
}

impl Table {
    /// An empty one.
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    /// Notes something.
    pub(crate) fn note(&mut self, what: &str, expected: &str, seen: impl Into<String>, good: bool) {
        self.add(what, expected, seen.into(), None, good);
    }

    /// Notes something that viewers went through.
    pub(crate) fn watched(
        &mut self,
        what: &str,
        expected: &str,
        seen: impl Into<String>,
        stall: Duration,
        good: bool,
    ) {
        self.add(what, expected, seen.into(), Some(stall), good);
    }

    fn add(&mut self, what: &str, expected: &str, seen: String, stall: Option<Duration>, good: bool) {
        // Whoever waits sees how far it is.
        eprintln!("{} {what}: {seen}", mark(good));
        self.rows.push(Row { what: what.to_owned(), expected: expected.to_owned(), seen, stall, good });
    }

    /// What was not as it should be.
    pub(crate) fn bad(&self) -> Vec<String> {
        let bad = self.rows.iter().filter(|row| !row.good);
        bad.map(|row| format!("{}: expected {}, seen {}", row.what, row.expected, row.seen)).collect()
    }

    fn lines(&self) -> Vec<[String; 4]> {
        let stall =
            |row: &Row| row.stall.map_or_else(String::new, |stall| format!("{:.2} s", stall.as_secs_f64()));
        let head = ["what", "expected", "seen", "longest stall"].map(str::to_owned);
        let row = |row: &Row| {
            [format!("{} {}", mark(row.good), row.what), row.expected.clone(), row.seen.clone(), stall(row)]
        };
        std::iter::once(head).chain(self.rows.iter().map(row)).collect()
    }
}

fn mark(good: bool) -> &'static str {
    if good { "ok " } else { "BAD" }
}

impl Drop for Table {
    fn drop(&mut self) {
        let lines = self.lines();
        // One long cell must not widen all.
        let widths = |column: usize| lines.iter().map(move |line| line[column].chars().count());
        let width = |column| widths(column).filter(|width| *width <= WIDEST).max().unwrap_or(0);
        let [what, expected, seen] = [width(0), width(1), width(2)];
        eprintln!("\n{}", self.title);
        for [a, b, c, d] in &lines {
            eprintln!("{a:what$}  {b:expected$}  {c:seen$}  {d}");
        }
    }
}
