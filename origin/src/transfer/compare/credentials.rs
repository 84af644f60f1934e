//! Stream keys and the admin password.

use farcast_config::Secret;
use farcast_store::StoreError;
use serde_json::json;

use super::Here;
use crate::admin::{Change, Rules, Setter, parse_setting};
use crate::credentials::MAX_STREAM_KEYS;
use crate::credentials::moved::{Given, Moved, is_hash};
use crate::transfer::document::{Credential, Document};
use crate::transfer::plan::{Group, Plan, number};

const GROUP: Group = Group::Credentials;
const KEYS: &str = "stream keys";
const PASSWORD: &str = "admin password";

/// Compares the keys and the password; one batch changes them. A store that was never used takes them; one that has keys keeps
/// them, since encoders know them.
pub(super) async fn compare(document: &Document, here: &Here, plan: &mut Plan) -> Result<(), StoreError> {
    let there = Moved::load(&here.store).await?;
    let keys = keys(document, &there, here, plan).await;
    let password = match &document.admin_password {
        Some(password) => self::password(password, &there, here, plan).await,
        None => None,
    };
    if keys.is_empty() && password.is_none() {
        return Ok(());
    }
    let (count, with_password) = (keys.len(), password.is_some());
    match there.change(keys, password).await? {
        Some(batch) => {
            if count > 0 {
                plan.set(GROUP, KEYS, number(count, "key is taken over", "keys are taken over"));
            }
            if with_password {
                plan.set(GROUP, PASSWORD, "it is taken over");
            }
            plan.batches.push(batch);
        }
        None => plan.skipped(
            GROUP,
            PASSWORD,
            "there is no stream key to go with it yet: start the origin once, then import again",
        ),
    }
    Ok(())
}

/// The keys that take the place of those that are here; none if those stay.
async fn keys(document: &Document, there: &Moved, here: &Here, plan: &mut Plan) -> Vec<(Given, String)> {
    let mut keys = Vec::new();
    for (place, key) in (1..).zip(&document.stream_keys) {
        let comment: String = key.comment.chars().filter(|c| !c.is_control()).take(255).collect();
        let name = format!("stream key {place} {comment:?}");
        match given(&key.key, Setter::StreamKey, here) {
            Ok(_) if keys.len() == MAX_STREAM_KEYS => {
                plan.skipped(GROUP, name, format!("there are {MAX_STREAM_KEYS} stream keys at most"));
            }
            Ok(given) => keys.push((given, comment)),
            Err(why) => plan.skipped(GROUP, name, why),
        }
    }
    if keys.is_empty() {
        return keys;
    }
    let mut all_there = there.stream_keys().len() == keys.len();
    for (key, _) in &keys {
        all_there = all_there && there.has_key(key).await;
    }
    if all_there {
        plan.same(GROUP, KEYS);
    } else if !there.stream_keys().is_empty() && !here.overwrite {
        plan.kept(GROUP, KEYS, "the origin has keys of its own, which encoders may know");
    } else {
        return keys;
    }
    Vec::new()
}

async fn password(wished: &Credential, there: &Moved, here: &Here, plan: &mut Plan) -> Option<Given> {
    match given(wished, Setter::AdminPassword, here) {
        Err(why) => plan.skipped(GROUP, PASSWORD, why),
        Ok(password) if there.has_password(&password).await => plan.same(GROUP, PASSWORD),
        Ok(_) if there.admin_password().is_some() && !here.overwrite => {
            plan.kept(GROUP, PASSWORD, "one was set here");
        }
        Ok(password) => return Some(password),
    }
    None
}

/// The secret, if it is one that could be set here.
fn given(credential: &Credential, setter: Setter, here: &Here) -> Result<Given, String> {
    match credential {
        Credential::Redacted => Err("it was left out: export --with-secrets has it".to_owned()),
        Credential::Hash(hash) if is_hash(hash) => Ok(Given::Hash(hash.clone())),
        Credential::Hash(_) => Err("it is hashed in a form that is not used here: set a new one".to_owned()),
        Credential::Plain(secret) => {
            let body = json!({ "value": secret }).to_string();
            let parsed = parse_setting(setter, body.as_bytes(), Rules { short_keys: here.short_keys });
            match parsed? {
                Change::Credential(_, secret) => Ok(Given::Plain(secret)),
                // No setter of a secret makes another change.
                _ => Ok(Given::Plain(Secret::new(secret.clone()))),
            }
        }
    }
}
