//! Names that are somebody's: moderators', bots', the server's own, and those that the operator forbids.
//!
//! Moderators are read once and followed in the log; the other names are settings. A name is taken when it can be mistaken
//! for one of these ([`name::skeleton`]). A name that somebody had before a moderator took it stays theirs.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farcast_chat::name::{self, Forbidden};
use farcast_chat::{Entry, Event, User};
use farcast_settings::OperatorSettings;

/// Names that are taken. Shared by all connections.
#[derive(Debug, Default)]
pub(super) struct Names {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Skeletons of moderators' names, by their ids. Only the admin makes moderators.
    moderators: HashMap<String, String>,
    /// Of the settings in force.
    set: Option<Set>,
}

impl State {
    fn is_moderators(&self, skeleton: &str, own_id: Option<&str>) -> bool {
        let mut others = self.moderators.iter().filter(|(id, _)| own_id != Some(id.as_str()));
        others.any(|(_, name)| *name == *skeleton)
    }
}

/// The settings about names.
#[derive(Debug)]
struct Set {
    of: Arc<OperatorSettings>,
    /// Skeletons of names that are somebody's.
    reserved: HashSet<String>,
    forbidden: Forbidden,
}

impl Set {
    fn new(set: &Arc<OperatorSettings>) -> Self {
        let reserved = set.reserved_usernames.iter().chain([&set.name]);
        Self {
            of: Arc::clone(set),
            reserved: reserved.map(|name| name::skeleton(name)).collect(),
            forbidden: Forbidden::new(&set.forbidden_usernames),
        }
    }
}

impl Names {
    /// These are all moderators.
    pub(super) fn begin(&self, moderators: &[User]) {
        let named = |user: &User| (user.id.clone(), name::skeleton(&user.display_name));
        self.lock().moderators = moderators.iter().map(named).collect();
    }

    /// Follows the list of moderators.
    pub(super) fn apply(&self, entry: &Entry) {
        let (Event::NameChanged { user, .. } | Event::UserChanged { user } | Event::UserDisabled { user }) =
            &entry.event
        else {
            return;
        };
        let mut state = self.lock();
        if user.is_moderator {
            state.moderators.insert(user.id.clone(), name::skeleton(&user.display_name));
        } else {
            state.moderators.remove(&user.id);
        }
    }

    /// True if a name can be mistaken for a moderator's.
    pub(super) fn is_moderators(&self, name: &str) -> bool {
        self.lock().is_moderators(&name::skeleton(name), None)
    }

    /// True if a user may not have the name; they may have one that looks like their own.
    pub(super) fn is_taken(&self, name: &str, set: &Arc<OperatorSettings>, own_id: Option<&str>) -> bool {
        let skeleton = name::skeleton(name);
        let mut state = self.lock();
        if state.is_moderators(&skeleton, own_id) {
            return true;
        }
        let known = state.set.take().filter(|known| Arc::ptr_eq(&known.of, set));
        let known = state.set.insert(known.unwrap_or_else(|| Set::new(set)));
        known.reserved.contains(&skeleton) || known.forbidden.has(name)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use farcast_feed::time::WallTime;

    use super::*;

    #[test]
    fn names_that_look_like_a_moderators_a_bots_or_the_servers_are_taken() {
        let names = Names::default();
        let ally = User { is_moderator: true, ..User::new("Ally".to_owned(), WallTime(1)) };
        names.begin(std::slice::from_ref(&ally));
        let set = OperatorSettings {
            name: "Radio Mondo".to_owned(),
            reserved_usernames: vec!["Nightbot".to_owned()],
            ..OperatorSettings::default()
        };
        let set = Arc::new(set);
        for taken in ["Ally", "AIIy", "аlly", "Nіghtb0t", "Rad1o Rnondo", "farcast tv", "Admіn"] {
            assert!(names.is_taken(taken, &set, None), "{taken}");
        }
        for free in ["Al", "Ally 2", "Bot", "Radio", "Ada"] {
            assert!(!names.is_taken(free, &set, None), "{free}");
        }
        assert!(!names.is_taken("ALLY", &set, Some(&ally.id)), "their own");
        // A moderator with another name, a former one, and a new one.
        let tell = |event: Event| names.apply(&Entry::new(WallTime(2), event));
        let renamed = User { display_name: "Sally".to_owned(), ..ally.clone() };
        tell(Event::NameChanged { user: renamed.clone(), old_name: "Ally".to_owned(), client: 1 });
        assert!(names.is_taken("SaIIy", &set, None) && !names.is_taken("Ally", &set, None));
        tell(Event::UserChanged { user: User { is_moderator: false, ..renamed } });
        assert!(!names.is_taken("Sally", &set, None));
        let bob = User { is_moderator: true, ..User::new("Bob".to_owned(), WallTime(1)) };
        tell(Event::UserChanged { user: bob });
        assert!(names.is_taken("B0b", &set, None));
        // Other settings are other names.
        assert!(!names.is_taken("Nightbot", &Arc::new(OperatorSettings::default()), None));
    }
}
