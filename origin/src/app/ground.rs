//! The base parts of an origin: keys, storage of broadcasts, the roster of edges, usable encoders, and the values that
//! parts read while others write them. Made in the order of what may keep an origin from starting; encoders are probed
//! before a publisher can connect.

use std::net::UdpSocket;
use std::sync::Arc;

use bytes::Bytes;
use farcast_dns::sockets::Sockets;
use farcast_link::roster::{self, Roster};
use farcast_link::sender::Identity;
use farcast_service::tasks::Ended;
use farcast_settings::{LiveStatus, OperatorSettings, Snapshot};
use farcast_store::Store;
use farcast_telemetry::health::Health;
use farcast_telemetry::metrics;
use farcast_telemetry::recent::Recent;
use tokio::sync::watch;

use super::certificate::Certificate;
use super::ports::{Listeners, Ports};
use crate::admin::{self, Facts};
use crate::broadcast::{self, Air};
use crate::choices::Choices;
use crate::credentials::{self, Credentials};
use crate::http_client::Reach;
use crate::settings::Settings;
use crate::state::{Saver, State};
use crate::transcode::{self, ProbeOutcome};

/// The parts that were found and opened before.
pub(super) struct Found<'a> {
    pub(super) settings: &'a Settings,
    pub(super) registry: &'a metrics::Registry,
    pub(super) health: &'a Health,
    pub(super) store: Store,
    /// The thread that writes the store, where there is one.
    pub(super) store_writer: Option<Ended>,
    /// The settings in the store.
    pub(super) set: OperatorSettings,
    pub(super) state: State,
    pub(super) identity: &'a Arc<Identity>,
    /// The newest lines of the log.
    pub(super) recent: Recent,
    pub(super) ports: Ports,
    pub(super) certificate: Certificate,
}

/// See the module.
pub(super) struct Ground<'a> {
    pub(super) common: Common<'a>,
    pub(super) senders: Senders,
    pub(super) credentials: Arc<Credentials>,
    pub(super) saver: Arc<Saver>,
    pub(super) roster: Arc<Roster>,
    pub(super) choices: Choices,
    pub(super) facts: Facts,
    pub(super) recent: Recent,
    pub(super) listeners: Listeners,
    pub(super) dns: Option<Sockets>,
    pub(super) certificate: Certificate,
    pub(super) identity: Arc<Identity>,
    pub(super) endpoint: quinn::Endpoint,
    pub(super) store_writer: Option<Ended>,
}

/// The inputs that most parts need, among them the values that they read.
pub(super) struct Common<'a> {
    pub(super) settings: &'a Settings,
    pub(super) registry: &'a metrics::Registry,
    pub(super) health: &'a Health,
    pub(super) store: Store,
    pub(super) runtime: watch::Receiver<Option<Snapshot>>,
    pub(super) chosen: watch::Receiver<broadcast::Settings>,
    pub(super) status: watch::Receiver<Option<Arc<LiveStatus>>>,
    pub(super) air: watch::Receiver<Air>,
}

/// The writers of these values: each has one.
pub(super) struct Senders {
    pub(super) runtime: watch::Sender<Option<Snapshot>>,
    pub(super) chosen: watch::Sender<broadcast::Settings>,
    pub(super) status: watch::Sender<Option<Arc<LiveStatus>>>,
    pub(super) air: watch::Sender<Air>,
}

impl<'a> Ground<'a> {
    /// Not cancel safe: a stream key that was just made may not have been shown.
    ///
    /// # Errors
    /// Whatever of it keeps the origin from starting.
    pub(super) async fn lay(found: Found<'a>) -> anyhow::Result<Self> {
        let Found { settings, registry, health, store, set, identity, .. } = found;
        let Ports { listeners, quic, dns } = found.ports;
        let credentials = open_credentials(settings, registry, &store).await?;
        let saver = Arc::new(Saver::start(found.state)?);
        let at = roster_config(settings, quic.local_addr()?.port());
        let roster = Roster::open(Arc::clone(identity), at)?;
        let endpoint = endpoint(identity, quic)?;
        let probed = transcode::probe_libav().await?;
        let choices = Choices::new(settings, probed.clone())?;
        let facts = facts(settings, &listeners, &choices, &probed)?;
        choices.tell_edges(&store, &set).await?;

        let (choose, chosen) = watch::channel(choices.of(&set));
        // Followed from the store on; until then the settings just read hold.
        let (follow, runtime) = watch::channel(Some(Snapshot { runtime: Arc::new(set), tip: Bytes::new() }));
        let (tell, status) = watch::channel(None);
        let (on, air) = watch::channel(Air::default());
        Ok(Self {
            common: Common { settings, registry, health, store, runtime, chosen, status, air },
            senders: Senders { runtime: follow, chosen: choose, status: tell, air: on },
            credentials,
            saver,
            roster,
            choices,
            facts,
            recent: found.recent,
            listeners,
            dns,
            certificate: found.certificate,
            identity: Arc::clone(identity),
            endpoint,
            store_writer: found.store_writer,
        })
    }
}

/// Loads keys and password; a key that was made is shown.
async fn open_credentials(
    settings: &Settings,
    registry: &metrics::Registry,
    store: &Store,
) -> anyhow::Result<Arc<Credentials>> {
    let counted = credentials::Metrics::new(registry.inner())?;
    let (credentials, made_key) =
        Credentials::load_or_create(store.clone(), settings.stream_key.as_ref(), counted).await?;
    if let Some(key) = &made_key {
        show_once(key.expose());
    }
    if !credentials.password_is_apart() {
        // As long as it is so, the admin's warnings say it as well.
        tracing::info!("{}", admin::SET_PASSWORD_APART);
    }
    Ok(Arc::new(credentials))
}

/// Not through the log: it is kept, and passed on.
#[expect(clippy::print_stdout, reason = "the key is shown once to whoever starts the origin")]
fn show_once(key: &str) {
    println!("stream key, shown this once: {key}");
    println!(
        "it is the admin password (user admin) as well, until you set another: do so before you give the key away"
    );
}

fn endpoint(identity: &Identity, quic: UdpSocket) -> anyhow::Result<quinn::Endpoint> {
    let (config, server) = (quinn::EndpointConfig::default(), identity.server_config()?);
    Ok(quinn::Endpoint::new(config, Some(server), quic, Arc::new(quinn::TokioRuntime))?)
}

fn facts(
    settings: &Settings,
    listeners: &Listeners,
    choices: &Choices,
    probed: &[ProbeOutcome],
) -> std::io::Result<Facts> {
    Ok(Facts {
        http: listeners.http.local_addr()?,
        rtmp: listeners.rtmp.local_addr()?,
        supported_codecs: transcode::supported_codecs(probed),
        default_level: settings.latency_level.get(),
        default_variants: choices.default_variants().to_vec(),
        default_codec: settings.video_codec.as_str().to_owned(),
        webhooks_reach: if settings.webhook_private_addresses { Reach::Anywhere } else { Reach::Public },
        allow_short_keys: settings.allow_short_keys,
    })
}

/// The configuration of the roster: its file, and the content of join tokens, for an origin that takes edges at this
/// port.
fn roster_config(settings: &Settings, quic_port: u16) -> roster::Config {
    let advertise = settings.quic_advertise.as_ref();
    roster::Config {
        dir: settings.data_dir.clone(),
        token_file: settings.data_dir.join(roster::JOIN_TOKEN_FILE),
        advertise: advertise.map_or_else(|| format!("127.0.0.1:{quic_port}"), ToString::to_string),
        token_lifetime: Some(settings.join_token_lifetime).filter(|lifetime| !lifetime.is_zero()),
    }
}
