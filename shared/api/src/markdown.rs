//! Operators' Markdown (CommonMark with GitHub's tables, strikethrough, task lists) as HTML.

use pulldown_cmark::{Options, Parser, html};

/// HTML of an operator's Markdown. HTML in it is let through: operators may put anything onto their page.
#[must_use]
pub fn to_html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut out, Parser::new_ext(markdown, options));
    let end = out.trim_end().len();
    out.truncate(end);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_and_html_stays() {
        assert_eq!(to_html("x"), "<p>x</p>");
        assert_eq!(to_html("**a** ~~b~~"), "<p><strong>a</strong> <del>b</del></p>");
        assert_eq!(to_html("<h1>Hi</h1>\n"), "<h1>Hi</h1>");
        assert_eq!(to_html(""), "");
    }
}
