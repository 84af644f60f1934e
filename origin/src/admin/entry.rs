//! Authentication of admin requests: by the password with each request (HTTP Basic, as clients of Owncast do it), or by
//! a session, which the password begins once.
//!
//! Place in the flow: [`Admin::answer`] asks here before anything of a request is done. Every check of a password is
//! rate-limited ([`crate::brake`]); a session's token is no password and cannot be guessed, so its bearer never waits
//! because of others' failures.
//!
//! A browser sends the cookie of a session by itself, also with a forged request (CSRF). So a change by a session has
//! to show its CSRF token too, and the login itself is accepted from pages of this very site only: else pages of others
//! would have their visitors' browsers guess.

use std::time::Instant;

use bytes::Buf;
use farcast_api::body::{self, null_is_zero};
use farcast_api::login::{CSRF_TOKEN, LOGIN_DEADLINE, MAX_LOGIN_BYTES};
use farcast_api::{Method, Reply, reply};
use farcast_feed::time::WallTime;
use farcast_store::StoreError;
use http::header::{SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::exemption::Exemption;
use super::session::{self, Token};
use super::{Admin, basic, site};
use crate::brake::{self, Caller};
use crate::credentials::Which;
use crate::ingest::Checked;

/// The `WWW-Authenticate` challenge that makes a browser ask for the password; Owncast's words, by which clients know
/// it.
const REALM: &str = "Basic realm=\"Owncast Authenticated Request\"";

/// The error for a change by a session without its CSRF token.
const NOT_CONFIRMED: &str =
    "by a session this needs its token: send csrfToken of /api/admin/session in the header X-CSRF-Token";

/// An authenticated request.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// By this session; none where the password came with the request.
    pub(super) session: Option<Token>,
    /// Set beside the answer, for a caller that has no such cookie yet, or an old one.
    pub(super) exemption: Option<HeaderValue>,
}

/// The error for a new password or stream key by a session alone.
const NO_CURRENT_PASSWORD: &str =
    "by a session this needs the admin password of now: send it as currentPassword";

#[derive(Deserialize)]
struct Login {
    #[serde(deserialize_with = "null_is_zero")]
    password: String,
}

/// The current password, which a change of a login credential carries beside its value.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirmation {
    #[serde(default)]
    current_password: Option<String>,
}

/// The state of the caller's session: logged in or not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    logged_in: bool,
    csrf_token: String,
}

impl Shown {
    fn of(session: Option<&Token>) -> Reply {
        let csrf_token = session.map(Token::csrf).unwrap_or_default();
        reply::ok(&Self { logged_in: session.is_some(), csrf_token })
    }
}

impl Admitted {
    /// True if the request proves more than the cookie that a browser sends by itself: it changes nothing, has the CSRF
    /// token, or came with the password.
    pub(super) fn is_confirmed(&self, method: Method, headers: &HeaderMap) -> bool {
        let changes = method != Method::Get;
        self.session.as_ref().is_none_or(|session| !changes || session.is_confirmed(headers))
    }
}

impl Admin {
    /// Admits a request that has a session or the right password.
    ///
    /// # Errors
    /// The reply to send.
    pub(super) async fn admit(&self, headers: &HeaderMap, caller: Caller) -> Result<Admitted, Reply> {
        let password = basic::password(headers);
        if password.is_none()
            && let Some(session) = self.session(headers).await
        {
            return Ok(Admitted { session: Some(session), exemption: None });
        }
        let checked = match &password {
            Some(password) => self.check(headers, password, caller).await,
            None => match self.must_wait(headers, caller) {
                Some(refused) => return Err(refused),
                None => return Err(unauthorized(headers)),
            },
        };
        let exemption = checked.map_err(|refused| refused.unwrap_or_else(|| unauthorized(headers)))?;
        Ok(Admitted { session: None, exemption })
    }

    /// The session of a request, if it has a good one.
    pub(super) async fn session(&self, headers: &HeaderMap) -> Option<Token> {
        let mark = self.managed.credentials.password_mark();
        self.managed.sessions.of(headers, &mark, WallTime::now()).await
    }

    /// The answer to a change of the password, or of the stream key that may be the password, which comes by a session
    /// without the password of now: whoever stole a session shall not lock its owner out. None where the password is
    /// there.
    pub(super) async fn refuse_without_password(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        caller: Caller,
        admitted: &Admitted,
    ) -> Option<Reply> {
        admitted.session.as_ref()?;
        let given: Confirmation = match body::json(body) {
            Ok(given) => given,
            Err(what) => return Some(reply::bad_request(&what)),
        };
        let Some(password) = given.current_password else {
            return Some(reply::refused(StatusCode::FORBIDDEN, NO_CURRENT_PASSWORD));
        };
        // Its owner has the cookie that keeps others' failures from counting since the login: none is set here.
        match self.check(headers, &password, caller).await {
            Ok(_) => None,
            Err(Some(must_wait)) => Some(must_wait),
            Err(None) => {
                Some(reply::refused(StatusCode::FORBIDDEN, "currentPassword is not the admin password"))
            }
        }
    }

    /// Answers a page with its login state and the CSRF token.
    pub(super) async fn show_session(&self, head: &Head, known: Method) -> Reply {
        if !known.fits(&head.method) {
            return reply::method_not_allowed(&head.method, known);
        }
        Shown::of(self.session(&head.headers).await.as_ref())
    }

    /// Begins a session if the password is right.
    pub(super) async fn log_in<B>(&self, head: &Head, body: B, caller: Caller, known: Method) -> Reply
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let headers = &head.headers;
        if let Some(refused) = self.must_wait(headers, caller) {
            return refused;
        }
        if !known.fits(&head.method) {
            return reply::method_not_allowed(&head.method, known);
        }
        if site::is_cross_login(headers) {
            let why = "a page of another site sent this: log in on this site's own page";
            return reply::refused(StatusCode::FORBIDDEN, why);
        }
        let share = self.managed.bodies.share(caller.address);
        let body = match body::read_within(LOGIN_DEADLINE, body, MAX_LOGIN_BYTES, share).await {
            Ok(body) => body,
            Err(refused) => return refused,
        };
        let given: Login = match body::json(&body) {
            Ok(given) => given,
            Err(what) => return reply::bad_request(&what),
        };
        // What the password is now: one that is set meanwhile ends the session.
        let mark = self.managed.credentials.password_mark();
        let exemption = match self.check(headers, &given.password, caller).await {
            Ok(exemption) => exemption,
            Err(refused) => {
                // Without a challenge: the page asks again by itself.
                let wrong = || reply::refused(StatusCode::UNAUTHORIZED, "this password is not right");
                return refused.unwrap_or_else(wrong);
            }
        };
        match self.managed.sessions.begin(headers, mark, WallTime::now()).await {
            Ok(session) => {
                tracing::info!(address = %caller.address, "a session of the admin page began");
                let mut reply = Shown::of(Some(&session));
                for cookie in session.set(headers).into_iter().chain(exemption) {
                    reply.headers_mut().append(SET_COOKIE, cookie);
                }
                reply
            }
            Err(error) => reply::store_failed(&error),
        }
    }

    /// Ends the sessions that a request carries.
    pub(super) async fn log_out(&self, headers: &HeaderMap) -> Result<Reply, StoreError> {
        self.managed.sessions.end(headers).await?;
        Ok(forgetting(headers, reply::done("logged out")))
    }

    /// Ends all sessions.
    pub(super) async fn log_out_everywhere(&self, headers: &HeaderMap) -> Result<Reply, StoreError> {
        let mark = self.managed.credentials.password_mark();
        self.managed.sessions.keep_only(None, mark).await?;
        tracing::info!("all sessions of the admin page were ended");
        Ok(forgetting(headers, reply::done("logged out everywhere")))
    }

    /// Checks a password, under the rate limit: returns the cookie to set, if one is due.
    ///
    /// # Errors
    /// The reply to who has to wait; none where the password is wrong.
    async fn check(
        &self,
        headers: &HeaderMap,
        password: &str,
        caller: Caller,
    ) -> Result<Option<HeaderValue>, Option<Reply>> {
        let (credentials, now) = (&self.managed.credentials, WallTime::now());
        let key = credentials.exemption_key();
        let exemption = Exemption::read(headers, &key, now);
        let caller = Caller { exemption: exemption.map(|exemption| exemption.id), ..caller };
        match credentials.check(Which::AdminPassword, &[password], &caller).await {
            Checked::Right(()) if exemption.is_some_and(|exemption| !exemption.is_old(now)) => Ok(None),
            Checked::Right(()) => Ok(Exemption::new(now).set(&key)),
            Checked::Wait(wait) => Err(Some(brake::refused(wait))),
            Checked::Wrong => {
                self.warn_of_failure(caller.address);
                Err(None)
            }
        }
    }

    /// The reply to who has to wait before anything is looked at.
    fn must_wait(&self, headers: &HeaderMap, caller: Caller) -> Option<Reply> {
        let credentials = &self.managed.credentials;
        let exemption = Exemption::read(headers, &credentials.exemption_key(), WallTime::now());
        let caller = Caller { exemption: exemption.map(|exemption| exemption.id), ..caller };
        credentials.must_wait(Which::AdminPassword, &caller, Instant::now()).map(brake::refused)
    }
}

/// The answer to a change by a session without its token.
pub(super) fn not_confirmed() -> Reply {
    reply::refused(StatusCode::FORBIDDEN, NOT_CONFIRMED)
}

fn forgetting(request: &HeaderMap, mut reply: Reply) -> Reply {
    for cookie in session::forget(request) {
        reply.headers_mut().append(SET_COOKIE, cookie);
    }
    reply
}

/// The answer to who is not let in. Whoever sends a CSRF token is a page that asks for the password by itself: a challenge
/// would make its browser ask too.
fn unauthorized(request: &HeaderMap) -> Reply {
    let refused = reply::with_body(StatusCode::UNAUTHORIZED, "text/plain; charset=utf-8", "Unauthorized\n");
    if request.contains_key(&CSRF_TOKEN) {
        return refused;
    }
    reply::with(refused, WWW_AUTHENTICATE, REALM)
}
