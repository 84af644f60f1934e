//! The control socket: how commands such as `farcast-origin backup` reach the origin that has the store open.
//!
//! A Unix socket in the data folder, open to the origin's own user and root. A client sends a line with its [`Request`], and a
//! document where it imports one; the answer is `+` and what was asked for, or `-` and the reason why there is none. One backup
//! is made at a time, and one import; a client that stands still is let go.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::take::Backups;
use crate::transfer::{Options, Transfers};

/// Its name in the data folder.
const NAME: &str = "control.sock";
/// Longest line of a request in bytes.
const MAX_LINE_BYTES: u64 = 64;
/// Largest document in bytes.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;
/// Longest time for a client to send its request, and to take each piece.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most clients at once; all are the origin's own user's.
const MAX_CLIENTS: usize = 8;
/// Pause after accepting failed: descriptors have run out.
const PAUSE: Duration = Duration::from_secs(1);

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// A backup.
    Backup,
    /// A document of what is set.
    Export {
        /// With hashes and signing keys.
        with_secrets: bool,
    },
    /// To take over a document, which follows.
    Import {
        /// How.
        options: Options,
        /// Its length in bytes.
        length: usize,
    },
}

impl Request {
    fn line(self) -> String {
        let flag = |is: bool, name: &'static str| if is { name } else { "" };
        match self {
            Self::Backup => "backup 1\n".to_owned(),
            Self::Export { with_secrets } => format!("export 1{}\n", flag(with_secrets, " secrets")),
            Self::Import { options: Options { dry_run, overwrite }, length } => {
                format!("import 1 {length}{}{}\n", flag(dry_run, " dry"), flag(overwrite, " overwrite"))
            }
        }
    }

    /// The request of a line, if it is one of this version.
    fn read(line: &str) -> Option<Self> {
        let words: Vec<_> = line.strip_suffix('\n')?.split(' ').collect();
        match words[..] {
            ["backup", "1"] => Some(Self::Backup),
            ["export", "1"] => Some(Self::Export { with_secrets: false }),
            ["export", "1", "secrets"] => Some(Self::Export { with_secrets: true }),
            ["import", "1", length, ref flags @ ..] => {
                let mut options = Options::default();
                for flag in flags {
                    match *flag {
                        "dry" => options.dry_run = true,
                        "overwrite" => options.overwrite = true,
                        _ => return None,
                    }
                }
                let length = length.parse().ok().filter(|length| *length <= MAX_DOCUMENT_BYTES)?;
                Some(Self::Import { options, length })
            }
            _ => None,
        }
    }
}

/// Answers clients of the data folder's control socket until `stop`, then removes it. Where there can be none (a path that is
/// too long, a file system without sockets) the log says so once, and the origin works without.
pub async fn serve(data_dir: PathBuf, backups: Backups, transfers: Transfers, stop: CancellationToken) {
    let path = data_dir.join(NAME);
    match bind(&path) {
        Ok(listener) => {
            stop.run_until_cancelled(answer_all(&listener, &backups, &transfers)).await;
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

async fn answer_all(listener: &UnixListener, backups: &Backups, transfers: &Transfers) {
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if clients.len() < MAX_CLIENTS => accepted,
            Some(_) = clients.join_next() => continue,
        };
        match accepted {
            Ok((client, _)) => {
                let (backups, transfers) = (backups.clone(), transfers.clone());
                clients.spawn(async move {
                    if let Err(error) = answer(client, &backups, &transfers).await {
                        tracing::warn!(%error, "a request over the control socket was not finished");
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

async fn answer(mut client: UnixStream, backups: &Backups, transfers: &Transfers) -> io::Result<()> {
    // Between being bound and being closed to others, others may have come.
    let (theirs, own) = (client.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if theirs != own && theirs != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it was another user's"));
    }
    let line = in_time(line(&mut client)).await?;
    match Request::read(&line) {
        Some(Request::Backup) => backup(client, backups).await,
        Some(Request::Export { with_secrets }) => {
            let text = transfers.export(with_secrets).await.map_err(|error| whole(&error));
            tracing::info!(with_secrets, "what is set was exported");
            told(client, text).await
        }
        Some(Request::Import { options, length }) => {
            let mut document = vec![0; length];
            for piece in document.chunks_mut(64 * 1024) {
                in_time(client.read_exact(piece)).await?;
            }
            let done = transfers.import(&document, options).await.map_err(|error| whole(&error));
            told(client, done).await
        }
        None => {
            told(client, Err("this origin does not know what is asked: use its own version".to_owned())).await
        }
    }
}

/// A line, with its end. Nothing behind it is read.
async fn line(client: &mut UnixStream) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let byte = client.read_u8().await?;
        line.push(byte);
        if u64::try_from(line.len()).unwrap_or(u64::MAX) > MAX_LINE_BYTES {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// An error with its causes, in a line.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

async fn told(mut client: UnixStream, answer: Result<String, String>) -> io::Result<()> {
    let (sign, text) = match &answer {
        Ok(text) => (b"+", text),
        Err(why) => (b"-", why),
    };
    in_time(client.write_all(sign)).await?;
    for piece in text.as_bytes().chunks(64 * 1024) {
        in_time(client.write_all(piece)).await?;
    }
    in_time(client.shutdown()).await
}

async fn backup(mut client: UnixStream, backups: &Backups) -> io::Result<()> {
    let mut taking = match backups.begin().await {
        Ok(taking) => taking,
        Err(error) => return told(client, Err(error.to_string())).await,
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

/// Asks the origin that runs on a data folder, with the document of an import, and passes the bytes of the answer to `take`,
/// piece by piece. None if no origin runs there.
///
/// # Errors
/// The errors of the connection and of `take`, and those that the origin reports.
pub(crate) async fn ask(
    data_dir: &Path,
    request: Request,
    document: &[u8],
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Option<()>> {
    let mut origin = match UnixStream::connect(data_dir.join(NAME)).await {
        Ok(origin) => origin,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    origin.write_all(request.line().as_bytes()).await?;
    origin.write_all(document).await?;
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
