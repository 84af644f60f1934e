//! AMF3, the value encoding that AMF0 can switch to (Adobe AMF 3 specification, 2013).
//!
//! Flash-like encoders and libraries with `objectEncoding` 3 put such values into commands and metadata. They are read
//! as AMF0's [`Value`]s, from the same bounded [`Cursor`]. References to strings and to class descriptions are
//! resolved, as names of properties need them. A reference to an object, array or the like reads as Null: nothing that
//! is looked at here comes twice, and copies of copies could grow without end. Byte arrays read as Null, too.

use std::rc::Rc;

use super::amf0::{Cursor, DecodeError, Value};

/// Classes that write themselves as one value: what Flex wraps lists and objects in.
const WRAPPERS: [&str; 3] =
    ["flex.messaging.io.ArrayCollection", "flex.messaging.io.ArrayList", "flex.messaging.io.ObjectProxy"];

/// The tables to which later values of a message refer back (§2.2). Bounded by the cursor: each entry is a name or
/// value that it has counted.
#[derive(Debug, Default)]
pub(super) struct Tables {
    strings: Vec<Rc<str>>,
    traits: Vec<Rc<Traits>>,
    /// Objects, arrays, dates and so on: how many there have been.
    complex: usize,
}

/// The shape of a class (§3.12).
#[derive(Debug)]
struct Traits {
    names: Vec<Rc<str>>,
    dynamic: bool,
    /// Externalizable, and written as one value.
    wrapper: bool,
}

/// Reads one value.
pub(super) fn read(cursor: &mut Cursor<'_>, tables: &mut Tables, depth: usize) -> Result<Value, DecodeError> {
    Reader { cursor, tables }.value(depth)
}

struct Reader<'a, 'b> {
    cursor: &'a mut Cursor<'b>,
    tables: &'a mut Tables,
}

impl Reader<'_, '_> {
    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let at = self.cursor.at();
        self.cursor.value(depth)?;
        let [marker] = self.cursor.take()?;
        match marker {
            0x00 => return Ok(Value::Undefined),
            0x01 => return Ok(Value::Null),
            0x02 => return Ok(Value::Boolean(false)),
            0x03 => return Ok(Value::Boolean(true)),
            0x04 => return Ok(Value::Number(f64::from(signed(self.u29()?)))),
            0x05 => return Ok(Value::Number(f64::from_be_bytes(self.cursor.take()?))),
            0x06 => return Ok(Value::Text(self.string()?.as_ref().to_owned())),
            0x07..=0x11 => {}
            marker => return Err(DecodeError::Amf3Marker { marker, at }),
        }
        // The rest begins with a reference, or a one and what its type wants.
        let head = self.u29()?;
        let (inline, count) = (head & 1 == 1, to_usize(head >> 1));
        if !inline {
            let known = count < self.tables.complex;
            return if known { Ok(Value::Null) } else { Err(DecodeError::Reference { at }) };
        }
        self.tables.complex += 1;
        match marker {
            0x07 | 0x0b => self.cursor.text(count).map(Value::Text),
            0x08 => Ok(Value::Date(f64::from_be_bytes(self.cursor.take()?))),
            0x09 => self.array(count, depth),
            0x0a => self.object(head, depth, at),
            0x0c => self.cursor.slice(count).map(|_| Value::Null),
            0x0d..=0x10 => self.vector(marker, count, depth),
            _ => self.dictionary(count, depth),
        }
    }

    /// §3.11: named values first, then the numbered ones.
    fn array(&mut self, count: usize, depth: usize) -> Result<Value, DecodeError> {
        let mut named = Vec::new();
        self.dynamic(&mut named, depth)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        if named.is_empty() {
            return Ok(Value::Array(values));
        }
        named.extend(values.into_iter().enumerate().map(|(index, value)| (index.to_string(), value)));
        Ok(Value::Object(named))
    }

    /// §3.12.
    fn object(&mut self, head: u32, depth: usize, at: usize) -> Result<Value, DecodeError> {
        let traits = self.traits(head, at)?;
        if traits.wrapper {
            return self.value(depth + 1);
        }
        let mut properties = Vec::new();
        for name in &traits.names {
            // A class that is referred to gives its names again, to each of its objects.
            self.cursor.count()?;
            self.cursor.keep_text(name.len())?;
            properties.push((name.as_ref().to_owned(), self.value(depth + 1)?));
        }
        if traits.dynamic {
            self.dynamic(&mut properties, depth)?;
        }
        Ok(Value::Object(properties))
    }

    /// The class of an object with this head.
    fn traits(&mut self, head: u32, at: usize) -> Result<Rc<Traits>, DecodeError> {
        if head & 0b10 == 0 {
            let known = self.tables.traits.get(to_usize(head >> 2));
            return known.cloned().ok_or(DecodeError::Reference { at });
        }
        let externalizable = head & 0b100 != 0;
        self.cursor.count()?;
        let class = self.string()?;
        let wrapper = externalizable && WRAPPERS.contains(&class.as_ref());
        if externalizable && !wrapper {
            return Err(DecodeError::Externalizable { at });
        }
        let mut names = Vec::new();
        if !externalizable {
            for _ in 0..head >> 4 {
                self.cursor.count()?;
                names.push(self.string()?);
            }
        }
        let traits = Rc::new(Traits { names, dynamic: head & 0b1000 != 0, wrapper });
        self.tables.traits.push(Rc::clone(&traits));
        Ok(traits)
    }

    /// Names and values up to the empty name.
    fn dynamic(&mut self, properties: &mut Vec<(String, Value)>, depth: usize) -> Result<(), DecodeError> {
        loop {
            self.cursor.count()?;
            let name = self.string()?;
            if name.is_empty() {
                return Ok(());
            }
            properties.push((name.as_ref().to_owned(), self.value(depth + 1)?));
        }
    }

    /// §3.15: signed, unsigned, floating, or anything.
    fn vector(&mut self, marker: u8, count: usize, depth: usize) -> Result<Value, DecodeError> {
        // A flag: its length is fixed.
        self.cursor.take::<1>()?;
        if marker == 0x10 {
            self.cursor.count()?;
            self.string()?;
        }
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(match marker {
                0x10 => self.value(depth + 1)?,
                _ => {
                    self.cursor.count()?;
                    Value::Number(match marker {
                        0x0d => f64::from(i32::from_be_bytes(self.cursor.take()?)),
                        0x0e => f64::from(u32::from_be_bytes(self.cursor.take()?)),
                        _ => f64::from_be_bytes(self.cursor.take()?),
                    })
                }
            });
        }
        Ok(Value::Array(values))
    }

    /// §3.16. Keys that are neither text nor number are left out with their values.
    fn dictionary(&mut self, count: usize, depth: usize) -> Result<Value, DecodeError> {
        // A flag: its keys are weak.
        self.cursor.take::<1>()?;
        let mut properties = Vec::new();
        for _ in 0..count {
            let key = match self.value(depth + 1)? {
                Value::Text(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let value = self.value(depth + 1)?;
            properties.extend(key.map(|key| (key, value)));
        }
        Ok(Value::Object(properties))
    }

    /// §1.3.2: a reference, or a length and the text. The empty text is never referred to.
    fn string(&mut self) -> Result<Rc<str>, DecodeError> {
        let at = self.cursor.at();
        let head = self.u29()?;
        let count = to_usize(head >> 1);
        if head & 1 == 0 {
            let text = self.tables.strings.get(count).cloned().ok_or(DecodeError::Reference { at })?;
            self.cursor.keep_text(text.len())?;
            return Ok(text);
        }
        let text: Rc<str> = self.cursor.text(count)?.into();
        if !text.is_empty() {
            self.tables.strings.push(Rc::clone(&text));
        }
        Ok(text)
    }

    /// §1.3.1: seven bits a byte, eight in the fourth.
    fn u29(&mut self) -> Result<u32, DecodeError> {
        let mut number = 0;
        for _ in 0..3 {
            let [byte] = self.cursor.take()?;
            number = number << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        let [byte] = self.cursor.take()?;
        Ok(number << 8 | u32::from(byte))
    }
}

/// 29 bits with a sign (§3.6).
fn signed(number: u32) -> i32 {
    (number << 3).cast_signed() >> 3
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "amf3_tests.rs"]
mod tests;
