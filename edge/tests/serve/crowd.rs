//! The chat under attack and beside others: limits of networks, and what was answered on another edge.

use std::collections::VecDeque;
use std::time::Duration;

use farcast_chat::{Chat, User};
use farcast_config::{Networks, Value as _};
use farcast_edge::chat::Limits;
use farcast_edge::serve;
use farcast_feed::time::WallTime;
use farcast_settings::{Ban, OperatorSettings};
use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::chat::{begun, frame, shake_from};
use crate::client::PATIENCE;
use crate::edge::{Edge, until};

const VICTIM: &str = "198.51.100.5";
const ATTACKER: &str = "203.0.113.7";

/// Behind a proxy that says who comes.
async fn edge(seats: usize, lines_per_network: u32) -> Edge {
    let config =
        serve::Config { trusted_proxies: Networks::parse("127.0.0.1").unwrap(), ..serve::Config::default() };
    let limits = Limits { lines_per_network, ..Limits::default() };
    let edge = Edge::crowded(config, Vec::new(), seats, limits).await;
    edge.inform(OperatorSettings::default());
    begun(edge).await
}

/// Somebody who chats.
struct Person {
    socket: TcpStream,
    token: String,
    /// What they were told and did not look at yet.
    told: VecDeque<Value>,
}

impl Person {
    async fn registered(chat: &Chat, name: &str) -> (User, String) {
        let (user, token) = chat.register(User::new(name.to_owned(), WallTime::now())).await.unwrap();
        (user, token.replace('=', "%3D"))
    }

    async fn come(edge: &Edge, name: &str, address: &str) -> Self {
        let (_, token) = Self::registered(&Chat::new(edge.store.clone()), name).await;
        Self::open(edge, token, address).await.expect("a seat")
    }

    /// None if there is no seat.
    async fn open(edge: &Edge, token: String, address: &str) -> Option<Self> {
        let socket = TcpStream::connect(edge.http).await.unwrap();
        let (head, socket) = shake_from(socket, &format!("/ws?accessToken={token}"), address).await;
        head.starts_with("HTTP/1.1 101 ").then(|| Self { socket, token, told: VecDeque::new() })
    }

    async fn say(&mut self, body: &str) {
        self.say_all([body]).await;
    }

    /// At once.
    async fn say_all<'a>(&mut self, bodies: impl IntoIterator<Item = &'a str>) {
        let events = bodies.into_iter().map(|body| json!({ "type": "CHAT", "body": body }));
        self.send(events).await;
    }

    async fn rename(&mut self, name: &str) {
        self.send([json!({ "type": "NAME_CHANGE", "newName": name })]).await;
    }

    async fn send(&mut self, events: impl IntoIterator<Item = Value>) {
        let masked = events.into_iter().flat_map(|event| {
            let payload = event.to_string().into_bytes();
            let len = u8::try_from(payload.len()).ok().filter(|len| *len < 126).expect("a short line");
            [&[0x81, 0x80 | len, 0, 0, 0, 0][..], &payload].concat()
        });
        self.socket.write_all(&masked.collect::<Vec<_>>()).await.unwrap();
    }

    /// What is said next, of those types.
    async fn hears(&mut self, types: &[&str]) -> Value {
        loop {
            while let Some(event) = self.told.pop_front() {
                if types.contains(&event["type"].as_str().unwrap()) {
                    return event;
                }
            }
            let (first, payload) = frame(&mut self.socket).await.expect("they stay");
            if first == 0x81 {
                let lines = payload.split(|byte| *byte == b'\n');
                self.told.extend(lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
            }
        }
    }

    async fn backlog(&self, edge: &Edge) -> (u16, Vec<String>) {
        let path = format!("/api/chat?accessToken={}", self.token);
        let reply = edge.plain().await.ask(Method::GET, &path, &[("x-forwarded-for", VICTIM)]).await;
        let messages: Vec<Value> = serde_json::from_slice(&reply.body).unwrap_or_default();
        let body = |message: Value| message["body"].as_str().unwrap().to_owned();
        (reply.status.as_u16(), messages.into_iter().map(body).collect())
    }
}

/// Thirty users of each of three addresses, all as fast as a user may, for fourteen seconds.
#[tokio::test(start_paused = true)]
async fn users_of_few_addresses_push_nobody_out_of_the_chat() {
    let edge = edge(400, 5).await;
    let mut victim = Person::come(&edge, "Victim", VICTIM).await;
    victim.say("a real message").await;
    assert_eq!(victim.hears(&["CHAT"]).await["body"], "a real message");
    let mut bots = Vec::new();
    for n in 0..90 {
        bots.push(Person::come(&edge, &format!("Bot {n}"), &format!("203.0.113.{}", n % 3)).await);
    }
    let mut honest = Person::come(&edge, "Honest", "198.51.100.6").await;
    for round in 0..20 {
        for bot in &mut bots {
            bot.say(&format!("spam {round}")).await;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        if round % 5 == 0 {
            honest.say(&format!("talk {round}")).await;
        }
    }
    // Whoever is refused is told, in words that are shown to them.
    let told = bots[89].hears(&["CHAT_ACTION"]).await;
    assert!(told["body"].as_str().unwrap().contains("from your network"), "{told}");
    let heard = async { while victim.hears(&["CHAT"]).await["body"] != "talk 15" {} };
    tokio::time::timeout(PATIENCE, heard).await.unwrap();
    let (status, shown) = victim.backlog(&edge).await;
    assert_eq!((status, shown.len()), (200, 50), "{shown:?}");
    for body in ["a real message", "talk 0", "talk 5", "talk 10", "talk 15"] {
        assert!(shown.iter().any(|shown| shown == body), "{body}: {shown:?}");
    }
    let lines = edge.metric("farcast_edge_chat_events_total");
    assert!((100.0..250.0).contains(&lines), "{lines} of 1,800 came through");
    edge.shutdown.cancel();
}

#[tokio::test]
async fn one_address_takes_no_more_seats_than_it_leaves_to_others() {
    let edge = edge(8, 5).await;
    let (_, token) = Person::registered(&Chat::new(edge.store.clone()), "Many").await;
    let mut seats = Vec::new();
    while let Some(person) = Person::open(&edge, token.clone(), ATTACKER).await {
        seats.push(person);
    }
    assert_eq!(seats.len(), 4);
    // The same network, by other addresses of it.
    let mut others = Vec::new();
    while let Some(person) = Person::open(&edge, token.clone(), &format!("2001:db8::{}", others.len())).await
    {
        others.push(person);
    }
    assert_eq!(others.len(), 2);
    assert!(Person::open(&edge, token, VICTIM).await.is_some());
    assert_eq!(edge.metric("farcast_edge_chat_refused_total"), 2.0);
    edge.stop().await;
}

/// A ban of an IPv6 address holds for its network, and not for a proxy.
#[tokio::test]
async fn who_is_banned_does_not_come_back_by_another_address_of_their_network() {
    let edge = edge(8, 5).await;
    let ban = |address: &str| {
        let address = address.parse().unwrap();
        Ban { address, notes: String::new(), created_at: WallTime::now(), expires_at: None }
    };
    let chat_bans = vec![ban("2001:db8:0:7::1"), ban("127.0.0.1")];
    edge.inform(OperatorSettings { chat_bans, ..OperatorSettings::default() });
    let (_, token) = Person::registered(&Chat::new(edge.store.clone()), "Ada").await;
    let comes = async |address: &str| Person::open(&edge, token.clone(), address).await.is_some();
    assert!(!comes("2001:db8:0:7:ffff::1").await);
    assert!(comes("2001:db8:0:8::1").await && comes("127.0.0.1").await);
    edge.stop().await;
}

/// Nobody has to take a ban out of the list for it to end.
#[tokio::test]
async fn a_ban_holds_until_its_end_and_no_longer() {
    let edge = edge(8, 5).await;
    let now = WallTime::now();
    let until = |address: &str, expires_at: WallTime| Ban {
        address: address.parse().unwrap(),
        notes: String::new(),
        created_at: WallTime(1),
        expires_at: Some(expires_at),
    };
    let chat_bans =
        vec![until("192.0.2.1", WallTime(now.0 - 1)), until("192.0.2.2", WallTime(now.0 + 3_600_000_000))];
    edge.inform(OperatorSettings { chat_bans, ..OperatorSettings::default() });
    let (_, token) = Person::registered(&Chat::new(edge.store.clone()), "Ada").await;
    let comes = async |address: &str| Person::open(&edge, token.clone(), address).await.is_some();
    assert!(comes("192.0.2.1").await && !comes("192.0.2.2").await);
    edge.stop().await;
}

/// What was said at an ordinary pace while the store was away is no flood when it is back.
#[tokio::test(start_paused = true)]
async fn who_spoke_calmly_during_a_pause_of_the_store_is_heard_in_full() {
    let edge = edge(8, 20).await;
    let mut ada = Person::come(&edge, "Ada", VICTIM).await;
    ada.hears(&["CONNECTED_USER_INFO"]).await;
    edge.held.hold(Some("user"));
    for n in 0..10 {
        ada.say(&format!("line {n}")).await;
        // Time goes by itself while nobody has anything to do, also before a line has come.
        let waiting = f64::from(n + 1);
        until(|| edge.metric("farcast_edge_chat_lines_waiting") >= waiting, "the line comes").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    edge.held.hold(None);
    for n in 0..10 {
        let event = ada.hears(&["CHAT", "CHAT_ACTION"]).await;
        assert_eq!(event["body"], format!("line {n}"), "{event}");
    }
    // And it goes on so.
    ada.say("line 10").await;
    assert_eq!(ada.hears(&["CHAT", "CHAT_ACTION"]).await["body"], "line 10");
    // A flood is one all the same, when it comes and not when the store does.
    edge.held.hold(Some("user"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    ada.say_all(["flood 0", "flood 1", "flood 2", "flood 3"]).await;
    let told = ada.hears(&["CHAT", "CHAT_ACTION"]).await;
    assert!(told["body"].as_str().unwrap().contains("flooding"), "{told}");
    edge.shutdown.cancel();
}

/// This edge is behind: what another one has answered holds here.
#[tokio::test]
async fn who_is_enabled_again_elsewhere_is_let_in_here_before_the_log_says_so() {
    let edge = edge(8, 5).await;
    let elsewhere = Chat::new(edge.held.elsewhere());
    let (user, token) = Person::registered(&elsewhere, "Ada").await;
    elsewhere.set_enabled(&user.id, false, WallTime::now()).await.unwrap();
    until(|| edge.metric("farcast_edge_chat_events_total") >= 1.0, "the edge knows it").await;
    edge.held.hold(Some("log"));
    elsewhere.set_enabled(&user.id, true, WallTime::now()).await.unwrap();
    let mut ada = Person::open(&edge, token, VICTIM).await.unwrap();
    ada.hears(&["CONNECTED_USER_INFO"]).await;
    assert_eq!(ada.backlog(&edge).await.0, 200);
    // And whom it does not know yet to be disabled is refused.
    elsewhere.set_enabled(&user.id, false, WallTime::now()).await.unwrap();
    assert_eq!(ada.backlog(&edge).await.0, 401);
    edge.held.hold(None);
    edge.stop().await;
}

/// A name that was given elsewhere a moment ago, and one that became a moderator's.
#[tokio::test(start_paused = true)]
async fn names_are_compared_with_those_of_now() {
    let edge = edge(8, 5).await;
    let elsewhere = Chat::new(edge.held.elsewhere());
    let (user, token) = Person::registered(&elsewhere, "Ada").await;
    let mut ada = Person::open(&edge, token, VICTIM).await.unwrap();
    ada.hears(&["CONNECTED_USER_INFO"]).await;
    let (moderator, _) = Person::registered(&elsewhere, "Ally").await;
    elsewhere.set_moderator(&moderator.id, true, WallTime::now()).await.unwrap();
    ada.rename("AIIy").await;
    let told = ada.hears(&["CHAT_ACTION", "NAME_CHANGE"]).await;
    assert!(told["body"].as_str().unwrap().contains("cannot change your name"), "{told}");
    // Back to the name that this edge believes they have.
    edge.held.hold(Some("log"));
    let account = elsewhere.account(&user.id).await.unwrap().unwrap();
    elsewhere.rename(account, "Countess", 99, WallTime::now()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    ada.rename("Ada").await;
    let renamed = async {
        while elsewhere.account(&user.id).await.unwrap().unwrap().record.user.display_name != "Ada" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renamed).await.unwrap();
    edge.held.hold(None);
    edge.stop().await;
}
