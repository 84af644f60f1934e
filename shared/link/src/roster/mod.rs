//! The edges that may connect: the book of tokens and certificates on disk, and the edges that are connected by it.
//!
//! Place in the flow: [`crate::sender::Server`] asks for each connection and enrolment; the admin's API lists and revokes. Kept as
//! `edges.json` beside the identity, not in the store, which edges reach themselves where it is a FoundationDB cluster.
//!
//! Invariants: an answered change is on the disk; an edge that is shut out loses its connections at once, and one that comes
//! in the same moment does not slip through; the file `join-token` holds a token that is good.

pub mod book;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farcast_feed::time::WallTime;
use farcast_telemetry::file;
use tokio_util::sync::CancellationToken;

use self::book::{Book, Fingerprint, NotAdded, Token, TokenState};
use crate::JoinToken;
use crate::sender::Identity;
use crate::sender::identity::IdentityError;

/// File name in the data folder.
pub const FILE: &str = "edges.json";
/// Name of the file in the data folder that edges join with.
pub const JOIN_TOKEN_FILE: &str = "join-token";

/// Connections of one edge: the one that it has, and those that it has lost and the origin does not know of yet. One more ends
/// the oldest, so that no edge takes the places of others, or its own.
const MAX_LINKS: usize = 4;

/// Paths, and the lifetime of the token in the file.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder.
    pub dir: PathBuf,
    /// The file of the standing token, for people to copy.
    pub token_file: PathBuf,
    /// `host:port` of the origin, as tokens say it.
    pub advertise: String,
    /// Time for which the standing token lets edges in; none is until it is revoked.
    pub token_lifetime: Option<Duration>,
}

/// The reason why the list of edges was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The file cannot be read.
    #[error("the list of edges {path} cannot be read")]
    Read {
        /// The path of the file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is damaged.
    #[error("the list of edges {path} is damaged; when it is removed, every edge must enrol again")]
    Damaged {
        /// The path of the file.
        path: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] file::WriteError),
    /// There is no form for it in JSON.
    #[error("the list of edges cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// The addition is refused.
    #[error(transparent)]
    NotAdded(#[from] NotAdded),
    /// No certificate can be made.
    #[error(transparent)]
    Certificate(#[from] IdentityError),
}

/// A certificate that was made for an edge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// The edge's name.
    pub name: String,
    /// DER.
    pub certificate: Vec<u8>,
    /// Expiry, in seconds since 1970.
    pub expires_at_s: u64,
}

/// An edge that is here.
#[derive(Clone, Debug)]
struct Here {
    name: Arc<str>,
    address: SocketAddr,
    since: WallTime,
    cut: CancellationToken,
}

#[derive(Debug, Default)]
struct Links {
    next: u64,
    all: HashMap<u64, Here>,
}

/// The roster. Shared.
#[derive(Debug)]
pub struct Roster {
    identity: Arc<Identity>,
    config: Config,
    book: Mutex<Book>,
    /// Held while the disk is written to, so that writes keep one order; the book is not.
    turn: Mutex<()>,
    links: Mutex<Links>,
}

/// A connection's place, given up when dropped.
#[derive(Debug)]
pub struct Place {
    roster: Arc<Roster>,
    number: u64,
    /// The edge's name.
    pub name: Arc<str>,
    /// Cancelled when the edge is shut out.
    pub cut: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.roster.links).all.remove(&self.number);
    }
}

/// An edge, as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The book's record.
    pub edge: book::Enrolled,
    /// Its address, and the time since which it is connected.
    pub connected: Option<(SocketAddr, WallTime)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn secret() -> [u8; 32] {
    rand::random()
}

impl Roster {
    /// The roster of a data folder, with a standing token that is good and written to its file. The first one has the secret
    /// that came with the identity. Blocks on the disk.
    ///
    /// # Errors
    /// [`RosterError`]. A damaged file is an error and never replaced: that would shut every edge out.
    pub fn open(identity: Arc<Identity>, config: Config) -> Result<Arc<Self>, RosterError> {
        let path = config.dir.join(FILE);
        let shown = || path.display().to_string();
        let book = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| RosterError::Damaged { path: shown(), source })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Book::default(),
            Err(source) => return Err(RosterError::Read { path: shown(), source }),
        };
        let first = if book.tokens().is_empty() { *identity.secret() } else { secret() };
        let roster = Self {
            identity,
            config,
            book: Mutex::new(book),
            turn: Mutex::default(),
            links: Mutex::default(),
        };
        roster.keep_standing(first, WallTime::now())?;
        Ok(Arc::new(roster))
    }

    /// Sees to it that the file has a token that is good. To be called now and then. Blocks on the disk.
    ///
    /// # Errors
    /// [`RosterError`].
    pub fn renew_standing(&self, now: WallTime) -> Result<(), RosterError> {
        let is_good = |token: &Token| token.standing && token.state(now) == TokenState::Valid;
        if lock(&self.book).tokens().iter().any(is_good) {
            return Ok(());
        }
        self.keep_standing(secret(), now)
    }

    fn keep_standing(&self, secret: [u8; 32], now: WallTime) -> Result<(), RosterError> {
        let lifetime = self.config.token_lifetime;
        let token = self.change(|book| {
            let (token, made) = book.standing(secret, lifetime, now);
            if made {
                tracing::info!(
                    token = token.id,
                    "there is a new join token; edges that have joined need none"
                );
            }
            Ok(token.clone())
        })?;
        let Some(secret) = token.secret() else { return Ok(()) };
        let line = format!("{}\n", self.text(secret));
        // Not again where it is there already: a full disk does not keep an origin from starting.
        if std::fs::read_to_string(&self.config.token_file).is_ok_and(|there| there == line) {
            return Ok(());
        }
        Ok(file::write_private(&self.config.token_file, line.as_bytes())?)
    }

    fn text(&self, secret: [u8; 32]) -> JoinToken {
        self.identity.join_token(&self.config.advertise, secret)
    }

    /// Changes the book, on the disk first. Blocks on the disk.
    fn change<T>(&self, work: impl FnOnce(&mut Book) -> Result<T, RosterError>) -> Result<T, RosterError> {
        let _turn = lock(&self.turn);
        let before = lock(&self.book).clone();
        let mut book = before.clone();
        let done = work(&mut book)?;
        if book != before {
            self.write(&book)?;
            *lock(&self.book) = book;
        }
        Ok(done)
    }

    fn write(&self, book: &Book) -> Result<(), RosterError> {
        let bytes = serde_json::to_vec_pretty(book).map_err(RosterError::Encode)?;
        Ok(file::write_private(&self.config.dir.join(FILE), &bytes)?)
    }

    /// The state of the token that `is_proved` says is proved, with its id.
    #[must_use]
    pub fn proved(
        &self,
        is_proved: impl Fn(&[u8; 32]) -> bool,
        now: WallTime,
    ) -> Option<(String, TokenState)> {
        lock(&self.book).proved(is_proved).map(|token| (token.id.clone(), token.state(now)))
    }

    /// The edge of a certificate, if it may connect.
    #[must_use]
    pub fn whose(&self, certificate: &Fingerprint) -> Option<String> {
        lock(&self.book).whose(certificate).map(str::to_owned)
    }

    /// Certifies an edge that has proved a token. Blocks on the disk.
    ///
    /// # Errors
    /// [`RosterError`].
    pub fn enrol(
        &self,
        token_id: &str,
        wished: &str,
        public_key: &[u8],
        now: WallTime,
    ) -> Result<Made, RosterError> {
        self.change(|book| {
            let made = self.certify(book.free_name(wished), public_key)?;
            let here = |name: &str| lock(&self.links).all.values().any(|here| &*here.name == name);
            let (print, ends) =
                (fingerprint(&made.certificate), WallTime(made.expires_at_s.saturating_mul(1_000_000)));
            book.enrol(token_id, &made.name, &print, ends, here, now)?;
            Ok(made)
        })
    }

    /// Certifies an edge again that came with a certificate of this name. Blocks on the disk.
    ///
    /// # Errors
    /// [`RosterError`].
    pub fn renew(&self, name: &str, public_key: &[u8]) -> Result<Made, RosterError> {
        self.change(|book| {
            let made = self.certify(name.to_owned(), public_key)?;
            let ends = WallTime(made.expires_at_s.saturating_mul(1_000_000));
            book.renew(name, &fingerprint(&made.certificate), ends)?;
            Ok(made)
        })
    }

    fn certify(&self, name: String, public_key: &[u8]) -> Result<Made, RosterError> {
        let (certificate, expires_at_s) = self.identity.certify(&name, public_key)?;
        Ok(Made { name, certificate, expires_at_s })
    }

    /// Lets a connection in by its certificate.
    #[must_use]
    pub fn admit(
        self: &Arc<Self>,
        certificate: &Fingerprint,
        address: SocketAddr,
        now: WallTime,
    ) -> Option<Place> {
        // Held until it has its place: an edge that is shut out now is either not let in, or cut off.
        let mut links = lock(&self.links);
        let name: Arc<str> = {
            let mut book = lock(&self.book);
            let name = book.whose(certificate)?.to_owned();
            book.seen(&name, now);
            name.into()
        };
        let number = links.next;
        links.next += 1;
        let mut theirs: Vec<_> = links.all.iter().filter(|(_, here)| here.name == name).collect();
        if theirs.len() >= MAX_LINKS {
            theirs.sort_by_key(|(number, _)| **number);
            for (_, oldest) in &theirs[..=theirs.len() - MAX_LINKS] {
                oldest.cut.cancel();
            }
        }
        let cut = CancellationToken::new();
        links.all.insert(number, Here { name: Arc::clone(&name), address, since: now, cut: cut.clone() });
        Some(Place { roster: Arc::clone(self), number, name, cut })
    }

    /// All edges, by name.
    #[must_use]
    pub fn edges(&self) -> Vec<Listed> {
        let links = lock(&self.links);
        let connected = |name: &str| {
            let all = links.all.values().filter(|here| &*here.name == name);
            all.max_by_key(|here| here.since).map(|here| (here.address, here.since))
        };
        let book = lock(&self.book);
        let listed = book.edges().iter().map(|(name, edge)| Listed {
            name: name.clone(),
            edge: edge.clone(),
            connected: connected(name),
        });
        listed.collect()
    }

    /// All tokens, the oldest first.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        lock(&self.book).tokens().to_vec()
    }

    /// Makes a token; returns it, and its text with which an edge joins. Blocks on the disk.
    ///
    /// # Errors
    /// [`RosterError`].
    pub fn add_token(
        &self,
        label: &str,
        lifetime: Option<Duration>,
        max_uses: Option<u32>,
        now: WallTime,
    ) -> Result<(Token, JoinToken), RosterError> {
        let secret = secret();
        let token = self.change(|book| Ok(book.add_token(label, secret, lifetime, max_uses, now)?))?;
        Ok((token, self.text(secret)))
    }

    /// Revokes a token: no edge can enrol with it any more; if `with_edges`, those that did are revoked as well, which
    /// is for a token that was stolen. Blocks on the disk, but not before they are out.
    ///
    /// # Errors
    /// [`RosterError`]; if it cannot be written, it holds until the next start.
    pub fn revoke_token(&self, id: &str, with_edges: bool, now: WallTime) -> Result<(), RosterError> {
        self.shut_out(|book| {
            if !book.revoke_token(id, now) {
                return Err(NotAdded::Unknown);
            }
            let names = if with_edges { book.joined_with(id) } else { Vec::new() };
            for name in &names {
                book.revoke_edge(name, now)?;
            }
            Ok((names, ()))
        })?;
        self.renew_standing(now)
    }

    /// Shuts an edge out: its connections end, its certificates and the token with which it enrolled are good no more. Gives
    /// that token's id. Blocks on the disk, but not before the edge is out.
    ///
    /// # Errors
    /// [`RosterError`]; if it cannot be written, the edge is out until the next start.
    pub fn revoke_edge(&self, name: &str, now: WallTime) -> Result<String, RosterError> {
        let token = self.shut_out(|book| Ok((vec![name.to_owned()], book.revoke_edge(name, now)?)))?;
        self.renew_standing(now)?;
        Ok(token)
    }

    /// Changes the book at once, cuts off the edges of the names that `work` returns, and only then writes.
    fn shut_out<T>(
        &self,
        work: impl FnOnce(&mut Book) -> Result<(Vec<String>, T), NotAdded>,
    ) -> Result<T, RosterError> {
        let _turn = lock(&self.turn);
        let (names, done) = work(&mut lock(&self.book))?;
        for here in
            lock(&self.links).all.values().filter(|here| names.iter().any(|name| **name == *here.name))
        {
            here.cut.cancel();
        }
        let book = lock(&self.book).clone();
        self.write(&book)?;
        Ok(done)
    }
}

/// The fingerprint of a certificate.
#[must_use]
pub fn fingerprint(certificate: &[u8]) -> Fingerprint {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(certificate).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn open(dir: &std::path::Path, token_lifetime: Option<Duration>) -> Arc<Roster> {
        let identity = Arc::new(Identity::load_or_create(dir).unwrap());
        let config = Config {
            dir: dir.to_owned(),
            token_file: dir.join("join-token"),
            advertise: "origin.example:4433".to_owned(),
            token_lifetime,
        };
        Roster::open(identity, config).unwrap()
    }

    fn standing(dir: &std::path::Path) -> JoinToken {
        std::fs::read_to_string(dir.join("join-token")).unwrap().parse().unwrap()
    }

    fn join(roster: &Roster, token: &JoinToken, name: &str) -> Result<Made, RosterError> {
        let now = WallTime::now();
        let (id, _) = roster.proved(|secret| *secret == token.secret, now).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        roster.enrol(&id, name, key.public_key_raw(), now)
    }

    #[test]
    fn what_the_book_says_survives_a_restart_and_the_first_token_stays() {
        let dir = tempfile::tempdir().unwrap();
        let roster = open(dir.path(), Some(30 * DAY));
        let token = standing(dir.path());
        let made = join(&roster, &token, "one").unwrap();
        let other = join(&roster, &token, "one").unwrap();
        assert_eq!((&made.name[..], &other.name[..]), ("one", "one-2"));
        let again = open(dir.path(), Some(30 * DAY));
        assert_eq!(standing(dir.path()), token);
        assert_eq!(again.whose(&fingerprint(&made.certificate)), Some("one".to_owned()));
        assert_eq!(again.tokens()[0].uses, 2);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn an_edge_that_is_shut_out_is_cut_off_and_the_file_gets_another_token() {
        let dir = tempfile::tempdir().unwrap();
        let roster = open(dir.path(), None);
        let token = standing(dir.path());
        let [bad, good] = ["bad", "good"].map(|name| join(&roster, &token, name).unwrap());
        let address = "192.0.2.1:4433".parse().unwrap();
        let admit = |made: &Made| roster.admit(&fingerprint(&made.certificate), address, WallTime::now());
        let (bad_place, good_place) = (admit(&bad).unwrap(), admit(&good).unwrap());
        assert_eq!(roster.edges().iter().filter(|edge| edge.connected.is_some()).count(), 2);
        roster.revoke_edge("bad", WallTime::now()).unwrap();
        assert!(bad_place.cut.is_cancelled() && !good_place.cut.is_cancelled());
        assert!(admit(&bad).is_none() && admit(&good).is_some());
        assert!(matches!(join(&roster, &token, "x"), Err(RosterError::NotAdded(NotAdded::TokenEnded))));
        let fresh = standing(dir.path());
        assert_ne!(fresh.secret, token.secret);
        join(&roster, &fresh, "x").unwrap();
        drop((bad_place, good_place));
        assert_eq!(roster.edges().iter().filter(|edge| edge.connected.is_some()).count(), 0);
        let again = open(dir.path(), None);
        assert_eq!(again.whose(&fingerprint(&bad.certificate)), None);
        assert_eq!(standing(dir.path()), fresh);
    }

    #[test]
    fn an_edge_has_few_connections_and_the_oldest_gives_way() {
        let dir = tempfile::tempdir().unwrap();
        let roster = open(dir.path(), None);
        let token = standing(dir.path());
        let [greedy, other] = ["greedy", "other"].map(|name| join(&roster, &token, name).unwrap());
        let admit = |made: &Made| {
            roster
                .admit(&fingerprint(&made.certificate), "192.0.2.1:1".parse().unwrap(), WallTime::now())
                .unwrap()
        };
        let one = admit(&other);
        let many: Vec<_> = (0..10).map(|_| admit(&greedy)).collect();
        let cut: Vec<_> = many.iter().map(|place| place.cut.is_cancelled()).collect();
        assert_eq!(cut, [[true; 6].as_slice(), &[false; 4]].concat());
        assert!(!one.cut.is_cancelled());
    }

    #[test]
    fn a_stolen_token_is_revoked_with_all_who_came_by_it() {
        let dir = tempfile::tempdir().unwrap();
        let roster = open(dir.path(), None);
        let good = join(&roster, &standing(dir.path()), "good").unwrap();
        let (stolen, line) = roster.add_token("stolen", None, None, WallTime::now()).unwrap();
        let bad: Vec<_> = (0..3).map(|_| join(&roster, &line, "bad").unwrap()).collect();
        roster.revoke_token(&stolen.id, true, WallTime::now()).unwrap();
        assert!(bad.iter().all(|made| roster.whose(&fingerprint(&made.certificate)).is_none()));
        assert!(roster.whose(&fingerprint(&good.certificate)).is_some());
        assert!(matches!(join(&roster, &line, "bad"), Err(RosterError::NotAdded(NotAdded::TokenEnded))));
    }

    #[test]
    fn an_edge_that_cannot_be_written_down_is_out_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let roster = open(dir.path(), None);
        let made = join(&roster, &standing(dir.path()), "bad").unwrap();
        let place =
            roster.admit(&fingerprint(&made.certificate), "192.0.2.1:1".parse().unwrap(), WallTime::now());
        std::fs::remove_dir_all(dir.path()).unwrap();
        assert!(matches!(roster.revoke_edge("bad", WallTime::now()), Err(RosterError::Write(_))));
        assert!(place.unwrap().cut.is_cancelled());
        assert_eq!(roster.whose(&fingerprint(&made.certificate)), None);
    }

    #[test]
    fn the_standing_token_is_replaced_once_its_time_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let roster = open(dir.path(), Some(DAY));
        let token = standing(dir.path());
        roster.renew_standing(WallTime::now()).unwrap();
        assert_eq!(standing(dir.path()), token);
        roster.renew_standing(WallTime::now().after(2 * DAY)).unwrap();
        assert_ne!(standing(dir.path()), token);
    }

    #[test]
    fn a_damaged_book_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), b"{").unwrap();
        let identity = Arc::new(Identity::load_or_create(dir.path()).unwrap());
        let config = Config {
            dir: dir.path().to_owned(),
            token_file: dir.path().join("join-token"),
            advertise: "a:1".to_owned(),
            token_lifetime: None,
        };
        assert!(matches!(Roster::open(identity, config), Err(RosterError::Damaged { .. })));
    }
}
