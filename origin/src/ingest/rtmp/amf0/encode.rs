//! Writes AMF0 values.

use super::Value;

/// The encoding of `values`, one after another. Texts and names longer than 65535 bytes are cut
/// there at a character boundary: this program writes none.
#[must_use]
pub fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    for value in values {
        write(value, &mut out);
    }
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(0x00);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(flag) => out.extend([0x01, u8::from(*flag)]),
        Value::Text(text) => {
            out.push(0x02);
            write_text(text, out);
        }
        Value::Object(properties) => {
            out.push(0x03);
            for (name, value) in properties {
                write_text(name, out);
                write(value, out);
            }
            out.extend([0, 0, 0x09]);
        }
        Value::Array(values) => {
            out.push(0x0a);
            out.extend(u32::try_from(values.len()).unwrap_or(u32::MAX).to_be_bytes());
            for value in values {
                write(value, out);
            }
        }
        Value::Date(milliseconds) => {
            out.push(0x0b);
            out.extend(milliseconds.to_be_bytes());
            out.extend([0, 0]);
        }
        Value::Null => out.push(0x05),
        Value::Undefined => out.push(0x06),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let text = &text[..text.floor_char_boundary(usize::from(u16::MAX))];
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(text.as_bytes());
}
