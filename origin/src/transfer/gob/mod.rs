//! Values of Go's `encoding/gob`, as Owncast keeps its settings.
//!
//! Place in the flow: a value of Owncast's table `datastore` → [`decode`] → a [`Value`] by the names of its fields. The form
//! is that of the documentation of Go's package: a stream of messages, each a length, a type's number (negative where the
//! message defines it) and a value; integers are one byte, or their negated length and the bytes, big endian.
//!
//! Invariants, for every input: no panic, no recursion beyond [`MAX_DEPTH`], and no more than [`MAX_VALUES`] values. Strict:
//! one value, and nothing behind it. What Go would refuse may be read; what Go writes is read as it was.

mod reader;
#[cfg(test)]
mod tests;
mod types;

use reader::Reader;
use types::{Id, Kind, Types};

/// Longest encoding in bytes that is read.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// Deepest nesting of values.
const MAX_DEPTH: u32 = 32;
/// Most values, those within others included.
const MAX_VALUES: usize = 100_000;

/// The reason why an encoding cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum GobError {
    #[error("it is longer than 1 MiB")]
    TooLong,
    #[error("it breaks off")]
    CutOff,
    #[error("it has a number that is too large")]
    Number,
    #[error("it has a text that is no UTF-8")]
    Text,
    #[error("it names a type that it does not define, or defines one twice")]
    Type,
    #[error("it is nested too deeply, or has too many values")]
    TooLarge,
    #[error("it has more than one value, or bytes behind it")]
    Rest,
}

/// A value. Fields of structures that have the zero of their type are not there, as Go leaves them out.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    /// A nil interface.
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    /// Bytes, or what a type of Go has encoded itself, such as a time.
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Struct(Vec<(String, Value)>),
}

impl Value {
    /// A field of a structure.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a field; empty where it is absent.
    pub(super) fn text_of(&self, name: &str) -> String {
        self.field(name).and_then(Self::text).unwrap_or_default().to_owned()
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, whole or not, if it is one.
    pub(super) fn number(&self) -> Option<serde_json::Number> {
        match *self {
            Self::Int(number) => Some(number.into()),
            Self::Uint(number) => Some(number.into()),
            // Go's settings are floats where they mean whole numbers.
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Some((number as i64).into())
            }
            Self::Float(number) => serde_json::Number::from_f64(number),
            _ => None,
        }
    }
}

/// The value of an encoding.
///
/// # Errors
/// [`GobError`].
pub(super) fn decode(bytes: &[u8]) -> Result<Value, GobError> {
    if bytes.len() > MAX_BYTES {
        return Err(GobError::TooLong);
    }
    let mut decoder = Decoder { messages: Reader::new(bytes), types: Types::default(), left: MAX_VALUES };
    loop {
        let mut message = decoder.messages.message()?;
        let id = message.int()?;
        if id < 0 {
            decoder.define(id, &mut message)?;
            message.end()?;
            continue;
        }
        let value = decoder.top(Id(id), &mut message, 0)?;
        message.end()?;
        decoder.messages.end()?;
        return Ok(value);
    }
}

struct Decoder<'a> {
    /// Those that were not begun.
    messages: Reader<'a>,
    types: Types,
    /// Values that may still come.
    left: usize,
}

impl<'a> Decoder<'a> {
    /// Reads the definition of the type `-id`, which is a value of a type that is always known.
    fn define(&mut self, id: i64, input: &mut Reader<'a>) -> Result<(), GobError> {
        let defined = self.value(Id::WIRE_TYPE, input, 0)?;
        let id = id.checked_neg().ok_or(GobError::Type)?;
        self.types.define(Id(id), &defined)
    }

    /// A value that is not within another: what is no structure has a zero before it.
    fn top(&mut self, id: Id, input: &mut Reader<'a>, depth: u32) -> Result<Value, GobError> {
        if !matches!(self.types.kind(id)?, Kind::Struct(_)) && input.uint()? != 0 {
            return Err(GobError::Type);
        }
        self.value(id, input, depth)
    }

    fn value(&mut self, id: Id, input: &mut Reader<'a>, depth: u32) -> Result<Value, GobError> {
        self.left = self.left.checked_sub(1).filter(|_| depth < MAX_DEPTH).ok_or(GobError::TooLarge)?;
        Ok(match self.types.kind(id)? {
            Kind::Bool => Value::Bool(input.uint()? != 0),
            Kind::Int => Value::Int(input.int()?),
            Kind::Uint => Value::Uint(input.uint()?),
            Kind::Float => Value::Float(input.float()?),
            Kind::Complex => Value::Complex(input.float()?, input.float()?),
            Kind::Bytes => Value::Bytes(input.bytes()?.to_vec()),
            Kind::Text => Value::Text(input.text()?),
            Kind::Interface => self.interface(input, depth)?,
            Kind::List(element) => {
                let mut list = Vec::new();
                for _ in 0..input.count()? {
                    list.push(self.value(element, input, depth + 1)?);
                }
                Value::List(list)
            }
            Kind::Map(key, element) => {
                let mut map = Vec::new();
                for _ in 0..input.count()? {
                    let key = self.value(key, input, depth + 1)?;
                    map.push((key, self.value(element, input, depth + 1)?));
                }
                Value::Map(map)
            }
            Kind::Struct(fields) => self.fields(&fields, input, depth)?,
        })
    }

    /// Each field has its distance from the one before; zero ends them.
    fn fields(
        &mut self,
        fields: &[(String, Id)],
        input: &mut Reader<'a>,
        depth: u32,
    ) -> Result<Value, GobError> {
        let (mut found, mut place) = (Vec::new(), 0_usize);
        loop {
            let distance = usize::try_from(input.uint()?).map_err(|_| GobError::Number)?;
            if distance == 0 {
                return Ok(Value::Struct(found));
            }
            place = place.checked_add(distance).ok_or(GobError::Number)?;
            let (name, id) = fields.get(place - 1).ok_or(GobError::Type)?;
            found.push((name.clone(), self.value(*id, input, depth + 1)?));
        }
    }

    /// The name of its type, definitions that are needed, the type's number, a length, and the value. A definition may end the
    /// message: then the next one goes on.
    fn interface(&mut self, input: &mut Reader<'a>, depth: u32) -> Result<Value, GobError> {
        if input.text()?.is_empty() {
            return Ok(Value::Nil);
        }
        let mut id = input.int()?;
        while id < 0 {
            self.define(id, input)?;
            if input.end().is_ok() {
                *input = self.messages.message()?;
            } else {
                // The length of what follows.
                input.uint()?;
            }
            id = input.int()?;
        }
        let mut inner = input.message()?;
        let value = self.top(Id(id), &mut inner, depth + 1)?;
        inner.end()?;
        Ok(value)
    }
}
