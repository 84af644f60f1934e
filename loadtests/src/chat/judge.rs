//! The verdict on a run: what was sent, and whether everybody received it once, in one order, and how soon.
//!
//! A connection must have each message that anybody saw and that was sent after it was open, and each that stands
//! between two that it has. One that the server closed is verified up to its last message.
//!
//! Memory is a constant per message and per connection, and some bytes for each gap of a connection.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chat::marker::Mark;
use crate::chat::order::{Found, Order};
use crate::chat::seen::Seen;
use crate::watch::histogram::Histogram;

/// Findings of each kind that are described; all are counted.
const EXAMPLES: usize = 10;

/// A message that was sent.
#[derive(Clone, Copy, Debug)]
struct Message {
    sent_us: u64,
    /// The user who sent it.
    by: u32,
    /// Connections that saw it.
    receipts: u32,
}

/// One connection's memory.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its number.
    pub index: u32,
    /// Index of the edge that it is connected to.
    pub edge: usize,
    /// Time at which it was open; microseconds since the run began.
    pub opened_us: u64,
    seen: Seen,
    receipts: u64,
    first: Option<u32>,
    last: Option<u32>,
}

impl Listener {
    /// A connection that is open from now on.
    #[must_use]
    pub fn new(index: u32, edge: usize, opened_us: u64) -> Self {
        Self { index, edge, opened_us, seen: Seen::default(), receipts: 0, first: None, last: None }
    }

    /// Messages that it received, each once.
    #[must_use]
    pub fn receipts(&self) -> u64 {
        self.receipts
    }
}

/// The end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stayed {
    /// Open to the end.
    ToTheEnd,
    /// The server closed it, or it failed.
    Left,
}

/// Judges a run. [`sent`](Self::sent) and [`received`](Self::received) as it goes, then [`verdict`](Self::verdict).
#[derive(Debug)]
pub struct Judge {
    messages: Vec<Message>,
    order: Order,
    latency: Vec<Histogram>,
    receipts: u64,
    duplicates: u64,
    forged: u64,
    examples: Vec<String>,
}

/// The verdict.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Messages that were sent and that nobody saw.
    pub unseen: u64,
    /// Messages that others saw and a connection did not, for all connections.
    pub lost: u64,
    /// Messages that a connection saw again.
    pub duplicates: u64,
    /// Times that a connection saw a message before one that stands before it.
    pub disorders: u64,
    /// Marks of this run that are on no message it sent.
    pub forged: u64,
    /// Steps of connections that were too many to be checked.
    pub unjudged: u64,
    /// The first findings.
    pub examples: Vec<String>,
}

impl Judge {
    /// For connections to so many edges.
    #[must_use]
    pub fn new(edges: usize) -> Self {
        Self {
            messages: Vec::new(),
            order: Order::default(),
            latency: vec![Histogram::default(); edges],
            receipts: 0,
            duplicates: 0,
            forged: 0,
            examples: Vec::new(),
        }
    }

    /// A user is about to send the next message; its mark.
    pub fn sent(&mut self, by: u32, now_us: u64) -> Mark {
        let seq = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        self.messages.push(Message { sent_us: now_us, by, receipts: 0 });
        Mark { seq, sent_us: now_us }
    }

    /// A connection received a message.
    pub fn received(&mut self, listener: &mut Listener, mark: Mark, now_us: u64) {
        let message = self.messages.get_mut(index(mark.seq)).filter(|sent| sent.sent_us == mark.sent_us);
        let Some(message) = message else {
            self.forged += 1;
            return;
        };
        if !listener.seen.insert(mark.seq) {
            self.duplicates += 1;
            if self.duplicates <= EXAMPLES as u64 {
                self.examples
                    .push(format!("connection {} received message {} again", listener.index, mark.seq));
            }
            return;
        }
        message.receipts += 1;
        listener.receipts += 1;
        self.receipts += 1;
        if let Some(latency) = self.latency.get_mut(listener.edge) {
            latency.add(Duration::from_micros(now_us.saturating_sub(mark.sent_us)));
        }
        if let Some(before) = listener.last.replace(mark.seq) {
            self.order.step(before, mark.seq, listener.index);
        } else {
            listener.first = Some(mark.seq);
        }
    }

    /// Messages sent so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        u64::try_from(self.messages.len()).unwrap_or(u64::MAX)
    }

    /// Receipts so far, each message once per connection.
    #[must_use]
    pub fn receipts(&self) -> u64 {
        self.receipts
    }

    /// Receipts of a message again, so far.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// From sending to receipt, by edge.
    #[must_use]
    pub fn latency(&self) -> &[Histogram] {
        &self.latency
    }

    /// The sender of a message.
    #[must_use]
    pub fn sender(&self, mark: Mark) -> Option<u32> {
        self.messages.get(index(mark.seq)).map(|message| message.by)
    }

    /// Judges, when nothing more will be received.
    #[must_use]
    pub fn verdict(&self, listeners: &[(Listener, Stayed)]) -> Verdict {
        let seen: BTreeSet<u32> =
            (0..).zip(&self.messages).filter(|(_, m)| m.receipts > 0).map(|(seq, _)| seq).collect();
        let found = self.order.find(&seen);
        let mut verdict = Verdict {
            unseen: self.messages() - u64::try_from(seen.len()).unwrap_or(u64::MAX),
            duplicates: self.duplicates,
            disorders: found.backward.iter().map(|step| step.count).sum(),
            forged: self.forged,
            unjudged: found.unjudged,
            examples: self.examples.clone(),
            ..Verdict::default()
        };
        for step in found.backward.iter().take(EXAMPLES) {
            verdict.examples.push(format!(
                "{} connections received message {} before {}: {:?} and others",
                step.count, step.from, step.to, step.by
            ));
        }
        for (listener, stayed) in listeners {
            let lost = self.lost(listener, *stayed, &found);
            let room = EXAMPLES.saturating_sub(usize::try_from(verdict.lost).unwrap_or(usize::MAX));
            let mut count = 0;
            for seq in lost {
                count += 1;
                if count <= room {
                    verdict.examples.push(format!("connection {} lost message {seq}", listener.index));
                }
            }
            verdict.lost += u64::try_from(count).unwrap_or(u64::MAX);
        }
        verdict
    }

    /// Messages that a connection should have seen.
    fn lost<'a>(
        &'a self,
        listener: &'a Listener,
        stayed: Stayed,
        found: &'a Found,
    ) -> impl Iterator<Item = u32> + 'a {
        let place = |seq: u32| found.places.get(index(seq)).copied().flatten();
        let first = listener.first.and_then(place);
        let last = listener.last.and_then(place);
        let bounds = listener.seen.bounds().unwrap_or(0..0);
        // Messages are numbered in the order of sending.
        let due = self.messages.partition_point(|message| message.sent_us < listener.opened_us);
        let due = u32::try_from(due).unwrap_or(u32::MAX);
        let all = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        let within = match stayed {
            Stayed::Left => bounds,
            Stayed::ToTheEnd if bounds.is_empty() => due..all,
            Stayed::ToTheEnd => due.min(bounds.start)..all,
        };
        listener.seen.missing(within).filter(move |seq| {
            let Some(place) = place(*seq) else { return false };
            let begun = *seq >= due || first.is_some_and(|first| place > first);
            let ended = stayed == Stayed::Left && last.is_none_or(|last| place > last);
            begun && !ended
        })
    }
}

fn index(seq: u32) -> usize {
    usize::try_from(seq).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages are sent at 100, 200, …; each connection sees what it is said to see.
    struct Run {
        judge: Judge,
        listeners: Vec<(Listener, Stayed)>,
    }

    impl Run {
        fn of(messages: u32) -> Self {
            let mut judge = Judge::new(1);
            for seq in 0..messages {
                assert_eq!(judge.sent(seq % 2, u64::from(seq + 1) * 100), mark(seq));
            }
            Self { judge, listeners: Vec::new() }
        }

        fn saw(mut self, seqs: &[u32]) -> Self {
            self.join(0, Stayed::ToTheEnd, seqs);
            self
        }

        fn join(&mut self, opened_us: u64, stayed: Stayed, seqs: &[u32]) {
            let number = u32::try_from(self.listeners.len()).unwrap();
            let mut listener = Listener::new(number, 0, opened_us);
            for seq in seqs {
                self.judge.received(&mut listener, mark(*seq), u64::from(seq + 1) * 100 + 7);
            }
            self.listeners.push((listener, stayed));
        }

        fn verdict(&self) -> Verdict {
            self.judge.verdict(&self.listeners)
        }

        /// Unseen, lost, duplicates, disorders.
        fn counts(&self) -> [u64; 4] {
            let verdict = self.verdict();
            [verdict.unseen, verdict.lost, verdict.duplicates, verdict.disorders]
        }
    }

    fn mark(seq: u32) -> Mark {
        Mark { seq, sent_us: u64::from(seq + 1) * 100 }
    }

    #[test]
    fn the_same_for_all_is_good_whatever_the_order_of_sending() {
        let run = Run::of(4).saw(&[0, 2, 1, 3]).saw(&[0, 2, 1, 3]);
        assert_eq!(run.counts(), [0; 4]);
        assert_eq!((run.judge.receipts(), run.judge.latency()[0].count()), (8, 8));
        assert_eq!(run.judge.latency()[0].largest(), Duration::from_micros(7));
        assert_eq!(run.judge.sender(mark(3)), Some(1));
    }

    #[test]
    fn a_loss_is_found_at_the_beginning_the_middle_and_the_end_and_is_no_disorder() {
        for (lost, saw) in [(0, [1, 2, 3]), (1, [0, 2, 3]), (3, [0, 1, 2])] {
            // The one that lost something is the first to see the rest.
            let run = Run::of(4).saw(&saw).saw(&[0, 1, 2, 3]).saw(&[0, 1, 2, 3]);
            assert_eq!(run.counts(), [0, 1, 0, 0]);
            assert_eq!(run.verdict().examples, [format!("connection 0 lost message {lost}")]);
        }
        assert_eq!(Run::of(3).saw(&[]).saw(&[0, 1, 2]).counts(), [0, 3, 0, 0]);
    }

    #[test]
    fn a_duplicate_is_found_and_is_neither_a_receipt_nor_disorder() {
        let run = Run::of(3).saw(&[0, 1, 0, 2, 2]).saw(&[0, 1, 2]);
        assert_eq!(run.counts(), [0, 0, 2, 0]);
        assert_eq!(run.judge.receipts(), 6);
        assert_eq!(run.verdict().examples[0], "connection 0 received message 0 again");
    }

    #[test]
    fn a_swap_is_found_and_is_no_loss() {
        let run = Run::of(4).saw(&[0, 2, 1, 3]).saw(&[0, 1, 2, 3]).saw(&[0, 1, 2, 3]);
        assert_eq!(run.counts(), [0, 0, 0, 1]);
        assert!(run.verdict().examples[0].contains("message 2 before 1: [0]"), "{:?}", run.verdict());
    }

    #[test]
    fn a_message_that_nobody_saw_is_not_lost_by_everybody() {
        assert_eq!(Run::of(3).saw(&[0, 2]).saw(&[0, 2]).counts(), [1, 0, 0, 0]);
    }

    #[test]
    fn one_that_came_later_owes_what_was_sent_since_and_what_stands_between() {
        let of = |opened_us, saw: &[u32]| {
            let mut run = Run::of(5).saw(&[0, 1, 2, 3, 4]);
            run.join(opened_us, Stayed::ToTheEnd, saw);
            run.counts()
        };
        assert_eq!(of(250, &[2, 3, 4]), [0; 4]);
        assert_eq!(of(250, &[1, 2, 3, 4]), [0; 4], "under way while it connected");
        assert_eq!(of(350, &[1, 3, 4]), [0, 1, 0, 0], "2 is between two that it has");
        assert_eq!(of(250, &[3, 4]), [0, 1, 0, 0]);
        assert_eq!(of(250, &[]), [0, 3, 0, 0]);
    }

    #[test]
    fn one_that_was_closed_is_judged_up_to_its_last() {
        let of = |saw: &[u32]| {
            let mut run = Run::of(5).saw(&[0, 1, 2, 3, 4]);
            run.join(0, Stayed::Left, saw);
            run.counts()
        };
        assert_eq!(of(&[0, 1, 2]), [0; 4]);
        assert_eq!(of(&[0, 2]), [0, 1, 0, 0]);
        assert_eq!(of(&[]), [0; 4]);
    }

    #[test]
    fn marks_that_were_never_sent_are_counted_apart() {
        let mut run = Run::of(1);
        let mut listener = Listener::new(0, 0, 0);
        run.judge.received(&mut listener, Mark { seq: 0, sent_us: 99 }, 200);
        run.judge.received(&mut listener, Mark { seq: u32::MAX, sent_us: 100 }, 200);
        assert_eq!((run.verdict().forged, run.judge.receipts()), (2, 0));
    }
}
