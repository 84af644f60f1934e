//! Owncast's settings as ours.

use serde_json::{Map, Number, Value as Json, json};

use super::database::Values;
use crate::transfer::document::{Credential, Document, StreamKey};
use crate::transfer::gob::Value;
use crate::transfer::plan::{Group, Plan};

/// How a value is ours.
#[derive(Clone, Copy)]
enum Form {
    /// A text; an empty one is none.
    Text,
    Bool,
    Number,
    /// A list of texts, or a text with commas in it, as older versions have it.
    Words,
    /// Texts by names.
    Map,
    /// A list of structures, with the names that their fields have here.
    List(&'static [(&'static str, &'static str)]),
}

const HANDLE: &[(&str, &str)] = &[("Platform", "platform"), ("URL", "url")];
const ACTION: &[(&str, &str)] = &[
    ("URL", "url"),
    ("Title", "title"),
    ("Description", "description"),
    ("Icon", "icon"),
    ("Color", "color"),
    ("OpenExternally", "openExternally"),
];
const VARIANT: &[(&str, &str)] = &[
    ("Name", "name"),
    ("IsVideoPassthrough", "videoPassthrough"),
    ("IsAudioPassthrough", "audioPassthrough"),
    ("VideoBitrate", "videoBitrate"),
    ("AudioBitrate", "audioBitrate"),
    ("ScaledWidth", "scaledWidth"),
    ("ScaledHeight", "scaledHeight"),
    ("Framerate", "framerate"),
    ("CPUUsageLevel", "cpuUsageLevel"),
];

/// Names there, names here.
const SETTINGS: [(&str, &str, Form); 21] = [
    ("server_name", "name", Form::Text),
    ("server_summary", "summary", Form::Text),
    ("server_welcome_message", "welcomeMessage", Form::Text),
    ("custom_offline_message", "offlineMessage", Form::Text),
    ("stream_title", "streamTitle", Form::Text),
    ("extra_page_content", "pageContent", Form::Text),
    ("custom_styles", "customStyles", Form::Text),
    ("custom_color_variable_values", "appearanceVariables", Form::Map),
    ("server_metadata_tags", "tags", Form::Words),
    ("nsfw", "nsfw", Form::Bool),
    ("social_handles", "socialHandles", Form::List(HANDLE)),
    ("external_actions", "externalActions", Form::List(ACTION)),
    ("hide_viewer_count", "hideViewerCount", Form::Bool),
    ("server_url", "serverUrl", Form::Text),
    ("video_latency_level", "latencyLevel", Form::Number),
    ("video_stream_output_variants", "variants", Form::List(VARIANT)),
    ("video_codec", "videoCodec", Form::Text),
    ("chat_disabled", "chatDisabled", Form::Bool),
    ("blocked_usernames", "forbiddenUsernames", Form::Words),
    ("suggested_usernames", "suggestedUsernames", Form::Words),
    ("chat_join_messages_enabled", "chatJoinMessages", Form::Bool),
];

/// More of them, with values of their own.
const MORE_SETTINGS: [(&str, &str, Form); 2] = [
    ("chat_established_users_only_mode", "chatEstablishedUsers", Form::Bool),
    ("directory_enabled", "directoryEnabled", Form::Bool),
];

/// What has no place here, and why. Said where it is set.
const ELSEWHERE: [(&str, &str); 21] = [
    ("custom_javascript", "pages run no scripts but their own"),
    ("s3_storage_config", "edges serve the media; what is in the bucket stays there"),
    ("video_serving_endpoint", "edges serve the media: a CDN goes in front of them"),
    ("http_port_number", "the origin's http_listen and an edge's http_listen say where the web is"),
    ("http_listen_address", "the origin's http_listen and an edge's http_listen say where the web is"),
    ("rtmp_port_number", "the origin's setting rtmp_listen says where encoders connect"),
    ("websocket_host_override", "the chat is where the page is"),
    ("ffmpeg_path", "no ffmpeg is called"),
    ("directory_registration_key", "the directory gives a new one"),
    ("federation_enabled", "there is no federation (ActivityPub): followers stay with the old server"),
    ("federation_username", "there is no federation (ActivityPub)"),
    ("federation_go_live_message", "there is no federation (ActivityPub)"),
    ("federation_blocked_domains", "there is no federation (ActivityPub)"),
    ("discord_configuration", "there are no notifications of Discord: a webhook can do it"),
    ("browser_push_configuration", "there are no notifications by browsers"),
    ("disable_search_indexing", "there is no such setting: a proxy can serve robots.txt"),
    ("chat_spam_protection_enabled", "the chat has limits of its own"),
    ("chat_slur_filter_enabled", "there is no such filter"),
    ("chat_require_authentication", "the chat has no logins"),
    ("favicon_path", "there is no such setting"),
    ("twitter_configuration", "there are no notifications of Twitter"),
];

/// Settings that have a place here.
pub(super) fn settings(values: &Values, document: &mut Document, left_out: &mut Plan) {
    for (there, here, form) in SETTINGS.into_iter().chain(MORE_SETTINGS) {
        let Some(value) = values.get(there) else { continue };
        match value.as_ref().map_err(ToString::to_string).and_then(|value| taken(value, form)) {
            Ok(Some(value)) => drop(document.settings.insert(here.to_owned(), value)),
            Ok(None) => {}
            Err(why) => left_out.skipped(Group::Settings, here, format!("Owncast's {there}: {why}")),
        }
    }
    for (name, why) in ELSEWHERE {
        if values.get(name).is_some_and(|value| value.as_ref().is_ok_and(is_set)) {
            left_out.skipped(Group::Elsewhere, name, why);
        }
    }
}

/// True if somebody has set a value: that it is not the zero of its type.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Text(text) => !text.is_empty(),
        Value::Bool(is) => *is,
        Value::List(list) => !list.is_empty(),
        Value::Struct(_) => value.field("Enabled") == Some(&Value::Bool(true)),
        Value::Nil => false,
        _ => value.number().is_none_or(|number| number.as_f64() != Some(0.0)),
    }
}

/// A value as the admin API takes it; none if it is nothing.
fn taken(value: &Value, form: Form) -> Result<Option<Json>, String> {
    let wrong = || "it has a form that is not known".to_owned();
    Ok(match (form, value) {
        (Form::Text, Value::Text(text)) => Some(json!(text)).filter(|_| !text.is_empty()),
        (Form::Bool, Value::Bool(is)) => Some(json!(is)),
        (Form::Number, value) => Some(value.number().ok_or_else(wrong)?.into()),
        (Form::Words, Value::Text(text)) => {
            let words: Vec<_> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
            Some(json!(words)).filter(|_| !words.is_empty())
        }
        (Form::Words, Value::List(words)) => {
            let words: Option<Vec<_>> = words.iter().map(Value::text).collect();
            let words = words.ok_or_else(wrong)?;
            Some(json!(words)).filter(|_| !words.is_empty())
        }
        (Form::Map, Value::Map(entries)) => {
            let entry = |(key, value): &(Value, Value)| Some((key.text()?.to_owned(), json!(value.text()?)));
            let entries: Option<Map<_, _>> = entries.iter().map(entry).collect();
            let entries = entries.ok_or_else(wrong)?;
            Some(Json::from(entries.clone())).filter(|_| !entries.is_empty())
        }
        (Form::List(names), Value::List(entries)) => {
            let entries: Option<Vec<_>> = entries.iter().map(|entry| structure(entry, names)).collect();
            let entries = entries.ok_or_else(wrong)?;
            Some(json!(entries)).filter(|_| !entries.is_empty())
        }
        _ => return Err(wrong()),
    })
}

/// A structure with the names that its fields have here. Fields that are not there have the zero of their type.
fn structure(value: &Value, names: &[(&str, &str)]) -> Option<Json> {
    let Value::Struct(_) = value else { return None };
    let mut document = Map::new();
    for (there, here) in names {
        let value = match value.field(there) {
            None => continue,
            Some(Value::Bool(is)) => json!(is),
            Some(Value::Text(text)) => json!(text),
            Some(value) => Json::from(value.number()?),
        };
        document.insert((*here).to_owned(), value);
    }
    // Go leaves zero out; there it is the least, and here it would be the middle.
    if names.contains(&("CPUUsageLevel", "cpuUsageLevel")) {
        document.entry("cpuUsageLevel").or_insert_with(|| Number::from(0).into());
    }
    Some(document.into())
}

/// Stream keys and the admin password, which were one until 0.1.
pub(super) fn credentials(values: &Values, document: &mut Document, left_out: &mut Plan) {
    let value = |name: &str| values.get(name).and_then(|value| value.as_ref().ok());
    let text = |name: &str| value(name).and_then(Value::text).filter(|text| !text.is_empty());
    let key = |key: &str, comment: String| StreamKey { comment, key: Credential::Plain(key.to_owned()) };
    match value("stream_keys") {
        Some(Value::List(keys)) => {
            let keys = keys.iter().map(|entry| key(&entry.text_of("Key"), entry.text_of("Comment")));
            document.stream_keys.extend(keys);
        }
        Some(_) => left_out.skipped(Group::Credentials, "stream keys", "they have a form that is not known"),
        None => document.stream_keys.extend(text("stream_key").map(|text| key(text, String::new()))),
    }
    match text("admin_password_key") {
        None => {}
        Some(hash) if hash.starts_with("$2") => left_out.skipped(
            Group::Credentials,
            "admin password",
            "Owncast kept a hash of it only, which nobody can turn into another one: set it anew on the admin page",
        ),
        Some(password) => document.admin_password = Some(Credential::Plain(password.to_owned())),
    }
}
