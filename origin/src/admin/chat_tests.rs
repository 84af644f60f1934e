//! Tests of the chat's moderation, on the store alone.

use farcast_chat::{Entry, Event};
use farcast_link::sender::Metrics;
use farcast_link::sender::tests::{Origin, say};
use farcast_settings::Retention;
use farcast_store::memory::Memory;
use serde_json::{Value, json};

use super::*;

struct Rig {
    store: Store,
    chat: Chat,
    edges: Edges,
}

impl Rig {
    fn new() -> Self {
        let store = Memory::store().0;
        let edges = Edges::new(Metrics::new(&prometheus::Registry::new()).unwrap());
        Self { chat: Chat::new(store.clone()), store, edges }
    }

    async fn ask(&self, what: Moderation, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let reply = answer(what, &self.store, &self.edges, &body).await.unwrap();
        (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap())
    }

    async fn see(&self, what: Moderation) -> Value {
        let (status, seen) = self.ask(what, Value::Null).await;
        assert_eq!(status, 200);
        seen
    }

    async fn say(&self, user: &User, at: WallTime, text: &str) -> String {
        let account = self.chat.account(&user.id).await.unwrap().unwrap();
        let message = |user: &User| {
            let (body, raw) = (text.to_owned(), text.to_owned());
            Entry::new(at, Event::Message { user: user.clone(), client: Some(1), body, raw })
        };
        self.chat.act(account, message).await.unwrap().0.id
    }

    async fn user(&self, name: &str) -> User {
        self.chat.register(User::new(name.to_owned(), WallTime::now())).await.unwrap().0
    }
}

fn done(message: &str) -> (u16, Value) {
    (200, json!({ "success": true, "message": message }))
}

fn column(list: &Value, name: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|item| item[name].clone()).collect()
}

#[tokio::test]
async fn all_messages_that_are_kept_are_shown_the_newest_first_and_hidden_ones_too() {
    let rig = Rig::new();
    let (ada, now) = (rig.user("Ada").await, WallTime::now());
    assert_eq!(rig.see(Moderation::Messages).await, json!([]));
    rig.say(&ada, WallTime(now.0 - 6 * 3600 * 1_000_000), "too old").await;
    let one = rig.say(&ada, now, "one").await;
    rig.say(&ada, now, "two").await;
    let body = json!({ "idArray": [one], "visible": false });
    assert_eq!(rig.ask(Moderation::SetVisible, body).await, done("changed"));
    let messages = rig.see(Moderation::Messages).await;
    assert_eq!(column(&messages, "body"), ["two", "one"]);
    assert_eq!(column(&messages, "visible"), [true, false]);
    assert!(messages[1]["hiddenAt"].is_string() && messages[0].get("hiddenAt").is_none());
    let shown: Value = serde_json::from_slice(backlog(&rig.store).await.unwrap().body()).unwrap();
    assert_eq!(column(&shown, "body"), ["two"]);
    rig.ask(Moderation::SetVisible, json!({ "idArray": [one], "visible": true })).await;
    let shown: Value = serde_json::from_slice(backlog(&rig.store).await.unwrap().body()).unwrap();
    assert_eq!(column(&shown, "body"), ["one", "two"]);

    let retention = Retention { max_age_seconds: 7 * 3600, max_events: 100 };
    let longer = farcast_settings::change(farcast_store::Batch::new(), Field("chatRetention"), &retention);
    rig.store.commit(longer.unwrap()).await.unwrap();
    assert_eq!(column(&rig.see(Moderation::Messages).await, "body"), ["two", "one", "too old"]);
}

#[tokio::test]
async fn what_hides_messages_is_checked_and_then_changes_nothing() {
    let rig = Rig::new();
    for body in [
        json!({}),
        json!({ "idArray": "a", "visible": true }),
        json!({ "idArray": ["a"] }),
        json!({ "idArray": [], "visible": true }),
        json!({ "idArray": [""], "visible": true }),
        json!({ "idArray": ["x".repeat(65)], "visible": true }),
        json!({ "idArray": vec!["a"; 1001], "visible": true }),
    ] {
        let (status, reply) = rig.ask(Moderation::SetVisible, body.clone()).await;
        assert_eq!((status, &reply["success"]), (400, &json!(false)), "{body}");
    }
    assert!(farcast_chat::log::after(&rig.store, ZERO).await.unwrap().entries.is_empty());
    let many = json!({ "idArray": vec!["a"; 1000], "visible": true });
    assert_eq!(rig.ask(Moderation::SetVisible, many).await, done("changed"));
}

const ZERO: farcast_store::Versionstamp = farcast_store::Versionstamp::ZERO;

#[tokio::test]
async fn users_are_disabled_and_enabled_again() {
    let rig = Rig::new();
    let (ada, eve) = (rig.user("Ada").await, rig.user("Eve").await);
    rig.say(&ada, WallTime::now(), "hello").await;
    rig.say(&eve, WallTime::now(), "spam").await;
    let set =
        |enabled: bool| rig.ask(Moderation::SetEnabled, json!({ "userId": eve.id, "enabled": enabled }));
    assert_eq!(set(false).await, done(&format!("{} enabled: false", eve.id)));
    let disabled = rig.see(Moderation::Disabled).await;
    assert_eq!(column(&disabled, "displayName"), ["Eve"]);
    assert!(disabled[0]["disabledAt"].is_string());
    assert_eq!(column(&rig.see(Moderation::Messages).await, "visible"), [false, true]);
    assert_eq!(set(true).await, done(&format!("{} enabled: true", eve.id)));
    assert_eq!(rig.see(Moderation::Disabled).await, json!([]));
    assert_eq!(column(&rig.see(Moderation::Messages).await, "visible"), [false, true]);
}

/// A message carries its user as they were; the right to chat is the current one.
#[tokio::test]
async fn messages_tell_whether_their_user_may_chat_now() {
    let rig = Rig::new();
    let (ada, eve) = (rig.user("Ada").await, rig.user("Eve").await);
    rig.say(&ada, WallTime::now(), "hello").await;
    rig.say(&eve, WallTime::now(), "spam").await;
    let disabled = async || {
        let messages = rig.see(Moderation::Messages).await;
        column(&messages, "user").iter().map(|user| user["disabledAt"].is_string()).collect::<Vec<_>>()
    };
    let set =
        |enabled: bool| rig.ask(Moderation::SetEnabled, json!({ "userId": eve.id, "enabled": enabled }));
    assert_eq!(disabled().await, [false, false]);
    set(false).await;
    assert_eq!(disabled().await, [true, false]);
    set(true).await;
    rig.say(&eve, WallTime::now(), "sorry").await;
    assert_eq!(disabled().await, [false, false, false]);
}

#[tokio::test]
async fn users_become_moderators_and_are_it_no_more() {
    let rig = Rig::new();
    let ada = rig.user("Ada").await;
    let set = |is: bool| rig.ask(Moderation::SetModerator, json!({ "userId": ada.id, "isModerator": is }));
    assert_eq!(set(true).await, done(&format!("{} is moderator: true", ada.id)));
    assert_eq!(column(&rig.see(Moderation::Moderators).await, "scopes"), [json!(["MODERATOR"])]);
    assert_eq!(set(false).await, done(&format!("{} is moderator: false", ada.id)));
    assert_eq!(rig.see(Moderation::Moderators).await, json!([]));
}

#[tokio::test]
async fn users_that_are_not_there_or_not_named_are_refused() {
    let rig = Rig::new();
    for (what, flag) in [(Moderation::SetEnabled, "enabled"), (Moderation::SetModerator, "isModerator")] {
        for (body, message) in [
            (json!({ flag: false }), "must provide userId"),
            (json!({ "userId": "", flag: false }), "must provide userId"),
            (json!({ "userId": "nobody", flag: false }), "there is no such user"),
            (json!({ "userId": "x".repeat(65), flag: false }), "there is no such user"),
            (json!({ "userId": "nobody" }), "the JSON has another form than this needs"),
            (json!({ "userId": "nobody", flag: "yes" }), "the JSON has another form than this needs"),
        ] {
            let refused = (400, json!({ "success": false, "message": message }));
            assert_eq!(rig.ask(what, body.clone()).await, refused, "{what:?} {body}");
        }
    }
}

#[tokio::test]
async fn addresses_are_banned_once_and_unbanned() {
    let rig = Rig::new();
    assert_eq!(rig.see(Moderation::Bans).await, json!([]));
    for body in [
        json!({ "value": "192.0.2.1", "notes": "spam" }),
        json!({ "value": "2001:db8::1" }),
        // The first again, as IPv6 has it.
        json!({ "value": "::ffff:192.0.2.1", "notes": "more spam" }),
    ] {
        assert_eq!(rig.ask(Moderation::Ban, body).await, done("IP address banned"));
    }
    let bans = rig.see(Moderation::Bans).await;
    assert_eq!(column(&bans, "ipAddress"), ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(column(&bans, "notes"), ["more spam", ""]);
    assert!(bans[0]["createdAt"].is_string());
    assert_eq!(farcast_settings::load(&rig.store).await.unwrap().chat_bans.len(), 2);
    for address in ["192.0.2.1", "192.0.2.1"] {
        let unbanned = rig.ask(Moderation::Unban, json!({ "value": address })).await;
        assert_eq!(unbanned, done("IP address unbanned"));
    }
    assert_eq!(column(&rig.see(Moderation::Bans).await, "ipAddress"), ["2001:db8::1"]);
    for body in [
        json!({ "value": "127.0.0.1" }),
        json!({ "value": "127.1.2.3" }),
        json!({ "value": "::1" }),
        json!({ "value": "::ffff:127.0.0.1" }),
        json!({ "value": "localhost" }),
        json!({ "value": "192.0.2.0/24" }),
        json!({ "value": "" }),
        json!({ "value": 7 }),
        json!({ "value": "192.0.2.9", "notes": "x".repeat(256) }),
        json!({}),
    ] {
        assert_eq!(rig.ask(Moderation::Ban, body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(rig.ask(Moderation::Unban, json!({ "value": "x" })).await.0, 400);
    assert_eq!(column(&rig.see(Moderation::Bans).await, "ipAddress"), ["2001:db8::1"]);
}

#[tokio::test]
async fn a_ban_has_an_end_where_one_is_given_and_one_that_has_ended_is_none() {
    let rig = Rig::new();
    let ban = async |address: &str, end: serde_json::Value| {
        rig.ask(Moderation::Ban, json!({ "value": address, "expiresAt": end })).await
    };
    assert_eq!(ban("192.0.2.1", json!("2999-01-01T01:00:00+01:00")).await, done("IP address banned"));
    assert_eq!(ban("192.0.2.2", json!(null)).await, done("IP address banned"));
    let bans = rig.see(Moderation::Bans).await;
    assert_eq!(
        (&bans[0]["expiresAt"], &bans[1]["expiresAt"]),
        (&json!("2999-01-01T00:00:00Z"), &json!(null))
    );
    for wrong in
        [json!("2001-01-01T00:00:00Z"), json!("tomorrow"), json!(""), json!(7), json!("1950-01-01T00:00:00Z")]
    {
        assert_eq!(ban("192.0.2.1", wrong.clone()).await.0, 400, "{wrong}");
    }
    assert_eq!(rig.see(Moderation::Bans).await, bans, "what is refused changes nothing");
    // The new end is that of the last call.
    ban("192.0.2.1", json!(null)).await;
    assert_eq!(rig.see(Moderation::Bans).await[0]["expiresAt"], json!(null));

    let mut kept = farcast_settings::load(&rig.store).await.unwrap().chat_bans.clone();
    kept[0].expires_at = Some(WallTime(1));
    let batch = farcast_settings::change(farcast_store::Batch::new(), BANS, &kept).unwrap();
    rig.store.commit(batch).await.unwrap();
    assert_eq!(column(&rig.see(Moderation::Bans).await, "ipAddress"), ["192.0.2.2"]);
    ban("192.0.2.3", json!(null)).await;
    assert_eq!(farcast_settings::load(&rig.store).await.unwrap().chat_bans.len(), 2, "it has made room");
}

#[tokio::test]
async fn an_address_of_ipv6_is_banned_and_unbanned_with_its_network() {
    let rig = Rig::new();
    for (address, notes) in
        [("2001:db8:0:7::1", "first"), ("2001:db8:0:7:a::2", "again"), ("2001:db8:0:8::1", "other")]
    {
        rig.ask(Moderation::Ban, json!({ "value": address, "notes": notes })).await;
    }
    let bans = rig.see(Moderation::Bans).await;
    assert_eq!(column(&bans, "ipAddress"), ["2001:db8:0:7::1", "2001:db8:0:8::1"]);
    assert_eq!(column(&bans, "notes"), ["again", "other"]);
    rig.ask(Moderation::Unban, json!({ "value": "2001:db8:0:7:ffff::" })).await;
    assert_eq!(column(&rig.see(Moderation::Bans).await, "ipAddress"), ["2001:db8:0:8::1"]);
}

#[tokio::test]
async fn a_thousand_addresses_can_be_banned_and_no_more() {
    let rig = Rig::new();
    // As long as an address can be.
    let address = |number: u16| IpAddr::from([0x2001, 0xdb8, 0xaaaa, number, 0xcccc, 0xdddd, 0xeeee, 0xffff]);
    let ban = |number: u16| Ban {
        address: address(number),
        notes: String::new(),
        created_at: WallTime::now(),
        expires_at: None,
    };
    let all: Vec<_> = (0x1000..0x1000 + 999).map(ban).collect();
    let batch = farcast_settings::change(farcast_store::Batch::new(), BANS, &all).unwrap();
    rig.store.commit(batch).await.unwrap();
    let next = |number: u16| rig.ask(Moderation::Ban, json!({ "value": address(number).to_string() }));
    assert_eq!(next(0xf000).await, done("IP address banned"));
    let (status, refused) = next(0xf001).await;
    assert_eq!((status, refused["message"].as_str().unwrap().contains("1000")), (400, true));
    // One that is there may be named again, but notes may be too long for all together.
    assert_eq!(next(0xf000).await, done("IP address banned"));
    let noted = json!({ "value": address(0xf000).to_string(), "notes": "🦀".repeat(255) });
    let long = rig.ask(Moderation::Ban, noted).await;
    let bytes =
        serde_json::to_string(&farcast_settings::load(&rig.store).await.unwrap().chat_bans).unwrap().len();
    assert_eq!(long.0 == 400, bytes + 255 * 4 > MAX_BANS_BYTES);
    assert_eq!(rig.see(Moderation::Bans).await.as_array().unwrap().len(), 1000);
}

fn client(id: u64, connected_at: u64) -> Client {
    Client {
        id,
        user: User::new(format!("user {id}"), WallTime(1)),
        place: None,
        messages: id,
        user_agent: "test".to_owned(),
        connected_at: WallTime(connected_at),
        address: IpAddr::from([192, 0, 2, 1]),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_connected_to_whatever_edge_is_shown_in_the_order_in_which_they_came() {
    let origin = Origin::start();
    let mut edges = Vec::new();
    // What no honest edge says is left out.
    let loud = Client { user_agent: "x".repeat(100_000), ..client(5, 1) };
    let torn = Client { user: User { display_name: "a\nb".to_owned(), ..client(6, 1).user }, ..client(6, 1) };
    for clients in [vec![client(4, 2), client(3, 9)], vec![loud, torn], vec![client(2, 2), client(1, 5)]] {
        let answer = serde_json::to_string(&clients).unwrap();
        let answering = move |ask, send| {
            let answer = answer.clone();
            async move {
                assert_eq!(ask, Ask::Clients);
                say(send, &answer).await;
            }
        };
        edges.push(origin.edge(answering).await);
    }
    origin.until_edges(3).await;
    let shown: Value = serde_json::from_slice(clients(origin.channels.edges()).await.body()).unwrap();
    assert_eq!(column(&shown, "clientID"), ["2", "4", "1", "3"]);
    assert_eq!(column(&shown, "messageCount"), [2, 4, 1, 3]);
    assert_eq!(shown[0]["user"]["displayName"], "user 2");
    origin.stop(edges).await;
}

#[tokio::test]
async fn without_edges_nobody_is_connected() {
    assert_eq!(Rig::new().see(Moderation::Clients).await, json!([]));
}
