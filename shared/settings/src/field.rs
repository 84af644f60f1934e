//! Reading and writing single fields.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{MAX_CONFIGURED_VARIANTS, OperatorSettings};
use farcast_store::{
    Batch, Items, Key, Operation, Precondition, Record, Scan, Store, StoreError, Tuple, decode,
};

/// More fields than there are, of any version.
const MAX_FIELDS: usize = 1000;

/// Tries of a change that others keep overtaking.
const UPDATE_TRIES: u32 = 64;

/// A field's value as it is stored.
#[derive(Clone, PartialEq, Debug, Serialize, serde::Deserialize)]
#[serde(transparent)]
struct Stored(Value);

impl Record for Stored {
    const VERSION: u8 = 1;
}

/// A field of [`OperatorSettings`], by its JSON name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field(pub &'static str);

/// The prefix of the keys of all fields.
#[must_use]
pub fn prefix() -> Key {
    Tuple::new().text("config").key()
}

fn field_key(name: &str) -> Key {
    Tuple::new().text("config").text(name).key()
}

/// Changes with every change of a field.
#[must_use]
pub fn tip_key() -> Key {
    Tuple::new().text("config_tip").key()
}

/// A batch that sets a field and moves the tip. `value` is what [`OperatorSettings`] has there.
///
/// # Errors
/// When the value has no form in JSON.
pub fn change(batch: Batch, field: Field, value: &impl Serialize) -> Result<Batch, StoreError> {
    let value = serde_json::to_value(value).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let bytes = farcast_store::encode(&Stored(value))?;
    Ok(batch.set(field_key(field.0), bytes).then(Operation::SetStamp(tip_key(), 0)))
}

/// A field as it is now, and the precondition of a change that builds upon it.
///
/// # Errors
/// When the store fails, or the field is no `T`: nothing may take its place unseen.
pub async fn read<T: DeserializeOwned>(store: &Store, field: Field) -> Result<(T, Precondition), StoreError> {
    let key = field_key(field.0);
    let (value, unchanged) = match store.get(&key).await? {
        Some(bytes) => (decode::<Stored>(&bytes)?.0, Precondition::Equals(key, bytes)),
        None => {
            let mut defaults = serde_json::to_value(OperatorSettings::default()).unwrap_or_default();
            (defaults[field.0].take(), Precondition::Absent(key))
        }
    };
    let value = serde_json::from_value(value)
        .map_err(|_| StoreError::Damaged(format!("the setting {} has another form", field.0)))?;
    Ok((value, unchanged))
}

/// Changes a field by `change`, which may be called several times, because others change it too. Returns the field as
/// it is now; an unchanged one is not written.
///
/// # Errors
/// The error of `change`, or the store's failures: [`StoreError::Unavailable`] also when others kept overtaking.
pub async fn update<T, E>(
    store: &Store,
    field: Field,
    mut change: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<T, E>
where
    T: Serialize + DeserializeOwned + Clone + PartialEq,
    E: From<StoreError>,
{
    for _ in 0..UPDATE_TRIES {
        let (before, unchanged) = read::<T>(store, field).await?;
        let mut value = before.clone();
        change(&mut value)?;
        if value == before {
            return Ok(value);
        }
        let batch = self::change(Batch::new().require(unchanged), field, &value)?;
        match store.commit(batch).await {
            Err(StoreError::Precondition { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(value),
        }
    }
    Err(StoreError::Unavailable("others change the same setting all the time".to_owned()).into())
}

/// All fields as they are now. A field that cannot be read has its default, and is complained of.
///
/// # Errors
/// When the store fails.
pub async fn load(store: &Store) -> Result<OperatorSettings, StoreError> {
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
    Ok(bounded(assemble(fields)))
}

/// Without a ladder that no broadcast can have: it would be offered to edges and players, which refuse it again and
/// again.
fn bounded(mut runtime: OperatorSettings) -> OperatorSettings {
    let ladders = [("variants", &mut runtime.variants), ("ladder", &mut runtime.ladder)];
    for (field, ladder) in ladders {
        let count = ladder.as_ref().map_or(0, Vec::len);
        if count > MAX_CONFIGURED_VARIANTS {
            tracing::error!(field, count, "a ladder has too many variants, its default holds");
            *ladder = None;
        }
    }
    runtime
}

/// Leaves out, one after another, what does not fit.
fn assemble(fields: Map<String, Value>) -> OperatorSettings {
    if let Ok(runtime) = parse(fields.clone()) {
        return runtime;
    }
    let mut good = Map::new();
    for (name, value) in fields {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        match parse::<OperatorSettings>(alone) {
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
    use farcast_store::memory::Memory;

    fn fields(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(assemble(Map::new()), OperatorSettings::default());
        let runtime = assemble(fields(json!({ "name": "Ada", "latencyLevel": 1, "fieldOfTomorrow": [] })));
        assert_eq!(
            runtime,
            OperatorSettings {
                name: "Ada".to_owned(),
                latency_level: Some(1),
                ..OperatorSettings::default()
            }
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_updates_of_a_field_are_all_kept() {
        let (store, _) = Memory::store();
        let tags = Field("tags");
        let add = |tag: u32, store: Store| async move {
            let push = |tags: &mut Vec<String>| {
                tags.push(tag.to_string());
                Ok::<_, StoreError>(())
            };
            update(&store, tags, push).await.unwrap();
        };
        let (before, unchanged) = read::<Vec<String>>(&store, tags).await.unwrap();
        add(0, store.clone()).await;
        let stale = store.commit(change(Batch::new().require(unchanged), tags, &before).unwrap()).await;
        assert!(matches!(stale, Err(StoreError::Precondition { .. })));
        let adding: Vec<_> = (1..20).map(|tag| tokio::spawn(add(tag, store.clone()))).collect();
        for added in adding {
            added.await.unwrap();
        }
        let mut kept = load(&store).await.unwrap().tags;
        kept.sort_by_key(|tag| tag.parse::<u32>().unwrap());
        assert_eq!(kept, (0..20).map(|tag| tag.to_string()).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn an_update_begins_with_the_default_and_moves_the_tip_only_when_it_changes_something() {
        let (store, _) = Memory::store();
        let forbid = |name: &'static str| {
            update(&store, Field("forbiddenUsernames"), move |names: &mut Vec<String>| {
                if names.iter().any(|there| there == name) {
                    return Err(StoreError::Damaged("there".to_owned()));
                }
                names.push(name.to_owned());
                Ok(())
            })
        };
        let names = forbid("x").await.unwrap();
        assert!(names.len() > 1 && names.last().is_some_and(|name| name == "x"));
        let tip = store.get(&tip_key()).await.unwrap();
        assert!(tip.is_some());
        assert!(forbid("x").await.is_err());
        update(&store, Field("forbiddenUsernames"), |_: &mut Vec<String>| Ok::<_, StoreError>(()))
            .await
            .unwrap();
        assert_eq!(store.get(&tip_key()).await.unwrap(), tip);
        let unreadable = read::<u32>(&store, Field("forbiddenUsernames")).await;
        assert!(matches!(unreadable, Err(StoreError::Damaged(_))));
    }

    #[tokio::test]
    async fn a_ladder_of_more_variants_than_a_broadcast_can_have_counts_as_none() {
        let (store, _) = Memory::store();
        let ladder = |count: usize| vec![crate::VariantSpec::default(); count];
        for field in ["variants", "ladder"] {
            let set = async |count: usize| {
                store.commit(change(Batch::new(), Field(field), &ladder(count)).unwrap()).await.unwrap();
                let set = load(&store).await.unwrap();
                set.variants.or(set.ladder).map(|ladder| ladder.len())
            };
            assert_eq!(set(MAX_CONFIGURED_VARIANTS).await, Some(MAX_CONFIGURED_VARIANTS), "{field}");
            assert_eq!(set(MAX_CONFIGURED_VARIANTS + 1).await, None, "{field}");
        }
    }

    #[test]
    fn a_field_that_cannot_be_read_costs_no_other() {
        let runtime = assemble(fields(json!({ "name": 7, "nsfw": true, "tags": ["a", 2] })));
        assert_eq!(runtime, OperatorSettings { nsfw: true, ..OperatorSettings::default() });
    }
}
