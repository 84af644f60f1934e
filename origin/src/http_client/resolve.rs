//! Names of servers to addresses, and which of those are connected to.
//!
//! The check is here, between the lookup and the connection, so that a name which resolves differently the next time
//! gains nothing by it: the checked address is the one that is connected to.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::network;

/// The servers that a client may connect to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// All.
    Anywhere,
    /// Servers of the public network: not this machine, nor those of its own network.
    Public,
}

impl Reach {
    /// True if an address is connected to.
    #[must_use]
    pub fn permits(self, address: IpAddr) -> bool {
        self == Self::Anywhere || !network::is_private_address(address)
    }
}

/// A server is not of the public network.
#[derive(Debug, thiserror::Error)]
#[error("its address is of no public network")]
pub(super) struct NotPublic;

type Answer<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Addresses of a name; their port means nothing.
type Lookup = dyn Fn(String) -> Answer<Vec<SocketAddr>, io::Error> + Send + Sync;

/// Looks names up, and returns the addresses that are permitted.
#[derive(Clone)]
pub(super) struct Resolver {
    lookup: Arc<Lookup>,
    reach: Reach,
}

impl Resolver {
    /// Asks the operating system.
    pub(super) fn of_the_system(reach: Reach) -> Self {
        Self::new(reach, |name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        })
    }

    pub(super) fn new(
        reach: Reach,
        lookup: impl Fn(String) -> Answer<Vec<SocketAddr>, io::Error> + Send + Sync + 'static,
    ) -> Self {
        Self { lookup: Arc::new(lookup), reach }
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    // Not in an io::Error, which does not return its contents as its source.
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Answer<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, reach) = ((self.lookup)(name.as_str().to_owned()), self.reach);
        Box::pin(async move {
            let mut addresses = found.await?;
            let any = !addresses.is_empty();
            addresses.retain(|address| reach.permits(address.ip()));
            if addresses.is_empty() && any {
                return Err(NotPublic.into());
            }
            Ok(addresses.into_iter())
        })
    }
}
