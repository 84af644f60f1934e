//! Parts of the programs that panic: what a program cannot do without stops it in order, with an exit status that has it
//! started anew; what fails alone ends alone.
//!
//! The programs here are this test executable itself, which is built with the hook that makes parts panic
//! (`farcast_service::tasks::hook`); what people run does not have it.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use farcast_edge::app::Task as EdgeTask;
use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use farcast_origin::app::Task as OriginTask;
use farcast_service::tasks::{EXIT_STATUS, Name, hook};
use tempfile::TempDir;

const START: Duration = Duration::from_secs(30);
/// Longest time from a panic to the end of the program: what stops in order takes its deadlines.
const END: Duration = Duration::from_secs(45);
/// Which program a process is, and with which arguments, a line each.
const PROGRAM: &str = "FARCAST_TEST_PROGRAM";
const ARGUMENTS: &str = "FARCAST_TEST_ARGUMENTS";

/// Settings of a DNS server.
const ZONE: &str = "dns_listen = \"127.0.0.1:0\"\ndns_zone = \"live.example.org\"\n\
    dns_name_servers = \"ns1.live.example.org=127.0.0.1\"";

/// Settings of a certificate from an authority that is not there.
const ACME: &str = "acme_domains = \"live.example.org\"\nacme_directory = \"https://127.0.0.1:1/\"";

/// A collector of traces that is not there.
const OTLP: &str = "otlp_endpoint = \"http://127.0.0.1:1\"";

/// Not a test: what the scripts of [`Programs`] start.
#[test]
#[ignore = "runs as a program of another test"]
fn is_a_program() {
    let Ok(program) = std::env::var(PROGRAM) else { return };
    let arguments = std::env::var(ARGUMENTS).unwrap();
    let arguments = arguments.lines().map(Into::into);
    let status = match program.as_str() {
        "farcast-origin" => farcast_origin::program::run(arguments),
        _ => farcast_edge::program::run(arguments),
    };
    std::process::exit(status.into());
}

/// Programs that panic when they are asked to.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = std::env::current_exe().unwrap();
        for program in ["farcast-origin", "farcast-edge"] {
            let asked = Self::file(folder.path(), program);
            let script = format!(
                "#!/bin/sh\nexport {ARGUMENTS}=\"$(printf '%s\\n' \"$@\")\" {PROGRAM}={program} {}='{}'\n\
                 exec '{}' --ignored --exact failing::is_a_program\n",
                hook::VARIABLE,
                asked.display(),
                own.display(),
            );
            let path = folder.path().join(program);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn settings(&self) -> Settings {
        let made = rcgen::generate_simple_self_signed(vec!["live.example.org".to_owned()]).unwrap();
        let (chain, key) = (self.0.path().join("chain.pem"), self.0.path().join("key.pem"));
        fs::write(&chain, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let tls = format!("https_listen = \"127.0.0.1:0\"\ntls_cert = {chain:?}\ntls_key = {key:?}\n{ZONE}");
        Settings {
            programs: Some(self.0.path().to_owned()),
            // A worker would be this executable without a word of what it is.
            origin: format!(
                "transcoder_process = false\nbackup_every = \"1h\"\n{ACME}\n{OTLP}\n{tls}\naccess_log = \"-\""
            ),
            edge: format!("{OTLP}\n{tls}\naccess_log = \"-\""),
            ..Settings::default()
        }
    }

    fn file(folder: &Path, program: &str) -> PathBuf {
        folder.join(format!("{program}.panic"))
    }

    /// Makes a part panic at its next step.
    fn break_part(&self, program: &str, part: &str) {
        let (path, new) = (Self::file(self.0.path(), program), self.0.path().join("new"));
        fs::write(&new, part).unwrap();
        fs::rename(new, path).unwrap();
    }
}

async fn contained(address: SocketAddr, part: &str) -> f64 {
    let metrics = Metrics::scrape(address).await.unwrap();
    metrics.sum_of("farcast_contained_panics_total", &[("part", part)])
}

#[tokio::test]
async fn every_task_of_an_origin_that_panics_stops_it_with_its_name_and_a_status() {
    let programs = Programs::new();
    let mut stage = Stage::start(Settings { edges: 0, ..programs.settings() }).await.unwrap();
    let mut encoder = None;
    for task in OriginTask::ALL {
        let name = task.label();
        // There is no certificate; they are the same servers as `rtmp` and `http`. A channel is held where there is a
        // cluster. There is no GeoIP file. The state is saved by a broadcast, below.
        if matches!(task, OriginTask::Rtmps | OriginTask::Https | OriginTask::Tenure | OriginTask::Geo) {
            continue;
        }
        if *task == OriginTask::StateSaver {
            encoder = Some(stage.encoder(Content::Both).unwrap());
        }
        programs.break_part("farcast-origin", name);
        let (status, log) = stage.take_origin().unwrap().ends(END).await.unwrap();
        assert_eq!(status.code(), Some(EXIT_STATUS.into()), "{name}: {status}\n{log}");
        let task = format!("task=\"{name}\"");
        let told =
            log.lines().any(|line| line.contains("panicked, the program stops") && line.contains(&task));
        assert!(told, "{name} is not named:\n{log}");
        drop(encoder.take());
        stage.start_origin().await.unwrap();
    }
}

#[tokio::test]
async fn every_task_of_an_edge_that_panics_stops_it_with_its_name_and_a_status() {
    let programs = Programs::new();
    let mut stage = Stage::start(programs.settings()).await.unwrap();
    for task in EdgeTask::ALL {
        let name = task.label();
        // Neither certificate nor GeoIP file.
        if matches!(task, EdgeTask::Https | EdgeTask::Geo) {
            continue;
        }
        programs.break_part("farcast-edge", name);
        let (status, log) = stage.take_edge(0).unwrap().ends(END).await.unwrap();
        assert_eq!(status.code(), Some(EXIT_STATUS.into()), "{name}: {status}\n{log}");
        let task = format!("task=\"{name}\"");
        let told =
            log.lines().any(|line| line.contains("panicked, the program stops") && line.contains(&task));
        assert!(told, "{name} is not named:\n{log}");
        stage.start_edge(0).await.unwrap();
    }
}

#[tokio::test]
async fn an_origin_whose_owner_panics_goes_on_with_its_encoder_and_viewers_after_the_restart() {
    let programs = Programs::new();
    let mut stage = Stage::start(programs.settings()).await.unwrap();
    let encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    let before = edge.playable(0, 3, START).await.unwrap();
    programs.break_part("farcast-origin", "owner");
    let (status, log) = stage.take_origin().unwrap().ends(END).await.unwrap();
    assert_eq!(status.code(), Some(EXIT_STATUS.into()), "{log}");
    drop(encoder);
    stage.start_origin().await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let after = edge
        .until("media after the restart", 0, START, |p| {
            p.segments.iter().any(|s| s.msn > before.next().msn && s.discontinuity && s.is_complete())
        })
        .await
        .unwrap();
    assert!(!after.ended, "the cursor was saved, so the broadcast goes on");
}

#[tokio::test]
async fn what_belongs_to_a_broadcast_ends_it_alone_and_the_next_one_begins() {
    let programs = Programs::new();
    let mut stage = Stage::start(programs.settings()).await.unwrap();
    let edge = stage.edge(0);
    let metrics = stage.origin().unwrap().address("metrics");
    for (point, part) in [
        ("broadcast", "broadcast"),
        ("decoder", "transcoder"),
        ("encoder", "transcoder"),
        ("audio", "transcoder"),
    ] {
        let mut encoder = stage.encoder(Content::Both).unwrap();
        let online = |is: bool| {
            let edge = &edge;
            async move {
                wait::until(&format!("online: {is}, {point}"), START, || async {
                    let status = edge.document("/api/status").await.ok()?;
                    (status["online"] == is).then_some(())
                })
                .await
            }
        };
        online(true).await.unwrap();
        let before = contained(metrics, part).await;
        programs.break_part("farcast-origin", point);
        online(false).await.unwrap_or_else(|error| panic!("{error}\n{}", stage.logs()));
        assert!(contained(metrics, part).await > before, "{point} is not counted");
        // Its encoder was told.
        tokio::time::timeout(START, encoder.wait()).await.unwrap().unwrap();
        assert!(stage.origin().unwrap().is_running(), "{point}: {}", stage.logs());
    }
}

#[tokio::test]
async fn a_connection_that_panics_ends_alone_and_leaves_no_place_taken() {
    let programs = Programs::new();
    let mut stage = Stage::start(programs.settings()).await.unwrap();
    let metrics = stage.origin().unwrap().address("metrics");
    let mut first = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    let before = edge.playable(0, 2, START).await.unwrap();
    programs.break_part("farcast-origin", "rtmp_connection");
    tokio::time::timeout(START, first.wait()).await.unwrap().unwrap();
    // Nobody is busy: the same broadcast goes on with the next encoder.
    let _second = stage.encoder(Content::Both).unwrap();
    edge.until("media of the second encoder", 0, START, |p| {
        p.segments.iter().any(|s| s.msn > before.next().msn && s.discontinuity && s.is_complete())
    })
    .await
    .unwrap();
    let (panics, open) =
        (contained(metrics, "rtmp_connection").await, Metrics::scrape(metrics).await.unwrap());
    assert_eq!((panics, open.sum("farcast_ingest_open_connections")), (1.0, 1.0));
    // So does the edge when its link breaks, or a request.
    let link = stage.edge_metrics(0).unwrap();
    programs.break_part("farcast-edge", "origin_session");
    wait::until("the link is up again", START, || async {
        let metrics = Metrics::scrape(link).await.ok()?;
        (metrics.sum("farcast_receive_links_total") >= 2.0).then_some(())
    })
    .await
    .unwrap();
    programs.break_part("farcast-edge", "http_request");
    wait::until("a request without an answer", START, || async {
        edge.get("/api/status").await.is_err().then_some(())
    })
    .await
    .unwrap();
    assert!(edge.get("/api/status").await.is_ok());
    for part in ["origin_session", "http_request"] {
        assert_eq!(contained(link, part).await, 1.0, "{part}");
    }
}
