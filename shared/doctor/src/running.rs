//! Whether the program runs already: its ports are then taken by itself, and its limits are the real ones.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest wait for the answer of a program on this machine.
const DEADLINE: Duration = Duration::from_secs(3);
/// Most bytes that are read of it.
const MAX_BYTES: u64 = 4 << 20;

/// What the metrics port of this machine answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// The answer of `/metrics`.
    metrics: String,
    /// The answer of `/readyz`: whether it is ready, and what it says.
    pub ready: (bool, String),
}

impl Running {
    /// Asks the address of the metrics port; none if no program of this name answers there.
    #[must_use]
    pub fn find(program: &str, metrics_listen: SocketAddr) -> Option<Self> {
        let at = reachable(metrics_listen);
        let (status, metrics) = get(at, "/metrics")?;
        let is_it = metrics
            .lines()
            .any(|line| line.starts_with(&format!("farcast_build_info{{program=\"{program}\"")));
        if status != 200 || !is_it {
            return None;
        }
        let (status, text) = get(at, "/readyz")?;
        Some(Self { metrics, ready: (status == 200, text.trim().to_owned()) })
    }

    /// The value of a metric without labels, such as `process_max_fds`.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        let mut lines = self.metrics.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name).and_then(|(_, value)| value.trim().parse().ok())
    }
}

/// An unspecified address is reached at this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status and the body of an answer (RFC 9112, HTTP/1.0 so that it ends with the connection).
fn get(at: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&at, DEADLINE).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    stream.set_write_timeout(Some(DEADLINE)).ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: {at}\r\nConnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let ends = Instant::now() + DEADLINE;
    let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = stream.read(&mut piece).ok()?;
        answer.extend_from_slice(piece.get(..read)?);
        if read == 0 {
            break;
        }
        if Instant::now() > ends || answer.len() as u64 > MAX_BYTES {
            return None;
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers as many requests as there are answers, then ends.
    fn server(answers: Vec<String>) -> (SocketAddr, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 1024];
                let _ = stream.read(&mut asked).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (at, thread)
    }

    #[test]
    fn a_program_is_known_by_what_it_exports() {
        let info = "farcast_build_info{program=\"farcast-edge\",version=\"1\"} 1\nprocess_max_fds 1024\n";
        let ok = format!("HTTP/1.0 200 OK\r\n\r\n{info}");
        let unready = "HTTP/1.0 503 Service Unavailable\r\n\r\nlink: down\n".to_owned();
        let (at, thread) = server(vec![ok.clone(), unready.clone()]);
        let running = Running::find("farcast-edge", at).unwrap();
        assert_eq!(running.ready, (false, "link: down".to_owned()));
        assert_eq!((running.metric("process_max_fds"), running.metric("nothing")), (Some(1024.0), None));
        thread.join().unwrap();
        assert_eq!(Running::find("farcast-edge", at), None, "nobody listens there any more");
        // It would answer a second question too, which is not asked.
        let (at, _) = server(vec![ok, unready]);
        assert_eq!(Running::find("farcast-origin", at), None);
    }
}
