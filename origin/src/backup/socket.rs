//! The control socket: how `farcast-origin backup` reaches the origin that has the store open.
//!
//! A Unix socket in the data folder, open to the origin's own user and root. A client sends a line with its request; the
//! answer is `+` and the backup, or `-` and the reason why there is none. One backup is made at a time; a client that
//! stands still is let go.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::take::Backups;

/// Its name in the data folder.
const NAME: &str = "control.sock";
/// A client's request.
const BACKUP: &[u8] = b"backup 1\n";
/// Longest time for a client to send its request, and to take each piece.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most clients at once; all are the origin's own user's.
const MAX_CLIENTS: usize = 8;
/// Pause after accepting failed: descriptors have run out.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers clients of the data folder's control socket until `stop`, then removes it. Where there can be none (a path that is
/// too long, a file system without sockets) the log says so once, and the origin works without.
pub async fn serve(data_dir: PathBuf, backups: Backups, stop: CancellationToken) {
    let path = data_dir.join(NAME);
    match bind(&path) {
        Ok(listener) => {
            stop.run_until_cancelled(answer_all(&listener, &backups)).await;
            let _ = std::fs::remove_file(&path);
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no control socket: backups need the origin to be stopped");
            stop.cancelled().await;
        }
    }
}

/// The lock of the data folder is held by now, so an existing socket is from an origin that was killed.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer_all(listener: &UnixListener, backups: &Backups) {
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if clients.len() < MAX_CLIENTS => accepted,
            Some(_) = clients.join_next() => continue,
        };
        match accepted {
            Ok((client, _)) => {
                let backups = backups.clone();
                clients.spawn(async move {
                    if let Err(error) = answer(client, &backups).await {
                        tracing::warn!(%error, "a backup over the control socket was not finished");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot be used for now");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(mut client: UnixStream, backups: &Backups) -> io::Result<()> {
    // Between being bound and being closed to others, others may have come.
    let (theirs, own) = (client.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if theirs != own && theirs != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it was another user's"));
    }
    let mut asked = [0; BACKUP.len()];
    in_time(client.read_exact(&mut asked)).await?;
    if asked != BACKUP {
        return in_time(client.write_all(b"-this origin does not know what is asked: use its own version"))
            .await;
    }
    let mut taking = match backups.begin().await {
        Ok(taking) => taking,
        Err(error) => return in_time(client.write_all(format!("-{error}").as_bytes())).await,
    };
    in_time(client.write_all(b"+")).await?;
    while let Some(piece) = taking.next().await.map_err(io::Error::other)? {
        in_time(client.write_all(&piece)).await?;
    }
    tracing::info!("a backup was made");
    in_time(client.shutdown()).await
}

async fn in_time<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, what).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Asks the origin that runs on a data folder for a backup, and passes the bytes to `take`, piece by piece. None if no
/// origin runs there.
///
/// # Errors
/// The errors of the connection and of `take`, and those that the origin reports.
pub(super) async fn ask(
    data_dir: &Path,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Option<()>> {
    let mut origin = match UnixStream::connect(data_dir.join(NAME)).await {
        Ok(origin) => origin,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    origin.write_all(BACKUP).await?;
    let mut said = [0];
    origin.read_exact(&mut said).await?;
    if said != *b"+" {
        let mut why = String::new();
        (&mut origin).take(1024).read_to_string(&mut why).await?;
        return Err(io::Error::other(why));
    }
    let mut piece = vec![0; 64 * 1024];
    loop {
        match origin.read(&mut piece).await? {
            0 => return Ok(Some(())),
            got => take(&piece[..got])?,
        }
    }
}
