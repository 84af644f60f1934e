//! The room's rules, in a time of their own.

use std::time::{Duration, Instant};

use farcast_chat::log::Placed;
use farcast_store::Versionstamp;

use super::*;

fn user(name: &str) -> User {
    User { id: name.to_owned(), ..User::new(name.to_owned(), WallTime(1)) }
}

fn arrival(id: u64, user: &User) -> Arrival {
    let address = "192.0.2.1".parse().unwrap();
    Arrival {
        id,
        user: user.clone(),
        token_hash: String::new(),
        address,
        network: None,
        user_agent: "x".to_owned(),
        place: None,
        now: WallTime(1),
    }
}

fn log(events: impl IntoIterator<Item = Event>) -> Vec<Placed> {
    events.into_iter().map(|event| (Versionstamp::ZERO, Entry::new(WallTime(1), event))).collect()
}

fn room() -> (Room, impl Fn(u64) -> Instant) {
    let (room, start) = (Room::new(Crowd::new(20, 50)), Instant::now());
    room.begin(History::default(), Versionstamp::ZERO);
    (room, move |seconds| start + Duration::from_secs(seconds))
}

/// Entries that were said just now.
fn apply(room: &Room, entries: Vec<Placed>, now: Instant) {
    room.apply(entries, now, WallTime(1));
}

fn coming(room: &Room, id: u64, user: &User, now: Instant) -> (Arc<Member>, Coming) {
    let entered = room.enter(arrival(id, user), now);
    (entered.member, entered.coming)
}

fn names(users: Vec<User>) -> Vec<String> {
    users.into_iter().map(|user| user.id).collect()
}

#[test]
fn who_comes_is_new_once_and_leaves_ten_seconds_after_their_last_connection() {
    let (room, at) = room();
    let ada = user("ada");
    let (one, first) = coming(&room, 1, &ada, at(0));
    let (two, second) = coming(&room, 2, &ada, at(1));
    assert_eq!((first, second), (Coming::New, Coming::Known));
    room.leave(&one, at(2));
    assert!(room.parted(at(20)).is_empty());
    room.leave(&two, at(20));
    assert!(room.parted(at(29)).is_empty());
    // Back in time: nobody left.
    let (three, third) = coming(&room, 3, &ada, at(29));
    assert_eq!(third, Coming::Known);
    room.leave(&three, at(40));
    assert_eq!(names(room.parted(at(50))), ["ada"]);
    assert!(room.parted(at(60)).is_empty());
    // The log says that they left, so they come anew.
    apply(&room, log([Event::Parted { user: ada.clone() }]), at(51));
    assert_eq!(coming(&room, 4, &ada, at(52)).1, Coming::New);
}

#[test]
fn who_goes_to_another_edge_has_not_left() {
    let (room, at) = room();
    let (ada, bob) = (user("ada"), user("bob"));
    let (member, _) = coming(&room, 1, &ada, at(0));
    room.leave(&member, at(1));
    apply(&room, log([Event::Present { user_id: ada.id.clone(), client: 77 }]), at(2));
    assert!(room.parted(at(30)).is_empty());
    // Somebody whom the log shows elsewhere moved here; after five minutes they are new.
    apply(&room, log([Event::Joined { user: bob.clone(), client: 77 }]), at(30));
    let (member, moved) = coming(&room, 2, &bob, at(31));
    assert_eq!(moved, Coming::Moved);
    room.leave(&member, at(32));
    assert_eq!(names(room.parted(at(42))), ["bob"]);
    assert_eq!(coming(&room, 3, &bob, at(400)).1, Coming::New);
}

#[test]
fn who_leaves_before_the_log_says_that_they_came_has_left() {
    let (room, at) = room();
    let (ada, bob) = (user("ada"), user("bob"));
    let (member, first) = coming(&room, 1, &ada, at(0));
    room.leave(&member, at(1));
    apply(&room, log([Event::Joined { user: ada.clone(), client: 1 }]), at(2));
    assert_eq!(first, Coming::New);
    assert_eq!(names(room.parted(at(11))), ["ada"]);
    // The same when they moved here, and came back for a moment before the log said so.
    apply(&room, log([Event::Joined { user: bob.clone(), client: 77 }]), at(20));
    let (member, moved) = coming(&room, 2, &bob, at(21));
    room.leave(&member, at(22));
    let (member, again) = coming(&room, 3, &bob, at(23));
    room.leave(&member, at(24));
    apply(&room, log([Event::Present { user_id: bob.id.clone(), client: 2 }]), at(25));
    assert_eq!((moved, again), (Coming::Moved, Coming::Known));
    assert_eq!(names(room.parted(at(34))), ["bob"]);
}

#[test]
fn who_is_disabled_is_expelled_everywhere_and_does_not_part() {
    let (room, at) = room();
    let (ada, bob) = (user("ada"), user("bob"));
    let (one, _) = coming(&room, 1, &ada, at(0));
    let (two, _) = coming(&room, 2, &bob, at(0));
    let gone = User { disabled_at: Some(WallTime(2)), ..ada.clone() };
    apply(&room, log([Event::UserDisabled { user: gone }]), at(1));
    assert_eq!((one.expelled(), two.expelled()), (Some(Expelled::Disabled), None));
    assert!(one.end.is_cancelled() && !two.end.is_cancelled());
    room.leave(&one, at(2));
    assert!(room.parted(at(60)).is_empty());
    // Their record was read just before that, and they come just after it.
    let (late, _) = coming(&room, 3, &ada, at(2));
    assert_eq!(late.expelled(), Some(Expelled::Disabled));
    apply(&room, log([Event::UserChanged { user: ada.clone() }]), at(3));
    assert_eq!(coming(&room, 4, &ada, at(3)).0.expelled(), None);
}

#[test]
fn who_was_changed_on_the_way_in_is_who_they_are_now() {
    let (room, at) = room();
    let ada = user("ada");
    let renamed = User { display_name: "Ada Lovelace".to_owned(), ..ada.clone() };
    let change =
        |user: &User| Event::NameChanged { user: user.clone(), old_name: "ada".to_owned(), client: 7 };
    apply(&room, log([change(&renamed)]), at(0));
    assert_eq!(room.enter(arrival(1, &ada), at(1)).user.display_name, "Ada Lovelace");
    assert_eq!(room.line("ada", at(1)).unwrap().0.display_name, "Ada Lovelace");
    let moderator = User { is_moderator: true, ..renamed.clone() };
    apply(&room, log([Event::UserChanged { user: moderator }]), at(2));
    assert!(room.enter(arrival(2, &ada), at(3)).user.is_moderator);
    // Long after that what is read is newer.
    room.parted(at(200));
    let newer = User { revision: 1, ..ada.clone() };
    assert_eq!(room.enter(arrival(3, &newer), at(200)).user.display_name, "ada");
    // Many changes are not all remembered; who was disabled is.
    for n in 0..MAX_CHANGED {
        apply(&room, log([change(&user(&format!("u{n}")))]), at(201));
    }
    let gone = User { disabled_at: Some(WallTime(2)), ..user("late") };
    apply(&room, log([change(&user("bob")), Event::UserDisabled { user: gone }]), at(202));
    assert!(room.newest(user("late")).disabled_at.is_some());
    assert!(room.lock().changed.len() <= MAX_CHANGED + 1);
    assert_eq!(coming(&room, 4, &user("late"), at(203)).0.expelled(), Some(Expelled::Disabled));
}

/// The origin's answers hold here, too: the store's record may be ahead of the log, by the whole way there and back.
#[test]
fn who_is_enabled_again_comes_in_and_stays_while_the_log_is_behind() {
    let (room, at) = room();
    let ada = user("ada");
    let gone = User { disabled_at: Some(WallTime(2)), revision: 1, ..ada.clone() };
    let back = User { revision: 2, ..ada.clone() };
    // The log said that they were disabled; the store, that they are not any more.
    apply(&room, log([Event::UserDisabled { user: gone.clone() }]), at(0));
    let (first, _) = coming(&room, 1, &back, at(1));
    assert_eq!((first.expelled(), room.line("ada", at(1)).unwrap().0.revision), (None, 2));
    // And here the log has not even said the former yet.
    let bob = User { id: "bob".to_owned(), ..back.clone() };
    let (second, _) = coming(&room, 2, &bob, at(1));
    let bob_gone = User { id: "bob".to_owned(), ..gone };
    apply(
        &room,
        log([Event::UserDisabled { user: bob_gone }, Event::UserChanged { user: bob.clone() }]),
        at(2),
    );
    assert_eq!(second.expelled(), None);
    // What is newer than the record holds.
    let again = User { disabled_at: Some(WallTime(3)), revision: 3, ..bob };
    apply(&room, log([Event::UserDisabled { user: again }]), at(3));
    assert_eq!((first.expelled(), second.expelled()), (None, Some(Expelled::Disabled)));
}

/// Lines that waited for the store on another edge come all at once, and count for when they were said.
#[test]
fn who_spoke_calmly_elsewhere_during_a_pause_of_the_store_is_heard_here() {
    let (room, at) = room();
    let ada = user("ada");
    coming(&room, 1, &ada, at(0));
    let said = |second: u64| {
        let event =
            Event::Message { user: user("ada"), client: Some(77), body: "x".to_owned(), raw: "x".to_owned() };
        (Versionstamp::ZERO, Entry::new(WallTime(second * 1_000_000), event))
    };
    room.apply((1..=10).map(said).collect(), at(11), WallTime(11_000_000));
    assert_eq!(room.line("ada", at(11)).unwrap().1, Verdict::Heard);
}

#[test]
fn what_a_user_says_elsewhere_counts_here_too_and_moderators_may_say_what_they_want() {
    let (room, at) = room();
    let (ada, moderator) = (user("ada"), User { is_moderator: true, ..user("mod") });
    coming(&room, 1, &ada, at(0));
    coming(&room, 2, &moderator, at(0));
    let said = |client| Event::Message {
        user: ada.clone(),
        client: Some(client),
        body: "hi".to_owned(),
        raw: "hi".to_owned(),
    };
    // Two messages by another edge, and one that came by this one, which was counted then.
    apply(&room, log([said(77), said(1), said(77)]), at(0));
    assert_eq!(room.line("ada", at(0)).unwrap().1, Verdict::Heard);
    assert_eq!(room.line("ada", at(0)).unwrap().1, Verdict::Muted);
    for _ in 0..20 {
        assert_eq!(room.line("mod", at(0)).unwrap().1, Verdict::Heard);
    }
    assert!(room.line("nobody", at(0)).is_none());
}

#[tokio::test]
async fn what_is_told_of_a_page_of_the_log_is_framed_once_for_all() {
    let (room, at) = room();
    let (mut one, mut two) = (room.listen(), room.listen());
    let mut told = room.enter(arrival(1, &user("ada")), at(0)).told;
    room.enter(arrival(2, &user("bob")), at(0));
    let ids = vec!["a".to_owned(), "b".to_owned()];
    apply(
        &room,
        log([
            Event::Action { body: "x".to_owned() },
            Event::Present { user_id: "z".to_owned(), client: 77 },
            Event::Visibility { ids, visible: false },
            Event::UserChanged { user: User { is_moderator: true, ..user("ada") } },
        ]),
        at(1),
    );
    let (first, second) = (one.recv().await.unwrap(), two.recv().await.unwrap());
    assert_eq!(first.as_ptr(), second.as_ptr(), "the same bytes");
    assert!(one.is_empty() && first.iter().filter(|byte| **byte == b'\n').count() == 1);
    // Who is a moderator now, is told so alone.
    assert!(String::from_utf8_lossy(&told.recv().await.unwrap()).contains("MODERATOR"));
    apply(&room, log([Event::Present { user_id: "z".to_owned(), client: 77 }]), at(2));
    assert!(one.is_empty());
}

#[tokio::test]
async fn who_listens_hears_what_is_said_before_they_are_in() {
    let (room, at) = room();
    let mut said = room.listen();
    apply(&room, log([Event::Action { body: "early".to_owned() }]), at(0));
    room.enter(arrival(1, &user("ada")), at(1));
    apply(&room, log([Event::Action { body: "late".to_owned() }]), at(2));
    for words in ["early", "late"] {
        assert!(String::from_utf8_lossy(&said.try_recv().unwrap()).contains(words), "{words}");
    }
}

#[test]
fn the_backlog_shows_what_is_visible_and_not_too_old() {
    let (room, at) = room();
    let said = |id: &str, wall: u64| {
        let event =
            Event::Message { user: user("ada"), client: None, body: id.to_owned(), raw: id.to_owned() };
        (Versionstamp::ZERO, Entry { id: id.to_owned(), at: WallTime(wall), event, network: None })
    };
    apply(&room, (0..60).map(|n| said(&format!("m{n}"), 1000 + n)).collect(), at(0));
    let hidden = Event::Visibility { ids: vec!["m58".to_owned()], visible: false };
    apply(&room, log([hidden]), at(0));
    let shown = |age: u64, now| {
        let json = room.backlog(Duration::from_micros(age), WallTime(1060), now).unwrap();
        let all: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        all.iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = shown(1000, at(0));
    assert_eq!((all.len(), &all[0][..], &all[49][..]), (50, "m9", "m59"));
    assert_eq!(shown(3, at(100)), ["m57", "m59"]);
    let visible = Event::Visibility { ids: vec!["m58".to_owned()], visible: true };
    apply(&room, log([visible]), at(100));
    assert_eq!(shown(3, at(100)), ["m57", "m58", "m59"]);
}
