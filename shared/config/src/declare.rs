//! Declaring settings: what [`settings!`](crate::settings) expands to.

use super::{Checks, Form, Reader, Value};

/// Description of one setting, from its declaration.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Key in the file; flag and variable follow from it.
    pub key: &'static str,
    /// Its documentation, line by line as written.
    pub doc: &'static [&'static str],
    /// Default as text; `None` when there is none.
    pub default: Option<&'static str>,
    /// The kind of value, for people: `an address and port such as 0.0.0.0:1935`.
    pub expects: &'static str,
    /// The value as the settings file writes it.
    pub form: Form,
    /// True if its value is never shown.
    pub secret: bool,
    /// True if it is an array of tables, which only the file can hold.
    pub tables: Option<fn() -> Vec<Setting>>,
}

impl Setting {
    /// A setting with a value of type `T`.
    #[must_use]
    pub fn of<T: Value>(
        key: &'static str,
        doc: &'static [&'static str],
        default: Option<&'static str>,
    ) -> Self {
        Self { key, doc, default, expects: T::EXPECTS, form: T::FORM, secret: T::SECRET, tables: None }
    }

    /// An array of tables, each a `T`.
    #[must_use]
    pub fn tables_of<T: Settings>(key: &'static str, doc: &'static [&'static str]) -> Self {
        Self {
            key,
            doc,
            default: None,
            expects: "tables",
            form: Form::Text,
            secret: false,
            tables: Some(T::declared),
        }
    }

    /// The documentation as one paragraph.
    #[must_use]
    pub fn paragraph(&self) -> String {
        let lines: Vec<&str> =
            self.doc.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    }
}

/// A struct whose fields are settings; made by [`settings!`](crate::settings).
pub trait Settings: Sized {
    /// All settings, in declared order.
    fn declared() -> Vec<Setting>;

    /// Reads every field; `None` when at least one has a problem (the reader holds them).
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// Rules that a single value's type cannot express; asked once every value could be read.
pub trait Validate {
    /// Adds a problem for each rule that is broken.
    fn validate(&self, checks: &mut Checks<'_>);
}

/// Declares a struct of settings.
///
/// Fields are `name: Type = "default as text"`; without a default a setting must be given, unless
/// its type is an `Option`. After a semicolon, arrays of tables that only the file can hold:
///
/// ```
/// farcast_config::settings! {
///     /// A greeter's settings.
///     pub struct Greeter {
///         /// Whom to greet.
///         pub name: String = "world",
///         /// How long to wait before it.
///         pub delay: std::time::Duration = "500ms",
///         /// A second greeting.
///         pub also: Option<String>,
///         ;
///         /// Further greetings.
///         pub more: Vec<More>,
///     }
/// }
/// farcast_config::settings! {
///     /// A further greeting.
///     pub struct More {
///         /// Its words.
///         pub words: String,
///     }
/// }
/// use farcast_config::{Checks, Validate};
/// impl Validate for Greeter {
///     fn validate(&self, checks: &mut Checks<'_>) {
///         if self.name.is_empty() {
///             checks.problem("name", "is empty");
///         }
///     }
/// }
/// impl Validate for More {
///     fn validate(&self, _: &mut Checks<'_>) {}
/// }
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $field_vis:vis $field:ident : $type:ty $(= $default:literal)? ),* $(,)?
            $(;
                $( $(#[doc = $tables_doc:literal])* $tables_vis:vis $tables:ident : Vec<$row:ty> ),* $(,)?
            )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $doc])* $field_vis $field: $type, )*
            $($( $(#[doc = $tables_doc])* $tables_vis $tables: Vec<$row>, )*)?
        }

        impl $crate::Settings for $name {
            fn declared() -> Vec<$crate::Setting> {
                vec![
                    $( $crate::Setting::of::<$type>(
                        stringify!($field),
                        &[$($doc),*],
                        $crate::settings!(@default $($default)?),
                    ), )*
                    $($( $crate::Setting::tables_of::<$row>(
                        stringify!($tables),
                        &[$($tables_doc),*],
                    ), )*)?
                ]
            }

            fn read(reader: &mut $crate::Reader<'_>) -> Option<Self> {
                $( let $field = reader.value::<$type>(stringify!($field)); )*
                $($( let $tables = reader.tables::<$row>(stringify!($tables)); )*)?
                Some(Self {
                    $( $field: $field?, )*
                    $($( $tables: $tables?, )*)?
                })
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}
