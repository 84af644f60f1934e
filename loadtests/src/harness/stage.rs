//! An origin, edges and the link between them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tokio::process::Child;
use tokio::sync::{Mutex, MutexGuard};

use crate::harness::edge::Edge;
use crate::harness::link::Link;
use crate::harness::program::{self, Program};
use crate::harness::wait;
use crate::publish::encoder::{self, Content, Picture, Source};
use crate::publish::target::Target;

/// The stream key of every stage.
pub const KEY: &str = "e2e-stream-key-0123456789";
/// One stage at a time: each has encoders, and a measurement must not include another test's load.
static TURN: Mutex<()> = Mutex::const_new(());

/// A stage's settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Latency level.
    pub level: u8,
    /// Time for which the origin waits for an encoder that dropped.
    pub grace: Duration,
    /// The ladder; `None` for a passthrough variant and a small one.
    pub variants: Option<String>,
    /// More lines of the origin's settings.
    pub origin: String,
    /// More lines of the edges' settings.
    pub edge: String,
    /// Edges at the start.
    pub edges: usize,
    /// True if edges say where viewers reach them, so that viewers are led from one to another.
    pub public_edges: bool,
    /// Folder of other programs than those of [`program::folder`].
    pub programs: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: 1,
            grace: Duration::from_secs(15),
            variants: None,
            origin: String::new(),
            edge: String::new(),
            edges: 1,
            public_edges: false,
            programs: None,
        }
    }
}

/// A variant as it came and one of 320 × 180.
const VARIANTS: &str = r#"
[[variants]]
name = "source"
video_passthrough = true
audio_passthrough = true

[[variants]]
name = "small"
video_bitrate = 300
audio_bitrate = 64
scaled_width = 320
scaled_height = 180
framerate = 30
cpu_usage_level = 0
"#;

/// A stage. Dropping it kills everything on it.
pub struct Stage {
    /// Files of all programs.
    pub folder: TempDir,
    /// The link from edges to the origin.
    pub link: Link,
    settings: Settings,
    origin: Option<Program>,
    /// Ports of the origin, kept when it is started again.
    rtmp: SocketAddr,
    quic: SocketAddr,
    edges: Vec<Option<Program>>,
    edge_addresses: Vec<SocketAddr>,
    /// The setting of another store than the default: FARCAST_TEST_STORE, with a name of this stage's own.
    store: Option<String>,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for program in self.origin.iter().chain(self.edges.iter().flatten()) {
                let _ = std::io::Write::write_all(&mut std::io::stderr(), program.log_tail().as_bytes());
            }
        }
    }
}

impl Stage {
    /// Starts an origin and edges, and waits until the edges are ready.
    ///
    /// # Errors
    /// When a program does not start.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let turn = TURN.lock().await;
        let any: SocketAddr = "127.0.0.1:0".parse()?;
        let (count, without_others) = (settings.edges, settings.programs.is_none());
        let mut stage = Self {
            folder: TempDir::new()?,
            link: Link::open().await?,
            settings,
            origin: None,
            rtmp: any,
            quic: any,
            edges: Vec::new(),
            edge_addresses: Vec::new(),
            // Other programs have the default store: their build need not have another.
            store: std::env::var("FARCAST_TEST_STORE")
                .ok()
                .filter(|_| without_others)
                .map(|store| format!("{store}?name=e2e-{:08x}", rand::random::<u32>())),
            _turn: turn,
        };
        stage.start_origin().await?;
        for index in 0..count {
            stage.add_edge().await?;
            if stage.settings.public_edges {
                // Now its port is known.
                stage.take_edge(index)?.kill().await?;
                stage.start_edge(index).await?;
            }
        }
        Ok(stage)
    }

    /// Starts the origin, again if it was killed, on the same ports.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_origin(&mut self) -> anyhow::Result<()> {
        let config = self.write("origin.toml", &self.origin_config("origin")?)?;
        let origin =
            Program::start(&self.program("farcast-origin")?, "origin", &config, self.folder.path()).await?;
        self.rtmp = origin.address("rtmp");
        self.quic = origin.address("quic");
        self.link.lead_to(self.quic);
        self.origin = Some(origin);
        Ok(())
    }

    fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.settings.programs.clone().map_or_else(program::folder, Ok)?;
        Ok(folder.join(name))
    }

    /// Starts another origin on the same store and ports, with a data folder of its own, and waits until it is the channel's:
    /// poll it while the first one is made to end. `standby.log` in the stage's folder is its log.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_standby(
        &self,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<Program>> + Send + use<>> {
        let config = self.write("standby.toml", &self.origin_config("standby")?)?;
        let folder = self.folder.path().to_owned();
        let program = self.program("farcast-origin")?;
        Ok(async move { Program::start(&program, "standby", &config, &folder).await })
    }

    fn origin_config(&self, folder: &str) -> anyhow::Result<String> {
        let Settings { level, grace, variants, origin, .. } = &self.settings;
        let mut text = String::new();
        writeln!(text, "data_dir = {:?}", self.folder.path().join(folder))?;
        writeln!(
            text,
            "stream_key = {KEY:?}\nrtmp_listen = \"{}\"\nquic_listen = \"{}\"",
            self.rtmp, self.quic
        )?;
        writeln!(text, "quic_advertise = \"{}\"", self.link.address)?;
        writeln!(text, "http_listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"")?;
        // Receivers of the tests are on this machine.
        writeln!(text, "webhook_private_addresses = true")?;
        writeln!(text, "latency_level = {level}\nvideo_codec = \"libx264\"")?;
        writeln!(text, "reconnect_grace = \"{}s\"\nlog = \"info\"", grace.as_secs())?;
        if let Some(store) = &self.store {
            writeln!(text, "store = {store:?}")?;
        }
        writeln!(text, "{origin}")?;
        text += variants.as_deref().unwrap_or(VARIANTS);
        Ok(text)
    }

    fn edge_config(&self, index: usize) -> anyhow::Result<String> {
        let token = self.folder.path().join("origin").join("join-token");
        let address = self.edge_addresses.get(index);
        let listen = address.map_or_else(|| "127.0.0.1:0".to_owned(), ToString::to_string);
        let mut text = String::new();
        writeln!(text, "data_dir = {:?}", self.folder.path().join(format!("edge-{index}")))?;
        writeln!(text, "join_token_file = {token:?}\nhttp_listen = \"{listen}\"")?;
        writeln!(text, "metrics_listen = \"127.0.0.1:0\"\nname = \"edge-{index}\"\nlog = \"info\"")?;
        if let Some(store) = &self.store {
            writeln!(text, "store = {store:?}")?;
        }
        if let Some(address) = address.filter(|_| self.settings.public_edges) {
            writeln!(text, "public_urls = \"http://{address}\"")?;
        }
        writeln!(text, "forward_admin = true\ntrusted_proxies = \"127.0.0.1\"\n{}", self.settings.edge)?;
        Ok(text)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Starts one more edge. Returns its number.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn add_edge(&mut self) -> anyhow::Result<usize> {
        self.edges.push(None);
        self.start_edge(self.edges.len() - 1).await?;
        Ok(self.edges.len() - 1)
    }

    /// Starts a killed edge again, on the same port, while there is no origin that it could be ready with.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_lonely_edge(&mut self, index: usize) -> anyhow::Result<()> {
        self.launch_edge(index).await
    }

    /// Starts an edge, again if it was killed, on the same port, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_edge(&mut self, index: usize) -> anyhow::Result<()> {
        self.launch_edge(index).await?;
        let edge = self.edge(index);
        let what = format!("edge-{index} is ready");
        let ready = wait::until(&what, Duration::from_secs(15), || async {
            edge.get("/readyz").await.ok().filter(|answer| answer.status.is_success())
        });
        ready.await.map(drop).with_context(|| self.logs())
    }

    async fn launch_edge(&mut self, index: usize) -> anyhow::Result<()> {
        let config = self.write(&format!("edge-{index}.toml"), &self.edge_config(index)?)?;
        let name = format!("edge-{index}");
        let edge = Program::start(&self.program("farcast-edge")?, &name, &config, self.folder.path()).await?;
        let http = edge.address("http");
        if index == self.edge_addresses.len() {
            self.edge_addresses.push(http);
        }
        self.edges[index] = Some(edge);
        Ok(())
    }

    /// True if edges reach the store by themselves, so that they know its contents also while the origin is away.
    #[must_use]
    pub fn edges_reach_the_store(&self) -> bool {
        self.store.is_some()
    }

    /// An edge as viewers reach it.
    #[must_use]
    pub fn edge(&self, index: usize) -> Edge {
        Edge { http: self.edge_addresses[index] }
    }

    /// The process of the origin.
    ///
    /// # Errors
    /// When it was killed.
    pub fn origin(&mut self) -> anyhow::Result<&mut Program> {
        self.origin.as_mut().context("the origin was killed")
    }

    /// Takes the origin's process to kill or stop it.
    ///
    /// # Errors
    /// When it was killed.
    pub fn take_origin(&mut self) -> anyhow::Result<Program> {
        self.origin.take().context("the origin was killed")
    }

    /// Takes an edge's process to kill or stop it.
    ///
    /// # Errors
    /// When it was killed.
    pub fn take_edge(&mut self, index: usize) -> anyhow::Result<Program> {
        self.edges[index].take().context("the edge was killed")
    }

    /// Address of an edge's metrics.
    ///
    /// # Errors
    /// When it was killed.
    pub fn edge_metrics(&self, index: usize) -> anyhow::Result<SocketAddr> {
        self.edge_address(index, "metrics")
    }

    /// Address of a listener of an edge, by the name under which it is announced.
    ///
    /// # Errors
    /// When the edge was killed.
    pub fn edge_address(&self, index: usize, listener: &str) -> anyhow::Result<SocketAddr> {
        Ok(self.edges[index].as_ref().context("the edge was killed")?.address(listener))
    }

    /// Gives the origin these further settings, from its next start on.
    pub fn configure_origin(&mut self, more: &str) {
        more.clone_into(&mut self.settings.origin);
    }

    /// The address for publishers.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target_with(KEY)
    }

    /// The address for publishers, with another key.
    #[must_use]
    pub fn target_with(&self, key: &str) -> Target {
        Target { authority: self.rtmp.to_string(), app: "live".to_owned(), key: key.to_owned() }
    }

    /// Starts ffmpeg as an encoder.
    ///
    /// # Errors
    /// When there is no ffmpeg.
    pub fn encoder(&self, content: Content) -> anyhow::Result<Child> {
        let picture = Picture { width: 640, height: 360, ..Picture::default() };
        encoder::start(&self.target(), content, Source::Generated, picture, None).context("ffmpeg")
    }

    /// The ends of all logs.
    #[must_use]
    pub fn logs(&self) -> String {
        self.origin.iter().chain(self.edges.iter().flatten()).map(Program::log_tail).collect()
    }

    /// Folder of the stage's files.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
