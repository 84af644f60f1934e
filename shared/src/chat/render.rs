//! Placeholder.
/// x
#[must_use]
pub fn announcement(markdown: &str) -> String {
    crate::api::to_html(markdown)
}
/// x
#[must_use]
pub fn escape_markdown(text: &str) -> String {
    text.to_owned()
}
