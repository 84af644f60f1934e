//! The store as an edge reaches it: the suite that all engines share, and what only a link can do to it.

use std::time::Duration;

use bytes::Bytes;
use farcast_chat::{Chat, Entry, Event, History, User};
use farcast_feed::time::WallTime;
use farcast_store::wire::PRIVATE;
use farcast_store::{Batch, Key, LimitError, Operation, Scan, Store, StoreError, Tuple, counter};

use crate::proxy::Proxy;
use crate::rig::{Door, Edge, Origin};

fn sum() -> Key {
    Tuple::new().text("sum").key()
}

fn one_more() -> Batch {
    Batch::new().then(Operation::Add(sum(), 1))
}

async fn sum_of(store: &Store) -> i64 {
    counter(store.get(&sum()).await.unwrap().as_deref())
}

mod conformance {
    use super::*;

    farcast_store::store_conformance!(async {
        let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let origin = Origin::start(dirs[0].path()).await;
        let edge = Edge::start(dirs[1].path(), origin.token());
        edge.until_up().await;
        (edge.store.clone(), (origin, edge, dirs))
    });
}

/// A commit that meets an origin which is away is done when it returns, once; a watch goes on over the gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_and_watches_outlive_a_restart_of_the_origin() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    edge.store.commit(one_more()).await.unwrap();
    let seen = edge.store.get(&sum()).await.unwrap();
    let watch = tokio::spawn({
        let store = edge.store.clone();
        async move { store.changed(&sum(), seen).await }
    });
    let address = origin.address;
    origin.stop().await;
    edge.until_down().await;
    assert!(matches!(edge.store.get(&sum()).await, Err(StoreError::Unavailable(_))));
    let commit = tokio::spawn({
        let store = edge.store.clone();
        async move { store.commit(one_more()).await }
    });
    let origin = Origin::start_at(dirs[0].path(), address).await;
    commit.await.unwrap().unwrap();
    assert_eq!(counter(watch.await.unwrap().unwrap().as_deref()), 2);
    assert_eq!(sum_of(&origin.store).await, 2);
    edge.stop().await;
    origin.stop().await;
}

/// When the answer is lost on the way, the same batch is sent again and was applied once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_applied_once() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let proxy = Proxy::start(origin.address, 0, Duration::ZERO).await;
    let edge = Edge::start(dirs[1].path(), origin.token_for(proxy.address));
    edge.until_up().await;
    proxy.deafen(true);
    let mut commits = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = edge.store.clone();
        commits.spawn(async move { store.commit(one_more()).await });
    }
    while sum_of(&origin.store).await < 20 {
        tokio::task::yield_now().await;
    }
    edge.until_down().await;
    proxy.deafen(false);
    while let Some(commit) = commits.join_next().await {
        commit.unwrap().unwrap();
    }
    assert_eq!(sum_of(&origin.store).await, 20);
    edge.stop().await;
    origin.stop().await;
}

/// What an edge that was taken over asks for beyond its work, over the real link and the door that programs have. All
/// of its attacks are in `farcast_origin::edge_access`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_reaches_what_an_edge_has_to_do_with_and_nothing_else() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let address = "127.0.0.1:0".parse().unwrap();
    let origin = Origin::start_with(dirs[0].path(), address, Door::AsInPrograms, None).await;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    let chat = Chat::new(edge.store.clone());
    let (_, token) = chat.register(User::new("Ada".to_owned(), WallTime::now())).await.unwrap();
    let ada = chat.whose(&token).await.unwrap().unwrap();
    let said = |user: &User| {
        let (user, body, raw) = (user.clone(), "<script>x</script>".to_owned(), "*hi*".to_owned());
        Entry::new(WallTime::now(), Event::Message { user, client: Some(1), body, raw })
    };
    chat.act(ada, said).await.unwrap();
    let (history, _) = History::load(&edge.store, 10).await.unwrap();
    let shown = &history.newest_first().next().unwrap().entry.event;
    assert!(matches!(shown, Event::Message { body, .. } if body == "<em>hi</em>"), "{shown:?}");
    let refused = StoreError::Limit(LimitError::NotForEdges);
    assert_eq!(edge.store.get(&sum()).await, Err(refused.clone()));
    assert_eq!(edge.store.commit(one_more()).await, Err(refused.clone()));
    let setting = farcast_settings::change(Batch::new(), farcast_settings::Field("name"), &"mine");
    assert_eq!(edge.store.commit(setting.unwrap()).await, Err(refused.clone()));
    let wipe = Operation::ClearRange(Tuple::new().text("a").key(), Tuple::new().text("o").key());
    assert_eq!(edge.store.commit(Batch::new().then(wipe)).await, Err(refused.clone()));
    let users = Scan::prefix(farcast_chat::user::accounts());
    assert_eq!(edge.store.scan(users).await, Err(refused));
    edge.stop().await;
    origin.stop().await;
}

/// Credentials are not for edges, whatever they ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_does_not_reach_what_is_the_origins_alone() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    let secret = Tuple::new().text(PRIVATE).text("password").key();
    origin.store.commit(Batch::new().set(secret.clone(), "hash")).await.unwrap();
    let refused = StoreError::Limit(LimitError::Private);
    assert_eq!(edge.store.get(&secret).await, Err(refused.clone()));
    assert_eq!(edge.store.changed(&secret, None).await, Err(refused.clone()));
    let all = Scan::range(Tuple::new().text("a").key(), Tuple::new().text("z").key());
    assert_eq!(edge.store.scan(all).await, Err(refused.clone()));
    let batch = Batch::new().set(secret.clone(), "mine");
    assert_eq!(edge.store.commit(batch).await, Err(refused));
    assert_eq!(origin.store.get(&secret).await, Ok(Some(Bytes::from("hash"))));
    edge.stop().await;
    origin.stop().await;
}
