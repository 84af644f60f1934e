//! Which Pathway a player uses, and when it asks the steering server (RFC 8216bis §7).
//!
//! The best Pathway is the first of the priority that is known and not penalised. While none is, the player stays where it
//! is. A player whose steering server fails asks it again after the TTL and plays on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::http::url::{InvalidUrl, Url};
use crate::playlist::Multivariant;
use crate::steering::manifest::Manifest;
use crate::steering::pathways::{Pathway, Pathways};

/// Time for which a Pathway that failed is not used: that of hls.js.
pub const PENALTY: Duration = Duration::from_secs(300);
/// Time until the next request where no manifest has said another (the default of TTL).
const FIRST_TTL: Duration = Duration::from_secs(300);
/// Bounds of the delay that a busy server may ask for.
const SHORTEST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 3600);

/// Why a request for a manifest brought none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// 410: there is no steering any more.
    Gone,
    /// 429 with Retry-After.
    Busy(Duration),
    /// Anything else.
    Failed,
}

/// Why a player left a Pathway for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A manifest prefers the other, or a penalty is over.
    Steering,
    /// It failed.
    Failure,
}

/// The policy of one player.
#[derive(Clone, Debug)]
pub struct Policy {
    pathways: Pathways,
    /// The best first.
    priority: Vec<String>,
    current: String,
    /// Ends of penalties, by Pathway.
    penalties: HashMap<String, Instant>,
    /// Address of the next manifest; `None` without steering.
    server: Option<Url>,
    due: Instant,
    ttl: Duration,
}

impl Policy {
    /// For the playlist at `base`; `steered` is false for a player that knows nothing of steering.
    ///
    /// # Errors
    /// When the URI of a variant is none.
    pub fn new(playlist: &Multivariant, base: &Url, steered: bool, now: Instant) -> Result<Self, InvalidUrl> {
        let tag = playlist.steering.first().filter(|_| steered);
        let pathways = match tag {
            Some(_) => Pathways::declared_by(playlist, base)?,
            None => Pathways::unsteered(playlist, base)?,
        };
        let server = tag.and_then(|tag| base.join(tag.server_uri.as_deref()?).ok());
        // Until there is a manifest: the Pathway that the tag names, then the others in the playlist's order.
        let mut priority: Vec<String> = pathways.all().iter().map(|pathway| pathway.id.clone()).collect();
        let named = tag.and_then(|tag| tag.pathway_id.as_ref());
        if let Some(at) = priority.iter().position(|id| Some(id) == named) {
            priority[..=at].rotate_right(1);
        }
        let current = priority.first().cloned().unwrap_or_default();
        Ok(Self { pathways, priority, current, penalties: HashMap::new(), server, due: now, ttl: FIRST_TTL })
    }

    /// The Pathway in use; `None` for a playlist without variants.
    #[must_use]
    pub fn current(&self) -> Option<&Pathway> {
        self.pathways.get(&self.current)
    }

    /// All that are known.
    #[must_use]
    pub fn pathways(&self) -> &Pathways {
        &self.pathways
    }

    /// True if the playlist is steered.
    #[must_use]
    pub fn is_steered(&self) -> bool {
        self.pathways.all().len() > 1 || self.server.is_some()
    }

    /// When to ask for a manifest; `None` for never.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.server.as_ref().map(|_| self.due)
    }

    /// The next request for a manifest, with what a player says of itself.
    #[must_use]
    pub fn request(&self, throughput_bps: Option<u64>) -> Option<Url> {
        let pathway = format!("\"{}\"", self.current);
        let throughput = throughput_bps.map(|bps| bps.to_string());
        let mut parameters = vec![("_HLS_pathway", pathway.as_str())];
        parameters.extend(throughput.as_deref().map(|bps| ("_HLS_throughput", bps)));
        self.server.as_ref().map(|server| server.with_parameters(parameters))
    }

    /// Takes the manifest that `asked` brought at `now`.
    pub fn obey(&mut self, manifest: &Manifest, asked: &Url, now: Instant) {
        self.ttl = manifest.ttl;
        self.due = now + self.ttl;
        if let Some(reload) = manifest.reload_uri.as_deref().and_then(|uri| asked.join(uri).ok()) {
            self.server = Some(reload);
        }
        self.pathways.add(&manifest.clones);
        self.priority.clone_from(&manifest.priority);
    }

    /// Notes a request that brought no manifest at `now`.
    pub fn refused(&mut self, refusal: Refusal, now: Instant) {
        match refusal {
            Refusal::Gone => self.server = None,
            Refusal::Busy(delay) => self.due = now + delay.clamp(SHORTEST_DELAY, LONGEST_DELAY),
            Refusal::Failed => self.due = now + self.ttl,
        }
    }

    /// True if there is a Pathway to go to when the current one fails at `now`.
    #[must_use]
    pub fn has_another(&self, now: Instant) -> bool {
        self.usable(now).any(|id| id != self.current)
    }

    /// Changes to the best Pathway at `now`. Returns true if that is another.
    pub fn change(&mut self, now: Instant) -> bool {
        let Some(best) = self.usable(now).next().map(str::to_owned) else { return false };
        let other = best != self.current;
        self.current = best;
        other
    }

    /// Penalises the current Pathway, which failed at `now`, and changes to the best of the others. Returns false if there
    /// is none: then it stays, without penalty.
    pub fn fail(&mut self, now: Instant) -> bool {
        if !self.has_another(now) {
            return false;
        }
        self.penalties.insert(self.current.clone(), now + PENALTY);
        self.change(now)
    }

    /// The Pathways that may be used at `now`, the best first.
    fn usable(&self, now: Instant) -> impl Iterator<Item = &str> {
        self.priority.iter().map(String::as_str).filter(move |id| {
            let free = self.penalties.get(*id).is_none_or(|end| *end <= now);
            free && self.pathways.get(id).is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYLIST: &str = "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering?s=1\",PATHWAY-ID=\"ams\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"fra\"\nfra.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"ams\"\nams.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"par\"\npar.m3u8\n";

    fn policy(text: &str, steered: bool, now: Instant) -> Policy {
        let base: Url = "http://h/hls/stream.m3u8".parse().unwrap();
        Policy::new(&Multivariant::parse(text).unwrap(), &base, steered, now).unwrap()
    }

    fn manifest(priority: &[&str]) -> Manifest {
        let priority = priority.iter().map(|id| (*id).to_owned()).collect();
        let ttl = Duration::from_secs(10);
        Manifest { ttl, reload_uri: None, priority, clones: vec![], faults: vec![] }
    }

    fn current(policy: &Policy) -> &str {
        &policy.current().unwrap().id
    }

    #[test]
    fn a_player_begins_where_the_tag_says_and_asks_at_once() {
        let now = Instant::now();
        let policy = policy(PLAYLIST, true, now);
        assert_eq!((current(&policy), policy.due()), ("ams", Some(now)));
        let asked = policy.request(Some(5_000_000)).unwrap();
        assert_eq!(
            asked.to_string(),
            "http://h:80/steering?s=1&_HLS_pathway=%22ams%22&_HLS_throughput=5000000"
        );
        assert_eq!(policy.request(None).unwrap().path, "/steering?s=1&_HLS_pathway=%22ams%22");
    }

    #[test]
    fn a_player_without_steering_asks_nobody_and_has_one_pathway() {
        let now = Instant::now();
        for (text, steered) in [(PLAYLIST, false), ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n", true)] {
            let mut policy = policy(text, steered, now);
            assert_eq!((current(&policy), policy.due(), policy.is_steered()), (".", None, false));
            assert!(policy.request(None).is_none() && !policy.change(now) && !policy.fail(now));
        }
    }

    #[test]
    fn the_first_pathway_that_is_known_is_used() {
        let now = Instant::now();
        let mut policy = policy(PLAYLIST, true, now);
        let asked = policy.request(None).unwrap();
        policy.obey(&manifest(&["lon", "fra", "ams"]), &asked, now);
        assert!(policy.change(now) && current(&policy) == "fra");
        assert!(!policy.change(now));
        assert_eq!(policy.due(), Some(now + Duration::from_secs(10)));
    }

    #[test]
    fn a_priority_that_names_no_known_pathway_moves_nobody() {
        let now = Instant::now();
        let mut policy = policy(PLAYLIST, true, now);
        let asked = policy.request(None).unwrap();
        policy.obey(&manifest(&["lon"]), &asked, now);
        assert!(!policy.change(now) && current(&policy) == "ams");
        assert!(!policy.fail(now) && current(&policy) == "ams");
    }

    #[test]
    fn a_pathway_that_failed_is_not_used_for_five_minutes() {
        let now = Instant::now();
        let mut policy = policy(PLAYLIST, true, now);
        assert!(policy.has_another(now) && policy.fail(now));
        assert_eq!(current(&policy), "fra", "the others follow in the playlist's order");
        assert!(!policy.change(now + PENALTY - Duration::from_millis(1)));
        assert!(policy.change(now + PENALTY) && current(&policy) == "ams");
    }

    #[test]
    fn the_last_pathway_is_kept_when_it_fails() {
        let now = Instant::now();
        let mut policy = policy(PLAYLIST, true, now);
        assert!(policy.fail(now) && policy.fail(now));
        assert_eq!(current(&policy), "par");
        assert!(!policy.has_another(now) && !policy.fail(now) && current(&policy) == "par");
    }

    #[test]
    fn a_manifest_says_where_the_next_one_is_relative_to_itself() {
        let now = Instant::now();
        let mut policy = policy(PLAYLIST, true, now);
        let asked: Url = "http://h/a/b?_HLS_pathway=%22x%22".parse().unwrap();
        policy.obey(&Manifest { reload_uri: Some("c?t=1".to_owned()), ..manifest(&["fra"]) }, &asked, now);
        let next = policy.request(None).unwrap();
        assert_eq!(next.path, "/a/c?t=1&_HLS_pathway=%22ams%22");
        policy.obey(&manifest(&["fra"]), &next, now);
        assert_eq!(
            policy.request(None).unwrap().path,
            next.path,
            "an address is kept until another is given"
        );
    }

    #[test]
    fn a_server_that_fails_is_asked_again_after_the_ttl_and_one_that_is_gone_is_not() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut policy = policy(PLAYLIST, true, now);
        policy.refused(Refusal::Failed, now);
        assert_eq!(policy.due(), Some(now + FIRST_TTL));
        let asked = policy.request(None).unwrap();
        policy.obey(&manifest(&["fra"]), &asked, now);
        policy.refused(Refusal::Failed, now + second);
        assert_eq!(policy.due(), Some(now + second * 11));
        policy.refused(Refusal::Busy(second * 3), now);
        assert_eq!(policy.due(), Some(now + second * 3));
        policy.refused(Refusal::Busy(Duration::ZERO), now);
        assert_eq!(policy.due(), Some(now + second));
        policy.refused(Refusal::Gone, now);
        assert_eq!(policy.due(), None);
        assert!(policy.change(now) && current(&policy) == "fra", "what it said before still holds");
    }
}
