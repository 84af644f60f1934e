//! The keys that edges may use, by family, and their rights: a list, so that new or forgotten keys are refused.
//!
//! Found by reading what an edge does: it follows the settings, the status and the chat's log, loads pictures, looks users up
//! by their tokens, and moderators, whose names are taken, takes numbers for connections, publishes its viewers, announces
//! itself and follows what others announce. Writing goes by whole acts ([`super::act`]).

use farcast_audience::viewers;
use farcast_certificates::announced_key;
use farcast_chat::log;
use farcast_chat::user::{List, accounts};
use farcast_chat::{LastClient, user};
use farcast_edge_directory::prefix as edges;
use farcast_settings::{assets, prefix as settings, status_key, tip_key};
use farcast_store::wire::Request;
use farcast_store::{Batch, Items, Key, Scan};

use super::Refused;

/// The families of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    /// A setting.
    Setting,
    /// The tip of the settings.
    SettingsTip,
    /// The status of the broadcast.
    Status,
    /// A piece of a picture.
    Picture,
    /// An entry of the chat's log.
    Entry,
    /// The place of the log's newest entry.
    LogTip,
    /// A user of the chat.
    User,
    /// A token's user, by the token's hash.
    Token,
    /// The users who may not chat.
    Disabled,
    /// The moderators: their names are not for others.
    Moderator,
    /// The number of the last connection.
    LastClient,
    /// The viewers of an edge.
    Viewers,
    /// What an edge announces of itself.
    Announcement,
    /// What the origin announces about certificates.
    Certificates,
}

/// The rights to a key beside writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Right {
    /// One key's value.
    Get,
    /// All keys with this prefix.
    Scan,
    /// A watch for a value's next change.
    Watch,
}

impl Family {
    /// The family of a key, if edges have anything to do with it.
    pub(super) fn of(key: &Key) -> Option<Self> {
        let one = |known: &Key| known == key;
        let text_behind = |prefix: &Key| {
            let mut items = Items::behind(prefix, key).ok()?;
            items.text().ok()?;
            items.end().ok()
        };
        if one(&tip_key()) {
            return Some(Self::SettingsTip);
        }
        if one(status_key().key()) {
            return Some(Self::Status);
        }
        if one(&log::tip()) {
            return Some(Self::LogTip);
        }
        if one(LastClient::key().key()) {
            return Some(Self::LastClient);
        }
        if one(announced_key().key()) {
            return Some(Self::Certificates);
        }
        if viewers::is_published_key(key) {
            return Some(Self::Viewers);
        }
        if farcast_edge_directory::is_record_key(key) {
            return Some(Self::Announcement);
        }
        let named = [
            (settings(), Self::Setting),
            (accounts(), Self::User),
            (user::tokens(), Self::Token),
            (List::Disabled.prefix(), Self::Disabled),
            (List::Moderators.prefix(), Self::Moderator),
        ];
        if let Some((_, family)) = named.iter().find(|(prefix, _)| text_behind(prefix).is_some()) {
            return Some(*family);
        }
        let begins = |prefix: &Key| key.as_bytes().starts_with(prefix.as_bytes());
        match () {
            () if begins(&log::prefix()) => Some(Self::Entry),
            () if begins(&assets()) => Some(Self::Picture),
            () => None,
        }
    }

    fn has(self, right: Right) -> bool {
        match self {
            Self::Setting | Self::Picture | Self::Entry | Self::Moderator | Self::Announcement => {
                right == Right::Scan
            }
            Self::SettingsTip | Self::Status | Self::LogTip | Self::Certificates => right != Right::Scan,
            Self::User | Self::Token | Self::LastClient => right == Right::Get,
            Self::Disabled | Self::Viewers => false,
        }
    }
}

fn private(request: &Request) -> Result<(), Refused> {
    if request.is_private() { Err(Refused::Private) } else { Ok(()) }
}

/// The family of a key of which an edge has this right.
pub(super) fn check(key: &Key, right: Right) -> Result<Family, Refused> {
    private(&Request::Get(key.clone()))?;
    Family::of(key).filter(|family| family.has(right)).ok_or(Refused::NotListed)
}

/// Checks that a range lies within one that edges may read.
pub(super) fn check_scan(scan: &Scan) -> Result<(), Refused> {
    private(&Request::Scan(scan.clone()))?;
    let within = |prefix: Key| scan.to <= prefix.after_all_with_prefix() && scan.from >= prefix;
    let lawful = [settings(), assets(), log::prefix(), List::Moderators.prefix(), edges()];
    if lawful.into_iter().any(within) { Ok(()) } else { Err(Refused::NotListed) }
}

/// Checks that a batch touches no key of the origin's own.
pub(super) fn check_batch(batch: &Batch) -> Result<(), Refused> {
    private(&Request::Commit(batch.clone()))
}

#[cfg(test)]
mod tests {
    use farcast_chat::user::{account_key, token_key};
    use farcast_store::wire::PRIVATE;
    use farcast_store::{STAMP_BYTES, Tuple, Versionstamp, appended_key};

    use super::*;

    fn key(items: &[&str]) -> Key {
        items.iter().fold(Tuple::new(), |tuple, item| tuple.text(item)).key()
    }

    #[test]
    fn each_family_of_keys_has_its_rights_and_no_other() {
        let entry = appended_key(&log::prefix(), Versionstamp::from_bytes([7; STAMP_BYTES]));
        let viewers = Tuple::new().text("viewers").bytes(&[7; 16]).key();
        let picture = Tuple::new().text("asset").bytes(&[7; 32]).uint(0).key();
        let last = LastClient::key().key().clone();
        let (get, scan, get_and_watch, none) =
            ([true, false, false], [false, true, false], [true, false, true], [false; 3]);
        for (key, rights) in [
            (key(&["config", "name"]), scan),
            (picture, scan),
            (entry, scan),
            (key(&["config_tip"]), get_and_watch),
            (key(&["status"]), get_and_watch),
            (key(&["chat_tip"]), get_and_watch),
            (key(&["certificate_announced"]), get_and_watch),
            (account_key("a").key().clone(), get),
            (token_key("a").key().clone(), get),
            (last, get),
            (viewers, none),
            (key(&["edges", "frankfurt-1"]), scan),
            (key(&["edges", "frankfurt 1"]), none),
            (key(&["edges", "a", "b"]), none),
            (key(&["edges"]), none),
            (List::Disabled.key("a"), none),
            (List::Moderators.key("a"), scan),
            // Of the origin alone, or of nobody.
            (key(&["series", "viewers"]), none),
            (key(&["viewer_peaks"]), none),
            (key(&[PRIVATE, "credentials"]), none),
            (key(&["chat", "user"]), none),
            (key(&["chat", "user", "a", "b"]), none),
            (key(&["chat"]), none),
            (key(&["config"]), none),
            (key(&["what comes later"]), none),
            (Key::from_bytes(vec![2]), none),
            (Key::from_bytes(vec![]), none),
        ] {
            let found = [Right::Get, Right::Scan, Right::Watch].map(|right| check(&key, right).is_ok());
            assert_eq!(found, rights, "{key:?}");
        }
        assert_eq!(check(&key(&[PRIVATE, "x"]), Right::Get), Err(Refused::Private));
    }

    #[test]
    fn ranges_stay_within_what_edges_follow() {
        let whole = |prefix: Key| Scan::prefix(prefix);
        for lawful in [
            whole(settings()),
            whole(assets()),
            whole(Tuple::new().text("asset").bytes(&[7; 32]).key()),
            whole(log::prefix()),
            whole(List::Moderators.prefix()),
            whole(edges()),
            Scan::range(
                appended_key(&log::prefix(), Versionstamp::ZERO).successor(),
                log::prefix().after_all_with_prefix(),
            ),
        ] {
            assert_eq!(check_scan(&lawful), Ok(()), "{lawful:?}");
        }
        for (wrong, why) in [
            (whole(accounts()), Refused::NotListed),
            (whole(user::tokens()), Refused::NotListed),
            (whole(key(&["chat"])), Refused::NotListed),
            (whole(key(&["viewers"])), Refused::NotListed),
            (whole(List::Disabled.prefix()), Refused::NotListed),
            (Scan::range(settings(), settings().after_all_with_prefix().successor()), Refused::NotListed),
            (Scan::range(key(&["a"]), key(&["b"])), Refused::NotListed),
            (Scan::range(key(&["a"]), key(&["z"])), Refused::Private),
            (whole(key(&[PRIVATE])), Refused::Private),
        ] {
            assert_eq!(check_scan(&wrong), Err(why), "{wrong:?}");
        }
    }
}
