//! What is measured, in the forms of Owncast 0.0.12 and later.

use std::collections::HashMap;

use farcast_shared::api::{Reply, reply};
use farcast_shared::chat::{Client, History};
use farcast_shared::protocol::Ask;
use farcast_shared::time::WallTime;
use http::StatusCode;
use prometheus::{Encoder as _, Gauge, Opts, Registry, TextEncoder};
use serde_json::json;

use super::{Admin, VERSION};
use crate::package::LatencyLevel;

/// Most messages that are counted: the chat keeps no more by itself.
const COUNTED_MESSAGES: usize = 10_000;

/// What players report of themselves. Those of Farcast report nothing, so the measured lists are empty; what the
/// broadcast offers them is told as it is.
pub(super) fn video(admin: &Admin) -> Reply {
    let set = admin.parts.runtime.borrow().as_ref().map(|set| set.runtime.clone()).unwrap_or_default();
    let facts = &admin.parts.facts;
    let (level, variants) = match admin.parts.air.borrow().output.clone() {
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

/// Owncast's gauges for Prometheus, those that Farcast has. Its own metrics are at `/metrics`, apart from the API.
pub(super) async fn prometheus(admin: &Admin) -> Reply {
    let viewers = admin.parts.status.borrow().as_ref().map_or(0, |status| status.viewers);
    let clients = admin.parts.edges.ask_all::<Vec<Client>>(&Ask::Clients).await;
    let clients: usize = clients.answers.iter().map(Vec::len).sum();
    let cpu = admin.parts.statistics.cpu.since(WallTime(0)).last().map(|sample| sample.value);
    let host = admin.parts.runtime.borrow().as_ref().map(|set| set.runtime.server_url.clone());
    let mut gauges = vec![
        ("owncast_instance_active_viewer_count", "Viewers now", exact(viewers)),
        ("owncast_instance_active_chat_client_count", "Connections to the chat now", exact(clients)),
    ];
    // A store that is away is told by the gauge that is missing.
    if let Ok((history, _)) = History::load(&admin.parts.store, COUNTED_MESSAGES).await {
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
        let gauge = Gauge::with_opts(Opts::new(*name, *help).const_labels(labels.clone()))?;
        gauge.set(*value);
        registry.register(Box::new(gauge))?;
    }
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    Ok(text)
}
