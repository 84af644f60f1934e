//! Declaring settings: what [`settings!`](crate::settings) expands to.

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
                    $($( $crate::Setting::tables_of(
                        stringify!($tables),
                        &[$($tables_doc),*],
                        <$row as $crate::Settings>::declared,
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
