//! Measurements, in the forms of Owncast 0.0.12 and later.

use std::collections::HashMap;

use farcast_api::{Reply, reply};
use farcast_audience::playback::{Errors, Spread, Summary, WINDOW};
use farcast_chat::{Client, History};
use farcast_feed::time::WallTime;
use farcast_link::Ask;
use farcast_link::sender::{Answers, Edges};
use farcast_telemetry::make::Make as _;
use http::StatusCode;
use prometheus::{Encoder as _, Gauge, Opts, Registry, TextEncoder};
use serde::Serialize;
use serde_json::json;

use super::{Admin, VERSION};
use crate::package::LatencyLevel;

/// Most messages that are counted: the chat keeps no more by itself.
const COUNTED_MESSAGES: usize = 10_000;

/// The player metrics over time. Farcast keeps no such lists ([`playback`] has what is known), so they are empty; the
/// qualities that the broadcast offers are real.
pub(super) fn video(admin: &Admin) -> Reply {
    let set = admin.managed.runtime.borrow().as_ref().map(|set| set.runtime.clone()).unwrap_or_default();
    let facts = &admin.managed.facts;
    let (level, variants) = match admin.managed.air.borrow().output.clone() {
        Some(output) => (output.level, output.specs),
        None => {
            let level = set.latency_level.unwrap_or(facts.default_level);
            let variants = set.variants.clone().unwrap_or_else(|| facts.default_variants.clone());
            (LatencyLevel::try_from(level).unwrap_or_default(), variants)
        }
    };
    let bitrates: Vec<_> = variants.iter().map(|variant| variant.nominal_bps() / 1000).collect();
    reply::ok(&json!({
        "errors": [],
        "qualityVariantChanges": [],
        "highestLatency": [],
        "medianLatency": [],
        "lowestLatency": [],
        "medianSegmentDownloadDuration": [],
        "maximumSegmentDownloadDuration": [],
        "minimumSegmentDownloadDuration": [],
        "minPlayerBitrate": [],
        "medianPlayerBitrate": [],
        "maxPlayerBitrate": [],
        "availableBitrates": bitrates,
        "segmentLength": level.segment_target().as_secs(),
        "representation": 0,
    }))
}

/// Playback quality for the viewers of all edges within a recent window.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPlayback {
    window_seconds: u64,
    /// Edges that reported, and those that did not, or reported what cannot be.
    edges: usize,
    silent_edges: usize,
    viewers: u32,
    stalled_viewers: u32,
    stalls: u64,
    stalled_seconds: f64,
    median_start_seconds: Option<f64>,
    median_latency_seconds: Option<f64>,
    errors: Errors,
}

impl ShownPlayback {
    fn of(answers: &Answers<Summary>) -> Self {
        let mut total = Summary::default();
        for summary in &answers.answers {
            total.add(summary);
        }
        let median = |spread: &Spread| spread.median().map(|median| seconds(median.as_millis()));
        Self {
            window_seconds: WINDOW.as_secs(),
            edges: answers.answers.len(),
            silent_edges: answers.failed,
            viewers: total.viewers,
            stalled_viewers: total.stalled_viewers,
            stalls: total.stalls,
            stalled_seconds: seconds(total.stalled_ms),
            median_start_seconds: median(&total.starts),
            median_latency_seconds: median(&total.latencies),
            errors: total.errors,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn seconds(ms: impl TryInto<u64>) -> f64 {
    ms.try_into().unwrap_or_default() as f64 / 1000.0
}

/// Most bytes of what an edge says of playback: far more than the largest lawful summary has.
const MAX_SUMMARY_BYTES: usize = 64 * 1024;

/// Playback quality for viewers, as their players report it to edges.
pub(super) async fn playback(edges: &Edges) -> Reply {
    reply::ok(&ShownPlayback::of(&edges.ask_all_within(&Ask::Playback, MAX_SUMMARY_BYTES).await))
}

/// Owncast's gauges for Prometheus, those that Farcast has. Its own metrics are at `/metrics`, apart from the API.
pub(super) async fn prometheus(admin: &Admin) -> Reply {
    let viewers = admin.managed.status.borrow().as_ref().map_or(0, |status| status.viewers);
    let clients = admin.managed.edges.ask_all::<Vec<Client>>(&Ask::Clients).await;
    let clients: usize = clients.answers.iter().map(Vec::len).sum();
    let cpu = admin.managed.statistics.cpu.since(WallTime(0)).last().map(|sample| sample.value);
    let host = admin.managed.runtime.borrow().as_ref().map(|set| set.runtime.server_url.clone());
    let mut gauges = vec![
        ("owncast_instance_active_viewer_count", "Viewers now", exact(viewers)),
        ("owncast_instance_active_chat_client_count", "Connections to the chat now", exact(clients)),
    ];
    // A store that is away is told by the gauge that is missing.
    if let Ok((history, _)) = History::load(&admin.managed.store, COUNTED_MESSAGES).await {
        let messages = exact(history.newest_first().count());
        gauges.push((
            "owncast_instance_current_chat_message_count",
            "Messages that the chat keeps",
            messages,
        ));
    }
    if let Some(cpu) = cpu {
        gauges.push(("owncast_instance_cpu_usage", "Use of the origin's processors in percent", cpu));
    }
    let labels = [("version", VERSION.to_owned()), ("host", host.unwrap_or_default())];
    let labels: HashMap<_, _> = labels.map(|(name, value)| (name.to_owned(), value)).into();
    match text(&gauges, &labels) {
        Ok(text) => reply::with_body(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text),
        Err(error) => {
            tracing::error!(%error, "the gauges have no form for Prometheus");
            reply::refused(StatusCode::INTERNAL_SERVER_ERROR, "the gauges cannot be shown, see the log")
        }
    }
}

/// A count as a gauge has it.
fn exact(count: impl TryInto<u32>) -> f64 {
    count.try_into().map_or(f64::from(u32::MAX), f64::from)
}

fn text(
    gauges: &[(&str, &str, f64)],
    labels: &HashMap<String, String>,
) -> Result<Vec<u8>, prometheus::Error> {
    let registry = Registry::new();
    for (name, help, value) in gauges {
        let opts = Opts::new(*name, *help).const_labels(labels.clone());
        registry.add(Gauge::with_opts(opts)?)?.set(*value);
    }
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use farcast_link::sender::tests::{Origin, say};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_edges_heard_is_added_up_and_what_cannot_be_is_left_out() {
        let mut summary = Summary {
            viewers: 40,
            stalled_viewers: 2,
            stalls: 3,
            stalled_ms: 4500,
            errors: Errors { codec: 1, ..Errors::default() },
            ..Summary::default()
        };
        summary.starts.count(Duration::from_millis(800));
        let (one, other) =
            (serde_json::to_string(&summary).unwrap(), serde_json::to_string(&summary).unwrap());
        let hostile = one.replace("\"stalled_viewers\":2", "\"stalled_viewers\":41");
        assert_ne!(hostile, one);
        let origin = Origin::start();
        let mut edges = Vec::new();
        for answer in [one, other, hostile, "[]".to_owned()] {
            let answer: &'static str = answer.leak();
            edges.push(
                origin
                    .edge(move |ask, send| async move {
                        assert_eq!(ask, Ask::Playback);
                        say(send, answer).await;
                    })
                    .await,
            );
        }
        origin.until_edges(4).await;
        let reply = playback(origin.channels.edges()).await;
        let shown: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
        assert_eq!(
            shown,
            json!({
                "windowSeconds": 600,
                "edges": 2,
                "silentEdges": 2,
                "viewers": 80,
                "stalledViewers": 4,
                "stalls": 6,
                "stalledSeconds": 9.0,
                "medianStartSeconds": shown["medianStartSeconds"],
                "medianLatencySeconds": null,
                "errors": { "network": 0, "media": 0, "codec": 2, "unsupported": 0 },
            })
        );
        let start = shown["medianStartSeconds"].as_f64().unwrap();
        assert!((0.76..=0.84).contains(&start), "{start}");
        origin.stop(edges).await;
    }
}
