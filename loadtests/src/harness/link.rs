//! A UDP link between origin and edges that can be cut, slowed and delayed.
//!
//! Edges speak to the link's address, which the origin advertises. Each edge is a flow, numbered in the order
//! of first datagrams. Datagrams that do not fit into a slowed flow's short queue are lost, as on a real
//! link.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Datagrams in the queue of a direction of a flow; more are lost.
const QUEUE: usize = 512;
/// Longest time that a datagram waits for a slowed flow; more are lost.
const PATIENCE: Duration = Duration::from_millis(200);
/// Largest datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// A flow's treatment of datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quality {
    /// Everything is lost.
    pub cut: bool,
    /// Bits per second towards the edge; unlimited if `None`.
    pub limit_bps: Option<u64>,
    /// Time on the way, in each direction.
    pub delay: Duration,
}

#[derive(Default)]
struct Settings {
    upstream: Option<SocketAddr>,
    all: Quality,
    flows: HashMap<usize, Quality>,
}

impl Settings {
    fn of(&self, flow: usize) -> Quality {
        self.flows.get(&flow).copied().unwrap_or(self.all)
    }
}

/// A link. Dropping it ends it.
pub struct Link {
    /// The address to which edges connect.
    pub address: SocketAddr,
    settings: Arc<Mutex<Settings>>,
    task: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// A link that leads nowhere yet.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn open() -> std::io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let settings: Arc<Mutex<Settings>> = Arc::default();
        let address = socket.local_addr()?;
        let task = tokio::spawn(run(socket, Arc::clone(&settings))).abort_handle();
        Ok(Self { address, settings, task })
    }

    /// Leads to `upstream` from now on.
    pub fn lead_to(&self, upstream: SocketAddr) {
        self.change(|settings| settings.upstream = Some(upstream));
    }

    /// Sets all flows that have no quality of their own.
    pub fn set(&self, quality: Quality) {
        self.change(|settings| settings.all = quality);
    }

    /// Sets one flow.
    pub fn set_flow(&self, flow: usize, quality: Quality) {
        self.change(|settings| {
            settings.flows.insert(flow, quality);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn quality(settings: &Mutex<Settings>, flow: usize) -> (Quality, Option<SocketAddr>) {
    let settings = settings.lock().unwrap_or_else(PoisonError::into_inner);
    (settings.of(flow), settings.upstream)
}

async fn run(socket: Arc<UdpSocket>, settings: Arc<Mutex<Settings>>) {
    let mut flows: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        // A refused datagram of before is reported here; it is no reason to stop.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let number = flows.len();
        let flow = flows.entry(from).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            tasks.spawn(carry(number, Arc::clone(&socket), from, receiver, Arc::clone(&settings)));
            sender
        });
        // A full queue loses the datagram.
        let _ = flow.try_send(buffer[..length].to_vec());
    }
}

/// Carries one flow in both directions.
async fn carry(
    number: usize,
    socket: Arc<UdpSocket>,
    edge: SocketAddr,
    mut up: mpsc::Receiver<Vec<u8>>,
    settings: Arc<Mutex<Settings>>,
) {
    let Ok(origin) = UdpSocket::bind("127.0.0.1:0").await else { return };
    let (down_sender, mut down) = mpsc::channel::<(Instant, Vec<u8>)>(QUEUE);
    let (up_sender, mut up_delayed) = mpsc::channel::<(Instant, Vec<u8>)>(QUEUE);
    let mut buffer = vec![0; DATAGRAM_BYTES];
    let mut free_at = Instant::now();
    let read = async {
        loop {
            tokio::select! {
                datagram = up.recv() => {
                    let Some(datagram) = datagram else { return };
                    let (quality, _) = quality(&settings, number);
                    if !quality.cut {
                        let _ = up_sender.try_send((Instant::now() + quality.delay, datagram));
                    }
                }
                received = origin.recv_from(&mut buffer) => {
                    let Ok((length, _)) = received else { continue };
                    let (quality, _) = quality(&settings, number);
                    let now = Instant::now();
                    free_at = free_at.max(now);
                    if quality.cut || free_at > now + PATIENCE {
                        continue;
                    }
                    if let Some(limit) = quality.limit_bps {
                        let bits = u64::try_from(length).unwrap_or(u64::MAX).saturating_mul(8_000_000);
                        free_at += Duration::from_micros(bits / limit.max(1));
                    }
                    let _ = down_sender.try_send((free_at + quality.delay, buffer[..length].to_vec()));
                }
            }
        }
    };
    let deliver_down = async {
        while let Some((at, datagram)) = down.recv().await {
            sleep_until(at).await;
            let _ = socket.send_to(&datagram, edge).await;
        }
    };
    let deliver_up = async {
        while let Some((at, datagram)) = up_delayed.recv().await {
            sleep_until(at).await;
            if let (_, Some(upstream)) = quality(&settings, number) {
                let _ = origin.send_to(&datagram, upstream).await;
            }
        }
    };
    tokio::join!(read, deliver_down, deliver_up);
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn received(socket: &UdpSocket, within: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 100];
        let length = timeout(within, socket.recv(&mut buffer)).await.ok()?.ok()?;
        buffer.truncate(length);
        Some(buffer)
    }

    #[tokio::test]
    async fn datagrams_pass_in_both_directions_until_the_link_is_cut() {
        let link = Link::open().await.unwrap();
        let origin = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        link.lead_to(origin.local_addr().unwrap());
        let edge = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        edge.connect(link.address).await.unwrap();
        let patience = Duration::from_secs(5);

        edge.send(b"hello").await.unwrap();
        let mut buffer = [0; 100];
        let (length, from) = timeout(patience, origin.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(&buffer[..length], b"hello");
        origin.send_to(b"welcome", from).await.unwrap();
        assert_eq!(received(&edge, patience).await.unwrap(), b"welcome");

        link.set_flow(0, Quality { cut: true, ..Quality::default() });
        origin.send_to(b"lost", from).await.unwrap();
        assert_eq!(received(&edge, Duration::from_millis(100)).await, None);
        link.set_flow(0, Quality::default());
        origin.send_to(b"again", from).await.unwrap();
        assert_eq!(received(&edge, patience).await.unwrap(), b"again");
    }
}
