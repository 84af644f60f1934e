//! A map that forgets: what viewers share is remembered for a while, whatever the length of a run.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A map that forgets its oldest entries.
#[derive(Debug)]
pub struct Bounded<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
    most: usize,
}

impl<K: Clone + Eq + Hash, V> Bounded<K, V> {
    /// An empty one that keeps `most` entries.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { map: HashMap::new(), order: VecDeque::new(), most }
    }

    /// The value of a key that is not forgotten.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    /// Sets a value. A key that is there keeps its age.
    pub fn insert(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.map.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut bounded = Bounded::new(2);
        (0..3).for_each(|key| bounded.insert(key, key));
        bounded.insert(1, 7);
        assert_eq!([0, 1, 2].map(|key| bounded.get(&key).copied()), [None, Some(7), Some(2)]);
    }
}
