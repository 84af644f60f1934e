//! The command `check-health` of both programs: whether the one that runs with the same settings is well. For supervisors that
//! run a command, such as a container's health check, in images that have neither shell nor curl.
//!
//! Place in the flow: a process of its own, beside the one that runs; it asks that one's metrics listener
//! ([`crate::listener`]) and ends.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use farcast_config::{Command, Operand};

/// The command, for the help.
pub const COMMAND: Command = Command {
    name: "check-health",
    operands: &[Operand { name: "PATH", is_path: false }],
    switches: &[],
    about: "Ask the program that runs with the same metrics_listen for PATH, such as /healthz or /readyz, print its answer and \
            stop: status 0 if it is 200, 1 if not. For the health check of a container.",
};

/// Longest time for all of it. Supervisors wait longer.
const DEADLINE: Duration = Duration::from_secs(3);
/// Most bytes of an answer that are read; one about health has a few lines.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

/// A program that is not well, or does not say.
#[derive(Debug, thiserror::Error)]
pub enum Unwell {
    /// The path is none.
    #[error("{0:?} is no path: /healthz (is it alive), /readyz (should it get viewers or encoders)")]
    NoPath(String),
    /// Nothing answers there.
    #[error("{address} (metrics_listen) does not answer: is the program running, with the same settings?")]
    Silent {
        /// The address that was asked.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Something answers that is not HTTP.
    #[error("what {0} (metrics_listen) answers is not HTTP: another program has that port")]
    Strange(SocketAddr),
    /// It says that it is not well.
    #[error("{status}: {text}")]
    Answered {
        /// The status of its answer.
        status: u16,
        /// The answer.
        text: String,
    },
}

/// Asks, prints the answer and returns the exit status: 0 if the program is well, 1 if not.
#[expect(clippy::print_stdout, reason = "what was asked for on the command line goes to standard output")]
pub fn run(program: &str, operands: &[OsString], metrics_listen: SocketAddr) -> u8 {
    let path = operands.first().map(|path| path.to_string_lossy()).unwrap_or_default();
    match ask(metrics_listen, &path) {
        Ok(text) => {
            println!("{text}");
            0
        }
        Err(error) => {
            eprintln!("{program} {}: {:#}", COMMAND.name, anyhow::Error::from(error));
            1
        }
    }
}

/// The answer to a question about health, of a program whose metrics listener is at `listen`. Blocks, for a few seconds at
/// most.
///
/// # Errors
/// When the program does not answer, or answers anything but 200.
pub fn ask(listen: SocketAddr, path: &str) -> Result<String, Unwell> {
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Unwell::NoPath(path.to_owned()));
    }
    let address = reachable(listen);
    let answer = exchange(address, path).map_err(|source| Unwell::Silent { address, source })?;
    let (status, text) = parsed(&answer).ok_or(Unwell::Strange(address))?;
    if status == 200 { Ok(text) } else { Err(Unwell::Answered { status, text }) }
}

/// The address at which a listener is reached from this machine: one that listens everywhere, on the loopback interface.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn exchange(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let end = Instant::now() + DEADLINE;
    let left = || end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&address, left())?;
    stream.set_write_timeout(Some(left()))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while (answer.len() as u64) < MAX_ANSWER_BYTES {
        if end <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left()))?;
        match stream.read(&mut piece)? {
            0 => break,
            read => answer.extend(piece.iter().take(read)),
        }
    }
    // The answer is here: whether the other end hears the goodbye is no matter.
    let _ = stream.shutdown(Shutdown::Both);
    Ok(answer)
}

/// Status and body of an answer in HTTP/1.1 (RFC 9112 §4).
fn parsed(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A program that answers one request like this; what it was asked comes back.
    fn answering(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 256];
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut piece).unwrap();
                request.extend(&piece[..read]);
            }
            // Who was cut short does not hear all.
            let _ = stream.write_all(answer.as_bytes());
            String::from_utf8(request).unwrap()
        });
        (address, asked)
    }

    #[test]
    fn a_program_that_listens_everywhere_is_asked_on_the_loopback_interface() {
        let (address, asked) = answering("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
        assert!(address.ip().is_unspecified());
        assert_eq!(ask(address, "/readyz").unwrap(), "ok");
        let asked = asked.join().unwrap();
        let host = format!("Host: 127.0.0.1:{}\r\n", address.port());
        assert!(asked.starts_with("GET /readyz HTTP/1.1\r\n") && asked.contains(&host), "{asked}");
        assert_eq!(reachable("[::]:9191".parse().unwrap()).to_string(), "[::1]:9191");
        assert_eq!(reachable("192.0.2.7:9191".parse().unwrap()).to_string(), "192.0.2.7:9191");
    }

    #[test]
    fn one_that_is_not_well_is_reported_with_its_own_words() {
        let (address, asked) =
            answering("HTTP/1.1 503 Service Unavailable\r\n\r\nnot linked to the origin\n");
        assert_eq!(ask(address, "/readyz").unwrap_err().to_string(), "503: not linked to the origin");
        asked.join().unwrap();
    }

    #[test]
    fn nobody_there_and_somebody_else_there_are_told_apart() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(ask(free, "/healthz"), Err(Unwell::Silent { .. })));
        for strange in ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1\r\n\r\n"] {
            let (address, asked) = answering(strange);
            assert!(matches!(ask(address, "/healthz"), Err(Unwell::Strange(_))), "{strange:?}");
            asked.join().unwrap();
        }
    }

    #[test]
    fn an_answer_without_end_is_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endless = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        });
        assert!(ask(address, "/healthz").unwrap().len() < 2 * 16 * 1024);
        endless.join().unwrap();
    }

    #[test]
    fn what_is_no_path_is_not_sent() {
        for wrong in ["", "healthz", "/a b", "/\r\nx: y", "/ä"] {
            assert!(
                matches!(ask("127.0.0.1:1".parse().unwrap(), wrong), Err(Unwell::NoPath(_))),
                "{wrong:?}"
            );
        }
    }
}
