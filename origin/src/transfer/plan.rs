//! What an import would do: a line for each value, and the batches that do it.

use std::fmt;

use farcast_chat::Entry;
use farcast_store::Batch;
use serde::{Deserialize, Serialize};

/// Lines of one group and verdict that are listed; of more there is the number.
const LISTED: usize = 30;
/// Longest value in characters that is shown whole.
const SHOWN_CHARS: usize = 60;

/// What a line is about; groups are shown in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Group {
    Settings,
    Credentials,
    Users,
    AccessTokens,
    Webhooks,
    Bans,
    Emoji,
    History,
    /// Of the other server, for which there is nothing here.
    Elsewhere,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "Settings",
            Self::Credentials => "Stream keys and admin password",
            Self::Users => "Users of the chat",
            Self::AccessTokens => "Access tokens",
            Self::Webhooks => "Webhooks",
            Self::Bans => "Banned addresses",
            Self::Emoji => "Emoji",
            Self::History => "Chat history",
            Self::Elsewhere => "Not taken over",
        })
    }
}

/// What becomes of a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Verdict {
    /// It changes; the text says how.
    Set(String),
    /// It is so already.
    Same,
    /// Something else was set here, and stays; the text says what.
    Kept(String),
    /// It cannot be taken over; the text says why.
    Skipped(String),
}

/// A value and what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) group: Group,
    /// Its name.
    pub(super) what: String,
    pub(super) verdict: Verdict,
}

/// What an import would do.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) lines: Vec<Line>,
    /// In this order; each requires what it was made from.
    pub(super) batches: Vec<Batch>,
    /// What the chat is told once the batches are applied.
    pub(super) told: Vec<Entry>,
}

impl Plan {
    pub(super) fn set(&mut self, group: Group, what: impl Into<String>, how: impl Into<String>) {
        self.line(group, what, Verdict::Set(how.into()));
    }

    pub(super) fn same(&mut self, group: Group, what: impl Into<String>) {
        self.line(group, what, Verdict::Same);
    }

    pub(super) fn kept(&mut self, group: Group, what: impl Into<String>, why: impl Into<String>) {
        self.line(group, what, Verdict::Kept(why.into()));
    }

    pub(super) fn skipped(&mut self, group: Group, what: impl Into<String>, why: impl Into<String>) {
        self.line(group, what, Verdict::Skipped(why.into()));
    }

    fn line(&mut self, group: Group, what: impl Into<String>, verdict: Verdict) {
        self.lines.push(Line { group, what: what.into(), verdict });
    }

    /// True if nothing would change.
    pub(super) fn changes_nothing(&self) -> bool {
        !self.lines.iter().any(|line| matches!(line.verdict, Verdict::Set(_)))
    }

    /// The lines as text, by groups; `done` if it has been done.
    pub(super) fn text(&self, done: bool) -> String {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|line| line.group);
        let groups = lines.chunk_by(|a, b| a.group == b.group).filter_map(|group| group_text(group, done));
        let mut text: String = groups.collect();
        text += &self.summary(done);
        text
    }

    fn summary(&self, done: bool) -> String {
        let count = |is: fn(&Verdict) -> bool| self.lines.iter().filter(|line| is(&line.verdict)).count();
        let set = count(|verdict| matches!(verdict, Verdict::Set(_)));
        let same = count(|verdict| matches!(verdict, Verdict::Same));
        let kept = count(|verdict| matches!(verdict, Verdict::Kept(_)));
        let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        let (changed, note) =
            if done { ("changed", "") } else { ("would change", "\nNothing has been changed.") };
        let overwrite = if kept > 0 { " (--overwrite replaces what was set here)" } else { "" };
        format!(
            "{set} {changed}, {same} are so already, {kept} stay as they were set here{overwrite}, {skipped} are not taken \
             over.{note}"
        )
    }
}

fn group_text(lines: &[&Line], done: bool) -> Option<String> {
    let mut text = format!("{}:\n", lines.first()?.group);
    let mut same = 0_usize;
    let mut kinds = [(if done { "set" } else { "will set" }, 0_usize), ("keep", 0), ("skip", 0)];
    for line in lines {
        let (kind, about) = match &line.verdict {
            Verdict::Same => {
                same += 1;
                continue;
            }
            Verdict::Set(how) => (0, how),
            Verdict::Kept(why) => (1, why),
            Verdict::Skipped(why) => (2, why),
        };
        let (verb, listed) = &mut kinds[kind];
        *listed += 1;
        if *listed <= LISTED {
            text += &format!("  {verb} {}: {about}\n", line.what);
        }
    }
    for (verb, count) in kinds {
        if count > LISTED {
            text += &format!("  {verb} {} more\n", count - LISTED);
        }
    }
    if same > 0 {
        text += &format!("  as it is: {same}\n");
    }
    text.push('\n');
    Some(text)
}

/// A value as it is shown: in one line, cut where it is long.
pub(super) fn shown(value: &serde_json::Value) -> String {
    let text = value.to_string();
    let length = text.chars().count();
    if length <= SHOWN_CHARS {
        return text;
    }
    let begins: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{begins}… ({} bytes)", text.len())
}

/// How many there are of something.
pub(super) fn number(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
