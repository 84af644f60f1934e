//! Deletion of users who are gone: everybody who opens the page may register, and most never come back.

use std::time::Duration;

use bytes::Bytes;
use farcast_chat::Account;
use farcast_chat::user::{accounts, token_key};
use farcast_feed::time::WallTime;
use farcast_store::{Batch, Key, Precondition, Scan, Store, StoreError, decode};

/// A user who did not come to the chat within this time after registration is deleted.
const UNSEEN: Duration = Duration::from_secs(24 * 3600);
/// A user who was not there for so long is deleted.
const GONE: Duration = Duration::from_secs(90 * 24 * 3600);

/// True if a user may be forgotten, as far as their record tells.
fn is_gone(account: &Account, now: WallTime) -> bool {
    let user = &account.user;
    if user.disabled_at.is_some() || user.is_moderator {
        return false;
    }
    match account.seen_at {
        Some(at) => now.since(at) > GONE,
        None => now.since(user.created_at) > UNSEEN,
    }
}

/// Deletes all users who have been away too long and whom no entry mentions, page by page; returns their number. Cancel
/// safe: users who are not deleted now are deleted the next time.
pub(super) async fn forget_gone(
    store: &Store,
    now: WallTime,
    mentioned: impl Fn(&str) -> bool,
) -> Result<u64, StoreError> {
    let (mut forgotten, mut next) = (0, Some(Scan::prefix(accounts())));
    while let Some(scan) = next {
        let page = store.scan(scan.clone()).await?;
        next = scan.behind(&page);
        for (key, bytes) in page.entries {
            match decode::<Account>(&bytes) {
                Ok(account) if is_gone(&account, now) && !mentioned(&account.user.id) => {
                    forgotten += u64::from(forget(store, key, bytes, &account).await?);
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a user of the chat cannot be read"),
            }
        }
    }
    Ok(forgotten)
}

/// Forgets one, unless something was done by them or about them since their record was read.
async fn forget(store: &Store, key: Key, bytes: Bytes, account: &Account) -> Result<bool, StoreError> {
    let batch = Batch::new()
        .require(Precondition::Equals(key.clone(), bytes))
        .clear(key)
        .clear(token_key(&account.token).key().clone());
    match store.commit(batch).await {
        Ok(_) => Ok(true),
        Err(StoreError::Precondition { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use farcast_chat::{Chat, User};
    use farcast_store::memory::Memory;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const START: WallTime = WallTime(1_000_000_000);

    async fn left(chat: &Chat, users: &[User]) -> Vec<String> {
        let mut left = Vec::new();
        for user in users {
            if chat.account(&user.id).await.unwrap().is_some() {
                left.push(user.display_name.clone());
            }
        }
        left
    }

    #[tokio::test]
    async fn who_is_gone_is_forgotten_with_their_token_and_others_are_not() {
        let chat = Chat::new(Memory::store().0);
        let (mut users, mut tokens) = (Vec::new(), Vec::new());
        for name in ["never came", "came", "disabled", "moderates", "mentioned"] {
            let (user, token) = chat.register(User::new(name.to_owned(), START)).await.unwrap();
            users.push(user);
            tokens.push(token);
        }
        let came = chat.whose(&tokens[1]).await.unwrap().unwrap();
        chat.seen(came, START.after(DAY)).await.unwrap();
        chat.set_enabled(&users[2].id, false, START).await.unwrap();
        chat.set_moderator(&users[3].id, true, START).await.unwrap();
        let mentioned = users[4].id.clone();
        let at = |days: u32| {
            forget_gone(chat.store(), START.after(DAY * days + Duration::from_secs(1)), |id| id == mentioned)
        };
        let all: Vec<_> = users.iter().map(|user| user.display_name.clone()).collect();
        assert_eq!(at(0).await.unwrap(), 0);
        assert_eq!(left(&chat, &users).await, all);
        assert_eq!(at(1).await.unwrap(), 1);
        assert_eq!(left(&chat, &users).await, all[1..]);
        assert_eq!(
            chat.store().get(token_key(&farcast_chat::user::token_hash(&tokens[0])).key()).await.unwrap(),
            None
        );
        assert_eq!(at(90).await.unwrap(), 0);
        assert_eq!(at(91).await.unwrap(), 1);
        assert_eq!(left(&chat, &users).await, all[2..]);
        assert!(chat.whose(&tokens[1]).await.unwrap().is_none());
        assert!(chat.whose(&tokens[2]).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn who_came_back_in_the_meantime_is_not_forgotten() {
        let chat = Chat::new(Memory::store().0);
        let (user, token) = chat.register(User::new("Ada".to_owned(), START)).await.unwrap();
        let read = chat.account(&user.id).await.unwrap().unwrap();
        let now = START.after(DAY * 2);
        chat.seen(read.clone(), now).await.unwrap();
        let key = farcast_chat::user::account_key(&user.id).key().clone();
        assert!(!forget(chat.store(), key, read.bytes, &read.record).await.unwrap());
        assert!(chat.whose(&token).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn more_users_than_a_page_has_are_forgotten() {
        let chat = Chat::new(Memory::store().0);
        for number in 0..2500 {
            chat.register(User::new(format!("user {number}"), START)).await.unwrap();
        }
        assert_eq!(forget_gone(chat.store(), START.after(DAY * 2), |_| false).await.unwrap(), 2500);
    }
}
