//! The connection to an edge: options that `watch` and `check` have in common.

use farcast_loadtests::http::connection::Dialer;

use crate::command::trust_options::TrustOptions;

/// Options.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ViewerOptions {
    /// Address of the multivariant playlist; may be given again for further edges.
    #[arg(long = "url", required = true)]
    pub urls: Vec<String>,
    /// Speak HTTP/2: over TLS, or by prior knowledge without it.
    #[arg(long)]
    pub http2: bool,
    /// The trusted certificates.
    #[command(flatten)]
    pub trust: TrustOptions,
}

impl ViewerOptions {
    /// A dialer for each address.
    ///
    /// # Errors
    /// When an address or the certificates are of no use.
    pub(crate) fn dialers(&self) -> anyhow::Result<Vec<Dialer>> {
        self.trust.dialers(&self.urls, self.http2)
    }
}
