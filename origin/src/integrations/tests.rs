//! Tests of what integrations may do, on the store alone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_api::budget::{self, MIN_BUDGET};
use farcast_chat::{User, entry::Entry as LogEntry};
use farcast_link::sender::tests::{Origin, say};
use farcast_link::sender::{Edges, Metrics};
use farcast_store::memory::Memory;
use farcast_store::{Answer as StoreAnswer, Committed, Engine, Key, Page, Scan, Versionstamp};
use http_body_util::Full;
use serde_json::{Value, json};

use super::*;

const PEER: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

struct Rig {
    store: Store,
    api: Integrations,
}

struct Answer {
    status: u16,
    reply: Reply,
}

impl Answer {
    fn json(&self) -> (u16, Value) {
        (self.status, serde_json::from_slice(self.reply.body()).unwrap())
    }
}

impl Rig {
    fn new() -> Self {
        Self::with(Edges::new(Metrics::new(&prometheus::Registry::new()).unwrap()))
    }

    fn with(edges: Edges) -> Self {
        let store = Memory::store().0;
        let runtime = OperatorSettings { name: "Ada's".to_owned(), ..OperatorSettings::default() };
        let snapshot = Snapshot { runtime: Arc::new(runtime), tip: Bytes::new() };
        let (_, runtime) = watch::channel(Some(snapshot));
        let ((_, status), (_, air)) = (watch::channel(None), watch::channel(Air::default()));
        let metrics = budget::Metrics::new(&prometheus::Registry::new()).unwrap();
        let bodies = Budget::new(MIN_BUDGET, metrics);
        let services = Services { store: store.clone(), runtime, edges, bodies, status, air };
        Self { api: Integrations::new(services), store }
    }

    async fn token(&self, name: &str, scopes: &[Scope]) -> String {
        tokens::create(&self.store, name.to_owned(), scopes.to_vec(), WallTime::now()).await.unwrap().1
    }

    async fn raw(&self, method: &str, path: &str, authorization: Option<&str>, body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{PREFIX}{path}"));
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let reply = self.api.answer(request, PEER).await.expect("the path is known");
        Answer { status: reply.status().as_u16(), reply }
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.raw("POST", path, Some(&format!("Bearer {token}")), body.to_string()).await
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.raw("GET", path, Some(&format!("Bearer {token}")), String::new()).await
    }

    async fn log(&self) -> Vec<LogEntry> {
        let chunk = log::after(&self.store, Versionstamp::ZERO).await.unwrap();
        chunk.entries.into_iter().map(|(_, entry)| entry).collect()
    }
}

fn done(message: &str) -> (u16, Value) {
    (200, json!({ "success": true, "message": message }))
}

fn problem_of(status: u16, error: &str) -> (u16, Value) {
    (status, json!({ "error": error }))
}

#[tokio::test]
async fn each_path_needs_its_scope_and_no_other_does() {
    use Scope::{CanSendMessages, CanSendSystemMessages, HasAdminAccess};
    let rig = Rig::new();
    let mut tokens = Vec::new();
    for scope in [CanSendMessages, CanSendSystemMessages, HasAdminAccess] {
        tokens.push((scope, rig.token("Bot", &[scope]).await));
    }
    for (method, path, needed) in [
        ("POST", "chat/send", CanSendMessages),
        ("POST", "chat/user", CanSendMessages),
        ("POST", "chat/system", CanSendSystemMessages),
        ("POST", "chat/action", CanSendSystemMessages),
        ("POST", "chat/system/client/17", CanSendSystemMessages),
        ("GET", "chat", HasAdminAccess),
        ("GET", "clients", HasAdminAccess),
        ("POST", "streamtitle", HasAdminAccess),
        ("POST", "chat/messagevisibility", HasAdminAccess),
        ("POST", "chat/updatemessagevisibility", HasAdminAccess),
        ("GET", "status", HasAdminAccess),
        ("GET", "moderation/chat/user/nobody", HasAdminAccess),
    ] {
        for (scope, token) in &tokens {
            let bearer = format!("bEARER {token}");
            let status = rig.raw(method, path, Some(&bearer), "{}".to_owned()).await.status;
            assert_eq!(status == 401, *scope != needed, "{path} with {scope:?}: {status}");
            let wrong = if method == "GET" { "POST" } else { "GET" };
            let status = rig.raw(wrong, path, Some(&bearer), String::new()).await.status;
            assert_eq!(status, if *scope == needed { 405 } else { 401 }, "{wrong} {path}");
        }
    }
    assert_eq!(listed().count(), 12);
}

#[tokio::test]
async fn without_a_token_that_is_known_nothing_is_done() {
    let rig = Rig::new();
    let token = rig.token("Bot", &[Scope::CanSendMessages]).await;
    let body = json!({ "body": "hello" }).to_string();
    for authorization in [
        None,
        Some(token.clone()),
        Some(format!("Basic {token}")),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Bearer {}", "x".repeat(300))),
        Some(format!("Bearer {}x", token)),
    ] {
        let answer = rig.raw("POST", "chat/send", authorization.as_deref(), body.clone()).await;
        assert_eq!(answer.status, 401, "{authorization:?}");
        assert_eq!(answer.reply.body(), "unauthorized");
        let headers = answer.reply.headers();
        assert_eq!(headers[http::header::CONTENT_TYPE], "text/plain; charset=utf-8");
        assert_eq!(headers[WWW_AUTHENTICATE], "Bearer");
    }
    assert!(rig.log().await.is_empty());
    let preflight = rig.raw("OPTIONS", "chat/send", None, String::new()).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.reply.headers()[http::header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let request = Request::get("/api/integrations/nothing").body(Full::new(Bytes::new())).unwrap();
    assert!(rig.api.answer(request, PEER).await.is_none());
}

#[tokio::test]
async fn deleted_tokens_are_refused_and_the_use_of_others_is_noted_once_a_minute() {
    let rig = Rig::new();
    let token = rig.token("Bot", &[Scope::HasAdminAccess]).await;
    let used = async || tokens::all(&rig.store).await.unwrap()[0].1.last_used_at;
    assert_eq!(used().await, None);
    assert_eq!(rig.get("chat", &token).await.json(), (200, json!([])));
    let first = used().await.expect("it was used");
    assert_eq!(rig.get("chat", &token).await.status, 200);
    assert_eq!(used().await, Some(first));
    let held = tokens::find(&rig.store, &token).await.unwrap().unwrap();
    let later = first.after(Duration::from_secs(60));
    tokens::used(&rig.store, held.clone(), later).await;
    assert_eq!(used().await, Some(later));
    assert!(tokens::delete(&rig.store, &tokens::place(&token), "Bot").await.unwrap());
    assert_eq!(rig.get("chat", &token).await.status, 401);
    // A request that was under way does not bring it back, and says nothing.
    tokens::used(&rig.store, held.clone(), later.after(Duration::from_secs(600))).await;
    assert!(tokens::all(&rig.store).await.unwrap().is_empty());
    let late = rig.api.send(&held, br#"{"body":"hello"}"#).await.unwrap();
    assert_eq!((late.status().as_u16(), rig.log().await.len()), (401, 0));
}

#[tokio::test]
async fn guesses_are_braked_and_tokens_that_were_right_are_not() {
    let rig = Rig::new();
    let [known, unknown] =
        [rig.token("A", &[Scope::HasAdminAccess]).await, rig.token("B", &[Scope::HasAdminAccess]).await];
    assert_eq!(rig.get("chat", &known).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(rig.get("chat", "wrong").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    let braked = rig.get("chat", "wrong").await;
    assert!(braked.reply.headers().contains_key(http::header::RETRY_AFTER));
    assert_eq!(rig.get("chat", &known).await.status, 200);
    assert_eq!(rig.get("chat", &unknown).await.status, 429);
    // Nor is it any more once it was deleted.
    tokens::delete(&rig.store, &tokens::place(&known), "A").await.unwrap();
    assert_eq!(rig.get("chat", &known).await.status, 401);
    assert_eq!(rig.get("chat", &known).await.status, 429);
}

#[tokio::test]
async fn a_bot_speaks_in_its_own_name() {
    let rig = Rig::new();
    let token = rig.token("Poll bot", &[Scope::CanSendMessages, Scope::HasAdminAccess]).await;
    let kept = tokens::all(&rig.store).await.unwrap().remove(0).1;
    assert_eq!(rig.post("chat/send", &token, json!({ "body": "**hello**" })).await.json(), done("sent"));
    let log = rig.log().await;
    let [LogEntry { event: Event::Message { user, client, body, raw }, .. }] = &log[..] else {
        panic!("{log:?}")
    };
    let expected = User { is_bot: true, id: kept.id, display_color: kept.color, ..user.clone() };
    assert_eq!((user, user.display_name.as_str()), (&expected, "Poll bot"));
    assert_eq!((client, raw.as_str()), (&None, "**hello**"));
    assert!(body.contains("<strong>hello</strong>") && !body.contains('\n'), "{body}");
    let (status, shown) = rig.get("chat", &token).await.json();
    assert_eq!((status, &shown[0]["user"]["isBot"]), (200, &json!(true)));
    assert_eq!(shown[0]["id"], log[0].id);
    for (body, error) in [
        (json!({ "body": "   " }), "invalid message"),
        (json!({ "body": "" }), "body has 1 to 10000 characters"),
        (json!({ "body": "x".repeat(10_001) }), "body has 1 to 10000 characters"),
        (json!({ "body": 7 }), "the JSON has another form than this needs"),
        (json!({}), "the JSON has another form than this needs"),
    ] {
        assert_eq!(rig.post("chat/send", &token, body).await.json(), problem_of(400, error));
    }
    let broken = rig.raw("POST", "chat/send", Some(&format!("Bearer {token}")), "{".to_owned()).await;
    assert!(broken.json().1["error"].as_str().unwrap().contains("not JSON"));
    let huge = json!({ "body": "x".repeat(70_000) });
    assert_eq!(rig.post("chat/send", &token, huge).await.status, 413);
    let old = rig.post("chat/user", &token, json!({ "body": "x" })).await;
    assert_eq!(old.json(), problem_of(400, "no longer supported. see /api/integrations/chat/send"));
    assert_eq!(rig.log().await.len(), 1);
}

#[tokio::test]
async fn system_messages_and_actions_are_the_servers() {
    let rig = Rig::new();
    let token = rig.token("Bot", &[Scope::CanSendSystemMessages]).await;
    let said = json!({ "body": "in *five* minutes", "author": "x" });
    assert_eq!(rig.post("chat/system", &token, said.clone()).await.json(), done("sent"));
    assert_eq!(rig.post("chat/action", &token, said).await.json(), done("sent"));
    let log = rig.log().await;
    let events: Vec<_> = log.iter().map(|entry| &entry.event).collect();
    let [Event::System { name, body }, Event::Action { body: action }] = &events[..] else {
        panic!("{log:?}")
    };
    assert_eq!(name, "Ada's");
    assert!(body.contains("<em>five</em>") && action.contains("<em>five</em>"));
    for path in ["chat/system", "chat/action"] {
        let blank = rig.post(path, &token, json!({ "body": " \n " })).await;
        assert_eq!(blank.json(), problem_of(400, "invalid message"));
    }
    assert_eq!(rig.log().await.len(), 2);
}

#[tokio::test]
async fn a_client_that_no_edge_has_is_not_found() {
    let rig = Rig::new();
    let token = rig.token("Bot", &[Scope::CanSendSystemMessages]).await;
    let tell = |client: &'static str, body: &'static str| {
        let (rig, token) = (&rig, &token);
        async move {
            rig.post(&format!("chat/system/client/{client}"), token, json!({ "body": body })).await.json()
        }
    };
    assert_eq!(tell("17", "hello").await, problem_of(404, "client 17 not found"));
    for client in ["abc", "-1", "+1", "1.0", "99999999999999999999999"] {
        assert_eq!(tell(client, "hello").await, problem_of(400, "invalid client id"), "{client}");
    }
    assert_eq!(tell("17", " ").await, problem_of(400, "invalid message"));
    assert!(rig.log().await.is_empty(), "it is for one connection, not for the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_told_by_the_edge_that_has_it() {
    let origin = Origin::start();
    let rig = Rig::with(origin.channels.edges().clone());
    let token = rig.token("Bot", &[Scope::CanSendSystemMessages]).await;
    let here = |ask, send| async move {
        let Ask::Tell { client, name, body } = ask else { panic!("{ask:?}") };
        assert!(name == "Ada's" && body.contains("<em>you</em>"), "{name}: {body}");
        say(send, if client == 17 { "true" } else { "false" }).await;
    };
    let mut edges = vec![origin.edge(here).await, origin.edge(|_, send| say(send, "false")).await];
    origin.until_edges(2).await;
    let tell = async |client: u64| {
        let path = format!("chat/system/client/{client}");
        rig.post(&path, &token, json!({ "body": "*you*" })).await
    };
    assert_eq!(tell(17).await.json(), done("sent"));
    assert_eq!(tell(18).await.json(), problem_of(404, "client 18 not found"));
    // One that gives no answer may be the one that has it.
    edges.push(origin.edge(|_, send| say(send, "what?")).await);
    origin.until_edges(3).await;
    assert_eq!(tell(17).await.json(), done("sent"));
    let unsure = tell(18).await;
    assert_eq!((unsure.status, unsure.json().1["success"].clone()), (503, json!(false)));
    assert!(unsure.reply.headers().contains_key(http::header::RETRY_AFTER));
    origin.stop(edges).await;
}

#[tokio::test]
async fn title_and_visibility_are_set_as_the_admin_does() {
    let rig = Rig::new();
    let token = rig.token("Bot", &[Scope::HasAdminAccess]).await;
    let titled = rig.post("streamtitle", &token, json!({ "value": "Mending" })).await;
    assert_eq!(titled.json(), done("changed"));
    assert_eq!(farcast_settings::load(&rig.store).await.unwrap().stream_title, "Mending");
    let long = rig.post("streamtitle", &token, json!({ "value": "x".repeat(256) })).await.json();
    assert_eq!((long.0, &long.1["success"]), (400, &json!(false)));
    for path in ["chat/messagevisibility", "chat/updatemessagevisibility"] {
        let hidden = rig.post(path, &token, json!({ "idArray": ["a"], "visible": false })).await;
        assert_eq!(hidden.json(), done("changed"));
        assert_eq!(rig.post(path, &token, json!({ "idArray": [] })).await.status, 400);
    }
    let hides = |entry: &LogEntry| matches!(entry.event, Event::Visibility { visible: false, .. });
    assert_eq!(rig.log().await.iter().filter(|entry| hides(entry)).count(), 2);
    assert_eq!(rig.get("clients", &token).await.json(), (200, json!([])));
}

#[tokio::test]
async fn names_of_tokens_are_reserved_as_long_as_there_are_tokens_of_them() {
    let rig = Rig::new();
    let reserved = async || farcast_settings::load(&rig.store).await.unwrap().reserved_usernames;
    let mut tokens = Vec::new();
    for name in ["Bot", "Poll", "Bot"] {
        tokens.push(rig.token(name, &[Scope::CanSendMessages]).await);
    }
    assert_eq!(reserved().await, ["Bot", "Poll", "Bot"]);
    let delete = async |index: usize, name: &str| {
        tokens::delete(&rig.store, &tokens::place(&tokens[index]), name).await.unwrap()
    };
    assert!(delete(0, "Bot").await);
    assert!(!delete(0, "Bot").await, "it is deleted once");
    assert_eq!(reserved().await, ["Poll", "Bot"]);
    assert!(delete(1, "Poll").await);
    assert_eq!(reserved().await, ["Bot"]);
    // As an origin finds it that did not reserve names before.
    rig.store
        .commit(
            farcast_settings::change(
                Batch::new(),
                farcast_settings::Field("reservedUsernames"),
                &Vec::<String>::new(),
            )
            .unwrap(),
        )
        .await
        .unwrap();
    tokens::reserve_names(&rig.store).await.unwrap();
    assert_eq!(reserved().await, ["Bot"]);
    let long = "🦀".repeat(255);
    let mut made = 0;
    while tokens::create(&rig.store, long.clone(), vec![Scope::CanSendMessages], WallTime::now())
        .await
        .is_ok()
    {
        made += 1;
    }
    assert!((50..200).contains(&made), "{made}");
}

/// An engine in which whoever comes at the same time reads before anybody writes.
#[derive(Debug)]
struct Turns(Arc<Memory>);

async fn yielding<T>(work: impl Future<Output = T>) -> T {
    tokio::task::yield_now().await;
    work.await
}

impl Engine for Turns {
    fn get(&self, key: Key) -> StoreAnswer<'_, Option<Bytes>> {
        Box::pin(yielding(self.0.get(key)))
    }

    fn scan(&self, scan: Scan) -> StoreAnswer<'_, Page> {
        Box::pin(yielding(self.0.scan(scan)))
    }

    fn commit(&self, batch: Arc<Batch>) -> StoreAnswer<'_, Committed> {
        Box::pin(yielding(self.0.commit(batch)))
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> StoreAnswer<'_, Option<Bytes>> {
        Box::pin(yielding(self.0.changed(key, seen)))
    }
}

#[tokio::test]
async fn tokens_that_are_made_and_deleted_at_once_are_all_reserved_and_released() {
    let store = Store::new(Arc::new(Turns(Memory::store().1)));
    let make = |number: u32| {
        let scopes = vec![Scope::CanSendMessages];
        tokens::create(&store, format!("bot {number}"), scopes, WallTime::now())
    };
    let (a, b, c) = tokio::join!(make(1), make(2), make(3));
    let secrets = [a, b, c].map(|made| made.unwrap().1);
    let reserved = async || {
        let mut names = farcast_settings::load(&store).await.unwrap().reserved_usernames;
        names.sort();
        names
    };
    assert_eq!(reserved().await, ["bot 1", "bot 2", "bot 3"]);
    let delete = async |index: usize, name: &str| {
        tokens::delete(&store, &tokens::place(&secrets[index]), name).await.unwrap()
    };
    let (again, first, second) = tokio::join!(delete(0, "bot 1"), delete(0, "bot 1"), delete(1, "bot 2"));
    assert_eq!((u8::from(again) + u8::from(first), second), (1, true));
    assert_eq!(reserved().await, ["bot 3"]);
    let left: Vec<_> = tokens::all(&store).await.unwrap().into_iter().map(|(_, token)| token.name).collect();
    assert_eq!(left, ["bot 3"]);
}
