//! Requests of moderators: the bodies of Owncast's API, as edges take them from moderators and the origin from its
//! admin and from integrations.

use serde::Deserialize;

use farcast_api::body::{self, null_is_zero};

/// Most messages that are hidden or shown at once.
const MAX_IDS: usize = 1000;

/// Bytes of a message's id: all that are hidden at once fit into the log's entries.
const ID_BYTES: std::ops::RangeInclusive<usize> = 1..=64;

/// Hide messages, or show them again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetVisible {
    /// Ids of the messages, 1 to 1,000 of 1 to 64 bytes; ours are ASCII.
    #[serde(rename = "idArray", deserialize_with = "null_is_zero")]
    pub ids: Vec<String>,
    /// Shown from now on, or hidden, which null is as well.
    #[serde(deserialize_with = "null_is_zero")]
    pub visible: bool,
}

impl SetVisible {
    /// Reads a body.
    ///
    /// # Errors
    /// The fault, in a line for the sender.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let wish: Self = body::json(body)?;
        if !(1..=MAX_IDS).contains(&wish.ids.len()) {
            return Err(format!("idArray has 1 to {MAX_IDS} ids"));
        }
        if !wish.ids.iter().all(|id| ID_BYTES.contains(&id.len())) {
            return Err("an id has 1 to 64 bytes".to_owned());
        }
        Ok(wish)
    }
}

/// Disable a user, or enable them again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetEnabled {
    /// The user's id; never empty.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub user_id: String,
    /// May chat from now on, or not any more, which null is as well.
    #[serde(deserialize_with = "null_is_zero")]
    pub enabled: bool,
}

impl SetEnabled {
    /// Reads a body.
    ///
    /// # Errors
    /// The fault, in a line for the sender.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let wish: Self = body::json(body)?;
        if wish.user_id.is_empty() { Err(NO_USER.to_owned()) } else { Ok(wish) }
    }
}

/// Let a user moderate, or not any more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetModerator {
    /// The user's id; never empty.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub user_id: String,
    /// May moderate from now on, or not any more, which null is as well.
    #[serde(deserialize_with = "null_is_zero")]
    pub is_moderator: bool,
}

impl SetModerator {
    /// Reads a body.
    ///
    /// # Errors
    /// The fault, in a line for the sender.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let wish: Self = body::json(body)?;
        if wish.user_id.is_empty() { Err(NO_USER.to_owned()) } else { Ok(wish) }
    }
}

const NO_USER: &str = "must provide userId";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_and_their_ids_measured() {
        let parse = |ids: &[String]| {
            let body = serde_json::json!({ "idArray": ids, "visible": false });
            SetVisible::parse(body.to_string().as_bytes()).map(|wish| wish.ids.len())
        };
        let id = |bytes: usize| "a".repeat(bytes);
        assert_eq!(parse(&[id(1), id(64)]), Ok(2));
        assert_eq!(parse(&vec![id(1); 1000]), Ok(1000));
        assert_eq!(parse(&[]), Err("idArray has 1 to 1000 ids".to_owned()));
        assert_eq!(parse(&vec![id(1); 1001]), Err("idArray has 1 to 1000 ids".to_owned()));
        for wrong in [id(0), id(65), "ä".repeat(33)] {
            assert_eq!(parse(&[id(1), wrong]), Err("an id has 1 to 64 bytes".to_owned()));
        }
    }

    #[test]
    fn null_is_the_zero_of_its_type_as_owncasts_server_reads_it() {
        let hide = SetVisible::parse(br#"{"idArray":["a"],"visible":null}"#).unwrap();
        assert!(!hide.visible && hide.ids == ["a"]);
        assert_eq!(
            SetVisible::parse(br#"{"idArray":null,"visible":true}"#).unwrap_err(),
            "idArray has 1 to 1000 ids"
        );
        let disable = SetEnabled::parse(br#"{"userId":"a","enabled":null}"#).unwrap();
        let demote = SetModerator::parse(br#"{"userId":"a","isModerator":null}"#).unwrap();
        assert!(!disable.enabled && !demote.is_moderator);
        assert_eq!(SetEnabled::parse(br#"{"userId":null,"enabled":true}"#).unwrap_err(), NO_USER);
        assert_eq!(SetModerator::parse(br#"{"userId":null,"isModerator":true}"#).unwrap_err(), NO_USER);
        // An absent field is not null.
        SetVisible::parse(br#"{"idArray":["a"]}"#).unwrap_err();
        SetEnabled::parse(br#"{"userId":"a"}"#).unwrap_err();
        SetModerator::parse(br#"{"userId":"a"}"#).unwrap_err();
    }

    #[test]
    fn who_names_nobody_is_told() {
        for body in [r#"{"enabled":true}"#, r#"{"enabled":true,"userId":""}"#] {
            assert_eq!(SetEnabled::parse(body.as_bytes()).unwrap_err(), NO_USER);
        }
        for body in [r#"{"isModerator":true}"#, r#"{"isModerator":true,"userId":""}"#] {
            assert_eq!(SetModerator::parse(body.as_bytes()).unwrap_err(), NO_USER);
        }
        let wish = SetEnabled::parse(br#"{"enabled":false,"userId":"a","more":1}"#).unwrap();
        assert_eq!((wish.user_id.as_str(), wish.enabled), ("a", false));
    }
}
