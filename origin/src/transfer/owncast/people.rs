//! Users, bots, webhooks, bans and lines of the chat.
//!
//! Tables of three ages: until 0.0.7 bots are in `access_tokens`, from 0.0.8 on they are users with a token of their own, from
//! 0.0.12 on tokens have a table. Colours are hues until the schema's version 6, then one of eight.

use std::collections::{HashMap, HashSet};

use farcast_chat::user::token_hash;
use farcast_feed::time::WallTime;

use super::database::{Cell, Database, DatabaseError};
use crate::tokens::SHOWN_CHARS;
use crate::transfer::document::{AccessToken, Ban, Document, Message, Moment, TokenHash, User, Webhook};
use crate::transfer::plan::{Group, Plan, number};

/// Most users that come. Of more the newest do.
const MAX_USERS: usize = 100_000;
/// Most tokens that are read: users may have several.
const MAX_TOKENS: usize = 300_000;
/// Most further tokens of one user.
const MAX_TOKENS_OF_ONE: usize = 20;
const MAX_WEBHOOKS: usize = 1000;
const MAX_BANS: usize = 10_000;
/// Most lines of the chat that are read, the newest.
const MAX_MESSAGES: usize = 10_000;
/// The first schema whose colours are of a palette, and how many hues lie between two of it.
const PALETTE_SCHEMA: i64 = 7;
const PALETTE_STEP: u16 = 45;

/// Reads all of them.
pub(super) fn read(
    database: &Database,
    document: &mut Document,
    left_out: &mut Plan,
) -> Result<(), DatabaseError> {
    let has_palette = database.schema()?.is_none_or(|schema| schema >= PALETTE_SCHEMA);
    let tokens = tokens(database)?;
    let mut people = People { tokens, has_palette, document, left_out, deleted: 0, tokenless: 0 };
    let wanted = [
        "id",
        "display_name",
        "display_color",
        "created_at",
        "disabled_at",
        "previous_names",
        "namechanged_at",
        "scopes",
        "type",
        "last_used",
        "access_token",
    ];
    let more = database.rows(("users", "created_at"), &wanted, MAX_USERS, |row| people.take(row))?;
    people.end(more);
    old_tokens(database, document)?;
    webhooks(database, document)?;
    bans(database, document)?;
    messages(database, document)?;
    let mut logins = 0;
    database.rows(("auth", ""), &["user_id"], MAX_USERS, |_| logins += 1)?;
    if logins > 0 {
        left_out.skipped(
            Group::Elsewhere,
            number(logins, "login by IndieAuth or the Fediverse", "logins by IndieAuth or the Fediverse"),
            "the chat has no logins: these users go on with the tokens of their browsers",
        );
    }
    let mut followers = 0;
    database.rows(("ap_followers", ""), &["iri"], MAX_USERS, |_| followers += 1)?;
    if followers > 0 {
        left_out.skipped(
            Group::Elsewhere,
            number(followers, "follower", "followers"),
            "there is no federation (ActivityPub)",
        );
    }
    Ok(())
}

/// The tokens of each user, where they have a table of their own.
fn tokens(database: &Database) -> Result<HashMap<String, Vec<String>>, DatabaseError> {
    let mut tokens = HashMap::<_, Vec<_>>::new();
    let wanted = ["user_id", "token"];
    database.rows(("user_access_tokens", "timestamp"), &wanted, MAX_TOKENS, |row| {
        if let (Some(user), Some(token)) = (row[0].text(), row[1].text()) {
            tokens.entry(user).or_default().push(token);
        }
    })?;
    Ok(tokens)
}

struct People<'a> {
    tokens: HashMap<String, Vec<String>>,
    has_palette: bool,
    document: &'a mut Document,
    left_out: &'a mut Plan,
    /// Bots that were deleted there.
    deleted: usize,
    /// Users whom nobody can be.
    tokenless: usize,
}

fn hashed(token: &str) -> TokenHash {
    TokenHash(token_hash(token))
}

fn moment(cell: &Cell<'_>) -> Option<Moment> {
    cell.time().map(Moment)
}

/// Texts between commas.
fn parts(cell: &Cell<'_>) -> Vec<String> {
    let text = cell.text().unwrap_or_default();
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl People<'_> {
    fn take(&mut self, row: &[Cell<'_>]) {
        let [id, name, color, created, disabled, previous, changed, scopes, kind, used, token] = row else {
            return;
        };
        let (Some(id), Some(display_name)) = (id.text(), name.text()) else { return };
        let mut tokens = self.tokens.remove(&id).unwrap_or_default();
        tokens.extend(token.text());
        let tokens: Vec<_> = tokens.into_iter().filter(|token| !token.is_empty()).collect();
        let disabled_at = moment(disabled).or_else(|| disabled.text().map(|_| Moment(WallTime(0))));
        let display_color = self.hue(color);
        let created_at = moment(created).unwrap_or_default();
        if kind.text().as_deref() == Some("API") {
            let bot = AccessToken {
                id,
                name: display_name,
                begins: String::new(),
                display_color,
                created_at,
                last_used_at: moment(used),
                scopes: parts(scopes),
                token_hash: None,
            };
            self.bot(&bot, &tokens, disabled_at.is_some());
            return;
        }
        let is_moderator = parts(scopes).iter().any(|scope| scope == "MODERATOR");
        let Some(token) = tokens.first() else {
            self.tokenless += 1;
            return;
        };
        self.document.users.push(User {
            id,
            display_name,
            display_color,
            created_at,
            previous_names: parts(previous),
            name_changed_at: moment(changed),
            disabled_at,
            is_moderator,
            token_hash: Some(hashed(token)),
            more_token_hashes: tokens
                .iter()
                .skip(1)
                .take(MAX_TOKENS_OF_ONE)
                .map(|token| hashed(token))
                .collect(),
        });
    }

    /// A bot has as many tokens here as it had there; they share its name.
    fn bot(&mut self, bot: &AccessToken, tokens: &[String], is_deleted: bool) {
        if is_deleted {
            self.deleted += 1;
            return;
        }
        if tokens.is_empty() {
            self.left_out.skipped(Group::AccessTokens, format!("{:?}", bot.name), "it has no token there");
        }
        for (place, token) in tokens.iter().enumerate() {
            let id = if place == 0 { bot.id.clone() } else { format!("{}-{}", bot.id, place + 1) };
            let begins = token.chars().take(SHOWN_CHARS).collect();
            let token_hash = Some(hashed(token));
            self.document.access_tokens.push(AccessToken { id, begins, token_hash, ..bot.clone() });
        }
    }

    fn hue(&self, color: &Cell<'_>) -> u16 {
        let number = color.number().and_then(|number| u16::try_from(number).ok()).unwrap_or_default();
        if self.has_palette { number % 8 * PALETTE_STEP } else { number % 361 }
    }

    fn end(self, more: bool) {
        if self.deleted > 0 {
            let what = number(self.deleted, "bot", "bots");
            self.left_out.skipped(Group::AccessTokens, what, "they were deleted there");
        }
        if self.tokenless > 0 {
            let what = number(self.tokenless, "user", "users");
            self.left_out.skipped(
                Group::Users,
                what,
                "they have no token, so nobody could go on as one of them",
            );
        }
        if more {
            let why = format!("the newest {MAX_USERS} come");
            self.left_out.skipped(Group::Users, "older users", why);
        }
    }
}

/// Bots of versions before there were users.
fn old_tokens(database: &Database, document: &mut Document) -> Result<(), DatabaseError> {
    // They were made users by a later version, and the table is still there.
    let known: HashSet<_> =
        document.access_tokens.iter().filter_map(|token| token.token_hash.clone()).collect();
    let is_old = database.columns("users")?.is_empty();
    let wanted = ["token", "name", "scopes", "timestamp", "last_used"];
    database.rows(("access_tokens", ""), &wanted, MAX_WEBHOOKS, |row| {
        let [token, name, scopes, created, used] = row else { return };
        let (Some(token), Some(name)) = (token.text(), name.text()) else { return };
        let hash = hashed(&token);
        if !is_old || known.contains(&hash) {
            return;
        }
        document.access_tokens.push(AccessToken {
            // There it has none; it has to be the same in each run.
            id: hash.0.chars().take(11).collect(),
            begins: token.chars().take(SHOWN_CHARS).collect(),
            name,
            display_color: u16::try_from(token.len() * 37 % 361).unwrap_or_default(),
            created_at: moment(created).unwrap_or_default(),
            last_used_at: moment(used),
            scopes: parts(scopes),
            token_hash: Some(hash),
        });
    })?;
    Ok(())
}

fn webhooks(database: &Database, document: &mut Document) -> Result<(), DatabaseError> {
    database.rows(("webhooks", ""), &["url", "events", "timestamp"], MAX_WEBHOOKS, |row| {
        let [url, events, created] = row else { return };
        if let Some(url) = url.text() {
            let created_at = moment(created).unwrap_or_default();
            document.webhooks.push(Webhook { url, events: parts(events), created_at, secret: None });
        }
    })?;
    Ok(())
}

fn bans(database: &Database, document: &mut Document) -> Result<(), DatabaseError> {
    database.rows(("ip_bans", ""), &["ip_address", "notes", "created_at"], MAX_BANS, |row| {
        let [address, notes, created] = row else { return };
        if let Some(address) = address.text() {
            let notes: String = notes.text().unwrap_or_default().chars().take(255).collect();
            let created_at = moment(created).unwrap_or_default();
            document.bans.push(Ban { address, notes, created_at, expires_at: None });
        }
    })?;
    Ok(())
}

/// Lines that people see. What was hidden stays where it is.
fn messages(database: &Database, document: &mut Document) -> Result<(), DatabaseError> {
    let wanted = ["id", "user_id", "body", "eventType", "hidden_at", "timestamp"];
    database.rows(("messages", "timestamp"), &wanted, MAX_MESSAGES, |row| {
        let [id, user, body, kind, hidden, at] = row else { return };
        if kind.text().as_deref() != Some("CHAT") || hidden.text().is_some() {
            return;
        }
        if let (Some(id), Some(user_id), Some(body), Some(at)) =
            (id.text(), user.text(), body.text(), moment(at))
        {
            document.messages.push(Message { id, user_id, at, body });
        }
    })?;
    Ok(())
}
