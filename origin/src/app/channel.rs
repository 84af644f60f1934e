//! A channel: all that belongs to one stream, from the owner of its broadcasts to the hub, and its pictures. The API shows
//! one, `live`; a second is a second entry in what [`Channels`](sender::Channels) and the ingest server are made of.

use std::sync::Arc;

use farcast_feed::name::StreamName;
use farcast_link::sender::{self, Hub, HubConfig};
use farcast_service::tasks::{Contained, Part};
use farcast_trace::Tracer;
use tokio::sync::{mpsc, watch};

use super::ground::Common;
use crate::admin::Counted;
use crate::broadcast::{self, Air, Disconnect, Owner};
use crate::choices;
use crate::credentials::Credentials;
use crate::ingest::rtmp::flv::Limits;
use crate::ingest::{self, Gate, Keys, Owners, Publisher};
use crate::package;
use crate::pictures::{Maker, Pictures};
use crate::state::Saver;

/// See the module.
pub(super) struct Channel {
    pub(super) stream: StreamName,
    pub(super) owner: Owner,
    /// Publishers on their way from the server to the owner.
    pub(super) arrivals: mpsc::Receiver<Publisher>,
    arrive: mpsc::Sender<Publisher>,
    pub(super) picture_maker: Option<Maker>,
    pub(super) pictures: Pictures,
    pub(super) hub: Hub,
    /// Ends its broadcast.
    pub(super) disconnect: mpsc::Sender<Disconnect>,
}

/// The parts that all channels of an origin share.
pub(super) struct Shared {
    saver: Arc<Saver>,
    panics: Contained,
    links: sender::Metrics,
}

impl Shared {
    pub(super) fn new(common: &Common<'_>, saver: &Arc<Saver>) -> anyhow::Result<Self> {
        let registry = common.registry.inner();
        let panics = Contained::new(Part::Broadcast, registry)?;
        Ok(Self { saver: Arc::clone(saver), panics, links: sender::Metrics::new(registry)? })
    }

    /// The hubs of these channels, and the edges that follow them.
    pub(super) fn hubs(&self, channels: &[Channel]) -> sender::Channels {
        sender::Channels::new(channels.iter().map(|channel| channel.hub.clone()), self.links.clone())
    }
}

impl Channel {
    /// Of this stream. `air` is told of its broadcasts; `tracer` takes spans of its parts.
    pub(super) fn new(
        stream: StreamName,
        common: &Common<'_>,
        shared: &Shared,
        counted: &Counted,
        air: watch::Sender<Air>,
        tracer: Option<Tracer>,
    ) -> anyhow::Result<Self> {
        let settings = common.settings;
        let registry = common.registry.of_stream(stream.as_str())?;
        let hub =
            Hub::new(HubConfig { stream: stream.clone(), tracer, ..HubConfig::default() }, &shared.links);
        let (pictures, picture_maker) = choices::pictures(settings, &registry)?;
        let (disconnect, disconnects) = mpsc::channel(1);
        let owner = Owner::new(broadcast::Config {
            stream: stream.clone(),
            settings: common.chosen.clone(),
            air,
            disconnects,
            reconnect_grace: settings.reconnect_grace,
            hub: hub.clone(),
            saver: Arc::clone(&shared.saver),
            open_ladder: choices::open_ladder(settings),
            panics: shared.panics.clone(),
            metrics: broadcast::Metrics::new(&registry)?,
            ingest_metrics: counted.ingest.clone(),
            plan_metrics: counted.plan.clone(),
            transcode_metrics: counted.transcode.clone(),
            package_metrics: package::Metrics::new(&registry)?,
            pictures: pictures.clone(),
        });
        let (arrive, arrivals) = mpsc::channel(1);
        Ok(Self { stream, owner, arrivals, arrive, picture_maker, pictures, hub, disconnect })
    }
}

/// The server that takes publishers in: a key says which channel is theirs.
pub(super) fn ingest(
    common: &Common<'_>,
    channels: &[Channel],
    keys: Arc<Credentials>,
    counted: &Counted,
) -> ingest::rtmp::Server {
    let owner = |channel: &Channel| (channel.stream.clone(), channel.arrive.clone());
    let owners: Owners = channels.iter().map(owner).collect();
    let gate = Arc::new(Gate::new(keys as Arc<dyn Keys>));
    let picture = Limits { max_pixels: common.settings.max_pixels };
    let doors = ingest::rtmp::server::Config { picture, ..ingest::rtmp::server::Config::default() };
    ingest::rtmp::Server::new(doors, gate, counted.ingest.clone(), owners)
}
