//! The whole of the admin's API on a store in memory: what pages of Owncast read and save.

use bytes::Bytes;
use farcast_api::budget::{self, MIN_BUDGET};
use farcast_link::sender::{Edges, Metrics};
use farcast_store::memory::Memory;
use http::HeaderMap;
use http_body_util::Full;
use prometheus::Registry;
use serde_json::{Value, json};

use super::exemption::Exemption;
use super::*;
use crate::credentials::Which;
use crate::emoji::Folder;
use crate::integrations::{self, Integrations};

mod download;
mod entry;
mod events;

const PEER: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
/// `admin:first-stream-key`
const LOGIN: (&str, &str) = ("authorization", "Basic YWRtaW46Zmlyc3Qtc3RyZWFtLWtleQ==");

struct Rig {
    admin: Admin,
    disconnects: mpsc::Receiver<Disconnect>,
    store: Store,
    engine: Arc<Memory>,
    _folder: tempfile::TempDir,
    _watched: (watch::Sender<Option<Arc<LiveStatus>>>, watch::Sender<Air>),
}

impl Rig {
    async fn new() -> Self {
        let (store, engine) = Memory::store();
        let folder = tempfile::tempdir().unwrap();
        let preset = farcast_config::Secret::new("first-stream-key");
        let counted = crate::credentials::Metrics::new(&Registry::new()).unwrap();
        let (credentials, _) =
            Credentials::load_or_create(store.clone(), Some(&preset), counted).await.unwrap();
        let (_, runtime) = watch::channel(Some(Snapshot { runtime: Arc::default(), tip: Bytes::new() }));
        let (told, status) =
            watch::channel(Some(Arc::new(LiveStatus { viewers: 7, ..LiveStatus::default() })));
        let (owner, air) = watch::channel(Air::default());
        let (disconnect, disconnects) = mpsc::channel(1);
        let edges = farcast_edge_directory::views();
        let path = folder.path().to_owned();
        let (statistics, _) =
            Statistics::load(&store, &Registry::new(), status.clone(), path.clone()).await.unwrap();
        let admin = Admin::new(Managed {
            store: store.clone(),
            credentials: Arc::new(credentials),
            sessions: Arc::new(Sessions::load(store.clone()).await.unwrap()),
            runtime,
            status,
            air,
            disconnects: disconnect,
            edges: Edges::new(Metrics::new(&Registry::new()).unwrap()),
            roster: Roster::open(
                Arc::new(farcast_link::sender::Identity::load_or_create(&path).unwrap()),
                farcast_link::roster::Config {
                    dir: path.clone(),
                    token_file: path.join("join-token"),
                    advertise: "origin.example:4433".to_owned(),
                    token_lifetime: None,
                },
            )
            .unwrap(),
            router: Arc::new(farcast_edge_directory::Router::new(
                edges.subscribe(),
                None,
                Arc::new(farcast_geo::Geo::none()),
                farcast_feed::name::StreamName::live(),
            )),
            recent: Recent::default(),
            bodies: Budget::new(MIN_BUDGET, budget::Metrics::new(&Registry::new()).unwrap()),
            statistics,
            emoji: Arc::new(Folder::new(path.join("emoji"), store.clone())),
            counted: Counted {
                ingest: crate::ingest::Metrics::new(&Registry::new()).unwrap(),
                plan: crate::plan::Metrics::new(&Registry::new()).unwrap(),
                transcode: crate::transcode::Metrics::new(&Registry::new()).unwrap(),
            },
            trials: Trials::new(
                store.clone(),
                crate::webhooks::Http::new(crate::http_client::HttpClient::new(Reach::Public).unwrap()),
                crate::webhooks::Deliveries::default(),
            ),
            backups: crate::backup::Backups::new(store.clone(), &path),
            facts: Facts {
                http: ([127, 0, 0, 1], 8090).into(),
                rtmp: ([127, 0, 0, 1], 1935).into(),
                supported_codecs: vec!["libx264"],
                default_level: 2,
                default_variants: farcast_settings::default_ladder(),
                default_codec: "auto".to_owned(),
                webhooks_reach: Reach::Public,
                allow_short_keys: false,
            },
        });
        Self { admin, disconnects, store, engine, _folder: folder, _watched: (told, owner) }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/api/admin/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        self.admin.answer(request, PEER).await.expect("the path is known")
    }

    async fn see(&self, path: &str) -> Value {
        let reply = self.ask("GET", path, &[LOGIN], "").await;
        assert_eq!(reply.status(), 200, "{path}");
        serde_json::from_slice(reply.body()).unwrap()
    }

    async fn save(&self, path: &str, body: Value) -> (u16, String) {
        let reply = self.ask("POST", path, &[LOGIN], &body.to_string()).await;
        let answer: Value = serde_json::from_slice(reply.body()).unwrap();
        let text = answer["message"].as_str().or(answer["error"].as_str()).unwrap_or_default();
        (reply.status().as_u16(), text.to_owned())
    }
}

#[tokio::test]
async fn the_settings_have_what_newer_pages_take_apart() {
    let rig = Rig::new().await;
    let config = rig.see("serverconfig").await;
    assert_eq!(
        config["federation"],
        json!({
            "enabled": false, "isPrivate": false, "username": "", "goLiveMessage": "", "showEngagement": false,
            "blockedDomains": [],
        })
    );
    for kind in ["browser", "discord", "twitter"] {
        let told = &config["notifications"][kind];
        assert_eq!((&told["enabled"], &told["goLiveMessage"]), (&json!(false), &json!("")), "{kind}");
    }
    for (member, value) in [
        ("adminPassword", json!("")),
        ("streamKeyOverridden", json!(false)),
        ("hideViewerCount", json!(false)),
        ("disableSearchIndexing", json!(false)),
        ("videoServingEndpoint", json!("")),
        ("socketHostOverride", json!("")),
        ("chatSpamProtectionEnabled", json!(true)),
        ("chatSlurFilterEnabled", json!(false)),
        ("chatRequireAuthentication", json!(false)),
    ] {
        assert_eq!(config[member], value, "{member}");
    }
    let details = &config["instanceDetails"];
    assert_eq!(
        (&details["offlineMessage"], &details["customJavascript"], &details["appearanceVariables"]),
        (&json!(""), &json!(""), &json!({}))
    );
    assert_eq!(config["s3"]["forcePathStyle"], json!(false));
    assert!(!config.to_string().contains("first-stream-key"));
    assert_eq!(rig.see("status").await["health"], Value::Null);
}

#[tokio::test]
async fn colours_of_the_page_are_read_back_and_cleared() {
    let rig = Rig::new().await;
    let colours = json!({ "theme-color-action": "#a1b2c3", "theme-rounded-corners": "4px" });
    let saved = rig.save("config/appearance", json!({ "value": colours })).await;
    assert_eq!(saved, (200, "appearance updated".to_owned()));
    let shown = async || rig.see("serverconfig").await["instanceDetails"]["appearanceVariables"].clone();
    assert_eq!(shown().await, colours);
    let bad = json!({ "value": { "theme-color-action": "red}</style>" } });
    assert_eq!(rig.save("config/appearance", bad).await.0, 400);
    assert_eq!(shown().await, colours);
    assert_eq!(rig.save("config/appearance", json!({ "value": {} })).await.0, 200);
    assert_eq!(shown().await, json!({}));
}

#[tokio::test]
async fn a_text_is_shown_as_the_page_would_show_it_and_not_kept() {
    let rig = Rig::new().await;
    let ask = async |body: &str| rig.ask("POST", "pagecontent/preview", &[LOGIN], body).await;
    let shown = ask(r###"{"value":"# Hi\n\n<i>there</i> **you**"}"###).await;
    assert_eq!(shown.status(), 200);
    let answer: Value = serde_json::from_slice(shown.body()).unwrap();
    assert_eq!(answer, json!({ "html": "<h1>Hi</h1>\n<p><i>there</i> <strong>you</strong></p>" }));
    assert_eq!(rig.see("serverconfig").await["instanceDetails"]["extraPageContent"], "");
    let too_long = json!({ "value": "x".repeat(90_001) }).to_string();
    for (body, status) in [("{}", 400), (too_long.as_str(), 400), (&"x".repeat(256 * 1024 + 1), 413)] {
        assert_eq!(ask(body).await.status(), status);
    }
    assert_eq!(rig.ask("POST", "pagecontent/preview", &[], r#"{"value":""}"#).await.status(), 401);
}

#[tokio::test]
async fn the_storages_path_style_is_read_back() {
    let rig = Rig::new().await;
    let saved = rig.save("config/s3", json!({ "value": { "enabled": false, "forcePathStyle": true } })).await;
    assert_eq!(saved, (200, "storage configuration changed".to_owned()));
    assert_eq!(rig.see("serverconfig").await["s3"]["forcePathStyle"], json!(true));
    assert_eq!(rig.save("config/s3", json!({ "value": null })).await.0, 200);
    assert_eq!(rig.see("serverconfig").await["s3"]["forcePathStyle"], json!(false));
}

/// As the page of 0.1.3 adds a key: it sends the list that it was shown, and the new one.
#[tokio::test]
async fn a_page_adds_and_removes_stream_keys_without_being_shown_any() {
    let rig = Rig::new().await;
    let mut keys = rig.see("serverconfig").await["streamKeys"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 1);
    keys.as_array_mut().unwrap().push(json!({ "key": "a-guests-stream-key", "comment": "guest" }));
    assert_eq!(rig.save("config/streamkeys", json!({ "value": keys })).await, (200, "changed".to_owned()));
    // The login is what it was.
    let shown = rig.see("serverconfig").await["streamKeys"].clone();
    assert_eq!(shown[1]["comment"], "guest");
    assert!(!shown.to_string().contains("a-guests"));
    let right = |key: &'static str| rig.admin.managed.credentials.verify(Which::StreamKey, key);
    assert!(right("first-stream-key").await && right("a-guests-stream-key").await);
    assert_eq!(rig.save("config/streamkeys", json!({ "value": [shown[1]] })).await.0, 200);
    assert!(!right("first-stream-key").await && right("a-guests-stream-key").await);
    let (status, why) = rig.save("config/streamkeys", json!({ "value": [shown[0]] })).await;
    assert!(status == 400 && why.contains("not kept any more"), "{why}");
    let (status, why) = rig.save("config/streamkeys", json!({ "value": [{ "key": "abc123" }] })).await;
    assert!(status == 400 && why.contains("allow_short_keys"), "{why}");
    assert!(right("a-guests-stream-key").await);
}

#[tokio::test]
async fn what_acts_by_get_acts_for_the_admin_and_not_for_pages_of_others() {
    let mut rig = Rig::new().await;
    let host = ("host", "live.example.org");
    let browser = ("user-agent", "Mozilla/5.0");
    for path in ["yp/reset", "disconnect"] {
        for foreign in [
            &[LOGIN, host, browser, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image")][..],
            &[LOGIN, host, browser, ("referer", "https://evil.example/")],
            &[LOGIN, host, browser],
        ] {
            let reply = rig.ask("GET", path, foreign, "").await;
            assert_eq!(reply.status(), 403, "{path} {foreign:?}");
        }
        assert_eq!(rig.ask("GET", path, &[host], "").await.status(), 401, "{path}");
        for method in ["HEAD", "PUT"] {
            let refused = rig.ask(method, path, &[LOGIN, host], "").await;
            assert_eq!(
                (refused.status().as_u16(), &refused.headers()["allow"]),
                (405, &"GET, POST, OPTIONS".parse().unwrap())
            );
        }
    }
    assert!(rig.disconnects.try_recv().is_err(), "nothing was done");
    for given in [&[LOGIN][..], &[LOGIN, host, browser, ("sec-fetch-site", "same-origin")]] {
        let reset = rig.ask("GET", "yp/reset", given, "").await;
        assert_eq!(
            (reset.status().as_u16(), reset.body().as_ref()),
            (200, &b"{\"success\":true,\"message\":\"reset\"}\n"[..])
        );
    }
    let Rig { admin, disconnects, .. } = &mut rig;
    let request =
        Request::get("/api/admin/disconnect").header(LOGIN.0, LOGIN.1).body(Full::new(Bytes::new())).unwrap();
    let owner = async {
        disconnects.recv().await.unwrap().send(true).unwrap();
    };
    let (reply, ()) = tokio::join!(admin.answer(request, PEER), owner);
    assert_eq!(reply.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_asked_of_what_is_not_there_is_empty() {
    let rig = Rig::new().await;
    for path in [
        "viewers",
        "followers/pending",
        "followers/blocked",
        "webhooks",
        "accesstokens",
        "chat/messages",
        "chat/clients",
        "chat/users/disabled",
        "chat/users/moderators",
        "chat/users/ipbans",
        "viewersOverTime?windowStart=1",
    ] {
        assert_eq!(rig.see(path).await, json!([]), "{path}");
    }
    for path in ["followers", "federation/actions"] {
        assert_eq!(rig.see(path).await, json!({ "total": 0, "results": [] }), "{path}");
    }
    assert_eq!(rig.see("update/options").await["supportsUpdate"], json!(false));
    assert_eq!(rig.save("config/federation/enable", json!({ "value": false })).await.0, 200);
    let refused = rig.save("config/federation/enable", json!({ "value": true })).await;
    assert_eq!(refused, (400, "Farcast has no federation".to_owned()));
}

#[tokio::test]
async fn players_metrics_are_empty_beside_what_the_broadcast_offers() {
    let rig = Rig::new().await;
    let metrics = rig.see("metrics/video").await;
    assert_eq!((&metrics["errors"], &metrics["medianLatency"]), (&json!([]), &json!([])));
    assert_eq!(
        (&metrics["segmentLength"], metrics["availableBitrates"].as_array().unwrap().len()),
        (&json!(4), 2)
    );
    rig.admin.managed.statistics.cpu.push(WallTime::now(), std::time::Instant::now(), 12.5);
    let reply = rig.ask("GET", "prometheus", &[LOGIN], "").await;
    let text = std::str::from_utf8(reply.body()).unwrap();
    for gauge in [
        "owncast_instance_active_viewer_count{host=\"\",version=\"0.1.0\"} 7\n",
        "owncast_instance_active_chat_client_count{host=\"\",version=\"0.1.0\"} 0\n",
        "owncast_instance_current_chat_message_count{host=\"\",version=\"0.1.0\"} 0\n",
        "owncast_instance_cpu_usage{host=\"\",version=\"0.1.0\"} 12.5\n",
    ] {
        assert!(text.contains(gauge), "{gauge} is not in {text}");
    }
    assert_eq!(rig.ask("GET", "prometheus", &[], "").await.status(), 401);
}

#[tokio::test]
async fn a_page_uploads_a_picture_for_the_chat_and_deletes_it() {
    let rig = Rig::new().await;
    let gif = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
    let names = async || {
        let listed = farcast_settings::load(&rig.store).await.unwrap().emoji;
        listed.into_iter().map(|emoji| emoji.name).collect::<Vec<_>>()
    };
    let done = rig.save("emoji/upload", json!({ "name": "beer.gif", "data": gif })).await;
    assert_eq!(done, (200, "Emoji \"beer.gif\" has been uploaded".to_owned()));
    assert_eq!(names().await, ["beer"]);
    for (name, data) in [
        (json!("beer.gif"), gif),
        (json!("../../x.gif"), gif),
        (json!("/etc/x.gif"), gif),
        (json!("x.png"), gif),
        (json!("x.html"), "data:text/html;base64,PGI+"),
        (json!("x.gif"), "R0lGODlh"),
        (json!(""), gif),
        (Value::Null, gif),
    ] {
        let (status, why) = rig.save("emoji/upload", json!({ "name": name, "data": data })).await;
        assert!(status == 400 && !why.is_empty(), "{name} {data}");
    }
    assert_eq!(rig.save("emoji/upload", json!({ "name": "x.gif", "data": null })).await.0, 400);
    for name in [json!("wine.gif"), json!("../beer.gif"), Value::Null] {
        assert_eq!(rig.save("emoji/delete", json!({ "name": name })).await.0, 400, "{name}");
    }
    assert_eq!(names().await, ["beer"]);
    // As the page sends it, from the picture's path.
    assert_eq!(rig.save("emoji/delete", json!({ "name": "/beer.gif" })).await.0, 200);
    assert!(names().await.is_empty());
}

#[tokio::test]
async fn no_reply_is_kept_by_a_cache_and_none_to_a_login_is_for_pages_of_other_sites() {
    let rig = Rig::new().await;
    let ((_, runtime), (_, status), (_, air)) =
        (watch::channel(None), watch::channel(None), watch::channel(Air::default()));
    let integrations = Integrations::new(integrations::Services {
        store: rig.store.clone(),
        runtime,
        edges: Edges::new(Metrics::new(&Registry::new()).unwrap()),
        bodies: Arc::clone(&rig.admin.managed.bodies),
        status,
        air,
    });
    let Rig { admin, ref store, .. } = rig;
    let public =
        crate::api::Public::new(store.clone(), admin.managed.runtime.clone(), admin.managed.status.clone());
    let for_edges = crate::api::ForEdges {
        pictures: crate::pictures::Pictures::none(),
        certificate: watch::channel(None).1,
    };
    let api = crate::api::Api::new(admin, integrations, public, for_edges);
    for (known, path) in crate::api::listed() {
        // Pictures and the like are for everybody and every cache.
        if !path.starts_with("/api/admin/") && !path.starts_with("/api/integrations/") {
            continue;
        }
        // Nobody is there who would end a broadcast.
        if path.ends_with("/disconnect") {
            continue;
        }
        let path = path.replace("{id}", "x").replace("{clientId}", "1").replace("{userId}", "x");
        let method = if known == Method::Get { http::Method::GET } else { http::Method::POST };
        for method in [method, http::Method::PUT, http::Method::OPTIONS] {
            for login in [None, Some(LOGIN.1), Some("Bearer x")] {
                let mut request = Request::builder().method(method.clone()).uri(&path);
                if let Some(login) = login {
                    request = request.header("authorization", login);
                }
                let request = request.body(Full::new(Bytes::new())).unwrap();
                let reply = api.answer(request, PEER.into()).await.unwrap();
                let at = format!("{method} {path} with {login:?}: {}", reply.status());
                assert_eq!(reply.headers().get("cache-control").unwrap(), "no-store", "{at}");
                let is_for_all = login.is_none() && path != farcast_api::login::LOGIN_PATH;
                assert_eq!(reply.headers().contains_key("access-control-allow-origin"), is_for_all, "{at}");
            }
        }
    }
}

/// `admin:` and a guess.
fn guess(number: u32) -> String {
    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD.encode(format!("admin:guess {number}"));
    format!("Basic {login}")
}

#[tokio::test]
async fn strangers_behind_the_same_address_do_not_lock_out_who_logged_in_before() {
    let rig = Rig::new().await;
    let first = rig.ask("GET", "status", &[LOGIN], "").await;
    let set = first.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = set.split(';').next().unwrap();
    // Who shows it gets no other one; what is not looked at gets none.
    let again = rig.ask("GET", "status", &[LOGIN, ("cookie", cookie)], "").await;
    assert!(again.status() == 200 && !again.headers().contains_key("set-cookie"));
    let mut statuses = Vec::new();
    for number in 0..60 {
        let reply = rig.ask("GET", "status", &[("authorization", &guess(number))], "").await;
        assert!(!reply.headers().contains_key("set-cookie"));
        statuses.push(reply.status().as_u16());
    }
    // Five, and as many of the allowance that the owner's login gave the address.
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
    assert_eq!(rig.ask("GET", "status", &[LOGIN], "").await.status(), 429);
    assert_eq!(rig.ask("GET", "status", &[LOGIN, ("cookie", cookie)], "").await.status(), 200);
    // It is no login, and its bearer is braked as well.
    assert_eq!(rig.ask("GET", "status", &[("cookie", cookie)], "").await.status(), 401);
    let mut last = 0;
    for number in 100..106 {
        let headers = [("authorization", &*guess(number)), ("cookie", cookie)];
        last = rig.ask("GET", "status", &headers, "").await.status().as_u16();
    }
    assert_eq!(last, 429);
    // Another password ends it.
    let credentials = &rig.admin.managed.credentials;
    let headers = HeaderMap::from_iter([(http::header::COOKIE, cookie.parse().unwrap())]);
    let exemption = || Exemption::read(&headers, &credentials.exemption_key(), WallTime::now());
    assert!(exemption().is_some());
    credentials.set(Which::AdminPassword, farcast_config::Secret::new("first-stream-key")).await.unwrap();
    assert!(exemption().is_none());
}

#[tokio::test]
async fn an_edge_cannot_guess_by_claiming_addresses_nor_lock_anybody_out() {
    let rig = Rig::new().await;
    let edge = Some(farcast_link::sender::EdgeId::from([1; 32]));
    let ask = async |login: &str, address: [u8; 4], edge| {
        let request = Request::get("/api/admin/status").header("authorization", login);
        let caller = Caller { edge, ..Caller::from(std::net::IpAddr::from(address)) };
        let request = request.body(Full::new(Bytes::new())).unwrap();
        rig.admin.answer(request, caller).await.unwrap().status().as_u16()
    };
    let mut looked_at = 0;
    for number in 0..200_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        looked_at += u32::from(ask(&guess(number), [10, 0, high, low], edge).await == 401);
    }
    assert_eq!(looked_at, 20);
    for (address, other) in
        [([10, 0, 0, 1], None), ([10, 0, 0, 1], Some(farcast_link::sender::EdgeId::from([2; 32])))]
    {
        assert_eq!(ask(LOGIN.1, address, other).await, 200);
    }
}

#[tokio::test]
async fn the_owner_is_advised_to_set_the_password_apart_while_it_is_the_stream_key() {
    let rig = Rig::new().await;
    let warnings = rig.see("logs/warnings").await;
    assert!(warnings.to_string().contains("stream key is the admin password"), "{warnings}");
    rig.admin
        .managed
        .credentials
        .set(Which::AdminPassword, farcast_config::Secret::new("first-stream-key"))
        .await
        .unwrap();
    assert_eq!(rig.see("logs/warnings").await, json!([]));
}

#[tokio::test]
async fn join_tokens_are_made_listed_and_revoked_and_their_secrets_are_shown_once() {
    let rig = Rig::new().await;
    let listed = rig.see("jointokens").await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["standing"]), (1, &json!(true)));
    let body = json!({ "label": "Frankfurt", "maxUses": 1 }).to_string();
    let made = rig.ask("POST", "jointokens/create", &[LOGIN], &body).await;
    let made: Value = serde_json::from_slice(made.body()).unwrap();
    let whole: farcast_link::JoinToken = made["token"].as_str().unwrap().parse().unwrap();
    assert_eq!(whole.addresses, ["origin.example:4433"]);
    assert_eq!(made["command"], format!("farcast-edge join {whole}"));
    assert_eq!((&made["state"], &made["uses"], &made["maxUses"]), (&json!("valid"), &json!(0), &json!(1)));
    let listed = rig.see("jointokens").await;
    assert!(listed[1]["label"] == "Frankfurt" && listed[1].get("token").is_none(), "{listed}");
    assert!(listed[1].get("command").is_none(), "{listed}");
    let revoke = json!({ "id": made["id"] });
    assert_eq!(rig.save("jointokens/revoke", revoke).await.0, 200);
    assert_eq!(rig.see("jointokens").await[1]["state"], "revoked");
    // The one in the file is replaced.
    let standing = json!({ "id": listed[0]["id"] });
    assert_eq!(rig.save("jointokens/revoke", standing).await.0, 200);
    let after = rig.see("jointokens").await;
    assert!(after[0]["state"] == "revoked" && after[2]["standing"] == true && after[2]["state"] == "valid");
    for (path, body, status) in [
        ("jointokens/revoke", json!({ "id": "none" }), 404),
        ("jointokens/revoke", json!({}), 404),
        ("jointokens/create", json!({ "maxUses": 0 }), 400),
        ("jointokens/create", json!([]), 400),
        ("jointokens/create", json!([null, null]), 400),
        ("edges/revoke", json!(["nobody"]), 400),
        ("jointokens/revoke", json!(["none", true]), 400),
        ("jointokens/create", json!({ "lifetimeSeconds": 0 }), 400),
        ("jointokens/create", json!({ "lifetimeSeconds": 31_536_001 }), 400),
        ("jointokens/create", json!({ "label": "a\u{202e}b" }), 400),
        ("jointokens/create", json!({ "label": "x".repeat(101) }), 400),
        ("jointokens/create", json!({ "label": null, "lifetimeSeconds": null, "maxUses": null }), 200),
        ("edges/revoke", json!({ "name": "nobody" }), 404),
    ] {
        assert_eq!(rig.save(path, body.clone()).await.0, status, "{path} {body}");
    }
}

#[tokio::test]
async fn edges_are_listed_and_shut_out_with_the_token_that_they_know() {
    let rig = Rig::new().await;
    assert_eq!(rig.see("edges").await, json!([]));
    let roster = &rig.admin.managed.roster;
    let token = roster.tokens()[0].id.clone();
    let key = rcgen::KeyPair::generate().unwrap();
    let made = roster.enrol(&token, "one", key.public_key_raw(), WallTime::now()).unwrap();
    let certificate = farcast_link::roster::fingerprint(&made.certificate);
    let place = roster.admit(&certificate, "192.0.2.7:1".parse().unwrap(), WallTime::now()).unwrap();
    let listed = rig.see("edges").await;
    assert_eq!((&listed[0]["name"], &listed[0]["address"]), (&json!("one"), &json!("192.0.2.7")));
    assert!(
        listed[0]["connected"] == true && listed[0]["joinToken"] == token && listed[0]["revokedAt"].is_null()
    );
    assert_eq!(rig.save("edges/revoke", json!({ "name": "one" })).await.0, 200);
    assert!(place.cut.is_cancelled() && rig.see("edges").await[0]["revokedAt"].is_string());
    assert_eq!(rig.see("jointokens").await[0]["state"], "revoked");
}
