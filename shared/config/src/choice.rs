//! Settings that are one of a few words.

use super::InvalidValue;
use super::problem::nearest;

/// Declares an enum whose variants are written as words, and makes it a [`Value`](super::Value).
///
/// ```
/// farcast_config::choice! {
///     /// How loud.
///     pub enum Volume: "quiet or loud" {
///         /// Hardly.
///         Quiet = "quiet",
///         /// Very.
///         Loud = "loud",
///     }
/// }
/// ```
#[macro_export]
macro_rules! choice {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident : $expects:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $word:literal ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        $vis enum $name { $( $(#[$variant_meta])* $variant ),* }

        impl $name {
            /// As it is written in a configuration.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word ),* }
            }
        }

        impl $crate::Value for $name {
            const EXPECTS: &'static str = $expects;
            const PROPOSALS: $crate::Proposals = $crate::Proposals::Words(&[$($word),*]);

            fn parse(text: &str) -> Result<Self, $crate::InvalidValue> {
                match text {
                    $( $word => Ok(Self::$variant), )*
                    other => Err($crate::unknown_choice(other, $expects, &[$($word),*])),
                }
            }

            fn show(&self) -> Option<String> {
                Some(self.as_str().to_owned())
            }
        }
    };
}

/// The error for a word that is not among the choices.
#[must_use]
pub fn unknown(word: &str, expects: &str, words: &[&str]) -> InvalidValue {
    let mut text = format!("{word:?} is not {expects}");
    if let Some(near) = nearest(word, words.iter().copied()) {
        text.push_str(&format!("; did you mean {near:?}?"));
    }
    InvalidValue(text)
}
