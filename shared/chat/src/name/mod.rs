//! Names of people in the chat: which names may be taken, and names for users who have none.
//!
//! Place in the flow: a proposed name → [`clean`] → [`is_forbidden`], [`is_reserved`] → the user. Names are text, not HTML;
//! a page that shows one escapes it. Names are compared by how they look ([`look`], [`skeleton`]), since that is how they
//! deceive. Classes of characters are Unicode's (UAX #44), normal forms those of UAX #15, confusable characters those of UTS
//! #39.
//! #39.

mod emoji;
mod words;

use std::collections::HashSet;
use std::fmt::Write as _;

use icu_normalizer::ComposingNormalizerBorrowed as Normalizer;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup as Group};
use icu_properties::{CodePointMapData, CodePointSetData};
use rand::Rng;

use words::{ADJECTIVES, NOUNS};

/// Longest name, in characters (code points); longer ones are cut.
pub const MAX_CHARS: usize = 30;

/// Most combining marks on one character. Languages need up to three; more grow over the neighbouring lines.
pub const MAX_MARKS: usize = 3;

/// Fewest suggested names from which one is chosen: with fewer, too many people would have the same.
pub const MIN_SUGGESTED: usize = 10;

/// The reason why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameProblem {
    /// Nothing of it can be seen.
    #[error("a name must have a character that can be seen")]
    Empty,
}

/// The name that was proposed, in normal form C: white space is single spaces, none at the ends; what cannot be seen or
/// changes the direction of text is gone, but for what emoji of several characters are made with; marks are on a character,
/// at most [`MAX_MARKS`]; cut at [`MAX_CHARS`], not within an emoji. Cleaning a clean name changes nothing.
///
/// # Errors
/// Nothing is left.
pub fn clean(proposed: &str) -> Result<String, NameProblem> {
    let seen: Vec<char> = Normalizer::new_nfc().normalize_iter(shown(proposed).into_iter()).collect();
    let mut name = String::new();
    let (mut chars, mut marks, mut is_spaced) = (0, 0, true);
    let mut rest = &seen[..];
    while let Some(&c) = rest.first() {
        let (whole, next) = rest.split_at(emoji::length(rest));
        rest = next;
        if c.is_whitespace() {
            is_spaced = true;
            continue;
        }
        if group(c, Group::Mark) {
            marks += 1;
            if is_spaced || marks > MAX_MARKS {
                continue;
            }
        } else {
            marks = 0;
        }
        let space = usize::from(is_spaced && !name.is_empty());
        if chars + space + whole.len() > MAX_CHARS {
            break;
        }
        if space > 0 {
            name.push(' ');
        }
        name.extend(whole);
        chars += space + whole.len();
        is_spaced = false;
    }
    if name.is_empty() { Err(NameProblem::Empty) } else { Ok(name) }
}

/// Without what cannot be seen or changes the direction of text; what emoji of several characters are made with stays.
fn shown(text: &str) -> Vec<char> {
    let all: Vec<char> =
        text.chars().filter(|c| c.is_whitespace() || emoji::may_join(*c) || !is_invisible(*c)).collect();
    let (mut shown, mut rest) = (Vec::with_capacity(all.len()), &all[..]);
    while let Some(&c) = rest.first() {
        let (whole, next) = rest.split_at(emoji::length(rest));
        // By itself it belongs to nothing.
        if !emoji::may_join(c) {
            shown.extend(whole);
        }
        rest = next;
    }
    shown
}

/// True if some part of a text is visible.
#[must_use]
pub fn is_seen(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !is_invisible(c))
}

/// True if a text shows all that it contains: part of it is visible, and nothing is hidden in it or changes the direction
/// of the text around it. For names that are taken as they are, or not at all.
#[must_use]
pub fn is_shown(text: &str) -> bool {
    shown(text).len() == text.chars().count() && is_seen(text)
}

/// True if the name contains, or is, one of the words that operators forbid ([`Forbidden`]).
#[must_use]
pub fn is_forbidden(name: &str, forbidden: &[String]) -> bool {
    Forbidden::new(forbidden).has(name)
}

/// The words that operators forbid, prepared for searching. Compares by look ([`look`]), with and without punctuation and
/// symbols, so "admin" forbids "A d-m.i n"; and the whole name and each of its words by their [`skeleton`], so it forbids
/// "the adm1n". Empty words forbid nothing.
#[derive(Clone, Debug, Default)]
pub struct Forbidden {
    /// The look of each word, with and without punctuation.
    words: Vec<(String, String)>,
    skeletons: HashSet<String>,
}

impl Forbidden {
    /// Forbids these words.
    #[must_use]
    pub fn new(words: &[String]) -> Self {
        let seen = words.iter().map(|word| look(word)).filter(|word| !word.is_empty());
        let words: Vec<_> = seen.map(|word| (word.clone(), letters(&word))).collect();
        let skeletons =
            words.iter().map(|(look, _)| skeleton(look)).filter(|word| !word.is_empty()).collect();
        Self { words, skeletons }
    }

    /// True if a name contains, or is, one of them.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        // Skeletons only of whole words: that of "pom" would be found in too many others.
        let seen: String = name.chars().filter(|c| !is_invisible(*c)).collect();
        let mut words = seen.split(|c: char| !c.is_alphanumeric()).chain([&seen[..]]);
        let (look, is_word) = (look(name), words.any(|word| self.skeletons.contains(&skeleton(word))));
        let bare = letters(&look);
        let is_in = |(word, letters): &(String, String)| {
            look.contains(word) || (!letters.is_empty() && bare.contains(letters))
        };
        is_word || self.words.iter().any(is_in)
    }
}

/// True if the name can be mistaken for a reserved one: both have one [`skeleton`].
#[must_use]
pub fn is_reserved(name: &str, reserved: &[String]) -> bool {
    let name = skeleton(name);
    reserved.iter().any(|reserved| skeleton(reserved) == name)
}

/// A form that is equal for names which a reader may mistake for each other: for comparing, not for showing. It is that of
/// UTS #39 §4, of the [`look`]: "rn" is "m", a zero is "o". Names are compared without case, so "i", whose capital looks
/// like "l", is "l".
#[must_use]
pub fn skeleton(name: &str) -> String {
    let prototypes =
        |text: &str| -> String { unicode_security::skeleton(text).flat_map(char::to_lowercase).collect() };
    // A prototype may be a capital, whose small letter has one of its own.
    prototypes(&prototypes(&look(name))).replace('i', "l")
}

/// A form that is equal for names which people read as the same: for comparing, not for showing. It has no case, no white
/// space, no difference of width or font (normal form KC), no accents that are characters of their own, and Latin letters
/// for the Cyrillic and Greek ones of the same shape. Letters that only resemble each other, as l and I do, stay different:
/// that is [`skeleton`]'s.
#[must_use]
pub fn look(name: &str) -> String {
    let seen = name.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c));
    let compatible = Normalizer::new_nfkc().normalize_iter(seen);
    // Lower case and normal form KC can create white space and marks: these are removed last.
    compatible
        .map(latin)
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{300}'..='\u{36f}'))
        .collect()
}

/// A name for a user who has none: an adjective, a hyphen and a noun, at most 17 ASCII characters; one of several
/// thousand.
#[must_use]
pub fn random<R: Rng + ?Sized>(rng: &mut R) -> String {
    let mut name = String::with_capacity(MAX_CHARS);
    let (adjective, noun) =
        (ADJECTIVES[rng.random_range(..ADJECTIVES.len())], NOUNS[rng.random_range(..NOUNS.len())]);
    // Writing to memory cannot fail.
    let _ = write!(name, "{adjective}-{noun}");
    name
}

/// True if a name is one of those that [`random`] makes.
#[must_use]
pub fn is_random(name: &str) -> bool {
    let words = name.split_once('-');
    words.is_some_and(|(adjective, noun)| ADJECTIVES.contains(&adjective) && NOUNS.contains(&noun))
}

/// A name for a user who has none: one of the operator's suggestions, cleaned, if there are [`MIN_SUGGESTED`], else
/// a [`random`] one.
#[must_use]
pub fn choose<R: Rng + ?Sized>(suggested: &[String], rng: &mut R) -> String {
    if suggested.len() >= MIN_SUGGESTED
        && let Ok(name) = clean(&suggested[rng.random_range(..suggested.len())])
    {
        return name;
    }
    random(rng)
}

/// True if a character shows nothing by itself, or only changes others: controls, formats with those that turn the direction
/// of text, fillers, variation selectors, tags, private use and non-characters. Spaces are not meant.
pub(super) fn is_invisible(c: char) -> bool {
    let is_noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    is_noncharacter
        // A pattern of Braille without dots: a symbol to Unicode, a space to the eye.
        || c == '\u{2800}'
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
}

fn group(c: char, group: Group) -> bool {
    group.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Without punctuation and symbols.
fn letters(look: &str) -> String {
    look.chars().filter(|c| !group(*c, Group::Punctuation) && !group(*c, Group::Symbol)).collect()
}

/// The Latin letter of the same shape as a Cyrillic or Greek one.
fn latin(c: char) -> char {
    match c {
        'а' | 'А' | 'α' | 'Α' => 'a',
        'В' | 'Β' => 'b',
        'с' | 'С' | 'ϲ' | 'Ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'Е' | 'Ε' => 'e',
        'ɡ' => 'g',
        'Н' | 'Η' | 'һ' => 'h',
        'і' | 'І' | 'Ι' | 'ι' | 'ı' => 'i',
        'ј' | 'Ј' => 'j',
        'К' | 'Κ' | 'к' | 'κ' => 'k',
        'ӏ' | 'Ӏ' => 'l',
        'М' | 'Μ' => 'm',
        'Ν' => 'n',
        'о' | 'О' | 'ο' | 'Ο' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' | 'Ѕ' => 's',
        'Т' | 'Τ' => 't',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'Х' | 'Χ' | 'χ' => 'x',
        'у' | 'У' | 'Υ' => 'y',
        'Ζ' => 'z',
        c => c,
    }
}

#[cfg(test)]
mod tests;
