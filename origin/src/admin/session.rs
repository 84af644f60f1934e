//! Sessions of the admin page: after one login with the password, a cookie authenticates.
//!
//! Place in the flow: [`super::entry`] begins and ends them; every request of the admin API is looked up here. They are a
//! record in the private part of the store, so they outlive the origin and hold at whichever origin has the channel, and
//! memory has a copy, so a request costs no read. The store has hashes of the tokens only. A session is bound to the password
//! of its time: when that changes, all end at once, and only the one that changed it is bound anew.
//!
//! Nothing is written at a request but once an hour, so the end of an idle session is an hour inexact.
//!
//! Standards: RFC 6265bis (cookies), RFC 2104 (HMAC).

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farcast_api::login::{CSRF_TOKEN, SECURE_SESSION_COOKIE, SESSION_COOKIE, cookies, is_secure};
use farcast_feed::time::WallTime;
use farcast_store::wire::PRIVATE;
use farcast_store::{Key, Record, Store, StoreError, Tuple, TypedKey};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// Longest life of a session.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest time without a request after which a session ends.
const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Interval at which a session's use is noted in the store.
const NOTED_AFTER: Duration = Duration::from_secs(3600);
/// Most sessions: a few people with a few devices. The one that was used longest ago makes room.
const MAX_SESSIONS: usize = 32;

/// A session's token: 256 random bits, held by the browser. Shown to nobody else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Token([u8; 32]);

/// Sessions as the store keeps them. Sans-IO.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct List {
    sessions: Vec<Kept>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// Hash of its token.
    hash: String,
    /// Identifies the password with which it began.
    password: String,
    made_at_s: u64,
    seen_at_s: u64,
}

/// All sessions, as they are in force.
pub struct Sessions {
    store: Store,
    list: Mutex<List>,
    /// Hashes of those that were ended here and may still be in the store, since it did not answer.
    ended: Mutex<HashSet<String>>,
    /// One change at a time, so that memory and store agree on which was the last.
    changing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(…)")
    }
}

impl Record for List {
    const VERSION: u8 = 1;
}

/// The store's key of the sessions.
#[must_use]
pub fn sessions_key() -> Key {
    key().key().clone()
}

fn key() -> TypedKey<List> {
    TypedKey::new(Tuple::new().text(PRIVATE).text("admin_sessions").key())
}

impl Token {
    fn new() -> Self {
        Self(rand::random())
    }

    /// The well-formed session tokens in a request's cookies.
    fn all(headers: &HeaderMap) -> impl Iterator<Item = Self> {
        [SECURE_SESSION_COOKIE, SESSION_COOKIE]
            .into_iter()
            .flat_map(|name| cookies(headers, name))
            .filter_map(|value| Some(Self(URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()?)))
    }

    fn hash(&self) -> String {
        let hash = Sha256::new().chain_update(b"farcast session 1").chain_update(self.0).finalize();
        URL_SAFE_NO_PAD.encode(hash)
    }

    /// The CSRF token, which requests that change something show beside the cookie. It reveals nothing of the session
    /// token.
    pub(super) fn csrf(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"farcast csrf 1"))
    }

    /// True if a request shows the CSRF token; compared in constant time.
    pub(super) fn is_confirmed(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(&CSRF_TOKEN).map(HeaderValue::as_bytes).unwrap_or_default();
        shown.ct_eq(self.csrf().as_bytes()).into()
    }

    /// The session cookie: the value of `Set-Cookie` in the answer to a request.
    pub(super) fn set(&self, request: &HeaderMap) -> Option<HeaderValue> {
        cookie(is_secure(request), &URL_SAFE_NO_PAD.encode(self.0), LIFETIME)
    }
}

/// The values of `Set-Cookie` that delete a request's session cookies.
pub(super) fn forget(request: &HeaderMap) -> impl Iterator<Item = HeaderValue> {
    [(true, SECURE_SESSION_COOKIE), (false, SESSION_COOKIE)]
        .into_iter()
        .filter(|(_, name)| cookies(request, name).next().is_some())
        .filter_map(|(is_secure, _)| cookie(is_secure, "", Duration::ZERO))
}

fn cookie(is_secure: bool, value: &str, lasts: Duration) -> Option<HeaderValue> {
    let (name, secure) = if is_secure { (SECURE_SESSION_COOKIE, "; Secure") } else { (SESSION_COOKIE, "") };
    let seconds = lasts.as_secs();
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut cookie = HeaderValue::try_from(text).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

fn seconds(now: WallTime) -> u64 {
    now.since(WallTime(0)).as_secs()
}

impl Kept {
    /// One of the future is new: clocks are set back.
    fn is_over(&self, now_s: u64) -> bool {
        now_s.saturating_sub(self.made_at_s) >= LIFETIME.as_secs()
            || now_s.saturating_sub(self.seen_at_s) >= IDLE.as_secs()
    }
}

impl List {
    /// The one of a token, if it goes on. All are compared, whole, whichever it is.
    fn find(&self, token: &Token, password: &str, now_s: u64) -> Option<&Kept> {
        let hash = token.hash();
        let is_it = |kept: &Kept| bool::from(kept.hash.as_bytes().ct_eq(hash.as_bytes()));
        let found =
            self.sessions.iter().fold(None, |found, kept| if is_it(kept) { Some(kept) } else { found });
        found.filter(|kept| kept.password == password && !kept.is_over(now_s))
    }

    /// Adds one, and forgets those that are over, of another password, or too many.
    fn begin(&mut self, token: &Token, password: &str, now_s: u64) {
        self.sessions.retain(|kept| kept.password == password && !kept.is_over(now_s));
        self.sessions.sort_by_key(|kept| kept.seen_at_s);
        let beyond = (self.sessions.len() + 1).saturating_sub(MAX_SESSIONS);
        self.sessions.drain(..beyond);
        let (hash, password) = (token.hash(), password.to_owned());
        self.sessions.push(Kept { hash, password, made_at_s: now_s, seen_at_s: now_s });
    }

    fn end(&mut self, tokens: &[Token]) {
        let hashes: Vec<_> = tokens.iter().map(Token::hash).collect();
        self.sessions.retain(|kept| !hashes.contains(&kept.hash));
    }

    /// Keeps one, which `password` is of from now on, and ends all others.
    fn keep_only(&mut self, token: Option<&Token>, password: &str) {
        let hash = token.map(Token::hash);
        self.sessions.retain(|kept| Some(&kept.hash) == hash.as_ref());
        for kept in &mut self.sessions {
            password.clone_into(&mut kept.password);
        }
    }

    fn note(&mut self, token: &Token, now_s: u64) {
        let hash = token.hash();
        for kept in self.sessions.iter_mut().filter(|kept| kept.hash == hash) {
            kept.seen_at_s = now_s;
        }
    }
}

impl Sessions {
    /// Reads the sessions.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(store: Store) -> Result<Self, StoreError> {
        let list = store.load(&key()).await?.map(|stored| stored.record).unwrap_or_default();
        Ok(Self {
            store,
            list: Mutex::new(list),
            ended: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// The session that a request is of, with `password` as that is now. Its use is noted now and then; where the store
    /// fails, the next time. Cancel safe.
    pub(super) async fn of(
        self: &Arc<Self>,
        headers: &HeaderMap,
        password: &str,
        now: WallTime,
    ) -> Option<Token> {
        let now_s = seconds(now);
        let (token, seen_at_s) = Token::all(headers).find_map(|token| {
            let list = self.lock();
            list.find(&token, password, now_s).map(|kept| (token, kept.seen_at_s))
        })?;
        if now_s.saturating_sub(seen_at_s) >= NOTED_AFTER.as_secs() {
            // In memory first: while the store is away, no request waits for it twice.
            self.lock().note(&token, now_s);
            if let Err(error) = self.change(move |list| list.note(&token, now_s)).await {
                tracing::debug!(%error, "the use of an admin session was not noted");
            }
        }
        Some(token)
    }

    /// True if a session that was valid still is. Its use is not noted: an open event stream does not count as use.
    pub(super) fn goes_on(&self, token: &Token, password: &str, now: WallTime) -> bool {
        self.lock().find(token, password, seconds(now)).is_some()
    }

    /// Begins one, in place of those that the request carries. What becomes of it when the future is dropped is as with
    /// [`Self::end`].
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn begin(
        self: &Arc<Self>,
        headers: &HeaderMap,
        password: String,
        now: WallTime,
    ) -> Result<Token, StoreError> {
        let (before, token): (Vec<_>, _) = (Token::all(headers).collect(), Token::new());
        self.change(move |list| {
            list.end(&before);
            list.begin(&token, &password, seconds(now));
        })
        .await?;
        Ok(token)
    }

    /// Ends those that a request carries, durably. When the future is dropped the change goes on: it is not torn between
    /// store and memory.
    ///
    /// # Errors
    /// When the store fails: they have ended here all the same, and end in the store with the next change; a restart before
    /// it brings them back.
    pub(super) async fn end(self: &Arc<Self>, headers: &HeaderMap) -> Result<(), StoreError> {
        let tokens: Vec<_> = Token::all(headers).collect();
        self.end_here(tokens.iter().map(Token::hash));
        self.change(move |list| list.end(&tokens)).await
    }

    /// The sessions are invalid from now on, even if the store fails.
    fn end_here(&self, hashes: impl Iterator<Item = String>) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = self.lock();
        // Those only that there are: others would be kept for ever while the store is away.
        ended.extend(hashes.filter(|hash| list.sessions.iter().any(|kept| kept.hash == *hash)));
        list.sessions.retain(|kept| !ended.contains(&kept.hash));
    }

    /// Ends all but one, which is bound to `password` from now on; as [`Self::end`].
    ///
    /// # Errors
    /// The errors of [`Self::end`].
    pub(super) async fn keep_only(
        self: &Arc<Self>,
        token: Option<Token>,
        password: String,
    ) -> Result<(), StoreError> {
        let own = token.as_ref().map(Token::hash);
        let all = self.lock().clone();
        let others = all.sessions.into_iter().map(|kept| kept.hash).filter(|hash| Some(hash) != own.as_ref());
        self.end_here(others);
        self.change(move |list| list.keep_only(token.as_ref(), &password)).await
    }

    async fn change(
        self: &Arc<Self>,
        mut change: impl FnMut(&mut List) + Send + 'static,
    ) -> Result<(), StoreError> {
        let own = Arc::clone(self);
        let changed = tokio::spawn(async move {
            let _turn = own.changing.lock().await;
            let ended = own.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let change = |list: &mut List| {
                change(list);
                list.sessions.retain(|kept| !ended.contains(&kept.hash));
                Ok::<_, StoreError>(())
            };
            let now = own.store.update(&key(), change, |batch| batch).await?;
            // Those that were ended meanwhile are of the next change.
            let mut still = own.ended.lock().unwrap_or_else(PoisonError::into_inner);
            still.retain(|hash| !ended.contains(hash));
            *own.lock() = now;
            own.lock().sessions.retain(|kept| !still.contains(&kept.hash));
            Ok(())
        });
        changed.await.unwrap_or_else(|_| Err(StoreError::Unknown("the change was given up".to_owned())))
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use farcast_api::login::set_secure;
    use farcast_store::memory::Memory;
    use http::header::COOKIE;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn at(seconds: u64) -> WallTime {
        WallTime(seconds * 1_000_000)
    }

    fn request(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|text| (COOKIE, HeaderValue::from_str(text).unwrap())).collect()
    }

    /// The request that a browser sends after this answer.
    fn carrying(token: &Token) -> HeaderMap {
        let set = token.set(&HeaderMap::new()).unwrap();
        request(&[set.to_str().unwrap().split(';').next().unwrap()])
    }

    async fn sessions() -> (Store, Arc<Sessions>) {
        let (store, _) = Memory::store();
        let sessions = Arc::new(Sessions::load(store.clone()).await.unwrap());
        (store, sessions)
    }

    #[test]
    fn a_session_ends_by_age_and_by_idleness() {
        let (mut list, token) = (List::default(), Token::new());
        let goes_on = |list: &List, at_s| list.find(&token, "p", at_s).is_some();
        list.begin(&token, "p", NOW_S);
        assert!(goes_on(&list, NOW_S + IDLE.as_secs() - 1) && !goes_on(&list, NOW_S + IDLE.as_secs()));
        assert!(goes_on(&list, NOW_S - 3600), "a clock was set back");
        let mut used_s = NOW_S;
        while used_s + 3600 < NOW_S + LIFETIME.as_secs() {
            used_s += 3600;
            assert!(goes_on(&list, used_s));
            list.note(&token, used_s);
        }
        assert!(!goes_on(&list, NOW_S + LIFETIME.as_secs()));
    }

    #[test]
    fn it_is_of_one_password_and_of_one_token() {
        let (mut list, token) = (List::default(), Token::new());
        list.begin(&token, "p", NOW_S);
        assert!(list.find(&token, "q", NOW_S).is_none());
        for index in 0..32 {
            let mut forged = token;
            forged.0[index] ^= 1;
            assert!(list.find(&forged, "p", NOW_S).is_none(), "byte {index}");
        }
        list.keep_only(Some(&token), "q");
        assert!(list.find(&token, "p", NOW_S).is_none() && list.find(&token, "q", NOW_S).is_some());
    }

    #[test]
    fn the_one_that_was_used_longest_ago_makes_room() {
        let mut list = List::default();
        let tokens: Vec<_> = (0..MAX_SESSIONS).map(|_| Token::new()).collect();
        for (token, at_s) in tokens.iter().zip(NOW_S..) {
            list.begin(token, "p", at_s);
        }
        list.note(&tokens[0], NOW_S + 100);
        list.begin(&Token::new(), "p", NOW_S + 101);
        assert_eq!(list.sessions.len(), MAX_SESSIONS);
        let goes_on = |token| list.find(token, "p", NOW_S + 101).is_some();
        assert!(goes_on(&tokens[0]) && !goes_on(&tokens[1]) && goes_on(&tokens[2]));
    }

    #[tokio::test]
    async fn it_outlives_the_origin_and_the_store_has_no_token() {
        let (store, sessions) = sessions().await;
        let token = sessions.begin(&HeaderMap::new(), "p".to_owned(), at(NOW_S)).await.unwrap();
        let again = Arc::new(Sessions::load(store.clone()).await.unwrap());
        assert_eq!(again.of(&carrying(&token), "p", at(NOW_S)).await, Some(token));
        let kept = store.get(key().key()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&kept);
        assert!(!text.contains(&URL_SAFE_NO_PAD.encode(token.0)) && text.contains(&token.hash()), "{text}");
        assert_eq!(format!("{token:?} {sessions:?}"), "Token(…) Sessions(…)");
        sessions.end(&carrying(&token)).await.unwrap();
        assert_eq!(sessions.of(&carrying(&token), "p", at(NOW_S)).await, None);
        let ended = Arc::new(Sessions::load(store).await.unwrap());
        assert_eq!(ended.of(&carrying(&token), "p", at(NOW_S)).await, None);
    }

    #[tokio::test]
    async fn its_use_is_written_once_an_hour_and_a_store_that_is_away_ends_nothing() {
        let (store, engine) = Memory::store();
        let sessions = Arc::new(Sessions::load(store).await.unwrap());
        let token = sessions.begin(&HeaderMap::new(), "p".to_owned(), at(NOW_S)).await.unwrap();
        let commits = engine.commits();
        for second in [1, 3599, 3600, 3601, 7199, 7200] {
            assert!(sessions.of(&carrying(&token), "p", at(NOW_S + second)).await.is_some());
        }
        assert_eq!(engine.commits() - commits, 2);
        engine.fail(true);
        for second in [7201, 10_801, 20_000] {
            assert!(sessions.of(&carrying(&token), "p", at(NOW_S + second)).await.is_some());
        }
    }

    #[tokio::test]
    async fn of_several_cookies_the_good_one_counts_and_all_are_ended() {
        let (_, sessions) = sessions().await;
        let begin = async || sessions.begin(&HeaderMap::new(), "p".to_owned(), at(NOW_S)).await.unwrap();
        let (one, other) = (begin().await, begin().await);
        let value = |token: &Token| URL_SAFE_NO_PAD.encode(token.0);
        let stale = format!("{SESSION_COOKIE}={}", value(&Token::new()));
        let both = format!("{SECURE_SESSION_COOKIE}={}; {SESSION_COOKIE}={}", value(&other), value(&one));
        let of = async |cookies: &[&str]| sessions.of(&request(cookies), "p", at(NOW_S)).await;
        assert_eq!(of(&[&stale, &both]).await, Some(other));
        assert_eq!(of(&[&format!("{stale}; {SESSION_COOKIE}={}", value(&one))]).await, Some(one));
        for wrong in [&stale[..], SESSION_COOKIE, "farcast_session=", "farcast_session=%%", "farcast_login=x"]
        {
            assert_eq!(of(&[wrong]).await, None, "{wrong}");
        }
        sessions.end(&request(&[&both])).await.unwrap();
        assert_eq!(of(&[&both]).await, None);
    }

    #[tokio::test]
    async fn a_new_login_takes_the_place_of_the_one_before() {
        let (_, sessions) = sessions().await;
        let first = sessions.begin(&HeaderMap::new(), "p".to_owned(), at(NOW_S)).await.unwrap();
        let second = sessions.begin(&carrying(&first), "p".to_owned(), at(NOW_S)).await.unwrap();
        assert_eq!(sessions.of(&carrying(&first), "p", at(NOW_S)).await, None);
        assert!(sessions.of(&carrying(&second), "p", at(NOW_S)).await.is_some());
    }

    #[test]
    fn the_cookie_is_for_this_site_alone_and_for_tls_where_it_came_by_tls() {
        let token = Token::new();
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        let clear = text(token.set(&headers).unwrap());
        assert!(clear.starts_with("farcast_session=") && clear.contains("; Max-Age=2592000"), "{clear}");
        assert!(clear.ends_with("; HttpOnly; SameSite=Strict"), "{clear}");
        set_secure(&mut headers, true);
        let secure = text(token.set(&headers).unwrap());
        assert!(secure.starts_with("__Host-farcast_session=") && secure.contains("; Path=/;"), "{secure}");
        assert!(secure.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{secure}");
        let gone: Vec<_> = forget(&carrying(&token)).map(text).collect();
        assert_eq!(gone, ["farcast_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"]);
    }

    #[test]
    fn only_who_read_the_answer_to_the_login_confirms_what_is_sent() {
        let (token, other) = (Token::new(), Token::new());
        let confirmed = |csrf: &str| {
            let value = HeaderValue::from_str(csrf).unwrap();
            token.is_confirmed(&HeaderMap::from_iter([(CSRF_TOKEN.clone(), value)]))
        };
        assert!(confirmed(&token.csrf()) && !confirmed(&other.csrf()) && !confirmed(""));
        assert!(!confirmed(&token.csrf()[1..]) && !token.is_confirmed(&HeaderMap::new()));
        assert!(!token.csrf().contains(&URL_SAFE_NO_PAD.encode(token.0)));
    }

    #[tokio::test]
    async fn a_session_that_was_ended_while_the_store_is_away_stays_ended() {
        let (store, memory) = Memory::store();
        let sessions = Arc::new(Sessions::load(store.clone()).await.unwrap());
        let begin = async || sessions.begin(&HeaderMap::new(), "p".to_owned(), at(NOW_S)).await.unwrap();
        let (stolen, other) = (carrying(&begin().await), carrying(&begin().await));
        memory.fail(true);
        assert!(sessions.end(&stolen).await.is_err());
        assert_eq!(sessions.of(&stolen, "p", at(NOW_S)).await, None);
        assert!(sessions.of(&other, "p", at(NOW_S)).await.is_some());
        assert!(sessions.keep_only(None, "p".to_owned()).await.is_err());
        assert_eq!(sessions.of(&other, "p", at(NOW_S)).await, None);
        memory.fail(false);
        // The next change ends them in the store, too.
        begin().await;
        for sessions in [Arc::clone(&sessions), Arc::new(Sessions::load(store.clone()).await.unwrap())] {
            assert_eq!(sessions.of(&stolen, "p", at(NOW_S)).await, None);
            assert_eq!(sessions.of(&other, "p", at(NOW_S)).await, None);
            assert_eq!(sessions.lock().sessions.len(), 1);
        }
    }
}
