//! The registry of a program's metrics, with those that every program has.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farcast_feed::time::WallTime;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, TextEncoder};

use super::make::Make as _;
use super::process;
use super::room::{self, Disk};

/// Histogram buckets in seconds for the latency of one hop (frame to part, part to edge, part to
/// playlist, request to answer): 1 ms to 10 s, about three per decade. Part targets (0.333, 0.5, 1)
/// fall strictly between bounds, so that "within a part" is visible.
pub const HOP_SECONDS: [f64; 13] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.75, 1.5, 4.0, 10.0];

/// Content type of [`Registry::render`] (Prometheus text exposition format 0.0.4).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of a program. Cheap to clone; clones are one.
#[derive(Clone, Debug)]
pub struct Registry {
    inner: prometheus::Registry,
    /// Those of each stream, by its name.
    streams: Arc<Mutex<BTreeMap<String, prometheus::Registry>>>,
}

impl Registry {
    /// A registry with `farcast_build_info` and the process's own metrics.
    ///
    /// # Errors
    /// Only when a name is registered twice, which a fresh registry excludes.
    pub fn new(program: &str, version: &str) -> Result<Self, prometheus::Error> {
        let inner = prometheus::Registry::new();
        let about = "Always 1; which program runs, in which version.";
        let info = inner.gauges("farcast_build_info", about, &["program", "version"])?;
        info.with_label_values(&[program, version]).set(1);
        inner.register(Box::new(Process::new()?))?;
        Ok(Self { inner, streams: Arc::default() })
    }

    /// Shows the room on the disk of `folder`, where the program keeps its data.
    ///
    /// # Errors
    /// When it was done before.
    pub fn watch_disk(&self, folder: &Path) -> Result<(), prometheus::Error> {
        self.inner.register(Box::new(Disk::of(folder)?))
    }

    /// For components that register their own.
    #[must_use]
    pub fn inner(&self) -> &prometheus::Registry {
        &self.inner
    }

    /// For components of one stream: what they register has the label `stream`. The same for the same stream.
    ///
    /// # Errors
    /// Never for a name without control characters.
    pub fn of_stream(&self, stream: &str) -> Result<prometheus::Registry, prometheus::Error> {
        let mut streams = self.streams();
        if let Some(known) = streams.get(stream) {
            return Ok(known.clone());
        }
        let label = HashMap::from([("stream".to_owned(), stream.to_owned())]);
        let registry = prometheus::Registry::new_custom(None, Some(label))?;
        streams.insert(stream.to_owned(), registry.clone());
        Ok(registry)
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, prometheus::Registry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All metrics as text ([`CONTENT_TYPE`]).
    ///
    /// # Errors
    /// When a collector gathered a metric without samples.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut families = self.inner.gather();
        for registry in self.streams().values() {
            for of_stream in registry.gather() {
                // A name has one family, with the samples of all streams.
                match families.iter_mut().find(|family| family.name() == of_stream.name()) {
                    Some(family) => family.mut_metric().extend(of_stream.get_metric().iter().cloned()),
                    None => families.push(of_stream),
                }
            }
        }
        TextEncoder::new().encode_to_string(&families)
    }
}

/// Reads [`process`] at each scrape.
struct Process {
    /// A counter can only be added to: two scrapes at once must not add the same seconds twice.
    cpu: Mutex<Counter>,
    threads: Gauge,
    resident: Gauge,
    memory_limit: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    start: Gauge,
}

impl Process {
    fn new() -> Result<Self, prometheus::Error> {
        let start = Gauge::new("process_start_time_seconds", "When the process began, since 1970.")?;
        // By this program's own look at the clock, once. What /proc says moves with each change of the clock, for who counts
        // changes as restarts, and units of systemd that hide /proc/stat (ProcSubset) know nothing.
        start.set(Duration::from_micros(WallTime::now().0).as_secs_f64());
        Ok(Self {
            start,
            cpu: Mutex::new(Counter::new("process_cpu_seconds_total", "CPU time used, in seconds.")?),
            threads: Gauge::new("process_threads", "Threads.")?,
            resident: Gauge::new("process_resident_memory_bytes", "Resident memory.")?,
            memory_limit: Gauge::new(
                "farcast_memory_limit_bytes",
                "Memory that the process may use: the machine's, or what its control group allows.",
            )?,
            open_fds: Gauge::new("process_open_fds", "Open file descriptors.")?,
            max_fds: Gauge::new("process_max_fds", "Most file descriptors that may be open.")?,
        })
    }

    fn gauges(&self) -> [&Gauge; 6] {
        [&self.threads, &self.resident, &self.memory_limit, &self.open_fds, &self.max_fds, &self.start]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        // The counter's description is not borrowed through its lock; a registry needs one to know the collector by.
        self.gauges().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let reading = process::read(Path::new("/proc"));
        let mut families = {
            let cpu = self.cpu.lock().unwrap_or_else(PoisonError::into_inner);
            cpu.inc_by((reading.cpu_seconds - cpu.get()).max(0.0));
            cpu.collect()
        };
        self.threads.set(reading.threads);
        self.resident.set(reading.resident_bytes);
        self.memory_limit.set(room::memory_bytes(Path::new("/"), room::machine_bytes()));
        self.open_fds.set(reading.open_fds);
        self.max_fds.set(reading.max_fds);
        families.extend(self.gauges().into_iter().flat_map(Collector::collect));
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_shows_its_version_and_its_process() {
        let registry = Registry::new("farcast-sample", "1.2.3").unwrap();
        registry.inner().counter("farcast_sample_things_total", "Things.").unwrap().inc();
        let text = registry.render().unwrap();
        for expected in [
            "farcast_build_info{program=\"farcast-sample\",version=\"1.2.3\"} 1",
            "farcast_sample_things_total 1",
            "process_resident_memory_bytes ",
            "farcast_memory_limit_bytes ",
            "process_cpu_seconds_total ",
            "process_open_fds ",
            "process_start_time_seconds ",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
    }

    #[test]
    fn the_start_of_the_process_stays() {
        let registry = Registry::new("farcast-sample", "1.2.3").unwrap();
        let start = || {
            let text = registry.render().unwrap();
            let line = text.lines().find(|line| line.starts_with("process_start_time_seconds ")).unwrap();
            line.to_owned()
        };
        let first = start();
        let seconds: f64 = first.split(' ').next_back().unwrap().parse().unwrap();
        assert!(seconds > 1.6e9, "{first}");
        assert_eq!(start(), first);
    }

    #[test]
    fn metrics_of_streams_have_their_names_as_a_label_and_one_family() {
        let registry = Registry::new("farcast-sample", "1.2.3").unwrap();
        for (stream, count) in [("live", 1), ("second", 2)] {
            let of_stream = registry.of_stream(stream).unwrap();
            of_stream.counter("farcast_sample_things_total", "Things.").unwrap().inc_by(count);
            let same = registry.of_stream(stream).unwrap();
            assert!(same.counter("farcast_sample_things_total", "Things.").is_err(), "it is the same");
        }
        let text = registry.render().unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("farcast_sample_things")).collect();
        let want = [
            "# HELP farcast_sample_things_total Things.",
            "# TYPE farcast_sample_things_total counter",
            "farcast_sample_things_total{stream=\"live\"} 1",
            "farcast_sample_things_total{stream=\"second\"} 2",
        ];
        assert_eq!(lines, want);
    }

    #[test]
    fn buckets_grow() {
        assert!(HOP_SECONDS.is_sorted_by(|a, b| a < b));
    }
}
