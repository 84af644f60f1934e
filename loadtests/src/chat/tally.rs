//! The events on all connections, counted as they happen.

use std::collections::BTreeMap;

use crate::chat::judge::Judge;
use crate::watch::histogram::Histogram;

/// Distinct texts kept.
const KEPT_TEXTS: usize = 50;

/// Counts by text; beyond a bound of distinct ones as `others`.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Counts one.
    pub fn add(&mut self, text: impl Into<String>) {
        let text = text.into();
        let known = self.0.len() < KEPT_TEXTS || self.0.contains_key(&text);
        *self.0.entry(if known { text } else { "others".to_owned() }).or_default() += 1;
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// By text.
    #[must_use]
    pub fn by_text(&self) -> &BTreeMap<String, u64> {
        &self.0
    }
}

/// Counts, and the verifier of the messages.
#[derive(Debug)]
pub struct Tally {
    /// Messages.
    pub judge: Judge,
    /// Connections that are open, by edge.
    pub open: Vec<u64>,
    /// Receipts of connections that are not open any more.
    pub left_receipts: u64,
    /// Connections that have been open.
    pub opened: u64,
    /// From dialling to `CONNECTED_USER_INFO`.
    pub connecting: Histogram,
    /// Text messages of the servers.
    pub frames: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Delay of sent messages behind the plan: the generator's own delay.
    pub behind: Histogram,
    /// Connections that did not open, by reason.
    pub failed: Counts,
    /// Connections that the servers closed, or that broke, by reason.
    pub closed: Counts,
    /// Messages that could not be sent, by reason.
    pub unsent: Counts,
    /// Events on the connections that look at them, by type.
    pub events: Counts,
    /// The faults of events.
    pub wrong: Counts,
}

impl Tally {
    /// For so many edges.
    #[must_use]
    pub fn new(edges: usize) -> Self {
        Self {
            judge: Judge::new(edges),
            open: vec![0; edges],
            left_receipts: 0,
            opened: 0,
            connecting: Histogram::default(),
            frames: 0,
            bytes: 0,
            behind: Histogram::default(),
            failed: Counts::default(),
            closed: Counts::default(),
            unsent: Counts::default(),
            events: Counts::default(),
            wrong: Counts::default(),
        }
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.iter().sum()
    }

    /// True if every open connection has had every message.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.judge.receipts() - self.left_receipts >= self.judge.messages() * self.open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_texts_are_bounded() {
        let mut counts = Counts::default();
        for number in 0..1000 {
            counts.add(format!("error {}", number % 100));
        }
        assert_eq!((counts.total(), counts.by_text().len()), (1000, KEPT_TEXTS + 1));
    }
}
