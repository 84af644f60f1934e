//! Lines of the chat from another server.
//!
//! The log has one order, and new entries come behind old ones. So lines are moved only into a chat in which nothing was said
//! yet, and only while the origin is stopped: what is added to the log of one that runs is told to viewers and webhooks as if
//! it were said now.

use std::collections::{HashMap, HashSet};

use farcast_chat::render;
use farcast_chat::{Entry, Event, History, User, log, since, user};
use farcast_settings::{Field, Retention};
use farcast_store::{Batch, Precondition, StoreError};

use super::Here;
use crate::transfer::document::{Document, Message};
use crate::transfer::plan::{Group, Plan, number};
use crate::webhooks;

/// Lines of a batch: of 8 KiB of HTML at most, and as much text.
const PER_BATCH: usize = 200;
/// Lines here that are looked through for those that were moved before.
const SEARCHED: usize = 10_000;
/// Longest id of a line in bytes.
const MAX_ID_BYTES: usize = 64;

const GROUP: Group = Group::History;

/// Compares all lines; they are added within the bounds on the chat's log.
pub(super) async fn compare(document: &Document, here: &Here, plan: &mut Plan) -> Result<(), StoreError> {
    if document.messages.is_empty() {
        return Ok(());
    }
    let (retention, _) = farcast_settings::read::<Retention>(&here.store, Field("chatRetention")).await?;
    let since = since(here.now, retention.max_age());
    let most = usize::try_from(retention.max_events).unwrap_or(usize::MAX);
    let authors = authors(document, here).await?;
    let (mut entries, mut old, mut unknown) = (Vec::new(), 0, 0);
    for message in &document.messages {
        if message.at.0 < since || message.at.0 > here.now {
            old += 1;
            continue;
        }
        match authors.get(message.user_id.as_str()).and_then(|author| entry(message, author)) {
            Some(entry) => entries.push(entry),
            None => unknown += 1,
        }
    }
    if old > 0 {
        let hours = retention.max_age_seconds / 3600;
        let why = format!("they are older than the {hours} h for which the chat keeps lines (chatRetention)");
        plan.skipped(GROUP, number(old, "line", "lines"), why);
    }
    if unknown > 0 {
        plan.skipped(
            GROUP,
            number(unknown, "line", "lines"),
            "of users who do not come, or with nothing to show",
        );
    }
    entries.sort_by_key(|entry| entry.at);
    let more = entries.len().saturating_sub(most);
    if more > 0 {
        plan.skipped(GROUP, number(more, "line", "lines"), format!("the chat keeps {most} lines"));
        entries.drain(..more);
    }
    if !entries.is_empty() {
        add(&entries, here, plan).await?;
    }
    Ok(())
}

/// Users as lines show them: those who come, and those who are here.
async fn authors(document: &Document, here: &Here) -> Result<HashMap<String, User>, StoreError> {
    let mut authors = HashMap::new();
    let ids: HashSet<_> = document.messages.iter().map(|message| message.user_id.as_str()).collect();
    let mut nothing = Plan::default();
    for user in document.users.iter().filter(|user| ids.contains(user.id.as_str())) {
        if let Some(account) = super::users::wished(user, here, &mut nothing) {
            authors.insert(user.id.clone(), account.user);
        }
    }
    for token in document.access_tokens.iter().filter(|token| ids.contains(token.id.as_str())) {
        if let Ok(token) = super::tokens::made(token, here) {
            authors.insert(token.id.clone(), token.user());
        }
    }
    // What they are called here counts.
    for id in ids {
        if (1..=user::MAX_ID_BYTES).contains(&id.len())
            && let Some(account) = here.store.load(&user::account_key(id)).await?
        {
            authors.insert(id.to_owned(), account.record.user);
        }
    }
    Ok(authors)
}

fn entry(message: &Message, author: &User) -> Option<Entry> {
    // Owncast hides what a disabled user said.
    let is_id =
        (1..=MAX_ID_BYTES).contains(&message.id.len()) && message.id.bytes().all(|b| b.is_ascii_graphic());
    if !is_id || author.disabled_at.is_some() {
        return None;
    }
    let body = render::message(&message.body, &[]);
    if body.is_empty() {
        return None;
    }
    let said = Event::Message { user: author.clone(), client: None, body, raw: message.body.clone() };
    Some(Entry { id: message.id.clone(), ..Entry::new(message.at.0, said) })
}

async fn add(entries: &[Entry], here: &Here, plan: &mut Plan) -> Result<(), StoreError> {
    let what = number(entries.len(), "line", "lines");
    let tip = here.store.get(&log::tip()).await?;
    let (history, _) = History::load(&here.store, SEARCHED).await?;
    let known: HashSet<_> = history.newest_first().map(|seen| seen.entry.id.as_str()).collect();
    if !known.is_empty() {
        match entries.iter().all(|entry| known.contains(entry.id.as_str())) {
            true => plan.same(GROUP, what),
            false => plan.skipped(
                GROUP,
                what,
                "something was said in the chat here already, and older lines cannot go before it",
            ),
        }
        return Ok(());
    }
    if here.is_running {
        plan.skipped(
            GROUP,
            what,
            "the origin is running, or may be, and would tell them as if they were said now: stop it to import them",
        );
        return Ok(());
    }
    if !webhooks::all(&here.store).await?.is_empty() {
        plan.skipped(GROUP, what, "there are webhooks here, which would get them as if they were said now");
        return Ok(());
    }
    plan.set(GROUP, what, "are shown to those who come to the chat");
    // The first batch requires an untouched log; the others follow it.
    let mut unchanged = Some(match tip {
        Some(tip) => Precondition::Equals(log::tip(), tip),
        None => Precondition::Absent(log::tip()),
    });
    for some in entries.chunks(PER_BATCH) {
        let batch = unchanged.take().into_iter().fold(Batch::new(), Batch::require);
        plan.batches.push(log::append(batch, some)?);
    }
    Ok(())
}
