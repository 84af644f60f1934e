//! Whether the ports that a program listens at can be opened.

use std::net::SocketAddr;

use farcast_service::listen::{self, ListenError, Purpose};

use crate::{Finding, Running};

/// The transport of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Both at the same port, as DNS has them.
    Both,
}

/// A listener of a program.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Its purpose, for the message.
    pub purpose: Purpose,
    /// Its transport.
    pub transport: Transport,
    /// Its address.
    pub address: SocketAddr,
}

/// Opens each port and closes it again. Those of a program that runs are its own.
#[must_use]
pub fn ports(all: &[Port], running: Option<&Running>) -> Vec<Finding> {
    all.iter().map(|port| of(port, running)).collect()
}

fn of(port: &Port, running: Option<&Running>) -> Finding {
    let Port { purpose, transport, address } = *port;
    let Purpose { protocol, setting } = purpose;
    let kind = match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Both => "TCP and UDP",
    };
    match opened(port) {
        Ok(()) => Finding::ok("ports", format!("{protocol} can listen at {kind} {address} ({setting})")),
        Err(ListenError::Taken { .. }) if running.is_some() => Finding::ok(
            "ports",
            format!("{protocol} listens at {kind} {address} ({setting}), since the program runs"),
        ),
        Err(error @ ListenError::Taken { .. }) => Finding::problem(
            "ports",
            error.to_string(),
            format!("find the other program with: ss -lptun 'sport = :{}'", address.port()),
        ),
        // Root and the service may; who asks is another user.
        Err(ListenError::Forbidden { .. }) if address.port() < 1024 => Finding::warning(
            "ports",
            format!("{protocol} port {address} is below 1024, which this user may not open ({setting})"),
            "the installed service may (CAP_NET_BIND_SERVICE); ask again as root to be sure",
        ),
        Err(error) => {
            Finding::problem("ports", error.to_string(), format!("correct {setting} in the settings"))
        }
    }
}

fn opened(Port { purpose, transport, address }: &Port) -> Result<(), ListenError> {
    if *transport != Transport::Udp {
        drop(listen::tcp(*purpose, *address)?);
    }
    if *transport != Transport::Tcp {
        drop(listen::udp(*purpose, *address)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;
    use crate::Verdict;

    fn verdict(transport: Transport, address: SocketAddr) -> Finding {
        ports(&[Port { purpose: Purpose::new("HTTP", "http_listen"), transport, address }], None).remove(0)
    }

    #[test]
    fn a_port_of_another_program_is_a_problem_and_a_free_one_is_not() {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        for (transport, at) in
            [(Transport::Tcp, tcp.local_addr().unwrap()), (Transport::Udp, udp.local_addr().unwrap())]
        {
            let finding = verdict(transport, at);
            assert_eq!(finding.verdict, Verdict::Problem);
            assert!(finding.text.contains("taken by another program"), "{finding:?}");
            assert!(finding.advice.unwrap().contains(&at.port().to_string()));
        }
        assert_eq!(verdict(Transport::Both, "127.0.0.1:0".parse().unwrap()).verdict, Verdict::Ok);
        // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
        assert_eq!(verdict(Transport::Tcp, "192.0.2.1:0".parse().unwrap()).verdict, Verdict::Problem);
    }
}
