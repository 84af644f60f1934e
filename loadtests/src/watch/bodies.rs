//! Playlists shared by all viewers: each distinct body is unpacked, parsed and verified once, and each distinct step
//! from one playlist to the next is merged and verified once.
//!
//! Both memories are bounded; what was forgotten is verified again, and its breaches counted again.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;

use crate::check::reload::{self, Asked};
use crate::check::{Breach, Rule, single, succession};
use crate::http::gzip;
use crate::playlist::MediaPlaylist;
use crate::watch::bounded::Bounded;

/// Number of bodies, and of steps, that are remembered.
const REMEMBERED: usize = 1024;

/// A playlist as a viewer has it: full, merged if it came as a delta.
#[derive(Debug)]
pub struct View {
    /// Distinguishes views.
    pub id: u64,
    /// The full playlist.
    pub playlist: MediaPlaylist,
    /// Hash of the body that it came as.
    body: u64,
}

/// The result of verifying a body.
#[derive(Clone, Debug)]
pub enum Step {
    /// The viewer's next view.
    View(Arc<View>),
    /// A delta that does not fit the viewer's copy: ask for the full playlist.
    Refetch,
    /// No playlist.
    Broken,
}

struct Parsed {
    playlist: MediaPlaylist,
    text: String,
}

/// The memory.
pub struct Bodies {
    hasher: RandomState,
    next_id: u64,
    parsed: Bounded<u64, Option<Arc<Parsed>>>,
    steps: Bounded<(Option<u64>, u64, Asked), Step>,
}

impl Default for Bodies {
    fn default() -> Self {
        let hasher = RandomState::new();
        let (parsed, steps) = (Bounded::new(REMEMBERED), Bounded::new(REMEMBERED));
        Self { hasher, next_id: 0, parsed, steps }
    }
}

impl Bodies {
    /// Takes the body that answered `asked` and the viewer's view before it. Returns what it is worth and
    /// the breaches that nobody has been told of.
    pub fn step(
        &mut self,
        body: &Bytes,
        is_gzip: bool,
        asked: Asked,
        before: Option<&Arc<View>>,
    ) -> (Step, Vec<Breach>) {
        let hash = self.hasher.hash_one(body);
        // The same playlist again is no step.
        if let Some(before) = before
            && before.body == hash
            && asked.position.is_none()
        {
            return (Step::View(Arc::clone(before)), Vec::new());
        }
        let key = (before.map(|view| view.id), hash, asked);
        if let Some(step) = self.steps.get(&key) {
            return (step.clone(), Vec::new());
        }
        let mut breaches = Vec::new();
        let step = match self.parse(hash, body, is_gzip, &mut breaches) {
            None => Step::Broken,
            Some(parsed) => self.judge(&parsed, hash, asked, before, &mut breaches),
        };
        self.steps.insert(key, step.clone());
        (step, breaches)
    }

    fn parse(
        &mut self,
        hash: u64,
        body: &Bytes,
        is_gzip: bool,
        breaches: &mut Vec<Breach>,
    ) -> Option<Arc<Parsed>> {
        if let Some(parsed) = self.parsed.get(&hash) {
            return parsed.clone();
        }
        let parsed = match gzip::text(body, is_gzip) {
            Err(error) => {
                breaches.push(Breach::new(Rule::Syntax, format!("body: {error}")));
                None
            }
            Ok(text) => match MediaPlaylist::parse(&text) {
                Err(error) => {
                    breaches.push(Breach::new(Rule::Syntax, error.to_string()).with_excerpt(&text));
                    None
                }
                Ok(playlist) => {
                    let found = single::media(&playlist).into_iter();
                    breaches.extend(found.map(|breach| breach.with_excerpt(&text)));
                    Some(Arc::new(Parsed { playlist, text }))
                }
            },
        };
        self.parsed.insert(hash, parsed.clone());
        parsed
    }

    fn judge(
        &mut self,
        parsed: &Parsed,
        body: u64,
        asked: Asked,
        before: Option<&Arc<View>>,
        breaches: &mut Vec<Breach>,
    ) -> Step {
        let copy = before.map(|view| &view.playlist);
        let mut found = reload::check(asked, &parsed.playlist, copy);
        let full = match (&parsed.playlist.skip, copy) {
            (None, _) => Some(parsed.playlist.clone()),
            (Some(_), Some(copy)) => parsed.playlist.merged(copy).ok(),
            (Some(_), None) => None,
        };
        let step = match full {
            None => Step::Refetch,
            Some(playlist) => {
                if let Some(copy) = copy {
                    found.extend(succession::check(copy, &playlist));
                }
                self.next_id += 1;
                Step::View(Arc::new(View { id: self.next_id, playlist, body }))
            }
        };
        breaches.extend(found.into_iter().map(|breach| breach.with_excerpt(&parsed.text)));
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::{Position, sample};

    fn asked(msn: u64, part: u64) -> Asked {
        Asked { position: Some(Position { msn, part }), skip: true }
    }

    fn view(step: &Step) -> Arc<View> {
        match step {
            Step::View(view) => Arc::clone(view),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn viewers_share_views_and_each_breach_is_told_once() {
        let mut bodies = Bodies::default();
        let first = Bytes::from(sample::live(7));
        let broken = Bytes::from(sample::delta(8).replace("PART-TARGET=0.5", "PART-TARGET=0.6"));
        let mut seen = Vec::new();
        for viewer in 0..3 {
            let (step, breaches) = bodies.step(&first, false, Asked::default(), None);
            assert_eq!(breaches, []);
            let (next, breaches) = bodies.step(&broken, false, asked(15, 2), Some(&view(&step)));
            assert_eq!(breaches.is_empty(), viewer > 0, "{breaches:?}");
            seen.push(view(&next).id);
        }
        assert!(seen.iter().all(|id| *id == seen[0]));
        assert_eq!(view(&bodies.step(&first, false, Asked::default(), None).0).playlist.segments.len(), 9);
    }

    #[test]
    fn a_body_that_is_no_playlist_and_a_delta_without_a_copy_are_told_apart() {
        let mut bodies = Bodies::default();
        let (step, breaches) = bodies.step(&Bytes::from_static(b"<html>"), false, Asked::default(), None);
        assert!(matches!(step, Step::Broken) && breaches[0].rule == Rule::Syntax);
        let delta = Bytes::from(sample::delta(7));
        let (step, _) = bodies.step(&delta, false, Asked { skip: true, position: None }, None);
        assert!(matches!(step, Step::Refetch));
    }
}
