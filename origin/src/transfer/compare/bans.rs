//! Addresses that may not chat.

use farcast_config::network;
use farcast_settings::Ban;
use farcast_store::{Batch, StoreError};

use super::Here;
use crate::admin::chat::{BANS, MAX_BANS, MAX_BANS_BYTES, checked_ban};
use crate::transfer::document;
use crate::transfer::plan::{Group, Plan};

/// Compares all bans; one batch adds those that are missing. A ban here is never shortened.
pub(super) async fn compare(
    wished: &[document::Ban],
    here: &Here,
    plan: &mut Plan,
) -> Result<(), StoreError> {
    if wished.is_empty() {
        return Ok(());
    }
    let (mut bans, unchanged) = farcast_settings::read::<Vec<Ban>>(&here.store, BANS).await?;
    bans.retain(|ban| ban.holds(here.now));
    let mut is_more = false;
    for wish in wished {
        let what = wish.address.chars().take(64).collect::<String>();
        let expires_at = wish.expires_at.map(|at| at.0);
        let address = match checked_ban(&wish.address, &wish.notes) {
            Ok(address) => address,
            Err(why) => {
                plan.skipped(Group::Bans, what, why);
                continue;
            }
        };
        if expires_at.is_some_and(|end| end <= here.now) {
            plan.skipped(Group::Bans, what, "the ban has ended");
        } else if bans.iter().any(|ban| network::of(ban.address) == network::of(address)) {
            plan.same(Group::Bans, what);
        } else if bans.len() >= MAX_BANS {
            plan.skipped(Group::Bans, what, format!("there are {MAX_BANS} bans already"));
        } else {
            bans.push(Ban { address, notes: wish.notes.clone(), created_at: wish.created_at.0, expires_at });
            if serde_json::to_string(&bans).map_or(usize::MAX, |text| text.len()) > MAX_BANS_BYTES {
                bans.pop();
                plan.skipped(Group::Bans, what, "all bans with their notes would be too long to be kept");
                continue;
            }
            plan.set(Group::Bans, what, "may not chat");
            is_more = true;
        }
    }
    if is_more {
        plan.batches.push(farcast_settings::change(Batch::new().require(unchanged), BANS, &bans)?);
    }
    Ok(())
}
