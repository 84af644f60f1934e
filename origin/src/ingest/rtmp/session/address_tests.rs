//! Tests of addresses, as encoders cut them and as people paste them.

use proptest::prelude::*;

use super::*;
use crate::ingest::key::{MAX_CANDIDATES, MAX_KEY_BYTES};

/// Every way to cut a path into application and stream name.
fn cuts(path: &str) -> Vec<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let slashes = path.match_indices('/').map(|(at, _)| (&path[..at], &path[at + 1..]));
    slashes.chain([(path, "")]).collect()
}

fn is_ours(application: &str) -> bool {
    Server::read(application, "").is_some()
}

fn key(application: &str, name: &str) -> Option<StreamKey> {
    Server::read(application, "").and_then(|server| server.key(name))
}

/// True if an address means the key.
fn means(application: &str, name: &str, key_text: &str) -> bool {
    key(application, name).is_some_and(|key| key.candidates().any(|candidate| candidate == key_text))
}

#[test]
fn the_key_is_the_whole_rest_wherever_the_path_is_cut() {
    for key_text in
        ["abc", "one/two/three", "one/live/three", "live", "live/a", "a?b=c", "100%", "a%2Fb", "#1", "'q'"]
    {
        let path = format!("/live/{key_text}");
        for (application, name) in cuts(&path) {
            assert!(is_ours(application));
            let key = key(application, name).unwrap();
            assert_eq!(key.reveal(), key_text, "{application} {name}");
        }
    }
}

#[test]
fn a_part_of_the_path_is_not_the_key() {
    for name in ["one/two/three", "one/two?three", "one#three", "one%2Fthree"] {
        assert!(!means("live", name, "three"), "{name}");
    }
    assert_eq!(key("live", "a key"), Some(StreamKey::new("a key")));
}

#[test]
fn paths_of_other_applications_and_without_key_are_not_ours() {
    for (application, name) in [
        ("live", ""),
        ("live/", ""),
        ("", ""),
        ("live?token=x", ""),
        ("live", " "),
        ("live", "/"),
        ("live", "\"\""),
        ("live", "rtmp://h/live/"),
        ("live", "rtmp://h"),
    ] {
        assert_eq!(key(application, name), None, "{application} {name}");
    }
    for application in [
        "streamkey",
        "streamkey/live",
        "before/live",
        "",
        "Live",
        "liver",
        "/",
        "live=x",
        "rtmp://live/KEY",
        "?live",
    ] {
        assert!(!is_ours(application), "{application}");
    }
}

#[test]
fn queries_and_fragments_are_passed_over_in_either_field() {
    for (application, name) in [
        ("live", "KEY?priority=2"),
        ("live", "KEY?a=1&b=2"),
        ("live", "KEY?"),
        ("live", "KEY#top"),
        ("live", "KEY/?x"),
        ("live", "KEY?url=http://x/y"),
        ("live/KEY?url=http:/", "x/y"),
        ("live?token=x", "KEY"),
        ("live?token=x/", "KEY"),
        ("live/?x", "KEY"),
        ("live/?x/", "KEY"),
        ("live#x", "KEY"),
        ("live?token=x", "KEY?priority=2"),
        ("live/?token=x", "KEY?priority=2#y"),
        ("live/KEY?priority=2", ""),
        ("live/KEY/?priority=2", ""),
    ] {
        assert!(means(application, name, "KEY"), "{application} {name}");
    }
    // The query before the key, and both cut anywhere.
    for path in ["live?token=x/one/two", "live/?token=x/one/two", "live#x/one/two"] {
        for (application, name) in cuts(path) {
            assert!(application == "live" || means(application, name, "one/two"), "{application} {name}");
        }
    }
    for name in ["a?b=c?priority=2", "a?b=c&priority=2", "a?b=c?x=1&y=2", "/a?b=c/", " a?b=c\n"] {
        assert!(means("live", name, "a?b=c"), "{name}");
    }
    assert!(means("live", "/a?b=c&d=e/", "a?b=c&d=e"));
    assert!(means("live", "live/a?priority=2", "live/a") && means("live", "live%2Fa?priority=2", "live/a"));
    assert!(means("live/live", "a%2Fb?x", "live/a/b"));
    assert!(means("live", "a%41?priority=2", "a%41"), "a key that looks escaped");
}

#[test]
fn slashes_white_space_and_quotes_around_are_passed_over() {
    for (application, name) in [
        ("live/", "KEY"),
        ("/live//", "KEY"),
        ("live", "/KEY"),
        ("live", "KEY/"),
        ("live/", "//KEY//"),
        ("live", " KEY"),
        ("live", "KEY\r\n"),
        ("live", "\"KEY\""),
        ("live", " 'KEY' "),
        ("live", "\u{201c}KEY\u{201d}"),
        ("live", "\u{feff}KEY\u{200b}"),
        ("live ", "KEY"),
        ("\"live\"", "KEY"),
        ("live", "%20KEY%20"),
        ("live", "%22KEY%22"),
        ("live/KEY/", ""),
        ("live/KEY ", ""),
        ("live/KEY", "/"),
    ] {
        assert!(means(application, name, "KEY"), "{application} {name}");
    }
}

#[test]
fn escapes_are_resolved_in_either_field() {
    for (application, name, key_text) in [
        ("live", "one%2Ftwo", "one/two"),
        ("live", "one%2ftwo?x=%3F", "one/two"),
        ("live/one%2Ftwo", "", "one/two"),
        ("live/one", "t%77o", "one/two"),
        ("live%2Fone", "two", "one/two"),
        ("live", "a%3Fb%3Dc", "a?b=c"),
        ("live", "a%2Fb%zz", "a/b%zz"),
        ("live", "%C3%A4", "ä"),
        ("live", "a%ff", "a%ff"),
    ] {
        assert!(means(application, name, key_text), "{application} {name}");
    }
}

#[test]
fn the_whole_address_may_be_in_the_key_field_and_the_key_in_both() {
    for (application, name) in [
        ("live", "rtmp://h/live/KEY"),
        ("live", "RTMPS://h:443/live/KEY?x"),
        ("live", " \"rtmp://[::1]:1935/live/KEY/\" "),
        ("live", "rtmp%3A%2F%2Fh%2Flive%2FKEY"),
        ("live/rtmp:/", "h/live/KEY"),
        ("live/rtmp://h/live/KEY", ""),
        ("live/live", "KEY"),
        ("live/live?x", "KEY"),
        ("live", "live/KEY"),
        ("live", "/live/KEY?x"),
        ("live/KEY", "KEY"),
        ("live/KEY?x", "KEY/"),
        ("rtmp://h/live", "KEY"),
        ("live/KEY", "rtmp://h/live/KEY"),
        ("live", "mp4:KEY"),
    ] {
        assert!(means(application, name, "KEY"), "{application} {name}");
        let usual = key(application, name).unwrap().candidates().take(3).any(|candidate| candidate == "KEY");
        assert!(usual, "among the first, which may be hashed: {application} {name}");
    }
}

#[test]
fn the_key_is_found_in_the_url_of_the_server_where_the_application_lacks_it() {
    let means = |application: &str, url: &str, name: &str, key_text: &str| {
        let key = Server::read(application, url).and_then(|server| server.key(name));
        key.is_some_and(|key| key.candidates().any(|candidate| candidate == key_text))
    };
    for url in
        ["rtmp://h/live/KEY", "rtmp://h:1935/live/KEY/", "rtmps://h/live/KEY?x=1", "rtmp://h/live/KEY%20"]
    {
        assert!(means("live", url, "", "KEY"), "{url}");
        assert!(means("live/", url, "/", "KEY"), "{url}");
        assert!(means("", url, "", "KEY"), "{url}");
        assert!(means("live", url, "other", "other"), "{url}");
    }
    assert!(means("live", "rtmp://h/live/one", "two", "one/two"));
    assert!(!means("live", "rtmp://h/other/KEY", "", "KEY"));
    assert!(!means("other", "rtmp://h/live/KEY", "", "KEY"));
    assert!(Server::read("", "rtmp://h/other").is_none());
    assert!(!means("live", &format!("rtmp://h/live/KEY?{}", "x".repeat(MAX_SERVER_BYTES)), "", "KEY"));
}

#[test]
fn an_encoder_may_name_its_stream_otherwise_when_it_stops() {
    let server = Server::read("live/one?x", "").unwrap();
    for same in ["two", "two?priority=2", "/two/", "two%20", "rtmp://h/live/two", "mp4:two"] {
        assert!(server.is_same(same, "two") && server.is_same("two", same), "{same}");
    }
    for other in ["one", "Two", "two/three", "t", &"two?".repeat(MAX_NAME_BYTES)] {
        assert!(!server.is_same(other, "two"), "{other}");
    }
}

#[test]
fn long_addresses_are_bounded() {
    let long = "x".repeat(MAX_KEY_BYTES + 1);
    assert_eq!(key("live", &long), None);
    assert!(means("live", &format!("KEY?{long}"), "KEY"));
    assert_eq!(key("live", &format!("KEY?{}", "x".repeat(MAX_NAME_BYTES))), None);
    assert!(!is_ours(&format!("live/{}", "x".repeat(MAX_SERVER_BYTES))));
}

#[test]
fn keys_are_not_printed() {
    let server = Server::read("live/secret", "rtmp://h/live/secret").unwrap();
    assert!(!format!("{server:?}{:?}", server.key("secret?x")).contains("secret"));
}

proptest! {
    #[test]
    fn any_address_means_few_keys_and_the_text_itself_first(application in "live[ -~ä\u{201c}]{0,30}", url in "rtmp://h/live[ -~]{0,30}", name in "[ -~ä\u{201c}]{0,40}") {
        let Some(key) = Server::read(&application, &url).and_then(|server| server.key(&name)) else { return Ok(()) };
        let candidates: Vec<_> = key.candidates().collect();
        prop_assert!((1..=MAX_CANDIDATES).contains(&candidates.len()));
        prop_assert!(candidates.iter().all(|candidate| !candidate.is_empty()));
        prop_assert!(candidates[0].ends_with(&name) || name.is_empty());
    }

    #[test]
    fn whatever_is_pasted_around_a_usual_key_it_is_meant(
        key in "[A-Za-z0-9_-]{1,20}(/[A-Za-z0-9_-]{1,10})?",
        before in "[ \"'/]{0,3}|rtmp://h:1935/live/|live/",
        after in "[ \"'/]{0,3}(\\?[a-z0-9=&/?]{0,12})?(#[a-z]{0,5})?[ \"'\r\n]{0,2}",
        application in "live|live/|/live//|live\\?token=x|live/\\?x=y|live ",
    ) {
        // A query that ends in a quote or so is cut off with it.
        let name = format!("{before}{key}{after}");
        let meant = Server::read(&application, "").unwrap().key(&name).unwrap();
        // Before a key is known, only the first three are hashed (`credentials`).
        prop_assert!(meant.candidates().take(3).any(|candidate| candidate == key), "{} {}", application, name);
    }
}
