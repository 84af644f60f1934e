//! Addresses in messages: which may be linked, which pictures are emoji, and bare ones within text.

use ammonia::Url;
use ammonia::url::ParseError;

use crate::name::is_invisible;

/// The path of emoji.
pub(super) const EMOJI_FOLDER: &str = "/img/emoji/";

/// Longest bare address that becomes a link, in bytes.
const MAX_BARE_BYTES: usize = 2_048;

/// Stands for an underscore of a bare address while CommonMark is rendered. A noncharacter, which no text should have.
const UNDERSCORE: char = '\u{fdd0}';

/// [`UNDERSCORE`] as CommonMark's renderer writes it into an address.
const UNDERSCORE_IN_HREF: &str = "%EF%B7%90";

/// The address to which browsers go for `reference` from a page of ours, as they read it (WHATWG URL): they ignore tabs and
/// line ends, take backslashes for slashes, and resolve dots that are escaped, too.
fn resolve(reference: &str) -> Result<(Url, bool), ParseError> {
    let ours = Url::parse("http://ours.invalid/")?;
    let url = ours.join(reference)?;
    let is_ours = url.origin() == ours.origin();
    Ok((url, is_ours))
}

/// True if a link leads to another host. One with a scheme does, `http:x` included: to a page of HTTPS that is a host.
pub(super) fn leads_away(href: &str) -> bool {
    match Url::parse(href) {
        Ok(url) => url.has_host(),
        Err(_) => !resolve(href).is_ok_and(|(_, is_ours)| is_ours),
    }
}

/// True if a picture's address is that of an emoji: a plain path below [`EMOJI_FOLDER`], whatever its case.
pub(super) fn is_emoji(src: &str) -> bool {
    let below = |path: &str| {
        path.get(..EMOJI_FOLDER.len()).is_some_and(|start| start.eq_ignore_ascii_case(EMOJI_FOLDER))
            && path.len() > EMOJI_FOLDER.len()
    };
    // A server may take these for separators, after the browser did not.
    let lower = src.to_ascii_lowercase();
    let hides_separator = src.contains('\\') || lower.contains("%2f") || lower.contains("%5c");
    below(src)
        && !hides_separator
        && !src.contains(char::is_control)
        && resolve(src).is_ok_and(|(url, is_ours)| {
            let path = url.path();
            // With dots, it would have fewer.
            let has_all_segments = path.split('/').count() == src.split('/').count();
            let has_empty_segment = path.contains("//") || path.ends_with('/');
            let is_path_only = url.query().is_none() && url.fragment().is_none();
            is_ours && below(path) && has_all_segments && !has_empty_segment && is_path_only
        })
}

/// The bare address at the start of `text`, which is HTML without tags as the sanitiser writes it. Ends as in GitHub's
/// Markdown (§6.9): without the sentence's punctuation and the bracket that encloses it.
pub(super) fn bare(text: &str) -> Option<Bare<'_>> {
    let authority = scheme(text)?;
    let ends = |(at, c): (usize, char)| {
        let entity = || ["&lt;", "&gt;", "&nbsp;"].iter().any(|entity| text[at..].starts_with(entity));
        c.is_whitespace()
            || c.is_control()
            || is_invisible(c)
            || matches!(c, '<' | '"')
            || (c == '&' && entity())
    };
    let end = text.char_indices().find(|found| ends(*found)).map_or(text.len(), |(at, _)| at);
    let text = without_punctuation(&text[..end]);
    let is_link = text.len() > authority
        && text.len() <= MAX_BARE_BYTES
        && Url::parse(&text.replace("&amp;", "&")).is_ok_and(|url| url.has_host());
    Some(Bare { text, is_link })
}

/// A text that looks like a bare address.
pub(super) struct Bare<'a> {
    /// Its text, which is HTML and may stand in a quoted attribute, too.
    pub(super) text: &'a str,
    /// True if it is one.
    pub(super) is_link: bool,
}

/// Bytes of the scheme with which `text` begins, slashes included.
fn scheme(text: &str) -> Option<usize> {
    let begins =
        |scheme: &&str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    ["http://", "https://"].iter().find(|scheme| begins(scheme)).map(|scheme| scheme.len())
}

fn without_punctuation(mut url: &str) -> &str {
    let count = |text: &str, bracket: char| text.matches(bracket).count();
    // Brackets are counted once, so that a thousand of them take no thousand counts.
    let mut unopened = count(url, ')').saturating_sub(count(url, '('));
    loop {
        url = if let Some(rest) = url.strip_suffix("&amp;") {
            rest
        } else if let Some(rest) = url.strip_suffix(['?', '!', '.', ',', ':', ';', '*', '_', '~', '\'']) {
            rest
        } else if let Some(rest) = url.strip_suffix(')').filter(|_| unopened > 0) {
            unopened -= 1;
            rest
        } else {
            return url;
        };
    }
}

/// Hides the underscores of bare addresses from CommonMark, which would take those of `/_a_/` for emphasis. To be undone by
/// [`release`], if anything is hidden.
pub(super) fn guard(markdown: &str) -> (String, bool) {
    let mut out = String::with_capacity(markdown.len());
    let mut is_hidden = false;
    let mut rest = markdown;
    while let Some(at) = rest.find("://") {
        let (before, run) = rest.split_at(at);
        let end = run.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(run.len());
        // Those at its end may close an emphasis.
        let kept = run[..end].trim_end_matches(|c: char| c.is_ascii_punctuation()).len().max("://".len());
        out.extend(before.chars().filter(|c| *c != UNDERSCORE));
        out.extend(run[..kept].chars().filter(|c| *c != UNDERSCORE).map(|c| {
            is_hidden |= c == '_';
            if c == '_' { UNDERSCORE } else { c }
        }));
        rest = &run[kept..];
    }
    out.extend(rest.chars().filter(|c| *c != UNDERSCORE));
    (out, is_hidden)
}

/// Undoes [`guard`] in the rendered HTML.
pub(super) fn release(html: &str) -> String {
    html.replace(UNDERSCORE, "_").replace(UNDERSCORE_IN_HREF, "_")
}
