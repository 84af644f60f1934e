//! A UDP proxy between edge and origin that delays, throttles and cuts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// Datagrams that wait in the bottleneck; more are dropped, as a router does.
const QUEUE: usize = 32;

/// The proxy; stops when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    link: Arc<Link>,
    task: AbortHandle,
}

struct Link {
    cut: AtomicBool,
    /// Only towards edges.
    deaf: AtomicBool,
    /// Towards edges; 0 means unlimited.
    bytes_per_s: AtomicU64,
    delay: Duration,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(crate) async fn start(origin: SocketAddr, bytes_per_s: u64, delay: Duration) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = socket.local_addr().unwrap();
        let link = Arc::new(Link {
            cut: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            bytes_per_s: AtomicU64::new(bytes_per_s),
            delay,
        });
        let task = tokio::spawn(run(socket, origin, Arc::clone(&link))).abort_handle();
        Self { address, link, task }
    }

    /// From now on nothing passes, or everything again.
    pub(crate) fn cut(&self, cut: bool) {
        self.link.cut.store(cut, Ordering::Relaxed);
    }

    /// From now on nothing comes back to edges, while the origin hears them; or everything again.
    pub(crate) fn deafen(&self, deaf: bool) {
        self.link.deaf.store(deaf, Ordering::Relaxed);
    }
}

async fn run(front: Arc<UdpSocket>, origin: SocketAddr, link: Arc<Link>) {
    let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; 65536];
    loop {
        let Ok((len, edge)) = front.recv_from(&mut buffer).await else { continue };
        if link.cut.load(Ordering::Relaxed) {
            continue;
        }
        let back = match backs.entry(edge) {
            Entry::Occupied(back) => back.into_mut(),
            Entry::Vacant(place) => {
                let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                back.connect(origin).await.unwrap();
                let (queue, queued) = mpsc::channel(QUEUE);
                tasks.spawn(take(Arc::clone(&back), queue, Arc::clone(&link)));
                tasks.spawn(give(queued, Arc::clone(&front), edge, Arc::clone(&link)));
                place.insert(back)
            }
        };
        let _ = back.send(&buffer[..len]).await;
    }
}

async fn take(back: Arc<UdpSocket>, queue: mpsc::Sender<(Instant, Vec<u8>)>, link: Arc<Link>) {
    let mut buffer = vec![0; 65536];
    loop {
        let Ok(len) = back.recv(&mut buffer).await else { continue };
        if !link.cut.load(Ordering::Relaxed) {
            let _ = queue.try_send((Instant::now() + link.delay, buffer[..len].to_vec()));
        }
    }
}

async fn give(
    mut queued: mpsc::Receiver<(Instant, Vec<u8>)>,
    front: Arc<UdpSocket>,
    edge: SocketAddr,
    link: Arc<Link>,
) {
    let mut free_at = Instant::now();
    while let Some((due, datagram)) = queued.recv().await {
        tokio::time::sleep_until(due.max(free_at)).await;
        let rate = link.bytes_per_s.load(Ordering::Relaxed);
        if rate > 0 {
            let len = u32::try_from(datagram.len()).unwrap();
            free_at = Instant::now().max(free_at) + Duration::from_secs_f64(f64::from(len) / rate as f64);
        }
        if !link.cut.load(Ordering::Relaxed) && !link.deaf.load(Ordering::Relaxed) {
            let _ = front.send_to(&datagram, edge).await;
        }
    }
}
