//! JSON of the admin API's answers, as `openapi.yaml` has it.

use std::collections::BTreeMap;

use farcast_api::time::Time;
use farcast_settings::{ExternalAction, KeyFrames, Retention, SocialHandle, VariantSpec};
use serde::Serialize;

use crate::broadcast;
use crate::credentials::KeptKey;
use crate::tokens::{Scope, Token};
use crate::webhooks::{Kept, Secret, Webhook};

/// Frame rate that 0 means where video is transcoded.
const DEFAULT_FRAMERATE: u32 = 24;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) broadcaster: Option<Broadcaster>,
    pub(super) current_broadcast: Option<CurrentBroadcast>,
    pub(super) online: bool,
    pub(super) viewer_count: u64,
    pub(super) overall_peak_viewer_count: u64,
    pub(super) session_peak_viewer_count: u64,
    pub(super) stream_title: String,
    pub(super) version_number: &'static str,
    /// Playback health: never known.
    pub(super) health: Option<()>,
}

/// The status with the names that it has for everybody as well.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusForPrograms {
    #[serde(flatten)]
    pub(super) status: Status,
    pub(super) overall_max_viewer_count: u64,
    pub(super) session_max_viewer_count: u64,
    pub(super) last_connect_time: Option<Time>,
    pub(super) last_disconnect_time: Option<Time>,
    pub(super) server_time: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Broadcaster {
    remote_addr: String,
    time: Time,
    stream_details: StreamDetails,
}

/// Both spellings of the frame rate: Owncast's server has the first, its description the second.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamDetails {
    width: u32,
    height: u32,
    framerate: f64,
    frame_rate: u32,
    video_bitrate: u32,
    video_codec: String,
    audio_bitrate: u32,
    audio_codec: String,
    encoder: String,
}

impl From<broadcast::Broadcaster> for Broadcaster {
    fn from(broadcaster: broadcast::Broadcaster) -> Self {
        let described = broadcaster.metadata;
        let framerate = described.frame_rate.unwrap_or_default();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and 1000"
        )]
        let frame_rate = framerate.round() as u32;
        Self {
            remote_addr: broadcaster.remote.ip().to_canonical().to_string(),
            time: Time(broadcaster.connected_at),
            stream_details: StreamDetails {
                width: described.width.unwrap_or_default(),
                height: described.height.unwrap_or_default(),
                framerate,
                frame_rate,
                video_bitrate: described.video_bitrate_kbps.unwrap_or_default(),
                video_codec: described.video_codec.unwrap_or_default(),
                audio_bitrate: described.audio_bitrate_kbps.unwrap_or_default(),
                audio_codec: described.audio_codec.unwrap_or_else(|| "Unknown".to_owned()),
                encoder: described.encoder.unwrap_or_default(),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CurrentBroadcast {
    output_settings: Vec<StreamQuality>,
    latency_level: Level,
}

#[derive(Serialize)]
struct Level {
    level: u8,
}

impl From<broadcast::Output> for CurrentBroadcast {
    fn from(output: broadcast::Output) -> Self {
        Self {
            output_settings: output.specs.into_iter().map(StreamQuality::from).collect(),
            latency_level: Level { level: output.level as u8 },
        }
    }
}

/// A variant as it takes effect.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamQuality {
    name: String,
    video_passthrough: bool,
    keyframes: KeyFrames,
    audio_passthrough: bool,
    video_bitrate: u32,
    audio_bitrate: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaled_width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaled_height: Option<u32>,
    framerate: u32,
    cpu_usage_level: u8,
}

impl From<VariantSpec> for StreamQuality {
    fn from(spec: VariantSpec) -> Self {
        let framerate = match spec.framerate {
            0 if spec.transcodes_video() && !spec.resembles_source() => DEFAULT_FRAMERATE,
            framerate => framerate,
        };
        Self {
            name: spec.display_name(),
            video_passthrough: spec.video_passthrough,
            keyframes: spec.keyframes,
            audio_passthrough: !spec.transcodes_audio(),
            video_bitrate: spec.video_bitrate,
            audio_bitrate: spec.audio_bitrate,
            scaled_width: Some(spec.scaled_width).filter(|pixels| *pixels > 0),
            scaled_height: Some(spec.scaled_height).filter(|pixels| *pixels > 0),
            framerate,
            cpu_usage_level: spec.cpu_usage_level,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerConfig {
    pub(super) instance_details: InstanceDetails,
    pub(super) ffmpeg_path: String,
    pub(super) stream_key: &'static str,
    pub(super) stream_key_set: bool,
    pub(super) stream_keys: Vec<ShownKey>,
    pub(super) stream_key_overridden: bool,
    pub(super) admin_password: &'static str,
    pub(super) admin_password_set: bool,
    pub(super) web_server_port: u16,
    #[serde(rename = "webServerIP")]
    pub(super) web_server_ip: String,
    pub(super) rtmp_server_port: u16,
    pub(super) s3: Storage,
    pub(super) video_settings: VideoSettings,
    pub(super) yp: Directory,
    pub(super) chat_disabled: bool,
    pub(super) external_actions: Vec<ExternalAction>,
    pub(super) supported_codecs: Vec<&'static str>,
    pub(super) video_codec: String,
    pub(super) forbidden_usernames: Vec<String>,
    pub(super) suggested_usernames: Vec<String>,
    pub(super) chat_join_messages_enabled: bool,
    pub(super) chat_established_user_mode: bool,
    pub(super) chat_retention: Retention,
    pub(super) hide_viewer_count: bool,
    pub(super) federation: Federation,
    pub(super) notifications: Notifications,
    pub(super) disable_search_indexing: bool,
    pub(super) video_serving_endpoint: &'static str,
    pub(super) socket_host_override: &'static str,
    pub(super) chat_spam_protection_enabled: bool,
    pub(super) chat_slur_filter_enabled: bool,
    pub(super) chat_require_authentication: bool,
}

/// A stream key in a list of them.
#[derive(Serialize)]
pub(super) struct ShownKey {
    /// A placeholder for the key: a page sends it back for a key that stays.
    key: String,
    comment: String,
}

impl From<KeptKey> for ShownKey {
    fn from(KeptKey { stands_for, comment }: KeptKey) -> Self {
        Self { key: stands_for, comment }
    }
}

/// Federation, which Farcast does not have, in the form that pages take apart ([`super::absent`]).
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Federation {
    enabled: bool,
    is_private: bool,
    username: &'static str,
    go_live_message: &'static str,
    show_engagement: bool,
    blocked_domains: [&'static str; 0],
}

/// The same.
#[derive(Serialize)]
pub(super) struct Notifications {
    pub(super) browser: BrowserNotifications,
    pub(super) discord: DiscordNotifications,
    pub(super) twitter: TwitterNotifications,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct BrowserNotifications {
    enabled: bool,
    go_live_message: &'static str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiscordNotifications {
    enabled: bool,
    webhook: &'static str,
    go_live_message: &'static str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct TwitterNotifications {
    enabled: bool,
    api_key: &'static str,
    api_secret: &'static str,
    access_token: &'static str,
    access_token_secret: &'static str,
    bearer_token: &'static str,
    go_live_message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceDetails {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) welcome_message: String,
    pub(super) logo: String,
    pub(super) tags: Vec<String>,
    pub(super) version: String,
    pub(super) nsfw: bool,
    pub(super) extra_page_content: String,
    pub(super) stream_title: String,
    pub(super) social_handles: Vec<SocialHandle>,
    pub(super) custom_styles: String,
    pub(super) offline_message: String,
    pub(super) custom_javascript: &'static str,
    pub(super) appearance_variables: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Storage {
    pub(super) enabled: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) endpoint: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) serving_endpoint: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) access_key: String,
    pub(super) secret: &'static str,
    pub(super) secret_set: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bucket: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) region: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) acl: String,
    pub(super) force_path_style: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) path_prefix: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VideoSettings {
    pub(super) video_quality_variants: Vec<StreamQuality>,
    pub(super) latency_level: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Directory {
    pub(super) enabled: bool,
    pub(super) instance_url: String,
}

/// Page content as HTML, saved or not.
#[derive(Serialize)]
pub(super) struct Preview {
    pub(super) html: String,
}

#[derive(Serialize)]
pub(super) struct LogEntry {
    pub(super) message: String,
    pub(super) level: &'static str,
    pub(super) time: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownWebhook {
    id: u64,
    url: String,
    events: Vec<String>,
    timestamp: Time,
    last_used: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<ShownFailure>,
}

/// An event that a webhook's receiver does not take.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownFailure {
    since: Time,
    attempts: u32,
    next_attempt: Time,
    reason: String,
    passed_over: u64,
}

impl From<Kept> for ShownWebhook {
    fn from(Kept { webhook, cursor }: Kept) -> Self {
        let Webhook { id, url, events, created_at, secret: _, disabled } = webhook;
        let (last_used, trouble) =
            cursor.map(|cursor| (cursor.last_used_at, cursor.trouble)).unwrap_or_default();
        let failure = trouble.filter(|_| disabled.is_none()).map(|trouble| ShownFailure {
            since: Time(trouble.since),
            attempts: trouble.attempts,
            next_attempt: Time(trouble.next),
            reason: trouble.reason,
            passed_over: trouble.passed_over,
        });
        Self {
            id,
            url,
            events,
            timestamp: Time(created_at),
            last_used: last_used.map(Time),
            disabled_at: disabled.as_ref().map(|disabled| Time(disabled.at)),
            disabled_reason: disabled.map(|disabled| disabled.reason),
            failure,
        }
    }
}

/// A webhook that was just made: the only time that its secret is shown.
#[derive(Serialize)]
pub(super) struct NewWebhook {
    #[serde(flatten)]
    webhook: ShownWebhook,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl From<Webhook> for NewWebhook {
    fn from(webhook: Webhook) -> Self {
        let secret = webhook.secret.as_ref().map(Secret::expose);
        Self { webhook: Kept { webhook, cursor: None }.into(), secret }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownToken {
    id: String,
    access_token: String,
    display_name: String,
    display_color: u16,
    created_at: Time,
    scopes: Vec<Scope>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Time>,
}

impl ShownToken {
    pub(super) fn new(token: Token, ellipsis: char) -> Self {
        Self {
            id: token.id,
            access_token: format!("{}{ellipsis}", token.begins),
            display_name: token.name,
            display_color: token.color,
            created_at: Time(token.created_at),
            scopes: token.scopes,
            r#type: "API",
            last_used_at: token.last_used_at.map(Time),
        }
    }
}

/// The names of Owncast's server, and those of its description.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewToken {
    id: String,
    access_token: String,
    display_name: String,
    display_color: u16,
    created_at: Time,
    scopes: Vec<Scope>,
    name: String,
    token: String,
}

impl NewToken {
    pub(super) fn new(token: Token, secret: String) -> Self {
        Self {
            id: token.id,
            access_token: secret.clone(),
            display_name: token.name.clone(),
            display_color: token.color,
            created_at: Time(token.created_at),
            scopes: token.scopes,
            name: token.name,
            token: secret,
        }
    }
}
