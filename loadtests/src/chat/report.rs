//! The report of a run, and whether it is good enough.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::time::Duration;

use serde::Serialize;

use crate::chat::judge::Verdict;
use crate::chat::tally::Tally;
use crate::watch::histogram::Histogram;
use crate::watch::tally::Summary;

/// The bounds of a good result. Losses, duplicates, disorder and messages that nobody saw never are good enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// 99th percentile of the delivery; `None` for any.
    pub p99: Option<Duration>,
    /// Connections that the servers closed.
    pub closed: u64,
}

/// A report.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Connections that were to be made.
    pub connections: u64,
    /// Connections that opened.
    pub opened: u64,
    /// Users they were for.
    pub users: u64,
    /// Messages were sent for so long.
    pub seconds: f64,
    /// From the first message until nothing was received any more.
    pub received_s: f64,
    /// True if that was waited for: if not, missing messages may still have been on their way.
    pub drained: bool,
    /// Messages sent.
    pub messages: u64,
    /// Receipts of them, each message once per connection.
    pub receipts: u64,
    /// Messages that nobody saw.
    pub unseen: u64,
    /// Receipts that others had and a connection had not.
    pub lost: u64,
    /// Receipts again.
    pub duplicates: u64,
    /// Messages seen before one that stands before them.
    pub disorders: u64,
    /// Marks on no message that was sent.
    pub forged: u64,
    /// Pairs of messages whose order was not checked.
    pub unjudged: u64,
    /// From sending to receipt, for each message and connection.
    pub latency: Summary,
    /// From dialling to `CONNECTED_USER_INFO`.
    pub connecting: Summary,
    /// Sending later than planned: this program's own delay.
    pub behind: Summary,
    /// By edge.
    pub edges: Vec<EdgeReport>,
    /// Text messages received, whatever is in them.
    pub frames: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Connections that did not open, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Connections that the servers closed, by reason.
    pub closed: BTreeMap<String, u64>,
    /// Messages that could not be sent, by reason.
    pub unsent: BTreeMap<String, u64>,
    /// Events by type, on the connections that look at them.
    pub events: BTreeMap<String, u64>,
    /// The faults of events.
    pub wrong: BTreeMap<String, u64>,
    /// CPU seconds of this program while messages were sent and received.
    pub own_cpu_s: f64,
    /// Memory of the servers, where their processes were named.
    pub memory: Vec<Memory>,
    /// The first findings.
    pub examples: Vec<String>,
    /// The reasons why it is not good enough; empty if it is.
    pub failures: Vec<String>,
}

/// One edge.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EdgeReport {
    /// Its address.
    pub url: String,
    /// Connections open at the end.
    pub open: u64,
    /// From sending to receipt.
    pub latency: Summary,
}

/// Resident memory of a server's process; bytes.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Memory {
    /// The process.
    pub pid: u32,
    /// Connections that it had open.
    pub connections: u64,
    /// Before the connections, with the users registered.
    pub before_bytes: u64,
    /// With all of them open and silent.
    pub idle_bytes: u64,
    /// At the end.
    pub end_bytes: u64,
    /// The memory of one idle connection.
    pub bytes_per_connection: f64,
}

/// The contents of a report besides the tally and the verdict.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Connections that were to be made.
    pub connections: usize,
    /// Users.
    pub users: usize,
    /// Time for which messages were sent.
    pub length: Duration,
    /// From then until nothing was received any more.
    pub received: Duration,
    /// True if that was waited for.
    pub drained: bool,
    /// CPU seconds of this process meanwhile.
    pub own_cpu_s: f64,
    /// Addresses of the edges.
    pub urls: Vec<String>,
    /// Memory of the servers.
    pub memory: Vec<Memory>,
}

impl Report {
    /// Of what was counted and found.
    #[must_use]
    pub fn new(tally: &Tally, verdict: Verdict, facts: Facts, limits: Limits) -> Self {
        let mut latency = Histogram::default();
        for edge in tally.judge.latency() {
            latency.merge(edge);
        }
        let edges = facts.urls.into_iter().zip(tally.judge.latency()).zip(&tally.open);
        let edges =
            edges.map(|((url, latency), open)| EdgeReport { url, open: *open, latency: latency.into() });
        let mut report = Self {
            connections: count(facts.connections),
            opened: tally.opened,
            users: count(facts.users),
            seconds: facts.length.as_secs_f64(),
            received_s: facts.received.as_secs_f64(),
            drained: facts.drained,
            messages: tally.judge.messages(),
            receipts: tally.judge.receipts(),
            unseen: verdict.unseen,
            lost: verdict.lost,
            duplicates: verdict.duplicates,
            disorders: verdict.disorders,
            forged: verdict.forged,
            unjudged: verdict.unjudged,
            latency: (&latency).into(),
            connecting: (&tally.connecting).into(),
            behind: (&tally.behind).into(),
            edges: edges.collect(),
            frames: tally.frames,
            bytes: tally.bytes,
            failed: tally.failed.by_text().clone(),
            closed: tally.closed.by_text().clone(),
            unsent: tally.unsent.by_text().clone(),
            events: tally.events.by_text().clone(),
            wrong: tally.wrong.by_text().clone(),
            own_cpu_s: facts.own_cpu_s,
            memory: facts.memory,
            examples: verdict.examples,
            failures: Vec::new(),
        };
        report.failures = report.failures(tally, &latency, limits);
        report
    }

    /// True if it is good enough.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    fn failures(&self, tally: &Tally, latency: &Histogram, limits: Limits) -> Vec<String> {
        let mut failures = Vec::new();
        let mut over = |what: &str, count: u64, limit: u64| {
            if count > limit {
                failures.push(format!("{count} {what}, {limit} allowed"));
            }
        };
        over("connections that did not open", self.connections.saturating_sub(self.opened), 0);
        over("connections that were closed", tally.closed.total(), limits.closed);
        over("messages that could not be sent", tally.unsent.total(), 0);
        over("messages that nobody saw", self.unseen, 0);
        over("losses", self.lost, 0);
        over("duplicates", self.duplicates, 0);
        over("messages out of order", self.disorders, 0);
        over("pairs of messages whose order was not judged", self.unjudged, 0);
        over("messages that were never sent", self.forged, 0);
        over("faults in events", tally.wrong.total(), 0);
        if !self.drained {
            failures.push(
                "messages were still being received when the time to wait for them was over".to_owned(),
            );
        }
        let p99 = latency.percentile(99);
        if let Some(limit) = limits.p99.filter(|limit| p99 > *limit) {
            failures.push(format!("delivery within {p99:?} at the 99th percentile, {limit:?} allowed"));
        }
        failures
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let times = |summary: &Summary| {
            let [p50, p99, max] = [summary.p50_s, summary.p99_s, summary.max_s].map(|s| s * 1000.0);
            format!("p50 {p50:.1} ms, p99 {p99:.1} ms, most {max:.1} ms")
        };
        writeln!(f, "connections  {} of {} opened, {} users", self.opened, self.connections, self.users)?;
        writeln!(f, "connecting   {}", times(&self.connecting))?;
        let each_second = |count: f64| if self.received_s > 0.0 { count / self.received_s } else { 0.0 };
        writeln!(
            f,
            "messages     {} in {:.1} s, received {} times",
            self.messages, self.seconds, self.receipts
        )?;
        writeln!(f, "delivery     {}", times(&self.latency))?;
        if self.edges.len() > 1 {
            for edge in &self.edges {
                writeln!(f, "  {}  {} open, {}", edge.url, edge.open, times(&edge.latency))?;
            }
        }
        let (unseen, lost) = (self.unseen, self.lost);
        let (duplicates, disorders) = (self.duplicates, self.disorders);
        writeln!(
            f,
            "judged       {unseen} unseen, {lost} lost, {duplicates} duplicates, {disorders} out of order"
        )?;
        let cpu = each_second(self.own_cpu_s) * 100.0;
        writeln!(
            f,
            "generator    {:.0} receipts/s, {cpu:.0} % of a core, sending behind by {}",
            each_second(self.receipts as f64),
            times(&self.behind)
        )?;
        for memory in &self.memory {
            writeln!(
                f,
                "memory       process {}: {:.0} bytes for each of {} connections; {} before, {} idle, {} at the end",
                memory.pid,
                memory.bytes_per_connection,
                memory.connections,
                memory.before_bytes,
                memory.idle_bytes,
                memory.end_bytes
            )?;
        }
        let counts = [
            ("not opened", &self.failed),
            ("closed", &self.closed),
            ("not sent", &self.unsent),
            ("wrong", &self.wrong),
            ("events", &self.events),
        ];
        for (what, counts) in counts {
            for (text, count) in counts {
                writeln!(f, "{what:<12} {count} × {text}")?;
            }
        }
        for example in &self.examples {
            writeln!(f, "found        {example}")?;
        }
        Ok(())
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(change: impl FnOnce(&mut Tally, &mut Verdict)) -> Vec<String> {
        let (mut tally, mut verdict) = (Tally::new(1), Verdict::default());
        tally.opened = 1;
        change(&mut tally, &mut verdict);
        let facts = Facts { connections: 1, users: 1, drained: true, ..Facts::default() };
        Report::new(&tally, verdict, facts, Limits::default()).failures
    }

    #[test]
    fn each_finding_is_a_failure() {
        let nothing: [u64; 0] = [];
        assert_eq!(failures(|_, _| {}).len(), nothing.len());
        let cases: [fn(&mut Tally, &mut Verdict); 10] = [
            |tally, _| tally.opened = 0,
            |tally, _| tally.closed.add("x"),
            |tally, _| tally.unsent.add("x"),
            |tally, _| tally.wrong.add("x"),
            |_, verdict| verdict.unseen = 1,
            |_, verdict| verdict.lost = 1,
            |_, verdict| verdict.duplicates = 1,
            |_, verdict| verdict.disorders = 1,
            |_, verdict| verdict.forged = 1,
            |_, verdict| verdict.unjudged = 1,
        ];
        for (number, case) in cases.into_iter().enumerate() {
            assert_eq!(failures(case).len(), 1, "case {number}");
        }
    }
}
