//! A publisher on a TCP connection, in real time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::publish::corrupt::Corruption;
use crate::publish::schedule::Schedule;
use crate::publish::session::{PublishError, Session, Stage};
use crate::publish::target::Target;

/// Longest wait for a connection, an answer of the server, or room in the socket.
const DEADLINE: Duration = Duration::from_secs(10);

/// The reason why a publisher ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The connection failed or was closed by the server.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The server did not answer or take bytes in time.
    #[error("no progress for {DEADLINE:?}")]
    Deadline,
    /// RTMP.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// The result of a publisher.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Audio, video and data messages.
    pub messages: u64,
    /// Bytes of them on the wire.
    pub bytes: u64,
}

/// Publishes `schedule` for `length`, then ends the stream properly.
///
/// Cancel safe: dropping it closes the connection, as a killed encoder does.
///
/// # Errors
/// When the server refuses, closes or stops taking bytes.
pub async fn run(
    target: Target,
    schedule: Schedule,
    length: Duration,
    mut corruption: Option<Corruption>,
) -> Result<Sent, RunError> {
    let mut socket = within(TcpStream::connect(target.authority.clone())).await?;
    socket.set_nodelay(true)?;
    let mut session = Session::new(target)?;
    let mut buffer = vec![0; 16 * 1024];
    while session.stage() != Stage::Publishing {
        within(socket.write_all(&session.take_output())).await?;
        let count = within(socket.read(&mut buffer)).await?;
        if count == 0 {
            return Err(RunError::Closed);
        }
        session.handle_input(&buffer[..count])?;
    }
    let start = Instant::now();
    let mut sent = Sent::default();
    for due in schedule.take_while(|due| due.after < length) {
        loop {
            tokio::select! {
                () = sleep_until(start + due.after) => break,
                count = socket.read(&mut buffer) => match count? {
                    0 => return Err(RunError::Closed),
                    count => session.handle_input(&buffer[..count])?,
                },
            }
        }
        session.publish(&due.tag, due.time_ms)?;
        let mut bytes = session.take_output();
        if let Some(corruption) = &mut corruption {
            corruption.apply(&mut bytes);
        }
        sent.messages += 1;
        sent.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        within(socket.write_all(&bytes)).await?;
    }
    session.finish()?;
    within(socket.write_all(&session.take_output())).await?;
    within(socket.shutdown()).await?;
    Ok(sent)
}

async fn within<T>(future: impl Future<Output = std::io::Result<T>>) -> Result<T, RunError> {
    Ok(timeout(DEADLINE, future).await.map_err(|_| RunError::Deadline)??)
}
