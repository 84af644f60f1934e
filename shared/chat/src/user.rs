//! Users of the chat, and the tokens that identify them.
//!
//! A user's record also guards their acts: everything in their name requires that the record is unchanged, so nothing
//! is said by a user who was disabled in the meantime, or under a name that was given up.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use farcast_feed::time::WallTime;
use farcast_store::{Key, Record, Tuple, TypedKey};

/// Most former names that are kept: the first, and the newest ones.
pub(super) const MAX_PREVIOUS_NAMES: usize = 20;

/// Longest id or token in bytes that is looked for.
pub const MAX_ID_BYTES: usize = 64;

/// Hues of a user's colour, in degrees.
pub const HUES: std::ops::RangeInclusive<u16> = 0..=360;

/// A user as everybody may see them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Names them for ever.
    pub id: String,
    /// The name that is shown.
    pub display_name: String,
    /// Hue of their colour, 0 to 360.
    pub display_color: u16,
    /// The time of registration.
    pub created_at: WallTime,
    /// All names, former ones and the current one.
    pub previous_names: Vec<String>,
    /// The time of the last change of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_changed_at: Option<WallTime>,
    /// Time at which they were disabled (may not chat); none if they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<WallTime>,
    /// True for moderators.
    #[serde(default)]
    pub is_moderator: bool,
    /// True for access tokens.
    #[serde(default)]
    pub is_bot: bool,
    /// Grows with each change of them: of two of their records the one with the greater number is the newer one.
    #[serde(default)]
    pub revision: u64,
}

/// A user as they are kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The fields that everybody may see.
    #[serde(flatten)]
    pub user: User,
    /// The day of the last connection.
    #[serde(default)]
    pub seen_at: Option<WallTime>,
    /// SHA-256 of their token, in Base64: to remove it with them.
    pub token: String,
}

impl Record for Account {
    const VERSION: u8 = 1;
}

/// The user of a token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub String);

impl Record for UserId {
    const VERSION: u8 = 1;
}

impl User {
    /// A new user.
    #[must_use]
    pub fn new(display_name: String, now: WallTime) -> Self {
        Self {
            id: new_id(),
            previous_names: vec![display_name.clone()],
            display_name,
            display_color: rand::random_range(HUES),
            created_at: now,
            name_changed_at: None,
            disabled_at: None,
            is_moderator: false,
            is_bot: false,
            revision: 0,
        }
    }

    /// Lets them chat, or not any more.
    pub fn set_enabled(&mut self, enabled: bool, now: WallTime) {
        self.disabled_at = if enabled { None } else { Some(self.disabled_at.unwrap_or(now)) };
        self.revision = self.revision.saturating_add(1);
    }

    /// Lets them moderate, or not any more.
    pub fn set_moderator(&mut self, is_moderator: bool) {
        self.is_moderator = is_moderator;
        self.revision = self.revision.saturating_add(1);
    }

    /// Gives them another colour: a hue of [`HUES`].
    pub fn recolour(&mut self, hue: u16) {
        self.display_color = hue;
        self.revision = self.revision.saturating_add(1);
    }

    /// Gives them another name.
    pub fn rename(&mut self, name: String, now: WallTime) {
        if self.previous_names.len() >= MAX_PREVIOUS_NAMES {
            self.previous_names.remove(1);
        }
        self.previous_names.push(name.clone());
        self.display_name = name;
        self.name_changed_at = Some(now);
        self.revision = self.revision.saturating_add(1);
    }
}

/// An id of 11 characters: of a message, a user, an event.
#[must_use]
pub fn new_id() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 8]>())
}

/// A token of 44 characters. It is 32 random bytes, so a plain hash keeps it.
#[must_use]
pub fn new_token() -> String {
    URL_SAFE.encode(rand::random::<[u8; 32]>())
}

/// The form in which a token is stored: its hash.
#[must_use]
pub fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

fn chat(kind: &str) -> Tuple {
    Tuple::new().text("chat").text(kind)
}

/// Below it are all users.
#[must_use]
pub fn accounts() -> Key {
    chat("user").key()
}

/// The key of a user's record.
#[must_use]
pub fn account_key(id: &str) -> TypedKey<Account> {
    TypedKey::new(chat("user").text(id).key())
}

/// The key of a token's record, by the token's hash.
#[must_use]
pub fn token_key(hash: &str) -> TypedKey<UserId> {
    TypedKey::new(chat("token").text(hash).key())
}

/// Below it is kept whose all tokens are.
#[must_use]
pub fn tokens() -> Key {
    chat("token").key()
}

/// Lists of users, by id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// Users who may not chat.
    Disabled,
    /// Users who may moderate.
    Moderators,
}

impl List {
    fn tuple(self) -> Tuple {
        chat(match self {
            Self::Disabled => "disabled",
            Self::Moderators => "moderator",
        })
    }

    /// The prefix of the keys of a list's users.
    #[must_use]
    pub fn prefix(self) -> Key {
        self.tuple().key()
    }

    /// There is a value while a user is on it.
    #[must_use]
    pub fn key(self, id: &str) -> Key {
        self.tuple().text(id).key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_and_the_newest_are_remembered() {
        let mut user = User::new("first".to_owned(), WallTime(1));
        for n in 0..50 {
            user.rename(format!("name {n}"), WallTime(2));
        }
        assert_eq!(user.previous_names.len(), MAX_PREVIOUS_NAMES);
        assert_eq!(user.previous_names[0], "first");
        assert_eq!(user.previous_names.last(), Some(&user.display_name));
        assert_eq!(user.display_name, "name 49");
    }

    #[test]
    fn ids_and_tokens_have_owncasts_form() {
        assert!(new_id().len() == 11 && new_id() != new_id());
        assert!(new_token().len() == 44 && new_token().ends_with('='));
        assert_eq!(token_hash("a").len(), 43);
    }
}
