//! The origin's HTTP API: `/api/admin/` for its owner, `/api/integrations/` for their programs, and the part of the
//! public API that the admin page shows.
//!
//! Place in the flow: requests come by the origin's own listener ([`server`]), or forwarded by an edge ([`farcast_link::sender::Api`]);
//! both are answered here.

pub mod leading;
pub mod pages;
mod public;
pub mod server;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use farcast_api::{Method, Reply, login, reply};
use farcast_link::Picture;
use farcast_link::sender::{self, EdgeId, EventBody, Opening, forward::ForwardedBody};
use http::{Request, Response, StatusCode, request};
use tokio::sync::watch;

use crate::admin::{self, Admin, Download, Overview};
use crate::brake::Caller;
use crate::integrations::{self, Integrations};
use crate::pictures::Pictures;

pub use self::public::Public;

/// The API. Shared by all connections.
#[derive(Debug)]
pub struct Api {
    admin: Admin,
    integrations: Integrations,
    public: Public,
    for_edges: ForEdges,
}

/// What edges ask for besides what people do.
#[derive(Debug)]
pub struct ForEdges {
    /// Pictures of the broadcast.
    pub pictures: Pictures,
    /// The certificate of all edges with its private key, as JSON, where there is one.
    pub certificate: watch::Receiver<Option<Bytes>>,
}

impl Api {
    /// All parts together.
    #[must_use]
    pub fn new(admin: Admin, integrations: Integrations, public: Public, for_edges: ForEdges) -> Self {
        Self { admin, integrations, public, for_edges }
    }

    /// Answers a request; none if its path is none of this API. Cancel safe up to the moment when a change is committed,
    /// which may then have happened.
    pub async fn answer<B>(&self, request: Request<B>, caller: Caller) -> Option<Reply>
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let has_login = login::is_there(request.uri().path(), request.headers());
        let mut reply = if request.uri().path().starts_with(integrations::PREFIX) {
            self.integrations.answer(request, caller).await
        } else if let Some(reply) = self.public.answer(&request).await {
            Some(reply)
        } else {
            self.admin.answer(request, caller).await
        }?;
        reply::guard_login(&mut reply, has_login);
        Some(reply)
    }
}

impl Api {
    /// The source of the streams of events, which has to run for them.
    #[must_use]
    pub fn overview(&self) -> Arc<Overview> {
        self.admin.overview()
    }

    /// Opens the stream of events that a request asks for.
    ///
    /// # Errors
    /// The reply with the reason of the refusal.
    pub async fn events(&self, head: &request::Parts, caller: Caller) -> Result<Response<EventBody>, Reply> {
        let has_login = login::is_there(head.uri.path(), &head.headers);
        let mut opened = self.admin.events(head, caller).await;
        match &mut opened {
            Ok(reply) => reply::guard_login(reply, has_login),
            Err(refused) => reply::guard_login(refused, has_login),
        }
        opened
    }
}

impl Api {
    /// Makes the backup that a request asks for.
    ///
    /// # Errors
    /// The reply with the reason of the refusal.
    pub async fn backup<B>(&self, request: Request<B>, caller: Caller) -> Result<Response<Download>, Reply>
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let mut made = self.admin.backup(request, caller).await;
        if let Err(refused) = &mut made {
            reply::guard_login(refused, true);
        }
        made
    }
}

impl sender::Api for Api {
    fn answer(
        &self,
        request: Request<ForwardedBody>,
        peer: IpAddr,
        edge: EdgeId,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let caller = Caller { edge: Some(edge), ..Caller::from(peer) };
            Self::answer(self, request, caller).await.unwrap_or_else(|| reply::empty(StatusCode::NOT_FOUND))
        })
    }

    fn events(&self, head: request::Parts, peer: IpAddr, edge: EdgeId) -> Opening<'_> {
        Box::pin(async move {
            let caller = Caller { edge: Some(edge), ..Caller::from(peer) };
            Self::events(self, &head, caller).await
        })
    }

    fn picture(&self, picture: Picture) -> Option<Bytes> {
        self.for_edges.pictures.get(picture)
    }

    fn certificate(&self) -> Option<Bytes> {
        self.for_edges.certificate.borrow().clone()
    }
}

/// Paths and methods, to be compared with the contract.
pub fn listed() -> impl Iterator<Item = (Method, &'static str)> {
    admin::listed().chain(integrations::listed()).chain(public::listed())
}
