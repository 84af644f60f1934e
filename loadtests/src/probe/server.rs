//! The server that is probed, and the notes taken of it.

use std::time::Duration;

use anyhow::Context;
use http::{Method, StatusCode};
use http_body_util::Full;

use crate::check::Breach;
use crate::http::connection::{Answer, Connection, Dialer, HttpError, Keep};
use crate::http::gzip;
use crate::http::url::Url;
use crate::playlist::MediaPlaylist;
use crate::probe::{Outcome, Verdict};

/// Longest wait for any answer; a blocking one may take three target durations.
const LIMIT: Duration = Duration::from_secs(30);

/// A server and the facts that are known of it.
pub struct Server {
    dialer: Dialer,
    connection: Connection,
    outcomes: Vec<Outcome>,
}

impl Server {
    /// Connects.
    ///
    /// # Errors
    /// When that fails.
    pub async fn connect(dialer: Dialer) -> anyhow::Result<Self> {
        let connection = dialer.connect().await.with_context(|| format!("connect to {}", dialer.server))?;
        Ok(Self { dialer, connection, outcomes: Vec::new() })
    }

    /// Path of the multivariant playlist.
    #[must_use]
    pub fn path(&self) -> String {
        self.dialer.server.path.clone()
    }

    /// Address of the multivariant playlist.
    #[must_use]
    pub fn url(&self) -> Url {
        self.dialer.server.clone()
    }

    /// The notes.
    #[must_use]
    pub fn into_outcomes(self) -> Vec<Outcome> {
        self.outcomes
    }

    /// Asks with GET, gzip accepted.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&mut self, path: &str) -> Result<Answer, HttpError> {
        self.ask(Method::GET, path, &[("accept-encoding", "gzip")]).await
    }

    /// Asks.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        if self.connection.is_closed() {
            self.connection = self.dialer.connect().await?;
        }
        let mut request = self.connection.request(method, path)?;
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.connection.send(request.body(Full::default())?, Keep::Body, LIMIT).await
    }

    /// The playlist at `path`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn playlist(&mut self, path: &str) -> anyhow::Result<MediaPlaylist> {
        let answer = self.get(path).await?;
        anyhow::ensure!(answer.status == StatusCode::OK, "{path}: status {}", answer.status);
        parse(&answer).with_context(|| path.to_owned())
    }

    /// Notes a demand.
    pub fn must(&mut self, probe: impl Into<String>, passed: bool, found: impl Into<String>) {
        self.note(probe.into(), if passed { Verdict::Pass } else { Verdict::Fail }, found.into());
    }

    /// Notes a recommendation.
    pub fn should(&mut self, probe: impl Into<String>, passed: bool, found: impl Into<String>) {
        self.note(probe.into(), if passed { Verdict::Pass } else { Verdict::Note }, found.into());
    }

    /// Notes that a text breaks no rule.
    pub fn unbroken(&mut self, probe: impl Into<String>, breaches: &[Breach]) {
        let found: Vec<_> = breaches.iter().map(ToString::to_string).collect();
        self.must(probe, found.is_empty(), found.join("; "));
    }

    fn note(&mut self, probe: String, verdict: Verdict, found: String) {
        let detail = if verdict == Verdict::Pass { String::new() } else { found };
        self.outcomes.push(Outcome { probe, verdict, detail });
    }
}

/// A playlist out of an answer.
///
/// # Errors
/// When it is none.
pub fn parse(answer: &Answer) -> anyhow::Result<MediaPlaylist> {
    let text = gzip::text(&answer.body, answer.is_gzip())?;
    Ok(MediaPlaylist::parse(&text)?)
}

/// `max-age` of an answer in seconds.
#[must_use]
pub fn max_age(answer: &Answer) -> Option<u64> {
    let control = answer.header("cache-control");
    let value = control.split(',').find_map(|item| item.trim().strip_prefix("max-age="))?;
    value.parse().ok()
}
