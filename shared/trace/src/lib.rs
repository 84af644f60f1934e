//! Traces of parts: where the time goes from the encoder's message to the first byte that a viewer gets, as spans for an
//! OpenTelemetry collector.
//!
//! Place in the flow: packager and sender of the origin, receiver and live window of an edge ask a [`Tracer`] whether a part is
//! among those that are traced, and give it spans; [`Exporter::run`] sends them on. A program without `otlp_endpoint` has no
//! tracer, and pays a look at an `Option`.
//!
//! Invariants: origin and edges choose the same parts and the same ids without a word between them, since both follow from what
//! a part is ([`Tracer::part`]), so nothing of it is in the protocol. Whoever gives a span never waits: what does not fit is
//! dropped and counted. Times are each machine's own clock.
//!
//! Standards: OTLP 1.10 over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>), protobuf; ids as in W3C Trace Context
//! §3.2.2.

mod config;
mod exporter;
mod otlp;
mod tracer;

pub use self::config::{Endpoint, Share};
pub use self::exporter::{Config, Exporter, OpenError, open};
pub use self::tracer::{Step, Traced, Tracer};
