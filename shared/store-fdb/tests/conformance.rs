//! The suite that all engines of the store share, on a cluster.

mod cluster;

use farcast_shared::store::Store;
use farcast_store_fdb::{Foundation, Network};

farcast_shared::store_conformance!(async {
    let place = cluster::Place::new();
    (Store::new(place.open()), place)
});

farcast_shared::store_conformance!(snapshots: async {
    let place = cluster::Place::new();
    (Store::new(place.open()), place)
});
