//! Checks that all connections saw the messages in one order.
//!
//! A connection's view is a chain of steps from message to message. A message that a connection lost makes its
//! step longer and contradicts nobody, so it is not taken for disorder; two messages that changed places make a
//! circle of steps. The order is the one that the fewest steps contradict, roughly: messages are lined up so that
//! all steps lead forwards, and in a circle the weakest steps are broken, so that one connection against a hundred
//! is found to be the one out of order, whichever was the first.
//!
//! Memory grows with messages, and with distinct steps that are not the usual ones; not with connections.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

/// Unusual steps kept; in a run that has more, further ones are only counted.
const KEPT_STEPS: usize = 200_000;
/// Connections named for an unusual step.
const EXAMPLES: usize = 3;

/// Steps of all connections.
#[derive(Debug, Default)]
pub struct Order {
    /// By message, the step that was first seen from it.
    usual: Vec<Option<Step>>,
    /// All others, by their ends.
    others: HashMap<(u32, u32), Step>,
    /// Steps that were not kept.
    dropped: u64,
}

/// A step from a message to another.
#[derive(Clone, Copy, Debug)]
struct Step {
    to: u32,
    count: u64,
    /// The first connections that made it.
    by: [Option<u32>; EXAMPLES],
}

/// Steps against the order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backward {
    /// The message that was seen first.
    pub from: u32,
    /// The one after it, which comes before it for most.
    pub to: u32,
    /// Number of times.
    pub count: u64,
    /// Some of the connections.
    pub by: Vec<u32>,
}

/// The order that was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// By message, its place; messages that nobody saw have none.
    pub places: Vec<Option<u32>>,
    /// Steps against it.
    pub backward: Vec<Backward>,
    /// Unusual steps beyond those that could be kept, which are not checked.
    pub unjudged: u64,
}

impl Step {
    fn new(to: u32, by: u32) -> Self {
        Self { to, count: 1, by: [Some(by), None, None] }
    }

    fn again(&mut self, by: u32) {
        self.count += 1;
        if let Some(free) = self.by.iter_mut().find(|place| place.is_none()) {
            *free = Some(by);
        }
    }
}

impl Order {
    /// A connection saw `to` next after `from`, neither of which it had seen before.
    pub fn step(&mut self, from: u32, to: u32, by: u32) {
        let index = usize::try_from(from).unwrap_or(usize::MAX);
        if self.usual.len() <= index {
            self.usual.resize(index + 1, None);
        }
        match &mut self.usual[index] {
            Some(step) if step.to == to => step.again(by),
            empty @ None => *empty = Some(Step::new(to, by)),
            Some(_) => {
                let kept = self.others.len();
                match self.others.entry((from, to)) {
                    Entry::Occupied(mut step) => step.get_mut().again(by),
                    Entry::Vacant(step) if kept < KEPT_STEPS => {
                        step.insert(Step::new(to, by));
                    }
                    Entry::Vacant(_) => self.dropped += 1,
                }
            }
        }
    }

    /// Finds the order of `messages`, those that anybody saw.
    #[must_use]
    pub fn find(&self, messages: &BTreeSet<u32>) -> Found {
        let size = messages.last().map_or(0, |last| index(*last) + 1);
        let mut next: Vec<Vec<Step>> = vec![Vec::new(); size];
        let usual = self.usual.iter().enumerate();
        let usual = usual.filter_map(|(from, step)| Some((from, (*step)?)));
        for (from, step) in usual.chain(self.others.iter().map(|((from, _), step)| (index(*from), *step))) {
            next[from].push(step);
        }
        let mut line = Line::new(messages, &next, size);
        while let Some(message) = line.take() {
            for step in &next[index(message)] {
                line.release(step);
            }
        }
        let places = line.places;
        let mut backward = Vec::new();
        for message in messages {
            for step in &next[index(*message)] {
                if places[index(step.to)] < places[index(*message)] {
                    let by = step.by.iter().flatten().copied().collect();
                    backward.push(Backward { from: *message, to: step.to, count: step.count, by });
                }
            }
        }
        Found { places, backward, unjudged: self.dropped }
    }
}

/// Messages being lined up.
struct Line {
    places: Vec<Option<u32>>,
    placed: u32,
    /// Steps that lead to a message from messages without a place.
    waiting: Vec<u64>,
    /// Messages to which no such step leads.
    ready: BTreeSet<u32>,
    /// Messages to which steps lead from messages with a place, and without one.
    begun: BTreeSet<u32>,
    rest: BTreeSet<u32>,
}

impl Line {
    fn new(messages: &BTreeSet<u32>, next: &[Vec<Step>], size: usize) -> Self {
        let mut waiting = vec![0; size];
        for step in next.iter().flatten() {
            waiting[index(step.to)] += step.count;
        }
        let ready = messages.iter().copied().filter(|message| waiting[index(*message)] == 0).collect();
        let rest = messages.clone();
        Self { places: vec![None; size], placed: 0, waiting, ready, begun: BTreeSet::new(), rest }
    }

    /// The next message; in a circle the one that the fewest steps hold back.
    fn take(&mut self) -> Option<u32> {
        let weakest = |of: &BTreeSet<u32>| of.iter().copied().min_by_key(|m| self.waiting[index(*m)]);
        let message = self.ready.first().copied().or_else(|| weakest(&self.begun));
        let message = message.or_else(|| weakest(&self.rest))?;
        self.ready.remove(&message);
        self.begun.remove(&message);
        self.rest.remove(&message);
        self.places[index(message)] = Some(self.placed);
        self.placed += 1;
        Some(message)
    }

    fn release(&mut self, step: &Step) {
        let waiting = &mut self.waiting[index(step.to)];
        *waiting -= step.count;
        if self.places[index(step.to)].is_some() {
            return;
        }
        if *waiting == 0 {
            self.begun.remove(&step.to);
            self.ready.insert(step.to);
        } else {
            self.begun.insert(step.to);
        }
    }
}

fn index(message: u32) -> usize {
    usize::try_from(message).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(sequences: &[&[u32]]) -> Found {
        let mut order = Order::default();
        for (by, sequence) in (0..).zip(sequences) {
            for pair in sequence.windows(2) {
                order.step(pair[0], pair[1], by);
            }
        }
        order.find(&sequences.iter().copied().flatten().copied().collect())
    }

    /// Messages by their places.
    fn line(found: &Found) -> Vec<u32> {
        let mut line: Vec<_> =
            (0..).zip(&found.places).filter_map(|(m, place)| Some(((*place)?, m))).collect();
        line.sort_unstable();
        line.into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn one_that_swapped_two_is_found_wherever_it_stands() {
        let (good, bad): (&[u32], &[u32]) = (&[0, 1, 2, 3, 4], &[0, 1, 3, 2, 4]);
        for sequences in [[good, good, bad], [good, bad, good], [bad, good, good]] {
            let found = found(&sequences);
            assert_eq!(line(&found), good);
            let by = u32::try_from(sequences.iter().position(|s| *s == bad).unwrap()).unwrap();
            assert_eq!(found.backward, [Backward { from: 3, to: 2, count: 1, by: vec![by] }]);
        }
        let first = found(&[&[1, 0, 2], &[0, 1, 2], &[0, 1, 2]]);
        assert_eq!(first.backward.len(), 1, "{first:?}");
    }

    #[test]
    fn what_some_did_not_see_is_no_disorder_even_if_they_were_first() {
        // The order of sending is not that of the chat, and each lost something.
        let found = found(&[&[5, 1, 2], &[5, 3, 2], &[1, 3, 2], &[5, 1, 3], &[3, 2, 4]]);
        assert_eq!((line(&found), found.backward), (vec![5, 1, 3, 2, 4], Vec::new()));
    }

    #[test]
    fn three_that_contradict_each_other_in_a_circle_are_found() {
        assert!(!found(&[&[0, 1], &[1, 2], &[2, 0]]).backward.is_empty());
    }

    #[test]
    fn steps_beyond_the_bound_are_counted() {
        let mut order = Order::default();
        let most = u32::try_from(KEPT_STEPS).unwrap();
        for to in 1..=most + 3 {
            order.step(0, to, 0);
        }
        assert_eq!((order.others.len(), order.dropped), (KEPT_STEPS, 2));
    }

    proptest! {
        #[test]
        fn parts_of_one_order_agree(
            order in Just((0..12_u32).collect::<Vec<_>>()).prop_shuffle(),
            kept in prop::collection::vec(prop::collection::vec(any::<bool>(), 12), 1..6),
        ) {
            let parts: Vec<Vec<u32>> = kept.iter()
                .map(|kept| order.iter().zip(kept).filter(|(_, kept)| **kept).map(|(m, _)| *m).collect()).collect();
            let found = found(&parts.iter().map(|part| &**part).collect::<Vec<_>>());
            prop_assert_eq!(&found.backward, &[]);
            for part in parts {
                let places: Vec<_> = part.iter().map(|m| found.places[index(*m)]).collect();
                prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }

        #[test]
        fn contradictions_are_found(swap in 0..11_usize, others in 2..5_usize) {
            let good: Vec<u32> = (0..12).collect();
            let mut bad = good.clone();
            bad.swap(swap, swap + 1);
            let mut sequences = vec![&*bad];
            sequences.extend(std::iter::repeat_n(&*good, others));
            let found = found(&sequences);
            prop_assert_eq!(found.backward.iter().map(|b| b.count).sum::<u64>(), 1);
            prop_assert_eq!(line(&found), good);
        }
    }
}
