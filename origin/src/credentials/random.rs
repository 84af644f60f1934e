//! Making stream keys.

use farcast_config::Secret;
use rand::Rng;

/// Digits and lower-case letters that nobody takes for one another: no 0 and o, 1, l and i, u and v.
const ALPHABET: &[u8; 30] = b"23456789abcdefghjkmnpqrstvwxyz";
/// Groups of a key.
const GROUPS: usize = 5;
/// Characters of a group; 25 of 30 symbols are 122 bits.
const GROUP_CHARS: usize = 5;

/// A random key such as `k7m2x-…`, with more than 120 bits of entropy.
pub(super) fn key() -> Secret {
    let mut rng = rand::rng();
    let mut key = String::with_capacity(GROUPS * (GROUP_CHARS + 1));
    for index in 0..GROUPS * GROUP_CHARS {
        if index > 0 && index % GROUP_CHARS == 0 {
            key.push('-');
        }
        key.push(char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]));
    }
    Secret::new(key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_random_key_is_long_easily_typed_and_new_each_time() {
        let bits = (GROUPS * GROUP_CHARS) as f64 * (ALPHABET.len() as f64).log2();
        assert!(bits >= 120.0, "{bits}");
        let symbols: BTreeSet<u8> = ALPHABET.iter().copied().collect();
        assert_eq!(symbols.len(), ALPHABET.len());
        let keys: BTreeSet<String> = (0..100).map(|_| super::key().expose().to_owned()).collect();
        assert_eq!(keys.len(), 100);
        for key in keys {
            assert_eq!(key.len(), 29, "{key}");
            assert!(key.split('-').all(|g| g.len() == 5 && g.bytes().all(|b| symbols.contains(&b))), "{key}");
        }
    }
}
