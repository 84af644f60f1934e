//! The state of an edge: from the roster, and from the edge's own report where that is plausible. Sans-IO.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use farcast_api::time::Time;
use farcast_link::EdgeReport;
use serde::Serialize;

use farcast_link::roster::Listed;
use farcast_link::sender::Said;

/// Most that is believed of an edge's bit rate: a terabit in a second.
const MAX_BIT_RATE: f64 = 1e12;

/// An edge, as it is shown.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EdgeState {
    pub(super) name: String,
    pub(super) connected: bool,
    pub(super) address: Option<String>,
    pub(super) connected_at: Option<Time>,
    pub(super) seen_at: Option<Time>,
    pub(super) version: Option<String>,
    pub(super) viewers: Option<u32>,
    /// In bits per second, since the report before.
    pub(super) bit_rate: Option<u64>,
    /// In seconds.
    pub(super) lag: Option<f64>,
}

/// Bytes that edges had sent when they were asked last.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Sent(HashMap<Arc<str>, u64>);

/// All edges that were not revoked, by name, with their reports. `before` is the bytes that they had sent `elapsed`
/// ago.
pub(super) fn states(
    listed: Vec<Listed>,
    said: Vec<Said<EdgeReport>>,
    (before, elapsed): (&Sent, Duration),
) -> (Vec<EdgeState>, Sent) {
    let mut sent = Sent::default();
    // Of a link that is lost and one that took its place the one that answered counts.
    let mut told: HashMap<Arc<str>, Said<EdgeReport>> = HashMap::with_capacity(said.len());
    for said in said {
        if said.answer.is_some() || !told.contains_key(&said.edge) {
            told.insert(Arc::clone(&said.edge), said);
        }
    }
    let shown = listed.into_iter().filter(|listed| listed.edge.revoked_at.is_none()).map(|listed| {
        let Listed { name, edge, connected } = listed;
        let said = told.remove(&*name);
        let lag = said.as_ref().map(|said| rounded(said.lag.as_secs_f64()));
        let report = said.and_then(|said| Some((said.edge, said.answer?.shown())));
        let bit_rate = report.as_ref().and_then(|(name, report)| {
            sent.0.insert(Arc::clone(name), report.sent_bytes);
            rate(*before.0.get(name)?, report.sent_bytes, elapsed)
        });
        EdgeState {
            name,
            connected: connected.is_some(),
            address: connected.map(|(address, _)| address.ip().to_canonical().to_string()),
            connected_at: connected.map(|(_, since)| Time(since)),
            seen_at: edge.seen_at.map(Time),
            viewers: report.as_ref().map(|(_, report)| report.viewers),
            version: report.map(|(_, report)| report.version).filter(|version| !version.is_empty()),
            bit_rate,
            lag,
        }
    });
    let shown = shown.collect();
    (shown, sent)
}

/// Milliseconds are as exact as it is.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Bits per second; none of an edge that started anew meanwhile.
fn rate(before: u64, now: u64, elapsed: Duration) -> Option<u64> {
    let bytes = now.checked_sub(before)?;
    let seconds = elapsed.as_secs_f64();
    if seconds <= 0.0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate, not an account")]
    let rate = (bytes as f64 * 8.0 / seconds).min(MAX_BIT_RATE);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to MAX_BIT_RATE")]
    let rate = rate as u64;
    Some(rate)
}

#[cfg(test)]
mod tests {
    use farcast_feed::time::WallTime;
    use serde_json::json;

    use super::*;

    const ELAPSED: Duration = Duration::from_secs(2);

    fn listed(name: &str, revoked: bool) -> Listed {
        let kept = json!({
            "certificates": [], "token": "t", "enrolledAt": WallTime(1), "expiresAt": WallTime(2), "seenAt": null,
            "revokedAt": revoked.then_some(WallTime(3)),
        });
        let edge = serde_json::from_value(kept).unwrap();
        Listed { name: name.to_owned(), edge, connected: Some((([192, 0, 2, 7], 1).into(), WallTime(1))) }
    }

    fn said(name: &str, sent_bytes: u64, version: &str) -> Said<EdgeReport> {
        let answer = EdgeReport { version: version.to_owned(), viewers: 3, sent_bytes, announced: 0 };
        Said { edge: name.into(), lag: Duration::from_millis(1234), answer: Some(answer) }
    }

    #[test]
    fn an_edge_is_shown_with_what_it_tells_and_its_rate_from_the_second_report_on() {
        let ask = |bytes, before: &Sent| {
            let (mut shown, sent) =
                states(vec![listed("a", false)], vec![said("a", bytes, "0.1.0")], (before, ELAPSED));
            (shown.remove(0), sent)
        };
        let (first, sent) = ask(1_000, &Sent::default());
        assert_eq!((first.bit_rate, first.viewers, first.lag), (None, Some(3), Some(1.234)));
        assert_eq!(first.version.as_deref(), Some("0.1.0"));
        let (second, sent) = ask(251_000, &sent);
        assert_eq!(second.bit_rate, Some(1_000_000));
        assert_eq!(ask(5, &sent).0.bit_rate, None, "it started anew");
    }

    #[test]
    fn what_an_edge_says_is_shown_only_as_far_as_it_makes_sense() {
        let (shown, sent) = states(
            vec![listed("a", false), listed("b", false), listed("c", true)],
            vec![said("a", u64::MAX, "\u{202e}\n"), said("c", 1, "1"), said("stranger", 1, "1")],
            (&Sent([("a".into(), 0)].into()), ELAPSED),
        );
        let names: Vec<_> = shown.iter().map(|edge| edge.name.as_str()).collect();
        assert_eq!(names, ["a", "b"], "who is shut out is not shown, and who is unknown");
        assert_eq!((shown[0].bit_rate, shown[0].version.as_ref()), (Some(1_000_000_000_000), None));
        assert_eq!((shown[1].viewers, shown[1].lag, shown[1].connected), (None, None, true));
        assert_eq!(sent.0.len(), 1);
    }

    #[test]
    fn one_that_gives_no_answer_has_its_lag() {
        let silent = Said { answer: None, ..said("a", 1, "1") };
        let (shown, _) = states(vec![listed("a", false)], vec![silent], (&Sent::default(), ELAPSED));
        assert_eq!((shown[0].lag, shown[0].viewers, shown[0].bit_rate), (Some(1.234), None, None));
    }
}
