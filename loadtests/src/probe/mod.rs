//! One-shot probes of a server's answers (C2, C3, C4): each asks for something particular and verifies the answer.
//! [`status`] walks the table of blocking reload, [`transport`] checks headers, [`media`] objects; [`server`] asks and
//! takes notes.

pub mod media;
pub mod server;
pub mod status;
pub mod transport;

use serde::Serialize;

use crate::http::connection::Dialer;
use server::Server;

/// The outcome of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As demanded.
    Pass,
    /// Not as the standard or Apple demand.
    Fail,
    /// Not as recommended.
    Note,
}

/// A probe's result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Outcome {
    /// The name of the probe.
    pub probe: String,
    /// The outcome.
    pub verdict: Verdict,
    /// The details, when it is not as it should be.
    pub detail: String,
}

/// Probes the stream at the dialer's path.
///
/// # Errors
/// When there is no connection or no playlist to begin with.
pub async fn run(dialer: Dialer) -> anyhow::Result<Vec<Outcome>> {
    let mut server = Server::connect(dialer).await?;
    let paths = transport::multivariant(&mut server).await?;
    for path in &paths {
        transport::media_playlist(&mut server, path).await?;
    }
    if let Some(path) = paths.first() {
        status::table(&mut server, path).await?;
        media::objects(&mut server, path).await?;
    }
    Ok(server.into_outcomes())
}
