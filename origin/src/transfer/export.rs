//! The document of what is set here.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farcast_chat::user::{Account, UserId, accounts, tokens as user_tokens};
use farcast_settings::{Asset, Ban, Field, OperatorSettings, load_asset};
use farcast_store::{Items, Precondition, Scan, Store, StoreError, decode};
use serde_json::Value;

use super::compare::SETTINGS;
use super::document::{
    self, AccessToken, Credential, Document, Moment, SigningKey, StreamKey, TokenHash, User, Webhook,
};
use crate::admin::chat::BANS;
use crate::credentials::moved::Moved;
use crate::{tokens, webhooks};

/// Reads all that is set. Without secrets there are only those users whom an admin has made moderators or disabled: nobody
/// could go on as one of the others.
///
/// # Errors
/// When the store fails.
pub(super) async fn document(store: &Store, with_secrets: bool) -> Result<Document, StoreError> {
    let mut document = Document::new(format!("Farcast {}", env!("CARGO_PKG_VERSION")));
    document.has_secrets = with_secrets;
    let set = farcast_settings::load(store).await?;
    settings(store, &set, &mut document).await?;
    let moved = Moved::load(store).await?;
    let secret = |hash: String| if with_secrets { Credential::Hash(hash) } else { Credential::Redacted };
    document.stream_keys = moved
        .stream_keys()
        .into_iter()
        .map(|(comment, hash)| StreamKey { comment, key: secret(hash) })
        .collect();
    document.admin_password = moved.admin_password().map(|hash| secret(hash.to_owned()));
    let (bans, _) = farcast_settings::read::<Vec<Ban>>(store, BANS).await?;
    document.bans = bans.into_iter().map(ban).collect();
    document.users = users(store, with_secrets).await?;
    for (place, token) in tokens::all(store).await? {
        let hash = tokens::hash_of(&place).filter(|_| with_secrets).map(TokenHash);
        document.access_tokens.push(access_token(token, hash));
    }
    for kept in webhooks::all(store).await? {
        let secret = kept.webhook.secret.filter(|_| with_secrets).map(|secret| SigningKey(secret.expose()));
        let (url, events) = (kept.webhook.url, kept.webhook.events);
        document.webhooks.push(Webhook { url, events, created_at: Moment(kept.webhook.created_at), secret });
    }
    document.emoji = set.emoji.into_iter().map(|emoji| emoji.asset.file).collect();
    Ok(document)
}

/// The settings that somebody has set; those that were never set have this version's defaults.
async fn settings(store: &Store, set: &OperatorSettings, document: &mut Document) -> Result<(), StoreError> {
    for (name, _) in SETTINGS {
        let (value, unchanged) = farcast_settings::read::<Value>(store, Field(name)).await?;
        if matches!(unchanged, Precondition::Absent(_)) || value.is_null() {
            continue;
        }
        let value = match &set.logo {
            Some(logo) if name == "logo" => picture(store, logo).await?,
            _ => Some(value),
        };
        document.settings.extend(value.map(|value| (name.to_owned(), value)));
    }
    Ok(())
}

/// A picture as the admin API takes it.
async fn picture(store: &Store, asset: &Asset) -> Result<Option<Value>, StoreError> {
    let bytes = load_asset(store, asset).await?;
    Ok(bytes.map(|bytes| format!("data:{};base64,{}", asset.content_type, STANDARD.encode(&bytes)).into()))
}

fn ban(ban: Ban) -> document::Ban {
    document::Ban {
        address: ban.address.to_string(),
        notes: ban.notes,
        created_at: Moment(ban.created_at),
        expires_at: ban.expires_at.map(Moment),
    }
}

fn access_token(token: tokens::Token, hash: Option<TokenHash>) -> AccessToken {
    AccessToken {
        scopes: token.scopes.iter().map(|scope| scope.name()).collect(),
        id: token.id,
        name: token.name,
        begins: token.begins,
        display_color: token.color,
        created_at: Moment(token.created_at),
        last_used_at: token.last_used_at.map(Moment),
        token_hash: hash,
    }
}

async fn users(store: &Store, with_secrets: bool) -> Result<Vec<User>, StoreError> {
    let more = if with_secrets { all_tokens(store).await? } else { HashMap::new() };
    let (mut users, mut next) = (Vec::new(), Some(Scan::prefix(accounts())));
    while let Some(scan) = next {
        let page = store.scan(scan.clone()).await?;
        next = scan.behind(&page);
        for (_, bytes) in page.entries {
            match decode::<Account>(&bytes) {
                Ok(account) => users.extend(user(account, with_secrets, &more)),
                Err(error) => tracing::error!(%error, "a user of the chat cannot be read"),
            }
        }
    }
    Ok(users)
}

/// The hashes of all tokens of users, by the users' ids.
async fn all_tokens(store: &Store) -> Result<HashMap<String, Vec<String>>, StoreError> {
    let (mut all, mut next) = (HashMap::<_, Vec<_>>::new(), Some(Scan::prefix(user_tokens())));
    while let Some(scan) = next {
        let page = store.scan(scan.clone()).await?;
        next = scan.behind(&page);
        for (key, bytes) in page.entries {
            let hash = Items::behind(&user_tokens(), &key).and_then(|mut items| items.text());
            if let (Ok(hash), Ok(UserId(id))) = (hash, decode(&bytes)) {
                all.entry(id).or_default().push(hash);
            }
        }
    }
    Ok(all)
}

fn user(
    Account { user, token, .. }: Account,
    with_secrets: bool,
    all: &HashMap<String, Vec<String>>,
) -> Option<User> {
    let others = all.get(&user.id).into_iter().flatten().filter(|hash| **hash != token);
    let more_token_hashes = others.cloned().map(TokenHash).collect();
    (with_secrets || user.is_moderator || user.disabled_at.is_some()).then(|| User {
        id: user.id,
        display_name: user.display_name,
        display_color: user.display_color,
        created_at: Moment(user.created_at),
        previous_names: user.previous_names,
        name_changed_at: user.name_changed_at.map(Moment),
        disabled_at: user.disabled_at.map(Moment),
        is_moderator: user.is_moderator,
        token_hash: with_secrets.then_some(TokenHash(token)),
        more_token_hashes,
    })
}
