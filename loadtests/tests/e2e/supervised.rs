//! What programs tell systemd, heard at a socket such as systemd's.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use farcast_loadtests::harness::program;
use farcast_loadtests::harness::stage::{Settings, Stage};
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::Command;
use tokio::time::timeout;

/// The time of the watchdog; the programs feed it by half of it.
const WATCHDOG: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_secs(30);

/// Programs that have somebody to tell, each at a socket of its own.
struct Told {
    folder: TempDir,
    origin: UnixDatagram,
    edge: UnixDatagram,
}

impl Told {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = |program: &str| {
            let socket = folder.path().join(format!("{program}.socket"));
            let real = program::folder().unwrap().join(program);
            let script = format!(
                "#!/bin/sh\nexport NOTIFY_SOCKET='{}' WATCHDOG_USEC={}\nexec '{}' \"$@\"\n",
                socket.display(),
                WATCHDOG.as_micros(),
                real.display()
            );
            let path = folder.path().join(program);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
            UnixDatagram::bind(&socket).unwrap()
        };
        let (origin, edge) = (listen("farcast-origin"), listen("farcast-edge"));
        Self { folder, origin, edge }
    }
}

/// The next word.
async fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let size = socket.recv(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..size]).trim_end().to_owned()
}

/// Waits for a word, whatever is said before it.
async fn hears(socket: &UnixDatagram, word: &str) {
    let heard = async { while next(socket).await != word {} };
    let said = timeout(START, heard).await;
    assert!(said.is_ok(), "{word} is not said");
}

async fn signal(process: u32, signal: &str) {
    let status = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).status();
    assert!(status.await.unwrap().success(), "{signal}");
}

#[tokio::test]
async fn programs_tell_systemd_of_their_life_and_feed_its_watchdog_only_while_they_work() {
    let told = Told::new();
    let programs = Some(told.folder.path().to_owned());
    let mut stage = Stage::start(Settings { edges: 1, programs, ..Settings::default() }).await.unwrap();
    let origin = stage.take_origin().unwrap();
    for socket in [&told.origin, &told.edge] {
        hears(socket, "READY=1").await;
        hears(socket, "STATUS=ready").await;
        for _ in 0..3 {
            timeout(WATCHDOG, hears(socket, "WATCHDOG=1")).await.expect("it is fed in time");
        }
    }
    let process = origin.id().unwrap();
    // A program that hangs.
    signal(process, "STOP").await;
    let mut heard = Vec::new();
    while let Ok(word) = timeout(WATCHDOG, next(&told.origin)).await {
        heard.push(word);
        assert!(heard.len() < 20, "it goes on: {heard:?}");
    }
    signal(process, "CONT").await;
    timeout(START, hears(&told.origin, "WATCHDOG=1")).await.expect("it works again");
    let stopping = tokio::spawn(async move { origin.stop().await });
    hears(&told.origin, "STOPPING=1").await;
    assert!(stopping.await.unwrap().unwrap().success());
}
