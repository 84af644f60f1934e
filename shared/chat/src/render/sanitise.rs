//! The allow-lists. Elements that are not on them go, and their content stays, unless it is code.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ammonia::{Builder, UrlRelative};

use super::urls::is_emoji;

/// The elements that users may write.
const MESSAGE: [&str; 7] = ["a", "br", "code", "em", "img", "pre", "strong"];

/// The elements that announcements may have besides.
const BLOCKS: [&str; 11] = ["blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "ul"];

/// Elements that go together with their content.
const GONE: [&str; 3] = ["iframe", "script", "style"];

/// Schemes of links.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// The only class of pictures. Owncast allows any; each could be one with which a page covers the window.
const EMOJI_CLASS: &str = "emoji";

/// The allow-list of users' messages.
pub(super) fn message() -> Builder<'static> {
    allowing(MESSAGE.into())
}

/// The allow-list of announcements.
pub(super) fn announcement() -> Builder<'static> {
    allowing(MESSAGE.into_iter().chain(BLOCKS).collect())
}

fn allowing(tags: HashSet<&'static str>) -> Builder<'static> {
    let attributes = HashMap::from([
        ("a", HashSet::from(["href"])),
        ("img", HashSet::from(["alt", "class", "src", "title"])),
    ]);
    let mut builder = Builder::empty();
    builder
        .tags(tags)
        .clean_content_tags(GONE.into())
        .tag_attributes(attributes)
        // `empty` leaves `title` and `lang` to all.
        .generic_attributes(HashSet::new())
        .url_schemes(SCHEMES.into())
        .url_relative(UrlRelative::PassThrough)
        // These depend on where the link leads; they are added when the rest is done.
        .link_rel(None)
        .attribute_filter(attribute);
    builder
}

fn attribute<'v>(element: &str, attribute: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let allowed = match (element, attribute) {
        ("img", "src") => is_emoji(value),
        ("img", "alt" | "title") => is_shortcode(value),
        ("img", "class") => return has_emoji_class(value).then_some(EMOJI_CLASS.into()),
        _ => true,
    };
    allowed.then_some(value.into())
}

/// True if it is the name of an emoji between colons.
pub(super) fn is_shortcode(text: &str) -> bool {
    let name = text.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    name.is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace))
}

fn has_emoji_class(classes: &str) -> bool {
    classes.split_ascii_whitespace().any(|class| class == EMOJI_CLASS)
}
