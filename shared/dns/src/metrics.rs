//! What is counted.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::outcome::{Asked, Outcome, Transport};
use crate::query::Unanswerable;
use crate::reply::Code;

/// Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// By type, code and transport, as [`place`] says: looked up without a lock or a hash.
    queries: Vec<IntCounter>,
    pub(crate) truncated: IntCounter,
    pub(crate) dropped: IntCounter,
    pub(crate) unsent: IntCounter,
    short: IntCounter,
    response: IntCounter,
    pub(crate) wrong_length: IntCounter,
    pub(crate) connections: IntGauge,
    pub(crate) accepted: IntCounter,
    pub(crate) refused: IntCounter,
    pub(crate) timed_out: IntCounter,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let queries = Opts::new("farcast_dns_queries_total", "DNS queries, by type, result and transport.");
        let queries = IntCounterVec::new(queries, &["type", "rcode", "transport"])?;
        register(registry, &queries)?;
        let places = Asked::ALL.into_iter().flat_map(|asked| {
            Code::ALL.into_iter().flat_map(move |code| ["udp", "tcp"].map(|way| (asked, code, way)))
        });
        let limited = by_label(
            registry,
            "farcast_dns_rate_limited_total",
            "Replies beyond the rate limit of a network: sent without records, or not at all.",
            "outcome",
        )?;
        let malformed = by_label(
            registry,
            "farcast_dns_malformed_total",
            "Messages that are answered with nothing: without a header, responses, of a length over TCP that no query has.",
            "cause",
        )?;
        Ok(Self {
            queries: places
                .map(|(asked, code, way)| queries.with_label_values(&[asked.label(), code.label(), way]))
                .collect(),
            truncated: limited.with_label_values(&["truncated"]),
            dropped: limited.with_label_values(&["dropped"]),
            unsent: counter(
                registry,
                "farcast_dns_unsent_total",
                "Replies over UDP that the system did not take: its queue was full, or there is no way to the client.",
            )?,
            short: malformed.with_label_values(&["short"]),
            response: malformed.with_label_values(&["response"]),
            wrong_length: malformed.with_label_values(&["length"]),
            connections: gauge(registry, "farcast_dns_connections", "TCP connections that are open.")?,
            accepted: counter(
                registry,
                "farcast_dns_connections_total",
                "TCP connections that got a place.",
            )?,
            refused: counter(
                registry,
                "farcast_dns_connections_refused_total",
                "TCP connections closed at once: their network has as many as one may have.",
            )?,
            timed_out: counter(
                registry,
                "farcast_dns_connections_timed_out_total",
                "TCP connections closed since a message did not come, or a reply was not taken, in time.",
            )?,
        })
    }

    pub(crate) fn answered(&self, outcome: Outcome, transport: Transport) {
        if let Some(counter) = self.queries.get(place(outcome, transport)) {
            counter.inc();
        }
    }

    pub(crate) fn unanswerable(&self, why: Unanswerable) {
        match why {
            Unanswerable::Short => self.short.inc(),
            Unanswerable::Response => self.response.inc(),
        }
    }
}

/// Enums number their variants in the order in which `ALL` has them.
fn place(outcome: Outcome, transport: Transport) -> usize {
    (outcome.asked as usize * Code::ALL.len() + outcome.code as usize) * 2 + transport as usize
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: &C,
) -> Result<(), prometheus::Error> {
    registry.register(Box::new(metric.clone()))
}

fn counter(registry: &Registry, name: &str, about: &str) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::new(name, about)?;
    register(registry, &counter)?;
    Ok(counter)
}

fn gauge(registry: &Registry, name: &str, about: &str) -> Result<IntGauge, prometheus::Error> {
    let gauge = IntGauge::new(name, about)?;
    register(registry, &gauge)?;
    Ok(gauge)
}

fn by_label(
    registry: &Registry,
    name: &str,
    about: &str,
    label: &str,
) -> Result<IntCounterVec, prometheus::Error> {
    let counters = IntCounterVec::new(Opts::new(name, about), &[label])?;
    register(registry, &counters)?;
    Ok(counters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_is_counted_under_its_own_labels() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        for asked in Asked::ALL {
            for code in Code::ALL {
                for (transport, way) in [(Transport::Udp, "udp"), (Transport::Tcp, "tcp")] {
                    metrics.answered(Outcome { asked, code, is_positive: true }, transport);
                    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
                    let (kind, rcode) = (asked.label(), code.label());
                    let line = format!("{{rcode=\"{rcode}\",transport=\"{way}\",type=\"{kind}\"}} 1");
                    assert!(text.contains(&line), "{line}");
                }
            }
        }
    }
}
