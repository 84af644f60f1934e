//! The public API, over real sockets and both protocols.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use farcast_chat::{Chat, Entry, Event, User};
use farcast_config::{Networks, Value as _};
use farcast_edge::serve;
use farcast_feed::time::WallTime;
use farcast_settings::{
    Emoji, ExternalAction, LiveStatus, OperatorSettings, Snapshot, SocialHandle, save_asset,
};
use farcast_store::Batch;
use http::Method;
use serde_json::{Value, json};

use crate::client::{PATIENCE, Reply};
use crate::edge::{Edge, until};

const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

async fn loaded(runtime: OperatorSettings, status: LiveStatus) -> Edge {
    let edge = Edge::new(Vec::new()).await;
    edge.set.send_replace(Some(Snapshot { runtime: Arc::new(runtime), tip: Bytes::new() }));
    edge.status.send_replace(Some(Arc::new(status)));
    edge
}

fn json_of(reply: &Reply) -> Value {
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"));
    assert_eq!(
        (reply.header("cache-control"), reply.header("access-control-allow-origin")),
        ("no-store", "*")
    );
    assert_eq!(reply.body.last(), Some(&b'\n'));
    serde_json::from_slice(&reply.body).unwrap()
}

#[tokio::test]
async fn an_edge_that_never_reached_its_origin_says_so() {
    let edge = Edge::new(Vec::new()).await;
    for path in [
        "/api/config",
        "/api/status",
        "/api/yp",
        "/api/emoji",
        "/api/video/variants",
        "/logo",
        "/img/emoji/a.gif",
    ] {
        let reply = edge.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "2"), "{path}");
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["success"], false);
    }
    assert_eq!(edge.get("/api/ping").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn the_configuration_is_rendered_as_it_is_set() {
    let runtime = OperatorSettings {
        name: "Ada's".to_owned(),
        summary: "**x**".to_owned(),
        page_content: "# About".to_owned(),
        stream_title: "Radio".to_owned(),
        social_handles: vec![
            SocialHandle { platform: "github".to_owned(), url: "https://g".to_owned() },
            SocialHandle { platform: "elsewhere".to_owned(), url: "https://e".to_owned() },
        ],
        external_actions: vec![ExternalAction {
            url: "https://a".to_owned(),
            title: "A".to_owned(),
            ..Default::default()
        }],
        appearance_variables: [("theme-color-action".to_owned(), "#a1b2c3".to_owned())].into(),
        ..OperatorSettings::default()
    };
    let edge = loaded(runtime, LiveStatus::default()).await;
    let config = json_of(&edge.get("/api/config").await);
    assert_eq!(config["name"], "Ada's");
    assert_eq!(config["summary"], "<p><strong>x</strong></p>");
    assert_eq!(config["extraPageContent"], "<h1>About</h1>");
    assert_eq!(config["streamTitle"], "Radio");
    assert_eq!(config["logo"], "/logo");
    assert_eq!(config["socialHandles"][0]["icon"], "/img/platformlogos/github.svg");
    assert_eq!(config["socialHandles"][1].get("icon"), None);
    assert_eq!(config["externalActions"][0]["openExternally"], false);
    assert_eq!((&config["maxSocketPayloadSize"], &config["chatDisabled"]), (&json!(2048), &json!(false)));
    // Pages of later versions take these apart; all but the colours is switched off.
    for (name, off) in [
        ("federation", json!({ "enabled": false })),
        ("notifications", json!({ "browser": { "enabled": false } })),
        ("authentication", json!({ "indieAuthEnabled": false })),
        ("appearanceVariables", json!({ "theme-color-action": "#a1b2c3" })),
        ("chatSpamProtectionDisabled", json!(false)),
        ("chatRequireAuthentication", json!(false)),
    ] {
        assert_eq!(config[name], off, "{name}");
    }
    // A change is seen by the next request; an empty title is left out.
    edge.set.send_replace(Some(Snapshot { runtime: Arc::default(), tip: Bytes::new() }));
    let config = json_of(&edge.get("/api/config").await);
    assert_eq!((&config["name"], config.get("streamTitle")), (&json!("Farcast"), None));
    edge.stop().await;
}

#[tokio::test]
async fn the_status_tells_who_watches_unless_that_is_hidden() {
    let status = LiveStatus {
        online: true,
        viewers: 7,
        session_peak: 12,
        overall_peak: 420,
        connected_at: Some(WallTime(1_773_511_331_482_000)),
        disconnected_at: None,
    };
    let edge =
        loaded(OperatorSettings { directory_enabled: true, ..OperatorSettings::default() }, status).await;
    let told = json_of(&edge.plain().await.get("/api/status").await);
    assert_eq!((&told["online"], &told["viewerCount"]), (&json!(true), &json!(7)));
    assert_eq!((&told["sessionMaxViewerCount"], &told["overallMaxViewerCount"]), (&json!(12), &json!(420)));
    assert_eq!(
        (&told["lastConnectTime"], &told["lastDisconnectTime"]),
        (&json!("2026-03-14T18:02:11Z"), &json!(null))
    );
    assert_eq!(told["streamTitle"], "");
    assert_eq!(json_of(&edge.get("/api/yp").await)["viewerCount"], 7);
    let hidden =
        OperatorSettings { hide_viewer_count: true, directory_enabled: false, ..OperatorSettings::default() };
    edge.set.send_replace(Some(Snapshot { runtime: Arc::new(hidden), tip: Bytes::new() }));
    let told = json_of(&edge.plain().await.get("/api/status").await);
    assert!(told.get("viewerCount").is_none() && told.get("overallMaxViewerCount").is_none());
    let none = edge.get("/api/yp").await;
    assert_eq!((none.status.as_u16(), none.body.len()), (404, 0));
    edge.stop().await;
}

#[tokio::test]
async fn pings_and_playlists_count_viewers_by_address_and_agent() {
    let edge = Edge::new(Vec::new()).await;
    let agent = |name: &'static str| [("user-agent", name)];
    edge.ask(Method::GET, "/api/ping", &agent("a")).await;
    edge.ask(Method::GET, "/hls/stream.m3u8", &agent("a")).await;
    assert_eq!(edge.viewers.count(Instant::now()), 1);
    edge.ask(Method::GET, "/hls/0/stream.m3u8", &agent("b")).await;
    edge.ask(Method::GET, "/api/status", &agent("c")).await;
    assert_eq!(edge.viewers.count(Instant::now()), 2);
    edge.stop().await;
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there_are_told() {
    let edge = loaded(OperatorSettings::default(), LiveStatus::default()).await;
    for (method, path, status) in [
        (Method::POST, "/api/status", 405),
        (Method::DELETE, "/logo", 405),
        (Method::OPTIONS, "/api/config", 204),
        (Method::GET, "/api/status/", 404),
        (Method::GET, "/api/nothing", 404),
        (Method::GET, "/api/admin/status", 404),
        (Method::POST, "/api/integrations/chat/send", 404),
        (Method::GET, "/img/emoji/", 404),
        (Method::GET, "/img/platformlogos/none.svg", 404),
    ] {
        let reply = edge.ask(method.clone(), path, &[]).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}");
        match status {
            405 => {
                assert_eq!(reply.header("allow"), "GET, HEAD, OPTIONS");
                let message = json!({ "success": false, "message": format!("{method} not supported") });
                assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), message);
            }
            404 if path.starts_with("/api/") => assert!(reply.body.is_empty()),
            _ => {}
        }
    }
    let head = edge.ask(Method::HEAD, "/api/config", &[]).await;
    assert!(head.body.is_empty() && head.header("content-length").parse::<u32>().unwrap() > 100);
    edge.stop().await;
}

#[tokio::test]
async fn pictures_come_from_the_store_and_are_no_pages() {
    let svg = Bytes::from_static(SVG);
    let (batch, logo) = save_asset(Batch::new(), "logo.svg", "image/svg+xml", &svg);
    let gif = Bytes::from(vec![7; 200_000]);
    let (batch, emoji) = save_asset(batch, "beer.gif", "image/gif", &gif);
    let runtime = OperatorSettings {
        logo: Some(logo),
        emoji: vec![Emoji { name: "beer".to_owned(), asset: emoji }],
        ..OperatorSettings::default()
    };
    let edge = loaded(runtime, LiveStatus::default()).await;
    edge.store.commit(batch).await.unwrap();
    let logo = edge.get("/logo").await;
    assert_eq!((logo.status.as_u16(), &logo.body), (200, &svg));
    assert_eq!(
        (logo.header("content-type"), logo.header("cache-control")),
        ("image/svg+xml", "public, max-age=86400")
    );
    assert!(logo.header("content-security-policy").contains("sandbox"));
    let again = edge.ask(Method::GET, "/logo", &[("if-none-match", logo.header("etag"))]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    // What cannot draw SVG gets Farcast's own.
    assert_eq!(edge.get("/logo/external").await.header("content-type"), "image/png");
    let listed = json_of(&edge.get("/api/emoji").await);
    assert_eq!(
        listed,
        json!([{ "name": "beer", "emoji": "/img/emoji/beer.gif", "url": "/img/emoji/beer.gif" }])
    );
    assert_eq!(edge.get("/img/emoji/beer.gif").await.body, gif);
    assert_eq!(edge.get("/img/emoji/b%65er.gif").await.body, gif);
    assert_eq!(edge.get("/img/emoji/wine.gif").await.status, 404);
    assert_eq!(edge.get("/img/platformlogos/github.svg").await.header("content-type"), "image/svg+xml");
    edge.stop().await;
}

/// The first bytes that say what a picture is.
fn kind_of(picture: &[u8]) -> &'static str {
    match picture {
        [0xff, 0xd8, 0xff, ..] if picture.ends_with(&[0xff, 0xd9]) => "image/jpeg",
        [b'G', b'I', b'F', b'8', b'9', b'a', ..] if picture.ends_with(&[0x3b]) => "image/gif",
        [0, 0, 1, 0, ..] => "image/x-icon",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        _ => "nothing known",
    }
}

#[tokio::test]
async fn the_broadcasts_own_picture_is_asked_for_once_however_many_look_at_it_and_only_while_there_is_one() {
    let edge = loaded(OperatorSettings::default(), LiveStatus::default()).await;
    let own = edge.get("/thumbnail.jpg").await.body;
    *edge.stills.newest.lock().unwrap() = Some(Bytes::from_static(b"a still"));
    assert_eq!(edge.get("/thumbnail.jpg").await.body, own, "nothing is on");
    assert_eq!(edge.stills.asked.load(Ordering::Relaxed), 0);
    edge.status.send_replace(Some(Arc::new(LiveStatus { online: true, ..LiveStatus::default() })));
    let first = edge.get("/thumbnail.jpg").await;
    assert_eq!((first.status.as_u16(), first.body.as_ref()), (200, &b"a still"[..]));
    assert_eq!(first.header("content-type"), "image/jpeg");
    assert_eq!(first.header("cache-control"), "public, max-age=5");
    let tag = first.header("etag").to_owned();
    for _ in 0..5 {
        let again = edge.ask(Method::GET, "/thumbnail.jpg", &[("if-none-match", &tag)]).await;
        assert_eq!(again.status, 304);
    }
    // The origin has no preview: the stand-in is given, and it is not asked for each request either.
    for _ in 0..3 {
        assert_eq!(kind_of(&edge.get("/preview.gif").await.body), "image/gif");
    }
    // Once for each kind, and once more where that took longer than a picture is fresh.
    assert!(edge.stills.asked.load(Ordering::Relaxed) <= 4, "{:?}", edge.stills.asked);
    edge.status.send_replace(Some(Arc::default()));
    assert_eq!(edge.get("/thumbnail.jpg").await.body, own);
    edge.stop().await;
}

#[tokio::test]
async fn a_broadcast_has_a_picture_of_the_kind_that_its_address_says() {
    let edge = loaded(OperatorSettings::default(), LiveStatus::default()).await;
    let (moment, day) = ("public, max-age=5", "public, max-age=86400");
    for (path, content_type, cached) in [
        ("/thumbnail.jpg", "image/jpeg", moment),
        ("/preview.gif", "image/gif", moment),
        ("/favicon.ico", "image/x-icon", day),
    ] {
        let picture = edge.get(path).await;
        assert_eq!((picture.status.as_u16(), picture.header("content-type")), (200, content_type), "{path}");
        assert_eq!(
            (picture.header("cache-control"), kind_of(&picture.body)),
            (cached, content_type),
            "{path}"
        );
        let head = edge.ask(Method::HEAD, path, &[]).await;
        assert_eq!(head.header("content-length"), picture.body.len().to_string(), "{path}");
        assert!(head.body.is_empty() && head.header("etag") == picture.header("etag"), "{path}");
        let again = edge.ask(Method::GET, path, &[("if-none-match", picture.header("etag"))]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path}");
        // A page that wants a new one appends what it likes.
        assert_eq!(edge.get(&format!("{path}?1773511331?x=y")).await.body, picture.body, "{path}");
    }
    // The server's own logo stands in where it is of that kind.
    let logos = [("logo.jpg", "image/jpeg"), ("logo.gif", "image/gif"), ("logo.png", "image/png")];
    for (name, content_type) in logos {
        let bytes = Bytes::from(name.repeat(40));
        let (batch, logo) = save_asset(Batch::new(), name, content_type, &bytes);
        edge.store.commit(batch).await.unwrap();
        let set = OperatorSettings { logo: Some(logo), ..OperatorSettings::default() };
        edge.set.send_replace(Some(Snapshot { runtime: Arc::new(set), tip: Bytes::new() }));
        for (path, of) in [("/thumbnail.jpg", "image/jpeg"), ("/preview.gif", "image/gif")] {
            let picture = edge.get(path).await;
            assert_eq!(
                (picture.header("content-type"), picture.body == bytes),
                (of, of == content_type),
                "{path}"
            );
            assert_eq!(picture.header("cache-control"), moment, "{path}");
        }
        let icon = edge.get("/favicon.ico").await;
        assert_eq!((icon.header("content-type"), &icon.body), (content_type, &bytes));
    }
    let robots = edge.get("/robots.txt").await;
    assert_eq!((robots.status.as_u16(), robots.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert_eq!(robots.text(), "User-agent: *\nDisallow: /admin\nDisallow: /api/\n");
    edge.stop().await;
}

#[tokio::test]
async fn what_farcast_has_not_is_answered_as_owncast_does_while_it_is_switched_off() {
    let edge = loaded(OperatorSettings::default(), LiveStatus::default()).await;
    let chat = Chat::new(edge.store.clone());
    let (_, token) = chat.register(User::new("Ada".to_owned(), WallTime::now())).await.unwrap();
    assert_eq!(
        json_of(&edge.get("/api/followers?offset=0&limit=24").await),
        json!({ "total": 0, "results": [] })
    );
    let script = edge.get("/customjavascript").await;
    assert_eq!((script.status.as_u16(), script.body.len()), (200, 0));
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(edge.get("/api/auth/indieauth/callback?code=1&state=2").await.status, 400);
    for (path, status) in [
        ("/api/notifications/register", 400),
        ("/api/auth/indieauth", 400),
        ("/api/auth/fediverse", 400),
        ("/api/auth/fediverse/verify", 403),
    ] {
        let none = edge.ask(Method::POST, path, &[]).await;
        assert_eq!((none.status.as_u16(), none.text()), (401, "unauthorized".to_owned()), "{path}");
        let refused = edge.ask(Method::POST, &format!("{path}?accessToken={token}"), &[]).await;
        assert_eq!(refused.status.as_u16(), status, "{path}");
        let told: Value = serde_json::from_slice(&refused.body).unwrap();
        assert!(
            told["success"] == false && told["message"].as_str().unwrap().contains("switched off"),
            "{told}"
        );
    }
    assert_eq!(edge.ask(Method::POST, "/api/remotefollow", &[]).await.status, 400);
    for path in ["/public/logo.png", "/api/auth/provider/indieauth", "/.well-known/webfinger", "/api/nothing"]
    {
        assert_eq!(edge.get(path).await.status, 404, "{path}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn what_is_appended_to_an_address_does_not_matter() {
    let edge = loaded(OperatorSettings::default(), LiveStatus::default()).await;
    let chat = Chat::new(edge.store.clone());
    let (_, token) = chat.register(User::new("Ada".to_owned(), WallTime::now())).await.unwrap();
    for path in
        ["/api/config", "/api/emoji", "/api/ping", "/logo", "/logo/external", "/robots.txt", "/api/followers"]
    {
        let plain = edge.get(path).await;
        for appended in ["?cachebust=1", "?a=1?cachebust=1", "?&&=;%3F", "?accessToken=x&amp;b"] {
            let reply = edge.get(&format!("{path}{appended}")).await;
            assert_eq!((reply.status, &reply.body), (plain.status, &plain.body), "{path}{appended}");
        }
    }
    // The log has to be read first.
    let backlog = format!("/api/chat?accessToken={token}");
    let read = async {
        while edge.now(&backlog).await.status == 503 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    for appended in ["?cachebust=1", "&amp;cachebust=1", ";x", "%3Fcachebust=1"] {
        assert_eq!(edge.get(&format!("{backlog}{appended}")).await.status, 200, "{appended}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_trusted_proxy_names_its_users_and_nobody_else_does() {
    let name = |value: &'static str| [("x-forwarded-user", value)];
    let forbidden =
        OperatorSettings { forbidden_usernames: vec!["admin".to_owned()], ..OperatorSettings::default() };
    for (trusted, given, taken) in [
        ("127.0.0.0/8", "  Ada\u{202e} Lovelace ", true),
        ("127.0.0.0/8", "the admin", false),
        ("127.0.0.0/8", "\u{200b}", false),
        ("10.0.0.0/8", "Ada Lovelace", false),
        ("", "Ada Lovelace", false),
    ] {
        let trusted_proxies = Networks::parse(trusted).unwrap();
        let config = serve::Config { trusted_proxies, ..serve::Config::default() };
        let edge = Edge::with(config, Vec::new()).await;
        edge.inform(forbidden.clone());
        let reply = edge.plain().await.ask(Method::POST, "/api/chat/register", &name(given)).await;
        let user = json_of(&reply);
        let called = user["displayName"].as_str().unwrap();
        assert_eq!(called == "Ada Lovelace", taken, "{trusted} {given}: {called}");
        assert!(!called.is_empty() && called != given);
        edge.stop().await;
    }
}

#[tokio::test]
async fn a_moderator_sees_what_is_known_of_a_user_and_nobody_else_does() {
    let edge = crate::chat::edge(OperatorSettings::default()).await;
    let chat = Chat::new(edge.store.clone());
    let now = WallTime::now();
    let (ada, hers) = chat.register(User::new("Ada".to_owned(), now)).await.unwrap();
    let (moderator, token) = chat.register(User::new("Mod".to_owned(), now)).await.unwrap();
    chat.set_moderator(&moderator.id, true, now).await.unwrap();
    let mut messages = Vec::new();
    for n in 0..3 {
        let account = chat.account(&ada.id).await.unwrap().unwrap();
        let said = |user: &User| {
            let (body, raw) = (format!("line {n}"), format!("line {n}"));
            Entry::new(now, Event::Message { user: user.clone(), client: Some(7), body, raw })
        };
        messages.push(chat.act(account, said).await.unwrap().0.id);
    }
    chat.set_visible(&messages[..1], false, now).await.unwrap();
    let path = |id: &str, token: &str| format!("/api/moderation/chat/user/{id}?accessToken={token}");
    let (_, mut socket) = crate::chat::open(&edge, &format!("/ws?accessToken={hers}")).await;
    crate::chat::frame(&mut socket).await.unwrap();
    until(|| edge.metric("farcast_edge_chat_events_total") >= 5.0, "the edge hears it all").await;

    let told = json_of(&edge.get(&path(&ada.id, &token)).await);
    assert_eq!((&told["user"]["id"], &told["user"]["displayName"]), (&json!(ada.id), &json!("Ada")));
    let [client] = &told["connectedClients"].as_array().unwrap()[..] else { unreachable!("{told}") };
    assert!(client["id"].is_u64() && client["userAgent"].is_string(), "{client}");
    assert!(client["messageCount"] == 0 && client["connectedAt"].is_string(), "{client}");
    assert!(client.get("ipAddress").is_none(), "{client}");
    let bodies: Vec<_> = told["messages"].as_array().unwrap().iter().map(|one| one["body"].clone()).collect();
    assert_eq!(bodies, ["line 2", "line 1", "line 0"]);
    assert!(told["messages"][2]["hiddenAt"].is_string() && told["messages"][0].get("hiddenAt").is_none());

    for (id, token, status) in
        [("nobody", &token, 404), (&ada.id[..], &hers, 401), (&ada.id[..], &"x".to_owned(), 401)]
    {
        assert_eq!(edge.get(&path(id, token)).await.status.as_u16(), status, "{id}");
    }
    assert_eq!(edge.get(&format!("/api/moderation/chat/user/{}", ada.id)).await.status, 401);
    let none = json_of(&edge.get(&path(&moderator.id, &token)).await);
    assert_eq!((&none["connectedClients"], &none["messages"]), (&json!([]), &json!([])));
    edge.shutdown.cancel();
}

#[tokio::test]
async fn qualities_are_listed_from_the_source_down() {
    let edge = loaded(OperatorSettings::default(), LiveStatus::default()).await;
    let listed = json_of(&edge.get("/api/video/variants").await);
    assert_eq!(listed, json!([{ "index": 0, "name": "Source" }, { "index": 1, "name": "480p" }]));
    let platforms = json_of(&edge.get("/api/socialplatforms").await);
    assert_eq!(platforms["github"], json!({ "platform": "GitHub", "icon": "/img/platformlogos/github.svg" }));
    assert_eq!(platforms.as_object().unwrap().len(), 24);
    edge.stop().await;
}
