//! One certificate for all edges, from a real ACME server (Pebble, the test server of Let's Encrypt's makers): proved by TLS and
//! by DNS, at whichever edge; renewed under open connections; there again without the origin.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// Lifetime of Pebble's certificates, half of which is over when one is renewed.
const LIFETIME_S: u64 = 24;

/// An ACME server. Dropping it ends it.
struct Pebble {
    _process: Child,
    directory: String,
    management: SocketAddr,
    /// PEM file of its own certificate.
    root: std::path::PathBuf,
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Pebble {
    /// One that looks for proofs at the ports of this edge, and asks this DNS server.
    async fn start(
        folder: &Path,
        http: SocketAddr,
        https: SocketAddr,
        dns: SocketAddr,
    ) -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let (root, key) = (folder.join("pebble.pem"), folder.join("pebble-key.pem"));
        std::fs::write(&root, made.cert.pem())?;
        std::fs::write(&key, made.signing_key.serialize_pem())?;
        // A port may be taken between being found and being used: then another one.
        for _ in 0..3 {
            let (listen, management) = (free_address(), free_address());
            let config = folder.join("pebble.json");
            let pebble = serde_json::json!({
                "listenAddress": listen.to_string(), "managementListenAddress": management.to_string(),
                "certificate": root, "privateKey": key, "httpPort": http.port(), "tlsPort": https.port(),
                "certificateValidityPeriod": LIFETIME_S,
            });
            std::fs::write(&config, serde_json::json!({ "pebble": pebble }).to_string())?;
            let log = std::fs::File::options().create(true).append(true).open(folder.join("pebble.log"))?;
            let mut process = Command::new("pebble")
                .arg("-config")
                .arg(&config)
                .args(["-strict", "-dnsserver", &dns.to_string()])
                // Else it waits up to 15 s before it looks.
                .env("PEBBLE_VA_NOSLEEP", "1")
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .kill_on_drop(true)
                .spawn()
                .context("pebble, which `make setup-test` installs")?;
            let up = wait::until("pebble listens", PATIENCE, || {
                let ended = process.try_wait().ok().flatten().is_some();
                async move {
                    let connected = TcpStream::connect(management).await.is_ok();
                    (ended || connected).then_some(!ended)
                }
            });
            if up.await? {
                let directory = format!("https://localhost:{}/dir", listen.port());
                return Ok(Self { _process: process, directory, management, root });
            }
        }
        bail!("pebble does not start")
    }

    /// The certificate by which it signs others.
    async fn authority(&self) -> anyhow::Result<Trust> {
        let own = Trust::new(CertificateDer::from_pem_file(&self.root)?)?;
        let mut connection = own.connect(self.management, "localhost").await?;
        let answer = exchange(&mut connection, "localhost", "/roots/0").await?;
        Trust::new(CertificateDer::from_pem_slice(answer.as_bytes())?)
    }
}

/// A client that trusts one certificate.
#[derive(Clone)]
struct Trust(TlsConnector);

impl Trust {
    fn new(root: CertificateDer<'static>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(root)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    async fn connect(&self, address: SocketAddr, name: &str) -> anyhow::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned())?;
        Ok(self.0.connect(name, TcpStream::connect(address).await?).await?)
    }

    /// The certificate that a server presents for a name, once it is one that is trusted.
    async fn presented(&self, address: SocketAddr, name: &str) -> anyhow::Result<CertificateDer<'static>> {
        let what = format!("{address} has a certificate for {name}");
        let connect = || async { self.connect(address, name).await.ok() };
        let connection = wait::until(&what, PATIENCE, connect).await?;
        Ok(leaf(&connection))
    }
}

fn leaf(connection: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    connection.get_ref().1.peer_certificates().unwrap().first().unwrap().clone().into_owned()
}

/// A request on an open connection of HTTP/1.1; the body of its answer, which has a length.
async fn exchange(connection: &mut TlsStream<TcpStream>, host: &str, path: &str) -> anyhow::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let length = |head: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-length:"))?;
        line.split_once(':')?.1.trim().parse::<usize>().ok()
    };
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && length(head).is_some_and(|length| body.len() >= length)
        {
            ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
            return Ok(body.to_owned());
        }
        ensure!(connection.read_buf(&mut answer).await? > 0, "the connection ended: {text}");
    }
}

/// Edges without a certificate, and settings of an origin that gets one for `domains`.
async fn stage(edges: usize) -> anyhow::Result<(Stage, Pebble)> {
    let edge = "https_listen = \"127.0.0.1:0\"\ndns_listen = \"127.0.0.1:0\"\ndns_zone = \"live.example.org\"\n\
        dns_hosts = \"www\"\ndns_name_servers = \"ns1.live.example.org=127.0.0.1\"\n\
        public_addresses = \"127.0.0.1\"";
    let stage = Stage::start(Settings { edges, edge: edge.to_owned(), ..Settings::default() }).await?;
    let (http, https, dns) =
        (stage.edge(0).http, stage.edge_address(0, "https")?, stage.edge_address(0, "dns")?);
    // From here on its DNS server answers, also while the origin is started again.
    let edge = stage.edge(0);
    wait::until("the edge knows itself", PATIENCE, || async {
        let known = edge.document("/api/edges").await.ok()?;
        (!known["edge"].is_null()).then_some(())
    })
    .await?;
    let pebble = Pebble::start(stage.path(), http, https, dns).await?;
    Ok((stage, pebble))
}

fn acme(pebble: &Pebble, more: &str) -> String {
    format!(
        "acme_directory = {:?}\nacme_root = {:?}\nacme_email = \"ada@example.org\"\n{more}",
        pebble.directory, pebble.root
    )
}

#[tokio::test]
async fn all_edges_have_one_certificate_that_is_renewed_under_open_connections() {
    let (mut stage, pebble) = stage(2).await.unwrap();
    let trust = pebble.authority().await.unwrap();
    let of = |stage: &Stage, index| stage.edge_address(index, "https").unwrap();
    assert!(trust.connect(of(&stage, 0), "live.example.org").await.is_err(), "there is none yet");

    let more = "acme_domains = \"live.example.org, *.live.example.org\"\n\
        acme_challenges = \"tls-alpn-01, dns-01\"";
    stage.take_origin().unwrap().stop().await.unwrap();
    stage.configure_origin(&acme(&pebble, more));
    stage.start_origin().await.unwrap();

    let first = trust.presented(of(&stage, 0), "live.example.org").await.unwrap();
    let open = Mutex::new(trust.connect(of(&stage, 0), "fra.live.example.org").await.unwrap());
    let same = "the other edge has the same certificate, or its successor";
    wait::until(same, PATIENCE, || async {
        let there = trust.presented(of(&stage, 1), "www.live.example.org").await.ok()?;
        let here = trust.presented(of(&stage, 0), "www.live.example.org").await.ok()?;
        (here == there).then_some(())
    })
    .await
    .unwrap();

    // The private key is in no file of the origin as it is.
    let origin = stage.path().join("origin");
    for file in std::fs::read_dir(&origin).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let found = bytes.windows(11).any(|part| part == b"PRIVATE KEY");
        assert!(!found, "{} has a private key", path.display());
    }

    wait::until("the certificate is renewed", PATIENCE, || async {
        let mut open = open.lock().await;
        exchange(&mut open, "fra.live.example.org", "/healthz").await.expect("an open connection goes on");
        let now = trust.presented(of(&stage, 0), "live.example.org").await.ok()?;
        (now != first).then_some(())
    })
    .await
    .unwrap();
    let mut open = open.into_inner();
    exchange(&mut open, "fra.live.example.org", "/healthz").await.expect("a connection of before goes on");
    let metrics = Metrics::scrape(stage.origin().unwrap().address("metrics")).await.unwrap();
    assert!(metrics.sum_of("farcast_acme_orders_total", &[("outcome", "issued")]) >= 2.0);

    // An edge that starts while the origin is gone has the certificate of before.
    stage.take_origin().unwrap().kill().await.unwrap();
    let last = trust.presented(of(&stage, 1), "live.example.org").await.unwrap();
    stage.take_edge(1).unwrap().stop().await.unwrap();
    stage.start_lonely_edge(1).await.unwrap();
    assert_eq!(trust.presented(of(&stage, 1), "live.example.org").await.unwrap(), last);
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_said_and_not_asked_for_again_at_once() {
    let (mut stage, pebble) = stage(1).await.unwrap();
    stage.take_origin().unwrap().stop().await.unwrap();
    let more =
        "acme_domains = \"www.live.example.org, elsewhere.example.net\"\nacme_challenges = \"http-01\"";
    stage.configure_origin(&acme(&pebble, more));
    for starts in 1..=2 {
        stage.start_origin().await.unwrap();
        let address = stage.origin().unwrap().address("metrics");
        let failed =
            |metrics: &Metrics| metrics.sum_of("farcast_acme_orders_total", &[("outcome", "failed")]);
        if starts == 1 {
            wait::until("it failed", PATIENCE, || async {
                let metrics = Metrics::scrape(address).await.ok()?;
                (failed(&metrics) == 1.0).then_some(())
            })
            .await
            .unwrap();
            let log = std::fs::read_to_string(stage.path().join("origin.log")).unwrap();
            let line = log.lines().find(|line| line.contains("did not find the names to be ours")).unwrap();
            assert!(line.contains("elsewhere.example.net") && line.contains("http-01"), "{line}");
            assert!(line.contains("again_after=120s"), "{line}");
        } else {
            // The edge follows what this origin announced at its start, so the origin has read when to ask again.
            stage.edge(0).get("/readyz").await.unwrap();
            let metrics = Metrics::scrape(address).await.unwrap();
            assert_eq!((failed(&metrics), metrics.sum("farcast_acme_orders_total")), (0.0, 0.0));
            let log = std::fs::read_to_string(stage.path().join("origin.log")).unwrap();
            assert_eq!(log.matches("asking the authority for a certificate").count(), 1);
        }
        stage.take_origin().unwrap().stop().await.unwrap();
    }
}
