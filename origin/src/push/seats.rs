//! How many connections one edge may have: those that it lost last until their silence is noticed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::identity::EdgeId;

/// The connections of all edges.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    /// The oldest of each edge first, with how it is told to end.
    edges: HashMap<EdgeId, VecDeque<(u64, CancellationToken)>>,
    next: u64,
}

/// A connection's seat; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    taken: Arc<Mutex<Taken>>,
    edge: EdgeId,
    id: u64,
    replaced: CancellationToken,
}

impl Seats {
    /// At most so many for each edge, at least one.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), taken: Arc::default() }
    }

    /// One more connection of an edge; the oldest that is too many is told to end.
    pub(super) fn take(&self, edge: EdgeId) -> Seat {
        let mut taken = lock(&self.taken);
        let id = taken.next;
        taken.next += 1;
        let of_edge = taken.edges.entry(edge).or_default();
        while of_edge.len() >= self.most {
            let Some((_, replaced)) = of_edge.pop_front() else { break };
            replaced.cancel();
        }
        let replaced = CancellationToken::new();
        of_edge.push_back((id, replaced.clone()));
        Seat { taken: Arc::clone(&self.taken), edge, id, replaced }
    }
}

impl Seat {
    /// Waits until newer connections of the same edge take this one's place. Cancel safe.
    pub(super) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(of_edge) = taken.edges.get_mut(&self.edge) {
            of_edge.retain(|(id, _)| *id != self.id);
            if of_edge.is_empty() {
                taken.edges.remove(&self.edge);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_that_connects_too_often_loses_its_oldest_and_nobody_elses() {
        let seats = Seats::new(2);
        let [edge, other] = [1, 2].map(|id| EdgeId::from([id; 32]));
        let (first, second, third) = (seats.take(edge), seats.take(other), seats.take(edge));
        let fourth = seats.take(edge);
        let replaced = [&first, &second, &third, &fourth].map(|seat| seat.replaced.is_cancelled());
        assert_eq!(replaced, [true, false, false, false]);
        drop((first, third));
        let fifth = seats.take(edge);
        assert!(!fourth.replaced.is_cancelled());
        drop((second, fourth, fifth));
        assert!(lock(&seats.taken).edges.is_empty());
    }
}
