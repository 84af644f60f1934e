//! The programs in their places: the origin with an encoder beside it, and an edge in each place.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use farcast_loadtests::harness::edge::{Edge, login};
use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::{program, wait};
use farcast_loadtests::playlist::MediaPlaylist;
use farcast_loadtests::publish::encoder::{self, Content, Picture, Source};
use farcast_loadtests::publish::target::Target;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::inside::inside;
use crate::network::Network;
use crate::programs::Program;
use crate::table::Table;
use crate::world::{FRA, ORIGIN, ORIGIN_NAME, SIN, SITES, Site, ZONE, write_geoip};

/// Longest start of a program, and longest wait for media on an edge.
const START: Duration = Duration::from_secs(60);
/// The stream key, which is the admin's password.
const KEY: &str = "nearest-stream-key-0123456789";
/// What is published: little, for all places share one machine.
const PICTURE: Picture = Picture { width: 320, height: 180, fps: 15, key_interval_s: 1, kbps: 150 };
/// What the origin makes of it: nothing else.
const VARIANTS: &str = "[[variants]]\nvideo_passthrough = true\naudio_passthrough = true\n";

/// One stage at a time: a test must not stall the viewers of another.
static TURN: Mutex<()> = Mutex::const_new(());

/// The stage. Dropping it ends everything on it.
pub(crate) struct Stage {
    encoder: Option<Program>,
    origin: Option<Program>,
    edges: [Option<Program>; 3],
    /// What is between them.
    pub(crate) network: Network,
    /// Files of all programs.
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
    }
}

impl Stage {
    /// Starts all, and waits until each edge has the broadcast and is known to all others.
    ///
    /// # Errors
    /// When something does not start.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let turn = TURN.lock().await;
        let folder = TempDir::new()?;
        write_geoip(&folder.path().join("places.mmdb"))?;
        let network = Network::make(folder.path()).await?;
        let mut stage =
            Self { encoder: None, origin: None, edges: [None, None, None], network, folder, _turn: turn };
        stage.start_origin().await?;
        for site in SITES {
            stage.start_edge(site).await?;
        }
        stage.start_encoder()?;
        for site in SITES {
            stage.playable(site).await?;
        }
        for site in SITES {
            stage.until_knows(site, |edges| edges.len() == SITES.len() - 1).await?;
        }
        Ok(stage)
    }

    /// Waits until no edge has viewers, who make it cheaper than one that is as near: those count for a while who have gone.
    ///
    /// # Errors
    /// When somebody watches.
    pub(crate) async fn until_quiet(&self) -> anyhow::Result<()> {
        let explain = format!("edges/explain?ip={}", FRA.viewer_address());
        let quiet = wait::until("nobody watches", START, || async {
            let ranking = self.admin(&explain, None).await.ok()?;
            let places = ranking["places"].as_array()?;
            let is_quiet = |place: &Value| place["viewers"] == 0 && place["health"] == "good";
            (places.len() == SITES.len() && places.iter().all(is_quiet)).then_some(())
        });
        quiet.await.with_context(|| self.logs())?;
        // Two segments are longer than the interval at which edges read what the origin has read.
        self.segments_pass(SIN, 2).await
    }

    /// Ends the stage well: says what the network did, and fails if the table has anything bad.
    ///
    /// # Errors
    /// When the table has anything bad.
    pub(crate) async fn end(mut self, mut table: Table) -> anyhow::Result<()> {
        self.network.note_counts(&mut table).await?;
        let bad = table.bad();
        ensure!(bad.is_empty(), "{}\n{}", bad.join("\n"), self.logs());
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn launch(&self, host: &str, program: &str, settings: &str) -> anyhow::Result<Program> {
        let config = self.path(&format!("{host}.toml"));
        std::fs::write(&config, settings)?;
        let program = program::folder()?.join(program);
        let arguments = [PathBuf::from("--config"), config];
        Program::start(&self.network.namespace(host), self.folder.path(), host, &program, arguments)
    }

    /// Starts a program beside a host's.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn run(
        &self,
        host: &str,
        name: &str,
        program: &str,
        arguments: &[String],
    ) -> anyhow::Result<Program> {
        let own = program::folder()?.join(program);
        let program = if own.exists() { own } else { program.into() };
        Program::start(&self.network.namespace(host), self.folder.path(), name, &program, arguments)
    }

    /// A file of the stage.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path(name)
    }

    /// Starts the origin, again if it was killed.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start_origin(&mut self) -> anyhow::Result<()> {
        let mut text = String::new();
        writeln!(text, "data_dir = {:?}\nstream_key = {KEY:?}", self.path("origin"))?;
        writeln!(text, "rtmp_listen = \"{ORIGIN}:1935\"\nhttp_listen = \"{ORIGIN}:8090\"")?;
        writeln!(text, "quic_listen = \"{ORIGIN}:4433\"\nquic_advertise = \"{ORIGIN}:4433\"")?;
        writeln!(
            text,
            "metrics_listen = \"{ORIGIN}:9190\"\ngeoip_database = {:?}",
            self.path("places.mmdb")
        )?;
        writeln!(text, "video_codec = \"libx264\"\nthumbnails = false\n{VARIANTS}")?;
        self.origin = Some(self.launch(ORIGIN_NAME, "farcast-origin", &text)?);
        let metrics = SocketAddr::new(IpAddr::V4(ORIGIN), 9190);
        let waited = wait::until("the origin is ready", START, || async {
            self.ask(ORIGIN_NAME, metrics, Method::GET, "/healthz", None).await.ok()
        });
        waited.await.map(drop).with_context(|| self.logs())
    }

    /// Starts the encoder, again if it was killed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start_encoder(&mut self) -> anyhow::Result<()> {
        let target =
            Target { authority: format!("{ORIGIN}:1935"), app: "live".to_owned(), key: KEY.to_owned() };
        let arguments = encoder::arguments(&target, Content::Both, Source::Generated, PICTURE, None);
        self.encoder = Some(self.run(ORIGIN_NAME, "encoder", "ffmpeg", &arguments)?);
        Ok(())
    }

    /// Starts the edge of a place, again if it was killed, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start_edge(&mut self, site: Site) -> anyhow::Result<()> {
        self.launch_edge(site)?;
        let waited = wait::until("the edge is ready", START, || async {
            let answer = self.ask(&site.edge(), site.edge_http(), Method::GET, "/readyz", None).await.ok()?;
            (answer.0 == StatusCode::OK).then_some(())
        });
        waited.await.with_context(|| self.logs())
    }

    fn launch_edge(&mut self, site: Site) -> anyhow::Result<()> {
        let (name, address) = (site.edge(), site.edge_address());
        let servers: Vec<_> =
            SITES.iter().map(|site| format!("ns-{}.{ZONE}={}", site.name, site.edge_address())).collect();
        let mut text = String::new();
        writeln!(text, "data_dir = {:?}", self.path(&name))?;
        writeln!(text, "join_token_file = {:?}", self.path("origin").join("join-token"))?;
        writeln!(text, "name = {name:?}\nregion = {:?}\nhttp_listen = \"{address}:8080\"", site.name)?;
        writeln!(
            text,
            "metrics_listen = \"127.0.0.1:9191\"\ngeoip_database = {:?}",
            self.path("places.mmdb")
        )?;
        writeln!(text, "public_urls = \"http://{address}:8080\"\npublic_addresses = \"{address}\"")?;
        writeln!(text, "dns_listen = \"{address}:53\"\ndns_zone = {ZONE:?}")?;
        writeln!(text, "dns_name_servers = \"{}\"", servers.join(", "))?;
        let edge = self.launch(&name, "farcast-edge", &text)?;
        *self.slot(site) = Some(edge);
        Ok(())
    }

    fn slot(&mut self, site: Site) -> &mut Option<Program> {
        let index = SITES.iter().position(|one| *one == site).unwrap_or_default();
        &mut self.edges[index]
    }

    /// Kills the edge of a place.
    ///
    /// # Errors
    /// When it was killed already.
    pub(crate) async fn kill_edge(&mut self, site: Site) -> anyhow::Result<()> {
        self.slot(site).take().context("the edge was killed")?.kill().await
    }

    /// Kills the origin and its encoder.
    ///
    /// # Errors
    /// When they were killed already.
    pub(crate) async fn kill_origin(&mut self) -> anyhow::Result<()> {
        self.origin.take().context("the origin was killed")?.kill().await?;
        self.encoder.take().context("the encoder was killed")?.kill().await
    }

    /// Asks a server from within a host's namespace, as a viewer there does: status, headers that the tests look at, body.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn ask(
        &self,
        host: &str,
        server: SocketAddr,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<(StatusCode, http::HeaderMap, String)> {
        let path = path.to_owned();
        let ask = move || async move {
            let headers = [login(KEY), ("accept", "text/html, */*".to_owned())];
            let body = body.map_or_else(String::new, |body| body.to_string());
            let answer = Edge { http: server }.ask(method, &path, &headers, body).await?;
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            Ok((answer.status(), answer.headers().clone(), text))
        };
        inside(self.network.namespace(host), ask).await
    }

    /// Asks the admin API, at the origin: GET without a body, else POST.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub(crate) async fn admin(&self, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let server = SocketAddr::new(IpAddr::V4(ORIGIN), 8090);
        let (status, _, text) =
            self.ask(ORIGIN_NAME, server, method, &format!("/api/admin/{path}"), body).await?;
        ensure!(status == StatusCode::OK, "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Drains an edge, or lets it take viewers again.
    ///
    /// # Errors
    /// When the origin does not.
    pub(crate) async fn drain(&self, site: Site, drained: bool) -> anyhow::Result<()> {
        let order = if drained { "edges/drain" } else { "edges/undrain" };
        self.admin(order, Some(json!({ "name": site.edge() }))).await.map(drop)
    }

    /// Waits until an edge knows others as `known` wants them: what it tells viewers there of others.
    ///
    /// # Errors
    /// When it does not in time.
    pub(crate) async fn until_knows(
        &self,
        site: Site,
        known: impl Fn(&[Value]) -> bool,
    ) -> anyhow::Result<()> {
        let what = format!("{} knows the others", site.edge());
        let waited = wait::until(&what, START, || async {
            let asked =
                self.ask(&site.viewer(), site.edge_http(), Method::GET, "/api/edges", None).await.ok()?;
            let edges: Value = serde_json::from_str(&asked.2).ok()?;
            edges["others"].as_array().is_some_and(|others| known(others)).then_some(())
        });
        waited.await.with_context(|| self.logs())
    }

    /// A metric of an edge, over all labels.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn metric(&self, site: Site, name: &'static str) -> anyhow::Result<f64> {
        let address: SocketAddr = "127.0.0.1:9191".parse()?;
        let namespace = self.network.namespace(&site.edge());
        inside(namespace, move || async move { Ok(Metrics::scrape(address).await?.sum(name)) }).await
    }

    /// Open connections of viewers at an edge.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn connections(&self, site: Site) -> anyhow::Result<f64> {
        self.metric(site, "farcast_serve_connections").await
    }

    /// Waits until an edge has some seconds of media.
    ///
    /// # Errors
    /// When it has not in time.
    pub(crate) async fn playable(&self, site: Site) -> anyhow::Result<MediaPlaylist> {
        let edge = Edge { http: site.edge_http() };
        let look = move || async move { edge.playable(0, 3, START).await };
        inside(self.network.namespace(&site.edge()), look).await.with_context(|| self.logs())
    }

    /// Waits until an edge has `more` complete segments that it has not now.
    ///
    /// # Errors
    /// When it has not in time.
    pub(crate) async fn segments_pass(&self, site: Site, more: u64) -> anyhow::Result<()> {
        let edge = Edge { http: site.edge_http() };
        let look = move || async move {
            let now = edge.playlist(0).await.context("no playlist")?.next().msn;
            edge.until("more segments", 0, START, |playlist| playlist.next().msn >= now + more).await
        };
        inside(self.network.namespace(&site.edge()), look).await.map(drop).with_context(|| self.logs())
    }

    /// The ends of all logs.
    pub(crate) fn logs(&self) -> String {
        let all = [&self.origin, &self.encoder].into_iter().chain(&self.edges);
        all.flatten().map(Program::log_tail).collect()
    }
}
