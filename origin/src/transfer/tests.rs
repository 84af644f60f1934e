//! Whole imports: from databases of three ages of Owncast, and from documents, into a store.

use std::path::Path;

use farcast_chat::user::token_hash;
use farcast_chat::{Chat, List};
use farcast_settings::OperatorSettings;
use farcast_store::Store;
use farcast_store::memory::Memory;
use proptest::prelude::*;
use serde_json::json;

use super::document::{self, Credential, Document, DocumentError};
use super::owncast::{self, DatabaseError, Read};
use super::plan::{Group, Plan, Verdict};
use super::serve::{Options, Transfers};
use crate::credentials::moved::{Given, Moved};
use crate::{tokens, webhooks};

const AGES: [(&str, &str); 3] = [
    ("0.0.10", include_str!("../../tests/owncast/0.0.10.sql")),
    ("0.1.3", include_str!("../../tests/owncast/0.1.3.sql")),
    ("0.2.3", include_str!("../../tests/owncast/0.2.3.sql")),
];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";
const OVERWRITE: Options = Options { dry_run: false, overwrite: true };

/// A data folder as that version of Owncast leaves one.
fn data_folder(sql: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sql = sql.replace("{{HOOK}}", "https://hooks.example.org/radio");
    rusqlite::Connection::open(folder.path().join("owncast.db")).unwrap().execute_batch(&sql).unwrap();
    std::fs::write(folder.path().join("logo.png"), PNG).unwrap();
    std::fs::create_dir_all(folder.path().join("emoji/set")).unwrap();
    for file in ["beer.png", "set/wine.png", "set/beer.png", "set/notes.txt", ".hidden.png"] {
        std::fs::write(folder.path().join("emoji").join(file), PNG).unwrap();
    }
    folder
}

fn read(folder: &Path) -> Read {
    owncast::read(folder).unwrap()
}

async fn import(store: &Store, document: &Document, options: Options) -> Plan {
    Transfers::of(store.clone()).take_over(document, options).await.unwrap()
}

fn verdict<'p>(plan: &'p Plan, what: &str) -> &'p Verdict {
    let found = plan.lines.iter().find(|line| line.what == what);
    &found.unwrap_or_else(|| panic!("{what} is not in\n{}", plan.text(true))).verdict
}

fn token(name: &str) -> String {
    format!("{:0<43}=", format!("{name}-token-"))
}

#[tokio::test]
async fn a_server_of_each_age_comes_whole_and_a_second_time_changes_nothing() {
    for (age, sql) in AGES {
        let folder = data_folder(sql);
        let read = read(folder.path());
        let (store, engine) = Memory::store();
        let planned = import(&store, &read.document, Options { dry_run: true, overwrite: false }).await;
        assert_eq!(engine.commits(), 0, "{age}: a dry run writes nothing");
        let done = import(&store, &read.document, Options::default()).await;
        assert_eq!(planned.lines, done.lines, "{age}");

        let set = farcast_settings::load(&store).await.unwrap();
        settings_are_those_of(age, &set);
        let chat = Chat::new(store.clone());
        let ada = chat.whose(&token("ada")).await.unwrap().unwrap().record.user;
        assert_eq!((ada.id.as_str(), ada.display_name.as_str()), ("ada", "Ada"), "{age}");
        assert_eq!(ada.previous_names, ["quick-fox", "Ada"], "{age}");
        // A hue of 0.0.10, and the fifth of eight colours later.
        assert_eq!(
            (ada.display_color, ada.is_moderator),
            if age == "0.0.10" { (200, false) } else { (180, true) }
        );
        let phone = chat.whose(&token("ada-phone")).await.unwrap().map(|account| account.record.user.id);
        assert_eq!(phone.as_deref(), Some("ada").filter(|_| age != "0.0.10"), "{age}");
        assert!(chat.whose(&token("nobody")).await.unwrap().is_none());
        let spammer = chat.whose(&token("spammer")).await.unwrap().unwrap().record.user;
        assert!(spammer.disabled_at.is_some(), "{age}");
        assert_eq!(chat.listed(List::Disabled).await.unwrap().len(), 1, "{age}");
        assert_eq!(
            chat.listed(List::Moderators).await.unwrap().len(),
            usize::from(ada.is_moderator),
            "{age}"
        );

        let bot = tokens::find(&store, &token("bot")).await.unwrap();
        let bots = tokens::all(&store).await.unwrap();
        let bot = bot.unwrap().token().clone();
        assert_eq!((bot.id.as_str(), bot.name.as_str(), bot.begins.as_str()), ("bot", "Radio bot", "bot-to"));
        assert_eq!(
            (bot.scopes.len(), bots.len()),
            (2, 1),
            "{age}: what is no scope, and who was deleted, stays there"
        );
        assert_eq!(set.reserved_usernames, ["Radio bot"]);
        let hooks = webhooks::all(&store).await.unwrap();
        assert_eq!(hooks.len(), 1, "{age}");
        assert_eq!(hooks[0].webhook.url, "https://hooks.example.org/radio");
        assert!(hooks[0].cursor.is_none(), "it is told nothing of before");
        let bans: Vec<_> = set.chat_bans.iter().map(|ban| ban.address.to_string()).collect();
        assert_eq!(bans, if age == "0.0.10" { vec![] } else { vec!["203.0.113.7"] });
        said_in(age, &store).await;

        let commits = engine.commits();
        let again = import(&store, &read.document, Options::default()).await;
        assert!(again.changes_nothing() && again.batches.is_empty(), "{age}:\n{}", again.text(true));
        let again = import(&store, &read.document, OVERWRITE).await;
        assert!(again.changes_nothing(), "{age}:\n{}", again.text(true));
        assert_eq!(engine.commits(), commits, "{age}");
        let text = done.text(true);
        for secret in ["owncast-key", "owncast-password", "S3-SECRET", "token-0"] {
            assert!(!text.contains(secret), "{age}: {text}");
        }
    }
}

fn settings_are_those_of(age: &str, set: &OperatorSettings) {
    assert_eq!(set.name, format!("Ada's workshop {age}"));
    assert!(set.page_content.contains("<strong>HTML</strong>") && set.custom_styles.contains("teal"));
    assert_eq!((&set.tags[..], set.latency_level), (&["radio".to_owned(), "repair".to_owned()][..], Some(1)));
    // The other one's address runs a script.
    assert_eq!(set.social_handles.len(), 1);
    assert_eq!(set.external_actions[0].title, "Donate");
    let variants = set.variants.as_ref().unwrap();
    assert_eq!((variants.len(), variants[0].scaled_height, variants[0].cpu_usage_level), (2, 360, 1));
    assert!(variants[1].video_passthrough);
    assert_eq!(set.forbidden_usernames, ["spam", "operator"]);
    assert_eq!(set.server_url, "https://live.example.org");
    assert_eq!(set.logo.as_ref().unwrap().file, "logo.png");
    assert_eq!((set.web_server_port, set.s3.enabled), (None, false), "those of the machine stay with it");
    if age == "0.1.3" {
        assert!(set.hide_viewer_count && set.chat_established_users && !set.chat_join_messages);
        let variables: Vec<_> = set.appearance_variables.keys().collect();
        assert_eq!(variables, ["theme-color-action"]);
        assert_eq!(set.offline_message, "Back on Friday");
    }
}

async fn said_in(age: &str, store: &Store) {
    let (history, _) = farcast_chat::History::load(store, 100).await.unwrap();
    let mut said: Vec<_> = history.newest_first().map(|seen| seen.entry.clone()).collect();
    said.reverse();
    let ids: Vec<_> = said.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["m-one", "m-two"], "{age}");
    let farcast_chat::Event::Message { body, user, .. } = &said[0].event else { panic!("{:?}", said[0]) };
    assert_eq!((body.as_str(), user.display_name.as_str()), ("hello <em>there</em>", "Ada"), "{age}");
}

#[tokio::test]
async fn keys_and_passwords_come_where_their_form_allows() {
    for (age, sql) in AGES {
        let folder = data_folder(sql);
        let (store, _) = Memory::store();
        let Read { document, left_out, .. } = read(folder.path());
        import(&store, &document, Options::default()).await;
        let moved = Moved::load(&store).await.unwrap();
        let is = |text: &str| Given::Plain(farcast_config::Secret::new(text));
        let (key, password) = match age {
            "0.0.10" => ("owncast-key-of-0.0.10", "owncast-key-of-0.0.10"),
            "0.1.3" => ("owncast-key-of-0.1", "owncast-password-of-0.1"),
            // Of the password there was a hash only: as at a first start, it is the key.
            _ => ("owncast-key-of-0.2", "owncast-key-of-0.2"),
        };
        assert!(moved.has_key(&is(key)).await && moved.has_password(&is(password)).await, "{age}");
        assert!(!moved.has_key(&is("abc123")).await, "it is too short");
        let kept_hash = left_out.lines.iter().any(|line| line.what == "admin password");
        assert_eq!(kept_hash, age == "0.2.3");
        // An origin that was started has keys, which stay.
        let (used, _) = Memory::store();
        let metrics = crate::credentials::Metrics::new(&prometheus::Registry::new()).unwrap();
        let own = farcast_config::Secret::new("a key of its own");
        crate::credentials::Credentials::load_or_create(used.clone(), Some(&own), metrics).await.unwrap();
        let plan = import(&used, &document, Options::default()).await;
        assert!(matches!(verdict(&plan, "stream keys"), Verdict::Kept(_)), "{age}");
        assert!(Moved::load(&used).await.unwrap().has_key(&is("a key of its own")).await);
        import(&used, &document, OVERWRITE).await;
        assert!(Moved::load(&used).await.unwrap().has_key(&is(key)).await, "{age}");
    }
}

#[tokio::test]
async fn what_an_admin_has_set_stays_unless_it_is_to_be_overwritten() {
    let folder = data_folder(AGES[1].1);
    let document = read(folder.path()).document;
    let (store, _) = Memory::store();
    let set = |name: &str, value: serde_json::Value| {
        let mut own = Document::new("an admin".to_owned());
        own.settings.insert(name.to_owned(), value);
        own
    };
    import(&store, &set("name", json!("Bob's garage")), Options::default()).await;
    let plan = import(&store, &document, Options::default()).await;
    let Verdict::Kept(why) = verdict(&plan, "name") else { panic!("{plan:?}") };
    assert!(why.contains("Bob's garage") && why.contains("Ada's workshop"), "{why}");
    assert_eq!(farcast_settings::load(&store).await.unwrap().name, "Bob's garage");
    assert!(plan.text(false).contains("--overwrite replaces"), "{}", plan.text(false));
    // A moderator who is none any more stays so.
    let chat = Chat::new(store.clone());
    chat.set_moderator("ada", false, farcast_feed::time::WallTime::now()).await.unwrap();
    let plan = import(&store, &document, Options::default()).await;
    assert!(matches!(verdict(&plan, "\"Ada\" (ada)"), Verdict::Kept(_)));
    import(&store, &document, OVERWRITE).await;
    assert_eq!(farcast_settings::load(&store).await.unwrap().name, "Ada's workshop 0.1.3");
    assert!(chat.account("ada").await.unwrap().unwrap().record.user.is_moderator);
    assert_eq!(chat.listed(List::Moderators).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_said_with_its_reason() {
    let folder = data_folder(AGES[1].1);
    let Read { document, left_out, emoji } = read(folder.path());
    let (store, _) = Memory::store();
    let mut plan = import(&store, &document, Options { dry_run: true, overwrite: false }).await;
    plan.lines.extend(left_out.lines);
    let text = plan.text(false);
    for line in [
        "skip socialHandles, {\"platform\":\"matrix\",\"url\":\"javascript:alert(1)\"}: this is no http or https URL",
        "skip stream key 2 \"old\": a stream key has 8 to 128 characters",
        "skip 127.0.0.1: this machine cannot be banned from itself",
        "skip no address: Invalid IP address",
        "skip ftp://example.org/: this is no http or https URL",
        "skip custom_javascript: pages run no scripts but their own",
        "skip federation_enabled: there is no federation",
        "skip 1 follower: there is no federation",
        "skip 1 login by IndieAuth",
        "skip s3_storage_config: edges serve the media",
        "skip 1 user: they have no token",
        "skip beer.png: another folder has a picture of this name",
        "will set name: \"Farcast\" → \"Ada's workshop 0.1.3\"",
        "will set \"Ada\" (ada): comes, is a moderator",
        "will set https://hooks.example.org/radio: gets CHAT, USER_PARTED, without signatures",
        "without FEDIVERSE_ENGAGEMENT_FOLLOW, of which there are none here",
        "Nothing has been changed.",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let pictures: Vec<_> = emoji.iter().map(|picture| picture.file.as_str()).collect();
    assert_eq!(pictures, ["beer.png", "notes.txt", "wine.png"]);
}

#[tokio::test]
async fn what_is_exported_with_secrets_makes_the_same_server_elsewhere() {
    let folder = data_folder(AGES[1].1);
    let (store, _) = Memory::store();
    import(&store, &read(folder.path()).document, Options::default()).await;
    let text = Transfers::of(store.clone()).export(true).await.unwrap();
    let (other, _) = Memory::store();
    let done = Transfers::of(other.clone()).import(text.as_bytes(), Options::default()).await.unwrap();
    assert!(!done.contains("Skipped"), "{done}");
    assert_eq!(Transfers::of(other.clone()).export(true).await.unwrap(), text);
    let chat = Chat::new(other.clone());
    assert_eq!(chat.whose(&token("ada-phone")).await.unwrap().unwrap().record.user.id, "ada");
    assert!(tokens::find(&other, &token("bot")).await.unwrap().is_some());
    // It does not change while nothing does.
    assert_eq!(Transfers::of(store).export(true).await.unwrap(), text);
}

#[tokio::test]
async fn without_secrets_there_are_none_in_a_document_and_what_needs_them_is_skipped() {
    let folder = data_folder(AGES[1].1);
    let (store, _) = Memory::store();
    let document = read(folder.path()).document;
    import(&store, &document, Options::default()).await;
    let text = Transfers::of(store.clone()).export(false).await.unwrap();
    for secret in ["$argon2", "whsec_", &token_hash(&token("ada")), &token_hash(&token("bot")), "S3-SECRET"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
    let exported = document::read(text.as_bytes()).unwrap();
    assert!(exported.stream_keys.iter().all(|key| key.key == Credential::Redacted));
    let (other, _) = Memory::store();
    let plan = import(&other, &exported, Options::default()).await;
    assert!(
        matches!(verdict(&plan, "\"Radio bot\""), Verdict::Skipped(why) if why.contains("--with-secrets"))
    );
    assert!(matches!(verdict(&plan, "\"Ada\" (ada)"), Verdict::Skipped(_)));
    assert_eq!(farcast_settings::load(&other).await.unwrap().name, "Ada's workshop 0.1.3");
    // Where it came from, all of it is there.
    let plan = import(&store, &exported, Options::default()).await;
    assert!(plan.changes_nothing(), "{}", plan.text(false));
    assert_eq!(verdict(&plan, "\"Radio bot\""), &Verdict::Same);
}

#[tokio::test]
async fn an_import_that_broke_off_goes_on_with_what_is_missing() {
    let folder = data_folder(AGES[2].1);
    let document = read(folder.path()).document;
    let (whole, _) = Memory::store();
    let all = import(&whole, &document, Options::default()).await;
    for applied in 0..all.batches.len() {
        let (store, _) = Memory::store();
        let plan = import(&store, &document, Options { dry_run: true, overwrite: false }).await;
        for batch in &plan.batches[..applied] {
            store.commit(batch.clone()).await.unwrap();
        }
        import(&store, &document, Options::default()).await;
        let again = import(&store, &document, Options::default()).await;
        assert!(again.changes_nothing(), "after {applied} batches:\n{}", again.text(false));
        assert!(tokens::find(&store, &token("bot")).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn lines_are_moved_into_an_untouched_chat_of_a_stopped_origin_only() {
    let folder = data_folder(AGES[1].1);
    let document = read(folder.path()).document;
    let (store, _) = Memory::store();
    Chat::new(store.clone())
        .tell(&[farcast_chat::Entry::new(
            farcast_feed::time::WallTime::now(),
            farcast_chat::Event::Message {
                user: farcast_chat::User::new("Eve".to_owned(), farcast_feed::time::WallTime::now()),
                client: None,
                body: "first".to_owned(),
                raw: "first".to_owned(),
            },
        )])
        .await
        .unwrap();
    let plan = import(&store, &document, Options::default()).await;
    assert!(matches!(verdict(&plan, "2 lines"), Verdict::Skipped(why) if why.contains("already")));
    let old = plan.lines.iter().filter(|line| line.group == Group::History && line.what == "1 line");
    assert!(old.count() >= 1, "{}", plan.text(true));
}

#[test]
fn a_document_of_another_form_is_refused_with_its_reason() {
    let refused = |text: &str| document::read(text.as_bytes()).unwrap_err();
    assert!(matches!(refused("{}"), DocumentError::Foreign(_)));
    assert!(matches!(refused(r#"{"format":"other","version":1}"#), DocumentError::Foreign(_)));
    assert!(matches!(refused(r#"{"format":"farcast settings","version":2}"#), DocumentError::Newer(2)));
    let unknown = refused(r#"{"format":"farcast settings","version":1,"colour":1}"#).to_string();
    assert!(unknown.contains("colour"), "{unknown}");
    let time = r#"{"format":"farcast settings","version":1,"bans":[{"address":"a","createdAt":"noon"}]}"#;
    assert!(refused(time).to_string().contains("\"noon\" is no time"));
    document::read(br#"{"format":"farcast settings","version":1}"#).unwrap();
}

#[test]
fn what_is_no_database_or_a_damaged_one_is_refused_and_the_original_is_left_alone() {
    let folder = data_folder(AGES[1].1);
    let file = folder.path().join("owncast.db");
    let whole = std::fs::read(&file).unwrap();
    read(&file);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!((files, std::fs::read(&file).unwrap() == whole), (3, true), "nothing is written beside it");
    let refused = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        owncast::read(&file).map(drop).unwrap_err()
    };
    assert!(matches!(
        refused(b"farcast backup 1\n and so on"),
        DatabaseError::Sql(_) | DatabaseError::Damaged(_)
    ));
    assert!(matches!(refused(b""), DatabaseError::Foreign(_)));
    let half = refused(&whole[..whole.len() / 2]);
    assert!(matches!(half, DatabaseError::Damaged(_)), "{half}");
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(owncast::read(folder.path()).map(drop).unwrap_err(), DatabaseError::File { .. }));
}

#[test]
fn a_schema_that_means_ill_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("owncast.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database
        .execute_batch(
            "CREATE TABLE datastore (key TEXT, value BLOB);
             CREATE VIEW users AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
               SELECT i AS id, 'x' AS display_name, 1 AS display_color FROM n;
             CREATE TABLE webhooks (url TEXT, events TEXT);
             INSERT INTO webhooks VALUES (zeroblob(3000000), 'CHAT'), (NULL, NULL), (7, 7.5);
             CREATE TABLE messages (id TEXT);",
        )
        .unwrap();
    drop(database);
    let read = read(&file);
    assert!(read.document.users.is_empty() && read.document.messages.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_change_of_a_databases_bytes_makes_it_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            std::fs::read(data_folder(AGES[1].1).path().join("owncast.db")).unwrap()
        });
        let mut bytes = WHOLE.clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("owncast.db"), bytes).unwrap();
        let _ = owncast::read(folder.path());
    }

    #[test]
    fn no_text_makes_reading_a_document_panic(text in "\\PC{0,200}") {
        let _ = document::read(text.as_bytes());
    }
}
