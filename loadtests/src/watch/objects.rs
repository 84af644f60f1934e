//! What servers gave under one name: media is immutable and the same everywhere, so that a player may take any part of it
//! from any Pathway.

use std::sync::Mutex;

use crate::check::{Breach, Rule};
use crate::watch::bounded::Bounded;
use crate::watch::shared::lock;

/// Names that are remembered: more than a minute of parts of any sensible ladder.
const REMEMBERED: usize = 8192;

/// Digests by name, shared by all viewers of a run.
#[derive(Debug)]
pub struct Objects(Mutex<Bounded<String, Known>>);

#[derive(Clone, Debug)]
struct Known {
    digest: [u8; 32],
    /// The server that gave it first.
    server: String,
    /// True once it has been found to differ.
    told: bool,
}

impl Default for Objects {
    fn default() -> Self {
        Self(Mutex::new(Bounded::new(REMEMBERED)))
    }
}

impl Objects {
    /// Notes what `server` gave under `name`. Returns whether there was that of another server to compare it with, and the
    /// breach if they differ; each name is told once.
    pub fn note(&self, name: String, server: &str, digest: [u8; 32]) -> (bool, Option<Breach>) {
        let mut objects = lock(&self.0);
        let Some(known) = objects.get(&name).cloned() else {
            objects.insert(name, Known { digest, server: server.to_owned(), told: false });
            return (false, None);
        };
        let differs = known.digest != digest && !known.told;
        let compared = known.server != server;
        if !differs {
            return (compared, None);
        }
        let detail = format!("{} gave {name} first, {server} gives other bytes", known.server);
        objects.insert(name, Known { told: true, ..known });
        (compared, Some(Breach::new(Rule::BytesDiffer, detail)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_under_one_name_are_told_once() {
        let objects = Objects::default();
        let note = |name: &str, server: &str, byte: u8| {
            let (compared, breach) = objects.note(name.to_owned(), server, [byte; 32]);
            (compared, breach.map(|breach| breach.rule))
        };
        assert_eq!(note("v 1.m4s", "fra", 1), (false, None));
        assert_eq!(note("v 1.m4s", "fra", 1), (false, None), "the same server says nothing new");
        assert_eq!(note("v 1.m4s", "ams", 1), (true, None));
        assert_eq!(note("v 1.m4s", "ams", 2), (true, Some(Rule::BytesDiffer)));
        assert_eq!(note("v 1.m4s", "ams", 2), (true, None));
        assert_eq!(note("v 2.m4s", "ams", 2), (false, None));
    }
}
