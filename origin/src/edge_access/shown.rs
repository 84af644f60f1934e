//! The users for whom an edge may act: those whose token it has shown.
//!
//! An edge that looks a token up has it from the user, since nobody gets hashes of tokens; so looking it up shows that
//! the user came to this edge. Kept in memory only: an honest edge looks up the token for each chat message.

use std::collections::{HashSet, VecDeque};

/// Users of a generation; two are kept. As many as may be connected to an edge; some 3 MB of the origin's memory for both.
const MAX_USERS: usize = 20_000;

/// Moderators that are remembered, the newest first.
const MAX_MODERATORS: usize = 32;

/// The users who came to an edge. Sans-IO.
#[derive(Debug, Default)]
pub(super) struct Shown {
    newer: HashSet<String>,
    older: HashSet<String>,
    moderators: VecDeque<String>,
}

impl Shown {
    /// The edge has looked up the token of this user.
    pub(super) fn token(&mut self, id: &str) {
        if self.newer.contains(id) {
            return;
        }
        if self.newer.len() >= MAX_USERS {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(id.to_owned());
    }

    /// True if the edge has shown the user's token.
    pub(super) fn has(&self, id: &str) -> bool {
        self.newer.contains(id) || self.older.contains(id)
    }

    /// This user moderates: remembered if they came to this edge.
    pub(super) fn moderator(&mut self, id: &str) {
        if !self.has(id) {
            return;
        }
        self.moderators.retain(|known| known != id);
        self.moderators.push_front(id.to_owned());
        self.moderators.truncate(MAX_MODERATORS);
    }

    /// The moderators who came to this edge, the last one first.
    pub(super) fn moderators(&self) -> Vec<String> {
        self.moderators.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_came_lately_are_known_and_memory_is_bounded() {
        let mut shown = Shown::default();
        for n in 0..3 * MAX_USERS {
            shown.token(&n.to_string());
            assert!(shown.newer.len() + shown.older.len() <= 2 * MAX_USERS);
        }
        assert!(shown.has(&(3 * MAX_USERS - 1).to_string()) && shown.has(&(2 * MAX_USERS).to_string()));
        assert!(!shown.has("0"));
    }

    #[test]
    fn a_moderator_counts_only_where_they_came() {
        let mut shown = Shown::default();
        shown.moderator("elsewhere");
        assert!(shown.moderators().is_empty());
        for n in 0..100 {
            shown.token(&n.to_string());
            shown.moderator(&n.to_string());
        }
        shown.moderator("98");
        assert_eq!(shown.moderators()[..2], ["98", "99"]);
        assert_eq!(shown.moderators().len(), MAX_MODERATORS);
    }
}
