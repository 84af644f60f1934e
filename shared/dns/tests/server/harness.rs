//! A server on ports that the system chooses, and clients that send it bytes.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use farcast_dns::limits::Limits;
use farcast_dns::records::{Addresses, Client, Family, Found, Records};
use farcast_dns::server::Server;
use farcast_dns::sockets::Sockets;
use farcast_dns::zone::{Config, NameServer, Zone};
use farcast_service::listen::Purpose;
use prometheus::{Registry, TextEncoder};
use tokio_util::sync::CancellationToken;

use crate::sample;

pub(crate) const ZONE: &str = "live.example.org";
/// Longest wait for what has to come.
const WITHIN: Duration = Duration::from_secs(20);

/// Three edges of IPv4 and one of IPv6, the same for everybody but for clients of 203.0.113.0/24, who are sent to one.
pub(crate) struct Edges;

impl Records for Edges {
    fn addresses(&self, host: &str, client: Client, family: Family) -> Found {
        let v4 = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        let (addresses, scope_prefix_len) = match host {
            // Shows for whom it was asked.
            "echo" => (vec![client.address], client.prefix_len),
            "" if client.address.to_string().starts_with("203.0.113.") => (vec![v4(7)], 24),
            "" if family == Family::V6 => (vec![IpAddr::V6(Ipv6Addr::LOCALHOST)], 0),
            "" => (vec![v4(1), v4(2), v4(3), v4(4), IpAddr::V6(Ipv6Addr::LOCALHOST)], 20),
            "v4only" if family == Family::V4 => (vec![v4(1)], 16),
            "v4only" => (vec![], 16),
            "later" => return Found::NotReady,
            "breaks" => panic!("as a ranking that is broken"),
            _ => return Found::NoHost,
        };
        Found::Host(Addresses { addresses, scope_prefix_len })
    }

    fn challenges(&self, host: &str) -> Vec<String> {
        match host {
            "" => vec!["first".to_owned(), "second".to_owned()],
            "v4only" => (0..30).map(|n| format!("{n:0>43}")).collect(),
            _ => vec![],
        }
    }
}

pub(crate) fn config() -> Config {
    let server = |name: &str, addresses| NameServer { name: name.to_owned(), addresses };
    let v6 = "2001:db8::53".parse().unwrap();
    Config::new(
        ZONE,
        vec![
            server("ns1.live.example.org", vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), v6]),
            server("a.ns.live.example.org", vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 54))]),
            server("ns.example.net", vec![]),
        ],
    )
}

/// No limit of replies, so that tests may ask as fast as they can.
pub(crate) fn unlimited() -> Limits {
    Limits { answers_per_second: 0, refusals_per_second: 0, ..Limits::default() }
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) addresses: Vec<SocketAddr>,
    registry: Registry,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::with(&["127.0.0.1:0"], unlimited())
    }

    pub(crate) fn with(addresses: &[&str], limits: Limits) -> Self {
        let at: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let sockets = Sockets::bind(Purpose::new("DNS", "dns_listen"), &at).unwrap();
        let addresses = sockets.addresses();
        let (registry, stop) = (Registry::new(), CancellationToken::new());
        let (counted, shutdown) = (registry.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let zone = Zone::new(&config()).unwrap();
                Server::new(zone, Arc::new(Edges), limits, sockets, &counted).unwrap().run(shutdown).await;
            });
        });
        Self { addresses, registry, stop, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) fn udp(&self) -> UdpClient {
        UdpClient::to(self.address())
    }

    pub(crate) fn tcp(&self) -> TcpClient {
        TcpClient(connected(TcpStream::connect(self.address()).unwrap()))
    }

    /// The reply to a message over UDP.
    pub(crate) fn ask(&self, message: &[u8]) -> sample::Reply {
        self.udp().ask(message)
    }

    /// What is counted now.
    pub(crate) fn metrics(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap()
    }

    /// Waits until a line is among what is counted.
    pub(crate) fn wait_for(&self, line: &str) {
        let deadline = std::time::Instant::now() + WITHIN;
        while !self.metrics().lines().any(|one| one == line) {
            assert!(std::time::Instant::now() < deadline, "{line:?} is not in:\n{}", self.metrics());
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

pub(crate) struct UdpClient(UdpSocket);

impl UdpClient {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let any: IpAddr =
            if server.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        Self::from_to(any, server)
    }

    /// With an address of its own; takes replies from the address that it asked alone.
    pub(crate) fn from_to(own: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((own, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(WITHIN)).unwrap();
        Self(socket)
    }

    pub(crate) fn send(&self, message: &[u8]) {
        self.0.send(message).unwrap();
    }

    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut bytes = vec![0; 65_536];
        let len = self.0.recv(&mut bytes).unwrap();
        bytes.truncate(len);
        bytes
    }

    pub(crate) fn ask(&self, message: &[u8]) -> sample::Reply {
        self.send(message);
        sample::Reply::read(&self.receive())
    }
}

pub(crate) struct TcpClient(pub(crate) TcpStream);

fn connected(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(WITHIN)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A message behind its length.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(message);
    bytes
}

impl TcpClient {
    /// With an address of its own.
    pub(crate) fn from_to(own: IpAddr, server: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(own, 0).into()).unwrap();
        socket.connect(&server.into()).unwrap();
        Self(connected(socket.into()))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn reply(&mut self) -> sample::Reply {
        let mut len = [0; 2];
        self.0.read_exact(&mut len).unwrap();
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(len))];
        self.0.read_exact(&mut bytes).unwrap();
        sample::Reply::read(&bytes)
    }

    pub(crate) fn ask(&mut self, message: &[u8]) -> sample::Reply {
        self.write(&framed(message));
        self.reply()
    }

    /// Waits until the server has closed the connection; nothing comes before.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0; 1]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
