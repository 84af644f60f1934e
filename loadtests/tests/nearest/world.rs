//! The world of the tests: three places with an edge and viewers each, and the origin in a fourth.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use serde_json::{Value, json};

/// A place with an edge and viewers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Site {
    /// Its name, and the last part of its edge's.
    pub(crate) name: &'static str,
    /// The second byte of all addresses there.
    network: u8,
    /// Latitude and longitude.
    coordinates: (f64, f64),
    /// Places of one continent are so near that nobody is sent from one to the other.
    continent: &'static str,
}

/// Frankfurt.
pub(crate) const FRA: Site =
    Site { name: "fra", network: 1, coordinates: (50.11, 8.68), continent: "Europe" };
/// Paris, 480 km from there.
pub(crate) const PAR: Site =
    Site { name: "par", network: 2, coordinates: (48.86, 2.35), continent: "Europe" };
/// Singapore.
pub(crate) const SIN: Site = Site { name: "sin", network: 3, coordinates: (1.35, 103.82), continent: "Asia" };
/// All places with edges.
pub(crate) const SITES: [Site; 3] = [FRA, PAR, SIN];

/// The origin's address.
pub(crate) const ORIGIN: Ipv4Addr = Ipv4Addr::new(10, 4, 0, 10);
/// Name of the origin among the hosts.
pub(crate) const ORIGIN_NAME: &str = "origin";
/// The zone that edges answer for.
pub(crate) const ZONE: &str = "live.example.org";
/// Round trips between places in milliseconds, and the share of the packets that are lost. Those from the origin are as if
/// it were in Amsterdam.
pub(crate) const WAYS: [(&str, &str, u32, f64); 6] = [
    ("fra", "par", 10, 0.0),
    ("fra", "sin", 160, 0.005),
    ("par", "sin", 160, 0.005),
    ("origin", "fra", 8, 0.0),
    ("origin", "par", 10, 0.0),
    ("origin", "sin", 170, 0.005),
];

impl Site {
    fn address(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.network, 0, last)
    }

    /// The address of its edge.
    pub(crate) fn edge_address(&self) -> Ipv4Addr {
        self.address(10)
    }

    /// Where its edge serves viewers.
    pub(crate) fn edge_http(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.edge_address()), 8080)
    }

    /// The address of its viewers.
    pub(crate) fn viewer_address(&self) -> Ipv4Addr {
        self.address(100)
    }

    /// Its network, as a query for DNS has it.
    pub(crate) fn subnet(&self) -> String {
        format!("{}/24", self.address(0))
    }

    /// The name of its edge, there and among the hosts.
    pub(crate) fn edge(&self) -> String {
        format!("edge-{}", self.name)
    }

    /// The name of its viewers among the hosts.
    pub(crate) fn viewer(&self) -> String {
        format!("viewer-{}", self.name)
    }

    /// The pathway of its edge.
    pub(crate) fn pathway(&self) -> String {
        format!("e-{}", self.edge())
    }

    /// True if viewers there are sent to the edge of `other` only if there is a reason besides the distance.
    pub(crate) fn is_near(&self, other: &Self) -> bool {
        self.continent == other.continent
    }
}

/// The hosts: name, address, place.
pub(crate) fn hosts() -> Vec<(String, Ipv4Addr, &'static str)> {
    let of_site = |site: &Site| {
        [(site.edge(), site.edge_address(), site.name), (site.viewer(), site.viewer_address(), site.name)]
    };
    let origin = (ORIGIN_NAME.to_owned(), ORIGIN, ORIGIN_NAME);
    SITES.iter().flat_map(of_site).chain([origin]).collect()
}

/// The map of `farcast-wan`; `namespace` names that of a host.
pub(crate) fn map(namespace: impl Fn(&str) -> String) -> Value {
    let host = |(name, address, place): (String, Ipv4Addr, &str)| json!({ "namespace": namespace(&name), "name": name, "address": address, "place": place });
    let way = |(one, other, round_trip_ms, loss): (&str, &str, u32, f64)| json!({ "between": [one, other], "delay_ms": f64::from(round_trip_ms) / 2.0, "loss": loss });
    json!({
        "hosts": hosts().into_iter().map(host).collect::<Vec<_>>(),
        "ways": WAYS.into_iter().map(way).collect::<Vec<_>>(),
    })
}

/// Writes the GeoIP file that has the places' networks.
pub(crate) fn write_geoip(path: &Path) -> anyhow::Result<()> {
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V6;
    database.metadata.binary_format_major_version = 2;
    database.metadata.database_type = "GeoLite2-City".to_owned();
    for site in SITES {
        let (latitude, longitude) = site.coordinates;
        let data = database
            .insert_value(json!({ "location": { "latitude": latitude, "longitude": longitude } }))
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let network = format!("::10.{}.0.0/112", site.network);
        let network = network.parse::<IpAddrWithMask>().map_err(|error| anyhow::anyhow!("{error:?}"))?;
        database.insert_node(network, data);
    }
    Ok(std::fs::write(path, database.write_to(Vec::new())?)?)
}
