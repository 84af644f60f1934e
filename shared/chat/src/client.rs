//! Connections of the chat, as edges tell the origin of them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::user::{MAX_ID_BYTES, MAX_PREVIOUS_NAMES, User};
use farcast_feed::time::WallTime;

/// The place of a client, as Owncast shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// ISO 3166-1, two letters; `N/A` on this machine.
    pub country_code: String,
    /// In English; `Unknown` where the file has none, `Localhost` on this machine.
    pub region_name: String,
    /// Of the IANA; may be empty.
    pub time_zone: String,
}

/// A connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its number: below 2^53, given to no other in the whole cluster, ever.
    pub id: u64,
    /// The user of this connection.
    pub user: User,
    /// The place of its address, if that is known.
    pub place: Option<Place>,
    /// Messages that came by it.
    pub messages: u64,
    /// The program's name for itself (User-Agent).
    pub user_agent: String,
    /// The time at which it was opened.
    pub connected_at: WallTime,
    /// Its address.
    pub address: IpAddr,
}

/// Longest text of a connection in bytes, each: names of 30 characters, agents of 256 bytes and places are shorter.
const MAX_TEXT_BYTES: usize = 256;

impl Client {
    /// True if an honest edge could have sent it: its texts are short and have no control characters.
    #[must_use]
    pub fn is_lawful(&self) -> bool {
        let User { id, display_name, previous_names, .. } = &self.user;
        let place = self.place.iter().flat_map(|Place { country_code, region_name, time_zone }| {
            [country_code.as_str(), region_name, time_zone]
        });
        let texts = [id.as_str(), display_name, &self.user_agent];
        let mut all = texts.into_iter().chain(previous_names.iter().map(String::as_str)).chain(place);
        previous_names.len() <= MAX_PREVIOUS_NAMES
            && id.len() <= MAX_ID_BYTES
            && all.all(|text| text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control))
    }
}
