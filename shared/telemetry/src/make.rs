//! Metrics, made and registered in one step.
//!
//! Place in the flow: each component's `Metrics::new` makes its handles with [`Make`] in the registry that it is given.
//! Invariant: who holds a handle from here holds one that the registry shows.

use prometheus::core::Collector;
use prometheus::{
    Counter, Error, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// Makes metrics in a registry.
///
/// Everywhere `name` is the full one, with its prefix, `help` a phrase for operators, `labels` the names of labels, in
/// the order in which their values are given later, and `buckets` the upper bounds of a histogram's buckets, at least
/// one, growing, in the metric's unit; the bucket without a bound is added to them.
///
/// A name is registered already when it is with the same constant labels; with others it may be again, but only with
/// the same help text and names of labels. Names of metrics are letters, digits, `_` and `:`, those of labels letters,
/// digits and `_`, and none begins with a digit. What fails registers nothing.
pub trait Make {
    /// Registers a metric that was made by itself, such as one with constant labels, and gives it back.
    ///
    /// # Errors
    /// When the name is registered already.
    fn add<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, Error>;

    /// A count of things.
    ///
    /// # Errors
    /// When the name is registered already, or not a valid one.
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.add(IntCounter::new(name, help)?)
    }

    /// A sum that only grows and is no whole number, such as seconds.
    ///
    /// # Errors
    /// When the name is registered already, or not a valid one.
    fn float_counter(&self, name: &str, help: &str) -> Result<Counter, Error> {
        self.add(Counter::new(name, help)?)
    }

    /// A whole number that rises and falls.
    ///
    /// # Errors
    /// When the name is registered already, or not a valid one.
    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.add(IntGauge::new(name, help)?)
    }

    /// A number that rises and falls and is not a whole one, such as seconds or a ratio.
    ///
    /// # Errors
    /// When the name is registered already, or not a valid one.
    fn float_gauge(&self, name: &str, help: &str) -> Result<Gauge, Error> {
        self.add(Gauge::new(name, help)?)
    }

    /// A [`Make::counter`] for each set of values of the labels.
    ///
    /// # Errors
    /// When the name is registered already, or it or a label is not a valid one.
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// A [`Make::counter`] for each value of one label. Those of `values` are there from the start, at 0, so that whoever
    /// asks for a rise sees the first count as one.
    ///
    /// # Errors
    /// When the name is registered already, or it or the label is not a valid one.
    fn counters_of(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: &[&str],
    ) -> Result<IntCounterVec, Error> {
        let made = self.counters(name, help, &[label])?;
        for value in values {
            made.with_label_values(&[value]);
        }
        Ok(made)
    }

    /// A [`Make::gauge`] for each set of values of the labels.
    ///
    /// # Errors
    /// When the name is registered already, or it or a label is not a valid one.
    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// A distribution of numbers over buckets.
    ///
    /// # Errors
    /// When the name is registered already, or not a valid one, or when the buckets do not grow.
    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, Error> {
        self.add(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
    }

    /// A [`Make::histogram`] for each set of values of the labels.
    ///
    /// # Errors
    /// When the name is registered already, or it or a label is not a valid one, or when the buckets do not grow.
    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, Error> {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?)
    }
}

impl Make for Registry {
    fn add<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, Error> {
        self.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    /// Makes one of each kind, and uses it.
    fn make_all(registry: &Registry) -> [Result<(), Error>; 9] {
        let bounds = [0.5, 2.0];
        let alone = IntGauge::with_opts(Opts::new("alone", "Help 9.").const_label("of", "z")).unwrap();
        [
            registry.counter("count", "Help 1.").map(|made| made.inc_by(3)),
            registry.float_counter("float_count", "Help 2.").map(|made| made.inc_by(1.5)),
            registry.gauge("level", "Help 3.").map(|made| made.set(-4)),
            registry.float_gauge("float_level", "Help 4.").map(|made| made.set(-0.25)),
            registry
                .counters("counts", "Help 5.", &["a", "b"])
                .map(|made| made.with_label_values(&["x", "y"]).inc_by(6)),
            registry.gauges("levels", "Help 6.", &["a"]).map(|made| made.with_label_values(&["x"]).set(7)),
            registry.histogram("spread", "Help 7.", &bounds).map(|made| made.observe(1.0)),
            registry
                .histograms("spreads", "Help 8.", &["a"], &bounds)
                .map(|made| made.with_label_values(&["x"]).observe(3.0)),
            registry.add(alone).map(|made| made.set(9)),
        ]
    }

    #[test]
    fn what_is_made_is_shown_by_the_registry_as_it_was_described() {
        let registry = Registry::new();
        for (place, made) in make_all(&registry).iter().enumerate() {
            assert!(made.is_ok(), "number {place}: {made:?}");
        }
        let shown = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let want = "\
# HELP alone Help 9.
# TYPE alone gauge
alone{of=\"z\"} 9
# HELP count Help 1.
# TYPE count counter
count 3
# HELP counts Help 5.
# TYPE counts counter
counts{a=\"x\",b=\"y\"} 6
# HELP float_count Help 2.
# TYPE float_count counter
float_count 1.5
# HELP float_level Help 4.
# TYPE float_level gauge
float_level -0.25
# HELP level Help 3.
# TYPE level gauge
level -4
# HELP levels Help 6.
# TYPE levels gauge
levels{a=\"x\"} 7
# HELP spread Help 7.
# TYPE spread histogram
spread_bucket{le=\"0.5\"} 0
spread_bucket{le=\"2\"} 1
spread_bucket{le=\"+Inf\"} 1
spread_sum 1
spread_count 1
# HELP spreads Help 8.
# TYPE spreads histogram
spreads_bucket{a=\"x\",le=\"0.5\"} 0
spreads_bucket{a=\"x\",le=\"2\"} 0
spreads_bucket{a=\"x\",le=\"+Inf\"} 1
spreads_sum{a=\"x\"} 3
spreads_count{a=\"x\"} 1
";
        assert_eq!(shown, want);
    }

    #[test]
    fn what_may_be_counted_is_there_before_it_is() {
        let registry = Registry::new();
        let made = registry.counters_of("losses", "Losses.", "reason", &["late", "full"]).unwrap();
        made.with_label_values(&["full"]).inc();
        let shown = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let want = "\
# HELP losses Losses.
# TYPE losses counter
losses{reason=\"full\"} 1
losses{reason=\"late\"} 0
";
        assert_eq!(shown, want);
        assert!(registry.counters_of("losses", "Losses.", "reason", &[]).is_err(), "the name is taken");
    }

    #[test]
    fn a_name_is_given_once() {
        let registry = Registry::new();
        assert!(make_all(&registry).iter().all(Result::is_ok));
        for (place, again) in make_all(&registry).iter().enumerate() {
            assert!(matches!(again, Err(Error::AlreadyReg)), "number {place}: {again:?}");
        }
        assert!(registry.counter("count", "Another help text.").is_err());
        assert!(registry.gauges("levels", "Help 6.", &["another label"]).is_err());
        let other = Opts::new("alone", "Help 9.").const_label("of", "another");
        assert!(registry.add(IntGauge::with_opts(other).unwrap()).is_ok(), "it has another constant label");
    }

    #[test]
    fn what_cannot_be_is_refused_and_leaves_its_name_free() {
        let registry = Registry::new();
        assert!(registry.counter("no name", "Help.").is_err());
        assert!(registry.counters("counts", "Help.", &["no label"]).is_err());
        for buckets in [&[2.0, 0.5], &[1.0, 1.0]] {
            assert!(registry.histogram("spread", "Help.", buckets).is_err(), "{buckets:?}");
        }
        assert!(registry.counters("counts", "Help.", &["label"]).is_ok());
        assert!(registry.histogram("spread", "Help.", &[0.5, 2.0]).is_ok());
    }
}
