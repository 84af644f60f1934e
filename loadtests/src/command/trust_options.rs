//! The trusted servers: options of the commands that connect to edges.

use std::path::PathBuf;

use farcast_loadtests::http::connection::Dialer;
use farcast_loadtests::http::tls::{self, Trust};
use farcast_loadtests::http::url::Url;

/// Options.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TrustOptions {
    /// Trust any certificate.
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
    /// Trust the authorities in this PEM file.
    #[arg(long)]
    pub ca: Option<PathBuf>,
}

impl TrustOptions {
    /// A dialer for each address.
    ///
    /// # Errors
    /// When an address or the certificates are of no use.
    pub(crate) fn dialers(&self, urls: &[String], http2: bool) -> anyhow::Result<Vec<Dialer>> {
        let urls = urls.iter().map(|url| url.parse()).collect::<Result<Vec<Url>, _>>()?;
        let trust = match &self.ca {
            Some(file) => Some(Trust::Authorities(file)),
            None => self.insecure.then_some(Trust::Any),
        };
        let tls = trust.map(|trust| tls::config(&trust, http2)).transpose()?;
        anyhow::ensure!(
            tls.is_some() || urls.iter().all(|url| !url.secure),
            "an https address needs --ca FILE or --insecure"
        );
        let dialer = |server| Dialer { server, http2, tls: tls.clone() };
        Ok(urls.into_iter().map(dialer).collect())
    }
}
