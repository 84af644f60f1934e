//! Chat text as HTML: rendered and sanitised once, where a message is accepted. Pages show it as it is.
//!
//! Place in the flow: the body of a message (CommonMark, HTML allowed) → CommonMark's HTML → the allow-list ([`sanitise`])
//! → links and emoji ([`finish`]) → store, sockets, history. The allowed HTML, and the form of links, are those of Owncast
//! 0.0.10, whose clients this chat has: a message is not wrapped into `<p>`.
//!
//! Invariants, for every input: no element, attribute or address beyond the allow-list is in the result, which is
//! well-formed; time and memory are bounded, since tags and entities are counted before HTML is parsed; the result is not
//! larger than its limit. A text that exceeds a limit is refused as a whole: half a message could say the contrary.

mod finish;
mod sanitise;
#[cfg(test)]
mod tests;
mod urls;

use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Options, Parser, html};

use farcast_settings::Emoji;

/// Longest message of a user that is rendered, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 2_048;

/// Longest announcement that is rendered, in bytes.
pub const MAX_ANNOUNCEMENT_BYTES: usize = 64 * 1024;

/// Largest rendered message, in bytes: four times the text. All connections are sent it, so a line must not grow by much:
/// [`MAX_MESSAGE_EMOJI`] pictures and a few dozen links fit.
pub const MAX_MESSAGE_HTML_BYTES: usize = 8 * 1024;

/// Most pictures of emoji in a message: two rows of them. Of more the names are left, as they were written.
pub const MAX_MESSAGE_EMOJI: usize = 40;

/// Largest rendered announcement, in bytes: with what surrounds it, it fits a value of the store.
pub const MAX_ANNOUNCEMENT_HTML_BYTES: usize = 80 * 1024;

/// Most tags that a message may have, allowed or not, ends included. An HTML parser's time and memory grow with the square
/// of it: elements that are left open are opened again in each paragraph.
pub const MAX_MESSAGE_TAGS: usize = 256;

/// Most tags that an announcement may have. More than in a message, since not everybody can send one.
pub const MAX_ANNOUNCEMENT_TAGS: usize = 512;

/// Most entities (`&amp;`) that a text may have. The HTML parser's time grows with the square of these, too.
pub const MAX_ENTITIES: usize = 4_096;

/// A message exceeds a limit, and is refused as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the message is too large, or has too much markup")]
pub struct TooLarge;

/// HTML of a user's message, without space around it. Emoji by name (`:name:`) become pictures where `emoji` has them, up to
/// [`MAX_MESSAGE_EMOJI`].
///
/// Empty, which means that there is nothing to send, if nothing that can be seen is left.
///
/// # Errors
/// A limit is exceeded: [`MAX_MESSAGE_BYTES`], [`MAX_MESSAGE_TAGS`], [`MAX_ENTITIES`], [`MAX_MESSAGE_HTML_BYTES`].
pub fn try_message(raw: &str, emoji: &[Emoji]) -> Result<String, TooLarge> {
    static ALLOWED: LazyLock<Builder<'static>> = LazyLock::new(sanitise::message);
    if raw.len() > MAX_MESSAGE_BYTES {
        return Err(TooLarge);
    }
    let form = Limits { tags: MAX_MESSAGE_TAGS, pictures: MAX_MESSAGE_EMOJI, bytes: MAX_MESSAGE_HTML_BYTES };
    render(raw.trim(), &ALLOWED, form, emoji).map(|html| html.trim().to_owned())
}

/// As [`try_message`]; empty, too, if a limit is exceeded.
#[must_use]
pub fn message(raw: &str, emoji: &[Emoji]) -> String {
    try_message(raw, emoji).unwrap_or_default()
}

/// HTML of the server's own messages: system and action messages of integrations, the welcome. Paragraphs, lists,
/// headings and quotes are kept, so "hello" is `<p>hello</p>` and a line's end, as in Owncast; unlike there it is
/// sanitised. Emoji by name stay text.
///
/// Empty if nothing that can be seen is left, or if a limit is exceeded: [`MAX_ANNOUNCEMENT_BYTES`],
/// [`MAX_ANNOUNCEMENT_TAGS`], [`MAX_ENTITIES`], [`MAX_ANNOUNCEMENT_HTML_BYTES`].
#[must_use]
pub fn announcement(markdown: &str) -> String {
    static ALLOWED: LazyLock<Builder<'static>> = LazyLock::new(sanitise::announcement);
    if markdown.len() > MAX_ANNOUNCEMENT_BYTES {
        return String::new();
    }
    let form = Limits {
        tags: MAX_ANNOUNCEMENT_TAGS,
        pictures: MAX_ANNOUNCEMENT_TAGS,
        bytes: MAX_ANNOUNCEMENT_HTML_BYTES,
    };
    render(markdown.trim(), &ALLOWED, form, &[]).unwrap_or_default()
}

/// The limits of the result.
#[derive(Clone, Copy)]
struct Limits {
    tags: usize,
    pictures: usize,
    bytes: usize,
}

fn render(
    markdown: &str,
    allowed: &Builder<'_>,
    limits: Limits,
    emoji: &[Emoji],
) -> Result<String, TooLarge> {
    let (guarded, is_hidden) = urls::guard(markdown);
    let mut html = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut html, Parser::new_ext(&guarded, Options::empty()));
    if is_hidden {
        html = urls::release(&html);
    }
    let count = |wanted| html.bytes().filter(|byte| *byte == wanted).count();
    if count(b'<') > limits.tags || count(b'&') > MAX_ENTITIES {
        return Err(TooLarge);
    }
    let html = finish::finish(&allowed.clean(&html).to_string(), emoji, limits.pictures);
    if html.len() > limits.bytes { Err(TooLarge) } else { Ok(html) }
}

/// `text` as HTML that shows it, in an element or a quoted attribute. At most six times as long.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// `text` as Markdown that shows it within a line: for texts inside an announcement ("**name** has been removed from
/// chat."), which must not become markup, a link or an emoji. White space is one space, none is at the ends. At most three
/// times as long.
#[must_use]
pub fn escape_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for (at, c) in word.char_indices() {
            if c.is_ascii_punctuation() {
                // A backslash does not keep a bare address from becoming a link; an invisible joiner does.
                if word[at..].starts_with("://") {
                    out.push('\u{2060}');
                }
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}
