//! Opening listeners, with errors that say what to do.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use farcast_config::{flag_of, variable_of};

/// Connections that the kernel holds while they wait to be accepted: a reload of many viewers at
/// once arrives within a scheduling delay. The kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// The purpose of a listener, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose {
    /// The protocol that is spoken there: `RTMP`.
    pub protocol: &'static str,
    /// Setting that chooses the address: `rtmp_listen`.
    pub setting: &'static str,
}

impl Purpose {
    /// A listener for `protocol`, whose address is the setting `setting`.
    #[must_use]
    pub const fn new(protocol: &'static str, setting: &'static str) -> Self {
        Self { protocol, setting }
    }

    fn choose_another(self) -> String {
        format!("choose another with {} or {}", flag_of(self.setting), variable_of(self.setting))
    }
}

/// A listener that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another socket has the port.
    #[error("{} port {address} is taken by another program; {}", purpose.protocol, purpose.choose_another())]
    Taken {
        /// Its purpose.
        purpose: Purpose,
        /// The address.
        address: SocketAddr,
    },
    /// The process may not open it, usually because the port is below 1024.
    #[error("{} port {address} is not permitted to this user; {}", purpose.protocol, purpose.choose_another())]
    Forbidden {
        /// Its purpose.
        purpose: Purpose,
        /// The address.
        address: SocketAddr,
    },
    /// The machine has no such address.
    #[error("{} address {address} is not an address of this machine; {}", purpose.protocol, purpose.choose_another())]
    NotHere {
        /// Its purpose.
        purpose: Purpose,
        /// The address.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("{} port {address} cannot be opened; {}", purpose.protocol, purpose.choose_another())]
    Other {
        /// Its purpose.
        purpose: Purpose,
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl ListenError {
    fn new(purpose: Purpose, address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { purpose, address },
            io::ErrorKind::PermissionDenied => Self::Forbidden { purpose, address },
            io::ErrorKind::AddrNotAvailable => Self::NotHere { purpose, address },
            _ => Self::Other { purpose, address, source },
        }
    }
}

/// Listens for TCP connections, in non-blocking mode. `[::]` takes IPv4 too, whatever the system's default is;
/// on a machine without IPv6, `[::]` falls back to `0.0.0.0`.
///
/// # Errors
/// When the address cannot be bound.
pub fn tcp(purpose: Purpose, address: SocketAddr) -> Result<TcpListener, ListenError> {
    open(address, |at| {
        let socket = socket(at, Type::STREAM, Protocol::TCP)?;
        // Connections of a stopped predecessor in TIME_WAIT do not keep the port.
        if cfg!(unix) {
            socket.set_reuse_address(true)?;
        }
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    })
    .map_err(|source| ListenError::new(purpose, address, source))
}

/// As [`tcp`], for tokio.
///
/// # Errors
/// When the address cannot be bound.
///
/// # Panics
/// Outside a tokio runtime.
pub fn tokio_tcp(purpose: Purpose, address: SocketAddr) -> Result<tokio::net::TcpListener, ListenError> {
    tokio::net::TcpListener::from_std(tcp(purpose, address)?)
        .map_err(|source| ListenError::new(purpose, address, source))
}

/// Binds a UDP socket, in non-blocking mode, as [`tcp`] does; no other program can share the port.
///
/// # Errors
/// When the address cannot be bound.
pub fn udp(purpose: Purpose, address: SocketAddr) -> Result<UdpSocket, ListenError> {
    open(address, |at| {
        let socket = socket(at, Type::DGRAM, Protocol::UDP)?;
        socket.bind(&at.into())?;
        Ok(socket.into())
    })
    .map_err(|source| ListenError::new(purpose, address, source))
}

fn open<T>(address: SocketAddr, with: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match with(address) {
        // Without IPv6 making the socket fails (no such family), or, when it is only switched off, binding it does.
        Err(error) if is_ipv6_any(address) && !decides(&error) => {
            with(SocketAddr::from(([0, 0, 0, 0], address.port()))).map_err(|_| error)
        }
        result => result,
    }
}

fn is_ipv6_any(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// Errors that another family would not mend.
fn decides(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(!is_ipv6_any(address))?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTMP: Purpose = Purpose::new("RTMP", "rtmp_listen");

    #[test]
    fn a_taken_port_says_which_and_how_to_choose_another() {
        let first = tcp(RTMP, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = tcp(RTMP, address).unwrap_err().to_string();
        let expected = format!(
            "RTMP port {address} is taken by another program; choose another with --rtmp-listen or \
             FARCAST_RTMP_LISTEN"
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn a_udp_port_is_never_shared() {
        let quic = Purpose::new("QUIC", "quic_listen");
        let first = udp(quic, "127.0.0.1:0".parse().unwrap()).unwrap();
        let error = udp(quic, first.local_addr().unwrap()).unwrap_err();
        assert!(matches!(error, ListenError::Taken { .. }), "{error}");
    }

    #[test]
    fn any_address_of_ipv6_takes_ipv4_too() {
        let listener = tcp(RTMP, "[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn an_address_of_another_machine_is_called_so() {
        // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
        let error = tcp(RTMP, "192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert!(matches!(error, ListenError::NotHere { .. }), "{error}");
    }
}
