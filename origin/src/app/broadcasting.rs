//! From encoders to the hub: the server that takes publishers in, the owner of the broadcast, its pictures.

use std::sync::Arc;

use farcast_feed::name::StreamName;
use farcast_link::sender::{self, Hub, HubConfig};
use farcast_service::tasks::{Contained, Part};
use tokio::sync::{mpsc, watch};

use super::ground::Common;
use crate::admin::Counted;
use crate::broadcast::{self, Air, Disconnect, Owner};
use crate::choices;
use crate::credentials::Credentials;
use crate::ingest::flv::Limits;
use crate::ingest::{self, Gate, Keys, Publisher};
use crate::package;
use crate::pictures::{Maker, Pictures};
use crate::state::Saver;

/// See the module.
pub(super) struct Broadcasting {
    pub(super) ingest: ingest::Server,
    /// Publishers on their way from the server to the owner.
    pub(super) arrivals: mpsc::Receiver<Publisher>,
    pub(super) owner: Owner,
    pub(super) picture_maker: Option<Maker>,
    pub(super) pictures: Pictures,
    pub(super) hub: Hub,
    pub(super) counted: Counted,
}

impl Broadcasting {
    /// Gives the way to end a broadcast as well.
    pub(super) fn new(
        common: &Common<'_>,
        air: watch::Sender<Air>,
        saver: &Arc<Saver>,
        keys: Arc<Credentials>,
    ) -> anyhow::Result<(Self, mpsc::Sender<Disconnect>)> {
        let (settings, registry) = (common.settings, common.registry.inner());
        let hub = Hub::new(HubConfig::default(), sender::Metrics::new(registry)?);
        let counted = Counted::new(registry)?;
        let (pictures, picture_maker) = choices::pictures(settings, registry)?;
        let (disconnect, disconnects) = mpsc::channel(1);
        let owner = Owner::new(broadcast::Config {
            stream: StreamName::live(),
            settings: common.chosen.clone(),
            air,
            disconnects,
            reconnect_grace: settings.reconnect_grace,
            hub: hub.clone(),
            saver: Arc::clone(saver),
            open_ladder: choices::open_ladder(settings),
            panics: Contained::new(Part::Broadcast, registry)?,
            metrics: broadcast::Metrics::new(registry)?,
            ingest_metrics: counted.ingest.clone(),
            plan_metrics: counted.plan.clone(),
            transcode_metrics: counted.transcode.clone(),
            package_metrics: package::Metrics::new(registry)?,
            pictures: pictures.clone(),
        });
        let (publishers, arrivals) = mpsc::channel(1);
        let gate = Arc::new(Gate::new(keys as Arc<dyn Keys>));
        let picture = Limits { max_pixels: settings.max_pixels };
        let doors = ingest::server::Config { picture, ..ingest::server::Config::default() };
        let ingest = ingest::Server::new(doors, gate, counted.ingest.clone(), publishers);
        Ok((Self { ingest, arrivals, owner, picture_maker, pictures, hub, counted }, disconnect))
    }
}
