//! The server's configuration for the page: rendered once per change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use farcast_api::{Reply, platform, reply, to_html};
use farcast_settings::{ExternalAction, OperatorSettings, Snapshot, SocialHandle, default_ladder};
use serde::Serialize;

/// Longest message to the chat in bytes.
const MAX_SOCKET_PAYLOAD_BYTES: u32 = 2048;
/// The path of emoji.
const EMOJI_FOLDER: &str = "/img/emoji/";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    name: &'a str,
    summary: String,
    logo: &'static str,
    tags: &'a [String],
    version: String,
    nsfw: bool,
    extra_page_content: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    stream_title: &'a str,
    social_handles: Vec<ShownHandle<'a>>,
    chat_disabled: bool,
    external_actions: &'a [ExternalAction],
    custom_styles: &'a str,
    max_socket_payload_size: u32,
    offline_message: String,
    hide_viewer_count: bool,
    chat_spam_protection_disabled: bool,
    chat_require_authentication: bool,
    federation: Switch,
    notifications: Notifications,
    authentication: Authentication,
    appearance_variables: &'a BTreeMap<String, String>,
}

/// A feature of later versions, which take these objects apart without looking whether they are there.
#[derive(Serialize)]
struct Switch {
    enabled: bool,
}

const OFF: Switch = Switch { enabled: false };

#[derive(Serialize)]
struct Notifications {
    browser: Switch,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    indie_auth_enabled: bool,
}

/// A handle with the logo of its network, if that is known.
#[derive(Serialize)]
pub(super) struct ShownHandle<'a> {
    platform: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
}

pub(super) fn shown(handles: &[SocialHandle]) -> Vec<ShownHandle<'_>> {
    handles
        .iter()
        .map(|handle| ShownHandle {
            platform: &handle.platform,
            url: &handle.url,
            icon: platform::icon(&handle.platform),
        })
        .collect()
}

/// The rendered configuration of the newest snapshot.
#[derive(Debug, Default)]
pub(super) struct Rendered(Mutex<Option<(Arc<OperatorSettings>, Bytes)>>);

impl Rendered {
    /// `/api/config` as JSON.
    pub(super) fn config(&self, snapshot: &Snapshot) -> Bytes {
        let mut rendered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, bytes)) = &*rendered
            && Arc::ptr_eq(of, &snapshot.runtime)
        {
            return bytes.clone();
        }
        let bytes = render(&snapshot.runtime);
        *rendered = Some((Arc::clone(&snapshot.runtime), bytes.clone()));
        bytes
    }
}

fn render(runtime: &OperatorSettings) -> Bytes {
    reply::json_bytes(&Config {
        name: &runtime.name,
        summary: to_html(&runtime.summary),
        logo: "/logo",
        tags: &runtime.tags,
        version: format!("Farcast v{}", env!("CARGO_PKG_VERSION")),
        nsfw: runtime.nsfw,
        extra_page_content: to_html(&runtime.page_content),
        stream_title: &runtime.stream_title,
        social_handles: shown(&runtime.social_handles),
        chat_disabled: runtime.chat_disabled,
        external_actions: &runtime.external_actions,
        custom_styles: &runtime.custom_styles,
        max_socket_payload_size: MAX_SOCKET_PAYLOAD_BYTES,
        offline_message: to_html(&runtime.offline_message),
        hide_viewer_count: runtime.hide_viewer_count,
        // Floods are always cut off.
        chat_spam_protection_disabled: false,
        chat_require_authentication: false,
        federation: OFF,
        notifications: Notifications { browser: OFF },
        authentication: Authentication { indie_auth_enabled: false },
        appearance_variables: &runtime.appearance_variables,
    })
}

/// Both names of the address: Owncast had the first until 0.1.
#[derive(Serialize)]
struct ShownEmoji<'a> {
    name: &'a str,
    emoji: &'a str,
    url: &'a str,
}

pub(super) fn emoji(runtime: &OperatorSettings) -> Reply {
    let addresses: Vec<_> = runtime
        .emoji
        .iter()
        .map(|emoji| (&emoji.name, format!("{EMOJI_FOLDER}{}", emoji.asset.file)))
        .collect();
    let shown = addresses.iter().map(|(name, url)| ShownEmoji { name, emoji: url, url });
    reply::ok(&shown.collect::<Vec<_>>())
}

#[derive(Serialize)]
struct ShownVariant {
    index: usize,
    name: String,
}

/// The variants: those with video passthrough first, the others from the highest bit rate down.
pub(super) fn variants(runtime: &OperatorSettings) -> Reply {
    let specs = runtime.variants.clone().or_else(|| runtime.ladder.clone()).unwrap_or_else(default_ladder);
    let mut ranked: Vec<_> = specs.into_iter().enumerate().collect();
    ranked.sort_by_key(|(_, spec)| (!spec.video_passthrough, std::cmp::Reverse(spec.video_bps())));
    let shown = ranked.into_iter().map(|(index, spec)| ShownVariant { index, name: spec.display_name() });
    reply::ok(&shown.collect::<Vec<_>>())
}
