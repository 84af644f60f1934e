//! People in the chat, with the tokens by which their browsers know them.

use std::collections::HashSet;

use farcast_chat::user::{Account, MAX_ID_BYTES, UserId, account_key, token_key};
use farcast_chat::{Entry, Event, List, log, name};
use farcast_store::{Batch, Precondition, StoreError, Stored};

use super::Here;
use crate::transfer::document::{TokenHash, User};
use crate::transfer::plan::{Group, Plan, number};

/// Users of a batch: each has up to four keys with their preconditions.
const PER_BATCH: usize = 200;
/// Bytes of Base64 of a SHA-256.
const HASH_BYTES: usize = 43;
/// Most tokens of one user besides the first.
const MAX_MORE_TOKENS: usize = 20;
/// Most former names that are kept.
const MAX_PREVIOUS_NAMES: usize = 20;

/// Compares all users. Those who only have a name and a token are counted; moderators and those who may not chat are named.
pub(super) async fn compare(users: &[User], here: &Here, plan: &mut Plan) -> Result<(), StoreError> {
    let (mut seen, mut batch, mut in_batch, mut plain) = (HashSet::new(), Batch::new(), 0, 0);
    for user in users {
        let Some(account) = wished(user, here, plan) else { continue };
        if !seen.insert(account.user.id.clone()) || !seen.insert(account.token.clone()) {
            plan.skipped(Group::Users, named(user), "another user has the same id or token");
            continue;
        }
        let there = here.store.load(&account_key(&account.user.id)).await?;
        batch = match there {
            Some(there) => changed(there, &account, user, batch, here, plan)?,
            None if account.token.is_empty() => {
                plan.skipped(
                    Group::Users,
                    named(user),
                    "nobody has a token for it: export --with-secrets has them",
                );
                batch
            }
            None if is_taken(&account, here).await? => {
                plan.skipped(Group::Users, named(user), "another user here has the token");
                batch
            }
            None => {
                match remark(&account) {
                    Some(remark) => plan.set(Group::Users, named(user), format!("comes, {remark}")),
                    None => plain += 1,
                }
                more_tokens(added(batch, &account)?, &account, user, here).await?
            }
        };
        in_batch += 1;
        if in_batch == PER_BATCH {
            push(&mut batch, plan);
            in_batch = 0;
        }
    }
    push(&mut batch, plan);
    if plain > 0 {
        plan.set(Group::Users, number(plain, "user", "users"), "come with names and tokens");
    }
    Ok(())
}

fn push(batch: &mut Batch, plan: &mut Plan) {
    let full = std::mem::take(batch);
    if !full.operations().is_empty() {
        plan.batches.push(full);
    }
}

fn named(user: &User) -> String {
    format!("{:?} ({})", user.display_name, user.id.chars().take(MAX_ID_BYTES).collect::<String>())
}

fn remark(account: &Account) -> Option<&'static str> {
    match (account.user.is_moderator, account.user.disabled_at) {
        (true, None) => Some("is a moderator"),
        (false, Some(_)) => Some("may not chat"),
        (true, Some(_)) => Some("is a moderator and may not chat"),
        (false, None) => None,
    }
}

/// The account that a user would have. The token is empty where the document has none.
pub(super) fn wished(user: &User, here: &Here, plan: &mut Plan) -> Option<Account> {
    let is_id =
        (1..=MAX_ID_BYTES).contains(&user.id.len()) && user.id.bytes().all(|byte| byte.is_ascii_graphic());
    let token = user.token_hash.as_ref().map_or("", |TokenHash(hash)| hash);
    let is_token = token.is_empty() || is_hash(token);
    let display_name = match name::clean(&user.display_name) {
        Ok(name) if is_id && is_token => name,
        Ok(_) => {
            plan.skipped(Group::Users, named(user), "its id or token has a form that is not used");
            return None;
        }
        Err(why) => {
            plan.skipped(Group::Users, named(user), why.to_string());
            return None;
        }
    };
    let mut previous: Vec<_> = user.previous_names.iter().filter_map(|name| name::clean(name).ok()).collect();
    if previous.last() != Some(&display_name) {
        previous.push(display_name.clone());
    }
    if previous.len() > MAX_PREVIOUS_NAMES {
        // The first one, and the newest.
        previous.drain(1..=previous.len() - MAX_PREVIOUS_NAMES);
    }
    Some(Account {
        user: farcast_chat::User {
            id: user.id.clone(),
            display_name,
            display_color: user.display_color % 361,
            created_at: user.created_at.0.min(here.now),
            previous_names: previous,
            name_changed_at: user.name_changed_at.map(|at| at.0),
            disabled_at: user.disabled_at.map(|at| at.0),
            is_moderator: user.is_moderator,
            is_bot: false,
            revision: 0,
        },
        // From now on: who stays away for long is deleted.
        seen_at: Some(here.now),
        token: token.to_owned(),
    })
}

/// True if a text has the form of a token's hash.
pub(super) fn is_hash(text: &str) -> bool {
    let form = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == HASH_BYTES && text.bytes().all(form)
}

fn added(batch: Batch, account: &Account) -> Result<Batch, StoreError> {
    let (key, by_token) = (account_key(&account.user.id), token_key(&account.token));
    let batch = batch
        .require(Precondition::Absent(key.key().clone()))
        .require(Precondition::Absent(by_token.key().clone()))
        .put(&key, account)?
        .put(&by_token, &UserId(account.user.id.clone()))?;
    Ok(listed(batch, account))
}

async fn is_taken(account: &Account, here: &Here) -> Result<bool, StoreError> {
    Ok(here.store.get(token_key(&account.token).key()).await?.is_some())
}

/// Tokens of their other browsers, as far as nobody has them.
async fn more_tokens(
    mut batch: Batch,
    account: &Account,
    user: &User,
    here: &Here,
) -> Result<Batch, StoreError> {
    for TokenHash(hash) in user.more_token_hashes.iter().take(MAX_MORE_TOKENS) {
        let key = token_key(hash);
        if is_hash(hash) && *hash != account.token && here.store.get(key.key()).await?.is_none() {
            batch = batch.put(&key, &UserId(account.user.id.clone()))?;
        }
    }
    Ok(batch)
}

fn listed(mut batch: Batch, account: &Account) -> Batch {
    let lists =
        [(List::Moderators, account.user.is_moderator), (List::Disabled, account.user.disabled_at.is_some())];
    for (list, is_on) in lists {
        let key = list.key(&account.user.id);
        batch = if is_on { batch.set(key, &b""[..]) } else { batch.clear(key) };
    }
    batch
}

/// A user who is here already: what they may do is the admin's, their name is theirs.
fn changed(
    there: Stored<Account>,
    wished: &Account,
    user: &User,
    batch: Batch,
    here: &Here,
    plan: &mut Plan,
) -> Result<Batch, StoreError> {
    let is_same = there.record.user.is_moderator == wished.user.is_moderator
        && there.record.user.disabled_at.is_some() == wished.user.disabled_at.is_some();
    if is_same {
        plan.same(Group::Users, named(user));
        return Ok(batch);
    }
    let (now, then) = (remark(&there.record), remark(wished));
    let (now, then) = (now.unwrap_or("may chat"), then.unwrap_or("may chat"));
    if !here.overwrite {
        plan.kept(Group::Users, named(user), format!("{now} here, and there {then}"));
        return Ok(batch);
    }
    plan.set(Group::Users, named(user), format!("{now} → {then}"));
    let mut account = there.record;
    account.user.set_moderator(wished.user.is_moderator);
    account.user.set_enabled(wished.user.disabled_at.is_none(), here.now);
    let key = account_key(&account.user.id);
    let batch = batch.require(Precondition::Equals(key.key().clone(), there.bytes)).put(&key, &account)?;
    plan.told.push(Entry::new(
        here.now,
        match account.user.disabled_at {
            Some(_) => Event::UserDisabled { user: account.user.clone() },
            None => Event::UserChanged { user: account.user.clone() },
        },
    ));
    Ok(listed(batch, &account))
}

/// A batch that tells the chat of users who were changed, for those who are connected.
pub(super) fn tell(plan: &mut Plan) -> Result<(), StoreError> {
    let told = std::mem::take(&mut plan.told);
    for entries in told.chunks(PER_BATCH) {
        plan.batches.push(log::append(Batch::new(), entries)?);
    }
    Ok(())
}
