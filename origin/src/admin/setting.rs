//! Parsing and validation of a settings request: returns the change, without any effect.
//!
//! A refused change has no effect and is answered with one line. The bounds are those of `openapi.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use farcast_api::body::{self, OrZero};
use farcast_chat::name;
use farcast_config::Secret;
use farcast_settings::{
    ExternalAction, Field, MAX_CONFIGURED_VARIANTS, Retention, S3, SocialHandle, VariantSpec,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::address;
use super::appearance;
use super::logo::{self, Picture};
use super::routes::Setter;
use crate::credentials::{MAX_STREAM_KEYS, Which, WishedKey, is_stand_in};
use crate::settings::MIN_KEY_CHARS;

/// Longest text that is kept, in bytes: below the limit of a stored value, escapes of JSON included.
const MAX_STORED_BYTES: usize = 95_000;
const MAX_NAME_CHARS: usize = 255;
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_PAGE_BYTES: usize = 90_000;
const MAX_URL_CHARS: usize = 2048;
const MAX_WORD_CHARS: usize = 64;
const MAX_LIST: usize = 50;
const MAX_USERNAMES: usize = 1000;
const MAX_API_VARIANTS: usize = 10;
const MAX_LATENCY_LEVEL: u8 = 4;
/// A minute to 30 days.
const RETENTION_SECONDS: std::ops::RangeInclusive<u64> = 60..=30 * 24 * 3600;
const RETENTION_EVENTS: std::ops::RangeInclusive<u64> = 100..=1_000_000;
const SECRET_CHARS: std::ops::RangeInclusive<usize> = MIN_KEY_CHARS..=128;

/// The change that a setter makes.
#[derive(Debug)]
pub(crate) enum Change {
    /// Sets a field.
    Field(Field, Value),
    /// Sets a credential.
    Credential(Which, Secret),
    /// Replaces the stream keys, each with what it is for.
    StreamKeys(Vec<(WishedKey, String)>),
    /// Replaces the logo.
    Logo(Picture),
    /// Sets the external storage.
    Storage(S3, StorageSecretChange),
}

/// The change of the external storage's secret key.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum StorageSecretChange {
    Keep,
    Clear,
    Set(String),
}

type Parsed = Result<Change, String>;

/// Rules of the origin's own configuration on what may be set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// Stream keys may have fewer than [`MIN_KEY_CHARS`].
    pub(crate) short_keys: bool,
}

/// The change that a body asks for.
///
/// # Errors
/// The fault, in one line.
pub(crate) fn parse(setter: Setter, body: &[u8], rules: Rules) -> Parsed {
    match setter {
        Setter::StreamKey => {
            Ok(Change::Credential(Which::StreamKey, stream_key(value::<String>(body)?, rules)?))
        }
        Setter::StreamKeys => stream_keys(body, rules),
        Setter::AdminPassword => {
            let password = value::<String>(body)?;
            check_line(&password, "this", *SECRET_CHARS.start(), *SECRET_CHARS.end())?;
            Ok(Change::Credential(Which::AdminPassword, Secret::new(password)))
        }
        Setter::Name => line(body, "name", 1, MAX_NAME_CHARS),
        Setter::StreamTitle => line(body, "streamTitle", 0, MAX_NAME_CHARS),
        Setter::Summary => text(body, "summary"),
        Setter::WelcomeMessage => text(body, "welcomeMessage"),
        Setter::OfflineMessage => text(body, "offlineMessage"),
        Setter::PageContent => page(body, "pageContent"),
        Setter::CustomStyles => page(body, "customStyles"),
        Setter::Appearance => {
            let OrZero(given) = value::<OrZero<BTreeMap<String, Option<String>>>>(body)?;
            field("appearanceVariables", &appearance::checked(given)?)
        }
        Setter::Logo => Ok(Change::Logo(logo::parse(&value::<String>(body)?)?)),
        Setter::Tags => words("tags", &value::<Vec<String>>(body)?, MAX_LIST),
        Setter::ForbiddenUsernames => words("forbiddenUsernames", &names(body)?, MAX_USERNAMES),
        Setter::SuggestedUsernames => words("suggestedUsernames", &names(body)?, MAX_USERNAMES),
        Setter::Nsfw => field("nsfw", &value::<bool>(body)?),
        Setter::HideViewerCount => field("hideViewerCount", &value::<bool>(body)?),
        Setter::DirectoryEnabled => field("directoryEnabled", &value::<bool>(body)?),
        Setter::ChatDisabled => field("chatDisabled", &value::<bool>(body)?),
        Setter::JoinMessages => field("chatJoinMessages", &value::<bool>(body)?),
        Setter::EstablishedUsers => field("chatEstablishedUsers", &value::<bool>(body)?),
        Setter::ChatRetention => retention(body),
        Setter::SocialHandles => social_handles(body),
        Setter::ExternalActions => external_actions(body),
        Setter::ServerUrl => field("serverUrl", &address::server(&value::<String>(body)?)?),
        Setter::WebServerPort => field("webServerPort", &port(body)?),
        Setter::RtmpServerPort => field("rtmpServerPort", &port(body)?),
        Setter::WebServerIp => {
            let text = value::<String>(body)
                .map_err(|_| "Invalid type or value, IP address must be a string".to_owned())?;
            field("webServerIp", &text.parse::<IpAddr>().map_err(|_| "Invalid IP address".to_owned())?)
        }
        Setter::FfmpegPath => ffmpeg_path(body),
        Setter::LatencyLevel => match value::<u8>(body)? {
            level @ 0..=MAX_LATENCY_LEVEL => field("latencyLevel", &level),
            _ => Err(format!("a latency level is 0 to {MAX_LATENCY_LEVEL}")),
        },
        Setter::Variants => variants(body),
        Setter::Codec => {
            let codec = value::<String>(body)?;
            let known: Result<crate::transcode::CodecChoice, _> = codec.parse();
            known.map_err(|_| "this is no codec: auto, or a name of supportedCodecs".to_owned())?;
            field("videoCodec", &codec)
        }
        Setter::Storage => storage(body),
    }
}

fn value<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let parsed = body::json::<body::Value<T>>(body);
    parsed.map(|body| body.value).map_err(|what| format!("unable to parse new value: {what}"))
}

/// A text for the page, as [`Setter::PageContent`] takes it.
///
/// # Errors
/// As with that.
pub(super) fn page_text(body: &[u8]) -> Result<String, String> {
    let text = value::<String>(body)?;
    if text.len() > MAX_PAGE_BYTES {
        return Err(format!("this has at most {MAX_PAGE_BYTES} bytes"));
    }
    Ok(text)
}

fn field(name: &'static str, value: &impl serde::Serialize) -> Parsed {
    let value = serde_json::to_value(value).map_err(|_| "this cannot be kept".to_owned())?;
    if value.to_string().len() > MAX_STORED_BYTES {
        return Err(format!("this is longer than {MAX_STORED_BYTES} bytes in all"));
    }
    Ok(Change::Field(Field(name), value))
}

fn check_line(text: &str, what: &str, min: usize, max: usize) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters"));
    }
    // They would turn what stands beside it, too. Marks and joiners of languages and emoji stay.
    if text.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        return Err(format!("{what} has characters that turn the direction of text"));
    }
    check_length(text, what, min, max)
}

fn check_length(text: &str, what: &str, min: usize, max: usize) -> Result<(), String> {
    let chars = text.chars().count();
    if (min..=max).contains(&chars) { Ok(()) } else { Err(format!("{what} has {min} to {max} characters")) }
}

fn line(body: &[u8], field_name: &'static str, min: usize, max: usize) -> Parsed {
    let text = value::<String>(body)?;
    check_line(&text, "this", min, max)?;
    if !text.is_empty() && !name::is_seen(&text) {
        return Err("nothing of this can be seen".to_owned());
    }
    field(field_name, &text)
}

fn text(body: &[u8], name: &'static str) -> Parsed {
    let text = value::<String>(body)?;
    check_length(&text, "this", 0, MAX_TEXT_CHARS)?;
    field(name, &text)
}

fn page(body: &[u8], name: &'static str) -> Parsed {
    field(name, &page_text(body)?)
}

/// Names; null is none, as Owncast's server has it, and so it is among them.
fn names(body: &[u8]) -> Result<Vec<String>, String> {
    let OrZero(names) = value::<OrZero<Vec<Option<String>>>>(body)?;
    Ok(names.into_iter().flatten().collect())
}

/// A list of documents whose members may be null, which is absent; no list is an empty one, and nothing among them a
/// document without members.
fn list<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, String> {
    let OrZero(documents) = value::<OrZero<Vec<Document>>>(body)?;
    documents.into_iter().map(member_of_list).collect()
}

type Document = OrZero<serde_json::Map<String, Value>>;

fn member_of_list<T: DeserializeOwned>(OrZero(document): Document) -> Result<T, String> {
    body::members(document).map_err(|what| format!("unable to parse new value: {what}"))
}

fn words(name: &'static str, words: &[String], most: usize) -> Parsed {
    check_list(words, most)?;
    words.iter().try_for_each(|word| check_line(word, "an entry", 1, MAX_WORD_CHARS))?;
    field(name, &words)
}

fn check_list<T>(list: &[T], most: usize) -> Result<(), String> {
    if list.len() > most { Err(format!("these are more than {most}")) } else { Ok(()) }
}

fn stream_key(key: String, rules: Rules) -> Result<Secret, String> {
    let most = *SECRET_CHARS.end();
    if key.chars().count() < MIN_KEY_CHARS && (key.is_empty() || !rules.short_keys) {
        return Err(format!(
            "a stream key has {MIN_KEY_CHARS} to {most} characters, since a shorter one is soon guessed: the origin's setting \
             allow_short_keys permits it"
        ));
    }
    check_line(&key, "a stream key", 1, most)?;
    if key.contains(char::is_whitespace) || key.starts_with('/') || key.ends_with('/') {
        return Err("a stream key has no white space, and no / at its ends".to_owned());
    }
    Ok(Secret::new(key))
}

/// A stream key as pages send it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NewKey {
    key: String,
    comment: String,
}

fn stream_keys(body: &[u8], rules: Rules) -> Parsed {
    let keys = list::<NewKey>(body)?;
    if keys.is_empty() || keys.len() > MAX_STREAM_KEYS {
        return Err(format!("there are 1 to {MAX_STREAM_KEYS} stream keys"));
    }
    let wished = keys.into_iter().map(|NewKey { key, comment }| {
        check_line(&comment, "a comment", 0, MAX_NAME_CHARS)?;
        let key =
            if is_stand_in(&key) { WishedKey::Kept(key) } else { WishedKey::New(stream_key(key, rules)?) };
        Ok((key, comment))
    });
    Ok(Change::StreamKeys(wished.collect::<Result<_, String>>()?))
}

fn port(body: &[u8]) -> Result<u16, String> {
    let number = value::<i64>(body).map_err(|_| "Invalid type or value, port must be a number".to_owned())?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    port.ok_or_else(|| "Port number must be between 1 and 65535".to_owned())
}

fn social_handles(body: &[u8]) -> Parsed {
    let handles = list::<SocialHandle>(body)?;
    check_list(&handles, MAX_LIST)?;
    for handle in &handles {
        check_line(&handle.platform, "a platform", 1, MAX_WORD_CHARS)?;
        check_line(&handle.url, "an address", 1, MAX_URL_CHARS)?;
        address::link(&handle.url)?;
    }
    field("socialHandles", &handles)
}

/// Owncast takes `{"value": […]}`, its description has the bare list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Actions {
    Bare(Vec<Document>),
    Wrapped(body::Value<OrZero<Vec<Document>>>),
}

fn external_actions(body: &[u8]) -> Parsed {
    let documents = match body::any_json::<Actions>(body) {
        Ok(Actions::Bare(documents)) => Ok(documents),
        Ok(Actions::Wrapped(body::Value { value: OrZero(documents) })) => Ok(documents),
        Err(what) => Err(what),
    };
    let actions = documents.and_then(|documents| {
        documents.into_iter().map(|OrZero(document)| body::members::<ExternalAction>(document)).collect()
    });
    let actions: Vec<_> =
        actions.map_err(|_| "unable to update external actions with provided values".to_owned())?;
    check_list(&actions, MAX_LIST)?;
    for action in &actions {
        check_line(&action.url, "an address", 1, MAX_URL_CHARS)?;
        address::web(&action.url)?;
        check_line(&action.title, "a title", 1, MAX_NAME_CHARS)?;
        check_length(&action.description, "a description", 0, 1000)?;
        check_line(&action.icon, "an icon", 0, MAX_URL_CHARS)?;
        if !action.icon.is_empty() {
            address::web(&action.icon)?;
        }
        check_line(&action.color, "a colour", 0, MAX_WORD_CHARS)?;
    }
    field("externalActions", &actions)
}

fn ffmpeg_path(body: &[u8]) -> Parsed {
    let path = value::<String>(body)?;
    check_line(&path, "this", 0, MAX_URL_CHARS)?;
    if !path.is_empty() {
        use std::os::unix::fs::PermissionsExt as _;
        let found = std::fs::metadata(&path).map_err(|_| "there is no such file".to_owned())?;
        if !found.is_file() || found.permissions().mode() & 0o111 == 0 {
            return Err("this is no program that can be run".to_owned());
        }
    }
    field("ffmpegPath", &path)
}

/// The new limits on the chat's history, as they come: both bounds are needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewRetention {
    max_age_seconds: u64,
    max_events: u64,
}

fn retention(body: &[u8]) -> Parsed {
    let NewRetention { max_age_seconds, max_events } = value(body)?;
    for (number, range, what) in
        [(max_age_seconds, RETENTION_SECONDS, "maxAgeSeconds"), (max_events, RETENTION_EVENTS, "maxEvents")]
    {
        if !range.contains(&number) {
            return Err(format!("{what} is {} to {}", range.start(), range.end()));
        }
    }
    field("chatRetention", &Retention { max_age_seconds, max_events })
}

fn variants(body: &[u8]) -> Parsed {
    const { assert!(MAX_API_VARIANTS <= MAX_CONFIGURED_VARIANTS) };
    let variants = list::<VariantSpec>(body)?;
    if variants.is_empty() || variants.len() > MAX_API_VARIANTS {
        return Err(format!("there are 1 to {MAX_API_VARIANTS} variants"));
    }
    let mut names = BTreeSet::new();
    for (number, variant) in (1..).zip(&variants) {
        if let Some(problem) = variant.problems().into_iter().chain(variant.excesses()).next() {
            return Err(format!("variant {number}: {problem}"));
        }
        if !variant.name.is_empty() && !names.insert(&variant.name) {
            return Err(format!("two variants are named {:?}", variant.name));
        }
    }
    field("variants", &variants)
}

/// The storage as it comes. Its secret is apart: what is null there is a secret that goes, and a blank one stays, since the
/// page was not shown it.
fn storage(body: &[u8]) -> Parsed {
    let wrong = |_| "unable to update s3 config with provided values".to_owned();
    let sent = value::<Value>(body).map_err(wrong)?;
    let (storage, secret) = match sent {
        // All of it is zero.
        Value::Null => (S3::default(), StorageSecretChange::Clear),
        Value::Object(mut members) => {
            let secret = match members.remove("secret") {
                None => StorageSecretChange::Keep,
                Some(Value::Null) => StorageSecretChange::Clear,
                Some(Value::String(secret)) if secret.is_empty() => StorageSecretChange::Keep,
                Some(Value::String(secret)) => {
                    check_length(&secret, "a secret", 1, MAX_NAME_CHARS)?;
                    StorageSecretChange::Set(secret)
                }
                Some(_) => return Err(wrong(String::new())),
            };
            if !members.contains_key("enabled") {
                return Err(wrong(String::new()));
            }
            (body::members::<S3>(members).map_err(wrong)?, secret)
        }
        _ => return Err(wrong(String::new())),
    };
    let enabled = storage.enabled;
    for address in [&storage.endpoint, &storage.serving_endpoint] {
        check_line(address, "an address", 0, MAX_URL_CHARS)?;
        if !address.is_empty() {
            address::web(address)?;
        }
    }
    for name in [&storage.access_key, &storage.bucket, &storage.region, &storage.acl, &storage.path_prefix] {
        check_line(name, "this", 0, MAX_NAME_CHARS)?;
    }
    if enabled && storage.endpoint.is_empty() {
        return Err("s3 support requires an endpoint".to_owned());
    }
    if enabled && storage.access_key.is_empty() {
        return Err("s3 support requires an access key and secret".to_owned());
    }
    if enabled && storage.region.is_empty() {
        return Err("s3 support requires a region and endpoint".to_owned());
    }
    if enabled && storage.bucket.is_empty() {
        return Err("s3 support requires a bucket created for storing public video segments".to_owned());
    }
    Ok(Change::Storage(storage, secret))
}

#[cfg(test)]
#[path = "setting_tests.rs"]
mod tests;
