//! A cluster of one process that a test owns: it can be stopped, killed and started again, and be reached over a slow link.
//! Needs `fdbserver` and `fdbcli` on the PATH.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longest time for a server until its database is available.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pieces on their way through a slow link, in each direction of a connection.
const ON_THE_WAY: usize = 1024;

/// A server, its files, and the link before it if there is one. Dropping it kills the server.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    /// The address that clients and the server itself are told.
    public: SocketAddr,
    listen: SocketAddr,
    process: Option<Child>,
    link: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if let Some(link) = &self.link {
            link.abort();
        }
    }
}

impl Server {
    /// A new cluster with an empty database.
    pub(crate) async fn start() -> Self {
        let address = free_address();
        Self::begin(address, address, None).await
    }

    /// The same, to which each piece of data takes so long in both directions.
    pub(crate) async fn start_behind(delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let (public, listen) = (listener.local_addr().expect("it is bound"), free_address());
        let link = tokio::spawn(slow_link(listener, listen, delay));
        Self::begin(public, listen, Some(link)).await
    }

    async fn begin(public: SocketAddr, listen: SocketAddr, link: Option<JoinHandle<()>>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let id = rand::random::<u64>();
        std::fs::write(folder.path().join("fdb.cluster"), format!("test:{id:016x}@{public}\n"))
            .expect("a file");
        let mut server = Self { folder, public, listen, process: None, link };
        server.restart();
        server.cli("configure new single memory").await;
        server.available().await;
        server
    }

    pub(crate) fn cluster_file(&self) -> PathBuf {
        self.folder.path().join("fdb.cluster")
    }

    /// Starts the process, again if it was killed, on the same files and address.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let process = Command::new("fdbserver")
            .arg("-C")
            .arg(self.cluster_file())
            .args(["--public_address", &self.public.to_string()])
            .args(["--listen_address", &self.listen.to_string()])
            .arg("-d")
            .arg(self.folder.path().join("data"))
            .arg("-L")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.expect("fdbserver is on the PATH"));
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// The process stands still: SIGSTOP.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    /// The process goes on: SIGCONT.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {process}");
    }

    /// Waits until the database is available.
    pub(crate) async fn available(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.cli("status minimal").await.contains("database is available") {
            assert!(Instant::now() < deadline, "the database is not available");
        }
    }

    /// Output of fdbcli.
    async fn cli(&self, command: &str) -> String {
        let mut cli = tokio::process::Command::new("fdbcli");
        cli.arg("-C").arg(self.cluster_file());
        cli.args(["--timeout", "10", "--exec", command]);
        let output = cli.output().await.expect("fdbcli is on the PATH");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Nobody listened there a moment ago. The server takes no port 0.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// Passes connections on, each piece after a delay.
async fn slow_link(listener: TcpListener, to: SocketAddr, delay: Duration) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        connections.spawn(async move {
            let Ok(far) = TcpStream::connect(to).await else { return };
            let (near, far) = (near.into_split(), far.into_split());
            // When one direction ends, both do.
            tokio::select! {
                _ = delayed(near.0, far.1, delay) => {}
                _ = delayed(far.0, near.1, delay) => {}
            }
        });
    }
}

async fn delayed(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    delay: Duration,
) -> io::Result<()> {
    let (send, mut pieces) = mpsc::channel::<(tokio::time::Instant, Vec<u8>)>(ON_THE_WAY);
    let read = async move {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let len = from.read(&mut buffer).await?;
            let piece = (tokio::time::Instant::now() + delay, buffer[..len].to_vec());
            if len == 0 || send.send(piece).await.is_err() {
                return Ok(());
            }
        }
    };
    let write = async move {
        while let Some((at, piece)) = pieces.recv().await {
            tokio::time::sleep_until(at).await;
            to.write_all(&piece).await?;
        }
        Ok(())
    };
    tokio::try_join!(read, write).map(|((), ())| ())
}
