use std::path::Path;

use bytes::Bytes;
use farcast_feed::name::{Epoch, Msn, StreamName};
use farcast_feed::time::WallTime;
use farcast_store::memory::Memory;
use farcast_store::{Batch, Key, Operation, Scan, Store, Tuple};
use tempfile::TempDir;

use super::archive::{ArchiveError, Counts, Decoder, Encoder, Header, Item};
use super::restore::{self, RestoreError};
use super::take::{Backups, Spooled, TakeError, Taking};
use crate::state::{State, sample};
use crate::store::{self as embedded, Embedded};

fn header() -> Header {
    Header { farcast: "1.2.3".to_owned(), made_at: WallTime(1_773_511_331_000_000), store_version: 7 }
}

fn key(name: &str) -> Key {
    Tuple::new().text(name).key()
}

fn small() -> Vec<u8> {
    let mut encoder = Encoder::new(&header());
    encoder.file("join-token", b"secret");
    let mut bytes = encoder.take();
    encoder.entry(&key("a"), b"one");
    encoder.entry(&key("b"), b"");
    bytes.extend(encoder.end());
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<Item>, ArchiveError> {
    let mut decoder = Decoder::open(bytes)?;
    let mut items = Vec::new();
    loop {
        items.push(decoder.next()?);
        if matches!(items.last(), Some(Item::End(_))) {
            return Ok(items);
        }
    }
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(Decoder::open(&*small()).unwrap().header(), &header());
    let expected = [
        Item::File { name: "join-token".to_owned(), bytes: b"secret".to_vec() },
        Item::Entry(key("a"), Bytes::from_static(b"one")),
        Item::Entry(key("b"), Bytes::new()),
        Item::End(Counts { files: 1, entries: 2 }),
    ];
    assert_eq!(read(&small()).unwrap(), expected);
}

#[test]
fn a_backup_that_is_cut_or_changed_anywhere_is_refused() {
    let whole = small();
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "cut at {end}");
    }
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[place] ^= 1 << bit;
            assert!(read(&changed).is_err(), "bit {bit} of byte {place}");
        }
    }
    let longer = [&*whole, b"x"].concat();
    assert!(matches!(read(&longer), Err(ArchiveError::Damaged(_))));
    assert!(matches!(read(b"farcast backup 2\nwhatever comes"), Err(ArchiveError::Newer)));
    assert!(matches!(read(b"SQLite format 3\0 and so on, and on"), Err(ArchiveError::Foreign)));
}

#[test]
fn a_version_from_which_a_store_could_not_go_on_is_refused() {
    let version = |store_version| read(&Encoder::new(&Header { store_version, ..header() }).end());
    assert!(version(1 << 62).is_ok());
    for beyond in [(1 << 62) + 1, u64::MAX] {
        assert!(matches!(version(beyond), Err(ArchiveError::Damaged(_))), "{beyond}");
    }
}

#[test]
fn lengths_that_nothing_has_take_no_memory() {
    let mut bytes = Encoder::new(&header()).take();
    bytes.push(b'E');
    bytes.extend([0xff; 8]);
    assert!(matches!(read(&bytes), Err(ArchiveError::Damaged(_))));
}

/// A data folder with one of everything.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut state = State::load_or_create(folder.path()).unwrap();
    state.set_cursor(StreamName::live(), sample(40));
    state.write().unwrap();
    std::fs::write(folder.path().join("link-identity.json"), "identity").unwrap();
    std::fs::create_dir(folder.path().join("emoji")).unwrap();
    std::fs::write(folder.path().join("emoji/wave.png"), "picture").unwrap();
    std::fs::write(folder.path().join("origin.log"), "no matter").unwrap();
    folder
}

/// Names of what is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let listed = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        listed.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

async fn taken(store: &Store, folder: &Path) -> Vec<u8> {
    let mut taking = Taking::begin(store, folder).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = taking.next().await.unwrap() {
        bytes.extend(piece);
    }
    bytes
}

async fn filled() -> (Store, Vec<(Key, Bytes)>) {
    let (store, _) = Memory::store();
    for number in 0..700_u64 {
        let log = Operation::Append { prefix: key("log"), order: 0, value: number.to_string().into() };
        let batch =
            Batch::new().then(log).set(Tuple::new().text("entry").uint(number).key(), vec![b'x'; 300]);
        store.commit(batch).await.unwrap();
    }
    let all = all(&store).await;
    (store, all)
}

async fn all(store: &Store) -> Vec<(Key, Bytes)> {
    store
        .scan_all(Scan::range(Key::from_bytes([0].as_slice()), Key::from_bytes([0xfe].as_slice())), 10_000)
        .await
        .unwrap()
}

fn open(folder: &Path) -> Store {
    let metrics = embedded::Metrics::new(&prometheus::Registry::new()).unwrap();
    Store::new(std::sync::Arc::new(Embedded::open(folder, metrics).unwrap()))
}

#[tokio::test]
async fn a_data_folder_is_restored_and_goes_on_behind_the_old_one() {
    let (store, before) = filled().await;
    let (old, new) = (folder(), TempDir::new().unwrap());
    let file = new.path().join("the backup");
    std::fs::write(&file, taken(&store, old.path()).await).unwrap();

    let data = new.path().join("data");
    let counts = restore::restore(&file, &data, None).await.unwrap();
    assert_eq!(counts, Counts { files: 3, entries: 1_400 });
    let restored = open(&data);
    assert_eq!(all(&restored).await, before);
    assert_eq!(std::fs::read_to_string(data.join("link-identity.json")).unwrap(), "identity");
    assert_eq!(std::fs::read_to_string(data.join("emoji/wave.png")).unwrap(), "picture");
    assert!(!data.join("origin.log").exists());

    // What is written now sorts behind all that there was, and no name or number comes again.
    let log = Operation::Append { prefix: key("log"), order: 0, value: "new".into() };
    restored.commit(Batch::new().then(log)).await.unwrap();
    let page = restored.scan(Scan::prefix(key("log")).reversed().rows(1)).await.unwrap();
    assert_eq!(page.entries[0].1, "new");
    let state = State::load_or_create(&data).unwrap();
    let cursor = state.cursor(&StreamName::live()).unwrap();
    assert_eq!((cursor.epoch, cursor.next_msn, cursor.live), (Epoch(10_003), Msn(10_000_040), false));
}

#[tokio::test]
async fn no_login_of_the_admin_page_is_in_a_backup() {
    let (store, before) = filled().await;
    store.commit(Batch::new().set(crate::admin::sessions_key(), "stolen")).await.unwrap();
    let items = read(&taken(&store, folder().path()).await).unwrap();
    let entries = items.into_iter().filter_map(|item| match item {
        Item::Entry(key, value) => Some((key, value)),
        Item::File { .. } | Item::End(_) => None,
    });
    assert_eq!(entries.collect::<Vec<_>>(), before);
}

#[tokio::test]
async fn nothing_that_exists_is_overwritten() {
    let (store, _) = filled().await;
    let place = TempDir::new().unwrap();
    let file = place.path().join("the backup");
    std::fs::write(&file, taken(&store, folder().path()).await).unwrap();
    for name in
        ["store.redb", "link-identity.json", "edges.json", "join-token", "origin.json", "emoji/wave.png"]
    {
        let data = place.path().join(format!("data with {}", name.replace('/', " ")));
        std::fs::create_dir_all(data.join(name).parent().unwrap()).unwrap();
        std::fs::write(data.join(name), "mine").unwrap();
        let refused = restore::restore(&file, &data, None).await.unwrap_err();
        assert!(matches!(&refused, RestoreError::Exists(path) if path.ends_with(name)), "{refused}");
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1, "{name}");
        assert_eq!(std::fs::read_to_string(data.join(name)).unwrap(), "mine");
    }
}

#[tokio::test]
async fn a_damaged_backup_changes_nothing() {
    let (store, _) = filled().await;
    let place = TempDir::new().unwrap();
    let (file, data) = (place.path().join("the backup"), place.path().join("data"));
    let mut bytes = taken(&store, folder().path()).await;
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(matches!(restore::restore(&file, &data, None).await, Err(RestoreError::Archive(_))));
    assert!(!data.exists());
}

#[tokio::test]
async fn a_backup_brings_no_file_but_its_own() {
    for name in
        ["../escaped", "/etc/passwd", "emoji/../x", "emoji/.x", "emoji/", "store.redb", "origin.toml", ""]
    {
        let mut encoder = Encoder::new(&header());
        encoder.file(name, b"x");
        let place = TempDir::new().unwrap();
        let (file, data) = (place.path().join("backup"), place.path().join("data"));
        std::fs::write(&file, encoder.end()).unwrap();
        let refused = restore::restore(&file, &data, None).await.unwrap_err();
        assert!(matches!(&refused, RestoreError::Foreign(other) if other == name), "{refused}");
        assert!(!data.exists() && !place.path().join("escaped").exists());
    }
}

#[tokio::test]
async fn a_cluster_is_filled_if_it_is_empty_and_ahead() {
    let (store, before) = filled().await;
    let place = TempDir::new().unwrap();
    let file = place.path().join("the backup");
    std::fs::write(&file, taken(&store, folder().path()).await).unwrap();
    let data = |name: &str| place.path().join(name);

    let (cluster, _) = Memory::store();
    let behind = restore::restore(&file, &data("one"), Some(&cluster)).await.unwrap_err();
    assert!(matches!(behind, RestoreError::Behind { backup: 700, here: 0 }), "{behind}");
    assert!(!data("one").exists(), "what is refused leaves nothing");
    for _ in 0..701 {
        cluster.commit(Batch::new().clear(key("nothing"))).await.unwrap();
    }
    restore::restore(&file, &data("two"), Some(&cluster)).await.unwrap();
    assert_eq!(all(&cluster).await, before);
    assert!(data("two").join("origin.json").exists() && !data("two").join("store.redb").exists());
    let again = restore::restore(&file, &data("three"), Some(&cluster)).await.unwrap_err();
    assert!(matches!(again, RestoreError::NotEmpty) && !data("three").exists(), "{again}");
}

#[cfg(unix)]
mod socket {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;
    use tokio_util::sync::CancellationToken;

    use super::super::socket::{Request, ask, serve};
    use super::*;
    use crate::transfer::{Options, Transfers};

    /// An origin that serves a folder's control socket, until the guard is dropped.
    async fn origin(folder: &Path, store: &Store) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        origin_of(folder, Backups::new(store.clone(), folder)).await
    }

    async fn origin_of(folder: &Path, backups: Backups) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let stop = CancellationToken::new();
        let transfers = Transfers::of(Memory::store().0);
        let serving = tokio::spawn(serve(folder.to_owned(), backups, transfers, stop.clone()));
        while UnixStream::connect(folder.join("control.sock")).await.is_err() {
            tokio::task::yield_now().await;
        }
        (stop, serving)
    }

    async fn asked(folder: &Path) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let got = ask(folder, Request::Backup, &[], |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        got.await.unwrap().map(|()| bytes)
    }

    #[tokio::test]
    async fn a_running_origin_exports_and_imports_and_says_what_it_does_not_know() {
        let (store, _) = filled().await;
        let folder = folder();
        let (stop, serving) = origin(folder.path(), &store).await;
        let asked = async |request: Request, document: &[u8]| {
            let mut text = Vec::new();
            let take = |piece: &[u8]| {
                text.extend_from_slice(piece);
                Ok(())
            };
            ask(folder.path(), request, document, take).await.map(|done| done.unwrap())?;
            std::io::Result::Ok(String::from_utf8(text).unwrap())
        };
        let document = asked(Request::Export { with_secrets: false }, &[]).await.unwrap();
        assert!(document.contains("\"format\": \"farcast settings\""), "{document}");
        let options = Options { dry_run: true, overwrite: false };
        let import = Request::Import { options, length: document.len() };
        assert_eq!(asked(import, document.as_bytes()).await.unwrap(), "[]");
        let wrong = Request::Import { options, length: 2 };
        let refused = asked(wrong, b"{}").await.unwrap_err();
        assert!(refused.to_string().contains("cannot be read: it is no document"), "{refused}");
        for line in [&b"import 1 99999999999\n"[..], b"export 2\n", b"export 1 all\n", &[b'x'; 100]] {
            let mut client = UnixStream::connect(folder.path().join("control.sock")).await.unwrap();
            client.write_all(line).await.unwrap();
            let mut answer = [0];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, *b"-", "{}", String::from_utf8_lossy(line));
        }
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_running_origin_gives_a_backup_and_takes_its_socket_away_when_it_stops() {
        let (store, _) = filled().await;
        let folder = folder();
        assert!(asked(folder.path()).await.is_none(), "nobody is there");
        // One that was killed left its socket.
        drop(std::os::unix::net::UnixListener::bind(folder.path().join("control.sock")).unwrap());
        assert!(asked(folder.path()).await.is_none(), "nobody is behind it");
        let (stop, serving) = origin(folder.path(), &store).await;
        let bytes = asked(folder.path()).await.unwrap();
        assert!(matches!(read(&bytes).unwrap().last(), Some(Item::End(Counts { files: 3, entries: 1_400 }))));
        stop.cancel();
        serving.await.unwrap();
        assert!(!folder.path().join("control.sock").exists());
    }

    #[tokio::test]
    async fn a_store_that_fails_is_told_to_who_asks() {
        let (store, engine) = Memory::store();
        let folder = folder();
        let (_stop, _serving) = origin(folder.path(), &store).await;
        engine.fail(true);
        let error = ask(folder.path(), Request::Backup, &[], |_| Ok(())).await.unwrap_err();
        assert!(error.to_string().contains("the store is not available"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_ask_nothing_or_nonsense_keep_nobody_out() {
        let (store, _) = filled().await;
        let folder = folder();
        let (_stop, _serving) = origin(folder.path(), &store).await;
        let path = folder.path().join("control.sock");
        let _silent = UnixStream::connect(&path).await.unwrap();
        let mut mad = UnixStream::connect(&path).await.unwrap();
        mad.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut newer = UnixStream::connect(&path).await.unwrap();
        newer.write_all(b"backup 2\n").await.unwrap();
        assert!(asked(folder.path()).await.is_some());
        let mut said = String::new();
        newer.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with('-'), "{said}");
    }
    #[tokio::test]
    async fn who_asks_while_a_backup_is_made_is_told_so() {
        let (store, _) = filled().await;
        let folder = folder();
        let backups = Backups::new(store, folder.path());
        let (_stop, _serving) = origin_of(folder.path(), backups.clone()).await;
        let first = backups.begin().await.unwrap();
        let error = ask(folder.path(), Request::Backup, &[], |_| Ok(())).await.unwrap_err();
        assert!(error.to_string().contains("another backup is being made or downloaded"), "{error}");
        drop(first);
        assert!(asked(folder.path()).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_let_go() {
        let (store, _) = filled().await;
        let large = vec![7; 64 * 1024];
        for number in 0..32_u64 {
            let key = Tuple::new().text("large").uint(number).key();
            store.commit(Batch::new().set(key, large.clone())).await.unwrap();
        }
        let folder = folder();
        let backups = Backups::new(store, folder.path());
        let (_stop, _serving) = origin_of(folder.path(), backups.clone()).await;
        let mut deaf = UnixStream::connect(folder.path().join("control.sock")).await.unwrap();
        deaf.write_all(b"backup 1\n").await.unwrap();
        let mut begun = [0];
        deaf.read_exact(&mut begun).await.unwrap();
        assert!(backups.begin().await.is_err(), "more than a socket holds is to be sent");
        tokio::time::timeout(std::time::Duration::from_secs(60), backups.idle()).await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_that_is_kept_beside_the_data_is_whole_and_leaves_nothing() {
    let (store, _) = filled().await;
    let folder = folder();
    let before: Vec<_> = names(folder.path());
    let backups = Backups::new(store, folder.path());
    let Spooled { mut file, length, .. } = backups.spool().await.unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    assert_eq!(u64::try_from(bytes.len()).unwrap(), length);
    assert!(matches!(read(&bytes).unwrap().last(), Some(Item::End(Counts { files: 3, entries: 1_400 }))));
    assert_eq!(names(folder.path()), before);
}

#[tokio::test]
async fn one_backup_is_kept_beside_the_data_at_a_time() {
    let (store, _) = filled().await;
    let folder = folder();
    let backups = Backups::new(store, folder.path());
    let first = backups.spool().await.unwrap();
    assert!(matches!(backups.spool().await, Err(TakeError::Busy)));
    drop(first);
    backups.spool().await.unwrap();
}
