//! The chat over HTTP: registering, the backlog, and what moderators do with their own token.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use farcast_api::time::Time;
use farcast_api::{Reply, percent_decoded, reply};
use farcast_chat::shape::{ShownMessage, ShownUser};
use farcast_chat::user::token_hash;
use farcast_chat::{Client, Refused, SetEnabled, SetVisible, User, name};
use farcast_feed::query::{Place, parameters};
use farcast_feed::time::WallTime;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Chat;
use super::metrics::Refusal;

/// Seconds after which a client that registered too often may try again.
const AGAIN_AFTER_S: u64 = 10;

/// Time for which a user who has just been let in waits for the store, which may be away: they are shown the backlog
/// all the same.
const REMEMBERED_AFTER: Duration = Duration::from_millis(500);

/// The token of a query: the last, of those in their place if there are any.
pub(super) fn access_token(query: Option<&str>) -> Option<String> {
    let given = |place| {
        let of = move |&(at, name, _): &(Place, &str, &str)| at == place && name == "accessToken";
        parameters(query?).filter(of).last()
    };
    let (.., value) = given(Place::Proper).or_else(|| given(Place::Stray))?;
    Some(percent_decoded(value)).filter(|token| !token.is_empty())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    #[serde(default)]
    display_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registered<'a> {
    id: &'a str,
    access_token: &'a str,
    display_name: &'a str,
}

/// A connection, as moderators see it: without its address.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connected<'a> {
    id: u64,
    message_count: u64,
    user_agent: &'a str,
    connected_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo: Option<&'a str>,
}

impl<'a> From<&'a Client> for Connected<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            id: client.id,
            message_count: client.messages,
            user_agent: &client.user_agent,
            connected_at: Time(client.connected_at),
            geo: client.place.as_ref().map(|place| place.country_code.as_str()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    user: ShownUser<'a>,
    connected_clients: Vec<Connected<'a>>,
    messages: Vec<ShownMessage<'a>>,
}

fn unauthorized() -> Reply {
    reply::with_body(StatusCode::UNAUTHORIZED, "text/plain; charset=utf-8", "unauthorized")
}

fn refused(error: &Refused) -> Reply {
    match error {
        Refused::Unknown | Refused::Disabled => reply::bad_request("there is no such user"),
        Refused::Store(error) => reply::store_failed(error),
    }
}

/// Names that are chosen for somebody until one is no moderator's.
const MOST_CHOICES: usize = 8;

impl Chat {
    /// `POST /api/chat/register`: a body is not needed, and one that is no JSON is no name. Then the name of a proxy that
    /// is trusted is taken, which passes the same checks.
    pub async fn register(&self, given: &[u8], address: IpAddr, proxied: Option<&str>) -> Reply {
        if self.runtime().is_none() {
            return reply::store_not_reached(self.acts.store());
        }
        if self.is_banned(address).await {
            return unauthorized();
        }
        if let Err(refusal) = self.registration(self.network(address)) {
            self.config.metrics.refused(refusal);
            let mut reply =
                reply::refused(StatusCode::TOO_MANY_REQUESTS, "too many users were added, wait a little");
            reply.headers_mut().insert(http::header::RETRY_AFTER, AGAIN_AFTER_S.into());
            return reply;
        }
        let wish: Wish = serde_json::from_slice(given).unwrap_or_default();
        let Some(set) = self.names_of_now().await else {
            return reply::unavailable("the origin has not been reached yet");
        };
        let free = |wanted: &String| !self.names.is_taken(wanted, &set, None);
        let mut wishes = [wish.display_name.as_str(), proxied.unwrap_or_default()].into_iter();
        let name = wishes.find_map(|wish| name::clean(wish).ok().filter(free));
        let name = name.unwrap_or_else(|| {
            let choose = || name::choose(&set.suggested_usernames, &mut rand::rng());
            let mut chosen = std::iter::repeat_with(choose).take(MOST_CHOICES);
            chosen.find(|name| !self.names.is_moderators(name)).unwrap_or_else(choose)
        });
        match self.acts.register(User::new(name, WallTime::now())).await {
            Ok((user, token)) => reply::ok(&Registered {
                id: &user.id,
                access_token: &token,
                display_name: &user.display_name,
            }),
            Err(error) => reply::store_failed(&error),
        }
    }

    fn registration(&self, network: Option<IpAddr>) -> Result<(), Refusal> {
        let mut registrar = self.registrar.lock().unwrap_or_else(PoisonError::into_inner);
        registrar.register(network, Instant::now())
    }

    /// `GET /api/chat`: with all that was answered before, also by others: a message that was hidden elsewhere is. A token
    /// that was good a moment ago is while the store is away, so that a page may be loaded again.
    pub async fn backlog(&self, query: Option<&str>, address: IpAddr) -> Reply {
        let token = access_token(query).map(|token| token_hash(&token)).unwrap_or_default();
        let is_banned = self.runtime().is_some_and(|set| self.bans(&set, address));
        let is_remembered = !is_banned && self.good_tokens.contains_key(&token);
        let known = async {
            let user = self.known(query, address).await?;
            self.caught_up_with_log().await;
            Ok(self.room.newest(user))
        };
        let known = if is_remembered {
            match tokio::time::timeout(REMEMBERED_AFTER, known).await {
                Ok(known) => known,
                Err(_) => Err(reply::unavailable("the store does not answer")),
            }
        } else {
            known.await
        };
        match known {
            Ok(user) if user.disabled_at.is_some() => return unauthorized(),
            Ok(_) => self.good_tokens.insert(token, ()).await,
            Err(refused) if is_remembered && refused.status().is_server_error() => {}
            Err(refused) => return refused,
        }
        let max_age = self.runtime().unwrap_or_default().chat_retention.max_age();
        match self.room.backlog(max_age, WallTime::now(), Instant::now()) {
            Some(json) => reply::with_body(StatusCode::OK, "application/json", json),
            None => reply::unavailable("the chat has not been read yet"),
        }
    }

    /// The user of the token in a query, if they may chat.
    async fn known(&self, query: Option<&str>, address: IpAddr) -> Result<User, Reply> {
        let Some(token) = access_token(query) else { return Err(unauthorized()) };
        if self.is_banned(address).await {
            return Err(unauthorized());
        }
        match self.acts.whose(&token).await {
            Ok(Some(account)) if account.record.user.disabled_at.is_none() => Ok(account.record.user),
            Ok(_) => Err(unauthorized()),
            Err(error) => Err(reply::store_failed(&error)),
        }
    }

    /// The user of a token who may chat, for requests that are answered elsewhere.
    ///
    /// # Errors
    /// The reply to give: 401, or 503.
    pub async fn token(&self, query: Option<&str>, address: IpAddr) -> Result<User, Reply> {
        self.known(query, address).await
    }

    /// `GET /api/moderation/chat/user/{id}` of a moderator: a user, their connections to this edge, and their
    /// messages, hidden ones too, the newest first.
    pub async fn details(&self, query: Option<&str>, id: &str, address: IpAddr) -> Reply {
        let moderator = match self.moderator(query, address).await {
            Ok(moderator) => moderator,
            Err(refused) => return refused,
        };
        let id = percent_decoded(id);
        let user = match self.acts.account(&id).await {
            Ok(Some(account)) => account.record.user,
            Ok(None) => return reply::empty(StatusCode::NOT_FOUND),
            Err(error) => return reply::store_failed(&error),
        };
        tracing::info!(moderator = moderator.id, user = user.id, "a moderator looked at a user");
        let mut clients = self.room.clients(|member| member.user_id == id);
        clients.sort_by_key(|client| client.id);
        let history = self.room.messages_of(&id);
        reply::ok(&Details {
            user: (&user).into(),
            connected_clients: clients.iter().map(Connected::from).collect(),
            messages: history.iter().filter_map(ShownMessage::of).collect(),
        })
    }

    async fn moderator(&self, query: Option<&str>, address: IpAddr) -> Result<User, Reply> {
        let user = self.known(query, address).await?;
        if user.is_moderator { Ok(user) } else { Err(unauthorized()) }
    }

    /// `POST /api/chat/messagevisibility` of a moderator.
    pub async fn set_visible(&self, query: Option<&str>, given: &[u8], address: IpAddr) -> Reply {
        let moderator = match self.moderator(query, address).await {
            Ok(moderator) => moderator,
            Err(refused) => return refused,
        };
        let SetVisible { ids, visible } = match SetVisible::parse(given) {
            Ok(wish) => wish,
            Err(what) => return reply::bad_request(&what),
        };
        match self.acts.set_visible(&ids, visible, WallTime::now()).await {
            Ok(()) => {
                tracing::info!(moderator = moderator.id, visible, messages = ids.len(), "a moderator acted");
                reply::done("changed")
            }
            Err(error) => reply::store_failed(&error),
        }
    }

    /// `POST /api/chat/users/setenabled` of a moderator: not for moderators, which is the admin's to do.
    pub async fn set_enabled(&self, query: Option<&str>, given: &[u8], address: IpAddr) -> Reply {
        let moderator = match self.moderator(query, address).await {
            Ok(moderator) => moderator,
            Err(refused) => return refused,
        };
        let SetEnabled { user_id, enabled } = match SetEnabled::parse(given) {
            Ok(wish) => wish,
            Err(what) => return reply::bad_request(&what),
        };
        match self.acts.account(&user_id).await {
            Ok(Some(account)) if account.record.user.is_moderator => {
                return reply::bad_request("a moderator cannot be disabled by another");
            }
            Ok(_) => {}
            Err(error) => return reply::store_failed(&error),
        }
        match self.acts.set_enabled(&user_id, enabled, WallTime::now()).await {
            Ok(user) => {
                tracing::info!(moderator = moderator.id, user = user.id, enabled, "a moderator acted");
                reply::done(&format!("{} enabled: {enabled}", user.id))
            }
            Err(error) => refused(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_from_queries() {
        let token = |query: &str| access_token(Some(query));
        assert_eq!(token("accessToken=ab%3D"), Some("ab=".to_owned()));
        assert_eq!(token("accessToken=ab=&x=1"), Some("ab=".to_owned()));
        assert_eq!(token("a=b&accessToken=c"), Some("c".to_owned()));
        for glued in
            ["accessToken=ab=?cachebust=1", "x=1&amp;accessToken=ab=", "cachebust=1?accessToken=ab%3D"]
        {
            assert_eq!(token(glued), Some("ab=".to_owned()), "{glued}");
        }
        assert_eq!(token("from=a?accessToken=x&accessToken=ab="), Some("ab=".to_owned()));
        for none in ["", "accessToken", "accessToken=", "accesstoken=a", "x"] {
            assert_eq!(token(none), None, "{none}");
        }
        assert_eq!(token("accessToken=%zz%"), Some("%zz%".to_owned()));
        assert_eq!(access_token(None), None);
    }
}
