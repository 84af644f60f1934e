//! The addresses of a DNS zone's hosts: those of the nearest edges for the client.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use farcast_certificates::Following;
use farcast_dns::limits::Limits;
use farcast_dns::records::{Addresses, Client, Family, Found, Records};
use farcast_dns::server::{Server, ServerError};
use farcast_dns::sockets::Sockets;
use farcast_routing::{Place, REDIRECT_MARGIN, Reach};
use prometheus::Registry;

use crate::follow::View;
use crate::router::Router;
use crate::settings::DnsSettings;

/// Edges that are looked at for an answer, which has fewer addresses.
const MOST: usize = 8;

/// What a zone says of its hosts. Viewers' hosts (the zone's own name, and those that are given) lead to the best edges; each
/// edge has a host of its own name besides.
#[derive(Clone, Debug)]
pub struct DnsRecords {
    router: Arc<Router>,
    hosts: HashSet<String>,
    zone: String,
    certificates: Following,
}

impl DnsRecords {
    /// Of the router's edges, in this zone. `hosts` are the names before the zone's that lead to the best edges, in lower case;
    /// `certificates` has the answers to ACME's challenges.
    #[must_use]
    pub fn new(
        router: Arc<Router>,
        zone: &str,
        hosts: impl IntoIterator<Item = String>,
        certificates: Following,
    ) -> Self {
        let hosts = hosts.into_iter().chain([String::new()]).collect();
        Self { router, hosts, zone: zone.trim_end_matches('.').to_owned(), certificates }
    }

    /// The addresses of the best edge, and of those that are as good within the margin by which viewers are redirected. If
    /// none of them has one of this family there is none: an edge far away is worse than the other family.
    fn best(&self, view: &View, client: Client, family: Family) -> Addresses {
        let viewer = self.router.viewer(client.address, Reach::Address);
        let ranking = self.router.rank(view, &viewer, MOST, &[]);
        let with_address = |place: &&Place| !addresses_of(view, place).is_empty();
        let places: Vec<&Place> = ranking.places.iter().filter(with_address).collect();
        let Some(best) = places.first() else { return Addresses::default() };
        let as_good = places.iter().take_while(|place| {
            place.faults == best.faults && place.total < best.total.saturating_add(REDIRECT_MARGIN)
        });
        let addresses = as_good.flat_map(|place| addresses_of(view, place)).copied();
        Addresses {
            addresses: addresses.filter(|address| family.has(*address)).collect(),
            // With one edge to choose the client does not matter; otherwise every bit of it may.
            scope_prefix_len: if places.len() > 1 { client.prefix_len } else { 0 },
        }
    }
}

fn addresses_of<'v>(view: &'v View, place: &Place) -> &'v [IpAddr] {
    view.snapshot.edge(&place.edge).map_or(&[], |seen| &seen.record.addresses)
}

impl Records for DnsRecords {
    fn addresses(&self, host: &str, client: Client, family: Family) -> Found {
        let view = self.router.view();
        if !view.was_read {
            return Found::NotReady;
        }
        if self.hosts.contains(host) {
            // Without any edge the resolver is to ask elsewhere, rather than keep that there is nothing.
            let has_any = view.snapshot.edges().iter().any(|seen| !seen.record.addresses.is_empty());
            return if has_any { Found::Host(self.best(&view, client, family)) } else { Found::NotReady };
        }
        // Names of hosts have no case. Where two edges have one that differs by nothing else, neither has it.
        let mut named =
            view.snapshot.edges().iter().filter(|seen| seen.record.id.as_str().eq_ignore_ascii_case(host));
        let (Some(seen), None) = (named.next(), named.next()) else { return Found::NoHost };
        let addresses =
            seen.record.addresses.iter().copied().filter(|address| family.has(*address)).collect();
        Found::Host(Addresses { addresses, scope_prefix_len: 0 })
    }

    fn challenges(&self, host: &str) -> Vec<String> {
        let name = if host.is_empty() { self.zone.clone() } else { format!("{host}.{}", self.zone) };
        self.certificates.borrow().as_ref().map(|announced| announced.dns(&name)).unwrap_or_default()
    }
}

/// The DNS server of the settings on `sockets`, where there is to be one.
///
/// # Errors
/// The setting that is wrong; a socket that cannot be used; metrics that are registered already.
pub fn dns_server(
    settings: &DnsSettings<'_>,
    router: &Arc<Router>,
    certificates: Following,
    sockets: Option<Sockets>,
    registry: &Registry,
) -> Result<Option<Server>, NoServer> {
    let zone = settings.zone().map_err(|(key, fault)| NoServer::Setting(key, fault))?;
    let Some((zone, sockets)) = zone.zip(sockets) else { return Ok(None) };
    let (name, hosts) = (settings.zone.unwrap_or_default(), settings.hosts.0.iter().cloned());
    let records = DnsRecords::new(Arc::clone(router), name, hosts, certificates);
    Ok(Some(Server::new(zone, Arc::new(records), Limits::default(), sockets, registry)?))
}

/// The reason why there is no DNS server.
#[derive(Debug, thiserror::Error)]
pub enum NoServer {
    /// A setting is wrong: which, and why.
    #[error("{0} {1}")]
    Setting(&'static str, String),
    /// The server cannot be made.
    #[error("the DNS server cannot be made")]
    Server(#[from] ServerError),
}
