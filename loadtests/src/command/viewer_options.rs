//! How to reach an edge: options that `watch` and `check` have in common.

use std::path::PathBuf;

use farcast_loadtests::http::connection::Dialer;
use farcast_loadtests::http::tls::{self, Trust};
use farcast_loadtests::http::url::Url;

/// Options.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ViewerOptions {
    /// Address of the multivariant playlist; may be given again for further edges.
    #[arg(long = "url", required = true)]
    pub urls: Vec<String>,
    /// Speak HTTP/2: over TLS, or by prior knowledge without it.
    #[arg(long)]
    pub http2: bool,
    /// Trust any certificate.
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
    /// Trust the authorities in this PEM file.
    #[arg(long)]
    pub ca: Option<PathBuf>,
}

impl ViewerOptions {
    /// A dialer for each address.
    ///
    /// # Errors
    /// When an address or the certificates are of no use.
    pub(crate) fn dialers(&self) -> anyhow::Result<Vec<Dialer>> {
        let urls = self.urls.iter().map(|url| url.parse()).collect::<Result<Vec<Url>, _>>()?;
        let trust = match &self.ca {
            Some(file) => Some(Trust::Authorities(file)),
            None => self.insecure.then_some(Trust::Any),
        };
        let tls = trust.map(|trust| tls::config(&trust, self.http2)).transpose()?;
        anyhow::ensure!(
            tls.is_some() || urls.iter().all(|url| !url.secure),
            "an https address needs --ca FILE or --insecure"
        );
        let dialer = |server| Dialer { server, http2: self.http2, tls: tls.clone() };
        Ok(urls.into_iter().map(dialer).collect())
    }
}
