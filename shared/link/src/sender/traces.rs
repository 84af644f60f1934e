//! Spans of parts on their way to one edge: how long each waited until QUIC had it, and until the edge confirmed it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use farcast_feed::name::{ObjectKind, ObjectName, StreamName};
use farcast_feed::time::WallTime;
use farcast_trace::{Step, Traced, Tracer};

use crate::StreamHeader;

/// Most parts whose confirmation is waited for; of those beyond, the oldest has no such span.
const MAX_SENT: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Traces {
    tracer: Tracer,
    stream: StreamName,
    edge: Arc<str>,
    sent: Mutex<VecDeque<Sent>>,
}

/// A part in QUIC's hands.
#[derive(Debug)]
struct Sent {
    segment: StreamHeader,
    index: u32,
    at: WallTime,
    traced: Traced,
}

impl Traces {
    pub(super) fn new(tracer: Tracer, stream: StreamName, edge: Arc<str>) -> Self {
        Self { tracer, stream, edge, sent: Mutex::default() }
    }

    /// A part of a segment was written in full.
    pub(super) fn wrote(&self, segment: &StreamHeader, index: u32, closed_at: WallTime, now: WallTime) {
        let StreamHeader { epoch, variant, msn, .. } = *segment;
        let name = ObjectName { epoch, variant, kind: ObjectKind::Part(msn, index) };
        let Some(traced) = self.tracer.part(&self.stream, &name, closed_at) else { return };
        traced.step_to(&self.edge, Step::Queue, closed_at, now);
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() == MAX_SENT {
            sent.pop_front();
        }
        sent.push_back(Sent { segment: *segment, index, at: now, traced });
    }

    /// The edge has all parts of a segment below `parts`.
    pub(super) fn confirmed(&self, segment: &StreamHeader, parts: u32, now: WallTime) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.retain(|one| {
            let is_there = one.segment == *segment && one.index < parts;
            if is_there {
                one.traced.step_to(&self.edge, Step::Send, one.at, now);
            }
            !is_there
        });
    }
}
