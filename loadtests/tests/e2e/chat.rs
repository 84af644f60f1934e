//! The chat across edges: one order, moderation, hostile input, and what is left when processes die.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use farcast_loadtests::chat::frame::Opcode;
use farcast_loadtests::harness::chatter::{Account, Chatter};
use farcast_loadtests::harness::edge::{Edge, login};
use farcast_loadtests::harness::stage::{KEY, Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const START: Duration = Duration::from_secs(30);
/// Owncast's limit of a line per two thirds of a second, with some air.
const LINE_PAUSE: Duration = Duration::from_millis(800);

async fn two_edges() -> (Stage, [Edge; 2]) {
    let stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let edges = [stage.edge(0), stage.edge(1)];
    (stage, edges)
}

/// Asks the admin API through an edge.
async fn admin(edge: Edge, path: &str, body: &Value) -> (StatusCode, Value) {
    let path = format!("/api/admin/{path}");
    let method = if body.is_null() { Method::GET } else { Method::POST };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = edge.ask(method, &path, &[login(KEY)], body).await.unwrap();
    (answer.status(), serde_json::from_slice(answer.body()).unwrap_or_default())
}

async fn set(edge: Edge, path: &str, value: Value) {
    let (status, answer) = admin(edge, &format!("config/{path}"), &json!({ "value": value })).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lines_of_two_edges_are_heard_everywhere_in_one_order_and_remembered() {
    let (_stage, edges) = two_edges().await;
    let mut chatters = Vec::new();
    for n in 0..8 {
        let account = Account::register(edges[n % 2], &format!("Person {n}")).await.unwrap();
        chatters.push(account.connect(edges[n % 2]).await.unwrap());
    }
    let newcomer = Account::register(edges[1], "Newcomer").await.unwrap();
    // All speak at once.
    let mut tasks = JoinSet::new();
    for (n, mut chatter) in chatters.into_iter().enumerate() {
        tasks.spawn(async move {
            chatter.say(&format!("line **{n}**")).await;
            let mut heard = Vec::new();
            while heard.len() < 8 {
                let message = chatter.until("eight lines", |value| value["type"] == "CHAT").await.unwrap();
                heard.push(message["body"].as_str().unwrap().to_owned());
            }
            heard
        });
    }
    let heard = tasks.join_all().await;
    assert!(heard.iter().all(|one| *one == heard[0]), "{heard:#?}");
    assert_eq!(heard[0].iter().collect::<HashSet<_>>().len(), 8);
    assert!(heard[0].contains(&"line <strong>3</strong>".to_owned()));
    for edge in edges {
        let backlog = newcomer.backlog(edge).await.unwrap();
        assert_eq!(bodies(&backlog), heard[0]);
        assert!(backlog[0]["clientId"].as_u64().is_some_and(|id| id < 1 << 53));
    }
}

/// Sockets that open on one edge while a bot speaks through the other: each hears what is said once it is open.
#[tokio::test]
async fn whose_socket_is_open_hears_what_is_said_on_the_other_edge_at_once() {
    let (_stage, [first, second]) = two_edges().await;
    let wanted = json!({ "name": "Bot", "scopes": ["CAN_SEND_MESSAGES"] });
    let (_, bot) = admin(first, "accesstokens/create", &wanted).await;
    let bearer = [("authorization", format!("Bearer {}", bot["accessToken"].as_str().unwrap()))];
    for n in 0..24 {
        let account = Account::register(second, &format!("Person {n}")).await.unwrap();
        // The answer that opens it is all that is waited for.
        let mut socket = Chatter::open(second, &account.path("/ws")).await.unwrap();
        let words = format!("word {n}");
        let body = json!({ "body": words }).to_string();
        let said = first.ask(Method::POST, "/api/integrations/chat/send", &bearer, body).await.unwrap();
        assert_eq!(said.status(), StatusCode::OK, "{said:?}");
        let info = socket.next().await.unwrap();
        assert_eq!(info["type"], "CONNECTED_USER_INFO");
        socket.hears(&words).await.unwrap();
    }
}

#[tokio::test]
async fn names_are_cleaned_refused_and_told() {
    let (_stage, [first, second]) = two_edges().await;
    let ada = Account::register(first, "  Ada\u{202e}\u{0007} ").await.unwrap();
    assert_eq!(ada.name, "Ada");
    // Names that are not for everybody are not given.
    for name in ["Farcast", "the admin", "\u{200b}", ""] {
        let given = Account::register(second, name).await.unwrap().name;
        assert!(!given.is_empty() && given != name, "{given}");
    }
    let (mut one, mut other) = (ada.connect(first).await.unwrap(), ada.connect(second).await.unwrap());
    one.send(&json!({ "type": "NAME_CHANGE", "newName": "Ada Lovelace" })).await;
    let told = one.until("the new name", |value| value["type"] == "NAME_CHANGE").await.unwrap();
    assert_eq!((&told["oldName"], &told["user"]["displayName"]), (&json!("Ada"), &json!("Ada Lovelace")));
    assert_eq!(told["user"]["previousNames"], json!(["Ada", "Ada Lovelace"]));
    // The same user's other connection, on the other edge, is told who they are now.
    let info = other.until("who they are", |value| value["type"] == "CONNECTED_USER_INFO").await.unwrap();
    assert_eq!(info["user"]["displayName"], "Ada Lovelace");
    tokio::time::sleep(LINE_PAUSE).await;
    one.send(&json!({ "type": "NAME_CHANGE", "newName": "xX_OWNCAST_Xx" })).await;
    let refused = one.until("a refusal", |value| value["type"] == "CHAT_ACTION").await.unwrap();
    assert!(
        refused["body"].as_str().unwrap().contains("You cannot change your name to <strong>xX"),
        "{refused}"
    );
    let info = one.next().await.unwrap();
    assert_eq!(info["user"]["displayName"], "Ada Lovelace");

    // Another colour: told to whose it is at every edge, and carried by what they say from then on.
    let hue = (info["user"]["displayColor"].as_u64().unwrap() + 100) % 360;
    let guest = Account::register(second, "Guest").await.unwrap();
    let mut guest = guest.connect(second).await.unwrap();
    tokio::time::sleep(LINE_PAUSE).await;
    one.send(&json!({ "type": "COLOR_CHANGE", "newColor": hue })).await;
    for connection in [&mut one, &mut other] {
        let info =
            connection.until("the colour", |value| value["type"] == "CONNECTED_USER_INFO").await.unwrap();
        assert_eq!(info["user"]["displayColor"], hue);
    }
    tokio::time::sleep(LINE_PAUSE).await;
    one.say("in another colour").await;
    let told = guest.hears("in another colour").await.unwrap();
    assert_eq!(
        (&told["user"]["displayColor"], &told["user"]["displayName"]),
        (&json!(hue), &json!("Ada Lovelace"))
    );
    tokio::time::sleep(LINE_PAUSE).await;
    one.send(&json!({ "type": "COLOR_CHANGE", "newColor": 361 })).await;
    let refused = one.until("a refusal", |value| value["type"] == "CHAT_ACTION").await.unwrap();
    assert!(refused["body"].as_str().unwrap().contains("from 0 to 360"), "{refused}");
    assert_eq!(one.next().await.unwrap()["user"]["displayColor"], hue);

    // Names are suggested where there are enough of them, and who came just now may not write where that is set.
    let suggested: Vec<_> = (0..10).map(|n| format!("Star {n}")).collect();
    set(first, "chat/suggestedusernames", json!(suggested)).await;
    set(first, "chat/establishedusermode", json!(true)).await;
    let newcomer = Account::register(first, "").await.unwrap();
    assert!(suggested.contains(&newcomer.name), "{}", newcomer.name);
    let mut newcomer = newcomer.connect(first).await.unwrap();
    newcomer.say("let me in").await;
    let refused = newcomer.next().await.unwrap();
    assert!(
        refused["body"].as_str().unwrap().contains("not been an established chat participant"),
        "{refused}"
    );
}

#[tokio::test]
async fn who_is_disabled_is_gone_from_every_edge_within_a_second() {
    let (_stage, [first, second]) = two_edges().await;
    let troll = Account::register(first, "Troll").await.unwrap();
    let guest = Account::register(second, "Guest").await.unwrap();
    let mut trolls = [troll.connect(first).await.unwrap(), troll.connect(second).await.unwrap()];
    let mut witness = guest.connect(second).await.unwrap();
    trolls[0].say("nasty").await;
    let nasty = witness.hears("nasty").await.unwrap();
    tokio::time::sleep(LINE_PAUSE).await;
    trolls[1].say("nasty again").await;
    witness.hears("nasty again").await.unwrap();

    // A moderator, who is made one by the admin, acts with their own token.
    let moderator = Account::register(second, "Mod").await.unwrap();
    let act = |path: &str, body: Value| {
        let path = moderator.path(path);
        async move { second.ask(Method::POST, &path, &[], body.to_string()).await.unwrap() }
    };
    let disable = json!({ "userId": troll.id, "enabled": false });
    let refused = act("/api/chat/users/setenabled", disable.clone()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let (status, _) =
        admin(first, "chat/users/setmoderator", &json!({ "userId": moderator.id, "isModerator": true }))
            .await;
    assert_eq!(status, StatusCode::OK);
    let hidden =
        act("/api/chat/messagevisibility", json!({ "idArray": [nasty["id"]], "visible": false })).await;
    assert_eq!(hidden.status(), StatusCode::OK);
    let told =
        witness.until("a message is hidden", |value| value["type"] == "VISIBILITY-UPDATE").await.unwrap();
    assert_eq!((&told["ids"], &told["visible"]), (&json!([nasty["id"]]), &json!(false)));
    assert_eq!(bodies(&guest.backlog(first).await.unwrap()), ["nasty again"]);

    let began = Instant::now();
    assert_eq!(act("/api/chat/users/setenabled", disable).await.status(), StatusCode::OK);
    for connection in &mut trolls {
        connection.until("the end", |value| value["type"] == "ERROR_USER_DISABLED").await.unwrap();
        assert_eq!(connection.closed().await.unwrap(), 1008);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let told = witness.until("the action", |value| value["type"] == "CHAT_ACTION").await.unwrap();
    assert!(told["body"].as_str().unwrap().contains("<strong>Troll</strong> has been removed from chat."));
    witness.until("the rest is hidden", |value| value["type"] == "VISIBILITY-UPDATE").await.unwrap();
    for edge in [first, second] {
        assert_eq!(guest.backlog(edge).await.unwrap(), Vec::<Value>::new());
        let answer = edge.ask(Method::GET, &troll.path("/api/chat"), &[], "").await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let mut again = Chatter::open(edge, &troll.path("/ws")).await.unwrap();
        assert_eq!(again.next().await.unwrap()["type"], "ERROR_USER_DISABLED");
    }
    let (_, disabled) = admin(second, "chat/users/disabled", &Value::Null).await;
    assert_eq!(disabled[0]["id"], troll.id, "{disabled}");
    let (_, messages) = admin(second, "chat/messages", &Value::Null).await;
    assert_eq!(bodies(messages.as_array().unwrap()), ["nasty again", "nasty"]);
    assert!(messages.as_array().unwrap().iter().all(|message| message["hiddenAt"].is_string()), "{messages}");

    // Enabled again they may come back, and what was hidden stays so.
    let enabled = act("/api/chat/users/setenabled", json!({ "userId": troll.id, "enabled": true })).await;
    assert_eq!(enabled.status(), StatusCode::OK);
    troll.connect(first).await.unwrap();
    assert_eq!(guest.backlog(first).await.unwrap(), Vec::<Value>::new());
}

#[tokio::test]
async fn the_owner_sees_who_is_connected_bans_addresses_and_turns_the_chat_off() {
    let (_stage, [first, second]) = two_edges().await;
    // Behind a proxy that is trusted, everybody has an address of their own; here nobody sets one.
    let ada = Account::register(first, "Ada").await.unwrap();
    let bob = Account::register(second, "Bob").await.unwrap();
    let (mut a, mut b) = (ada.connect(first).await.unwrap(), bob.connect(second).await.unwrap());
    a.say("hello").await;
    b.hears("hello").await.unwrap();
    let (_, clients) = admin(first, "chat/clients", &Value::Null).await;
    let clients = clients.as_array().unwrap();
    let shown: Vec<_> =
        clients.iter().map(|client| (&client["user"]["displayName"], &client["messageCount"])).collect();
    assert_eq!(shown, [(&json!("Ada"), &json!(1)), (&json!("Bob"), &json!(0))]);
    assert_eq!(clients[1]["geo"]["regionName"], "Localhost");
    assert_eq!(
        (&clients[1]["ipAddress"], &clients[1]["userAgent"]),
        (&json!("127.0.0.1"), &json!("farcast-load"))
    );

    // A bot that may, speaks to one connection, on whichever edge it is.
    let wish = json!({ "name": "Bot", "scopes": ["CAN_SEND_MESSAGES", "CAN_SEND_SYSTEM_MESSAGES"] });
    let (_, token) = admin(second, "accesstokens/create", &wish).await;
    let bearer = ("authorization", format!("Bearer {}", token["accessToken"].as_str().unwrap()));
    let integrate = |path: String, body: Value| {
        let headers = [bearer.clone()];
        async move { first.ask(Method::POST, &path, &headers, body.to_string()).await.unwrap() }
    };
    let to_bob = format!("/api/integrations/chat/system/client/{}", clients[1]["clientID"].as_str().unwrap());
    let answer = integrate(to_bob, json!({ "body": "for **Bob**" })).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    let told = b.until("a word for Bob", |value| value["type"] == "SYSTEM").await.unwrap();
    assert!(told["body"].as_str().unwrap().contains("for <strong>Bob</strong>"), "{told}");
    let nobody =
        integrate("/api/integrations/chat/system/client/999999".to_owned(), json!({ "body": "x" })).await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    let answer = integrate("/api/integrations/chat/send".to_owned(), json!({ "body": "beep" })).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    for chatter in [&mut a, &mut b] {
        let said = chatter.hears("beep").await.unwrap();
        assert_eq!((&said["user"]["displayName"], &said["user"]["isBot"]), (&json!("Bot"), &json!(true)));
    }
    // A's word to all came before that, if there was one: Bob's did not reach A.
    tokio::time::sleep(LINE_PAUSE).await;
    a.send(&json!({ "type": "NAME_CHANGE", "newName": "bot" })).await;
    let refused = a.next().await.unwrap();
    assert!(refused["body"].as_str().unwrap().contains("cannot change your name"), "{refused}");

    set(first, "chat/disable", json!(true)).await;
    for chatter in [&mut a, &mut b] {
        assert_eq!(chatter.closed().await.unwrap(), 1001);
    }
    let closed = Chatter::open(second, &ada.path("/ws")).await.map(drop).unwrap_err().to_string();
    assert!(closed.contains("CHAT_DISABLED"), "{closed}");
    // An edge answers once it shows the change itself; others follow within moments.
    set(second, "chat/disable", json!(false)).await;
    ada.connect(second).await.unwrap();
}

#[tokio::test]
async fn a_broadcast_is_announced_and_who_comes_and_goes() {
    let (stage, [first, second]) = two_edges().await;
    set(first, "welcomemessage", json!("Welcome, **friends**")).await;
    let ada = Account::register(first, "Ada").await.unwrap();
    let mut witness = ada.connect(first).await.unwrap();
    let mut encoder = stage.encoder(Content::Both).unwrap();
    let action = |value: &Value, words: &str| {
        value["type"] == "CHAT_ACTION" && value["body"].as_str().is_some_and(|body| body.contains(words))
    };
    let started = "Stay tuned, the stream is <strong>starting</strong>!";
    tokio::time::timeout(START, witness.until("the start", |value| action(value, started)))
        .await
        .unwrap()
        .unwrap();
    let welcome = witness.until("the welcome", |value| value["type"] == "SYSTEM").await.unwrap();
    assert!(welcome["body"].as_str().unwrap().contains("Welcome, <strong>friends</strong>"), "{welcome}");
    set(second, "streamtitle", json!("Mending *a* radio")).await;
    witness
        .until("the title", |value| {
            action(value, "Stream title changed to <strong>Mending *a* radio</strong>")
        })
        .await
        .unwrap();

    let bob = Account::register(second, "Bob").await.unwrap();
    let came = bob.connect(second).await.unwrap();
    let joined = witness.until("Bob comes", |value| value["type"] == "USER_JOINED").await.unwrap();
    assert_eq!(joined["user"]["id"], bob.id);
    drop(came);
    let parted = witness.until("Bob goes", |value| value["type"] == "USER_PARTED").await.unwrap();
    assert_eq!(parted["user"]["id"], bob.id);

    encoder.start_kill().unwrap();
    let (status, _) = admin(first, "disconnect", &json!({})).await;
    assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST);
    witness.until("the end", |value| action(value, "The stream is ending.")).await.unwrap();
}

#[tokio::test]
async fn hostile_connections_end_and_nobody_else_notices() {
    let (stage, [edge, _]) = two_edges().await;
    let guest = Account::register(edge, "Guest").await.unwrap();
    let mut witness = guest.connect(edge).await.unwrap();
    let enemy = Account::register(edge, "Enemy").await.unwrap();
    for (opcode, payload, code) in [
        (Opcode::Text, vec![b'a'; 4097], 1009),
        (Opcode::Text, b"\xff\xfe".to_vec(), 1007),
        (Opcode::Binary, b"{}".to_vec(), 1003),
        (Opcode::Continuation, b"{}".to_vec(), 1002),
    ] {
        let mut socket = enemy.connect(edge).await.unwrap();
        socket.raw(opcode, &payload).await;
        assert_eq!(socket.closed().await.unwrap(), code, "{opcode:?}");
    }
    // What is no event is ignored; what is too long is told.
    let mut socket = enemy.connect(edge).await.unwrap();
    socket.raw(Opcode::Text, b"badchatdata").await;
    tokio::time::sleep(LINE_PAUSE).await;
    socket.say(&"x".repeat(2100)).await;
    let told = socket.next().await.unwrap();
    assert!(told["body"].as_str().unwrap().contains("exceeded the maximum size"), "{told}");
    // A flood: the first line is heard, then there is silence for ten seconds.
    let flooder = Account::register(edge, "Flooder").await.unwrap();
    let mut socket = flooder.connect(edge).await.unwrap();
    for n in 0..500 {
        socket.say(&format!("flood {n}")).await;
    }
    let told = socket.until("the mute", |value| value["type"] == "CHAT_ACTION").await.unwrap();
    assert!(told["body"].as_str().unwrap().contains("temporarily blocked"), "{told}");
    witness.hears("flood 0").await.unwrap();
    // Connections that never say anything, and one that never reads.
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut raw = TcpStream::connect(edge.http).await.unwrap();
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            enemy.path("/ws")
        );
        raw.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        raw.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 101");
        silent.push(raw);
    }
    // Not a WebSocket, half a handshake, an unmasked frame, a length beyond all memory.
    let answer = edge.ask(Method::GET, "/ws", &[], "").await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    for bytes in [&b"\x81\x01a"[..], b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", b"\xf1\x80\0\0\0\0"]
    {
        let mut raw = silent.pop().unwrap();
        raw.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        tokio::time::timeout(START, raw.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert!(rest.ends_with(&[0x88, 2, 0x03, 0xea]) || rest.ends_with(&[0x88, 2, 0x03, 0xf1]), "{rest:?}");
    }
    witness.say("still here").await;
    witness.hears("still here").await.unwrap();
    drop(stage);
}

#[tokio::test]
async fn the_chat_pauses_while_the_origin_restarts_and_loses_nothing() {
    let (mut stage, [first, second]) = two_edges().await;
    let ada = Account::register(first, "Ada").await.unwrap();
    let bob = Account::register(second, "Bob").await.unwrap();
    let (mut a, mut b) = (ada.connect(first).await.unwrap(), bob.connect(second).await.unwrap());
    a.say("before").await;
    b.hears("before").await.unwrap();
    assert_eq!(bodies(&ada.backlog(first).await.unwrap()), ["before"]);
    stage.take_origin().unwrap().kill().await.unwrap();
    tokio::time::sleep(LINE_PAUSE).await;
    a.say("while it is away").await;
    // It waits for the origin; the backlog is there all the while.
    assert_eq!(bodies(&ada.backlog(first).await.unwrap()), ["before"]);
    let (heard, started) = tokio::join!(
        tokio::time::timeout(START, async { a.hears("while it is away").await }),
        stage.start_origin()
    );
    started.unwrap();
    heard.unwrap().unwrap();
    b.hears("while it is away").await.unwrap();
    for edge in [first, second] {
        assert_eq!(bodies(&ada.backlog(edge).await.unwrap()), ["before", "while it is away"]);
    }
}

/// Somebody who keeps talking, comes back when cut off, and notes all that they hear.
struct Talker {
    account: Account,
    edge: Edge,
    /// Ids of messages in the order in which they were heard, with their bodies.
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Talker {
    async fn talk(self, seed: u64, stop: CancellationToken) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut said = 0;
        while !stop.is_cancelled() {
            let Ok(mut chatter) = self.account.connect(self.edge).await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            loop {
                let pause = LINE_PAUSE + Duration::from_millis(random.random_range(0..700));
                let value = tokio::select! {
                    () = stop.cancelled() => return,
                    value = chatter.listen() => value,
                    () = tokio::time::sleep(pause) => {
                        said += 1;
                        chatter.say(&format!("{seed}-{said}")).await;
                        continue;
                    }
                };
                let Ok(value) = value else { break };
                if value["type"] == "CHAT" {
                    let text = |key: &str| value[key].as_str().unwrap().to_owned();
                    self.heard.lock().unwrap().push((text("id"), text("body")));
                }
            }
        }
    }
}

/// A random run: everybody talks while each process is killed and started again. The seed is printed, and taken from
/// FARCAST_SEED if it is there.
#[tokio::test]
async fn whatever_dies_the_log_and_everybody_agree() {
    let seed = std::env::var("FARCAST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| rand::rng().random());
    eprintln!("FARCAST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut stage, edges) = two_edges().await;
    let stop = CancellationToken::new();
    let (mut talkers, mut notes) = (JoinSet::new(), Vec::new());
    for n in 0..6 {
        let edge = edges[n % 2];
        let account = Account::register(edge, &format!("Talker {n}")).await.unwrap();
        let heard = Arc::<Mutex<Vec<_>>>::default();
        notes.push(Arc::clone(&heard));
        talkers.spawn(Talker { account, edge, heard }.talk(n as u64, stop.clone()));
    }
    let heard_by_all = |count: usize| {
        let notes = &notes;
        let before: Vec<_> = notes.iter().map(|note| note.lock().unwrap().len()).collect();
        wait::until("everybody hears more", START, move || {
            let heard =
                notes.iter().zip(&before).all(|(note, before)| note.lock().unwrap().len() >= before + count);
            std::future::ready(heard.then_some(()))
        })
    };
    heard_by_all(3).await.unwrap();
    // Each process at least once, in an order of chance, and then some.
    let mut victims = vec![0, 1, 2, random.random_range(0..3)];
    for at in (1..victims.len()).rev() {
        victims.swap(at, random.random_range(0..=at));
    }
    for victim in victims {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1500))).await;
        if victim == 2 {
            stage.take_origin().unwrap().kill().await.unwrap();
            tokio::time::sleep(Duration::from_millis(random.random_range(0..800))).await;
            stage.start_origin().await.unwrap();
        } else {
            stage.take_edge(victim).unwrap().kill().await.unwrap();
            stage.start_edge(victim).await.unwrap();
        }
        heard_by_all(2).await.unwrap();
    }
    stop.cancel();
    talkers.join_all().await;

    // The log is what the owner sees, the newest first. What a talker said last may still be on its way: it is looked at while
    // nothing comes.
    let reader = Account::register(edges[0], "Reader").await.unwrap();
    let (messages, backlogs) = wait::until("a moment in which nothing comes", START, || async {
        // With a cluster the chat goes on before the origin is linked again, which the owner's view waits for.
        let before = admin(edges[0], "chat/messages", &Value::Null).await.1;
        before.as_array()?;
        let backlogs = [reader.backlog(edges[0]).await.ok()?, reader.backlog(edges[1]).await.ok()?];
        let (_, after) = admin(edges[0], "chat/messages", &Value::Null).await;
        (before == after).then_some((after, backlogs))
    })
    .await
    .unwrap();
    let log: Vec<_> = messages.as_array().unwrap().iter().rev().collect();
    let places: std::collections::HashMap<_, _> =
        log.iter().enumerate().map(|(place, message)| (message["id"].as_str().unwrap(), place)).collect();
    assert_eq!(places.len(), log.len(), "an entry is there twice");
    for note in &notes {
        let note = note.lock().unwrap();
        let heard: Vec<_> = note
            .iter()
            .map(|(id, body)| *places.get(&id[..]).unwrap_or_else(|| panic!("{body} was shown and is lost")))
            .collect();
        assert!(
            heard.windows(2).all(|pair| pair[0] < pair[1]),
            "heard in another order, or twice: {heard:?}"
        );
    }
    // Nobody said the same twice, though each was tried again and again.
    let said: HashSet<_> = log.iter().map(|message| message["body"].as_str().unwrap()).collect();
    assert_eq!(said.len(), log.len());
    for backlog in backlogs {
        let newest: Vec<_> =
            log[log.len().saturating_sub(50)..].iter().map(|message| &message["body"]).collect();
        assert_eq!(backlog.iter().map(|message| &message["body"]).collect::<Vec<_>>(), newest);
    }
}

/// How a receiver of webhooks treats a call.
#[derive(Clone, Copy)]
pub(crate) enum Mood {
    Takes,
    Fails,
    Redirects,
    Hangs,
}

/// A receiver that treats its first calls by `moods`, one after another, and then takes all; gives the bodies that it took.
pub(crate) async fn receiver(moods: Vec<Mood>) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let taken = Arc::<Mutex<Vec<Value>>>::default();
    let (bodies, mut moods) = (Arc::clone(&taken), moods.into_iter());
    tokio::spawn(async move {
        let mut hanging = Vec::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = tokio::io::BufReader::new(socket);
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let before = head.len();
                if socket.read_line(&mut head).await.unwrap() == 0 {
                    break;
                }
                if let Some(value) = head[before..].to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            socket.read_exact(&mut body).await.unwrap();
            let answer = match moods.next().unwrap_or(Mood::Takes) {
                Mood::Takes => {
                    bodies.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                    "204 No Content\r\nConnection: close\r\n\r\n"
                }
                Mood::Fails => "500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                Mood::Redirects => {
                    "302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                }
                Mood::Hangs => {
                    hanging.push(socket);
                    continue;
                }
            };
            socket.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.unwrap();
        }
    });
    (url, taken)
}

#[tokio::test]
async fn receivers_of_webhooks_that_misbehave_delay_no_line_and_lose_none() {
    let (_stage, [first, second]) = two_edges().await;
    let mut taken = Vec::new();
    for moods in [vec![], vec![Mood::Fails, Mood::Redirects, Mood::Fails], vec![Mood::Hangs, Mood::Hangs]] {
        let (url, bodies) = receiver(moods).await;
        let wish = json!({ "url": url, "events": ["CHAT", "NAME_CHANGE"] });
        let (status, hook) = admin(first, "webhooks/create", &wish).await;
        assert_eq!(
            (status, hook["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_"))),
            (StatusCode::OK, true)
        );
        taken.push(bodies);
    }
    let ada = Account::register(first, "Ada").await.unwrap();
    let bob = Account::register(second, "Bob").await.unwrap();
    let (mut a, mut b) = (ada.connect(first).await.unwrap(), bob.connect(second).await.unwrap());
    for n in 0..4 {
        let began = Instant::now();
        a.say(&format!("line {n}")).await;
        b.hears(&format!("line {n}")).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        tokio::time::sleep(LINE_PAUSE).await;
    }
    a.send(&json!({ "type": "NAME_CHANGE", "newName": "Countess" })).await;
    a.until("the new name", |value| value["type"] == "NAME_CHANGE").await.unwrap();
    for bodies in taken {
        wait::until("all events", Duration::from_secs(60), || {
            std::future::ready((bodies.lock().unwrap().len() >= 5).then_some(()))
        })
        .await
        .unwrap();
        let bodies = bodies.lock().unwrap();
        let told: Vec<_> = bodies
            .iter()
            .map(|body| {
                (body["type"].as_str().unwrap(), body["eventData"]["rawBody"].as_str().unwrap_or_default())
            })
            .collect();
        assert_eq!(
            told,
            [
                ("CHAT", "line 0"),
                ("CHAT", "line 1"),
                ("CHAT", "line 2"),
                ("CHAT", "line 3"),
                ("NAME_CHANGE", "")
            ]
        );
        assert_eq!(bodies[4]["eventData"]["newName"], "Countess");
    }
}
