//! An honest edge does under access control what it does without, and one that was taken over gets nowhere.

use farcast_audience::viewers::{self, Audience, ViewerId};
use farcast_chat::user::{List, new_token, token_hash, token_key};
use farcast_chat::{Entry, Event, History, LastClient, Refused as NotDone, User, log};
use farcast_settings::{Field, VariantSpec, status_key};
use farcast_store::memory::Memory;
use farcast_store::wire::PRIVATE;
use farcast_store::{Committed, Engine, Operation, Page, Precondition, Scan, Tuple, Versionstamp};
use prometheus::Registry;

use super::*;

/// An edge of this name, whose calls pass the access control.
#[derive(Debug)]
struct Link {
    name: &'static str,
    door: Arc<EdgeAccess>,
}

impl Link {
    fn call<T>(
        &self,
        request: Request,
        take: impl FnOnce(Answer) -> T + Send + 'static,
    ) -> farcast_store::Answer<'_, T> {
        Box::pin(async move {
            let bytes = farcast_link::store_call::encode(&request).unwrap().len();
            self.door.answer(self.name, request, bytes).await.map(take)
        })
    }
}

impl Engine for Link {
    fn get(&self, key: Key) -> farcast_store::Answer<'_, Option<Bytes>> {
        self.call(Request::Get(key), |answer| match answer {
            Answer::Value(value) => value,
            other => panic!("{other:?}"),
        })
    }

    fn scan(&self, scan: Scan) -> farcast_store::Answer<'_, Page> {
        self.call(Request::Scan(scan), |answer| match answer {
            Answer::Page(page) => page,
            other => panic!("{other:?}"),
        })
    }

    fn commit(&self, batch: Arc<Batch>) -> farcast_store::Answer<'_, Committed> {
        self.call(Request::Commit((*batch).clone()), |answer| match answer {
            Answer::Committed(committed) => committed,
            other => panic!("{other:?}"),
        })
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> farcast_store::Answer<'_, Option<Bytes>> {
        self.call(Request::Changed(key, seen), |answer| match answer {
            Answer::Value(value) => value,
            other => panic!("{other:?}"),
        })
    }
}

struct Rig {
    /// The origin's own.
    store: Store,
    own: Chat,
    /// As an edge has it.
    edge: Store,
    chat: Chat,
    door: Arc<EdgeAccess>,
    registry: Registry,
    runtime: watch::Sender<Option<Snapshot>>,
}

impl Rig {
    fn new() -> Self {
        let (store, _) = Memory::store();
        let (runtime, set) = watch::channel(Some(Snapshot { runtime: Arc::default(), tip: Bytes::new() }));
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        let door = Arc::new(EdgeAccess::new(store.clone(), set, metrics));
        let edge = Self::edge(&door, "one");
        let (own, chat) = (Chat::new(store.clone()), Chat::new(edge.clone()));
        Self { store, own, edge, chat, door, registry, runtime }
    }

    fn edge(door: &Arc<EdgeAccess>, name: &'static str) -> Store {
        Store::new(Arc::new(Link { name, door: Arc::clone(door) }))
    }

    fn set(&self, change: impl FnOnce(&mut OperatorSettings)) {
        let mut set = OperatorSettings::default();
        change(&mut set);
        self.runtime.send_replace(Some(Snapshot { runtime: Arc::new(set), tip: Bytes::new() }));
    }

    /// Somebody who registers at the edge and comes with their token.
    async fn comes(&self, name: &str) -> (Stored<Account>, String) {
        let (_, token) = self.chat.register(User::new(name.to_owned(), WallTime::now())).await.unwrap();
        (self.chat.whose(&token).await.unwrap().unwrap(), token)
    }

    async fn log(&self) -> Vec<Event> {
        let chunk = log::after(&self.store, Versionstamp::ZERO).await.unwrap();
        chunk.entries.into_iter().map(|(_, entry)| entry.event).collect()
    }

    async fn account(&self, id: &str) -> Account {
        self.own.account(id).await.unwrap().unwrap().record
    }
}

fn said(user: &User, body: &str, raw: &str) -> Entry {
    let (user, body, raw) = (user.clone(), body.to_owned(), raw.to_owned());
    Entry::new(WallTime(7), Event::Message { user, client: Some(3), body, raw })
}

fn refused<T: std::fmt::Debug>(done: &Result<T, StoreError>) {
    assert!(
        matches!(done, Err(StoreError::Limit(LimitError::NotForEdges | LimitError::Private))),
        "{done:?} was not refused"
    );
}

fn not_done<T: std::fmt::Debug>(done: Result<T, NotDone>) {
    match done {
        Err(NotDone::Store(error)) => refused::<()>(&Err(error)),
        other => panic!("{other:?} was not refused"),
    }
}

#[tokio::test]
async fn an_honest_edge_does_all_that_it_does() {
    let rig = Rig::new();
    let (ada, token) = rig.comes("Ada").await;
    let now = WallTime::now();
    let ada = rig.chat.seen(ada, now).await.unwrap();
    let (_, ada) = rig.chat.act(ada, |user| said(user, "hello", "hello")).await.unwrap();
    let coming = Event::Joined { user: ada.record.user.clone(), client: 3 };
    rig.chat.tell(&[Entry::new(now, coming)]).await.unwrap();
    let present = Event::Present { user_id: ada.record.user.id.clone(), client: 7 };
    rig.chat.tell(&[Entry::new(now, present)]).await.unwrap();
    let ada = rig.chat.whose(&token).await.unwrap().unwrap();
    let (_, ada) = rig.chat.rename(ada, "Ada L", 3, now).await.unwrap();
    let hue = (ada.record.user.display_color + 100) % 360;
    let (_, ada) = rig.chat.recolour(ada, hue, now).await.unwrap();
    let going = Event::Parted { user: ada.record.user.clone() };
    rig.chat.tell(&[Entry::new(now, going)]).await.unwrap();
    let events = rig.log().await;
    assert_eq!(events.len(), 6, "{events:?}");
    let account = rig.account(&ada.record.user.id).await;
    assert_eq!((account.user.display_name.as_str(), account.user.display_color), ("Ada L", hue));
    assert!(account.seen_at.is_some() && account.token == token_hash(&token));

    assert_eq!(rig.chat.client_ids(1024).await.unwrap(), 0);
    assert_eq!(rig.chat.client_ids(1024).await.unwrap(), 1024);
    let audience = Audience { viewers: 2, sketch: [1, 2].map(ViewerId::from_bits).into_iter().collect() };
    viewers::publish(&rig.edge, &[7; 16], &audience, now, Duration::from_secs(15)).await.unwrap();
    assert_eq!(viewers::collect(&rig.store, now).await.unwrap().viewers(), 2);
    viewers::withdraw(&rig.edge, &[7; 16]).await.unwrap();
    assert_eq!(viewers::collect(&rig.store, now).await.unwrap().edges, 0);

    rig.store.commit(farcast_settings::change(Batch::new(), Field("name"), &"A").unwrap()).await.unwrap();
    assert_eq!(farcast_settings::load(&rig.edge).await.unwrap().name, "A");
    assert!(!farcast_settings::newest(&rig.edge).await.unwrap().is_empty());
    assert_eq!(rig.edge.get(status_key().key()).await, Ok(None));
    assert!(rig.edge.changed(&log::tip(), None).await.unwrap().is_some());
    let picture = Bytes::from(vec![7; 200_000]);
    let (batch, asset) = farcast_settings::save_asset(Batch::new(), "a.png", "image/png", &picture);
    rig.store.commit(batch).await.unwrap();
    assert_eq!(farcast_settings::load_asset(&rig.edge, &asset).await.unwrap(), Some(picture));
    assert_eq!(History::load(&rig.edge, 500).await.unwrap(), History::load(&rig.store, 500).await.unwrap());
}

#[tokio::test]
async fn a_moderator_who_came_to_the_edge_moderates_there() {
    let rig = Rig::new();
    let (ada, _) = rig.comes("Ada").await;
    let (mod_, token) = rig.comes("Mod").await;
    rig.own.set_moderator(&mod_.record.user.id, true, WallTime::now()).await.unwrap();
    let id = ada.record.user.id.clone();
    rig.chat.act(ada, |user| said(user, "x", "x")).await.unwrap();
    // Nobody has seen yet that they moderate.
    refused(&rig.chat.set_visible(&["abc".to_owned()], false, WallTime::now()).await);
    assert!(rig.chat.whose(&token).await.unwrap().unwrap().record.user.is_moderator);
    let ids: Vec<_> = (0..1000).map(|n| format!("ä/{n}")).collect();
    rig.chat.set_visible(&ids, false, WallTime::now()).await.unwrap();
    let user = rig.chat.set_enabled(&id, false, WallTime::now()).await.unwrap();
    assert!(user.disabled_at.is_some());
    assert!(rig.account(&id).await.user.disabled_at.is_some());
    assert_eq!(rig.own.listed(List::Disabled).await.unwrap().len(), 1);
    let (history, _) = History::load(&rig.store, 500).await.unwrap();
    assert!(history.visible_of(&id).is_empty());
    // It can be repeated, and undone.
    rig.chat.set_enabled(&id, false, WallTime::now()).await.unwrap();
    rig.chat.set_enabled(&id, true, WallTime::now()).await.unwrap();
    assert!(rig.account(&id).await.user.disabled_at.is_none());
    assert!(rig.own.listed(List::Disabled).await.unwrap().is_empty());
    // Not other moderators.
    not_done(rig.chat.set_enabled(&mod_.record.user.id, false, WallTime::now()).await);
    // Who moderates no more does not do it through an edge either.
    rig.own.set_moderator(&mod_.record.user.id, false, WallTime::now()).await.unwrap();
    refused(&rig.chat.set_visible(&ids, true, WallTime::now()).await);
    not_done(rig.chat.set_enabled(&id, false, WallTime::now()).await);
}

#[tokio::test]
async fn what_an_edge_says_of_text_rights_and_time_does_not_count() {
    let rig = Rig::new();
    let (ada, _) = rig.comes("Ada").await;
    let before = WallTime::now();
    let forged = |user: &User| {
        let grand =
            User { is_moderator: true, is_bot: true, display_name: "Owner".to_owned(), ..user.clone() };
        Entry {
            id: "\"><script>".to_owned(),
            ..said(&grand, "<img src=x onerror=alert(1)>", "**hi** <script>x</script>")
        }
    };
    rig.chat.act(ada.clone(), forged).await.unwrap();
    let chunk = log::after(&rig.store, Versionstamp::ZERO).await.unwrap();
    let entry = &chunk.entries[0].1;
    let Event::Message { user, body, client, .. } = &entry.event else { panic!("{entry:?}") };
    assert_eq!(*user, rig.account(&ada.record.user.id).await.user);
    assert!(!user.is_moderator && !user.is_bot && user.display_name == "Ada");
    assert!(body.starts_with("<strong>hi</strong>") && !body.contains("script"), "{body}");
    assert!(*client == Some(3) && entry.id.len() == 11 && entry.at >= before, "{entry:?}");

    // What comes to nothing, or is too long, is not said.
    for raw in ["<script></script>", "", &"x".repeat(3000)] {
        not_done(rig.chat.act(ada.clone(), |user| said(user, "<b>x</b>", raw)).await);
    }
    // Who joins is who they are.
    let grand = User { is_moderator: true, display_name: "Owner".to_owned(), ..ada.record.user.clone() };
    rig.chat.tell(&[Entry::new(before, Event::Joined { user: grand, client: 1 })]).await.unwrap();
    assert!(
        matches!(rig.log().await.last(), Some(Event::Joined { user, .. }) if user.display_name == "Ada" && !user.is_moderator)
    );
    rig.set(|set| set.chat_disabled = true);
    not_done(rig.chat.act(ada, |user| said(user, "x", "x")).await);
}

#[tokio::test]
async fn a_record_changes_only_as_its_user_may() {
    let rig = Rig::new();
    let (ada, token) = rig.comes("Ada").await;
    let key = account_key(&ada.record.user.id);
    // Rights within what looks like a note of the day.
    let mut grand = ada.record.clone();
    grand.user.is_moderator = true;
    grand.user.display_name = "Owner".to_owned();
    grand.token = token_hash(&new_token());
    let unchanged = || Precondition::Equals(key.key().clone(), ada.bytes.clone());
    rig.edge.commit(Batch::new().require(unchanged()).put(&key, &grand).unwrap()).await.unwrap();
    let kept = rig.account(&ada.record.user.id).await;
    assert!(!kept.user.is_moderator && kept.user.display_name == "Ada" && kept.token == token_hash(&token));

    // Rights within what looks like another colour, and colours that there are not.
    let coloured = |hue| {
        let user = User { is_moderator: true, display_color: hue, ..kept.user.clone() };
        let account = Account { user: user.clone(), ..kept.clone() };
        let batch = Batch::new().require(Precondition::Equals(key.key().clone(), encode(&kept).unwrap()));
        let told = Entry::new(WallTime(1), Event::UserChanged { user });
        log::append(batch.put(&key, &account).unwrap(), &[told]).unwrap()
    };
    refused(&rig.edge.commit(coloured(361)).await);
    rig.edge.commit(coloured(360)).await.unwrap();
    let kept = rig.account(&ada.record.user.id).await;
    assert!(!kept.user.is_moderator && kept.user.display_color == 360);
    assert!(matches!(rig.log().await.last(), Some(Event::UserChanged { user }) if *user == kept.user));

    rig.set(|set| {
        set.forbidden_usernames = vec!["admin".to_owned()];
        set.reserved_usernames = vec!["Helper Bot".to_owned()];
    });
    for wrong in ["Admin", "helper bot", "a\u{202e}b", "  x ", "", &"x".repeat(400), "Farcast"] {
        let ada = rig.chat.whose(&token).await.unwrap().unwrap();
        not_done(rig.chat.rename(ada, wrong, 1, WallTime::now()).await);
        let registered = rig.chat.register(User::new(wrong.to_owned(), WallTime::now())).await;
        refused(&registered);
    }
    // Names that the operator suggests, and invented ones, may be given whatever is forbidden.
    rig.set(|set| {
        set.forbidden_usernames = vec!["a".to_owned(), "e".to_owned(), "o".to_owned(), "i".to_owned()];
        set.suggested_usernames = vec!["Prince".to_owned()];
    });
    for given in ["Prince", &farcast_chat::name::random(&mut rand::rng())] {
        rig.chat.register(User::new(given.to_owned(), WallTime::now())).await.unwrap();
    }
}

#[tokio::test]
async fn who_registers_through_an_edge_is_new_and_has_no_rights() {
    let rig = Rig::new();
    let grand = User {
        id: "chosen-id".to_owned(),
        is_moderator: true,
        is_bot: true,
        created_at: WallTime(1),
        previous_names: vec!["<b>".to_owned(); 1000],
        ..User::new("Ada".to_owned(), WallTime(1))
    };
    let (_, token) = rig.chat.register(grand).await.unwrap();
    let kept = rig.account("chosen-id").await;
    assert!(!kept.user.is_moderator && !kept.user.is_bot && kept.user.created_at > WallTime(1));
    assert_eq!(kept.user.previous_names, ["Ada"]);
    assert_eq!(kept.token, token_hash(&token));
    // Ids and colours that Farcast does not give.
    for id in ["a/b", "<script>", "", &"x".repeat(65)] {
        let odd = User { id: id.to_owned(), ..User::new("Eve".to_owned(), WallTime(1)) };
        assert!(rig.chat.register(odd).await.is_err(), "{id}");
    }
    let bright = User { display_color: 9999, ..User::new("Eve".to_owned(), WallTime(1)) };
    refused(&rig.chat.register(bright).await);
    // A token for somebody who is there already.
    let stolen = token_key(&token_hash(&new_token()));
    let steal = Batch::new().put(&stolen, &UserId("chosen-id".to_owned())).unwrap();
    refused(&rig.edge.commit(steal).await);
}

#[tokio::test]
async fn nobody_gets_a_name_that_can_be_taken_for_a_moderators() {
    let rig = Rig::new();
    let (ada, _) = rig.comes("Ada").await;
    let (mary, _) = rig.comes("Mary").await;
    rig.own.set_moderator(&mary.record.user.id, true, WallTime::now()).await.unwrap();
    for lookalike in ["Mary", "mary", "Маry", "Rnary"] {
        let user = User::new(lookalike.to_owned(), WallTime::now());
        refused(&rig.chat.register(user).await.map(|_| ()));
        not_done(rig.chat.rename(ada.clone(), lookalike, 1, WallTime::now()).await);
    }
    assert_eq!(rig.account(&ada.record.user.id).await.user.display_name, "Ada");
    // Their own, in other letters; and anybody's when they moderate no more.
    rig.chat.rename(mary.clone(), "MARY", 2, WallTime::now()).await.unwrap();
    rig.own.set_moderator(&mary.record.user.id, false, WallTime::now()).await.unwrap();
    rig.comes("Mary").await;
}

#[tokio::test]
async fn an_edge_acts_for_nobody_who_did_not_come_to_it() {
    let rig = Rig::new();
    let (ada, _) = rig.comes("Ada").await;
    let other = Chat::new(Rig::edge(&rig.door, "two"));
    let id = &ada.record.user.id;
    // It knows the id from the log, and reads the record; the token's hash is not in it.
    let known = other.account(id).await.unwrap().unwrap();
    assert_eq!(known.record.token, "");
    not_done(other.act(known.clone(), |user| said(user, "x", "x")).await);
    not_done(other.rename(known.clone(), "Eve", 1, WallTime::now()).await);
    not_done(other.recolour(known.clone(), 1, WallTime::now()).await);
    refused(&other.seen(known.clone(), WallTime::now()).await);
    let user = known.record.user;
    for event in [
        Event::Joined { user: user.clone(), client: 1 },
        Event::Present { user_id: id.clone(), client: 7 },
        Event::Parted { user: user.clone() },
    ] {
        refused(&other.tell(&[Entry::new(WallTime(1), event)]).await);
    }
    refused(&other.store().scan(Scan::prefix(farcast_chat::user::tokens())).await);
    assert!(rig.log().await.is_empty());
    // Nor as a moderator who came to another edge.
    rig.own.set_moderator(id, true, WallTime::now()).await.unwrap();
    rig.chat.account(id).await.unwrap();
    other.account(id).await.unwrap();
    refused(&other.set_visible(&["abc".to_owned()], false, WallTime::now()).await);
    rig.chat.set_visible(&["abc".to_owned()], false, WallTime::now()).await.unwrap();
}

#[tokio::test]
async fn all_else_is_refused_and_counted() {
    let rig = Rig::new();
    let (ada, _) = rig.comes("Ada").await;
    let user = ada.record.user.clone();
    let stream = |status| farcast_chat::Stream::new(&OperatorSettings::default(), &status);
    for event in [
        Event::System { name: "x".to_owned(), body: "<script>".to_owned() },
        Event::Action { body: "<script>".to_owned() },
        Event::Message { user: user.clone(), client: None, body: "x".to_owned(), raw: "x".to_owned() },
        Event::UserChanged { user: User { is_moderator: true, ..user.clone() } },
        Event::UserDisabled { user: user.clone() },
        Event::StreamStarted(stream(Default::default())),
        Event::StreamStopped(stream(Default::default())),
        Event::TitleChanged(stream(Default::default())),
        Event::Visibility { ids: vec!["x".repeat(100_000 / 2)], visible: false },
        Event::Visibility { ids: Vec::new(), visible: false },
    ] {
        refused(&rig.chat.tell(&[Entry::new(WallTime(1), event.clone())]).await);
        not_done(rig.chat.act(ada.clone(), |_| Entry::new(WallTime(1), event.clone())).await);
    }
    let text = |items: &[&str]| items.iter().fold(Tuple::new(), |tuple, item| tuple.text(item)).key();
    let everything = Operation::ClearRange(text(&["a"]), text(&["z"]));
    let ladder = vec![VariantSpec::default(); 400];
    for batch in [
        Batch::new().then(everything),
        Batch::new().then(Operation::ClearRange(log::prefix(), log::prefix().after_all_with_prefix())),
        Batch::new()
            .then(Operation::ClearRange(text(&["config"]), text(&["config"]).after_all_with_prefix())),
        farcast_settings::change(Batch::new(), Field("variants"), &ladder).unwrap(),
        farcast_settings::change(Batch::new(), Field("name"), &"mine").unwrap(),
        Batch::new().set(text(&["status"]), "\x01{\"online\":true}"),
        Batch::new().set(text(&["viewer_peaks"]), "\x01{}"),
        Batch::new().set(text(&["fill"]), vec![7; 90_000]),
        Batch::new().set(text(&[PRIVATE, "credentials"]), "x"),
        Batch::new().set(List::Moderators.key(&user.id), ""),
        Batch::new().set(List::Disabled.key(&user.id), ""),
        Batch::new().clear(account_key(&user.id).key().clone()),
        Batch::new().then(Operation::SetStamp(log::tip(), 0)),
        Batch::new().then(Operation::Add(LastClient::key().key().clone(), i64::MAX)),
        Batch::new().put(&LastClient::key(), &LastClient(u64::MAX)).unwrap(),
        Batch::new()
            .require(Precondition::Absent(LastClient::key().key().clone()))
            .put(&LastClient::key(), &LastClient(1 << 50))
            .unwrap(),
        Batch::new().set(Tuple::new().text("viewers").bytes(&[1; 16]).key(), vec![b'x'; 90_000]),
        Batch::new(),
    ] {
        refused(&rig.edge.commit(batch).await);
    }
    assert_eq!(rig.store.scan_all(Scan::range(text(&[""]), text(&["zzz"])), 100).await.unwrap().len(), 2);
    let counted = prometheus::TextEncoder::new().encode_to_string(&rig.registry.gather()).unwrap();
    for reason in ["unlawful", "private"] {
        assert!(counted.contains(&format!("refused_total{{reason=\"{reason}\"}}")), "{counted}");
    }
}

#[tokio::test]
async fn an_edge_publishes_its_viewers_in_one_place() {
    let rig = Rig::new();
    let now = WallTime::now();
    let audience = Audience { viewers: 1, sketch: [7].map(ViewerId::from_bits).into_iter().collect() };
    for run in 0..50_u8 {
        viewers::publish(&rig.edge, &[run; 16], &audience, now, Duration::from_secs(15)).await.unwrap();
    }
    assert_eq!(viewers::collect(&rig.store, now).await.unwrap().edges, 1);
    let many = Audience { viewers: 5_000_000, ..audience };
    refused(&viewers::publish(&rig.edge, &[1; 16], &many, now, Duration::from_secs(15)).await);
}

#[tokio::test]
async fn an_edge_cannot_fill_the_chat_and_others_do_not_suffer() {
    let rig = Rig::new();
    let (ada, _) = rig.comes("Ada").await;
    let mut taken = 0;
    for _ in 0..200 {
        let event = Event::Joined { user: ada.record.user.clone(), client: 1 };
        let batch = log::append(Batch::new(), &[Entry::new(WallTime(1), event)]).unwrap();
        let reply = rig.door.answer("one", Request::Commit(batch), 500).await;
        match reply {
            Ok(_) => taken += 1,
            Err(error) => assert!(error.may_pass(), "{error:?}: an honest edge tries again"),
        }
    }
    assert!((60..80).contains(&taken), "{taken}");
    // Another edge goes on.
    let two = Chat::new(Rig::edge(&rig.door, "two"));
    let (user, token) = two.register(User::new("Bob".to_owned(), WallTime::now())).await.unwrap();
    two.whose(&token).await.unwrap().unwrap();
    two.tell(&[Entry::new(WallTime(1), Event::Joined { user, client: 1 })]).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_comes_twice_is_applied_once() {
    let rig = Rig::new();
    let (ada, _) = rig.comes("Ada").await;
    let mut renamed = ada.record.clone();
    renamed.user.rename("Ada L".to_owned(), WallTime(1));
    let key = account_key(&ada.record.user.id);
    let told = Event::NameChanged { user: renamed.user.clone(), old_name: "Ada".to_owned(), client: 1 };
    let batch = Batch::new()
        .require(Precondition::Equals(key.key().clone(), ada.bytes.clone()))
        .put(&key, &renamed)
        .unwrap();
    let batch = log::append(batch, &[Entry::new(WallTime(1), told)]).unwrap();
    let first = rig.door.answer("one", Request::Commit(batch.clone()), 500).await.unwrap();
    let again = rig.door.answer("one", Request::Commit(batch), 500).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(rig.log().await.len(), 1);
    // What builds upon the record of before is overtaken.
    let stale = rig.chat.store().commit(
        log::append(
            Batch::new().require(Precondition::Equals(key.key().clone(), ada.bytes)),
            &[said(&ada.record.user, "x", "x")],
        )
        .unwrap(),
    );
    assert!(matches!(stale.await, Err(StoreError::Precondition { .. })));
}

#[test]
fn edges_that_are_remembered_are_bounded() {
    let rig = Rig::new();
    let now = Instant::now();
    for n in 0..2 * MAX_EDGES as u64 {
        rig.door.with(&n.to_string(), now + Duration::from_millis(n), |_| ());
    }
    let edges = rig.door.edges.lock().unwrap();
    assert!(edges.len() == MAX_EDGES && edges.contains_key(&(2 * MAX_EDGES - 1).to_string()));
}

fn announced(name: &str, urls: &[&str]) -> farcast_routing::EdgeRecord {
    let json = serde_json::json!({ "id": name, "urls": urls, "state": "ready", "renewal": 1 });
    farcast_routing::EdgeRecord::parse(json.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn an_edge_announces_itself_and_touches_no_other_record() {
    use farcast_edge_directory::{prefix, publish, withdraw};
    use farcast_routing::EdgeId;

    let rig = Rig::new();
    let records = || async { rig.store.scan_all(Scan::prefix(prefix()), 100).await.unwrap() };
    publish(&rig.edge, &announced("one", &["https://one.example"])).await.unwrap();
    let other = Rig::edge(&rig.door, "two");
    publish(&other, &announced("two", &[])).await.unwrap();
    let honest = records().await;
    assert_eq!(honest.len(), 2);
    assert_eq!(rig.edge.scan_all(Scan::prefix(prefix()), 100).await.unwrap(), honest, "all may be followed");

    let two = EdgeId::new("two").unwrap();
    assert!(publish(&rig.edge, &announced("two", &["https://evil.example"])).await.is_err());
    assert!(withdraw(&rig.edge, &two).await.is_err());
    let key = |name: &str| Tuple::new().text("edges").text(name).key();
    for (key, value) in [
        (key("one"), honest[1].1.clone()),
        (key("two"), honest[0].1.clone()),
        (key("one"), Bytes::from(vec![1; 100_000])),
        (key("one"), Bytes::from_static(b"\x02{}")),
        (key("three"), honest[0].1.clone()),
    ] {
        let refused = rig.edge.commit(Batch::new().set(key.clone(), value)).await;
        assert!(refused.is_err(), "{key:?}");
    }
    assert_eq!(records().await, honest);
    withdraw(&other, &two).await.unwrap();
    assert_eq!(records().await.len(), 1);
}
