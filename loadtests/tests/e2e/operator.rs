//! What an operator sets, through an edge, and what becomes of it.

use std::time::Duration;

use farcast_loadtests::harness::edge::{Edge, login};
use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{KEY, Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::http::connection::{Dialer, Keep};
use farcast_loadtests::http::tls::{self, Trust};
use farcast_loadtests::publish::encoder::{self, Content, Picture, Source};
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const START: Duration = Duration::from_secs(30);
/// Longest time for what takes two rounds of five seconds.
const ROUNDS: Duration = Duration::from_secs(30);

async fn set(edge: Edge, setting: &str, value: Value) {
    let (status, answer) = edge.admin(KEY, &format!("config/{setting}"), Some(value)).await.unwrap();
    assert_eq!((status, &answer["success"]), (StatusCode::OK, &json!(true)), "{setting}: {answer}");
}

async fn until_shown(edge: Edge, path: &str, field: &str, value: &Value, within: Duration) {
    let what = format!("{field} of {path} is {value}");
    let shown = wait::until(&what, within, || async {
        edge.document(path).await.ok().filter(|document| document[field] == *value)
    });
    shown.await.unwrap();
}

#[tokio::test]
async fn what_is_set_is_seen_at_once_on_every_edge_and_survives_every_restart() {
    let mut stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let [first, second] = [stage.edge(0), stage.edge(1)];
    set(first, "streamtitle", json!("Mending a radio")).await;
    // Who asks where it was set sees it at once; elsewhere it takes a moment.
    assert_eq!(first.document("/api/config").await.unwrap()["streamTitle"], "Mending a radio");
    until_shown(second, "/api/config", "streamTitle", &json!("Mending a radio"), Duration::from_secs(2))
        .await;
    set(first, "tags", json!(["a", "b"])).await;
    set(second, "name", json!("Ada")).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    set(first, "rtmpserverport", json!(free)).await;
    assert_ne!(stage.origin().unwrap().address("rtmp").port(), free, "a port holds from the next start on");

    // The origin is killed: edges keep what they know. One that starts now knows nothing, and says so, unless it reaches the
    // store by itself.
    stage.take_origin().unwrap().kill().await.unwrap();
    assert_eq!(second.document("/api/config").await.unwrap()["name"], "Ada");
    stage.take_edge(1).unwrap().kill().await.unwrap();
    stage.start_lonely_edge(1).await.unwrap();
    let lonely = stage.edge(1);
    if stage.edges_reach_the_store() {
        until_shown(lonely, "/api/config", "name", &json!("Ada"), START).await;
        assert_eq!(lonely.get("/readyz/chat").await.unwrap().status, StatusCode::OK);
    } else {
        let answer = lonely.ask(Method::GET, "/api/config", &[], "").await.unwrap();
        assert!(answer.status() == 503 && answer.headers()["retry-after"] == "2", "{answer:?}");
        assert!(
            String::from_utf8_lossy(answer.body()).contains("the origin has not been reached yet"),
            "{answer:?}"
        );
        let chat = lonely.get("/readyz/chat").await.unwrap();
        assert_eq!(chat.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(lonely.get("/readyz/media").await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    // What only the origin answers.
    assert_eq!(lonely.admin(KEY, "status", None).await.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);

    stage.start_origin().await.unwrap();
    assert_eq!(stage.origin().unwrap().address("rtmp").port(), free);
    for edge in [first, lonely] {
        until_shown(edge, "/api/config", "name", &json!("Ada"), START).await;
        until_shown(edge, "/api/config", "tags", &json!(["a", "b"]), START).await;
    }
    // With a cluster edges know the settings before they are linked again.
    let linked = wait::until("the origin answers by the edge", START, || async {
        let (status, config) = lonely.admin(KEY, "serverconfig", None).await.ok()?;
        (status == StatusCode::OK).then_some(config)
    });
    let config = linked.await.unwrap();
    assert_eq!(config["instanceDetails"]["streamTitle"], "Mending a radio");
    assert_eq!(config["rtmpServerPort"], free);
}

#[tokio::test]
async fn a_broadcast_is_told_its_viewers_counted_once_and_it_is_ended() {
    let stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let [first, second] = [stage.edge(0), stage.edge(1)];
    assert_eq!(first.document("/api/status").await.unwrap()["online"], false);
    let (status, answer) = first.admin(KEY, "disconnect", Some(json!(null))).await.unwrap();
    assert_eq!(
        (status, &answer["message"]),
        (StatusCode::BAD_REQUEST, &json!("no inbound stream connected"))
    );
    let _encoder = stage.encoder(Content::Both).unwrap();
    for edge in [first, second] {
        until_shown(edge, "/api/status", "online", &json!(true), START).await;
    }
    let (_, told) = second.admin(KEY, "status", None).await.unwrap();
    assert_eq!(told["broadcaster"]["streamDetails"]["width"], 640, "{told}");
    assert_eq!(told["currentBroadcast"]["latencyLevel"]["level"], 1);
    assert_eq!(told["currentBroadcast"]["outputSettings"].as_array().unwrap().len(), 2);

    // Four people, one of whom is on both edges; each says who he is through a proxy that is trusted.
    let ping = async |edge: Edge, address: &str| {
        let headers = [("x-forwarded-for", address.to_owned()), ("user-agent", "test".to_owned())];
        edge.ask(Method::GET, "/api/ping", &headers, "").await.unwrap();
    };
    let counted = wait::until("four viewers", ROUNDS, || async {
        for address in ["192.0.2.1", "192.0.2.2"] {
            ping(first, address).await;
        }
        for address in ["192.0.2.2", "192.0.2.3", "192.0.2.4"] {
            ping(second, address).await;
        }
        let status = first.document("/api/status").await.ok()?;
        (status["viewerCount"] == 4).then_some(status)
    });
    let status = counted.await.unwrap();
    assert!(status["sessionMaxViewerCount"].as_u64().unwrap() >= 4, "{status}");
    until_shown(second, "/api/status", "viewerCount", &json!(0), ROUNDS).await;

    let (status, _) = second.admin(KEY, "disconnect", Some(json!(null))).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    until_shown(first, "/api/status", "online", &json!(false), START).await;
    let status = first.document("/api/status").await.unwrap();
    assert!(status["lastDisconnectTime"].is_string() && status["lastConnectTime"].is_null(), "{status}");
}

#[tokio::test]
async fn a_new_stream_key_and_new_qualities_hold_from_the_next_broadcast_on() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.edge(0);
    set(edge, "video/streamlatencylevel", json!(0)).await;
    set(edge, "video/streamoutputvariants", json!([{ "videoPassthrough": true, "audioPassthrough": true }]))
        .await;
    set(edge, "key", json!("another-stream-key")).await;
    // The password was the old key, and is the new one.
    assert_eq!(edge.admin(KEY, "status", None).await.unwrap().0, StatusCode::UNAUTHORIZED);
    assert_eq!(edge.admin("another-stream-key", "status", None).await.unwrap().0, StatusCode::OK);
    let picture = Picture { width: 640, height: 360, ..Picture::default() };
    let start = |key: &str| {
        encoder::start(&stage.target_with(key), Content::Both, Source::Generated, picture, None).unwrap()
    };
    let mut refused = start(KEY);
    assert!(!tokio::time::timeout(START, refused.wait()).await.unwrap().unwrap().success());
    let _encoder = start("another-stream-key");
    let playlist = edge.playable(0, 3, START).await.unwrap();
    assert!(playlist.part_target.unwrap() < Duration::from_millis(350), "{:?}", playlist.part_target);
    assert_eq!(edge.multivariant().await.unwrap().streams.len(), 1);
    assert_eq!(
        edge.document("/api/video/variants").await.unwrap(),
        json!([{ "index": 0, "name": "Source" }])
    );
}

#[tokio::test]
async fn bad_input_gets_its_error_and_changes_nothing() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.edge(0);
    let (_, before) = edge.admin(KEY, "serverconfig", None).await.unwrap();
    let deep = format!("{{\"value\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let name = "/api/admin/config/name";
    let cases: Vec<(Method, &str, Vec<u8>, u16)> = vec![
        (Method::POST, name, b"{\"value\":7}".to_vec(), 400),
        (Method::POST, name, b"{\"value\":\"\xff\xfe\"}".to_vec(), 400),
        (Method::POST, name, deep.into_bytes(), 400),
        (Method::POST, name, Vec::new(), 400),
        (Method::POST, name, vec![b' '; 65 * 1024], 413),
        (Method::POST, name, vec![b' '; 3 * 1024 * 1024], 413),
        (Method::GET, name, Vec::new(), 405),
        (Method::PUT, name, b"{\"value\":\"x\"}".to_vec(), 405),
        (Method::POST, "/api/admin/config/none", b"{\"value\":\"x\"}".to_vec(), 404),
        (Method::POST, "/api/admin/webhooks/delete", b"{\"id\":99}".to_vec(), 404),
        (
            Method::POST,
            "/api/admin/accesstokens/create",
            b"{\"name\":\"x\",\"scopes\":[\"ROOT\"]}".to_vec(),
            400,
        ),
        (Method::GET, "/api/admin/viewersOverTime?windowStart=yesterday", Vec::new(), 400),
    ];
    for (method, path, body, status) in cases {
        let answer = edge.ask(method.clone(), path, &[login(KEY)], body).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method} {path}: {:?}", answer.body());
    }
    let cross = [
        login(KEY),
        ("origin", "https://evil.example".to_owned()),
        ("content-type", "text/plain".to_owned()),
    ];
    let answer = edge.ask(Method::POST, name, &cross, "{\"value\":\"evil\"}").await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let answer = edge.ask(Method::POST, name, &[], "{\"value\":\"x\"}").await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"Owncast Authenticated Request\"");
    let (_, after) = edge.admin(KEY, "serverconfig", None).await.unwrap();
    assert_eq!(before, after);
    // Who guesses has to wait, also who guesses many times at once.
    let mut guesses = JoinSet::new();
    for _ in 0..24 {
        guesses.spawn(async move { edge.ask(Method::GET, "/api/admin/status", &[login("wrong")], "").await });
    }
    let answers = guesses.join_all().await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    let of = |status| answers.iter().filter(|answer| answer.status() == status).count();
    // Five, those of two seconds, and as many as chance deals out of the five that the logins above allow the address.
    let looked_at = of(StatusCode::UNAUTHORIZED);
    assert!((5..=12).contains(&looked_at), "{looked_at} guesses were looked at");
    assert_eq!(looked_at + of(StatusCode::TOO_MANY_REQUESTS), answers.len());
    let braked = answers.iter().find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS);
    assert!(braked.unwrap().headers().contains_key("retry-after"));
}

/// Logs in as the admin page does: the cookie of the session, and its token.
async fn begin_session(at: Edge, headers: &[(&'static str, String)]) -> (String, String) {
    let body = json!({ "password": KEY }).to_string();
    let answer = at.ask(Method::POST, "/api/admin/login", headers, body).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let session: Value = serde_json::from_slice(answer.body()).unwrap();
    (cookie, session["csrfToken"].as_str().unwrap().to_owned())
}

fn by_session(cookie: &str) -> (&'static str, String) {
    ("cookie", cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_session_holds_at_the_origin_and_through_all_edges_until_it_is_ended() {
    let mut stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let [first, second] = [stage.edge(0), stage.edge(1)];
    let (cookie, token) = begin_session(first, &[]).await;
    assert!(cookie.starts_with("farcast_session=") && cookie.ends_with("; HttpOnly; SameSite=Strict"));
    let status = async |at: Edge| {
        let headers = [by_session(&cookie), ("x-csrf-token", token.clone())];
        let answer = at.ask(Method::GET, "/api/admin/status", &headers, "").await.unwrap();
        assert!(!answer.headers().contains_key("www-authenticate"));
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        answer.status()
    };
    let origin = |stage: &mut Stage| Edge { http: stage.origin().unwrap().address("http") };
    for at in [first, second, origin(&mut stage)] {
        assert_eq!(status(at).await, StatusCode::OK);
        let body = json!({ "value": "Ada" }).to_string();
        let mut headers = vec![by_session(&cookie)];
        let name = "/api/admin/config/name";
        let refused = at.ask(Method::POST, name, &headers, body.clone()).await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        headers.push(("x-csrf-token", token.clone()));
        assert_eq!(at.ask(Method::POST, name, &headers, body).await.unwrap().status(), StatusCode::OK);
    }
    // Behind a proxy that has TLS it is for TLS only.
    let (secure, _) = begin_session(second, &[("x-forwarded-proto", "https".to_owned())]).await;
    assert!(secure.starts_with("__Host-farcast_session=") && secure.ends_with("; Secure"), "{secure}");

    // It outlives the origin.
    stage.take_origin().unwrap().kill().await.unwrap();
    stage.start_origin().await.unwrap();
    for at in [first, second] {
        let linked = wait::until("the edge is linked again", START, || async {
            (status(at).await == StatusCode::OK).then_some(())
        });
        linked.await.unwrap();
    }
    let headers = [by_session(&cookie), ("x-csrf-token", token.clone())];
    let ended = origin(&mut stage).ask(Method::POST, "/api/admin/logout", &headers, "").await.unwrap();
    assert_eq!(ended.status(), StatusCode::OK);
    for at in [first, second, origin(&mut stage)] {
        assert_eq!(status(at).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_session_that_begins_over_tls_is_for_tls_only() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let origin = format!("https_listen = \"127.0.0.1:0\"\ntls_cert = {chain:?}\ntls_key = {key:?}\n");
    let mut stage = Stage::start(Settings { origin, edges: 0, ..Settings::default() }).await.unwrap();

    let https = stage.origin().unwrap().address("https");
    let server = format!("https://{https}/").parse().unwrap();
    let tls = Some(tls::config(&Trust::Any, false).unwrap());
    let mut connection = Dialer { server, http2: false, tls }.connect().await.unwrap();
    let request = connection.request(Method::POST, "/api/admin/login").unwrap();
    let request = request.body(Full::from(json!({ "password": KEY }).to_string())).unwrap();
    let answer = connection.send(request, Keep::Body, START).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-farcast_session=") && cookie.ends_with("; Secure"), "{cookie}");
}

#[tokio::test]
async fn an_edge_takes_little_from_strangers_who_log_in_and_nothing_of_other_sites() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.edge(0);
    let give = async |headers: &[(&'static str, String)], body: String| {
        edge.ask(Method::POST, "/api/admin/login", headers, body).await.unwrap()
    };
    let right = json!({ "password": KEY }).to_string();
    let long = json!({ "password": "x".repeat(100_000) }).to_string();
    assert_eq!(give(&[], long).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(give(&[], json!([KEY]).to_string()).await.status(), StatusCode::BAD_REQUEST);
    let evil =
        [("origin", "https://evil.example".to_owned()), ("content-type", "application/json".to_owned())];
    let refused = give(&evil, right.clone()).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let asked = edge.ask(Method::OPTIONS, "/api/admin/login", &evil, "").await.unwrap();
    for answer in [&refused, &asked] {
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{answer:?}");
    }
    let wrong = give(&[], json!({ "password": "wrong" }).to_string()).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(!wrong.headers().contains_key("www-authenticate"));
    assert_eq!(give(&[], right).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_admin_page_is_at_the_origins_own_address() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let origin = Edge { http: stage.origin().unwrap().address("http") };
    let root = origin.ask(Method::GET, "/", &[], "").await.unwrap();
    assert!(root.status() == StatusCode::TEMPORARY_REDIRECT && root.headers()["location"] == "/admin/");
    let [here, there] = [origin, stage.edge(0)].map(|at| async move {
        let headers = [("accept-encoding", "br".to_owned())];
        let page = at.ask(Method::GET, "/admin/", &headers, "").await.unwrap();
        assert!(page.status() == StatusCode::OK && page.headers()["cache-control"] == "no-cache");
        page.headers()["content-security-policy"].to_str().unwrap().to_owned()
    });
    let policy = here.await;
    assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    assert_eq!(policy, there.await);
    // What watches the machine is where it was.
    let health = origin.ask(Method::GET, "/healthz", &[], "").await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
}

/// By way of an edge: what comes in, each quality, each edge, the log.
#[tokio::test]
async fn the_dashboard_is_told_how_it_goes_by_a_stream_of_events() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.edge(0);
    let _encoder = stage.encoder(Content::Both).unwrap();
    until_shown(edge, "/api/status", "online", &json!(true), START).await;
    let headers = [login(KEY)];
    let told = wait::until("the stream tells of the broadcast", ROUNDS, || async {
        let answer = edge.ask(Method::GET, "/api/admin/events?once=true", &headers, "").await.ok()?;
        assert_eq!(answer.status(), StatusCode::OK);
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        for event in ["event: log\nid: ", "event: warnings\n", "event: state\n"] {
            assert!(text.contains(event), "{text}");
        }
        let data = text.rsplit("event: state\ndata: ").next()?.trim_end();
        let state: Value = serde_json::from_str(data).unwrap();
        let is_whole = state["ingest"]["bitRate"].as_u64()? > 0 && state["edges"][0]["viewers"].is_u64();
        is_whole.then_some(state)
    });
    let state = told.await.unwrap();
    assert_eq!((&state["status"]["online"], &state["wasOnAir"]), (&json!(true), &json!(true)));
    assert_eq!(state["rungs"].as_array().unwrap().len(), 2, "{state}");
    let edge_state = &state["edges"][0];
    assert_eq!(edge_state["connected"], true);
    assert_eq!(edge_state["version"], env!("CARGO_PKG_VERSION"));
    assert!(edge_state["lag"].as_f64().unwrap() < 60.0, "{state}");
    let stranger = edge.get("/api/admin/events").await.unwrap();
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_origin_shows_the_metrics_of_all_edges_where_it_is_told_to() {
    let mut stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let metrics = stage.origin().unwrap().address("metrics");
    let off = Metrics::scrape_page(metrics, "/metrics/edges").await.unwrap_err().to_string();
    assert!(off.contains("404"), "{off}");

    stage.take_origin().unwrap().kill().await.unwrap();
    stage.configure_origin("edge_metrics = true");
    stage.start_origin().await.unwrap();
    let metrics = stage.origin().unwrap().address("metrics");
    let up = wait::until("both edges are on the page", START, || async {
        let shown = Metrics::scrape_page(metrics, "/metrics/edges").await.ok()?;
        (shown.sum("farcast_edge_metrics_up") > 1.0).then_some(shown)
    });
    let up = up.await.unwrap();
    for edge in ["edge-0", "edge-1"] {
        assert_eq!(up.sum_of("farcast_receive_link_up", &[("edge", edge)]), 1.0, "{edge}");
        assert_eq!(up.sum_of("farcast_edge_metrics_refused_lines", &[("edge", edge)]), 0.0, "{edge}");
        let own = up.sum_of("farcast_build_info", &[("edge", edge), ("program", "farcast-edge")]);
        assert_eq!(own, 1.0, "{edge}");
    }
    assert_eq!(up.sum("farcast_build_info"), 2.0, "the origin's own are elsewhere");
    stage.take_edge(1).unwrap().kill().await.unwrap();
    let left = wait::until("one that is gone is not on the page", START, || async {
        let shown = Metrics::scrape_page(metrics, "/metrics/edges").await.ok()?;
        (shown.sum("farcast_build_info") < 2.0).then_some(shown)
    });
    assert_eq!(left.await.unwrap().sum_of("farcast_build_info", &[("edge", "edge-0")]), 1.0);
}
