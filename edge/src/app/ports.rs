//! The ports of an edge. All are taken before anything runs, so that a taken port is the only output.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use farcast_certificates::{ALPN_ACME, Current};
use farcast_dns::sockets::Sockets;
use farcast_service::hand_over::Given;
use farcast_service::listen::{ListenError, Purpose};
use farcast_service::tls::{self, ALPN_HTTP, TlsListener};
use farcast_telemetry::announce::Announcement;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::settings::Settings;

/// The listeners.
pub(super) struct Ports {
    pub(super) http: TcpListener,
    pub(super) https: Option<TlsListener>,
    pub(super) metrics: TcpListener,
    pub(super) dns: Option<Sockets>,
}

impl Ports {
    /// Takes them; the one of HTTPS with the certificate that there is at each handshake.
    pub(super) fn bind(
        settings: &Settings,
        certificate: Arc<Current>,
        given: &mut Given,
    ) -> anyhow::Result<Self> {
        let alpn = [ALPN_HTTP, &[ALPN_ACME]].concat();
        let https = |address| -> anyhow::Result<TlsListener> {
            let acceptor = TlsAcceptor::from(tls::server_config(certificate, &alpn)?);
            Ok((given.tokio_tcp(Purpose::new("HTTPS", "https_listen"), address)?, acceptor))
        };
        Ok(Self {
            https: settings.https_listen.map(https).transpose()?,
            http: given.tokio_tcp(Purpose::new("HTTP", "http_listen"), settings.http_listen)?,
            metrics: given.tokio_tcp(Purpose::new("metrics", "metrics_listen"), settings.metrics_listen)?,
            dns: settings.dns_listen.map(|address| dns(given, address)).transpose()?,
        })
    }

    /// The addresses, for whoever started the program.
    pub(super) fn announcement(&self) -> io::Result<Announcement> {
        let bound = Announcement::new()
            .with("http", self.http.local_addr()?)
            .with("metrics", self.metrics.local_addr()?);
        let bound = match &self.https {
            Some((https, _)) => bound.with("https", https.local_addr()?),
            None => bound,
        };
        let dns = self.dns.as_ref().and_then(|sockets| sockets.addresses().first().copied());
        Ok(dns.into_iter().fold(bound, |bound, address| bound.with("dns", address)))
    }
}

/// Both sockets of DNS: those that were given, or new ones, on the same port.
fn dns(given: &mut Given, address: SocketAddr) -> Result<Sockets, ListenError> {
    let purpose = Purpose::new("DNS", "dns_listen");
    if let (Some(udp), Some(tcp)) = (given.take_udp(purpose, address), given.take_tcp(purpose, address)) {
        return Ok(Sockets { udp: vec![udp], tcp: vec![tcp] });
    }
    let sockets = Sockets::bind(purpose, &[address])?;
    sockets.udp.iter().for_each(|socket| given.note(purpose, socket));
    sockets.tcp.iter().for_each(|socket| given.note(purpose, socket));
    Ok(sockets)
}
