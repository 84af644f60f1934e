//! Additions to sanitised HTML: links for bare addresses, pictures for emoji, and attributes of links.
//!
//! The input is the sanitiser's output, and only that: `<` begins a tag, values of attributes are quoted, and `&` begins
//! one of `&amp;`, `&lt;`, `&gt;`, `&nbsp;`, `&quot;`.

use super::urls::{self, EMOJI_FOLDER};
use super::{escape, sanitise};
use crate::name::is_invisible;
use farcast_settings::Emoji;

/// Longest name of an emoji that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Attributes of links that lead to other hosts.
const AWAY: &str = r#" rel="nofollow noreferrer noopener" target="_blank""#;

/// And those that do not.
const HERE: &str = r#" rel="nofollow noreferrer""#;

/// The finished HTML; empty if nothing in it could be seen. Of pictures beyond `max_pictures` the names are left.
pub(super) fn finish(sanitised: &str, emoji: &[Emoji], max_pictures: usize) -> String {
    let mut writer = Writer::new(sanitised.len() * 2, emoji, max_pictures);
    let mut rest = sanitised;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        let end = end_of_tag(tag);
        writer.text(text);
        writer.tag(&tag[..end]);
        rest = &tag[end..];
    }
    writer.text(rest);
    if writer.is_visible { writer.out } else { String::new() }
}

/// Length of the tag with which `html` begins.
fn end_of_tag(html: &str) -> usize {
    let mut is_quoted = false;
    let end = html.bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b'>' && !is_quoted
    });
    end.map_or(html.len(), |at| at + 1)
}

struct Writer<'e> {
    out: String,
    emoji: &'e [Emoji],
    /// Pictures that may still come.
    pictures: usize,
    /// True if something is visible.
    is_visible: bool,
    /// Number of `code` and `pre` that are open.
    code: usize,
    /// Links that are open, each with whether it was written.
    links: Vec<bool>,
}

impl<'e> Writer<'e> {
    fn new(capacity: usize, emoji: &'e [Emoji], pictures: usize) -> Self {
        let out = String::with_capacity(capacity);
        Self { out, emoji, pictures, is_visible: false, code: 0, links: Vec::new() }
    }

    fn tag(&mut self, tag: &str) {
        let name = tag.trim_matches(['<', '>']).split(' ').next().unwrap_or_default();
        match name {
            "a" => self.link(tag),
            "/a" if self.links.pop() != Some(true) => (),
            "img" if attribute(tag, "src").is_none() => (),
            "img" if self.pictures == 0 => {
                let name = attribute(tag, "alt").unwrap_or_default();
                self.is_visible |= !name.is_empty();
                self.out.push_str(name);
            }
            "img" => {
                self.is_visible = true;
                self.pictures -= 1;
                self.out.push_str(tag);
            }
            _ => {
                match name {
                    "code" | "pre" => self.code += 1,
                    "/code" | "/pre" => self.code = self.code.saturating_sub(1),
                    _ => (),
                }
                self.out.push_str(tag);
            }
        }
    }

    /// A link inside a link is not made, nor one that leads nowhere.
    fn link(&mut self, tag: &str) {
        let href = attribute(tag, "href").filter(|_| !self.links.contains(&true));
        self.links.push(href.is_some());
        if let Some(href) = href {
            self.out.push_str(tag.trim_end_matches('>'));
            self.out.push_str(if urls::leads_away(&unescape(href)) { AWAY } else { HERE });
            self.out.push('>');
        }
    }

    fn text(&mut self, text: &str) {
        let can_be_seen = |c: char| !c.is_whitespace() && !is_invisible(c);
        self.is_visible = self.is_visible || text.replace("&nbsp;", "").contains(can_be_seen);
        let mut rest = if self.code == 0 { text } else { "" };
        let mut done = 0;
        // Everything up to `done` is written; `rest` is what may still hold something.
        while let Some(at) = rest.find([':', 'h', 'H']) {
            let start = text.len() - rest.len() + at;
            let used = self.special(&text[done..start], &text[start..]);
            done = if used == 0 { done } else { start + used };
            rest = &text[start + used.max(1)..];
        }
        self.out.push_str(&text[done..]);
    }

    /// Writes `before` and the link or emoji with which `text` begins, and says how long that was: nothing is written if
    /// there is none.
    fn special(&mut self, before: &str, text: &str) -> usize {
        if text.starts_with(':') {
            let Some((shortcode, file)) = self.shortcode(text).filter(|_| self.pictures > 0) else {
                return 0;
            };
            self.pictures -= 1;
            let (src, alt) = (escape(&format!("{EMOJI_FOLDER}{file}")), escape(&unescape(shortcode)));
            self.out.push_str(before);
            self.out.push_str(&format!(r#"<img src="{src}" class="emoji" alt="{alt}" title="{alt}">"#));
            return shortcode.len();
        }
        let is_within_word = before.chars().next_back().is_some_and(char::is_alphanumeric);
        if is_within_word || self.links.contains(&true) {
            return 0;
        }
        let Some(urls::Bare { text: url, is_link }) = urls::bare(text) else { return 0 };
        self.out.push_str(before);
        if is_link {
            let opens = if urls::leads_away(&unescape(url)) { AWAY } else { HERE };
            self.out.push_str(&format!(r#"<a href="{url}"{opens}>{url}</a>"#));
        } else {
            self.out.push_str(url);
        }
        url.len()
    }

    /// The known emoji with whose name between colons `text` begins: that, and the file.
    fn shortcode<'t>(&self, text: &'t str) -> Option<(&'t str, &'e str)> {
        let within = text.as_bytes().get(1..)?.iter().take(MAX_NAME_BYTES + 1);
        let name_len = within.copied().position(|byte| byte == b':')?;
        let shortcode = &text[..name_len + 2];
        let name = unescape(&shortcode[1..=name_len]);
        let known = self.emoji.iter().find(|emoji| emoji.name == name)?;
        let file = known.asset.file.as_str();
        let is_good =
            sanitise::is_shortcode(&unescape(shortcode)) && urls::is_emoji(&format!("{EMOJI_FOLDER}{file}"));
        is_good.then_some((shortcode, file))
    }
}

/// The attribute's value as it is written.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    // A value has no quotation mark, so this is not in one.
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next()
}

fn unescape(html: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", "\u{a0}"), ("&amp;", "&")];
    entities.iter().fold(html.to_owned(), |text, (entity, c)| text.replace(entity, c))
}
