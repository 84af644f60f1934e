//! Logging in on the admin page, and what a session may do.

use http::header::SET_COOKIE;

use super::*;

const PASSWORD: &str = "first-stream-key";

/// A browser that logged in.
pub(super) struct Browser {
    pub(super) cookie: String,
    pub(super) csrf: String,
}

fn cookies(reply: &Reply) -> Vec<String> {
    let set = reply.headers().get_all(SET_COOKIE).into_iter();
    set.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body()).unwrap()
}

impl Rig {
    async fn give(&self, password: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask("POST", "login", headers, &json!({ "password": password }).to_string()).await
    }

    pub(super) async fn log_in(&self, password: &str) -> Browser {
        let reply = self.give(password, &[]).await;
        assert_eq!((reply.status(), json(&reply)["loggedIn"].as_bool()), (StatusCode::OK, Some(true)));
        let csrf = json(&reply)["csrfToken"].as_str().unwrap().to_owned();
        Browser { cookie: cookies(&reply)[0].clone(), csrf }
    }
}

impl Browser {
    async fn get(&self, rig: &Rig, path: &str) -> u16 {
        rig.ask("GET", path, &[("cookie", &self.cookie)], "").await.status().as_u16()
    }

    pub(super) async fn post(&self, rig: &Rig, path: &str, body: Value) -> Reply {
        let headers = [("cookie", &*self.cookie), ("x-csrf-token", &self.csrf)];
        rig.ask("POST", path, &headers, &body.to_string()).await
    }
}

#[tokio::test]
async fn a_session_reads_and_with_its_token_changes() {
    let rig = Rig::new().await;
    let reply = rig.give(PASSWORD, &[]).await;
    assert!(reply.status() == 200 && !reply.headers().contains_key("www-authenticate"));
    let names: Vec<_> = cookies(&reply).iter().map(|c| c.split_once('=').unwrap().0.to_owned()).collect();
    assert_eq!(names, ["farcast_session", "farcast_login"]);
    let browser = Browser {
        cookie: cookies(&reply)[0].clone(),
        csrf: json(&reply)["csrfToken"].as_str().unwrap().to_owned(),
    };
    assert_eq!(browser.get(&rig, "status").await, 200);
    let shown = rig.ask("GET", "session", &[("cookie", &browser.cookie)], "").await;
    assert_eq!(json(&shown), json!({ "loggedIn": true, "csrfToken": browser.csrf }));

    let name = json!({ "value": "Ada" });
    let other = rig.log_in(PASSWORD).await;
    for token in [None, Some(""), Some("x"), Some(&*other.csrf)] {
        let mut headers = vec![("cookie", &*browser.cookie)];
        headers.extend(token.map(|token| ("x-csrf-token", token)));
        let reply = rig.ask("POST", "config/name", &headers, &name.to_string()).await;
        assert_eq!(reply.status(), 403, "{token:?}");
        assert!(json(&reply)["message"].as_str().unwrap().contains("X-CSRF-Token"));
        // A GET that acts is no way round it.
        assert_eq!(rig.ask("GET", "disconnect", &headers, "").await.status(), 403, "{token:?}");
        assert_eq!(rig.ask("POST", "logout", &headers, "").await.status(), 403, "{token:?}");
    }
    assert_eq!(browser.post(&rig, "config/name", name.clone()).await.status(), 200);
    // The password with the request is as it was, whatever cookies come along.
    let both = [LOGIN, ("cookie", &*browser.cookie)];
    assert_eq!(rig.ask("POST", "config/name", &both, &name.to_string()).await.status(), 200);
    let wrong = [("authorization", &*guess(1)), ("cookie", &browser.cookie)];
    assert_eq!(rig.ask("GET", "status", &wrong, "").await.status(), 401);
    // A proxy's own login is none of ours.
    let proxy = [("authorization", "Bearer x"), ("cookie", &browser.cookie)];
    assert_eq!(rig.ask("GET", "status", &proxy, "").await.status(), 200);
}

#[tokio::test]
async fn logging_out_ends_one_session_or_all() {
    let rig = Rig::new().await;
    let (one, two, three) =
        (rig.log_in(PASSWORD).await, rig.log_in(PASSWORD).await, rig.log_in(PASSWORD).await);
    let reply = one.post(&rig, "logout", json!(null)).await;
    let set = reply.headers()[SET_COOKIE].to_str().unwrap();
    assert!(reply.status() == 200 && set.starts_with("farcast_session=;") && set.contains("Max-Age=0"));
    assert_eq!((one.get(&rig, "status").await, two.get(&rig, "status").await), (401, 200));
    let shown = rig.ask("GET", "session", &[("cookie", &one.cookie)], "").await;
    assert_eq!(json(&shown), json!({ "loggedIn": false, "csrfToken": "" }));
    assert_eq!(two.post(&rig, "logout/everywhere", json!(null)).await.status(), 200);
    assert_eq!((two.get(&rig, "status").await, three.get(&rig, "status").await), (401, 401));
    // A tool with the password can end them, too.
    let four = rig.log_in(PASSWORD).await;
    assert_eq!(rig.ask("POST", "logout/everywhere", &[LOGIN], "").await.status(), 200);
    assert_eq!(four.get(&rig, "status").await, 401);
    assert_eq!(rig.ask("POST", "logout", &[], "").await.status(), 401);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_but_the_one_that_set_it() {
    let rig = Rig::new().await;
    let (one, two) = (rig.log_in(PASSWORD).await, rig.log_in(PASSWORD).await);
    let new = json!({ "value": "correct horse", "currentPassword": PASSWORD });
    assert_eq!(one.post(&rig, "config/name", json!({ "value": "Ada" })).await.status(), 200);
    assert_eq!(two.get(&rig, "status").await, 200, "that was no password");
    assert_eq!(one.post(&rig, "config/adminpass", new).await.status(), 200);
    assert_eq!((one.get(&rig, "status").await, two.get(&rig, "status").await), (200, 401));
    assert_eq!(rig.give(PASSWORD, &[]).await.status(), 401);
    // The stream key is no password any more.
    let two = rig.log_in("correct horse").await;
    let key = json!({ "value": "another-key", "currentPassword": "correct horse" });
    assert_eq!(one.post(&rig, "config/key", key).await.status(), 200);
    assert_eq!((one.get(&rig, "status").await, two.get(&rig, "status").await), (200, 200));
    // By a tool, or from elsewhere: none is left.
    rig.admin
        .managed
        .credentials
        .set(Which::AdminPassword, farcast_config::Secret::new("third one"))
        .await
        .unwrap();
    assert_eq!((one.get(&rig, "status").await, two.get(&rig, "status").await), (401, 401));
}

#[tokio::test]
async fn a_new_stream_key_that_is_the_password_ends_the_sessions_of_others() {
    let rig = Rig::new().await;
    let (one, two) = (rig.log_in(PASSWORD).await, rig.log_in(PASSWORD).await);
    let key = json!({ "value": "another-key", "currentPassword": PASSWORD });
    assert_eq!(one.post(&rig, "config/key", key).await.status(), 200);
    assert_eq!((one.get(&rig, "status").await, two.get(&rig, "status").await), (200, 401));
}

#[tokio::test]
async fn a_session_alone_changes_neither_the_password_nor_the_stream_key() {
    let rig = Rig::new().await;
    let browser = rig.log_in(PASSWORD).await;
    for (path, current, status) in [
        ("config/adminpass", None, 403),
        ("config/key", None, 403),
        ("config/adminpass", Some(json!(null)), 403),
        ("config/adminpass", Some(json!("")), 403),
        ("config/adminpass", Some(json!("first-stream-kez")), 403),
        ("config/key", Some(json!("first-stream-key ")), 403),
        ("config/adminpass", Some(json!(7)), 400),
        ("config/adminpass", Some(json!([PASSWORD])), 400),
    ] {
        let mut body = json!({ "value": "correct horse" });
        if let Some(current) = &current {
            body["currentPassword"] = current.clone();
        }
        let reply = browser.post(&rig, path, body).await;
        assert_eq!(reply.status().as_u16(), status, "{path}, {current:?}");
        assert_eq!(json(&reply)["success"], false, "{path}, {current:?}");
    }
    assert_eq!(browser.get(&rig, "status").await, 200);
    assert!(rig.log_in(PASSWORD).await.get(&rig, "status").await == 200, "nothing has changed");
    // With the password in the request itself, as tools send it, nothing else is asked.
    let body = json!({ "value": "correct horse", "currentPassword": "no matter" }).to_string();
    assert_eq!(rig.ask("POST", "config/adminpass", &[LOGIN], &body).await.status(), 200);
}

#[tokio::test]
async fn guesses_of_the_password_by_a_session_are_braked_as_others_are() {
    let rig = Rig::new().await;
    let browser = rig.log_in(PASSWORD).await;
    let guess = json!({ "value": "correct horse", "currentPassword": "a guess" });
    let mut judged = 0;
    loop {
        match browser.post(&rig, "config/adminpass", guess.clone()).await.status().as_u16() {
            403 => judged += 1,
            429 => break,
            other => panic!("{other}"),
        }
        assert!(judged < 100, "nothing brakes");
    }
    assert_eq!(browser.get(&rig, "status").await, 200, "a session waits for nobody");
}

#[tokio::test]
async fn a_wrong_password_brings_no_window_and_the_brake_counts_it() {
    let rig = Rig::new().await;
    let page = rig.log_in(PASSWORD).await;
    let reply = rig.give("a guess", &[]).await;
    assert!(reply.status() == 401 && !reply.headers().contains_key("www-authenticate"));
    assert!(!reply.headers().contains_key("set-cookie"));
    // At both listeners together, until nothing more is looked at.
    let mut refused = None;
    for number in 0..500 {
        let guessed = if number % 2 == 0 {
            rig.give(&format!("guess {number}"), &[]).await
        } else {
            rig.ask("GET", "status", &[("authorization", &guess(number))], "").await
        };
        // Whoever is in stays in.
        assert_eq!(page.get(&rig, "status").await, 200);
        if guessed.status() == 429 && number % 2 == 0 {
            refused = Some(guessed);
            break;
        }
        assert!(matches!(guessed.status().as_u16(), 401 | 429), "{number}");
    }
    assert!(refused.expect("guesses are braked").headers().contains_key("retry-after"));
    assert_eq!(page.post(&rig, "config/name", json!({ "value": "Ada" })).await.status(), 200);
}

#[tokio::test]
async fn who_logged_in_before_logs_in_again_while_strangers_guess() {
    let rig = Rig::new().await;
    let before = cookies(&rig.give(PASSWORD, &[]).await).pop().unwrap();
    assert!(before.starts_with("farcast_login="));
    let mut refused = 0;
    for number in 0..60 {
        let guessed = rig.give(&format!("guess {number}"), &[]).await;
        refused += u32::from(guessed.status() == 429);
        let again = rig.give(PASSWORD, &[("cookie", &before)]).await;
        assert_eq!((again.status().as_u16(), cookies(&again).len()), (200, 1), "{number}");
    }
    assert!(refused > 0, "strangers are braked");
}

#[tokio::test]
async fn what_is_no_password_is_refused_and_is_no_guess() {
    let rig = Rig::new().await;
    let long = format!("{{\"password\":\"{}\"}}", "x".repeat(5000));
    for (body, status) in [
        ("", 400),
        ("null", 400),
        ("{}", 400),
        ("[\"first-stream-key\"]", 400),
        ("\"first-stream-key\"", 400),
        ("{\"password\":[\"first-stream-key\"]}", 400),
        ("{\"password\":7}", 400),
        ("{\"password\":\"\u{fffd}", 400),
        (&long, 413),
    ] {
        for _ in 0..3 {
            assert_eq!(rig.ask("POST", "login", &[], body).await.status(), status, "{body:.40}");
        }
    }
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let reply = rig.ask(method, "login", &[LOGIN], "").await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["allow"]),
            (405, &"POST, OPTIONS".parse().unwrap())
        );
    }
    assert_eq!(rig.ask("POST", "session", &[LOGIN], "").await.status(), 405);
    assert_eq!(rig.give(PASSWORD, &[]).await.status(), 200);
}

#[tokio::test]
async fn pages_of_other_sites_cannot_have_their_visitors_guess() {
    let rig = Rig::new().await;
    let host = ("host", "live.example.org");
    let json = ("content-type", "application/json");
    for number in 0..20 {
        let evil = [host, json, ("origin", "https://evil.example")];
        assert_eq!(rig.give(&format!("guess {number}"), &evil).await.status(), 403);
        let same_site = [host, json, ("origin", "http://live.example.org"), ("sec-fetch-site", "same-site")];
        assert_eq!(rig.give(PASSWORD, &same_site).await.status(), 403);
    }
    let own = [host, json, ("origin", "http://live.example.org"), ("sec-fetch-site", "same-origin")];
    assert_eq!(rig.give(PASSWORD, &own).await.status(), 200);
}

#[tokio::test]
async fn a_session_is_good_where_it_began_and_nowhere_else() {
    let (rig, other) = (Rig::new().await, Rig::new().await);
    let browser = rig.log_in(PASSWORD).await;
    assert_eq!(browser.get(&other, "status").await, 401);
    // Next to one of another server that has the same host, it is found.
    let stranger = other.log_in(PASSWORD).await;
    let both = format!("{}; {}", stranger.cookie, browser.cookie);
    assert_eq!(rig.ask("GET", "status", &[("cookie", &both)], "").await.status(), 200);
    // Who asks for it as a page is not asked by a window.
    for (token, challenged) in [(None, true), (Some("x"), false)] {
        let mut headers = vec![("cookie", &*stranger.cookie)];
        headers.extend(token.map(|token| ("x-csrf-token", token)));
        let reply = rig.ask("GET", "status", &headers, "").await;
        assert_eq!(
            (reply.status().as_u16(), reply.headers().contains_key("www-authenticate")),
            (401, challenged)
        );
    }
    // It is no password and no access token.
    let value = browser.cookie.split_once('=').unwrap().1;
    assert_eq!(rig.give(value, &[]).await.status(), 401);
    let bearer = format!("Bearer {value}");
    assert_eq!(rig.ask("GET", "status", &[("authorization", &bearer)], "").await.status(), 401);
}

#[tokio::test]
async fn while_the_store_is_away_no_session_begins_they_go_on_and_who_logs_out_is_out_all_the_same() {
    let rig = Rig::new().await;
    let browser = rig.log_in(PASSWORD).await;
    rig.engine.fail(true);
    assert_eq!(rig.give(PASSWORD, &[]).await.status(), 503);
    assert_eq!(browser.get(&rig, "status").await, 200);
    assert_eq!(browser.post(&rig, "logout", json!(null)).await.status(), 503);
    assert_eq!(browser.get(&rig, "status").await, 401);
}
