//! The state of the broadcast and the number of viewers: `/api/status`, the same at edges and origin.

use serde::Serialize;

use super::time::{Second, Time};
use super::{Reply, reply};
use farcast_feed::time::WallTime;
use farcast_settings::{LiveStatus, OperatorSettings};

/// The counts, left out while operators hide them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    #[serde(skip_serializing_if = "Option::is_none")]
    viewer_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overall_max_viewer_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_max_viewer_count: Option<u64>,
}

impl Counts {
    /// The part of it that everybody may see.
    #[must_use]
    pub fn of(runtime: &OperatorSettings, status: &LiveStatus) -> Self {
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

/// `/api/status`.
#[must_use]
pub fn status(runtime: &OperatorSettings, status: &LiveStatus) -> Reply {
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
