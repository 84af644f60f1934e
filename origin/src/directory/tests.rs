//! Pings over a real server, and the loop in paused time.

use std::sync::Mutex;
use std::time::Duration;

use farcast_store::Store;
use farcast_store::memory::Memory;
use http::{Method, StatusCode};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::run::{Ping, keep_listed};
use super::*;
use crate::http_client::server::{Answer, Server};
use crate::http_client::{HttpClient, HttpClientError, Reach};

const URL: &str = "https://live.example.org";

fn json(body: &str) -> Answer {
    Answer::Whole(StatusCode::OK, body.to_owned())
}

fn directory(server: &Server, store: &Store) -> Directory {
    let address = format!("http://{}/", server.address);
    Directory::new(HttpClient::new(Reach::Anywhere).unwrap(), store.clone(), &address).unwrap()
}

/// Bodies of the pings that have arrived.
fn pings(server: &mut Server) -> Vec<String> {
    let requests = server.arrived();
    let body = |request: http::Request<bytes::Bytes>| {
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/api/ping"));
        assert_eq!(request.headers()["content-type"], "application/json");
        String::from_utf8(request.into_body().to_vec()).unwrap()
    };
    requests.into_iter().map(body).collect()
}

#[tokio::test]
async fn the_key_that_the_directory_gives_is_sent_from_then_on() {
    let (store, engine) = Memory::store();
    let mut server = Server::start(json(r#"{"key":"first","success":true}"#)).await;
    let directory = directory(&server, &store);
    directory.ping(URL).await.unwrap();
    server.answer(json(r#"{"key":"second","success":true,"error":"","errorCode":0}"#));
    directory.ping(URL).await.unwrap();
    // Neither the same key nor none replaces it.
    for same in [r#"{"key":"second","success":true}"#, r#"{"key":"","success":true}"#, r#"{"success":true}"#]
    {
        server.answer(json(same));
        directory.ping(URL).await.unwrap();
    }
    directory.ping(URL).await.unwrap();
    let sent = |key: &str| format!(r#"{{"key":"{key}","url":"{URL}"}}"#);
    assert_eq!(pings(&mut server), ["", "first", "second", "second", "second", "second"].map(sent));
    assert_eq!(engine.commits(), 2);
}

#[tokio::test]
async fn a_key_that_was_reset_is_not_sent_and_not_brought_back() {
    let (store, _) = Memory::store();
    let mut server = Server::start(json(r#"{"key":"first","success":true}"#)).await;
    let directory = directory(&server, &store);
    directory.ping(URL).await.unwrap();
    reset_key(&store).await.unwrap();
    directory.ping(URL).await.unwrap();
    assert!(pings(&mut server).iter().all(|ping| ping.contains(r#""key":"""#)));

    let (_, before_reset) = key::load(&store).await.unwrap();
    reset_key(&store).await.unwrap();
    let late = key::SavedKey { key: "late".to_owned() };
    key::replace(&store, before_reset, &late).await.unwrap();
    assert_eq!(key::load(&store).await.unwrap().0.key, "");
}

#[tokio::test]
async fn answers_that_are_no_success_are_told_apart_and_leave_the_key() {
    let (store, engine) = Memory::store();
    let mut server = Server::start(json("")).await;
    let directory = directory(&server, &store);
    let refusal = r#"{"key":"k","success":false,"error":"go away","errorCode":7}"#;
    for status in [StatusCode::OK, StatusCode::FORBIDDEN] {
        server.answer(Answer::Whole(status, refusal.to_owned()));
        let error = directory.ping(URL).await.unwrap_err();
        assert_eq!(error.to_string(), "the directory refused (code 7): go away");
    }
    let long = format!(r#"{{"success":false,"error":"{}"}}"#, "é".repeat(10_000));
    server.answer(json(&long));
    assert!(directory.ping(URL).await.unwrap_err().to_string().chars().count() < 300);
    let long = format!(r#"{{"success":true,"key":"{}"}}"#, "k".repeat(2000));
    for (status, body) in [
        (StatusCode::BAD_GATEWAY, "<html>"),
        (StatusCode::BAD_GATEWAY, r#"{"key":"k","success":true}"#),
        (StatusCode::OK, ""),
        (StatusCode::OK, "[]"),
        (StatusCode::OK, r#"{"key":"k"}"#),
        (StatusCode::OK, &long),
    ] {
        server.answer(Answer::Whole(status, body.to_owned()));
        let outcome = directory.ping(URL).await;
        assert!(matches!(&outcome, Err(DirectoryError::Answer(told)) if *told == status), "{outcome:?}");
    }
    assert_eq!(engine.commits(), 0);
    assert_eq!(pings(&mut server).len(), 9);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_giant_answer_not_read() {
    let (store, _) = Memory::store();
    let mut target = Server::start(json(r#"{"key":"k","success":true}"#)).await;
    let server = Server::start(Answer::Redirect(
        StatusCode::PERMANENT_REDIRECT,
        format!("http://{}/api/ping", target.address),
    ))
    .await;
    let directory = directory(&server, &store);
    let outcome = directory.ping(URL).await;
    assert!(matches!(outcome, Err(DirectoryError::Answer(StatusCode::PERMANENT_REDIRECT))), "{outcome:?}");
    assert!(target.arrived().is_empty());
    server.answer(Answer::Endless);
    let outcome = directory.ping(URL).await;
    assert!(matches!(outcome, Err(DirectoryError::Http(HttpClientError::TooLarge(65_536)))), "{outcome:?}");
}

#[tokio::test]
async fn a_directory_that_does_not_answer_is_given_up_after_ten_seconds() {
    let (store, _) = Memory::store();
    let mut server = Server::start(Answer::Silence).await;
    let directory = directory(&server, &store);
    let asking = tokio::spawn(async move { directory.ping(URL).await });
    server.requests.recv().await.unwrap();
    tokio::time::pause();
    let outcome = asking.await.unwrap();
    let ten = Duration::from_secs(10);
    assert!(matches!(outcome, Err(DirectoryError::Http(HttpClientError::Deadline(limit))) if limit == ten));
}

#[tokio::test]
async fn without_the_store_nothing_is_sent() {
    let (store, engine) = Memory::store();
    let mut server = Server::start(json(r#"{"success":true}"#)).await;
    engine.fail(true);
    let outcome = directory(&server, &store).ping(URL).await;
    assert!(matches!(outcome, Err(DirectoryError::Store(_))), "{outcome:?}");
    assert!(pings(&mut server).is_empty());
}

#[test]
fn a_directory_needs_an_address() {
    let new =
        |address: &str| Directory::new(HttpClient::new(Reach::Anywhere).unwrap(), Memory::store().0, address);
    for good in [DEFAULT_DIRECTORY, "http://localhost:8080/", "https://example.org/yp"] {
        assert!(new(good).is_ok(), "{good}");
    }
    for wrong in ["", "directory.example.org", "ftp://example.org", "https://", "https://example.org/?a="] {
        assert!(new(wrong).is_err(), "{wrong}");
    }
}

/// Keeps in mind when it was pinged, and for whom.
#[derive(Default)]
struct Recorder {
    pings: Mutex<Vec<(Duration, String)>>,
    start: Option<Instant>,
}

impl Ping for Recorder {
    async fn ping(&self, server_url: &str) -> Result<(), DirectoryError> {
        let at = self.start.unwrap().elapsed();
        self.pings.lock().unwrap().push((at, server_url.to_owned()));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn pings_come_and_go_with_the_conditions() {
    let start = Instant::now();
    let recorder = Recorder { start: Some(start), ..Recorder::default() };
    let (set, conditions) = watch::channel(Conditions::default());
    let minute = Duration::from_secs(60);
    let operator = async {
        // Offline.
        tokio::time::sleep(10 * minute).await;
        let live_since = Some(Instant::now().into_std());
        set.send_replace(Conditions { enabled: false, live_since, server_url: URL.to_owned() });
        tokio::time::sleep(minute).await;
        set.send_modify(|conditions| conditions.enabled = true);
        // Pings at 14 and 18.
        tokio::time::sleep(9 * minute).await;
        set.send_modify(|conditions| conditions.live_since = None);
        tokio::time::sleep(60 * minute).await;
        // Live again at 80.
        set.send_modify(|conditions| conditions.live_since = Some(Instant::now().into_std()));
        tokio::time::sleep(5 * minute).await;
        drop(set);
    };
    tokio::join!(operator, keep_listed(&recorder, conditions));
    let pings = recorder.pings.into_inner().unwrap();
    // Timers are exact to a millisecond.
    let minutes: Vec<_> =
        pings.iter().map(|(at, _)| at.as_secs_f64() / 60.0).map(|at| (at * 100.0).round() / 100.0).collect();
    assert_eq!(minutes, [14.0, 18.0, 84.0]);
    assert!(pings.iter().all(|(_, url)| url == URL));
}

#[tokio::test]
async fn the_loop_ends_when_it_is_told_to() {
    let (store, _) = Memory::store();
    let server = Server::start(Answer::Silence).await;
    let (_set, conditions) = watch::channel(Conditions::default());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(directory(&server, &store).run(conditions, shutdown.clone()));
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(30), task).await.unwrap().unwrap();
}
