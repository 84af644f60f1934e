//! The allowed contents of rendered chat, checked independently of the renderer: on the tokens of HTML's own tokenizer
//! (html5ever), and with rules of its own for addresses. Used by tests, and by the fuzz target, which includes this file.
//!
//! Tokens suffice: a tokenizer leaves its normal state only for elements that are not allowed (`script`, `title`, …), and
//! a tree has no elements but those of tags.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

/// The kinds of rendered text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A user's message.
    Message,
    /// An announcement.
    Announcement,
}

/// The text that a browser makes of `html`, or the first thing in it that is not allowed.
///
/// # Errors
/// An element, attribute, address or comment that is not allowed, or HTML that is not well-formed.
pub(super) fn text(html: &str, form: Form) -> Result<String, String> {
    let sink = Sink { form, found: RefCell::new(Ok(String::new())) };
    let tokenizer = Tokenizer::new(sink, Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.found.into_inner()
}

struct Sink {
    form: Form,
    found: RefCell<Result<String, String>>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut found = self.found.borrow_mut();
        if let Ok(text) = &mut *found {
            let problem = match token {
                Token::CharacterTokens(more) => {
                    text.push_str(&more);
                    None
                }
                Token::TagToken(tag) => self.problem(&tag),
                Token::EOFToken => None,
                other => Some(format!("{other:?}")),
            };
            if let Some(problem) = problem {
                *found = Err(problem);
            }
        }
        TokenSinkResult::Continue
    }
}

impl Sink {
    fn problem(&self, tag: &Tag) -> Option<String> {
        let name = &*tag.name;
        let is_inline = ["a", "br", "code", "em", "img", "pre", "strong"].contains(&name);
        let is_block =
            ["p", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"].contains(&name);
        let is_allowed = is_inline || (is_block && self.form == Form::Announcement);
        if !is_allowed {
            return Some(format!("element {name}"));
        }
        if tag.kind == TagKind::EndTag {
            return (!tag.attrs.is_empty()).then(|| format!("attributes at the end of {name}"));
        }
        let value = |wanted: &str| tag.attrs.iter().find(|a| &*a.name.local == wanted).map(|a| &*a.value);
        let bad = tag.attrs.iter().find(|a| !attribute(name, &a.name.local, &a.value));
        if let Some(bad) = bad {
            return Some(format!("{name} has {}={:?}", &*bad.name.local, &*bad.value));
        }
        match name {
            "img" if value("src").is_none() => Some("a picture without address".to_owned()),
            "a" => {
                let is_away = value("target") == Some("_blank");
                let rel = if is_away { "nofollow noreferrer noopener" } else { "nofollow noreferrer" };
                let (Some(href), Some(given)) = (value("href"), value("rel")) else {
                    return Some("a link without address or rel".to_owned());
                };
                let must_be_away = match scheme(href) {
                    Some(scheme) => scheme.starts_with("http"),
                    None => href.trim_start_matches(|c| c <= ' ').replace('\\', "/").starts_with("//"),
                };
                (given != rel || (must_be_away && !is_away)).then(|| format!("{href:?} has rel={given:?}"))
            }
            _ => None,
        }
    }
}

fn attribute(element: &str, attribute: &str, value: &str) -> bool {
    match (element, attribute) {
        ("a", "href") => scheme(value).is_none_or(|scheme| ["http", "https", "mailto"].contains(&&*scheme)),
        ("a", "rel") => true,
        ("a", "target") => value == "_blank",
        ("img", "src") => is_emoji(value),
        ("img", "class") => value == "emoji",
        ("img", "alt" | "title") => {
            value.len() > 2
                && value.starts_with(':')
                && value.ends_with(':')
                && !value.contains(char::is_whitespace)
        }
        _ => false,
    }
}

/// The scheme, in lower case, as WHATWG's URL parser finds it: after controls and spaces, with tabs and line ends ignored.
fn scheme(url: &str) -> Option<String> {
    let url: String = url.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let url = url.trim_start_matches(|c| c <= ' ').to_ascii_lowercase();
    let (scheme, _) = url.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then(|| scheme.to_owned())
}

fn is_emoji(src: &str) -> bool {
    let lower = src.to_ascii_lowercase().replace("%2e", ".");
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    let banned = |c: char| c.is_control() || matches!(c, '\\' | '?' | '#');
    lower.strip_prefix("/img/emoji/").is_some_and(|rest| {
        rest.split('/').all(|segment| plain(segment.trim()))
            && !rest.contains(banned)
            && !rest.contains("%2f")
            && !rest.contains("%5c")
    })
}
