//! The newest lines of the log, in memory, for the admin API.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use farcast_feed::time::WallTime;

/// Lines that are kept; as many warnings and errors are kept beside them.
const KEPT: usize = 500;
/// Longest line in bytes; the rest is cut off.
const MAX_LINE_BYTES: usize = 2048;

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// When.
    pub time: WallTime,
    /// Severity.
    pub level: Level,
    /// The phrase, then the fields.
    pub text: String,
}

/// The newest lines. Cheap to clone; all clones share them. A layer of the log fills it.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    all: VecDeque<Line>,
    warnings: VecDeque<Line>,
    /// Number of lines of each severity so far.
    count: u64,
    warned: u64,
}

/// Lines that somebody has not read yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// The oldest first.
    pub lines: Vec<Line>,
    /// True if nothing is missing between these lines and those that were read before.
    pub goes_on: bool,
    /// Number of lines so far: the argument of the next call.
    pub count: u64,
}

impl Recent {
    /// The newest lines, the oldest first; 500 at most.
    #[must_use]
    pub fn all(&self) -> Vec<Line> {
        self.lock().all.iter().cloned().collect()
    }

    /// The newest warnings and errors, the oldest first; 500 at most.
    #[must_use]
    pub fn warnings(&self) -> Vec<Line> {
        self.lock().warnings.iter().cloned().collect()
    }

    /// The lines written after the first `read` lines, as far as they are kept.
    #[must_use]
    pub fn since(&self, read: u64) -> News {
        let lines = self.lock();
        let kept = u64::try_from(lines.all.len()).unwrap_or(u64::MAX);
        let first = lines.count.saturating_sub(kept);
        // A number that is not of this log stands for nothing read.
        let goes_on = (first..=lines.count).contains(&read);
        let skip = if goes_on { usize::try_from(read - first).unwrap_or(usize::MAX) } else { 0 };
        News { lines: lines.all.iter().skip(skip).cloned().collect(), goes_on, count: lines.count }
    }

    /// Number of warnings and errors so far.
    #[must_use]
    pub fn warned(&self) -> u64 {
        self.lock().warned
    }

    fn push(&self, line: Line) {
        let mut lines = self.lock();
        lines.count += 1;
        if line.level <= Level::WARN {
            lines.warned += 1;
            keep(&mut lines.warnings, line.clone());
        }
        keep(&mut lines.all, line);
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(lines: &mut VecDeque<Line>, line: Line) {
    if lines.len() == KEPT {
        lines.pop_front();
    }
    lines.push_back(line);
}

impl<S: Subscriber> Layer<S> for Recent {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = *event.metadata().level();
        self.push(Line { time: WallTime::now(), level, text: text.finish() });
    }
}

/// Collects an event's fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(mut self) -> String {
        self.message.push_str(&self.fields);
        let mut end = self.message.len().min(MAX_LINE_BYTES);
        while !self.message.is_char_boundary(end) {
            end -= 1;
        }
        self.message.truncate(end);
        self.message
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_warnings_longer() {
        let recent = Recent::default();
        let subscriber = tracing_subscriber::registry().with(recent.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(edge = "a", "an edge is behind");
            for number in 0..KEPT {
                tracing::info!(number, "a segment was made");
            }
        });
        let all = recent.all();
        assert_eq!(all.len(), KEPT);
        assert_eq!(all[0].text, "a segment was made number=0");
        assert_eq!(recent.warnings()[0].text, "an edge is behind edge=\"a\"");
        assert_eq!(recent.warnings().len(), 1);
    }

    #[test]
    fn who_reads_on_gets_what_is_new_and_is_told_when_something_is_missing() {
        let recent = Recent::default();
        let subscriber = std::sync::Arc::new(tracing_subscriber::registry().with(recent.clone()));
        let write = |lines: std::ops::Range<usize>| {
            tracing::subscriber::with_default(std::sync::Arc::clone(&subscriber), || {
                lines.for_each(|number| tracing::info!(number, "a line"));
            });
        };
        let read = |from: u64| {
            let News { lines, goes_on, count } = recent.since(from);
            (lines.first().map(|line| line.text.clone()), lines.len(), goes_on, count)
        };
        assert_eq!(read(0), (None, 0, true, 0));
        write(0..3);
        assert_eq!(read(0), (Some("a line number=0".to_owned()), 3, true, 3));
        assert_eq!(read(2), (Some("a line number=2".to_owned()), 1, true, 3));
        assert_eq!(read(3), (None, 0, true, 3));
        assert_eq!((read(4).1, read(4).2), (3, false), "this log never had so many");
        write(3..KEPT + 1);
        assert_eq!((read(0).1, read(0).2), (KEPT, false));
        assert_eq!((read(1).1, read(1).2), (KEPT, true));
    }
}
