//! The suite that all engines of the store share, on a cluster.

mod cluster;

use farcast_store::Store;
use farcast_store_fdb::{Foundation, Network};

farcast_store::store_conformance!(async {
    let place = cluster::Place::new();
    (Store::new(place.open()), place)
});

farcast_store::store_conformance!(snapshots: async {
    let place = cluster::Place::new();
    (Store::new(place.open()), place)
});
