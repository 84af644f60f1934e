//! Webhooks, known by the address of their receiver.

use farcast_store::StoreError;

use super::Here;
use crate::admin::checked_webhook;
use crate::transfer::document::{SigningKey, Webhook};
use crate::transfer::plan::{Group, Plan};
use crate::webhooks::{self, EVENTS, MAX_WEBHOOKS, Secret, Wished};

/// Compares all webhooks; one batch adds those that are missing. They get what happens from the origin's next start or look
/// on.
pub(super) async fn compare(wished: &[Webhook], here: &Here, plan: &mut Plan) -> Result<(), StoreError> {
    if wished.is_empty() {
        return Ok(());
    }
    let there = webhooks::all(&here.store).await?;
    let mut new: Vec<Wished> = Vec::new();
    for wish in wished {
        let what: String = wish.url.chars().take(200).collect();
        let (known, unknown): (Vec<_>, Vec<_>) =
            wish.events.iter().cloned().partition(|event| EVENTS.contains(&event.as_str()));
        let events = match checked_webhook(&wish.url, known, here.reach) {
            Ok(events) => events,
            Err(_) if !unknown.is_empty() && unknown.len() == wish.events.len() => {
                plan.skipped(
                    Group::Webhooks,
                    what,
                    format!("there are no events {} here", unknown.join(", ")),
                );
                continue;
            }
            Err(why) => {
                plan.skipped(Group::Webhooks, what, why);
                continue;
            }
        };
        if !unknown.is_empty() {
            plan.skipped(
                Group::Webhooks,
                what.clone(),
                format!("without {}, of which there are none here", unknown.join(", ")),
            );
        }
        let all = there.iter().map(|kept| (&kept.webhook.url, &kept.webhook.events));
        let mut all = all.chain(new.iter().map(|new| (&new.url, &new.events)));
        match all.find(|(url, _)| **url == wish.url) {
            Some((_, now)) if same(now, &events) => plan.same(Group::Webhooks, what),
            Some((_, now)) => plan.kept(
                Group::Webhooks,
                what,
                format!(
                    "it gets {} here, and not {}: delete it to import it",
                    now.join(", "),
                    events.join(", ")
                ),
            ),
            None if there.len() + new.len() >= MAX_WEBHOOKS => {
                plan.skipped(Group::Webhooks, what, format!("there are {MAX_WEBHOOKS} webhooks"));
            }
            None => {
                let secret = match &wish.secret {
                    Some(SigningKey(text)) => match Secret::try_from(text.clone()) {
                        Ok(secret) => Some(secret),
                        Err(why) => {
                            plan.skipped(Group::Webhooks, what, why.to_string());
                            continue;
                        }
                    },
                    None => None,
                };
                let signed = if secret.is_some() { "signed" } else { "without signatures" };
                plan.set(Group::Webhooks, what, format!("gets {}, {signed}", events.join(", ")));
                new.push(Wished { url: wish.url.clone(), events, created_at: wish.created_at.0, secret });
            }
        }
    }
    if !new.is_empty() {
        plan.batches.push(webhooks::adding(&here.store, new).await?);
    }
    Ok(())
}

fn same(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().all(|event| b.contains(event))
}
