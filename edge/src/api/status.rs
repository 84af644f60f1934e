//! The directory's view of the server and its broadcast.

use farcast_api::status::Counts;
use farcast_api::time::Second;
use farcast_api::{Reply, reply};
use farcast_settings::{LiveStatus, OperatorSettings};
use http::StatusCode;
use serde::Serialize;

use super::config::{ShownHandle, shown};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DirectoryEntry<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    stream_title: &'a str,
    logo: &'static str,
    nsfw: bool,
    tags: &'a [String],
    online: bool,
    #[serde(flatten)]
    counts: Counts,
    social: Vec<ShownHandle<'a>>,
    last_connect_time: Option<Second>,
}

pub(super) fn directory(runtime: &OperatorSettings, status: &LiveStatus) -> Reply {
    if !runtime.directory_enabled {
        return reply::empty(StatusCode::NOT_FOUND);
    }
    reply::ok(&DirectoryEntry {
        name: &runtime.name,
        description: &runtime.summary,
        stream_title: &runtime.stream_title,
        logo: "/logo",
        nsfw: runtime.nsfw,
        tags: &runtime.tags,
        online: status.online,
        counts: Counts::of(runtime, status),
        social: shown(&runtime.social_handles),
        last_connect_time: status.connected_at.map(Second),
    })
}
