//! A successor here is a shell: what it is given, and what becomes of it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::listen::Purpose;

const HTTP: Purpose = Purpose::new("HTTP", "http_listen");

fn given(name: &str, listener: TcpListener) -> Given {
    let mut given = Given::default();
    given.put(name, listener);
    given
}

fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("successor");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_predecessors_socket_is_used_where_the_settings_still_name_its_address() {
    let bound = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (there, first) = (bound().local_addr().unwrap(), bound());
    let at = first.local_addr().unwrap();

    let mut same = given("own.http_listen", first.try_clone().unwrap());
    assert_eq!(same.tcp(HTTP, "127.0.0.1:0".parse().unwrap()).unwrap().local_addr().unwrap(), at);
    let (Heritage(passed_on), _) = same.finish().unwrap();
    assert_eq!(passed_on[0].0, "own.http_listen");

    let mut moved = given("own.http_listen", first.try_clone().unwrap());
    assert_eq!(moved.tcp(HTTP, there).unwrap().local_addr().unwrap(), there);
    let (Heritage(passed_on), _) = moved.finish().unwrap();
    assert_eq!((passed_on.len(), passed_on[0].0.as_str()), (1, "own.http_listen"));

    // A supervisor's is used whatever the settings say, by all successors.
    let mut supervised = given("http_listen", first);
    assert_eq!(supervised.tcp(HTTP, there).unwrap().local_addr().unwrap(), at);
    assert_eq!(supervised.finish().unwrap().0.0[0].0, "http_listen");
}

#[tokio::test]
async fn sockets_that_nothing_is_set_for_are_named_when_a_supervisor_gives_them() {
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let error = given("https_listen", listener()).finish().unwrap_err().to_string();
    assert!(error.contains("not wanted: https_listen;"), "{error}");
    assert!(given("own.https_listen", listener()).finish().is_ok(), "a predecessor's are closed");
}

#[tokio::test]
async fn a_successor_is_given_all_sockets_with_their_names_and_its_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said");
    let text = format!(
        "echo \"$LISTEN_FDS $LISTEN_FDNAMES $1\" > '{}'; test -S /proc/self/fd/4 && test -S /proc/self/fd/3 && \
         exit 3",
        said.display()
    );
    let launch = Launch::new(script(folder.path(), &text), vec!["--argument".into()]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let heritage = Heritage(vec![("own.http_listen".to_owned(), listener.into())]);
    let mut heir = Heir::start(&launch, &heritage).unwrap();
    let error = heir.ready().await.unwrap_err();
    assert!(matches!(error, HeirError::Ended(status) if status.code() == Some(3)), "{error}");
    assert_eq!(std::fs::read_to_string(said).unwrap(), "2 predecessor:own.http_listen --argument\n");
}

#[tokio::test]
async fn a_successor_that_cannot_be_started_or_is_dropped_leaves_nothing() {
    let none = Launch::new("/nowhere/farcast".into(), Vec::new());
    let error = Heir::start(&none, &Heritage::default()).unwrap_err();
    assert!(matches!(error, HeirError::Start { .. }), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(script(folder.path(), "exec sleep 600"), Vec::new());
    let heir = Heir::start(&launch, &Heritage::default()).unwrap();
    let process = heir.id().unwrap();
    drop(heir);
    let state = || {
        let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        text.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    let gone = async {
        while !matches!(state(), None | Some('Z')) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test]
async fn both_agree_on_the_moment_and_what_is_carried_arrives() {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let line = tokio::net::UnixDatagram::from_std(ours).unwrap();
    // What a newer version may say is passed over.
    line.send(br#"{"hello": {}}"#).await.unwrap();
    let predecessor = Predecessor::new(theirs).unwrap();
    let turn = tokio::spawn(async move { predecessor.turn::<u64>().await });
    let mut heir = Heir::with(line);
    heir.ready().await.unwrap();
    assert!(!turn.is_finished());
    heir.go(&7_u64).await.unwrap();
    assert_eq!(turn.await.unwrap(), Some(7));
}

#[tokio::test]
async fn a_successor_whose_predecessor_is_gone_takes_its_turn() {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    drop(ours);
    assert_eq!(Predecessor::new(theirs).unwrap().turn::<u64>().await, None);
}

#[test]
fn words_of_another_version_have_more_fields_or_fewer() {
    assert_eq!(Word::read(br#"{"ready": {"since": 3}}"#), Some(Word::Ready {}));
    assert_eq!(Word::read(br#"{"go": {}}"#), Some(Word::Go { carried: serde_json::Value::Null }));
    assert_eq!(Word::read(b"\xFF"), None);
}
