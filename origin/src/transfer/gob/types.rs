//! The types of an encoding: those that every one knows, and those that it defines.

use std::collections::HashMap;
use std::sync::Arc;

use super::{GobError, Value};

/// Most types that one encoding may define.
const MAX_TYPES: usize = 1000;
/// Most fields of a structure.
const MAX_FIELDS: usize = 1000;
/// The first number of a type that an encoding defines.
const FIRST_DEFINED: i64 = 64;

/// The number of a type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Id(pub(super) i64);

impl Id {
    const INT: Self = Self(2);
    const TEXT: Self = Self(6);
    /// The type of definitions.
    pub(super) const WIRE_TYPE: Self = Self(16);
    const ARRAY_TYPE: Self = Self(17);
    const COMMON_TYPE: Self = Self(18);
    const SLICE_TYPE: Self = Self(19);
    const STRUCT_TYPE: Self = Self(20);
    const FIELD_TYPE: Self = Self(21);
    const FIELD_TYPES: Self = Self(22);
    const MAP_TYPE: Self = Self(23);
}

/// How a type's values are read.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    Complex,
    Bytes,
    Text,
    Interface,
    /// Slices and arrays.
    List(Id),
    Map(Id, Id),
    /// Names and types of the fields, in their order.
    Struct(Arc<[(String, Id)]>),
}

/// The types that were defined so far.
#[derive(Default)]
pub(super) struct Types(HashMap<Id, Kind>);

fn structure(fields: &[(&str, Id)]) -> Kind {
    Kind::Struct(fields.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect())
}

/// The types of definitions, which are values themselves.
fn known(id: Id) -> Option<Kind> {
    Some(match id {
        Id(1) => Kind::Bool,
        Id::INT => Kind::Int,
        Id(3) => Kind::Uint,
        Id(4) => Kind::Float,
        Id(5) => Kind::Bytes,
        Id::TEXT => Kind::Text,
        Id(7) => Kind::Complex,
        Id(8) => Kind::Interface,
        Id::WIRE_TYPE => structure(&[
            ("ArrayT", Id::ARRAY_TYPE),
            ("SliceT", Id::SLICE_TYPE),
            ("StructT", Id::STRUCT_TYPE),
            ("MapT", Id::MAP_TYPE),
            ("GobEncoderT", Id::COMMON_OF_ENCODER),
            ("BinaryMarshalerT", Id::COMMON_OF_ENCODER),
            ("TextMarshalerT", Id::COMMON_OF_ENCODER),
        ]),
        Id::ARRAY_TYPE => structure(&[("CommonType", Id::COMMON_TYPE), ("Elem", Id::INT), ("Len", Id::INT)]),
        Id::COMMON_TYPE => structure(&[("Name", Id::TEXT), ("Id", Id::INT)]),
        Id::SLICE_TYPE => structure(&[("CommonType", Id::COMMON_TYPE), ("Elem", Id::INT)]),
        Id::STRUCT_TYPE => structure(&[("CommonType", Id::COMMON_TYPE), ("Field", Id::FIELD_TYPES)]),
        Id::FIELD_TYPE => structure(&[("Name", Id::TEXT), ("Id", Id::INT)]),
        Id::FIELD_TYPES => Kind::List(Id::FIELD_TYPE),
        Id::MAP_TYPE => structure(&[("CommonType", Id::COMMON_TYPE), ("Key", Id::INT), ("Elem", Id::INT)]),
        Id::COMMON_OF_ENCODER => structure(&[("CommonType", Id::COMMON_TYPE)]),
        _ => return None,
    })
}

impl Id {
    /// Of types that encode themselves; it has no number in Go's table, and cannot be named from outside.
    const COMMON_OF_ENCODER: Self = Self(i64::MAX);
}

impl Types {
    pub(super) fn kind(&self, id: Id) -> Result<Kind, GobError> {
        self.0.get(&id).cloned().or_else(|| known(id)).ok_or(GobError::Type)
    }

    /// Takes a definition.
    pub(super) fn define(&mut self, id: Id, defined: &Value) -> Result<(), GobError> {
        if id.0 < FIRST_DEFINED || id == Id::COMMON_OF_ENCODER || self.0.len() >= MAX_TYPES {
            return Err(GobError::Type);
        }
        let Value::Struct(forms) = defined else { return Err(GobError::Type) };
        let [(form, about)] = &forms[..] else { return Err(GobError::Type) };
        let kind = match form.as_str() {
            "ArrayT" | "SliceT" => Kind::List(named(about, "Elem")?),
            "MapT" => Kind::Map(named(about, "Key")?, named(about, "Elem")?),
            "StructT" => Kind::Struct(fields(about)?),
            // A time, for one.
            _ => Kind::Bytes,
        };
        match self.0.insert(id, kind) {
            None => Ok(()),
            Some(_) => Err(GobError::Type),
        }
    }
}

fn named(about: &Value, field: &str) -> Result<Id, GobError> {
    match about.field(field) {
        Some(Value::Int(id)) if *id != Id::COMMON_OF_ENCODER.0 => Ok(Id(*id)),
        _ => Err(GobError::Type),
    }
}

fn fields(about: &Value) -> Result<Arc<[(String, Id)]>, GobError> {
    match about.field("Field") {
        // A structure of which nothing is encoded.
        None => Ok(Arc::new([])),
        Some(Value::List(fields)) if fields.len() <= MAX_FIELDS => {
            fields.iter().map(|field| Ok((field.text_of("Name"), named(field, "Id")?))).collect()
        }
        Some(_) => Err(GobError::TooLarge),
    }
}
