//! The admin's API: everything below `/api/admin/`, for the owner.
//!
//! Place in the flow: requests come by [`crate::api`]; what is set goes to the store, and from there to origin and edges
//! ([`farcast_settings`]). A change is durable when it is answered. The order of checks is that of `openapi.yaml`: too
//! many failures, login, method, site, length, content, store. Who is let in is [`entry`]'s.

mod absent;
mod address;
mod appearance;
mod basic;
pub(crate) mod chat;
mod download;
mod edge;
mod entry;
mod events;
mod exemption;
mod logo;
mod measured;
mod overview;
mod picture;
mod read;
mod routes;
mod session;
mod setting;
mod shape;
mod site;
mod token;
mod webhook;

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Buf;
use farcast_api::body::Whole;
use farcast_api::budget::Budget;
use farcast_api::{Match, Method, Reply, body, reply, to_html};
use farcast_feed::time::WallTime;
use farcast_settings::{Asset, LiveStatus, Snapshot, VariantSpec};
use farcast_store::wire::PRIVATE;
use farcast_store::{Batch, Record, Store, StoreError, Tuple, TypedKey};
use farcast_telemetry::recent::{Line, Recent};
use farcast_telemetry::throttle::Throttle;
use http::header::SET_COOKIE;
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

pub use self::download::{Download, is_backup};
use self::entry::Admitted;
use self::events::Streams;
pub use self::overview::{Counted, Overview};
use self::routes::Endpoint;
pub use self::session::{Sessions, sessions_key};
use self::setting::StorageSecretChange;
use self::shape::Preview;
use crate::backup::Backups;
use crate::brake::Caller;
use crate::broadcast::{Air, Disconnect};
use crate::credentials::{Credentials, NotSet};
use crate::directory;
use crate::emoji;
use crate::http_client::Reach;
use crate::statistics::Statistics;
use crate::webhooks::Trials;
use farcast_edge_directory::Router;
use farcast_link::roster::Roster;
use farcast_link::sender::Edges;

pub(crate) use self::logo::{MAX_LOGO_BYTES, Picture};
pub(crate) use self::routes::Setter;
pub use self::routes::listed;
pub(crate) use self::setting::{Change, Rules, parse as parse_setting};
pub(crate) use self::token::{check_name as check_token_name, checked_scopes};
pub(crate) use self::webhook::checked as checked_webhook;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Interval of log lines about failed logins: unauthenticated clients can cause them.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// The warning to an owner while the stream key, which encoders and their users have, is the admin password as well.
pub(crate) const SET_PASSWORD_APART: &str = "the stream key is the admin password as well: whoever may publish may change \
    everything. Set a password of its own, in the admin's server setup or by /api/admin/config/adminpass";

/// Values that do not change while the origin runs.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The address on which HTTP listens.
    pub http: SocketAddr,
    /// The address on which RTMP listens.
    pub rtmp: SocketAddr,
    /// Encoders that work here.
    pub supported_codecs: Vec<&'static str>,
    /// Latency level unless one is set.
    pub default_level: u8,
    /// Ladder unless one is set.
    pub default_variants: Vec<VariantSpec>,
    /// Encoder unless one is set.
    pub default_codec: String,
    /// The networks in which receivers of webhooks may be.
    pub webhooks_reach: Reach,
    /// True if stream keys may be short.
    pub allow_short_keys: bool,
}

/// All that an admin sees and changes.
#[derive(Debug)]
pub struct Managed {
    /// The store with the settings.
    pub store: Store,
    /// The password and the stream keys.
    pub credentials: Arc<Credentials>,
    /// The sessions of the admin page.
    pub sessions: Arc<Sessions>,
    /// The settings in force.
    pub runtime: watch::Receiver<Option<Snapshot>>,
    /// The audience.
    pub status: watch::Receiver<Option<Arc<LiveStatus>>>,
    /// The broadcast that is on air.
    pub air: watch::Receiver<Air>,
    /// Ends broadcasts.
    pub disconnects: mpsc::Sender<Disconnect>,
    /// The edges, to be asked who is in the chat.
    pub edges: Edges,
    /// The edges that may connect, and their join tokens.
    pub roster: Arc<Roster>,
    /// Leads viewers to edges.
    pub router: Arc<Router>,
    /// The newest lines of the log.
    pub recent: Recent,
    /// Memory for request bodies.
    pub bodies: Arc<Budget>,
    /// Measurements of each minute: viewers, and the machine's load.
    pub statistics: Statistics,
    /// The folder of the emoji.
    pub emoji: Arc<emoji::Folder>,
    /// Counters of the broadcast.
    pub counted: Counted,
    /// Webhooks' last deliveries, and trying them.
    pub trials: Trials,
    /// Makes backups.
    pub backups: Backups,
    /// Values that do not change.
    pub facts: Facts,
}

/// The API. Shared by all connections.
#[derive(Debug)]
pub struct Admin {
    managed: Arc<Managed>,
    overview: Arc<Overview>,
    streams: Streams,
    warnings: Mutex<Throttle>,
    started_at: WallTime,
}

/// The secret of the external storage.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct StorageSecret(String);

impl Record for StorageSecret {
    const VERSION: u8 = 1;
}

fn stored_secret() -> TypedKey<StorageSecret> {
    TypedKey::new(Tuple::new().text(PRIVATE).text("s3_secret").key())
}

impl Admin {
    /// An API that is not served yet.
    #[must_use]
    pub fn new(managed: Managed) -> Self {
        let warnings = Mutex::new(Throttle::new(WARNING_INTERVAL));
        let overview = Overview::new(overview::Sources {
            air: managed.air.clone(),
            status: managed.status.clone(),
            runtime: managed.runtime.clone(),
            edges: managed.edges.clone(),
            roster: Arc::clone(&managed.roster),
            statistics: managed.statistics.clone(),
            counted: managed.counted.clone(),
        });
        Self {
            managed: Arc::new(managed),
            overview: Arc::new(overview),
            streams: Streams::default(),
            warnings,
            started_at: WallTime::now(),
        }
    }

    /// The overview that event streams send; its `run` has to run for that.
    #[must_use]
    pub fn overview(&self) -> Arc<Overview> {
        Arc::clone(&self.overview)
    }

    /// Answers a request; none if its path is none of this API. Cancel safe up to the moment when a change is committed,
    /// which may then have happened.
    pub async fn answer<B>(&self, request: Request<B>, caller: impl Into<Caller>) -> Option<Reply>
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (head, body) = request.into_parts();
        let found = routes::ROUTES.find(head.uri.path())?;
        if head.method == http::Method::OPTIONS {
            return Some(reply::options(found.method));
        }
        let caller = caller.into();
        match found.endpoint {
            Endpoint::Session => return Some(self.show_session(&head, found.method).await),
            Endpoint::LogIn => return Some(Box::pin(self.log_in(&head, body, caller, found.method)).await),
            _ => {}
        }
        let admitted = match self.admit(&head.headers, caller).await {
            Ok(admitted) => admitted,
            Err(refused) => return Some(refused),
        };
        let mut reply = self.admitted(found, &head, body, caller, &admitted).await;
        if let Some(cookie) = admitted.exemption {
            reply.headers_mut().append(SET_COOKIE, cookie);
        }
        Some(reply)
    }

    /// Logs failed logins, at a bounded rate.
    fn warn_of_failure(&self, address: IpAddr) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = warnings.admit(Instant::now()) {
            tracing::warn!(%address, suppressed, "a login to the admin API failed");
        }
    }

    /// Reads what a request of somebody who was let in carries.
    ///
    /// # Errors
    /// The reply to a request that is not in order.
    async fn accepted<B>(
        &self,
        found: &Match<'_, Endpoint>,
        head: &http::request::Parts,
        body: B,
        caller: Caller,
        admitted: &Admitted,
    ) -> Result<Whole, Reply>
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        if !found.method.fits(&head.method) {
            return Err(reply::method_not_allowed(&head.method, found.method));
        }
        if head.method == http::Method::POST && site::is_cross_post(&head.headers) {
            return Err(reply::refused(
                StatusCode::FORBIDDEN,
                "a page of another site sent this: use application/json",
            ));
        }
        if found.method == Method::Act
            && head.method == http::Method::GET
            && site::is_cross_get(&head.headers)
        {
            return Err(reply::refused(
                StatusCode::FORBIDDEN,
                "a page of another site may have sent this: use POST, or the admin's page",
            ));
        }
        if !admitted.is_confirmed(found.method, &head.headers) {
            return Err(entry::not_confirmed());
        }
        let limit = match found.endpoint {
            Endpoint::Disconnect
            | Endpoint::ResetDirectory
            | Endpoint::LogOut
            | Endpoint::LogOutEverywhere => None,
            Endpoint::Set(setter) => Some(setter.max_body_bytes()),
            Endpoint::AddEmoji => Some(picture::MAX_BODY_BYTES),
            Endpoint::PreviewPage => Some(Setter::PageContent.max_body_bytes()),
            _ if found.method == Method::Post => Some(body::MAX_BODY_BYTES),
            _ => None,
        };
        let body = match limit {
            None => Whole::default(),
            Some(limit) => body::read(body, limit, self.managed.bodies.share(caller.address)).await?,
        };
        let by_password = matches!(
            found.endpoint,
            Endpoint::Backup | Endpoint::Set(Setter::AdminPassword | Setter::StreamKey)
        );
        if by_password
            && let Some(refused) =
                Box::pin(self.refuse_without_password(&head.headers, &body, caller, admitted)).await
        {
            return Err(refused);
        }
        Ok(body)
    }

    async fn admitted<B>(
        &self,
        found: Match<'_, Endpoint>,
        head: &http::request::Parts,
        body: B,
        caller: Caller,
        admitted: &Admitted,
    ) -> Reply
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let body = match self.accepted(&found, head, body, caller, admitted).await {
            Ok(body) => body,
            Err(refused) => return refused,
        };
        let store = &self.managed.store;
        let answered = match found.endpoint {
            Endpoint::Status => Ok(read::status(self)),
            Endpoint::LogOut => self.log_out(&head.headers).await,
            Endpoint::LogOutEverywhere => self.log_out_everywhere(&head.headers).await,
            // Answered before anybody is let in.
            Endpoint::LogIn | Endpoint::Session => Ok(reply::empty(StatusCode::NOT_FOUND)),
            Endpoint::ServerConfig => read::server_config(self).await,
            Endpoint::Logs => Ok(read::logs(self.managed.recent.all())),
            Endpoint::Warnings => Ok(read::logs(warnings(&self.managed, self.started_at))),
            // Only by an edge: what the origin's own listener is asked for is no whole reply.
            Endpoint::Backup => Ok(download::not_through_edges()),
            // Only HEAD comes here: what GET asks for is no whole reply.
            Endpoint::Events => Ok(events::head()),
            Endpoint::ViewersOverTime => {
                Ok(read::viewers_over_time(&self.managed.statistics, head.uri.query()))
            }
            Endpoint::HardwareStats => Ok(read::hardware(&self.managed.statistics)),
            Endpoint::ResetDirectory => self.reset_directory().await,
            Endpoint::Disconnect => Ok(self.disconnect().await),
            Endpoint::Set(setter) => self.set(setter, &body, admitted).await,
            Endpoint::PreviewPage => Ok(preview(&body)),
            Endpoint::Webhooks => webhook::list(store).await,
            Endpoint::CreateWebhook => webhook::create(store, self.managed.facts.webhooks_reach, &body).await,
            Endpoint::DeleteWebhook => webhook::delete(store, &self.managed.trials, &body).await,
            Endpoint::WebhookDeliveries => webhook::deliveries(store, &self.managed.trials).await,
            Endpoint::TestWebhook => {
                let set = self.managed.runtime.borrow().clone();
                let server_url = set.map(|set| set.runtime.server_url.clone()).unwrap_or_default();
                webhook::test(&self.managed.trials, &server_url, &body).await
            }
            Endpoint::Tokens => token::list(store).await,
            Endpoint::CreateToken => token::create(store, &body).await,
            Endpoint::DeleteToken => token::delete(store, &body).await,
            Endpoint::AddEmoji => picture::add(&self.managed.emoji, &body).await,
            Endpoint::RemoveEmoji => picture::remove(&self.managed.emoji, &body).await,
            Endpoint::VideoMetrics => Ok(measured::video(self)),
            Endpoint::Playback => Ok(Box::pin(measured::playback(&self.managed.edges)).await),
            Endpoint::Prometheus => Ok(Box::pin(measured::prometheus(self)).await),
            Endpoint::Absent(what) => Ok(absent::set(what, &body)),
            Endpoint::Nothing(what) => Ok(absent::shown(what)),
            Endpoint::Edge(asked) => {
                Box::pin(edge::answer(asked, &self.managed, head.uri.query(), &body)).await
            }
            Endpoint::Chat(what) => Box::pin(chat::answer(what, store, &self.managed.edges, &body)).await,
        };
        answered.unwrap_or_else(|error| reply::store_failed(&error))
    }

    async fn reset_directory(&self) -> Result<Reply, StoreError> {
        directory::reset_key(&self.managed.store).await?;
        Ok(reply::done("reset"))
    }

    async fn disconnect(&self) -> Reply {
        let (answer, answered) = oneshot::channel();
        let asked = self.managed.disconnects.send(answer).await.is_ok();
        match answered.await {
            Ok(true) if asked => reply::done("inbound stream disconnected"),
            Ok(_) => reply::bad_request("no inbound stream connected"),
            Err(_) => reply::unavailable("the origin is shutting down"),
        }
    }

    async fn set(&self, setter: Setter, body: &[u8], admitted: &Admitted) -> Result<Reply, StoreError> {
        let rules = Rules { short_keys: self.managed.facts.allow_short_keys };
        let change = match setting::parse(setter, body, rules) {
            Ok(change) => change,
            Err(what) => return Ok(reply::bad_request(&what)),
        };
        let store = &self.managed.store;
        match change {
            Change::Credential(which, secret) => {
                if let Some(mark) = self.managed.credentials.set(which, secret).await? {
                    // All sessions have ended by that; this one goes on.
                    let kept = self.managed.sessions.keep_only(admitted.session, mark).await;
                    if let Err(error) = kept {
                        tracing::warn!(%error, "the session that changed the password could not be kept");
                    }
                }
            }
            Change::StreamKeys(keys) => match self.managed.credentials.set_stream_keys(keys).await {
                Ok(()) => {}
                Err(NotSet::Store(error)) => return Err(error),
                Err(unknown @ NotSet::Unknown) => return Ok(reply::bad_request(&unknown.to_string())),
            },
            Change::Field(field, value) => {
                store.commit(farcast_settings::change(Batch::new(), field, &value)?).await?;
            }
            Change::Logo(picture) => {
                let set = farcast_settings::load(store).await?;
                // One that is among the emoji as well stays.
                let goes = |logo: &&Asset| !set.emoji.iter().any(|emoji| emoji.asset.hash == logo.hash);
                let batch = set.logo.iter().filter(goes).fold(Batch::new(), farcast_settings::remove_asset);
                let (batch, logo) =
                    farcast_settings::save_asset(batch, &picture.file, picture.content_type, &picture.bytes);
                store
                    .commit(farcast_settings::change(batch, farcast_settings::Field("logo"), &logo)?)
                    .await?;
            }
            Change::Storage(storage, secret) => {
                let has_secret = match secret {
                    StorageSecretChange::Keep => store.get(stored_secret().key()).await?.is_some(),
                    StorageSecretChange::Clear => false,
                    StorageSecretChange::Set(_) => true,
                };
                if storage.enabled && !has_secret {
                    return Ok(reply::bad_request("s3 support requires an access key and secret"));
                }
                let batch = match secret {
                    StorageSecretChange::Keep => Batch::new(),
                    StorageSecretChange::Clear => Batch::new().clear(stored_secret().key().clone()),
                    StorageSecretChange::Set(secret) => {
                        Batch::new().put(&stored_secret(), &StorageSecret(secret))?
                    }
                };
                store
                    .commit(farcast_settings::change(batch, farcast_settings::Field("s3"), &storage)?)
                    .await?;
            }
        }
        tracing::info!(setting = ?setter, "a setting was changed");
        Ok(reply::done(setter.done()))
    }
}

/// A text of the page as viewers would be shown it, which nothing keeps.
fn preview(body: &[u8]) -> Reply {
    match setting::page_text(body) {
        Ok(text) => reply::ok(&Preview { html: to_html(&text) }),
        Err(what) => reply::bad_request(&what),
    }
}

/// The newest warnings, and what the owner should do.
fn warnings(managed: &Managed, started_at: WallTime) -> Vec<Line> {
    let mut lines = managed.recent.warnings();
    if !managed.credentials.password_is_apart() {
        let text = SET_PASSWORD_APART.to_owned();
        lines.insert(0, Line { time: started_at, level: tracing::Level::WARN, text });
    }
    lines
}

/// Sets the title of the broadcast, for an authorised caller.
pub(crate) async fn set_stream_title(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    match setting::parse(Setter::StreamTitle, body, Rules::default()) {
        Ok(Change::Field(field, value)) => {
            store.commit(farcast_settings::change(Batch::new(), field, &value)?).await?;
            Ok(reply::done(Setter::StreamTitle.done()))
        }
        Ok(_) => Ok(reply::bad_request("this is no title")),
        Err(what) => Ok(reply::bad_request(&what)),
    }
}

pub(crate) use self::read::status_for_programs;

#[cfg(test)]
mod tests;
