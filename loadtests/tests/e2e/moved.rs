//! Owncast servers of three ages, taken over: who and what used them goes on as if nothing had happened.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farcast_loadtests::harness::chatter::Account;
use farcast_loadtests::harness::edge::{Edge, login};
use farcast_loadtests::harness::program;
use farcast_loadtests::harness::stage::{KEY, Settings, Stage};
use farcast_loadtests::harness::wait;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::chat::receiver;

const START: Duration = Duration::from_secs(30);
const AGES: [(&str, &str); 3] = [
    ("0.0.10", include_str!("../../../origin/tests/owncast/0.0.10.sql")),
    ("0.1.3", include_str!("../../../origin/tests/owncast/0.1.3.sql")),
    ("0.2.3", include_str!("../../../origin/tests/owncast/0.2.3.sql")),
];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

/// Runs a command of the origin's program, and gives whether it succeeded and all that it printed.
async fn origin<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> (bool, String) {
    let program = program::folder().unwrap().join("farcast-origin");
    let done = Command::new(program).args(arguments).kill_on_drop(true).output().await.unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(text).unwrap())
}

/// A data folder as Owncast leaves one.
fn owncast(sql: &str, hook: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(folder.path().join("owncast.db")).unwrap();
    database.execute_batch(&sql.replace("{{HOOK}}", hook)).unwrap();
    std::fs::write(folder.path().join("logo.png"), PNG).unwrap();
    std::fs::create_dir(folder.path().join("emoji")).unwrap();
    std::fs::write(folder.path().join("emoji/beer.png"), PNG).unwrap();
    folder
}

/// Somebody of Owncast's, as their browser knows them.
fn known(name: &str) -> Account {
    let token = format!("{:0<43}=", format!("{name}-token-"));
    Account { id: name.to_owned(), token, name: name.to_owned() }
}

async fn as_bot(edge: Edge, said: &str) -> StatusCode {
    let bearer = [("authorization", format!("Bearer {}", known("bot").token))];
    let body = json!({ "body": said }).to_string();
    edge.ask(Method::POST, "/api/integrations/chat/send", &bearer, body).await.unwrap().status()
}

/// The new server shows what the old one did, and knows those whom it knew.
async fn goes_on(age: &str, edge: Edge, calls: &Arc<Mutex<Vec<Value>>>) {
    let config = wait::until("the settings", START, || async {
        let config = edge.document("/api/config").await.ok()?;
        (config["name"] == format!("Ada's workshop {age}")).then_some(config)
    });
    let config = config.await.unwrap();
    let page = config["extraPageContent"].as_str().unwrap();
    assert!(page.contains(&format!("Page of {age}, with <strong>HTML</strong>")), "{page}");
    let shown = wait::until("the emoji", START, || async {
        let emoji = edge.document("/api/emoji").await.ok()?;
        emoji.as_array()?.iter().find(|emoji| emoji["name"] == "beer").cloned()
    });
    let url = shown.await.unwrap()["url"].as_str().unwrap().to_owned();
    let picture = edge.ask(Method::GET, &url, &[], "").await.unwrap();
    assert_eq!(picture.body(), PNG, "{age}: {url}");

    // Ada's browser has her token still.
    let ada = known("ada");
    let mut chatter =
        farcast_loadtests::harness::chatter::Chatter::open(edge, &ada.path("/ws")).await.unwrap();
    let info = chatter.next().await.unwrap();
    assert_eq!(
        (&info["user"]["id"], &info["user"]["displayName"]),
        (&json!("ada"), &json!("Ada")),
        "{age}: {info}"
    );
    let is_moderator =
        info["user"]["scopes"].as_array().is_some_and(|scopes| scopes.contains(&json!("MODERATOR")));
    assert_eq!(is_moderator, age != "0.0.10", "{info}");
    // What she may do: hide a line.
    let hide = json!({ "idArray": ["m-two"], "visible": false }).to_string();
    let path = ada.path("/api/chat/messagevisibility");
    let moderated = edge.ask(Method::POST, &path, &[], hide).await.unwrap().status();
    assert_eq!(moderated == StatusCode::OK, is_moderator, "{age}: {moderated}");
    let said: Vec<_> =
        ada.backlog(edge).await.unwrap().into_iter().map(|line| line["body"].clone()).collect();
    assert_eq!(said[0], "hello <em>there</em>", "{age}");
    assert_eq!(said.len(), if is_moderator { 1 } else { 2 }, "{age}: {said:?}");

    // The bot speaks with the token that it has, and the webhook is called as before.
    assert_eq!(as_bot(edge, "beep").await, StatusCode::OK, "{age}");
    let line = chatter.hears("beep").await.unwrap();
    assert_eq!((&line["user"]["displayName"], &line["user"]["isBot"]), (&json!("Radio bot"), &json!(true)));
    chatter.say("over the air").await;
    chatter.hears("over the air").await.unwrap();
    let called = wait::until("the webhook", START, || {
        let calls = calls.lock().unwrap().clone();
        std::future::ready(calls.into_iter().find(|call| call["eventData"]["rawBody"] == "over the air"))
    });
    assert_eq!(called.await.unwrap()["eventData"]["user"]["id"], "ada", "{age}");
    let old =
        calls.lock().unwrap().iter().any(|call| call["eventData"]["rawBody"].to_string().contains("hello"));
    assert!(!old, "{age}: what was said there is not told again");
}

fn arguments<'a>(command: &'static str, from: &'a Path, config: &'a Path) -> Vec<&'a OsStr> {
    vec![OsStr::new(command), from.as_os_str(), OsStr::new("--config"), config.as_os_str()]
}

#[tokio::test]
async fn an_owncast_server_of_each_age_goes_on_with_its_bots_users_webhooks_page_and_emoji() {
    for (age, sql) in AGES {
        let mut stage = Stage::start(Settings { edges: 0, ..Settings::default() }).await.unwrap();
        let (hook, calls) = receiver(vec![]).await;
        let folder = owncast(sql, &hook);
        let config = stage.path().join("origin.toml");
        // Before its first start: with the settings only.
        stage.take_origin().unwrap().kill().await.unwrap();
        if stage.edges_reach_the_store() {
            // The store of a cluster has the first start's credentials; all else is as new.
            stage.start_origin().await.unwrap();
            stage.take_origin().unwrap().kill().await.unwrap();
        } else {
            std::fs::remove_dir_all(stage.path().join("origin")).unwrap();
        }
        let dry =
            [arguments("import-owncast", folder.path(), &config), vec![OsStr::new("--dry-run")]].concat();
        let (done, planned) = origin(dry).await;
        assert!(done && planned.contains("Nothing has been changed."), "{age}: {planned}");
        assert!(
            planned.contains(&format!("will set name: \"Farcast\" → \"Ada's workshop {age}\"")),
            "{planned}"
        );
        let (done, text) = origin(arguments("import-owncast", folder.path(), &config)).await;
        assert!(done && text.contains("set name: "), "{age}: {text}");
        let (done, text) = origin(arguments("import-owncast", folder.path(), &config)).await;
        assert!(done && text.contains("\n0 changed, "), "{age}: {text}");

        stage.start_origin().await.unwrap();
        stage.add_edge().await.unwrap();
        let edge = stage.edge(0);
        goes_on(age, edge, &calls).await;

        // The same command asks the origin that runs, which has all of it.
        let (done, text) = origin(arguments("import-owncast", folder.path(), &config)).await;
        assert!(done && text.contains("\n0 changed, "), "{age}: {text}");
        if age == "0.1.3" && !stage.edges_reach_the_store() {
            let (status, _) = edge.admin("owncast-password-of-0.1", "serverconfig", None).await.unwrap();
            assert_eq!(status, StatusCode::OK, "the admin's password is the old one");
            exported(&stage, &config).await;
        }
    }
}

/// What is exported from the origin that runs is taken over by another one that runs.
async fn exported(stage: &Stage, config: &Path) {
    let file = stage.path().join("settings.json");
    let (done, text) = origin(arguments("export", &file, config)).await;
    assert!(done && text.contains("without secrets"), "{text}");
    let document = std::fs::read_to_string(&file).unwrap();
    assert!(document.contains("Ada's workshop 0.1.3") && !document.contains("$argon2"), "{document}");
    let (done, text) =
        origin([arguments("export", Path::new("-"), config), vec![OsStr::new("--with-secrets")]].concat())
            .await;
    assert!(done && text.contains("$argon2") && text.starts_with("{\n"), "{text}");
    let changed = text.replace("Ada's workshop 0.1.3", "Ada's second workshop");
    std::fs::write(&file, changed).unwrap();
    let (done, text) = origin(arguments("import", &file, config)).await;
    assert!(done && text.contains("keep name: "), "{text}");
    let (done, text) =
        origin([arguments("import", &file, config), vec![OsStr::new("--overwrite")]].concat()).await;
    assert!(done && text.contains("\n1 changed, "), "{text}");
    let edge = stage.edge(0);
    wait::until("the new name", START, || async {
        let config = edge.document("/api/config").await.ok()?;
        (config["name"] == "Ada's second workshop").then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_origin_that_runs_takes_an_owncast_server_over_at_once() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.edge(0);
    let (hook, _calls) = receiver(vec![]).await;
    let folder = owncast(AGES[1].1, &hook);
    let config = stage.path().join("origin.toml");
    let (done, text) = origin(arguments("import-owncast", folder.path(), &config)).await;
    assert!(done && text.contains("keep stream keys: the origin has keys of its own"), "{text}");
    assert!(text.contains("stop it to import them"), "lines of the chat: {text}");
    assert_eq!(as_bot(edge, "beep").await, StatusCode::OK);
    // Its password was none of its own so far.
    for (password, status) in [(KEY, StatusCode::UNAUTHORIZED), ("owncast-password-of-0.1", StatusCode::OK)] {
        let answer = edge.ask(Method::GET, "/api/admin/serverconfig", &[login(password)], "").await.unwrap();
        assert_eq!(answer.status(), status, "{password}");
    }
    stage.take_origin().unwrap().kill().await.unwrap();
}

#[tokio::test]
async fn backups_are_made_by_themselves_and_one_of_them_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    let origin_settings = format!("backup_every = \"1h\"\nbackup_keep = 2\nbackup_dir = {backups:?}");
    let settings = Settings { edges: 0, origin: origin_settings, ..Settings::default() };
    let mut stage = Stage::start(settings).await.unwrap();
    let names = || {
        let files = std::fs::read_dir(&backups).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".backup")).collect::<Vec<_>>()
    };
    let made = wait::until("a backup", START, || {
        std::future::ready(Some(names()).filter(|names| !names.is_empty()))
    });
    let made = made.await.unwrap();
    let (done, text) = origin([OsStr::new("check-backup"), backups.join(&made[0]).as_os_str()]).await;
    assert!(done && text.starts_with("whole: made 20"), "{text}");
    // The next one is due an hour after it, whether or not the origin is started again.
    stage.take_origin().unwrap().kill().await.unwrap();
    stage.start_origin().await.unwrap();
    let metrics = stage.origin().unwrap().address("metrics");
    let known = wait::until("its time", START, || async {
        let metrics = farcast_loadtests::harness::metrics::Metrics::scrape(metrics).await.ok()?;
        Some(metrics).filter(|metrics| metrics.sum("farcast_backup_newest_timestamp_seconds") > 0.0)
    });
    assert_eq!(known.await.unwrap().sum("farcast_backup_made_total"), 0.0);
    assert_eq!(names(), made);
}
