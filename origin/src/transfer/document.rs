//! The document: what operators set, as JSON that people can read and compare.
//!
//! Its form has a number, [`VERSION`]; fields that a program does not know are refused with their name, since what would be
//! left out unseen may be what mattered. Secrets are left out unless they are asked for: hashes of keys, passwords and tokens,
//! and the keys that sign webhooks.

use std::collections::BTreeMap;
use std::fmt;

use farcast_feed::time::WallTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The form that is written and read.
pub(super) const VERSION: u32 = 1;
/// The name of the form.
pub(super) const FORMAT: &str = "farcast settings";
/// Largest document in bytes: a hundred thousand users fit.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// All that one server brings to another.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    /// [`FORMAT`].
    pub(super) format: String,
    /// [`VERSION`].
    pub(super) version: u32,
    /// The program that wrote it, for people.
    #[serde(default)]
    pub(super) made_by: String,
    /// Whether secrets are in it, for people.
    #[serde(default)]
    pub(super) has_secrets: bool,
    /// Values of the admin API, by the names of the stored fields.
    #[serde(default)]
    pub(super) settings: BTreeMap<String, Value>,
    /// Keys of encoders.
    #[serde(default)]
    pub(super) stream_keys: Vec<StreamKey>,
    /// The admin password, where it is not the stream key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) admin_password: Option<Credential>,
    /// Addresses that may not chat.
    #[serde(default)]
    pub(super) bans: Vec<Ban>,
    /// People in the chat.
    #[serde(default)]
    pub(super) users: Vec<User>,
    /// Bots and tools.
    #[serde(default)]
    pub(super) access_tokens: Vec<AccessToken>,
    #[serde(default)]
    pub(super) webhooks: Vec<Webhook>,
    /// Files of pictures; the pictures themselves are in a backup, and in the folder `emoji`.
    #[serde(default)]
    pub(super) emoji: Vec<String>,
    /// Lines of the chat. Only Owncast's are moved so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) messages: Vec<Message>,
}

impl Document {
    /// An empty one of this form.
    pub(super) fn new(made_by: String) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, made_by, ..Self::default() }
    }
}

/// A secret: as it is, where it comes from a server that kept it so, or hashed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Credential {
    /// As its owner knows it.
    Plain(String),
    /// argon2id, as a PHC string.
    Hash(String),
    /// Left out.
    Redacted,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// A stream key and what it is for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StreamKey {
    #[serde(default)]
    pub(super) comment: String,
    pub(super) key: Credential,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Ban {
    pub(super) address: String,
    #[serde(default)]
    pub(super) notes: String,
    #[serde(default)]
    pub(super) created_at: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Moment>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) display_color: u16,
    #[serde(default)]
    pub(super) created_at: Moment,
    #[serde(default)]
    pub(super) previous_names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name_changed_at: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disabled_at: Option<Moment>,
    #[serde(default)]
    pub(super) is_moderator: bool,
    /// SHA-256 of their token, in URL-safe Base64 without padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token_hash: Option<TokenHash>,
    /// Hashes of further tokens, of other browsers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) more_token_hashes: Vec<TokenHash>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccessToken {
    pub(super) id: String,
    pub(super) name: String,
    /// The first characters of the token.
    #[serde(default)]
    pub(super) begins: String,
    #[serde(default)]
    pub(super) display_color: u16,
    #[serde(default)]
    pub(super) created_at: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_used_at: Option<Moment>,
    pub(super) scopes: Vec<String>,
    /// As that of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token_hash: Option<TokenHash>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) events: Vec<String>,
    #[serde(default)]
    pub(super) created_at: Moment,
    /// The key that signs its requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<SigningKey>,
}

/// A line of the chat.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) user_id: String,
    pub(super) at: Moment,
    /// HTML, which is sanitised again.
    pub(super) body: String,
}

/// SHA-256 of a token. Whoever has it and runs an edge could act for its owner.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct TokenHash(pub(super) String);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// The key of a webhook's signatures.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SigningKey(pub(super) String);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A time, RFC 3339 where people read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Moment(pub(super) WallTime);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        farcast_api::time::Time(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp =
            text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no time of RFC 3339")))?;
        let micros = u64::try_from(time.as_microsecond())
            .map_err(|_| serde::de::Error::custom(format!("{text:?} is before 1970")))?;
        Ok(Self(WallTime(micros)))
    }
}

/// The reason why a text is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It exceeds the limit.
    #[error("it is larger than 64 MiB")]
    TooLarge,
    /// It has another form.
    #[error("it is no document of `farcast-origin export`: {0}")]
    Foreign(String),
    /// It was written by a later version, or an earlier one.
    #[error("it has the form {0} of such a document; this version of Farcast reads {VERSION}")]
    Newer(u64),
}

/// Reads a document.
///
/// # Errors
/// [`DocumentError`].
pub(super) fn read(bytes: &[u8]) -> Result<Document, DocumentError> {
    /// What every form has.
    #[derive(Deserialize)]
    struct Form {
        format: String,
        version: u64,
    }
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let foreign = |error: serde_json::Error| DocumentError::Foreign(error.to_string());
    let Form { format, version } = serde_json::from_slice(bytes).map_err(foreign)?;
    if format != FORMAT {
        return Err(DocumentError::Foreign(format!("its format is {format:?}, not {FORMAT:?}")));
    }
    if version != u64::from(VERSION) {
        return Err(DocumentError::Newer(version));
    }
    serde_json::from_slice(bytes).map_err(foreign)
}

/// The text of a document, which ends with a line's end.
pub(super) fn written(document: &Document) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}
