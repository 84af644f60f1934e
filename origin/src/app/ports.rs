//! The ports of an origin. All are taken before anything runs, so that a taken port is the only output.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use farcast_certificates::{ALPN_ACME, Current};
use farcast_dns::sockets::Sockets;
use farcast_service::listen::{self, Purpose};
use farcast_service::tls::{self, TlsListener};
use farcast_settings::OperatorSettings;
use farcast_telemetry::announce::Announcement;
use tokio::net::TcpListener;

use super::operators::{Listening, Operators};
use crate::settings::Settings;

/// The ports, taken.
pub(super) struct Ports {
    pub(super) listeners: Listeners,
    /// For edges.
    pub(super) quic: UdpSocket,
    pub(super) dns: Option<Sockets>,
}

/// The TCP listeners.
pub(super) struct Listeners {
    pub(super) rtmp: TcpListener,
    pub(super) rtmps: Option<TlsListener>,
    pub(super) http: TcpListener,
    pub(super) https: Option<TlsListener>,
    pub(super) operators: Listening,
}

impl Ports {
    pub(super) fn bind(
        settings: &Settings,
        set: &OperatorSettings,
        operators: &Operators,
        certificate: &Arc<Current>,
    ) -> anyhow::Result<Self> {
        let secure = |protocol, setting, address, alpn: &[&[u8]]| {
            let certificate = Arc::clone(certificate) as _;
            tls::listen(Purpose::new(protocol, setting), address, certificate, &[alpn, &[ALPN_ACME]].concat())
        };
        let rtmp = listen::tokio_tcp(Purpose::new("RTMP", "rtmp_listen"), rtmp_address(settings, set))?;
        let rtmps = secure("RTMPS", "rtmps_listen", settings.rtmps_listen, &[])?;
        let http = listen::tokio_tcp(Purpose::new("HTTP", "http_listen"), http_address(settings, set))?;
        let https = secure("HTTPS", "https_listen", settings.https_listen, tls::ALPN_HTTP_1)?;
        let quic = listen::udp(Purpose::new("QUIC", "quic_listen"), settings.quic_listen)?;
        let dns =
            settings.dns_listen.map(|address| Sockets::bind(Purpose::new("DNS", "dns_listen"), &[address]));
        let operators = operators.listen()?;
        Ok(Self { listeners: Listeners { rtmp, rtmps, http, https, operators }, quic, dns: dns.transpose()? })
    }

    /// The addresses, for whoever started the program.
    pub(super) fn announcement(&self) -> io::Result<Announcement> {
        let Listeners { rtmp, rtmps, http, https, operators } = &self.listeners;
        let mut bound = Announcement::new()
            .with("rtmp", rtmp.local_addr()?)
            .with("http", http.local_addr()?)
            .with("quic", self.quic.local_addr()?)
            .with("metrics", operators.address()?);
        if let Some((rtmps, _)) = rtmps {
            bound = bound.with("rtmps", rtmps.local_addr()?);
        }
        if let Some((https, _)) = https {
            bound = bound.with("https", https.local_addr()?);
        }
        let dns = self.dns.as_ref().and_then(|sockets| sockets.addresses().first().copied());
        Ok(dns.into_iter().fold(bound, |bound, address| bound.with("dns", address)))
    }
}

/// A port that operators set through the API wins over the process's own settings; the log says so.
fn rtmp_address(settings: &Settings, set: &OperatorSettings) -> SocketAddr {
    let mut address = settings.rtmp_listen;
    if let Some(port) = set.rtmp_server_port {
        address.set_port(port);
    }
    told(settings.rtmp_listen, address, "rtmp_listen")
}

fn http_address(settings: &Settings, set: &OperatorSettings) -> SocketAddr {
    let mut address = settings.http_listen;
    if let Some(port) = set.web_server_port {
        address.set_port(port);
    }
    if let Some(ip) = set.web_server_ip {
        address.set_ip(ip);
    }
    told(settings.http_listen, address, "http_listen")
}

fn told(configured: SocketAddr, used: SocketAddr, setting: &'static str) -> SocketAddr {
    if configured != used {
        tracing::info!(setting, %configured, %used, "the admin API has set another address");
    }
    used
}
