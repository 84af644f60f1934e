//! The first connection of an edge to its origin: the join token, at the first start.

use std::path::Path;

use anyhow::{Context as _, bail};
use farcast_link::JoinToken;
use farcast_link::receiver::identity::IdentityFile;

use crate::settings::Settings;

/// The join token, where one is given.
///
/// # Errors
/// When it cannot be read, or none is given and the edge has not joined yet.
pub(super) fn join_token(settings: &Settings) -> anyhow::Result<Option<JoinToken>> {
    let token = join_token_of(settings)?;
    if token.is_none() && IdentityFile::new(&settings.data_dir).load().is_none() {
        bail!(
            "this edge has not joined an origin yet: give it the origin's join token by --join-token-file \
             or FARCAST_JOIN_TOKEN (the origin keeps it as join-token in its data folder)"
        );
    }
    Ok(token)
}

/// The join token that the settings give; none where they give none.
///
/// # Errors
/// When it cannot be read, or is none.
pub(crate) fn join_token_of(settings: &Settings) -> anyhow::Result<Option<JoinToken>> {
    if let Some(token) = &settings.join_token {
        return Ok(Some(token.expose().parse().context("join_token")?));
    }
    let Some(path) = &settings.join_token_file else { return Ok(None) };
    let read = |path: &Path| std::fs::read_to_string(path);
    let text =
        read(path).with_context(|| format!("the join token file {} cannot be read", path.display()))?;
    Ok(Some(text.parse().with_context(|| format!("the join token file {}", path.display()))?))
}
