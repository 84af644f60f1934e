//! Settings, by the names of their fields.

use std::collections::BTreeMap;

use farcast_settings::{Asset, Field};
use farcast_store::{Batch, Precondition, StoreError};
use serde_json::{Map, Value, json};

use super::Here;
use crate::admin::{Change, Picture, Rules, Setter, parse_setting};
use crate::transfer::plan::{Group, Plan, shown};

/// The settings that are moved, each with what checks it. Those of a machine stay with it: ports, addresses, ffmpeg.
pub(in crate::transfer) const SETTINGS: [(&str, Setter); 25] = [
    ("name", Setter::Name),
    ("summary", Setter::Summary),
    ("streamTitle", Setter::StreamTitle),
    ("welcomeMessage", Setter::WelcomeMessage),
    ("offlineMessage", Setter::OfflineMessage),
    ("pageContent", Setter::PageContent),
    ("customStyles", Setter::CustomStyles),
    ("appearanceVariables", Setter::Appearance),
    ("logo", Setter::Logo),
    ("tags", Setter::Tags),
    ("nsfw", Setter::Nsfw),
    ("socialHandles", Setter::SocialHandles),
    ("externalActions", Setter::ExternalActions),
    ("hideViewerCount", Setter::HideViewerCount),
    ("serverUrl", Setter::ServerUrl),
    ("directoryEnabled", Setter::DirectoryEnabled),
    ("latencyLevel", Setter::LatencyLevel),
    ("variants", Setter::Variants),
    ("videoCodec", Setter::Codec),
    ("chatDisabled", Setter::ChatDisabled),
    ("forbiddenUsernames", Setter::ForbiddenUsernames),
    ("suggestedUsernames", Setter::SuggestedUsernames),
    ("chatJoinMessages", Setter::JoinMessages),
    ("chatEstablishedUsers", Setter::EstablishedUsers),
    ("chatRetention", Setter::ChatRetention),
];

/// Compares all settings of a document; one batch changes those that differ.
pub(super) async fn compare(
    settings: &BTreeMap<String, Value>,
    here: &Here,
    plan: &mut Plan,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for (name, value) in settings {
        let Some(&(field, setter)) = SETTINGS.iter().find(|(known, _)| known == name) else {
            plan.skipped(Group::Settings, name, "this version of Farcast moves no such setting");
            continue;
        };
        match checked(field, setter, value, plan) {
            None => {}
            Some(Change::Field(field, new)) => batch = set(field, new, batch, here, plan).await?,
            Some(Change::Logo(picture)) => batch = logo(&picture, batch, here, plan).await?,
            Some(_) => plan.skipped(Group::Settings, field, "it has a secret, which is not moved so"),
        }
    }
    if !batch.operations().is_empty() {
        plan.batches.push(batch);
    }
    Ok(())
}

/// The change that a value makes. Entries that the admin API would refuse are taken out of lists.
fn checked(field: &str, setter: Setter, value: &Value, plan: &mut Plan) -> Option<Change> {
    let parse = |value: &Value| {
        parse_setting(setter, json!({ "value": value }).to_string().as_bytes(), Rules::default())
    };
    let refused = match parse(value) {
        Ok(change) => return Some(change),
        Err(refused) => refused,
    };
    let mut out_of =
        |entry: &Value, why: String| plan.skipped(Group::Settings, format!("{field}, {}", shown(entry)), why);
    let rest = match value {
        Value::Array(entries) => {
            let fits = |entry: &&Value| parse(&json!([entry])).map_err(|why| out_of(entry, why)).is_ok();
            Value::Array(entries.iter().filter(fits).cloned().collect())
        }
        Value::Object(entries) if setter == Setter::Appearance => {
            let fits = |(name, value): &(&String, &Value)| {
                let alone = Map::from_iter([((*name).clone(), (*value).clone())]);
                parse(&alone.clone().into()).map_err(|why| out_of(&alone.into(), why)).is_ok()
            };
            let left = entries.iter().filter(fits);
            Value::Object(left.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        _ => Value::Null,
    };
    let is_empty = match &rest {
        Value::Array(entries) => entries.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => true,
    };
    match parse(&rest) {
        // None of it is left: the admin's own stays.
        Ok(change) if !is_empty => Some(change),
        _ => {
            plan.skipped(Group::Settings, field, refused);
            None
        }
    }
}

async fn set(
    field: Field,
    new: Value,
    batch: Batch,
    here: &Here,
    plan: &mut Plan,
) -> Result<Batch, StoreError> {
    let (now, unchanged) = farcast_settings::read::<Value>(&here.store, field).await?;
    let is_set = !matches!(unchanged, Precondition::Absent(_));
    if now == new {
        plan.same(Group::Settings, field.0);
    } else if is_set && !here.overwrite {
        plan.kept(Group::Settings, field.0, format!("it is {} here, and not {}", shown(&now), shown(&new)));
    } else {
        plan.set(Group::Settings, field.0, format!("{} → {}", shown(&now), shown(&new)));
        return farcast_settings::change(batch.require(unchanged), field, &new);
    }
    Ok(batch)
}

const LOGO: Field = Field("logo");

async fn logo(picture: &Picture, batch: Batch, here: &Here, plan: &mut Plan) -> Result<Batch, StoreError> {
    let (now, unchanged) = farcast_settings::read::<Option<Asset>>(&here.store, LOGO).await?;
    let what = format!("{} of {} bytes", picture.content_type, picture.bytes.len());
    match &now {
        Some(logo) if logo.hash == farcast_settings::AssetHash::of(&picture.bytes) => {
            plan.same(Group::Settings, LOGO.0);
            return Ok(batch);
        }
        Some(_) if !here.overwrite => {
            plan.kept(Group::Settings, LOGO.0, format!("there is one here, and not this {what}"));
            return Ok(batch);
        }
        _ => plan.set(Group::Settings, LOGO.0, what),
    }
    let emoji = farcast_settings::load(&here.store).await?.emoji;
    // One that is among the emoji as well stays.
    let goes = |logo: &&Asset| !emoji.iter().any(|emoji| emoji.asset.hash == logo.hash);
    let batch = now.iter().filter(goes).fold(batch.require(unchanged), farcast_settings::remove_asset);
    let (batch, logo) =
        farcast_settings::save_asset(batch, &picture.file, picture.content_type, &picture.bytes);
    farcast_settings::change(batch, LOGO, &logo)
}
