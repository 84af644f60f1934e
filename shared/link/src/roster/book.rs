//! The book of edges: join tokens and the certificates that were made for them. Sans-IO.
//!
//! A certificate is good while it is in the book, whatever its own dates: taking it out, or marking it as revoked, is all
//! that it takes to shut an edge out. A name belongs to one edge: an edge that enrols with a name that is taken gets
//! another.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use farcast_feed::time::WallTime;
use serde::{Deserialize, Serialize};

/// Most tokens that are kept, those of the past included. A new one takes the place of the oldest that is of no use any more.
pub const MAX_TOKENS: usize = 64;

/// Most edges that are known: four times as many as may be connected. A new one takes the place of one that is of no use.
pub const MAX_EDGES: usize = 4096;

/// Longest name of an edge in characters, without the number that tells it from others of that name.
const MAX_NAME_CHARS: usize = 48;

/// Certificates of an edge: the newest, and the one before, with which it connects if it could not keep the newest.
const MAX_CERTIFICATES: usize = 2;

/// Precision of the time at which an edge was here last: it is written down by the way.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// An identifier of 11 characters for a token.
fn new_id() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 8]>())
}

/// SHA-256 of a certificate's DER.
pub type Fingerprint = [u8; 32];

/// The state of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenState {
    /// Edges may enrol with the token.
    Valid,
    /// Past its expiry.
    Expired,
    /// As many edges have enrolled with it as it was made for.
    UsedUp,
    /// Revoked by the operator.
    Revoked,
}

/// A join token, without the parts that are the same in all of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Names it in lists; tells nothing of its secret.
    pub id: String,
    /// Its purpose, for people.
    pub label: String,
    /// Base64 of 32 bytes.
    secret: String,
    /// Creation time.
    pub created_at: WallTime,
    /// Expiry.
    pub expires_at: Option<WallTime>,
    /// Most edges that may enrol with it.
    pub max_uses: Option<u32>,
    /// Number of edges that have.
    pub uses: u32,
    /// Time of revocation.
    pub revoked_at: Option<WallTime>,
    /// True if it is the one in the file `join-token`.
    pub standing: bool,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("id", &self.id).field("label", &self.label).finish_non_exhaustive()
    }
}

impl Token {
    /// The state of the token at `now`.
    #[must_use]
    pub fn state(&self, now: WallTime) -> TokenState {
        if self.revoked_at.is_some() {
            TokenState::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            TokenState::Expired
        } else if self.max_uses.is_some_and(|most| self.uses >= most) {
            TokenState::UsedUp
        } else {
            TokenState::Valid
        }
    }

    /// Its secret; none where the file was damaged.
    #[must_use]
    pub fn secret(&self) -> Option<[u8; 32]> {
        STANDARD.decode(&self.secret).ok()?.try_into().ok()
    }
}

/// An edge that has enrolled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    /// Fingerprints of its certificates in Base64, the newest first.
    certificates: Vec<String>,
    /// Id of the token with which it enrolled.
    pub token: String,
    /// Time of enrolment.
    pub enrolled_at: WallTime,
    /// Expiry of its newest certificate.
    pub expires_at: WallTime,
    /// Time at which it was last connected.
    pub seen_at: Option<WallTime>,
    /// Time of revocation.
    pub revoked_at: Option<WallTime>,
}

/// The reason why nobody was added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAdded {
    /// The token lets nobody in.
    #[error("the join token has expired, is used up or was revoked")]
    TokenEnded,
    /// The number of edges, or tokens, is at its limit.
    #[error("there are as many as are kept: revoke what is not needed")]
    Full,
    /// The named token or edge does not exist.
    #[error("there is no such one")]
    Unknown,
}

/// Tokens and edges.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Book {
    tokens: Vec<Token>,
    edges: BTreeMap<String, Enrolled>,
}

fn text(fingerprint: &Fingerprint) -> String {
    STANDARD.encode(fingerprint)
}

impl Book {
    /// All tokens, the oldest first.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// All edges by their names.
    #[must_use]
    pub fn edges(&self) -> &BTreeMap<String, Enrolled> {
        &self.edges
    }

    /// The token that is in the file, or a new one made of `secret` unless that is good; and whether it was made. It ends
    /// `lifetime` after it was made, as that is set now.
    pub fn standing(
        &mut self,
        secret: [u8; 32],
        lifetime: Option<Duration>,
        now: WallTime,
    ) -> (&Token, bool) {
        for token in self.tokens.iter_mut().filter(|token| token.standing) {
            token.expires_at = lifetime.map(|lifetime| token.created_at.after(lifetime));
            token.standing = token.state(now) == TokenState::Valid;
        }
        let good = self.tokens.iter().position(|token| token.standing);
        let place = good.unwrap_or_else(|| {
            self.make_room(now, true);
            self.tokens
                .push(Token { standing: true, ..new_token("standing token", secret, lifetime, None, now) });
            self.tokens.len() - 1
        });
        (&self.tokens[place], good.is_none())
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`NotAdded::Full`].
    pub fn add_token(
        &mut self,
        label: &str,
        secret: [u8; 32],
        lifetime: Option<Duration>,
        max_uses: Option<u32>,
        now: WallTime,
    ) -> Result<Token, NotAdded> {
        if !self.make_room(now, false) {
            return Err(NotAdded::Full);
        }
        let token = new_token(label, secret, lifetime, max_uses, now);
        self.tokens.push(token.clone());
        Ok(token)
    }

    /// Makes room for a token; for the standing one also by a good one.
    fn make_room(&mut self, now: WallTime, at_any_price: bool) -> bool {
        if self.tokens.len() < MAX_TOKENS {
            return true;
        }
        let useless = self.tokens.iter().position(|token| token.state(now) != TokenState::Valid);
        match useless.or(at_any_price.then_some(0)) {
            Some(place) => {
                self.tokens.remove(place);
                true
            }
            None => false,
        }
    }

    /// Revokes a token: no edge can enrol with it any more; false if there is none.
    pub fn revoke_token(&mut self, id: &str, now: WallTime) -> bool {
        let token = self.tokens.iter_mut().find(|token| token.id == id);
        token.is_some_and(|token| {
            token.revoked_at.get_or_insert(now);
            true
        })
    }

    /// Names of the edges that enrolled with a token.
    #[must_use]
    pub fn joined_with(&self, token: &str) -> Vec<String> {
        let with = self.edges.iter().filter(|(_, edge)| edge.token == token);
        with.map(|(name, _)| name.clone()).collect()
    }

    /// The token that `is_proved` says is proved.
    #[must_use]
    pub fn proved(&self, is_proved: impl Fn(&[u8; 32]) -> bool) -> Option<&Token> {
        self.tokens.iter().find(|token| token.secret().is_some_and(|secret| is_proved(&secret)))
    }

    /// The name that an edge gets which calls itself `wished`: that, if nobody else has or had it, else with a number.
    #[must_use]
    pub fn free_name(&self, wished: &str) -> String {
        let shown: String = wished.chars().filter(char::is_ascii_graphic).take(MAX_NAME_CHARS).collect();
        let shown = if shown.is_empty() { "edge".to_owned() } else { shown };
        // Names of hosts in DNS, which an edge's is too, have no case.
        let is_taken = |name: &str| self.edges.keys().any(|known| known.eq_ignore_ascii_case(name));
        if !is_taken(&shown) {
            return shown;
        }
        let numbered = (2..).map(|number: u64| format!("{shown}-{number}"));
        numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(shown)
    }

    /// Adds an edge that has proved a token, under a name from [`Self::free_name`].
    ///
    /// # Errors
    /// [`NotAdded`].
    pub fn enrol(
        &mut self,
        token_id: &str,
        name: &str,
        certificate: &Fingerprint,
        expires_at: WallTime,
        is_connected: impl Fn(&str) -> bool,
        now: WallTime,
    ) -> Result<(), NotAdded> {
        let token = self.tokens.iter_mut().find(|token| token.id == token_id).ok_or(NotAdded::Unknown)?;
        if token.state(now) != TokenState::Valid {
            return Err(NotAdded::TokenEnded);
        }
        if self.edges.len() >= MAX_EDGES {
            // Edges of the same token give way, so that a party that has stolen one pushes out nobody else's edges. First
            // those which were shut out, then those which never connected, then those which were away for longest.
            let of_token = |(name, edge): &(&String, &Enrolled)| {
                (edge.token == token_id || edge.revoked_at.is_some() || edge.expires_at <= now)
                    && !is_connected(name)
            };
            let rank = |(_, edge): &(&String, &Enrolled)| {
                (edge.revoked_at.is_none(), edge.seen_at, edge.enrolled_at)
            };
            let useless = self.edges.iter().filter(of_token).min_by_key(rank).map(|(name, _)| name.clone());
            self.edges.remove(&useless.ok_or(NotAdded::Full)?);
        }
        token.uses = token.uses.saturating_add(1);
        let edge = Enrolled {
            certificates: vec![text(certificate)],
            token: token_id.to_owned(),
            enrolled_at: now,
            expires_at,
            seen_at: None,
            revoked_at: None,
        };
        self.edges.insert(name.to_owned(), edge);
        Ok(())
    }

    /// The edge of a certificate; none if it is unknown, or of an edge that was shut out.
    #[must_use]
    pub fn whose(&self, certificate: &Fingerprint) -> Option<&str> {
        let wanted = text(certificate);
        let has = |edge: &Enrolled| edge.revoked_at.is_none() && edge.certificates.contains(&wanted);
        self.edges.iter().find(|(_, edge)| has(edge)).map(|(name, _)| name.as_str())
    }

    /// Gives an edge another certificate beside its newest one.
    ///
    /// # Errors
    /// [`NotAdded::Unknown`].
    pub fn renew(
        &mut self,
        name: &str,
        certificate: &Fingerprint,
        expires_at: WallTime,
    ) -> Result<(), NotAdded> {
        let edge =
            self.edges.get_mut(name).filter(|edge| edge.revoked_at.is_none()).ok_or(NotAdded::Unknown)?;
        edge.certificates.insert(0, text(certificate));
        edge.certificates.truncate(MAX_CERTIFICATES);
        edge.expires_at = expires_at;
        Ok(())
    }

    /// An edge is here.
    pub fn seen(&mut self, name: &str, now: WallTime) {
        if let Some(edge) = self.edges.get_mut(name)
            && edge.seen_at.is_none_or(|at| now.since(at) >= SEEN_EVERY)
        {
            edge.seen_at = Some(now);
        }
    }

    /// Shuts an edge out, and revokes the token with which it enrolled: it knows that, and would come back under
    /// another name. Returns that token's id.
    ///
    /// # Errors
    /// [`NotAdded::Unknown`].
    pub fn revoke_edge(&mut self, name: &str, now: WallTime) -> Result<String, NotAdded> {
        let edge = self.edges.get_mut(name).ok_or(NotAdded::Unknown)?;
        edge.revoked_at.get_or_insert(now);
        let token = edge.token.clone();
        self.revoke_token(&token, now);
        Ok(token)
    }
}

fn new_token(
    label: &str,
    secret: [u8; 32],
    lifetime: Option<Duration>,
    max_uses: Option<u32>,
    now: WallTime,
) -> Token {
    Token {
        id: new_id(),
        label: label.to_owned(),
        secret: STANDARD.encode(secret),
        created_at: now,
        expires_at: lifetime.map(|lifetime| now.after(lifetime)),
        max_uses,
        uses: 0,
        revoked_at: None,
        standing: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime(1_700_000_000_000_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn fingerprint(n: u64) -> Fingerprint {
        let mut all = [0; 32];
        all[..8].copy_from_slice(&n.to_be_bytes());
        all
    }

    fn book() -> (Book, String) {
        let mut book = Book::default();
        let token = book.standing([1; 32], None, NOW).0.id.clone();
        (book, token)
    }

    fn enrol(book: &mut Book, token: &str, wished: &str, n: u64) -> Result<String, NotAdded> {
        let name = book.free_name(wished);
        book.enrol(token, &name, &fingerprint(n), NOW.after(365 * DAY), |_| false, NOW)?;
        Ok(name)
    }

    #[test]
    fn a_name_that_is_taken_is_given_to_nobody_else() {
        let (mut book, token) = book();
        assert_eq!(enrol(&mut book, &token, "one", 1).unwrap(), "one");
        assert_eq!(enrol(&mut book, &token, "one", 2).unwrap(), "one-2");
        assert_eq!(enrol(&mut book, &token, " o\nné ", 3).unwrap(), "on");
        assert_eq!(enrol(&mut book, &token, "\u{202e}", 4).unwrap(), "edge");
        assert_eq!(enrol(&mut book, &token, &"x".repeat(500), 5).unwrap().len(), MAX_NAME_CHARS);
        assert_eq!(book.whose(&fingerprint(1)), Some("one"));
        book.revoke_edge("one", NOW).unwrap();
        assert_eq!(book.free_name("one"), "one-3", "nor after it was shut out");
    }

    #[test]
    fn who_is_shut_out_cannot_return_by_certificate_or_token() {
        let (mut book, token) = book();
        enrol(&mut book, &token, "bad", 1).unwrap();
        enrol(&mut book, &token, "good", 2).unwrap();
        assert_eq!(book.revoke_edge("bad", NOW), Ok(token.clone()));
        assert_eq!(book.whose(&fingerprint(1)), None);
        assert_eq!(book.renew("bad", &fingerprint(3), NOW), Err(NotAdded::Unknown));
        assert_eq!(enrol(&mut book, &token, "again", 4), Err(NotAdded::TokenEnded));
        assert_eq!(book.whose(&fingerprint(2)), Some("good"), "others go on");
        let (standing, made) = book.standing([2; 32], None, NOW);
        assert!(made && standing.id != token, "the file gets another token");
        assert_eq!(book.revoke_edge("nobody", NOW), Err(NotAdded::Unknown));
    }

    #[test]
    fn tokens_expire_are_used_up_and_are_revoked() {
        let (mut book, _) = book();
        let short = book.add_token("short", [2; 32], Some(DAY), None, NOW).unwrap();
        assert_eq!(short.state(NOW.after(DAY - Duration::from_secs(1))), TokenState::Valid);
        assert_eq!(short.state(NOW.after(DAY)), TokenState::Expired);
        let twice = book.add_token("twice", [3; 32], None, Some(2), NOW).unwrap().id;
        enrol(&mut book, &twice, "a", 1).unwrap();
        enrol(&mut book, &twice, "b", 2).unwrap();
        assert_eq!(enrol(&mut book, &twice, "c", 3), Err(NotAdded::TokenEnded));
        let used = book.proved(|secret| *secret == [3; 32]).unwrap();
        assert_eq!((used.uses, used.state(NOW)), (2, TokenState::UsedUp));
        assert!(book.revoke_token(&short.id, NOW) && !book.revoke_token("none", NOW));
        assert_eq!(enrol(&mut book, &short.id, "d", 4), Err(NotAdded::TokenEnded));
        assert_eq!(book.proved(|secret| *secret == [9; 32]), None);
    }

    #[test]
    fn the_standing_token_is_replaced_when_its_time_is_over_and_follows_its_setting() {
        let mut book = Book::default();
        let first = book.standing([1; 32], Some(DAY), NOW).0.id.clone();
        assert!(!book.standing([2; 32], Some(DAY), NOW).1);
        assert!(!book.standing([2; 32], None, NOW.after(2 * DAY)).1, "it was set to last");
        let (second, made) = book.standing([2; 32], Some(DAY), NOW.after(2 * DAY));
        assert!(made && second.id != first && second.secret() == Some([2; 32]));
        assert_eq!(book.tokens().iter().filter(|token| token.standing).count(), 1);
    }

    #[test]
    fn renewing_keeps_the_name_and_one_former_certificate() {
        let (mut book, token) = book();
        enrol(&mut book, &token, "one", 1).unwrap();
        for n in 2..5 {
            book.renew("one", &fingerprint(n), NOW).unwrap();
        }
        let known = [1, 2, 3, 4].map(|n| book.whose(&fingerprint(n)).is_some());
        assert_eq!(known, [false, false, true, true]);
    }

    #[test]
    fn a_stolen_token_pushes_out_none_but_its_own_edges() {
        let (mut book, token) = book();
        enrol(&mut book, &token, "honest", 1).unwrap();
        let stolen = book.add_token("stolen", [2; 32], None, None, NOW).unwrap().id;
        for n in 0..5_000 {
            enrol(&mut book, &stolen, &format!("x{n}"), 10 + n).unwrap();
        }
        assert_eq!(book.edges().len(), MAX_EDGES);
        assert_eq!(book.whose(&fingerprint(1)), Some("honest"));
        let late = book.enrol(&token, "late", &fingerprint(2), NOW, |_| true, NOW);
        assert_eq!(late, Err(NotAdded::Full), "who is connected is not pushed out");
    }

    #[test]
    fn tokens_are_bounded_and_those_of_no_use_give_way() {
        let (mut book, _) = book();
        for n in 1..MAX_TOKENS {
            book.add_token(&n.to_string(), [7; 32], Some(DAY), None, NOW).unwrap();
        }
        assert_eq!(book.add_token("more", [7; 32], None, None, NOW), Err(NotAdded::Full));
        book.add_token("more", [7; 32], None, None, NOW.after(DAY)).unwrap();
        assert_eq!(book.tokens().len(), MAX_TOKENS);
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        let (book, _) = book();
        assert!(!format!("{book:?}").contains(&STANDARD.encode([1; 32])));
    }
}
