//! The successor's end of the line.

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::net::UnixDatagram;

use super::{MAX_WORD_BYTES, Word};

/// Interval at which a successor says that it is ready, and sees whether its predecessor is still there.
const AGAIN: Duration = Duration::from_secs(1);

/// The program whose sockets this one has.
#[derive(Debug)]
pub struct Predecessor(UnixDatagram);

impl Predecessor {
    pub(super) fn new(line: std::os::unix::net::UnixDatagram) -> io::Result<Self> {
        line.set_nonblocking(true)?;
        UnixDatagram::from_std(line).map(Self)
    }

    /// Says that this program could serve and waits for its turn; then for what the predecessor passes on. None where the
    /// predecessor is gone, or passes on what this version does not understand.
    ///
    /// Cancel safe: it may be called again.
    pub async fn turn<T: DeserializeOwned>(&self) -> Option<T> {
        let mut bytes = [0; MAX_WORD_BYTES];
        let mut again = tokio::time::interval(AGAIN);
        loop {
            let heard = tokio::select! {
                heard = self.0.recv(&mut bytes) => heard,
                _ = again.tick() => match self.0.send(&Word::Ready {}.bytes()).await {
                    Ok(_) => continue,
                    Err(error) => Err(error),
                },
            };
            match heard.map(|length| Word::read(bytes.get(..length).unwrap_or_default())) {
                Ok(Some(Word::Go { carried })) => return serde_json::from_value(carried).ok(),
                Ok(Some(Word::Ready {}) | None) => {}
                Err(error) => {
                    tracing::warn!(%error, "the predecessor is gone");
                    return None;
                }
            }
        }
    }
}
