//! Who gets in, and how programs start and stop.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use farcast_loadtests::flv::{self, Tag};
use farcast_loadtests::harness::program::{self, Program};
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::corrupt::Corruption;
use farcast_loadtests::publish::encoder::Content;
use farcast_loadtests::publish::run::{RunError, run};
use farcast_loadtests::publish::schedule::Schedule;
use farcast_loadtests::publish::session::PublishError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::viewers::{FLAWLESS, assert_good, watch};

const START: Duration = Duration::from_secs(30);

/// Two seconds of picture and tone as FLV tags.
async fn tags(stage: &Stage) -> Vec<Tag> {
    let file = stage.path().join("sample.flv");
    let input = "-v error -f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=sample_rate=48000 -t 2 \
                 -c:v libx264 -preset ultrafast -g 30 -pix_fmt yuv420p -c:a aac -y";
    let status = Command::new("ffmpeg")
        .args(input.split_whitespace())
        .arg(&file)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(status.success());
    flv::read(&Bytes::from(std::fs::read(file).unwrap())).unwrap()
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let stage = Stage::start(Settings { edges: 0, ..Settings::default() }).await.unwrap();
    let schedule = Schedule::new(tags(&stage).await).unwrap();
    let result = run(stage.target_with("wrong"), schedule, Duration::from_secs(5), None).await;
    assert!(
        matches!(result, Err(RunError::Publish(PublishError::Refused(_)) | RunError::Closed)),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_second_publisher_is_refused_and_the_first_goes_on() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    stage.edge(0).playable(0, 3, START).await.unwrap();
    let viewers = watch(&stage, &[0], 2, 12, FLAWLESS);
    let schedule = Schedule::new(tags(&stage).await).unwrap();
    let result = run(stage.target(), schedule, Duration::from_secs(5), None).await;
    assert!(
        matches!(result, Err(RunError::Publish(PublishError::Refused(_)) | RunError::Closed)),
        "{result:?}"
    );
    assert_good(&viewers.await.unwrap());
}

#[tokio::test]
async fn a_hundred_corrupted_publishers_stop_nothing() {
    let settings = Settings { grace: Duration::from_secs(1), ..Settings::default() };
    let mut stage = Stage::start(settings).await.unwrap();
    let tags = tags(&stage).await;
    let honest =
        run(stage.target(), Schedule::new(tags.clone()).unwrap(), Duration::from_secs(3), None).await;
    assert!(honest.is_ok(), "{honest:?}");
    for seed in 0..100 {
        let schedule = Schedule::new(tags.clone()).unwrap();
        // How it ends is its own affair.
        let _ = run(stage.target(), schedule, Duration::from_millis(300), Some(Corruption::new(seed))).await;
        assert!(stage.origin().unwrap().is_running(), "seed {seed}");
    }
    // The last of them may still be within its grace: an honest encoder takes over or begins anew.
    let before = stage.edge(0).playlist(0).await.map_or(0, |p| p.next().msn);
    let _encoder = stage.encoder(Content::Both).unwrap();
    let new_media = |p: &farcast_loadtests::playlist::MediaPlaylist| p.next().msn > before + 3 && !p.ended;
    stage.edge(0).until("honest media", 0, START, new_media).await.unwrap();
    assert_good(&watch(&stage, &[0], 2, 8, FLAWLESS).await.unwrap());
}

#[tokio::test]
async fn sigterm_during_a_broadcast_stops_both_programs_cleanly() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    stage.edge(0).playable(0, 2, START).await.unwrap();
    let edge = stage.take_edge(0).unwrap().stop().await.unwrap();
    assert_eq!(edge.code(), Some(0));
    let origin = stage.take_origin().unwrap().stop().await.unwrap();
    assert_eq!(origin.code(), Some(0));
}

/// What comes while a program has no file descriptors left waits, on each of its listeners, and is served when it has.
#[tokio::test]
async fn no_listener_gives_up_when_descriptors_run_out() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.take_edge(0).unwrap();
    let origin = stage.take_origin().unwrap();
    let doors = [
        (&edge, "http", "viewers"),
        (&edge, "metrics", "metrics"),
        (&origin, "http", "api"),
        (&origin, "metrics", "metrics"),
        (&origin, "rtmp", "rtmp"),
    ];
    // What the program has stays; nothing is added.
    let limit = |program: &Program, files: &str| {
        let id = program.id().unwrap().to_string();
        let set = std::process::Command::new("prlimit").args(["--pid", &id, files]).status().unwrap();
        assert!(set.success());
    };
    for program in [&edge, &origin] {
        limit(program, "--nofile=3:");
    }
    let mut waiting = Vec::new();
    for (program, door, listener) in doors {
        waiting.push((program, door, tokio::net::TcpStream::connect(program.address(door)).await.unwrap()));
        let said = format!("listener=\"{listener}\"");
        wait::until(&format!("{door} says that it cannot accept"), START, || async {
            let log = program.log_tail();
            log.lines().any(|line| line.contains("cannot be accepted") && line.contains(&said)).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", program.log_tail()));
    }
    for program in [&edge, &origin] {
        limit(program, "--nofile=1024:");
    }
    for (program, door, mut stream) in waiting {
        // An RTMP peer begins with its version and 1536 bytes, and is answered in kind.
        let hello = match door {
            "rtmp" => [&[3][..], &[0; 1536]].concat(),
            _ => b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        };
        stream.write_all(&hello).await.unwrap();
        let answer = tokio::time::timeout(START, stream.read_u8()).await;
        let answer = answer.unwrap_or_else(|_| panic!("{door} is silent\n{}", program.log_tail()));
        assert_eq!(answer.unwrap(), if door == "rtmp" { 3 } else { b'H' }, "{door}");
    }
}

#[tokio::test]
async fn a_taken_port_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let data = folder.path().join("data");
    for (program, settings) in [
        ("farcast-origin", format!("rtmp_listen = \"127.0.0.1:{port}\"\nquic_listen = \"127.0.0.1:0\"")),
        ("farcast-edge", format!("http_listen = \"127.0.0.1:{port}\"\njoin_token = \"x\"")),
    ] {
        let config = folder.path().join(format!("{program}.toml"));
        let common = format!("data_dir = {data:?}\nmetrics_listen = \"127.0.0.1:0\"");
        let http = if program == "farcast-origin" { "http_listen = \"127.0.0.1:0\"" } else { "" };
        std::fs::write(&config, format!("{common}\n{settings}\n{http}\n")).unwrap();
        let log = folder.path().join(format!("{program}.log"));
        let mut child = program::command(program, &config, &log).unwrap().spawn().unwrap();
        let status = tokio::time::timeout(START, child.wait()).await.unwrap().unwrap();
        let said = std::fs::read_to_string(log).unwrap();
        assert!(!status.success());
        // A token that is none may be said first; it must not hide a taken port for the origin.
        if program == "farcast-origin" {
            assert!(said.contains(&port.to_string()), "{said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }
}
