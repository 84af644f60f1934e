//! Closes a connection so that the peer gets to read what it was last sent.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long the peer may take to read its last message and close.
const LINGER: Duration = Duration::from_secs(1);

/// How much it may still send meanwhile.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Ends `io`. A socket that is closed with unread input resets the connection, and the peer's
/// system then throws away what it had not read: the status that says why. So the writing half is closed
/// first, and the input read until the peer closes, for a moment.
pub(super) async fn close<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S, buffer: &mut [u8]) {
    let wait = async {
        if io.shutdown().await.is_err() {
            return;
        }
        let mut seen = 0;
        while let Ok(count) = io.read(buffer).await {
            seen += count;
            if count == 0 || seen > MAX_BYTES {
                return;
            }
        }
    };
    // What has not come in time is lost, like the connection.
    let _ = tokio::time::timeout(LINGER, wait).await;
}
