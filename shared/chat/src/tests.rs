//! The acts of the chat, on the store of the tests.

use std::sync::Arc;

use proptest::prelude::*;

use super::user::{Account, account_key};
use super::*;
use farcast_feed::time::WallTime;
use farcast_store::memory::Memory;
use farcast_store::{Store, Stored, Versionstamp};

const NOW: WallTime = WallTime(1_000_000);

async fn chat() -> (Chat, Store) {
    let store = Memory::store().0;
    (Chat::new(store.clone()), store)
}

async fn somebody(chat: &Chat, name: &str) -> Stored<Account> {
    let (_, token) = chat.register(User::new(name.to_owned(), NOW)).await.unwrap();
    chat.whose(&token).await.unwrap().unwrap()
}

fn said(user: &User, body: &str) -> Entry {
    let (user, body) = (user.clone(), body.to_owned());
    Entry::new(NOW, Event::Message { user, client: None, raw: body.clone(), body })
}

async fn entries(store: &Store) -> Vec<Entry> {
    let chunk = log::after(store, Versionstamp::ZERO).await.unwrap();
    assert!(!chunk.more);
    chunk.entries.into_iter().map(|(_, entry)| entry).collect()
}

fn visible(history: &History) -> Vec<String> {
    let body = |seen: &Seen| match &seen.entry.event {
        Event::Message { body, .. } => body.clone(),
        other => panic!("{other:?} is no message"),
    };
    history.backlog(WallTime(0)).into_iter().map(body).collect()
}

#[tokio::test]
async fn a_token_is_good_for_its_user_and_kept_as_a_hash() {
    let (chat, store) = chat().await;
    let (user, token) = chat.register(User::new("Ada".to_owned(), NOW)).await.unwrap();
    assert_eq!(chat.whose(&token).await.unwrap().unwrap().record.user, user);
    for wrong in ["", "x", &token[1..], &"x".repeat(5000)] {
        assert!(chat.whose(wrong).await.unwrap().is_none());
    }
    let all = farcast_store::Scan::range(
        farcast_store::Tuple::new().text("").key(),
        farcast_store::Key::from_bytes(&b"\xfe"[..]),
    );
    let page = store.scan(all).await.unwrap();
    assert!(page.entries.len() >= 2);
    let holds = |bytes: &[u8]| bytes.windows(token.len()).any(|window| window == token.as_bytes());
    assert!(page.entries.iter().all(|(key, value)| !holds(key.as_bytes()) && !holds(value)));
}

#[tokio::test]
async fn what_is_said_carries_the_name_of_that_moment_and_nothing_is_said_by_who_may_not() {
    let (chat, store) = chat().await;
    let ada = somebody(&chat, "Ada").await;
    let (_, renamed) = chat.rename(ada.clone(), "Countess", 1, NOW).await.unwrap();
    assert_eq!(renamed.record.user.previous_names, ["Ada", "Countess"]);
    // An old record is no way to speak under an old name.
    let (entry, _) = chat.act(ada.clone(), |user| said(user, "hi")).await.unwrap();
    assert_eq!(entry.user().unwrap().display_name, "Countess");
    chat.set_enabled(&ada.record.user.id, false, NOW).await.unwrap();
    for account in [ada.clone(), renamed] {
        let refused = chat.act(account, |user| said(user, "no")).await;
        assert!(matches!(refused, Err(Refused::Disabled)), "{refused:?}");
    }
    let bodies: Vec<_> =
        entries(&store).await.iter().filter_map(|entry| entry.user().map(|_| entry.id.clone())).collect();
    assert_eq!(bodies.len(), 3, "a new name, a line, and the end");
    assert!(matches!(chat.set_enabled("nobody", false, NOW).await, Err(Refused::Unknown)));
}

#[tokio::test]
async fn what_is_said_carries_the_colour_of_that_moment() {
    let (chat, store) = chat().await;
    let ada = somebody(&chat, "Ada").await;
    let before = ada.record.user.display_color;
    let hue = (before + 100) % 360;
    let (told, recoloured) = chat.recolour(ada.clone(), hue, NOW).await.unwrap();
    assert!(matches!(&told.event, Event::UserChanged { user } if user.display_color == hue));
    assert_eq!(recoloured.record.user.revision, ada.record.user.revision + 1);
    // An old record is no way back to an old colour.
    let (entry, _) = chat.act(ada.clone(), |user| said(user, "hi")).await.unwrap();
    assert_eq!(entry.user().unwrap().display_color, hue);
    chat.set_enabled(&ada.record.user.id, false, NOW).await.unwrap();
    assert!(matches!(chat.recolour(recoloured, before, NOW).await, Err(Refused::Disabled)));
    let told = entries(&store).await.iter().filter(|entry| entry.user().is_some()).count();
    assert_eq!(told, 3, "a new colour, a line, and the end");
}

#[tokio::test]
async fn the_messages_of_who_is_disabled_are_hidden_for_good() {
    let (chat, store) = chat().await;
    let (ada, bob) = (somebody(&chat, "Ada").await, somebody(&chat, "Bob").await);
    for (account, body) in [(&ada, "one"), (&bob, "two"), (&ada, "three")] {
        chat.act(account.clone(), |user| said(user, body)).await.unwrap();
    }
    let id = &ada.record.user.id;
    chat.set_enabled(id, false, NOW).await.unwrap();
    let (history, end) = History::load(&store, 100).await.unwrap();
    assert_eq!(visible(&history), ["two"]);
    assert_eq!(chat.listed(List::Disabled).await.unwrap()[0].id, *id);
    // Again changes nothing: all is hidden.
    chat.set_enabled(id, false, NOW).await.unwrap();
    let again = log::after(&store, end).await.unwrap().entries;
    assert!(again.iter().all(|(_, entry)| !matches!(entry.event, Event::Visibility { .. })), "{again:?}");
    chat.set_enabled(id, true, NOW).await.unwrap();
    assert_eq!(chat.listed(List::Disabled).await.unwrap(), []);
    assert_eq!(visible(&History::load(&store, 100).await.unwrap().0), ["two"]);
    assert!(chat.act(ada.clone(), |user| said(user, "back")).await.is_ok());
}

#[tokio::test]
async fn moderators_are_listed_and_numbers_are_given_once() {
    let (chat, _) = chat().await;
    let ada = somebody(&chat, "Ada").await;
    chat.set_moderator(&ada.record.user.id, true, NOW).await.unwrap();
    assert!(chat.listed(List::Moderators).await.unwrap()[0].is_moderator);
    chat.set_moderator(&ada.record.user.id, false, NOW).await.unwrap();
    assert_eq!(chat.listed(List::Moderators).await.unwrap(), []);
    let mut ids = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let chat = chat.clone();
        ids.spawn(async move { chat.client_ids(10).await.unwrap() });
    }
    let mut firsts = ids.join_all().await;
    firsts.sort_unstable();
    assert_eq!(firsts, (0..20).map(|n| n * 10).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_was_seen_today_is_not_written_again() {
    let (chat, store) = chat().await;
    let ada = somebody(&chat, "Ada").await;
    let day = std::time::Duration::from_secs(24 * 3600);
    let seen = chat.seen(ada, NOW).await.unwrap();
    assert_eq!(seen.record.seen_at, Some(NOW));
    let end = store.get(account_key(&seen.record.user.id).key()).await.unwrap();
    let same = chat.seen(seen, NOW.after(day / 2)).await.unwrap();
    assert_eq!(same.record.seen_at, Some(NOW));
    assert_eq!(store.get(account_key(&same.record.user.id).key()).await.unwrap(), end);
    // A concurrent change of the user wins.
    chat.set_moderator(&same.record.user.id, true, NOW).await.unwrap();
    assert!(chat.seen(same, NOW.after(day)).await.unwrap().record.user.is_moderator);
}

#[tokio::test]
async fn the_log_is_followed_from_wherever_one_was_and_forgets_its_beginning() {
    let (chat, store) = chat().await;
    let tell = async |n: usize| {
        let entries: Vec<_> =
            (0..n).map(|n| Entry::new(NOW, Event::Action { body: n.to_string() })).collect();
        chat.tell(&entries).await.unwrap();
    };
    tell(3).await;
    let (history, end) = History::load(&store, 100).await.unwrap();
    assert_eq!(history, History::new(100));
    let (sender, mut receiver) = tokio::sync::mpsc::channel(10_000);
    let follower = store.clone();
    let following = tokio::spawn(async move {
        log::follow(&follower, end, |entries| {
            entries.into_iter().all(|(_, entry)| sender.try_send(entry).is_ok())
        })
        .await;
    });
    tell(2500).await;
    tell(1).await;
    for n in (0..2500).chain(0..1) {
        let Event::Action { body } = receiver.recv().await.unwrap().event else { panic!("an action") };
        assert_eq!(body, n.to_string());
    }
    following.abort();
    let last = log::before(&store, None).await.unwrap();
    log::forget(&store, last.entries[1].0).await.unwrap();
    assert_eq!(entries(&store).await, [last.entries[0].1.clone()]);
    log::forget(&store, last.entries[0].0).await.unwrap();
    assert_eq!(entries(&store).await, []);
    assert!(log::end(&store).await.unwrap() > last.entries[0].0);
}

#[test]
fn a_flood_pushes_nobody_out_of_what_newcomers_are_shown() {
    let (ada, mut history) = (User::new("Ada".to_owned(), NOW), History::default());
    let say = |history: &mut History, body: &str, network: Option<u16>| {
        history.apply(&Arc::new(Entry { network, ..said(&ada, body) }));
    };
    say(&mut history, "a real message", Some(100));
    say(&mut history, "a bot's", None);
    for n in 0..200 {
        say(&mut history, &format!("spam {n}"), Some(1 + n % 8));
    }
    for n in 0..20 {
        say(&mut history, &format!("talk {n}"), Some(50));
    }
    let shown = visible(&history);
    assert_eq!(shown.len(), BACKLOG);
    assert_eq!(shown[..2], ["a real message", "a bot's"]);
    // Five of each flood and of the talker, these two, and then whatever is newest.
    assert_eq!(shown.iter().filter(|body| body.starts_with("talk")).count(), SHARE + 3);
    assert_eq!(shown.last().unwrap(), "talk 19");
    let place = |body: &str| shown.iter().position(|shown| shown == body);
    assert!(place("spam 198") < place("spam 199") && place("spam 199") < place("talk 19"));
    // A few who talk a lot fill it: there are no others.
    let mut history = History::default();
    say(&mut history, "long ago", Some(3));
    for n in 0..300 {
        say(&mut history, &format!("talk {n}"), Some(1 + n % 2));
    }
    let shown = visible(&history);
    assert_eq!(
        (shown.len(), &shown[0][..], &shown[1][..], &shown[49][..]),
        (50, "long ago", "talk 251", "talk 299")
    );
}

#[tokio::test]
async fn of_two_records_of_a_user_the_newer_one_is_known() {
    let (chat, store) = chat().await;
    let ada = somebody(&chat, "Ada").await;
    let id = ada.record.user.id.clone();
    chat.rename(ada, "Countess", 1, NOW).await.unwrap();
    chat.set_moderator(&id, true, NOW).await.unwrap();
    chat.set_enabled(&id, false, NOW).await.unwrap();
    chat.set_enabled(&id, true, NOW).await.unwrap();
    let told: Vec<_> =
        entries(&store).await.iter().map(|entry| entry.user().map(|user| user.revision)).collect();
    assert_eq!(told, [1, 2, 3, 4].map(Some));
    assert_eq!(chat.account(&id).await.unwrap().unwrap().record.user.revision, 4);
}

/// An act of a user.
#[derive(Clone, Debug)]
enum Act {
    Say(u8),
    Hide(Vec<u8>, bool),
    Other,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => any::<u8>().prop_map(Act::Say),
        2 => (prop::collection::vec(any::<u8>(), 0..4), any::<bool>()).prop_map(|(ids, on)| Act::Hide(ids, on)),
        1 => Just(Act::Other),
    ];
    prop::collection::vec(act, 0..80)
}

proptest! {
    /// Whoever reads the end of the log sees what whoever followed it from the start sees.
    #[test]
    fn a_history_that_is_loaded_is_one_that_was_followed(acts in acts(), limit in 1_usize..40) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (chat, store) = chat().await;
            let ada = User::new("Ada".to_owned(), NOW);
            let mut followed = History::new(limit);
            for act in acts {
                let id = |n: u8| format!("m{}", n % 50);
                let entry = match act {
                    Act::Say(n) => Entry { id: id(n), ..said(&ada, "x") },
                    Act::Hide(ids, visible) => {
                        let ids = ids.into_iter().map(id).collect();
                        Entry::new(NOW, Event::Visibility { ids, visible })
                    }
                    Act::Other => Entry::new(NOW, Event::Present { user_id: "x".to_owned(), client: 1 }),
                };
                chat.tell(std::slice::from_ref(&entry)).await.unwrap();
                followed.apply(&Arc::new(entry));
            }
            let (loaded, _) = History::load(&store, limit).await.unwrap();
            assert_eq!(loaded, followed);
        });
    }
}

#[test]
fn golden_json() {
    let user = User {
        id: "yklw5Imng".to_owned(),
        display_color: 42,
        is_moderator: true,
        ..User::new("Ada".to_owned(), WallTime(1_773_511_331_000_000))
    };
    let at = WallTime(1_773_511_500_120_000);
    let json = |event: Event| {
        let entry = Entry { id: "kQ3x".to_owned(), at, event, network: None };
        String::from_utf8(shape::broadcast(&entry)).unwrap()
    };
    let shown = "{\"id\":\"yklw5Imng\",\"displayName\":\"Ada\",\"displayColor\":42,\
                 \"createdAt\":\"2026-03-14T18:02:11Z\",\"previousNames\":[\"Ada\"],\"scopes\":[\"MODERATOR\"],\
                 \"isBot\":false,\"authenticated\":false}";
    let message =
        Event::Message { user: user.clone(), client: Some(17), body: "hi".to_owned(), raw: "hi".to_owned() };
    assert_eq!(
        json(message),
        format!(
            "{{\"type\":\"CHAT\",\"id\":\"kQ3x\",\"timestamp\":\"2026-03-14T18:05:00.12Z\",\"user\":{shown},\
             \"clientId\":17,\"visible\":true,\"body\":\"hi\"}}"
        )
    );
    let renamed = Event::NameChanged { user: user.clone(), old_name: "Bob".to_owned(), client: 17 };
    assert_eq!(
        json(renamed),
        format!(
            "{{\"type\":\"NAME_CHANGE\",\"id\":\"kQ3x\",\"timestamp\":\"2026-03-14T18:05:00.12Z\",\"user\":{shown},\
             \"oldName\":\"Bob\"}}"
        )
    );
    let hidden = Event::Visibility { ids: vec!["a".to_owned(), "b".to_owned()], visible: false };
    let line = |id: &str| {
        format!(
            "{{\"type\":\"VISIBILITY-UPDATE\",\"id\":\"{id}\",\"timestamp\":\"2026-03-14T18:05:00.12Z\",\
             \"ids\":[\"{id}\"],\"visible\":false}}"
        )
    };
    assert_eq!(json(hidden), format!("{}\n{}", line("a"), line("b")));
    let gone = json(Event::UserDisabled { user: User { display_name: "<b>*x*".to_owned(), ..user } });
    assert!(gone.contains("&lt;b&gt;*x*</strong> has been removed from chat."), "{gone}");
    let name = "Farcast".to_owned();
    assert_eq!(
        json(Event::System { name, body: "<p>x</p>".to_owned() }),
        "{\"type\":\"SYSTEM\",\"id\":\"kQ3x\",\"timestamp\":\"2026-03-14T18:05:00.12Z\",\"body\":\"<p>x</p>\",\
         \"user\":{\"displayName\":\"Farcast\"}}"
    );
    assert_eq!(json(Event::Present { user_id: "x".to_owned(), client: 1 }), "");
}
