//! Whether there is a broadcast, and who watches.

use farcast_shared::api::time::{Second, Time};
use farcast_shared::api::{Reply, reply};
use farcast_shared::runtime::{LiveStatus, Runtime};
use farcast_shared::time::WallTime;
use http::StatusCode;
use serde::Serialize;

use super::config::{ShownHandle, shown};

/// The counts, left out while operators hide them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    #[serde(skip_serializing_if = "Option::is_none")]
    viewer_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overall_max_viewer_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_max_viewer_count: Option<u64>,
}

impl Counts {
    fn of(runtime: &Runtime, status: &LiveStatus) -> Self {
        let unless_hidden = |count| Some(count).filter(|_| !runtime.hide_viewer_count);
        Self {
            viewer_count: unless_hidden(status.viewers),
            overall_max_viewer_count: unless_hidden(status.overall_peak),
            session_max_viewer_count: unless_hidden(status.session_peak),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    online: bool,
    #[serde(flatten)]
    counts: Counts,
    last_connect_time: Option<Second>,
    last_disconnect_time: Option<Second>,
    version_number: &'static str,
    stream_title: &'a str,
    server_time: Time,
}

pub(super) fn status(runtime: &Runtime, status: &LiveStatus) -> Reply {
    reply::ok(&Status {
        online: status.online,
        counts: Counts::of(runtime, status),
        last_connect_time: status.connected_at.map(Second),
        last_disconnect_time: status.disconnected_at.map(Second),
        version_number: env!("CARGO_PKG_VERSION"),
        stream_title: &runtime.stream_title,
        server_time: Time(WallTime::now()),
    })
}

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

pub(super) fn directory(runtime: &Runtime, status: &LiveStatus) -> Reply {
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
