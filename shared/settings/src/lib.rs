//! The settings that operators change while the programs run: kept in the store, followed by every process.
//!
//! Place in the flow: the origin's admin API writes single fields ([`Field`]); origin and edges hold the whole as a
//! [`OperatorSettings`] behind a watch channel ([`follow()`]), so that no request reads the store. Each field is a key of its own
//! (a page of 90 kB and styles of 90 kB do not fit one value), and each change stamps a tip, which processes watch. A
//! missing field has its default; ladder, latency and encoder default to the origin's own settings.
//!
//! Nothing here is secret: edges read all of it. Credentials are below [`farcast_store::wire::PRIVATE`].

mod asset;
mod field;
mod follow;
mod status;
mod variant;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use asset::{Asset, AssetHash, MAX_ASSET_BYTES, assets, load_asset, remove_asset, save_asset};
use farcast_feed::time::WallTime;
pub use field::{Field, change, load, prefix, read, tip_key, update};
pub use follow::{CatchUp, Snapshot, follow, follow_status, newest};
pub use status::{LiveStatus, status_key};
pub use variant::{KeyFrames, MAX_CONFIGURED_VARIANTS, SpecProblem, VariantSpec, default_ladder};

/// Everything that operators set, as it is in force. JSON names are those of the stored fields.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OperatorSettings {
    /// Name of the server.
    pub name: String,
    /// The description of the server; Markdown.
    pub summary: String,
    /// The chat's message to each user who joins; Markdown.
    pub welcome_message: String,
    /// The page's text while there is no broadcast; Markdown.
    pub offline_message: String,
    /// The logo, if there is one.
    pub logo: Option<Asset>,
    /// Words to be found by.
    pub tags: Vec<String>,
    /// True if the content is for adults only.
    pub nsfw: bool,
    /// The text below the video; Markdown, HTML allowed.
    pub page_content: String,
    /// The title of the broadcast.
    pub stream_title: String,
    /// Links to the owner's accounts elsewhere.
    pub social_handles: Vec<SocialHandle>,
    /// CSS for the page.
    pub custom_styles: String,
    /// Colours and sizes of the page by the names of their CSS variables, without the leading `--`.
    pub appearance_variables: BTreeMap<String, String>,
    /// Buttons that lead elsewhere.
    pub external_actions: Vec<ExternalAction>,
    /// True if viewers do not see how many they are.
    pub hide_viewer_count: bool,
    /// Public address of the server, without a slash at the end; empty when not set.
    pub server_url: String,
    /// True if the server is listed in the directory.
    pub directory_enabled: bool,
    /// True if the chat is switched off for everybody.
    pub chat_disabled: bool,
    /// Names that nobody may take.
    pub forbidden_usernames: Vec<String>,
    /// Names of which newcomers to the chat get one, if there are enough.
    pub suggested_usernames: Vec<String>,
    /// Names of bots, which nobody else may take; follows the access tokens.
    pub reserved_usernames: Vec<String>,
    /// True if the chat shows who joins and leaves.
    pub chat_join_messages: bool,
    /// True if users who registered just now may not write yet.
    pub chat_established_users: bool,
    /// Addresses that may not chat.
    pub chat_bans: Vec<Ban>,
    /// Limits of the chat's log.
    pub chat_retention: Retention,
    /// Kept for clients of Owncast; transcoding is in process.
    pub ffmpeg_path: String,
    /// Port of the origin's HTTP listener from its next start on.
    pub web_server_port: Option<u16>,
    /// Address of that listener from the next start on.
    pub web_server_ip: Option<IpAddr>,
    /// Port for RTMP from the next start on.
    pub rtmp_server_port: Option<u16>,
    /// Latency level of the next broadcast, 0 to 4.
    pub latency_level: Option<u8>,
    /// Ladder of the next broadcast.
    pub variants: Option<Vec<VariantSpec>>,
    /// The origin's own ladder, which holds while no other is set; the origin writes it when it starts.
    pub ladder: Option<Vec<VariantSpec>>,
    /// Encoder of the next broadcast.
    pub video_codec: Option<String>,
    /// External storage, without its secret.
    pub s3: S3,
    /// Pictures for the chat.
    pub emoji: Vec<Emoji>,
    /// Orders to edges, by the name that each joined with.
    pub edges: BTreeMap<String, EdgeOrders>,
}

impl Default for OperatorSettings {
    fn default() -> Self {
        Self {
            name: "Farcast".to_owned(),
            summary: String::new(),
            welcome_message: String::new(),
            offline_message: String::new(),
            logo: None,
            tags: Vec::new(),
            nsfw: false,
            page_content: String::new(),
            stream_title: String::new(),
            social_handles: Vec::new(),
            custom_styles: String::new(),
            appearance_variables: BTreeMap::new(),
            external_actions: Vec::new(),
            hide_viewer_count: false,
            server_url: String::new(),
            directory_enabled: false,
            chat_disabled: false,
            forbidden_usernames: ["farcast", "owncast", "operator", "admin", "system"]
                .map(str::to_owned)
                .to_vec(),
            suggested_usernames: Vec::new(),
            reserved_usernames: Vec::new(),
            chat_join_messages: true,
            chat_established_users: false,
            chat_bans: Vec::new(),
            chat_retention: Retention::default(),
            ffmpeg_path: String::new(),
            web_server_port: None,
            web_server_ip: None,
            rtmp_server_port: None,
            latency_level: None,
            variants: None,
            ladder: None,
            video_codec: None,
            s3: S3::default(),
            emoji: Vec::new(),
            edges: BTreeMap::new(),
        }
    }
}

/// An address that may not chat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ban {
    /// The address.
    pub address: IpAddr,
    /// The reason, for the operator; may be empty.
    #[serde(default)]
    pub notes: String,
    /// Time of the ban.
    pub created_at: WallTime,
    /// End of the ban; none is permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<WallTime>,
}

impl Ban {
    /// True if it holds at a time. One that has ended does not, whether or not it has been removed from the list.
    #[must_use]
    pub fn holds(&self, now: WallTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Limits of the chat's log: the one that is reached first counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Retention {
    /// Oldest, in seconds.
    pub max_age_seconds: u64,
    /// Most of them.
    pub max_events: u64,
}

impl Default for Retention {
    fn default() -> Self {
        // Owncast keeps messages for five hours.
        Self { max_age_seconds: 5 * 3600, max_events: 10_000 }
    }
}

impl Retention {
    /// Oldest.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age_seconds)
    }
}

/// The operators' orders to an edge.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EdgeOrders {
    /// True if it is to take no viewers, and to move those whom it has to others.
    pub drained: bool,
    /// Its name for people; empty for its own.
    pub display_name: String,
}

/// A place where the owner is found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SocialHandle {
    /// Key of the network, or any word.
    pub platform: String,
    /// Address there.
    pub url: String,
}

/// A button that leads elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExternalAction {
    /// The address of the link.
    pub url: String,
    /// The label of the button.
    pub title: String,
    /// Its purpose.
    pub description: String,
    /// Address of its icon.
    pub icon: String,
    /// Its colour, as CSS has it.
    pub color: String,
    /// True if it opens in a tab of its own.
    pub open_externally: bool,
}

/// External storage, as Owncast has it. Kept for its clients; edges serve the media.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct S3 {
    /// True if it is to be used.
    pub enabled: bool,
    /// Address of the service.
    pub endpoint: String,
    /// Address from which viewers load.
    pub serving_endpoint: String,
    /// The user name there.
    pub access_key: String,
    /// Bucket.
    pub bucket: String,
    /// Region.
    pub region: String,
    /// Access control of uploaded objects.
    pub acl: String,
    /// True if the bucket is in the path.
    pub force_path_style: bool,
    /// The prefix of objects' names.
    pub path_prefix: String,
}

/// A picture for the chat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Emoji {
    /// Its name: the file's without its ending.
    pub name: String,
    /// The picture.
    pub asset: Asset,
}
