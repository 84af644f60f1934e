//! Bytes of strangers, by the thousand.

use std::path::Path;

use proptest::prelude::*;

use farcast_dns::fuzz;

use crate::sample::{self, A, AAAA, ANY, NS, SOA, TXT};

/// A query with an option, of which some bytes are changed.
fn changed() -> impl Strategy<Value = Vec<u8>> {
    let hosts =
        vec!["live.example.org", "_acme-challenge.live.example.org", "none.live.example.org", "example.com"];
    let kinds = vec![A, AAAA, ANY, NS, SOA, TXT, 251];
    let options = proptest::collection::vec(any::<u8>(), 0..40);
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(hosts), prop::sample::select(kinds), any::<u16>(), options, changes).prop_map(
        |(host, kind, payload, options, changes)| {
            let option = sample::option(8, &options);
            let mut message = sample::with_opt(sample::query(1, host, kind), payload, &option);
            for (at, byte) in changes {
                let at = at.index(message.len());
                message[at] = byte;
            }
            message
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        fuzz::answer(&bytes);
    }

    #[test]
    fn a_query_of_which_bytes_are_changed_is_survived(message in changed()) {
        fuzz::answer(&message);
        // The same in a stream, twice.
        let framed = [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat();
        fuzz::answer(&framed.repeat(2));
    }
}

#[test]
fn what_the_fuzzer_begins_with_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtests/fuzz/corpus/dns_messages");
    let seeds = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    let seeds: Vec<_> = seeds.filter(|path| path.to_string_lossy().contains("/seed-")).collect();
    assert_eq!(seeds.len(), 9);
    for seed in seeds {
        fuzz::answer(&std::fs::read(seed).unwrap());
    }
}
