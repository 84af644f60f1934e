//! Emoji of several characters: which of the characters that are not seen by themselves belong to one.
//!
//! Standard: Unicode Technical Standard #51, ED-14a to ED-17 (keycap, flag, modifier, tag and ZWJ sequences), as far as
//! invisible characters are in them.

use icu_properties::CodePointSetData;
use icu_properties::props::{EmojiModifier, ExtendedPictographic};

const JOINER: char = '\u{200d}';
/// Asks for a picture, or for text.
const SELECTORS: [char; 2] = ['\u{fe0f}', '\u{fe0e}'];
const KEYCAP: char = '\u{20e3}';
/// The character with which flags of regions begin.
const FLAG: char = '\u{1f3f4}';
const TAG_END: char = '\u{e007f}';
/// Tags of a region: ISO 3166-2 has up to six.
const TAGS: std::ops::RangeInclusive<usize> = 3..=6;

/// True if a character is invisible and may belong to an emoji.
pub(super) fn may_join(c: char) -> bool {
    c == JOINER || SELECTORS.contains(&c) || matches!(c, '\u{e0020}'..=TAG_END)
}

/// Characters of the emoji that `text` begins with, if it is one with invisible characters in it; else 1, or 0 of nothing.
pub(super) fn length(text: &[char]) -> usize {
    match text {
        [] => 0,
        ['0'..='9' | '#' | '*', selector, KEYCAP, ..] if *selector == SELECTORS[0] => 3,
        [FLAG, rest @ ..] => tags(rest).map_or_else(|| joined(text), |tags| 1 + tags),
        _ => joined(text),
    }
}

/// Tags of a region, and their end.
fn tags(text: &[char]) -> Option<usize> {
    let is_tag = |c: &&char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let tags = text.iter().take_while(is_tag).count();
    (TAGS.contains(&tags) && text.get(tags) == Some(&TAG_END)).then_some(tags + 1)
}

/// Pictures with joiners in between.
fn joined(text: &[char]) -> usize {
    let mut whole = element(text);
    if whole == 0 {
        return 1;
    }
    while text.get(whole) == Some(&JOINER) {
        match element(&text[whole + 1..]) {
            0 => break,
            next => whole += 1 + next,
        }
    }
    whole
}

/// A picture with its selector or its colour of skin; 0 if it is none.
fn element(text: &[char]) -> usize {
    let picture = CodePointSetData::new::<ExtendedPictographic>();
    let modifier = CodePointSetData::new::<EmojiModifier>();
    match text {
        [first, second, ..]
            if picture.contains(*first) && (SELECTORS.contains(second) || modifier.contains(*second)) =>
        {
            2
        }
        [first, ..] if picture.contains(*first) => 1,
        _ => 0,
    }
}
