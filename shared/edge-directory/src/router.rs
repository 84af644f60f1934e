//! Answers for one viewer, by the newest directory.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use farcast_api::percent_decoded;
use farcast_feed::hls::stable_variant_id;
use farcast_feed::name::{StreamName, VariantId};
use farcast_feed::query::{Place as At, parameters};
use farcast_geo::Geo;
use farcast_routing::steering::{Asked, MAX_PATHWAYS, Paths, PathwayId, Steering, first, manifest};
use farcast_routing::{
    BaseUrl, Coordinates, EdgeId, Fault, MAX_MEASURED, Place, Ranking, Reach, Seen, State, Viewer, rank,
};
use serde::Serialize;
use tokio::sync::watch;

use crate::follow::View;

/// Seconds after which players ask for the steering manifest again: a drained edge has lost its players soon after, and a
/// player costs a tenth of a request a second.
const STEERING_TTL_S: u32 = 10;

/// Edges that are looked at for a manifest: some more than it lists, since a few may not be reachable from where the player
/// is.
const STEERED: usize = MAX_PATHWAYS * 3;

/// Other edges that a viewer's page is told of.
const MAX_OTHERS: usize = 5;

/// Sites that a page may talk to beside its own.
const MAX_SITES: usize = 16;

/// Edges among which room is looked for.
const RELIEVED: usize = 8;

/// Edges in an explanation.
const MAX_EXPLAINED: usize = 100;

/// Path of the steering manifest, on edges and on the origin.
pub const STEERING_PATH: &str = "/hls/steering.json";

/// Leads viewers by the directory. Cheap to share.
pub struct Router {
    view: watch::Receiver<Arc<View>>,
    /// The edge that this process is; none at the origin.
    own: Option<Own>,
    geo: Arc<Geo>,
    channel: StreamName,
}

/// The edge that a process is.
#[derive(Clone, Debug)]
pub struct Own {
    /// The name that the origin gave, once it has.
    pub name: watch::Receiver<Option<String>>,
    /// Where viewers reach it.
    pub urls: Vec<BaseUrl>,
}

/// Where a viewer is redirected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The edge, to which the viewer is to be pinned.
    pub edge: EdgeId,
    /// Where it is reached.
    pub url: BaseUrl,
}

impl Target {
    /// The address of a page there, with the rest of the query that the viewer came with. Whoever follows it is pinned.
    #[must_use]
    pub fn location(&self, path: &str, query: &str) -> String {
        let id: String = url::form_urlencoded::byte_serialize(self.edge.as_str().as_bytes()).collect();
        let rest = query.split('&').filter(|piece| !piece.is_empty() && !is_pin(piece));
        rest.fold(format!("{}{path}?{PIN}={id}", self.url), |location, piece| location + "&" + piece)
    }
}

/// The parameter that pins a viewer to an edge.
const PIN: &str = "edge";

fn is_pin(piece: &str) -> bool {
    piece.split_once('=').map_or(piece, |(name, _)| name) == PIN
}

/// What a viewer's page is told of edges.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ForViewer {
    /// The edge that answers, once it is known.
    pub edge: Option<Shown>,
    /// One of `others` that is better by a margin.
    pub better: Option<EdgeId>,
    /// The best others, at most five.
    pub others: Vec<Shown>,
}

/// An edge as viewers see it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: EdgeId,
    /// Its name for people.
    pub name: String,
    /// Where it stands, in the operator's words.
    pub region: String,
    /// Where it is reached.
    pub url: Option<BaseUrl>,
    /// What it is.
    pub state: State,
}

/// Why a viewer is sent where it is sent.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The viewer's address.
    pub address: IpAddr,
    /// Where that is, by the GeoIP file of this process.
    pub coordinates: Option<Coordinates>,
    /// Edges that were ranked.
    pub edges: usize,
    /// Where a player that uses the edge in question would be steered to.
    pub stays_at: Option<EdgeId>,
    /// The best edges.
    pub places: Vec<Place>,
}

/// Round trips that a viewer measured, as a query has them: `id:milliseconds`, comma-separated, at most [`MAX_MEASURED`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Measured(pub Vec<(EdgeId, u32)>);

/// A text that is no [`Measured`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("measured is a list of id:milliseconds, separated by commas, of 16 edges at most")]
pub struct Unreadable;

impl Measured {
    /// Of a query, without its `?`; empty where it says nothing.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn of(query: &str) -> Result<Self, Unreadable> {
        let Some(text) = parameter(query, "measured").filter(|text| !text.is_empty()) else {
            return Ok(Self::default());
        };
        let pair = |pair: &str| {
            let (id, rtt_ms) = pair.rsplit_once(':')?;
            Some((EdgeId::new(id).ok()?, rtt_ms.parse().ok()?))
        };
        let pairs: Option<Vec<_>> = text.split(',').take(MAX_MEASURED + 1).map(pair).collect();
        match pairs {
            Some(pairs) if pairs.len() <= MAX_MEASURED => Ok(Self(pairs)),
            _ => Err(Unreadable),
        }
    }
}

/// The first parameter of a name, decoded.
fn parameter(query: &str, wanted: &str) -> Option<String> {
    let proper = || parameters(query).filter(|(place, ..)| *place == At::Proper);
    proper().find(|(_, name, _)| *name == wanted).map(|(.., value)| percent_decoded(value))
}

impl Router {
    /// A router of an edge, or of the origin.
    #[must_use]
    pub fn new(
        view: watch::Receiver<Arc<View>>,
        own: Option<Own>,
        geo: Arc<Geo>,
        channel: StreamName,
    ) -> Self {
        Self { view, own, geo, channel }
    }

    /// The newest directory.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// The id of the edge that this process is; none before it has enrolled, and at the origin.
    #[must_use]
    pub fn own(&self) -> Option<EdgeId> {
        self.own.as_ref().and_then(|own| own.name.borrow().as_deref().and_then(|name| EdgeId::new(name).ok()))
    }

    /// A viewer at an address, with its position if that is known, who reaches edges so.
    #[must_use]
    pub fn viewer(&self, address: IpAddr, reach: Reach) -> Viewer {
        Viewer { coordinates: self.geo.coordinates(address), reach, ..Viewer::at(address) }
    }

    pub(crate) fn rank(&self, view: &View, viewer: &Viewer, most: usize, also: &[&EdgeId]) -> Ranking {
        rank(&view.snapshot, viewer, &self.channel, most, also, view.now())
    }

    /// The pathway of this edge in its multivariant playlist, if players can be led from here. Also while there is no other
    /// edge: players read that playlist once, and others may join.
    #[must_use]
    pub fn pathway(&self) -> Option<PathwayId> {
        let has_url = self.own.as_ref().is_some_and(|own| !own.urls.is_empty());
        self.own().filter(|_| has_url).map(|own| PathwayId::of(&own))
    }

    /// Where to redirect a viewer who asks this edge for the page: to a better edge. Whoever is pinned to it stays, and so does
    /// everybody at an edge that nobody is led to. Pages that came by https are left by https alone.
    #[must_use]
    pub fn redirect(&self, query: &str, address: IpAddr, is_secure: bool) -> Option<Target> {
        let (view, own) = (self.view(), self.own()?);
        let own_urls = &view.snapshot.edge(&own)?.record.urls;
        if parameter(query, PIN).as_deref() == Some(own.as_str()) || own_urls.is_empty() {
            return None;
        }
        let reach = by_url(is_secure);
        let ranking = self.rank(&view, &self.viewer(address, reach), 1, &[&own]);
        let target = target(&view, ranking.better_than(Some(&own))?, reach)?;
        // Two edges behind one address cannot be chosen from by it.
        (!own_urls.contains(&target.url)).then_some(target)
    }

    /// Where a new viewer of the page or the playlist may go while this edge takes none: to the best other edge that has room.
    /// Nowhere for one who is pinned to this edge: another one has sent them.
    #[must_use]
    pub fn relief(&self, query: &str, address: IpAddr, is_secure: bool) -> Option<Target> {
        let (view, own) = (self.view(), self.own()?);
        if parameter(query, PIN).as_deref() == Some(own.as_str()) {
            return None;
        }
        let own_urls = &self.own.as_ref()?.urls;
        let reach = by_url(is_secure);
        let ranking = self.rank(&view, &self.viewer(address, reach), RELIEVED, &[]);
        let takes =
            |place: &&Place| place.edge != own && place.faults.without(Fault::LacksBroadcast).is_empty();
        let targets = ranking.places.iter().filter(takes).filter_map(|place| target(&view, place, reach));
        targets.into_iter().find(|target| !own_urls.contains(&target.url))
    }

    /// Where to redirect a viewer who asks a process that is no edge: to the best there is, if there is one that lives.
    #[must_use]
    pub fn lead(&self, address: IpAddr, is_secure: bool) -> Option<Target> {
        let view = self.view();
        let reach = by_url(is_secure);
        let ranking = self.rank(&view, &self.viewer(address, reach), 1, &[]);
        let best = ranking.better_than(None)?;
        let lives =
            [Fault::Lost, Fault::Joining, Fault::Unreachable].iter().all(|fault| !best.faults.has(*fault));
        if lives { target(&view, best, reach) } else { None }
    }

    /// What a viewer's page is told, which came by https or not.
    #[must_use]
    pub fn for_viewer(&self, address: IpAddr, measured: Measured, is_secure: bool) -> ForViewer {
        let (view, own, reach) = (self.view(), self.own(), by_url(is_secure));
        let viewer = Viewer { measured: measured.0, ..self.viewer(address, reach) };
        let also: Vec<_> = own.iter().collect();
        let ranking = self.rank(&view, &viewer, MAX_OTHERS + 1, &also);
        let shown = |seen: &Seen| Shown {
            id: seen.record.id.clone(),
            name: seen.record.shown_name().to_owned(),
            region: seen.record.region.clone(),
            url: reach.url(&seen.record).cloned(),
            state: view.snapshot.state(seen, view.now()),
        };
        let edge = own.as_ref().and_then(|own| view.snapshot.edge(own)).map(shown);
        let serves = |place: &&Place| {
            Some(&place.edge) != own.as_ref()
                && !place.faults.has(Fault::Unreachable)
                && (place.faults.without(Fault::LacksBroadcast).is_empty() || ranking.is_fallback())
        };
        let others = ranking.places.iter().filter(serves).take(MAX_OTHERS);
        let others: Vec<_> = others.filter_map(|place| view.snapshot.edge(&place.edge)).map(shown).collect();
        let better = own.as_ref().filter(|_| edge.is_some()).and_then(|own| ranking.better_than(Some(own)));
        let better = better.map(|place| place.edge.clone());
        let better = better.filter(|id| others.iter().any(|other| other.id == *id));
        ForViewer { edge, better, others }
    }

    /// Sites of edges from which pages may need pictures, the same for all viewers: this one's own among them, since pages
    /// are opened by other names too. At most [`MAX_SITES`]; none at an edge that nobody is led to or from.
    #[must_use]
    pub fn sites(&self) -> Vec<BaseUrl> {
        let Some(own) = self.own.as_ref().filter(|own| !own.urls.is_empty()) else { return Vec::new() };
        let view = self.view();
        let others = view.snapshot.edges().iter().flat_map(|seen| &seen.record.urls);
        let mut sites: Vec<BaseUrl> = Vec::with_capacity(MAX_SITES);
        for url in own.urls.iter().chain(others) {
            if sites.len() == MAX_SITES {
                break;
            }
            if !sites.contains(url) {
                sites.push(url.clone());
            }
        }
        sites
    }

    /// The steering manifest for a player that asks this edge, as JSON; at the origin only for one that says whose playlist it
    /// has. `asked_at` is the address by which it was asked; `variants` are those of the multivariant playlist, `needed_bps`
    /// what the lowest needs. None before the directory was read.
    #[must_use]
    pub fn steering(
        &self,
        query: &str,
        address: IpAddr,
        asked_at: &str,
        variants: &[VariantId],
        needed_bps: u64,
    ) -> Option<Vec<u8>> {
        let (view, own) = (self.view(), self.own());
        if !view.was_read {
            return None;
        }
        let mut asked = Asked::of(query);
        let base = parameter(query, "base").and_then(|text| PathwayId::edge_of(&text).ok());
        let given = parameter(query, "at").and_then(|text| BaseUrl::new(&text).ok());
        let (base, base_url) = match base.zip(given) {
            Some(given) => given,
            None => (own.clone()?, BaseUrl::new(asked_at).ok()?),
        };
        // Who does not say where it is has just read that playlist.
        asked.current.get_or_insert_with(|| base.clone());
        let also: Vec<_> = asked.current.iter().chain([&base]).collect();
        let measured = Measured::of(query).unwrap_or_default();
        let viewer = Viewer { measured: measured.0, ..self.viewer(address, by_url(base_url.is_secure())) };
        let ranking = self.rank(&view, &viewer, STEERED, &also);
        let reload_uri = reload_uri(&view, own.as_ref(), &asked, (&base, &base_url));
        let paths = Paths {
            variants: variants
                .iter()
                .map(|id| (stable_variant_id(*id), format!("/hls/{id}/stream.m3u8")))
                .collect(),
            renditions: BTreeMap::new(),
        };
        let steering = Steering {
            base: &base,
            base_url: &base_url,
            asked: &asked,
            needed_bps,
            ttl_s: STEERING_TTL_S,
            reload_uri: reload_uri.as_deref(),
            params: &BTreeMap::new(),
            paths: &paths,
        };
        manifest(&ranking, &view.snapshot, &steering).to_json().ok()
    }

    /// Why a viewer at an address is sent where it is sent; `current` is the edge that it may use now.
    #[must_use]
    pub fn explain(&self, address: IpAddr, current: Option<&EdgeId>) -> Explanation {
        let (view, viewer) = (self.view(), self.viewer(address, Reach::Any));
        let also: Vec<_> = current.into_iter().collect();
        let ranking = self.rank(&view, &viewer, MAX_EXPLAINED, &also);
        let stays_at = current.and_then(|_| first(&ranking, current, false)).map(|place| place.edge.clone());
        let coordinates = viewer.coordinates;
        Explanation { address, coordinates, edges: ranking.edges, stays_at, places: ranking.places }
    }
}

/// Where a player that has moved asks next: the edge that it uses, for the one that served its playlist may be gone.
fn reload_uri(
    view: &View,
    own: Option<&EdgeId>,
    asked: &Asked,
    (base, base_url): (&EdgeId, &BaseUrl),
) -> Option<String> {
    let current = asked.current.as_ref().filter(|current| Some(*current) != own)?;
    let urls = &view.snapshot.edge(current)?.record.urls;
    let url = urls.iter().find(|url| url.is_secure() || !base_url.is_secure())?;
    let mut uri = url::Url::parse(url.as_str()).ok()?.join(STEERING_PATH).ok()?;
    uri.query_pairs_mut()
        .append_pair("base", PathwayId::of(base).as_str())
        .append_pair("at", base_url.as_str());
    Some(uri.into())
}

/// What an edge needs so that a page which came by https, or not, may lead to it.
fn by_url(is_secure: bool) -> Reach {
    if is_secure { Reach::SecureUrl } else { Reach::Url }
}

/// An edge at its first URL that suits.
fn target(view: &View, place: &Place, reach: Reach) -> Option<Target> {
    let url = reach.url(&view.snapshot.edge(&place.edge)?.record)?;
    Some(Target { edge: place.edge.clone(), url: url.clone() })
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("own", &self.own()).finish_non_exhaustive()
    }
}
