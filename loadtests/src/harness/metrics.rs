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
        let server: Url = format!("http://{address}/metrics").parse()?;
        let path = server.path.clone();
        let mut connection = Dialer { server, http2: false, tls: None }.connect().await?;
        let answer = connection.get(&path, Keep::Body, LIMIT).await?;
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

    /// The sum of all samples of a name, whatever their labels; or one sample, named with its labels.
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
}
