//! The sockets of a server: UDP and TCP on the same ports.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use farcast_service::listen::{self, ListenError, Purpose};

/// How often another port is tried where the system chooses and the one that it chose for TCP is taken for UDP.
const MOST_TRIES: u32 = 16;

/// Sockets that are bound; of each kind any number.
#[derive(Debug, Default)]
pub struct Sockets {
    /// For UDP.
    pub udp: Vec<UdpSocket>,
    /// For TCP.
    pub tcp: Vec<TcpListener>,
}

impl Sockets {
    /// Binds both kinds at each address. Port 0 is one that the system chooses, the same for both. `[::]` takes IPv4 too.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub fn bind(purpose: Purpose, addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let mut sockets = Self::default();
        for address in addresses {
            let (udp, tcp) = bind(purpose, *address)?;
            sockets.udp.push(udp);
            sockets.tcp.push(tcp);
        }
        Ok(sockets)
    }

    /// The addresses at which queries are answered over UDP.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.udp.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }
}

fn bind(purpose: Purpose, address: SocketAddr) -> Result<(UdpSocket, TcpListener), ListenError> {
    let mut tries = 0;
    loop {
        let tcp = listen::tcp(purpose, address)?;
        let port = tcp.local_addr().map_or(address.port(), |chosen| chosen.port());
        match listen::udp(purpose, SocketAddr::new(address.ip(), port)) {
            Ok(udp) => return Ok((udp, tcp)),
            Err(ListenError::Taken { .. }) if address.port() == 0 && tries < MOST_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}
