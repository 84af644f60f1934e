//! Random histories: calls made of a seed, whose every answer the model must have given too.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::super::Store;
use super::super::batch::{Batch, Operation, Precondition};
use super::super::key::{Key, Tuple};
use super::super::scan::Scan;
use super::model::Model;

/// Keys of a history: few, so that calls meet.
const KEYS: u64 = 12;

/// Makes `steps` calls of `seed` and compares each answer, and all entries in the end.
///
/// # Panics
/// When an answer differs; the message names seed and step.
pub async fn random_history(store: &Store, seed: u64, steps: u32) {
    let mut random = StdRng::seed_from_u64(seed);
    let (prefix, mut model) = (super::own_prefix("history"), Model::default());
    let mut committed: Vec<Batch> = Vec::new();
    for step in 0..steps {
        match random.random_range(0..10) {
            0..6 => {
                // Now and then a batch that came before, as a retry would send it.
                let batch = match committed.choose(&mut random) {
                    Some(old) if random.random_bool(0.15) => old.clone(),
                    _ => batch(&mut random, &prefix, &model),
                };
                let outcome = store.commit(batch.clone()).await;
                assert!(model.follow(&batch, &outcome), "seed {seed} step {step}: {outcome:?} for {batch:?}");
                if outcome.is_ok() {
                    committed.push(batch);
                }
            }
            6..8 => {
                let key = key(&mut random, &prefix);
                assert_eq!(store.get(&key).await, Ok(model.get(&key)), "seed {seed} step {step}: {key:?}");
            }
            _ => compare_range(store, &model, range(&mut random, &prefix), seed, step).await,
        }
    }
    compare_range(store, &model, Scan::prefix(prefix.key()), seed, steps).await;
}

async fn compare_range(store: &Store, model: &Model, scan: Scan, seed: u64, step: u32) {
    let expected = model.scan(&scan);
    let all = store.scan_all(scan.clone(), usize::MAX).await;
    assert_eq!(all.as_ref(), Ok(&expected), "seed {seed} step {step}: {scan:?}");
}

fn key(random: &mut StdRng, prefix: &Tuple) -> Key {
    prefix.clone().uint(random.random_range(0..KEYS)).key()
}

fn value(random: &mut StdRng) -> Bytes {
    let len = *[0, 1, 8, 9, 300].choose(random).unwrap_or(&1);
    (0..len).map(|_| random.random_range(0..3)).collect()
}

fn range(random: &mut StdRng, prefix: &Tuple) -> Scan {
    let mut ends = [key(random, prefix), key(random, prefix)];
    ends.sort();
    let [from, to] = ends;
    let scan = Scan::range(from, to).rows(random.random_range(1..6));
    if random.random() { scan.reversed() } else { scan }
}

fn batch(random: &mut StdRng, prefix: &Tuple, model: &Model) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..random.random_range(0..3) {
        let key = key(random, prefix);
        batch = batch.require(match (random.random_range(0..6), model.get(&key)) {
            (0, _) => Precondition::Absent(key),
            (1, _) => Precondition::Present(key),
            (2, _) => Precondition::Equals(key, value(random)),
            (_, Some(value)) if random.random() => {
                Precondition::StartsWith(key, value.slice(..value.len().min(2)))
            }
            (_, Some(value)) => Precondition::Equals(key, value),
            (_, None) => Precondition::Absent(key),
        });
    }
    for order in 0..random.random_range(0..5) {
        let key = key(random, prefix);
        batch = batch.then(match random.random_range(0..8) {
            0..3 => Operation::Set(key, value(random)),
            3 => Operation::Clear(key),
            4 => {
                let range = range(random, prefix);
                Operation::ClearRange(range.from, range.to)
            }
            5 => Operation::Add(key, random.random()),
            6 => Operation::Append { prefix: key, order, value: value(random) },
            _ => Operation::SetStamp(key, order),
        });
    }
    batch
}
