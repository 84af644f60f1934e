//! The rules for every engine of the store, as tests: one suite, an adapter of a few lines per engine.
//!
//! ```ignore
//! farcast_store::store_conformance!(async { (store, whatever_must_live_as_long) });
//! ```
//!
//! Each test gets a store of its own, or one that it shares with others: it keeps to keys below a prefix of its own.

mod history;
mod model;
mod scenarios;

pub use history::random_history;
pub use scenarios::*;

use super::key::{Key, Tuple};

/// A prefix that no other test has.
fn own_prefix(test: &str) -> Tuple {
    Tuple::new().text("conformance").text(test).bytes(&rand::random::<[u8; 8]>())
}

/// The key of a name below a prefix.
fn named(prefix: &Tuple, name: &str) -> Key {
    prefix.clone().text(name).key()
}

/// Makes a `#[tokio::test]` of each rule. The argument is an async block that returns a [`crate::Store`] and what must
/// live as long as it. `snapshots:` before it makes those of engines that give snapshots.
#[macro_export]
macro_rules! store_conformance {
    (snapshots: $make:expr) => {
        $crate::store_conformance! { @tests $make; a_snapshot_shows_one_instant, }
    };
    ($make:expr) => {
        $crate::store_conformance! {
            @tests $make;
            random_histories_agree_with_the_model,
            concurrent_increments_sum_exactly,
            concurrent_updates_lose_nothing,
            a_failed_precondition_changes_nothing,
            every_kind_of_precondition_is_judged,
            a_replayed_batch_applies_once,
            batches_that_race_with_their_replay_apply_once,
            a_watch_sees_what_was_changed_before_it_began,
            watches_never_miss,
            a_watch_sees_a_cleared_range,
            entries_are_ordered_as_they_were_acknowledged,
            a_tip_is_the_stamp_of_its_commit,
            pages_make_up_the_whole_in_both_directions,
            limits_are_the_same_everywhere,
            the_largest_batch_passes,
            what_was_acknowledged_is_read_at_once,
            a_lease_has_one_holder,
            a_lease_is_taken_from_the_value_that_was_seen,
            who_lost_a_lease_changes_nothing_more,
        }
    };
    (@tests $make:expr; $($test:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let (store, _keep) = $make.await;
                $crate::conformance::$test(&store).await;
            }
        )*
    };
}
