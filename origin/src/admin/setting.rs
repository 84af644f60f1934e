//! From a request to the change that it asks for: parsing and validation, without any effect.
//!
//! What is refused changes nothing and is told in a line. The bounds are those of `openapi.yaml`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use farcast_shared::api::body;
use farcast_shared::config::Secret;
use farcast_shared::runtime::{
    ExternalAction, Field, MAX_VARIANTS, Retention, S3, SocialHandle, VariantSpec,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::address;
use super::logo::{self, Picture};
use super::routes::Setter;
use crate::credentials::Which;

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
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

/// What a setter does.
#[derive(Debug)]
pub(super) enum Change {
    /// Sets a field.
    Field(Field, Value),
    /// Sets a credential.
    Credential(Which, Secret),
    /// Replaces the logo.
    Logo(Picture),
    /// Sets the external storage; the secret stays when there is none, and goes when it is empty.
    Storage(S3, Option<Option<String>>),
}

type Parsed = Result<Change, String>;

/// The change that a body asks for.
///
/// # Errors
/// What is wrong, in a line.
pub(super) fn parse(setter: Setter, body: &[u8]) -> Parsed {
    match setter {
        Setter::StreamKey => credential(body, Which::StreamKey, |key| {
            let in_address =
                !key.contains(char::is_whitespace) && !key.starts_with('/') && !key.ends_with('/');
            if in_address {
                Ok(())
            } else {
                Err("a stream key has no white space, and no / at its ends".to_owned())
            }
        }),
        Setter::AdminPassword => credential(body, Which::AdminPassword, |_| Ok(())),
        Setter::Name => line(body, "name", 1, MAX_NAME_CHARS),
        Setter::StreamTitle => line(body, "streamTitle", 0, MAX_NAME_CHARS),
        Setter::Summary => text(body, "summary"),
        Setter::WelcomeMessage => text(body, "welcomeMessage"),
        Setter::OfflineMessage => text(body, "offlineMessage"),
        Setter::PageContent => page(body, "pageContent"),
        Setter::CustomStyles => page(body, "customStyles"),
        Setter::Logo => Ok(Change::Logo(logo::parse(&value::<String>(body)?)?)),
        Setter::Tags => words(body, "tags", MAX_LIST),
        Setter::ForbiddenUsernames => words(body, "forbiddenUsernames", MAX_USERNAMES),
        Setter::SuggestedUsernames => words(body, "suggestedUsernames", MAX_USERNAMES),
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
    check_length(text, what, min, max)
}

fn check_length(text: &str, what: &str, min: usize, max: usize) -> Result<(), String> {
    let chars = text.chars().count();
    if (min..=max).contains(&chars) { Ok(()) } else { Err(format!("{what} has {min} to {max} characters")) }
}

fn line(body: &[u8], name: &'static str, min: usize, max: usize) -> Parsed {
    let text = value::<String>(body)?;
    check_line(&text, "this", min, max)?;
    field(name, &text)
}

fn text(body: &[u8], name: &'static str) -> Parsed {
    let text = value::<String>(body)?;
    check_length(&text, "this", 0, MAX_TEXT_CHARS)?;
    field(name, &text)
}

fn page(body: &[u8], name: &'static str) -> Parsed {
    let text = value::<String>(body)?;
    if text.len() > MAX_PAGE_BYTES {
        return Err(format!("this has at most {MAX_PAGE_BYTES} bytes"));
    }
    field(name, &text)
}

fn words(body: &[u8], name: &'static str, most: usize) -> Parsed {
    let words = value::<Vec<String>>(body)?;
    check_list(&words, most)?;
    words.iter().try_for_each(|word| check_line(word, "an entry", 1, MAX_WORD_CHARS))?;
    field(name, &words)
}

fn check_list<T>(list: &[T], most: usize) -> Result<(), String> {
    if list.len() > most { Err(format!("these are more than {most}")) } else { Ok(()) }
}

fn credential(body: &[u8], which: Which, check: impl Fn(&str) -> Result<(), String>) -> Parsed {
    let secret = value::<String>(body)?;
    check_line(&secret, "this", *SECRET_CHARS.start(), *SECRET_CHARS.end())?;
    check(&secret)?;
    Ok(Change::Credential(which, Secret::new(secret)))
}

fn port(body: &[u8]) -> Result<u16, String> {
    let number = value::<i64>(body).map_err(|_| "Invalid type or value, port must be a number".to_owned())?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    port.ok_or_else(|| "Port number must be between 1 and 65535".to_owned())
}

fn social_handles(body: &[u8]) -> Parsed {
    let handles = value::<Vec<SocialHandle>>(body)?;
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
    Bare(Vec<Action>),
    Wrapped { value: Vec<Action> },
}

/// An action as it comes: address and title are needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    url: String,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    icon: String,
    #[serde(default)]
    color: String,
    #[serde(default)]
    open_externally: bool,
}

fn external_actions(body: &[u8]) -> Parsed {
    let parsed = body::json::<Actions>(body);
    let actions = match parsed {
        Ok(Actions::Bare(actions) | Actions::Wrapped { value: actions }) => actions,
        Err(_) => return Err("unable to update external actions with provided values".to_owned()),
    };
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
    let known = |action: Action| {
        let Action { url, title, description, icon, color, open_externally } = action;
        ExternalAction { url, title, description, icon, color, open_externally }
    };
    field("externalActions", &actions.into_iter().map(known).collect::<Vec<_>>())
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

/// What is kept of the chat, as it comes: both bounds are needed.
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
    const { assert!(MAX_API_VARIANTS <= MAX_VARIANTS) };
    let variants = value::<Vec<VariantSpec>>(body)?;
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

/// The storage as it comes.
#[derive(Deserialize)]
struct NewStorage {
    enabled: bool,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

fn storage(body: &[u8]) -> Parsed {
    let wrong = |_| "unable to update s3 config with provided values".to_owned();
    let NewStorage { enabled, mut rest } = value(body).map_err(wrong)?;
    let secret = match rest.remove("secret") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(Value::String(secret)) if secret.is_empty() => None,
        Some(Value::String(secret)) => {
            check_length(&secret, "a secret", 1, MAX_NAME_CHARS)?;
            Some(Some(secret))
        }
        Some(_) => return Err("unable to update s3 config with provided values".to_owned()),
    };
    rest.insert("enabled".to_owned(), json!(enabled));
    let storage: S3 = serde_json::from_value(Value::Object(rest))
        .map_err(|_| "unable to update s3 config with provided values".to_owned())?;
    for address in [&storage.endpoint, &storage.serving_endpoint] {
        check_line(address, "an address", 0, MAX_URL_CHARS)?;
        if !address.is_empty() {
            address::web(address)?;
        }
    }
    for name in [&storage.access_key, &storage.bucket, &storage.region, &storage.acl] {
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
