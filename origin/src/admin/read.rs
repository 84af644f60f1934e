//! The read requests of the admin API.

use farcast_api::time::Time;
use farcast_api::{Reply, reply};
use farcast_feed::time::WallTime;
use farcast_settings::LiveStatus;
use farcast_store::{Store, StoreError};
use farcast_telemetry::recent::Line;
use serde::Serialize;
use tracing::Level;

use super::shape::{
    BrowserNotifications, Directory, DiscordNotifications, Federation, InstanceDetails, LogEntry,
    Notifications, ServerConfig, ShownKey, Status, StatusForPrograms, Storage, TwitterNotifications,
    VideoSettings,
};
use super::{Admin, VERSION, stored_secret};
use crate::broadcast::Air;
use crate::series::{Sample, Series};
use crate::statistics::Statistics;

pub(super) fn status(admin: &Admin) -> Reply {
    let air = admin.managed.air.borrow().clone();
    let status = admin.managed.status.borrow().clone();
    let title = admin.managed.runtime.borrow().as_ref().map(|set| set.runtime.stream_title.clone());
    reply::ok(&shown(air, &status.unwrap_or_default(), title.unwrap_or_default()))
}

pub(super) fn shown(air: Air, status: &LiveStatus, title: String) -> Status {
    Status {
        broadcaster: air.broadcaster.map(Into::into),
        current_broadcast: air.output.map(Into::into),
        online: air.online,
        viewer_count: status.viewers,
        overall_peak_viewer_count: status.overall_peak,
        session_peak_viewer_count: status.session_peak,
        stream_title: title,
        version_number: VERSION,
        health: None,
    }
}

/// The same with the public status.
pub(crate) fn status_for_programs(air: Air, status: &LiveStatus, title: String) -> Reply {
    reply::ok(&StatusForPrograms {
        overall_max_viewer_count: status.overall_peak,
        session_max_viewer_count: status.session_peak,
        last_connect_time: status.connected_at.map(Time),
        last_disconnect_time: status.disconnected_at.map(Time),
        server_time: Time(WallTime::now()),
        status: shown(air, status, title),
    })
}

/// Read from the store, so that what was set just before is shown.
pub(super) async fn server_config(admin: &Admin) -> Result<Reply, StoreError> {
    let store: &Store = &admin.managed.store;
    let runtime = farcast_settings::load(store).await?;
    let secret_set = store.get(stored_secret().key()).await?.is_some();
    let facts = &admin.managed.facts;
    let level = runtime.latency_level.unwrap_or(facts.default_level);
    let variants = runtime.variants.unwrap_or_else(|| facts.default_variants.clone());
    Ok(reply::ok(&ServerConfig {
        instance_details: InstanceDetails {
            name: runtime.name,
            summary: runtime.summary,
            welcome_message: runtime.welcome_message,
            logo: runtime.logo.map_or_else(|| "logo.svg".to_owned(), |logo| logo.file),
            tags: runtime.tags,
            version: format!("Farcast v{VERSION}"),
            nsfw: runtime.nsfw,
            extra_page_content: runtime.page_content,
            stream_title: runtime.stream_title,
            social_handles: runtime.social_handles,
            custom_styles: runtime.custom_styles,
            offline_message: runtime.offline_message,
            custom_javascript: "",
            appearance_variables: runtime.appearance_variables,
        },
        ffmpeg_path: runtime.ffmpeg_path,
        stream_key: "",
        stream_key_set: true,
        stream_keys: admin.managed.credentials.stream_keys().into_iter().map(ShownKey::from).collect(),
        stream_key_overridden: false,
        admin_password: "",
        admin_password_set: admin.managed.credentials.password_is_apart(),
        web_server_port: runtime.web_server_port.unwrap_or(facts.http.port()),
        web_server_ip: runtime.web_server_ip.unwrap_or(facts.http.ip()).to_string(),
        rtmp_server_port: runtime.rtmp_server_port.unwrap_or(facts.rtmp.port()),
        s3: Storage {
            enabled: runtime.s3.enabled,
            endpoint: runtime.s3.endpoint,
            serving_endpoint: runtime.s3.serving_endpoint,
            access_key: runtime.s3.access_key,
            secret: "",
            secret_set,
            bucket: runtime.s3.bucket,
            region: runtime.s3.region,
            acl: runtime.s3.acl,
            force_path_style: runtime.s3.force_path_style,
            path_prefix: runtime.s3.path_prefix,
        },
        video_settings: VideoSettings {
            video_quality_variants: variants.into_iter().map(Into::into).collect(),
            latency_level: level,
        },
        yp: Directory { enabled: runtime.directory_enabled, instance_url: runtime.server_url },
        chat_disabled: runtime.chat_disabled,
        external_actions: runtime.external_actions,
        supported_codecs: facts.supported_codecs.clone(),
        video_codec: runtime.video_codec.unwrap_or_else(|| facts.default_codec.clone()),
        forbidden_usernames: runtime.forbidden_usernames,
        suggested_usernames: runtime.suggested_usernames,
        chat_join_messages_enabled: runtime.chat_join_messages,
        chat_established_user_mode: runtime.chat_established_users,
        chat_retention: runtime.chat_retention,
        hide_viewer_count: runtime.hide_viewer_count,
        federation: Federation::default(),
        notifications: Notifications {
            browser: BrowserNotifications::default(),
            discord: DiscordNotifications::default(),
            twitter: TwitterNotifications::default(),
        },
        disable_search_indexing: false,
        video_serving_endpoint: "",
        socket_host_override: "",
        chat_spam_protection_enabled: true,
        chat_slur_filter_enabled: false,
        chat_require_authentication: false,
    }))
}

/// All that is kept, or what was measured since `windowStart`.
pub(super) fn viewers_over_time(statistics: &Statistics, query: Option<&str>) -> Reply {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let given = pairs.filter(|(name, _)| *name == "windowStart").map(|(_, value)| seconds(value)).next_back();
    match given {
        Some(None) => reply::bad_request("windowStart is not a number of seconds"),
        Some(Some(start)) => reply::ok(&statistics.viewers.since(start)),
        None => reply::ok(&statistics.viewers.since(WallTime(0))),
    }
}

/// Seconds since 1970, as a 64-bit integer of JSON that is not negative.
fn seconds(text: &str) -> Option<WallTime> {
    let seconds = u64::try_from(text.parse::<i64>().ok()?).ok()?;
    Some(WallTime(seconds.saturating_mul(1_000_000)))
}

#[derive(Serialize)]
struct HardwareStats {
    cpu: Vec<Sample>,
    memory: Vec<Sample>,
    disk: Vec<Sample>,
}

pub(super) fn hardware(statistics: &Statistics) -> Reply {
    let all = |series: &Series| series.since(WallTime(0));
    let Statistics { cpu, memory, disk, .. } = statistics;
    reply::ok(&HardwareStats { cpu: all(cpu), memory: all(memory), disk: all(disk) })
}

pub(super) fn logs(lines: Vec<Line>) -> Reply {
    reply::ok(&entries(lines))
}

/// Lines of the log as they are shown.
pub(super) fn entries(lines: Vec<Line>) -> Vec<LogEntry> {
    let entry = |line: Line| LogEntry {
        message: line.text,
        level: match line.level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        },
        time: Time(line.time),
    };
    lines.into_iter().map(entry).collect()
}
