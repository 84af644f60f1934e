//! The steering manifest (RFC 8216bis §7.1): its form, and its content for one player.
//!
//! The multivariant playlist lists the variants of one edge, the base. All others are clones of it: the same addresses
//! with another host (§7.2). What hls.js 1.7.4 does with them, and what follows from it:
//!
//! - `HOST` changes the host's name alone: one with a port is ignored as a whole. So an edge on another port or scheme is
//!   cloned by its full addresses, which need stable ids in the playlist.
//! - A clone is made once. An edge that changes its host keeps its pathway only for players that come later.
//! - A list of one pathway switches its own failover off. So an edge that is full is listed at the end.

use std::collections::BTreeMap;

use serde::Serialize;

use super::first::first;
use super::pathway::PathwayId;
use super::query::Asked;
use crate::base_url::BaseUrl;
use crate::cost::Fault;
use crate::edge_id::EdgeId;
use crate::rank::{Place, Ranking};
use crate::record::EdgeRecord;
use crate::snapshot::Snapshot;

/// Most pathways of a manifest.
pub const MAX_PATHWAYS: usize = 5;

/// Longest time to live in seconds: what players take for one that is not given.
pub const MAX_TTL_S: u32 = 300;

/// Version of the manifest's form; players ignore any other.
const VERSION: u8 = 1;

/// A steering manifest. Its JSON has always the same order of members.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub struct Manifest {
    /// 1.
    pub version: u8,
    /// Seconds after which the player asks again.
    pub ttl: u32,
    /// Where it asks then; the same address where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload_uri: Option<String>,
    /// The pathways, the first to be used. Never empty, each once.
    pub pathway_priority: Vec<PathwayId>,
    /// Pathways that are not in the multivariant playlist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pathway_clones: Vec<PathwayClone>,
}

/// A pathway that is like another one on another host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub struct PathwayClone {
    /// The pathway of the multivariant playlist.
    pub base_id: PathwayId,
    /// This one.
    pub id: PathwayId,
    /// How its addresses differ.
    pub uri_replacement: UriReplacement,
}

/// How the addresses of a clone differ from those of its base (RFC 8216bis §7.2).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub struct UriReplacement {
    /// The host's name, without a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Parameters that are added to each query, or replace those of the name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Full addresses of variants, by STABLE-VARIANT-ID.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub per_variant_uris: BTreeMap<String, String>,
    /// Full addresses of renditions, by STABLE-RENDITION-ID.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub per_rendition_uris: BTreeMap<String, String>,
}

/// Paths of playlists with their queries, from the slash on, by stable id. Empty where the multivariant playlist has no
/// stable ids: then edges on another port or scheme are left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paths {
    /// By STABLE-VARIANT-ID.
    pub variants: BTreeMap<String, String>,
    /// By STABLE-RENDITION-ID.
    pub renditions: BTreeMap<String, String>,
}

/// What a manifest is made of, beside the ranking.
#[derive(Clone, Debug)]
pub struct Steering<'a> {
    /// The edge whose pathway the player's multivariant playlist has: the one that served it.
    pub base: &'a EdgeId,
    /// The address of that playlist. Its scheme and port are the base's.
    pub base_url: &'a BaseUrl,
    /// What the player told.
    pub asked: &'a Asked,
    /// The bit rate that a player needs to play on, in bits per second: that of the lowest variant.
    pub needed_bps: u64,
    /// Seconds until the player asks again: cut to 1 to [`MAX_TTL_S`].
    pub ttl_s: u32,
    /// Where it asks then, if not at the same address.
    pub reload_uri: Option<&'a str>,
    /// Parameters for all addresses of clones.
    pub params: &'a BTreeMap<String, String>,
    /// Addresses, for edges on another port or scheme.
    pub paths: &'a Paths,
}

/// The manifest for a player. The ranking is to be of the same snapshot, with some more than [`MAX_PATHWAYS`] places, since
/// edges that cannot be cloned are left out, and is to have been asked for the player's current edge.
#[must_use]
pub fn manifest(ranking: &Ranking, snapshot: &Snapshot, steering: &Steering<'_>) -> Manifest {
    let asked = steering.asked;
    let is_starved = asked.throughput_bps.is_some_and(|bps| bps < steering.needed_bps);
    let first = first(ranking, asked.current.as_ref(), is_starved);
    let behind = ranking.places.iter().filter(|place| {
        Some(&place.edge) != first.map(|first| &first.edge) && serves_as_spare(place, ranking)
    });
    let mut manifest = Manifest {
        version: VERSION,
        ttl: steering.ttl_s.clamp(1, MAX_TTL_S),
        reload_uri: steering.reload_uri.map(str::to_owned),
        pathway_priority: Vec::new(),
        pathway_clones: Vec::new(),
    };
    for place in first.into_iter().chain(behind) {
        if manifest.pathway_priority.len() == MAX_PATHWAYS {
            break;
        }
        manifest.add(&place.edge, snapshot, steering);
    }
    if manifest.pathway_priority.is_empty() {
        manifest.pathway_priority.push(PathwayId::of(steering.base));
    }
    manifest
}

/// Whether an edge may be listed behind the first: one without fault; one that is full; one with any fault where none is
/// without.
fn serves_as_spare(place: &Place, ranking: &Ranking) -> bool {
    ranking.is_fallback() || place.faults.without(Fault::Full).is_empty()
}

impl Manifest {
    /// As JSON.
    ///
    /// # Errors
    /// None that can be reached: it is made of texts and numbers.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    fn add(&mut self, edge: &EdgeId, snapshot: &Snapshot, steering: &Steering<'_>) {
        let id = PathwayId::of(edge);
        if edge != steering.base {
            let record = snapshot.edge(edge).map(|seen| &seen.record);
            let Some(uri_replacement) = record.and_then(|record| replacement(record, steering)) else {
                return;
            };
            let base_id = PathwayId::of(steering.base);
            self.pathway_clones.push(PathwayClone { base_id, id: id.clone(), uri_replacement });
        }
        self.pathway_priority.push(id);
    }
}

/// How an edge is reached instead of the base: by its first URL on the same scheme and port, else by full addresses. A page
/// that came by https loads nothing by http (mixed content).
fn replacement(record: &EdgeRecord, steering: &Steering<'_>) -> Option<UriReplacement> {
    let base = steering.base_url;
    let alike = |url: &&BaseUrl| url.is_secure() == base.is_secure() && url.port() == base.port();
    let mut replacement = UriReplacement { params: steering.params.clone(), ..UriReplacement::default() };
    if let Some(url) = record.urls.iter().find(alike) {
        replacement.host = Some(url.host().to_owned());
        return Some(replacement);
    }
    let url = record.urls.iter().find(|url| url.is_secure() || !base.is_secure())?;
    let below = |paths: &BTreeMap<String, String>| {
        paths.iter().map(|(id, path)| (id.clone(), format!("{url}{path}"))).collect()
    };
    replacement.per_variant_uris = below(&steering.paths.variants);
    replacement.per_rendition_uris = below(&steering.paths.renditions);
    (!replacement.per_variant_uris.is_empty()).then_some(replacement)
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
