//! Closes a connection so that the peer gets to read the last message.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest time for the peer to read its last message and close.
const LINGER: Duration = Duration::from_secs(1);

/// Longest time for the last goodbye of TLS.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// Most bytes that the peer may still send meanwhile.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Ends `io`. A socket that is closed with unread input resets the connection, and the peer's system then
/// throws away everything that the peer had not read: the status that says why. So the peer is given a
/// moment to close first, and anything that it sends meanwhile is read. GStreamer, which sends its goodbye
/// in three commands, reports an error when it is not the one that closes.
pub(super) async fn close<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S, buffer: &mut [u8]) {
    let wait = async {
        let mut seen = 0;
        while let Ok(count @ 1..) = io.read(buffer).await {
            seen += count;
            if seen > MAX_BYTES {
                return;
            }
        }
    };
    // Anything that has not come in time is lost, like the connection.
    let _ = tokio::time::timeout(LINGER, wait).await;
    let _ = tokio::time::timeout(SHUTDOWN, io.shutdown()).await;
}
