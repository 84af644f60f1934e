//! A backup for the owner's browser.
//!
//! Place in the flow: asked at the origin's own listener ([`crate::api::server`]), made by [`crate::backup`]. Never
//! through an edge: anybody with a backup can impersonate the origin. It is made beside the data before its first byte
//! is sent, so a failure is reported by the status, and a browser sees by the length whether it has everything.

use bytes::{Buf, Bytes};
use farcast_api::{Reply, reply};
use farcast_feed::time::WallTime;
use futures_util::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use jiff::Timestamp;
use tokio_util::io::ReaderStream;

use super::routes::BACKUP_PATH;
use super::{Admin, routes};
use crate::backup::Spooled;
use crate::brake::Caller;

/// Bytes read from the disk at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A body that is read from a file while it is sent.
pub type Download = UnsyncBoxBody<Bytes, std::io::Error>;

/// True if a request asks for a backup.
#[must_use]
pub fn is_backup<B>(request: &Request<B>) -> bool {
    request.method() == http::Method::POST && request.uri().path() == BACKUP_PATH
}

impl Admin {
    /// Makes a backup for who may have it. A session is not enough: the password comes with the request.
    ///
    /// # Errors
    /// The reply with the reason of the refusal.
    pub async fn backup<B>(&self, request: Request<B>, caller: Caller) -> Result<Response<Download>, Reply>
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (head, body) = request.into_parts();
        let Some(found) = routes::ROUTES.find(BACKUP_PATH) else {
            return Err(reply::empty(StatusCode::NOT_FOUND));
        };
        let admitted = self.admit(&head.headers, caller).await?;
        let made = async {
            self.accepted(&found, &head, body, caller, &admitted).await?;
            self.managed.backups.spool().await.map_err(|error| {
                // With its cause: that a disk is full is what the owner has to know.
                let why = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(why, "no backup was made");
                reply::unavailable(&why)
            })
        };
        let mut made = made.await.map(|spooled| {
            tracing::info!(address = %caller.address, bytes = spooled.length, "a backup was downloaded");
            sent(spooled)
        });
        if let Some(cookie) = admitted.exemption {
            match &mut made {
                Ok(reply) => reply.headers_mut().append(SET_COOKIE, cookie),
                Err(refused) => refused.headers_mut().append(SET_COOKIE, cookie),
            };
        }
        made
    }
}

fn sent(spooled: Spooled) -> Response<Download> {
    let Spooled { file, length, place } = spooled;
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE_BYTES);
    let pieces = pieces.map(move |piece| {
        // Kept until all is sent, or nobody reads it any more.
        let _ = &place;
        piece.map(Frame::data)
    });
    let mut reply = Response::new(StreamBody::new(pieces).boxed_unsync());
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) =
        HeaderValue::try_from(format!("attachment; filename=\"{}\"", file_name(WallTime::now())))
    {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    reply
}

/// `farcast-2026-03-14-180211.backup`, in universal time.
fn file_name(now: WallTime) -> String {
    let micros = i64::try_from(now.0).unwrap_or(i64::MAX);
    let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    format!("farcast-{}.backup", time.strftime("%Y-%m-%d-%H%M%S"))
}

/// The answer to a request that came by an edge.
pub(super) fn not_through_edges() -> Reply {
    let why = "a backup has the origin's own key, which no edge may see: open the admin page at the origin's own address, \
               or run farcast-origin backup there";
    reply::refused(StatusCode::FORBIDDEN, why)
}
