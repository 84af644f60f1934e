//! Reading and writing single fields.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Runtime;
use crate::store::{Batch, Items, Key, Operation, Record, Scan, Store, StoreError, Tuple, decode};

/// More fields than there are, of any version.
const MAX_FIELDS: usize = 1000;

/// A field's value as it is stored.
#[derive(Clone, PartialEq, Debug, Serialize, serde::Deserialize)]
#[serde(transparent)]
struct Stored(Value);

impl Record for Stored {
    const VERSION: u8 = 1;
}

/// A field of [`Runtime`], by its JSON name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field(pub &'static str);

fn prefix() -> Key {
    Tuple::new().text("config").key()
}

fn field_key(name: &str) -> Key {
    Tuple::new().text("config").text(name).key()
}

/// Changes with every change of a field.
pub(super) fn tip_key() -> Key {
    Tuple::new().text("config_tip").key()
}

/// A batch that sets a field and moves the tip. `value` is what [`Runtime`] has there.
///
/// # Errors
/// When the value has no form in JSON.
pub fn change(batch: Batch, field: Field, value: &impl Serialize) -> Result<Batch, StoreError> {
    let value = serde_json::to_value(value).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let bytes = crate::store::encode(&Stored(value))?;
    Ok(batch.set(field_key(field.0), bytes).then(Operation::SetStamp(tip_key(), 0)))
}

/// All fields as they are now. A field that cannot be read has its default, and is complained of.
///
/// # Errors
/// When the store fails.
pub async fn load(store: &Store) -> Result<Runtime, StoreError> {
    let prefix = prefix();
    let mut fields = Map::new();
    for (key, value) in store.scan_all(Scan::prefix(prefix.clone()), MAX_FIELDS).await? {
        let name = Items::behind(&prefix, &key).and_then(|mut items| items.text());
        match (name, decode::<Stored>(&value)) {
            (Ok(name), Ok(Stored(value))) => drop(fields.insert(name, value)),
            (Ok(field), Err(error)) => {
                tracing::error!(field, %error, "a setting cannot be read, its default holds")
            }
            (Err(error), _) => tracing::error!(%error, "a setting has no name"),
        }
    }
    Ok(assemble(fields))
}

/// Leaves out, one after another, what does not fit.
fn assemble(fields: Map<String, Value>) -> Runtime {
    if let Ok(runtime) = parse(fields.clone()) {
        return runtime;
    }
    let mut good = Map::new();
    for (name, value) in fields {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        match parse::<Runtime>(alone) {
            Ok(_) => drop(good.insert(name, value)),
            Err(error) => {
                tracing::error!(field = name, %error, "a setting cannot be used, its default holds");
            }
        }
    }
    parse(good).unwrap_or_default()
}

fn parse<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, serde_json::Error> {
    serde_json::from_value(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(assemble(Map::new()), Runtime::default());
        let runtime = assemble(fields(json!({ "name": "Ada", "latencyLevel": 1, "fieldOfTomorrow": [] })));
        assert_eq!(runtime, Runtime { name: "Ada".to_owned(), latency_level: Some(1), ..Runtime::default() });
    }

    #[test]
    fn a_field_that_cannot_be_read_costs_no_other() {
        let runtime = assemble(fields(json!({ "name": 7, "nsfw": true, "tags": ["a", 2] })));
        assert_eq!(runtime, Runtime { nsfw: true, ..Runtime::default() });
    }
}
