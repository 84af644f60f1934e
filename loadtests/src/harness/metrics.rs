//! Metrics of a program, read as Prometheus reads them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

use crate::http::connection::{Dialer, Keep};
use crate::http::url::Url;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Samples by name with labels, such as `a_total{kind="x"}`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads them from `address`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn scrape(address: SocketAddr) -> anyhow::Result<Self> {
        Self::scrape_page(address, "/metrics").await
    }

    /// Reads those of another page than `/metrics`.
    ///
    /// # Errors
    /// When there is no such page.
    pub async fn scrape_page(address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let server: Url = format!("http://{address}{path}").parse()?;
        let path = server.path.clone();
        let mut connection = Dialer { server, http2: false, tls: None }.connect().await?;
        let answer = connection.get(&path, Keep::Body, LIMIT).await?;
        anyhow::ensure!(answer.status.is_success(), "{path} is answered {}", answer.status);
        let text = crate::http::gzip::text(&answer.body, answer.is_gzip())?;
        Self::parse(&text).context("metrics")
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
            Ok((name.to_owned(), value.parse::<f64>().with_context(|| line.to_owned())?))
        };
        Ok(Self(samples.map(sample).collect::<anyhow::Result<_>>()?))
    }

    /// The sum of all samples of a name that have these labels, whatever others they have.
    #[must_use]
    pub fn sum_of(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has_all = |key: &str| {
            let given = key.strip_prefix(name)?.strip_prefix('{')?.strip_suffix('}')?;
            let has = |(label, value): &(&str, &str)| {
                given.split(',').any(|one| one == format!("{label}=\"{value}\""))
            };
            Some(labels.iter().all(has))
        };
        self.0.iter().filter(|(key, _)| has_all(key).unwrap_or(false)).map(|(_, value)| value).sum()
    }

    /// The sum of all samples of a name, whatever their labels.
    #[must_use]
    pub fn sum(&self, name: &str) -> f64 {
        let of_name =
            |key: &str| key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
        self.0.iter().filter(|(key, _)| of_name(key)).map(|(_, value)| value).sum()
    }

    /// Names of all samples.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_over_their_labels() {
        let text = "# HELP a x\na{k=\"1 2\"} 1\na{k=\"3\"} 2\nab 5\n";
        let metrics = Metrics::parse(text).unwrap();
        assert!((metrics.sum("a") - 3.0).abs() < f64::EPSILON);
        assert_eq!(metrics.names().count(), 3);
        assert!(Metrics::parse("a b c").is_err());
    }

    #[test]
    fn samples_are_chosen_by_some_of_their_labels() {
        let text = "a{k=\"1\",l=\"x\"} 1\na{k=\"1\",l=\"y\"} 2\na{k=\"2\"} 4\nab{k=\"1\"} 8\n";
        let metrics = Metrics::parse(text).unwrap();
        for (labels, sum) in
            [(&[("k", "1")][..], 3.0), (&[("k", "1"), ("l", "y")], 2.0), (&[("k", "3")], 0.0), (&[], 7.0)]
        {
            assert!((metrics.sum_of("a", labels) - sum).abs() < f64::EPSILON, "{labels:?}");
        }
    }
}
