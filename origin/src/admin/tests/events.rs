//! The stream of events of the dashboard: what it tells, who may have it, and when it ends.

use std::collections::BTreeMap;

use farcast_link::sender::EventBody;
use http_body_util::BodyExt as _;
use tokio_util::sync::CancellationToken;

use super::*;

/// Nothing takes so long.
const LONG: Duration = Duration::from_secs(30);

type Opened = Result<http::Response<EventBody>, Reply>;

async fn open(rig: &Rig, query: &str, headers: &[(&str, &str)]) -> Opened {
    let mut request = Request::get(format!("/api/admin/events{query}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    rig.admin.events(&request.body(()).unwrap().into_parts().0, PEER).await
}

/// Reads a stream to its end: the last event of each name.
async fn read_all(opened: Opened) -> BTreeMap<String, (Value, Option<String>)> {
    let reply = opened.expect("it is opened");
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    assert_eq!(reply.headers()["cache-control"], "no-store");
    let read = tokio::time::timeout(LONG, reply.into_body().collect()).await.expect("it ends");
    events(str::from_utf8(&read.unwrap().to_bytes()).unwrap())
}

fn events(text: &str) -> BTreeMap<String, (Value, Option<String>)> {
    assert!(text.starts_with("retry: 2000\n\n") && text.ends_with("\n\n"), "{text}");
    let blocks = text.split_terminator("\n\n").filter(|block| block.starts_with("event: "));
    let read = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
        (field("event: ").unwrap(), (data, field("id: ")))
    };
    blocks.map(read).collect()
}

/// The next piece, or none when the stream is over.
async fn piece(body: &mut EventBody) -> Option<String> {
    let frame = tokio::time::timeout(LONG, body.frame()).await.expect("something comes")?;
    let data = frame.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}

/// Reads until the stream ends by itself.
async fn until_over(body: &mut EventBody) {
    let read = async { while piece(body).await.is_some() {} };
    tokio::time::timeout(LONG, read).await.expect("it ends");
}

fn run(rig: &Rig) -> CancellationToken {
    let stop = CancellationToken::new();
    tokio::spawn(rig.admin.overview().run(stop.clone()));
    stop
}

#[tokio::test]
async fn it_tells_the_state_the_log_and_the_warnings_and_goes_on_where_a_reader_was() {
    let rig = Rig::new().await;
    let _stop = run(&rig);
    let all = read_all(open(&rig, "?once=true", &[LOGIN]).await).await;
    let names: Vec<_> = all.keys().map(String::as_str).collect();
    assert_eq!(names, ["log", "state", "warnings"]);
    let (state, id) = &all["state"];
    assert_eq!((&state["status"]["viewerCount"], id), (&json!(7), &None));
    for (member, value) in [
        ("wasOnAir", json!(false)),
        ("ingest", json!(null)),
        ("rungs", json!([])),
        ("edges", json!([])),
        ("machine", json!({ "cpu": null, "memory": null, "disk": null })),
    ] {
        assert_eq!(state[member], value, "{member}");
    }
    let warnings = &all["warnings"].0;
    assert!(warnings[0]["message"].as_str().unwrap().contains("admin password"), "{warnings}");
    let (log, id) = &all["log"];
    assert_eq!(log["lines"], json!([]));
    let id = id.clone().unwrap();
    let again = read_all(open(&rig, "?once=true", &[LOGIN, ("last-event-id", &id)]).await).await;
    assert_eq!(again["log"].0["goesOn"], json!(true));
    for other in ["1-0", "x", "", "-", &format!("{id}9")] {
        let again = read_all(open(&rig, "?once=true", &[LOGIN, ("last-event-id", other)]).await).await;
        assert_eq!(again["log"].0["goesOn"], json!(false), "{other}");
    }
}

#[tokio::test]
async fn only_who_is_logged_in_has_it() {
    let rig = Rig::new().await;
    assert_eq!(open(&rig, "", &[]).await.unwrap_err().status(), StatusCode::UNAUTHORIZED);
    let refused = open(&rig, "?once=perhaps", &[LOGIN]).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let head = rig.ask("HEAD", "events", &[LOGIN], "").await;
    assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    assert_eq!(rig.ask("POST", "events", &[LOGIN], "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn it_ends_with_the_session_with_the_password_and_with_the_origin() {
    let rig = Rig::new().await;
    let stop = run(&rig);
    let (one, other) = (rig.log_in("first-stream-key").await, rig.log_in("first-stream-key").await);
    let mut of_one = open(&rig, "", &[("cookie", &one.cookie)]).await.unwrap().into_body();
    let mut of_other = open(&rig, "", &[("cookie", &other.cookie)]).await.unwrap().into_body();
    let mut of_password = open(&rig, "", &[LOGIN]).await.unwrap().into_body();
    for body in [&mut of_one, &mut of_other, &mut of_password] {
        assert_eq!(piece(body).await.as_deref(), Some("retry: 2000\n\n"));
    }
    assert_eq!(one.post(&rig, "logout", json!(null)).await.status(), 200);
    until_over(&mut of_one).await;
    // Another password ends all sessions but the one that set it, and what was opened by the old one.
    let new = json!({ "value": "another-password", "currentPassword": "first-stream-key" });
    let set = other.post(&rig, "config/adminpass", new).await;
    assert_eq!(set.status(), 200);
    until_over(&mut of_password).await;
    let mut of_other = open(&rig, "", &[("cookie", &other.cookie)]).await.unwrap().into_body();
    assert!(piece(&mut of_other).await.is_some());
    stop.cancel();
    until_over(&mut of_other).await;
}

#[tokio::test]
async fn there_are_few_of_one_login_and_few_in_all_and_each_gives_its_place_back() {
    let rig = Rig::new().await;
    let mut open_now = Vec::new();
    for _ in 0..4 {
        let browser = rig.log_in("first-stream-key").await;
        for _ in 0..6 {
            open_now.push(open(&rig, "", &[("cookie", &browser.cookie)]).await.unwrap());
        }
        let refused = open(&rig, "", &[("cookie", &browser.cookie)]).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    let refused = open(&rig, "", &[LOGIN]).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8_lossy(refused.body()).contains("too many streams"));
    open_now.pop();
    assert!(open(&rig, "", &[LOGIN]).await.is_ok());
}

#[tokio::test]
async fn who_reads_slowly_gets_the_newest_state_alone() {
    let rig = Rig::new().await;
    let _stop = run(&rig);
    let mut slow = open(&rig, "", &[LOGIN]).await.unwrap().into_body();
    let mut state = String::new();
    while !state.starts_with("event: state") {
        state = piece(&mut slow).await.unwrap();
    }
    let mut quick = open(&rig, "", &[LOGIN]).await.unwrap().into_body();
    // Three states that the slow one does not read.
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let piece = piece(&mut quick).await.unwrap();
        if piece.starts_with("event: state") && piece != state {
            seen.push(piece);
        }
    }
    let next = piece(&mut slow).await.unwrap();
    assert!(next >= *seen.last().unwrap(), "{next}");
}
