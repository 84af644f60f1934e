//! The commands `import-owncast`, `export` and `import`.
//!
//! They ask the origin that runs over its control socket; while none runs they open the store themselves, and an import makes
//! one where there is none.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use farcast_config::{Asked, Command, Operand, Program, Switch};
use farcast_store::Store;

use super::document::{self, Document, MAX_BYTES};
use super::owncast::{self, FoundPicture};
use super::plan::{Group, Line, Plan};
use super::serve::{Options, Transfers};
use crate::backup::command::{Part, open_cluster};
#[cfg(unix)]
use crate::backup::{Request, ask};
use crate::emoji;
use crate::settings::Settings;
use crate::store::{self as embedded, Embedded};

const DRY_RUN: &str = "--dry-run";
const OVERWRITE: &str = "--overwrite";
const WITH_SECRETS: &str = "--with-secrets";

/// The switches of both imports.
const IMPORT_SWITCHES: &[Switch] = &[
    Switch { flag: DRY_RUN, about: "Say what would change, and change nothing." },
    Switch { flag: OVERWRITE, about: "Replace what was set here." },
];

/// The command `import-owncast`, for the help.
pub const IMPORT_OWNCAST: Command = Command {
    name: "import-owncast",
    operands: &[Operand { name: "DATABASE", is_path: true }],
    switches: IMPORT_SWITCHES,
    about: "Take over an Owncast server: DATABASE is its owncast.db or its data folder. What was set here stays, unless it is to \
            be replaced. The origin may run or not; stop Owncast first.",
};

/// The command `export`.
pub const EXPORT: Command = Command {
    name: "export",
    operands: &[Operand { name: "FILE", is_path: true }],
    switches: &[Switch { flag: WITH_SECRETS, about: "With hashes of keys and tokens." }],
    about: "Write what is set to FILE, which must not exist, or to standard output (-), as JSON that people can read and \
            compare. Hashes of keys and tokens are left out unless they are asked for.",
};

/// The command `import`.
pub const IMPORT: Command = Command {
    name: "import",
    operands: &[Operand { name: "FILE", is_path: true }],
    switches: IMPORT_SWITCHES,
    about: "Take over what export has written, of a file or of standard input (-), as import-owncast does.",
};

/// Runs one of these commands on a file. Returns the exit status: 0 when it is done, 1 when it is not, and standard error
/// says why.
#[expect(clippy::print_stdout, reason = "what was asked for on the command line goes to standard output")]
pub fn run(program: &Program, asked: &Asked, file: &Path, settings: &Settings) -> u8 {
    let name = asked.command.name;
    let options = Options { dry_run: asked.has(DRY_RUN), overwrite: asked.has(OVERWRITE) };
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| match name {
            "export" => runtime.block_on(export(file, asked.has(WITH_SECRETS), settings)),
            "import" => runtime.block_on(import(file, options, settings)),
            _ => runtime.block_on(import_owncast(file, options, settings)),
        });
    match done {
        Ok(text) => {
            if !text.is_empty() {
                println!("{text}");
            }
            0
        }
        Err(error) => {
            eprintln!("{} {}: {error:#}", program.name, name);
            1
        }
    }
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == "-"
}

async fn export(file: &Path, with_secrets: bool, settings: &Settings) -> anyhow::Result<String> {
    anyhow::ensure!(is_standard(file) || !file.exists(), "{} exists: nothing is overwritten", file.display());
    let request = Request::Export { with_secrets };
    let text = match asked(settings, request, &[]).await? {
        Some(text) => text,
        None => {
            let path = settings.data_dir.join(embedded::FILE_NAME);
            anyhow::ensure!(
                settings.store.cluster().is_some() || path.exists(),
                "there is no store at {}: which --data-dir does the origin have?",
                path.display()
            );
            let (store, _folder) = open(settings, false)?;
            Transfers::new(store, None, settings).export(with_secrets).await?.into_bytes()
        }
    };
    if is_standard(file) {
        io::stdout().write_all(&text).context("cannot write to standard output")?;
        return Ok(String::new());
    }
    let failed = || format!("cannot write {}", file.display());
    let mut part = Part::create(file).with_context(failed)?;
    part.file.write_all(&text).with_context(failed)?;
    part.synced().and_then(|part| part.keep(file)).with_context(failed)?;
    let secrets =
        if with_secrets { "with secrets: keep it as safe as the data folder" } else { "without secrets" };
    Ok(format!("{}: written, {secrets}", file.display()))
}

async fn import(file: &Path, options: Options, settings: &Settings) -> anyhow::Result<String> {
    let text = read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let document = document::read(&text).with_context(|| file.display().to_string())?;
    let mut plan = Plan::default();
    for name in &document.emoji {
        if settings.data_dir.join(emoji::FOLDER).join(name).is_file() {
            plan.same(Group::Emoji, name);
        } else {
            let why = "its picture is not in the document: copy the folder emoji of the other data folder";
            plan.skipped(Group::Emoji, name, why);
        }
    }
    take_over(&document, plan, &[], options, settings).await
}

async fn import_owncast(path: &Path, options: Options, settings: &Settings) -> anyhow::Result<String> {
    let owncast::Read { document, mut left_out, emoji } = owncast::read(path)?;
    let folder = settings.data_dir.join(emoji::FOLDER);
    let new = new_pictures(&folder, &emoji, options, &mut left_out);
    take_over(&document, left_out, &new, options, settings).await
}

/// Takes over a document, and then pictures; returns what was done, with the lines that are known already.
async fn take_over(
    document: &Document,
    mut plan: Plan,
    pictures: &[&FoundPicture],
    options: Options,
    settings: &Settings,
) -> anyhow::Result<String> {
    let text = document::written(document)?;
    let request = Request::Import { options, length: text.len() };
    anyhow::ensure!(text.len() <= MAX_BYTES, "there is more than 64 MiB to take over");
    match asked(settings, request, text.as_bytes()).await? {
        Some(lines) => plan.lines.extend(serde_json::from_slice::<Vec<Line>>(&lines)?),
        None => {
            let (store, _folder) = open(settings, !options.dry_run)?;
            let done = Transfers::new(store, None, settings).take_over(document, options).await?;
            plan.lines.extend(done.lines);
        }
    }
    if !options.dry_run {
        let folder = settings.data_dir.join(emoji::FOLDER);
        for picture in pictures {
            emoji::write(&folder, &picture.file, &picture.bytes)
                .with_context(|| format!("cannot write the emoji {}", picture.file))?;
        }
    }
    Ok(plan.text(!options.dry_run))
}

/// The pictures that are to be written.
fn new_pictures<'p>(
    folder: &Path,
    found: &'p [FoundPicture],
    options: Options,
    plan: &mut Plan,
) -> Vec<&'p FoundPicture> {
    let there = fs::read_dir(folder).map(|files| files.flatten().count()).unwrap_or_default();
    let mut new = Vec::new();
    for picture in found {
        let FoundPicture { file, bytes } = picture;
        let path = folder.join(file);
        if let Some(why) = emoji::unfit(file, bytes) {
            plan.skipped(Group::Emoji, file, why);
        } else if fs::read(&path).is_ok_and(|now| now == bytes[..]) {
            plan.same(Group::Emoji, file);
        } else if path.exists() && !options.overwrite {
            plan.kept(Group::Emoji, file, "there is another picture of this name here");
        } else if there + new.len() >= emoji::MAX_EMOJI && !path.exists() {
            plan.skipped(Group::Emoji, file, format!("there are {} emoji at most", emoji::MAX_EMOJI));
        } else {
            plan.set(Group::Emoji, file, format!("{} bytes", bytes.len()));
            new.push(picture);
        }
    }
    new
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = Vec::new();
    if is_standard(file) {
        io::stdin().take(most).read_to_end(&mut text)?;
    } else {
        fs::File::open(file)?.take(most).read_to_end(&mut text)?;
    }
    Ok(text)
}

/// The answer of the origin that runs; none if none does.
#[cfg(unix)]
async fn asked(settings: &Settings, request: Request, document: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut answer = Vec::new();
    let take = |piece: &[u8]| {
        answer.extend_from_slice(piece);
        Ok(())
    };
    let asked = ask(&settings.data_dir, request, document, take).await;
    Ok(asked.context("the origin that runs did not do it")?.map(|()| answer))
}

/// Opens the store while no origin runs. What only looks makes none: where there is none it gets an empty one, in a folder that
/// goes with it.
fn open(settings: &Settings, make: bool) -> anyhow::Result<(Store, Option<tempfile::TempDir>)> {
    if let Some(cluster) = settings.store.cluster() {
        return Ok((open_cluster(cluster)?, None));
    }
    let metrics = embedded::Metrics::new(&prometheus::Registry::new())?;
    let data_dir = &settings.data_dir;
    let is_there = data_dir.join(embedded::FILE_NAME).exists();
    if !is_there && !make {
        let folder = tempfile::tempdir()?;
        return Ok((Store::new(Arc::new(Embedded::open(folder.path(), metrics)?)), Some(folder)));
    }
    fs::create_dir_all(data_dir).with_context(|| format!("cannot make the folder {}", data_dir.display()))?;
    Ok((Store::new(Arc::new(Embedded::open(data_dir, metrics)?)), None))
}
