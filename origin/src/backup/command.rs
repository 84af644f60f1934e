//! The commands `backup`, `restore` and `check-backup`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use farcast_api::time::Time;
use farcast_config::{Command, Operand, Program};
use farcast_store::Store;
use farcast_store_fdb::{Foundation, Network};

use super::archive::{Counts, Header};
use super::restore;
use super::take::Taking;
use crate::settings::Settings;
use crate::store::{self as embedded, Embedded};

/// The one operand of these commands.
const FILE: &[Operand] = &[Operand { name: "FILE", is_path: true }];

/// The command `backup`, for the help.
pub const BACKUP: Command = Command {
    name: "backup",
    operands: FILE,
    switches: &[],
    about: "Write a backup to FILE, which must not exist, and stop. The origin may run or not; with the same settings as \
            it is started with. It has all of the store, the origin's identity and its emoji: keep it as secret as those.",
};

/// The command `restore`.
pub const RESTORE: Command = Command {
    name: "restore",
    operands: FILE,
    switches: &[],
    about: "Make the data folder, and fill the cluster where the store is one, from a backup, and stop. Nothing that \
            exists is overwritten.",
};

/// The command `check-backup`.
pub const CHECK_BACKUP: Command = Command {
    name: "check-backup",
    operands: FILE,
    switches: &[],
    about: "Read a backup to its end and say what is in it, and whether it is whole.",
};

/// Runs one of these commands on a file. Returns the exit status: 0 when it is done, 1 when it is not, and standard error
/// says why.
#[expect(clippy::print_stdout, reason = "what was asked for on the command line goes to standard output")]
pub fn run(program: &Program, command: &Command, file: &Path, settings: &Settings) -> u8 {
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| match command.name {
            "backup" => runtime.block_on(backup(file, settings)),
            "restore" => runtime.block_on(restored(file, settings)),
            _ => restore::check(file)
                .map(|(header, counts)| said(&header, counts))
                .map_err(anyhow::Error::from),
        });
    match done {
        Ok(text) => {
            println!("{text}");
            0
        }
        Err(error) => {
            eprintln!("{} {}: {error:#}", program.name, command.name);
            1
        }
    }
}

fn said(Header { farcast, made_at, .. }: &Header, Counts { files, entries }: Counts) -> String {
    let made_at = Time(*made_at);
    format!("whole: made {made_at} by Farcast {farcast}; {entries} entries of the store and {files} files")
}

async fn backup(file: &Path, settings: &Settings) -> anyhow::Result<String> {
    anyhow::ensure!(!file.exists(), "{} exists: nothing is overwritten", file.display());
    let part = Part::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    let part = written(part, settings).await?;
    // The backup is read back, so that a backup that was reported as made is one.
    let (header, counts) = restore::check(&part.path)?;
    part.keep(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(format!("{}: {}", file.display(), said(&header, counts)))
}

async fn written(mut part: Part, settings: &Settings) -> anyhow::Result<Part> {
    let data_dir = &settings.data_dir;
    let store = match settings.store.cluster() {
        Some(cluster) => open_cluster(cluster)?,
        None => {
            #[cfg(unix)]
            if super::socket::ask(data_dir, super::socket::Request::Backup, &[], |piece| {
                part.file.write_all(piece)
            })
            .await
            .context("the origin that runs made no backup")?
            .is_some()
            {
                return Ok(part.synced()?);
            }
            let path = data_dir.join(embedded::FILE_NAME);
            anyhow::ensure!(
                path.exists(),
                "there is no store at {}: which --data-dir does the origin have?",
                path.display()
            );
            let metrics = embedded::Metrics::new(&prometheus::Registry::new())?;
            Store::new(Arc::new(Embedded::open(data_dir, metrics)?))
        }
    };
    let mut taking = Taking::begin(&store, data_dir).await?;
    while let Some(piece) = taking.next().await? {
        part.file.write_all(&piece)?;
    }
    Ok(part.synced()?)
}

async fn restored(file: &Path, settings: &Settings) -> anyhow::Result<String> {
    let cluster = settings.store.cluster().map(open_cluster).transpose()?;
    let Counts { files, entries } = restore::restore(file, &settings.data_dir, cluster.as_ref()).await?;
    let folder = settings.data_dir.display();
    let store = if cluster.is_some() { "the cluster" } else { "the store" };
    Ok(format!(
        "{entries} entries are in {store}, {files} files in {folder}: the origin can be started.\n\
         What was revoked since the backup (edges, access tokens, stream keys, passwords) is valid again; nobody is logged in."
    ))
}

pub(crate) fn open_cluster(cluster: &farcast_config::Cluster) -> anyhow::Result<Store> {
    let engine = Foundation::open(&Network::boot()?, &cluster.file, cluster.root().as_bytes())?;
    Ok(Store::new(Arc::new(engine)))
}

/// A file in the making beside the one that it will be: removed unless it is kept. For its owner only.
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) file: BufWriter<File>,
}

impl Part {
    pub(crate) fn create(wanted: &Path) -> io::Result<Self> {
        let mut name = wanted.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = wanted.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = BufWriter::new(options.open(&path)?);
        Ok(Self { path, file })
    }

    /// The bytes are on the disk after this.
    pub(crate) fn synced(mut self) -> io::Result<Self> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(self)
    }

    /// Gives it its name, unless somebody else has it by now. Not every file system has hard links, by which nobody can come
    /// between.
    pub(crate) fn keep(self, wanted: &Path) -> io::Result<()> {
        match std::fs::hard_link(&self.path, wanted) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !wanted.exists() => {
                std::fs::rename(&self.path, wanted)
            }
            linked => linked,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
