//! The sockets that a program was started with.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use listenfd::ListenFd;

use super::Predecessor;
use crate::listen::{self, ListenError, Purpose};

/// Names of the sockets (sd_listen_fds(3)).
const NAMES: &str = "LISTEN_FDNAMES";

/// Before the name of a socket that a predecessor opened as its settings said.
pub(super) const OWN: &str = "own.";

/// The name of the socket to the predecessor.
pub(super) const PREDECESSOR: &str = "predecessor";

/// The reason why sockets that were given cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// A socket is none of those that programs listen with.
    #[error(
        "the socket {name:?} that the supervisor gives is no listening TCP socket and no UDP socket; its unit needs ListenStream= \
         or ListenDatagram= with an address and a port"
    )]
    Kind {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There are sockets that no setting in use has the name of.
    #[error(
        "the supervisor gives sockets that are not wanted: {}; each needs FileDescriptorName= with the setting that it is for, \
         such as http_listen, and that setting must be set", .0.join(", ")
    )]
    Unwanted(Vec<String>),
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Socket {
    fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
        }
    }
}

/// Sockets that a successor is given, with their names.
#[derive(Debug, Default)]
pub struct Heritage(pub(super) Vec<(String, OwnedFd)>);

/// The sockets that this program was started with, and those that it opens in their place.
#[derive(Debug, Default)]
pub struct Given {
    sockets: Vec<(String, Socket)>,
    predecessor: Option<UnixDatagram>,
    heritage: Heritage,
}

impl Given {
    /// Takes them from the environment. To be called first of all, once: later the descriptors may be others'.
    ///
    /// # Errors
    /// [`GivenError::Kind`].
    pub fn take() -> Result<Self, GivenError> {
        let names = std::env::var(NAMES).unwrap_or_default();
        let mut names = names.split(':');
        let (mut there, mut given) = (ListenFd::from_env(), Self::default());
        for index in 0..there.len() {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
            let failed = |source| GivenError::Kind { name: name.clone(), source };
            if name == PREDECESSOR {
                given.predecessor = there.take_unix_datagram(index).map_err(failed)?;
                continue;
            }
            let socket = match there.take_tcp_listener(index) {
                Ok(listener) => listener.map(Socket::Tcp),
                Err(_) => there.take_udp_socket(index).map_err(failed)?.map(Socket::Udp),
            };
            given.sockets.extend(socket.map(|socket| (name, socket)));
        }
        Ok(given)
    }

    #[cfg(test)]
    pub(super) fn put(&mut self, name: &str, listener: TcpListener) {
        self.sockets.push((name.to_owned(), Socket::Tcp(listener)));
    }

    /// As [`listen::tcp`], with the socket that was given for it, if there is one.
    ///
    /// # Errors
    /// When there is none and the address cannot be bound.
    pub fn tcp(&mut self, purpose: Purpose, address: SocketAddr) -> Result<TcpListener, ListenError> {
        if let Some(given) = self.take_tcp(purpose, address) {
            return Ok(given);
        }
        let listener = listen::tcp(purpose, address)?;
        self.note(purpose, &listener);
        Ok(listener)
    }

    /// As [`Self::tcp`], for tokio.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn tokio_tcp(
        &mut self,
        purpose: Purpose,
        address: SocketAddr,
    ) -> Result<tokio::net::TcpListener, ListenError> {
        tokio::net::TcpListener::from_std(self.tcp(purpose, address)?).map_err(|source| ListenError::Other {
            purpose,
            address,
            source,
        })
    }

    /// The TCP socket that was given for this purpose, in non-blocking mode.
    pub fn take_tcp(&mut self, purpose: Purpose, address: SocketAddr) -> Option<TcpListener> {
        match self.find(purpose, address, |socket| matches!(socket, Socket::Tcp(_)))? {
            Socket::Tcp(socket) => Some(socket),
            Socket::Udp(_) => None,
        }
    }

    /// The UDP socket that was given for this purpose, in non-blocking mode.
    pub fn take_udp(&mut self, purpose: Purpose, address: SocketAddr) -> Option<UdpSocket> {
        match self.find(purpose, address, |socket| matches!(socket, Socket::Udp(_)))? {
            Socket::Udp(socket) => Some(socket),
            Socket::Tcp(_) => None,
        }
    }

    fn find(
        &mut self,
        purpose: Purpose,
        address: SocketAddr,
        is_kind: impl Fn(&Socket) -> bool,
    ) -> Option<Socket> {
        let own = format!("{OWN}{}", purpose.setting);
        let fits = |(name, socket): &(String, Socket)| {
            is_kind(socket)
                && (name == purpose.setting
                    || *name == own && socket.address().is_ok_and(|bound| is_at(bound, address)))
        };
        let (name, socket) = self.sockets.remove(self.sockets.iter().position(fits)?);
        let ready = match &socket {
            Socket::Tcp(socket) => socket.set_nonblocking(true).and_then(|()| self.pass_on(name, socket)),
            Socket::Udp(socket) => socket.set_nonblocking(true).and_then(|()| self.pass_on(name, socket)),
        };
        ready.ok().map(|()| socket)
    }

    /// A successor is given this socket, too, which was opened as the settings say. One that cannot be noted is opened anew.
    pub fn note(&mut self, purpose: Purpose, socket: &impl AsFd) {
        if let Err(error) = self.pass_on(format!("{OWN}{}", purpose.setting), socket) {
            tracing::warn!(%error, setting = purpose.setting, "a socket cannot be kept for a successor");
        }
    }

    fn pass_on(&mut self, name: String, socket: &impl AsFd) -> io::Result<()> {
        self.heritage.0.push((name, socket.as_fd().try_clone_to_owned()?));
        Ok(())
    }

    /// When all listeners are open: what a successor is given, and the predecessor, if there is one. Closes sockets of a
    /// predecessor for which the settings have no use any more.
    ///
    /// # Errors
    /// [`GivenError::Unwanted`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn finish(self) -> Result<(Heritage, Option<Predecessor>), GivenError> {
        let left = self.sockets.into_iter().map(|(name, _)| name);
        let unwanted: Vec<_> = left.filter(|name| !name.starts_with(OWN)).collect();
        if !unwanted.is_empty() {
            return Err(GivenError::Unwanted(unwanted));
        }
        let line = self.predecessor.map(Predecessor::new).transpose();
        let failed = |source| GivenError::Kind { name: PREDECESSOR.to_owned(), source };
        Ok((self.heritage, line.map_err(failed)?))
    }
}

/// True if a socket that is bound there is one that settings with this address would open.
fn is_at(bound: SocketAddr, address: SocketAddr) -> bool {
    let is_fallback = address.ip().is_unspecified() && address.is_ipv6() && bound.ip().is_unspecified();
    (bound.ip() == address.ip() || is_fallback) && (address.port() == 0 || address.port() == bound.port())
}
