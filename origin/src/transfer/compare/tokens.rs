//! Access tokens of bots and tools, which go on working as they are: only their hashes are moved.

use farcast_store::StoreError;

use super::Here;
use super::users::is_hash;
use crate::admin::{check_token_name, checked_scopes};
use crate::tokens::{self, MAX_TOKENS, SHOWN_CHARS, Token};
use crate::transfer::document::{AccessToken, TokenHash};
use crate::transfer::plan::{Group, Plan};

/// Compares all tokens; one batch adds those that are missing.
pub(super) async fn compare(wished: &[AccessToken], here: &Here, plan: &mut Plan) -> Result<(), StoreError> {
    if wished.is_empty() {
        return Ok(());
    }
    let there = tokens::all(&here.store).await?;
    let mut new: Vec<(farcast_store::Key, Token)> = Vec::new();
    for wish in wished {
        let what = format!("{:?}", wish.name);
        let Some(TokenHash(hash)) = &wish.token_hash else {
            match there.iter().any(|(_, token)| token.id == wish.id && token.name == wish.name) {
                true => plan.same(Group::AccessTokens, what),
                false => plan.skipped(
                    Group::AccessTokens,
                    what,
                    "its secret was left out: export --with-secrets has it",
                ),
            }
            continue;
        };
        let token = match made(wish, here) {
            Ok(token) => token,
            Err(why) => {
                plan.skipped(Group::AccessTokens, what, why);
                continue;
            }
        };
        let Some(place) = Some(hash).filter(|hash| is_hash(hash)).and_then(|hash| tokens::place_of(hash))
        else {
            plan.skipped(Group::AccessTokens, what, "its token has a form that is not used");
            continue;
        };
        let unknown: Vec<_> = wish.scopes.iter().filter(|scope| !is_scope(scope)).cloned().collect();
        if !unknown.is_empty() {
            let why = format!("without {}, which means nothing here", unknown.join(", "));
            plan.skipped(Group::AccessTokens, what.clone(), why);
        }
        let known = there.iter().chain(&new).find(|(key, token)| *key == place || token.id == wish.id);
        match known {
            Some((key, known))
                if *key == place && known.scopes == token.scopes && known.name == token.name =>
            {
                plan.same(Group::AccessTokens, what);
            }
            Some((_, known)) => plan.kept(
                Group::AccessTokens,
                what,
                format!(
                    "it is {:?} here, which may {}: delete it to import this one",
                    known.name,
                    names(known)
                ),
            ),
            None if there.len() + new.len() >= MAX_TOKENS => {
                plan.skipped(Group::AccessTokens, what, format!("there are {MAX_TOKENS} tokens"));
            }
            None => {
                plan.set(Group::AccessTokens, what, format!("may {}", names(&token)));
                new.push((place, token));
            }
        }
    }
    if let Some(batch) = tokens::adding(&here.store, &new).await? {
        plan.batches.push(batch);
    } else if !new.is_empty() {
        plan.lines.retain(|line| line.group != Group::AccessTokens);
        plan.skipped(Group::AccessTokens, "all", "the names of all tokens would be too long to be kept");
    }
    Ok(())
}

fn is_scope(scope: &str) -> bool {
    checked_scopes([scope.to_owned()]).is_ok()
}

fn names(token: &Token) -> String {
    token.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")
}

/// The token that a wish means.
pub(super) fn made(wish: &AccessToken, here: &Here) -> Result<Token, String> {
    check_token_name(&wish.name)?;
    let known = wish.scopes.iter().filter(|scope| is_scope(scope)).cloned();
    let scopes = checked_scopes(known)?;
    if !(1..=64).contains(&wish.id.len()) || !wish.id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("its id has a form that is not used".to_owned());
    }
    Ok(Token {
        id: wish.id.clone(),
        begins: wish.begins.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect(),
        name: wish.name.clone(),
        color: wish.display_color % 361,
        created_at: wish.created_at.0.min(here.now),
        scopes,
        last_used_at: wish.last_used_at.map(|at| at.0),
    })
}
